//! Establishments that fail, are repeated, or are not confirmed, at the registrar of the target.

use serde_json::{Value, json};

use crate::case::{Step, Stop};
use crate::cases::wire;
use crate::cast::{Ae, QUIET, is_event};
use crate::expect;
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::remote::Far;
use crate::stage;
use crate::story::Party;

mod table;

pub use table::CASES;

const COMPENSATED: &[Step] = &[
    wire("E12-2", "CSE1 asks CSE2"),
    wire("E12-3", "CSE2 asks AE2"),
    wire("E12-4", "AE2 agrees"),
    wire("E12-6", "CSE1 compensates after the reopening"),
    wire("E12-7", "CSE2 tells AE2"),
    wire("E12-8", "AE2 answers"),
    wire("E12-9", "CSE2 answers CSE1"),
];
const REPEATED: &[Step] = &[
    wire("E12-2", "CSE1 asks CSE2"),
    wire("E12a-1", "CSE1 asks again after the reopening"),
    wire("E12a-2", "CSE2 gives its answer"),
];
const LEASE: &[Step] = &[
    wire("E12-2", "CSE1 asks CSE2"),
    wire("E12c-1", "CSE2 tells AE2 at the end of the lease"),
    wire("E12c-2", "AE2 answers"),
];
const ABSENT: &[Step] = &[
    wire("E04-2", "CSE1 asks CSE2"),
    wire("E04-3", "CSE2 answers CSE1"),
];

/// CSE1's link is cut while AE2 is asked; AE2 agrees; CSE1 returns.
async fn interrupted(
    peer: &mut Peer,
    far: &mut Far,
    steps: [&str; 3],
) -> Result<(Value, Message), Stop> {
    let offer = far.offer(peer, json!({}));
    let question = far.asked(peer, (steps[0], steps[1]), &offer).await?;
    peer.close(far.hop.link).await?;
    let yes = far.yes();
    far.ae2
        .answer(peer, steps[2], &question, 2000, Some(yes))
        .await?;
    peer.probe(far.ae2.link).await?;
    Ok((offer, question))
}

fn about(question: &Message, offer: &Value) -> Value {
    let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    json!({"ri": asked["ri"], "sid": offer["pc"]["smg:ses"]["sid"], "slc": 3})
}

async fn compensated(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let steps = ["E12-2", "E12-3", "E12-4"];
    let (offer, question) = interrupted(peer, &mut far, steps).await?;
    far.hop.reopen(peer).await?;
    let sid = offer["pc"]["smg:ses"]["sid"].clone();
    let to = offer["to"].as_str().unwrap_or_default();
    let delete = far.hop.own(4, to, json!({"sid": sid, "rsn": 6}));
    peer.send(far.hop.link, "E12-6", &delete).await?;
    let notice = far.ae2.told(peer, "E12-7", 50003).await?;
    let mut end = about(&question, &offer);
    end["rsn"] = 6.into();
    let told = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::members("END-29", "the notice", &end, told)?;
    far.ae2.answer(peer, "E12-8", &notice, 2000, None).await?;
    expect::equal("END-26", "its `sid`", sid.clone(), &told["sid"])?;
    let done = far.result(peer, "E12-9", &delete, "EST-64", 2002).await?;
    expect::equal("USE-37", "its `sid`", sid, &done.value["sid"])?;
    let mut late = offer.clone();
    late["rqi"] = "Cnear/late".into();
    far.hop.ask(peer, QUIET, &late, "EST-49", 4105).await?;
    let to = end["ri"].as_str().unwrap_or_default().to_owned();
    far.ae2.read(peer, QUIET, &to, "EST-11", 4004).await?;
    peer.probe(far.ae2.link).await?;
    let asked = peer.has_request(far.ae2.link, |request| is_event(request, 50001));
    expect::holds("EST-49", "no second question", !asked, "F1-12 came")
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (offer, question) = interrupted(peer, &mut far, ["E12-2", "", ""]).await?;
    far.hop.reopen(peer).await?;
    peer.send(far.hop.link, "E12a-1", &offer).await?;
    let made = far.result(peer, "E12a-2", &offer, "REG-31", 2001).await?;
    let reserved = about(&question, &offer)["ri"].clone();
    expect::equal(
        "EST-65",
        "the same session",
        reserved,
        &made.body("smg:ses")["ri"],
    )?;
    peer.probe(far.ae2.link).await?;
    let asked = peer.has_request(far.ae2.link, |request| is_event(request, 50001));
    expect::holds("EST-13", "no second question", !asked, "F1-12 came")?;
    let session = far.shared(&offer, &made)?;
    far.confirm(peer, QUIET, &session).await?;
    far.look(peer, &session, "EST-12", 2000).await.map(drop)
}

