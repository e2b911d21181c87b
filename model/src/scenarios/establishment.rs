//! Scenarios of establishment.

use super::{BASE, Begin, NO_FAULTS, Scenario};
use crate::topology::{CHAIN, SINGLE, THREE};
use crate::wish::{BACK, SESSION, UNNAMED, Wish};
use crate::world::Budget;

/// What holds of every establishment.
const ESTABLISHMENT: &[&str] = &[
    "EST-01", "EST-02", "EST-03", "EST-04", "EST-06", "EST-07", "EST-08", "EST-09", "EST-10",
    "EST-12", "EST-13", "EST-14", "EST-15", "EST-16", "EST-17", "EST-27",
];

/// The table.
pub(super) static ALL: &[Scenario] = &[
    Scenario {
        name: "establish",
        about: "establishment; two cuts between the CSEs, a crash anywhere, AE1 repeats its request",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: Budget {
            cuts: 2,
            crashes: 1,
            repeats: 1,
            ..NO_FAULTS
        },
        properties: ESTABLISHMENT,
        ..BASE
    },
    Scenario {
        name: "establish-late",
        about: "establishment; deadlines that race with messages, a cut",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: Budget {
            cuts: 1,
            races: 2,
            ..NO_FAULTS
        },
        properties: ESTABLISHMENT,
        ..BASE
    },
    Scenario {
        name: "establish-edge",
        about: "establishment; the links of the AEs are cut twice, AE1 repeats its request",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: Budget {
            cuts: 2,
            repeats: 1,
            ..NO_FAULTS
        },
        breaks: &[0, 1],
        properties: ESTABLISHMENT,
        ..BASE
    },
    Scenario {
        name: "refuse",
        about: "AE2 refuses or stays silent; two cuts, a crash, AE1 repeats its request",
        scripts: &[&[Wish::Establish(&SESSION)]],
        verdicts: &[false],
        budget: Budget {
            cuts: 2,
            crashes: 1,
            repeats: 1,
            ..NO_FAULTS
        },
        properties: &["EST-11", "EST-12", "EST-15", "EST-18"],
        ..BASE
    },
    Scenario {
        name: "fail",
        about: "establishment with two cuts, so that it may fail at either CSE",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: Budget {
            cuts: 2,
            ..NO_FAULTS
        },
        properties: &["EST-11", "EST-14", "EST-15"],
        ..BASE
    },
    Scenario {
        name: "transit",
        about: "establishment over a transit CSE; a cut on either side of it",
        topology: &CHAIN,
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        breaks: &[2, 3],
        properties: &[
            "EST-01", "EST-02", "EST-03", "EST-04", "EST-06", "EST-08", "EST-10", "EST-14",
            "EST-15", "EST-17", "EST-27", "EST-29",
        ],
        ..BASE
    },
    Scenario {
        name: "establish-three",
        about: "establishment beside a third AE at the initiator's CSE",
        topology: &THREE,
        scripts: &[&[Wish::Establish(&SESSION)]],
        properties: &["EST-04", "EST-09", "EST-17"],
        ..BASE
    },
    Scenario {
        name: "single",
        about: "both AEs at one CSE; a cut of either link, a crash",
        topology: &SINGLE,
        scripts: &[&[Wish::Establish(&SESSION), Wish::Terminate]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        breaks: &[0, 1],
        crashes: &[0],
        properties: &["EST-01", "EST-06", "EST-07", "EST-13"],
        ..BASE
    },
    Scenario {
        name: "two-sessions",
        about: "AE1 asks twice for a session of the same name, then for one without",
        scripts: &[&[
            Wish::Establish(&SESSION),
            Wish::Establish(&SESSION),
            Wish::Establish(&UNNAMED),
        ]],
        properties: &[
            "EST-01", "EST-04", "EST-05", "EST-06", "EST-13", "EST-14", "EST-15", "EST-19",
            "EST-22",
        ],
        ..BASE
    },
    Scenario {
        name: "glare",
        about: "AE1 and AE2 ask each other at the same time; a cut",
        scripts: &[&[Wish::Establish(&SESSION)], &[Wish::Establish(&BACK)]],
        begin: Begin::Mutual,
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["EST-06", "EST-08", "EST-14", "EST-15", "EST-19", "EST-21"],
        ..BASE
    },
    Scenario {
        name: "leave",
        about: "AE1 deregisters at any moment of an establishment; a cut",
        scripts: &[&[Wish::Establish(&SESSION), Wish::Deregister]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["EST-14", "EST-15", "EST-28", "END-12"],
        ..BASE
    },
    Scenario {
        name: "leave-target",
        about: "AE2 deregisters at any moment of an establishment; a cut",
        scripts: &[&[Wish::Establish(&SESSION)], &[Wish::Deregister]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["EST-14", "EST-15", "EST-28"],
        ..BASE
    },
    Scenario {
        name: "plain",
        about: "a request without session beside an establishment",
        scripts: &[&[Wish::Establish(&SESSION), Wish::Discover]],
        properties: &["EST-04", "EST-31"],
        ..BASE
    },
    Scenario {
        name: "capability",
        about: "AE1 asks for a session before the CSEs know of each other",
        begin: Begin::Apart,
        scripts: &[&[Wish::Establish(&SESSION)]],
        properties: &["EST-10", "EST-14", "EST-15"],
        ..BASE
    },
];
