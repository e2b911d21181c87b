//! Liveness scenarios: links break as often as they like, and what was promised comes about in the end.
//!
//! The time of a pause before another attempt is nothing, and a request's own deadlines are as everywhere.

use super::{BASE, Begin, NO_FAULTS, Scenario};
use crate::liveness::{Promise, promises};
use crate::wish::{Mode, NIGHT, SESSION, Wish};
use crate::world::{Budget, ENDLESS};
use m2m_machine::config::Config;

/// The next 02:30, from where a search begins, at most.
const NIGHT_MS: u64 = 16 * 3_600_000;

/// A day and some minutes: the request has expired, and its originator has waited for the news of it.
const DAY_MS: u64 = 86_400_000 + 300_000;

/// As often as it likes.
const CUTS: Budget = Budget {
    cuts: ENDLESS,
    ..NO_FAULTS
};

/// Pauses without length: how long one is is the environment's choice.
const fn at_once(config: &mut Config) {
    config.timers.tombstone_retry_ms = 0;
    config.timers.tombstone_retry_max_ms = 0;
}

/// The table.
pub(super) static ALL: &[Scenario] = &[
    Scenario {
        name: "live-establish",
        about: "establishment, AE2 says yes or no; the link between the CSEs is cut without end",
        scripts: &[&[Wish::Establish(&SESSION)]],
        verdicts: &[true, false],
        budget: CUTS,
        adjust: at_once,
        promises: &[
            Promise::at_rest("EST-11"),
            Promise::at_rest("EST-14"),
            Promise::at_rest("EST-15"),
            promises::CONFIRMED_END,
        ],
        ..BASE
    },
    Scenario {
        name: "live-policy",
        about: "AE1 makes a policy; the link between the CSEs is cut without end",
        begin: Begin::Established,
        scripts: &[&[Wish::Policy(&NIGHT)]],
        budget: CUTS,
        adjust: at_once,
        promises: &[Promise::at_rest("EST-25")],
        ..BASE
    },
    Scenario {
        name: "live-end",
        about: "AE1 ends the session; the link between the CSEs is cut without end",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate]],
        budget: CUTS,
        horizon_ms: 1_000,
        adjust: at_once,
        promises: &[Promise::at_rest("END-10"), promises::CONFIRMED_END],
        ..BASE
    },
    Scenario {
        name: "live-end-both",
        about: "AE1 and AE2 both end the session; the link between the CSEs is cut twice",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate], &[Wish::Terminate]],
        budget: Budget { cuts: 2, ..CUTS },
        horizon_ms: 1_000,
        adjust: at_once,
        promises: &[Promise::at_rest("END-11"), promises::CONFIRMED_END],
        ..BASE
    },
    Scenario {
        name: "live-crash",
        about: "AE1 ends the session; the link between the CSEs is cut without end, CSE2 crashes",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate]],
        budget: Budget { crashes: 1, ..CUTS },
        crashes: &[1],
        horizon_ms: 1_000,
        adjust: at_once,
        promises: &[Promise::at_rest("END-10"), promises::CONFIRMED_END],
        ..BASE
    },
    Scenario {
        name: "live-end-absent",
        about: "AE1 ends the session; the links of AE2 and between the CSEs are cut without end",
        begin: Begin::Established,
        scripts: &[&[Wish::Terminate]],
        budget: CUTS,
        breaks: &[1, 2],
        horizon_ms: 1_000,
        adjust: at_once,
        promises: &[
            Promise::at_rest("END-10"),
            Promise::at_rest("END-21"),
            promises::CONFIRMED_END,
        ],
        ..BASE
    },
    Scenario {
        name: "live-stored",
        about: "AE1 writes under a policy for the night; the link between the CSEs is cut without end",
        begin: Begin::WithNight,
        scripts: &[&[Wish::Write(Mode::Notified)]],
        budget: CUTS,
        phases: &[NIGHT_MS, DAY_MS],
        adjust: at_once,
        promises: &[promises::STORED_OUTCOME, promises::TOLD_OF_UPDATE],
        ..BASE
    },
    Scenario {
        name: "live-held",
        about: "AE1 writes; the link of AE2, which is to be told, is cut without end",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking)]],
        budget: CUTS,
        breaks: &[1],
        adjust: at_once,
        promises: &[promises::HELD_ARE_SENT],
        ..BASE
    },
    Scenario {
        name: "live-link",
        about: "AE1 writes; every link is cut without end",
        begin: Begin::Established,
        scripts: &[&[Wish::Write(Mode::Blocking)]],
        budget: CUTS,
        breaks: &[0, 1, 2],
        adjust: at_once,
        promises: &[
            promises::REOPENED,
            promises::HELD_ARE_SENT,
            Promise::at_rest("USE-33"),
        ],
        ..BASE
    },
];
