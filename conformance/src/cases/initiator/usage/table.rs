//! The table of these cases.

use super::*;
use crate::case::{Case, Group, Needs, Script, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "INI-E10",
        title: "A stored request whose next hop stays away ends with 4008 and is never delivered",
        requirements: &["USE-07", "USE-11", "USE-47"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Initiator,
        script: Script {
            preamble: "A session with a policy whose window opens in two seconds.",
            stimulus: "AE1 sends a request with `rt` 2; the next hop leaves and returns when its \
                       `rqet` is past.",
            tags: &["E10", "timing"],
            ..Script::PLAIN
        },
        steps: EXPIRED,
        hint: "Often the request is delivered late, or its end is not reported.",
        run: |peer| Box::pin(expired(peer)),
    },
    case!(
        "INI-40",
        Session,
        Initiator,
        "A stored request waits for the link as well as for the window",
        ["LNK-26", "USE-08", "USE-10"],
        [],
        "Often it is dropped if the link is down when the window opens.",
        waits_for_link,
        {tags: &["timing"]}
    ),
    case!(
        "INI-41",
        Session,
        Initiator,
        "A forwarded request whose answer was lost is repeated with the same `rqi`",
        ["USE-08", "USE-12", "LNK-21"],
        [],
        "Often it is repeated under a new identifier, and so served twice.",
        answer_lost
    ),
    case!(
        "INI-42",
        Session,
        Initiator,
        "Stored requests leave in the order in which they were accepted",
        ["USE-13"],
        [],
        "Often they leave in the order of a map.",
        ordered,
        {tags: &["timing"]}
    ),
    case!(
        "INI-43",
        Session,
        Initiator,
        "A stranger with the session identifier is refused, and nothing reaches the next hop",
        ["USE-02", "USE-35"],
        [],
        "Often the identifier alone opens the way.",
        stranger,
        {tags: &["E06"]}
    ),
    case!(
        "INI-44",
        Session,
        Initiator,
        "A target outside the paths is refused, and nothing reaches the next hop",
        ["USE-01", "USE-39"],
        [],
        "Often paths are compared by their first letters.",
        outside,
        {stimulus: "Targets beside, above and below the path, and one that only begins like it.",
         tags: &["E07"]}
    ),
    case!(
        "INI-45",
        Session,
        Initiator,
        "An unknown session is 4004, and its request is not handled as one without session",
        ["USE-32"],
        [],
        "Often an unknown parameter is ignored.",
        unknown,
        {tags: &["E17"]}
    ),
    case!(
        "INI-46",
        Session,
        Initiator,
        "Plain data is 4102, a foreign key 4112, and neither reaches the next hop",
        ["USE-24", "USE-55", "USE-56"],
        [],
        "Often only the hosting CSE looks.",
        unsealed,
        {tags: &["E15"]}
    ),
    case!(
        "INI-47",
        Session,
        Initiator,
        "A blocking request under a delaying policy is 5207, and so is one without a window",
        ["USE-45"],
        [],
        "Often it is held until it expires.",
        no_window,
        {tags: &["E09"]}
    ),
    case!(
        "INI-48",
        Session,
        Initiator,
        "A blocking request whose next link is down is answered 5103",
        ["USE-42"],
        [],
        "Often it waits for its expiration.",
        link_down
    ),
    case!(
        "INI-49",
        Session,
        Initiator,
        "An error of the host reaches the initiator unchanged, with its `sid`",
        ["USE-15", "USE-37"],
        [],
        "Often it becomes 5000.",
        errors
    ),
    case!(
        "INI-50",
        Session,
        Initiator,
        "Data of the far endpoint is served over the hop, and AE1 is told",
        ["USE-05", "USE-20", "USE-51", "USE-57"],
        [],
        "Often only the initiator may use the session.",
        served
    ),
    case!(
        "INI-51",
        Session,
        Initiator,
        "Over the hop only the far endpoint may use the session",
        ["USE-02", "USE-04"],
        [],
        "Often any AE behind the neighbour may.",
        wrong_originator,
        {stimulus: "CSE2 sends for itself, for another AE behind it, and for AE1."}
    ),
    case!(
        "INI-52",
        Session,
        Initiator,
        "A CSE that is not a hop of the session cannot use it",
        ["USE-04", "EST-70", "END-13"],
        [],
        "Often a valid session identifier is enough.",
        other_hop,
        {stimulus: "A third CSE sends data, reads the session and deletes it."}
    ),
    case!(
        "INI-53",
        Session,
        Initiator,
        "An identical repetition over the hop is answered again and served once",
        ["USE-12", "REG-31"],
        [],
        "Often it is served twice.",
        repeated
    ),
    case!(
        "INI-54",
        Session,
        Initiator,
        "The checks of a session-based request are made in one order",
        ["USE-35"],
        [],
        "Often the path is looked at before the originator.",
        order,
        {stimulus: "Requests with two faults each; the earlier one of the order answers."}
    ),
    case!(
        "INI-55",
        Session,
        Initiator,
        "`rt` 1 is acknowledged 1001, forwarded without `rt`, and its result kept",
        ["REG-34", "REG-35", "USE-41", "USE-47"],
        [],
        "Often the next hop is asked in non-blocking mode too.",
        kept_result
    ),
    case!(
        "INI-56",
        Session,
        Initiator,
        "Loss of the hop's link turns a session offline and back, and ends nothing",
        ["EST-74", "LNK-22", "LNK-05"],
        [],
        "Often the session ends with its link.",
        offline
    ),
];
