//! What a system supports, found out by asking it: the statement a profile could make, and how it
//! compares with the one that it makes.

use crate::case::{Case, Group, Verdict};
use crate::cases;
use crate::outcome::Outcome;
use crate::run::{self, Plan, Sut};

/// The plainest cases of each group; one that passes shows that the group is offered.
const PROBES: [(Group, &[&str]); 9] = [
    (Group::Handshake, &["HSK-01"]),
    (Group::Framing, &["FRM-01"]),
    (Group::Registration, &["REG-A01", "REG-A02"]),
    (Group::Resources, &["RES-01", "RES-02"]),
    (Group::Subscription, &["SUB-01", "SUB-04"]),
    (Group::Nonblocking, &["NBL-01", "NBL-03"]),
    (Group::Discovery, &["DSC-01", "DSC-02"]),
    (Group::Forwarding, &["FWD-01", "FWD-03"]),
    (Group::Session, &[]),
];
/// Where no probes are named, so many cases of the group are played.
const INSTEAD: usize = 3;

/// Whether a group is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// A probe passed: this one.
    Seen(&'static str),
    /// No probe passed; what the first one said.
    NotSeen(String),
    /// No probe could be played, or none was decided; why.
    Unknown(String),
}

/// Which cases are played to find out.
#[must_use]
pub fn probes(sut: &Sut) -> Vec<&'static Case> {
    Group::ALL
        .iter()
        .flat_map(|group| probes_of(*group, sut))
        .collect()
}

fn probes_of(group: Group, sut: &Sut) -> Vec<&'static Case> {
    let named = PROBES.iter().find(|(other, _)| *other == group);
    let named = named.map_or(&[][..], |(_, ids)| *ids);
    if !named.is_empty() {
        return named.iter().filter_map(|id| cases::find(id)).collect();
    }
    let all = cases::all().into_iter();
    all.filter(|case| case.group == group && run::inapplicable(case, sut).is_none())
        .take(INSTEAD)
        .collect()
}

/// Asks a system what it supports, whatever it says it does.
pub async fn probe(plan: &Plan, done: impl FnMut(&Outcome)) -> Vec<(Group, Offer)> {
    let mut plan = plan.clone();
    plan.sut.groups = Group::ALL.to_vec();
    plan.cases = probes(&plan.sut);
    let finished = run::run(&plan, done).await;
    let offer = |group: Group| {
        let of_group =
            |outcome: &&Outcome| cases::find(outcome.id).is_some_and(|case| case.group == group);
        let outcomes: Vec<&Outcome> = finished.outcomes.iter().filter(of_group).collect();
        (group, judge(&outcomes))
    };
    Group::ALL.into_iter().map(offer).collect()
}

fn judge(outcomes: &[&Outcome]) -> Offer {
    let passed =
        |outcome: &&&Outcome| matches!(outcome.verdict, Verdict::Pass | Verdict::PassLenient);
    if let Some(outcome) = outcomes.iter().find(passed) {
        return Offer::Seen(outcome.id);
    }
    let decided = |outcome: &&&Outcome| match outcome.verdict {
        Verdict::Fail | Verdict::Disputed => true,
        Verdict::NotApplicable => !outcome.events.is_empty(),
        Verdict::Pass | Verdict::PassLenient | Verdict::Inconclusive | Verdict::Error => false,
    };
    if let Some(outcome) = outcomes.iter().find(decided) {
        return Offer::NotSeen(said(outcome));
    }
    Offer::Unknown(match outcomes.first() {
        Some(outcome) => said(outcome),
        None => "no case that would show it can be played here".to_owned(),
    })
}

fn said(outcome: &Outcome) -> String {
    let reason = outcome.reason.clone().unwrap_or_default();
    let said = outcome
        .failure
        .as_ref()
        .map_or(reason, |failure| failure.actual.clone());
    let said: String = said.chars().take(160).collect();
    format!("{}: {said}", outcome.id)
}

/// What a profile says of a group, and what was found, where the two differ.
#[must_use]
pub fn compare(declared: &[Group], found: &[(Group, Offer)]) -> Vec<String> {
    let differs = |(group, offer): &(Group, Offer)| {
        let name = group.name();
        match (declared.contains(group), offer) {
            (true, Offer::NotSeen(why)) => {
                Some(format!("{name} is declared and not offered: {why}"))
            }
            (false, Offer::Seen(case)) => Some(format!(
                "{name} is offered ({case} passes) and not declared"
            )),
            (true, Offer::Seen(_) | Offer::Unknown(_))
            | (false, Offer::NotSeen(_) | Offer::Unknown(_)) => None,
        }
    };
    found.iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_a_case_of_its_group() {
        for (group, ids) in PROBES {
            for id in ids {
                assert_eq!(cases::find(id).unwrap().group, group, "{id}");
            }
        }
    }

    #[test]
    fn both_sides_of_a_difference_are_said() {
        let found = [
            (Group::Framing, Offer::Seen("FRM-01")),
            (Group::Session, Offer::NotSeen("x".into())),
            (Group::Discovery, Offer::Unknown("y".into())),
        ];

        let said = compare(&[Group::Session, Group::Discovery], &found);

        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("not declared") && said[1].contains("not offered"));
    }
}
