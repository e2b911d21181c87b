//! Defects of sessions.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{count, creates, does, event, good, wrong};
use crate::mutants::engine::Fate;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "se-wrong-sid",
        "The answer to a proposal names another session than the question did.",
        Answer(|scene, answer| {
            if creates(scene, 50002) && good(answer) {
                answer["pc"]["smg:ses"]["sid"] = "/cse1/AAAAAAAAAAAAAAAAAAAAAA".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-no-credentials",
        "The answer to a proposal lacks the credentials.",
        Answer(|scene, answer| if creates(scene, 50002) {
            super::forget(answer, "scr")
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "se-credentials-shown",
        "Whoever reads a session sees its credentials.",
        Answer(|scene, answer| {
            if creates(scene, 50002) && good(answer) {
                scene
                    .memory
                    .insert("scr".to_owned(), answer["pc"]["smg:ses"]["scr"].clone());
            }
            let known = scene.memory.get("scr").cloned();
            if let (true, Some(scr), true) =
                (does(scene, 2), known, answer["pc"]["smg:ses"].is_object())
            {
                answer["pc"]["smg:ses"]["scr"] = scr;
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-credentials-told",
        "The notification of a termination carries the credentials.",
        Answer(|scene, answer| {
            if creates(scene, 50002) && good(answer) {
                scene
                    .memory
                    .insert("scr".to_owned(), answer["pc"]["smg:ses"]["scr"].clone());
            }
            Fate::Pass
        }),
        Told(|scene, told| {
            let known = scene.memory.get("scr").cloned();
            if let (Some(scr), 50003) = (known, event(told)) {
                told["pc"]["m2m:sgn"]["nev"]["rep"]["smg:ses"]["scr"] = scr;
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-question-lost",
        "AE2 is asked about its first session only.",
        Told(|scene, told| {
            let again = event(told) == 50001 && count(scene, "questions") > 1;
            if again { Fate::Drop } else { Fate::Pass }
        })
    ),
    wrong!(
        "se-question-twice",
        "AE2 is asked twice about a session.",
        Told(|_, told| if event(told) == 50001 {
            Fate::Twice
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "se-end-forgotten",
        "The end of a session is not told.",
        Told(|_, told| if event(told) == 50003 {
            Fate::Drop
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "se-end-twice",
        "The end of a session is told twice.",
        Told(|_, told| if event(told) == 50003 {
            Fate::Twice
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "se-end-reason",
        "The end of a session is told with another reason.",
        Told(|_, told| {
            if event(told) == 50003 {
                set_all(&mut told["pc"], "rsn", &json!(9));
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-change-forgotten",
        "A change of a session is not told.",
        Told(|_, told| if event(told) == 50002 {
            Fate::Drop
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "se-change-twice",
        "A change of a session is told twice.",
        Told(|_, told| if event(told) == 50002 {
            Fate::Twice
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "se-told-other-sid",
        "Notifications of changes and ends name another session.",
        Told(|_, told| {
            if matches!(event(told), 50002 | 50003) {
                set_all(told, "sid", &json!("/cse1/CCCCCCCCCCCCCCCCCCCCCC"));
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-sur-other",
        "The end of a session is told in the name of another subscription.",
        Told(|_, told| {
            if event(told) == 50003 {
                told["pc"]["m2m:sgn"]["sur"] = "/cse1/other".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-sid-ignored",
        "A session identifier in a request is ignored.",
        Request(|_, request| {
            if request["op"] == 2
                && let Some(members) = request.as_object_mut()
            {
                members.remove("sid");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-sid-lost",
        "Sealed requests arrive without their session.",
        Told(|_, told| {
            if let (true, Some(members)) = (told["op"] != 5, told.as_object_mut()) {
                members.remove("sid");
            }
            Fate::Pass
        }),
        Answer(|_, answer| {
            if let Some(members) = answer.as_object_mut() {
                members.remove("sid");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-seal-broken",
        "Sealed values come back with another last letter.",
        Answer(|scene, answer| {
            let con = answer["pc"]["m2m:cin"]["con"]
                .as_str()
                .filter(|con| con.matches('.').count() == 4);
            if let (true, Some(con)) = (does(scene, 2), con) {
                answer["pc"]["m2m:cin"]["con"] = format!("{con}A").into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-expiration-moved",
        "A new session expires a minute early.",
        Answer(|scene, answer| {
            if creates(scene, 50002) && good(answer) {
                answer["pc"]["smg:ses"]["et"] = "20270301T100000".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-name-changed",
        "A session gets another name than proposed.",
        Answer(|scene, answer| {
            if creates(scene, 50002) && good(answer) {
                answer["pc"]["smg:ses"]["rn"] = "other".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "se-deleted-forgets-ae2",
        "DELETE of a session is answered and not carried out.",
        Request(|_, request| {
            let session = request["op"] == 4
                && request["to"]
                    .as_str()
                    .is_some_and(|to| to.contains("/sessions/"));
            let answer = json!({"rsc": 2002, "rqi": request["rqi"], "rvi": "3"});
            if session {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "se-replaced-1001",
        "A link that is replaced by a second one is closed with 1001.",
        Sent(|scene, frame| {
            let begun = frame.code() == Some(1000) && !scene.memory.contains_key("close");
            if begun {
                frame.payload = vec![3, 0xe9];
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
        "se-second-link-kept",
        "A link that is replaced by a second one is served on.",
        Sent(|scene, frame| {
            let begun = frame.code() == Some(1000) && !scene.memory.contains_key("close");
            if begun {
                scene
                    .memory
                    .insert(format!("kept {}", scene.link), true.into());
            }
            if begun { Fate::Drop } else { Fate::Pass }
        }),
        Frame(|scene, frame| {
            if frame.op == 8 {
                count(scene, "close");
            }
            Fate::Pass
        }),
        Request(|scene, request| {
            let kept = scene.memory.contains_key(&format!("kept {}", scene.link));
            let answer = json!({"rsc": 2000, "rqi": request["rqi"], "rvi": "3"});
            if kept { Fate::Back(answer) } else { Fate::Pass }
        })
    ),
    wrong!(
        "se-repeats-forgotten",
        "What was not acknowledged is not repeated on the next link.",
        Told(|scene, told| {
            let rqi = format!("told {}", told["rqi"]);
            let known = scene
                .memory
                .get(&rqi)
                .is_some_and(|link| *link != scene.link as u64);
            scene
                .memory
                .entry(rqi)
                .or_insert_with(|| (scene.link as u64).into());
            if known { Fate::Drop } else { Fate::Pass }
        })
    ),
    wrong!(
        "se-schedule-ignored",
        "A policy that delays is made without its schedule.",
        Request(|_, request| {
            if request["ty"] == 50005
                && let Some(policy) = request
                    .pointer_mut("/pc/smg:spy")
                    .and_then(Value::as_object_mut)
            {
                policy.insert("pyt".to_owned(), 1.into());
                policy.remove("se");
                policy.remove("pyd");
            }
            Fate::Pass
        })
    ),
];

/// Sets a member wherever it occurs.
fn set_all(value: &mut Value, name: &str, to: &Value) {
    match value {
        Value::Object(members) => {
            for (known, value) in members.iter_mut() {
                if known == name {
                    *value = to.clone();
                } else {
                    set_all(value, name, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| set_all(item, name, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
