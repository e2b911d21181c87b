//! A CSE under test that registers with the suite (configuration I).

use serde_json::json;

use crate::case::{Case, Stop, case};
use crate::expect;
use crate::peer::{Link, Message, Peer};
use crate::story::Party;
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[case!(
    "CSE-01",
    Registration,
    Registree,
    "A CSE that registers tells where it can be reached",
    ["REG-39"],
    ["TS-0004 7.4.4.2.1", "TS-0020 6.2.1"],
    "Often `poa` is left out, or names an address of another protocol.",
    reachable
)];

/// CSE-ID of the registrar that the suite plays.
const CSE: &str = "/suite";
/// Between whom a link is that the registrar opens.
const BETWEEN: (Party, Party) = (Party::Cse1, Party::Cse2);
/// So many questions of the CSE about its registrar are answered before it has to register.
const QUESTIONS: usize = 5;

/// Starts the CSE, takes its link, and awaits its registration.
async fn registration(peer: &mut Peer) -> Result<(Link, Message), Stop> {
    peer.start_registree(CSE).await?;
    let (link, _) = peer.accept_from(BETWEEN.1, CSE).await?;
    let wanted = |request: &Request| request.op == 2 || request.op == 1 && request.ty == Some(16);
    for _ in 0..QUESTIONS {
        let what = "CREATE of its remoteCSE";
        let request = peer.request(link, "register", what, wanted).await?;
        if request.value["op"] == 1 {
            return Ok((link, request));
        }
        let base = json!({"m2m:cb": {
            "rn": "suite", "ri": "cb", "pi": "", "ty": 5, "csi": CSE, "cst": 1, "srv": ["3"],
            "ct": "20270301T090000", "lt": "20270301T090000", "srt": [1, 2, 3, 4, 5, 16, 23],
            "poa": []
        }});
        answer(peer, link, &request, (2000, base)).await?;
    }
    Err(Stop::inconclusive(format!(
        "{QUESTIONS} times it asked for something else than to be registered"
    )))
}

async fn answer(
    peer: &mut Peer,
    link: Link,
    request: &Message,
    (rsc, content): (u64, serde_json::Value),
) -> Result<(), Stop> {
    let rqi = &request.value["rqi"];
    let message = json!({"rsc": rsc, "rqi": rqi, "rvi": "3", "pc": content});
    peer.send(link, "answer", &message).await
}

async fn reachable(peer: &mut Peer) -> Result<(), Stop> {
    let (_, request) = registration(peer).await?;
    let csr = request.body("m2m:csr");
    let poa = expect::list("REG-39", "the registration", csr, "poa")?;
    let some = !poa.is_empty();
    expect::holds("REG-39", "a point of access", some, &request.text)?;
    let at_home = expect::text("REG-39", "the registration", csr, "cb")?;
    for entry in poa {
        let url = entry.as_str().unwrap_or_default();
        let is_ours = url.starts_with("ws://") || url.starts_with("wss://");
        expect::holds("REG-39", "ws:// or wss:// in `poa`", is_ours, entry)?;
        let link = peer.open_at(url, BETWEEN, Some(CSE)).await?;
        let question = json!({"op": 2, "to": at_home, "fr": CSE, "rqi": "there", "rvi": "3"});
        peer.send(link, "question", &question).await?;
        let answered = peer.response(link, "answered", "there").await;
        expect::arrived("REG-39", answered)?;
    }
    Ok(())
}
