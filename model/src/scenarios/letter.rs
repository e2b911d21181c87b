//! Scenarios for the holes of the flows when these are read to the letter: each as small as its counterexample allows.

use super::{BASE, Begin, NO_FAULTS, Scenario};
use crate::topology::THREE;
use crate::wish::{Mode, NIGHT, RIVAL, SESSION, UNDER_NIGHT, Wish};
use crate::world::Budget;
use m2m_machine::primitive::Operation;

/// What the scenarios of the holes have in common.
const HOLE: Scenario = Scenario {
    by_default: false,
    ..BASE
};

const ONE_CUT: Budget = Budget {
    cuts: 1,
    ..NO_FAULTS
};

const ONE_RACE: Budget = Budget {
    races: 1,
    ..NO_FAULTS
};

/// The table, in the order of the holes.
pub(super) static ALL: &[Scenario] = &[
    Scenario {
        name: "hole-1",
        about: "establishment; the link between the CSEs is cut once",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: ONE_CUT,
        properties: &["EST-14"],
        ..HOLE
    },
    Scenario {
        name: "hole-2",
        about: "establishment; a deadline races with a message",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: ONE_RACE,
        properties: &["EST-16"],
        ..HOLE
    },
    Scenario {
        name: "hole-3",
        about: "establishment; the link between the CSEs is cut once, and CSE1 repeats its request",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: ONE_CUT,
        properties: &["EST-13"],
        ..HOLE
    },
    Scenario {
        name: "hole-4",
        about: "AE1 asks AE2 for a session s1, twice, and so does AE3, once",
        topology: &THREE,
        scripts: &[
            &[Wish::Establish(&SESSION), Wish::Establish(&SESSION)],
            &[],
            &[Wish::Establish(&SESSION)],
        ],
        properties: &["EST-22"],
        ..HOLE
    },
    Scenario {
        name: "hole-5",
        about: "AE2 refuses",
        scripts: &[&[Wish::Establish(&SESSION)]],
        verdicts: &[false],
        properties: &["EST-18"],
        ..HOLE
    },
    Scenario {
        name: "hole-6",
        about: "AE3 has learnt the identifier of a session of AE1 and AE2, and reads",
        topology: &THREE,
        begin: Begin::Established,
        scripts: &[
            &[Wish::Write(Mode::Blocking)],
            &[],
            &[Wish::Misuse(Operation::Retrieve)],
        ],
        properties: &["USE-02"],
        ..HOLE
    },
    Scenario {
        name: "hole-7",
        about: "AE1 writes; the link between the CSEs is cut once",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking)]],
        budget: ONE_CUT,
        properties: &["USE-12"],
        ..HOLE
    },
    Scenario {
        name: "hole-8",
        about: "AE1 writes under a policy for the night, and waits for the answer",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Blocking)]],
        properties: &["USE-33"],
        ..HOLE
    },
    Scenario {
        name: "hole-9",
        about: "a request is stored for the night, and AE1 ends the session",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified), Wish::Terminate]],
        properties: &["END-05"],
        ..HOLE
    },
    Scenario {
        name: "hole-10",
        about: "a request is stored, AE1 ends the session, and the window opens meanwhile",
        begin: Begin::WithShortly,
        scripts: &[&[Wish::Write(Mode::Notified), Wish::Terminate]],
        budget: ONE_RACE,
        properties: &["END-07"],
        ..HOLE
    },
    Scenario {
        name: "hole-11",
        about: "AE1 ends the session; the link between the CSEs is cut once",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate]],
        budget: ONE_CUT,
        properties: &["END-10"],
        ..HOLE
    },
    Scenario {
        name: "hole-12",
        about: "AE2 ends the session",
        begin: Begin::Established,
        scripts: &[&[], &[Wish::Terminate]],
        properties: &["END-21"],
        ..HOLE
    },
    Scenario {
        name: "hole-13",
        about: "AE1 makes a policy for the night, AE2 one that forbids to store",
        begin: Begin::Established,
        scripts: &[&[Wish::Policy(&NIGHT)], &[Wish::Policy(&RIVAL)]],
        properties: &["USE-28"],
        ..HOLE
    },
    Scenario {
        name: "hole-14",
        about: "AE1 ends the session",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate]],
        properties: &["END-03"],
        ..HOLE
    },
    Scenario {
        name: "hole-15",
        about: "AE1 asks for a session under a policy for the night, makes sure of the policy, and writes",
        scripts: &[&[
            Wish::Establish(&UNDER_NIGHT),
            Wish::Policy(&NIGHT),
            Wish::Write(Mode::Blocking),
        ]],
        properties: &["POL-11"],
        ..HOLE
    },
];
