//! Operations on resources, by one AE at one CSE (configuration A).

use serde_json::{Value, json};

use crate::case::Stop;
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::story::Party;

mod content;
mod table;
mod validity;

pub use table::CASES;

/// One AE and a container of its own.
pub(super) struct Home {
    pub(super) ae: Ae,
    pub(super) cnt: String,
}

/// Registers an AE and makes `box` with these attributes.
///
/// # Errors
/// If one is refused.
pub(super) async fn home(peer: &mut Peer, more: &Value) -> Result<Home, Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let cnt = ae.own("/box");
    let parent = ae.own("");
    make(peer, &mut ae, &parent, 3, "m2m:cnt", &named("box", more)).await?;
    Ok(Home { ae, cnt })
}

fn named(rn: &str, more: &Value) -> Value {
    let mut body = json!({"rn": rn});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// A CREATE that must succeed.
///
/// # Errors
/// If it is refused.
pub(super) async fn make(
    peer: &mut Peer,
    ae: &mut Ae,
    to: &str,
    ty: u32,
    kind: &str,
    body: &Value,
) -> Result<Message, Stop> {
    let message = ae.request(1, to, json!({"ty": ty, "pc": {kind: body}}));
    ae.ask(peer, ("create", "created"), &message, "REG-24", 2001)
        .await
}

/// A request that must be answered so; another refusal that blames the originator is tolerated.
async fn refuse(
    peer: &mut Peer,
    ae: &Ae,
    message: &Value,
    requirement: &str,
    best: u64,
) -> Result<(), Stop> {
    let answer = peer.call(ae.link, ("request", "refusal"), message).await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
    let expected = format!(
        "op {} to {} refused with {best}",
        message["op"], message["to"]
    );
    expect::holds(
        requirement,
        &expected,
        rsc == best || (4000..5000).contains(&rsc),
        &answer.text,
    )?;
    if rsc != best {
        peer.tolerate(format!("{requirement}: refused with {rsc}, not {best}"));
    }
    Ok(())
}

async fn put(peer: &mut Peer, home: &mut Home, con: &str) -> Result<Message, Stop> {
    let to = home.cnt.clone();
    make(peer, &mut home.ae, &to, 4, "m2m:cin", &json!({"con": con})).await
}

async fn body(peer: &mut Peer, home: &mut Home, to: &str, kind: &str) -> Result<Value, Stop> {
    let answer = home.ae.read(peer, QUIET, to, "REG-19", 2000).await?;
    Ok(answer.body(kind).clone())
}

async fn create(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let sent = json!({"rn": "box", "mni": 5, "lbl": ["a:b", "c"]});
    let parent = ae.own("");
    let answer = make(peer, &mut ae, &parent, 3, "m2m:cnt", &sent).await?;
    let made = answer.body("m2m:cnt");
    let rule = "REG-28";
    expect::members(rule, "a new container", &sent, made)?;
    expect::members(
        rule,
        "a new container",
        &json!({"ty": 3, "cni": 0, "cbs": 0}),
        made,
    )?;
    expect::equal(rule, "its parent", ae.stem, &made["pi"])?;
    for time in ["ct", "lt", "et"] {
        expect::time(rule, "a new container", made, time)?;
    }
    expect::text(rule, "a new container", made, "ri").map(drop)
}

async fn retrieve(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let parent = ae.own("");
    let sent = json!({"rn": "box", "lbl": ["x"]});
    let made = make(peer, &mut ae, &parent, 3, "m2m:cnt", &sent).await?;
    let to = ae.own("/box");
    let answer = ae.read(peer, QUIET, &to, "REG-19", 2000).await?;
    expect::members(
        "REG-19",
        "the container",
        made.body("m2m:cnt"),
        answer.body("m2m:cnt"),
    )
}

async fn change(peer: &mut Peer, home: &Home, ae: &mut Ae, pc: Value) -> Result<Message, Stop> {
    let message = ae.request(3, &home.cnt, json!({"pc": {"m2m:cnt": pc}}));
    ae.ask(peer, ("update", "updated"), &message, "REG-23", 2004)
        .await
}

async fn update(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"mni": 5, "lbl": ["keep"]})).await?;
    let mut ae = home.ae.clone();
    let answer = change(peer, &home, &mut ae, json!({"mni": 7})).await?;
    expect::members(
        "REG-23",
        "the update",
        &json!({"mni": 7}),
        answer.body("m2m:cnt"),
    )?;
    home.ae = ae;
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    let expected = json!({"mni": 7, "lbl": ["keep"], "rn": "box"});
    expect::members("REG-23", "the container afterwards", &expected, &now)
}

