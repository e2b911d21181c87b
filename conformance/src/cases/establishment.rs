//! Flow 1: registration, discovery, establishment, a policy.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::{by, unseen, wire};
use crate::cast::{Ae, QUIET, is_event};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::stage::{self, Session, Stage, Wish};
use crate::story::Party;
use crate::window::Window;

/// Cases of this chapter.
pub const CASES: &[Case] = &[Case {
    id: "FLOW-1",
    title: "A session is established over two CSEs, and a policy distributed",
    requirements: &[
        "REG-01", "REG-04", "DIS-01", "DIS-02", "DIS-05", "DIS-07", "EST-01", "EST-02", "EST-04",
        "EST-05", "EST-06", "EST-07", "EST-08", "EST-09", "EST-12", "EST-24", "EST-43", "EST-44",
        "EST-48", "EST-53", "EST-54", "EST-62", "EST-73", "POL-05", "POL-06", "POL-07",
    ],
    group: Group::Session,
    clauses: &[],
    needs: Needs::Pair,
    script: Script::PLAIN,
    steps: STEPS,
    hint: "Often the success (F1-17) leaves before the target agreed, the two ends see different \
           keys or identifiers, or a collection name of the figures is not taken as an address.",
    run: |peer| Box::pin(flow_1(peer)),
}];

const STEPS: &[Step] = &[
    by(
        "F1-01",
        "the CSEs register and read each other's srt",
        "discovery and session reach CSE2",
    ),
    wire("F1-02", "AE1 and AE2 register with session capability"),
    wire("F1-03", "AE2 subscribes to its sessions"),
    by(
        "F1-04",
        "CSE2 makes the subscription",
        "it can be read; a second one is refused 4124",
    ),
    wire("F1-05", "CSE2 confirms"),
    wire("F1-06", "AE1 discovers session-capable AEs at CSE2"),
    wire("F1-07", "AE1 asks for a session"),
    by(
        "F1-08",
        "CSE1 draws identifier and key",
        "their form, and that no two are equal",
    ),
    by(
        "F1-09",
        "CSE1 asks CSE2",
        "F1-12 carries what only F1-07 and CSE1 knew",
    ),
    unseen(
        "F1-10",
        "CSE2 takes the request",
        "the prose twin of figure 11, without observable",
    ),
    by(
        "F1-11",
        "CSE2 finds AE2 and its consent subscription",
        "F1-12 goes to that subscription",
    ),
    wire("F1-12", "CSE2 asks AE2"),
    wire("F1-13", "AE2 agrees"),
    by(
        "F1-14",
        "CSE2 creates the session",
        "not readable before F1-13, complete after F1-17",
    ),
    by(
        "F1-15",
        "CSE2 answers CSE1",
        "F1-17 lists AE2's endpoint, next hop is the ri of F1-12",
    ),
    by(
        "F1-16",
        "CSE1 creates the session",
        "not readable before F1-13, complete after F1-17",
    ),
    wire("F1-17", "CSE1 answers AE1"),
    wire("F1-18", "AE1 makes a policy"),
    by(
        "F1-19",
        "CSE1 passes it on",
        "it can be read at CSE2 under the same name",
    ),
    by("F1-20", "CSE2 creates it", "it can be read at CSE2 by AE2"),
    unseen(
        "F1-21",
        "CSE2 confirms",
        "between the CSEs; to withhold it takes a CSE in their place",
    ),
    by("F1-22", "CSE1 creates it", "it can be read at CSE1 by AE1"),
    wire("F1-23", "CSE1 confirms"),
];

async fn flow_1(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = registration(peer).await?;
    discovery(peer, &mut stage).await?;
    let session = establishment(peer, &mut stage).await?;
    trees(peer, &mut stage, &session).await?;
    policy(peer, &mut stage, &session).await?;
    read_back(peer, &mut stage, &session).await?;
    distinct(peer, &mut stage, &session).await?;
    expect::quiet(peer, "EST-12").await
}

