//! Establishments in which an answer of the next hop is lost, late, or takes back what was agreed.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop, case};
use crate::cases::wire;
use crate::cast::QUIET;
use crate::expect;
use crate::hop::{FAR, Near};
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::story::Party;
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "INI-E12",
        title: "An establishment whose answer was lost is compensated after the reopening",
        requirements: &["EST-11", "EST-14", "EST-15", "EST-64"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Initiator,
        script: Script {
            stimulus: "CSE2's link is cut after the hop request and comes back when AE1's time is \
                       over.",
            tags: &["E12", "timing"],
            ..Script::PLAIN
        },
        steps: LOST,
        hint: "Often the session at the other side is forgotten, or compensated only once.",
        run: |peer| Box::pin(lost(peer)),
    },
    Case {
        id: "INI-E12A",
        title: "A hop request that was open when the link was cut is repeated on the next link",
        requirements: &["EST-13", "EST-65", "EST-04", "LNK-21"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Initiator,
        script: Script {
            stimulus: "CSE2's link is cut after the hop request and comes back at once.",
            tags: &["E12a"],
            ..Script::PLAIN
        },
        steps: REPEATED,
        hint: "Often a new identifier is drawn, so that the target is asked twice.",
        run: |peer| Box::pin(repeated(peer)),
    },
    case!(
        "INI-21",
        Session,
        Initiator,
        "A next hop that stays silent on a living link is compensated after 4008",
        ["EST-15", "EST-64"],
        [],
        "Often compensation waits for a reopening.",
        silent,
        {tags: &["E12", "timing"]}
    ),
    case!(
        "INI-22",
        Session,
        Initiator,
        "A compensation that was not answered is sent again, and once answered never",
        ["EST-64"],
        [],
        "Often it is sent once and forgotten.",
        insistent,
        {tags: &["E12", "timing"]}
    ),
    case!(
        "INI-23",
        Session,
        Initiator,
        "A compensation answered 4004 is done",
        ["EST-64"],
        [],
        "Often 4004 counts as failure and is repeated.",
        nothing_there,
        {tags: &["E12", "timing"]}
    ),
    case!(
        "INI-24",
        Session,
        Initiator,
        "A success of the next hop that comes too late makes no session",
        ["EST-16", "EST-11", "EST-64"],
        [],
        "Often the late answer still makes the session.",
        late,
        {tags: &["E12", "timing"]}
    ),
    case!(
        "INI-25",
        Session,
        Initiator,
        "A confirmation answered 4004 ends the session, and AE1 is told with reason 6",
        ["EST-66", "END-29"],
        [],
        "Often the answer to the confirmation is not read.",
        unconfirmed
    ),
    case!(
        "INI-26",
        Session,
        Initiator,
        "The expiration is the smallest that any hop allows",
        ["EST-27", "EST-62"],
        [],
        "Often each CSE keeps its own.",
        shortened,
        {stimulus: "The next hop answers an earlier `et`; in another session a later one."}
    ),
    case!(
        "INI-27",
        Session,
        Initiator,
        "The hop request expires one step before the proposal",
        ["EST-48"],
        [],
        "Often it carries the `rqet` of the proposal.",
        step,
        {ixit: &["timers.hop_step_ms"]}
    ),
    case!(
        "INI-28",
        Session,
        Initiator,
        "Deregistration of the initiator during establishment leaves no session anywhere",
        ["EST-28", "END-12"],
        [],
        "Often the answer of the next hop revives it.",
        initiator_left
    ),
    case!(
        "INI-29",
        Session,
        Initiator,
        "Proposals that cross in both directions become two sessions and never one",
        ["EST-05", "EST-19", "EST-21"],
        [],
        "Often one is taken for the answer to the other.",
        crossed,
        {tags: &["glare"]}
    ),
    case!(
        "INI-30",
        Session,
        Initiator,
        "Other requests are neither delayed nor changed while a proposal is open",
        ["EST-31"],
        [],
        "Often everything queues behind the establishment.",
        undisturbed
    ),
    case!(
        "INI-31",
        Session,
        Initiator,
        "Two sessions share neither identifier nor key, and no guess leads from one to the other",
        ["EST-05", "EST-19", "EST-43"],
        [],
        "Often a counter or a clock is part of the identifier.",
        distinct,
        {stimulus: "Sixteen sessions are made; `sid`, `kid` and `k` are compared."}
    ),
    case!(
        "INI-32",
        Session,
        Initiator,
        "A success of the next hop about another session counts for nothing",
        ["EST-06", "EST-11"],
        [],
        "Often only the status of the answer is read.",
        other_session,
        {stimulus: "The next hop answers 2001 with another `sid`."}
    ),
    case!(
        "INI-33",
        Session,
        Initiator,
        "Credentials stand in no representation and in no message to the next hop but the first",
        ["EST-17", "EST-44"],
        [],
        "Often the confirmation or a policy repeats the whole session.",
        secret,
        {tags: &["credentials"]}
    ),
];

