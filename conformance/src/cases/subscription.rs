//! Subscriptions and their notifications on the link of the subscriber (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cases::resources::{Home, home, make};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "SUB-01",
        Subscription,
        One,
        "A new child is notified on the link of the subscriber, with its representation",
        ["LNK-14"],
        ["TS-0004 7.5.1.2", "TS-0020 6.5"],
        "Often a connection to `nu` is dialled, or the event lacks `rep`.",
        child
    ),
    case!(
        "SUB-02",
        Subscription,
        One,
        "An UPDATE is notified where `enc.net` holds 1, and nowhere else",
        ["LNK-14"],
        ["TS-0001 9.6.8"],
        "Often every event is notified.",
        only_updates
    ),
    case!(
        "SUB-03",
        Subscription,
        One,
        "The end of a resource is notified where `enc.net` holds 2",
        ["LNK-14"],
        ["TS-0001 9.6.8"],
        "Often the subscription is gone first.",
        deletion
    ),
    case!(
        "SUB-04",
        Subscription,
        One,
        "No notification without an event, and one for each",
        ["LNK-14"],
        ["TS-0004 7.5.1.2"],
        "Often an event is notified twice.",
        one_each
    ),
    case!(
        "SUB-05",
        Subscription,
        One,
        "A deleted subscription notifies nothing more",
        ["LNK-14"],
        ["TS-0004 7.4.8"],
        "Often it lives in a cache.",
        unsubscribed
    ),
    case!(
        "SUB-06",
        Subscription,
        One,
        "`sur` names the subscription",
        ["LNK-14"],
        ["TS-0004 7.5.1.1"],
        "Often it is missing or the resource's.",
        source
    ),
    case!(
        "SUB-07",
        Subscription,
        One,
        "A subscription without `nu` is refused with 4000",
        ["REG-23"],
        ["TS-0004 7.4.8.2.1"],
        "Often it is made and does nothing.",
        no_target
    ),
    case!(
        "SUB-08",
        Subscription,
        One,
        "`nct` 2 notifies what changed only, 3 the identifier",
        ["LNK-14"],
        ["TS-0001 9.6.8"],
        "Often the type is ignored.",
        content_type
    ),
    case!(
        "SUB-09",
        Subscription,
        One,
        "Events are notified in their order",
        ["LNK-11"],
        ["TS-0004 7.5.1.2"],
        "Often tasks overtake each other.",
        ordered
    ),
    case!(
        "SUB-10",
        Subscription,
        One,
        "Who may not read may not subscribe (4103)",
        ["REG-25"],
        ["TS-0004 7.4.8.2.1"],
        "Often CREATE alone is checked.",
        stranger
    ),
    case!(
        "SUB-11",
        Subscription,
        One,
        "A refused notification does not stop the next",
        ["LNK-14"],
        ["TS-0004 7.5.1.2"],
        "Often the subscription is dropped.",
        refused
    ),
    case!(
        "SUB-12",
        Subscription,
        One,
        "A notification is followed by answers on the same link",
        ["LNK-14"],
        ["TS-0020 6.5"],
        "Often the answer waits for the notification.",
        meanwhile
    ),
    case!(
        "SUB-13",
        Subscription,
        One,
        "A target that is not the subscriber is asked first, and a yes makes the subscription",
        ["REG-40"],
        ["TS-0004 7.4.8.2.1", "TS-0004 7.5.1.2.3"],
        "Often the subscription stands before the target has answered.",
        agreed
    ),
    case!(
        "SUB-14",
        Subscription,
        One,
        "A target that does not agree, or is not known, makes 5204 and no subscription",
        ["REG-40"],
        ["TS-0004 7.4.8.2.1", "TS-0004 7.5.1.2.3"],
        "Often nobody looks at the answer.",
        not_agreed
    ),
    case!(
        "SUB-15",
        Subscription,
        One,
        "A target that an UPDATE adds is asked too, and its no leaves `nu` as it was",
        ["REG-40"],
        ["TS-0004 7.4.8.2.3", "TS-0004 7.5.1.2.3"],
        "Often CREATE alone asks.",
        added
    ),
    case!(
        "SUB-16",
        Subscription,
        One,
        "An event that a criterion of time excludes is not told",
        ["LNK-14"],
        ["TS-0004 7.5.1.2.2", "TS-0001 9.6.8"],
        "Often `enc` is read for its event types alone.",
        criteria
    ),
];

