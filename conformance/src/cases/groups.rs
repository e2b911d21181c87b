//! Groups: their members, and requests to all of them at once (configurations A, B and C).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::story::Party;
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "GRP-01",
        Resources,
        One,
        "A request to a group reaches every member once, and the answers come together",
        ["REG-61"],
        ["TS-0001 9.6.13", "TS-0004 7.4.14"],
        "Often the answers are a plain list, or without status codes.",
        fan_out
    ),
    case!(
        "GRP-02",
        Resources,
        One,
        "What stands behind the fan-out point is meant below every member",
        ["REG-61"],
        ["TS-0004 7.4.14"],
        "Often only the fan-out point itself is known.",
        below
    ),
    case!(
        "GRP-03",
        Resources,
        One,
        "A member counts once, and too many are refused with 6010",
        ["REG-62"],
        ["TS-0004 7.4.13.2"],
        "Often duplicates are kept and requests come twice.",
        counted
    ),
    case!(
        "GRP-04",
        Resources,
        One,
        "`csy` decides what becomes of a member of another type",
        ["REG-63"],
        ["TS-0004 7.4.13.2", "TS-0004 6.3.4.2.11"],
        "Often the type of members is not looked at.",
        mixed
    ),
    case!(
        "GRP-05",
        Resources,
        One,
        "`macp` decides who reaches the members",
        ["REG-52"],
        ["TS-0001 9.6.13", "TS-0004 7.4.14"],
        "Often only `acpi` is looked at.",
        member_policies
    ),
    case!(
        "GRP-06",
        Resources,
        One,
        "A group that meets a group request again answers 4104",
        ["REG-55"],
        ["TS-0004 7.4.14"],
        "Often `gid` is not read, and loops run until they time out.",
        again
    ),
    case!(
        "GRP-07",
        Forwarding,
        Neighbour,
        "A member behind the neighbour gets the request with the group request's identifier",
        ["REG-55", "REG-61"],
        ["TS-0004 7.4.14"],
        "Often members elsewhere are left out.",
        elsewhere
    ),
    case!(
        "GRP-08",
        Forwarding,
        Neighbour,
        "A member behind the neighbour is asked for its type, and another one is refused with 4110",
        ["REG-74"],
        ["TS-0004 7.4.13.2", "TS-0004 6.3.4.2.11"],
        "Often members elsewhere are taken for what `mt` says, with `mtv` true.",
        other_type_elsewhere
    ),
    case!(
        "GRP-09",
        Resources,
        One,
        "Members that a request to all has deleted leave the group, virtual ones stay",
        ["REG-84"],
        ["TS-0004 7.4.14.3.5"],
        "Often the group keeps naming them.",
        deleted
    ),
];

/// AE1 with two containers.
async fn two_boxes(peer: &mut Peer) -> Result<Ae, Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    for rn in ["one", "two"] {
        make(peer, &mut ae, "", 3, json!({"m2m:cnt": {"rn": rn}})).await?;
    }
    Ok(ae)
}

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

/// A group `grp` of these members, with more attributes.
fn group(members: &[String], more: &Value) -> Value {
    let mut group = json!({"rn": "grp", "mnm": 5, "mid": members});
    for (name, value) in more.as_object().into_iter().flatten() {
        group[name] = value.clone();
    }
    json!({"m2m:grp": group})
}

/// The answers in an aggregated response.
fn answers(message: &Message) -> Result<Vec<Value>, Stop> {
    let aggregated = message.body("m2m:agr");
    let list = expect::list("REG-61", "the aggregated response", aggregated, "m2m:rsp")?;
    Ok(list.to_vec())
}

fn statuses(message: &Message) -> Result<Vec<u64>, Stop> {
    let answers = answers(message)?;
    Ok(answers.iter().filter_map(|a| a["rsc"].as_u64()).collect())
}

async fn fan_out(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    make(peer, &mut ae, "", 3, json!({"m2m:cnt": {"rn": "gone"}})).await?;
    let members = [ae.own("/one"), ae.own("/two"), ae.own("/gone")];
    make(peer, &mut ae, "", 9, group(&members, &json!({}))).await?;
    let message = ae.request(4, &ae.own("/gone"), json!({}));
    ae.ask(peer, QUIET, &message, "REG-06", 2002).await?;
    let more = json!({"ty": 4, "pc": {"m2m:cin": {"con": "to all"}}});
    let message = ae.request(1, &ae.own("/grp/fopt"), more);
    let answer = ae
        .ask(peer, ("fan out", "answers"), &message, "REG-61", 2000)
        .await?;
    let found = statuses(&answer)?;
    let (made, absent): (Vec<u64>, Vec<u64>) = found.iter().partition(|rsc| **rsc == 2001);
    expect::equal("REG-61", "members that made it", 2, &json!(made.len()))?;
    if absent.is_empty() {
        peer.tolerate("REG-61: a member that is gone has no answer".to_owned());
    } else {
        expect::equal("REG-61", "other statuses", json!([4004]), &json!(absent))?;
    }
    for member in ["/one", "/two"] {
        let answer = ae
            .read(peer, QUIET, &ae.own(member), "REG-61", 2000)
            .await?;
        expect::equal("REG-61", "instances", 1, &answer.body("m2m:cnt")["cni"])?;
    }
    Ok(())
}

