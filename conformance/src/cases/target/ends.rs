//! Ends of a session at the registrar of the target.

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::QUIET;
use crate::expect;
use crate::hop::Shared;
use crate::neighbour::Neighbour;
use crate::peer::Peer;
use crate::remote::Far;
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "TGT-50",
        Session,
        Target,
        "DELETE by the target goes to the initiator's CSE, and is confirmed after it",
        ["END-02", "END-03", "END-25", "REG-17"],
        [],
        "Often a server never asks over a link that it did not open.",
        by_target
    ),
    case!(
        "TGT-51",
        Session,
        Target,
        "A target that is away does not delay the end, and is told when it is back",
        ["END-16", "END-21", "END-30", "LNK-24"],
        [],
        "Often the notice is dropped with the session.",
        away
    ),
    case!(
        "TGT-52",
        Session,
        Target,
        "A target that refuses the notice does not prevent the end",
        ["END-16"],
        [],
        "Often a refusal is a veto.",
        unwilling
    ),
    case!("TGT-53", Session, Target,
        "A target that ignores the notice delays the end for its wait only",
        ["END-16"], [],
        "Often the hop waits until its request expires.", ignoring,
        {ixit: &["timers.termination_wait_ms"], tags: &["timing"]}),
    case!("TGT-54", Session, Target,
        "A repeated hop DELETE gets its answer again, and a new one 4004",
        ["END-09"], [],
        "Often a repetition is 4004.", repeated, {tags: &["E13"]}),
    case!(
        "TGT-55",
        Session,
        Target,
        "Deregistration of the target sends a hop DELETE with reason 3 and does not wait for it",
        ["END-18", "END-37"],
        [],
        "Often the initiator's CSE is not told.",
        deregistered
    ),
    case!("TGT-56", Session, Target,
        "At its expiration the session ends without a message between the CSEs",
        ["END-17", "END-36"], [],
        "Often a DELETE is sent, or the target is not told.", expired,
        {ixit: &["timers.expiry_margin_ms"], tags: &["timing"]}),
    case!(
        "TGT-57",
        Session,
        Target,
        "A hop DELETE ends a pending session too",
        ["END-12", "EST-14"],
        [],
        "Often only active sessions can be deleted.",
        pending
    ),
    case!(
        "TGT-58",
        Session,
        Target,
        "Exactly the addressed session ends",
        ["END-15"],
        [],
        "Often all sessions of the pair end.",
        one_of_two
    ),
    case!(
        "TGT-59",
        Session,
        Target,
        "A terminated session identifier is never valid again, not even for a new offer",
        ["END-14", "EST-49", "REG-31"],
        [],
        "Often the identifier can be used again.",
        never_again
    ),
    case!("TGT-60", Session, Target,
        "With the hop away DELETE by the target is 5107, and the hop is asked when it is back",
        ["END-33", "END-34"], [],
        "Often the other side keeps the session.", hop_away, {tags: &["E16", "timing"]}),
    case!(
        "TGT-61",
        Session,
        Target,
        "A CSE that is no hop of the session cannot end it",
        ["END-13"],
        [],
        "Often any neighbour can.",
        stranger
    ),
    case!(
        "TGT-62",
        Session,
        Target,
        "DELETEs that cross on the hop both finish",
        ["END-11", "END-27"],
        [],
        "Often each waits for the other.",
        crossed
    ),
];

async fn ready(peer: &mut Peer) -> Result<(Far, Shared), Stop> {
    let mut far = Far::set(peer).await?;
    let session = far.establish(peer).await?;
    Ok((far, session))
}

/// DELETE by AE2.
fn delete(peer: &mut Peer, far: &mut Far, session: &Shared, life: i64) -> Value {
    let rqet = peer.ahead(life).to_string();
    far.ae2.request(4, &session.ri, json!({"rqet": rqet}))
}

async fn answered(
    peer: &mut Peer,
    far: &Far,
    message: &Value,
    requirement: &str,
    rsc: u64,
) -> Result<(), Stop> {
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(far.ae2.link, "", rqi).await?;
    expect::status(requirement, "DELETE by the target", &answer, &[rsc])
}

