//! Lives of resources, what the host completes, what is gathered and dropped, parts of a result (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cases::resources::{Home, home, make};
use crate::cast::QUIET;
use crate::expect;
use crate::peer::{Message, Peer};
use crate::story::Party;
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "RES-51",
        Resources,
        One,
        "A resource cannot be made to end before its child",
        ["REG-79"],
        ["TS-0004 7.3.3.4"],
        "Often children are left that outlive their parent.",
        outlived
    ),
    case!(
        "SUB-19",
        Subscription,
        One,
        "A subscription shows its `nct`, and its `cr` where another one is told",
        ["REG-80"],
        ["TS-0004 7.4.8.2.1", "TS-0001 9.6.8"],
        "Often the default is applied and not shown.",
        completed
    ),
    case!(
        "SUB-20",
        Subscription,
        One,
        "What was kept for a closed schedule is dropped with `pn`",
        ["REG-81"],
        ["TS-0004 7.4.8.2.3"],
        "Often it is told all the same when the schedule opens.",
        dropped
    ),
    case!(
        "SUB-21",
        Subscription,
        One,
        "Two events of a subscription with `bn` are told together",
        ["REG-86"],
        ["TS-0001 10.2.10.7", "TS-0004 6.3.5.6"],
        "Often `bn` is stored and every event is told alone.",
        gathered
    ),
    case!(
        "SUB-22",
        Subscription,
        One,
        "Notifications carry the event category of their subscription",
        ["REG-87"],
        ["TS-0001 10.2.10.7", "TS-0004 7.5.1.2.2"],
        "Often `nec` is stored and nothing else.",
        categorised
    ),
    case!(
        "DSC-24",
        Discovery,
        One,
        "A result that `lim` has cut says so, and says where the rest begins",
        ["DIS-13"],
        ["TS-0001 8.1.3"],
        "Often nobody can tell a part from the whole.",
        part
    ),
    case!(
        "DSC-25",
        Discovery,
        One,
        "`atr` does not name an attribute that has a criterion of its own",
        ["DIS-14"],
        ["TS-0004 7.3.3.17.9"],
        "Often it is compared as text, and nothing is found.",
        own_criteria
    ),
];

async fn outlived(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    let (sooner, later) = (peer.ahead(3_600_000), peer.ahead(7_200_000));
    let body = json!({"rn": "inner", "et": later.to_string()});
    make(peer, &mut home.ae, &to, 3, "m2m:cnt", &body).await?;
    for (et, rsc) in [(sooner, 4000), (later, 2004)] {
        let pc = json!({"m2m:cnt": {"et": et.to_string()}});
        let message = home.ae.request(3, &to, json!({"pc": pc}));
        home.ae
            .ask(peer, ("update", "answer"), &message, "REG-79", rsc)
            .await?;
    }
    Ok(())
}

async fn completed(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    let body = json!({"rn": "own", "nu": [home.ae.stem], "enc": {"net": [3]}});
    let made = make(peer, &mut home.ae, &to, 23, "m2m:sub", &body).await?;
    expect::equal("REG-80", "`nct`", 1, &made.body("m2m:sub")["nct"])?;
    let base = peer.target(Party::Cse1).id.clone();
    let body = json!({"rn": "other", "nu": [base], "enc": {"net": [3]}});
    let message = home
        .ae
        .request(1, &to, json!({"ty": 23, "pc": {"m2m:sub": body}}));
    let answer = peer
        .call(home.ae.link, ("subscribe", "answer"), &message)
        .await?;
    if answer.value["rsc"] != 2001 {
        peer.tolerate("REG-80: the CSE does not take its own notifications".to_owned());
        return Ok(());
    }
    let shown = answer.body("m2m:sub")["cr"].as_str().unwrap_or_default();
    let is_own = [home.ae.id.as_str(), home.ae.stem.as_str()].contains(&shown);
    expect::holds("REG-80", "`cr` is the subscriber", is_own, &answer.text)
}

/// A subscription `sub` to new children, with more attributes; `None` if the CSE has no such thing.
async fn subscribe(peer: &mut Peer, home: &mut Home, more: &Value) -> Result<(), Stop> {
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
    expect::status("REG-24", "the subscription", &answer, &[2001])
}

async fn instance(peer: &mut Peer, home: &mut Home, rn: &str) -> Result<(), Stop> {
    let to = home.cnt.clone();
    let body = json!({"rn": rn, "con": rn});
    make(peer, &mut home.ae, &to, 4, "m2m:cin", &body)
        .await
        .map(drop)
}

