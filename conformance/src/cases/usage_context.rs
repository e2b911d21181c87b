//! What the logs of both CSEs say after flow 2.

use serde_json::json;

use crate::case::Stop;
use crate::cases::usage::Stored;
use crate::cast::QUIET;
use crate::expect;
use crate::peer::Peer;
use crate::stage::{Session, Stage};

/// CSE1 has one entry, that of the request it forwarded.
///
/// # Errors
/// If it has not.
pub async fn context_at_cse1(
    peer: &mut Peer,
    stage: &mut Stage,
    session: &Session,
    stored: &Stored,
    address: &str,
) -> Result<(), Stop> {
    let to = stage
        .ae1
        .own(&format!("/sessions/{}/context", session.name));
    let message = stage.ae1.request(2, &to, json!({"rcn": 4}));
    let answer = stage
        .ae1
        .ask(peer, ("F2-15a", "F2-15b"), &message, "USE-16", 2000)
        .await?;
    let context = answer.body("smg:scx");
    expect::members("USE-17", "the context at CSE1", &json!({"cni": 1}), context)?;
    let entries = expect::list("USE-17", "the context at CSE1", context, "smg:sce")?;
    expect::holds("USE-17", "one entry at CSE1", entries.len() == 1, context)?;
    let entry = json!({
        "op": 1, "to": stage.ae2.everywhere("/container1"), "fr": stage.ae1.id,
        "rqi": stored.rqi, "rsc": 2001, "rqb": stored.content, "pys": 1, "pyn": "night"
    });
    expect::members("USE-48", "the entry at CSE1", &entry, &entries[0])?;
    // CSE1 counts what came from CSE2, which nobody saw; it can hardly be shorter than this.
    let least = json!({"m2m:uri": address.trim_start_matches(&stage.ae2.at_cse(""))})
        .to_string()
        .len() as u64;
    let sized = entries[0]["rsb"]
        .as_u64()
        .is_some_and(|bytes| bytes >= least);
    expect::holds(
        "USE-48",
        "the size of the answer",
        sized,
        &entries[0]["rsb"],
    )?;
    peer.show("F2-15");
    let newest = format!("{to}/la");
    let answer = stage.ae1.read(peer, QUIET, &newest, "USE-50", 2000).await?;
    let same = json!({"ri": entries[0]["ri"]});
    expect::members("USE-50", "the newest entry", &same, answer.body("smg:sce"))
}

/// CSE2 has three entries: what it served to AE1, and what AE2 read, each with its size.
///
/// # Errors
/// If it has not.
pub async fn context_at_cse2(
    peer: &mut Peer,
    stage: &mut Stage,
    session: &Session,
    stored: &Stored,
    address: &str,
    answers: [(String, usize); 2],
) -> Result<(), Stop> {
    let to = format!("{}/context", session.at_cse2);
    let message = stage.ae2.request(2, &to, json!({"rcn": 4}));
    let answer = stage
        .ae2
        .ask(peer, ("F2-26a", "F2-26b"), &message, "USE-16", 2000)
        .await?;
    let context = answer.body("smg:scx");
    let entries = expect::list("USE-17", "the context at CSE2", context, "smg:sce")?;
    expect::holds(
        "USE-49",
        "three entries at CSE2",
        entries.len() == 3,
        context,
    )?;
    let target = stage.ae2.everywhere("/container1");
    // What CSE1 made of AE1's request on the way: a pure function, seen in the log.
    let forwarded_as = format!("{}/{}", stage.ae1.stem, stored.rqi);
    let served = json!({
        "op": 1, "to": target, "fr": stage.ae1.id, "rqi": forwarded_as, "rsc": 2001,
        "rqb": stored.content, "pys": 2
    });
    expect::members("USE-48", "the entry of the CREATE", &served, &entries[0])?;
    let asked = [address.to_owned(), format!("{target}/la")];
    for ((entry, to), (rqi, size)) in entries[1..].iter().zip(asked).zip(answers) {
        let read = json!({
            "op": 2, "to": to, "fr": stage.ae2.id, "rqi": rqi, "rsc": 2000, "rqb": 0,
            "rsb": size, "pys": 2
        });
        expect::members("USE-48", "the entry of a RETRIEVE", &read, entry)?;
    }
    let secret = context.to_string().contains(stored.blob.as_str());
    expect::holds("USE-19", "no content in the context", !secret, context)?;
    peer.show("F2-13");
    peer.show("F2-26");
    Ok(())
}
