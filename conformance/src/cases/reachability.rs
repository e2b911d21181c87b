//! Polling channels and schedules of one AE at one CSE (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cases::resources::{Home, home, make};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::story::Party;

/// How far ahead a schedule opens, in ms, and for how many seconds.
const OPENS: (i64, i64) = (3_000, 25);

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "RCH-01",
        Subscription,
        One,
        "An AE with `rr` false gets nothing on its link; polls bring what waits, the oldest first",
        ["REG-43", "REG-45"],
        ["TS-0001 9.6.21", "TS-0004 7.4.22"],
        "Often an open link is used whatever `rr` says.",
        oldest
    ),
    case!(
        "RCH-02",
        Subscription,
        One,
        "A poll waits for its request",
        ["REG-43"],
        ["TS-0004 7.4.22.2.2"],
        "Often an empty channel is answered at once.",
        long_poll
    ),
    case!(
        "RCH-03",
        Subscription,
        One,
        "A poll to which nothing comes is answered 4008 at its `rqet`",
        ["REG-43"],
        ["TS-0004 7.4.22.2.2"],
        "Often a poll has no end, or an empty success.",
        in_vain
    ),
    case!(
        "RCH-04",
        Subscription,
        One,
        "NOTIFY to `pcu` answers the request that a poll has brought",
        ["REG-43", "REG-44"],
        ["TS-0004 7.5.1.2.7"],
        "Often the response ends in the channel.",
        way_back
    ),
    case!(
        "RCH-05",
        Subscription,
        One,
        "A polling channel is its owner's alone",
        ["REG-41", "REG-42"],
        ["TS-0001 9.6.21", "TS-0001 9.6.22"],
        "Often the rights of the parent count.",
        private
    ),
    case!(
        "RCH-06",
        Subscription,
        One,
        "Outside its schedule an AE gets no requests; they come when it opens",
        ["REG-46"],
        ["TS-0020 5.2", "TS-0001 9.6.9"],
        "Often a schedule is kept and not looked at.",
        closed
    ),
    case!(
        "RCH-07",
        Subscription,
        One,
        "While the schedule of a subscription is closed nothing is notified; `pn` says what is then",
        ["REG-48", "REG-49"],
        ["TS-0001 9.6.8", "TS-0004 7.5.1.2.2"],
        "Often `pn` is stored and has no effect.",
        pending
    ),
    case!(
        "RCH-08",
        Subscription,
        One,
        "What was kept as the newest event says so: `ec` 4",
        ["REG-82"],
        ["TS-0004 7.5.1.2.2"],
        "Often it looks as if it had just happened.",
        newest
    ),
];

/// Whether the CSE has what the case is about.
fn offered(what: &str, answer: &Message) -> Result<(), Stop> {
    match answer.value["rsc"].as_u64() {
        Some(5001 | 4108) => Err(Stop::Absent(format!("no {what} there: {}", answer.text))),
        Some(_) | None => Ok(()),
    }
}

/// An AE that takes no requests, with a polling channel and a container whose children it watches.
async fn polling(peer: &mut Peer) -> Result<Home, Stop> {
    let mut home = home(peer, &json!({})).await?;
    let parent = home.ae.own("");
    let unreachable = json!({"pc": {"m2m:ae": {"rr": false}}});
    let message = home.ae.request(3, &parent, unreachable);
    home.ae.ask(peer, QUIET, &message, "REG-23", 2004).await?;
    let body = json!({"ty": 15, "pc": {"m2m:pch": {"rn": "pch"}}});
    let message = home.ae.request(1, &parent, body);
    let made = peer.call(home.ae.link, QUIET, &message).await?;
    offered("<pollingChannel>", &made)?;
    expect::status("REG-41", "a polling channel", &made, &[2001])?;
    watched(peer, &mut home, "sub", json!({})).await?;
    Ok(home)
}

/// A subscription to new children of the box; its identifier.
async fn watched(peer: &mut Peer, home: &mut Home, rn: &str, more: Value) -> Result<String, Stop> {
    let mut body = json!({"rn": rn, "nu": [home.ae.stem], "enc": {"net": [3]}});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let to = home.cnt.clone();
    let made = make(peer, &mut home.ae, &to, 23, "m2m:sub", &body).await?;
    expect::text("REG-24", "a subscription", made.body("m2m:sub"), "ri")
}

async fn put(peer: &mut Peer, home: &mut Home, con: &str) -> Result<(), Stop> {
    let to = home.cnt.clone();
    let body = json!({"con": con});
    make(peer, &mut home.ae, &to, 4, "m2m:cin", &body)
        .await
        .map(drop)
}

