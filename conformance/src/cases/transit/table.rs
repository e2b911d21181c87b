//! The table of these cases.

use super::*;
use crate::case::{Case, Group, Needs, Script, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "TRN-FLOW",
        title: "A session, its policy, its data and its end pass through a CSE in between",
        requirements: &[
            "EST-04", "EST-08", "EST-29", "EST-47", "EST-50", "EST-59", "POL-07", "USE-04",
            "USE-41", "END-02", "END-25",
        ],
        group: Group::Session,
        clauses: &["TS-0004 7.3.2.6"],
        needs: Needs::Transit,
        script: Script {
            stimulus: "CSE1 asks for a session with an AE behind CSE2, makes a policy, sends data \
                       and ends the session; CSE2 withholds each answer until the suite has looked.",
            tags: &["flow"],
            ixit: &["timers.hop_step_ms"],
            ..Script::PLAIN
        },
        steps: FLOW,
        hint: "Often only CSEs with an endpoint take session requests.",
        run: |peer| Box::pin(flow(peer)),
    },
    case!(
        "TRN-01",
        Session,
        Transit,
        "A refusal from beyond travels back unchanged and leaves nothing",
        ["EST-11", "EST-50", "EST-55"],
        [],
        "Often the transit CSE keeps its own session.",
        refused,
        {tags: &["E01"]}
    ),
    case!(
        "TRN-02",
        Session,
        Transit,
        "A hop beyond that stays silent gives 4008 and is compensated",
        ["EST-15", "EST-64"],
        [],
        "Often only the initiator's CSE compensates.",
        silent,
        {tags: &["E12", "timing"]}
    ),
    case!(
        "TRN-03",
        Session,
        Transit,
        "A compensation is passed on to the hop beyond",
        ["EST-14", "EST-64", "END-26"],
        [],
        "Often it ends at the transit CSE.",
        compensated,
        {tags: &["E12"]}
    ),
    case!(
        "TRN-04",
        Session,
        Transit,
        "A hop beyond without sessions gives 5001, and nothing is forwarded",
        ["EST-10", "EST-40"],
        [],
        "Often `srt` is only read at the initiator's CSE.",
        deaf
    ),
    case!(
        "TRN-05",
        Session,
        Transit,
        "A request that has been here is 4105",
        ["EST-29"],
        [],
        "Often it goes round until it expires.",
        looped
    ),
    case!(
        "TRN-06",
        Session,
        Transit,
        "DELETE from the far side is passed towards the initiator and confirmed after it",
        ["END-02", "END-25", "EST-50"],
        [],
        "Often hops only look downstream.",
        from_far
    ),
    case!(
        "TRN-07",
        Session,
        Transit,
        "Data passes in both directions between the endpoints, and only there",
        ["USE-02", "USE-04", "USE-41", "REG-21"],
        [],
        "Often the wrong side may speak for an endpoint.",
        both_ways
    ),
    case!(
        "TRN-08",
        Session,
        Transit,
        "A confirmation answered 4004 beyond ends the session on all hops",
        ["EST-50", "EST-66"],
        [],
        "Often the transit CSE answers 4004 and tells nobody.",
        unconfirmed
    ),
    case!(
        "TRN-09",
        Session,
        Transit,
        "With one hop away the end is 5107, and the hop is asked when it is back",
        ["END-33", "END-34"],
        [],
        "Often a transit CSE forgets what it had to pass on.",
        hop_away,
        {tags: &["E16", "timing"]}
    ),
    case!(
        "TRN-10",
        Session,
        Transit,
        "A policy that is refused beyond exists on no hop",
        ["POL-06", "POL-09"],
        [],
        "Often the transit CSE keeps it.",
        policy_refused
    ),
    case!(
        "TRN-11",
        Session,
        Transit,
        "At its expiration a session is gone without any message",
        ["END-17"],
        [],
        "Often each hop tells the next.",
        expired,
        {ixit: &["timers.expiry_margin_ms"], tags: &["timing"]}
    ),
    case!(
        "TRN-12",
        Session,
        Transit,
        "A repeated hop request is passed on once and answered twice",
        ["EST-13", "EST-65", "REG-31"],
        [],
        "Often the hop beyond is asked again.",
        repeated
    ),
];
