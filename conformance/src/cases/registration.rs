//! AEs and their links, at one CSE (configuration A).

use serde_json::{Value, json};

use crate::case::Stop;
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::{Link, Message, Peer};
use crate::story::Party;

mod table;

pub use table::CASES;

async fn registered(peer: &mut Peer) -> Result<Ae, Stop> {
    Ok(Ae::register(peer, Party::Ae1, None, QUIET).await?.0)
}

/// A CREATE of an AE on a link of its own.
async fn attempt(peer: &mut Peer, stem: &str, ae: Value) -> Result<(Link, Message), Stop> {
    let target = peer.target(Party::Cse1).clone();
    let origin = target.manner.origin.then_some(stem);
    let link = peer.open(Party::Ae3, Party::Cse1, origin).await?;
    let message = json!({
        "op": 1, "to": target.name, "fr": stem, "rqi": "reg", "rvi": "3", "ty": 2,
        "pc": {"m2m:ae": ae}
    });
    let answer = peer.call(link, ("register", "answer"), &message).await?;
    Ok((link, answer))
}

fn usual(rn: &str) -> Value {
    json!({"rn": rn, "api": "Norg.example.x", "rr": true, "srv": ["3"]})
}

fn fresh(peer: &mut Peer) -> (String, String) {
    let name = peer.dice().name();
    (format!("Cx{name}"), format!("x{name}"))
}

async fn own_stem(peer: &mut Peer) -> Result<(), Stop> {
    let (stem, rn) = fresh(peer);
    let (_, answer) = attempt(peer, &stem, usual(&rn)).await?;
    expect::status("REG-02", "registration with an own stem", &answer, &[2001])?;
    expect::members(
        "REG-02",
        "the AE",
        &json!({"aei": stem, "rn": rn}),
        answer.body("m2m:ae"),
    )
}

async fn twice(peer: &mut Peer) -> Result<(), Stop> {
    let (stem, rn) = fresh(peer);
    let (_, answer) = attempt(peer, &stem, usual(&rn)).await?;
    expect::status("REG-02", "the first registration", &answer, &[2001])?;
    let (_, answer) = attempt(peer, &stem, usual(&format!("{rn}b"))).await?;
    expect::status(
        "REG-02",
        "the second with the same stem",
        &answer,
        &[4117, 4105],
    )
}

async fn incomplete(peer: &mut Peer) -> Result<(), Stop> {
    for missing in ["api", "rr", "srv"] {
        let (stem, rn) = fresh(peer);
        let mut ae = usual(&rn);
        if let Some(members) = ae.as_object_mut() {
            members.remove(missing);
        }
        let (_, answer) = attempt(peer, &stem, ae).await?;
        let what = format!("registration without {missing}");
        expect::status("REG-03", &what, &answer, &[4000])?;
    }
    Ok(())
}

async fn bad_api(peer: &mut Peer) -> Result<(), Stop> {
    for api in ["xorg.example", "", "0.1.2"] {
        let (stem, rn) = fresh(peer);
        let mut ae = usual(&rn);
        ae["api"] = api.into();
        let (_, answer) = attempt(peer, &stem, ae).await?;
        expect::status("REG-03", &format!("`api` {api:?}"), &answer, &[4000])?;
    }
    Ok(())
}

async fn shown(peer: &mut Peer) -> Result<(), Stop> {
    let (stem, rn) = fresh(peer);
    let mut ae = usual(&rn);
    ae["lbl"] = json!(["one"]);
    let (link, answer) = attempt(peer, &stem, ae.clone()).await?;
    expect::status("REG-04", "registration", &answer, &[2001])?;
    peer.identify(link, &stem);
    let to = format!("{}/{rn}", peer.target(Party::Cse1).name);
    let message = json!({"op": 2, "to": to, "fr": stem, "rqi": "r2", "rvi": "3"});
    let answer = peer.call(link, ("read", "answer"), &message).await?;
    expect::status("REG-04", "RETRIEVE of the AE", &answer, &[2000])?;
    expect::members("REG-04", "the AE", &ae, answer.body("m2m:ae"))
}

