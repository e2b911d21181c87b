//! Defects of conditions, names and addresses, and of who is told of what.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{body, count, creates, does, forget, restate, without, wrong};
use crate::mutants::engine::{Fate, Scene};

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "cd-lim-0",
        "`lim` 0 is taken for no limit.",
        Request(|_, request| if request["fc"]["lim"] == 0 {
            without(request, "lim")
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "cd-no-arp",
        "`arp` of a filter is ignored.",
        Request(|_, request| without(request, "arp"))
    ),
    wrong!(
        "cd-no-cfq",
        "`cfq` of a filter is ignored.",
        Request(|_, request| {
            without(request, "cfs");
            without(request, "cfq")
        })
    ),
    wrong!(
        "cd-everywhere",
        "The geometry of a filter is ignored.",
        Request(|_, request| {
            without(request, "gmty");
            without(request, "geom");
            without(request, "gsf")
        })
    ),
    wrong!(
        "cd-any-smf",
        "A semantics filter need not be a query.",
        Answer(|scene, answer| if scene.asked["fc"].get("smf").is_some() {
            restate(answer, 4143, 2000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "cd-no-demand",
        "A discovery on demand is taken for a usual one.",
        Request(|_, request| {
            if request["fc"]["fu"] == 3 {
                request["fc"]["fu"] = 1.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "cd-no-lbq",
        "`lbq` of a filter is ignored.",
        Request(|_, request| without(request, "lbq"))
    ),
    wrong!(
        "cd-discovery-alone",
        "Conditions of a RETRIEVE that shows its target alone are ignored.",
        Request(|_, request| unconditional(request, false))
    ),
    wrong!(
        "cd-every-child",
        "Conditions of a RETRIEVE that shows children are ignored.",
        Request(|_, request| unconditional(request, true))
    ),
    wrong!(
        "cd-hiding-name",
        "A name of a virtual child is replaced in silence.",
        Request(|_, request| {
            let hides = body(request)
                .and_then(|body| body["rn"].as_str())
                .is_some_and(|rn| ["la", "ol"].contains(&rn));
            if hides {
                forget(request, "rn")
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "cd-modified-all",
        "`rcn` 9 shows the whole resource.",
        Request(|_, request| {
            if request["rcn"] == 9 {
                request["rcn"] = 1.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "cd-any-provider",
        "The service provider of an absolute address is not looked at.",
        Request(|_, request| {
            let local = request["to"]
                .as_str()
                .and_then(|to| to.strip_prefix("//"))
                .and_then(|to| to.find('/').map(|at| to[at..].to_owned()));
            if let Some(local) = local {
                request["to"] = local.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "cd-any-notifier",
        "NOTIFY to an AE needs no privilege.",
        Answer(|scene, answer| if does(scene, 5) {
            restate(answer, 4103, 2000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "cd-evicted-told",
        "An instance that goes to keep `mni` is told as deleted.",
        Answer(evicted)
    ),
    wrong!(
        "cd-no-chty",
        "`chty` of a subscription is ignored.",
        Request(|_, request| {
            let enc = request.pointer_mut("/pc/m2m:sub/enc");
            if let Some(enc) = enc.and_then(Value::as_object_mut) {
                enc.remove("chty");
            }
            Fate::Pass
        })
    ),
];

/// Without the filter of a RETRIEVE that is no discovery.
fn unconditional(request: &mut Value, shows_children: bool) -> Fate {
    let reads = request["op"] == 2 && request["fc"]["fu"] != 1;
    let is_meant = (request["rcn"].as_u64() > Some(3)) == shows_children;
    if let (true, Some(members)) = (reads && is_meant, request.as_object_mut()) {
        members.remove("fc");
    }
    Fate::Pass
}

/// The third instance below a subscription to deleted children is followed by a notification.
fn evicted(scene: &mut Scene<'_>, answer: &mut Value) -> Fate {
    if creates(scene, 23) && scene.asked["pc"]["m2m:sub"]["enc"]["net"] == json!([4]) {
        let to = scene.asked["fr"].clone();
        scene.memory.insert("subscriber".to_owned(), to);
    }
    if !creates(scene, 4) {
        return Fate::Pass;
    }
    let Some(to) = scene.memory.get("subscriber").cloned() else {
        return Fate::Pass;
    };
    if count(scene, "instances") != 3 {
        return Fate::Pass;
    }
    let sgn = json!({"sur": "sub", "nev": {"net": 4, "rep": answer["pc"]}});
    Fate::With(json!({
        "op": 5, "to": to, "fr": "/cse1", "rqi": "evicted", "rvi": "3", "pc": {"m2m:sgn": sgn}
    }))
}
