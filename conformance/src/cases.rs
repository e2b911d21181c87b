//! The registry: every case, in the order of the report.

use crate::case::{Case, How, Step};

pub mod abroad;
pub mod agent;
pub mod boundaries;
pub mod conditions;
pub mod criteria;
pub mod dialling;
pub mod discovery;
pub mod establishment;
pub mod establishment_refusals;
pub mod framing;
pub mod groups;
pub mod handshake;
pub mod initiator;
pub mod link;
pub mod local;
pub mod neighbour;
pub mod nonblocking;
pub mod parameters;
pub mod policies;
pub mod reachability;
pub mod registration;
pub mod registree;
pub mod relink;
pub mod resources;
pub mod restart;
pub mod rules;
pub mod service;
pub mod subscription;
pub mod target;
pub mod termination;
pub mod termination_variants;
pub mod transit;
pub mod usage;
pub mod usage_at_once;
pub mod usage_context;
pub mod usage_refusals;
pub mod words;

/// Every case.
#[must_use]
pub fn all() -> Vec<&'static Case> {
    let tables = [
        handshake::CASES,
        framing::CASES,
        registration::CASES,
        resources::CASES,
        groups::CASES,
        rules::CASES,
        parameters::CASES,
        subscription::CASES,
        boundaries::CASES,
        reachability::CASES,
        nonblocking::CASES,
        discovery::CASES,
        conditions::CASES,
        policies::CASES,
        service::CASES,
        criteria::CASES,
        neighbour::CASES,
        dialling::CASES,
        local::CASES,
        transit::CASES,
        abroad::CASES,
        agent::CASES,
        registree::CASES,
        establishment::CASES,
        usage::CASES,
        usage_at_once::CASES,
        termination::CASES,
        termination_variants::CASES,
        establishment_refusals::CASES,
        usage_refusals::CASES,
        link::CASES,
        relink::CASES,
        restart::CASES,
    ];
    let chapters = [initiator::CASES, target::CASES].into_iter().flatten();
    tables
        .into_iter()
        .chain(chapters.copied())
        .flatten()
        .collect()
}

/// The case with this identifier.
#[must_use]
pub fn find(id: &str) -> Option<&'static Case> {
    all().into_iter().find(|case| case.id == id)
}

/// The cases whose identifier one of the patterns matches; `*` stands for any letters.
/// Patterns that match nothing come back as the error.
///
/// # Errors
/// If a pattern matches no case.
pub fn select(patterns: &[String]) -> Result<Vec<&'static Case>, Vec<String>> {
    let matches = |pattern: &String| all().iter().any(|case| glob(pattern, case.id));
    let idle: Vec<String> = patterns
        .iter()
        .filter(|pattern| !matches(pattern))
        .cloned()
        .collect();
    if !idle.is_empty() {
        return Err(idle);
    }
    let wanted = |case: &&'static Case| {
        patterns.is_empty() || patterns.iter().any(|pattern| glob(pattern, case.id))
    };
    Ok(all().into_iter().filter(wanted).collect())
}

/// Whether a name matches a pattern; `*` stands for any letters, and case does not matter.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(text),
        Some((start, rest)) => {
            let Some(head) = text.get(..start.len()) else {
                return false;
            };
            let tail = &text[start.len()..];
            head.eq_ignore_ascii_case(start)
                && (0..=tail.len()).any(|at| tail.is_char_boundary(at) && glob(rest, &tail[at..]))
        }
    }
}

const fn wire(number: &'static str, what: &'static str) -> Step {
    Step {
        number,
        what,
        how: How::Wire,
    }
}

const fn by(number: &'static str, what: &'static str, seen: &'static str) -> Step {
    Step {
        number,
        what,
        how: How::Consequence(seen),
    }
}

const fn unseen(number: &'static str, what: &'static str, why: &'static str) -> Step {
    Step {
        number,
        what,
        how: How::Unseen(why),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn identifiers_are_unique() {
        let ids: BTreeSet<&str> = all().iter().map(|case| case.id).collect();

        assert_eq!(ids.len(), all().len());
    }

    #[test]
    fn the_three_flows_account_for_all_61_steps() {
        for (id, flow, count) in [("FLOW-1", 1, 23), ("FLOW-2", 2, 27), ("FLOW-3", 3, 11)] {
            let numbers = find(id)
                .unwrap()
                .steps
                .iter()
                .map(|step| step.number.to_owned());

            let expected = (1..=count).map(|number| format!("F{flow}-{number:02}"));

            assert_eq!(numbers.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_case_names_requirements_of_the_seven_chapters() {
        const CHAPTERS: [&str; 7] = ["LNK", "REG", "DIS", "EST", "POL", "USE", "END"];
        for case in all() {
            assert!(!case.requirements.is_empty(), "{}", case.id);
            for requirement in case.requirements {
                let (chapter, number) = requirement.split_once('-').unwrap();
                assert!(CHAPTERS.contains(&chapter), "{requirement}");
                assert!(
                    number.len() == 2 && number.parse::<u8>().is_ok(),
                    "{requirement}"
                );
            }
        }
    }

    #[test]
    fn patterns_select_by_name_and_star() {
        let selected = select(&["flow-1".to_owned(), "ERR-0*".to_owned()]).unwrap();

        assert!(selected.iter().any(|case| case.id == "FLOW-1"));
        assert!(
            selected
                .iter()
                .all(|case| case.id == "FLOW-1" || case.id.starts_with("ERR-0"))
        );
    }

    #[test]
    fn a_pattern_without_a_case_is_an_error() {
        assert_eq!(select(&["NONE*".to_owned()]).unwrap_err(), ["NONE*"]);
    }
}
