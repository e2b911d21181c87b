//! Session-based requests as the registrar of the initiator checks, stores and forwards them, and
//! as it serves those that come over the hop.

use serde_json::{Value, json};

use crate::case::{Step, Stop};
use crate::cases::wire;
use crate::cast::{Ae, QUIET, Sealing, is_result};
use crate::expect;
use crate::hop::{FAR, Near, Shared};
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::sealed::SessionKey;
use crate::story::Party;
use crate::window::Window;

mod table;

pub use table::CASES;

const EXPIRED: &[Step] = &[
    wire("E10-1", "AE1 sends a sealed request"),
    wire("E10-2", "CSE1 stores it and acknowledges"),
    wire("E10-3", "CSE1 reports its end"),
    wire("E10-4", "AE1 acknowledges"),
];

async fn ready(peer: &mut Peer) -> Result<(Near, Shared), Stop> {
    let mut near = Near::set(peer).await?;
    let session = near.establish(peer, "s1").await?;
    Ok((near, session))
}

/// A session with a policy that delays until this window.
async fn delayed(peer: &mut Peer, window: &Window) -> Result<(Near, Shared), Stop> {
    let mut near = Near::set(peer).await?;
    let policy = json!([{"rn": "night", "pyt": 2, "pys": 1, "pyo": 10, "se": window.schedule()}]);
    let proposal = near.proposal(peer, "s1", json!({"smg:spy": policy}));
    let session = near.establish_as(peer, &proposal).await?;
    Ok((near, session))
}

async fn stored(
    peer: &mut Peer,
    near: &mut Near,
    session: &Shared,
    steps: (&str, &str),
    rqet: crate::time::Stamp,
) -> Result<Value, Stop> {
    let more = json!({"rt": {"rtv": 2}, "rqet": rqet.to_string()});
    let (message, _) = near.sealed(peer, session, more);
    near.ae1.ask(peer, steps, &message, "REG-34", 1002).await?;
    Ok(message)
}

async fn reported(
    peer: &mut Peer,
    near: &Near,
    steps: (&str, &str),
    rsc: u64,
) -> Result<Message, Stop> {
    let what = "the result of the stored request";
    let report = peer
        .request(near.ae1.link, steps.0, what, is_result)
        .await?;
    let expected = json!({"rsc": rsc});
    expect::members("USE-47", what, &expected, report.body("m2m:rsp"))?;
    near.ae1.answer(peer, steps.1, &report, 2000, None).await?;
    Ok(report)
}

async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let window = peer.window(2_000, 20);
    let (mut near, session) = delayed(peer, &window).await?;
    peer.cut(near.hop.link).await;
    let steps = ("E10-1", "E10-2");
    let rqet = window.opens.plus_ms(1_000);
    let message = stored(peer, &mut near, &session, steps, rqet).await?;
    let report = reported(peer, &near, ("E10-3", "E10-4"), 4008).await?;
    let result = report.body("m2m:rsp");
    expect::equal(
        "USE-11",
        "its `rqi`",
        message["rqi"].clone(),
        &result["rqi"],
    )?;
    near.hop.reopen(peer).await?;
    near.hop
        .silent(peer, "USE-07", "nothing after its expiration")
        .await?;
    let to = near.ae1.own("/sessions/s1/context/la");
    let answer = near.ae1.read(peer, QUIET, &to, "USE-49", 2000).await?;
    let entry = json!({"rsc": 4008, "rqi": message["rqi"], "pyn": "night"});
    expect::members("USE-49", "the entry", &entry, answer.body("smg:sce"))?;
    near.quiet(peer, "USE-11").await
}

