//! Notification policies of a subscription, its schedule and its creator, and those that block (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cases::resources::{Home, home, make};
use crate::cast::QUIET;
use crate::expect;
use crate::peer::{Message, Peer};
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "SUB-30",
        Subscription,
        One,
        "A subscription with `rl` gets no more notifications in a window than it says",
        ["REG-88"],
        ["TS-0001 10.2.10.7"],
        "Often `rl` is stored and nothing else.",
        limited
    ),
    case!(
        "SUB-31",
        Subscription,
        One,
        "What `rl` has held back is told in later windows, in its order",
        ["REG-88"],
        ["TS-0001 10.2.10.7"],
        "Often what is too much is lost.",
        later
    ),
    case!(
        "SUB-32",
        Subscription,
        One,
        "With `psn` a subscription is told of the newest of what was there before",
        ["REG-89"],
        ["TS-0001 10.2.10.7"],
        "Often `psn` is stored and nothing else.",
        earlier
    ),
    case!(
        "SUB-33",
        Subscription,
        One,
        "A target with `?ct=` is told, and `to` goes without it",
        ["REG-90"],
        ["TS-0004 7.5.1.2.2"],
        "Often nobody is found under that address.",
        serialized
    ),
    case!(
        "SUB-34",
        Subscription,
        One,
        "The schedule of a subscription is its `notificationSchedule`",
        ["REG-91"],
        ["TS-0001 9.6.8", "TS-0001 9.6.9"],
        "Often any name is taken.",
        schedule
    ),
    case!(
        "SUB-35",
        Subscription,
        One,
        "`cr` is the originator as it named itself, and events tell it",
        ["REG-92"],
        ["TS-0004 7.3.3.5", "TS-0001 10.2.10.7"],
        "Often `cr` is another form of the identifier, or events have none.",
        created
    ),
    case!(
        "SUB-36",
        Subscription,
        One,
        "An UPDATE waits for the target of a subscription with `net` 7, and its answer decides",
        ["REG-93"],
        ["TS-0001 10.2.10.7", "TS-0004 7.3.2.9", "TS-0004 7.5.1.2.19"],
        "Often the resource is changed before the target has answered.",
        blocked
    ),
    case!(
        "SUB-37",
        Subscription,
        One,
        "While an UPDATE is being decided, a DELETE of the resource waits",
        ["REG-94"],
        ["TS-0001 10.2.10.7", "TS-0004 7.5.1.2.19"],
        "Often the resource is gone before it is updated.",
        in_turn
    ),
    case!(
        "SUB-38",
        Subscription,
        One,
        "One subscription with `net` 7 at a resource, and without other policies",
        ["REG-95"],
        ["TS-0004 7.4.8.2.1", "TS-0004 7.4.8.2.3"],
        "Often a second one is taken, or an UPDATE makes one.",
        alone
    ),
];

/// A subscription `sub` to new children, with more attributes.
async fn subscribe(
    peer: &mut Peer,
    home: &mut Home,
    rule: &str,
    more: &Value,
) -> Result<Message, Stop> {
    let mut body = json!({"rn": "sub", "nu": [home.ae.stem], "enc": {"net": [3]}});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let message = home
        .ae
        .request(1, &home.cnt, json!({"ty": 23, "pc": {"m2m:sub": body}}));
    let answer = peer
        .call(home.ae.link, ("subscribe", "answer"), &message)
        .await?;
    if answer.value["rsc"] == 5001 {
        return Err(Stop::Absent(format!("the CSE has none of {more}: 5001")));
    }
    expect::status(rule, "the subscription", &answer, &[2001])?;
    Ok(answer)
}

async fn instances(peer: &mut Peer, home: &mut Home, names: &[&str]) -> Result<(), Stop> {
    let to = home.cnt.clone();
    for rn in names {
        let body = json!({"rn": rn, "con": rn});
        make(peer, &mut home.ae, &to, 4, "m2m:cin", &body).await?;
    }
    Ok(())
}

fn is_event(request: &Request) -> bool {
    request.op == 5
}

async fn told(peer: &mut Peer, home: &Home, rule: &str) -> Result<Message, Stop> {
    let came = peer
        .request(home.ae.link, "notification", "a notification", is_event)
        .await;
    let came = expect::arrived(rule, came)?;
    home.ae.answer(peer, "answer", &came, 2000, None).await?;
    Ok(came)
}

