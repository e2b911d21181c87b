//! Ends of a session at the registrar of the initiator.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop, case};
use crate::cases::wire;
use crate::cast::{Ae, QUIET, is_result};
use crate::expect;
use crate::hop::{Near, Shared};
use crate::peer::{Message, Peer};
use crate::story::Party;
use crate::window::Window;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "INI-E16",
        title: "With the next hop away a DELETE is 5107, and the hop is asked when it is back",
        requirements: &["END-06", "END-10", "END-22", "END-33", "END-34"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Initiator,
        script: Script {
            preamble: "A session whose next hop has closed its link.",
            stimulus: "AE1 deletes the session; the next hop returns when that request is over.",
            tags: &["E16", "timing"],
            ..Script::PLAIN
        },
        steps: AWAY,
        hint: "Often the other side keeps the session until it expires.",
        run: |peer| Box::pin(away(peer)),
    },
    case!(
        "INI-80",
        Session,
        Initiator,
        "A hop DELETE answered 4004 counts as confirmed",
        ["END-35"],
        [],
        "Often the error is passed on.",
        nothing_there
    ),
    case!(
        "INI-81",
        Session,
        Initiator,
        "A hop DELETE without answer is repeated until it is answered, and AE1 gets 5107",
        ["END-33", "END-34"],
        [],
        "Often the first loss is the last attempt.",
        unanswered,
        {ixit: &["timers.tombstone_retry_ms"], tags: &["E16", "timing"]}
    ),
    case!(
        "INI-82",
        Session,
        Initiator,
        "A repeated DELETE gets its answer again, and a new one 4004",
        ["END-09"],
        [],
        "Often a repetition is 4004.",
        repeated,
        {tags: &["E13"]}
    ),
    case!(
        "INI-83",
        Session,
        Initiator,
        "A hop DELETE ends the session after AE1 was told and has answered",
        ["END-01", "END-20", "END-28", "END-29"],
        [],
        "Often the answer leaves before AE1 knows.",
        by_hop
    ),
    case!(
        "INI-84",
        Session,
        Initiator,
        "The reason of a hop DELETE reaches AE1",
        ["END-28", "END-29"],
        [],
        "Often the reason is always 1.",
        reasons,
        {stimulus: "Hop DELETEs without `rsn` and with 1, 3, 4, 5."}
    ),
    case!(
        "INI-85",
        Session,
        Initiator,
        "An AE1 that refuses or ignores the notice delays the end only for its wait",
        ["END-16"],
        [],
        "Often a refusal is a veto.",
        unwilling,
        {ixit: &["timers.termination_wait_ms"], tags: &["timing"]}
    ),
    case!(
        "INI-86",
        Session,
        Initiator,
        "DELETEs that cross on the hop both finish",
        ["END-11", "END-27"],
        [],
        "Often each waits for the other.",
        crossed
    ),
    case!(
        "INI-87",
        Session,
        Initiator,
        "Deregistration of AE1 sends a hop DELETE with reason 3 and does not wait for it",
        ["END-18", "END-37", "REG-18"],
        [],
        "Often the other side is not told.",
        deregistered
    ),
    case!(
        "INI-88",
        Session,
        Initiator,
        "At its expiration a session ends without a message between the CSEs",
        ["END-17", "END-36"],
        [],
        "Often a DELETE is sent, or AE1 is not told.",
        expired,
        {ixit: &["timers.expiry_margin_ms"], tags: &["timing"]}
    ),
    case!(
        "INI-89",
        Session,
        Initiator,
        "A deregistered hop ends its sessions with reason 5 after a grace",
        ["END-38", "END-18"],
        [],
        "Often they stay until they expire.",
        hop_left,
        {ixit: &["timers.hop_grace_ms"], tags: &["timing"]}
    ),
    case!(
        "INI-90",
        Session,
        Initiator,
        "Termination settles a stored request with 4005 before its 2002, and never delivers it",
        ["END-08", "END-32", "USE-47"],
        [],
        "Often the stored request outlives its session.",
        stored,
        {tags: &["E11"]}
    ),
    case!(
        "INI-91",
        Session,
        Initiator,
        "Another AE cannot end the session",
        ["END-13"],
        [],
        "Often any registered AE can.",
        stranger
    ),
    case!(
        "INI-92",
        Session,
        Initiator,
        "The next hop cannot confirm the session towards the initiator",
        ["EST-61"],
        [],
        "Often any hop may write the lifecycle.",
        wrong_way
    ),
    case!(
        "INI-93",
        Session,
        Initiator,
        "A session that has ended is not revived by anything the next hop sends",
        ["END-14", "USE-03"],
        [],
        "Often late data is still served.",
        late
    ),
    case!(
        "INI-94",
        Session,
        Initiator,
        "Withdrawing the session capability ends the sessions as deregistration does",
        ["REG-05", "END-18"],
        [],
        "Often the collection goes and the sessions stay.",
        incapable
    ),
];