async fn lease(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    peer.wait_longer(peer.target(Party::Cse2).timers.lease_ms);
    let mut offer = far.offer(peer, json!({}));
    offer["rqet"] = peer.ahead(1_500).to_string().into();
    let question = far.asked(peer, ("E12-2", ""), &offer).await?;
    let made = far.agreed(peer, QUIET, &offer, &question).await?;
    let session = far.shared(&offer, &made)?;
    peer.close(far.hop.link).await?;
    let notice = expect::arrived("EST-14", far.ended(peer, "E12c-1", &session, 6).await)?;
    far.ae2.answer(peer, "E12c-2", &notice, 2000, None).await?;
    far.look(peer, &session, "EST-63", 4004).await?;
    far.hop.reopen(peer).await?;
    let confirm = far.confirmation(&session);
    far.hop.ask(peer, QUIET, &confirm, "EST-63", 4004).await?;
    expect::quiet(peer, "EST-63").await
}

async fn absent(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let session = far.establish(peer).await?;
    peer.close(far.ae2.link).await?;
    far.absent(peer, &session).await?;
    let mut offer = far.offer(peer, json!({}));
    offer["rqet"] = peer.ahead(1_500).to_string().into();
    far.hop
        .ask(peer, ("E04-2", "E04-3"), &offer, "EST-57", 5107)
        .await?;
    far.ae2.reconnect(peer, Party::Ae2).await?;
    peer.probe(far.ae2.link).await?;
    let asked = peer.has_request(far.ae2.link, |request| is_event(request, 50001));
    expect::holds("LNK-10", "no question after its time", !asked, "F1-12 came")?;
    expect::quiet(peer, "LNK-23").await
}

/// The hop request fails like this, and AE2 hears nothing of it.
async fn unheard(
    peer: &mut Peer,
    far: &Far,
    offer: &Value,
    requirement: &str,
    rsc: &[u64],
) -> Result<(), Stop> {
    let answer = peer.call(far.hop.link, QUIET, offer).await?;
    expect::status(requirement, "the hop request", &answer, rsc)?;
    peer.probe(far.ae2.link).await?;
    let asked = peer.has_request(far.ae2.link, |request| is_event(request, 50001));
    expect::holds(requirement, "no question", !asked, "F1-12 came")
}

async fn refused(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    for verdict in [4005, 4103, 5207] {
        let offer = far.offer(peer, json!({}));
        let question = far.asked(peer, QUIET, &offer).await?;
        far.ae2.answer(peer, "", &question, verdict, None).await?;
        far.result(peer, "", &offer, "EST-55", 4127).await?;
        let end = about(&question, &offer);
        let to = end["ri"].as_str().unwrap_or_default().to_owned();
        far.ae2.read(peer, QUIET, &to, "EST-01", 4004).await?;
        let to = far.ae2.everywhere("/container1");
        let message = far
            .hop
            .on_behalf(2, &to, "Cnear", json!({"sid": end["sid"]}));
        far.hop.ask(peer, QUIET, &message, "EST-18", 4004).await?;
    }
    expect::quiet(peer, "EST-11").await
}

async fn half_hearted(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let own = far.ae2.everywhere("/container1");
    let foreign = far.hop.place("near/inbox");
    let beside = far.ae2.everywhere("x/container1");
    for (requirement, verdict) in [
        ("EST-56", None),
        ("EST-56", Some(json!({"smg:sep": {}}))),
        (
            "EST-56",
            Some(json!({"smg:sep": {"epi": far.hop.behind("Cx"), "epp": [own]}})),
        ),
        ("EST-42", Some(json!({"smg:sep": {"epp": [foreign]}}))),
        ("EST-42", Some(json!({"smg:sep": {"epp": [beside]}}))),
    ] {
        let offer = far.offer(peer, json!({}));
        let question = far.asked(peer, QUIET, &offer).await?;
        far.ae2.answer(peer, "", &question, 2000, verdict).await?;
        far.result(peer, "", &offer, requirement, 4127).await?;
    }
    Ok(())
}