const LOST: &[Step] = &[
    wire("E12-1", "AE1 asks for a session"),
    wire("E12-2", "CSE1 asks CSE2, whose answer is lost"),
    wire("E12-5", "CSE1 answers AE1"),
    wire("E12-6", "CSE1 compensates after the reopening"),
    wire("E12-9", "CSE2 answers"),
];

const REPEATED: &[Step] = &[
    wire("E12-2", "CSE1 asks CSE2, whose answer is lost"),
    wire("E12a-1", "CSE1 asks again after the reopening"),
    wire("E12a-2", "CSE2 gives its answer again"),
    wire("F1-16", "CSE1 confirms"),
    wire("F1-17", "CSE1 answers AE1"),
];

/// A proposal that expires in two seconds.
fn hasty(peer: &mut Peer, near: &mut Near) -> Value {
    let mut proposal = near.proposal(peer, "s1", json!({}));
    proposal["rqet"] = peer.ahead(1_500).to_string().into();
    proposal
}

/// Awaits the compensating DELETE of what was offered.
async fn compensated(
    peer: &mut Peer,
    near: &Near,
    step: &str,
    offer: &Message,
) -> Result<Message, Stop> {
    let came = near.deleted(peer, step).await?;
    let expected = json!({
        "to": offer.value["to"], "fr": near.hop.sut, "sid": offer.body("smg:ses")["sid"], "rsn": 6
    });
    expect::members("EST-64", "the compensation", &expected, &came.value)?;
    Ok(came)
}

async fn lost(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = hasty(peer, &mut near);
    let offer = near.offered(peer, ("E12-1", "E12-2"), &proposal).await?;
    peer.cut(near.hop.link).await;
    near.result(peer, "E12-5", &proposal, "EST-15", 4008)
        .await?;
    near.look(peer, "s1", "EST-11", 4004).await?;
    near.hop.reopen(peer).await?;
    let came = compensated(peer, &near, "E12-6", &offer).await?;
    near.hop
        .answer(peer, "E12-9", &came, 2002, Value::Null)
        .await?;
    near.look(peer, "s1", "EST-14", 4004).await?;
    near.quiet(peer, "EST-64").await
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, ("", "E12-2"), &proposal).await?;
    peer.cut(near.hop.link).await;
    near.hop.reopen(peer).await?;
    let again = near.asked_for_session(peer, "E12a-1").await?;
    expect::equal(
        "EST-65",
        "the same request again",
        offer.value.clone(),
        &again.value,
    )?;
    let made = near.created(&again, "far1");
    near.hop.answer(peer, "E12a-2", &again, 2001, made).await?;
    near.confirmed(peer, ("F1-16a", "F1-16b"), "far1", 2004)
        .await?;
    expect::equal(
        "LNK-21",
        "its `rqi`",
        offer.value["rqi"].clone(),
        &again.value["rqi"],
    )?;
    near.result(peer, "F1-17", &proposal, "EST-04", 2001)
        .await?;
    near.quiet_but(peer, "EST-13", &offer).await
}

async fn silent(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = hasty(peer, &mut near);
    let offer = near.offered(peer, QUIET, &proposal).await?;
    near.result(peer, "", &proposal, "EST-15", 4008).await?;
    let came = compensated(peer, &near, "", &offer).await?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    near.quiet(peer, "EST-64").await
}