async fn leaves(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let mut witness = Ae::register(peer, Party::Ae3, None, QUIET).await?.0;
    let message = ae.request(4, &ae.own(""), json!({}));
    ae.ask(peer, ("leave", "left"), &message, "REG-06", 2002)
        .await?;
    let message = witness.request(2, &ae.own(""), json!({}));
    witness
        .ask(peer, QUIET, &message, "REG-06", 4004)
        .await
        .map(drop)
}

async fn again(peer: &mut Peer) -> Result<(), Stop> {
    let (stem, rn) = fresh(peer);
    let (link, answer) = attempt(peer, &stem, usual(&rn)).await?;
    expect::status("REG-02", "registration", &answer, &[2001])?;
    let to = format!("{}/{rn}", peer.target(Party::Cse1).name);
    let message = json!({"op": 4, "to": to, "fr": stem, "rqi": "leave", "rvi": "3"});
    let answer = peer.call(link, ("leave", "left"), &message).await?;
    expect::status("REG-06", "deregistration", &answer, &[2002])?;
    let (_, answer) = attempt(peer, &stem, usual(&rn)).await?;
    expect::status("REG-02", "registration again", &answer, &[2001])
}

async fn taken_name(peer: &mut Peer) -> Result<(), Stop> {
    let ae = registered(peer).await?;
    let (stem, _) = fresh(peer);
    let (_, answer) = attempt(peer, &stem, usual(&ae.rn)).await?;
    expect::status("REG-24", "an AE with a taken name", &answer, &[4105])
}

async fn no_from(peer: &mut Peer) -> Result<(), Stop> {
    let ae = registered(peer).await?;
    let message = json!({"op": 2, "to": ae.own(""), "rqi": "nofr", "rvi": "3"});
    let answer = peer.call(ae.link, ("request", "refusal"), &message).await?;
    expect::status("REG-22", "a request without `fr`", &answer, &[4000])
}

async fn impostor(peer: &mut Peer) -> Result<(), Stop> {
    let mut victim = registered(peer).await?;
    let other = Ae::register(peer, Party::Ae3, None, QUIET).await?.0;
    let mut message = victim.request(4, &victim.own(""), json!({}));
    message["fr"] = victim.stem.clone().into();
    let answer = peer
        .call(other.link, ("as another", "refusal"), &message)
        .await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
    if (2000..3000).contains(&rsc) {
        let what = format!(
            "`fr` of another AE is served ({rsc}): decision D-107 binds a link to one AE; \
             TS-0004 7.3.2.1 can be read to leave the check to a security association"
        );
        return Err(Stop::Disputed(what));
    }
    expect::holds(
        "REG-14",
        "a refusal",
        (4000..5000).contains(&rsc),
        &answer.text,
    )?;
    let to = victim.own("");
    victim
        .read(peer, QUIET, &to, "LNK-19", 2000)
        .await
        .map(drop)
}

async fn release(peer: &mut Peer) -> Result<(), Stop> {
    let ae = registered(peer).await?;
    for rvi in [Value::Null, json!("9z"), json!("")] {
        let mut message = json!({"op": 2, "to": ae.own(""), "fr": ae.stem, "rqi": "v"});
        if !rvi.is_null() {
            message["rvi"] = rvi.clone();
        }
        let answer = peer.call(ae.link, ("request", "refusal"), &message).await?;
        expect::status("REG-22", &format!("rvi {rvi}"), &answer, &[4001, 4000])?;
    }
    Ok(())
}

async fn no_envelope(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    for missing in ["op", "to"] {
        let mut message = ae.request(2, &ae.own(""), json!({}));
        if let Some(members) = message.as_object_mut() {
            members.remove(missing);
        }
        let answer = peer.call(ae.link, ("request", "refusal"), &message).await?;
        let what = format!("a request without {missing}");
        expect::status("REG-22", &what, &answer, &[4000])?;
    }
    Ok(())
}

