//! The CSE under test opens a link to a CSE of the suite that is registered with it and keeps none.

use serde_json::json;

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::neighbour::Neighbour;
use crate::peer::{Link, Message, Peer, Place};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "FWD-14",
        Forwarding,
        Neighbour,
        "A registree without link is dialled at its first point of access",
        ["LNK-60", "REG-17"],
        ["TS-0020 5.2", "TS-0020 6.2.1"],
        "Often the last entry is taken, or what waited is lost.",
        dialled
    ),
    case!(
        "FWD-15",
        Forwarding,
        Neighbour,
        "Of two links the one that the registree opened stays",
        ["LNK-61", "LNK-45", "REG-17"],
        ["TS-0020 5.2"],
        "Often both stay, or what was under way is lost with the other.",
        both_opened
    ),
];

/// What the AE asks goes by this `rqi`.
const ASKED: &str = "asked";

/// A registree that is reached over a link that the CSE under test has opened.
struct Reached {
    ae: Ae,
    me: Neighbour,
    /// The link.
    link: Link,
    /// What waited for it.
    came: Message,
}

/// An AE asks for what is behind a registree without link, which is then dialled.
async fn reached(peer: &mut Peer) -> Result<Reached, Stop> {
    let (ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let (first, second) = (peer.listen("first").await?, peer.listen("second").await?);
    let poa = vec![first.url.clone(), second.url.clone()];
    let mut me = Neighbour::join_reachable(peer, Party::Cse2, poa).await?;
    peer.close(me.link).await?;
    // A request that meets the end of the link is another matter.
    peer.probe(ae.link).await?;
    peer.probe(ae.link).await?;
    let message = ae.request_as(2, &far(&me), ASKED, json!({}));
    peer.send(ae.link, "request", &message).await?;
    let link = taken(peer, &me, &first, &second).await?;
    me.link = link;
    let to = far(&me);
    let what = "the request for what is behind the neighbour";
    let came = me.asked(peer, "forwarded", what, |request| request.to == to);
    let came = expect::arrived("LNK-60", came.await)?;
    Ok(Reached { ae, me, link, came })
}

/// The link that the CSE under test opens, which has to lead to the first place.
async fn taken(
    peer: &mut Peer,
    me: &Neighbour,
    first: &Place,
    second: &Place,
) -> Result<Link, Stop> {
    let between = (Party::Cse2, Party::Cse1);
    if let Some((link, offer)) = peer.dialled(first, between, &me.id).await {
        expect::equal("LNK-60", "the path", "/", &offer["path"])?;
        return Ok(link);
    }
    if peer.dialled(second, between, &me.id).await.is_some() {
        let expected = "a link to the first point of access";
        return Err(Stop::fail("LNK-60", expected, "a link to the second"));
    }
    let why = "no link was opened, and whether one is, its operator decides (D-85)";
    Err(Stop::inconclusive(why.to_owned()))
}

fn far(me: &Neighbour) -> String {
    me.behind("Cfar/box")
}

/// Answers what came, and expects the answer at the AE.
async fn answered(peer: &mut Peer, ae: &Ae, me: &Neighbour, came: &Message) -> Result<(), Stop> {
    let content = json!({"m2m:cnt": {"rn": "box"}});
    me.answer(peer, "answer", came, 2000, content.clone())
        .await?;
    let answer = peer.response(ae.link, "answer", ASKED).await;
    let answer = expect::arrived("REG-17", answer)?;
    expect::status("REG-17", "the answer", &answer, &[2000])?;
    expect::equal("REG-17", "its content", content, answer.content())
}

async fn dialled(peer: &mut Peer) -> Result<(), Stop> {
    let Reached { ae, me, came, .. } = reached(peer).await?;
    answered(peer, &ae, &me, &came).await
}

async fn both_opened(peer: &mut Peer) -> Result<(), Stop> {
    let reached = reached(peer).await?;
    let Reached { ae, mut me, .. } = reached;
    me.reopen(peer).await?;
    let how = expect::arrived("LNK-61", peer.end(reached.link).await)?;
    expect::equal(
        "LNK-45",
        "how the link that the CSE opened ends",
        "close 1000",
        &how.into(),
    )?;
    answered(peer, &ae, &me, &reached.came).await?;
    let own = me.sut_base(peer);
    let read = me.own(2, &own, json!({}));
    me.ask(peer, QUIET, &read, "LNK-61", 2000).await.map(drop)
}
