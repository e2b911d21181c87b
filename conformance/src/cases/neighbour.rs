//! The CSE under test beside a CSE of the suite that is registered to it (configurations B, C, D).

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
        "FWD-01",
        Forwarding,
        Neighbour,
        "A CSE registers over its link and reads the CSEBase",
        ["REG-07", "REG-10"],
        ["TS-0004 7.4.4.2.1"],
        "Often only AEs may use WebSocket.",
        joins
    ),
    case!(
        "FWD-02",
        Forwarding,
        Neighbour,
        "A second registration of the same CSE is answered 4117",
        ["REG-07"],
        ["TS-0004 7.4.4.2.1"],
        "Often it replaces the first.",
        joins_twice
    ),
    case!(
        "FWD-03",
        Forwarding,
        Neighbour,
        "A request for an AE behind the neighbour goes down its link",
        ["REG-20", "REG-16"],
        ["TS-0004 7.3.2.6"],
        "Often a new connection is dialled.",
        down
    ),
    case!(
        "FWD-04",
        Forwarding,
        Neighbour,
        "What is forwarded keeps its content, the answer too",
        ["REG-21", "REG-17"],
        ["TS-0004 7.3.2.6"],
        "Often members are reordered away.",
        unchanged
    ),
    case!(
        "FWD-05",
        Forwarding,
        Neighbour,
        "An error of the neighbour reaches the AE unchanged",
        ["REG-17"],
        ["TS-0004 7.3.2.6"],
        "Often it becomes 5000.",
        error_back
    ),
    case!(
        "FWD-06",
        Forwarding,
        Neighbour,
        "A request for a CSE nobody knows is answered 4004",
        ["REG-20"],
        ["TS-0004 7.3.2.6"],
        "Often nothing is answered.",
        unknown_cse
    ),
    case!(
        "FWD-07",
        Forwarding,
        Neighbour,
        "An AE behind the neighbour is served over the link",
        ["REG-15", "LNK-19"],
        ["TS-0004 7.3.2.1"],
        "Often only the CSE itself is.",
        from_behind
    ),
    case!(
        "FWD-08",
        Forwarding,
        Neighbour,
        "An originator that is not behind the neighbour is refused",
        ["REG-15"],
        ["TS-0004 7.3.2.1"],
        "Often `fr` alone decides.",
        not_behind
    ),
    case!(
        "FWD-09",
        Forwarding,
        Neighbour,
        "Answers out of order reach the requests they belong to",
        ["LNK-14", "REG-17"],
        ["TS-0004 7.3.1.3"],
        "Often they are taken in order.",
        crossed
    ),
    case!(
        "FWD-10",
        Forwarding,
        Neighbour,
        "Two AEs with the same rqi each get their own answer",
        ["REG-17"],
        ["TS-0001 7.1.7"],
        "Often rqi is passed on as it is.",
        same_rqi
    ),
    case!(
        "FWD-11",
        Forwarding,
        Neighbour,
        "A forwarded request that is not answered ends with 4008",
        ["REG-27"],
        ["TS-0004 7.3.1.3"],
        "Often it hangs for ever.",
        silence
    ),
    case!(
        "FWD-12",
        Forwarding,
        Neighbour,
        "With the link of the neighbour gone the AE is told",
        ["LNK-05", "LNK-09"],
        ["TS-0001 8.2.1"],
        "Often the request hangs.",
        link_down
    ),
    case!(
        "FWD-13",
        Forwarding,
        Transit,
        "A request passes from one neighbour to the other and back",
        ["REG-20", "REG-21"],
        ["TS-0004 7.3.2.6"],
        "Often `fr` is rewritten on the way.",
        transit
    ),
];

/// The next request that goes to something behind a CSE of the suite.
async fn asked(peer: &mut Peer, me: &Neighbour, step: &str) -> Result<Message, Stop> {
    let below = format!("{}/", me.id);
    let what = "a request for what is behind the neighbour";
    me.asked(peer, step, what, |request| {
        request.to.starts_with(&below) && request.to.contains("/Cfar")
    })
    .await
}

fn far(me: &Neighbour) -> String {
    me.behind("Cfar/box")
}

