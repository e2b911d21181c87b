//! The three flows as the registrar of the initiator takes part in them.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::{by, wire};
use crate::cast::{QUIET, is_result};
use crate::expect;
use crate::hop::{FAR, Near, Shared};
use crate::peer::{Message, Peer};
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "INI-FLOW-1",
        title: "The initiator's registrar asks the next hop, confirms, and only then reports success",
        requirements: &[
            "REG-10", "REG-16", "REG-17", "DIS-07", "EST-02", "EST-03", "EST-04", "EST-06",
            "EST-08", "EST-43", "EST-44", "EST-47", "EST-60", "EST-62", "POL-06", "POL-07",
        ],
        group: Group::Session,
        clauses: &["TS-0004 7.3.2.6"],
        needs: Needs::Initiator,
        script: Script {
            stimulus: "AE1 discovers at CSE2, asks for a session and makes a policy. CSE2 withholds \
                       each answer until the suite has looked.",
            tags: &["flow"],
            ..Script::PLAIN
        },
        steps: FLOW_1,
        hint: "Often success leaves before the next hop answered, or the confirmation after it.",
        run: |peer| Box::pin(flow_1(peer)),
    },
    Case {
        id: "INI-FLOW-2",
        title: "A stored request goes to the next hop in its window, unchanged, and its result to AE1",
        requirements: &[
            "USE-04", "USE-06", "USE-10", "USE-15", "USE-16", "USE-17", "USE-41", "USE-47",
            "USE-48", "USE-57", "REG-17", "REG-21", "REG-34", "REG-36",
        ],
        group: Group::Session,
        clauses: &["TS-0004 7.3.2.6"],
        needs: Needs::Initiator,
        script: Script {
            preamble: "A session with a policy whose window opens in a few seconds.",
            stimulus: "AE1 sends a sealed CREATE with `rt` 2; CSE2 serves it when it comes.",
            tags: &["flow", "timing"],
            ..Script::PLAIN
        },
        steps: FLOW_2,
        hint: "Often `rt` stays in the forwarded request, or it leaves before the window opens.",
        run: |peer| Box::pin(flow_2(peer)),
    },
    Case {
        id: "INI-FLOW-2B",
        title: "Without a policy a request is forwarded at once, and its answer returned",
        requirements: &["POL-15", "USE-15", "USE-37", "USE-41", "USE-43", "REG-17"],
        group: Group::Session,
        clauses: &["TS-0004 7.3.2.6"],
        needs: Needs::Initiator,
        script: Script {
            preamble: "A session without a policy.",
            stimulus: "AE1 sends a sealed, blocking UPDATE of a flexContainer behind CSE2.",
            tags: &["flow"],
            ..Script::PLAIN
        },
        steps: FLOW_2B,
        hint: "Often `sid` is missing in the answer.",
        run: |peer| Box::pin(flow_2b(peer)),
    },
    Case {
        id: "INI-FLOW-3",
        title: "The initiator's registrar confirms the end only after the next hop has",
        requirements: &["END-02", "END-03", "END-06", "END-20", "END-25", "REG-17"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Initiator,
        script: Script {
            preamble: "Two sessions.",
            stimulus: "AE1 deletes one of them; CSE2 withholds its answer.",
            tags: &["flow"],
            ..Script::PLAIN
        },
        steps: FLOW_3,
        hint: "Often 2002 leaves at once, or the hop is asked at AE1's own address.",
        run: |peer| Box::pin(flow_3(peer)),
    },
];

const FLOW_1: &[Step] = &[
    wire("F1-01", "CSE2 registers, and its srt is read"),
    wire("F1-06", "AE1 discovers at CSE2"),
    wire("F1-07", "AE1 asks for a session"),
    by(
        "F1-08",
        "CSE1 draws identifier and key",
        "their form in F1-09",
    ),
    wire("F1-09", "CSE1 asks CSE2"),
    wire("F1-15", "CSE2 answers: created, pending"),
    wire("F1-16", "CSE1 creates the session and confirms"),
    wire("F1-17", "CSE1 answers AE1"),
    wire("F1-18", "AE1 makes a policy"),
    wire("F1-19", "CSE1 passes it on"),
    wire("F1-21", "CSE2 confirms"),
    by(
        "F1-22",
        "CSE1 creates it",
        "not readable before F1-21, readable after F1-23",
    ),
    wire("F1-23", "CSE1 confirms"),
];

