//! Discovery, by one AE at one CSE (configuration A).

use serde_json::{Value, json};

use crate::case::{Allowed, Case, Stop, Verdict, case};
use crate::cases::resources::{Home, home, make};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "DSC-01",
        Discovery,
        One,
        "Discovery by type finds all and only those",
        ["DIS-02"],
        ["TS-0001 10.2.6", "TS-0004 7.3.3.17"],
        "Often `ty` is ignored.",
        by_type
    ),
    case!(
        "DSC-02",
        Discovery,
        One,
        "Discovery by label finds all and only those",
        ["DIS-02"],
        ["TS-0001 10.2.6"],
        "Often labels are compared by their start.",
        by_label
    ),
    case!(
        "DSC-03",
        Discovery,
        One,
        "Several labels mean any, label and type both",
        ["DIS-02"],
        ["TS-0004 7.3.3.17.1"],
        "Often any condition is enough.",
        combined
    ),
    case!(
        "DSC-04",
        Discovery,
        One,
        "Without a match the list is empty and the answer 2000",
        ["DIS-03"],
        ["TS-0001 10.2.6"],
        "Often 4004 is answered.",
        empty
    ),
    case!(
        "DSC-05",
        Discovery,
        One,
        "`lim` bounds the number of results",
        ["DIS-09"],
        ["TS-0001 8.1.2"],
        "Often it is ignored.",
        limited
    ),
    case!(
        "DSC-06",
        Discovery,
        One,
        "`drt` 1 answers structured and 2 unstructured addresses",
        ["DIS-04"],
        ["TS-0001 8.1.2"],
        "Often `drt` is ignored.",
        result_type
    ),
    case!(
        "DSC-07",
        Discovery,
        One,
        "Every address found can be read",
        ["DIS-04", "DIS-08"],
        ["TS-0004 6.2.4"],
        "Often a slash is missing.",
        readable
    ),
    case!(
        "DSC-08",
        Discovery,
        One,
        "What the originator may not discover stays hidden",
        ["DIS-02"],
        ["TS-0004 7.3.3.15"],
        "Often names leak.",
        hidden
    ),
    case!(
        "DSC-09",
        Discovery,
        One,
        "Discovery by attribute compares values",
        ["DIS-02"],
        ["TS-0001 8.1.2"],
        "Often any value matches.",
        by_attribute
    ),
    case!(
        "DSC-10",
        Discovery,
        One,
        "Discovery below a resource that does not exist is answered 4004",
        ["REG-20"],
        ["TS-0004 7.3.3.1"],
        "Often an empty list is answered.",
        nowhere
    ),
    case!(
        "DSC-11",
        Discovery,
        One,
        "`ofst` leaves out what comes before it",
        ["DIS-09"],
        ["TS-0001 8.1.2"],
        "Often it is ignored without `lim`.",
        skipped,
        {stimulus: "Discovery of three containers with `ofst` 2, then with `ofst` 100.",
         outcomes: &[Allowed {
             grade: Verdict::Pass,
             seen: "Two or one of them, as the second counts as the first or the third does; \
                    then none.",
         }]}
    ),
    case!(
        "DSC-12",
        Discovery,
        One,
        "`sts` and `stb` bound the state tag from above and from below",
        ["DIS-02"],
        ["TS-0004 7.3.3.17.3"],
        "Often the two are exchanged.",
        by_state
    ),
    case!(
        "DSC-13",
        Discovery,
        One,
        "`cty` is compared with the media type of the content alone",
        ["DIS-02"],
        ["TS-0004 7.3.3.17.8"],
        "Often the encoding behind it is compared too.",
        by_content_type
    ),
    case!(
        "DSC-14",
        Discovery,
        One,
        "`sza` includes its bound and `szb` does not",
        ["DIS-02"],
        ["TS-0004 7.3.3.17.7"],
        "Often both include it.",
        by_size
    ),
    case!(
        "DSC-15",
        Discovery,
        One,
        "`crb`, `cra`, `us`, `ms`, `exb` and `exa` compare times",
        ["DIS-02"],
        [
            "TS-0004 7.3.3.17.1",
            "TS-0004 7.3.3.17.2",
            "TS-0004 7.3.3.17.4"
        ],
        "Often one of them is ignored.",
        by_time
    ),
    case!(
        "DSC-16",
        Discovery,
        One,
        "`fo` 2 joins conditions of different kinds by or",
        ["DIS-02"],
        ["TS-0004 7.3.3.17.0"],
        "Often all must hold.",
        by_either
    ),
    case!(
        "DSC-17",
        Discovery,
        One,
        "`lvl` 1 finds direct children only",
        ["DIS-02"],
        ["TS-0004 7.3.3.17.14"],
        "Often it is ignored.",
        by_level
    ),
    case!(
        "DSC-18",
        Discovery,
        One,
        "A condition that the CSE does not know is refused, not an internal error",
        ["DIS-02"],
        ["TS-0004 7.3.2.1"],
        "Often a condition of a later release ends in an exception.",
        unknown_condition
    ),
];

