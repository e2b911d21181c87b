//! Sessions between two AEs of one CSE (configuration A).

use serde_json::{Value, json};

use crate::case::Stop;
use crate::cast::{Ae, QUIET, is_event};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::stage::{self, Session, Stage, Wish};
use crate::story::Party;

mod table;

pub use table::CASES;

async fn ready(peer: &mut Peer) -> Result<(Stage, Session), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    Ok((stage, session))
}

/// Awaits the notice of the end at one endpoint and checks it.
async fn told(
    peer: &mut Peer,
    ae: &Ae,
    subscription: &str,
    session: &Session,
    reason: u8,
) -> Result<Message, Stop> {
    let notice = expect::arrived("END-28", ae.told(peer, "", 50003).await)?;
    let sgn = notice.body("m2m:sgn");
    let end = json!({"ri": session.at_cse1, "sid": session.sid, "slc": 3});
    let shown = &sgn["nev"]["rep"]["smg:ses"];
    expect::equal("END-28", "`sur` of the notice", subscription, &sgn["sur"])?;
    expect::members("END-28", "the notice", &end, shown)?;
    expect::without("END-28", "the notice", &["scr"], shown)?;
    expect::equal("END-29", "its reason", reason, &shown["rsn"])?;
    Ok(notice)
}

/// One endpoint has asked for the end: the other is told, and only its answer lets it happen.
async fn ended(
    peer: &mut Peer,
    (asking, other): (&Ae, &Ae),
    subscription: &str,
    session: &Session,
    requirement: &str,
) -> Result<(), Stop> {
    let mut asking = asking.clone();
    let message = asking.request(4, &session.at_cse1, json!({}));
    peer.send(asking.link, "", &message).await?;
    let notice = told(peer, other, subscription, session, 1).await?;
    peer.probe(asking.link).await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let early = peer.has_response(asking.link, rqi);
    expect::holds(
        "END-01",
        "no end before the other has answered",
        !early,
        "2002",
    )?;
    other.answer(peer, "", &notice, 2000, None).await?;
    answered(peer, &asking, &message, requirement, 2002)
        .await
        .map(drop)
}

async fn proposed(
    peer: &mut Peer,
    stage: &mut Stage,
    wish: &Wish,
) -> Result<(Value, Message), Stop> {
    let proposal = stage.proposal(wish);
    peer.send(stage.ae1.link, "", &proposal).await?;
    let question = stage.ae2.told(peer, "", 50001).await?;
    Ok((proposal, question))
}

