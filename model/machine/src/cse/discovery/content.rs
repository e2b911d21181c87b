//! Content-based discovery (`cfs` 1, `cfq`; TS-0001 annex J, TS-0004 clause 7.3.3.17.13): what the JSON in a
//! contentInstance has at a path, compared with a value.
//!
//! ```text
//! $.room.'floor no'[0] GE 21 AND $.unit EQ "C" OR $.alarm EQ true
//! ```
//!
//! `AND` binds closer than `OR`. The first member of an array has the number 0. What is not there, or cannot be
//! compared so, fulfils nothing.

use crate::attribute::Attribute;
use crate::config::Host;
use crate::resource::{Resource, ResourceType};
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// The only syntax there is (`cfs`).
const JSON_PATH: i64 = 1;

/// Alternatives, each of comparisons that all have to hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Query(Vec<Vec<Comparison>>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Comparison {
    path: Vec<Segment>,
    operator: Operator,
    wanted: Value,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    Member(Text),
    Item(usize),
}

/// The reserved words that compare (TS-0001 table J.2-1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    /// The text has the other one in it.
    Match,
}

impl Query {
    /// The query in a filter, if it has one.
    pub(super) fn of(filter: &Members, host: &Host) -> Result<Option<Self>, Refusal> {
        let part = |name: &str| filter.get(&Attribute::Custom(name.into()));
        match (part("cfs"), part("cfq")) {
            (None, None) => Ok(None),
            (Some(Value::Integer(JSON_PATH)), Some(Value::Text(query))) => Self::parse(query, host)
                .map(Some)
                .ok_or(Refusal::BadRequest),
            (_, _) => Err(Refusal::BadRequest),
        }
    }

    fn parse(text: &str, host: &Host) -> Option<Self> {
        let words = words(text)?;
        let mut words = words.iter().map(String::as_str);
        let mut alternatives = Vec::new();
        let mut all = Vec::new();
        loop {
            all.push(Comparison {
                path: path(words.next()?)?,
                operator: Operator::parse(words.next()?)?,
                wanted: literal(words.next()?, host)?,
            });
            match words.next() {
                Some("AND") => {}
                Some("OR") => alternatives.push(core::mem::take(&mut all)),
                Some(_) => return None,
                None => break,
            }
        }
        alternatives.push(all);
        Some(Self(alternatives))
    }

    /// Whether the resource is a contentInstance whose content is JSON, as its `cnf` says, and fulfils the query.
    pub(super) fn fits(&self, resource: &Resource, host: &Host) -> bool {
        if resource.resource_type != ResourceType::ContentInstance {
            return false;
        }
        let Some(content) = json_of(resource, host) else {
            return false;
        };
        let holds = |comparison: &Comparison| comparison.holds(&content);
        self.0.iter().any(|all| all.iter().all(holds))
    }
}

/// The JSON that an instance holds, decoded as its `cnf` says.
fn json_of(resource: &Resource, host: &Host) -> Option<Value> {
    let info = resource.text(&Attribute::ContentInfo)?;
    let (media, encoding) = info.split_once(':')?;
    if !(media.ends_with("/json") || media.ends_with("+json")) {
        return None;
    }
    let content = resource.attributes.get(&Attribute::Content)?;
    let Value::Text(text) = content else {
        return Some(content.clone());
    };
    if encoding.starts_with('0') {
        (host.read_json)(text)
    } else {
        (host.read_json)(&(host.decode_base64)(text)?)
    }
}

impl Operator {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "EQ" => Self::Equal,
            "NE" => Self::NotEqual,
            "GT" => Self::Greater,
            "LT" => Self::Less,
            "GE" => Self::GreaterOrEqual,
            "LE" => Self::LessOrEqual,
            "MATCH" => Self::Match,
            _ => return None,
        })
    }
}

impl Comparison {
    fn holds(&self, content: &Value) -> bool {
        let mut steps = self.path.iter();
        let Some(found) = steps.try_fold(content, |value, segment| match segment {
            Segment::Member(name) => value.member(&Attribute::Custom(name.clone())),
            Segment::Item(number) => value.as_list()?.get(*number),
        }) else {
            return false;
        };
        let numbers = found.as_number().zip(self.wanted.as_number());
        let order = numbers.and_then(|(found, wanted)| found.partial_cmp(&wanted));
        let is_equal = order.map_or(*found == self.wanted, Ordering::is_eq);
        match self.operator {
            Operator::Equal => is_equal,
            Operator::NotEqual => !is_equal,
            Operator::Greater => order.is_some_and(Ordering::is_gt),
            Operator::Less => order.is_some_and(Ordering::is_lt),
            Operator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
            Operator::Match => match (found.as_text(), self.wanted.as_text()) {
                (Some(found), Some(wanted)) => found.contains(wanted.as_str()),
                (_, _) => false,
            },
        }
    }
}