async fn by_target(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let message = delete(peer, &mut far, &session, 8_000);
    peer.send(far.ae2.link, "", &message).await?;
    let came = far.outgoing(peer, "", 4).await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let expected = json!({
        "to": session.here, "fr": far.hop.sut
    });
    expect::members("END-25", "the hop DELETE", &expected, &came.value)?;
    let extended = format!("{}/{rqi}", far.ae2.stem);
    expect::equal("REG-17", "its `rqi`", extended, &came.value["rqi"])?;
    peer.probe(far.ae2.link).await?;
    let early = peer.has_response(far.ae2.link, rqi);
    expect::holds("END-02", "no 2002 before the hop's", !early, "it was there")?;
    far.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    answered(peer, &far, &message, "END-03", 2002).await?;
    far.look(peer, &session, "END-03", 4004).await?;
    expect::quiet(peer, "END-20").await
}

async fn away(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    peer.close(far.ae2.link).await?;
    far.absent(peer, &session).await?;
    let message = far.hop.own(4, &session.at_sut, json!({}));
    far.hop.ask(peer, QUIET, &message, "END-16", 2002).await?;
    let to = far.ae2.everywhere("/container1");
    let late = far
        .hop
        .on_behalf(2, &to, "Cnear", json!({"sid": session.sid}));
    far.hop.ask(peer, QUIET, &late, "LNK-24", 4004).await?;
    far.ae2.reconnect(peer, Party::Ae2).await?;
    let notice = expect::arrived("END-30", far.ended(peer, "", &session, 1).await)?;
    far.ae2.answer(peer, "", &notice, 2000, None).await?;
    far.look(peer, &session, "END-21", 4004).await?;
    expect::quiet(peer, "END-20").await
}

async fn unwilling(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let message = far.hop.own(4, &session.at_sut, json!({}));
    peer.send(far.hop.link, "", &message).await?;
    let notice = far.ended(peer, "", &session, 1).await?;
    far.ae2.answer(peer, "", &notice, 4005, None).await?;
    far.result(peer, "", &message, "END-16", 2002).await?;
    far.look(peer, &session, "END-16", 4004).await.map(drop)
}

async fn ignoring(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    peer.wait_longer(peer.target(Party::Cse2).timers.termination_wait_ms);
    let message = far.hop.own(4, &session.at_sut, json!({}));
    peer.send(far.hop.link, "", &message).await?;
    far.ended(peer, "", &session, 1).await?;
    far.result(peer, "", &message, "END-16", 2002).await?;
    far.look(peer, &session, "END-16", 4004).await.map(drop)
}

/// The hop ends the session, and AE2 agrees.
async fn end(peer: &mut Peer, far: &mut Far, session: &Shared) -> Result<Value, Stop> {
    let message = far.hop.own(4, &session.at_sut, json!({}));
    peer.send(far.hop.link, "", &message).await?;
    let notice = far.ended(peer, "", session, 1).await?;
    far.ae2.answer(peer, "", &notice, 2000, None).await?;
    far.result(peer, "", &message, "END-01", 2002).await?;
    Ok(message)
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let message = end(peer, &mut far, &session).await?;
    far.hop.ask(peer, QUIET, &message, "END-09", 2002).await?;
    let new = far.hop.own(4, &session.at_sut, json!({}));
    far.hop.ask(peer, QUIET, &new, "END-09", 4004).await?;
    expect::quiet(peer, "END-09").await
}

async fn deregistered(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let message = far.ae2.request(4, &far.ae2.own(""), json!({}));
    far.ae2.ask(peer, QUIET, &message, "END-37", 2002).await?;
    let came = far.outgoing(peer, "", 4).await?;
    let expected = json!({"to": session.here, "fr": far.hop.sut, "rsn": 3});
    expect::members("END-37", "the hop DELETE", &expected, &came.value)?;
    far.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    let read = far.hop.own(2, &session.at_sut, json!({}));
    far.hop
        .ask(peer, QUIET, &read, "END-18", 4004)
        .await
        .map(drop)
}