const AWAY: &[Step] = &[
    wire("E16-1", "AE1 deletes the session"),
    wire("E16-2", "CSE1 answers AE1"),
    wire("E16-3", "CSE1 asks CSE2 after the reopening"),
    wire("E16-6", "CSE2 confirms"),
];

async fn ready(peer: &mut Peer) -> Result<(Near, Shared), Stop> {
    let mut near = Near::set(peer).await?;
    let session = near.establish(peer, "s1").await?;
    Ok((near, session))
}

/// Awaits the notice of the end at AE1 and checks it.
async fn told(peer: &mut Peer, near: &Near, session: &Shared, reason: u8) -> Result<Message, Stop> {
    let notice = near.ae1.told(peer, "", 50003).await?;
    let end = json!({"ri": session.ri, "sid": session.sid, "slc": 3});
    let sgn = notice.body("m2m:sgn");
    let shown = &sgn["nev"]["rep"]["smg:ses"];
    expect::equal(
        "END-28",
        "`sur` of the notice",
        near.told.clone(),
        &sgn["sur"],
    )?;
    expect::members("END-28", "the notice", &end, shown)?;
    expect::without("END-28", "the notice", &["scr"], shown)?;
    expect::equal("END-29", "its reason", reason, &shown["rsn"])?;
    Ok(notice)
}

async fn away(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    peer.close(near.hop.link).await?;
    let delete = near.delete(peer, &session, 1_500);
    peer.send(near.ae1.link, "E16-1", &delete).await?;
    let (late, _) = near.sealed(peer, &session, json!({}));
    near.ae1.ask(peer, QUIET, &late, "END-06", 4004).await?;
    near.result(peer, "E16-2", &delete, "END-33", 5107).await?;
    let again = near.delete(peer, &session, 8_000);
    near.ae1.ask(peer, QUIET, &again, "END-09", 4004).await?;
    let (late, _) = near.sealed(peer, &session, json!({}));
    near.ae1.ask(peer, QUIET, &late, "END-22", 4004).await?;
    near.hop.reopen(peer).await?;
    let came = expect::arrived("END-10", near.deleted(peer, "E16-3").await)?;
    expect::equal(
        "END-25",
        "what is deleted",
        session.here.clone(),
        &came.value["to"],
    )?;
    near.hop
        .answer(peer, "E16-6", &came, 2002, Value::Null)
        .await?;
    peer.probe(near.hop.link).await?;
    peer.cut(near.hop.link).await;
    near.hop.reopen(peer).await?;
    near.quiet(peer, "END-34").await
}

async fn nothing_there(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let delete = near.delete(peer, &session, 8_000);
    peer.send(near.ae1.link, "", &delete).await?;
    let came = near.deleted(peer, "").await?;
    near.hop.answer(peer, "", &came, 4004, Value::Null).await?;
    near.result(peer, "", &delete, "END-35", 2002).await?;
    near.quiet(peer, "END-35").await
}

async fn unanswered(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    peer.wait_longer(peer.target(Party::Cse1).timers.tombstone_retry_ms);
    let delete = near.delete(peer, &session, 1_500);
    peer.send(near.ae1.link, "", &delete).await?;
    let first = near.deleted(peer, "").await?;
    near.result(peer, "", &delete, "END-33", 5107).await?;
    let again = near.deleted(peer, "").await?;
    for name in ["to", "fr"] {
        let same = first.value[name].clone();
        expect::equal(
            "END-34",
            &format!("`{name}` again"),
            same,
            &again.value[name],
        )?;
    }
    near.hop.answer(peer, "", &again, 2002, Value::Null).await?;
    near.look(peer, "s1", "END-10", 4004).await.map(drop)
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let delete = near.delete(peer, &session, 8_000);
    peer.send(near.ae1.link, "", &delete).await?;
    let came = near.deleted(peer, "").await?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    near.result(peer, "", &delete, "END-03", 2002).await?;
    near.ae1.ask(peer, QUIET, &delete, "END-09", 2002).await?;
    let new = near.delete(peer, &session, 8_000);
    near.ae1.ask(peer, QUIET, &new, "END-09", 4004).await?;
    near.quiet(peer, "END-09").await
}