async fn both(peer: &mut Peer) -> Result<(Ae, Neighbour), Stop> {
    let (ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let (neighbour, _) = Neighbour::join(peer, Party::Cse2).await?;
    Ok((ae, neighbour))
}

async fn joins(peer: &mut Peer) -> Result<(), Stop> {
    let (mut me, answer) = Neighbour::join(peer, Party::Cse2).await?;
    let csr = answer.body("m2m:csr");
    expect::members(
        "REG-07",
        "the remoteCSE",
        &json!({"csi": me.id, "ty": 16}),
        csr,
    )?;
    let target = peer.target(Party::Cse1).clone();
    let to = format!("{}/{}", target.id, target.name);
    let from = me.id.clone();
    let message = me.request(2, &to, &from, json!({}));
    let answer = peer.call(me.link, ("read", "answer"), &message).await?;
    expect::status("REG-10", "RETRIEVE of the CSEBase", &answer, &[2000])?;
    expect::equal(
        "REG-10",
        "its CSE-ID",
        target.id,
        &answer.body("m2m:cb")["csi"],
    )
}

async fn joins_twice(peer: &mut Peer) -> Result<(), Stop> {
    let (me, _) = Neighbour::join(peer, Party::Cse2).await?;
    let message = me.registration(peer, "second");
    let answer = peer.call(me.link, ("again", "refusal"), &message).await?;
    expect::status("REG-07", "the second registration", &answer, &[4117, 4105])
}

async fn down(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, me) = both(peer).await?;
    let message = ae.request(2, &far(&me), json!({}));
    peer.send(ae.link, "request", &message).await?;
    let came = expect::arrived("REG-20", asked(peer, &me, "forwarded").await)?;
    let expected = json!({"op": 2, "to": far(&me), "fr": ae.id});
    expect::members("REG-16", "the forwarded request", &expected, &came.value)?;
    me.answer(
        peer,
        "answer",
        &came,
        2000,
        json!({"m2m:cnt": {"rn": "box"}}),
    )
    .await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(ae.link, "answer", rqi).await?;
    expect::status("REG-17", "the answer", &answer, &[2000])
}

async fn unchanged(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, me) = both(peer).await?;
    let odd = json!({"z": [1, {"y": null}], "a": "\u{fc}", "big": 9_007_199_254_740_993_u64});
    let body = json!({"org:odd": odd});
    let message = ae.request(1, &far(&me), json!({"ty": 28, "pc": body}));
    peer.send(ae.link, "request", &message).await?;
    let came = asked(peer, &me, "forwarded").await?;
    expect::equal("REG-21", "the content there", body.clone(), came.content())?;
    me.answer(peer, "answer", &came, 2001, body.clone()).await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = expect::arrived("REG-17", peer.response(ae.link, "answer", rqi).await)?;
    expect::equal("REG-21", "the content back", body, answer.content())
}

async fn error_back(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, me) = both(peer).await?;
    for rsc in [4004, 4103, 5207] {
        let message = ae.request(2, &far(&me), json!({}));
        peer.send(ae.link, "request", &message).await?;
        let came = asked(peer, &me, "forwarded").await?;
        me.answer(peer, "answer", &came, rsc, Value::Null).await?;
        let rqi = message["rqi"].as_str().unwrap_or_default();
        let answer = peer.response(ae.link, "answer", rqi).await?;
        expect::status("REG-17", "the error", &answer, &[rsc])?;
    }
    Ok(())
}

async fn unknown_cse(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let to = format!("/nobody{}/x/y", peer.dice().name());
    ae.read(peer, ("request", "refusal"), &to, "REG-20", 4004)
        .await
        .map(drop)
}

async fn from_behind(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut me) = both(peer).await?;
    let behind = format!("{}/Cfar", me.id);
    let everyone = json!([{"acor": ["all"], "acop": 63}]);
    let acp = json!({"rn": "acp", "pv": {"acr": everyone}, "pvs": {"acr": everyone}});
    let message = ae.request(1, &ae.own(""), json!({"ty": 1, "pc": {"m2m:acp": acp}}));
    ae.ask(peer, QUIET, &message, "REG-24", 2001).await?;
    let cnt = json!({"rn": "open", "acpi": [ae.own("/acp")]});
    let message = ae.request(1, &ae.own(""), json!({"ty": 3, "pc": {"m2m:cnt": cnt}}));
    ae.ask(peer, QUIET, &message, "REG-24", 2001).await?;
    let message = me.request(2, &ae.everywhere("/open"), &behind, json!({}));
    let answer = peer.call(me.link, ("request", "answer"), &message).await?;
    expect::status("LNK-19", "RETRIEVE by an AE behind", &answer, &[2000])?;
    expect::equal(
        "REG-15",
        "what was read",
        "open",
        &answer.body("m2m:cnt")["rn"],
    )
}

async fn not_behind(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut me) = both(peer).await?;
    for wrong in [ae.id.clone(), ae.stem.clone(), "/elsewhere/Cx".to_owned()] {
        let message = me.request(4, &ae.everywhere(""), &wrong, json!({}));
        let answer = peer.call(me.link, ("request", "refusal"), &message).await?;
        let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
        if (2000..3000).contains(&rsc) {
            let what = format!(
                "`fr` {wrong} of a neighbour is served ({rsc}): decision D-107 binds a link to \
                 what is behind its CSE; TS-0004 7.3.2.1 can be read to leave the check to a \
                 security association"
            );
            return Err(Stop::Disputed(what));
        }
        let refused = (4000..5000).contains(&rsc);
        expect::holds(
            "REG-15",
            &format!("`fr` {wrong} refused"),
            refused,
            &answer.text,
        )?;
    }
    let to = ae.own("");
    ae.read(peer, QUIET, &to, "REG-15", 2000).await.map(drop)
}

