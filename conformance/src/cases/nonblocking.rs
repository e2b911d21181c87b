//! Non-blocking requests, by one AE at one CSE (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET, is_result};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "NBL-01",
        Nonblocking,
        One,
        "`rt` 1 is acknowledged 1001 with the address of a request",
        ["REG-34"],
        ["TS-0004 7.3.2.2", "TS-0001 8.2.2"],
        "Often the result is answered at once.",
        synchronous
    ),
    case!(
        "NBL-02",
        Nonblocking,
        One,
        "The request shows its result, and to nobody else",
        ["REG-35"],
        ["TS-0004 7.4.12"],
        "Often anybody can read it.",
        private
    ),
    case!(
        "NBL-03",
        Nonblocking,
        One,
        "`rt` 2 is acknowledged 1002, then the result is notified once",
        ["REG-34", "REG-36"],
        ["TS-0004 7.5.1.2.5"],
        "Often the result comes as a second response.",
        asynchronous
    ),
    case!(
        "NBL-04",
        Nonblocking,
        One,
        "A failed non-blocking request reports its failure",
        ["REG-35"],
        ["TS-0004 7.4.12"],
        "Often it stays pending.",
        failed
    ),
    case!(
        "NBL-05",
        Nonblocking,
        One,
        "An unknown `rt` is refused with 4000",
        ["REG-22"],
        ["TS-0004 6.3.4.2.6"],
        "Often it is taken as blocking.",
        unknown
    ),
    case!(
        "NBL-06",
        Nonblocking,
        One,
        "Its originator does not rewrite a request",
        ["REG-35"],
        ["TS-0004 7.4.12.1", "TS-0004 7.3.3.4"],
        "Often status and result can be set.",
        rewritten
    ),
    case!(
        "NBL-07",
        Nonblocking,
        One,
        "A request is neither read nor removed by a request that is not waited for",
        ["REG-83"],
        ["TS-0004 7.4.12.2"],
        "Often there is a request about a request.",
        about_itself
    ),
];

async fn registered(peer: &mut Peer) -> Result<Ae, Stop> {
    Ok(Ae::register(peer, Party::Ae1, None, QUIET).await?.0)
}

async fn asked(peer: &mut Peer, ae: &mut Ae, rt: Value, to: &str) -> Result<Message, Stop> {
    let more = json!({"rt": rt, "ty": 3, "pc": {"m2m:cnt": {"rn": "nbl"}}});
    let message = ae.request(1, to, more);
    peer.call(ae.link, ("request", "acknowledgement"), &message)
        .await
}

fn address(answer: &Message) -> Result<String, Stop> {
    expect::text("REG-34", "the acknowledgement", answer.content(), "m2m:uri")
}

/// Reads the request until it has ended; the number of reads is bounded, not the time.
async fn ended(peer: &mut Peer, ae: &mut Ae, at: &str) -> Result<Value, Stop> {
    for _ in 0..200 {
        let answer = ae.read(peer, QUIET, at, "REG-35", 2000).await?;
        let request = answer.body("m2m:req");
        if !matches!(request["rs"].as_u64(), Some(2 | 3)) || request["ors"].is_object() {
            return Ok(request.clone());
        }
    }
    Err(Stop::inconclusive(
        "the request did not end while it was read 200 times".to_owned(),
    ))
}

async fn synchronous(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    let answer = asked(peer, &mut ae, json!({"rtv": 1}), &to).await?;
    expect::status("REG-34", "CREATE with rt 1", &answer, &[1001])?;
    let at = address(&answer)?;
    let request = ended(peer, &mut ae, &at).await?;
    expect::equal(
        "REG-35",
        "status of the result",
        2001,
        &request["ors"]["rsc"],
    )?;
    let to = ae.own("/nbl");
    ae.read(peer, QUIET, &to, "REG-34", 2000).await.map(drop)
}

async fn private(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    let answer = asked(peer, &mut ae, json!({"rtv": 1}), &to).await?;
    let at = address(&answer)?;
    ended(peer, &mut ae, &at).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    other
        .read(peer, ("read", "refusal"), &at, "REG-35", 4103)
        .await
        .map(drop)
}

async fn asynchronous(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    let rt = json!({"rtv": 2, "nu": [ae.stem]});
    let answer = asked(peer, &mut ae, rt, &to).await?;
    expect::status("REG-34", "CREATE with rt 2", &answer, &[1002, 1001])?;
    let told = peer
        .request(ae.link, "result", "the result", is_result)
        .await?;
    ae.answer(peer, "thanks", &told, 2000, None).await?;
    expect::equal(
        "REG-36",
        "status of the result",
        2001,
        &told.body("m2m:rsp")["rsc"],
    )?;
    peer.probe(ae.link).await?;
    let second = peer.has_request(ae.link, is_result);
    expect::holds("REG-36", "one result", !second, "a second one")
}

async fn failed(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("/nothing");
    let answer = asked(peer, &mut ae, json!({"rtv": 1}), &to).await?;
    if answer.value["rsc"] == 4004 {
        peer.tolerate("REG-34: the failure was known at once and answered 4004".to_owned());
        expect::looked_at("REG-35");
        return Ok(());
    }
    expect::status("REG-34", "rt 1 to nothing", &answer, &[1001, 4004])?;
    let at = address(&answer)?;
    let request = ended(peer, &mut ae, &at).await?;
    expect::equal(
        "REG-35",
        "status of the result",
        4004,
        &request["ors"]["rsc"],
    )
}

async fn unknown(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    let answer = asked(peer, &mut ae, json!({"rtv": 9}), &to).await?;
    expect::status("REG-22", "rt 9", &answer, &[4000])
}

async fn rewritten(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    let answer = asked(peer, &mut ae, json!({"rtv": 1}), &to).await?;
    let at = address(&answer)?;
    let before = ended(peer, &mut ae, &at).await?;
    for req in [json!({"rs": 2}), json!({"lbl": ["mine"]})] {
        let message = ae.request(3, &at, json!({"pc": {"m2m:req": req}}));
        let answer = peer.call(ae.link, ("update", "refusal"), &message).await?;
        expect::status("REG-35", "UPDATE", &answer, &[4000, 4005, 4103])?;
    }
    let after = ended(peer, &mut ae, &at).await?;
    expect::equal("REG-35", "`rs`", before["rs"].clone(), &after["rs"])
}

async fn about_itself(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    let answer = asked(peer, &mut ae, json!({"rtv": 1}), &to).await?;
    let at = address(&answer)?;
    ended(peer, &mut ae, &at).await?;
    for (op, rtv) in [(2, 1), (2, 2), (4, 1), (4, 2)] {
        let message = ae.request(op, &at, json!({"rt": {"rtv": rtv}}));
        ae.ask(peer, ("request", "refusal"), &message, "REG-83", 4000)
            .await?;
    }
    let message = ae.request(4, &at, json!({"rt": {"rtv": 3}}));
    ae.ask(peer, ("remove", "removed"), &message, "REG-83", 2002)
        .await
        .map(drop)
}
