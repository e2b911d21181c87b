//! What the rules of an access control policy may say besides who and what (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "ACP-01",
        Resources,
        One,
        "A rule with a time window holds while it is open",
        ["REG-53"],
        ["TS-0001 9.6.2.2", "TS-0004 7.3.3.15"],
        "Often `acco` is stored and not looked at, which grants more than was meant.",
        windows
    ),
    case!(
        "ACP-02",
        Resources,
        One,
        "A rule about types grants nothing else",
        ["REG-53"],
        ["TS-0001 9.6.2.4", "TS-0004 7.3.3.15"],
        "Often `acod` is stored and not looked at.",
        objects
    ),
    case!(
        "ACP-03",
        Resources,
        One,
        "A group in a rule stands for its members",
        ["REG-53"],
        ["TS-0001 9.6.2.1", "TS-0004 7.3.3.15"],
        "Often only identifiers of entities are compared.",
        groups
    ),
    case!(
        "ACP-04",
        Resources,
        One,
        "A subscription without policies follows those of its parent, and its creator keeps it",
        ["REG-54"],
        ["TS-0001 9.6.1.3.2"],
        "Often only its creator may delete it.",
        inherited
    ),
];

async fn make(
    peer: &mut Peer,
    ae: &mut Ae,
    below: &str,
    ty: u32,
    content: Value,
) -> Result<Message, Stop> {
    let message = ae.request(1, &ae.own(below), json!({"ty": ty, "pc": content}));
    ae.ask(peer, ("create", "created"), &message, "REG-24", 2001)
        .await
}

/// A policy of this rule, besides which the AE itself may do everything, and a container under it.
async fn ruled(peer: &mut Peer, ae: &mut Ae, names: [&str; 2], rule: Value) -> Result<(), Stop> {
    let all = json!({"acor": [ae.stem, ae.id], "acop": 63});
    let acp = json!({"rn": names[0], "pv": {"acr": [all, rule]}, "pvs": {"acr": [all]}});
    make(peer, ae, "", 1, json!({"m2m:acp": acp})).await?;
    let acpi = [ae.own(&format!("/{}", names[0]))];
    let cnt = json!({"m2m:cnt": {"rn": names[1], "acpi": acpi}});
    make(peer, ae, "", 3, cnt).await.map(drop)
}

async fn two(peer: &mut Peer) -> Result<(Ae, Ae), Stop> {
    let (ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let (friend, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    Ok((ae, friend))
}

async fn windows(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut friend) = two(peer).await?;
    let who = [friend.stem.clone(), friend.id.clone()];
    let always = ("always", "* * * * * * *", 2000);
    let once = ("once", "* * * * * * 2000", 4103);
    for (name, window, rsc) in [always, once] {
        let rule = json!({"acor": who, "acop": 2, "acco": [{"actw": [window]}]});
        let acp = format!("acp-{name}");
        ruled(peer, &mut ae, [&acp, name], rule).await?;
        let to = ae.own(&format!("/{name}"));
        friend
            .read(peer, ("read", "answer"), &to, "REG-53", rsc)
            .await?;
    }
    Ok(())
}

async fn objects(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut friend) = two(peer).await?;
    let who = [&friend.stem, &friend.id];
    let rule = json!({"acor": who, "acop": 63, "acod": [{"ty": 3, "chty": [4]}]});
    ruled(peer, &mut ae, ["acp", "box"], rule).await?;
    let to = ae.own("/box");
    friend
        .read(peer, ("read", "answer"), &to, "REG-53", 2000)
        .await?;
    let instance = json!({"ty": 4, "pc": {"m2m:cin": {"con": "x"}}});
    let message = friend.request(1, &to, instance);
    friend
        .ask(peer, ("instance", "created"), &message, "REG-53", 2001)
        .await?;
    let below = json!({"ty": 3, "pc": {"m2m:cnt": {"rn": "in"}}});
    let message = friend.request(1, &to, below);
    friend
        .ask(peer, ("container", "refusal"), &message, "REG-53", 4103)
        .await?;
    let to = ae.own("/box/la");
    friend
        .read(peer, ("instance", "refusal"), &to, "REG-53", 4103)
        .await
        .map(drop)
}

async fn groups(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut friend) = two(peer).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae4, None, QUIET).await?;
    let grp = json!({"rn": "grp", "mnm": 5, "mid": [friend.own("")]});
    let made = make(peer, &mut friend, "", 9, json!({"m2m:grp": grp})).await?;
    let ri = expect::text("REG-53", "the group", made.body("m2m:grp"), "ri")?;
    let rule = json!({"acor": [ri], "acop": 2});
    ruled(peer, &mut ae, ["acp", "box"], rule).await?;
    let to = ae.own("/box");
    friend
        .read(peer, ("member", "answer"), &to, "REG-53", 2000)
        .await?;
    other
        .read(peer, ("stranger", "refusal"), &to, "REG-53", 4103)
        .await
        .map(drop)
}

async fn inherited(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut friend) = two(peer).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae4, None, QUIET).await?;
    let rule = |ae: &Ae, acop: u32| json!({"acor": [ae.stem, ae.id], "acop": acop});
    // AE4 may subscribe and read, AE3 may delete.
    let all = rule(&ae, 63);
    let acr = json!([all, rule(&friend, 8), rule(&other, 3)]);
    let acp = json!({"rn": "acp", "pv": {"acr": acr}, "pvs": {"acr": [all]}});
    make(peer, &mut ae, "", 1, json!({"m2m:acp": acp})).await?;
    let cnt = json!({"m2m:cnt": {"rn": "box", "acpi": [ae.own("/acp")]}});
    make(peer, &mut ae, "", 3, cnt).await?;
    let to = ae.own("/box");
    for rn in ["by-friend", "by-creator"] {
        let sub = json!({"rn": rn, "nu": [other.stem], "enc": {"net": [1]}});
        let message = other.request(1, &to, json!({"ty": 23, "pc": {"m2m:sub": sub}}));
        other
            .ask(peer, ("subscribe", "created"), &message, "REG-54", 2001)
            .await?;
    }
    friend
        .read(peer, QUIET, &format!("{to}/by-friend"), "REG-54", 4103)
        .await?;
    let message = friend.request(4, &format!("{to}/by-friend"), json!({}));
    let answer = peer
        .call(friend.link, ("delete", "deleted"), &message)
        .await?;
    let what = "DELETE by who governs the parent";
    expect::status("REG-54", what, &answer, &[2002, 4103])?;
    if answer.value["rsc"] == 4103 {
        peer.tolerate("REG-54: a subscription is its creator's alone".to_owned());
    }
    let message = other.request(4, &format!("{to}/by-creator"), json!({}));
    other
        .ask(peer, ("own", "deleted"), &message, "REG-54", 2002)
        .await
        .map(drop)
}