async fn incapable(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (ae4, _) = Ae::register(peer, Party::Ae4, None, QUIET).await?;
    let offer = far.offer_to(peer, &ae4.id, json!({}));
    far.hop.ask(peer, QUIET, &offer, "EST-37", 5214).await?;
    expect::quiet(peer, "EST-09").await
}

async fn unsubscribed(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (mut ae4, _) = Ae::register(peer, Party::Ae4, Some(true), QUIET).await?;
    // A subscription to other events is no consent.
    stage::subscribe(peer, &mut ae4, "/sessions", "told", &[50003], QUIET).await?;
    let offer = far.offer_to(peer, &ae4.id, json!({}));
    far.hop.ask(peer, QUIET, &offer, "EST-38", 5107).await?;
    expect::quiet(peer, "EST-09").await
}

async fn nobody(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let name = peer.dice().name();
    let target = far.ae2.at_cse(&format!("C{name}"));
    let offer = far.offer_to(peer, &target, json!({}));
    far.hop.ask(peer, QUIET, &offer, "EST-39", 4004).await?;
    expect::quiet(peer, "EST-09").await
}

async fn silent(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let mut offer = far.offer(peer, json!({}));
    offer["rqet"] = peer.ahead(1_500).to_string().into();
    let question = far.asked(peer, QUIET, &offer).await?;
    far.result(peer, "", &offer, "EST-57", 4008).await?;
    let yes = far.yes();
    far.ae2.answer(peer, "", &question, 2000, Some(yes)).await?;
    let notice = far.ae2.told(peer, "", 50003).await?;
    let mut end = about(&question, &offer);
    end["rsn"] = 6.into();
    let told = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::members("EST-58", "the answer to a late yes", &end, told)?;
    far.ae2.answer(peer, "", &notice, 2000, None).await?;
    let to = end["ri"].as_str().unwrap_or_default().to_owned();
    far.ae2.read(peer, QUIET, &to, "EST-16", 4004).await?;
    expect::quiet(peer, "EST-58").await
}

async fn returns_in_time(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    peer.close(far.ae2.link).await?;
    let offer = far.offer(peer, json!({}));
    peer.send(far.hop.link, "", &offer).await?;
    peer.probe(far.hop.link).await?;
    far.ae2.reconnect(peer, Party::Ae2).await?;
    let question = expect::arrived("LNK-11", far.ae2.told(peer, "", 50001).await)?;
    expect::arrived("EST-57", far.agreed(peer, QUIET, &offer, &question).await).map(drop)
}

async fn incomplete(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    for name in ["sid", "soi", "sto", "et", "nhr", "vst", "scr", "smg:sep"] {
        let offer = far.offer(peer, json!({name: null}));
        unheard(peer, &far, &offer, "EST-47", &[4000]).await?;
    }
    expect::quiet(peer, "EST-47").await
}

async fn visited(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let sut = far.hop.sut.clone();
    let looped = json!([far.hop.id, sut]);
    let mut long: Vec<String> = (1..9).map(|number| format!("/v{number}")).collect();
    long.push(far.hop.id.clone());
    for vst in [looped, json!(long)] {
        let offer = far.offer(peer, json!({"vst": vst}));
        unheard(peer, &far, &offer, "EST-29", &[4105]).await?;
    }
    expect::quiet(peer, "EST-29").await
}

async fn known(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (session, offer) = far.pending(peer).await?;
    far.confirm(peer, QUIET, &session).await?;
    let sid = offer["pc"]["smg:ses"]["sid"].clone();
    let other = far.offer(peer, json!({"sid": sid}));
    unheard(peer, &far, &other, "EST-49", &[4105]).await?;
    far.look(peer, &session, "EST-49", 2000).await?;
    expect::quiet(peer, "EST-49").await
}

