//! The three flows as the registrar of the target takes part in them.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::{by, wire};
use crate::cast::{QUIET, is_event};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::remote::{Far, NEAR};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "TGT-FLOW-1",
        title: "The target's registrar asks the target, holds the session pending, and is confirmed",
        requirements: &[
            "EST-01", "EST-06", "EST-07", "EST-08", "EST-09", "EST-12", "EST-20", "EST-44",
            "EST-48", "EST-54", "EST-59", "EST-61", "EST-24", "POL-05",
        ],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Target,
        script: Script {
            stimulus: "CSE1 asks for a session; AE2 withholds its verdict until the suite has \
                       looked, then agrees; CSE1 confirms and makes a policy.",
            tags: &["flow"],
            ixit: &["timers.hop_step_ms"],
            ..Script::PLAIN
        },
        steps: FLOW_1,
        hint: "Often the session exists before the target agreed, or is active before it is \
               confirmed.",
        run: |peer| Box::pin(flow_1(peer)),
    },
    Case {
        id: "TGT-FLOW-2",
        title: "The host serves a sealed request at once, records it, and tells the target",
        requirements: &[
            "USE-05", "USE-14", "USE-15", "USE-16", "USE-17", "USE-20", "USE-22", "USE-37",
            "USE-48", "USE-51", "USE-52", "USE-57",
        ],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Target,
        script: Script {
            preamble: "A session with a policy that delays forwarding.",
            stimulus: "CSE1 forwards a sealed CREATE; AE2 leaves the notification unanswered until \
                       the response is there, then reads in both ways.",
            tags: &["flow"],
            ..Script::PLAIN
        },
        steps: FLOW_2,
        hint: "Often the response waits for the notification, or the policy of forwarding delays \
               what is served.",
        run: |peer| Box::pin(flow_2(peer)),
    },
    Case {
        id: "TGT-FLOW-3",
        title: "The target's registrar confirms the end after the target was told and answered",
        requirements: &["END-01", "END-06", "END-14", "END-19", "END-23", "END-28"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Target,
        script: Script {
            preamble: "A session.",
            stimulus: "CSE1 sends the hop DELETE; AE2 withholds its answer.",
            tags: &["flow"],
            ..Script::PLAIN
        },
        steps: FLOW_3,
        hint: "Often the confirmation leaves before the target knows.",
        run: |peer| Box::pin(flow_3(peer)),
    },
];

const FLOW_1: &[Step] = &[
    wire("F1-09", "CSE1 asks CSE2"),
    by(
        "F1-11",
        "CSE2 finds AE2 and its consent subscription",
        "F1-12 goes to it",
    ),
    wire("F1-12", "CSE2 asks AE2"),
    wire("F1-13", "AE2 agrees"),
    by(
        "F1-14",
        "CSE2 creates the session",
        "not readable before F1-13, pending after F1-15",
    ),
    wire("F1-15", "CSE2 answers CSE1"),
    wire("F1-16", "CSE1 confirms"),
    wire("F1-19", "CSE1 passes a policy on"),
    by("F1-20", "CSE2 creates it", "it can be read by AE2"),
    wire("F1-21", "CSE2 confirms"),
];

const FLOW_2: &[Step] = &[
    wire("F2-07", "CSE1 forwards"),
    by(
        "F2-11",
        "CSE2 applies the policy",
        "F2-14 at once although a policy delays forwarding",
    ),
    by(
        "F2-12",
        "CSE2 creates the instance",
        "AE2 reads it with the blob unchanged",
    ),
    by(
        "F2-13",
        "CSE2 writes its context",
        "the entry, read once F2-14 is there",
    ),
    wire("F2-14", "CSE2 answers"),
    wire("F2-18", "CSE2 tells AE2"),
    wire("F2-19", "AE2 acknowledges"),
    wire("F2-20", "AE2 retrieves"),
    by(
        "F2-23",
        "CSE2 finds the target its own",
        "nothing comes to CSE1",
    ),
    wire("F2-27", "CSE2 answers AE2"),
];

const FLOW_3: &[Step] = &[
    wire("F3-03", "CSE1 asks CSE2"),
    wire("F3-04", "CSE2 tells AE2"),
    wire("F3-06", "AE2 answers"),
    by(
        "F3-07",
        "CSE2 deletes the session",
        "4004 for AE2, data too",
    ),
    wire("F3-08", "CSE2 confirms, after F3-06"),
];