async fn by_hop(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let rqet = peer.ahead(8_000).to_string();
    let mut delete = near
        .hop
        .on_behalf(4, &session.at_sut, "Cfar", json!({"rqet": rqet}));
    delete["fr"] = near.hop.id.clone().into();
    peer.send(near.hop.link, "", &delete).await?;
    let notice = told(peer, &near, &session, 1).await?;
    peer.probe(near.hop.link).await?;
    let rqi = delete["rqi"].as_str().unwrap_or_default();
    let early = peer.has_response(near.hop.link, rqi);
    expect::holds("END-01", "no answer before AE1's", !early, "2002 was there")?;
    let (late, _) = near.sealed(peer, &session, json!({}));
    near.ae1.ask(peer, QUIET, &late, "END-06", 4004).await?;
    near.ae1.answer(peer, "", &notice, 2000, None).await?;
    let done = peer.response(near.hop.link, "", rqi).await?;
    expect::status("END-01", "the hop DELETE", &done, &[2002])?;
    near.look(peer, "s1", "END-03", 4004).await?;
    near.quiet(peer, "END-20").await
}

async fn reasons(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    for (more, reason) in [
        (json!({}), 1),
        (json!({"rsn": 1}), 1),
        (json!({"rsn": 3}), 3),
        (json!({"rsn": 4}), 4),
        (json!({"rsn": 5}), 5),
    ] {
        let session = near.establish(peer, "s1").await?;
        let delete = near.hop.own(4, &session.at_sut, more);
        peer.send(near.hop.link, "", &delete).await?;
        let notice = told(peer, &near, &session, reason).await?;
        near.ae1.answer(peer, "", &notice, 2000, None).await?;
        let rqi = delete["rqi"].as_str().unwrap_or_default();
        let done = peer.response(near.hop.link, "", rqi).await?;
        expect::status("END-29", "the hop DELETE", &done, &[2002])?;
    }
    near.quiet(peer, "END-20").await
}

async fn unwilling(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    peer.wait_longer(peer.target(Party::Cse1).timers.termination_wait_ms);
    let delete = near.hop.own(4, &session.at_sut, json!({}));
    peer.send(near.hop.link, "", &delete).await?;
    let notice = told(peer, &near, &session, 1).await?;
    near.ae1.answer(peer, "", &notice, 4005, None).await?;
    let rqi = delete["rqi"].as_str().unwrap_or_default();
    let done = peer.response(near.hop.link, "", rqi).await?;
    expect::status("END-16", "the hop DELETE", &done, &[2002])?;
    let session = near.establish(peer, "s1").await?;
    let delete = near.hop.own(4, &session.at_sut, json!({}));
    peer.send(near.hop.link, "", &delete).await?;
    told(peer, &near, &session, 1).await?;
    let rqi = delete["rqi"].as_str().unwrap_or_default();
    let done = peer.response(near.hop.link, "", rqi).await?;
    expect::status("END-16", "the hop DELETE", &done, &[2002])?;
    near.look(peer, "s1", "END-16", 4004).await.map(drop)
}

async fn crossed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let delete = near.delete(peer, &session, 8_000);
    peer.send(near.ae1.link, "", &delete).await?;
    let came = near.deleted(peer, "").await?;
    let theirs = near.hop.own(4, &session.at_sut, json!({}));
    near.hop.ask(peer, QUIET, &theirs, "END-27", 2002).await?;
    near.unanswered(
        peer,
        &delete,
        "END-27",
        "no answer before the own hop DELETE's",
    )
    .await?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    near.result(peer, "", &delete, "END-11", 2002).await?;
    near.look(peer, "s1", "END-11", 4004).await?;
    // The hop DELETE may have been repeated before its answer was there.
    near.quiet_but(peer, "END-20", &came).await
}

async fn deregistered(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let message = near.ae1.request(4, &near.ae1.own(""), json!({}));
    near.ae1.ask(peer, QUIET, &message, "END-37", 2002).await?;
    let came = near.deleted(peer, "").await?;
    let expected = json!({"to": session.here, "fr": near.hop.sut, "rsn": 3});
    expect::members("END-37", "the hop DELETE", &expected, &came.value)?;
    let rqi = came.value["rqi"].as_str().unwrap_or_default();
    expect::holds("REG-18", "an `rqi` of its own", !rqi.contains('/'), rqi)?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    let read = near.hop.own(2, &session.at_sut, json!({}));
    near.hop
        .ask(peer, QUIET, &read, "END-18", 4004)
        .await
        .map(drop)
}

async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let et = peer.ahead(2_000);
    let proposal = near.proposal(peer, "s1", json!({"et": et.to_string()}));
    let session = near.establish_as(peer, &proposal).await?;
    peer.wait_longer(peer.target(Party::Cse1).timers.expiry_margin_ms);
    let notice = told(peer, &near, &session, 2).await?;
    near.ae1.answer(peer, "", &notice, 2000, None).await?;
    near.look(peer, "s1", "END-17", 4004).await?;
    near.hop
        .silent(peer, "END-17", "nothing to the next hop")
        .await?;
    near.quiet(peer, "END-36").await
}