async fn waits_for_link(peer: &mut Peer) -> Result<(), Stop> {
    let window = peer.window(1_000, 30);
    let (mut near, session) = delayed(peer, &window).await?;
    // The CSE knows that it is gone: what the next request is answered depends on it.
    peer.close(near.hop.link).await?;
    let rqet = window.closes;
    let message = stored(peer, &mut near, &session, QUIET, rqet).await?;
    // A request that fails at its `rqet` tells that the window has opened meanwhile.
    let by = peer.ahead(2_000).to_string();
    let mut other = near.proposal(peer, "s2", json!({}));
    other["rqet"] = by.into();
    near.ae1.ask(peer, QUIET, &other, "EST-41", 5107).await?;
    near.hop.reopen(peer).await?;
    let came = expect::arrived("LNK-26", near.data(peer, "").await)?;
    expect::equal(
        "USE-08",
        "its content",
        message["pc"].clone(),
        came.content(),
    )?;
    near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    expect::arrived("USE-10", reported(peer, &near, QUIET, 2001).await)?;
    near.quiet(peer, "USE-12").await
}

async fn answer_lost(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let rqet = peer.ahead(20_000);
    let more = json!({"rt": {"rtv": 2}, "rqet": rqet.to_string()});
    let (message, _) = near.sealed(peer, &session, more);
    near.ae1.ask(peer, QUIET, &message, "REG-34", 1002).await?;
    let first = near.data(peer, "").await?;
    peer.cut(near.hop.link).await;
    near.hop.reopen(peer).await?;
    let again = expect::arrived("USE-08", near.data(peer, "").await)?;
    let same = first.value["rqi"].clone();
    expect::equal("LNK-21", "its `rqi`", same, &again.value["rqi"])?;
    expect::equal(
        "USE-12",
        "the same request again",
        first.value.clone(),
        &again.value,
    )?;
    near.hop.answer(peer, "", &again, 2001, Value::Null).await?;
    reported(peer, &near, QUIET, 2001).await?;
    near.quiet_but(peer, "USE-12", &first).await
}

async fn ordered(peer: &mut Peer) -> Result<(), Stop> {
    let window = peer.window(1_500, 30);
    let (mut near, session) = delayed(peer, &window).await?;
    let mut sent = Vec::new();
    for _ in 0..5 {
        let message = stored(peer, &mut near, &session, QUIET, window.closes).await?;
        sent.push(message["rqi"].clone());
    }
    for rqi in sent {
        let came = near.data(peer, "").await?;
        let rqi = rqi.as_str().unwrap_or_default();
        let expected = format!("{}/{rqi}", near.ae1.stem);
        expect::equal("USE-13", "the next request", expected, &came.value["rqi"])?;
        near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
        reported(peer, &near, QUIET, 2001).await?;
    }
    near.quiet(peer, "USE-13").await
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let (mut message, _) = near.sealed(peer, &session, json!({}));
    message["fr"] = ae3.stem.clone().into();
    message["rqi"] = ae3.rqi("x").into();
    ae3.ask(peer, QUIET, &message, "USE-02", 4103).await?;
    // Of two faults the originator's is the first that is looked at.
    let more = json!({"sid": session.sid});
    let message = ae3.request(2, &near.hop.place("far/private"), more.clone());
    ae3.ask(peer, QUIET, &message, "USE-35", 4103).await?;
    let message = ae3.request(2, &near.hop.place("far/box"), more);
    ae3.ask(peer, QUIET, &message, "USE-02", 4103).await?;
    near.quiet(peer, "USE-02").await
}

async fn outside(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    for path in ["far/private", "far", "far/boxes", "far/box2/x"] {
        let to = near.hop.place(path);
        let (message, _) = near.sealed_to(peer, &session, &to, json!({}));
        near.ae1.ask(peer, QUIET, &message, "USE-01", 4005).await?;
    }
    near.quiet(peer, "USE-01").await?;
    let to = near.hop.place("far/box/deeper");
    let (message, _) = near.sealed_to(peer, &session, &to, json!({}));
    peer.send(near.ae1.link, "", &message).await?;
    let came = near.data(peer, "").await?;
    near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    near.result(peer, "", &message, "USE-39", 2001).await?;
    near.quiet(peer, "USE-39").await
}

