//! What each case does and what may come of it, in words, read from `words.toml`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::case::{Allowed, Verdict};

const TEXT: &str = include_str!("words.toml");

/// The words of one case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// What is done; empty where the record of the case says it.
    #[serde(default)]
    pub does: String,
    /// What is seen if the case passes.
    pass: String,
    /// What is tolerated, though it should be otherwise.
    lenient: Option<String>,
    /// What is right by another published reading.
    disputed: Option<String>,
    /// Identifiers of TS-0018 test purposes with the same objective.
    #[serde(default)]
    pub ts0018: Vec<String>,
}

impl Words {
    /// What may come of the case, best first.
    #[must_use]
    pub fn outcomes(&'static self) -> Vec<Allowed> {
        let graded = [
            (Verdict::Pass, Some(&self.pass)),
            (Verdict::PassLenient, self.lenient.as_ref()),
            (Verdict::Disputed, self.disputed.as_ref()),
        ];
        let allowed = |(grade, seen): (Verdict, Option<&'static String>)| {
            seen.map(|seen| Allowed { grade, seen })
        };
        graded.into_iter().filter_map(allowed).collect()
    }
}

/// The words of the case with this identifier.
///
/// # Panics
/// If the file that comes with the suite is malformed.
#[must_use]
pub fn of(id: &str) -> Option<&'static Words> {
    all().get(id)
}

fn all() -> &'static BTreeMap<String, Words> {
    static READ: OnceLock<BTreeMap<String, Words>> = OnceLock::new();
    READ.get_or_init(|| toml::from_str(TEXT).expect("the words of the cases are TOML"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn every_case_says_what_it_does_and_what_may_come_of_it() {
        for case in cases::all() {
            let in_record = !case.script.stimulus.is_empty();
            let does = of(case.id).map_or("", |words| &words.does);
            assert!(
                in_record == does.is_empty(),
                "{} needs one stimulus, in its record or in words.toml",
                case.id
            );
            let stated = !case.script.outcomes.is_empty();
            assert!(
                stated || of(case.id).is_some(),
                "{} names no outcome",
                case.id
            );
            for text in [case.stimulus()]
                .into_iter()
                .chain(case.outcomes().iter().map(|one| one.seen))
            {
                assert!(
                    text.ends_with('.') && text != case.title,
                    "{}: {text}",
                    case.id
                );
            }
        }
    }

    #[test]
    fn no_words_are_left_of_a_case_that_is_gone() {
        for id in all().keys() {
            assert!(cases::find(id).is_some(), "{id}");
        }
    }
}
