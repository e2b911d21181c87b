//! What is searched: one row per scenario.

use crate::topology::{CHAIN, PAIR, THREE, Topology};
use crate::wish::{BACK, Mode, NIGHT, RIVAL, SECRET, SESSION, UNNAMED, Wish};
use crate::world::Budget;
use m2m_machine::config::Config;
use m2m_machine::primitive::Operation;

/// A scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) about: &'static str,
    /// Who takes part.
    pub(crate) topology: &'static Topology,
    /// Where it begins.
    pub(crate) begin: Begin,
    /// What the applications want, by AE.
    pub(crate) scripts: &'static [&'static [Wish]],
    /// What an application that is asked for consent may say; nothing: it stays silent.
    pub(crate) verdicts: &'static [bool],
    /// How often the environment may interfere.
    pub(crate) budget: Budget,
    /// The links that may break.
    pub(crate) breaks: &'static [u8],
    /// The CSEs that may crash.
    pub(crate) crashes: &'static [u8],
    /// How far deadlines are looked at, in milliseconds from the beginning.
    pub(crate) horizon_ms: u64,
    /// Moments to which the clock may jump, in milliseconds from the beginning.
    pub(crate) phases: &'static [u64],
    /// What is changed in the configuration of the CSEs.
    pub(crate) adjust: fn(&mut Config),
    /// Identifiers of the properties that are looked at.
    pub(crate) properties: &'static [&'static str],
    /// Whether it belongs to the default run.
    pub(crate) by_default: bool,
}

/// Where a scenario begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Begin {
    /// Nobody knows anybody.
    Nothing,
    /// The AEs are registered, the CSEs have not met yet.
    Apart,
    /// CSEs and AEs are registered, AE2 may be asked.
    Registered,
    /// And AE1 may be asked too.
    Mutual,
    /// AE1 and AE2 are in a session.
    Established,
    /// In a session with a policy for the night.
    WithNight,
}

/// Nothing of the configuration is changed.
pub(crate) const fn as_it_is(_: &mut Config) {}

/// What most scenarios have in common.
const BASE: Scenario = Scenario {
    name: "",
    about: "",
    topology: &PAIR,
    begin: Begin::Registered,
    scripts: &[],
    verdicts: &[true],
    budget: NO_FAULTS,
    breaks: &[2],
    crashes: &[0, 1],
    horizon_ms: 75_000,
    phases: &[],
    adjust: as_it_is,
    properties: &[],
    by_default: true,
};

const NO_FAULTS: Budget = Budget {
    cuts: 0,
    losses: 0,
    crashes: 0,
    repeats: 0,
    races: 0,
    failures: 0,
};

/// What holds of every establishment.
const ESTABLISHMENT: &[&str] = &[
    "EST-01", "EST-02", "EST-03", "EST-04", "EST-06", "EST-07", "EST-08", "EST-09", "EST-10",
    "EST-12", "EST-13", "EST-14", "EST-15", "EST-16", "EST-17", "EST-27",
];

/// What holds of every termination that is asked for.
const END: &[&str] = &[
    "END-01", "END-02", "END-03", "END-04", "END-05", "END-10", "END-11", "END-14", "END-16",
    "END-19", "END-20", "END-21", "END-23", "END-24",
];

/// How long a session of the set-up lasts from where a search begins, at most.
const WEEK_MS: u64 = 604_800_000;

/// The next 02:30, from where a search begins, at most.
const NIGHT_MS: u64 = 16 * 3_600_000;

/// A day.
const DAY_MS: u64 = 86_400_000;

/// Every scenario.
pub(crate) static ALL: &[Scenario] = &[
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
        about: "AE2 refuses or stays silent; a cut, a crash, AE1 repeats its request",
        scripts: &[&[Wish::Establish(&SESSION)]],
        verdicts: &[false],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            repeats: 1,
            ..NO_FAULTS
        },
        properties: &["EST-11", "EST-12", "EST-15", "EST-18"],
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
        about: "AE1 or AE2 deregisters at any moment of an establishment; a cut",
        scripts: &[
            &[Wish::Establish(&SESSION), Wish::Deregister],
            &[Wish::Deregister],
        ],
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
        name: "end-both",
        about: "AE1 and AE2 end the session at once; a cut, a crash",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate], &[Wish::Terminate]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        properties: END,
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
        properties: &["END-05", "END-06", "END-07", "END-08", "END-10", "END-22", "EST-20"],
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
        about: "one of two sessions between the same AEs ends; a cut",
        scripts: &[
            &[
                Wish::Establish(&SESSION),
                Wish::Establish(&UNNAMED),
                Wish::Terminate,
            ],
        ],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["END-15", "EST-05", "EST-14", "EST-19"],
        ..BASE
    },
    Scenario {
        name: "end-by-leaving",
        about: "AE1 or AE2 deregisters from an established session; a cut, a crash",
        begin: Begin::Established,
        scripts: &[&[Wish::Deregister], &[Wish::Deregister]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        properties: &["END-05", "END-12", "END-18"],
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
        properties: &["END-05", "END-14", "END-17", "END-22", "EST-27"],
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
            &[Wish::Misuse(Operation::Retrieve), Wish::Misuse(Operation::Delete)],
        ],
        properties: &["END-13", "END-14"],
        ..BASE
    },
    Scenario {
        name: "use",
        about: "AE1 writes twice and AE2 reads, without a policy; a cut, a crash",
        begin: Begin::Established,
        scripts: &[
            &[Wish::Write(Mode::Blocking), Wish::Write(Mode::Blocking)],
            &[Wish::Read { own: true }],
        ],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            repeats: 1,
            ..NO_FAULTS
        },
        properties: &[
            "USE-01", "USE-02", "USE-03", "USE-04", "USE-05", "USE-12", "USE-13", "USE-14",
            "USE-15", "USE-16", "USE-17", "USE-19", "USE-20", "USE-21", "USE-22", "USE-23",
            "USE-24", "USE-33", "EST-20",
        ],
        ..BASE
    },
    Scenario {
        name: "use-stored",
        about: "AE1 writes twice under a policy for the night; a cut, a crash, the window opens and closes",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified), Wish::Write(Mode::Notified)]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        phases: &[NIGHT_MS],
        horizon_ms: 75_000,
        properties: &[
            "USE-04", "USE-06", "USE-07", "USE-08", "USE-09", "USE-10", "USE-12", "USE-13",
            "USE-16", "USE-17", "USE-29",
        ],
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
        scripts: &[&[Wish::Write(Mode::Notified)], &[Wish::Write(Mode::Notified)]],
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
    Scenario {
        name: "capability",
        about: "AE1 asks for a session before the CSEs know of each other",
        begin: Begin::Apart,
        scripts: &[&[Wish::Establish(&SESSION)]],
        properties: &["EST-10", "EST-14", "EST-15"],
        ..BASE
    },
];

/// The scenario of that name.
pub(crate) fn by_name(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
