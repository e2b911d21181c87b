//! Flow 2 once more: an UPDATE of a flexContainer, served at once.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::usage::check_update;
use crate::cases::{unseen, wire};
use crate::cast::Sealing;
use crate::expect;
use crate::peer::Peer;
use crate::stage::{self, Session, Wish};

/// Cases of this chapter.
pub const CASES: &[Case] = &[Case {
    id: "FLOW-2b",
    title: "A sealed UPDATE of a flexContainer is served at once, told and read",
    requirements: &[
        "USE-15", "USE-20", "USE-22", "USE-37", "USE-43", "USE-51", "USE-57", "POL-15", "REG-28",
    ],
    group: Group::Session,
    clauses: &[],
    needs: Needs::Pair,
    script: Script::PLAIN,
    steps: STEPS_AT_ONCE,
    hint: "Often a custom attribute is not taken as a sealed value, or the response has \
               content in spite of `rcn` 0.",
    run: |peer| Box::pin(flow_2b(peer)),
}];

const HIDDEN: &str = "between the CSEs";

const STEPS_AT_ONCE: &[Step] = &[
    wire("F2b-01", "AE1 sends a sealed UPDATE, blocking"),
    unseen("F2b-07", "CSE1 forwards at once", HIDDEN),
    unseen("F2b-14", "CSE2 answers", HIDDEN),
    wire("F2b-16", "CSE1 answers AE1"),
    wire("F2b-18", "CSE2 tells AE2"),
    wire("F2b-19", "AE2 acknowledges"),
    wire("F2b-20", "AE2 retrieves"),
    wire("F2b-27", "CSE2 answers AE2"),
];

async fn flow_2b(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish {
        offers: &["/container1", "/fcnt1"],
        ..Wish::usual(peer)
    };
    let session = stage.establish(peer, &wish).await?;
    let to = stage.ae2.everywhere("/fcnt1");
    let rqi = stage.ae1.rqi("u");
    let plain = json!({"on": true});
    let about = Sealing {
        dir: 1,
        op: 3,
        to: &to,
        att: "dat",
        rqi: &rqi,
        plain: &plain,
    };
    let blob = stage.ae1.seal(peer, &session.key1, &about);
    let more = json!({
        "rcn": 0, "rqet": peer.ahead(8_000).to_string(), "sid": session.sid,
        "pc": {"smg:sld": {"dat": blob}}
    });
    let message = stage.ae1.request_as(3, &to, &rqi, more);
    let steps = ("F2b-01", "F2b-16");
    let answer = stage.ae1.ask(peer, steps, &message, "USE-43", 2004).await;
    let answer = expect::arrived("POL-15", answer)?;
    expect::equal(
        "USE-37",
        "`sid` of the answer",
        session.sid.clone(),
        &answer.value["sid"],
    )?;
    peer.probe(stage.ae1.link).await?;
    let twice = peer.has_response(stage.ae1.link, &rqi);
    expect::holds("USE-15", "one answer", !twice, "a second F2b-16")?;
    expect::without("REG-28", "an answer with `rcn` 0", &["pc"], &answer.value)?;

    let update = stage.ae2.told(peer, "F2b-18", 50002).await?;
    check_update(&stage, &session, &update, 3, &to)?;
    stage
        .ae2
        .answer(peer, "F2b-19", &update, 2000, None)
        .await?;
    let message = stage.ae2.request(2, &to, json!({"sid": session.sid}));
    let answer = stage
        .ae2
        .ask(peer, ("F2b-20", "F2b-27"), &message, "USE-22", 2000)
        .await?;
    let held = answer.body("smg:sld");
    expect::equal("USE-20", "what was told of", blob.clone(), &held["dat"])?;
    let header = ae2_opens(&session, &blob, &plain)?;
    let bound = json!({"to": to, "att": "dat", "op": 3, "seq": 1, "dir": 1});
    expect::members("USE-58", "the protected header", &bound, &header)?;
    expect::quiet(peer, "USE-52").await
}

fn ae2_opens(session: &Session, blob: &str, plain: &Value) -> Result<Value, Stop> {
    let (header, value) = session.key2.open(blob).map_err(|why| {
        Stop::fail(
            "EST-06",
            "a value that opens with AE2's key",
            why.to_string(),
        )
    })?;
    expect::equal("USE-57", "the plaintext", plain.clone(), &value)?;
    Ok(header)
}