/// The next notification shows the instance of that name.
async fn shows(peer: &mut Peer, home: &Home, rule: &str, rn: &str) -> Result<(), Stop> {
    let came = told(peer, home, rule).await?;
    let rep = &came.content()["m2m:sgn"]["nev"]["rep"];
    expect::equal(rule, "the instance told", rn, &rep["m2m:cin"]["rn"])
}

/// Two of four at most: a new window may begin between them, wherever this CSE has windows begin.
async fn limited(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-88";
    let mut home = home(peer, &json!({})).await?;
    subscribe(
        peer,
        &mut home,
        rule,
        &json!({"rl": {"mnn": 1, "tww": "PT1H"}}),
    )
    .await?;
    instances(peer, &mut home, &["one", "two", "three", "four"]).await?;
    shows(peer, &home, rule, "one").await?;
    peer.probe(home.ae.link).await?;
    if peer.has_request(home.ae.link, is_event) {
        shows(peer, &home, rule, "two").await?;
        peer.probe(home.ae.link).await?;
    }
    let more = peer.has_request(home.ae.link, is_event);
    expect::holds(rule, "no more in this window", !more, "a NOTIFY came")
}

async fn later(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    subscribe(
        peer,
        &mut home,
        "REG-88",
        &json!({"rl": {"mnn": 1, "tww": "PT1S"}}),
    )
    .await?;
    peer.wait_longer(1_000);
    instances(peer, &mut home, &["one", "two", "three"]).await?;
    for rn in ["one", "two", "three"] {
        shows(peer, &home, "REG-88", rn).await?;
    }
    Ok(())
}

