//! Scenarios of links.

use super::{BASE, Begin, NO_FAULTS, Scenario};
use crate::topology::{PROVIDERS, THREE};
use crate::wish::{Mode, SESSION, Wish};
use crate::world::Budget;

/// The next 02:30, from where a search begins, at most.
const NIGHT_MS: u64 = 16 * 3_600_000;

/// The table.
pub(super) static ALL: &[Scenario] = &[
    Scenario {
        name: "link-register",
        about: "AE1 registers for the first time, and its link is cut; AE2 asks for something without registering",
        begin: Begin::Nothing,
        scripts: &[
            &[
                Wish::Connect,
                Wish::Register,
                Wish::Subscribe { consent: false },
            ],
            // Who is not registered asks for something else first.
            &[Wish::Connect, Wish::Impersonate],
        ],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        breaks: &[0],
        properties: &["LNK-01", "LNK-03", "LNK-04", "LNK-06", "LNK-14"],
        ..BASE
    },
    Scenario {
        name: "link-replace",
        about: "AE1 writes, and an end of a link loses it before the other knows",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking)]],
        budget: Budget {
            losses: 2,
            ..NO_FAULTS
        },
        breaks: &[0, 1, 2],
        properties: &[
            "LNK-02", "LNK-05", "LNK-06", "LNK-14", "LNK-21", "LNK-22", "LNK-27", "USE-12",
        ],
        ..BASE
    },
    Scenario {
        name: "link-close",
        about: "AE1 writes and closes its link",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking), Wish::Disconnect]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["LNK-12", "LNK-13", "LNK-16"],
        ..BASE
    },
    Scenario {
        name: "link-held",
        about: "AE1 writes and ends the session while the link of AE2 is down",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking), Wish::Terminate]],
        budget: Budget {
            cuts: 2,
            ..NO_FAULTS
        },
        breaks: &[0, 1],
        properties: &[
            "LNK-01", "LNK-05", "LNK-06", "LNK-07", "LNK-09", "LNK-10", "LNK-11", "LNK-18",
            "LNK-22", "LNK-24",
        ],
        ..BASE
    },
    Scenario {
        name: "link-crash",
        about: "AE1 writes and ends the session while the link of AE2 is down, and CSE2 crashes",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking), Wish::Terminate]],
        budget: Budget {
            cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        breaks: &[1],
        crashes: &[1],
        properties: &["LNK-09", "LNK-11", "LNK-24"],
        ..BASE
    },
    Scenario {
        name: "link-question",
        about: "AE2 is asked while its link is down, up to and past the time for a verdict",
        scripts: &[&[Wish::Establish(&SESSION)]],
        budget: Budget {
            cuts: 2,
            ..NO_FAULTS
        },
        breaks: &[1],
        properties: &["LNK-10", "LNK-23", "EST-12", "EST-15"],
        ..BASE
    },
    Scenario {
        name: "link-stored",
        about: "a request is stored for the night, and the link is down when the window opens",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified)]],
        budget: Budget {
            cuts: 2,
            ..NO_FAULTS
        },
        phases: &[NIGHT_MS],
        properties: &["LNK-26", "USE-06", "USE-10", "USE-12"],
        ..BASE
    },
    Scenario {
        name: "link-stop",
        about: "CSE1 is stopped and started again while AE1 writes twice, and the link between the CSEs is cut",
        begin: Begin::Established,
        scripts: &[&[
            Wish::Write(Mode::Blocking),
            Wish::Stop,
            Wish::Write(Mode::Blocking),
        ]],
        budget: Budget {
            cuts: 1,
            ..NO_FAULTS
        },
        properties: &["LNK-06", "LNK-14", "LNK-21", "LNK-66", "USE-12"],
        ..BASE
    },
    Scenario {
        name: "link-providers",
        about: "AE1 and AE2, of two service providers, write to each other; both nodes dial, and a link is cut",
        topology: &PROVIDERS,
        scripts: &[&[Wish::Send], &[Wish::Send]],
        budget: Budget {
            cuts: 1,
            races: 1,
            ..NO_FAULTS
        },
        breaks: &[2, 3],
        properties: &["LNK-01", "LNK-02", "LNK-14", "LNK-61", "LNK-65", "REG-76"],
        ..BASE
    },
    Scenario {
        name: "link-providers-crash",
        about: "the same, and a node crashes",
        topology: &PROVIDERS,
        scripts: &[&[Wish::Send], &[Wish::Send]],
        budget: Budget {
            crashes: 1,
            ..NO_FAULTS
        },
        properties: &["LNK-14", "LNK-61", "LNK-65", "REG-76"],
        ..BASE
    },
    Scenario {
        name: "link-leave",
        about: "AE1 leaves; AE3 speaks in the name of AE1",
        topology: &THREE,
        begin: Begin::Established,
        scripts: &[&[Wish::Deregister], &[], &[Wish::Impersonate]],
        properties: &["LNK-19", "LNK-20"],
        ..BASE
    },
];
