//! Links: text that is no primitive, requests before registration.

use serde_json::json;

use crate::case::{Case, Group, Needs, Script, Stop};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::Peer;
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "ERR-19",
        title: "Text that is no primitive is answered 4000, and the link stays",
        requirements: &["LNK-41", "LNK-43", "REG-22"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[],
        hint: "Often the process or the link dies, or nothing is answered.",
        run: |peer| Box::pin(malformed(peer)),
    },
    Case {
        id: "ERR-20",
        title: "Before registration any other request is answered 4106 and has no effect",
        requirements: &["LNK-03", "LNK-04", "REG-14"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[],
        hint: "Often reading is allowed to anybody, or the registrar answers as if registered.",
        run: |peer| Box::pin(unregistered(peer)),
    },
];

async fn malformed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let (mut ae1, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let own = ae3.own("");
    for text in ["{\"op\":2,", "not json", "[1,2,3]", "{}"] {
        peer.send_text(ae3.link, "garbage", text).await?;
        let answer = peer.anonymous_response(ae3.link, "refused").await?;
        expect::status("LNK-41", "text that is no primitive", &answer, &[4000])?;
        ae3.read(peer, QUIET, &own, "LNK-41", 2000).await?;
    }
    let readable = json!({"op": "two", "to": own, "fr": ae3.stem, "rqi": "m1", "rvi": "3"});
    let answer = peer
        .call(ae3.link, ("wrong op", "refused"), &readable)
        .await?;
    expect::status("LNK-41", "a request whose `op` is text", &answer, &[4000])?;
    let no_target = json!({"op": 2, "fr": ae3.stem, "rqi": "m2", "rvi": "3"});
    let answer = peer
        .call(ae3.link, ("no to", "refused"), &no_target)
        .await?;
    expect::status("REG-22", "a request without `to`", &answer, &[4000])?;
    ae3.read(peer, QUIET, &own, "LNK-41", 2000).await?;
    let elsewhere = ae1.own("");
    ae1.read(peer, QUIET, &elsewhere, "LNK-43", 2000).await?;
    expect::quiet(peer, "LNK-14").await
}

async fn unregistered(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae1, _) = Ae::register(peer, Party::Ae1, Some(true), QUIET).await?;
    let base = peer.target(Party::Cse1).name.clone();
    let link = peer.open(Party::Ae3, Party::Cse1, None).await?;
    let from = format!("C{}", peer.dice().name());
    let container = json!({"m2m:cnt": {"rn": "early"}});
    let requests = [
        json!({"op": 2, "to": base, "fr": from, "rqi": "b1", "rvi": "3"}),
        json!({
            "op": 1, "to": base, "fr": from, "rqi": "b2", "rvi": "3", "ty": 3, "pc": container
        }),
        // A name that is registered, on a link that has no identity and asks for another.
        json!({"op": 4, "to": ae1.own(""), "fr": from, "rqi": "b3", "rvi": "3"}),
    ];
    for request in requests {
        let answer = peer.call(link, ("early", "refused"), &request).await?;
        expect::status("LNK-04", "a request before registration", &answer, &[4106])?;
    }
    let own = ae1.own("");
    ae1.read(peer, QUIET, &own, "LNK-03", 2000).await?;
    // A registered AE speaks for itself alone.
    let other = json!({"op": 2, "to": own, "fr": from, "rqi": "b4", "rvi": "3"});
    let answer = peer
        .call(ae1.link, ("other stem", "refused"), &other)
        .await?;
    expect::status("REG-14", "a request in another's name", &answer, &[4106])?;
    expect::quiet(peer, "LNK-14").await
}
