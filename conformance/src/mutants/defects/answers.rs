//! Defects of answers and of the representations in them.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{body, count, creates, does, forget, good, last, replace, wrong};
use crate::mutants::engine::{Fate, Scene};

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "an-rqi-of-last",
        "Of two requests that are open at once both answers carry the `rqi` of the second.",
        Answer(|scene, answer| {
            if let Some(open) = scene.open.last() {
                answer["rqi"] = open["rqi"].clone();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-rqi-short",
        "An `rqi` of more than 64 letters is cut.",
        Answer(|_, answer| rqi(answer, |rqi| rqi.chars().take(64).collect()))
    ),
    wrong!(
        "an-rqi-ascii",
        "Letters of an `rqi` that are not ASCII are replaced.",
        Answer(|_, answer| rqi(answer, |rqi| rqi
            .chars()
            .map(|c| if c.is_ascii() { c } else { '?' })
            .collect()))
    ),
    wrong!(
        "an-rqi-number",
        "An `rqi` of digits is sent as a number.",
        Answer(|_, answer| {
            let number = answer["rqi"]
                .as_str()
                .and_then(|rqi| rqi.parse::<u64>().ok());
            if let Some(number) = number {
                answer["rqi"] = number.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-deleted-lost",
        "DELETE is carried out and not answered.",
        Answer(|scene, answer| if does(scene, 4) && good(answer) {
            Fate::Drop
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-updated-twice",
        "UPDATE is answered twice.",
        Answer(|scene, _| if does(scene, 3) {
            Fate::Twice
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-all-twice",
        "With more than two requests open, the answer comes twice.",
        Answer(|scene, _| if scene.open.len() > 2 {
            Fate::Twice
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-discovery-lost",
        "Discovery without a result is not answered.",
        Answer(|scene, answer| {
            let empty = answer["pc"]["m2m:uril"]
                .as_array()
                .is_some_and(Vec::is_empty);
            if scene.asked["fc"]["fu"] == 1 && empty {
                Fate::Drop
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-rvi-old",
        "RETRIEVE is answered with another release than asked in.",
        Answer(|scene, answer| {
            if does(scene, 2) {
                answer["rvi"] = "2a".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-late",
        "The answer to a DELETE comes behind that to a later request.",
        Answer(|scene, _| if does(scene, 4) {
            Fate::Behind
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-reopened-unknown",
        "Who opens a link again is answered 4106.",
        Answer(|scene, answer| {
            let known = scene
                .ask
                .get("X-M2M-Origin")
                .is_some_and(|who| who.starts_with('C'));
            if known && does(scene, 2) {
                answer["rsc"] = 4106.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-extra-member",
        "Answers to DELETE have a member that no response has.",
        Answer(|scene, answer| {
            if does(scene, 4) {
                answer["status"] = "fine".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-no-ri",
        "The representation of a new container lacks `ri`.",
        Answer(|scene, answer| if creates(scene, 3) {
            forget(answer, "ri")
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-time-format",
        "Times of a new container have hyphens and colons.",
        Answer(|scene, answer| {
            if creates(scene, 3) {
                replace(answer, "ct", json!("2027-03-01T10:00:00"))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-parent-name",
        "`pi` of a container is the name of its parent.",
        Answer(|_, answer| {
            let parent = answer["pc"]["m2m:cnt"]["pi"].is_string();
            if parent {
                replace(answer, "pi", json!("parent"))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-lbl-sorted",
        "`lbl` is sorted.",
        Answer(|_, answer| {
            if let Some(Value::Array(labels)) = body(answer).and_then(|body| body.get_mut("lbl")) {
                labels.sort_by_key(Value::to_string);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-lbl-lost",
        "RETRIEVE does not show `lbl`.",
        Answer(|scene, answer| if does(scene, 2) {
            forget(answer, "lbl")
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-old-values",
        "RETRIEVE answers what CREATE answered, whatever happened since.",
        Answer(stale)
    ),
    wrong!(
        "an-cni-frozen",
        "`cni` is 0.",
        Answer(|_, answer| replace(answer, "cni", json!(0)))
    ),
    wrong!(
        "an-cs-letters",
        "`cs` counts one too many.",
        Answer(|_, answer| {
            let size = answer["pc"]["m2m:cin"]["cs"].as_u64();
            size.map_or(Fate::Pass, |size| replace(answer, "cs", json!(size + 1)))
        })
    ),
    wrong!(
        "an-cbs-frozen",
        "`cbs` is 0.",
        Answer(|_, answer| replace(answer, "cbs", json!(0)))
    ),
    wrong!(
        "an-ct-moves",
        "`ct` moves with every RETRIEVE.",
        Answer(|scene, answer| {
            if !does(scene, 2) {
                return Fate::Pass;
            }
            let time = format!("20270301T1000{:02}", count(scene, "reads") % 60);
            replace(answer, "ct", json!(time))
        })
    ),
    wrong!(
        "an-lt-back",
        "`lt` goes back.",
        Answer(|scene, answer| {
            if !does(scene, 2) {
                return Fate::Pass;
            }
            let time = format!("20200301T1000{:02}", 59 - count(scene, "reads") % 60);
            replace(answer, "lt", json!(time))
        })
    ),
    wrong!(
        "an-st-frozen",
        "`st` stays 0.",
        Answer(|_, answer| replace(answer, "st", json!(0)))
    ),
    wrong!(
        "an-con-ascii",
        "Letters of `con` that are not ASCII come back as question marks.",
        Answer(|_, answer| con(answer, |text| {
            text.chars()
                .map(|c| if c.is_ascii() { c } else { '?' })
                .collect()
        }))
    ),
    wrong!(
        "an-con-trimmed",
        "White space at the ends of `con` is lost.",
        Answer(|_, answer| con(answer, |text| text.trim().to_owned()))
    ),
    wrong!(
        "an-same-name",
        "Names the CSE chooses are all the same.",
        Answer(|scene, answer| {
            let unnamed = creates(scene, 4) && scene.asked["pc"]["m2m:cin"].get("rn").is_none();
            if unnamed {
                replace(answer, "rn", json!("cin"))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-rn-lost",
        "A new AE is shown without its name where labels were given.",
        Answer(|scene, answer| {
            let labelled = answer["pc"]["m2m:ae"]["lbl"].is_array() && does(scene, 2);
            if labelled {
                forget(answer, "rn")
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-own-stem-ignored",
        "An AE that asks with its own stem gets another.",
        Answer(|scene, answer| {
            let own = scene.asked["fr"]
                .as_str()
                .is_some_and(|stem| stem.len() > 1);
            if creates(scene, 2) && own {
                replace(answer, "aei", json!("Cother"))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-stem-changes",
        "RETRIEVE of an AE shows another stem.",
        Answer(|scene, answer| if does(scene, 2) {
            replace(answer, "aei", json!("Cother"))
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-base-types",
        "The CSEBase does not list its types.",
        Answer(|_, answer| {
            if answer["pc"]["m2m:cb"].is_object() {
                replace(answer, "srt", json!([5]))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-base-releases",
        "The CSEBase lists release 2a only.",
        Answer(|_, answer| {
            if answer["pc"]["m2m:cb"].is_object() {
                replace(answer, "srv", json!(["2a"]))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-base-id",
        "The CSEBase shows a CSE-ID without the slash.",
        Answer(|_, answer| {
            let id = answer["pc"]["m2m:cb"]["csi"]
                .as_str()
                .map(|id| id.trim_start_matches('/').to_owned());
            id.map_or(Fate::Pass, |id| replace(answer, "csi", json!(id)))
        })
    ),
    wrong!(
        "an-neighbour-type",
        "The answer to a CSE that registers shows another CSE-ID.",
        Answer(|scene, answer| if creates(scene, 16) {
            replace(answer, "csi", json!("/other"))
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-children-lost",
        "`rcn` 4 and 8 show no children.",
        Answer(|scene, answer| if scene.asked["rcn"].as_u64() > Some(3) {
            forget(answer, "m2m:cnt")
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "an-address-of-nothing",
        "The address that `rcn` 2 answers leads nowhere.",
        Answer(|_, answer| {
            if answer["pc"]["m2m:uri"].is_string() {
                answer["pc"]["m2m:uri"] = "nowhere".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-discovery-leaks",
        "Discovery lists a resource that the originator may not discover.",
        Answer(leak)
    ),
    wrong!(
        "an-discovery-slash",
        "Addresses found begin with a slash too many.",
        Answer(|_, answer| found(answer, |uri| format!("/{uri}")))
    ),
    wrong!(
        "an-discovery-all",
        "Discovery by label finds what does not match too.",
        Answer(|scene, answer| {
            if scene.asked["fc"]["lbl"].is_array()
                && let Some(found) = answer
                    .pointer_mut("/pc/m2m:uril")
                    .and_then(Value::as_array_mut)
            {
                found.push("cse1/more".into());
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-discovery-first",
        "Discovery finds at most one.",
        Answer(|_, answer| {
            if let Some(found) = answer
                .pointer_mut("/pc/m2m:uril")
                .and_then(Value::as_array_mut)
            {
                found.truncate(1);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-latest-oldest",
        "`la` shows the oldest and `ol` the latest.",
        Request(|_, request| {
            let to = request["to"].as_str().unwrap_or_default().to_owned();
            let other = match last(request) {
                "la" => "ol",
                "ol" => "la",
                _ => return Fate::Pass,
            };
            request["to"] = format!("{}{other}", &to[..to.len() - 2]).into();
            Fate::Pass
        })
    ),
    wrong!(
        "an-forwarded-content",
        "The content of an answer from another CSE loses what is null.",
        Answer(|_, answer| {
            if let Some(odd) = answer.pointer_mut("/pc/org:odd") {
                odd["z"] = json!([1, {}]);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-twin",
        "An AE that asks for itself is shown another.",
        Answer(|scene, answer| {
            let own = scene.asked["rqi"] == "same" && answer["pc"]["m2m:ae"].is_object();
            if own {
                replace(answer, "rn", json!("twin"))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-found-nowhere",
        "Discovery below nothing finds nothing: an empty list.",
        Answer(|scene, answer| {
            if scene.asked["fc"]["fu"] == 1 && answer["rsc"] == 4004 {
                answer["rsc"] = 2000.into();
                answer["pc"] = json!({"m2m:uril": []});
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-latest-of-nothing",
        "The latest instance of an empty container is nothing, with 2000.",
        Answer(|scene, answer| {
            let ends = ["la", "ol"].contains(&last(scene.asked));
            if let (true, Some(members)) = (ends && answer["rsc"] == 4004, answer.as_object_mut()) {
                members.insert("rsc".to_owned(), 2000.into());
                members.remove("pc");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-failure-hidden",
        "A non-blocking request that failed reports success.",
        Answer(|_, answer| {
            if let Some(rsc) = answer.pointer_mut("/pc/m2m:req/ors/rsc") {
                *rsc = 2000.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "an-no-route",
        "A request for a CSE that nobody knows is answered 5103.",
        Answer(|scene, answer| {
            let to = scene.asked["to"].as_str().unwrap_or_default();
            let nobody = to.starts_with("/nobody");
            if nobody {
                super::restate(answer, 4004, 5103)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "an-nonblocking-5000",
        "Whatever makes a non-blocking request fail, its result is 5000.",
        Answer(|_, answer| {
            if let Some(rsc) = answer.pointer_mut("/pc/m2m:req/ors/rsc")
                && *rsc == 4004
            {
                *rsc = 5000.into();
            }
            Fate::Pass
        })
    ),
];

fn rqi(answer: &mut Value, change: fn(&str) -> String) -> Fate {
    if let Some(rqi) = answer["rqi"].as_str() {
        answer["rqi"] = change(rqi).into();
    }
    Fate::Pass
}

fn con(answer: &mut Value, change: fn(&str) -> String) -> Fate {
    if let Some(text) = answer["pc"]["m2m:cin"]["con"].as_str() {
        answer["pc"]["m2m:cin"]["con"] = change(text).into();
    }
    Fate::Pass
}

fn found(answer: &mut Value, change: fn(&str) -> String) -> Fate {
    if let Some(found) = answer
        .pointer_mut("/pc/m2m:uril")
        .and_then(Value::as_array_mut)
    {
        for uri in found {
            *uri = change(uri.as_str().unwrap_or_default()).into();
        }
    }
    Fate::Pass
}

fn stale(scene: &mut Scene<'_>, answer: &mut Value) -> Fate {
    let kind = answer["pc"]
        .get("m2m:cnt")
        .and_then(|cnt| cnt["ri"].as_str())
        .map(str::to_owned);
    let Some(ri) = kind.filter(|_| good(answer)) else {
        return Fate::Pass;
    };
    let key = format!("first {ri}");
    if let Some(first) = scene.memory.get(&key).filter(|_| does(scene, 2)) {
        answer["pc"] = first.clone();
    } else {
        scene
            .memory
            .entry(key)
            .or_insert_with(|| answer["pc"].clone());
    }
    Fate::Pass
}

/// What another AE has made is added to what is found.
fn leak(scene: &mut Scene<'_>, answer: &mut Value) -> Fate {
    if creates(scene, 3)
        && let Some(to) = scene.asked["to"].as_str()
    {
        let box_of = format!("{to}/box");
        scene
            .memory
            .entry("box".to_owned())
            .or_insert_with(|| box_of.into());
        scene
            .memory
            .entry("link".to_owned())
            .or_insert_with(|| (scene.link as u64).into());
    }
    let other = scene
        .memory
        .get("link")
        .is_some_and(|link| *link != scene.link as u64);
    let known = scene.memory.get("box").cloned();
    if let (true, Some(known), Some(found)) = (
        other,
        known,
        answer
            .pointer_mut("/pc/m2m:uril")
            .and_then(Value::as_array_mut),
    ) {
        found.push(known);
    }
    Fate::Pass
}