async fn flow_1(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let offer = far.offer(peer, json!({}));
    let question = far.asked(peer, ("F1-09", "F1-12"), &offer).await?;
    check_question(peer, &far, &offer, &question)?;
    peer.show("F1-11");
    let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    let reserved = expect::text("EST-54", "the question", asked, "ri")?;
    far.ae2.read(peer, QUIET, &reserved, "EST-01", 4004).await?;
    far.unanswered(peer, &offer, "EST-59", "no answer before the verdict")
        .await?;
    let made = far
        .agreed(peer, ("F1-13", "F1-15"), &offer, &question)
        .await?;
    check_pending(&far, &offer, &reserved, &made)?;
    let session = far.shared(&offer, &made)?;

    let held = far.look(peer, &session, "EST-20", 2000).await?;
    expect::equal(
        "EST-20",
        "`slc` before the confirmation",
        1,
        &held.body("smg:ses")["slc"],
    )?;
    expect::without("EST-44", "a representation", &["scr"], held.body("smg:ses"))?;
    peer.show("F1-14");
    let more = json!({"sid": session.sid});
    let early = far.ae2.request(2, &far.ae2.everywhere("/container1"), more);
    far.ae2.ask(peer, QUIET, &early, "EST-20", 4004).await?;
    far.confirm(peer, ("F1-16a", "F1-16b"), &session).await?;
    let held = far.look(peer, &session, "EST-61", 2000).await?;
    expect::equal("EST-61", "`slc` after it", 2, &held.body("smg:ses")["slc"])?;
    let more = json!({"sid": session.sid});
    let message = far.ae2.request(2, &far.ae2.everywhere("/container1"), more);
    far.ae2.ask(peer, QUIET, &message, "EST-20", 2000).await?;

    let body = json!({"rn": "night", "pyt": 1, "pys": 1, "pyo": 10});
    let more = json!({"ty": 50005, "pc": {"smg:spy": body}});
    let message = far.hop.own(1, &session.at_sut, more);
    let answer = far
        .hop
        .ask(peer, ("F1-19", "F1-21"), &message, "EST-24", 2001)
        .await?;
    expect::members("POL-05", "the policy", &body, answer.body("smg:spy"))?;
    let to = format!("{}/night", session.ri);
    far.ae2.read(peer, QUIET, &to, "EST-24", 2000).await?;
    peer.show("F1-20");
    let to = format!("{}/nextHops", session.ri);
    let held = far.ae2.read(peer, QUIET, &to, "EST-08", 2000).await?;
    let hop = json!({"nhi": far.hop.id, "nhr": session.here, "nhe": [far.hop.behind(NEAR)]});
    let shown = &held.body("smg:ses")["smg:nhp"][0];
    expect::members("EST-08", "the next hop", &hop, shown)?;
    expect::quiet(peer, "EST-12").await
}

fn check_question(peer: &Peer, far: &Far, offer: &Value, question: &Message) -> Result<(), Stop> {
    let what = "the question";
    let asked = &offer["pc"]["smg:ses"];
    let sut = peer.target(crate::story::Party::Cse2);
    let envelope = json!({"to": far.ae2.stem, "fr": sut.id, "sid": asked["sid"]});
    expect::members("EST-54", what, &envelope, &question.value)?;
    let sgn = question.body("m2m:sgn");
    expect::equal("EST-09", "`sur`", far.consent.clone(), &sgn["sur"])?;
    let told = &sgn["nev"]["rep"]["smg:ses"];
    for name in ["sid", "soi", "sto", "see", "aer", "scr", "smg:sep"] {
        expect::equal(
            "EST-54",
            &format!("{what}, {name}"),
            asked[name].clone(),
            &told[name],
        )?;
    }
    expect::without("EST-54", what, &["nhr", "vst"], told)?;
    let step = i64::from(sut.timers.hop_step_ms);
    let limit = expect::time("EST-48", "the offer", offer, "rqet")?.plus_ms(-step);
    let rqet = expect::time("EST-48", what, &question.value, "rqet")?;
    expect::holds("EST-48", &format!("`rqet` {limit}"), rqet == limit, rqet)
}

fn check_pending(far: &Far, offer: &Value, reserved: &str, made: &Message) -> Result<(), Stop> {
    let asked = &offer["pc"]["smg:ses"];
    let what = "the answer to the hop request";
    let told = json!({
        "ri": reserved, "ty": 50002, "slc": 1, "sid": asked["sid"], "soi": asked["soi"],
        "sto": asked["sto"], "kid": asked["scr"]["kid"], "see": false, "aer": true
    });
    let body = made.body("smg:ses");
    expect::members("EST-59", what, &told, body)?;
    let agreed = json!({"sid": asked["sid"], "soi": asked["soi"], "kid": asked["scr"]["kid"]});
    expect::members("EST-06", what, &agreed, body)?;
    expect::without("EST-59", what, &["scr", "nhr", "vst"], body)?;
    let endpoints = expect::list("EST-07", what, body, "smg:sep")?;
    let named = |id: &str| endpoints.iter().any(|endpoint| endpoint["epi"] == id);
    let both = endpoints.len() == 2 && named(&far.ae2.id) && named(&far.hop.behind(NEAR));
    expect::holds("EST-07", "both endpoints", both, &body["smg:sep"])
}

