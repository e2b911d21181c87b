//! Scenarios of usage and policies.

use super::{BASE, Begin, NO_FAULTS, Scenario};
use crate::topology::THREE;
use crate::wish::{Mode, NIGHT, RIVAL, SECRET, SESSION, UNNAMED, Wish};
use crate::world::Budget;
use m2m_machine::primitive::Operation;

/// The next 02:30, from where a search begins, at most.
const NIGHT_MS: u64 = 16 * 3_600_000;

/// A day.
const DAY_MS: u64 = 86_400_000;

/// The table.
pub(super) static ALL: &[Scenario] = &[
    Scenario {
        name: "use",
        about: "AE1 writes twice and AE2 reads, without a policy; a cut, a crash of CSE2",
        begin: Begin::Established,
        scripts: &[
            &[Wish::Write(Mode::Blocking), Wish::Write(Mode::Blocking)],
            &[Wish::Read { own: true }],
        ],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        crashes: &[1],
        properties: &[
            "USE-01", "USE-02", "USE-03", "USE-04", "USE-05", "USE-12", "USE-13", "USE-14",
            "USE-15", "USE-16", "USE-17", "USE-19", "USE-20", "USE-21", "USE-22", "USE-23",
            "USE-24", "USE-33", "EST-20",
        ],
        ..BASE
    },
    Scenario {
        name: "use-crash",
        about: "AE1 writes, without a policy; a cut, a crash of CSE2",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking)]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        crashes: &[1],
        properties: &["USE-12", "USE-17", "USE-21", "USE-23", "USE-33"],
        ..BASE
    },
    Scenario {
        name: "use-stored",
        about: "AE1 writes twice under a policy for the night; a cut, a crash of CSE1, the window opens",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified), Wish::Write(Mode::Notified)]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        crashes: &[0],
        phases: &[NIGHT_MS],
        horizon_ms: 75_000,
        properties: &[
            "USE-04", "USE-06", "USE-07", "USE-08", "USE-09", "USE-10", "USE-12", "USE-13",
            "USE-16", "USE-17", "USE-29",
        ],
        ..BASE
    },
    Scenario {
        name: "use-stored-crash",
        about: "AE1 writes under a policy for the night; a cut, a crash of CSE1, the window opens",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified)]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        crashes: &[0],
        phases: &[NIGHT_MS],
        horizon_ms: 75_000,
        properties: &["USE-07", "USE-08", "USE-09", "USE-10", "USE-12", "USE-29"],
        ..BASE
    },
    Scenario {
        name: "use-stored-expired",
        about: "a request is stored for the night, the link stays down, and it expires",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified)]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        phases: &[NIGHT_MS, DAY_MS],
        horizon_ms: DAY_MS + 90_000,
        properties: &["USE-07", "USE-08", "USE-11"],
        ..BASE
    },
    Scenario {
        name: "use-both-stored",
        about: "AE1 and AE2 both write under a policy for the night",
        begin: Begin::WithNight,
        scripts: &[
            &[Wish::Write(Mode::Notified)],
            &[Wish::Write(Mode::Notified)],
        ],
        phases: &[NIGHT_MS],
        properties: &["USE-06", "USE-10", "USE-31"],
        ..BASE
    },
    Scenario {
        name: "use-limits",
        about: "the store takes one request, the context one entry",
        begin: Begin::WithNight,
        scripts: &[&[
            Wish::Write(Mode::Notified),
            Wish::Write(Mode::Notified),
            Wish::Write(Mode::Notified),
        ]],
        phases: &[NIGHT_MS],
        adjust: |config| {
            config.limits.stored_requests = 1;
            config.limits.context_entries = 1;
        },
        properties: &["USE-18", "USE-30"],
        ..BASE
    },
    Scenario {
        name: "use-end-to-end",
        about: "a session with an end-to-end key, and a request in it; a cut",
        scripts: &[&[Wish::Establish(&SECRET), Wish::Write(Mode::Blocking)]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["USE-24", "USE-25"],
        ..BASE
    },
    Scenario {
        name: "use-two-sessions",
        about: "two sessions of the same AEs, and a request in one of them",
        scripts: &[&[
            Wish::Establish(&SESSION),
            Wish::Establish(&UNNAMED),
            Wish::Write(Mode::Blocking),
        ]],
        properties: &["USE-27", "EST-19"],
        ..BASE
    },
    Scenario {
        name: "use-outside",
        about: "AE1 writes, and reads what no path of the session covers",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking), Wish::Stray]],
        properties: &["USE-01", "USE-05", "USE-33"],
        ..BASE
    },
    Scenario {
        name: "use-misuse",
        about: "AE3 uses a session of others; AE1 deletes what it may not, and writes after the end",
        topology: &THREE,
        begin: Begin::Established,
        scripts: &[
            &[
                Wish::Write(Mode::Blocking),
                Wish::Erase,
                Wish::Write(Mode::Blocking),
            ],
            &[Wish::Terminate],
            &[Wish::Misuse(Operation::Retrieve)],
        ],
        properties: &["USE-01", "USE-02", "USE-32", "USE-34"],
        ..BASE
    },
    Scenario {
        name: "extend",
        about: "AE1 and AE2 both move the end of the session; a cut, a deadline that races with messages",
        begin: Begin::Established,
        scripts: &[&[Wish::Extend(DAY_MS)], &[Wish::Extend(2 * DAY_MS)]],
        budget: Budget {
            cuts: 1,
            races: 1,
            ..NO_FAULTS
        },
        properties: &["EST-27", "EST-68"],
        ..BASE
    },
    Scenario {
        name: "policy",
        about: "AE1 makes a policy, AE2 another that collides with it; two cuts, a crash",
        begin: Begin::Established,
        scripts: &[&[Wish::Policy(&NIGHT)], &[Wish::Policy(&RIVAL)]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        properties: &["EST-23", "EST-24", "EST-25", "EST-26", "USE-28"],
        ..BASE
    },
    Scenario {
        name: "policy-stranger",
        about: "AE1 makes a policy, and AE3 one for the session of AE1 and AE2",
        topology: &THREE,
        begin: Begin::Established,
        scripts: &[&[Wish::Policy(&NIGHT)], &[], &[Wish::Meddle(&RIVAL)]],
        properties: &["EST-23", "EST-26"],
        ..BASE
    },
    Scenario {
        name: "policy-lost",
        about: "AE1 makes a policy, its answer is lost, deadlines race with messages; two cuts",
        begin: Begin::Established,
        scripts: &[&[Wish::Policy(&NIGHT)]],
        budget: Budget {
            cuts: 2,
            races: 1,
            ..NO_FAULTS
        },
        properties: &["EST-23", "EST-24", "EST-25", "EST-26"],
        ..BASE
    },
];