async fn registration(peer: &mut Peer) -> Result<Stage, Stop> {
    let (mut ae1, _) = Ae::register(peer, Party::Ae1, Some(true), ("F1-02a", "F1-02b")).await?;
    let (mut ae2, _) = Ae::register(peer, Party::Ae2, Some(true), ("F1-02c", "F1-02d")).await?;
    let to = ae2.own("/sessions");
    let answer = ae2
        .read(peer, ("S-01", "S-02"), &to, "REG-04", 2000)
        .await?;
    let sessions = answer.body("smg:sess");
    let fixed = json!({"rn": "sessions", "ty": 50001, "pi": ae2.stem});
    expect::members("REG-04", "the collection `sessions`", &fixed, sessions)?;
    stage::grant(peer, &mut ae2, &ae1, &["S-03", "S-04"]).await?;
    let net = [50001, 50002, 50003];
    let steps = ("F1-03", "F1-05");
    let consent = stage::subscribe(peer, &mut ae2, "/sessions", "consent", &net, steps).await?;
    // The figure's own address means the same.
    let steps = ("S-11", "S-12");
    let place = "/sessions/subscriptions";
    let told = stage::subscribe(peer, &mut ae1, place, "told", &net[1..], steps).await?;
    let to = ae2.own("/sessions/consent");
    let answer = ae2.read(peer, QUIET, &to, "EST-52", 2000).await?;
    let nu = json!({"rn": "consent", "nu": [ae2.stem]});
    expect::members(
        "EST-52",
        "the consent subscription",
        &nu,
        answer.body("m2m:sub"),
    )?;
    let second = json!({"rn": "again", "nu": [ae2.stem], "enc": {"net": [50001]}});
    let more = json!({"ty": 23, "pc": {"m2m:sub": second}});
    let message = ae2.request(1, &ae2.own("/sessions"), more);
    ae2.ask(peer, QUIET, &message, "EST-53", 4124).await?;
    peer.show("F1-04");
    Ok(Stage {
        ae1,
        ae2,
        told,
        consent,
    })
}

async fn discovery(peer: &mut Peer, stage: &mut Stage) -> Result<(), Stop> {
    let to = format!(
        "{}/{}",
        peer.target(Party::Cse2).id,
        peer.target(Party::Cse2).name
    );
    let filter = json!({"fu": 1, "ty": [2], "atr": [{"nm": "scap", "val": true}]});
    let more = json!({"drt": 2, "fc": filter});
    let message = stage.ae1.request(2, &to, more.clone());
    let answer = stage.ae1.ask(peer, QUIET, &message, "DIS-03", 2000).await?;
    let what = "discovery before AE2 grants it";
    expect::equal("DIS-02", what, json!([]), answer.body("m2m:uril"))?;

    stage::open_door(peer, &mut stage.ae2, ("S-05", "S-06")).await?;
    let steps = [("S-07", "S-08"), ("S-09", "S-10")];
    stage::targets(peer, &mut stage.ae2, &steps).await?;
    // AE4 grants as much, but has no session capability.
    let (mut ae4, _) = Ae::register(peer, Party::Ae4, None, QUIET).await?;
    let acp = stage.ae2.own("/acp");
    let update = ae4.request(3, &ae4.own(""), json!({"pc": {"m2m:ae": {"acpi": [acp]}}}));
    ae4.ask(peer, QUIET, &update, "REG-25", 2004).await?;
    let to_sessions = ae4.own("/sessions");
    ae4.read(peer, QUIET, &to_sessions, "REG-04", 4004).await?;

    let message = stage.ae1.request(2, &to, more);
    let answer = stage
        .ae1
        .ask(peer, ("F1-06a", "F1-06d"), &message, "DIS-07", 2000)
        .await?;
    let what = "session-capable AEs that AE1 may discover";
    expect::equal(
        "DIS-01",
        what,
        json!([stage.ae2.stem]),
        answer.body("m2m:uril"),
    )?;
    peer.show("F1-01");
    let to = stage.ae2.id.clone();
    let answer = stage.ae1.read(peer, QUIET, &to, "DIS-08", 2000).await?;
    let found = json!({"aei": stage.ae2.stem, "scap": true});
    expect::members("DIS-05", "the AE found", &found, answer.body("m2m:ae"))
}