const FLOW_2: &[Step] = &[
    wire("F2-01", "AE1 sends a sealed request"),
    by(
        "F2-05",
        "CSE1 applies the policy",
        "nothing between the CSEs before the window",
    ),
    wire("F2-06", "CSE1 stores the request and acknowledges"),
    wire("F2-07", "CSE1 forwards in the window"),
    wire("F2-14", "CSE2 answers"),
    by(
        "F2-15",
        "CSE1 writes its context",
        "the entry, read once F2-16a is there",
    ),
    wire("F2-16", "CSE1 reports the result to AE1"),
];

const FLOW_2B: &[Step] = &[
    wire("F2b-01", "AE1 sends a sealed UPDATE"),
    wire("F2b-07", "CSE1 forwards it"),
    wire("F2b-14", "CSE2 answers"),
    wire("F2b-16", "CSE1 answers AE1"),
];

const FLOW_3: &[Step] = &[
    wire("F3-01", "AE1 deletes the session"),
    by(
        "F3-02",
        "CSE1 finds the next hops",
        "F3-03 comes to CSE2, at the address it gave",
    ),
    wire("F3-03", "CSE1 asks CSE2"),
    wire("F3-08", "CSE2 confirms"),
    by(
        "F3-09",
        "CSE1 deletes the session",
        "4004 for AE1 after F3-10",
    ),
    wire("F3-10", "CSE1 confirms"),
];

async fn flow_1(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set_with(peer, ["F1-01a", "F1-01b", "F1-01e", "F1-01f"]).await?;
    discovery(peer, &mut near).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, ("F1-07", "F1-09"), &proposal).await?;
    check_offer(&near, &proposal, &offer)?;
    peer.show("F1-08");
    near.unanswered(peer, &proposal, "EST-04", "no success before the next hop")
        .await?;
    near.look(peer, "s1", "EST-02", 4004).await?;
    let held = near.ae1.own("/sessions");
    let more = json!({"rcn": 6});
    let listed = near.ae1.request(2, &held, more);
    let listed = near.ae1.ask(peer, QUIET, &listed, "EST-03", 2000).await?;
    let none = !listed.text.contains("/s1");
    expect::holds(
        "EST-03",
        "no session before the next hop's",
        none,
        &listed.text,
    )?;

    let made = near.created(&offer, "far1");
    near.hop.answer(peer, "F1-15", &offer, 2001, made).await?;
    // The confirmation stays without answer until AE1 has its own.
    let place = near.hop.behind("far1");
    let wanted = |request: &Request| request.op == 3 && request.to == place;
    let what = "the confirmation";
    let success = near
        .result(peer, "F1-17", &proposal, "EST-60", 2001)
        .await?;
    let confirm = near.hop.asked(peer, "F1-16a", what, wanted).await?;
    let slc = json!({"smg:ses": {"slc": 2}});
    expect::equal("EST-60", what, slc, confirm.content())?;
    expect::equal(
        "EST-60",
        "`fr` of it",
        near.hop.sut.clone(),
        &confirm.value["fr"],
    )?;
    let own = confirm.value["rqi"].as_str().unwrap_or_default();
    expect::holds("REG-18", "an `rqi` of its own", !own.contains('/'), own)?;
    near.hop
        .answer(peer, "F1-16b", &confirm, 2004, Value::Null)
        .await?;
    check_success(&near, &offer, &success)?;
    let session = near.shared("far1", &success)?;
    policy(peer, &mut near, &session).await?;
    near.quiet(peer, "EST-12").await
}

