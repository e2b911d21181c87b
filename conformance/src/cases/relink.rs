//! AE2's link is gone while something is for it, or is replaced.

use serde_json::json;

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::termination::{check_end, delete_by_ae1, gone};
use crate::cases::{unseen, wire};
use crate::cast::{QUIET, is_event};
use crate::expect;
use crate::peer::Peer;
use crate::stage::{self, Wish};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "ERR-04",
        title: "A target whose link stays down gives 5107, and is not asked when it is back",
        requirements: &["EST-11", "EST-57", "LNK-10", "LNK-23"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: UNREACHABLE,
        hint: "Often the question is held too long, or the code is that of a silent target.",
        run: |peer| Box::pin(unreachable(peer)),
    },
    Case {
        id: "RELINK-1",
        title: "A notification that was not acknowledged is repeated on the next link, once",
        requirements: &["LNK-11", "USE-23", "USE-53", "USE-54"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[],
        hint: "Often a notification counts as delivered when it is sent.",
        run: |peer| Box::pin(unacknowledged(peer)),
    },
    Case {
        id: "RELINK-2",
        title: "An absent or unwilling AE2 does not stop a termination, and is told later",
        requirements: &["END-16", "END-30", "LNK-24"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[],
        hint: "Often the notice is dropped with the session it speaks of.",
        run: |peer| Box::pin(absent(peer)),
    },
    Case {
        id: "RELINK-3",
        title: "A second link of the same AE replaces the first, which is closed with 1000",
        requirements: &["LNK-02", "LNK-06", "LNK-45", "LNK-47"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[],
        hint: "Often both links stay, and which one gets the notifications is chance.",
        run: |peer| Box::pin(replaced(peer)),
    },
];

const UNREACHABLE: &[Step] = &[
    wire("E04-1", "AE1 asks for a session"),
    unseen("E04-2", "CSE1 asks CSE2", "between the CSEs"),
    unseen("E04-3", "CSE2 answers CSE1", "between the CSEs"),
    wire("E04-4", "CSE1 answers AE1"),
];

async fn unreachable(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    peer.close(stage.ae2.link).await?;
    let wish = Wish {
        rqet: peer.ahead(2_000),
        ..Wish::usual(peer)
    };
    let proposal = stage.proposal(&wish);
    let steps = ("E04-1", "E04-4");
    stage
        .ae1
        .ask(peer, steps, &proposal, "EST-57", 5107)
        .await?;
    stage.ae2.reconnect(peer, Party::Ae2).await?;
    let own = stage.ae2.own("/sessions");
    stage.ae2.read(peer, QUIET, &own, "LNK-06", 2000).await?;
    let asked = peer.has_request(stage.ae2.link, |request| is_event(request, 50001));
    expect::holds(
        "LNK-10",
        "no question after its time",
        !asked,
        "F1-12 came late",
    )?;
    stage
        .ae1
        .read(peer, QUIET, &stage.ae1.own("/sessions/s1"), "EST-11", 4004)
        .await?;
    expect::quiet(peer, "LNK-23").await
}

async fn unacknowledged(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    let plain = json!({"temp": 1});
    let (message, _) = stage.sealed_create(peer, &session, "/container1", &plain, json!({}));
    stage
        .ae1
        .ask(peer, ("create", "created"), &message, "USE-23", 2001)
        .await?;
    let first = stage.ae2.told(peer, "update", 50002).await?;
    peer.cut(stage.ae2.link).await;
    stage.ae2.reconnect(peer, Party::Ae2).await?;
    let second = stage.ae2.told(peer, "update again", 50002).await;
    let second = expect::arrived("LNK-11", second)?;
    let same = first.value["rqi"].clone();
    expect::equal(
        "USE-53",
        "`rqi` of the repetition",
        same,
        &second.value["rqi"],
    )?;
    let same = first.content().clone();
    expect::equal(
        "USE-54",
        "content of the repetition",
        same,
        second.content(),
    )?;
    stage
        .ae2
        .answer(peer, "acknowledged", &second, 2000, None)
        .await?;
    peer.probe(stage.ae2.link).await?;
    peer.cut(stage.ae2.link).await;
    stage.ae2.reconnect(peer, Party::Ae2).await?;
    expect::quiet(peer, "USE-54").await
}

async fn absent(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    peer.close(stage.ae2.link).await?;
    let delete = delete_by_ae1(peer, &mut stage, &session);
    stage
        .ae1
        .ask(peer, ("delete", "deleted"), &delete, "END-16", 2002)
        .await?;
    let plain = json!({"late": true});
    let (late, _) = stage.sealed_create(peer, &session, "/container1", &plain, json!({}));
    stage.ae1.ask(peer, QUIET, &late, "LNK-24", 4004).await?;
    stage.ae2.reconnect(peer, Party::Ae2).await?;
    let notice = stage.ae2.told(peer, "told when back", 50003).await;
    let notice = expect::arrived("END-30", notice)?;
    check_end(
        &stage.ae2,
        &stage.consent,
        &session.at_cse2,
        &session,
        1,
        &notice,
    )?;
    stage
        .ae2
        .answer(peer, "answered", &notice, 2000, None)
        .await?;
    gone(peer, &mut stage, &session).await?;

    // A negative answer is no veto.
    let session = stage.establish(peer, &wish).await?;
    let delete = delete_by_ae1(peer, &mut stage, &session);
    let rqi = delete["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(stage.ae1.link, "delete", &delete).await?;
    let notice = stage.ae2.told(peer, "told", 50003).await?;
    stage
        .ae2
        .answer(peer, "refused", &notice, 4005, None)
        .await?;
    let done = peer.response(stage.ae1.link, "deleted", &rqi).await?;
    expect::status("END-16", "DELETE of the session", &done, &[2002])?;
    gone(peer, &mut stage, &session).await?;
    expect::quiet(peer, "END-20").await
}

async fn replaced(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let old = stage.ae2.link;
    stage.ae2.reconnect(peer, Party::Ae2).await?;
    let own = stage.ae2.own("/sessions");
    stage.ae2.read(peer, QUIET, &own, "LNK-06", 2000).await?;
    let itself = stage.ae2.own("");
    stage.ae2.read(peer, QUIET, &itself, "LNK-47", 2000).await?;
    let ended = peer.end(old).await?;
    expect::equal(
        "LNK-45",
        "the end of the replaced link",
        "close 1000",
        &ended.into(),
    )?;
    let wish = Wish::usual(peer);
    stage.establish(peer, &wish).await?;
    expect::quiet(peer, "LNK-02").await
}