async fn flow_2(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let now = peer.now();
    let se = crate::window::Window::far(now).schedule();
    let policy = json!([{"rn": "night", "pyt": 2, "pys": 1, "pyo": 10, "se": se}]);
    let offer = far.offer(peer, json!({"smg:spy": policy}));
    let question = far.asked(peer, QUIET, &offer).await?;
    let made = far.agreed(peer, QUIET, &offer, &question).await?;
    let session = far.shared(&offer, &made)?;
    far.confirm(peer, QUIET, &session).await?;
    let (message, blob) = far.sealed(peer, &session, json!({"rcn": 2}));
    let steps = ("F2-07", "F2-14");
    let answer = far.hop.ask(peer, steps, &message, "USE-14", 2001).await?;
    peer.show("F2-11");
    expect::equal(
        "USE-37",
        "its `sid`",
        session.sid.clone(),
        &answer.value["sid"],
    )?;
    let own = message["rqi"].clone();
    expect::equal("USE-15", "its `rqi`", own, &answer.value["rqi"])?;
    let place = expect::text("USE-05", "the answer", answer.content(), "m2m:uri")?;
    let context = format!("{}/context/la", session.ri);
    let held = far.ae2.read(peer, QUIET, &context, "USE-16", 2000).await?;
    let entry = json!({
        "op": 1, "to": message["to"], "fr": message["fr"], "rqi": message["rqi"], "rsc": 2001,
        "pys": 2
    });
    expect::members("USE-48", "the entry", &entry, held.body("smg:sce"))?;
    let text = held.text.clone();
    expect::holds("USE-19", "no content in it", !text.contains(&blob), &text)?;
    let context = format!("{}/context", session.ri);
    let held = far.ae2.read(peer, QUIET, &context, "USE-17", 2000).await?;
    expect::equal("USE-17", "entries", 1, &held.body("smg:scx")["cni"])?;
    peer.show("F2-13");

    let update = far.ae2.told(peer, "F2-18", 50002).await?;
    let sut = peer.target(crate::story::Party::Cse2).id.clone();
    let address = format!("{sut}/{place}");
    let event = json!({
        "net": 50002, "om": {"op": 1, "or": far.hop.behind(NEAR)}, "rep": {"m2m:uri": address}
    });
    expect::equal("USE-51", "its event", event, &update.body("m2m:sgn")["nev"])?;
    far.ae2.answer(peer, "F2-19", &update, 2000, None).await?;
    let read = far.ae2.request(2, &address, json!({"sid": session.sid}));
    let answer = far
        .ae2
        .ask(peer, ("F2-20", "F2-27"), &read, "USE-20", 2000)
        .await?;
    expect::equal(
        "USE-57",
        "the sealed value",
        blob.clone(),
        &answer.body("m2m:cin")["con"],
    )?;
    peer.show("F2-12");
    let query = format!("/container1/la?sessionID={}", session.sid);
    let read = far.ae2.request(2, &far.ae2.own(&query), json!({}));
    let answer = far
        .ae2
        .ask(peer, ("F2-20q", "F2-27q"), &read, "USE-22", 2000)
        .await?;
    expect::equal(
        "USE-57",
        "the sealed value",
        blob,
        &answer.body("m2m:cin")["con"],
    )?;
    peer.show("F2-23");
    expect::quiet(peer, "USE-52").await
}

async fn flow_3(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let session = far.establish(peer).await?;
    let rqet = peer.ahead(8_000).to_string();
    let delete = far.hop.own(4, &session.at_sut, json!({"rqet": rqet}));
    peer.send(far.hop.link, "F3-03", &delete).await?;
    let notice = far.ended(peer, "F3-04", &session, 1).await?;
    far.unanswered(peer, &delete, "END-01", "no answer before AE2's")
        .await?;
    let (late, _) = far.sealed(peer, &session, json!({}));
    far.hop.ask(peer, QUIET, &late, "END-06", 4004).await?;
    far.ae2.answer(peer, "F3-06", &notice, 2000, None).await?;
    far.result(peer, "F3-08", &delete, "END-01", 2002).await?;
    for below in ["", "/context", "/nextHops"] {
        let to = format!("{}{below}", session.ri);
        far.ae2.read(peer, QUIET, &to, "END-23", 4004).await?;
    }
    let more = json!({"sid": session.sid});
    let message = far.ae2.request(2, &far.ae2.everywhere("/container1"), more);
    far.ae2.ask(peer, QUIET, &message, "END-14", 4004).await?;
    let consent = far.ae2.own("/sessions/consent");
    far.ae2.read(peer, QUIET, &consent, "END-19", 2000).await?;
    peer.show("F3-07");
    peer.probe(far.ae2.link).await?;
    let twice = peer.has_request(far.ae2.link, |request| is_event(request, 50003));
    expect::holds("END-20", "one notice", !twice, "a second F3-04")?;
    expect::quiet(peer, "END-20").await
}
