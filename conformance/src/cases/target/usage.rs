//! Session-based requests at the host, and those of the target that leave over the hop.

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{QUIET, Sealing};
use crate::expect;
use crate::hop::Shared;
use crate::neighbour::Neighbour;
use crate::peer::Peer;
use crate::remote::{Far, NEAR};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!("TGT-30", Session, Target,
        "The host refuses a target outside the paths, and an unknown session",
        ["USE-01", "USE-32"], [],
        "Often the host trusts the checks of the forwarding CSE.", outside, {tags: &["E07", "E17"]}),
    case!("TGT-31", Session, Target,
        "The host refuses plain data, a foreign key and a header of another session",
        ["USE-24", "USE-55", "USE-56"], [],
        "Often only the forwarding CSE looks.", unsealed, {tags: &["E15"]}),
    case!("TGT-32", Session, Target,
        "The host refuses an originator that is no endpoint, and one over a wrong hop",
        ["USE-02", "USE-04"], [],
        "Often the session identifier is enough.", strangers, {tags: &["E06"]}),
    case!(
        "TGT-33",
        Session,
        Target,
        "Access control of the target applies inside a session",
        ["USE-34"],
        [],
        "Often membership in the session gives every right.",
        no_privilege
    ),
    case!(
        "TGT-34",
        Session,
        Target,
        "A target that does not exist is 4004, and a request that is past 4008",
        ["REG-26", "USE-35"],
        [],
        "Often the late request is still served.",
        absent
    ),
    case!(
        "TGT-35",
        Session,
        Target,
        "A repetition gets its answer again, and the target changes once",
        ["USE-12", "REG-31", "USE-17"],
        [],
        "Often a repetition creates a second instance.",
        repeated
    ),
    case!(
        "TGT-36",
        Session,
        Target,
        "A request of the target goes over the hop that the initiator came by",
        ["USE-04", "USE-41", "REG-16", "REG-17"],
        [],
        "Often a server never asks over a link that it did not open.",
        to_initiator
    ),
    case!(
        "TGT-37",
        Session,
        Target,
        "`-` counts as the name of the CSEBase, and whole segments count",
        ["USE-39"],
        [],
        "Often paths are compared letter by letter.",
        spellings
    ),
    case!(
        "TGT-38",
        Session,
        Target,
        "UPDATE of a flexContainer keeps the sealed value byte for byte",
        ["USE-43", "USE-57"],
        [],
        "Often custom attributes are normalised.",
        flex
    ),
    case!(
        "TGT-39",
        Session,
        Target,
        "An update that is not acknowledged is told again on the next link, under its `rqi`",
        ["USE-23", "USE-53", "USE-54"],
        [],
        "Often a notification counts as delivered when it is sent.",
        told_again
    ),
    case!(
        "TGT-40",
        Session,
        Target,
        "RETRIEVE and refused requests are told to nobody",
        ["USE-52"],
        [],
        "Often every request is told.",
        untold
    ),
    case!(
        "TGT-41",
        Session,
        Target,
        "The context drops its oldest entries beyond `mni`",
        ["USE-18", "USE-50"],
        [],
        "Often the log grows for ever.",
        bounded
    ),
    case!(
        "TGT-42",
        Session,
        Target,
        "Neighbours read a session that they share, without its key; others do not",
        ["EST-70", "EST-44"],
        [],
        "Often session resources are open to every CSE.",
        readers
    ),
    case!(
        "TGT-43",
        Session,
        Target,
        "The session's fixed resources can be neither made nor deleted by request",
        ["EST-71", "EST-72", "EST-69"],
        [],
        "Often children of a session are ordinary resources.",
        fixed
    ),
    case!(
        "TGT-44",
        Session,
        Target,
        "One session's identifier opens nothing that only another session covers",
        ["USE-27"],
        [],
        "Often the paths of all sessions of a pair are joined.",
        two_sessions
    ),
];

async fn ready(peer: &mut Peer) -> Result<(Far, Shared), Stop> {
    let mut far = Far::set(peer).await?;
    let session = far.establish(peer).await?;
    Ok((far, session))
}

/// Nothing below `container1`, and nothing told.
async fn untouched(peer: &mut Peer, far: &mut Far) -> Result<(), Stop> {
    let to = far.ae2.own("/container1/la");
    far.ae2.read(peer, QUIET, &to, "USE-01", 4004).await?;
    expect::quiet(peer, "USE-52").await
}