async fn establishment(peer: &mut Peer, stage: &mut Stage) -> Result<Session, Stop> {
    let wish = Wish::usual(peer);
    let proposal = stage.proposal(&wish);
    let rqi = proposal["rqi"].as_str().unwrap_or_default().to_owned();
    peer.send(stage.ae1.link, "F1-07", &proposal).await?;
    let question = stage.ae2.told(peer, "F1-12", 50001).await?;
    check_question(peer, stage, &wish, &question)?;

    // The question is open: neither CSE has a session yet, and AE1 has no answer.
    let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    let reserved = asked["ri"].as_str().unwrap_or_default().to_owned();
    stage
        .ae2
        .read(peer, QUIET, &reserved, "EST-01", 4004)
        .await?;
    let to = stage.ae1.own("/sessions/s1");
    stage.ae1.read(peer, QUIET, &to, "EST-02", 4004).await?;
    peer.probe(stage.ae1.link).await?;
    let early = peer.has_response(stage.ae1.link, &rqi);
    expect::holds(
        "EST-04",
        "no answer to AE1 before AE2 agreed",
        !early,
        "F1-17 was there",
    )?;

    let yes = stage.yes(wish.offers);
    stage
        .ae2
        .answer(peer, "F1-13", &question, 2000, Some(yes))
        .await?;
    let success = peer.response(stage.ae1.link, "F1-17", &rqi).await?;
    expect::status("EST-04", "CREATE of a session", &success, &[2001])?;
    check_success(stage, &wish, &question, &success)?;
    peer.probe(stage.ae2.link).await?;
    let twice = peer.has_request(stage.ae2.link, |request| is_event(request, 50001));
    expect::holds(
        "EST-12",
        "one question for one session",
        !twice,
        "a second F1-12",
    )?;
    stage.session(&question, &success)
}

fn check_question(
    peer: &mut Peer,
    stage: &Stage,
    wish: &Wish,
    question: &Message,
) -> Result<(), Stop> {
    let what = "the question to AE2";
    let envelope = json!({"to": stage.ae2.stem, "fr": peer.target(Party::Cse2).id});
    expect::members("USE-53", what, &envelope, &question.value)?;
    let rqet = expect::time("EST-48", what, &question.value, "rqet")?;
    let earlier = rqet < wish.rqet;
    expect::holds(
        "EST-48",
        "a question that expires before F1-07",
        earlier,
        rqet,
    )?;
    let notification = question.body("m2m:sgn");
    expect::equal(
        "EST-09",
        "`sur`",
        stage.consent.clone(),
        &notification["sur"],
    )?;
    peer.show("F1-11");

    let asked = &notification["nev"]["rep"]["smg:ses"];
    let endpoint =
        json!([{"epi": stage.ae1.id, "ept": 1, "epp": [stage.ae1.everywhere("/inbox")]}]);
    let told = json!({
        "soi": stage.ae1.id, "sto": [stage.ae2.id], "see": false, "aer": true, "smg:sep": endpoint
    });
    expect::members("EST-54", what, &told, asked)?;
    let sid = expect::text("EST-54", what, asked, "sid")?;
    expect::session_id("EST-43", &peer.target(Party::Cse1).id, &sid)?;
    expect::equal(
        "USE-37",
        "`sid` of the notification",
        sid,
        &question.value["sid"],
    )?;
    let et = expect::time("EST-54", what, asked, "et")?;
    expect::holds("EST-27", "`et` not later than asked for", et <= wish.et, et)?;
    let scr = json!({"alg": "A256GCM", "kty": "oct"});
    expect::members("EST-44", "the credentials", &scr, &asked["scr"])?;
    peer.show("F1-09");
    Ok(())
}