async fn subscribed(peer: &mut Peer, more: Value) -> Result<Home, Stop> {
    let mut home = home(peer, &json!({})).await?;
    let mut body = json!({"rn": "sub", "nu": [home.ae.stem]});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let to = home.cnt.clone();
    make(peer, &mut home.ae, &to, 23, "m2m:sub", &body).await?;
    Ok(home)
}

fn events(net: &[u32]) -> Value {
    json!({"enc": {"net": net}})
}

/// The next event, answered 2000.
async fn event(peer: &mut Peer, home: &Home, rsc: u64) -> Result<Message, Stop> {
    let notification = peer
        .request(home.ae.link, "notification", "a notification", |request| {
            let content = request.pc.as_ref();
            request.op == 5 && content.is_some_and(|pc| pc["m2m:sgn"].get("nev").is_some())
        })
        .await;
    let told = expect::arrived("LNK-14", notification)?;
    home.ae.answer(peer, "answer", &told, rsc, None).await?;
    Ok(told)
}

async fn put(peer: &mut Peer, home: &mut Home, con: &str) -> Result<(), Stop> {
    let to = home.cnt.clone();
    let body = json!({"con": con});
    make(peer, &mut home.ae, &to, 4, "m2m:cin", &body)
        .await
        .map(drop)
}

async fn touch(peer: &mut Peer, home: &mut Home, lbl: &str) -> Result<(), Stop> {
    let pc = json!({"pc": {"m2m:cnt": {"lbl": [lbl]}}});
    let message = home.ae.request(3, &home.cnt, pc);
    home.ae
        .ask(peer, QUIET, &message, "REG-23", 2004)
        .await
        .map(drop)
}

/// Nothing but the answer to a later request comes.
async fn nothing(peer: &mut Peer, home: &Home) -> Result<(), Stop> {
    peer.probe(home.ae.link).await?;
    peer.probe(home.ae.link).await?;
    let more = peer.has_request(home.ae.link, |request| request.op == 5);
    expect::holds("LNK-14", "no notification", !more, "one came")
}

async fn child(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[3])).await?;
    put(peer, &mut home, "seen").await?;
    let told = event(peer, &home, 2000).await?;
    let rep = &told.body("m2m:sgn")["nev"]["rep"];
    expect::equal("LNK-14", "the new child", "seen", &rep["m2m:cin"]["con"])
}

async fn only_updates(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[1])).await?;
    put(peer, &mut home, "not this").await?;
    touch(peer, &mut home, "this").await?;
    let told = event(peer, &home, 2000).await?;
    let rep = &told.body("m2m:sgn")["nev"]["rep"];
    expect::equal(
        "LNK-14",
        "what changed",
        json!(["this"]),
        &rep["m2m:cnt"]["lbl"],
    )?;
    nothing(peer, &home).await
}

async fn deletion(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[2])).await?;
    let message = home.ae.request(4, &home.cnt, json!({}));
    home.ae.ask(peer, QUIET, &message, "REG-06", 2002).await?;
    event(peer, &home, 2000).await.map(drop)
}

async fn one_each(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[3])).await?;
    nothing(peer, &home).await?;
    for con in ["1", "2"] {
        put(peer, &mut home, con).await?;
        event(peer, &home, 2000).await?;
        nothing(peer, &home).await?;
    }
    Ok(())
}