async fn below(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    for member in ["/one", "/two"] {
        let content = json!({"m2m:cin": {"con": member}});
        make(peer, &mut ae, member, 4, content).await?;
    }
    let members = [ae.own("/one"), ae.own("/two")];
    make(peer, &mut ae, "", 9, group(&members, &json!({}))).await?;
    let to = ae.own("/grp/fopt/la");
    let answer = ae
        .read(peer, ("fan out", "answers"), &to, "REG-61", 2000)
        .await?;
    let answers = answers(&answer)?;
    let mut found: Vec<&Value> = answers.iter().map(|a| &a["pc"]["m2m:cin"]["con"]).collect();
    found.sort_by_key(|con| con.to_string());
    expect::equal("REG-61", "contents", json!(["/one", "/two"]), &json!(found))
}

async fn deleted(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    make(peer, &mut ae, "", 3, json!({"m2m:cnt": {"rn": "kept"}})).await?;
    let content = json!({"m2m:cin": {"con": "newest"}});
    make(peer, &mut ae, "/kept", 4, content).await?;
    let members = ["/one", "/kept/la", "/two"].map(|member| ae.own(member));
    make(peer, &mut ae, "", 9, group(&members, &json!({}))).await?;
    let message = ae.request(4, &ae.own("/grp/fopt"), json!({}));
    let answer = ae
        .ask(peer, ("fan out", "answers"), &message, "REG-61", 2000)
        .await?;
    let found = json!(statuses(&answer)?);
    expect::equal("REG-61", "statuses", json!([2002, 2002, 2002]), &found)?;
    let shown = ae
        .read(peer, ("read", "group"), &ae.own("/grp"), "REG-84", 2000)
        .await?;
    let grp = shown.body("m2m:grp");
    let left = expect::list("REG-84", "the group", grp, "mid")?;
    expect::equal("REG-84", "entries of `mid`", 1, &json!(left.len()))?;
    expect::equal("REG-84", "number of members", 1, &grp["cnm"])?;
    // The address of the one that stays may have any form.
    for gone in ["/one", "/two"] {
        ae.read(peer, QUIET, &ae.own(gone), "REG-61", 4004).await?;
    }
    Ok(())
}

async fn counted(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    let twice = [ae.own("/one"), ae.own("/one"), ae.own("/two")];
    let answer = make(peer, &mut ae, "", 9, group(&twice, &json!({"mnm": 2}))).await?;
    let grp = answer.body("m2m:grp");
    expect::equal("REG-62", "number of members", 2, &grp["cnm"])?;
    let more = json!({"pc": {"m2m:grp": {"mid": [ae.own("/one"), ae.own("/two"), ae.own("")]}}});
    let message = ae.request(3, &ae.own("/grp"), more);
    ae.ask(peer, ("update", "refusal"), &message, "REG-62", 6010)
        .await
        .map(drop)
}

async fn mixed(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    let members = [ae.own("/one"), ae.own("")];
    let strict = |csy: u32| json!({"rn": format!("csy{csy}"), "mt": 3, "csy": csy});
    let left_out = make(peer, &mut ae, "", 9, group(&members, &strict(1))).await?;
    let grp = left_out.body("m2m:grp");
    let expected = json!({"cnm": 1, "mt": 3, "mtv": true});
    expect::members("REG-63", "csy 1", &expected, grp)?;
    let more = json!({"ty": 9, "pc": group(&members, &strict(2))});
    let message = ae.request(1, &ae.own(""), more);
    ae.ask(peer, ("create", "refusal"), &message, "REG-63", 4110)
        .await?;
    let kept = make(peer, &mut ae, "", 9, group(&members, &strict(3))).await?;
    let expected = json!({"cnm": 2, "mt": 0});
    expect::members("REG-63", "csy 3", &expected, kept.body("m2m:grp"))
}