async fn hop_left(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    peer.wait_longer(peer.target(Party::Cse1).timers.hop_grace_ms);
    let name = near.hop.id.trim_start_matches('/').to_owned();
    let to = format!("{}/{name}", near.hop.sut_base(peer));
    let message = near.hop.own(4, &to, json!({}));
    near.hop.ask(peer, QUIET, &message, "END-38", 2002).await?;
    let held = near.look(peer, "s1", "END-38", 2000).await?;
    expect::equal("END-38", "`sst`", 1, &held.body("smg:ses")["sst"])?;
    let notice = expect::arrived("END-18", told(peer, &near, &session, 5).await)?;
    near.ae1.answer(peer, "", &notice, 2000, None).await?;
    let (late, _) = near.sealed(peer, &session, json!({}));
    near.ae1
        .ask(peer, QUIET, &late, "END-38", 4004)
        .await
        .map(drop)
}

async fn stored(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let now = peer.now();
    let window = Window::far(now);
    let policy = json!([{"rn": "night", "pyt": 2, "pys": 1, "pyo": 10, "se": window.schedule()}]);
    let et = window.closes.plus_ms(3_600_000).to_string();
    let proposal = near.proposal(peer, "s1", json!({"smg:spy": policy, "et": et}));
    let session = near.establish_as(peer, &proposal).await?;
    let rqet = window.closes.to_string();
    let (message, _) = near.sealed(peer, &session, json!({"rt": {"rtv": 2}, "rqet": rqet}));
    near.ae1.ask(peer, QUIET, &message, "REG-34", 1002).await?;
    let delete = near.delete(peer, &session, 8_000);
    peer.send(near.ae1.link, "", &delete).await?;
    let what = "the result of the stored request";
    let report = peer.request(near.ae1.link, "", what, is_result).await;
    let report = expect::arrived("USE-47", report)?;
    let expected = json!({"rsc": 4005, "rqi": message["rqi"]});
    expect::members("END-32", what, &expected, report.body("m2m:rsp"))?;
    near.ae1.answer(peer, "", &report, 2000, None).await?;
    let came = near.deleted(peer, "").await?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    near.result(peer, "", &delete, "END-03", 2002).await?;
    near.quiet(peer, "END-08").await
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let message = ae3.request(4, &session.ri, json!({}));
    ae3.ask(peer, QUIET, &message, "END-13", 4103).await?;
    near.look(peer, "s1", "END-13", 2000).await?;
    near.quiet(peer, "END-13").await
}

async fn wrong_way(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let more = json!({"pc": {"smg:ses": {"slc": 2}}});
    let message = near.hop.own(3, &session.at_sut, more);
    near.hop.ask(peer, QUIET, &message, "EST-61", 4103).await?;
    let message = near
        .ae1
        .request(3, &session.ri, json!({"pc": {"smg:ses": {"slc": 2}}}));
    near.ae1.ask(peer, QUIET, &message, "EST-61", 4103).await?;
    near.quiet(peer, "EST-61").await
}

async fn late(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let delete = near.delete(peer, &session, 8_000);
    peer.send(near.ae1.link, "", &delete).await?;
    let came = near.deleted(peer, "").await?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    near.result(peer, "", &delete, "END-03", 2002).await?;
    let to = near.ae1.everywhere("/inbox");
    let data = near
        .hop
        .on_behalf(2, &to, "Cfar", json!({"sid": session.sid}));
    near.hop.ask(peer, QUIET, &data, "USE-03", 4004).await?;
    let spy = json!({"ty": 50005, "pc": {"smg:spy": {"rn": "p", "pyt": 1, "pys": 1}}});
    let policy = near.hop.own(1, &session.at_sut, spy);
    near.hop.ask(peer, QUIET, &policy, "END-14", 4004).await?;
    let delete = near.hop.own(4, &session.at_sut, json!({}));
    near.hop.ask(peer, QUIET, &delete, "END-09", 4004).await?;
    near.quiet(peer, "END-14").await
}

async fn incapable(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let more = json!({"pc": {"m2m:ae": {"scap": false}}});
    let message = near.ae1.request(3, &near.ae1.own(""), more);
    near.ae1.ask(peer, QUIET, &message, "REG-05", 2004).await?;
    let came = expect::arrived("END-18", near.deleted(peer, "").await)?;
    let expected = json!({"to": session.here, "rsn": 3});
    expect::members("REG-05", "the hop DELETE", &expected, &came.value)?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    let to = near.ae1.own("/sessions");
    near.ae1
        .read(peer, QUIET, &to, "REG-05", 4004)
        .await
        .map(drop)
}
