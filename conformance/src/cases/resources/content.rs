//! What an answer holds: `rcn`.

use super::*;

pub(super) async fn with_rcn(
    peer: &mut Peer,
    home: &mut Home,
    op: u8,
    rcn: u8,
) -> Result<Message, Stop> {
    let (to, more) = match op {
        1 => (
            home.ae.own(""),
            json!({"ty": 3, "rcn": rcn, "pc": {"m2m:cnt": {"lbl": ["q"]}}}),
        ),
        _ => (home.cnt.clone(), json!({"rcn": rcn})),
    };
    let message = home.ae.request(op, &to, more);
    peer.call(home.ae.link, ("request", "answer"), &message)
        .await
}

pub(super) async fn rcn_create(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let nothing = with_rcn(peer, &mut home, 1, 0).await?;
    expect::status("REG-28", "CREATE with rcn 0", &nothing, &[2001])?;
    let empty = nothing
        .value
        .get("pc")
        .is_none_or(|pc| pc.is_null() || *pc == json!({}));
    expect::holds("REG-28", "rcn 0: no content", empty, &nothing.text)?;
    let all = with_rcn(peer, &mut home, 1, 1).await?;
    expect::members(
        "REG-28",
        "rcn 1",
        &json!({"lbl": ["q"]}),
        all.body("m2m:cnt"),
    )
}

pub(super) async fn rcn_address(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let answer = with_rcn(peer, &mut home, 1, 2).await?;
    expect::status("REG-28", "CREATE with rcn 2", &answer, &[2001])?;
    let address = expect::text("REG-28", "the content", answer.content(), "m2m:uri")?;
    home.ae
        .read(peer, QUIET, &address, "REG-28", 2000)
        .await
        .map(drop)
}

pub(super) async fn rcn_both(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let answer = with_rcn(peer, &mut home, 1, 3).await?;
    expect::status("REG-28", "CREATE with rcn 3", &answer, &[2001])?;
    let both = answer.body("m2m:rce");
    expect::text("REG-28", "m2m:rce", both, "uri")?;
    if both["m2m:cnt"].is_null() && both["cnt"].is_object() {
        let what = "m2m:rce holds `cnt`: TS-0004 7.5.2 refers to the element of the resource, \
                    whose name in JSON has the prefix m2m as everywhere else; without prefix is \
                    how members of a complex type are named";
        return Err(Stop::Disputed(what.to_owned()));
    }
    expect::members(
        "REG-28",
        "m2m:rce",
        &json!({"lbl": ["q"]}),
        &both["m2m:cnt"],
    )
}

pub(super) async fn rcn_wrong(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    for (op, rcn) in [(1, 4), (1, 8), (2, 2), (2, 3), (1, 77)] {
        let answer = with_rcn(peer, &mut home, op, rcn).await?;
        expect::status(
            "REG-28",
            &format!("op {op} with rcn {rcn}"),
            &answer,
            &[4000],
        )?;
    }
    Ok(())
}

pub(super) async fn rcn_children(peer: &mut Peer) -> Result<(), Stop> {
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
    let answer = with_rcn(peer, &mut home, 2, 4).await?;
    expect::status("REG-28", "RETRIEVE with rcn 4", &answer, &[2000])?;
    let tree = answer.body("m2m:cnt");
    expect::equal("REG-28", "the resource itself", "box", &tree["rn"])?;
    expect::equal("REG-28", "its child", "inner", &tree["m2m:cnt"][0]["rn"])
}

pub(super) async fn rcn_only_children(peer: &mut Peer) -> Result<(), Stop> {
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
    let answer = with_rcn(peer, &mut home, 2, 8).await?;
    expect::status("REG-28", "RETRIEVE with rcn 8", &answer, &[2000])?;
    let tree = answer.body("m2m:cnt");
    expect::equal("REG-28", "its child", "inner", &tree["m2m:cnt"][0]["rn"])?;
    expect::without("REG-28", "children only", &["ri", "ct", "cni"], tree)
}

pub(super) async fn infrastructure(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let base = peer.target(Party::Cse1).name.clone();
    let about = ae.read(peer, QUIET, &base, "REG-19", 2000).await?;
    if about.body("m2m:cb")["cst"] == 1 {
        let what = "the first CSE is an infrastructure node";
        return Err(Stop::Absent(what.to_owned()));
    }
    for (ty, name) in [(11, "m2m:mssp"), (19, "m2m:asar"), (21, "m2m:stcl")] {
        let message = ae.request(1, &base, json!({"ty": ty, "pc": {name: {}}}));
        let answer = peer.call(ae.link, ("request", "refusal"), &message).await?;
        let what = format!("CREATE of {name} at a middle node");
        expect::status("REG-24", &what, &answer, &[4005])?;
    }
    Ok(())
}
