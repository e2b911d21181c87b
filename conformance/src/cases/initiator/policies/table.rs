//! The table of these cases.

use super::*;
use crate::case::{Case, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "INI-60",
        Session,
        Initiator,
        "A policy that contradicts another is 4102, and the next hop is not asked",
        ["POL-14"],
        [],
        "Often the next hop finds the contradiction.",
        contradiction,
        {tags: &["E08"]}
    ),
    case!(
        "INI-61",
        Session,
        Initiator,
        "A malformed policy is refused, and the next hop is not asked",
        ["POL-01", "POL-02", "POL-03"],
        [],
        "Often schedules are only read when they are needed.",
        malformed,
        {stimulus: "Ten policies with a missing, foreign or contradicting member each."}
    ),
    case!(
        "INI-62",
        Session,
        Initiator,
        "A policy that the next hop refuses exists nowhere",
        ["POL-06", "POL-09", "EST-24"],
        [],
        "Often it stays at the CSE that was asked first.",
        refused
    ),
    case!(
        "INI-63",
        Session,
        Initiator,
        "A lost answer to a policy is fetched by repeating the request",
        ["POL-10", "EST-25"],
        [],
        "Often the policy stays at one side only.",
        fetched
    ),
    case!(
        "INI-64",
        Session,
        Initiator,
        "A policy whose request expired is deleted at the next hop",
        ["POL-10", "EST-25"],
        [],
        "Often it stays at the other side.",
        taken_back,
        {tags: &["timing"]}
    ),
    case!(
        "INI-65",
        Session,
        Initiator,
        "A policy is changed far to near, and its version grows",
        ["POL-08", "POL-09"],
        [],
        "Often the near side changes first.",
        changed
    ),
    case!(
        "INI-66",
        Session,
        Initiator,
        "A change that the next hop refuses leaves the policy as it was",
        ["POL-09"],
        [],
        "Often the near side keeps the change.",
        change_refused
    ),
    case!(
        "INI-67",
        Session,
        Initiator,
        "UPDATE of any other member of a policy is 4000, and the next hop is not asked",
        ["POL-08"],
        [],
        "Often the kind of a policy can be changed.",
        fixed_members
    ),
    case!(
        "INI-68",
        Session,
        Initiator,
        "A policy is deleted far to near",
        ["POL-09"],
        [],
        "Often it is gone at the near side although the far side kept it.",
        deleted
    ),
    case!(
        "INI-69",
        Session,
        Initiator,
        "While a change of a policy is under way another one is 4105",
        ["POL-20"],
        [],
        "Often the two sides end with different versions.",
        one_at_a_time
    ),
    case!(
        "INI-70",
        Session,
        Initiator,
        "A policy from the next hop is made and can be read by AE1",
        ["EST-26", "POL-05"],
        [],
        "Often only the initiator may make policies.",
        from_hop
    ),
    case!(
        "INI-71",
        Session,
        Initiator,
        "A policy without name gets one from its CSE, and the same on the next hop",
        ["POL-05", "POL-07"],
        [],
        "Often each CSE chooses its own.",
        named
    ),
    case!(
        "INI-72",
        Session,
        Initiator,
        "The expiration of a session is changed far to near",
        ["EST-68"],
        [],
        "Often only one side knows of it.",
        prolonged
    ),
    case!(
        "INI-73",
        Session,
        Initiator,
        "A new expiration that the next hop refuses changes nothing",
        ["EST-68"],
        [],
        "Often the near side keeps it.",
        not_prolonged
    ),
    case!(
        "INI-74",
        Session,
        Initiator,
        "Policies of the proposal are handed on and in force on success",
        ["POL-11"],
        [],
        "Often they come into force later than the session.",
        proposed
    ),
    case!(
        "INI-75",
        Session,
        Initiator,
        "A policy error in the proposal fails it before the next hop is asked",
        ["POL-11"],
        [],
        "Often the session comes about without its policy.",
        bad_proposal
    ),
    case!(
        "INI-76",
        Session,
        Initiator,
        "Of two policies the lower order decides, and only where its endpoints take part",
        ["POL-12", "POL-13"],
        [],
        "Often the newest decides.",
        lower_wins
    ),
    case!(
        "INI-77",
        Session,
        Initiator,
        "Content larger than `mbs` is 5207 and does not reach the next hop",
        ["POL-18"],
        [],
        "Often it is cut off.",
        too_large
    ),
    case!(
        "INI-78",
        Session,
        Initiator,
        "Under a policy of immediate forwarding nothing is stored for a link that is down",
        ["POL-16"],
        [],
        "Often the request is acknowledged and held.",
        immediate
    ),
    case!(
        "INI-79",
        Session,
        Initiator,
        "Plain data passes under a policy with `jwe` false, and only at the CSEs it binds",
        ["POL-19", "USE-24"],
        [],
        "Often the option is ignored.",
        plain
    ),
];
