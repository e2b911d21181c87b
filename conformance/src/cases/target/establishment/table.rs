//! The table of these cases.

use super::*;
use crate::case::{Case, Group, Needs, Script, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "TGT-E12",
        title: "A compensation ends the session by its identifier, and a late hop request is 4105",
        requirements: &["EST-49", "EST-64", "END-26", "END-29"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Target,
        script: Script {
            stimulus: "CSE1's link is cut before the answer; CSE1 returns, compensates, and sends \
                       the hop request once more under a new `rqi`.",
            tags: &["E12"],
            ..Script::PLAIN
        },
        steps: COMPENSATED,
        hint: "Often the collection itself is meant by the DELETE, or the late request is taken.",
        run: |peer| Box::pin(compensated(peer)),
    },
    Case {
        id: "TGT-E12A",
        title: "A hop request repeated after a reopening gets the same answer, and AE2 no question",
        requirements: &["EST-12", "EST-13", "EST-65", "REG-31"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Target,
        script: Script {
            stimulus: "CSE1's link is cut before the answer; CSE1 returns and repeats the request.",
            tags: &["E12a"],
            ..Script::PLAIN
        },
        steps: REPEATED,
        hint: "Often the repetition is refused because its identifier is known.",
        run: |peer| Box::pin(repeated(peer)),
    },
    Case {
        id: "TGT-E12C",
        title: "A pending session that nobody confirms ends with its lease, and AE2 is told",
        requirements: &["EST-14", "EST-63", "END-29"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Target,
        script: Script {
            stimulus: "CSE1 never comes back.",
            ixit: &["timers.lease_ms"],
            tags: &["E12c", "timing"],
            ..Script::PLAIN
        },
        steps: LEASE,
        hint: "Often the pending session stays until it expires.",
        run: |peer| Box::pin(lease(peer)),
    },
    Case {
        id: "TGT-E04",
        title: "A target whose link stays down gives 5107, and is not asked when it is back",
        requirements: &["EST-57", "LNK-10", "LNK-23"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Target,
        script: Script {
            tags: &["E04", "timing"],
            ..Script::PLAIN
        },
        steps: ABSENT,
        hint: "Often the question is sent after its time.",
        run: |peer| Box::pin(absent(peer)),
    },
    case!(
        "TGT-01",
        Session,
        Target,
        "A target that refuses gives 4127, and its key is never accepted",
        ["EST-01", "EST-11", "EST-18", "EST-55"],
        [],
        "Often the verdict's own status is passed on.",
        refused,
        {tags: &["E01"]}
    ),
    case!(
        "TGT-02",
        Session,
        Target,
        "A yes without a valid endpoint is a refusal",
        ["EST-42", "EST-56"],
        [],
        "Often any 2000 is taken for a yes.",
        half_hearted,
        {stimulus: "Verdicts without content, without `epp`, for another AE, with foreign paths."}
    ),
    case!(
        "TGT-03",
        Session,
        Target,
        "A target without session capability gives 5214 at once",
        ["EST-09", "EST-37"],
        [],
        "Often the missing collection is 4004.",
        incapable,
        {tags: &["E02"]}
    ),
    case!(
        "TGT-04",
        Session,
        Target,
        "A target without consent subscription gives 5107 at once",
        ["EST-09", "EST-38"],
        [],
        "Often the CSE waits for one.",
        unsubscribed,
        {tags: &["E03"]}
    ),
    case!(
        "TGT-05",
        Session,
        Target,
        "A target that is not registered gives 4004",
        ["EST-39"],
        [],
        "Often 5107 is answered.",
        nobody,
        {tags: &["E05"]}
    ),
    case!(
        "TGT-06",
        Session,
        Target,
        "A silent target gives 4008, and its late yes is answered with reason 6",
        ["EST-16", "EST-57", "EST-58"],
        [],
        "Often the late yes makes a session.",
        silent,
        {tags: &["E04", "timing"]}
    ),
    case!(
        "TGT-07",
        Session,
        Target,
        "A question held for an absent target is put when its link is back in time",
        ["LNK-11", "EST-57"],
        [],
        "Often the offer fails as soon as the link is down.",
        returns_in_time
    ),
    case!(
        "TGT-08",
        Session,
        Target,
        "A hop request that lacks a member is 4000, and the target is not asked",
        ["EST-47"],
        [],
        "Often missing members are made up.",
        incomplete,
        {stimulus: "Hop requests without `sid`, `soi`, `sto`, `et`, `nhr`, `vst`, `scr`, `smg:sep`."}
    ),
    case!(
        "TGT-09",
        Session,
        Target,
        "A hop request that visited this CSE, or too many, is 4105",
        ["EST-29"],
        [],
        "Often loops are only found by their expiration.",
        visited
    ),
    case!(
        "TGT-10",
        Session,
        Target,
        "A known session identifier with other content is 4105",
        ["EST-49"],
        [],
        "Often the second replaces the first.",
        known
    ),
    case!(
        "TGT-11",
        Session,
        Target,
        "A hop request that contradicts its sender is refused",
        ["EST-06", "EST-43"],
        [],
        "Often a neighbour may speak for a foreign initiator.",
        contradicting,
        {stimulus: "`sid`, `soi` or the endpoint of another CSE than the one that `vst` names."}
    ),
    case!(
        "TGT-12",
        Session,
        Target,
        "The confirmation can be repeated, and says 2 or is 4000",
        ["EST-61"],
        [],
        "Often a second confirmation is an error.",
        confirmations
    ),
    case!(
        "TGT-13",
        Session,
        Target,
        "Only the hop towards the initiator confirms",
        ["EST-61"],
        [],
        "Often the target can confirm by itself.",
        wrong_confirmations,
        {stimulus: "A third CSE and AE2 write the lifecycle of a pending session."}
    ),
    case!(
        "TGT-14",
        Session,
        Target,
        "The first valid request from the hop makes a pending session active",
        ["EST-20"],
        [],
        "Often a lost confirmation makes the session useless.",
        first_use
    ),
    case!(
        "TGT-15",
        Session,
        Target,
        "A pending session takes no policy",
        ["EST-26"],
        [],
        "Often policies are taken before the session is active.",
        early_policy
    ),
    case!(
        "TGT-16",
        Session,
        Target,
        "A compensation for nothing is 4004, and the collection cannot be deleted",
        ["END-26", "EST-71"],
        [],
        "Often the collection is deleted.",
        nothing_to_compensate
    ),
    case!(
        "TGT-17",
        Session,
        Target,
        "A compensation while the target is still asked ends the attempt",
        ["EST-11", "EST-58"],
        [],
        "Often the verdict that follows still makes a session.",
        taken_back_early
    ),
    case!(
        "TGT-18",
        Session,
        Target,
        "Deregistration of the target while it is asked makes the request fail",
        ["EST-28"],
        [],
        "Often the request hangs until it expires.",
        target_left
    ),
    case!(
        "TGT-19",
        Session,
        Target,
        "Policies of the hop request are in force, and a bad one fails it",
        ["POL-11"],
        [],
        "Often bad policies are dropped.",
        policies
    ),
    case!(
        "TGT-20",
        Session,
        Target,
        "With end-to-end keys a yes without public key is a refusal",
        ["EST-46"],
        [],
        "Often the session comes about without protection.",
        end_to_end
    ),
];
