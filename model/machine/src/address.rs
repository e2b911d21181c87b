//! Addresses (TS-0004 clause 6.2): which CSE, and which resource there.

use crate::id::CseId;
use crate::text::Text;
use alloc::string::String;
use alloc::vec::Vec;

/// A parsed target address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// The service provider that it names, without slashes; `None` for an address that is not absolute.
    pub provider: Option<Text>,
    /// The CSE it names; `None` for a CSE-relative address.
    pub cse: Option<CseId>,
    /// What stands behind it, by segments; empty means the CSEBase.
    pub segments: Vec<Text>,
}

/// Where addresses are read: at which CSE, of which service provider.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The CSE-ID.
    pub cse: &'a CseId,
    /// The M2M-SP-ID without slashes, for example `sp.example`.
    pub provider: &'a str,
}

impl Home<'_> {
    /// Whether the address is one of another service provider (TS-0004 clause 7.3.2.8).
    #[must_use]
    pub fn is_abroad(self, address: &Address) -> bool {
        // REG-71
        let named = address.provider.as_deref();
        named.is_some_and(|provider| provider != self.provider)
    }

    /// Whether the address names this CSE.
    #[must_use]
    pub fn is_here(self, address: &Address) -> bool {
        let here = address.cse.as_ref().is_none_or(|cse| cse == self.cse);
        here && !self.is_abroad(address)
    }
}

impl Address {
    /// Parses a CSE-relative, SP-relative or absolute address, without the attribute behind `#`. `None` if it is none of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // REG-19
        let text = text.split_once('#').map_or(text, |(resource, _)| resource);
        let (provider, text) = split_service_provider(text)?;
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
        Some(Self {
            provider: provider.map(Text::from),
            cse,
            segments,
        })
    }
}

/// A target of notifications without what stands behind `?`: how they are serialized, which is no part of the address
/// (TS-0004 clause 7.5.1.2.2).
#[must_use]
pub fn without_query(target: &str) -> &str {
    // REG-90
    target
        .split_once('?')
        .map_or(target, |(address, _)| address)
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

/// The service provider of an absolute address, and the SP-relative one behind it.
fn split_service_provider(text: &str) -> Option<(Option<&str>, &str)> {
    let Some(absolute) = text.strip_prefix("//") else {
        return Some((None, text));
    };
    let (provider, rest) = absolute.split_at(absolute.find('/')?);
    (!provider.is_empty()).then_some((Some(provider), rest))
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
    #[case("//sp.example/cse2/-/ae2", true)]
    #[case("//other.example/cse2/-/ae2", false)]
    #[case("//sp.example/cse1/-/ae2", false)]
    #[case("/cse2/-/ae2", true)]
    #[case("-/ae2", true)]
    fn an_address_is_here_or_elsewhere(#[case] text: &str, #[case] expected: bool) {
        let home = Home {
            cse: &CseId::from("/cse2"),
            provider: "sp.example",
        };

        let address = Address::parse(text).expect("an address");

        assert_eq!(home.is_here(&address), expected, "REG-71");
    }

    #[rstest]
    #[case("")]
    #[case("/")]
    #[case("//sp.example")]
    #[case("///cse1")]
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