fn check_success(
    stage: &Stage,
    wish: &Wish,
    question: &Message,
    success: &Message,
) -> Result<(), Stop> {
    let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    let made = success.body("smg:ses");
    let told = json!({
        "rn": wish.rn, "ty": 50002, "sid": asked["sid"], "soi": stage.ae1.id,
        "sto": [stage.ae2.id], "slc": 2, "sst": 2, "see": false, "aer": true,
        "kid": asked["scr"]["kid"], "scr": asked["scr"], "et": asked["et"]
    });
    expect::members("EST-62", "the session as AE1 gets it", &told, made)?;
    expect::without(
        "EST-62",
        "the session as AE1 gets it",
        &["nhr", "vst"],
        made,
    )?;
    let endpoints = expect::list("EST-07", "the session", made, "smg:sep")?;
    check_endpoints(stage, endpoints)
}

fn check_endpoints(stage: &Stage, endpoints: &[Value]) -> Result<(), Stop> {
    let count = endpoints.len();
    expect::holds(
        "EST-07",
        "one endpoint for AE1 and one for AE2",
        count == 2,
        count,
    )?;
    let offered = [(&stage.ae1, "/inbox"), (&stage.ae2, "/container1")];
    for (ae, path) in offered {
        let found = endpoints
            .iter()
            .find(|endpoint| endpoint["epi"] == ae.id.as_str());
        let expected = json!({"epi": ae.id, "ept": 1, "epp": [ae.everywhere(path)], "sst": 2});
        let missing = Value::Null;
        expect::members(
            "EST-07",
            "an endpoint",
            &expected,
            found.unwrap_or(&missing),
        )?;
    }
    Ok(())
}

