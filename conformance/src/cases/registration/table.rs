//! The table of the registration cases.

use super::*;
use crate::case::{Case, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "REG-A01",
        Registration,
        One,
        "An AE that asks with its own stem gets it",
        ["REG-02"],
        ["TS-0004 7.4.5.2.1"],
        "Often the CSE chooses another.",
        own_stem
    ),
    case!(
        "REG-A02",
        Registration,
        One,
        "A stem that is registered is refused with 4117",
        ["REG-02"],
        ["TS-0004 7.4.5.2.1"],
        "Often the second replaces the first.",
        twice
    ),
    case!(
        "REG-A03",
        Registration,
        One,
        "Without `api`, `rr` or `srv` an AE is refused with 4000",
        ["REG-03"],
        ["TS-0004 7.4.5.2.1", "TS-0001 9.6.5"],
        "Often one is not demanded.",
        incomplete
    ),
    case!(
        "REG-A04",
        Registration,
        One,
        "An `api` begins with R, r or N, else 4000",
        ["REG-03"],
        ["TS-0004 7.4.5.2.1"],
        "Often any text is taken.",
        bad_api
    ),
    case!(
        "REG-A05",
        Registration,
        One,
        "The representation shows what was registered",
        ["REG-04"],
        ["TS-0004 7.4.5"],
        "Often `srv` or `rr` is lost.",
        shown
    ),
    case!(
        "REG-A06",
        Registration,
        One,
        "DELETE by its owner ends a registration with all below it",
        ["REG-06"],
        ["TS-0001 10.2.2.3"],
        "Often children or the identity stay.",
        leaves
    ),
    case!(
        "REG-A07",
        Registration,
        One,
        "After DELETE the same stem can register again",
        ["REG-06", "REG-02"],
        ["TS-0001 10.2.2.2"],
        "Often the stem stays taken.",
        again
    ),
    case!(
        "REG-A08",
        Registration,
        One,
        "A taken name of an AE is refused with 4105",
        ["REG-24"],
        ["TS-0004 7.3.3.3"],
        "Often it is renamed.",
        taken_name
    ),
    case!(
        "REG-A09",
        Registration,
        One,
        "A request without `fr` is refused",
        ["REG-22"],
        ["TS-0004 7.2.1.1"],
        "Often the identity of the link is put in.",
        no_from
    ),
    case!(
        "REG-A10",
        Registration,
        One,
        "A request with an originator of another AE has no effect",
        ["LNK-19", "REG-14"],
        ["TS-0004 7.3.2.1"],
        "Often `fr` alone decides.",
        impostor
    ),
    case!(
        "REG-A11",
        Registration,
        One,
        "A request without `rvi` or with an unknown one is answered 4001",
        ["REG-22"],
        ["TS-0004 7.2.1.1", "TS-0004 7.3.2.1"],
        "Often it is not looked at.",
        release
    ),
    case!(
        "REG-A12",
        Registration,
        One,
        "A request without `op` or `to` is refused with 4000",
        ["REG-22"],
        ["TS-0004 7.2.1.1"],
        "Often nothing is answered.",
        no_envelope
    ),
    case!(
        "REG-A13",
        Registration,
        One,
        "The response carries `rqi` byte for byte, and `rvi`",
        ["REG-29"],
        ["TS-0004 7.2.1.2"],
        "Often `rqi` becomes a number or is cut.",
        echoes
    ),
    case!(
        "REG-A14",
        Registration,
        One,
        "A link is opened again with the identity and serves at once",
        ["LNK-06", "LNK-47"],
        ["TS-0020 5.2"],
        "Often a new registration is demanded.",
        reopened
    ),
    case!(
        "REG-A15",
        Registration,
        One,
        "A closed link changes no registration",
        ["LNK-05"],
        ["TS-0020 6.4"],
        "Often closing deregisters.",
        closed
    ),
    case!(
        "REG-A16",
        Registration,
        One,
        "Requests on two links do not disturb each other",
        ["LNK-43", "LNK-14"],
        ["TS-0004 7.3.1.3"],
        "Often the same rqi is confused.",
        same_rqi
    ),
    case!(
        "REG-A17",
        Registration,
        One,
        "Twenty requests without waiting are all answered, once each, twelve times over",
        ["LNK-14"],
        ["TS-0020 6.5"],
        "Often an answer is lost or doubled.",
        pipeline
    ),
    case!(
        "REG-A18",
        Registration,
        One,
        "An expired request is answered 4008 and not carried out",
        ["REG-26"],
        ["TS-0004 7.3.2.1"],
        "Often `rqet` is not read.",
        expired
    ),
    case!(
        "REG-A19",
        Registration,
        One,
        "CREATE of a remoteCSE by an AE is refused",
        ["REG-13"],
        ["TS-0004 7.4.4.2.1"],
        "Often an AE can pose as a CSE.",
        no_cse
    ),
    case!(
        "REG-A20",
        Registration,
        One,
        "The CSEBase names itself, its types and its releases",
        ["REG-11"],
        ["TS-0001 9.6.3", "TS-0004 7.4.3"],
        "Often `srt` is incomplete.",
        base
    ),
    case!(
        "REG-A21",
        Registration,
        One,
        "Nobody creates, changes or deletes the CSEBase",
        ["REG-25"],
        ["TS-0004 7.4.3.2"],
        "Often an update is taken.",
        base_fixed
    ),
    case!(
        "REG-A22",
        Registration,
        One,
        "An AE updates itself, and its stem stays",
        ["REG-23"],
        ["TS-0004 7.4.5"],
        "Often `aei` can be written.",
        ae_update
    ),
    case!(
        "REG-A23",
        Registration,
        One,
        "A stranger cannot deregister an AE",
        ["REG-25"],
        ["TS-0004 7.3.3.15"],
        "Often anybody can.",
        foreign_delete
    ),
    case!(
        "REG-A24",
        Registration,
        One,
        "Text that is no JSON is answered or ignored, and the link serves on",
        ["LNK-41"],
        ["TS-0004 8.4"],
        "Often the link dies.",
        garbage
    ),
    case!(
        "REG-A25",
        Registration,
        One,
        "White space and the order of members mean nothing",
        ["LNK-53"],
        ["RFC 8259 2", "TS-0004 8.4.2"],
        "Often text is compared.",
        spacing
    ),
    case!(
        "REG-A26",
        Registration,
        One,
        "A parameter of another type is refused with 4000",
        ["LNK-41"],
        ["TS-0004 7.2.1.1", "TS-0004 8.4.2"],
        "Often the request is lost, and nothing is answered.",
        odd_parameters
    ),
];