async fn echoes(peer: &mut Peer) -> Result<(), Stop> {
    let ae = registered(peer).await?;
    let long = "r".repeat(200);
    for rqi in [
        "007",
        "a/b c",
        "\u{fc}\u{1f600}",
        "\"quoted\"",
        long.as_str(),
    ] {
        let message = ae.request_as(2, &ae.own(""), rqi, json!({}));
        let answer = peer.call(ae.link, ("request", "answer"), &message).await?;
        expect::status("REG-29", "RETRIEVE", &answer, &[2000])?;
        expect::equal("REG-29", "`rvi`", "3", &answer.value["rvi"])?;
    }
    Ok(())
}

async fn reopened(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    peer.cut(ae.link).await;
    ae.reconnect(peer, Party::Ae1).await?;
    let to = ae.own("");
    let read = ae.read(peer, QUIET, &to, "LNK-06", 2000).await?;
    expect::equal(
        "LNK-47",
        "the AE of this identity",
        ae.stem.clone(),
        &read.body("m2m:ae")["aei"],
    )
}

async fn closed(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let parent = ae.own("");
    let more = json!({"ty": 3, "pc": {"m2m:cnt": {"rn": "box"}}});
    let message = ae.request(1, &parent, more);
    ae.ask(peer, QUIET, &message, "REG-24", 2001).await?;
    peer.close(ae.link).await?;
    ae.reconnect(peer, Party::Ae1).await?;
    let to = ae.own("/box");
    ae.read(peer, QUIET, &to, "LNK-05", 2000).await.map(drop)
}

async fn same_rqi(peer: &mut Peer) -> Result<(), Stop> {
    let one = registered(peer).await?;
    let two = Ae::register(peer, Party::Ae3, None, QUIET).await?.0;
    let ask = |ae: &Ae| ae.request_as(2, &ae.own(""), "same", json!({}));
    let (first, second) = (ask(&one), ask(&two));
    peer.send(one.link, "one", &first).await?;
    peer.send(two.link, "two", &second).await?;
    for ae in [&one, &two] {
        let answer = peer.response(ae.link, "answer", "same").await?;
        let rn = &answer.body("m2m:ae")["rn"];
        expect::equal("LNK-14", "the AE asked for", ae.rn.clone(), rn)?;
    }
    expect::quiet(peer, "LNK-43").await
}

/// A race between requests shows now and then only, so they are sent in several rounds.
async fn pipeline(peer: &mut Peer) -> Result<(), Stop> {
    let ae = registered(peer).await?;
    peer.hurry(ae.link);
    for round in 0..12 {
        let names: Vec<_> = (0..20).map(|number| format!("p{round}-{number}")).collect();
        for rqi in &names {
            let message = ae.request_as(2, &ae.own(""), rqi, json!({}));
            peer.send(ae.link, "request", &message).await?;
        }
        for rqi in &names {
            let answer = peer.response(ae.link, "answer", rqi).await?;
            expect::status("LNK-14", "RETRIEVE", &answer, &[2000])?;
        }
    }
    expect::quiet(peer, "LNK-14").await
}

async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let more = json!({"ty": 3, "rqet": "20200101T000000", "pc": {"m2m:cnt": {"rn": "late"}}});
    let message = ae.request(1, &ae.own(""), more);
    ae.ask(peer, ("too late", "refusal"), &message, "REG-26", 4008)
        .await?;
    let to = ae.own("/late");
    ae.read(peer, QUIET, &to, "REG-26", 4004).await.map(drop)
}

async fn no_cse(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let csr = json!({"cb": "/x/x", "csi": "/x", "rr": true, "srv": ["3"], "cst": 2});
    let to = peer.target(Party::Cse1).name.clone();
    let message = ae.request(1, &to, json!({"ty": 16, "pc": {"m2m:csr": csr}}));
    let answer = peer
        .call(ae.link, ("as a CSE", "refusal"), &message)
        .await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
    expect::holds(
        "REG-13",
        "a refusal",
        (4000..5000).contains(&rsc),
        &answer.text,
    )?;
    if rsc != 4005 {
        peer.tolerate(format!("REG-13: refused with {rsc}, not 4005"));
    }
    Ok(())
}