async fn trees(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Result<(), Stop> {
    stage.settle(peer).await?;
    let more = json!({"rcn": 4});
    let message = stage.ae2.request(2, &session.at_cse2, more);
    let answer = stage.ae2.ask(peer, QUIET, &message, "EST-70", 2000).await?;
    let held = answer.body("smg:ses");
    let same = json!({
        "ri": session.at_cse2, "sid": session.sid, "soi": stage.ae1.id, "sto": [stage.ae2.id],
        "kid": session.key1.kid, "et": session.et.to_string()
    });
    expect::members("EST-06", "the session at CSE2", &same, held)?;
    // AE1's request came after the confirmation on the link between the CSEs.
    expect::equal(
        "EST-60",
        "`slc` at CSE2 after the confirmation",
        2,
        &held["slc"],
    )?;
    expect::without("EST-44", "a representation", &["scr"], held)?;
    let endpoints = expect::list("EST-07", "the session at CSE2", held, "smg:sep")?;
    check_endpoints(stage, endpoints)?;
    peer.show("F1-14");

    let to = format!("{}/nextHops", session.at_cse2);
    let answer = stage
        .ae2
        .read(peer, ("R-03", "R-04"), &to, "EST-73", 2000)
        .await?;
    let held = answer.body("smg:ses");
    let others = ["smg:sep", "smg:scx", "smg:spy", "sid"];
    expect::without("EST-73", "next hops alone", &others, held)?;
    let hop = json!({
        "nhi": peer.target(Party::Cse1).id, "nhr": stage.ae1.at_cse(&session.at_cse1),
        "nhe": [stage.ae1.id], "nhs": 2
    });
    check_hop(&hop, held)
}

fn check_hop(expected: &Value, held: &Value) -> Result<(), Stop> {
    let hops = expect::list("EST-08", "the session", held, "smg:nhp")?;
    expect::holds("EST-08", "one next hop", hops.len() == 1, hops.len())?;
    expect::members("EST-08", "the next hop", expected, &hops[0])
}

async fn policy(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Result<(), Stop> {
    let now = peer.now();
    let rqet = peer.ahead(8_000);
    let to = stage.ae1.own(&format!("/sessions/{}", session.name));
    let message = stage.policy(&to, "night", &Window::far(now), rqet);
    let wanted = message["pc"]["smg:spy"].clone();
    let answer = stage
        .ae1
        .ask(peer, ("F1-18", "F1-23"), &message, "POL-06", 2001)
        .await?;
    let made = answer.body("smg:spy");
    expect::members("POL-05", "the policy as AE1 gets it", &wanted, made)?;
    let fresh = json!({"st": 0, "ty": 50005, "pi": session.at_cse1});
    expect::members("POL-05", "the policy as AE1 gets it", &fresh, made)?;

    let to = format!("{}/night", session.at_cse2);
    let answer = stage.ae2.read(peer, QUIET, &to, "EST-24", 2000).await?;
    let held = answer.body("smg:spy");
    expect::members("EST-23", "the policy at CSE2", &wanted, held)?;
    expect::members("POL-07", "the policy at CSE2", &json!({"st": 0}), held)?;
    peer.show("F1-19");
    peer.show("F1-20");

    // The figure's own address means the same; the name is then the CSE's choice.
    let to = stage
        .ae1
        .own(&format!("/sessions/{}/sessionPolicies", session.name));
    let spare = json!({"pyt": 1, "pys": 2, "pyo": 200});
    let message = stage
        .ae1
        .request(1, &to, json!({"ty": 50005, "pc": {"smg:spy": spare}}));
    let answer = stage.ae1.ask(peer, QUIET, &message, "EST-73", 2001).await?;
    let name = expect::text("POL-05", "a policy", answer.body("smg:spy"), "rn")?;
    let stem = peer
        .target(Party::Cse1)
        .id
        .trim_start_matches('/')
        .to_owned();
    let number = name.strip_prefix(&format!("{stem}-"));
    let good = number.is_some_and(|number| number.parse::<u32>().is_ok());
    expect::holds(
        "POL-05",
        "a name of CSE-ID stem, `-` and number",
        good,
        &name,
    )?;
    let to = format!("{}/{name}", session.at_cse2);
    stage
        .ae2
        .read(peer, QUIET, &to, "EST-24", 2000)
        .await
        .map(drop)
}

async fn read_back(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Result<(), Stop> {
    let to = stage.ae1.own(&format!("/sessions/{}", session.name));
    let message = stage.ae1.request(2, &to, json!({"rcn": 4}));
    let answer = stage
        .ae1
        .ask(peer, ("R-01", "R-02"), &message, "EST-70", 2000)
        .await?;
    let held = answer.body("smg:ses");
    expect::without("EST-44", "a representation", &["scr"], held)?;
    let endpoints = expect::list("EST-07", "the session at CSE1", held, "smg:sep")?;
    check_endpoints(stage, endpoints)?;
    let hop = json!({
        "nhi": peer.target(Party::Cse2).id, "nhr": stage.ae2.at_cse(&session.at_cse2),
        "nhe": [stage.ae2.id], "nhs": 2
    });
    check_hop(&hop, held)?;
    peer.show("F1-15");
    peer.show("F1-16");
    let context = expect::list("USE-18", "the session at CSE1", held, "smg:scx")?;
    expect::holds("USE-18", "one context", context.len() == 1, context.len())?;
    let empty = json!({"rn": "context", "cni": 0, "mni": 100});
    expect::members("USE-18", "a fresh context", &empty, &context[0])?;
    let policies = expect::list("EST-24", "the session at CSE1", held, "smg:spy")?;
    let night = policies.iter().any(|policy| policy["rn"] == "night");
    expect::holds("EST-24", "the policy `night` at CSE1", night, held)?;
    peer.show("F1-22");
    Ok(())
}

/// A second session shares neither identifier nor key with the first.
async fn distinct(peer: &mut Peer, stage: &mut Stage, first: &Session) -> Result<(), Stop> {
    let wish = Wish {
        rn: "s2",
        ..Wish::usual(peer)
    };
    let second = stage.establish(peer, &wish).await?;
    let fresh = first.sid != second.sid;
    expect::holds("EST-05", "another session identifier", fresh, &second.sid)?;
    let fresh = first.key1.kid != second.key1.kid && !first.key1.same_bytes(&second.key1);
    expect::holds(
        "EST-19",
        "another key and key identifier",
        fresh,
        &second.key1.kid,
    )?;
    peer.show("F1-08");
    Ok(())
}
