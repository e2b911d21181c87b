//! A scenario that no default run can search whole: for `deep` and `random`.

use super::{BASE, Begin, Scenario};
use crate::wish::{Mode, SESSION, Wish};
use crate::world::Budget;

/// The table.
pub(super) static ALL: &[Scenario] = &[Scenario {
    name: "deep",
    about: "a whole life: establishment, use from both ends, the end; every link breaks, crashes, repetitions, races",
    begin: Begin::Registered,
    scripts: &[
        &[
            Wish::Establish(&SESSION),
            Wish::Write(Mode::Blocking),
            Wish::Terminate,
        ],
        &[Wish::Read { own: true }, Wish::Terminate],
    ],
    budget: Budget {
        cuts: 3,
        losses: 1,
        crashes: 1,
        repeats: 1,
        races: 2,
        failures: 0,
    },
    breaks: &[0, 1, 2],
    properties: &[
        "EST-01", "EST-02", "EST-03", "EST-04", "EST-06", "EST-07", "EST-08", "EST-13", "USE-01",
        "USE-04", "USE-12", "USE-16", "USE-17", "END-01", "END-02", "END-13", "END-14",
    ],
    by_default: false,
    ..BASE
}];