async fn remove(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"lbl": ["gone"]})).await?;
    let mut ae = home.ae.clone();
    change(peer, &home, &mut ae, json!({"lbl": null})).await?;
    home.ae = ae;
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::without("REG-23", "the container", &["lbl"], &now)
}

async fn delete(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    make(
        peer,
        &mut home.ae,
        &to,
        3,
        "m2m:cnt",
        &json!({"rn": "inner"}),
    )
    .await?;
    put(peer, &mut home, "x").await?;
    let message = home.ae.request(4, &to, json!({}));
    home.ae
        .ask(peer, ("delete", "deleted"), &message, "REG-06", 2002)
        .await?;
    for path in ["/box", "/box/inner", "/box/la"] {
        let to = home.ae.own(path);
        home.ae.read(peer, QUIET, &to, "REG-06", 4004).await?;
    }
    Ok(())
}

async fn absent(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let to = ae.own("/nothing");
    let cnt = json!({"m2m:cnt": {"lbl": ["x"]}});
    for (op, more) in [
        (1, json!({"ty": 3, "pc": cnt})),
        (2, json!({})),
        (3, json!({"pc": cnt})),
        (4, json!({})),
    ] {
        let message = ae.request(op, &to, more);
        ae.ask(peer, ("request", "not found"), &message, "REG-20", 4004)
            .await?;
    }
    Ok(())
}

async fn taken(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"mni": 3})).await?;
    let more = json!({"ty": 3, "pc": {"m2m:cnt": {"rn": "box", "mni": 9}}});
    let message = home.ae.request(1, &home.ae.own(""), more);
    home.ae
        .ask(peer, ("again", "conflict"), &message, "REG-24", 4105)
        .await?;
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::equal("REG-24", "`mni` of the first", 3, &now["mni"])
}

async fn nameless(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let made = put(peer, &mut home, "x").await?;
        names.insert(expect::text(
            "REG-24",
            "an instance",
            made.body("m2m:cin"),
            "rn",
        )?);
    }
    expect::equal("REG-24", "distinct names", 5, &names.len().into())
}

async fn unknown_attribute(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let wrong = json!({"rn": "odd", "zzq": 1});
    let more = json!({"ty": 3, "pc": {"m2m:cnt": wrong}});
    let message = home.ae.request(1, &home.ae.own(""), more);
    refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
    let message = home
        .ae
        .request(3, &home.cnt, json!({"pc": {"m2m:cnt": {"zzq": 1}}}));
    refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
    let to = home.ae.own("/odd");
    home.ae
        .read(peer, QUIET, &to, "REG-23", 4004)
        .await
        .map(drop)
}

async fn not_permitted(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for wrong in [
        json!({"ri": "mine"}),
        json!({"pi": "mine"}),
        json!({"ct": "20200101T000000"}),
        json!({"cni": 4}),
        json!({"cbs": 4}),
        json!({"st": 4}),
    ] {
        let more = json!({"ty": 3, "pc": {"m2m:cnt": wrong}});
        let message = home.ae.request(1, &home.ae.own(""), more);
        refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
        let message = home
            .ae
            .request(3, &home.cnt, json!({"pc": {"m2m:cnt": wrong}}));
        refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
    }
    Ok(())
}