async fn discovery(peer: &mut Peer, near: &mut Near) -> Result<(), Stop> {
    let filter = json!({"fu": 1, "ty": [2], "atr": [{"nm": "scap", "val": true}]});
    let to = near.hop.place("").trim_end_matches('/').to_owned();
    let more = json!({"drt": 2, "fc": filter});
    let message = near.ae1.request(2, &to, more.clone());
    peer.send(near.ae1.link, "F1-06a", &message).await?;
    let what = "the discovery";
    let came = near
        .hop
        .asked(peer, "F1-06b", what, |request| request.fc.is_some())
        .await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let extended = format!("{}/{rqi}", near.ae1.stem);
    let expected = json!({
        "op": 2, "to": to, "drt": 2, "fc": more["fc"]
    });
    expect::members("DIS-07", what, &expected, &came.value)?;
    expect::equal("REG-16", "its `fr`", near.ae1.id.clone(), &came.value["fr"])?;
    expect::equal("REG-17", "its `rqi`", extended, &came.value["rqi"])?;
    let found = json!({"m2m:uril": [FAR]});
    near.hop
        .answer(peer, "F1-06c", &came, 2000, found.clone())
        .await?;
    let answer = near
        .result(peer, "F1-06d", &message, "DIS-07", 2000)
        .await?;
    expect::equal("DIS-07", "its answer", found, answer.content())
}

/// F1-09 has all it must, and nothing it must not.
pub(super) fn check_offer(near: &Near, proposal: &Value, offer: &Message) -> Result<(), Stop> {
    let what = "the hop request";
    let rqi = proposal["rqi"].as_str().unwrap_or_default();
    let envelope = json!({
        "op": 1, "ty": 50002, "fr": near.hop.sut, "to": near.hop.behind("Cfar/sessions"),
        "rqi": format!("{}/{rqi}", near.ae1.stem)
    });
    expect::members("EST-47", what, &envelope, &offer.value)?;
    let wanted = &proposal["pc"]["smg:ses"];
    let asked = offer.body("smg:ses");
    let endpoint = json!([{
        "epi": near.ae1.id, "ept": 1, "epp": wanted["smg:sep"][0]["epp"]
    }]);
    let told = json!({
        "soi": near.ae1.id, "sto": wanted["sto"], "see": false, "aer": true,
        "vst": [near.hop.sut], "smg:sep": endpoint
    });
    expect::members("EST-47", what, &told, asked)?;
    expect::without("EST-47", what, &["rn", "slc", "sst", "ri", "kid"], asked)?;
    let sid = expect::text("EST-43", what, asked, "sid")?;
    expect::session_id("EST-43", &near.hop.sut, &sid)?;
    let nhr = expect::text("EST-47", what, asked, "nhr")?;
    let below = nhr.starts_with(&format!("{}/", near.hop.sut));
    expect::holds("EST-47", "`nhr` at the sender's own CSE", below, &nhr)?;
    let scr = json!({"alg": "A256GCM", "kty": "oct"});
    expect::members("EST-44", "the credentials", &scr, &asked["scr"])?;
    let et = expect::time("EST-47", what, asked, "et")?;
    let limit = expect::time("EST-27", "the proposal", wanted, "et")?;
    expect::holds("EST-27", "`et` not later than asked for", et <= limit, et)
}

fn check_success(near: &Near, offer: &Message, success: &Message) -> Result<(), Stop> {
    let asked = offer.body("smg:ses");
    let made = success.body("smg:ses");
    let what = "the session as AE1 gets it";
    let told = json!({
        "rn": "s1", "ty": 50002, "sid": asked["sid"], "soi": near.ae1.id, "slc": 2, "sst": 2,
        "kid": asked["scr"]["kid"], "scr": asked["scr"], "et": asked["et"]
    });
    expect::members("EST-62", what, &told, made)?;
    let agreed = json!({"sid": asked["sid"], "soi": asked["soi"], "kid": asked["scr"]["kid"]});
    expect::members("EST-06", what, &agreed, made)?;
    let ri = expect::text("EST-08", what, made, "ri")?;
    let reserved = near.ae1.at_cse(&ri);
    expect::equal("EST-08", "the `nhr` of F1-09", reserved, &asked["nhr"])?;
    let endpoints = expect::list("EST-07", what, made, "smg:sep")?;
    let far = endpoints
        .iter()
        .any(|one| one["epi"] == near.hop.behind(FAR).as_str());
    let both = endpoints.len() == 2 && far;
    expect::holds("EST-07", "both endpoints", both, &made["smg:sep"])
}

