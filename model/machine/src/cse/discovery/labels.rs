//! Expressions over labels (`lbq`, TS-0004 clause 7.3.3.17.16). A label is a key, or a key and a value with a colon
//! between them.

use crate::text::Text;
use alloc::vec::Vec;

/// One expression.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Query {
    key: Text,
    asks: Asks,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Asks {
    /// `key`: it is there, with a value or without.
    Key,
    /// `NT key`: it is not.
    NoKey,
    /// `key EQ value`, `key:value`, `key IN (value, value)`: with one of these values.
    OneOf(Vec<Text>),
    /// `key NE value`, `key NI (value, value)`: with values, and none of these.
    NoneOf(Vec<Text>),
}

impl Query {
    /// Reads an expression; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut words = text.splitn(3, char::is_whitespace);
        let (first, second, rest) = (words.next()?, words.next(), words.next());
        let of = |key: &str, asks: Asks| {
            let is_key = !key.is_empty() && !key.contains(['(', ')']);
            is_key.then(|| Self {
                key: key.into(),
                asks,
            })
        };
        match (first, second, rest) {
            ("NT", Some(key), None) => of(key, Asks::NoKey),
            (key, Some("EQ"), Some(value)) => of(key, Asks::OneOf(Vec::from([value.into()]))),
            (key, Some("NE"), Some(value)) => of(key, Asks::NoneOf(Vec::from([value.into()]))),
            (key, Some("IN"), Some(list)) => of(key, Asks::OneOf(listed(list)?)),
            (key, Some("NI"), Some(list)) => of(key, Asks::NoneOf(listed(list)?)),
            (_, Some(_), _) => None,
            (whole, None, _) => match whole.split_once(':') {
                Some((key, value)) => of(key, Asks::OneOf(Vec::from([value.into()]))),
                None => of(whole, Asks::Key),
            },
        }
    }

    /// Whether labels fulfil it.
    pub(super) fn fits(&self, labels: &[Text]) -> bool {
        let is_there = |label: &Text| {
            label
                .strip_prefix(self.key.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        let mut values = labels.iter().filter_map(|label| {
            let (key, value) = label.split_once(':')?;
            (*self.key == *key).then_some(value)
        });
        match &self.asks {
            Asks::Key => labels.iter().any(is_there),
            Asks::NoKey => !labels.iter().any(is_there),
            Asks::OneOf(wanted) => values.any(|value| wanted.iter().any(|w| **w == *value)),
            Asks::NoneOf(unwanted) => {
                let mut some = false;
                let none = values.all(|value| {
                    some = true;
                    !unwanted.iter().any(|w| **w == *value)
                });
                some && none
            }
        }
    }
}

/// The values between parentheses.
fn listed(text: &str) -> Option<Vec<Text>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let values: Vec<Text> = inner.split(',').map(|value| value.trim().into()).collect();
    values
        .iter()
        .all(|value| !value.is_empty())
        .then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("color", &["color"], true)]
    #[case("color", &["color:red"], true)]
    #[case("color", &["colors:red"], false)]
    #[case("NT color", &["size:1"], true)]
    #[case("NT color", &["color:red"], false)]
    #[case("color EQ red", &["color:green", "color:red"], true)]
    #[case("color EQ red", &["color"], false)]
    #[case("color:red", &["color:red"], true)]
    #[case("color NE red", &["color:green"], true)]
    #[case("color NE red", &["color:green", "color:red"], false)]
    #[case("color NE red", &["color"], false)]
    #[case("color IN (red, green)", &["color:green"], true)]
    #[case("color IN (red, green)", &["color:blue"], false)]
    #[case("color NI (red, green)", &["color:blue"], true)]
    #[case("color NI (red, green)", &["color:blue", "color:red"], false)]
    #[case("color NI (red, green)", &[], false)]
    fn labels_are_asked_for(#[case] query: &str, #[case] labels: &[&str], #[case] expected: bool) {
        let query = Query::parse(query).expect("an expression");
        let labels: Vec<Text> = labels.iter().map(|label| Text::from(*label)).collect();

        assert_eq!(query.fits(&labels), expected, "DIS-11");
    }

    #[rstest]
    #[case("")]
    #[case("color LIKE red")]
    #[case("color IN red")]
    #[case("color IN (red,)")]
    #[case("NT color red")]
    fn what_is_no_expression_is_refused(#[case] query: &str) {
        assert_eq!(Query::parse(query), None, "DIS-11");
    }
}
