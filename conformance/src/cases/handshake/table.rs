//! The table of the handshake cases.

use super::*;
use crate::case::{Case, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "HSK-01",
        Handshake,
        Bytes,
        "The answer 101 carries Upgrade, Connection and no body",
        ["LNK-28", "LNK-29"],
        ["RFC 6455 4.2.2"],
        "Often a web framework answers 200 at this path.",
        complete
    ),
    case!(
        "HSK-02",
        Handshake,
        Bytes,
        "The accept value is computed from the key of this request",
        ["LNK-29"],
        ["RFC 6455 4.2.2", "RFC 6455 1.3"],
        "Often the example value of a text is printed, or the key is decoded first.",
        accept
    ),
    case!(
        "HSK-03",
        Handshake,
        Bytes,
        "Exactly one of the offered subprotocols is chosen",
        ["LNK-29", "LNK-30"],
        ["RFC 6455 4.2.2", "TS-0020 6.2.3.2"],
        "Often the offered list is echoed, or the header forgotten.",
        chosen
    ),
    case!(
        "HSK-04",
        Handshake,
        Bytes,
        "A known subprotocol is found behind unknown ones",
        ["LNK-30"],
        ["RFC 6455 4.2.2", "TS-0020 6.2.2.7"],
        "Often only the first name offered is looked at.",
        behind_unknown
    ),
    case!(
        "HSK-05",
        Handshake,
        Bytes,
        "Names of headers are case-insensitive",
        ["LNK-28"],
        ["RFC 9110 5.1"],
        "Often a header is looked up in one spelling.",
        any_case
    ),
    case!(
        "HSK-06",
        Handshake,
        Bytes,
        "`Connection` may list more than Upgrade",
        ["LNK-28"],
        ["RFC 6455 4.2.1", "RFC 9110 7.6.1"],
        "Often the whole value is compared.",
        connection_list
    ),
    case!(
        "HSK-07",
        Handshake,
        Bytes,
        "The values Upgrade and websocket are case-insensitive",
        ["LNK-28"],
        ["RFC 6455 4.2.1"],
        "Often the values are compared byte for byte.",
        values
    ),
    case!(
        "HSK-08",
        Handshake,
        Bytes,
        "A request in many small pieces is understood",
        ["LNK-28"],
        ["RFC 9112 2.2"],
        "Often one read is taken for one request.",
        pieces
    ),
    case!(
        "HSK-09",
        Handshake,
        Bytes,
        "A version other than 13 is answered 426 with the version",
        ["LNK-33"],
        ["RFC 6455 4.2.2", "RFC 6455 4.4"],
        "Often 400 without Sec-WebSocket-Version, or the version is not looked at.",
        version
    ),
    case!(
        "HSK-10",
        Handshake,
        Bytes,
        "A handshake without a key is refused",
        ["LNK-34"],
        ["RFC 6455 4.2.1"],
        "Often an accept value of nothing is sent.",
        no_key
    ),
    case!(
        "HSK-11",
        Handshake,
        Bytes,
        "A key that is not 16 bytes in base64 is refused",
        ["LNK-34"],
        ["RFC 6455 4.2.1"],
        "Often any text is taken as a key.",
        bad_key
    ),
    case!(
        "HSK-12",
        Handshake,
        Bytes,
        "A request without Upgrade is not upgraded",
        ["LNK-34"],
        ["RFC 6455 4.2.1"],
        "Often a key alone is enough.",
        no_upgrade
    ),
    case!(
        "HSK-13",
        Handshake,
        Bytes,
        "A request without `Connection: Upgrade` is not upgraded",
        ["LNK-34"],
        ["RFC 6455 4.2.1"],
        "Often the header is not looked at.",
        no_connection
    ),
    case!(
        "HSK-14",
        Handshake,
        Bytes,
        "Another method than GET is refused",
        ["LNK-34"],
        ["RFC 6455 4.2.1"],
        "Often the method is not looked at.",
        method
    ),
    case!(
        "HSK-15",
        Handshake,
        Bytes,
        "HTTP/1.0 is not upgraded",
        ["LNK-28"],
        ["RFC 6455 4.2.1"],
        "Often the version of HTTP is not looked at.",
        old_http
    ),
    case!(
        "HSK-16",
        Handshake,
        Bytes,
        "A handshake without a subprotocol is refused",
        ["LNK-31"],
        ["TS-0020 6.2.2.7"],
        "Often the link opens and nobody knows in which serialization.",
        no_subprotocol
    ),
    case!(
        "HSK-17",
        Handshake,
        Bytes,
        "A handshake with unknown subprotocols only is refused",
        ["LNK-31"],
        ["TS-0020 6.2.3.1"],
        "Often the link opens without a subprotocol.",
        unknown_subprotocol
    ),
    case!(
        "HSK-18",
        Handshake,
        Bytes,
        "Another path than / is refused",
        ["LNK-32"],
        ["TS-0020 6.2.2.1"],
        "Often the path is not looked at.",
        path
    ),
    case!(
        "HSK-19",
        Handshake,
        Bytes,
        "No extension is agreed that was not offered",
        ["LNK-35"],
        ["RFC 6455 9.1"],
        "Often compression is switched on by a setting.",
        unoffered
    ),
    case!(
        "HSK-20",
        Handshake,
        Bytes,
        "permessage-deflate is not accepted",
        ["LNK-35"],
        ["TS-0020 6.2.2.8"],
        "Often the library accepts what it can do.",
        deflate
    ),
    case!(
        "HSK-21",
        Handshake,
        Bytes,
        "Text that is no HTTP ends the connection, and only that one",
        ["LNK-34", "LNK-43"],
        ["RFC 9112 2.2"],
        "Often the listener ends with it.",
        nonsense
    ),
    case!(
        "HSK-22",
        Handshake,
        Bytes,
        "Half a handshake keeps nobody else out",
        ["LNK-43"],
        ["RFC 6455 4.2.1"],
        "Often one slow client blocks the listener.",
        half
    ),
];