async fn unsubscribed(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[1])).await?;
    touch(peer, &mut home, "a").await?;
    event(peer, &home, 2000).await?;
    let to = format!("{}/sub", home.cnt);
    let message = home.ae.request(4, &to, json!({}));
    home.ae.ask(peer, QUIET, &message, "REG-06", 2002).await?;
    touch(peer, &mut home, "b").await?;
    peer.probe(home.ae.link).await?;
    peer.probe(home.ae.link).await?;
    let wrong = peer.has_request(home.ae.link, |request| {
        let content = request.pc.as_ref();
        content.is_some_and(|pc| pc["m2m:sgn"].get("nev").is_some())
    });
    expect::holds("LNK-14", "no event after the end", !wrong, "one came")
}

async fn source(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[3])).await?;
    let at = format!("{}/sub", home.cnt);
    let answer = home.ae.read(peer, QUIET, &at, "REG-19", 2000).await?;
    let ri = expect::text("REG-19", "the subscription", answer.body("m2m:sub"), "ri")?;
    put(peer, &mut home, "x").await?;
    let told = event(peer, &home, 2000).await?;
    let sur = expect::text("LNK-14", "the notification", told.body("m2m:sgn"), "sur")?;
    let last = sur.rsplit('/').next().unwrap_or_default();
    let good = last == ri || sur.ends_with(&at);
    expect::holds("LNK-14", "`sur` of this subscription", good, &sur)
}

async fn no_target(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let more = json!({"ty": 23, "pc": {"m2m:sub": {"enc": {"net": [3]}}}});
    let message = home.ae.request(1, &home.cnt, more);
    home.ae
        .ask(peer, ("subscribe", "refusal"), &message, "REG-23", 4000)
        .await
        .map(drop)
}

async fn content_type(peer: &mut Peer) -> Result<(), Stop> {
    for nct in [2, 3] {
        let more = json!({"enc": {"net": [1]}, "nct": nct});
        let mut home = subscribed(peer, more).await?;
        touch(peer, &mut home, "new").await?;
        let told = event(peer, &home, 2000).await?;
        let rep = &told.body("m2m:sgn")["nev"]["rep"];
        if nct == 2 {
            expect::equal(
                "LNK-14",
                "what changed",
                json!(["new"]),
                &rep["m2m:cnt"]["lbl"],
            )?;
            expect::without("LNK-14", "what changed", &["rn", "ct"], &rep["m2m:cnt"])?;
        } else {
            let good = rep.get("m2m:uri").is_some_and(Value::is_string);
            expect::holds("LNK-14", "an identifier", good, rep)?;
        }
    }
    Ok(())
}

async fn ordered(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[3])).await?;
    for con in ["1", "2", "3", "4", "5"] {
        put(peer, &mut home, con).await?;
    }
    for con in ["1", "2", "3", "4", "5"] {
        let told = event(peer, &home, 2000).await?;
        let rep = &told.body("m2m:sgn")["nev"]["rep"];
        expect::equal("LNK-11", "the next event", con, &rep["m2m:cin"]["con"])?;
    }
    Ok(())
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let home = home(peer, &json!({})).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let body = json!({"m2m:sub": {"nu": [other.stem], "enc": {"net": [3]}}});
    let message = other.request(1, &home.cnt, json!({"ty": 23, "pc": body}));
    other
        .ask(peer, ("subscribe", "refusal"), &message, "REG-25", 4103)
        .await
        .map(drop)
}

async fn refused(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[3])).await?;
    put(peer, &mut home, "1").await?;
    event(peer, &home, 4000).await?;
    put(peer, &mut home, "2").await?;
    event(peer, &home, 2000).await.map(drop)
}

async fn meanwhile(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[3])).await?;
    put(peer, &mut home, "1").await?;
    // The notification is open while another request is answered.
    let to = home.cnt.clone();
    home.ae.read(peer, QUIET, &to, "LNK-14", 2000).await?;
    event(peer, &home, 2000).await.map(drop)
}

