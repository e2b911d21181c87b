//! The table of these cases.

use super::*;
use crate::case::{Case, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "LOC-01",
        Session,
        One,
        "Two AEs of one CSE get one session, active at once and without a hop",
        ["EST-51", "EST-07", "EST-12", "EST-54", "EST-62"],
        [],
        "Often a second session is made at the same CSE.",
        established,
        {tags: &["flow"]}
    ),
    case!(
        "LOC-02",
        Session,
        One,
        "Data between two AEs of one CSE is served, recorded once and told",
        ["USE-05", "USE-17", "USE-20", "USE-51", "USE-57"],
        [],
        "Often it is recorded twice, or forwarded to nobody.",
        used,
        {tags: &["flow"]}
    ),
    case!(
        "LOC-03",
        Session,
        One,
        "DELETE by the initiator tells the target, and leaves nothing",
        ["END-01", "END-03", "END-05", "END-20", "END-28"],
        [],
        "Often the other endpoint is not told where there is no hop.",
        ended_by_initiator,
        {tags: &["flow"]}
    ),
    case!(
        "LOC-04",
        Session,
        One,
        "DELETE by the target tells the initiator",
        ["END-01", "END-13", "END-28"],
        [],
        "Often only the owner of the collection may delete.",
        ended_by_target
    ),
    case!(
        "LOC-05",
        Session,
        One,
        "At its expiration both endpoints are told, once, with reason 2",
        ["END-17", "END-20", "END-29", "END-36"],
        [],
        "Often it just disappears.",
        expired,
        {ixit: &["timers.expiry_margin_ms"], tags: &["timing"]}
    ),
    case!(
        "LOC-06",
        Session,
        One,
        "Deregistration of one endpoint tells the other with reason 3",
        ["END-18", "END-28", "END-29"],
        [],
        "Often the session stays with one endpoint.",
        deregistered
    ),
    case!(
        "LOC-07",
        Session,
        One,
        "A refusal of the target is 4127 and leaves nothing",
        ["EST-11", "EST-18", "EST-55"],
        [],
        "Often the session is made before the target is asked.",
        refused,
        {tags: &["E01"]}
    ),
    case!(
        "LOC-08",
        Session,
        One,
        "A target without capability, without consent, or without registration is told apart",
        ["EST-37", "EST-38", "EST-39"],
        [],
        "Often all of them are 4004.",
        unwilling_targets,
        {tags: &["E02", "E03", "E05"]}
    ),
    case!(
        "LOC-09",
        Session,
        One,
        "A silent target is 4008, and its late yes is answered with reason 6",
        ["EST-15", "EST-16", "EST-57", "EST-58"],
        [],
        "Often the late yes makes the session.",
        silent,
        {tags: &["E04", "timing"]}
    ),
    case!(
        "LOC-10",
        Session,
        One,
        "A stranger, a target outside the paths and an unknown session are told apart",
        ["USE-01", "USE-02", "USE-32"],
        [],
        "Often a local request is not checked.",
        misused,
        {tags: &["E06", "E07", "E17"]}
    ),
    case!(
        "LOC-11",
        Session,
        One,
        "Plain data is 4102 also where nothing leaves the CSE",
        ["USE-24"],
        [],
        "Often only forwarded data is looked at.",
        plain,
        {tags: &["E15"]}
    ),
    case!(
        "LOC-12",
        Session,
        One,
        "A proposal to oneself is refused",
        ["EST-32"],
        [],
        "Often an AE is asked whether it wants to talk to itself.",
        oneself
    ),
    case!(
        "LOC-13",
        Session,
        One,
        "A policy is made at once, its contradiction is 4102, its deletion leaves none",
        ["POL-05", "POL-14", "POL-08"],
        [],
        "Often policies wait for a hop that does not exist.",
        policies,
        {tags: &["E08"]}
    ),
    case!(
        "LOC-14",
        Session,
        One,
        "A stranger reads, changes and ends nothing of a session",
        ["EST-70", "END-13"],
        [],
        "Often session resources have no access control.",
        stranger
    ),
    case!(
        "LOC-15",
        Session,
        One,
        "A repeated proposal gets its answer again, and the target no second question",
        ["EST-12", "EST-13", "REG-31"],
        [],
        "Often the copy is 4105.",
        repeated,
        {tags: &["E14"]}
    ),
    case!(
        "LOC-16",
        Session,
        One,
        "Loss of an endpoint's link turns the session offline and ends nothing",
        ["EST-74", "LNK-22"],
        [],
        "Often the session ends with the link.",
        offline
    ),
    case!(
        "LOC-17",
        Session,
        One,
        "A session appears in discovery of its endpoints only",
        ["DIS-06"],
        [],
        "Often session resources are found by everybody.",
        hidden
    ),
    case!(
        "LOC-18",
        Session,
        One,
        "Names of the seed's collections are addresses and cannot be names",
        ["EST-73"],
        [],
        "Often they are made as resources.",
        collections
    ),
];