async fn member_policies(peer: &mut Peer) -> Result<(), Stop> {
    let (mut friend, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let mut ae = two_boxes(peer).await?;
    let rule = |who: &[&str]| json!({"acr": [{"acor": who, "acop": 63}]});
    let own = rule(&[&ae.stem, &ae.id]);
    let friends = rule(&[&friend.stem, &friend.id]);
    for (rn, pv) in [("acp", friends), ("mine", own.clone())] {
        let acp = json!({"m2m:acp": {"rn": rn, "pv": pv, "pvs": own}});
        make(peer, &mut ae, "", 1, acp).await?;
    }
    let members = [ae.own("/one")];
    let more = json!({"macp": [ae.own("/acp")]});
    make(peer, &mut ae, "", 9, group(&members, &more)).await?;
    let to = ae.own("/grp/fopt");
    let message = ae.request(2, &to, json!({}));
    ae.ask(peer, ("own", "refusal"), &message, "REG-52", 4103)
        .await?;
    ae.read(peer, QUIET, &ae.own("/grp"), "REG-52", 2000)
        .await?;
    // The member keeps its own rights.
    let answer = friend
        .read(peer, ("fan out", "answers"), &to, "REG-52", 2000)
        .await?;
    expect::equal(
        "REG-52",
        "statuses",
        json!([4103]),
        &json!(statuses(&answer)?),
    )
}

async fn again(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    let members = [ae.own("/one")];
    make(peer, &mut ae, "", 9, group(&members, &json!({}))).await?;
    let to = ae.own("/grp/fopt");
    let gid = format!("suite-{}", peer.dice().name());
    let first = ae.request(2, &to, json!({"gid": gid}));
    ae.ask(peer, ("first", "answers"), &first, "REG-55", 2000)
        .await?;
    let second = ae.request(2, &to, json!({"gid": gid}));
    ae.ask(peer, ("again", "refusal"), &second, "REG-55", 4104)
        .await?;
    let other = ae.request(2, &to, json!({}));
    ae.ask(peer, QUIET, &other, "REG-55", 2000).await.map(drop)
}

/// A group with the member `far` behind the neighbour, which is there for a CSE that asks for its
/// type.
async fn make_over(peer: &mut Peer, ae: &mut Ae, me: &Neighbour, far: &str) -> Result<(), Stop> {
    let members = [ae.own("/one"), far.to_owned()];
    let more = json!({"ty": 9, "pc": group(&members, &json!({}))});
    let message = ae.request(1, &ae.own(""), more);
    let asks = |request: &Request| request.op == 2 && request.to == far;
    peer.send(ae.link, "create", &message).await?;
    for _ in 0..3 {
        peer.probe(me.link).await?;
        if peer.has_request(me.link, asks) {
            let asked = me.asked(peer, QUIET.0, "the question", asks).await?;
            let cnt = json!({"rn": "box", "ty": 3, "ri": "box", "pi": "Cfar"});
            me.answer(peer, QUIET.1, &asked, 2000, json!({"m2m:cnt": cnt}))
                .await?;
        }
    }
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(ae.link, "created", rqi).await?;
    if peer.has_request(me.link, asks) {
        let late = "the CSE asked for the type of the member later than was waited for";
        return Err(Stop::Inconclusive(late.to_owned()));
    }
    expect::status("REG-61", "CREATE of the group", &answer, &[2001])
}

async fn elsewhere(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    let (me, _) = Neighbour::join(peer, Party::Cse2).await?;
    let far = me.behind("Cfar/box");
    make_over(peer, &mut ae, &me, &far).await?;
    let message = ae.request(2, &ae.own("/grp/fopt"), json!({}));
    peer.send(ae.link, "fan out", &message).await?;
    let wanted = far.clone();
    let came = me
        .asked(
            peer,
            "member",
            "the request for the member",
            move |request| request.to == wanted,
        )
        .await;
    let came = expect::arrived("REG-61", came)?;
    let expected = json!({"op": 2, "to": far, "fr": ae.id});
    expect::members(
        "REG-61",
        "the request for the member",
        &expected,
        &came.value,
    )?;
    expect::text("REG-55", "the request for the member", &came.value, "gid")?;
    let cnt = json!({"m2m:cnt": {"rn": "box"}});
    me.answer(peer, "answer", &came, 2000, cnt).await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(ae.link, "answers", rqi).await?;
    expect::status("REG-61", "the answers", &answer, &[2000])?;
    expect::equal(
        "REG-61",
        "statuses",
        json!([2000, 2000]),
        &json!(statuses(&answer)?),
    )
}

async fn other_type_elsewhere(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = two_boxes(peer).await?;
    let (me, _) = Neighbour::join(peer, Party::Cse2).await?;
    let far = me.behind("Cfar");
    let members = [ae.own("/one"), far.clone()];
    let content = group(&members, &json!({"mt": 3, "csy": 2}));
    let message = ae.request(1, &ae.own(""), json!({"ty": 9, "pc": content}));
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let asks = |request: &Request| request.op == 2 && request.to == far;
    peer.send(ae.link, "create", &message).await?;
    for _ in 0..3 {
        peer.probe(ae.link).await?;
        peer.probe(me.link).await?;
    }
    if !peer.has_response(ae.link, rqi) {
        let asked = me.asked(peer, "question", "the question", asks).await;
        let asked = expect::arrived("REG-74", asked)?;
        let other = json!({"m2m:ae": {"rn": "far", "ty": 2, "ri": "Cfar"}});
        me.answer(peer, "type", &asked, 2000, other).await?;
        let answer = peer.response(ae.link, "refusal", rqi).await?;
        return expect::status("REG-74", "a member of another type", &answer, &[4110]);
    }
    let answer = peer.response(ae.link, "created", rqi).await?;
    expect::status("REG-74", "a group that was not checked", &answer, &[2001])?;
    peer.tolerate("REG-74: the member is taken on trust".to_owned());
    let valid = &answer.body("m2m:grp")["mtv"];
    expect::equal("REG-74", "`mtv` of what was not checked", false, valid)
}
