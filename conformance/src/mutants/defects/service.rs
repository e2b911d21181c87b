//! Defects of lives, subscriptions, and parts of a result.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{body, creates, does, forget, good, last, replace, restate, wrong};
use crate::mutants::engine::Fate;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "sv-early-parent",
        "A resource may be made to end before its children.",
        Answer(|scene, answer| {
            let of = scene.asked["pc"].as_object();
            let of = of.and_then(|pc| pc.values().next());
            if does(scene, 3) && of.is_some_and(|of| of.get("et").is_some()) {
                restate(answer, 4000, 2004)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "sv-hidden-nct",
        "The default of `nct` is not shown.",
        Answer(
            |scene, answer| if scene.asked["pc"]["m2m:sub"].get("nct").is_none() {
                forget_of_subscription(answer, "nct")
            } else {
                Fate::Pass
            }
        )
    ),
    wrong!(
        "sv-kept-without-pn",
        "What was kept survives the removal of `pn`.",
        Request(|_, request| {
            let removes = body(request).is_some_and(|body| body.get("pn") == Some(&Value::Null));
            if let (true, Some(body)) = (removes, body(request)) {
                *body = json!({"lbl": ["kept"]});
            }
            Fate::Pass
        })
    ),
    wrong!(
        "sv-alone",
        "Every event of a batch is told alone.",
        Request(|_, request| forget(request, "bn"))
    ),
    wrong!(
        "sv-no-category",
        "`nec` of a subscription is ignored.",
        Request(|_, request| forget(request, "nec"))
    ),
    wrong!(
        "sv-newest-as-new",
        "The newest event that was kept is told as if it had just happened.",
        Told(|_, told| {
            if told["ec"] == 4
                && let Some(members) = told.as_object_mut()
            {
                members.remove("ec");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "sv-request-about-request",
        "A `<request>` is read and removed without waiting, too.",
        Answer(|scene, answer| {
            let reports = [json!(1), json!(2)].contains(&scene.asked["rt"]["rtv"]);
            if reports && (does(scene, 2) || does(scene, 4)) {
                restate(answer, 4000, 1001)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "sv-deleted-members",
        "A group names members that it has deleted.",
        Answer(|scene, answer| {
            if creates(scene, 9) && good(answer) {
                let grp = answer["pc"]["m2m:grp"].clone();
                scene.memory.insert("group".to_owned(), grp);
            }
            if does(scene, 4) && last(scene.asked) == "fopt" {
                scene.memory.insert("deleted".to_owned(), true.into());
            }
            let has_deleted = scene.memory.contains_key("deleted");
            if let (true, Some(made)) = (has_deleted, scene.memory.get("group")) {
                for name in ["mid", "cnm"] {
                    replace(answer, name, made[name].clone());
                }
            }
            Fate::Pass
        })
    ),
    wrong!(
        "sv-part-as-whole",
        "A part of a result passes for the whole.",
        Answer(|_, answer| {
            if let Some(members) = answer.as_object_mut() {
                members.remove("cnst");
                members.remove("cnot");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "sv-any-atr",
        "`atr` may name every attribute.",
        Answer(|scene, answer| if scene.asked["fc"].get("atr").is_some() {
            restate(answer, 4000, 2000)
        } else {
            Fate::Pass
        })
    ),
];

fn forget_of_subscription(answer: &mut Value, name: &str) -> Fate {
    if let Some(members) = answer
        .pointer_mut("/pc/m2m:sub")
        .and_then(Value::as_object_mut)
    {
        members.remove(name);
    }
    Fate::Pass
}