async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let et = peer.ahead(2_000);
    let offer = far.offer(peer, json!({"et": et.to_string()}));
    let question = far.asked(peer, QUIET, &offer).await?;
    let made = far.agreed(peer, QUIET, &offer, &question).await?;
    let session = far.shared(&offer, &made)?;
    far.confirm(peer, QUIET, &session).await?;
    peer.wait_longer(peer.target(Party::Cse2).timers.expiry_margin_ms);
    let notice = far.ended(peer, "", &session, 2).await?;
    let early = peer.now() < et;
    expect::holds("END-36", "no end before `et`", !early, "told before")?;
    far.ae2.answer(peer, "", &notice, 2000, None).await?;
    far.look(peer, &session, "END-17", 4004).await?;
    expect::quiet(peer, "END-17").await
}

async fn pending(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (session, _) = far.pending(peer).await?;
    end(peer, &mut far, &session).await?;
    far.look(peer, &session, "EST-14", 4004).await?;
    let confirm = far.confirmation(&session);
    far.hop.ask(peer, QUIET, &confirm, "EST-14", 4004).await?;
    expect::quiet(peer, "END-12").await
}

async fn one_of_two(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, first) = ready(peer).await?;
    let second = far.establish(peer).await?;
    end(peer, &mut far, &first).await?;
    far.look(peer, &first, "END-15", 4004).await?;
    far.look(peer, &second, "END-15", 2000).await?;
    let (message, _) = far.sealed(peer, &second, json!({}));
    far.hop.ask(peer, QUIET, &message, "END-15", 2001).await?;
    let update = far.ae2.told(peer, "", 50002).await?;
    far.ae2.answer(peer, "", &update, 2000, None).await?;
    expect::quiet(peer, "END-15").await
}

async fn never_again(peer: &mut Peer) -> Result<(), Stop> {
    let mut far = Far::set(peer).await?;
    let (session, offer) = far.pending(peer).await?;
    far.confirm(peer, QUIET, &session).await?;
    end(peer, &mut far, &session).await?;
    let (message, _) = far.sealed(peer, &session, json!({}));
    far.hop.ask(peer, QUIET, &message, "END-14", 4004).await?;
    let to = far.ae2.own("/container1/la");
    far.ae2.read(peer, QUIET, &to, "END-14", 4004).await?;
    // The answered offer itself is remembered; it neither asks nor makes anything.
    far.hop.ask(peer, QUIET, &offer, "REG-31", 2001).await?;
    let mut anew = offer.clone();
    anew["rqi"] = "Cnear/anew".into();
    far.hop.ask(peer, QUIET, &anew, "EST-49", 4105).await?;
    far.look(peer, &session, "END-14", 4004).await?;
    expect::quiet(peer, "END-14").await
}

async fn hop_away(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    peer.close(far.hop.link).await?;
    let message = delete(peer, &mut far, &session, 1_500);
    far.ae2.ask(peer, QUIET, &message, "END-33", 5107).await?;
    far.look(peer, &session, "END-33", 4004).await?;
    far.hop.reopen(peer).await?;
    let came = far.outgoing(peer, "", 4).await?;
    expect::equal("END-34", "what is deleted", session.here, &came.value["to"])?;
    far.hop.answer(peer, "", &came, 2002, Value::Null).await
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let mut third = Neighbour::with_sessions(peer, Party::Cse1, Party::Cse2, [""; 4]).await?;
    let message = third.own(4, &session.at_sut, json!({}));
    third.ask(peer, QUIET, &message, "END-13", 4103).await?;
    let to = format!("{}/sessions", far.ae2.id);
    let message = third.own(4, &to, json!({"sid": session.sid, "rsn": 6}));
    third.ask(peer, QUIET, &message, "END-13", 4103).await?;
    far.look(peer, &session, "END-13", 2000).await?;
    expect::quiet(peer, "END-13").await
}

async fn crossed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let message = delete(peer, &mut far, &session, 8_000);
    peer.send(far.ae2.link, "", &message).await?;
    let came = far.outgoing(peer, "", 4).await?;
    let theirs = far.hop.own(4, &session.at_sut, json!({}));
    far.hop.ask(peer, QUIET, &theirs, "END-27", 2002).await?;
    far.hop.answer(peer, "", &came, 4004, Value::Null).await?;
    answered(peer, &far, &message, "END-11", 2002).await?;
    far.look(peer, &session, "END-11", 4004).await?;
    expect::quiet(peer, "END-20").await
}