async fn insistent(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = hasty(peer, &mut near);
    let offer = near.offered(peer, QUIET, &proposal).await?;
    near.result(peer, "", &proposal, "EST-15", 4008).await?;
    let first = compensated(peer, &near, "", &offer).await?;
    peer.cut(near.hop.link).await;
    near.hop.reopen(peer).await?;
    let again = compensated(peer, &near, "", &offer).await?;
    let same = first.value["rqi"].clone();
    expect::equal(
        "EST-64",
        "`rqi` of the repetition",
        same,
        &again.value["rqi"],
    )?;
    near.hop.answer(peer, "", &again, 2002, Value::Null).await?;
    peer.probe(near.hop.link).await?;
    peer.cut(near.hop.link).await;
    near.hop.reopen(peer).await?;
    near.quiet_but(peer, "EST-64", &again).await
}

async fn nothing_there(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = hasty(peer, &mut near);
    let offer = near.offered(peer, QUIET, &proposal).await?;
    near.result(peer, "", &proposal, "EST-15", 4008).await?;
    let came = compensated(peer, &near, "", &offer).await?;
    near.hop.answer(peer, "", &came, 4004, Value::Null).await?;
    peer.probe(near.hop.link).await?;
    peer.cut(near.hop.link).await;
    near.hop.reopen(peer).await?;
    near.quiet(peer, "EST-64").await
}

async fn late(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = hasty(peer, &mut near);
    let offer = near.offered(peer, QUIET, &proposal).await?;
    near.result(peer, "", &proposal, "EST-15", 4008).await?;
    let made = near.created(&offer, "far1");
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    near.look(peer, "s1", "EST-16", 4004).await?;
    let came = expect::arrived("EST-64", near.deleted(peer, "").await)?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    let confirmed = peer.has_request(near.hop.link, |request| request.op == 3);
    expect::holds("EST-16", "no confirmation", !confirmed, "F1-16a was there")?;
    near.look(peer, "s1", "EST-11", 4004).await.map(drop)
}

async fn unconfirmed(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let made = near.created(&offer, "far1");
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    let success = near.result(peer, "", &proposal, "EST-60", 2001).await?;
    let session = near.shared("far1", &success)?;
    near.confirmed(peer, QUIET, "far1", 4004).await?;
    let notice = near.ae1.told(peer, "", 50003).await?;
    let end = json!({"ri": session.ri, "sid": session.sid, "slc": 3});
    let told = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::members("EST-66", "the notice", &end, told)?;
    expect::equal("END-29", "its reason", 6, &told["rsn"])?;
    near.ae1.answer(peer, "", &notice, 2000, None).await?;
    near.look(peer, "s1", "EST-66", 4004).await?;
    let (message, _) = near.sealed(peer, &session, json!({}));
    near.ae1
        .ask(peer, QUIET, &message, "EST-66", 4004)
        .await
        .map(drop)
}

async fn shortened(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    for (rn, millis) in [("s1", -600_000), ("s2", 600_000)] {
        let proposal = near.proposal(peer, rn, json!({}));
        let offer = near.offered(peer, QUIET, &proposal).await?;
        let asked = expect::time("EST-47", "the hop request", offer.body("smg:ses"), "et")?;
        let answered = asked.plus_ms(millis);
        let mut made = near.created(&offer, rn);
        made["smg:ses"]["et"] = answered.to_string().into();
        near.hop.answer(peer, "", &offer, 2001, made).await?;
        near.confirmed(peer, QUIET, rn, 2004).await?;
        let success = near.result(peer, "", &proposal, "EST-04", 2001).await?;
        let session = near.shared(rn, &success)?;
        let least = asked.min(answered);
        let good = session.et == least;
        expect::holds("EST-62", &format!("`et` {least}"), good, session.et)?;
        let read = near.look(peer, rn, "EST-27", 2000).await?;
        let held = expect::time("EST-27", "the session", read.body("smg:ses"), "et")?;
        expect::holds("EST-27", &format!("`et` {least}"), held == least, held)?;
    }
    near.quiet(peer, "EST-62").await
}

