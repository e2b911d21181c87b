//! Names, providers, modified attributes, and who is told of what (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cases::resources::{home, make};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::Peer;
use crate::story::Party;
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "RES-48",
        Resources,
        One,
        "A name that hides a virtual child, or that an address cannot carry, is refused",
        ["REG-66"],
        [
            "TS-0001 9.6.6",
            "TS-0001 7.2",
            "RFC 3986 3.3",
            "RFC 3986 5.2.4"
        ],
        "Often a container `la` stands beside the virtual one.",
        hiding_names
    ),
    case!(
        "RES-49",
        Resources,
        One,
        "UPDATE with `rcn` 9 shows what the CSE has changed and nothing else",
        ["REG-67"],
        ["TS-0004 7.3.3.12"],
        "Often the whole resource is shown.",
        modified
    ),
    case!(
        "RES-50",
        Resources,
        One,
        "An address of another service provider does not reach a resource of this one",
        ["REG-71"],
        ["TS-0004 7.3.2.6", "TS-0004 7.3.2.8", "TS-0001 7.2"],
        "Often what stands before the CSE-ID is cut off and not looked at.",
        abroad
    ),
    case!(
        "ACP-05",
        Resources,
        One,
        "Another AE may notify an AE only if a policy of that AE gives NOTIFY",
        ["REG-70"],
        ["TS-0004 7.4.5.2.5", "TS-0004 7.3.3.15"],
        "Often NOTIFY is handed on without looking at privileges.",
        notifiers
    ),
    case!(
        "SUB-17",
        Subscription,
        One,
        "Instances that go to keep `mni` are not told as deletions, one that is deleted is",
        ["REG-65"],
        ["TS-0004 7.4.7.2.1"],
        "Often both take the same path.",
        evicted
    ),
    case!(
        "SUB-18",
        Subscription,
        One,
        "A subscription to children that the resource cannot have is refused with 4000",
        ["REG-75"],
        ["TS-0004 7.4.8.2.1"],
        "Often `chty` is stored and not looked at.",
        impossible_children
    ),
];

async fn hiding_names(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    for rn in ["la", "ol", ".", "..", "-"] {
        let pc = json!({"m2m:cnt": {"rn": rn}});
        let message = home.ae.request(1, &to, json!({"ty": 3, "pc": pc}));
        let answer = peer
            .call(home.ae.link, ("create", "refusal"), &message)
            .await?;
        let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
        if rsc == 2001 && [".", "..", "-"].contains(&rn) {
            // They consist of unreserved characters, and no clause of oneM2M excludes them.
            peer.tolerate(format!("REG-66: a resource may be called `{rn}`"));
        } else {
            let what = format!("a container called `{rn}`");
            expect::status("REG-66", &what, &answer, &[4000, 4105])?;
        }
    }
    let body = json!({"rn": "a~b"});
    make(peer, &mut home.ae, &to, 3, "m2m:cnt", &body).await?;
    let to = format!("{to}/a~b");
    home.ae
        .read(peer, QUIET, &to, "REG-66", 2000)
        .await
        .map(drop)
}

async fn modified(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"mni": 5})).await?;
    let pc = json!({"m2m:cnt": {"lbl": ["new"]}});
    let message = home.ae.request(3, &home.cnt, json!({"rcn": 9, "pc": pc}));
    let answer = home.ae.ask(peer, QUIET, &message, "REG-67", 2004).await?;
    let shown = answer.body("m2m:cnt");
    let untouched = ["rn", "ri", "pi", "ty", "ct", "mni", "cni"];
    expect::without("REG-67", "what the CSE has changed", &untouched, shown)?;
    let changed = shown.get("lt").is_some() || shown.get("st").is_some();
    expect::holds(
        "REG-67",
        "`lt` or `st`, which the CSE has changed",
        changed,
        &answer.text,
    )?;
    expect::without("REG-67", "what was not taken otherwise", &["lbl"], shown)
}

async fn abroad(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let provider = peer.dice().name();
    let to = format!("//{provider}.example{}", home.ae.everywhere("/box"));
    let pc = json!({"m2m:cnt": {"lbl": ["theirs"]}});
    for (op, more) in [(2, json!({})), (3, json!({"pc": pc})), (4, json!({}))] {
        let message = home.ae.request(op, &to, more);
        let answer = peer
            .call(home.ae.link, ("request", "refusal"), &message)
            .await?;
        let what = format!("op {op} to {to}");
        // 5103 is what a CSE says whose way to other providers ends.
        expect::status("REG-71", &what, &answer, &[4004, 5103])?;
    }
    let to = home.cnt.clone();
    let now = home.ae.read(peer, QUIET, &to, "REG-71", 2000).await?;
    expect::without(
        "REG-71",
        "the container here",
        &["lbl"],
        now.body("m2m:cnt"),
    )
}

