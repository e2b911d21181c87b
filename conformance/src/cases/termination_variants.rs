//! Other ends of a session: by AE2, by expiry, by deregistration, with a stored request, twice.

use serde_json::json;

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::termination::{check_end, delete_by_ae1, gone};
use crate::cases::{unseen, wire};
use crate::cast::{QUIET, is_result};
use crate::expect;
use crate::peer::Peer;
use crate::stage::{self, Wish};
use crate::window::Window;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "FLOW-3A",
        title: "AE2 ends the session, and AE1 is told",
        requirements: &["END-01", "END-03", "END-20", "END-21", "END-28", "END-29"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: BY_AE2,
        hint: "Often the registrar cannot ask down a link that the other side opened.",
        run: |peer| Box::pin(by_ae2(peer)),
    },
    Case {
        id: "FLOW-3X",
        title: "At its expiration a session ends everywhere, and both ends are told",
        requirements: &["END-17", "END-20", "END-21", "END-28", "END-29", "END-36"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: BY_EXPIRY,
        hint: "Often only one of the CSEs watches the time.",
        run: |peer| Box::pin(by_expiry(peer)),
    },
    Case {
        id: "FLOW-3D",
        title: "Deregistration of AE2 ends its session, and AE1 is told",
        requirements: &["END-18", "END-20", "END-28", "END-29", "END-37", "REG-06"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: BY_DEREGISTRATION,
        hint: "Often the sessions of a deleted AE stay behind at the other CSE.",
        run: |peer| Box::pin(by_deregistration(peer)),
    },
    Case {
        id: "ERR-11",
        title: "Termination settles a stored request with 4005 before it is confirmed",
        requirements: &["END-08", "END-32", "USE-47", "REG-35"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: WITH_STORED,
        hint: "Often the stored request is forgotten, or reported after the confirmation.",
        run: |peer| Box::pin(with_stored(peer)),
    },
    Case {
        id: "ERR-13",
        title: "A repeated DELETE gets its answer again, a new one 4004",
        requirements: &["END-09", "REG-31"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: REPEATED,
        hint: "Often outcomes are not remembered after the resource is gone.",
        run: |peer| Box::pin(repeated(peer)),
    },
];

const HIDDEN: &str = "between the CSEs";
const HOUR: i64 = 3_600_000;

const BY_AE2: &[Step] = &[
    wire("F3A-1", "AE2 deletes the session"),
    unseen("F3A-2", "CSE2 asks CSE1", HIDDEN),
    wire("F3A-3", "CSE1 tells AE1"),
    wire("F3A-4", "AE1 answers"),
    unseen("F3A-5", "CSE1 confirms", HIDDEN),
    wire("F3A-6", "CSE2 confirms"),
];

const BY_EXPIRY: &[Step] = &[
    wire("F3X-1", "CSE2 tells AE2"),
    wire("F3X-2", "AE2 answers"),
    wire("F3X-3", "CSE1 tells AE1"),
    wire("F3X-4", "AE1 answers"),
];

const BY_DEREGISTRATION: &[Step] = &[
    wire("F3D-1", "AE2 deletes its registration"),
    wire("F3D-2", "CSE2 confirms"),
    unseen("F3D-3", "CSE2 asks CSE1", HIDDEN),
    wire("F3D-4", "CSE1 tells AE1"),
    wire("F3D-5", "AE1 answers"),
    unseen("F3D-6", "CSE1 confirms", HIDDEN),
];

const WITH_STORED: &[Step] = &[
    wire("E11-1", "AE1 sends a request"),
    wire("E11-2", "CSE1 stores it"),
    wire("E11-3", "AE1 deletes the session"),
    wire("E11-4", "CSE1 reports 4005 for the request"),
    unseen("E11-5", "CSE1 asks CSE2", HIDDEN),
    wire("E11-6", "AE1 answers"),
    wire("E11-7", "CSE2 tells AE2"),
    wire("E11-8", "AE2 answers"),
    unseen("E11-9", "CSE2 confirms", HIDDEN),
    wire("E11-10", "CSE1 confirms"),
];

const REPEATED: &[Step] = &[
    wire("E13-1", "AE1 deletes the session once more"),
    wire("E13-2", "CSE1 gives the same answer"),
    wire("E13-3", "AE1 deletes it with a new identifier"),
    wire("E13-4", "CSE1 answers 4004"),
];

async fn by_ae2(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    let end = peer.ahead(8_000).to_string();
    let delete = stage.ae2.request(4, &session.at_cse2, json!({"rqet": end}));
    let rqi = delete["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(stage.ae2.link, "F3A-1", &delete).await?;
    let notice = expect::arrived("END-21", stage.ae1.told(peer, "F3A-3", 50003).await)?;
    check_end(
        &stage.ae1,
        &stage.told,
        &session.at_cse1,
        &session,
        1,
        &notice,
    )?;
    peer.probe(stage.ae2.link).await?;
    let early = peer.has_response(stage.ae2.link, &rqi);
    expect::holds(
        "END-01",
        "no 2002 while AE1 has not answered",
        !early,
        "F3A-6 was there",
    )?;
    stage.ae1.answer(peer, "F3A-4", &notice, 2000, None).await?;
    let done = peer.response(stage.ae2.link, "F3A-6", &rqi).await?;
    expect::status("END-03", "DELETE of the session", &done, &[2002])?;
    gone(peer, &mut stage, &session).await?;
    expect::quiet(peer, "END-20").await
}

async fn by_expiry(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let et = peer.ahead(2_500);
    let wish = Wish {
        et,
        ..Wish::usual(peer)
    };
    let session = stage.establish(peer, &wish).await?;
    let same = session.et <= et;
    expect::holds("EST-27", "`et` not later than asked for", same, session.et)?;
    let notice = expect::arrived("END-21", stage.ae2.told(peer, "F3X-1", 50003).await)?;
    check_end(
        &stage.ae2,
        &stage.consent,
        &session.at_cse2,
        &session,
        2,
        &notice,
    )?;
    stage.ae2.answer(peer, "F3X-2", &notice, 2000, None).await?;
    let notice = expect::arrived("END-21", stage.ae1.told(peer, "F3X-3", 50003).await)?;
    check_end(
        &stage.ae1,
        &stage.told,
        &session.at_cse1,
        &session,
        2,
        &notice,
    )?;
    stage.ae1.answer(peer, "F3X-4", &notice, 2000, None).await?;
    let early = peer.now() < session.et;
    expect::holds(
        "END-36",
        "no end before `et`",
        !early,
        "told before the time",
    )?;
    let place = session.at_cse1.clone();
    stage.ae1.read(peer, QUIET, &place, "END-17", 4004).await?;
    gone(peer, &mut stage, &session).await?;
    expect::quiet(peer, "END-20").await
}

async fn by_deregistration(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    let delete = stage.ae2.request(4, &stage.ae2.own(""), json!({}));
    stage
        .ae2
        .ask(peer, ("F3D-1", "F3D-2"), &delete, "END-37", 2002)
        .await?;
    let notice = stage.ae1.told(peer, "F3D-4", 50003).await?;
    check_end(
        &stage.ae1,
        &stage.told,
        &session.at_cse1,
        &session,
        3,
        &notice,
    )?;
    stage.ae1.answer(peer, "F3D-5", &notice, 2000, None).await?;
    let (message, _) = stage.sealed_create(
        peer,
        &session,
        "/container1",
        &json!({"late": true}),
        json!({}),
    );
    stage.ae1.ask(peer, QUIET, &message, "END-06", 4004).await?;
    // AE1's answer may still be on its way through CSE1; the probe comes after it.
    peer.probe(stage.ae1.link).await?;
    stage
        .ae1
        .read(peer, QUIET, &session.at_cse1, "END-18", 4004)
        .await?;
    let to = stage.ae2.id.clone();
    stage.ae1.read(peer, QUIET, &to, "REG-06", 4004).await?;
    expect::quiet(peer, "END-20").await
}

async fn with_stored(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let et = peer.ahead(23 * HOUR);
    let wish = Wish {
        et,
        ..Wish::usual(peer)
    };
    let session = stage.establish(peer, &wish).await?;
    let now = peer.now();
    stage.delay(peer, &session, &Window::far(now)).await?;
    let more = json!({"rt": {"rtv": 2}, "rqet": peer.ahead(20 * HOUR).to_string()});
    let plain = json!({"temp": 3});
    let (message, _) = stage.sealed_create(peer, &session, "/container1", &plain, more);
    let answer = stage
        .ae1
        .ask(peer, ("E11-1", "E11-2"), &message, "REG-34", 1002)
        .await?;
    let address = expect::text("REG-34", "the acknowledgement", answer.content(), "m2m:uri")?;

    let delete = delete_by_ae1(peer, &mut stage, &session);
    let rqi = delete["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(stage.ae1.link, "E11-3", &delete).await?;
    let what = "the result of the stored request";
    let report = peer
        .request(stage.ae1.link, "E11-4", what, is_result)
        .await?;
    let early = peer.has_response(stage.ae1.link, &rqi);
    expect::holds(
        "END-32",
        "the result before the final 2002",
        !early,
        "E11-10 came first",
    )?;
    let result = json!({"rsc": 4005, "rqi": message["rqi"], "sid": session.sid});
    expect::members("END-32", what, &result, report.body("m2m:rsp"))?;
    stage.ae1.answer(peer, "E11-6", &report, 2000, None).await?;
    let notice = stage.ae2.told(peer, "E11-7", 50003).await?;
    check_end(
        &stage.ae2,
        &stage.consent,
        &session.at_cse2,
        &session,
        1,
        &notice,
    )?;
    stage.ae2.answer(peer, "E11-8", &notice, 2000, None).await?;
    let done = peer.response(stage.ae1.link, "E11-10", &rqi).await?;
    expect::status("END-03", "DELETE of the session", &done, &[2002])?;

    let answer = stage
        .ae1
        .read(peer, QUIET, &address, "END-32", 2000)
        .await?;
    let failed = json!({"rs": 2});
    expect::members(
        "REG-35",
        "the request that failed",
        &failed,
        answer.body("m2m:req"),
    )?;
    let to = stage.ae2.own("/container1/la");
    stage.ae2.read(peer, QUIET, &to, "END-08", 4004).await?;
    expect::quiet(peer, "USE-47").await
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    let delete = delete_by_ae1(peer, &mut stage, &session);
    let rqi = delete["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(stage.ae1.link, "", &delete).await?;
    let notice = stage.ae2.told(peer, "", 50003).await?;
    stage.ae2.answer(peer, "", &notice, 2000, None).await?;
    let done = peer.response(stage.ae1.link, "", &rqi).await?;
    expect::status("END-03", "DELETE of the session", &done, &[2002])?;

    stage
        .ae1
        .ask(peer, ("E13-1", "E13-2"), &delete, "REG-31", 2002)
        .await?;
    let again = delete_by_ae1(peer, &mut stage, &session);
    stage
        .ae1
        .ask(peer, ("E13-3", "E13-4"), &again, "END-09", 4004)
        .await?;
    expect::quiet(peer, "END-20").await
}
