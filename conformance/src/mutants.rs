//! The tests of the tests: every case is played against a server that is wrong on purpose.
//!
//! A [`Defect`] is a record: a name, a sentence, and what it does. Most are rules for a proxy in
//! front of the reference ([`engine`], [`front`]), some are small servers of their own
//! ([`servers`]); a few changes are harmless, and nothing may fail under them. The matrix *case ×
//! defect* is a file of the repository ([`matrix`]); [`fill`] fills it, [`replay`] replays a part
//! of it, and [`play`] plays what they ask for.

use crate::case::Case;
use crate::mutants::engine::Rule;
use crate::record::hex;

pub mod command;
mod defects;
pub mod engine;
pub mod fill;
pub mod front;
pub mod journal;
pub mod matrix;
pub mod play;
pub mod replay;
pub mod selection;
pub mod servers;
pub mod unit;

/// Something wrong on purpose, or a change that must not matter.
#[derive(Debug, Clone, Copy)]
pub struct Defect {
    /// Its name.
    pub name: &'static str,
    /// What such a system does.
    pub sentence: &'static str,
    /// How it is done.
    pub kind: Kind,
    /// The source of that, word by word.
    pub source: &'static str,
}

/// How a defect is done.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// The reference CSEs behind a proxy with these rules.
    Wrong(&'static [Rule]),
    /// The same, and no case may fail.
    Harmless(&'static [Rule]),
    /// A small server that is wrong throughout.
    Server(servers::Answer),
    /// The reference AE behind a proxy with these rules; the suite is the server.
    WrongAgent(&'static [Rule]),
    /// The same, and no case may fail.
    HarmlessAgent(&'static [Rule]),
}

impl Kind {
    /// As lists print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wrong(_) => "wrong CSE",
            Self::Harmless(_) => "harmless CSE",
            Self::Server(_) => "small server",
            Self::WrongAgent(_) => "wrong AE",
            Self::HarmlessAgent(_) => "harmless AE",
        }
    }

    /// Rules of the proxy; none for a small server.
    #[must_use]
    pub const fn rules(self) -> Option<&'static [Rule]> {
        match self {
            Self::Wrong(rules)
            | Self::Harmless(rules)
            | Self::WrongAgent(rules)
            | Self::HarmlessAgent(rules) => Some(rules),
            Self::Server(_) => None,
        }
    }
}

impl Defect {
    /// Identifies its definition: name, kind and rules, not the sentence.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // How the source is laid out does not matter.
        let source: String = self.source.split_whitespace().collect();
        let text = format!("{} {} {source}", self.name, self.kind.name());
        hex(&[text.as_bytes()])[..16].to_owned()
    }

    /// Whether nothing may fail under it.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        matches!(self.kind, Kind::Harmless(_) | Kind::HarmlessAgent(_))
    }

    /// Whether it is one of an AE, or of a CSE that registers with the suite.
    #[must_use]
    pub const fn is_of_an_agent(&self) -> bool {
        matches!(self.kind, Kind::WrongAgent(_) | Kind::HarmlessAgent(_))
    }

    /// Whether a case is about the kind of system whose defect this is.
    #[must_use]
    pub fn concerns(&self, case: &Case) -> bool {
        self.is_of_an_agent() == case.needs.is_a_client()
    }
}

/// Cases that no defect fails, each with the reason.
pub const EXCUSED: &[(&str, &str)] = &[];

/// Defects that no case catches, each with the reason.
pub const UNCAUGHT: &[(&str, &str)] = &[];

/// All defects and harmless changes.
#[must_use]
pub fn all() -> Vec<&'static Defect> {
    let tables = [
        defects::handshake::DEFECTS,
        defects::framing::DEFECTS,
        defects::status::DEFECTS,
        defects::answers::DEFECTS,
        defects::requests::DEFECTS,
        defects::groups::DEFECTS,
        defects::conditions::DEFECTS,
        defects::policies::DEFECTS,
        defects::service::DEFECTS,
        defects::notifications::DEFECTS,
        defects::sessions::DEFECTS,
        defects::hops::DEFECTS,
        defects::abroad::DEFECTS,
        defects::agents::DEFECTS,
        defects::harmless::CHANGES,
        defects::agents::CHANGES,
        servers::SERVERS,
    ];
    tables.into_iter().flatten().collect()
}

/// The defect with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Defect> {
    all().into_iter().find(|defect| defect.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_enough_of_each_and_their_names_are_unique() {
        let names: BTreeSet<&str> = all().iter().map(|defect| defect.name).collect();
        let harmless = |defect: &&&Defect| defect.is_harmless();

        assert_eq!(names.len(), all().len());
        assert!(all().iter().filter(harmless).count() >= 6);
        assert!(all().iter().filter(|defect| !harmless(defect)).count() >= 40);
    }

    #[test]
    fn every_sentence_is_one() {
        for defect in all() {
            assert!(defect.sentence.ends_with('.'), "{}", defect.name);
        }
    }
}