/// Sends a request that gives a subscription another AE as its target, and answers the question to
/// that AE, if there is one; the answer to the request, and whether the target was asked.
async fn asked(
    peer: &mut Peer,
    home: &Home,
    other: &Ae,
    message: &Value,
    verdict: u64,
) -> Result<(Message, bool), Stop> {
    let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(home.ae.link, "subscribe", message).await?;
    peer.probe(home.ae.link).await?;
    if peer.has_response(home.ae.link, &rqi) {
        peer.tolerate("REG-40: the target is not asked, as TS-0004 7.4.8.2.1 lets it".to_owned());
        let answer = peer.response(home.ae.link, "answer", &rqi).await?;
        return Ok((answer, false));
    }
    let question = peer
        .request(other.link, "question", "a verification", |request| {
            let content = request.pc.as_ref();
            request.op == 5 && content.is_some_and(|pc| pc["m2m:sgn"]["vrq"] == true)
        })
        .await;
    let question = expect::arrived("REG-40", question)?;
    let early = peer.has_response(home.ae.link, &rqi);
    expect::holds(
        "REG-40",
        "no answer before the target's",
        !early,
        "one came",
    )?;
    other
        .answer(peer, "verdict", &question, verdict, None)
        .await?;
    let answer = peer.response(home.ae.link, "answer", &rqi).await;
    Ok((expect::arrived("REG-40", answer)?, true))
}

fn to_other(home: &mut Home, target: &str) -> Value {
    let body = json!({"m2m:sub": {"rn": "sub", "nu": [target], "enc": {"net": [3]}}});
    home.ae.request(1, &home.cnt, json!({"ty": 23, "pc": body}))
}

async fn agreed(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let (other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let message = to_other(&mut home, &other.stem);
    let (answer, _) = asked(peer, &home, &other, &message, 2000).await?;
    expect::status("REG-40", "the subscription", &answer, &[2001])?;
    put(peer, &mut home, "seen").await?;
    let told = other.told(peer, "notification", 3).await;
    let told = expect::arrived("LNK-14", told)?;
    other.answer(peer, "answer", &told, 2000, None).await
}

async fn not_agreed(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let (other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let message = to_other(&mut home, &other.stem);
    let (answer, was_asked) = asked(peer, &home, &other, &message, 4101).await?;
    if !was_asked {
        return Ok(());
    }
    expect::status("REG-40", "a refused target", &answer, &[5204])?;
    let at = format!("{}/sub", home.cnt);
    home.ae.read(peer, QUIET, &at, "REG-40", 4004).await?;
    let message = to_other(&mut home, "Cnobody");
    home.ae
        .ask(peer, ("subscribe", "refusal"), &message, "REG-40", 5204)
        .await
        .map(drop)
}

async fn added(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = subscribed(peer, events(&[3])).await?;
    let (other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let at = format!("{}/sub", home.cnt);
    for (verdict, rsc) in [(4101, 5204), (2000, 2004)] {
        let nu = json!([home.ae.stem, other.stem]);
        let message = home
            .ae
            .request(3, &at, json!({"pc": {"m2m:sub": {"nu": nu}}}));
        let (answer, was_asked) = asked(peer, &home, &other, &message, verdict).await?;
        if !was_asked {
            return Ok(());
        }
        expect::status("REG-40", "another target", &answer, &[rsc])?;
        let held = home.ae.read(peer, QUIET, &at, "REG-40", 2000).await?;
        let count = if rsc == 2004 { 2 } else { 1 };
        let targets = expect::list("REG-40", "the subscription", held.body("m2m:sub"), "nu")?;
        expect::holds("REG-40", "its targets", targets.len() == count, &held.text)?;
    }
    Ok(())
}

async fn criteria(peer: &mut Peer) -> Result<(), Stop> {
    for (enc, told) in [
        (json!({"net": [1], "crb": "20200101T000000"}), false),
        (json!({"net": [1], "cra": "20990101T000000"}), false),
        (json!({"net": [1], "crb": "20990101T000000"}), true),
    ] {
        let mut home = subscribed(peer, json!({"enc": enc})).await?;
        touch(peer, &mut home, "changed").await?;
        if told {
            event(peer, &home, 2000).await?;
        }
        nothing(peer, &home).await?;
    }
    Ok(())
}