async fn notifiers(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let (mut friend, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let (mut stranger, _) = Ae::register(peer, Party::Ae4, None, QUIET).await?;
    refused(peer, &ae, &mut stranger).await?;
    let all = json!({"acor": [ae.stem, ae.id], "acop": 63});
    let notify = json!({"acor": [friend.stem, friend.id], "acop": 16});
    let acp = json!({"m2m:acp": {
        "rn": "acp", "pv": {"acr": [all, notify]}, "pvs": {"acr": [all]}
    }});
    let message = ae.request(1, &ae.own(""), json!({"ty": 1, "pc": acp}));
    ae.ask(peer, QUIET, &message, "REG-24", 2001).await?;
    let pc = json!({"m2m:ae": {"acpi": [ae.own("/acp")]}});
    let message = ae.request(3, &ae.own(""), json!({"pc": pc}));
    ae.ask(peer, QUIET, &message, "REG-23", 2004).await?;
    refused(peer, &ae, &mut stranger).await?;
    let message = notification(&ae, &mut friend);
    peer.send(friend.link, "notify", &message).await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    peer.probe(friend.link).await?;
    if !peer.has_response(friend.link, rqi) {
        let came = peer
            .request(ae.link, "notification", "the notification", is_notify)
            .await;
        let came = expect::arrived("REG-70", came)?;
        ae.answer(peer, "answer", &came, 2000, None).await?;
    }
    let answer = peer.response(friend.link, "answered", rqi).await?;
    expect::status("REG-70", "NOTIFY by a friend", &answer, &[2000])
}

fn is_notify(request: &Request) -> bool {
    request.op == 5
}

fn notification(to: &Ae, from: &mut Ae) -> Value {
    let sgn = json!({"m2m:sgn": {"sur": from.own("/sub"), "nev": {"net": 3}}});
    from.request(5, &to.stem, json!({"pc": sgn}))
}

/// A NOTIFY by somebody without privilege is refused and not handed on.
async fn refused(peer: &mut Peer, ae: &Ae, stranger: &mut Ae) -> Result<(), Stop> {
    let message = notification(ae, stranger);
    stranger
        .ask(peer, ("notify", "refusal"), &message, "REG-70", 4103)
        .await?;
    peer.probe(ae.link).await?;
    let came = peer.has_request(ae.link, is_notify);
    expect::holds("REG-70", "nothing is handed on", !came, "a NOTIFY came")
}

async fn evicted(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"mni": 2})).await?;
    let to = home.cnt.clone();
    let body = json!({"rn": "sub", "nu": [home.ae.stem], "enc": {"net": [4]}});
    make(peer, &mut home.ae, &to, 23, "m2m:sub", &body).await?;
    for rn in ["one", "two", "three"] {
        let body = json!({"rn": rn, "con": rn});
        make(peer, &mut home.ae, &to, 4, "m2m:cin", &body).await?;
    }
    peer.probe(home.ae.link).await?;
    peer.probe(home.ae.link).await?;
    let told = peer.has_request(home.ae.link, is_notify);
    let what = "no notification of the instance that went";
    expect::holds("REG-65", what, !told, "one came")?;
    let message = home.ae.request(4, &format!("{to}/two"), json!({}));
    home.ae.ask(peer, QUIET, &message, "REG-06", 2002).await?;
    let told = home.ae.told(peer, "notification", 4).await;
    let told = expect::arrived("REG-65", told)?;
    home.ae.answer(peer, "answer", &told, 2000, None).await
}

async fn impossible_children(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    let rule = "REG-75";
    for (chty, rsc) in [([2], 4000), ([16], 4000), ([4], 2001)] {
        let enc = json!({"net": [3], "chty": chty});
        let pc = json!({"m2m:sub": {"nu": [home.ae.stem], "enc": enc}});
        let message = home.ae.request(1, &to, json!({"ty": 23, "pc": pc}));
        home.ae
            .ask(peer, ("subscribe", "answer"), &message, rule, rsc)
            .await?;
    }
    Ok(())
}