async fn contradicting(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let sid = format!("/elsewhere/{}", peer.dice().token());
    let stranger = json!([{"epi": "/elsewhere/Cx", "ept": 1, "epp": []}]);
    for (requirement, change) in [
        ("EST-43", json!({"sid": sid})),
        ("EST-06", json!({"soi": "/elsewhere/Cx"})),
        ("EST-06", json!({"smg:sep": stranger})),
    ] {
        let offer = far.offer(peer, change);
        unheard(peer, &far, &offer, requirement, &[4000]).await?;
    }
    expect::quiet(peer, "EST-06").await
}

async fn confirmations(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (session, _) = far.pending(peer).await?;
    for slc in [1, 3] {
        let more = json!({"pc": {"smg:ses": {"slc": slc}}});
        let message = far.hop.own(3, &session.at_sut, more);
        far.hop.ask(peer, QUIET, &message, "EST-61", 4000).await?;
    }
    far.confirm(peer, QUIET, &session).await?;
    far.confirm(peer, QUIET, &session).await?;
    let held = far.look(peer, &session, "EST-61", 2000).await?;
    expect::equal("EST-61", "`slc`", 2, &held.body("smg:ses")["slc"])?;
    expect::quiet(peer, "EST-61").await
}

async fn wrong_confirmations(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let mut third = Neighbour::with_sessions(peer, Party::Cse1, Party::Cse2, [""; 4]).await?;
    let (session, _) = far.pending(peer).await?;
    let more = json!({"pc": {"smg:ses": {"slc": 2}}});
    let message = third.own(3, &session.at_sut, more.clone());
    third.ask(peer, QUIET, &message, "EST-61", 4103).await?;
    let message = far.ae2.request(3, &session.ri, more);
    far.ae2.ask(peer, QUIET, &message, "EST-61", 4103).await?;
    let held = far.look(peer, &session, "EST-61", 2000).await?;
    expect::equal("EST-61", "`slc`", 1, &held.body("smg:ses")["slc"])?;
    expect::quiet(peer, "EST-61").await
}

async fn first_use(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (session, _) = far.pending(peer).await?;
    // A request that is refused is no use.
    let to = far.ae2.everywhere("/private");
    let (outside, _) = far.sealed_to(peer, &session, &to, json!({}));
    let answer = peer.call(far.hop.link, QUIET, &outside).await?;
    expect::status(
        "EST-20",
        "a request outside the paths",
        &answer,
        &[4004, 4005],
    )?;
    let held = far.look(peer, &session, "EST-20", 2000).await?;
    expect::equal(
        "EST-20",
        "`slc` after a refusal",
        1,
        &held.body("smg:ses")["slc"],
    )?;
    let (message, _) = far.sealed(peer, &session, json!({}));
    far.hop.ask(peer, QUIET, &message, "EST-20", 2001).await?;
    let update = far.ae2.told(peer, "", 50002).await?;
    far.ae2.answer(peer, "", &update, 2000, None).await?;
    let held = far.look(peer, &session, "EST-20", 2000).await?;
    expect::equal(
        "EST-20",
        "`slc` after the first use",
        2,
        &held.body("smg:ses")["slc"],
    )?;
    expect::quiet(peer, "EST-20").await
}

async fn early_policy(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (session, _) = far.pending(peer).await?;
    let spy = json!({"ty": 50005, "pc": {"smg:spy": {"rn": "p", "pyt": 1, "pys": 1}}});
    let message = far.hop.own(1, &session.at_sut, spy.clone());
    far.hop.ask(peer, QUIET, &message, "EST-26", 4004).await?;
    let message = far.ae2.request(1, &session.ri, spy);
    far.ae2.ask(peer, QUIET, &message, "EST-26", 4004).await?;
    expect::quiet(peer, "EST-26").await
}

async fn nothing_to_compensate(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let sid = format!("{}/{}", far.hop.id, peer.dice().token());
    let to = format!("{}/sessions", far.ae2.id);
    let message = far.hop.own(4, &to, json!({"sid": sid, "rsn": 6}));
    far.hop.ask(peer, QUIET, &message, "END-26", 4004).await?;
    let message = far.hop.own(4, &to, json!({}));
    far.hop.ask(peer, QUIET, &message, "EST-71", 4005).await?;
    let to = far.ae2.own("/sessions");
    far.ae2.read(peer, QUIET, &to, "EST-71", 2000).await?;
    expect::quiet(peer, "END-26").await
}