async fn step(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let one = i64::from(peer.target(Party::Cse1).timers.hop_step_ms);
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let limit = expect::time("EST-48", "the proposal", &proposal, "rqet")?;
    let rqet = expect::time("EST-48", "the hop request", &offer.value, "rqet")?;
    let expected = limit.plus_ms(-one);
    let good = rqet == expected;
    expect::holds("EST-48", &format!("`rqet` {expected}"), good, rqet)?;
    near.hop.answer(peer, "", &offer, 4127, Value::Null).await?;
    near.result(peer, "", &proposal, "EST-55", 4127)
        .await
        .map(drop)
}

async fn initiator_left(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let message = near.ae1.request(4, &near.ae1.own(""), json!({}));
    near.ae1.ask(peer, QUIET, &message, "END-37", 2002).await?;
    let made = near.created(&offer, "far1");
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    let came = expect::arrived("END-12", near.deleted(peer, "").await)?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    let confirmed = peer.has_request(near.hop.link, |request| request.op == 3);
    expect::holds("EST-28", "no confirmation", !confirmed, "F1-16a was there")
}

async fn crossed(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    // AE1 is asked as well as asking.
    let to = near.ae1.own("/sessions/told");
    let enc = json!({"m2m:sub": {"enc": {"net": [50001, 50002, 50003]}}});
    let message = near.ae1.request(3, &to, json!({"pc": enc}));
    near.ae1.ask(peer, QUIET, &message, "EST-52", 2004).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let theirs = counter_offer(peer, &mut near);
    peer.send(near.hop.link, "", &theirs).await?;
    let question = near.ae1.told(peer, "", 50001).await?;
    let path = json!({"smg:sep": {"epp": [near.ae1.everywhere("/inbox")]}});
    near.ae1
        .answer(peer, "", &question, 2000, Some(path))
        .await?;
    let rqi = theirs["rqi"].as_str().unwrap_or_default();
    let accepted = peer.response(near.hop.link, "", rqi).await?;
    expect::status("EST-21", "the crossing proposal", &accepted, &[2001])?;
    let made = near.created(&offer, "far1");
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    near.confirmed(peer, QUIET, "far1", 2004).await?;
    let success = near.result(peer, "", &proposal, "EST-21", 2001).await?;
    let (one, two) = (success.body("smg:ses"), accepted.body("smg:ses"));
    let sids = json!([offer.body("smg:ses")["sid"], theirs["pc"]["smg:ses"]["sid"]]);
    expect::equal(
        "EST-21",
        "their identifiers",
        sids,
        &json!([one["sid"], two["sid"]]),
    )?;
    let initiators = json!([near.ae1.id, near.hop.behind(FAR)]);
    expect::equal(
        "EST-21",
        "their initiators",
        initiators,
        &json!([one["soi"], two["soi"]]),
    )?;
    let different = one["ri"] != two["ri"] && one["sid"] != two["sid"];
    expect::holds("EST-05", "two sessions", different, one)?;
    let fresh = one["kid"] != two["kid"];
    expect::holds("EST-19", "two keys", fresh, &one["kid"])
}

/// A hop request of CSE2 for its own AE towards AE1.
fn counter_offer(peer: &mut Peer, near: &mut Near) -> Value {
    let scr = crate::remote::credentials(peer);
    let (rqet, et) = (peer.ahead(8_000), peer.ahead(3_600_000));
    let sid = format!("{}/{}", near.hop.id, peer.dice().token());
    let session = json!({
        "sid": sid, "soi": near.hop.behind(FAR), "sto": [near.ae1.id], "et": et.to_string(),
        "see": false, "aer": true, "nhr": near.hop.behind("mine"), "vst": [near.hop.id],
        "scr": scr, "smg:sep": [{"epi": near.hop.behind(FAR), "ept": 1, "epp": []}]
    });
    let more = json!({"ty": 50002, "rqet": rqet.to_string(), "pc": {"smg:ses": session}});
    let to = format!("{}/sessions", near.ae1.id);
    near.hop.own(1, &to, more)
}

