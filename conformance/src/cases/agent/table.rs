//! The table of these cases.

use super::*;
use crate::case::{Case, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "AE-01",
        Registration,
        Agent,
        "An AE opens its link as the binding says and registers",
        ["REG-01", "REG-03", "REG-04", "LNK-28", "LNK-30"],
        ["TS-0020 6.2.2", "TS-0004 7.4.5.2.1"],
        "Often `srv` or the subprotocol is missing.",
        registration
    ),
    case!(
        "AE-02",
        Session,
        Agent,
        "An AE subscribes to its own sessions, consent included",
        ["EST-52", "REG-14"],
        [],
        "Often published and private event types are mixed.",
        subscription
    ),
    case!(
        "AE-03",
        Registration,
        Agent,
        "An AE reopens a lost link as the same entity and repeats its open request",
        ["LNK-06", "LNK-07", "LNK-21", "LNK-48"],
        ["TS-0020 5.2"],
        "Often it registers once more, or repeats under a new identifier.",
        reconnection
    ),
    case!(
        "AE-04",
        Session,
        Agent,
        "An AE proposes a session with what is its to say and nothing else",
        ["EST-32", "EST-75"],
        [],
        "Often it chooses an identifier or a key.",
        proposal
    ),
    case!(
        "AE-05",
        Session,
        Agent,
        "A yes carries the endpoint and its paths",
        ["EST-56", "USE-37"],
        [],
        "Often a bare 2000 is meant as a yes.",
        yes
    ),
    case!(
        "AE-06",
        Session,
        Agent,
        "A no is 4005 without content, and nothing is decided without a command",
        ["EST-09", "EST-55"],
        [],
        "Often questions are answered by a default.",
        no
    ),
    case!(
        "AE-07",
        Session,
        Agent,
        "A repeated question gets the same verdict",
        ["EST-12", "REG-31"],
        [],
        "Often the application is asked twice.",
        asked_again
    ),
    case!(
        "AE-08",
        Session,
        Agent,
        "Data of a session is sealed, bound to its request, numbered, with fresh vectors",
        ["USE-24", "USE-36", "USE-55", "USE-58", "USE-59"],
        [],
        "Often the header says nothing of the request.",
        sealed_requests,
        {tags: &["credentials"]}
    ),
    case!(
        "AE-09",
        Session,
        Agent,
        "After the notice of its end an AE uses nothing of a session",
        ["END-31"],
        [],
        "Often the key is kept.",
        erased
    ),
    case!(
        "AE-10",
        Session,
        Agent,
        "An update notification is acknowledged, and its repetition alike",
        ["USE-23", "USE-53", "REG-31"],
        [],
        "Often notifications are not answered.",
        update
    ),
    case!(
        "AE-11",
        Session,
        Agent,
        "Nobody but the registrar ends a session at an AE",
        ["END-13"],
        [],
        "Often any notification of the right form is believed.",
        strangers
    ),
    case!(
        "AE-12",
        Registration,
        Agent,
        "Stray responses and nonsense disturb no exchange",
        ["LNK-43", "REG-18"],
        ["TS-0004 7.3.1.3"],
        "Often an unknown `rqi` ends the client.",
        stray
    ),
    case!(
        "AE-13",
        Session,
        Agent,
        "An AE ends a session at its own address of it, and deregisters itself",
        ["END-13", "REG-06", "REG-14"],
        [],
        "Often the session is deleted at the address of the other side.",
        ends
    ),
];
