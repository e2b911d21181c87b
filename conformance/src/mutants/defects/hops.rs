//! Defects of what passes between CSEs: hop requests, policies, confirmations, ends.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{count, creates, does, event, good, wrong};
use crate::mutants::engine::{Fate, Scene};

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "ho-first-target",
        "Of several targets of a proposal the first is taken.",
        Request(|_, request| {
            if let Some(Value::Array(targets)) = request.pointer_mut("/pc/smg:ses/sto") {
                targets.truncate(1);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-key-all-the-same",
        "With end-to-end keys the hop request carries a key as well.",
        Told(|_, told| {
            if told["ty"] == 50002 && told["pc"]["smg:ses"]["see"] == true {
                told["pc"]["smg:ses"]["scr"]["k"] =
                    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-srt-unread",
        "Every neighbour is taken for one that speaks sessions.",
        Request(|_, request| {
            capable(request);
            Fate::Pass
        }),
        Reply(|_, reply| {
            capable(reply);
            Fate::Pass
        })
    ),
    wrong!(
        "ho-unknown-5107",
        "A target that nobody knows is taken for one that is away: 5107.",
        Answer(|scene, answer| if creates(scene, 50002) {
            super::restate(answer, 4004, 5107)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "ho-poa-backwards",
        "A registree is looked for at its last point of access first.",
        Request(|_, request| {
            if let Some(Value::Array(poa)) = request.pointer_mut("/pc/m2m:csr/poa") {
                poa.reverse();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-under-way-lost",
        "What was under way on a link is lost with it: on the next one nothing is asked or taken.",
        Ask(|scene, head| {
            let origin = head.get("X-M2M-Origin").unwrap_or_default().to_owned();
            if !origin.is_empty() && count(scene, &format!("links of {origin}")) > 1 {
                let name = format!("another link {}", scene.link);
                scene.memory.insert(name, true.into());
            }
            Fate::Pass
        }),
        Told(|scene, _| lost(scene)),
        Reply(|scene, _| lost(scene))
    ),
    wrong!(
        "ho-infrastructure-unknown",
        "What belongs to the infrastructure is answered as a type that nobody knows.",
        Answer(
            |scene, answer| if creates(scene, 11) || creates(scene, 19) {
                super::restate(answer, 4005, 5001)
            } else {
                Fate::Pass
            }
        )
    ),
    wrong!(
        "ho-repetition-carried-out",
        "A request that is repeated is carried out again.",
        Request(|scene, request| {
            let rqi = request["rqi"].as_str().unwrap_or_default().to_owned();
            let name = format!("seen {rqi} of {}", request["fr"]);
            if request["op"] != 2 && count(scene, &name) > 1 {
                request["rqi"] = format!("{rqi}.again").into();
            }
            Fate::Pass
        }),
        Answer(|_, answer| {
            let rqi = answer["rqi"].as_str().unwrap_or_default();
            if let Some(rqi) = rqi.strip_suffix(".again").map(str::to_owned) {
                answer["rqi"] = rqi.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-policies-unread",
        "Policies of a proposal are not read.",
        Request(|_, request| {
            if let Some(Value::Object(session)) = request.pointer_mut("/pc/smg:ses") {
                session.remove("smg:spy");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-policies-kept",
        "Policies of a proposal are not handed on.",
        Told(|_, told| {
            let hop = told["ty"] == 50002;
            if let (true, Some(Value::Object(session))) = (hop, told.pointer_mut("/pc/smg:ses")) {
                session.remove("smg:spy");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-policy-renamed",
        "A policy has another name on the next hop.",
        Told(|_, told| {
            if told["ty"] == 50005 {
                told["pc"]["smg:spy"]["rn"] = "renamed".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-policy-on-anything",
        "CREATE of a policy is granted to a session that takes none.",
        Answer(|scene, answer| {
            if creates(scene, 50005) && answer["rsc"] == 4004 {
                answer["rsc"] = 2001.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-scap-stays",
        "Withdrawing the session capability is answered and not carried out.",
        Request(|_, request| {
            let content = json!({"m2m:ae": {"scap": false}});
            let withdrawn = request["op"] == 3 && request["pc"] == content;
            let answer = json!({"rsc": 2004, "rqi": request["rqi"], "rvi": "3", "pc": content});
            if withdrawn {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "ho-held-question-lost",
        "A question that waited for the link of its target is lost.",
        Told(|scene, told| {
            let reopened = scene
                .ask
                .get("X-M2M-Origin")
                .is_some_and(|who| !who.is_empty());
            if event(told) == 50001 && reopened {
                Fate::Drop
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "ho-deregistration-lost",
        "Deregistration of an AE is answered and not carried out.",
        Request(|_, request| {
            let to = request["to"].as_str().unwrap_or_default();
            let own = to
                .rsplit('/')
                .next()
                .is_some_and(|last| last.starts_with('C'));
            let from = request["fr"].as_str().unwrap_or_default();
            let itself = request["op"] == 4 && (own || to.ends_with(from) && !from.is_empty());
            let answer = json!({"rsc": 2002, "rqi": request["rqi"], "rvi": "3"});
            if itself {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "ho-delete-forgotten",
        "The next hop is not told the end of a session.",
        Told(|_, told| if told["op"] == 4 {
            Fate::Drop
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "ho-delete-once",
        "A hop DELETE without answer is not repeated.",
        Told(|scene, told| {
            let name = format!("ended {}", told["to"]);
            if told["op"] == 4 && count(scene, &name) > 1 {
                Fate::Drop
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "ho-delete-reason",
        "A hop DELETE gives another reason.",
        Told(|_, told| {
            if told["op"] == 4 {
                told["rsn"] = 4.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-delete-twice",
        "A hop DELETE comes twice, the second time under another identifier.",
        Told(|_, told| {
            let mut again = told.clone();
            again["rqi"] = "again".into();
            if told["op"] == 4 {
                Fate::With(again)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "ho-gone-is-an-error",
        "A hop that does not know the session any more counts as one that refuses its end.",
        Reply(|scene, reply| if does(scene, 4) {
            super::restate(reply, 4004, 5000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "ho-ends-early",
        "The end of a session is confirmed before anybody else was told.",
        Request(|_, request| {
            let to = request["to"].as_str().unwrap_or_default();
            let session = request["op"] == 4 && to.contains("/sessions/");
            let answer = json!({"rsc": 2002, "rqi": request["rqi"], "rvi": "3"});
            if session {
                Fate::Early(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "ho-other-success-taken",
        "The success of the next hop counts whichever session it names.",
        Reply(|scene, reply| {
            if creates(scene, 50002) && good(reply) {
                reply["pc"]["smg:ses"]["sid"] = scene.asked["pc"]["smg:ses"]["sid"].clone();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-confirmation-unheard",
        "What the next hop makes of a confirmation does not matter.",
        Reply(|scene, reply| {
            let confirms = scene.asked["pc"]["smg:ses"]["slc"] == 2;
            if confirms {
                reply["rsc"] = 2004.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-any-confirmation",
        "Every UPDATE of `slc` is taken for the confirmation.",
        Request(|_, request| {
            let slc = request.pointer_mut("/pc/smg:ses/slc");
            if let Some(slc) = slc {
                *slc = 2.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-pending-for-ever",
        "An active session is shown as pending.",
        Answer(|scene, answer| {
            if does(scene, 2) && answer["pc"]["smg:ses"]["slc"] == 2 {
                answer["pc"]["smg:ses"]["slc"] = 1.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-keys-of-one-kind",
        "A proposal with end-to-end keys is made one with keys of the hops.",
        Request(|_, request| {
            let session = request.pointer_mut("/pc/smg:ses");
            if let Some(session) = session.filter(|session| session["see"] == true) {
                session["see"] = false.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-dash-in-session",
        "`-` is not known as the CSEBase where a request has a session.",
        Request(|_, request| {
            let to = request["to"].as_str().unwrap_or_default();
            let dash = request.get("sid").is_some() && to.contains("/-/");
            if dash {
                request["to"] = to.replace("/-/", "/dash/").into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-flex-broken",
        "The sealed value of a flexContainer has another last letter.",
        Answer(|_, answer| {
            let value = &mut answer["pc"]["smg:sld"]["dat"];
            if let Some(text) = value.as_str().filter(|text| text.contains('.')) {
                *value = format!("{text}A").into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "ho-visited-forgotten",
        "A hop request does not name the CSEs that it has passed.",
        Told(|_, told| {
            let hop = told["ty"] == 50002;
            if let (true, Some(Value::Object(session))) = (hop, told.pointer_mut("/pc/smg:ses")) {
                session.remove("vst");
            }
            Fate::Pass
        })
    ),
];

/// Puts the types of sessions into every list of supported types.
fn capable(value: &mut Value) {
    for kind in ["m2m:cb", "m2m:csr"] {
        if let Some(Value::Array(types)) = value.pointer_mut(&format!("/pc/{kind}/srt")) {
            types.extend((50001..=50007).map(Value::from));
        }
    }
}

/// Nothing passes on a link that is not the first of its originator.
fn lost(scene: &Scene<'_>) -> Fate {
    let name = format!("another link {}", scene.link);
    if scene.memory.contains_key(&name) {
        Fate::Drop
    } else {
        Fate::Pass
    }
}