async fn tree(peer: &mut Peer) -> Result<Home, Stop> {
    let mut home = home(peer, &json!({"lbl": ["top"]})).await?;
    let to = home.cnt.clone();
    for (rn, lbl, mni) in [("a", json!(["red"]), 1), ("b", json!(["blue", "red"]), 2)] {
        let body = json!({"rn": rn, "lbl": lbl, "mni": mni});
        make(peer, &mut home.ae, &to, 3, "m2m:cnt", &body).await?;
    }
    let body = json!({"con": "x", "lbl": ["red"]});
    make(peer, &mut home.ae, &to, 4, "m2m:cin", &body).await?;
    Ok(home)
}

async fn find(peer: &mut Peer, ae: &mut Ae, to: &str, filter: Value) -> Result<Message, Stop> {
    let mut fc = filter;
    fc["fu"] = 1.into();
    let message = ae.request(2, to, json!({"drt": 1, "fc": fc}));
    peer.call(ae.link, ("discover", "found"), &message).await
}

/// Last segments of what was found.
async fn names(peer: &mut Peer, home: &mut Home, filter: Value) -> Result<Vec<String>, Stop> {
    let to = home.ae.own("");
    let answer = find(peer, &mut home.ae, &to, filter).await?;
    expect::status("DIS-03", "discovery", &answer, &[2000])?;
    let found = expect::list("DIS-04", "the answer", answer.content(), "m2m:uril")?;
    Ok(last_parts(found))
}

