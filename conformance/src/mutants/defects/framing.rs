//! Defects of frames.

use serde_json::json;

use crate::mutants::Defect;
use crate::mutants::defects::{count, wrong};
use crate::mutants::engine::{Fate, Scene};
use crate::mutants::unit::Frame;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "fr-binary",
        "JSON primitives are sent in binary frames to whom it does not know.",
        Sent(|_, frame| {
            if stranger(frame) {
                frame.op = 2;
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-masks",
        "Answers to strangers are masked.",
        Sent(|_, frame| {
            if stranger(frame) {
                frame.mask = Some([1, 2, 3, 4]);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-reserved-sent",
        "Answers to strangers have a reserved bit set.",
        Sent(|_, frame| {
            if stranger(frame) {
                frame.rsv = 4;
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-no-fragments",
        "A fragmented message ends the link.",
        Frame(|_, frame| cut(frame.op == 1 && !frame.fin))
    ),
    wrong!(
        "fr-few-fragments",
        "A message of more than 16 frames ends the link.",
        Frame(|scene, frame| {
            if frame.op != 0 {
                scene.memory.remove("fragments");
            }
            cut(frame.op == 0 && count(scene, "fragments") > 16)
        })
    ),
    wrong!(
        "fr-empty-fragment",
        "An empty fragment ends the link.",
        Frame(|_, frame| cut(frame.op == 0 && frame.payload.is_empty()))
    ),
    wrong!(
        "fr-ping-between",
        "A ping between fragments ends the link.",
        Frame(|scene, frame| {
            let open = in_message(scene, frame);
            cut(open && frame.op == 9)
        })
    ),
    wrong!(
        "fr-pong-empty",
        "A pong has no payload.",
        Sent(|_, frame| {
            if frame.op == 10 {
                frame.payload.clear();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-pong-unasked",
        "A pong nobody asked for ends the link.",
        Frame(|_, frame| cut(frame.op == 10 && frame.payload == b"unasked"))
    ),
    wrong!(
        "fr-fragment-utf8",
        "Each fragment must be text of its own.",
        Frame(|_, frame| cut(!frame.fin && std::str::from_utf8(&frame.payload).is_err()))
    ),
    wrong!(
        "fr-16-bits",
        "A frame of more than 64 KiB ends the link.",
        Frame(|_, frame| cut(frame.payload.len() > 65_535))
    ),
    wrong!(
        "fr-mask-optional",
        "A frame without mask is accepted.",
        Frame(|_, frame| {
            if frame.mask.is_none() {
                frame.mask = Some([9, 8, 7, 6]);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-reserved-ignored",
        "Reserved bits are ignored.",
        Frame(|_, frame| {
            frame.rsv = 0;
            Fate::Pass
        })
    ),
    wrong!(
        "fr-opcode-ignored",
        "Frames with a reserved opcode are ignored.",
        Frame(|_, frame| drop_if(matches!(frame.op, 3..=7 | 11..=15)))
    ),
    wrong!(
        "fr-control-fragment",
        "A fragmented control frame is accepted.",
        Frame(|_, frame| {
            frame.fin |= frame.op >= 8;
            Fate::Pass
        })
    ),
    wrong!(
        "fr-control-long",
        "A control frame of any length is accepted.",
        Frame(|_, frame| {
            if frame.op >= 8 {
                frame.payload.truncate(125);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-lone-continuation",
        "A continuation of nothing is taken as a message.",
        Frame(|scene, frame| {
            if !in_message(scene, frame)
                && frame.op == 0
                && frame.fin
                && scene.memory.remove("ended").is_none()
            {
                frame.op = 1;
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-nested",
        "A message inside a fragmented one is taken as its end.",
        Frame(|scene, frame| {
            let open = in_message(scene, frame);
            if open && frame.op == 1 && frame.fin {
                frame.op = 0;
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-utf8-lossy",
        "Text that is no UTF-8 is repaired instead of refused.",
        Frame(|_, frame| {
            if frame.op == 1 && frame.fin {
                frame.payload = String::from_utf8_lossy(&frame.payload)
                    .into_owned()
                    .into_bytes();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-surrogates",
        "Surrogates and overlong forms are taken for UTF-8.",
        Frame(|_, frame| {
            let odd = [0xed, 0xc0, 0xf4]
                .iter()
                .any(|byte| frame.payload.contains(byte));
            if frame.op == 1 && frame.fin && odd {
                frame.payload = String::from_utf8_lossy(&frame.payload)
                    .into_owned()
                    .into_bytes();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-binary-ignored",
        "Binary messages on a JSON link are ignored.",
        Frame(|_, frame| drop_if(frame.op == 2))
    ),
    wrong!(
        "fr-close-unanswered",
        "A Close is not answered, the connection just ends.",
        Sent(|scene, frame| {
            let asked = scene.memory.contains_key("close");
            if frame.op == 8 && asked {
                Fate::Cut
            } else {
                Fate::Pass
            }
        }),
        Frame(|scene, frame| {
            if frame.op == 8 && frame.code() == Some(1000) {
                count(scene, "close");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-close-empty",
        "A Close without a code ends the connection without an answer.",
        Frame(|_, frame| cut(frame.op == 8 && frame.payload.is_empty() && frame.mask == Some(RAW)))
    ),
    wrong!(
        "fr-close-twice",
        "A Close is answered twice.",
        Sent(|_, frame| if frame.op == 8 {
            Fate::Twice
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "fr-close-byte",
        "A Close with one byte is accepted.",
        Frame(|_, frame| {
            if frame.op == 8 && frame.payload.len() == 1 {
                frame.payload.clear();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-close-any-code",
        "Any code in a Close is accepted.",
        Frame(|_, frame| {
            let known = |code: u16| matches!(code, 1000..=1003 | 1007..=1011 | 3000..=4999);
            if frame.code().is_some_and(|code| !known(code)) {
                frame.payload = vec![3, 0xe8];
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-close-any-reason",
        "The reason of a Close need not be text.",
        Frame(|_, frame| {
            if frame.op == 8 && frame.payload.len() > 2 {
                frame.payload.truncate(2);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-serves-after-close",
        "A request that follows a Close is still served.",
        Frame(|scene, frame| {
            if frame.op == 8 && frame.mask == Some(RAW) {
                count(scene, "closing");
            } else if scene.memory.contains_key("closing") && frame.op == 1 {
                count(scene, "served");
                return Fate::Drop;
            }
            Fate::Pass
        }),
        Sent(|scene, frame| {
            let served = scene.memory.contains_key("served") && frame.op == 8;
            let answer = json!({"rsc": 4106, "rqi": "late", "rvi": "3"});
            if served {
                Fate::With(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "fr-close-1000",
        "Violations are answered with Close 1000.",
        Sent(|_, frame| {
            if frame.code().is_some_and(|code| code != 1000) {
                frame.payload = vec![3, 0xe8];
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-close-2000",
        "Violations are answered with a Close code that does not exist.",
        Sent(|_, frame| {
            if frame.code().is_some_and(|code| code != 1000) {
                frame.payload = vec![7, 0xd0];
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-closing-lost",
        "A Close the server begins is said with 1006.",
        Sent(|scene, frame| {
            let begun = frame.code() == Some(1000) && !scene.memory.contains_key("close");
            if begun {
                frame.payload = vec![3, 0xee];
            }
            Fate::Pass
        }),
        Frame(|scene, frame| {
            if frame.op == 8 {
                count(scene, "close");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fr-few-pings",
        "More than a hundred pings end the link.",
        Frame(|scene, frame| cut(frame.op == 9 && count(scene, "pings") > 100))
    ),
    wrong!(
        "fr-offended",
        "A link with an endless frame, or lost in the middle of one, keeps everybody else out.",
        Offended
    ),
];

/// The mask of links of bytes.
const RAW: [u8; 4] = [0x5a, 0xc3, 0x11, 0x9e];

fn cut(when: bool) -> Fate {
    if when { Fate::Cut } else { Fate::Pass }
}

fn drop_if(when: bool) -> Fate {
    if when { Fate::Drop } else { Fate::Pass }
}

fn stranger(frame: &Frame) -> bool {
    frame
        .message()
        .is_some_and(|text| text.contains("\"rsc\":4106"))
}

/// Whether the frame comes inside a fragmented message.
fn in_message(scene: &mut Scene<'_>, frame: &Frame) -> bool {
    let open = scene.memory.contains_key("message");
    if frame.op < 8 {
        if frame.fin {
            if open && frame.op == 0 {
                scene.memory.insert("ended".to_owned(), true.into());
            }
            scene.memory.remove("message");
        } else {
            scene.memory.insert("message".to_owned(), true.into());
        }
    }
    open
}
