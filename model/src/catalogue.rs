//! The catalogue of properties: which are formalised here, and where the others are shown.

use crate::properties;
use std::collections::BTreeSet;

/// How many properties each chapter of the catalogue has.
const CHAPTERS: [(&str, u8); 4] = [("EST", 31), ("USE", 34), ("END", 24), ("LNK", 27)];

/// Properties that cannot be expressed in a world, why, and where they are shown.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    (
        "EST-30",
        "withdrawn: a session of this version has one target",
    ),
    (
        "USE-26",
        "cryptography is symbolic here; model/machine/tests/ae/sealing.rs shows replays, copies and headers",
    ),
    (
        "LNK-08",
        "withdrawn: schedules of links are not offered; LNK-26 is in its place",
    ),
    (
        "LNK-15",
        "frames do not exist in a world; the suite's framing group shows it",
    ),
    (
        "LNK-17",
        "the Close handshake is that of the WebSocket library; the suite's framing group looks at each half of it (LNK-16)",
    ),
    (
        "LNK-25",
        "pauses have no length in a world; model/machine/tests/ae/refusals.rs shows how they grow, and where they stop",
    ),
];

/// The numbers of the catalogue.
pub(crate) struct Coverage {
    /// All.
    pub(crate) total: usize,
    /// Properties of the model.
    pub(crate) formalised: usize,
    /// Shown elsewhere.
    pub(crate) elsewhere: usize,
    /// Neither.
    pub(crate) open: Vec<String>,
}

/// Every identifier of the catalogue.
pub(crate) fn identifiers() -> impl Iterator<Item = String> {
    CHAPTERS
        .iter()
        .flat_map(|(chapter, count)| (1..=*count).map(move |n| format!("{chapter}-{n:02}")))
}

/// Counts.
pub(crate) fn coverage() -> Coverage {
    let formalised: BTreeSet<&str> = properties::all().map(properties::Property::id).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(id, _)| *id).collect();
    let open = identifiers()
        .filter(|id| !formalised.contains(id.as_str()) && !elsewhere.contains(id.as_str()))
        .collect();
    Coverage {
        total: identifiers().count(),
        formalised: identifiers()
            .filter(|id| formalised.contains(id.as_str()))
            .count(),
        elsewhere: elsewhere.len(),
        open,
    }
}