/// The last parts of these addresses, sorted.
pub(super) fn last_parts(found: &[Value]) -> Vec<String> {
    let last = |uri: &Value| {
        let text = uri.as_str().unwrap_or_default();
        text.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let mut names: Vec<String> = found.iter().map(last).collect();
    names.sort();
    names
}

async fn found(peer: &mut Peer, filter: Value, expected: &[&str]) -> Result<(), Stop> {
    let mut home = tree(peer).await?;
    let what = format!("found by {filter}");
    let names = names(peer, &mut home, filter).await?;
    expect::equal("DIS-02", &what, json!(expected), &json!(names))
}

async fn by_type(peer: &mut Peer) -> Result<(), Stop> {
    found(peer, json!({"ty": [3]}), &["a", "b", "box"]).await
}

async fn by_label(peer: &mut Peer) -> Result<(), Stop> {
    found(peer, json!({"lbl": ["blue"]}), &["b"]).await
}

async fn combined(peer: &mut Peer) -> Result<(), Stop> {
    found(peer, json!({"lbl": ["blue", "top"]}), &["b", "box"]).await?;
    found(peer, json!({"lbl": ["red"], "ty": [3]}), &["a", "b"]).await
}

async fn empty(peer: &mut Peer) -> Result<(), Stop> {
    found(peer, json!({"lbl": ["green"]}), &[]).await
}

async fn limited(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = tree(peer).await?;
    for lim in [2, 1] {
        let found = names(peer, &mut home, json!({"ty": [3], "lim": lim})).await?;
        let what = format!("results with `lim` {lim}");
        expect::equal("DIS-09", &what, lim, &found.len().into())?;
    }
    Ok(())
}

async fn skipped(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = tree(peer).await?;
    let found = names(peer, &mut home, json!({"ty": [3], "ofst": 2})).await?;
    // Of three: the second is the first listed, or two are left out.
    let some = (1..=2).contains(&found.len());
    expect::holds(
        "DIS-09",
        "one or two of three with `ofst` 2",
        some,
        found.len(),
    )?;
    let found = names(peer, &mut home, json!({"ty": [3], "ofst": 100})).await?;
    expect::equal("DIS-09", "results beyond the end", 0, &found.len().into())
}

async fn result_type(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = tree(peer).await?;
    let answer = home
        .ae
        .read(peer, QUIET, &home.cnt.clone(), "REG-19", 2000)
        .await?;
    let ri = expect::text("REG-19", "the container", answer.body("m2m:cnt"), "ri")?;
    for (drt, last) in [(1, "box"), (2, ri.as_str())] {
        let filter = json!({"fu": 1, "lbl": ["top"]});
        let more = json!({"drt": drt, "fc": filter});
        let message = home.ae.request(2, &home.ae.own(""), more);
        let answer = home.ae.ask(peer, QUIET, &message, "DIS-04", 2000).await?;
        let uri = answer.content()["m2m:uril"][0].as_str().unwrap_or_default();
        let good = uri.rsplit('/').next() == Some(last);
        expect::holds(
            "DIS-04",
            &format!("drt {drt} ends with {last}"),
            good,
            &answer.text,
        )?;
        let structured = uri.matches('/').count() >= 2 && uri.ends_with("/box");
        expect::holds(
            "DIS-04",
            "structured for drt 1 only",
            structured == (drt == 1),
            uri,
        )?;
    }
    Ok(())
}

async fn readable(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = tree(peer).await?;
    let to = home.ae.own("");
    let answer = find(peer, &mut home.ae, &to, json!({"ty": [3]})).await?;
    let found = expect::list("DIS-04", "the answer", answer.content(), "m2m:uril")?.to_vec();
    for uri in found {
        let uri = uri.as_str().unwrap_or_default();
        home.ae.read(peer, QUIET, uri, "DIS-08", 2000).await?;
    }
    Ok(())
}

async fn hidden(peer: &mut Peer) -> Result<(), Stop> {
    let home = tree(peer).await?;
    let (mut other, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let to = peer.target(Party::Cse1).name.clone();
    let answer = find(
        peer,
        &mut other,
        &to,
        json!({"lbl": ["top", "red", "blue"]}),
    )
    .await?;
    expect::status("DIS-02", "discovery", &answer, &[2000, 4103])?;
    let leaked = answer.text.contains(&home.ae.rn);
    expect::holds("DIS-02", "nothing of another AE", !leaked, &answer.text)
}

async fn by_attribute(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = tree(peer).await?;
    let filter = json!({"ty": [3], "atr": [{"nm": "mni", "val": 2}]});
    let to = home.ae.own("");
    let answer = find(peer, &mut home.ae, &to, filter.clone()).await?;
    if answer.value["rsc"] == 4000 {
        let what = "an attribute filter is refused with 4000: TS-0004 writes `atr` a list of \
                    name and value, later releases name the attribute directly";
        return Err(Stop::Disputed(what.to_owned()));
    }
    let found = names(peer, &mut home, filter).await?;
    expect::equal("DIS-02", "found by mni 2", json!(["b"]), &json!(found))
}

async fn nowhere(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.ae.own("/nothing");
    let answer = find(peer, &mut home.ae, &to, json!({"ty": [3]})).await?;
    expect::status("REG-20", "discovery below nothing", &answer, &[4004])
}

/// Two containers and two instances, of which the second container has changed once.
async fn grown(peer: &mut Peer) -> Result<Home, Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    for rn in ["old", "changed"] {
        let body = json!({"rn": rn});
        make(peer, &mut home.ae, &to, 3, "m2m:cnt", &body).await?;
    }
    let pc = json!({"m2m:cnt": {"lbl": ["x"]}});
    let message = home
        .ae
        .request(3, &format!("{to}/changed"), json!({"pc": pc}));
    home.ae.ask(peer, QUIET, &message, "REG-23", 2004).await?;
    for (rn, con, cnf) in [
        ("two", "12", "text/plain:0"),
        ("four", "1234", "application/json:0"),
    ] {
        let body = json!({"rn": rn, "con": con, "cnf": cnf});
        make(peer, &mut home.ae, &to, 4, "m2m:cin", &body).await?;
    }
    Ok(home)
}

/// Each of the filters finds these and nothing else.
async fn each(peer: &mut Peer, filters: &[(Value, &[&str])]) -> Result<(), Stop> {
    let mut home = grown(peer).await?;
    for (filter, expected) in filters {
        let what = format!("found by {filter}");
        let names = names(peer, &mut home, filter.clone()).await?;
        expect::equal("DIS-02", &what, json!(expected), &json!(names))?;
    }
    Ok(())
}

async fn by_state(peer: &mut Peer) -> Result<(), Stop> {
    let filters: [(Value, &[&str]); 3] = [
        (json!({"lbl": ["x"], "stb": 1}), &["changed"]),
        (json!({"ty": [3], "sts": 1}), &["old"]),
        (json!({"lbl": ["x"], "sts": 1}), &[]),
    ];
    each(peer, &filters).await
}

async fn by_content_type(peer: &mut Peer) -> Result<(), Stop> {
    let filters: [(Value, &[&str]); 3] = [
        (json!({"cty": ["text/plain"]}), &["two"]),
        (json!({"cty": ["application/json"]}), &["four"]),
        (json!({"cty": ["text/html"]}), &[]),
    ];
    each(peer, &filters).await
}

async fn by_size(peer: &mut Peer) -> Result<(), Stop> {
    let filters: [(Value, &[&str]); 4] = [
        (json!({"sza": 4}), &["four"]),
        (json!({"szb": 4}), &["two"]),
        (json!({"sza": 2, "szb": 5}), &["four", "two"]),
        (json!({"sza": 5}), &[]),
    ];
    each(peer, &filters).await
}

async fn by_time(peer: &mut Peer) -> Result<(), Stop> {
    let (past, future) = ("20200101T000000", "20990101T000000");
    let all: &[&str] = &["box", "changed", "old"];
    let mut filters: Vec<(Value, &[&str])> = Vec::new();
    for (before, after) in [("crb", "cra"), ("us", "ms"), ("exb", "exa")] {
        filters.push((json!({"ty": [3], before: past}), &[]));
        filters.push((json!({"ty": [3], before: future}), all));
        filters.push((json!({"ty": [3], after: future}), &[]));
        filters.push((json!({"ty": [3], after: past}), all));
    }
    each(peer, &filters).await
}

async fn by_either(peer: &mut Peer) -> Result<(), Stop> {
    let filters: [(Value, &[&str]); 2] = [
        (
            json!({"ty": [4], "lbl": ["x"], "fo": 2}),
            &["changed", "four", "two"],
        ),
        (json!({"ty": [4], "lbl": ["x"], "fo": 1}), &[]),
    ];
    each(peer, &filters).await
}

async fn by_level(peer: &mut Peer) -> Result<(), Stop> {
    let filters: [(Value, &[&str]); 2] = [
        (json!({"ty": [3], "lvl": 1}), &["box"]),
        (json!({"ty": [3], "lvl": 2}), &["box", "changed", "old"]),
    ];
    each(peer, &filters).await
}

async fn unknown_condition(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = grown(peer).await?;
    let to = home.ae.own("");
    // The first is of a later release, so that it may be known.
    for (filter, allowed) in [
        (json!({"aq": "mni==1"}), [2000, 4000, 5001].as_slice()),
        (json!({"zzq": 1}), &[4000, 5001]),
    ] {
        let what = format!("discovery by {filter}");
        let answer = find(peer, &mut home.ae, &to, filter).await?;
        expect::status("DIS-02", &what, &answer, allowed)?;
    }
    Ok(())
}