/// No request has come on the link.
async fn nothing(peer: &mut Peer, ae: &Ae, requirement: &str) -> Result<(), Stop> {
    peer.probe(ae.link).await?;
    peer.probe(ae.link).await?;
    let came = peer.has_request(ae.link, |request| request.op == 5);
    expect::holds(requirement, "no request on the link", !came, "one came")
}

/// A poll that lives so long.
fn poll(peer: &mut Peer, ae: &mut Ae, life_ms: i64) -> Value {
    let rqet = peer.ahead(life_ms).to_string();
    ae.request(2, &ae.own("/pch/pcu"), json!({"rqet": rqet}))
}

/// The request that a poll has brought.
fn brought(answer: &Message) -> Result<Value, Stop> {
    expect::status("REG-43", "a poll", answer, &[2000])?;
    let polled = answer.body("m2m:rqp").clone();
    expect::members("REG-43", "the request", &json!({"op": 5}), &polled)?;
    expect::text("REG-43", "the request", &polled, "rqi")?;
    Ok(polled)
}

/// NOTIFY with the response to a polled request.
fn reply(ae: &mut Ae, polled: &Value) -> Value {
    let response = json!({"rsc": 2000, "rqi": polled["rqi"], "rvi": "3"});
    let to = ae.own("/pch/pcu");
    ae.request(5, &to, json!({"pc": {"m2m:rsp": response}}))
}

async fn oldest(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = polling(peer).await?;
    for con in ["1", "2"] {
        put(peer, &mut home, con).await?;
    }
    nothing(peer, &home.ae, "REG-45").await?;
    for con in ["1", "2"] {
        let message = poll(peer, &mut home.ae, 5_000);
        let answer = peer.call(home.ae.link, QUIET, &message).await?;
        let polled = brought(&answer)?;
        let shown = &polled["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"];
        expect::equal("REG-43", "the oldest event", con, shown)?;
        let message = reply(&mut home.ae, &polled);
        home.ae.ask(peer, QUIET, &message, "REG-44", 2000).await?;
    }
    nothing(peer, &home.ae, "REG-45").await
}

async fn long_poll(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = polling(peer).await?;
    let message = poll(peer, &mut home.ae, 8_000);
    let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(home.ae.link, "", &message).await?;
    peer.probe(home.ae.link).await?;
    let early = peer.has_response(home.ae.link, &rqi);
    expect::holds("REG-43", "a poll that waits", !early, "an answer")?;
    put(peer, &mut home, "late").await?;
    let answer = expect::arrived("REG-43", peer.response(home.ae.link, "", &rqi).await)?;
    let polled = brought(&answer)?;
    let shown = &polled["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"];
    expect::equal("REG-43", "the event", "late", shown)
}

async fn in_vain(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = polling(peer).await?;
    let message = poll(peer, &mut home.ae, 1_500);
    home.ae
        .ask(peer, QUIET, &message, "REG-43", 4008)
        .await
        .map(drop)
}

async fn way_back(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = polling(peer).await?;
    let to = home.ae.own("");
    let content = json!({"pc": {"m2m:sgn": {"vrq": true, "sur": to}}});
    let message = home.ae.request(5, &to, content);
    let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(home.ae.link, "", &message).await?;
    let message = poll(peer, &mut home.ae, 5_000);
    let answer = peer.call(home.ae.link, QUIET, &message).await?;
    let polled = brought(&answer)?;
    let early = peer.has_response(home.ae.link, &rqi);
    expect::holds("REG-44", "no answer of its own", !early, "one came")?;
    let message = reply(&mut home.ae, &polled);
    home.ae.ask(peer, QUIET, &message, "REG-44", 2000).await?;
    let answer = expect::arrived("REG-44", peer.response(home.ae.link, "", &rqi).await)?;
    expect::status("REG-44", "the NOTIFY", &answer, &[2000])
}

async fn private(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = polling(peer).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let pcu = home.ae.own("/pch/pcu");
    let rqet = peer.ahead(2_000).to_string();
    let message = other.request(2, &pcu, json!({"rqet": rqet}));
    other.ask(peer, QUIET, &message, "REG-42", 4103).await?;
    let body = json!({"ty": 15, "pc": {"m2m:pch": {"rn": "mine"}}});
    let message = other.request(1, &home.ae.own(""), body);
    other.ask(peer, QUIET, &message, "REG-41", 4103).await?;
    let message = home.ae.request(4, &pcu, json!({}));
    home.ae
        .ask(peer, QUIET, &message, "REG-42", 4005)
        .await
        .map(drop)
}

