//! What is refused because of its form, and what a filter or an age bounds.

use super::*;

pub(super) async fn no_content(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    for body in [json!({}), json!({"cnf": "text/plain:0"})] {
        let message = home
            .ae
            .request(1, &to, json!({"ty": 4, "pc": {"m2m:cin": body}}));
        refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
    }
    let cnt = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::equal("REG-23", "instances made", 0, &cnt["cni"])
}

pub(super) async fn names(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    for rn in ["\u{fc}", "a b", "a/b", "a?b", "a#b", ""] {
        let pc = json!({"m2m:cnt": {"rn": rn}});
        let message = home.ae.request(1, &to, json!({"ty": 3, "pc": pc}));
        refuse(peer, &home.ae, &message, "REG-66", 4000).await?;
    }
    for rn in ["A-b.c_9", "0"] {
        let body = json!({"rn": rn});
        make(peer, &mut home.ae, &to, 3, "m2m:cnt", &body).await?;
    }
    Ok(())
}

pub(super) async fn no_representation(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    for pc in [
        json!({"m2m:cnt": []}),
        json!({"m2m:cnt": "x"}),
        json!({"m2m:cnt": 5}),
        json!({"m2m:cnt": {}, "m2m:sub": {}}),
        json!({}),
    ] {
        let message = home.ae.request(1, &to, json!({"ty": 3, "pc": pc}));
        refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
    }
    for pc in [json!({"m2m:cnt": []}), json!({"m2m:cnt": 5})] {
        let message = home.ae.request(3, &to, json!({"pc": pc}));
        refuse(peer, &home.ae, &message, "REG-23", 4000).await?;
    }
    Ok(())
}

pub(super) async fn filtered(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"lbl": ["here"]})).await?;
    let to = home.cnt.clone();
    let pc = json!({"m2m:cnt": {"mni": 7}});
    for (op, more) in [(3, json!({"pc": pc})), (4, json!({}))] {
        let mut message = home.ae.request(op, &to, more);
        message["fc"] = json!({"lbl": ["elsewhere"]});
        let answer = peer
            .call(home.ae.link, ("request", "refusal"), &message)
            .await?;
        let what = format!("op {op} with a filter its target does not meet");
        expect::status("REG-64", &what, &answer, &[4004, 4000, 5001])?;
    }
    let cnt = body(peer, &mut home, &to, "m2m:cnt").await?;
    expect::without("REG-64", "the container", &["mni"], &cnt)
}

pub(super) async fn filtered_create(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"lbl": ["here"]})).await?;
    let to = home.cnt.clone();
    let pc = json!({"m2m:cnt": {"rn": "new"}});
    let mut message = home.ae.request(1, &to, json!({"ty": 3, "pc": pc}));
    message["fc"] = json!({"lbl": ["here"]});
    refuse(peer, &home.ae, &message, "REG-64", 4000).await?;
    let made = format!("{to}/new");
    home.ae
        .read(peer, QUIET, &made, "REG-64", 4004)
        .await
        .map(drop)
}

/// Times are compared to the second, as their fractions are optional.
pub(super) async fn oldest_age(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({"mia": 60})).await?;
    let to = home.cnt.clone();
    for et in [None, Some("20990101T000000")] {
        let mut body = json!({"con": "x"});
        if let Some(et) = et {
            body["et"] = et.into();
        }
        let answer = make(peer, &mut home.ae, &to, 4, "m2m:cin", &body).await?;
        let cin = answer.body("m2m:cin");
        let made = expect::time("REG-23", "an instance", cin, "ct")?;
        let ends = expect::time("REG-23", "an instance", cin, "et")?;
        let young = ends.0 - made.0 < 61_000;
        let what = "`et` at most 60 s after `ct`, as `mia` says";
        expect::holds("REG-23", what, young, cin)?;
    }
    Ok(())
}

pub(super) async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let more = json!({"ty": 3, "pc": {"m2m:cnt": {"et": "20200101T000000"}}});
    let message = home.ae.request(1, &home.ae.own(""), more);
    refuse(peer, &home.ae, &message, "REG-23", 4000).await
}