async fn policy(peer: &mut Peer, near: &mut Near, session: &Shared) -> Result<(), Stop> {
    let rqet = peer.ahead(8_000).to_string();
    let both = [near.ae1.id.clone(), near.hop.behind(FAR)];
    let body = json!({
        "rn": "night", "pyt": 2, "pys": 1, "pye": both, "pyo": 10,
        "se": {"sce": ["* * 2-3 * * * *"]}, "pyd": {"dqet": 172_800_000}
    });
    let to = near.ae1.own("/sessions/s1");
    let more = json!({"ty": 50005, "rqet": rqet, "pc": {"smg:spy": body}});
    let message = near.ae1.request(1, &to, more);
    peer.send(near.ae1.link, "F1-18", &message).await?;
    let what = "the hop request for a policy";
    let came = near
        .hop
        .asked(peer, "F1-19", what, |request| request.ty == Some(50005))
        .await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let envelope = json!({
        "op": 1, "to": session.here, "fr": near.hop.sut, "rqi": format!("{}/{rqi}", near.ae1.stem)
    });
    expect::members("POL-07", what, &envelope, &came.value)?;
    expect::members("POL-07", what, &body, came.body("smg:spy"))?;
    near.unanswered(peer, &message, "POL-06", "no success before the next hop")
        .await?;
    near.look(peer, "s1/night", "POL-06", 4004).await?;
    peer.show("F1-22");
    let mut made = body.clone();
    let common = json!({
        "ri": "spy1", "pi": "far1", "ty": 50005, "ct": "20270301T100201",
        "lt": "20270301T100201", "et": session.et.to_string(), "st": 0
    });
    crate::hop::overlay(&mut made, common);
    let made = json!({"smg:spy": made});
    near.hop.answer(peer, "F1-21", &came, 2001, made).await?;
    let answer = near.result(peer, "F1-23", &message, "POL-06", 2001).await?;
    expect::members("POL-07", "the policy", &body, answer.body("smg:spy"))?;
    near.look(peer, "s1/night", "EST-24", 2000).await.map(drop)
}

async fn flow_2(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let window = peer.window(2_500, 20);
    let policy = json!([{"rn": "night", "pyt": 2, "pys": 1, "pyo": 10, "se": window.schedule()}]);
    let proposal = near.proposal(peer, "s1", json!({"smg:spy": policy}));
    let session = near.establish_as(peer, &proposal).await?;
    let rqet = window.closes.plus_ms(5_000).to_string();
    let more = json!({"rcn": 2, "rt": {"rtv": 2}, "rqet": rqet});
    let (message, _) = near.sealed(peer, &session, more);
    let steps = ("F2-01", "F2-06a");
    let answer = near.ae1.ask(peer, steps, &message, "REG-34", 1002).await?;
    expect::equal(
        "USE-37",
        "its `sid`",
        session.sid.clone(),
        &answer.value["sid"],
    )?;
    peer.probe(near.hop.link).await?;
    let early = peer.has_request(near.hop.link, |request| request.op == 1);
    if peer.now() >= window.opens {
        let late = "the window opened before the case could look";
        return Err(Stop::inconclusive(late.to_owned()));
    }
    expect::holds(
        "USE-06",
        "nothing before the window",
        !early,
        "F2-07 was there",
    )?;
    peer.show("F2-05");
    let came = expect::arrived("USE-04", near.data(peer, "F2-07").await)?;
    check_forwarded(&near, &message, &came)?;
    let made = json!({"m2m:uri": "far/far/box/cin1"});
    near.hop
        .answer(peer, "F2-14", &came, 2001, made.clone())
        .await?;
    let what = "the result";
    let report = peer.request(near.ae1.link, "F2-16a", what, is_result).await;
    let report = expect::arrived("USE-10", report)?;
    let told = json!({"to": near.ae1.stem, "fr": near.ae1.cse_id, "sid": session.sid});
    expect::members("REG-36", what, &told, &report.value)?;
    let own = json!({"rqi": message["rqi"], "sid": session.sid});
    expect::members("USE-15", what, &own, report.body("m2m:rsp"))?;
    let expected = json!({"rsc": 2001, "pc": made});
    expect::members("USE-47", what, &expected, report.body("m2m:rsp"))?;
    near.ae1.answer(peer, "F2-16b", &report, 2000, None).await?;
    let to = near.ae1.own("/sessions/s1/context/la");
    let answer = near.ae1.read(peer, QUIET, &to, "USE-16", 2000).await?;
    let entry = json!({
        "op": 1, "to": message["to"], "fr": near.ae1.id, "rqi": message["rqi"], "rsc": 2001,
        "pys": 1, "pyn": "night"
    });
    expect::members("USE-48", "the entry", &entry, answer.body("smg:sce"))?;
    let to = near.ae1.own("/sessions/s1/context");
    let held = near.ae1.read(peer, QUIET, &to, "USE-17", 2000).await?;
    expect::equal("USE-17", "entries", 1, &held.body("smg:scx")["cni"])?;
    peer.show("F2-15");
    near.quiet(peer, "USE-12").await
}