async fn answered(
    peer: &mut Peer,
    ae: &Ae,
    request: &Value,
    requirement: &str,
    rsc: u64,
) -> Result<Message, Stop> {
    let rqi = request["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(ae.link, "", rqi).await?;
    let what = format!("op {} to {}", request["op"], request["to"]);
    expect::status(requirement, &what, &answer, &[rsc])?;
    Ok(answer)
}

async fn established(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let wish = Wish::usual(peer);
    let (proposal, question) = proposed(peer, &mut stage, &wish).await?;
    let to = stage.ae1.own("/sessions/s1");
    stage.ae1.read(peer, QUIET, &to, "EST-01", 4004).await?;
    let yes = stage.yes(wish.offers);
    stage
        .ae2
        .answer(peer, "", &question, 2000, Some(yes))
        .await?;
    let success = answered(peer, &stage.ae1, &proposal, "EST-51", 2001).await?;
    let session = stage.session(&question, &success)?;
    let same = session.at_cse1 == session.at_cse2;
    expect::holds("EST-51", "one session for both", same, &session.at_cse2)?;
    let equal = session.key1.same_bytes(&session.key2) && session.key1.kid == session.key2.kid;
    expect::holds("EST-54", "the same key for both", equal, &session.key2.kid)?;
    for ae in [&mut stage.ae1, &mut stage.ae2] {
        let message = ae.request(2, &session.at_cse1, json!({"rcn": 4}));
        let held = ae.ask(peer, QUIET, &message, "EST-70", 2000).await?;
        let body = held.body("smg:ses");
        expect::members("EST-51", "the session", &json!({"slc": 2, "sst": 2}), body)?;
        expect::without("EST-51", "the session", &["smg:nhp", "scr"], body)?;
        let endpoints = expect::list("EST-07", "the session", body, "smg:sep")?;
        expect::holds(
            "EST-07",
            "two endpoints",
            endpoints.len() == 2,
            &body["smg:sep"],
        )?;
    }
    expect::quiet(peer, "EST-12").await
}

async fn used(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let plain = json!({"temp": 1});
    let (message, blob) = stage.sealed_create(peer, &session, "/container1", &plain, json!({}));
    stage.ae1.ask(peer, QUIET, &message, "USE-05", 2001).await?;
    let update = stage.ae2.told(peer, "", 50002).await?;
    let event = json!({"om": {"op": 1, "or": stage.ae1.id}});
    let nev = &update.body("m2m:sgn")["nev"];
    expect::members("USE-51", "the notification", &event, nev)?;
    let place = expect::text("USE-51", "the notification", &nev["rep"], "m2m:uri")?;
    stage.ae2.answer(peer, "", &update, 2000, None).await?;
    let read = stage.ae2.request(2, &place, json!({"sid": session.sid}));
    let answer = stage.ae2.ask(peer, QUIET, &read, "USE-20", 2000).await?;
    expect::equal(
        "USE-57",
        "the sealed value",
        blob,
        &answer.body("m2m:cin")["con"],
    )?;
    let to = format!("{}/context", session.at_cse1);
    let held = stage.ae1.read(peer, QUIET, &to, "USE-17", 2000).await?;
    expect::equal("USE-17", "entries", 2, &held.body("smg:scx")["cni"])?;
    expect::quiet(peer, "USE-52").await
}

async fn gone(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Result<(), Stop> {
    for ae in [&mut stage.ae1, &mut stage.ae2] {
        ae.read(peer, QUIET, &session.at_cse1, "END-05", 4004)
            .await?;
        let context = format!("{}/context", session.at_cse1);
        ae.read(peer, QUIET, &context, "END-05", 4004).await?;
    }
    let plain = json!({"late": 1});
    let (message, _) = stage.sealed_create(peer, session, "/container1", &plain, json!({}));
    stage.ae1.ask(peer, QUIET, &message, "END-14", 4004).await?;
    expect::quiet(peer, "END-20").await
}

async fn ended_by_initiator(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let ends = (&stage.ae1, &stage.ae2);
    ended(peer, ends, &stage.consent, &session, "END-03").await?;
    gone(peer, &mut stage, &session).await
}

async fn ended_by_target(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let ends = (&stage.ae2, &stage.ae1);
    ended(peer, ends, &stage.told, &session, "END-13").await?;
    gone(peer, &mut stage, &session).await
}

async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let et = peer.ahead(2_000);
    let wish = Wish {
        et,
        ..Wish::usual(peer)
    };
    let session = stage.establish(peer, &wish).await?;
    peer.wait_longer(peer.target(Party::Cse1).timers.expiry_margin_ms);
    for (ae, subscription) in [(&stage.ae1, &stage.told), (&stage.ae2, &stage.consent)] {
        let notice = told(peer, ae, subscription, &session, 2).await?;
        let early = peer.now() < session.et;
        expect::holds("END-36", "no end before `et`", !early, "told before")?;
        ae.answer(peer, "", &notice, 2000, None).await?;
    }
    let place = session.at_cse1.clone();
    stage.ae1.read(peer, QUIET, &place, "END-17", 4004).await?;
    gone(peer, &mut stage, &session).await
}

async fn deregistered(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let message = stage.ae1.request(4, &stage.ae1.own(""), json!({}));
    stage.ae1.ask(peer, QUIET, &message, "REG-06", 2002).await?;
    let notice = expect::arrived("END-28", stage.ae2.told(peer, "", 50003).await)?;
    let end = json!({"sid": session.sid, "slc": 3, "rsn": 3});
    let shown = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::members("END-29", "the notice", &end, shown)?;
    stage.ae2.answer(peer, "", &notice, 2000, None).await?;
    stage
        .ae2
        .read(peer, QUIET, &session.at_cse2, "END-18", 4004)
        .await
        .map(drop)
}

async fn refused(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let wish = Wish::usual(peer);
    let (proposal, question) = proposed(peer, &mut stage, &wish).await?;
    stage.ae2.answer(peer, "", &question, 4005, None).await?;
    answered(peer, &stage.ae1, &proposal, "EST-55", 4127).await?;
    let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    let to = asked["ri"].as_str().unwrap_or_default().to_owned();
    stage.ae2.read(peer, QUIET, &to, "EST-11", 4004).await?;
    let more = json!({"sid": asked["sid"]});
    let message = stage
        .ae1
        .request(2, &stage.ae2.everywhere("/container1"), more);
    stage.ae1.ask(peer, QUIET, &message, "EST-18", 4004).await?;
    // Its name is free again.
    stage.establish(peer, &wish).await?;
    expect::quiet(peer, "EST-11").await
}

async fn unwilling_targets(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let (ae3, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let (ae5, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let nobody = stage.ae1.at_cse(&format!("C{}", peer.dice().name()));
    for (target, requirement, rsc) in [
        (ae3.id, "EST-37", 5214),
        (ae5.id, "EST-38", 5107),
        (nobody, "EST-39", 4004),
    ] {
        let wish = Wish::usual(peer);
        let mut proposal = stage.proposal(&wish);
        proposal["pc"]["smg:ses"]["sto"] = json!([target]);
        stage
            .ae1
            .ask(peer, QUIET, &proposal, requirement, rsc)
            .await?;
    }
    expect::quiet(peer, "EST-09").await
}

async fn silent(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let wish = Wish {
        rqet: peer.ahead(1_500),
        ..Wish::usual(peer)
    };
    let (proposal, question) = proposed(peer, &mut stage, &wish).await?;
    answered(peer, &stage.ae1, &proposal, "EST-57", 4008).await?;
    let yes = stage.yes(wish.offers);
    stage
        .ae2
        .answer(peer, "", &question, 2000, Some(yes))
        .await?;
    let notice = stage.ae2.told(peer, "", 50003).await?;
    let end = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::members(
        "EST-58",
        "the answer to a late yes",
        &json!({"rsn": 6}),
        end,
    )?;
    stage.ae2.answer(peer, "", &notice, 2000, None).await?;
    let to = stage.ae1.own("/sessions/s1");
    stage.ae1.read(peer, QUIET, &to, "EST-16", 4004).await?;
    let rqi = proposal["rqi"].as_str().unwrap_or_default();
    let second = peer.has_response(stage.ae1.link, rqi);
    expect::holds("EST-15", "one answer", !second, "a second one")?;
    expect::quiet(peer, "EST-58").await
}

async fn misused(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let inside = stage.ae2.everywhere("/container1");
    let message = ae3.request(2, &inside, json!({"sid": session.sid}));
    ae3.ask(peer, QUIET, &message, "USE-02", 4103).await?;
    let outside = stage.ae2.everywhere("/private");
    let message = stage.ae1.request(2, &outside, json!({"sid": session.sid}));
    stage.ae1.ask(peer, QUIET, &message, "USE-01", 4005).await?;
    let nobodys = stage.ae1.at_cse(&peer.dice().token());
    let message = stage.ae1.request(2, &inside, json!({"sid": nobodys}));
    stage.ae1.ask(peer, QUIET, &message, "USE-32", 4004).await?;
    expect::quiet(peer, "USE-02").await
}

async fn plain(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let value = json!({"temp": 1});
    let (mut message, _) = stage.sealed_create(peer, &session, "/container1", &value, json!({}));
    message["pc"] = json!({"m2m:cin": {"cnf": "text/plain:0", "con": "open"}});
    stage.ae1.ask(peer, QUIET, &message, "USE-24", 4102).await?;
    let latest = stage.ae2.own("/container1/la");
    stage.ae2.read(peer, QUIET, &latest, "USE-24", 4004).await?;
    expect::quiet(peer, "USE-52").await
}

async fn oneself(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let wish = Wish::usual(peer);
    let mut proposal = stage.proposal(&wish);
    proposal["pc"]["smg:ses"]["sto"] = json!([stage.ae1.id]);
    let answer = peer.call(stage.ae1.link, QUIET, &proposal).await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or_default();
    expect::holds("EST-32", "an error", rsc >= 4000, &answer.text)?;
    let to = stage.ae1.own("/sessions/s1");
    stage.ae1.read(peer, QUIET, &to, "EST-11", 4004).await?;
    expect::quiet(peer, "EST-09").await
}

async fn policies(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let make = |body: Value| json!({"ty": 50005, "pc": {"smg:spy": body}});
    let body = json!({"rn": "p", "pyt": 1, "pys": 2, "pyo": 10});
    let message = stage.ae1.request(1, &session.at_cse1, make(body.clone()));
    stage.ae1.ask(peer, QUIET, &message, "POL-05", 2001).await?;
    let to = format!("{}/p", session.at_cse1);
    let held = stage.ae2.read(peer, QUIET, &to, "POL-05", 2000).await?;
    expect::members("POL-05", "the policy", &body, held.body("smg:spy"))?;
    let other = json!({"rn": "q", "pyt": 1, "pys": 2, "pyo": 10, "pyd": {"jwe": false}});
    let message = stage.ae2.request(1, &session.at_cse1, make(other));
    stage.ae2.ask(peer, QUIET, &message, "POL-14", 4102).await?;
    let more = json!({"pc": {"smg:spy": {"pyo": 20}}});
    let message = stage.ae2.request(3, &to, more);
    stage.ae2.ask(peer, QUIET, &message, "POL-08", 2004).await?;
    let held = stage.ae1.read(peer, QUIET, &to, "POL-08", 2000).await?;
    let new = json!({"pyo": 20, "st": 1});
    expect::members("POL-08", "the policy", &new, held.body("smg:spy"))?;
    let message = stage.ae1.request(4, &to, json!({}));
    stage.ae1.ask(peer, QUIET, &message, "POL-09", 2002).await?;
    stage.ae1.read(peer, QUIET, &to, "POL-09", 4004).await?;
    expect::quiet(peer, "POL-08").await
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let place = session.at_cse1.clone();
    for to in [
        place.clone(),
        format!("{place}/context"),
        format!("{place}/sessionEndpoints"),
    ] {
        ae3.read(peer, QUIET, &to, "EST-70", 4103).await?;
    }
    let more = json!({"pc": {"smg:ses": {"lbl": ["mine"]}}});
    let message = ae3.request(3, &place, more);
    ae3.ask(peer, QUIET, &message, "EST-70", 4103).await?;
    let message = ae3.request(4, &place, json!({}));
    ae3.ask(peer, QUIET, &message, "END-13", 4103).await?;
    stage.ae1.read(peer, QUIET, &place, "END-13", 2000).await?;
    expect::quiet(peer, "END-13").await
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set_at(peer, Party::Cse1).await?;
    let wish = Wish::usual(peer);
    let (proposal, question) = proposed(peer, &mut stage, &wish).await?;
    let yes = stage.yes(wish.offers);
    stage
        .ae2
        .answer(peer, "", &question, 2000, Some(yes))
        .await?;
    let first = answered(peer, &stage.ae1, &proposal, "EST-51", 2001).await?;
    let again = stage
        .ae1
        .ask(peer, QUIET, &proposal, "REG-31", 2001)
        .await?;
    expect::equal(
        "REG-31",
        "the same answer",
        first.value.clone(),
        &again.value,
    )?;
    peer.probe(stage.ae2.link).await?;
    let asked = peer.has_request(stage.ae2.link, |request| is_event(request, 50001));
    expect::holds("EST-12", "no second question", !asked, "a second one")?;
    expect::quiet(peer, "EST-13").await
}

async fn offline(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    peer.close(stage.ae2.link).await?;
    let place = session.at_cse1.clone();
    let mut state = Value::Null;
    for _ in 0..crate::hop::ATTEMPTS {
        let held = stage.ae1.read(peer, QUIET, &place, "LNK-22", 2000).await?;
        state = held.body("smg:ses")["sst"].clone();
        if state == 1 {
            break;
        }
    }
    expect::equal("EST-74", "`sst` with the link down", 1, &state)?;
    stage.ae2.reconnect(peer, Party::Ae2).await?;
    let held = stage.ae2.read(peer, QUIET, &place, "LNK-22", 2000).await?;
    let up = json!({"sst": 2, "slc": 2});
    expect::members(
        "EST-74",
        "the session with the link back",
        &up,
        held.body("smg:ses"),
    )?;
    expect::quiet(peer, "LNK-22").await
}

async fn hidden(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let base = peer.target(Party::Cse1).name.clone();
    let more = json!({"drt": 2, "fc": {"fu": 1, "ty": [50002]}});
    let message = ae3.request(2, &base, more.clone());
    let answer = ae3.ask(peer, QUIET, &message, "DIS-06", 2000).await?;
    let none = json!([]);
    expect::equal(
        "DIS-06",
        "sessions a stranger finds",
        none,
        answer.body("m2m:uril"),
    )?;
    let message = stage.ae1.request(2, &base, more);
    let answer = stage.ae1.ask(peer, QUIET, &message, "DIS-06", 2000).await?;
    let own = json!([session.at_cse1]);
    expect::equal(
        "DIS-06",
        "sessions an endpoint finds",
        own,
        answer.body("m2m:uril"),
    )?;
    expect::quiet(peer, "DIS-06").await
}

async fn collections(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    for name in ["sessionEndpoints", "nextHops", "sessionPolicies"] {
        let to = format!("{}/{name}", session.at_cse1);
        stage.ae1.read(peer, QUIET, &to, "EST-73", 2000).await?;
        let body = json!({"rn": name, "pyt": 1, "pys": 1});
        let more = json!({"ty": 50005, "pc": {"smg:spy": body}});
        let message = stage.ae1.request(1, &session.at_cse1, more);
        stage.ae1.ask(peer, QUIET, &message, "EST-73", 4000).await?;
    }
    let wish = Wish {
        rn: "subscriptions",
        ..Wish::usual(peer)
    };
    let proposal = stage.proposal(&wish);
    stage
        .ae1
        .ask(peer, QUIET, &proposal, "EST-73", 4000)
        .await?;
    expect::quiet(peer, "EST-73").await
}
