//! Bounds of what discovery lists, paths behind it, and conditions of a RETRIEVE (configuration A).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cases::discovery::last_parts;
use crate::cases::resources::{Home, home, make};
use crate::cast::QUIET;
use crate::expect;
use crate::peer::{Message, Peer};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "DSC-19",
        Discovery,
        One,
        "`lim` 0 lists nothing",
        ["DIS-09"],
        ["TS-0001 8.1.2", "TS-0004 6.3.5.8"],
        "Often 0 is taken for no limit.",
        none
    ),
    case!(
        "DSC-20",
        Discovery,
        One,
        "With `arp` what is at that path below each match is listed, and `la` stands for an instance",
        ["DIS-10"],
        ["TS-0004 7.3.3.17.17"],
        "Often it is ignored, or a path that leads nowhere is listed.",
        relative_path
    ),
    case!(
        "DSC-21",
        Discovery,
        One,
        "`lbq` compares the values of labels, and what is no expression is refused",
        ["DIS-11"],
        ["TS-0004 7.3.3.17.16"],
        "Often it is ignored, and everything is found.",
        by_query
    ),
    case!(
        "DSC-22",
        Discovery,
        One,
        "A RETRIEVE whose conditions the target does not meet finds nothing",
        ["DIS-12"],
        ["TS-0004 7.3.3.1", "TS-0001 8.1.2"],
        "Often conditions are read in discovery alone.",
        conditional
    ),
    case!(
        "DSC-23",
        Discovery,
        One,
        "Conditions and `lim` of a RETRIEVE with children choose among them",
        ["DIS-12"],
        ["TS-0001 8.1.2", "TS-0004 7.3.3.17"],
        "Often every child is shown.",
        chosen
    ),
];

/// A container with the containers `first` (empty) and `second`, which has two instances.
async fn shelf(peer: &mut Peer) -> Result<Home, Stop> {
    let mut home = home(peer, &json!({"lbl": ["top"]})).await?;
    let to = home.cnt.clone();
    for (rn, lbl) in [
        ("first", ["color:red", "empty"]),
        ("second", ["color:blue", "full"]),
    ] {
        let body = json!({"rn": rn, "lbl": lbl});
        make(peer, &mut home.ae, &to, 3, "m2m:cnt", &body).await?;
    }
    let to = format!("{to}/second");
    for rn in ["old", "new"] {
        let body = json!({"rn": rn, "con": rn});
        make(peer, &mut home.ae, &to, 4, "m2m:cin", &body).await?;
    }
    Ok(home)
}

pub(super) async fn discover(
    peer: &mut Peer,
    home: &mut Home,
    filter: &Value,
) -> Result<Message, Stop> {
    let mut fc = filter.clone();
    fc["fu"] = 1.into();
    let to = home.ae.own("");
    let message = home.ae.request(2, &to, json!({"drt": 1, "fc": fc}));
    peer.call(home.ae.link, ("discover", "found"), &message)
        .await
}

/// Last parts of the addresses in a list, sorted.
pub(super) fn names(requirement: &str, answer: &Message) -> Result<Vec<String>, Stop> {
    expect::status(requirement, "discovery", answer, &[2000])?;
    let found = expect::list(requirement, "the answer", answer.content(), "m2m:uril")?;
    Ok(last_parts(found))
}

/// A condition that not every release has is refused by a CSE that lacks it.
pub(super) fn supported(name: &str, answer: &Message, refusals: &[u64]) -> Result<(), Stop> {
    let rsc = answer.value["rsc"].as_u64().unwrap_or(0);
    if refusals.contains(&rsc) {
        let what = format!("the CSE has no `{name}`: it answers {rsc}");
        return Err(Stop::Absent(what));
    }
    Ok(())
}

async fn none(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = shelf(peer).await?;
    let rule = "DIS-09";
    for (filter, count) in [(json!({"ty": [3]}), 3), (json!({"ty": [3], "lim": 0}), 0)] {
        let answer = discover(peer, &mut home, &filter).await?;
        let found = names(rule, &answer)?;
        let what = format!("results for {filter}");
        expect::equal(rule, &what, count, &found.len().into())?;
    }
    Ok(())
}

async fn relative_path(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = shelf(peer).await?;
    let rule = "DIS-10";
    let filter = json!({"ty": [3], "arp": "second"});
    let answer = discover(peer, &mut home, &filter).await?;
    supported("arp", &answer, &[5001])?;
    let found = names(rule, &answer)?;
    expect::equal(
        rule,
        "found by arp second",
        json!(["second"]),
        &json!(found),
    )?;
    // Three containers match, and one of them has a latest instance.
    let filter = json!({"ty": [3], "arp": "la"});
    let answer = discover(peer, &mut home, &filter).await?;
    let found = names(rule, &answer)?;
    let one = matches!(found.as_slice(), [name] if ["new", "la"].contains(&name.as_str()));
    expect::holds(
        rule,
        "the latest instance of `second` alone",
        one,
        &answer.text,
    )
}

async fn by_query(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = shelf(peer).await?;
    let rule = "DIS-11";
    let expected: [(&str, &[&str]); 5] = [
        ("color EQ red", &["first"]),
        ("color NE red", &["second"]),
        ("color IN (red, blue)", &["first", "second"]),
        ("color NI (red, green)", &["second"]),
        ("full", &["second"]),
    ];
    for (query, expected) in expected {
        let filter = json!({"ty": [3], "lbq": [query]});
        let answer = discover(peer, &mut home, &filter).await?;
        supported("lbq", &answer, &[4000, 5001])?;
        let found = names(rule, &answer)?;
        let what = format!("found by `{query}`");
        expect::equal(rule, &what, json!(expected), &json!(found))?;
    }
    let filter = json!({"ty": [3], "lbq": ["color IN red"]});
    let answer = discover(peer, &mut home, &filter).await?;
    expect::status(rule, "a list without parentheses", &answer, &[4000])
}

async fn conditional(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = shelf(peer).await?;
    let to = home.cnt.clone();
    for (filter, allowed) in [
        (json!({"lbl": ["top"]}), [2000].as_slice()),
        (json!({"lbl": ["elsewhere"]}), &[4004]),
        (json!({"crb": "20200101T000000"}), &[4004]),
    ] {
        let message = home.ae.request(2, &to, json!({"fc": filter}));
        let answer = peer
            .call(home.ae.link, ("retrieve", "answer"), &message)
            .await?;
        let what = format!("RETRIEVE if {filter}");
        expect::status("DIS-12", &what, &answer, allowed)?;
    }
    Ok(())
}

async fn chosen(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = shelf(peer).await?;
    let to = home.cnt.clone();
    for (filter, expected) in [
        (json!({"lbl": ["color:blue"]}), 1),
        (json!({"lbl": ["color:green"]}), 0),
        (json!({"lvl": 1, "lim": 1}), 1),
    ] {
        let message = home.ae.request(2, &to, json!({"rcn": 8, "fc": filter}));
        let answer = home.ae.ask(peer, QUIET, &message, "DIS-12", 2000).await?;
        let shown = answer.body("m2m:cnt")["m2m:cnt"].as_array();
        let shown = shown.map_or(0, Vec::len);
        if filter.get("lim").is_some() && shown == 0 {
            // A CSE may list fewer than the limit (TS-0001 8.1.2).
            peer.tolerate("DIS-12: no child is shown for `lim` 1".to_owned());
            continue;
        }
        let what = format!("children shown for {filter}");
        expect::equal("DIS-12", &what, expected, &shown.into())?;
    }
    Ok(())
}
