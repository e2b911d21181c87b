//! The tables of a session: at the initiator's CSE, at the target's, in transit.

use crate::diagram::Row;
use crate::moves::{MOVES, Move};
use crate::snapshot;
use crate::stage::{Role, Stage};

/// A phase, and the inputs that lead to it.
type Path = (&'static str, bool, &'static [&'static str]);

const INITIATOR: &[Path] = &[
    ("none", true, &[]),
    ("awaiting", false, &["establish"]),
    ("asked", true, &["establish"]),
    ("ACTIVE/confirming", true, &["establish", "yes"]),
    ("ACTIVE", true, ESTABLISHED_NEAR),
    (
        "ACTIVE/hop lost",
        true,
        &[
            "establish",
            "yes",
            "confirmation answered 2004",
            "hop deregisters",
        ],
    ),
    (
        "TERMINATING/hop",
        true,
        &[
            "establish",
            "yes",
            "confirmation answered 2004",
            "DELETE from upstream",
        ],
    ),
    (
        "TERMINATING/AE",
        true,
        &[
            "establish",
            "yes",
            "confirmation answered 2004",
            "DELETE from downstream",
        ],
    ),
    ("tombstone/hop", true, &["establish", "Elapsed Outgoing"]),
    (
        "tombstone",
        true,
        &[
            "establish",
            "yes",
            "confirmation answered 2004",
            "DELETE from upstream",
            "hop answers DELETE 2002",
        ],
    ),
];

const ESTABLISHED_NEAR: &[&str] = &["establish", "yes", "confirmation answered 2004"];

const TARGET: &[Path] = &[
    ("none", true, &[]),
    ("asked", true, &["establish"]),
    ("abandoned", true, &["establish", "Elapsed Outgoing"]),
    ("PENDING", true, &["establish", "yes"]),
    ("ACTIVE", true, &["establish", "yes", "confirmation"]),
    (
        "ACTIVE/hop lost",
        true,
        &["establish", "yes", "confirmation", "hop deregisters"],
    ),
    (
        "TERMINATING/AE",
        true,
        &["establish", "yes", "confirmation", "DELETE from upstream"],
    ),
    (
        "TERMINATING/hop",
        true,
        &["establish", "yes", "confirmation", "DELETE from downstream"],
    ),
    (
        "tombstone/hop",
        true,
        &[
            "establish",
            "yes",
            "confirmation",
            "DELETE from downstream",
            "Elapsed Outgoing",
            "Elapsed Termination",
        ],
    ),
    (
        "tombstone",
        true,
        &[
            "establish",
            "yes",
            "confirmation",
            "DELETE from upstream",
            "AE answers its notice",
        ],
    ),
];

const TRANSIT: &[Path] = &[
    ("none", true, &[]),
    ("awaiting", false, &["establish"]),
    ("asked", true, &["establish"]),
    ("PENDING", true, &["establish", "yes"]),
    (
        "ACTIVE/confirming",
        true,
        &["establish", "yes", "confirmation"],
    ),
    ("ACTIVE", true, PASSED_ON),
    (
        "ACTIVE/hop lost",
        true,
        &[
            "establish",
            "yes",
            "confirmation",
            "confirmation answered 2004",
            "hop deregisters",
        ],
    ),
    (
        "TERMINATING/hop",
        true,
        &[
            "establish",
            "yes",
            "confirmation",
            "confirmation answered 2004",
            "DELETE from upstream",
        ],
    ),
    ("tombstone/hop", true, &["establish", "Elapsed Outgoing"]),
    (
        "tombstone",
        true,
        &[
            "establish",
            "yes",
            "confirmation",
            "confirmation answered 2004",
            "DELETE from upstream",
            "hop answers DELETE 2002",
        ],
    ),
];

const PASSED_ON: &[&str] = &[
    "establish",
    "yes",
    "confirmation",
    "confirmation answered 2004",
];

#[test]
fn every_phase_and_input_is_decided_at_the_initiators_cse() {
    snapshot("initiator", &table(Role::Initiator, INITIATOR));
}

#[test]
fn every_phase_and_input_is_decided_at_the_targets_cse() {
    snapshot("target", &table(Role::Target, TARGET));
}

#[test]
fn every_phase_and_input_is_decided_in_transit() {
    snapshot("transit", &table(Role::Transit, TRANSIT));
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = table(Role::Initiator, INITIATOR);
    rows.extend(table(Role::Target, TARGET));
    rows.extend(table(Role::Transit, TRANSIT));
    rows
}

fn table(role: Role, paths: &[Path]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (phase, known, path) in paths {
        let mut stage = Stage::new(role, *known);
        for input in *path {
            let happened = called(input)(&mut stage);
            assert!(happened.is_some(), "{phase}: {input} is possible");
        }
        assert_eq!(stage.phase(), *phase, "{role:?}, after {path:?}");
        let mut impossible = Vec::new();
        for (input, happen) in MOVES {
            let mut then = stage.clone();
            match happen(&mut then) {
                Some(outputs) => rows.push(Row {
                    from: (*phase).into(),
                    input: (*input).into(),
                    to: then.phase(),
                    outputs: then.summary(&outputs),
                }),
                None => impossible.push(*input),
            }
        }
        rows.push(Row {
            from: (*phase).into(),
            input: "(cannot happen)".into(),
            to: (*phase).into(),
            outputs: impossible.join(", "),
        });
    }
    rows
}

fn called(name: &str) -> Move {
    let found = MOVES.iter().find(|(n, _)| *n == name);
    found.unwrap_or_else(|| panic!("{name}?")).1
}
