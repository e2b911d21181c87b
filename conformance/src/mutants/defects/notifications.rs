//! Defects of notifications and of what is forwarded.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{count, event, last, wrong};
use crate::mutants::engine::Fate;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "no-update-forgotten",
        "An UPDATE is not notified.",
        Told(|_, told| forgotten(told, 1))
    ),
    wrong!(
        "no-delete-forgotten",
        "The end of a resource is not notified.",
        Told(|_, told| forgotten(told, 2))
    ),
    wrong!(
        "no-child-forgotten",
        "A new child is not notified.",
        Told(|_, told| forgotten(told, 3))
    ),
    wrong!(
        "no-child-twice",
        "A new child is notified twice.",
        Told(|_, told| twice(told, 3))
    ),
    wrong!(
        "no-update-twice",
        "An UPDATE is notified twice.",
        Told(|_, told| twice(told, 1))
    ),
    wrong!(
        "no-reordered",
        "Notifications of children come in pairs, the second first.",
        Told(|scene, told| {
            if event(told) != 3 {
                return Fate::Pass;
            }
            match scene.memory.remove("first") {
                Some(first) => Fate::With(first),
                None => {
                    scene.memory.insert("first".to_owned(), told.clone());
                    Fate::Drop
                }
            }
        })
    ),
    wrong!(
        "no-rep",
        "A notification lacks the representation.",
        Told(|_, told| {
            if let Some(event) = told
                .pointer_mut("/pc/m2m:sgn/nev")
                .and_then(Value::as_object_mut)
                && event["net"].as_u64() < Some(50_000)
            {
                event.remove("rep");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-sur",
        "`sur` of a notification is the name of the CSE.",
        Told(|_, told| {
            if matches!(event(told), 1..=3) {
                told["pc"]["m2m:sgn"]["sur"] = "/cse2/other".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-blocks-answers",
        "A request that comes while a notification is open is forgotten.",
        Told(|scene, told| {
            if event(told) == 3 {
                count(scene, "waiting");
            }
            Fate::Pass
        }),
        Answer(|scene, _| {
            let lost = scene.asked["op"] == 2 && scene.memory.remove("waiting").is_some();
            if lost { Fate::Drop } else { Fate::Pass }
        })
    ),
    wrong!(
        "no-refused-ends",
        "After a refused notification the subscription is gone.",
        Reply(|scene, reply| {
            if reply["rsc"].as_u64() >= Some(4000) {
                count(scene, "refused");
            }
            Fate::Pass
        }),
        Told(|scene, told| {
            let gone =
                event(told) > 0 && event(told) < 50_000 && scene.memory.contains_key("refused");
            if gone { Fate::Drop } else { Fate::Pass }
        })
    ),
    wrong!(
        "no-verdict",
        "A subscription is made whatever its target says.",
        Answer(|_, answer| {
            if answer["rsc"] == 5204 {
                answer["rsc"] = 2001.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-yes",
        "A target that has agreed is taken as one that has not.",
        Reply(|scene, reply| {
            if scene.asked["pc"]["m2m:sgn"]["vrq"] == true {
                reply["rsc"] = 4101.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-polled-lost",
        "A poll is always answered 4008 at once.",
        Request(|_, request| polled(request, 2, json!({"rsc": 4008})))
    ),
    wrong!(
        "no-poll-success",
        "A poll in vain is a success.",
        Answer(|scene, answer| {
            if last(scene.asked) == "pcu" && answer["rsc"] == 4008 {
                answer["rsc"] = 2000.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-poll-reply-lost",
        "The answer to a polled request is taken and forgotten.",
        Request(|_, request| polled(request, 5, json!({"rsc": 2000})))
    ),
    wrong!(
        "no-poll-anybody",
        "Everybody may poll.",
        Answer(|scene, answer| {
            if last(scene.asked) == "pcu" && answer["rsc"] == 4103 {
                answer["rsc"] = 4008.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-rr",
        "What an AE says of its reachability is ignored.",
        Request(|_, request| {
            if let Some(ae) = request.pointer_mut("/pc/m2m:ae")
                && ae["rr"] == false
            {
                ae["rr"] = true.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-schedule",
        "Schedules are stored and have no effect.",
        Request(|_, request| {
            if let Some(entries) = request.pointer_mut("/pc/m2m:sch/se/sce") {
                *entries = json!(["* * * * * * *"]);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-pn",
        "Pending events are always notified, all of them.",
        Request(|_, request| {
            if let Some(subscription) = request.pointer_mut("/pc/m2m:sub")
                && subscription.get("pn").is_some()
            {
                subscription["pn"] = 2.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-result-lost",
        "The result of a non-blocking request is not notified.",
        Told(|_, told| if told["pc"].get("m2m:rsp").is_some() {
            Fate::Drop
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "no-result-twice",
        "The result of a non-blocking request is notified twice.",
        Told(|_, told| if told["pc"].get("m2m:rsp").is_some() {
            Fate::Twice
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "no-result-4000",
        "The result of a non-blocking request is told as 4000.",
        Told(|_, told| {
            if told["pc"]["m2m:rsp"]["rsc"].is_number() {
                told["pc"]["m2m:rsp"]["rsc"] = 4000.into();
            }
            Fate::Pass
        }),
        Answer(|_, answer| {
            if answer["pc"]["m2m:req"]["ors"]["rsc"].is_number() {
                answer["pc"]["m2m:req"]["ors"]["rsc"] = 4000.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-odd-event",
        "Notifications of children have a member that none has.",
        Told(|_, told| {
            if event(told) == 3 {
                told["pc"]["m2m:sgn"]["odd"] = true.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "no-odd-request",
        "Notifications of children come in a request with an unknown member.",
        Told(|_, told| {
            if event(told) == 3 {
                told["odd"] = true.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fw-from-lost",
        "A forwarded request comes from the CSE, not from its originator.",
        Told(|_, told| {
            if told["pc"].get("m2m:sgn").is_none() && told["op"] != 5 {
                told["fr"] = "/cse2".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fw-to-relative",
        "A forwarded request has lost the CSE-ID of its target.",
        Told(|_, told| {
            let far = told["to"]
                .as_str()
                .and_then(|to| to.find("/Cfar").map(|at| to[at + 1..].to_owned()));
            if let Some(far) = far {
                told["to"] = far.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fw-content-lost",
        "What is forwarded loses what is null.",
        Told(|_, told| {
            if let Some(odd) = told.pointer_mut("/pc/org:odd") {
                odd["z"] = json!([1, {}]);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fw-error-5000",
        "Errors of a neighbour are passed on as 5000.",
        Reply(|_, reply| {
            if reply["rsc"].as_u64() >= Some(4000) {
                reply["rsc"] = 5000.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "fw-swapped",
        "Answers that come out of order go to the request that is oldest.",
        Answer(|_, answer| swap(answer))
    ),
    wrong!(
        "fw-behind",
        "What comes from behind a neighbour is refused.",
        Answer(|scene, answer| {
            let behind = scene.asked["fr"]
                .as_str()
                .is_some_and(|fr| fr.starts_with("/n") && fr.contains("/C"));
            if behind && scene.asked["op"] == 2 {
                answer["rsc"] = 4103.into();
            }
            Fate::Pass
        })
    ),
];

fn forgotten(told: &Value, net: u64) -> Fate {
    if event(told) == net {
        Fate::Drop
    } else {
        Fate::Pass
    }
}

fn twice(told: &Value, net: u64) -> Fate {
    if event(told) == net {
        Fate::Twice
    } else {
        Fate::Pass
    }
}

fn swap(answer: &mut Value) -> Fate {
    let other = match answer["pc"]["m2m:cnt"]["rn"].as_str() {
        Some("one") => "two",
        Some("two") => "one",
        Some(_) | None => return Fate::Pass,
    };
    answer["pc"]["m2m:cnt"]["rn"] = other.into();
    Fate::Pass
}

/// Answers an operation on the URI of a polling channel so, and hands nothing on.
fn polled(request: &Value, op: u64, mut answer: Value) -> Fate {
    if request["op"] != op || last(request) != "pcu" {
        return Fate::Pass;
    }
    answer["rqi"] = request["rqi"].clone();
    answer["rvi"] = "3".into();
    Fate::Back(answer)
}