async fn unknown(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let nobodys = format!("{}/{}", near.hop.sut, peer.dice().token());
    let (mut message, _) = near.sealed(peer, &session, json!({}));
    message["sid"] = nobodys.clone().into();
    let answer = near.ae1.ask(peer, QUIET, &message, "USE-32", 4004).await?;
    expect::equal("USE-37", "its `sid`", nobodys, &answer.value["sid"])?;
    near.quiet(peer, "USE-32").await
}

async fn unsealed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let instance = |cnf: &str, con: &str| json!({"m2m:cin": {"cnf": cnf, "con": con}});
    for body in [
        instance("application/json:0", "{\"temp\":21.5}"),
        instance("application/jose:0", "a.b.c"),
        instance("application/jose:0", "....."),
        instance("application/jose:0", ""),
    ] {
        let (mut message, _) = near.sealed(peer, &session, json!({}));
        message["pc"] = body;
        near.ae1.ask(peer, QUIET, &message, "USE-55", 4102).await?;
    }
    let foreign = SessionKey {
        kid: peer.dice().token(),
        ..session.key.clone()
    };
    let mixed = Shared {
        key: foreign,
        ..session.clone()
    };
    let (message, _) = near.sealed(peer, &mixed, json!({}));
    near.ae1.ask(peer, QUIET, &message, "USE-56", 4112).await?;
    let other = SessionKey {
        sid: format!("{}/{}", near.hop.sut, peer.dice().token()),
        ..session.key.clone()
    };
    let mixed = Shared {
        key: other,
        ..session.clone()
    };
    let (message, _) = near.sealed(peer, &mixed, json!({}));
    near.ae1.ask(peer, QUIET, &message, "USE-56", 4102).await?;
    near.quiet(peer, "USE-24").await
}

async fn no_window(peer: &mut Peer) -> Result<(), Stop> {
    let now = peer.now();
    let (mut near, session) = delayed(peer, &Window::far(now)).await?;
    let rqet = peer.ahead(20_000).to_string();
    for more in [
        json!({"rqet": rqet}),
        json!({"rqet": rqet, "rt": {"rtv": 2}}),
    ] {
        let (message, _) = near.sealed(peer, &session, more);
        near.ae1.ask(peer, QUIET, &message, "USE-45", 5207).await?;
    }
    near.quiet(peer, "USE-06").await
}

async fn link_down(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    peer.close(near.hop.link).await?;
    near.offline(peer, "s1").await?;
    let (message, _) = near.sealed(peer, &session, json!({}));
    near.ae1.ask(peer, QUIET, &message, "USE-42", 5103).await?;
    near.hop.reopen(peer).await?;
    near.quiet(peer, "USE-42").await
}

async fn errors(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    for rsc in [4004, 4005, 4103, 4105, 5207] {
        let (message, _) = near.sealed(peer, &session, json!({}));
        peer.send(near.ae1.link, "", &message).await?;
        let came = near.data(peer, "").await?;
        near.hop.answer(peer, "", &came, rsc, Value::Null).await?;
        let answer = near.result(peer, "", &message, "USE-15", rsc).await?;
        expect::equal(
            "USE-37",
            "its `sid`",
            session.sid.clone(),
            &answer.value["sid"],
        )?;
    }
    near.quiet(peer, "USE-15").await
}

/// AE1's inbox, open to the far endpoint.
async fn inbox(peer: &mut Peer, near: &mut Near) -> Result<String, Stop> {
    let far = near.hop.behind(FAR);
    let rights = json!([{"acor": [near.ae1.id, far], "acop": 63}]);
    let acp = json!({"rn": "acp", "pv": {"acr": rights}, "pvs": {"acr": rights}});
    let more = json!({"ty": 1, "rcn": 0, "pc": {"m2m:acp": acp}});
    let message = near.ae1.request(1, &near.ae1.own(""), more);
    near.ae1.ask(peer, QUIET, &message, "REG-25", 2001).await?;
    let cnt = json!({"rn": "inbox", "acpi": [near.ae1.own("/acp")]});
    let more = json!({"ty": 3, "rcn": 0, "pc": {"m2m:cnt": cnt}});
    let message = near.ae1.request(1, &near.ae1.own(""), more);
    near.ae1.ask(peer, QUIET, &message, "REG-24", 2001).await?;
    Ok(near.ae1.everywhere("/inbox"))
}

