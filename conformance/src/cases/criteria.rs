//! Discovery by content, by place, by meaning, and on demand (configuration A).

use serde_json::json;

use crate::case::{Case, Stop, case};
use crate::cases::conditions::{discover, names, supported};
use crate::cases::resources::{Home, home, make};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::wire::Request;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "DSC-26",
        Discovery,
        One,
        "`cfq` compares what the JSON in an instance has at a path, and what is no query is refused",
        ["DIS-15"],
        ["TS-0004 7.3.3.17.13", "TS-0001 J.2"],
        "Often it is taken for the name of an attribute, and nothing is found.",
        by_content
    ),
    case!(
        "DSC-27",
        Discovery,
        One,
        "A place is found by a geometry around it, and not by one elsewhere",
        ["DIS-16"],
        ["TS-0004 6.3.5.8"],
        "Often one of the three criteria alone is taken.",
        by_place
    ),
    case!(
        "DSC-28",
        Discovery,
        One,
        "A semantics filter that is no query in SPARQL is refused, and one that is finds nothing without descriptions",
        ["DIS-17"],
        ["TS-0004 7.3.3.18"],
        "Often it is ignored, and everything is found.",
        by_meaning
    ),
    case!(
        "DSC-29",
        Discovery,
        One,
        "A discovery on demand is asked of the AE, and its answer or its refusal is passed on",
        ["DIS-18"],
        ["TS-0004 7.5.1.2.8"],
        "Often it is taken for a usual discovery.",
        on_demand
    ),
];