/// What is forwarded equals what AE1 sent in all but `fr`, `rqi` and `rt`.
pub(super) fn check_forwarded(near: &Near, sent: &Value, came: &Message) -> Result<(), Stop> {
    let mut expected = sent.clone();
    let rqi = sent["rqi"].as_str().unwrap_or_default();
    let extended = format!("{}/{rqi}", near.ae1.stem);
    expect::equal("REG-17", "its `rqi`", extended, &came.value["rqi"])?;
    let con = sent["pc"]["m2m:cin"]["con"].clone();
    expect::equal(
        "USE-57",
        "the sealed value",
        con,
        &came.body("m2m:cin")["con"],
    )?;
    let same = sent["pc"].clone();
    expect::equal("REG-21", "its content", same, came.content())?;
    let rewritten = json!({
        "fr": near.ae1.id, "rqi": format!("{}/{rqi}", near.ae1.stem), "rt": null
    });
    crate::hop::overlay(&mut expected, rewritten);
    let what = "the forwarded request";
    let names = |value: &Value| -> Vec<String> {
        let members = value.as_object().into_iter().flatten();
        let mut names: Vec<String> = members.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    };
    expect::members("USE-41", what, &expected, &came.value)?;
    let (wanted, seen) = (names(&expected), names(&came.value));
    expect::holds("USE-41", "the same parameters", wanted == seen, &came.text)
}

async fn flow_2b(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let session = near.establish(peer, "s1").await?;
    let (mut message, blob) = near.sealed(peer, &session, json!({"op": 3, "ty": null, "rcn": 0}));
    message["rqet"] = peer.ahead(8_000).to_string().into();
    message["pc"] = json!({"smg:sld": {"dat": blob}});
    peer.send(near.ae1.link, "F2b-01", &message).await?;
    let came = expect::arrived("POL-15", near.data(peer, "F2b-07").await)?;
    check_forwarded(&near, &message, &came)?;
    near.unanswered(
        peer,
        &message,
        "USE-15",
        "no answer before that of the host",
    )
    .await?;
    near.hop
        .answer(peer, "F2b-14", &came, 2004, Value::Null)
        .await?;
    let answer = near
        .result(peer, "F2b-16", &message, "USE-43", 2004)
        .await?;
    expect::equal("USE-37", "its `sid`", session.sid, &answer.value["sid"])?;
    near.quiet(peer, "USE-12").await
}

async fn flow_3(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let session = near.establish(peer, "s1").await?;
    near.establish(peer, "s2").await?;
    let delete = near.delete(peer, &session, 8_000);
    peer.send(near.ae1.link, "F3-01", &delete).await?;
    let came = near.deleted(peer, "F3-03").await?;
    let rqi = delete["rqi"].as_str().unwrap_or_default();
    let expected = json!({
        "to": session.here, "fr": near.hop.sut
    });
    expect::members("END-25", "the hop DELETE", &expected, &came.value)?;
    let extended = format!("{}/{rqi}", near.ae1.stem);
    expect::equal("REG-17", "its `rqi`", extended, &came.value["rqi"])?;
    peer.show("F3-02");
    near.unanswered(peer, &delete, "END-02", "no 2002 before the next hop")
        .await?;
    let (late, _) = near.sealed(peer, &session, json!({}));
    near.ae1.ask(peer, QUIET, &late, "END-06", 4004).await?;
    near.hop
        .answer(peer, "F3-08", &came, 2002, Value::Null)
        .await?;
    near.result(peer, "F3-10", &delete, "END-03", 2002).await?;
    near.look(peer, "s1", "END-03", 4004).await?;
    near.look(peer, "s1/context", "END-23", 4004).await?;
    near.look(peer, "s2", "END-15", 2000).await?;
    peer.show("F3-09");
    near.quiet(peer, "END-20").await
}