/// A sealed CREATE of the far endpoint.
fn from_far(peer: &mut Peer, near: &mut Near, session: &Shared, to: &str) -> (Value, String) {
    let mut message = near
        .hop
        .on_behalf(1, to, FAR, json!({"ty": 4, "sid": session.sid}));
    let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
    let about = Sealing {
        dir: 2,
        op: 1,
        to,
        att: "con",
        rqi: rqi.rsplit('/').next().unwrap_or_default(),
        plain: &json!({"answer": 42}),
    };
    let blob = near.hop.seal(peer, &session.key, FAR, &about);
    message["pc"] = json!({"m2m:cin": {"cnf": "application/jose:0", "con": blob}});
    (message, blob)
}

async fn served(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let to = inbox(peer, &mut near).await?;
    let session = near.establish(peer, "s1").await?;
    let (message, blob) = from_far(peer, &mut near, &session, &to);
    let answer = near.hop.ask(peer, QUIET, &message, "USE-05", 2001).await?;
    expect::equal(
        "USE-37",
        "its `sid`",
        session.sid.clone(),
        &answer.value["sid"],
    )?;
    let update = near.ae1.told(peer, "", 50002).await?;
    let event = json!({"net": 50002, "om": {"op": 1, "or": near.hop.behind(FAR)}});
    let told = &update.body("m2m:sgn")["nev"];
    expect::members("USE-51", "the notification", &event, told)?;
    let place = expect::text("USE-51", "the notification", &told["rep"], "m2m:uri")?;
    near.ae1.answer(peer, "", &update, 2000, None).await?;
    let read = near.ae1.request(2, &place, json!({"sid": session.sid}));
    let answer = near.ae1.ask(peer, QUIET, &read, "USE-20", 2000).await?;
    expect::equal(
        "USE-57",
        "the sealed value",
        blob,
        &answer.body("m2m:cin")["con"],
    )?;
    near.quiet(peer, "USE-52").await
}

async fn wrong_originator(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let to = inbox(peer, &mut near).await?;
    let session = near.establish(peer, "s1").await?;
    let cases = [
        (near.hop.id.clone(), 4103),
        (near.hop.behind("Cother"), 4103),
        (near.ae1.id.clone(), 4106),
    ];
    for (from, rsc) in cases {
        let (mut message, _) = from_far(peer, &mut near, &session, &to);
        message["fr"] = from.into();
        near.hop.ask(peer, QUIET, &message, "USE-04", rsc).await?;
    }
    let latest = near.ae1.own("/inbox/la");
    near.ae1.read(peer, QUIET, &latest, "USE-02", 4004).await?;
    near.quiet(peer, "USE-02").await
}

async fn other_hop(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let to = inbox(peer, &mut near).await?;
    let session = near.establish(peer, "s1").await?;
    let mut third = Neighbour::with_sessions(peer, Party::Cse2, Party::Cse1, [""; 4]).await?;
    let (message, _) = from_far(peer, &mut near, &session, &to);
    let mut stolen = third.on_behalf(1, &to, FAR, json!({}));
    for name in ["ty", "sid", "pc"] {
        stolen[name] = message[name].clone();
    }
    third.ask(peer, QUIET, &stolen, "USE-04", 4103).await?;
    let read = third.own(2, &session.at_sut, json!({}));
    third.ask(peer, QUIET, &read, "EST-70", 4103).await?;
    let delete = third.own(4, &session.at_sut, json!({}));
    third.ask(peer, QUIET, &delete, "END-13", 4103).await?;
    near.look(peer, "s1", "END-13", 2000).await?;
    near.quiet(peer, "END-13").await
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let to = inbox(peer, &mut near).await?;
    let session = near.establish(peer, "s1").await?;
    let (message, _) = from_far(peer, &mut near, &session, &to);
    let first = near.hop.ask(peer, QUIET, &message, "USE-05", 2001).await?;
    let update = near.ae1.told(peer, "", 50002).await?;
    near.ae1.answer(peer, "", &update, 2000, None).await?;
    let again = near.hop.ask(peer, QUIET, &message, "REG-31", 2001).await?;
    expect::equal(
        "REG-31",
        "the same answer",
        first.value.clone(),
        &again.value,
    )?;
    let own = near.ae1.own("/inbox");
    let answer = near.ae1.read(peer, QUIET, &own, "USE-12", 2000).await?;
    let once = json!({"cni": 1});
    expect::members("USE-12", "the target", &once, answer.body("m2m:cnt"))?;
    near.quiet(peer, "USE-12").await
}

