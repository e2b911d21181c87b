//! Defects of what passes between service providers.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{creates, restate, wrong};
use crate::mutants::engine::{Fate, Scene};
use crate::mutants::unit::Head;

/// The provider of the CSEs behind the front, and the one whose node the suite plays.
const HERE: &str = "//sp.example";
const THERE: &str = "//suite.example";
/// Opcode of a Close.
const CLOSE: u8 = 8;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "ab-not-served",
        "Who comes from another provider is nobody.",
        Request(|_, request| if is_absolute(&request["fr"]) {
            refuse(request, 4106)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "ab-rule-without-provider",
        "An SP-relative identifier in a rule stands for that of every provider.",
        Request(|_, request| {
            let rules = request.pointer_mut("/pc/m2m:acp/pv/acr");
            for rule in rules.and_then(Value::as_array_mut).into_iter().flatten() {
                extend(rule);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ab-any-originator",
        "A node of another provider may speak for everybody.",
        Request(|scene, request| {
            let node = origin(scene.ask);
            if node.starts_with(THERE) && !text(&request["fr"]).starts_with(node) {
                request["fr"] = format!("{node}/Cfar").into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ab-relative-address",
        "An address that another provider's node gives without provider is taken for one here.",
        Request(|scene, request| {
            let to = text(&request["to"]).to_owned();
            if origin(scene.ask).starts_with(THERE) && !to.starts_with("//") {
                let slash = if to.starts_with('/') { "" } else { "/cse2/" };
                request["to"] = format!("{HERE}{slash}{to}").into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ab-registered",
        "Those of another provider may register.",
        Answer(|scene, answer| if creates(scene, 2) || creates(scene, 16) {
            from_abroad(scene, answer, (4005, 2001))
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "ab-session-unprivileged",
        "A session with another provider is a question of privileges.",
        Answer(|scene, answer| from_abroad(scene, answer, (5001, 4103)))
    ),
    wrong!(
        "ab-from-relative",
        "What leaves for another provider does so under an SP-relative identifier.",
        Told(|_, told| {
            if let Some(relative) = text(&told["fr"]).strip_prefix(HERE) {
                told["fr"] = relative.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ab-never-dialled",
        "A node that has closed its link is out of reach.",
        Frame(|scene, frame| {
            if frame.op == CLOSE && origin(scene.ask).starts_with(THERE) {
                scene.memory.insert("closed".to_owned(), true.into());
            }
            Fate::Pass
        }),
        Request(|scene, request| {
            let there = text(&request["to"]).starts_with(THERE);
            if there && scene.memory.contains_key("closed") {
                refuse(request, 5103)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "ab-unknown-away",
        "A provider that nobody has named is taken for one that is away: 5103.",
        Answer(|scene, answer| if is_absolute(&scene.asked["to"]) {
            restate(answer, 4004, 5103)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "ab-not-told",
        "Nobody of another provider is notified.",
        Told(|_, told| if told["op"] == 5 && is_absolute(&told["to"]) {
            Fate::Drop
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "ab-relative-names",
        "A notification for another provider names what is here by SP-relative identifiers.",
        Told(|_, told| {
            if let Some(content) = told.get_mut("pc") {
                relative(content);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ab-any-provider",
        "Whoever names a provider is taken for its node.",
        Ask(|scene, head| {
            let node = origin(head);
            if node.starts_with("//") && !node.starts_with(THERE) {
                head.set("X-M2M-Origin", &format!("{THERE}/in"));
                let name = format!("stranger {}", scene.link);
                scene.memory.insert(name, true.into());
            }
            Fate::Pass
        }),
        Request(|scene, request| {
            let name = format!("stranger {}", scene.link);
            if scene.memory.contains_key(&name) {
                request["fr"] = format!("{THERE}/in/Cfar").into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ab-own-unknown",
        "An absolute address of the own provider leads nowhere.",
        Request(|scene, request| {
            let here = text(&request["to"]).starts_with(HERE);
            if here && !origin(scene.ask).starts_with(THERE) {
                refuse(request, 4004)
            } else {
                Fate::Pass
            }
        })
    ),
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_absolute(identifier: &Value) -> bool {
    text(identifier).starts_with("//")
}

/// Under which name a link was opened.
fn origin(handshake: &Head) -> &str {
    handshake.get("X-M2M-Origin").unwrap_or_default()
}

/// Takes the provider out of every identifier in content.
fn relative(content: &mut Value) {
    match content {
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix(HERE) {
                *text = rest.to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(relative),
        Value::Object(members) => members.values_mut().for_each(relative),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn refuse(request: &Value, rsc: u64) -> Fate {
    Fate::Back(json!({"rsc": rsc, "rqi": request["rqi"], "rvi": "3"}))
}

/// Another status for who comes from another provider.
fn from_abroad(scene: &Scene<'_>, answer: &mut Value, (from, to): (u64, u64)) -> Fate {
    if is_absolute(&scene.asked["fr"]) {
        restate(answer, from, to)
    } else {
        Fate::Pass
    }
}

/// Names the other provider where an entry of a rule names none.
fn extend(rule: &mut Value) {
    let entries = rule.get_mut("acor").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        let id = text(entry).to_owned();
        if id.starts_with('/') && !id.starts_with("//") && !id.starts_with("/cse") {
            *entry = format!("{THERE}{id}").into();
        }
    }
}
