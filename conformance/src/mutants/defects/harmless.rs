//! Changes that must not matter.

use serde_json::{Map, Value, json};

use crate::mutants::Defect;
use crate::mutants::engine::Fate;
use crate::mutants::unit::Frame;

macro_rules! harmless {
    ($($record:tt)*) => { $crate::mutants::defects::defect!(Harmless, $($record)*) };
}

/// The table.
pub(in crate::mutants) const CHANGES: &[Defect] = &[
    harmless!(
        "ok-order",
        "Members come in the opposite order.",
        Answer(|_, value| turned(value)),
        Told(|_, value| turned(value))
    ),
    harmless!(
        "ok-space",
        "Messages have line breaks and spaces, except in the content, whose bytes count.",
        Sent(|_, frame| spaced(frame))
    ),
    harmless!(
        "ok-fragments",
        "Messages come in fragments of seven bytes, some of them empty.",
        Sent(|_, frame| fragments(frame))
    ),
    harmless!(
        "ok-escapes",
        "Letters that are not ASCII are escaped in JSON.",
        Sent(|_, frame| {
            if let Some(text) = frame.message() {
                frame.payload = escaped(text).into_bytes();
            }
            Fate::Pass
        })
    ),
    harmless!(
        "ok-slow",
        "Everything the server sends is 25 ms late.",
        Slow(25)
    ),
    harmless!("ok-pieces", "Bytes arrive one at a time.", Pieces(1)),
    harmless!(
        "ok-pings",
        "The server pings before every message and sends a pong nobody asked for.",
        Sent(|_, frame| {
            if frame.op != 1 {
                return Fate::Pass;
            }
            Fate::Frames(vec![
                Frame::new(9, b"there?", None),
                Frame::new(10, b"", None),
                frame.clone(),
            ])
        }),
        Frame(|_, frame| {
            let ours = frame.op == 10 && frame.payload == b"there?";
            if ours { Fate::Drop } else { Fate::Pass }
        })
    ),
    harmless!(
        "ok-headers",
        "The answer to the handshake has more headers, and their names in capitals.",
        Greet(|_, head| {
            for (name, _) in &mut head.headers {
                *name = name.to_ascii_uppercase();
            }
            head.headers
                .insert(0, ("Server".to_owned(), "some".to_owned()));
            head.headers.push(("X-More".to_owned(), String::new()));
            Fate::Pass
        })
    ),
    harmless!(
        "ok-attributes",
        "Representations outside of sessions, where bytes count, have an attribute of a later release.",
        Answer(|_, answer| {
            let content = &answer["pc"];
            let usual = ["m2m:ae", "m2m:cnt", "m2m:cin"]
                .iter()
                .any(|kind| content.get(kind).is_some());
            if answer.get("sid").is_none()
                && usual
                && let Some(body) = super::body(answer)
                && body["ty"].is_number()
            {
                body["loc:new"] = json!("later");
            }
            Fate::Pass
        })
    ),
    harmless!(
        "ok-optional",
        "Answers carry optional members: `ot`.",
        Answer(|_, answer| {
            if answer.get("ot").is_none() {
                answer["ot"] = "20270301T100000".into();
            }
            Fate::Pass
        })
    ),
];

pub(super) fn turned(value: &mut Value) -> Fate {
    turn(value);
    Fate::Pass
}

fn turn(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let old = std::mem::take(members);
            let turned: Map<String, Value> = old.into_iter().rev().collect();
            *members = turned;
            members.values_mut().for_each(turn);
        }
        Value::Array(items) => items.iter_mut().for_each(turn),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(super) fn spaced(frame: &mut Frame) -> Fate {
    let value = frame
        .message()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(Value::Object(members)) = value {
        let members = members.iter();
        let lines: Vec<String> = members
            .map(|(name, value)| format!("  \"{name}\" : {value}"))
            .collect();
        frame.payload = format!("\n{{\n{} }}\r\n", lines.join(",\n")).into_bytes();
    }
    Fate::Pass
}

pub(super) fn fragments(frame: &Frame) -> Fate {
    if frame.op != 1 || !frame.fin {
        return Fate::Pass;
    }
    let mut frames = Vec::new();
    for piece in frame.payload.chunks(7) {
        let mut part = Frame::new(u8::from(frames.is_empty()), piece, frame.mask);
        part.fin = false;
        frames.push(part);
        if frames.len() == 3 {
            let mut empty = Frame::new(0, b"", frame.mask);
            empty.fin = false;
            frames.push(empty);
        }
    }
    if let Some(last) = frames.last_mut() {
        last.fin = true;
    }
    Fate::Frames(frames)
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