async fn order(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let private = near.hop.place("far/private");
    let nobodys = format!("{}/{}", near.hop.sut, peer.dice().token());
    let past = json!("20200101T000000");
    let plain = json!({"m2m:cin": {"con": "plain"}});
    // Past and unknown session; unknown session and outside; outside and plain.
    for (more, to, rsc) in [
        (
            json!({"rqet": past, "sid": nobodys}),
            near.hop.place("far/box"),
            4008,
        ),
        (json!({"sid": nobodys}), private.clone(), 4004),
        (json!({"sid": session.sid}), private.clone(), 4005),
    ] {
        let mut message = near.ae1.request(1, &to, more);
        message["ty"] = 4.into();
        message["pc"] = plain.clone();
        near.ae1.ask(peer, QUIET, &message, "USE-35", rsc).await?;
    }
    // A stranger outside the paths.
    let more = json!({"ty": 4, "sid": session.sid, "pc": plain});
    let message = ae3.request(1, &private, more);
    ae3.ask(peer, QUIET, &message, "USE-35", 4103).await?;
    near.quiet(peer, "USE-35").await
}

async fn kept_result(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let rqet = peer.ahead(10_000).to_string();
    let (message, _) = near.sealed(peer, &session, json!({"rt": {"rtv": 1}, "rqet": rqet}));
    let answer = near.ae1.ask(peer, QUIET, &message, "REG-34", 1001).await?;
    let place = expect::text("REG-34", "the answer", answer.content(), "m2m:uri")?;
    let came = near.data(peer, "").await?;
    super::flows::check_forwarded(&near, &message, &came)?;
    near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    // The answer was taken before this probe.
    peer.probe(near.hop.link).await?;
    let answer = near.ae1.read(peer, QUIET, &place, "REG-35", 2000).await?;
    let kept = answer.body("m2m:req");
    expect::equal("REG-35", "`rs`", 1, &kept["rs"])?;
    let result = json!({"rsc": 2001, "rqi": message["rqi"]});
    expect::members("USE-47", "`ors`", &result, &kept["ors"])?;
    near.quiet(peer, "REG-36").await
}

async fn offline(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    peer.close(near.hop.link).await?;
    near.offline(peer, "s1").await?;
    for state in [1, 2] {
        let to = near.ae1.own("/sessions/s1");
        let message = near.ae1.request(2, &to, json!({"rcn": 4}));
        let answer = near.ae1.ask(peer, QUIET, &message, "LNK-22", 2000).await?;
        let held = answer.body("smg:ses");
        expect::equal("EST-74", "`sst` of the session", state, &held["sst"])?;
        expect::equal(
            "EST-74",
            "`nhs` of the hop",
            state,
            &held["smg:nhp"][0]["nhs"],
        )?;
        expect::equal("LNK-22", "`slc`", 2, &held["slc"])?;
        if state == 1 {
            near.hop.reopen(peer).await?;
            peer.probe(near.hop.link).await?;
        }
    }
    let (message, _) = near.sealed(peer, &session, json!({}));
    peer.send(near.ae1.link, "", &message).await?;
    let came = near.data(peer, "").await?;
    near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    near.result(peer, "", &message, "LNK-22", 2001).await?;
    near.quiet(peer, "LNK-05").await
}
