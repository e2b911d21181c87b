//! Flow 3: an endpoint ends the session.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::{by, unseen, wire};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::stage::{self, Session, Stage, Wish};

/// Cases of this chapter.
pub const CASES: &[Case] = &[Case {
    id: "FLOW-3",
    title: "AE1 ends the session, and nobody holds it any more",
    requirements: &[
        "END-01", "END-03", "END-05", "END-06", "END-14", "END-15", "END-19", "END-20", "END-23",
        "END-28", "END-29", "USE-03",
    ],
    group: Group::Session,
    clauses: &[],
    needs: Needs::Pair,
    script: Script::PLAIN,
    steps: STEPS,
    hint: "Often AE1 gets its 2002 before AE2 was told and CSE2 confirmed, or something of the \
           session stays readable.",
    run: |peer| Box::pin(flow_3(peer)),
}];

const STEPS: &[Step] = &[
    wire("F3-01", "AE1 deletes the session"),
    unseen(
        "F3-02",
        "CSE1 finds the next hops",
        "that F3-03 goes nowhere else needs other hops",
    ),
    by(
        "F3-03",
        "CSE1 asks CSE2",
        "AE2 is told, with the reason that AE1's request gives",
    ),
    wire("F3-04", "CSE2 tells AE2"),
    unseen("F3-05", "AE2 erases its state", "the suite is AE2 here"),
    wire("F3-06", "AE2 answers"),
    by(
        "F3-07",
        "CSE2 deletes the session",
        "session and children are 4004 for AE2, data too",
    ),
    unseen("F3-08", "CSE2 confirms", "between the CSEs"),
    by(
        "F3-09",
        "CSE1 deletes the session",
        "no 2002 while F3-06 is withheld; then 4004 for AE1",
    ),
    wire("F3-10", "CSE1 confirms"),
    unseen("F3-11", "AE1 erases its state", "the suite is AE1 here"),
];

async fn flow_3(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    let other = stage.establish(peer, &Wish { rn: "s2", ..wish }).await?;
    let end = peer.ahead(8_000).to_string();
    let to = stage.ae1.own(&format!("/sessions/{}", session.name));
    let delete = stage.ae1.request(4, &to, json!({"rqet": end}));
    let rqi = delete["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(stage.ae1.link, "F3-01", &delete).await?;
    let notice = stage.ae2.told(peer, "F3-04", 50003).await?;
    check_end(
        &stage.ae2,
        &stage.consent,
        &session.at_cse2,
        &session,
        1,
        &notice,
    )?;
    peer.show("F3-03");

    // AE2 has not answered: both CSEs refuse use, and AE1 has no confirmation.
    refuse_use(peer, &mut stage, &session, "END-06").await?;
    peer.probe(stage.ae1.link).await?;
    let early = peer.has_response(stage.ae1.link, &rqi);
    expect::holds(
        "END-01",
        "no 2002 while AE2 has not answered",
        !early,
        "F3-10 was there",
    )?;
    stage.ae2.answer(peer, "F3-06", &notice, 2000, None).await?;
    let done = peer.response(stage.ae1.link, "F3-10", &rqi).await?;
    expect::status("END-03", "DELETE of the session", &done, &[2002])?;

    gone(peer, &mut stage, &session).await?;
    peer.show("F3-07");
    peer.show("F3-09");
    let consent = stage.ae2.own("/sessions/consent");
    stage
        .ae2
        .read(peer, QUIET, &consent, "END-19", 2000)
        .await?;
    stage
        .ae1
        .read(peer, QUIET, &stage.ae1.own("/sessions/s2"), "END-15", 2000)
        .await?;
    stage
        .ae2
        .read(peer, QUIET, &other.at_cse2, "END-15", 2000)
        .await?;
    expect::quiet(peer, "END-20").await
}

/// A termination notification says which session ended and why.
///
/// # Errors
/// If it does not.
pub fn check_end(
    ae: &Ae,
    subscription: &str,
    at_cse: &str,
    session: &Session,
    reason: u8,
    notice: &Message,
) -> Result<(), Stop> {
    let what = "the notification of the end";
    let envelope = json!({"to": ae.stem, "sid": session.sid});
    expect::members("END-28", what, &envelope, &notice.value)?;
    let shown = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    expect::equal("END-29", "its reason", reason, &shown["rsn"])?;
    let sur = &notice.body("m2m:sgn")["sur"];
    expect::equal("END-28", "its `sur`", subscription, sur)?;
    let end = json!({"ri": at_cse, "sid": session.sid, "slc": 3});
    expect::members("END-28", what, &end, shown)?;
    expect::without("END-28", what, &["scr"], shown)
}

/// Data requests of both ends are refused as for an unknown session.
///
/// # Errors
/// If one is not.
pub async fn refuse_use(
    peer: &mut Peer,
    stage: &mut Stage,
    session: &Session,
    requirement: &str,
) -> Result<(), Stop> {
    let (message, _) = stage.sealed_create(
        peer,
        session,
        "/container1",
        &json!({"late": true}),
        json!({}),
    );
    stage
        .ae1
        .ask(peer, QUIET, &message, requirement, 4004)
        .await?;
    let more = json!({"sid": session.sid});
    let message = stage
        .ae2
        .request(2, &stage.ae2.everywhere("/container1"), more);
    stage
        .ae2
        .ask(peer, QUIET, &message, "USE-03", 4004)
        .await
        .map(drop)
}

/// Nothing of the session can be read or used at either CSE.
///
/// # Errors
/// If something can.
pub async fn gone(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Result<(), Stop> {
    let at_cse1 = stage.ae1.own(&format!("/sessions/{}", session.name));
    for (place, requirement) in [
        (at_cse1.clone(), "END-03"),
        (session.at_cse1.clone(), "END-03"),
        (format!("{at_cse1}/context"), "END-05"),
    ] {
        let read = stage.ae1.read(peer, QUIET, &place, requirement, 4004);
        read.await?;
    }
    for (place, requirement) in [
        (session.at_cse2.clone(), "END-23"),
        (format!("{}/context", session.at_cse2), "END-05"),
    ] {
        let read = stage.ae2.read(peer, QUIET, &place, requirement, 4004);
        read.await?;
    }
    refuse_use(peer, stage, session, "END-14").await
}

/// A DELETE of the session by AE1, with time to spare.
pub fn delete_by_ae1(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Value {
    let end = peer.ahead(8_000).to_string();
    let to = stage.ae1.own(&format!("/sessions/{}", session.name));
    stage.ae1.request(4, &to, json!({"rqet": end}))
}