async fn earlier(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-89";
    let mut home = home(peer, &json!({})).await?;
    instances(peer, &mut home, &["one", "two", "three"]).await?;
    subscribe(peer, &mut home, rule, &json!({"psn": 2})).await?;
    instances(peer, &mut home, &["four"]).await?;
    let came = told(peer, &home, rule).await?;
    let first = &came.content()["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["rn"];
    if first == "four" {
        peer.tolerate("REG-89: the CSE retains no earlier events".to_owned());
        return Ok(());
    }
    expect::equal(rule, "the oldest of two", "two", first)?;
    shows(peer, &home, rule, "three").await?;
    shows(peer, &home, rule, "four").await
}

async fn serialized(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-90";
    let mut home = home(peer, &json!({})).await?;
    let target = format!("{}?ct=json", home.ae.stem);
    subscribe(peer, &mut home, rule, &json!({"nu": [target]})).await?;
    instances(peer, &mut home, &["one"]).await?;
    let came = told(peer, &home, rule).await?;
    let to = expect::text(rule, "the notification", &came.value, "to")?;
    expect::holds(rule, "`to` without `?`", !to.contains('?'), &to)
}

async fn schedule(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-91";
    let mut home = home(peer, &json!({})).await?;
    subscribe(peer, &mut home, rule, &json!({})).await?;
    let sub = format!("{}/sub", home.cnt);
    let se = json!({"sce": ["* * * * * * *"]});
    for (rn, rsc) in [("mine", 4000), ("notificationSchedule", 2001)] {
        let pc = json!({"m2m:sch": {"rn": rn, "se": se}});
        let message = home.ae.request(1, &sub, json!({"ty": 18, "pc": pc}));
        home.ae
            .ask(peer, ("create", "answer"), &message, rule, rsc)
            .await?;
    }
    Ok(())
}

async fn created(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-92";
    let mut home = home(peer, &json!({})).await?;
    let made = subscribe(peer, &mut home, rule, &json!({"cr": null})).await?;
    let shown = &made.body("m2m:sub")["cr"];
    expect::equal(rule, "`cr` of the subscription", &*home.ae.stem, shown)?;
    instances(peer, &mut home, &["one"]).await?;
    let came = told(peer, &home, rule).await?;
    let creator = came.content()["m2m:sgn"]["cr"].as_str().unwrap_or_default();
    let is_own = creator.rsplit('/').next() == Some(&*home.ae.stem);
    expect::holds(rule, "`cr` of the event", is_own, &came.text)
}

/// Sends an UPDATE that the subscriber has to agree to; its `rqi`, and the question.
async fn proposal(peer: &mut Peer, home: &mut Home, lbl: &str) -> Result<(String, Message), Stop> {
    let pc = json!({"m2m:cnt": {"lbl": [lbl]}});
    let message = home.ae.request(3, &home.cnt, json!({"pc": pc}));
    let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(home.ae.link, "update", &message).await?;
    let question = peer
        .request(home.ae.link, "question", "a notification", is_event)
        .await;
    Ok((rqi, expect::arrived("REG-93", question)?))
}

async fn blocked(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-93";
    let mut home = home(peer, &json!({})).await?;
    subscribe(peer, &mut home, rule, &json!({"enc": {"net": [7]}})).await?;
    for (verdict, lbl, rsc) in [(4005, "no", 4127), (2000, "yes", 2004)] {
        let (rqi, question) = proposal(peer, &mut home, lbl).await?;
        let event = &question.content()["m2m:sgn"]["nev"];
        expect::equal(rule, "the event type", 7, &event["net"])?;
        let shown = &event["rep"]["m2m:cnt"]["lbl"];
        expect::equal(rule, "what is proposed", json!([lbl]), shown)?;
        let to = home.cnt.clone();
        let before = home.ae.read(peer, QUIET, &to, rule, 2000).await?;
        let early = peer.has_response(home.ae.link, &rqi);
        let same = before.body("m2m:cnt").get("lbl").is_none();
        expect::holds(rule, "no answer yet", !early, "one came")?;
        expect::holds(rule, "no change yet", same, &before.text)?;
        home.ae
            .answer(peer, "verdict", &question, verdict, None)
            .await?;
        let answer = peer.response(home.ae.link, "answer", &rqi).await;
        let answer = expect::arrived(rule, answer)?;
        expect::status(rule, "the UPDATE", &answer, &[rsc])?;
    }
    Ok(())
}

async fn in_turn(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-94";
    let mut home = home(peer, &json!({})).await?;
    subscribe(peer, &mut home, rule, &json!({"enc": {"net": [7]}})).await?;
    let (update, question) = proposal(peer, &mut home, "new").await?;
    let message = home.ae.request(4, &home.cnt, json!({}));
    let delete = message["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(home.ae.link, "delete", &message).await?;
    peer.probe(home.ae.link).await?;
    let early = peer.has_response(home.ae.link, &delete);
    expect::holds(rule, "no DELETE meanwhile", !early, "an answer came")?;
    home.ae
        .answer(peer, "verdict", &question, 2000, None)
        .await?;
    for (rqi, what, rsc) in [(update, "the UPDATE", 2004), (delete, "the DELETE", 2002)] {
        let answer = peer.response(home.ae.link, "answer", &rqi).await;
        let answer = expect::arrived(rule, answer)?;
        expect::status(rule, what, &answer, &[rsc])?;
    }
    Ok(())
}

async fn alone(peer: &mut Peer) -> Result<(), Stop> {
    let rule = "REG-95";
    let mut home = home(peer, &json!({})).await?;
    subscribe(peer, &mut home, rule, &json!({"enc": {"net": [7]}})).await?;
    let to = home.cnt.clone();
    let plain = json!({"rn": "plain", "nu": [home.ae.stem], "enc": {"net": [1]}});
    make(peer, &mut home.ae, &to, 23, "m2m:sub", &plain).await?;
    let inner = json!({"rn": "inner"});
    make(peer, &mut home.ae, &to, 3, "m2m:cnt", &inner).await?;
    let below = format!("{to}/inner");
    let enc = json!({"net": [7]});
    for (place, more, rsc) in [(&to, Value::Null, 4124), (&below, json!(2), 4000)] {
        let mut body = json!({"nu": [home.ae.stem], "enc": enc});
        if !more.is_null() {
            body["pn"] = more;
        }
        let pc = json!({"ty": 23, "pc": {"m2m:sub": body}});
        let message = home.ae.request(1, place, pc);
        home.ae
            .ask(peer, ("subscribe", "refusal"), &message, rule, rsc)
            .await?;
    }
    let pc = json!({"pc": {"m2m:sub": {"enc": enc}}});
    let message = home.ae.request(3, &format!("{to}/plain"), pc);
    home.ae
        .ask(peer, ("update", "refusal"), &message, rule, 4000)
        .await
        .map(drop)
}