async fn wrong_type(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for wrong in [
        json!({"mni": "five"}),
        json!({"mni": true}),
        json!({"mni": -1}),
        json!({"mni": 1.5}),
        json!({"lbl": "no list"}),
        json!({"lbl": [1]}),
        json!({"et": "tomorrow"}),
    ] {
        let more = json!({"ty": 3, "pc": {"m2m:cnt": wrong}});
        let message = home.ae.request(1, &home.ae.own(""), more);
        refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
    }
    Ok(())
}

async fn other_content(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let more = json!({"ty": 3, "pc": {"m2m:grp": {"mid": [], "mnm": 3}}});
    let message = home.ae.request(1, &home.ae.own(""), more);
    refuse(peer, &home.ae, &message, "REG-23", 4000).await
}

async fn wrong_child(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for (ty, kind, wrong) in [
        (2, "m2m:ae", json!({"api": "N.x", "rr": true, "srv": ["3"]})),
        (1, "m2m:acp", json!({"pv": {"acr": []}, "pvs": {"acr": []}})),
    ] {
        let message = home
            .ae
            .request(1, &home.cnt, json!({"ty": ty, "pc": {kind: wrong}}));
        let answer = peer
            .call(home.ae.link, ("request", "refusal"), &message)
            .await?;
        let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
        if ty == 2 && rsc == 4117 {
            // TS-0004 7.4.5.2.1 looks at the registration of the originator first.
            peer.tolerate("REG-24: an AE below a container is 4117, not 4108".to_owned());
        } else {
            let what = format!("type {ty} below a container");
            expect::status("REG-24", &what, &answer, &[4108])?;
        }
    }
    Ok(())
}

async fn unknown_type(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let more = json!({"ty": 4999, "pc": {"m2m:zzz": {"rn": "odd"}}});
    let message = home.ae.request(1, &home.ae.own(""), more);
    let answer = peer
        .call(home.ae.link, ("request", "refusal"), &message)
        .await?;
    expect::status(
        "REG-24",
        "CREATE of type 4999",
        &answer,
        &[5001, 4000, 4108],
    )
}

async fn no_content(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let message = home.ae.request(1, &home.ae.own(""), json!({"ty": 3}));
    refuse(peer, &home.ae, &message, "REG-22", 4000).await?;
    let message = home.ae.request(3, &home.cnt, json!({}));
    refuse(peer, &home.ae, &message, "REG-22", 4000).await
}

async fn no_type(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let more = json!({"pc": {"m2m:cnt": {"rn": "odd"}}});
    let message = home.ae.request(1, &home.ae.own(""), more);
    refuse(peer, &home.ae, &message, "REG-22", 4000).await
}

async fn immutable(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let made = put(peer, &mut home, "before").await?;
    let rn = expect::text("REG-23", "an instance", made.body("m2m:cin"), "rn")?;
    let to = format!("{}/{rn}", home.cnt);
    let message = home
        .ae
        .request(3, &to, json!({"pc": {"m2m:cin": {"con": "after"}}}));
    refuse(peer, &home.ae, &message, "REG-23", 4005).await?;
    let now = body(peer, &mut home, &to, "m2m:cin").await?;
    expect::equal("REG-23", "its content", "before", &now["con"])
}

async fn counts(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for (con, bytes) in [("abcd", 4), ("\u{fc}", 2), ("a\"b", 3)] {
        let made = put(peer, &mut home, con).await?;
        let size = &made.body("m2m:cin")["cs"];
        if con.is_ascii() {
            expect::equal("REG-23", &format!("`cs` of {con:?}"), bytes, size)?;
        } else if *size != bytes {
            peer.tolerate(format!("REG-23: `cs` of one letter of two bytes is {size}"));
        }
    }
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::equal("REG-23", "`cni`", 3, &now["cni"])
}

