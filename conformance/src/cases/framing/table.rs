//! The table of the framing cases.

use super::*;
use crate::case::{Case, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "FRM-01",
        Framing,
        Bytes,
        "A masked text frame with a primitive is answered by a text frame",
        ["LNK-15", "LNK-37"],
        ["RFC 6455 5.6", "TS-0020 6.2.2.9"],
        "Often JSON is answered in a binary frame.",
        text
    ),
    case!(
        "FRM-02",
        Framing,
        Bytes,
        "No frame of the server is masked or has a reserved bit",
        ["LNK-40"],
        ["RFC 6455 5.1", "RFC 6455 5.2"],
        "Often compression sets RSV1.",
        unmasked
    ),
    case!(
        "FRM-03",
        Framing,
        Bytes,
        "A primitive in three frames is one primitive",
        ["LNK-15"],
        ["RFC 6455 5.4", "TS-0020 6.1"],
        "Often each frame is parsed alone.",
        fragments
    ),
    case!(
        "FRM-04",
        Framing,
        Bytes,
        "A primitive in frames of one byte each is one primitive",
        ["LNK-15"],
        ["RFC 6455 5.4"],
        "Often a limit counts frames.",
        many_fragments
    ),
    case!(
        "FRM-05",
        Framing,
        Bytes,
        "Empty fragments change nothing",
        ["LNK-15"],
        ["RFC 6455 5.4"],
        "Often an empty frame counts as the end.",
        empty_fragments
    ),
    case!(
        "FRM-06",
        Framing,
        Bytes,
        "A ping between fragments is answered before the message ends",
        ["LNK-15", "LNK-49"],
        ["RFC 6455 5.4", "RFC 6455 5.5.2"],
        "Often control frames wait for the end of a message.",
        ping_between
    ),
    case!(
        "FRM-07",
        Framing,
        Bytes,
        "A ping is answered by a pong with the same payload",
        ["LNK-49"],
        ["RFC 6455 5.5.2", "RFC 6455 5.5.3"],
        "Often the payload is lost.",
        ping
    ),
    case!(
        "FRM-08",
        Framing,
        Bytes,
        "A pong nobody asked for changes nothing",
        ["LNK-43"],
        ["RFC 6455 5.5.3"],
        "Often it is taken as a violation.",
        pong
    ),
    case!(
        "FRM-09",
        Framing,
        Bytes,
        "A character split over two fragments is whole again",
        ["LNK-38"],
        ["RFC 6455 8.1", "RFC 6455 5.6"],
        "Often each fragment is checked as UTF-8 alone.",
        split_character
    ),
    case!(
        "FRM-10",
        Framing,
        Bytes,
        "A frame in pieces of one byte is understood",
        ["LNK-15"],
        ["RFC 6455 5.2"],
        "Often one read is taken for one frame.",
        pieces
    ),
    case!(
        "FRM-11",
        Framing,
        Bytes,
        "Two frames in one piece are two primitives",
        ["LNK-15"],
        ["RFC 6455 5.2"],
        "Often what follows the first frame is lost.",
        together
    ),
    case!(
        "FRM-12",
        Framing,
        Bytes,
        "Length in 16 and in 64 bits is understood",
        ["LNK-15"],
        ["RFC 6455 5.2"],
        "Often only one of the forms is.",
        lengths
    ),
    case!(
        "FRM-13",
        Framing,
        Bytes,
        "An unmasked frame ends the link with 1002",
        ["LNK-40"],
        ["RFC 6455 5.1"],
        "Often the mask is not demanded.",
        no_mask
    ),
    case!(
        "FRM-14",
        Framing,
        Bytes,
        "A reserved bit ends the link with 1002",
        ["LNK-40"],
        ["RFC 6455 5.2"],
        "Often the bits are not looked at.",
        reserved_bit
    ),
    case!(
        "FRM-15",
        Framing,
        Bytes,
        "A reserved opcode ends the link with 1002",
        ["LNK-40"],
        ["RFC 6455 5.2"],
        "Often it is skipped.",
        reserved_opcode
    ),
    case!(
        "FRM-16",
        Framing,
        Bytes,
        "A fragmented control frame ends the link with 1002",
        ["LNK-40"],
        ["RFC 6455 5.5"],
        "Often FIN is not looked at.",
        control_fragment
    ),
    case!(
        "FRM-17",
        Framing,
        Bytes,
        "A control frame of more than 125 bytes ends the link with 1002",
        ["LNK-40"],
        ["RFC 6455 5.5"],
        "Often any length is taken.",
        control_length
    ),
    case!(
        "FRM-18",
        Framing,
        Bytes,
        "A continuation of nothing ends the link with 1002",
        ["LNK-40"],
        ["RFC 6455 5.4"],
        "Often it is skipped.",
        lone_continuation
    ),
    case!(
        "FRM-19",
        Framing,
        Bytes,
        "A new message inside a fragmented one ends the link with 1002",
        ["LNK-40"],
        ["RFC 6455 5.4"],
        "Often the first part is forgotten.",
        nested
    ),
    case!(
        "FRM-20",
        Framing,
        Bytes,
        "Text that is no UTF-8 ends the link with 1007",
        ["LNK-38"],
        ["RFC 6455 8.1"],
        "Often bytes are replaced silently.",
        bad_utf8
    ),
    case!(
        "FRM-21",
        Framing,
        Bytes,
        "Surrogates and overlong forms are no UTF-8",
        ["LNK-38"],
        ["RFC 6455 8.1", "RFC 3629 3"],
        "Often an own decoder lets them pass.",
        odd_utf8
    ),
    case!(
        "FRM-22",
        Framing,
        Bytes,
        "A binary message on a JSON link is not taken as JSON",
        ["LNK-37"],
        ["TS-0020 6.2.2.9"],
        "Often the kind of the frame is not looked at.",
        binary
    ),
    case!(
        "FRM-23",
        Framing,
        Bytes,
        "A Close is answered by one Close, then the connection ends",
        ["LNK-16"],
        ["RFC 6455 5.5.1", "RFC 6455 7.1.1"],
        "Often the socket just ends.",
        close
    ),
    case!(
        "FRM-24",
        Framing,
        Bytes,
        "A Close without a code is answered by a Close",
        ["LNK-16"],
        ["RFC 6455 5.5.1"],
        "Often an empty payload is a violation.",
        close_empty
    ),
    case!(
        "FRM-25",
        Framing,
        Bytes,
        "A Close with one byte is a violation",
        ["LNK-40"],
        ["RFC 6455 5.5.1"],
        "Often it is answered as usual.",
        close_short
    ),
    case!(
        "FRM-26",
        Framing,
        Bytes,
        "Close codes that must not be sent are a violation",
        ["LNK-40"],
        ["RFC 6455 7.4.1", "RFC 6455 7.4.2"],
        "Often the code is echoed.",
        close_codes
    ),
    case!(
        "FRM-27",
        Framing,
        Bytes,
        "A Close reason that is no UTF-8 is a violation",
        ["LNK-38"],
        ["RFC 6455 5.5.1", "RFC 6455 8.1"],
        "Often the reason is ignored.",
        close_reason
    ),
    case!(
        "FRM-28",
        Framing,
        Bytes,
        "After a Close nothing is served",
        ["LNK-16"],
        ["RFC 6455 5.5.1"],
        "Often what is in the buffer is still done.",
        after_close
    ),
    case!(
        "FRM-29",
        Framing,
        Bytes,
        "A frame that announces more than any limit ends the link at once",
        ["LNK-39"],
        ["RFC 6455 10.4", "RFC 6455 7.4.1"],
        "Often memory is reserved for it, or the server waits for ever.",
        oversize
    ),
    case!(
        "FRM-30",
        Framing,
        Bytes,
        "A length with the highest bit set is a violation",
        ["LNK-40"],
        ["RFC 6455 5.2"],
        "Often it becomes negative.",
        negative_length
    ),
    case!(
        "FRM-31",
        Framing,
        Bytes,
        "A connection lost in the middle of a frame disturbs nobody",
        ["LNK-43"],
        ["RFC 6455 7.1.7"],
        "Often a task waits for ever.",
        lost
    ),
    case!(
        "FRM-32",
        Framing,
        Bytes,
        "Of two hundred pings at once the last is answered, and none twice or out of order",
        ["LNK-43", "LNK-49"],
        ["RFC 6455 5.5.3"],
        "Often the send queue grows or the link hangs.",
        pings
    ),
];