/// The content of the next event that comes on the link, and whose subscription it is.
async fn event(peer: &mut Peer, ae: &Ae, requirement: &str) -> Result<(String, String), Stop> {
    let told = peer
        .request(ae.link, "notification", "an event", |request| {
            let content = request.pc.as_ref();
            request.op == 5 && content.is_some_and(|pc| pc["m2m:sgn"].get("nev").is_some())
        })
        .await;
    let told = expect::arrived(requirement, told)?;
    ae.answer(peer, "answer", &told, 2000, None).await?;
    let sgn = told.body("m2m:sgn");
    let sur = expect::text(requirement, "the notification", sgn, "sur")?;
    let last = sur.rsplit('/').next().unwrap_or_default().to_owned();
    let shown = &sgn["nev"]["rep"]["m2m:cin"];
    let con = expect::text(requirement, "the new child", shown, "con")?;
    Ok((last, con))
}

async fn closed(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    watched(peer, &mut home, "sub", json!({})).await?;
    let window = peer.window(OPENS.0, OPENS.1);
    let body = json!({"rn": "hours", "se": {"sce": window.entries}});
    let message = json!({"ty": 18, "pc": {"m2m:sch": body}});
    let message = home.ae.request(1, &home.ae.own(""), message);
    let made = peer.call(home.ae.link, QUIET, &message).await?;
    offered("<schedule> below <AE>", &made)?;
    expect::status("REG-46", "a schedule below an AE", &made, &[2001])?;
    for con in ["1", "2"] {
        put(peer, &mut home, con).await?;
    }
    nothing(peer, &home.ae, "REG-46").await?;
    for expected in ["1", "2"] {
        let (_, con) = event(peer, &home.ae, "REG-46").await?;
        expect::equal("REG-46", "what waited, in order", expected, &json!(con))?;
    }
    let now = peer.now();
    let late = now >= window.opens;
    expect::holds("REG-46", "nothing before it opens", late, now.to_string())
}

/// A subscription that is told only while its schedule is open; its identifier.
async fn scheduled(
    peer: &mut Peer,
    home: &mut Home,
    (rn, more): (&str, Value),
    entries: &[String],
) -> Result<String, Stop> {
    let id = watched(peer, home, rn, more).await?;
    let body = json!({"rn": "notificationSchedule", "se": {"sce": entries}});
    let message = json!({"ty": 18, "pc": {"m2m:sch": body}});
    let to = format!("{}/{rn}", home.cnt);
    let message = home.ae.request(1, &to, message);
    let made = peer.call(home.ae.link, QUIET, &message).await?;
    offered("<schedule> below <subscription>", &made)?;
    expect::status("REG-48", "a schedule below it", &made, &[2001])?;
    Ok(id)
}

async fn newest(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let window = peer.window(OPENS.0, OPENS.1);
    let latest = ("latest", json!({"pn": 1}));
    scheduled(peer, &mut home, latest, &window.entries).await?;
    for con in ["1", "2"] {
        put(peer, &mut home, con).await?;
    }
    let told = peer
        .request(home.ae.link, "notification", "an event", |request| {
            request.op == 5
        })
        .await;
    let told = expect::arrived("REG-82", told)?;
    home.ae.answer(peer, "answer", &told, 2000, None).await?;
    let con = &told.body("m2m:sgn")["nev"]["rep"]["m2m:cin"]["con"];
    expect::equal("REG-82", "the newest event", "2", con)?;
    expect::equal("REG-82", "`ec` of the notification", 4, &told.value["ec"])
}

async fn pending(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let window = peer.window(OPENS.0, OPENS.1);
    let mut subscriptions = Vec::new();
    for subscription in [
        ("none", json!({})),
        ("latest", json!({"pn": 1})),
        ("all", json!({"pn": 2})),
    ] {
        let id = scheduled(peer, &mut home, subscription, &window.entries).await?;
        subscriptions.push(id);
    }
    for con in ["1", "2", "3"] {
        put(peer, &mut home, con).await?;
    }
    nothing(peer, &home.ae, "REG-48").await?;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(event(peer, &home.ae, "REG-49").await?);
    }
    put(peer, &mut home, "4").await?;
    for _ in 0..3 {
        told.push(event(peer, &home.ae, "REG-49").await?);
    }
    nothing(peer, &home.ae, "REG-48").await?;
    let of = |id: &String| -> Vec<&str> {
        let mine = told.iter().filter(|(of, _)| of == id);
        mine.map(|(_, con)| con.as_str()).collect()
    };
    for (id, requirement, expected) in [
        (&subscriptions[0], "REG-48", json!(["4"])),
        (&subscriptions[1], "REG-49", json!(["3", "4"])),
        (&subscriptions[2], "REG-49", json!(["1", "2", "3", "4"])),
    ] {
        let what = "what one subscription was told";
        expect::equal(requirement, what, expected, &json!(of(id)))?;
    }
    Ok(())
}