async fn undisturbed(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let to = near.hop.place("far/box");
    let body = json!({"m2m:cin": {"con": "plain"}});
    let message = near.ae1.request(1, &to, json!({"ty": 4, "pc": body}));
    peer.send(near.ae1.link, "", &message).await?;
    let came = near.data(peer, "").await?;
    expect::equal("EST-31", "its content", body, came.content())?;
    expect::without("EST-31", "the request", &["sid"], &came.value)?;
    near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    near.result(peer, "", &message, "EST-31", 2001).await?;
    near.hop.answer(peer, "", &offer, 4127, Value::Null).await?;
    near.result(peer, "", &proposal, "EST-55", 4127).await?;
    near.quiet(peer, "EST-31").await
}

async fn distinct(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..16 {
        let proposal = near.proposal(peer, &format!("s{number}"), json!({}));
        let offer = near.offered(peer, QUIET, &proposal).await?;
        let asked = offer.body("smg:ses");
        let sid = expect::text("EST-43", "the hop request", asked, "sid")?;
        let random = sid.rsplit('/').next().unwrap_or_default().to_owned();
        // The first half alone must differ too: no counter at the end, no clock in front.
        let half = random.get(..8).unwrap_or_default().to_owned();
        let rest = random.get(14..).unwrap_or_default().to_owned();
        let kid = expect::text("EST-19", "the credentials", &asked["scr"], "kid")?;
        let key = expect::text("EST-19", "the credentials", &asked["scr"], "k")?;
        for text in [random, half, rest, kid, key] {
            let fresh = seen.insert(text.clone());
            expect::holds("EST-05", "never the same twice", fresh, text)?;
        }
        near.hop.answer(peer, "", &offer, 4127, Value::Null).await?;
        near.result(peer, "", &proposal, "EST-55", 4127).await?;
    }
    near.quiet(peer, "EST-05").await
}

async fn other_session(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let mut made = near.created(&offer, "far1");
    let sid = format!("{}/{}", near.hop.sut, peer.dice().token());
    made["smg:ses"]["sid"] = sid.into();
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    let rqi = proposal["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(near.ae1.link, "", rqi).await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or_default();
    expect::holds("EST-06", "an error to AE1", rsc >= 4000, &answer.text)?;
    near.look(peer, "s1", "EST-11", 4004).await.map(drop)
}

async fn secret(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let key = offer.body("smg:ses")["scr"]["k"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let made = near.created(&offer, "far1");
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    let confirm = near.confirmed(peer, QUIET, "far1", 2004).await?;
    let success = near.result(peer, "", &proposal, "EST-04", 2001).await?;
    let session = near.shared("far1", &success)?;
    let (message, _) = near.sealed(peer, &session, json!({}));
    peer.send(near.ae1.link, "", &message).await?;
    let data = near.data(peer, "").await?;
    near.hop.answer(peer, "", &data, 2001, Value::Null).await?;
    let served = near.result(peer, "", &message, "USE-15", 2001).await?;
    let mut seen = vec![confirm, data, served];
    let more = json!({"rcn": 4});
    for to in [
        near.ae1.own("/sessions/s1"),
        near.ae1.own("/sessions"),
        near.ae1.own(""),
    ] {
        let read = near.ae1.request(2, &to, more.clone());
        seen.push(near.ae1.ask(peer, QUIET, &read, "EST-70", 2000).await?);
    }
    let message = near.hop.own(2, &session.at_sut, more);
    seen.push(near.hop.ask(peer, QUIET, &message, "EST-70", 2000).await?);
    let delete = near.delete(peer, &session, 8_000);
    peer.send(near.ae1.link, "", &delete).await?;
    let came = near.deleted(peer, "").await?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    seen.push(near.result(peer, "", &delete, "END-03", 2002).await?);
    seen.push(came);
    let leaked = seen.iter().find(|message| message.text.contains(&key));
    let text = leaked.map_or("", |message| message.text.as_str());
    expect::holds("EST-44", "the key in none of them", leaked.is_none(), text)?;
    let stranger = Neighbour::with_sessions(peer, Party::Cse2, Party::Cse1, [""; 4]).await?;
    let none = |_: &Request| true;
    peer.probe(stranger.link).await?;
    let heard = peer.has_request(stranger.link, none);
    expect::holds("EST-17", "nothing to another CSE", !heard, "it was asked")
}