async fn crossed(peer: &mut Peer) -> Result<(), Stop> {
    let (ae, me) = both(peer).await?;
    for rqi in ["one", "two"] {
        let message = ae.request_as(2, &far(&me), rqi, json!({}));
        peer.send(ae.link, "request", &message).await?;
    }
    let first = asked(peer, &me, "forwarded").await?;
    let second = asked(peer, &me, "forwarded").await?;
    me.answer(
        peer,
        "answer",
        &second,
        2000,
        json!({"m2m:cnt": {"rn": "two"}}),
    )
    .await?;
    me.answer(
        peer,
        "answer",
        &first,
        2000,
        json!({"m2m:cnt": {"rn": "one"}}),
    )
    .await?;
    for rqi in ["one", "two"] {
        let answer = expect::arrived("REG-17", peer.response(ae.link, "answer", rqi).await)?;
        expect::equal("LNK-14", "the answer", rqi, &answer.body("m2m:cnt")["rn"])?;
    }
    Ok(())
}

async fn same_rqi(peer: &mut Peer) -> Result<(), Stop> {
    let (one, me) = both(peer).await?;
    let (two, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    for ae in [&one, &two] {
        let message = ae.request_as(2, &far(&me), "same", json!({}));
        peer.send(ae.link, "request", &message).await?;
    }
    let mut known = Vec::new();
    for _ in 0..2 {
        let came = asked(peer, &me, "forwarded").await?;
        let rqi = came.value["rqi"].clone();
        let fresh = !known.contains(&rqi);
        expect::holds("REG-17", "an `rqi` of each one's own", fresh, &rqi)?;
        known.push(rqi);
        let whose = came.value["fr"].clone();
        me.answer(
            peer,
            "answer",
            &came,
            2000,
            json!({"m2m:cnt": {"lbl": [whose]}}),
        )
        .await?;
    }
    for ae in [&one, &two] {
        let answer = peer.response(ae.link, "answer", "same").await?;
        let whose = &answer.body("m2m:cnt")["lbl"][0];
        expect::equal("REG-17", "whose answer", ae.id.clone(), whose)?;
    }
    Ok(())
}

async fn silence(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, me) = both(peer).await?;
    let rqet = peer.ahead(1_500);
    let message = ae.request(2, &far(&me), json!({"rqet": rqet.to_string()}));
    peer.send(ae.link, "request", &message).await?;
    asked(peer, &me, "forwarded").await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = match peer.response(ae.link, "too late", rqi).await {
        Err(Stop::Fail(silent)) if silent.requirement.is_empty() => {
            let why = "no answer yet, and how long a CSE waits is its policy (TS-0004 7.3.1.3)";
            return Err(Stop::inconclusive(why.to_owned()));
        }
        other => other?,
    };
    expect::status("REG-27", "what nobody answers", &answer, &[4008])
}

async fn link_down(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut me) = both(peer).await?;
    peer.close(me.link).await?;
    // A request that meets the end of the link is another matter.
    peer.probe(ae.link).await?;
    peer.probe(ae.link).await?;
    let rqet = peer.ahead(1_500);
    let message = ae.request(2, &far(&me), json!({"rqet": rqet.to_string()}));
    let answer = peer.call(ae.link, ("request", "refusal"), &message).await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
    let refused = (4000..6000).contains(&rsc);
    expect::holds("LNK-09", "a refusal", refused, &answer.text)?;
    if rsc != 5103 {
        peer.tolerate(format!("LNK-09: refused with {rsc}, not 5103"));
    }
    me.reopen(peer).await?;
    let name = me.id.trim_start_matches('/').to_owned();
    let read = me.own(2, &format!("{}/{name}", me.sut_base(peer)), json!({}));
    me.ask(peer, QUIET, &read, "LNK-05", 2000).await.map(drop)
}

async fn transit(peer: &mut Peer) -> Result<(), Stop> {
    let (mut from, _) = Neighbour::join(peer, Party::Ae1).await?;
    let (into, _) = Neighbour::join(peer, Party::Cse2).await?;
    let whom = format!("{}/Cnear", from.id);
    let message = from.request(2, &far(&into), &whom, json!({}));
    peer.send(from.link, "request", &message).await?;
    let came = asked(peer, &into, "forwarded").await?;
    let expected = json!({"op": 2, "to": far(&into), "fr": whom});
    expect::members("REG-20", "the forwarded request", &expected, &came.value)?;
    let body = json!({"m2m:cnt": {"rn": "box"}});
    into.answer(peer, "answer", &came, 2000, body.clone())
        .await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(from.link, "answer", rqi).await?;
    expect::equal("REG-21", "the content back", body, answer.content())
}