async fn by_content(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    for (rn, cnf, con) in [
        (
            "warm",
            "application/json:0",
            r#"{"temp":21.5,"room":{"no":[3,4]}}"#,
        ),
        (
            "cold",
            "application/json:0",
            r#"{"temp":4,"room":{"no":[7]}}"#,
        ),
        ("plain", "text/plain:0", r#"{"temp":21.5}"#),
    ] {
        let body = json!({"rn": rn, "cnf": cnf, "con": con});
        make(peer, &mut home.ae, &to, 4, "m2m:cin", &body).await?;
    }
    let rule = "DIS-15";
    let expected: [(&str, &[&str]); 5] = [
        ("$.temp GT 20", &["warm"]),
        ("$.temp LE 4", &["cold"]),
        ("$.room.no[0] NE 3", &["cold"]),
        ("$.temp GT 20 AND $.room.no[1] EQ 4", &["warm"]),
        ("$.temp GT 20 OR $.temp LT 10", &["cold", "warm"]),
    ];
    for (query, expected) in expected {
        let filter = json!({"cfs": 1, "cfq": query});
        let answer = discover(peer, &mut home, &filter).await?;
        supported("cfq", &answer, &[4000, 5001])?;
        let found = names(rule, &answer)?;
        let what = format!("found by `{query}`");
        expect::equal(rule, &what, json!(expected), &json!(found))?;
    }
    for filter in [
        json!({"cfs": 1}),
        json!({"cfs": 1, "cfq": "$.temp ABOVE 20"}),
    ] {
        let answer = discover(peer, &mut home, &filter).await?;
        expect::status(rule, &format!("discovery by {filter}"), &answer, &[4000])?;
    }
    Ok(())
}

async fn by_place(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    let loc = json!({"typ": 1, "crd": "[8.5, 50.1]"});
    let pc = json!({"m2m:cnt": {"rn": "here", "loc": loc}});
    let message = home.ae.request(1, &to, json!({"ty": 3, "pc": pc}));
    let made = peer
        .call(home.ae.link, ("create", "made"), &message)
        .await?;
    supported("loc", &made, &[4000, 5001])?;
    let rule = "DIS-16";
    let around = "[[8.0,50.0],[9.0,50.0],[9.0,51.0],[8.0,51.0],[8.0,50.0]]";
    let elsewhere = "[[18.0,50.0],[19.0,50.0],[19.0,51.0],[18.0,51.0],[18.0,50.0]]";
    let expected: [(&str, &[&str]); 2] = [(around, &["here"]), (elsewhere, &[])];
    for (geom, expected) in expected {
        let filter = json!({"gmty": 3, "geom": geom, "gsf": 2});
        let answer = discover(peer, &mut home, &filter).await?;
        supported("geom", &answer, &[4000, 5001])?;
        let found = names(rule, &answer)?;
        expect::equal(
            rule,
            &format!("found in {geom}"),
            json!(expected),
            &json!(found),
        )?;
    }
    let filter = json!({"gmty": 3, "geom": around});
    let answer = discover(peer, &mut home, &filter).await?;
    expect::status(rule, "discovery without `gsf`", &answer, &[4000])
}

async fn by_meaning(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let rule = "DIS-17";
    let query = "SELECT ?s WHERE { ?s a <http://example.org/Lamp> }";
    let mut smf = json!([query]);
    let mut answer = discover(peer, &mut home, &json!({"smf": smf})).await?;
    if answer.value["rsc"] == 4000 {
        // Some take one query only, as text.
        smf = query.into();
        answer = discover(peer, &mut home, &json!({"smf": smf})).await?;
    }
    supported("smf", &answer, &[4000, 5001])?;
    let found = names(rule, &answer)?;
    expect::equal(rule, "found by a query", json!([]), &json!(found))?;
    let other = "find a lamp";
    let smf = if smf.is_array() {
        json!([other])
    } else {
        other.into()
    };
    let answer = discover(peer, &mut home, &json!({"smf": smf})).await?;
    expect::status(rule, "what is no query", &answer, &[4143])
}

async fn on_demand(peer: &mut Peer) -> Result<(), Stop> {
    let mut home = home(peer, &json!({})).await?;
    let to = home.cnt.clone();
    make(
        peer,
        &mut home.ae,
        &to,
        3,
        "m2m:cnt",
        &json!({"rn": "lamp"}),
    )
    .await?;
    let rule = "DIS-18";
    let (rqi, question) = asked(peer, &mut home).await?;
    let idr = &question.content()["m2m:sgn"]["idr"];
    let who = idr["or"].as_str().unwrap_or_default();
    let is_own = who.rsplit('/').next() == Some(home.ae.stem.as_str());
    expect::holds(
        rule,
        "`or` of the question is the originator",
        is_own,
        &question.text,
    )?;
    let fc = &idr["fc"]["lbl"];
    expect::equal(rule, "`lbl` of the question", json!(["lamp"]), fc)?;
    let list = json!([format!("{to}/lamp"), format!("{to}/none")]);
    let content = Some(json!({"m2m:uril": list}));
    home.ae
        .answer(peer, "found outside", &question, 2000, content)
        .await?;
    let answer = peer.response(home.ae.link, "found", &rqi).await?;
    let found = names(rule, &answer)?;
    expect::equal(rule, "found on demand", json!(["lamp"]), &json!(found))?;

    let (rqi, question) = asked(peer, &mut home).await?;
    home.ae
        .answer(peer, "refuse", &question, 5208, None)
        .await?;
    let answer = peer.response(home.ae.link, "refused", &rqi).await?;
    expect::status(rule, "what the AE refuses", &answer, &[5208])
}

/// Asks the AE's own `<AE>` for lamps; the identifier of the request, and the question that the AE gets.
async fn asked(peer: &mut Peer, home: &mut Home) -> Result<(String, Message), Stop> {
    let to = home.ae.own("");
    let fc = json!({"fu": 3, "lbl": ["lamp"]});
    let message = home.ae.request(2, &to, json!({"drt": 1, "fc": fc}));
    let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
    let link = home.ae.link;
    peer.send(link, "discover", &message).await?;
    peer.probe(link).await?;
    if peer.has_response(link, &rqi) {
        let answer = peer.response(link, "answer", &rqi).await?;
        supported("fu 3", &answer, &[4000, 5001])?;
        let what = "the AE is asked first";
        expect::holds("DIS-18", what, false, &answer.text)?;
    }
    let is_question = |request: &Request| request.op == 5;
    let question = peer
        .request(
            link,
            "look outside",
            "the question to discover",
            is_question,
        )
        .await?;
    Ok((rqi, question))
}
