//! Addresses (TS-0004 clause 6.2): which CSE, and which resource there.

use crate::id::CseId;
use crate::text::Text;
use alloc::string::String;
use alloc::vec::Vec;

/// A parsed target address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// The CSE it names; `None` for a CSE-relative address.
    pub cse: Option<CseId>,
    /// What stands behind it, by segments; empty means the CSEBase.
    pub segments: Vec<Text>,
}

impl Address {
    /// Parses a CSE-relative, SP-relative or absolute address, without the attribute behind `#`. `None` if it is none of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // REG-19
        let text = text.split_once('#').map_or(text, |(resource, _)| resource);
        let text = strip_service_provider(text)?;
        let (cse, rest) = match text.strip_prefix('/') {
            None => (None, text),
            Some(below) => {
                let (stem, rest) = below.split_once('/').unwrap_or((below, ""));
                if stem.is_empty() {
                    return None;
                }
                (Some(CseId(slash(stem))), rest)
            }
        };
        let segments: Vec<Text> = rest
            .split('/')
            .filter(|s| !s.is_empty())
            .map(Text::from)
            .collect();
        if cse.is_none() && segments.is_empty() || has_gap(rest) {
            return None;
        }
        Some(Self { cse, segments })
    }
}

/// An address as SP-relative structured text, with `-` spelled out: the form in which paths are compared.
///
/// `base` is the name of the CSEBase at `own`.
#[must_use]
pub fn normalized(text: &str, own: &CseId, base: &str) -> Option<Text> {
    let address = Address::parse(text)?;
    let cse = address.cse.unwrap_or_else(|| own.clone());
    let mut path = String::from(cse.as_str());
    for (at, segment) in address.segments.iter().enumerate() {
        path.push('/');
        path.push_str(match (at, segment.as_str()) {
            (0, "-") if cse == *own => base,
            (_, segment) => segment,
        });
    }
    Some(path.into())
}

/// Whether `path` is `ancestor` or lies below it, by whole segments (USE-01).
#[must_use]
pub fn lies_within(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the text can be a resource name (TS-0004 clause 6.2.3).
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        // REG-66
        && !matches!(text, "-" | "." | "..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

fn strip_service_provider(text: &str) -> Option<&str> {
    match text.strip_prefix("//") {
        None => Some(text),
        Some(absolute) => absolute.find('/').map(|at| absolute.split_at(at).1),
    }
}

/// Whether a segment is empty, or something stands there that no address has.
fn has_gap(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.windows(2).any(|two| two == b"//") || bytes.contains(&0)
}

fn slash(stem: &str) -> Text {
    let mut text = String::from("/");
    text.push_str(stem);
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("cse1/ae1", None, &["cse1", "ae1"])]
    #[case("/cse2/cse2/ae2", Some("/cse2"), &["cse2", "ae2"])]
    #[case("cse1/ae1#lbl", None, &["cse1", "ae1"])]
    #[case("/cse2", Some("/cse2"), &[])]
    #[case("//sp.example/cse2/-/ae2", Some("/cse2"), &["-", "ae2"])]
    #[case("cnt12/la", None, &["cnt12", "la"])]
    fn addresses_of_every_form_are_taken_apart(
        #[case] text: &str,
        #[case] cse: Option<&str>,
        #[case] segments: &[&str],
    ) {
        let address = Address::parse(text).expect("an address");

        assert_eq!(address.cse, cse.map(CseId::from));
        assert_eq!(address.segments, segments);
    }

    #[rstest]
    #[case("")]
    #[case("/")]
    #[case("//sp.example")]
    #[case("a//b")]
    fn what_is_no_address_is_refused(#[case] text: &str) {
        assert_eq!(Address::parse(text), None);
    }

    #[test]
    fn paths_are_compared_by_whole_segments() {
        assert!(lies_within(
            "/cse2/cse2/ae2/container1",
            "/cse2/cse2/ae2/container1"
        ));
        assert!(lies_within(
            "/cse2/cse2/ae2/container1/la",
            "/cse2/cse2/ae2/container1"
        ));
        assert!(!lies_within(
            "/cse2/cse2/ae2/container10",
            "/cse2/cse2/ae2/container1"
        ));
    }

    #[test]
    fn the_dash_is_the_name_of_the_csebase() {
        let own = CseId::from("/cse2");

        assert_eq!(
            normalized("-/ae2", &own, "cse2"),
            Some("/cse2/cse2/ae2".into())
        );
        assert_eq!(
            normalized("/cse2/-/ae2", &own, "cse2"),
            Some("/cse2/cse2/ae2".into())
        );
    }
}