/// The words between spaces, quoted ones whole; `None` if a quote does not end.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ') => {
                if !word.is_empty() {
                    words.push(core::mem::take(&mut word));
                }
                continue;
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some('"'), '\\') => {
                word.push(character);
                word.push(characters.next()?);
                continue;
            }
            (Some(open), _) if open == character => quote = None,
            (None | Some(_), _) => {}
        }
        word.push(character);
    }
    if !word.is_empty() {
        words.push(word);
    }
    quote.is_none().then_some(words)
}

/// `$`, then `.name`, `.'name'`, `."name"` or `[number]`, as often as wanted.
fn path(word: &str) -> Option<Vec<Segment>> {
    let mut rest = word.strip_prefix('$')?;
    let mut path = Vec::new();
    while !rest.is_empty() {
        if let Some(item) = rest.strip_prefix('[') {
            let (number, behind) = item.split_once(']')?;
            path.push(Segment::Item(number.parse().ok()?));
            rest = behind;
            continue;
        }
        let member = rest.strip_prefix('.')?;
        let quote = member
            .chars()
            .next()
            .filter(|first| ['\'', '"'].contains(first));
        let (name, behind) = match quote {
            Some(quote) => member.get(1..)?.split_once(quote)?,
            None => member.split_at(member.find(['.', '[']).unwrap_or(member.len())),
        };
        if name.is_empty() {
            return None;
        }
        path.push(Segment::Member(name.into()));
        rest = behind;
    }
    Some(path)
}

