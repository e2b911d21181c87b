//! Defects of AEs: what they send to the suite, which is their registrar, and what of its
//! messages reaches them.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{count, event, forget, harmless as change};
use crate::mutants::engine::Fate;

macro_rules! agent {
    ($($record:tt)*) => { $crate::mutants::defects::defect!(WrongAgent, $($record)*) };
}

macro_rules! harmless {
    ($($record:tt)*) => { $crate::mutants::defects::defect!(HarmlessAgent, $($record)*) };
}

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    agent!(
        "ae-no-poa",
        "A CSE that registers does not say where it can be reached.",
        Request(|_, request| forget(request, "poa"))
    ),
    agent!(
        "ae-path",
        "An AE asks for another path than `/`.",
        Ask(|_, head| {
            head.line = "GET /mca HTTP/1.1".to_owned();
            Fate::Pass
        })
    ),
    agent!(
        "ae-subprotocol",
        "An AE offers XML only.",
        Ask(|_, head| {
            head.set("Sec-WebSocket-Protocol", "oneM2M.xml");
            Fate::Pass
        })
    ),
    agent!(
        "ae-no-srv",
        "An AE registers without the releases that it supports.",
        Request(|_, request| if request["ty"] == 2 {
            forget(request, "srv")
        } else {
            Fate::Pass
        })
    ),
    agent!(
        "ae-no-scap",
        "An AE registers without saying that it is capable of sessions.",
        Request(|_, request| if request["ty"] == 2 {
            forget(request, "scap")
        } else {
            Fate::Pass
        })
    ),
    agent!(
        "ae-events-mixed",
        "An AE subscribes to published and private event types at once.",
        Request(|_, request| {
            if let Some(net) = request.pointer_mut("/pc/m2m:sub/enc/net") {
                *net = json!([1, 50001, 50002, 50003]);
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-no-consent",
        "An AE that was told to be asked subscribes without being asked.",
        Request(|_, request| {
            if let Some(net) = request.pointer_mut("/pc/m2m:sub/enc/net") {
                *net = json!([50002, 50003]);
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-registers-anew",
        "An AE registers once more on its next link.",
        Request(|scene, request| {
            let again = json!({
                "op": 1, "to": "/suite", "rqi": "anew", "rvi": "3", "ty": 2,
                "pc": {"m2m:ae": {"api": "Norg.example.agent", "rr": true, "srv": ["3"]}}
            });
            let first = request["op"] == 2 && scene.link > 0;
            if first && count(scene, "anew") == 1 {
                return Fate::After(again);
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-other-rqi",
        "An AE repeats an open request under a new identifier.",
        Request(|scene, request| {
            if scene.link > 0 {
                request["rqi"] = "again".into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-nameless-link",
        "An AE does not say who it is when it opens its next link.",
        Ask(|scene, head| {
            if scene.link > 0 {
                head.remove("X-M2M-Origin");
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-chooses-sid",
        "An AE proposes an identifier for its session.",
        Request(|_, request| {
            if request["ty"] == 50002 {
                request["pc"]["smg:ses"]["sid"] = "/suite/AAAAAAAAAAAAAAAAAAAAAA".into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-non-blocking-proposal",
        "An AE proposes a session without waiting for the answer.",
        Request(|_, request| {
            if request["ty"] == 50002 {
                request["rt"] = json!({"rtv": 1});
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-bare-yes",
        "An AE says yes without an endpoint.",
        Reply(|scene, reply| {
            if let (50001, Some(members)) = (event(scene.asked), reply.as_object_mut()) {
                members.remove("pc");
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-other-endpoint",
        "An AE says yes for somebody else.",
        Reply(|_, reply| {
            if let Some(endpoint) = reply.pointer_mut("/pc/smg:sep") {
                endpoint["epi"] = "/suite/Cother".into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-no-with-reasons",
        "An AE explains its no in content.",
        Reply(|scene, reply| {
            if event(scene.asked) == 50001 && reply["rsc"] == 4005 {
                reply["pc"] = json!({"m2m:dbg": "not now"});
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-no-other-status",
        "The no of an AE is 4000.",
        Reply(|scene, reply| {
            if event(scene.asked) == 50001 && reply["rsc"] == 4005 {
                reply["rsc"] = 4000.into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-changes-its-mind",
        "An AE that is asked a second time says no.",
        Reply(|scene, reply| {
            let again = event(scene.asked) == 50001 && count(scene, "asked") > 1;
            if let (true, Some(members)) = (again, reply.as_object_mut()) {
                members.remove("pc");
                members.insert("rsc".to_owned(), 4005.into());
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-no-cnf",
        "An AE does not say that content is sealed.",
        Request(|_, request| if request["ty"] == 4 {
            forget(request, "cnf")
        } else {
            Fate::Pass
        })
    ),
    agent!(
        "ae-no-sid",
        "Sealed requests of an AE do not name their session.",
        Request(|_, request| {
            if let (true, Some(members)) = (request["ty"] == 4, request.as_object_mut()) {
                members.remove("sid");
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-sealed-once",
        "An AE sends the same sealed value twice.",
        Request(|scene, request| {
            if request["ty"] == 4 {
                let con = request["pc"]["m2m:cin"]["con"].clone();
                let first = scene.memory.entry("con".to_owned()).or_insert(con);
                request["pc"]["m2m:cin"]["con"] = first.clone();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-keeps-key",
        "An AE acknowledges the end of a session and uses its key on.",
        Told(|_, told| {
            let answer = json!({"rsc": 2000, "rqi": told["rqi"], "rvi": "3", "sid": told["sid"]});
            if event(told) == 50003 && told["fr"] == "/suite" {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    agent!(
        "ae-believes-anybody",
        "An AE believes anybody that a session is over.",
        Told(|_, told| {
            if event(told) == 50003 {
                told["fr"] = "/suite".into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-update-refused",
        "An AE refuses update notifications.",
        Reply(|scene, reply| {
            if event(scene.asked) == 50002 {
                reply["rsc"] = 4000.into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-update-once",
        "An AE refuses an update notification that is repeated.",
        Reply(|scene, reply| {
            if event(scene.asked) == 50002 && count(scene, "updates") > 1 {
                reply["rsc"] = 4005.into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-same-rqi",
        "An AE reads under one identifier always.",
        Request(|_, request| {
            if request["op"] == 2 {
                request["rqi"] = "read".into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-ends-elsewhere",
        "An AE ends a session at the address of the other side.",
        Request(|_, request| {
            let to = request["to"].as_str().unwrap_or_default();
            if request["op"] == 4 && to.ends_with("ses1") {
                request["to"] = "/far/far/sessions/s1".into();
            }
            Fate::Pass
        })
    ),
    agent!(
        "ae-deregisters-all",
        "An AE deregisters by deleting the CSEBase.",
        Request(|_, request| {
            let to = request["to"].as_str().unwrap_or_default();
            if request["op"] == 4 && !to.ends_with("ses1") {
                request["to"] = "/suite/suite".into();
            }
            Fate::Pass
        })
    ),
];

/// Changes of an AE that must not matter.
pub(in crate::mutants) const CHANGES: &[Defect] = &[
    harmless!(
        "ok-ae-order",
        "Members of what an AE sends come in the opposite order.",
        Request(|_, value| change::turned(value)),
        Reply(|_, value| change::turned(value))
    ),
    harmless!(
        "ok-ae-space",
        "Messages of an AE have line breaks and spaces.",
        Frame(|_, frame| change::spaced(frame))
    ),
    harmless!(
        "ok-ae-fragments",
        "Messages of an AE come in fragments of seven bytes, some of them empty.",
        Frame(|_, frame| change::fragments(frame))
    ),
    harmless!(
        "ok-ae-headers",
        "The handshake of an AE has more headers.",
        Ask(|_, head| {
            head.headers
                .insert(0, ("User-Agent".to_owned(), "some".to_owned()));
            head.headers.push(("X-More".to_owned(), String::new()));
            Fate::Pass
        })
    ),
    harmless!(
        "ok-ae-optional",
        "Requests and answers of an AE carry optional members: `ot`.",
        Request(|_, request| said_when(request)),
        Reply(|_, reply| said_when(reply))
    ),
    harmless!(
        "ok-ae-late",
        "What is sent to an AE arrives 25 ms late.",
        Slow(25)
    ),
];

fn said_when(message: &mut Value) -> Fate {
    if message.get("ot").is_none() {
        message["ot"] = "20270301T100000".into();
    }
    Fate::Pass
}