async fn outside(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    for path in ["/private", "/container1x", ""] {
        let to = far.ae2.everywhere(path);
        let (message, _) = far.sealed_to(peer, &session, &to, json!({}));
        far.hop.ask(peer, QUIET, &message, "USE-01", 4005).await?;
    }
    let nobodys = format!("{}/{}", far.hop.id, peer.dice().token());
    let (message, _) = far.sealed(peer, &session, json!({"sid": nobodys}));
    let answer = far.hop.ask(peer, QUIET, &message, "USE-32", 4004).await?;
    expect::equal("USE-37", "its `sid`", nobodys, &answer.value["sid"])?;
    untouched(peer, &mut far).await
}

async fn unsealed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let plain = json!({"m2m:cin": {"cnf": "text/plain:0", "con": "open"}});
    let (message, _) = far.sealed(peer, &session, json!({"pc": plain}));
    far.hop.ask(peer, QUIET, &message, "USE-24", 4102).await?;
    let shape = json!({"m2m:cin": {"cnf": "application/jose:0", "con": "a.b.c"}});
    let (message, _) = far.sealed(peer, &session, json!({"pc": shape}));
    far.hop.ask(peer, QUIET, &message, "USE-55", 4102).await?;
    let mut foreign = session.clone();
    foreign.key.kid = peer.dice().token();
    let (message, _) = far.sealed(peer, &foreign, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-56", 4112).await?;
    let mut other = session.clone();
    other.key.sid = format!("{}/{}", far.hop.id, peer.dice().token());
    let (message, _) = far.sealed(peer, &other, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-56", 4102).await?;
    untouched(peer, &mut far).await
}

async fn strangers(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let mut third = Neighbour::with_sessions(peer, Party::Cse1, Party::Cse2, [""; 4]).await?;
    for from in [far.hop.id.clone(), far.hop.behind("Cother")] {
        let (message, _) = far.sealed(peer, &session, json!({"fr": from}));
        far.hop.ask(peer, QUIET, &message, "USE-02", 4103).await?;
    }
    let (message, _) = far.sealed(peer, &session, json!({}));
    let to = message["to"].as_str().unwrap_or_default();
    let mut stolen = third.on_behalf(1, to, NEAR, json!({"ty": 4, "sid": session.sid}));
    stolen["pc"] = message["pc"].clone();
    third.ask(peer, QUIET, &stolen, "USE-04", 4103).await?;
    untouched(peer, &mut far).await
}

async fn no_privilege(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let to = far.ae2.everywhere("/container1");
    let message = far.hop.on_behalf(4, &to, NEAR, json!({"sid": session.sid}));
    far.hop.ask(peer, QUIET, &message, "USE-34", 4103).await?;
    let own = far.ae2.own("/container1");
    far.ae2.read(peer, QUIET, &own, "USE-34", 2000).await?;
    untouched(peer, &mut far).await
}

async fn absent(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let to = far.ae2.everywhere("/container1/nothing");
    let (message, _) = far.sealed_to(peer, &session, &to, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-35", 4004).await?;
    let (message, _) = far.sealed(peer, &session, json!({"rqet": "20200101T000000"}));
    far.hop.ask(peer, QUIET, &message, "REG-26", 4008).await?;
    untouched(peer, &mut far).await
}

/// AE2 is told of an update, and says so.
async fn acknowledged(peer: &mut Peer, far: &Far) -> Result<(), Stop> {
    let update = far.ae2.told(peer, "", 50002).await?;
    far.ae2.answer(peer, "", &update, 2000, None).await
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let (message, _) = far.sealed(peer, &session, json!({}));
    let first = far.hop.ask(peer, QUIET, &message, "USE-05", 2001).await?;
    acknowledged(peer, &far).await?;
    peer.cut(far.hop.link).await;
    far.hop.reopen(peer).await?;
    let again = far.hop.ask(peer, QUIET, &message, "REG-31", 2001).await?;
    expect::equal(
        "REG-31",
        "the same answer",
        first.value.clone(),
        &again.value,
    )?;
    let own = far.ae2.own("/container1");
    let held = far.ae2.read(peer, QUIET, &own, "USE-12", 2000).await?;
    let once = json!({"cni": 1});
    expect::members("USE-12", "the target", &once, held.body("m2m:cnt"))?;
    let context = format!("{}/context", session.ri);
    let held = far.ae2.read(peer, QUIET, &context, "USE-17", 2000).await?;
    expect::members("USE-17", "the context", &once, held.body("smg:scx"))?;
    expect::quiet(peer, "USE-12").await
}

async fn to_initiator(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let to = far.hop.place("near/inbox");
    let rqi = far.ae2.rqi("u");
    let about = Sealing {
        dir: 2,
        op: 1,
        to: &to,
        att: "con",
        rqi: &rqi,
        plain: &json!({"answer": 42}),
    };
    let blob = far.ae2.seal(peer, &session.key, &about);
    let mut message = far
        .ae2
        .request_as(1, &to, &rqi, json!({"ty": 4, "sid": session.sid}));
    message["pc"] = json!({"m2m:cin": {"cnf": "application/jose:0", "con": blob}});
    peer.send(far.ae2.link, "", &message).await?;
    let came = far.outgoing(peer, "", 1).await?;
    let mut expected = message.clone();
    expected["fr"] = far.ae2.id.clone().into();
    expected["rqi"] = format!("{}/{rqi}", far.ae2.stem).into();
    expect::equal(
        "REG-16",
        "its `fr`",
        expected["fr"].clone(),
        &came.value["fr"],
    )?;
    expect::equal(
        "REG-17",
        "its `rqi`",
        expected["rqi"].clone(),
        &came.value["rqi"],
    )?;
    expect::members("USE-41", "the forwarded request", &expected, &came.value)?;
    far.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    let answer = peer.response(far.ae2.link, "", &rqi).await?;
    expect::status("USE-15", "its answer", &answer, &[2001])?;
    expect::quiet(peer, "USE-04").await
}

async fn spellings(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let to = format!("{}/-/{}/container1", far.hop.sut, far.ae2.rn);
    let (message, _) = far.sealed_to(peer, &session, &to, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-39", 2001).await?;
    acknowledged(peer, &far).await?;
    let to = far.ae2.everywhere("/container");
    let (message, _) = far.sealed_to(peer, &session, &to, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-39", 4005).await?;
    expect::quiet(peer, "USE-39").await
}

async fn flex(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let to = far.ae2.everywhere("/fcnt1");
    let (mut message, blob) = far.sealed_to(peer, &session, &to, json!({"ty": null, "op": 3}));
    message["pc"] = json!({"smg:sld": {"dat": blob}});
    far.hop.ask(peer, QUIET, &message, "USE-43", 2004).await?;
    acknowledged(peer, &far).await?;
    let read = far.ae2.request(2, &to, json!({"sid": session.sid}));
    let answer = far.ae2.ask(peer, QUIET, &read, "USE-57", 2000).await?;
    expect::equal(
        "USE-57",
        "the sealed value",
        blob,
        &answer.body("smg:sld")["dat"],
    )?;
    expect::quiet(peer, "USE-52").await
}

async fn told_again(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let (message, _) = far.sealed(peer, &session, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-23", 2001).await?;
    let first = far.ae2.told(peer, "", 50002).await?;
    peer.cut(far.ae2.link).await;
    far.ae2.reconnect(peer, Party::Ae2).await?;
    let again = far.ae2.told(peer, "", 50002).await?;
    expect::equal(
        "USE-53",
        "its `rqi`",
        first.value["rqi"].clone(),
        &again.value["rqi"],
    )?;
    far.ae2.answer(peer, "", &again, 2000, None).await?;
    peer.probe(far.ae2.link).await?;
    let rqi = again.value["rqi"].as_str().unwrap_or_default();
    peer.forget(far.ae2.link, |request| request.rqi == rqi);
    expect::quiet(peer, "USE-54").await
}

async fn untold(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let to = far.ae2.everywhere("/container1");
    let message = far.hop.on_behalf(2, &to, NEAR, json!({"sid": session.sid}));
    far.hop.ask(peer, QUIET, &message, "USE-52", 2000).await?;
    let message = far.hop.on_behalf(4, &to, NEAR, json!({"sid": session.sid}));
    far.hop.ask(peer, QUIET, &message, "USE-34", 4103).await?;
    untouched(peer, &mut far).await
}

async fn bounded(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let context = format!("{}/context", session.ri);
    let more = json!({"pc": {"smg:scx": {"mni": 2}}});
    let message = far.ae2.request(3, &context, more);
    far.ae2.ask(peer, QUIET, &message, "USE-18", 2004).await?;
    let to = far.ae2.everywhere("/container1");
    let mut sent = Vec::new();
    for _ in 0..4 {
        let message = far.hop.on_behalf(2, &to, NEAR, json!({"sid": session.sid}));
        far.hop.ask(peer, QUIET, &message, "USE-05", 2000).await?;
        sent.push(message["rqi"].clone());
    }
    let held = far.ae2.read(peer, QUIET, &context, "USE-18", 2000).await?;
    expect::equal("USE-18", "`cni`", 2, &held.body("smg:scx")["cni"])?;
    for (end, rqi) in [("ol", &sent[2]), ("la", &sent[3])] {
        let to = format!("{context}/{end}");
        let held = far.ae2.read(peer, QUIET, &to, "USE-50", 2000).await?;
        expect::equal("USE-50", end, rqi.clone(), &held.body("smg:sce")["rqi"])?;
    }
    expect::quiet(peer, "USE-18").await
}

async fn readers(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let mut third = Neighbour::with_sessions(peer, Party::Cse1, Party::Cse2, [""; 4]).await?;
    let read = far.hop.own(2, &session.at_sut, json!({"rcn": 4}));
    let held = far.hop.ask(peer, QUIET, &read, "EST-70", 2000).await?;
    expect::without("EST-44", "the session", &["scr", "k"], held.body("smg:ses"))?;
    for op in [2, 4] {
        let message = third.own(op, &session.at_sut, json!({}));
        third.ask(peer, QUIET, &message, "EST-70", 4103).await?;
    }
    expect::quiet(peer, "EST-70").await
}

async fn fixed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, session) = ready(peer).await?;
    let answer = {
        let message = far.ae2.request(2, &session.ri, json!({"rcn": 4}));
        far.ae2.ask(peer, QUIET, &message, "EST-70", 2000).await?
    };
    let held = answer.body("smg:ses");
    for kind in ["smg:sep", "smg:nhp", "smg:scx"] {
        let ri = expect::text("EST-71", kind, &held[kind][0], "ri")?;
        let message = far.ae2.request(4, &ri, json!({}));
        far.ae2.ask(peer, QUIET, &message, "EST-71", 4005).await?;
    }
    for (body, requirement, rsc) in [
        (json!({"acpi": ["x"]}), "EST-72", 4000),
        (json!({"see": true}), "EST-69", 5215),
        (json!({"sto": ["/x/Cy"]}), "EST-69", 5215),
        (json!({"sid": "/x/y"}), "REG-23", 4000),
    ] {
        let message = far
            .ae2
            .request(3, &session.ri, json!({"pc": {"smg:ses": body}}));
        far.ae2.ask(peer, QUIET, &message, requirement, rsc).await?;
    }
    let sub = json!({"nu": [far.ae2.stem], "enc": {"net": [3]}});
    let message = far
        .ae2
        .request(1, &session.ri, json!({"ty": 23, "pc": {"m2m:sub": sub}}));
    far.ae2.ask(peer, QUIET, &message, "EST-72", 5203).await?;
    expect::quiet(peer, "EST-71").await
}

async fn two_sessions(peer: &mut Peer) -> Result<(), Stop> {
    let (mut far, first) = ready(peer).await?;
    let offer = far.offer(peer, json!({}));
    let question = far.asked(peer, QUIET, &offer).await?;
    let yes = json!({"smg:sep": {"epp": [far.ae2.everywhere("/private")]}});
    far.ae2.answer(peer, "", &question, 2000, Some(yes)).await?;
    let made = far.result(peer, "", &offer, "EST-59", 2001).await?;
    let second = far.shared(&offer, &made)?;
    far.confirm(peer, QUIET, &second).await?;
    let private = far.ae2.everywhere("/private");
    let (message, _) = far.sealed_to(peer, &first, &private, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-27", 4005).await?;
    let (message, _) = far.sealed(peer, &second, json!({}));
    far.hop.ask(peer, QUIET, &message, "USE-27", 4005).await?;
    let mut mixed = first.clone();
    mixed.key = second.key.clone();
    let (message, _) = far.sealed(peer, &mixed, json!({"sid": first.sid}));
    far.hop.ask(peer, QUIET, &message, "USE-56", 4112).await?;
    untouched(peer, &mut far).await
}