/// A value as JSON has it, text in single quotes, or a bare word that is text.
fn literal(word: &str, host: &Host) -> Option<Value> {
    if let Some(quoted) = word.strip_prefix('\'') {
        return quoted.strip_suffix('\'').map(Value::text);
    }
    let value = (host.read_json)(word).or_else(|| {
        let is_bare = !word.contains(['"', '\'', '$', '[', ']', '{', '}']);
        is_bare.then(|| Value::text(word))
    })?;
    // Whole structures are not compared.
    (value.as_list().is_none() && value.as_object().is_none()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{Fixture, OWNER};
    use proptest::prelude::*;
    use rstest::rstest;

    /// A host that reads what these tests write: integers, one fraction, words, and the content below.
    fn host() -> Host {
        let mut host = Host::simple(|_| 0);
        host.read_json = |text| match text {
            "true" => Some(Value::Bool(true)),
            "21.5" => Some(Value::Number(text.into())),
            "\"C\"" => Some(Value::text("C")),
            "\"a \\\" b\"" => Some(Value::text("a \" b")),
            "[21]" => Some(Value::List(Vec::from([Value::Integer(21)]))),
            "CONTENT" => Some(content()),
            number => number.parse().ok().map(Value::Integer),
        };
        host.decode_base64 = |text| (text == "Q09OVEVOVA==").then(|| "CONTENT".into());
        host
    }

    fn own(name: &str, value: Value) -> (Attribute, Value) {
        (Attribute::Custom(name.into()), value)
    }

    fn content() -> Value {
        let floors = Value::List(Vec::from([
            Value::Integer(3),
            Value::object([own("x", Value::Integer(7))]),
        ]));
        Value::object([
            own("temp", Value::Number("21.5".into())),
            own("n", Value::Integer(5)),
            own("unit", Value::text("C")),
            own("alarm", Value::Bool(true)),
            own("quote", Value::text("a \" b")),
            own("room", Value::object([own("floor no.", floors)])),
        ])
    }

    fn instance(info: Option<&str>, content: Value) -> Resource {
        let mut attributes = Vec::from([(Attribute::Content, content)]);
        attributes.extend(info.map(|info| (Attribute::ContentInfo, Value::text(info))));
        let mut fixture = Fixture::new();
        let kind = ResourceType::ContentInstance;
        fixture.put(kind, "Cae2", "i1", "i1", OWNER, &attributes);
        let row = fixture.cse.durable.tree.get(&"i1".into()).expect("it");
        (**row).clone()
    }

    #[rstest]
    #[case("$.n EQ 5", true)]
    #[case("$.n EQ 6", false)]
    #[case("$.n NE 6", true)]
    #[case("$.n NE 5", false)]
    #[case("$.temp GT 21", true)]
    #[case("$.temp GT 22", false)]
    #[case("$.temp LT 22", true)]
    #[case("$.temp LT 21.5", false)]
    #[case("$.temp LE 21.5", true)]
    #[case("$.temp GE 21.5", true)]
    #[case("$.temp GE 22", false)]
    #[case("$.temp EQ 21.5", true)]
    #[case("$.unit EQ \"C\"", true)]
    #[case("$.unit EQ 'C'", true)]
    #[case("$.unit EQ C", true)]
    #[case("$.unit NE K", true)]
    #[case("$.unit GT A", false)]
    #[case("$.unit EQ 5", false)]
    #[case("$.alarm EQ true", true)]
    #[case("$.quote EQ \"a \\\" b\"", true)]
    #[case("$.quote MATCH b", true)]
    #[case("$.quote MATCH c", false)]
    #[case("$.n MATCH 5", false)]
    #[case("$.room.'floor no.'[0] EQ 3", true)]
    #[case("$.room.\"floor no.\"[1].x EQ 7", true)]
    #[case("$.room.'floor no.'[2] EQ 3", false)]
    #[case("$.room[0] EQ 3", false)]
    #[case("$.none NE 3", false)]
    #[case("$.n.x NE 3", false)]
    #[case("$ EQ 5", false)]
    #[case("$.n EQ 5 AND $.unit EQ C", true)]
    #[case("$.n EQ 5 AND $.unit EQ K", false)]
    #[case("$.n EQ 6 OR $.unit EQ C", true)]
    #[case("$.n EQ 5 OR $.n EQ 6 AND $.unit EQ K", true)]
    #[case("$.n EQ 6 AND $.unit EQ K OR $.n EQ 5", true)]
    fn a_content_is_compared(#[case] query: &str, #[case] expected: bool) {
        let query = Query::parse(query, &host()).expect("a query");
        let resource = instance(Some("application/json:0"), Value::text("CONTENT"));

        assert_eq!(query.fits(&resource, &host()), expected, "DIS-15");
    }

    #[rstest]
    #[case(Some("application/json:0"), Value::text("CONTENT"), true)]
    #[case(
        Some("application/vnd.onem2m-res+json:0"),
        Value::text("CONTENT"),
        true
    )]
    #[case(Some("application/json:1"), Value::text("Q09OVEVOVA=="), true)]
    #[case(Some("application/json:2"), Value::text("Q09OVEVOVA=="), true)]
    #[case(Some("application/json:1"), Value::text("CONTENT"), false)]
    #[case(Some("application/json:0"), content(), true)]
    #[case(Some("application/json:0"), Value::text("5}"), false)]
    #[case(Some("text/plain:0"), Value::text("CONTENT"), false)]
    #[case(None, Value::text("CONTENT"), false)]
    fn the_content_is_json_as_its_info_says(
        #[case] info: Option<&str>,
        #[case] content: Value,
        #[case] expected: bool,
    ) {
        let query = Query::parse("$.n EQ 5", &host()).expect("a query");

        assert_eq!(
            query.fits(&instance(info, content), &host()),
            expected,
            "DIS-15"
        );
    }

    #[test]
    fn what_is_no_instance_has_no_content() {
        let query = Query::parse("$.n EQ 5", &host()).expect("a query");
        let mut resource = instance(Some("application/json:0"), Value::text("CONTENT"));
        resource.resource_type = ResourceType::FlexContainer;

        assert!(!query.fits(&resource, &host()), "DIS-15");
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_or_none(text in r#"[$.'"\[\]na0-9 ANDORQ\\é-]{0,40}"#) {
            if let Some(query) = Query::parse(&text, &host()) {
                let resource = instance(Some("application/json:0"), content());
                let _ = query.fits(&resource, &host());
            }
        }
    }

    #[rstest]
    #[case("")]
    #[case("$.n")]
    #[case("$.n EQ")]
    #[case("$.n IS 5")]
    #[case("$.n EQ 5 AND")]
    #[case("$.n EQ 5 $.n EQ 5")]
    #[case("n EQ 5")]
    #[case("$n EQ 5")]
    #[case("$. EQ 5")]
    #[case("$.'' EQ 5")]
    #[case("$.'n EQ 5")]
    #[case("$[x] EQ 5")]
    #[case("$[-1] EQ 5")]
    #[case("$[0 EQ 5")]
    #[case("$.n EQ \"5")]
    #[case("$.n EQ [21]")]
    #[case("$.n EQ a\"b\"")]
    fn what_is_no_query_is_refused(#[case] query: &str) {
        assert_eq!(Query::parse(query, &host()), None);
    }
}
