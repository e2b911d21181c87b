//! The tests of the tests: every case is played against a server that is wrong on purpose.
//!
//! A [`Defect`] is a record: a name, a sentence, and what it does. Most are rules for a proxy in
//! front of the reference ([`engine`], [`front`]), some are small servers of their own
//! ([`servers`]); a few changes are harmless, and nothing may fail under them. The matrix *case ×
//! defect* is a file of the repository ([`matrix`]); [`play`] fills it and replays a part of it.

use crate::mutants::engine::Rule;
use crate::record::hex;

pub mod command;
mod defects;
pub mod engine;
pub mod front;
pub mod matrix;
pub mod play;
pub mod servers;
pub mod unit;

/// Something wrong on purpose, or a change that must not matter.
#[derive(Debug, Clone, Copy)]
pub struct Defect {
    /// Its name.
    pub name: &'static str,
    /// What such a server does.
    pub sentence: &'static str,
    /// How it is done.
    pub kind: Kind,
}

/// How a defect is done.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// The reference behind a proxy with these rules.
    Wrong(&'static [Rule]),
    /// The same, and no case may fail.
    Harmless(&'static [Rule]),
    /// A small server that is wrong throughout.
    Server(servers::Answer),
}

impl Defect {
    /// Identifies its record.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let kind = match self.kind {
            Kind::Wrong(_) => "wrong",
            Kind::Harmless(_) => "harmless",
            Kind::Server(_) => "server",
        };
        hex(&[
            self.name.as_bytes(),
            b"\n",
            self.sentence.as_bytes(),
            kind.as_bytes(),
        ])[..16]
            .to_owned()
    }
}

/// Cases that no defect fails, each with the reason.
pub const EXCUSED: &[(&str, &str)] = &[
    (
        "HSK-18",
        "all that a server can make of another path is tolerated: TS-0020 6.2.2.1 binds the client",
    ),
    (
        "HSK-08",
        "whether pieces arrive as pieces is up to the system; hs-one-piece is caught by HSK-22",
    ),
    (
        "FRM-10",
        "whether pieces arrive as pieces is up to the system; hs-one-piece is caught by HSK-22",
    ),
];

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
        defects::notifications::DEFECTS,
        defects::sessions::DEFECTS,
        defects::harmless::CHANGES,
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
        let harmless = |defect: &&&Defect| matches!(defect.kind, Kind::Harmless(_));

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