async fn base(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let target = peer.target(Party::Cse1).clone();
    let answer = ae
        .read(peer, ("read", "answer"), &target.name, "REG-11", 2000)
        .await?;
    let base = answer.body("m2m:cb");
    let known = json!({"csi": target.id, "rn": target.name, "ty": 5});
    expect::members("REG-11", "the CSEBase", &known, base)?;
    let types = expect::list("REG-11", "the CSEBase", base, "srt")?;
    for ty in [1, 2, 3, 4, 5, 23] {
        let what = format!("type {ty} in `srt`");
        expect::holds("REG-11", &what, types.contains(&ty.into()), &base["srt"])?;
    }
    let releases = expect::list("REG-11", "the CSEBase", base, "srv")?;
    expect::holds(
        "REG-11",
        "3 in `srv`",
        releases.contains(&"3".into()),
        &base["srv"],
    )
}

async fn base_fixed(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = peer.target(Party::Cse1).name.clone();
    let cb = json!({"m2m:cb": {"lbl": ["mine"]}});
    for (op, more) in [
        (3, json!({"pc": cb})),
        (4, json!({})),
        (1, json!({"ty": 5, "pc": cb})),
    ] {
        let message = ae.request(op, &to, more);
        let answer = peer.call(ae.link, ("request", "refusal"), &message).await?;
        let what = format!("op {op} to the CSEBase");
        expect::status("REG-25", &what, &answer, &[4005, 4103, 4108, 4000])?;
    }
    ae.read(peer, QUIET, &to, "REG-25", 2000).await.map(drop)
}

async fn ae_update(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    let message = ae.request(3, &to, json!({"pc": {"m2m:ae": {"lbl": ["new"]}}}));
    ae.ask(peer, ("update", "updated"), &message, "REG-23", 2004)
        .await?;
    let message = ae.request(3, &to, json!({"pc": {"m2m:ae": {"aei": "Cother"}}}));
    ae.ask(peer, ("update", "refusal"), &message, "REG-23", 4000)
        .await?;
    let answer = ae.read(peer, QUIET, &to, "REG-23", 2000).await?;
    let expected = json!({"lbl": ["new"], "aei": ae.stem});
    expect::members("REG-23", "the AE", &expected, answer.body("m2m:ae"))
}

async fn foreign_delete(peer: &mut Peer) -> Result<(), Stop> {
    let mut victim = registered(peer).await?;
    let mut other = Ae::register(peer, Party::Ae3, None, QUIET).await?.0;
    let message = other.request(4, &victim.own(""), json!({}));
    other
        .ask(peer, ("delete", "refusal"), &message, "REG-25", 4103)
        .await?;
    let to = victim.own("");
    victim
        .read(peer, QUIET, &to, "REG-25", 2000)
        .await
        .map(drop)
}

async fn garbage(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let to = ae.own("");
    for text in [
        "{\"op\":2,",
        "no json",
        "[1,2,3]",
        "{}",
        "null",
        "\"x\"",
        "17",
    ] {
        peer.send_text(ae.link, "garbage", text).await?;
        ae.read(peer, QUIET, &to, "LNK-41", 2000).await?;
    }
    Ok(())
}

async fn spacing(peer: &mut Peer) -> Result<(), Stop> {
    let ae = registered(peer).await?;
    let (to, fr) = (ae.own(""), &ae.stem);
    let text = format!(
        "\r\n {{ \"rvi\" : \"3\" ,\n\t\"fr\":\"{fr}\", \"rqi\" :\"space\",\"to\": \"{to}\" , \
         \"op\" : 2 }} \n"
    );
    peer.send_text(ae.link, "request", &text).await?;
    let answer = peer.response(ae.link, "answer", "space").await?;
    expect::status("LNK-53", "RETRIEVE", &answer, &[2000])
}

async fn odd_parameters(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    for (name, value) in [
        ("fr", json!(5)),
        ("fr", json!([])),
        ("to", json!(5)),
        ("fc", json!("x")),
        ("fc", json!(5)),
        ("op", json!("read")),
    ] {
        let mut message = ae.request(2, &ae.own(""), json!({}));
        message[name] = value.clone();
        let answer = peer.call(ae.link, ("request", "refusal"), &message).await;
        let answer = expect::arrived("LNK-41", answer)?;
        let what = format!("`{name}` {value}");
        expect::status("LNK-41", &what, &answer, &[4000])?;
    }
    Ok(())
}
