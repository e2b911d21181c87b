//! Scenarios of termination.

use super::{BASE, Begin, NO_FAULTS, Scenario};
use crate::topology::THREE;
use crate::wish::{Mode, SESSION, UNNAMED, Wish};
use crate::world::Budget;
use m2m_machine::primitive::Operation;

/// What holds of every termination that is asked for.
const END: &[&str] = &[
    "END-01", "END-02", "END-03", "END-04", "END-05", "END-10", "END-11", "END-14", "END-16",
    "END-19", "END-20", "END-21", "END-23", "END-24", "END-33",
];

/// How long a session of the set-up lasts from where a search begins, at most.
const WEEK_MS: u64 = 604_800_000;

/// The table.
pub(super) static ALL: &[Scenario] = &[
    Scenario {
        name: "end-both",
        about: "AE1 and AE2 end the session at once; a cut",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate], &[Wish::Terminate]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: END,
        ..BASE
    },
    Scenario {
        name: "end-crash",
        about: "AE1 ends the session; a cut, and a crash anywhere",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        properties: &[
            "END-01", "END-02", "END-03", "END-04", "END-05", "END-10", "END-14", "END-19",
            "END-21", "END-23", "END-24",
        ],
        ..BASE
    },
    Scenario {
        name: "end-late",
        about: "AE1 ends the session; the link of AE2 and the one between the CSEs are cut, deadlines race with messages",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate]],
        budget: Budget {
            cuts: 2,
            races: 1,
            repeats: 1,
            ..NO_FAULTS
        },
        breaks: &[1, 2],
        properties: &[
            "END-01", "END-02", "END-03", "END-04", "END-05", "END-09", "END-10", "END-16",
            "END-19", "END-20", "END-21", "END-24",
        ],
        ..BASE
    },
    Scenario {
        name: "end-while-used",
        about: "AE1 writes and reads, and AE2 ends the session at any moment; a cut",
        begin: Begin::Established,
        scripts: &[
            &[Wish::Write(Mode::Blocking), Wish::Read { own: false }],
            &[Wish::Terminate],
        ],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &[
            "END-05", "END-06", "END-07", "END-08", "END-10", "END-22", "EST-20",
        ],
        ..BASE
    },
    Scenario {
        name: "end-read",
        about: "AE1 ends the session while AE2 reads; a cut",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate], &[Wish::Read { own: true }]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["END-06", "END-07", "END-10", "END-22"],
        ..BASE
    },
    Scenario {
        name: "end-stored",
        about: "a request is stored for the night, and the session ends; a cut, a crash",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified), Wish::Terminate]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        properties: &["END-05", "END-08", "END-10", "END-23", "END-24"],
        ..BASE
    },
    Scenario {
        name: "end-one",
        about: "one of two sessions between the same AEs ends",
        scripts: &[&[
            Wish::Establish(&SESSION),
            Wish::Establish(&UNNAMED),
            Wish::Terminate,
        ]],
        properties: &["END-15", "EST-05", "EST-14", "EST-19"],
        ..BASE
    },
    Scenario {
        name: "end-by-leaving",
        about: "AE1 or AE2 deregisters from an established session; a cut",
        begin: Begin::Established,
        scripts: &[&[Wish::Deregister], &[Wish::Deregister]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["END-05", "END-12", "END-18"],
        ..BASE
    },
    Scenario {
        name: "hop-leaves",
        about: "CSE1 is deregistered at CSE2 while a session runs over it; a cut, and it may register again",
        begin: Begin::Established,
        scripts: &[&[Wish::DismissHop]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["END-38"],
        ..BASE
    },
    Scenario {
        name: "expire",
        about: "the session expires on all hops, with the links up or down",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking)]],
        budget: Budget {
            cuts: 1,
            races: 1,
            ..NO_FAULTS
        },
        phases: &[WEEK_MS],
        horizon_ms: WEEK_MS + 5_000,
        properties: &["END-05", "END-14", "END-17", "END-22", "EST-27", "USE-03"],
        ..BASE
    },
    Scenario {
        name: "stranger",
        about: "AE3 has learnt of the session of AE1 and AE2, and reads and deletes; AE1 ends it",
        topology: &THREE,
        begin: Begin::Established,
        scripts: &[
            &[Wish::Write(Mode::Blocking), Wish::Terminate],
            &[],
            &[
                Wish::Misuse(Operation::Retrieve),
                Wish::Misuse(Operation::Delete),
            ],
        ],
        properties: &["END-13", "END-14"],
        ..BASE
    },
];
