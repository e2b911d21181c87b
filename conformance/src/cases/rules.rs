//! What the rules of an access control policy may say besides who and what (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::neighbour::Neighbour;
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
    case!(
        "ACP-06",
        Resources,
        One,
        "A rule with addresses grants nothing to a link from elsewhere",
        ["REG-72"],
        ["TS-0001 9.6.2.2", "TS-0004 7.3.3.15"],
        "Often `acip` is stored and not looked at, which grants more than was meant.",
        addresses
    ),
    case!(
        "ACP-07",
        Resources,
        One,
        "A rule for authenticated originators grants nothing to one without certificate",
        ["REG-73"],
        ["TS-0001 9.6.2.5", "TS-0003 7.1.2"],
        "Often `acaf` is stored and not looked at.",
        unauthenticated
    ),
    case!(
        "ACP-08",
        Resources,
        Neighbour,
        "Whoever speaks through another CSE has neither address nor certificate here",
        ["REG-72", "REG-73"],
        ["TS-0001 9.6.2.2", "TS-0001 9.6.2.5"],
        "Often those of the neighbour's link are taken for its own.",
        through_another
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

/// A rule that some CSEs do not take, for whoever reads a container; whether it is taken is theirs to say.
async fn limited(
    peer: &mut Peer,
    ae: &mut Ae,
    names: [&str; 2],
    (who, limit): (&[&str], &Value),
) -> Result<(), Stop> {
    let all = json!({"acor": [ae.stem, ae.id], "acop": 63});
    let mut rule = json!({"acor": who, "acop": 2});
    for (name, value) in limit.as_object().into_iter().flatten() {
        rule[name] = value.clone();
    }
    let acp = json!({"rn": names[0], "pv": {"acr": [all, rule]}, "pvs": {"acr": [all]}});
    let message = ae.request(1, &ae.own(""), json!({"ty": 1, "pc": {"m2m:acp": acp}}));
    let answer = peer.call(ae.link, ("policy", "created"), &message).await?;
    if answer.value["rsc"] == 5001 {
        let why = format!("the CSE takes no rule with {limit}");
        return Err(Stop::Absent(why));
    }
    expect::status("REG-24", "CREATE of a policy", &answer, &[2001])?;
    let acpi = [ae.own(&format!("/{}", names[0]))];
    let cnt = json!({"m2m:cnt": {"rn": names[1], "acpi": acpi}});
    make(peer, ae, "", 3, cnt).await.map(drop)
}

/// Every address there is.
fn from_anywhere() -> Value {
    json!({"acco": [{"acip": {"ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]}}]})
}

async fn addresses(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut friend) = two(peer).await?;
    let who = [friend.stem.clone(), friend.id.clone()];
    let who = [who[0].as_str(), who[1].as_str()];
    // Blocks for documentation: nobody has such an address.
    let elsewhere =
        json!({"acco": [{"acip": {"ipv4": ["192.0.2.0/24"], "ipv6": ["2001:db8::/32"]}}]});
    let cases = [
        ("here", from_anywhere(), 2000),
        ("elsewhere", elsewhere, 4103),
    ];
    for (name, limit, rsc) in cases {
        let acp = format!("acp-{name}");
        limited(peer, &mut ae, [&acp, name], (&who, &limit)).await?;
        let to = ae.own(&format!("/{name}"));
        friend
            .read(peer, ("read", "answer"), &to, "REG-72", rsc)
            .await?;
    }
    Ok(())
}

async fn unauthenticated(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut friend) = two(peer).await?;
    let who = [friend.stem.clone(), friend.id.clone()];
    let who = [who[0].as_str(), who[1].as_str()];
    for (name, acaf, rsc) in [("any", false, 2000), ("shown", true, 4103)] {
        let acp = format!("acp-{name}");
        limited(
            peer,
            &mut ae,
            [&acp, name],
            (&who, &json!({ "acaf": acaf })),
        )
        .await?;
        let to = ae.own(&format!("/{name}"));
        friend
            .read(peer, ("read", "answer"), &to, "REG-73", rsc)
            .await?;
    }
    Ok(())
}

async fn through_another(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let (mut me, _) = Neighbour::join(peer, Party::Cse2).await?;
    let far = me.behind("Cfar");
    let limits = [
        ("free", json!({}), [2000].as_slice(), "REG-73"),
        ("shown", json!({"acaf": true}), &[4103], "REG-73"),
        ("addressed", from_anywhere(), &[2000, 4103], "REG-72"),
    ];
    let mut last = 0;
    for (name, limit, allowed, requirement) in limits {
        let acp = format!("acp-{name}");
        limited(peer, &mut ae, [&acp, name], (&[&far], &limit)).await?;
        let to = ae.everywhere(&format!("/{name}"));
        let message = me.request(2, &to, &far, json!({}));
        let answer = peer.call(me.link, ("read", "answer"), &message).await?;
        expect::status(requirement, name, &answer, allowed)?;
        last = answer.value["rsc"].as_u64().unwrap_or_default();
    }
    if last == 2000 {
        let why = "an originator behind a neighbour is served under a rule with `acip`: decision \
                   D-185 takes its address as unknown; TS-0001 9.6.2.2 can be read to mean that of \
                   the link that its request came over";
        return Err(Stop::Disputed(why.to_owned()));
    }
    Ok(())
}
