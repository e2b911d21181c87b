//! Defects of the opening handshake.

use crate::mutants::Defect;
use crate::mutants::defects::{count, wrong};
use crate::mutants::engine::Fate;
use crate::mutants::unit::Head;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "hs-length-of-101",
        "An answer 101 announces a length that is no number.",
        Greet(|_, head| edit(head, |head| head.set("Content-Length", "-1")))
    ),
    wrong!(
        "hs-no-connection",
        "Where `Upgrade` stands first, the answer lacks `Connection`.",
        Greet(|scene, head| upgrade_first(scene.ask, head, |head| head.remove("Connection")))
    ),
    wrong!(
        "hs-third-accept",
        "The accept value of every third handshake is that of another key.",
        Greet(|scene, head| {
            if count(scene, "handshakes").is_multiple_of(3) {
                head.set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "hs-no-subprotocol",
        "Where `Upgrade` stands first, no subprotocol is chosen.",
        Greet(|scene, head| upgrade_first(scene.ask, head, |head| head
            .remove("Sec-WebSocket-Protocol")))
    ),
    wrong!(
        "hs-first-only",
        "Only the first subprotocol offered is looked at.",
        Ask(|_, head| {
            let first = head
                .get("Sec-WebSocket-Protocol")
                .and_then(|all| all.split(',').next());
            let first = first.unwrap_or_default().trim().to_owned();
            if !first.starts_with("oneM2M") {
                head.set("Sec-WebSocket-Protocol", &first);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "hs-names-exact",
        "Names of headers are compared letter by letter.",
        Ask(|_, head| {
            head.headers.retain(|(name, _)| name != "UPGRADE");
            Fate::Pass
        })
    ),
    wrong!(
        "hs-connection-exact",
        "`Connection` must hold nothing but Upgrade.",
        Ask(|_, head| {
            let exact = head
                .get("Connection")
                .is_none_or(|value| !value.contains(','));
            edit(head, |head| {
                if !exact {
                    head.remove("Connection")
                }
            })
        })
    ),
    wrong!(
        "hs-values-exact",
        "The values of Upgrade and Connection are compared letter by letter.",
        Ask(|_, head| {
            let exact = head.get("Upgrade").is_none_or(|value| value == "websocket");
            edit(head, |head| {
                if !exact {
                    head.remove("Upgrade")
                }
            })
        })
    ),
    wrong!(
        "hs-one-piece",
        "A handshake or a frame that comes in pieces ends the link.",
        OnePiece
    ),
    wrong!(
        "hs-any-version",
        "Any version of the protocol is accepted.",
        Ask(|_, head| always(head, "Sec-WebSocket-Version", "13"))
    ),
    wrong!(
        "hs-no-key",
        "A handshake without a key is accepted.",
        Ask(|_, head| missing(head, "Sec-WebSocket-Key", KEY))
    ),
    wrong!(
        "hs-any-key",
        "Any key is accepted.",
        Ask(|_, head| {
            let good = head
                .get("Sec-WebSocket-Key")
                .is_none_or(|key| key.len() == 24);
            edit(head, |head| {
                if !good {
                    head.set("Sec-WebSocket-Key", KEY)
                }
            })
        })
    ),
    wrong!(
        "hs-no-upgrade",
        "A request without Upgrade is upgraded.",
        Ask(|_, head| missing(head, "Upgrade", "websocket"))
    ),
    wrong!(
        "hs-any-connection",
        "A request is upgraded whatever `Connection` says.",
        Ask(|_, head| always(head, "Connection", "Upgrade"))
    ),
    wrong!(
        "hs-any-method",
        "Any method is upgraded.",
        Ask(|_, head| {
            let rest = head.line.split_once(' ').map(|(_, rest)| rest.to_owned());
            if let Some(rest) = rest.filter(|rest| rest.ends_with("HTTP/1.1")) {
                head.line = format!("GET {rest}");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "hs-old-http",
        "HTTP/1.0 is upgraded.",
        Ask(|_, head| {
            head.line = head.line.replace("HTTP/1.0", "HTTP/1.1");
            Fate::Pass
        })
    ),
    wrong!(
        "hs-subprotocol-optional",
        "A handshake without a subprotocol is accepted.",
        Ask(|_, head| missing(head, "Sec-WebSocket-Protocol", "oneM2M.json"))
    ),
    wrong!(
        "hs-any-subprotocol",
        "A handshake with unknown subprotocols only is accepted.",
        Ask(|_, head| {
            let known = head
                .get("Sec-WebSocket-Protocol")
                .is_none_or(|all| all.contains("oneM2M"));
            edit(head, |head| {
                if !known {
                    head.set("Sec-WebSocket-Protocol", "oneM2M.json")
                }
            })
        })
    ),
    wrong!(
        "hs-extension",
        "Where `Upgrade` stands first, an extension is agreed that was not offered.",
        Greet(|scene, head| {
            let unoffered = scene.ask.get("Sec-WebSocket-Extensions").is_none();
            upgrade_first(scene.ask, head, |head| {
                if unoffered {
                    head.set("Sec-WebSocket-Extensions", "permessage-deflate");
                }
            })
        })
    ),
    wrong!(
        "hs-no-extension",
        "A handshake that offers an extension is refused.",
        Ask(|_, head| {
            let offers = head.get("Sec-WebSocket-Extensions").is_some();
            edit(head, |head| {
                if offers {
                    head.remove("Upgrade")
                }
            })
        })
    ),
    wrong!(
        "hs-offended",
        "After text that is no HTTP nobody gets in.",
        Ask(|scene, head| {
            let http = head.line.ends_with("HTTP/1.1") || head.line.ends_with("HTTP/1.0");
            if !http {
                count(scene, "no http");
            }
            let offended = http && scene.memory.contains_key("no http");
            edit(head, |head| {
                if offended {
                    head.remove("Upgrade")
                }
            })
        })
    ),
    wrong!(
        "hs-extra-answer",
        "The answer to a refused handshake is 101.",
        Greet(|_, head| {
            if head.line.contains(" 400 ") || head.line.contains(" 426 ") {
                head.line = "HTTP/1.1 101 Switching Protocols".to_owned();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "hs-path-offends",
        "After a handshake for another path nobody gets in any more.",
        Ask(|scene, head| {
            if !head.line.starts_with("GET / ") {
                count(scene, "paths");
                return Fate::Pass;
            }
            if scene.memory.contains_key("paths") {
                Fate::Cut
            } else {
                Fate::Pass
            }
        })
    ),
];

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn edit(head: &mut Head, change: impl FnOnce(&mut Head)) -> Fate {
    change(head);
    Fate::Pass
}

fn upgrade_first(ask: &Head, head: &mut Head, change: impl FnOnce(&mut Head)) -> Fate {
    let first = ask.place("Upgrade") < ask.place("Connection") && head.line.contains(" 101");
    edit(head, |head| {
        if first {
            change(head)
        }
    })
}

fn always(head: &mut Head, name: &str, value: &str) -> Fate {
    let other = head.get(name).is_some_and(|known| {
        !known
            .to_ascii_lowercase()
            .contains(&value.to_ascii_lowercase())
    });
    edit(head, |head| {
        if other {
            head.set(name, value)
        }
    })
}

fn missing(head: &mut Head, name: &str, value: &str) -> Fate {
    let http = head.line.ends_with("HTTP/1.1");
    let missing = head.get(name).is_none() && http;
    edit(head, |head| {
        if missing {
            head.set(name, value)
        }
    })
}