async fn oldest_goes(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"mni": 2})).await?;
    for con in ["1", "2", "3"] {
        put(peer, &mut home, con).await?;
    }
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::equal("REG-23", "`cni`", 2, &now["cni"])?;
    for (path, con) in [("/ol", "2"), ("/la", "3")] {
        let at = format!("{to}{path}");
        let now = body(peer, &mut home, &at, "m2m:cin").await?;
        expect::equal("REG-23", path, con, &now["con"])?;
    }
    Ok(())
}

async fn byte_bound(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"mbs": 10})).await?;
    put(peer, &mut home, "123456").await?;
    put(peer, &mut home, "abcdef").await?;
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::members(
        "REG-23",
        "the container",
        &json!({"cni": 1, "cbs": 6}),
        &now,
    )?;
    let more = json!({"ty": 4, "pc": {"m2m:cin": {"con": "more than ten"}}});
    let message = home.ae.request(1, &to, more);
    refuse(peer, &home.ae, &message, "REG-23", 5207).await
}

async fn virtuals(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for con in ["first", "middle", "last"] {
        put(peer, &mut home, con).await?;
    }
    for (path, con) in [("/ol", "first"), ("/la", "last")] {
        let at = format!("{}{path}", home.cnt);
        let now = body(peer, &mut home, &at, "m2m:cin").await?;
        expect::equal("REG-19", path, con, &now["con"])?;
    }
    Ok(())
}

async fn la_empty(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for path in ["/la", "/ol"] {
        let at = format!("{}{path}", home.cnt);
        home.ae.read(peer, QUIET, &at, "REG-19", 4004).await?;
    }
    Ok(())
}

async fn delete_la(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for con in ["first", "last"] {
        put(peer, &mut home, con).await?;
    }
    let at = format!("{}/la", home.cnt);
    let message = home.ae.request(4, &at, json!({}));
    home.ae
        .ask(peer, ("delete", "deleted"), &message, "REG-19", 2002)
        .await?;
    let now = body(peer, &mut home, &at, "m2m:cin").await?;
    expect::equal("REG-19", "the latest now", "first", &now["con"])
}

async fn update_la(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    put(peer, &mut home, "x").await?;
    let at = format!("{}/la", home.cnt);
    let message = home
        .ae
        .request(3, &at, json!({"pc": {"m2m:cin": {"lbl": ["y"]}}}));
    refuse(peer, &home.ae, &message, "REG-23", 4005).await
}

async fn addresses(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    let ri = expect::text("REG-19", "the container", &now, "ri")?;
    let ways = [ri.clone(), home.ae.everywhere("/box"), home.ae.at_cse(&ri)];
    for to in ways {
        let found = body(peer, &mut home, &to, "m2m:cnt").await?;
        expect::equal("REG-19", &to, ri.clone(), &found["ri"])?;
    }
    Ok(())
}

async fn dash(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = format!("-/{}/box", home.ae.rn);
    let found = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::equal("REG-19", &to, "box", &found["rn"])
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let home = home(peer, &json!({})).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let cnt = json!({"m2m:cnt": {"lbl": ["mine"]}});
    for (op, more) in [
        (1, json!({"ty": 3, "pc": cnt})),
        (2, json!({})),
        (3, json!({"pc": cnt})),
        (4, json!({})),
    ] {
        let message = other.request(op, &home.cnt, more);
        other
            .ask(peer, ("request", "refusal"), &message, "REG-25", 4103)
            .await?;
    }
    Ok(())
}

/// A policy for `whom` to do `acop`, set on `box`.
async fn guarded(peer: &mut Peer, whom: &str, acop: u32) -> Result<Home, Stop> {
    let mut home = home(peer, &json!({})).await?;
    let own = [home.ae.stem.clone(), home.ae.id.clone()];
    let rule = |who: Value, acop: u32| json!({"acor": who, "acop": acop});
    let rules = json!([rule(json!(own), 63), rule(json!([whom]), acop)]);
    let acp = json!({"rn": "acp", "pv": {"acr": rules}, "pvs": {"acr": [rule(json!(own), 63)]}});
    let parent = home.ae.own("");
    make(peer, &mut home.ae, &parent, 1, "m2m:acp", &acp).await?;
    let acpi = json!({"acpi": [home.ae.own("/acp")]});
    let mut ae = home.ae.clone();
    let message = ae.request(3, &home.cnt, json!({"pc": {"m2m:cnt": acpi}}));
    ae.ask(peer, QUIET, &message, "REG-25", 2004).await?;
    home.ae = ae;
    Ok(home)
}

