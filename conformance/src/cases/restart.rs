//! What survives a crash of the initiator's CSE.

use serde_json::json;

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::{unseen, wire};
use crate::cast::{QUIET, is_result};
use crate::expect;
use crate::peer::{Control, Peer};
use crate::stage::{self, Wish};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[Case {
    id: "RESTART-1",
    title: "A stored request survives a crash of CSE1 and is delivered exactly once",
    requirements: &[
        "LNK-06", "LNK-22", "USE-08", "USE-09", "USE-10", "USE-12", "USE-47", "USE-65",
    ],
    group: Group::Session,
    clauses: &[],
    needs: Needs::PairWithPower,
    script: Script::PLAIN,
    steps: STEPS,
    hint: "Often the acknowledgement leaves before the request is on disk, or the request is \
           sent again after it was served.",
    run: |peer| Box::pin(crash(peer)),
}];

const STEPS: &[Step] = &[
    wire("F2-01", "AE1 sends a sealed request"),
    wire("F2-06", "CSE1 stores the request and acknowledges"),
    unseen("F2-07", "CSE1 forwards in the window", "between the CSEs"),
    wire("F2-16", "CSE1 reports the result to AE1, on its new link"),
    wire("F2-18", "CSE2 tells AE2"),
    wire("F2-19", "AE2 acknowledges"),
];

/// How far ahead the window opens, ms: longer than a crash and a start take.
const LEAD: i64 = 3_000;

async fn crash(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    let window = peer.window(LEAD, 40);
    stage.delay(peer, &session, &window).await?;
    let rqet = window.closes.plus_ms(5_000).to_string();
    let more = json!({"rcn": 2, "rt": {"rtv": 2}, "rqet": rqet});
    let plain = json!({"temp": 21.5});
    let (message, blob) = stage.sealed_create(peer, &session, "/container1", &plain, more);
    let answer = stage
        .ae1
        .ask(peer, ("F2-01", "F2-06a"), &message, "REG-34", 1002)
        .await?;
    let address = expect::text("REG-34", "the acknowledgement", answer.content(), "m2m:uri")?;
    peer.control(Control::KillCse1).await?;
    if peer.now() >= window.opens {
        return Err(Stop::inconclusive(
            "the window opened before the crash".to_owned(),
        ));
    }
    peer.cut(stage.ae1.link).await;
    let latest = stage.ae2.own("/container1/la");
    stage.ae2.read(peer, QUIET, &latest, "USE-06", 4004).await?;
    peer.control(Control::StartCse1).await?;
    stage.ae1.reconnect(peer, Party::Ae1).await?;

    let what = "the result of the stored request";
    let report = peer
        .request(stage.ae1.link, "F2-16a", what, is_result)
        .await;
    let report = expect::arrived("USE-09", report)?;
    let result = report.body("m2m:rsp");
    let own = json!({"rqi": message["rqi"], "sid": session.sid});
    expect::members("USE-08", what, &own, result)?;
    expect::equal("USE-10", "its status", 2001, &result["rsc"])?;
    stage
        .ae1
        .answer(peer, "F2-16b", &report, 2000, None)
        .await?;
    let update = stage.ae2.told(peer, "F2-18", 50002).await?;
    stage.ae2.answer(peer, "F2-19", &update, 2000, None).await?;

    let to = stage.ae2.own("/container1");
    let answer = stage.ae2.read(peer, QUIET, &to, "USE-12", 2000).await?;
    let once = json!({"cni": 1});
    expect::members(
        "USE-12",
        "the target, changed once",
        &once,
        answer.body("m2m:cnt"),
    )?;
    let answer = stage.ae2.read(peer, QUIET, &latest, "USE-12", 2000).await?;
    expect::equal(
        "USE-57",
        "the sealed value",
        blob,
        &answer.body("m2m:cin")["con"],
    )?;
    let answer = stage
        .ae1
        .read(peer, QUIET, &address, "USE-65", 2000)
        .await?;
    expect::members(
        "REG-35",
        "the request",
        &json!({"rs": 1}),
        answer.body("m2m:req"),
    )?;
    let itself = stage.ae1.own("");
    stage.ae1.read(peer, QUIET, &itself, "LNK-06", 2000).await?;
    let to = stage.ae1.own(&format!("/sessions/{}", session.name));
    let answer = stage.ae1.read(peer, QUIET, &to, "LNK-22", 2000).await?;
    let alive = json!({"slc": 2, "sid": session.sid});
    expect::members(
        "LNK-22",
        "the session after the crash",
        &alive,
        answer.body("smg:ses"),
    )?;
    expect::quiet(peer, "USE-47").await
}