async fn taken_back_early(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let offer = far.offer(peer, json!({}));
    let question = far.asked(peer, QUIET, &offer).await?;
    let end = about(&question, &offer);
    let to = offer["to"].as_str().unwrap_or_default();
    let delete = far.hop.own(4, to, json!({"sid": end["sid"], "rsn": 6}));
    let answer = peer.call(far.hop.link, QUIET, &delete).await?;
    if answer.value["rsc"] == 4004 {
        // END-26 can be read of sessions that exist, and EST-64 counts 4004 as done.
        peer.tolerate("END-26: an attempt taken back is 4004, not 2002".to_owned());
    } else {
        expect::status("END-26", "the compensation", &answer, &[2002])?;
    }
    let yes = far.yes();
    far.ae2.answer(peer, "", &question, 2000, Some(yes)).await?;
    let notice = far.ae2.told(peer, "", 50003).await?;
    let told = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::members("EST-58", "the answer to the yes", &json!({"rsn": 6}), told)?;
    far.ae2.answer(peer, "", &notice, 2000, None).await?;
    let to = end["ri"].as_str().unwrap_or_default().to_owned();
    far.ae2
        .read(peer, QUIET, &to, "EST-11", 4004)
        .await
        .map(drop)
}

async fn target_left(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let offer = far.offer(peer, json!({}));
    far.asked(peer, QUIET, &offer).await?;
    let message = far.ae2.request(4, &far.ae2.own(""), json!({}));
    far.ae2.ask(peer, QUIET, &message, "REG-06", 2002).await?;
    let rqi = offer["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(far.hop.link, "", rqi).await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or_default();
    expect::holds("EST-28", "an error", rsc >= 4000, &answer.text)
}

async fn policies(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let good = json!({"rn": "p", "pyt": 1, "pys": 2, "pyo": 10});
    let offer = far.offer(peer, json!({"smg:spy": [good]}));
    let question = far.asked(peer, QUIET, &offer).await?;
    let told = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"]["smg:spy"][0];
    expect::members("POL-11", "the policy in the question", &good, told)?;
    let made = far.agreed(peer, QUIET, &offer, &question).await?;
    let session = far.shared(&offer, &made)?;
    far.confirm(peer, QUIET, &session).await?;
    let to = format!("{}/p", session.ri);
    let held = far.ae2.read(peer, QUIET, &to, "POL-11", 2000).await?;
    expect::members("POL-11", "the policy", &good, held.body("smg:spy"))?;
    for (policy, rsc) in [
        (json!({"rn": "p", "pys": 1}), 4000),
        (json!({"pyt": 1, "pys": 1}), 4000),
    ] {
        let offer = far.offer(peer, json!({"smg:spy": [policy]}));
        unheard(peer, &far, &offer, "POL-11", &[rsc]).await?;
    }
    expect::quiet(peer, "POL-11").await
}

async fn end_to_end(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let epk = |x: &str| json!({"kty": "OKP", "crv": "X25519", "x": x});
    let near = json!([{
        "epi": far.hop.behind("Cnear"), "ept": 1, "epp": [],
        "epk": epk("NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ")
    }]);
    let scr = json!({"kid": peer.dice().token(), "alg": "A256GCM"});
    let change = json!({"see": true, "smg:sep": near, "scr": scr});
    let offer = far.offer(peer, change.clone());
    let question = far.asked(peer, QUIET, &offer).await?;
    let told = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::equal("EST-46", "the initiator's endpoint", near, &told["smg:sep"])?;
    expect::without("EST-46", "the credentials", &["k", "kty"], &told["scr"])?;
    let yes = far.yes();
    far.ae2.answer(peer, "", &question, 2000, Some(yes)).await?;
    far.result(peer, "", &offer, "EST-46", 4127).await?;
    let mut change = change;
    change["scr"]["kid"] = peer.dice().token().into();
    let offer = far.offer(peer, change);
    let question = far.asked(peer, QUIET, &offer).await?;
    let mut yes = far.yes();
    yes["smg:sep"]["epk"] = epk("eaYx7t4b-cmPEgMs3q3Q56B5OY_HhriMyEbsia-FpRo");
    far.ae2.answer(peer, "", &question, 2000, Some(yes)).await?;
    far.result(peer, "", &offer, "EST-46", 2001).await.map(drop)
}