async fn policy(peer: &mut Peer) -> Result<(), Stop> {
    let (mut friend, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae4, None, QUIET).await?;
    let mut home = guarded(peer, &friend.stem, 2).await?;
    friend.read(peer, QUIET, &home.cnt, "REG-25", 2000).await?;
    other.read(peer, QUIET, &home.cnt, "REG-25", 4103).await?;
    let message = friend.request(3, &home.cnt, json!({"pc": {"m2m:cnt": {"lbl": ["x"]}}}));
    friend.ask(peer, QUIET, &message, "REG-25", 4103).await?;
    let message = friend.request(4, &home.cnt, json!({}));
    friend.ask(peer, QUIET, &message, "REG-25", 4103).await?;
    let to = home.cnt.clone();
    body(peer, &mut home, &to, "m2m:cnt").await.map(drop)
}

async fn policy_gone(peer: &mut Peer) -> Result<(), Stop> {
    let (mut friend, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let mut home = guarded(peer, &friend.stem, 63).await?;
    friend.read(peer, QUIET, &home.cnt, "REG-25", 2000).await?;
    let message = home.ae.request(4, &home.ae.own("/acp"), json!({}));
    home.ae.ask(peer, QUIET, &message, "REG-25", 2002).await?;
    friend
        .read(peer, QUIET, &home.cnt, "REG-25", 4103)
        .await
        .map(drop)
}

async fn times(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    let before = body(peer, &mut home, &to, "m2m:cnt").await?;
    let mut ae = home.ae.clone();
    change(peer, &home, &mut ae, json!({"lbl": ["x"]})).await?;
    home.ae = ae;
    let after = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::equal("REG-23", "`ct`", before["ct"].clone(), &after["ct"])?;
    let earlier = expect::time("REG-23", "before", &before, "lt")?;
    let later = expect::time("REG-23", "after", &after, "lt")?;
    expect::holds("REG-23", "`lt` does not go back", later >= earlier, &after)
}

async fn state_tag(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    let before = body(peer, &mut home, &to, "m2m:cnt").await?["st"].as_u64();
    put(peer, &mut home, "x").await?;
    let after = body(peer, &mut home, &to, "m2m:cnt").await?["st"].as_u64();
    let grown = before
        .zip(after)
        .is_some_and(|(before, after)| after > before);
    expect::holds(
        "REG-23",
        "`st` grows",
        grown,
        format!("{before:?}, then {after:?}"),
    )
}

async fn scripts(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for con in [
        "gr\u{fc}n \u{4f60}\u{597d} \u{1f600}",
        "{\"a\":\"b\\\\c\"}",
        "line\nline\ttab \u{0001}",
        "",
        " two  spaces ",
    ] {
        let made = put(peer, &mut home, con).await?;
        let rn = expect::text("REG-21", "an instance", made.body("m2m:cin"), "rn")?;
        let to = format!("{}/{rn}", home.cnt);
        let now = body(peer, &mut home, &to, "m2m:cin").await?;
        expect::equal("REG-21", "its content", con, &now["con"])?;
    }
    Ok(())
}

async fn labels(peer: &mut Peer) -> Result<(), Stop> {
    let lbl = json!(["z", "a:1", "m", "a:0"]);
    let mut home = home(peer, &json!({"lbl": lbl})).await?;
    let to = home.cnt.clone();
    let now = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::equal("REG-23", "`lbl`", lbl, &now["lbl"])
}