fn is_notify(request: &Request) -> bool {
    request.op == 5
}

async fn told(peer: &mut Peer, home: &Home, rule: &str) -> Result<Message, Stop> {
    let came = peer
        .request(home.ae.link, "notification", "a notification", is_notify)
        .await;
    let came = expect::arrived(rule, came)?;
    home.ae.answer(peer, "answer", &came, 2000, None).await?;
    Ok(came)
}

async fn dropped(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let rule = "REG-81";
    subscribe(peer, &mut home, &json!({"pn": 2})).await?;
    let sub = format!("{}/sub", home.cnt);
    let se = json!({"sce": ["* * * * * * 2000"]});
    let body = json!({"rn": "notificationSchedule", "se": se});
    make(peer, &mut home.ae, &sub, 18, "m2m:sch", &body).await?;
    instance(peer, &mut home, "kept").await?;
    let message = home
        .ae
        .request(3, &sub, json!({"pc": {"m2m:sub": {"pn": null}}}));
    home.ae.ask(peer, QUIET, &message, rule, 2004).await?;
    let message = home
        .ae
        .request(4, &format!("{sub}/notificationSchedule"), json!({}));
    home.ae.ask(peer, QUIET, &message, "REG-06", 2002).await?;
    instance(peer, &mut home, "told").await?;
    let came = told(peer, &home, rule).await?;
    let rep = &came.content()["m2m:sgn"]["nev"]["rep"];
    expect::equal(rule, "the instance told", "told", &rep["m2m:cin"]["rn"])
}

async fn gathered(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let rule = "REG-86";
    subscribe(peer, &mut home, &json!({"bn": {"num": 2, "dur": "PT1H"}})).await?;
    instance(peer, &mut home, "one").await?;
    peer.probe(home.ae.link).await?;
    let early = peer.has_request(home.ae.link, is_notify);
    expect::holds(rule, "nothing after one event", !early, "a NOTIFY came")?;
    instance(peer, &mut home, "two").await?;
    let came = told(peer, &home, rule).await?;
    let all = &came.content()["m2m:agn"];
    let list = expect::list(rule, "the notification", all, "m2m:sgn")?;
    let names: Vec<_> = list
        .iter()
        .map(|sgn| sgn["nev"]["rep"]["m2m:cin"]["rn"].clone())
        .collect();
    let names = Value::Array(names);
    expect::equal(rule, "what is told", json!(["one", "two"]), &names)
}

async fn categorised(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let rule = "REG-87";
    subscribe(peer, &mut home, &json!({"nec": 100})).await?;
    instance(peer, &mut home, "one").await?;
    let came = told(peer, &home, rule).await?;
    expect::equal(rule, "`ec` of the notification", 100, &came.value["ec"])
}

async fn part(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    for rn in ["one", "two", "three"] {
        make(peer, &mut home.ae, &to, 3, "m2m:cnt", &json!({"rn": rn})).await?;
    }
    let rule = "DIS-13";
    for (usage, rcn) in [(1, 1), (2, 6)] {
        for (limit, offset, rest) in [(2, 1, json!(3)), (1, 2, json!(3)), (2, 2, Value::Null)] {
            let fc = json!({"fu": usage, "lim": limit, "ofst": offset});
            let mut more = json!({"fc": fc});
            if rcn != 1 {
                more["rcn"] = rcn.into();
            }
            let message = home.ae.request(2, &to, more);
            let answer = home.ae.ask(peer, QUIET, &message, rule, 2000).await?;
            let status = if rest.is_null() {
                Value::Null
            } else {
                1.into()
            };
            let what = format!("for {fc}");
            let whole = rest.is_null() && answer.value["cnst"] == 2;
            if !whole {
                expect::equal(
                    rule,
                    &format!("`cnst` {what}"),
                    status,
                    &answer.value["cnst"],
                )?;
            }
            expect::equal(rule, &format!("`cnot` {what}"), rest, &answer.value["cnot"])?;
        }
    }
    Ok(())
}

async fn own_criteria(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"lbl": ["x"]})).await?;
    let to = home.ae.own("");
    for (name, value) in [("lbl", "x"), ("ct", "2*"), ("ty", "3")] {
        let fc = json!({"fu": 1, "atr": [{"nm": name, "val": value}]});
        let message = home.ae.request(2, &to, json!({"fc": fc}));
        home.ae
            .ask(peer, ("discover", "refusal"), &message, "DIS-14", 4000)
            .await?;
    }
    Ok(())
}
