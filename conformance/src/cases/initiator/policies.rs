//! Policies and changes of a session between the registrar of the initiator and the next hop.

use serde_json::{Value, json};

use crate::case::Stop;
use crate::cast::QUIET;
use crate::expect;
use crate::hop::{Near, Shared, overlay};
use crate::peer::{Message, Peer};
use crate::window::Window;

mod table;

pub use table::CASES;

async fn ready(peer: &mut Peer) -> Result<(Near, Shared), Stop> {
    let mut near = Near::set(peer).await?;
    let session = near.establish(peer, "s1").await?;
    Ok((near, session))
}

/// CREATE of a policy by AE1.
fn create(peer: &mut Peer, near: &mut Near, body: Value) -> Value {
    let rqet = peer.ahead(8_000).to_string();
    let to = near.ae1.own("/sessions/s1");
    let more = json!({"ty": 50005, "rqet": rqet, "pc": {"smg:spy": body}});
    near.ae1.request(1, &to, more)
}

/// A request of AE1 for its policy `p`.
fn about(peer: &mut Peer, near: &mut Near, op: u8, body: Value) -> Value {
    let rqet = peer.ahead(8_000).to_string();
    let to = near.ae1.own("/sessions/s1/p");
    let mut more = json!({"rqet": rqet});
    if !body.is_null() {
        more["pc"] = json!({"smg:spy": body});
    }
    near.ae1.request(op, &to, more)
}

fn simple(rn: &str) -> Value {
    json!({"rn": rn, "pyt": 1, "pys": 1, "pyo": 10})
}

/// The hop request with this operation.
async fn hop(peer: &mut Peer, near: &Near, op: u8) -> Result<Message, Stop> {
    let what = "the hop request";
    near.hop
        .asked(peer, "", what, |request| request.op == op)
        .await
}

/// What the next hop answers to CREATE of a policy.
fn made(came: &Message, session: &Shared) -> Value {
    let mut body = came.body("smg:spy").clone();
    let common = json!({
        "ri": format!("y{}", body["rn"].as_str().unwrap_or_default()), "ty": 50005,
        "pi": session.here.rsplit('/').next().unwrap_or_default(), "st": 0,
        "ct": "20270301T100201", "lt": "20270301T100201", "et": session.et.to_string()
    });
    overlay(&mut body, common);
    json!({"smg:spy": body})
}

/// A policy at both sides.
async fn put(
    peer: &mut Peer,
    near: &mut Near,
    session: &Shared,
    body: Value,
) -> Result<Message, Stop> {
    let message = create(peer, near, body);
    peer.send(near.ae1.link, "", &message).await?;
    let came = hop(peer, near, 1).await?;
    let content = made(&came, session);
    near.hop.answer(peer, "", &came, 2001, content).await?;
    near.result(peer, "", &message, "POL-06", 2001).await
}

async fn contradiction(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let now = peer.now();
    let far = Window::far(now).schedule();
    let night = json!({"rn": "night", "pyt": 2, "pys": 1, "pyo": 10, "se": far});
    put(peer, &mut near, &session, night).await?;
    let message = create(peer, &mut near, json!({"pyt": 1, "pys": 1, "pyo": 10}));
    near.ae1.ask(peer, QUIET, &message, "POL-14", 4102).await?;
    near.quiet(peer, "POL-14").await
}

async fn malformed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, _) = ready(peer).await?;
    let se = |entry: &str| json!({"sce": [entry]});
    let good = "* * 2-3 * * * *";
    for (body, requirement, rsc) in [
        (json!({"pys": 1}), "POL-01", 4000),
        (json!({"pyt": 1}), "POL-01", 4000),
        (json!({"pyt": 3, "pys": 1}), "POL-01", 4000),
        (json!({"pyt": 1, "pys": 4}), "POL-01", 4000),
        (json!({"pyt": 1, "pys": 1, "se": se(good)}), "POL-01", 4000),
        (json!({"pyt": 2, "pys": 1}), "POL-01", 4000),
        (json!({"pyt": 2, "pys": 2, "se": se(good)}), "POL-02", 4102),
        (
            json!({"pyt": 2, "pys": 1, "se": se("* * * * * *")}),
            "POL-03",
            4000,
        ),
        (
            json!({"pyt": 2, "pys": 1, "se": se("61 * * * * * *")}),
            "POL-03",
            4000,
        ),
        (json!({"pyt": 1, "pys": 1, "colour": "red"}), "POL-01", 4000),
    ] {
        let message = create(peer, &mut near, body);
        near.ae1
            .ask(peer, QUIET, &message, requirement, rsc)
            .await?;
    }
    near.quiet(peer, "POL-01").await
}

async fn refused(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, _) = ready(peer).await?;
    for rsc in [4102, 4105, 5207] {
        let message = create(peer, &mut near, simple("p"));
        peer.send(near.ae1.link, "", &message).await?;
        let came = hop(peer, &near, 1).await?;
        near.hop.answer(peer, "", &came, rsc, Value::Null).await?;
        near.result(peer, "", &message, "POL-09", rsc).await?;
        near.look(peer, "s1/p", "EST-24", 4004).await?;
    }
    near.quiet(peer, "POL-06").await
}

async fn fetched(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let message = create(peer, &mut near, simple("p"));
    peer.send(near.ae1.link, "", &message).await?;
    let first = hop(peer, &near, 1).await?;
    peer.cut(near.hop.link).await;
    near.hop.reopen(peer).await?;
    let again = hop(peer, &near, 1).await?;
    expect::equal(
        "POL-10",
        "the same request again",
        first.value.clone(),
        &again.value,
    )?;
    let content = made(&again, &session);
    near.hop.answer(peer, "", &again, 2001, content).await?;
    near.result(peer, "", &message, "POL-10", 2001).await?;
    near.look(peer, "s1/p", "EST-25", 2000).await?;
    near.quiet_but(peer, "POL-10", &first).await
}

async fn taken_back(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let mut message = create(peer, &mut near, simple("p"));
    message["rqet"] = peer.ahead(1_500).to_string().into();
    peer.send(near.ae1.link, "", &message).await?;
    hop(peer, &near, 1).await?;
    near.result(peer, "", &message, "POL-06", 4008).await?;
    near.look(peer, "s1/p", "POL-06", 4004).await?;
    let came = expect::arrived("EST-25", near.deleted(peer, "").await)?;
    let place = format!("{}/p", session.here);
    expect::equal("POL-10", "what is deleted", place, &came.value["to"])?;
    near.hop.answer(peer, "", &came, 2002, Value::Null).await?;
    near.quiet(peer, "POL-10").await
}

async fn changed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    put(peer, &mut near, &session, simple("p")).await?;
    let message = about(peer, &mut near, 3, json!({"pyo": 20}));
    peer.send(near.ae1.link, "", &message).await?;
    let came = hop(peer, &near, 3).await?;
    let place = format!("{}/p", session.here);
    expect::equal("POL-07", "what is changed", place, &came.value["to"])?;
    let order = json!({"pyo": 20});
    expect::equal("POL-08", "the change", order, came.body("smg:spy"))?;
    near.unanswered(peer, &message, "POL-09", "no success before the next hop")
        .await?;
    let held = near.look(peer, "s1/p", "POL-09", 2000).await?;
    let old = json!({"pyo": 10, "st": 0});
    expect::members("POL-09", "the policy meanwhile", &old, held.body("smg:spy"))?;
    near.hop.answer(peer, "", &came, 2004, Value::Null).await?;
    near.result(peer, "", &message, "POL-08", 2004).await?;
    let held = near.look(peer, "s1/p", "POL-08", 2000).await?;
    let new = json!({"pyo": 20, "st": 1});
    expect::members("POL-08", "the policy", &new, held.body("smg:spy"))?;
    near.quiet(peer, "POL-08").await
}

async fn change_refused(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    put(peer, &mut near, &session, simple("p")).await?;
    let message = about(peer, &mut near, 3, json!({"pyo": 20}));
    peer.send(near.ae1.link, "", &message).await?;
    let came = hop(peer, &near, 3).await?;
    near.hop.answer(peer, "", &came, 4102, Value::Null).await?;
    near.result(peer, "", &message, "POL-09", 4102).await?;
    let held = near.look(peer, "s1/p", "POL-09", 2000).await?;
    let old = json!({"pyo": 10, "st": 0});
    expect::members("POL-09", "the policy", &old, held.body("smg:spy"))?;
    near.quiet(peer, "POL-09").await
}

async fn fixed_members(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    put(peer, &mut near, &session, simple("p")).await?;
    for body in [
        json!({"pyt": 2}),
        json!({"pys": 3}),
        json!({"pye": []}),
        json!({"st": 5}),
        json!({"rn": "q"}),
    ] {
        let message = about(peer, &mut near, 3, body);
        near.ae1.ask(peer, QUIET, &message, "POL-08", 4000).await?;
    }
    near.quiet(peer, "POL-08").await
}

async fn deleted(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    put(peer, &mut near, &session, simple("p")).await?;
    for (rsc, left) in [(5207, 2000), (2002, 4004)] {
        let message = about(peer, &mut near, 4, Value::Null);
        peer.send(near.ae1.link, "", &message).await?;
        let came = near.deleted(peer, "").await?;
        let place = format!("{}/p", session.here);
        expect::equal("POL-07", "what is deleted", place, &came.value["to"])?;
        near.unanswered(peer, &message, "POL-09", "no success before the next hop")
            .await?;
        near.hop.answer(peer, "", &came, rsc, Value::Null).await?;
        near.result(peer, "", &message, "POL-09", rsc).await?;
        near.look(peer, "s1/p", "POL-09", left).await?;
    }
    near.quiet(peer, "POL-09").await
}

async fn one_at_a_time(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    put(peer, &mut near, &session, simple("p")).await?;
    let first = about(peer, &mut near, 3, json!({"pyo": 20}));
    peer.send(near.ae1.link, "", &first).await?;
    let came = hop(peer, &near, 3).await?;
    let second = about(peer, &mut near, 3, json!({"pyo": 30}));
    near.ae1.ask(peer, QUIET, &second, "POL-20", 4105).await?;
    near.hop
        .silent(peer, "POL-20", "nothing of the second change")
        .await?;
    near.hop.answer(peer, "", &came, 2004, Value::Null).await?;
    near.result(peer, "", &first, "POL-08", 2004).await?;
    near.quiet(peer, "POL-20").await
}

async fn from_hop(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let more = json!({"ty": 50005, "pc": {"smg:spy": simple("theirs")}});
    let message = near.hop.on_behalf(1, &session.at_sut, "Cfar", more.clone());
    let own = near.hop.own(1, &session.at_sut, more);
    let mut message = message;
    message["fr"] = own["fr"].clone();
    near.hop.ask(peer, QUIET, &message, "EST-26", 2001).await?;
    let held = near.look(peer, "s1/theirs", "EST-26", 2000).await?;
    expect::members(
        "POL-05",
        "the policy",
        &simple("theirs"),
        held.body("smg:spy"),
    )?;
    let message = near.hop.own(
        1,
        &session.at_sut,
        json!({"ty": 50005,
        "pc": {"smg:spy": simple("theirs")}}),
    );
    near.hop.ask(peer, QUIET, &message, "POL-05", 4105).await?;
    near.quiet(peer, "EST-26").await
}

async fn named(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let mut names = Vec::new();
    for order in [20, 30] {
        let body = json!({"pyt": 1, "pys": 1, "pyo": order});
        let message = create(peer, &mut near, body);
        peer.send(near.ae1.link, "", &message).await?;
        let came = hop(peer, &near, 1).await?;
        let name = expect::text("POL-07", "the hop request", came.body("smg:spy"), "rn")?;
        let stem = format!("{}-", near.hop.sut.trim_start_matches('/'));
        let number = name
            .strip_prefix(&stem)
            .and_then(|rest| rest.parse::<u32>().ok());
        expect::holds(
            "POL-05",
            "CSE-ID stem, `-`, number",
            number.is_some(),
            &name,
        )?;
        let content = made(&came, &session);
        near.hop.answer(peer, "", &came, 2001, content).await?;
        let answer = near.result(peer, "", &message, "POL-06", 2001).await?;
        expect::equal(
            "POL-05",
            "its name",
            name.clone(),
            &answer.body("smg:spy")["rn"],
        )?;
        names.push(name);
    }
    expect::holds("POL-05", "two names", names[0] != names[1], &names[0])?;
    near.quiet(peer, "POL-05").await
}

/// UPDATE of `et` by AE1, ten minutes earlier.
fn sooner(peer: &mut Peer, near: &mut Near, session: &Shared) -> (Value, String) {
    let et = session.et.plus_ms(-600_000).to_string();
    let rqet = peer.ahead(8_000).to_string();
    let to = near.ae1.own("/sessions/s1");
    let more = json!({"rqet": rqet, "pc": {"smg:ses": {"et": et}}});
    (near.ae1.request(3, &to, more), et)
}

async fn prolonged(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let (message, et) = sooner(peer, &mut near, &session);
    peer.send(near.ae1.link, "", &message).await?;
    let came = hop(peer, &near, 3).await?;
    expect::equal("EST-68", "where", session.here.clone(), &came.value["to"])?;
    expect::equal(
        "EST-68",
        "the change",
        et.clone(),
        &came.body("smg:ses")["et"],
    )?;
    near.unanswered(peer, &message, "EST-68", "no success before the next hop")
        .await?;
    let held = near.look(peer, "s1", "EST-68", 2000).await?;
    let old = session.et.to_string();
    expect::equal("EST-68", "`et` meanwhile", old, &held.body("smg:ses")["et"])?;
    let echo = json!({"smg:ses": {"et": et}});
    near.hop.answer(peer, "", &came, 2004, echo).await?;
    near.result(peer, "", &message, "EST-68", 2004).await?;
    let held = near.look(peer, "s1", "EST-68", 2000).await?;
    expect::equal("EST-68", "`et`", et, &held.body("smg:ses")["et"])?;
    near.quiet(peer, "EST-68").await
}

async fn not_prolonged(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let (message, _) = sooner(peer, &mut near, &session);
    peer.send(near.ae1.link, "", &message).await?;
    let came = hop(peer, &near, 3).await?;
    near.hop.answer(peer, "", &came, 5207, Value::Null).await?;
    near.result(peer, "", &message, "EST-68", 5207).await?;
    let held = near.look(peer, "s1", "EST-68", 2000).await?;
    let old = session.et.to_string();
    expect::equal("EST-68", "`et`", old, &held.body("smg:ses")["et"])?;
    near.quiet(peer, "EST-68").await
}

async fn proposed(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let policy = simple("at-once");
    let proposal = near.proposal(peer, "s1", json!({"smg:spy": [policy]}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let handed = &offer.body("smg:ses")["smg:spy"][0];
    expect::members("POL-11", "the policy handed on", &simple("at-once"), handed)?;
    let content = near.created(&offer, "far1");
    near.hop.answer(peer, "", &offer, 2001, content).await?;
    near.confirmed(peer, QUIET, "far1", 2004).await?;
    near.result(peer, "", &proposal, "EST-04", 2001).await?;
    let held = near.look(peer, "s1/at-once", "POL-11", 2000).await?;
    expect::members(
        "POL-11",
        "the policy",
        &simple("at-once"),
        held.body("smg:spy"),
    )?;
    near.quiet(peer, "POL-11").await
}

async fn bad_proposal(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let now = peer.now();
    let se = Window::far(now).schedule();
    let both = json!([simple("a"), {"rn": "b", "pyt": 2, "pys": 1, "pyo": 10, "se": se}]);
    for (policies, rsc) in [
        (json!([{"rn": "p", "pys": 1}]), 4000),
        (json!([{"rn": "p", "pyt": 2, "pys": 2, "se": se}]), 4102),
        (both, 4102),
    ] {
        let message = near.proposal(peer, "s1", json!({"smg:spy": policies}));
        near.ae1.ask(peer, QUIET, &message, "POL-11", rsc).await?;
    }
    near.look(peer, "s1", "EST-11", 4004).await?;
    near.quiet(peer, "POL-11").await
}

async fn lower_wins(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let now = peer.now();
    let far = Window::far(now).schedule();
    let night = json!({"rn": "night", "pyt": 2, "pys": 1, "pyo": 10, "se": far});
    put(peer, &mut near, &session, night).await?;
    // Of lower order, but for other endpoints: it does not decide.
    let others = json!({"rn": "others", "pyt": 1, "pys": 1, "pyo": 2, "pye": ["/x/Cy"]});
    put(peer, &mut near, &session, others).await?;
    let (message, _) = near.sealed(peer, &session, json!({}));
    near.ae1.ask(peer, QUIET, &message, "POL-12", 5207).await?;
    let at_once = json!({"rn": "at-once", "pyt": 1, "pys": 1, "pyo": 5});
    put(peer, &mut near, &session, at_once).await?;
    let (message, _) = near.sealed(peer, &session, json!({}));
    peer.send(near.ae1.link, "", &message).await?;
    let came = near.data(peer, "").await?;
    near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    near.result(peer, "", &message, "POL-13", 2001).await?;
    near.quiet(peer, "POL-13").await
}

async fn too_large(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let small = json!({"rn": "small", "pyt": 1, "pys": 1, "pyo": 10, "pyd": {"mbs": 100}});
    put(peer, &mut near, &session, small).await?;
    let (message, _) = near.sealed(peer, &session, json!({}));
    near.ae1.ask(peer, QUIET, &message, "POL-18", 5207).await?;
    near.quiet(peer, "POL-18").await
}

async fn immediate(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    put(peer, &mut near, &session, simple("p")).await?;
    peer.close(near.hop.link).await?;
    near.offline(peer, "s1").await?;
    let rqet = peer.ahead(10_000).to_string();
    let more = json!({"rt": {"rtv": 2}, "rqet": rqet});
    let (message, _) = near.sealed(peer, &session, more);
    near.ae1.ask(peer, QUIET, &message, "POL-16", 5103).await?;
    near.hop.reopen(peer).await?;
    near.quiet(peer, "POL-16").await
}

async fn plain(peer: &mut Peer) -> Result<(), Stop> {
    let (mut near, session) = ready(peer).await?;
    let open = json!({"m2m:cin": {"cnf": "text/plain:0", "con": "open"}});
    // Bound to serving only: forwarding still demands a sealed value.
    let serving = json!({"rn": "serving", "pyt": 1, "pys": 2, "pyo": 5, "pyd": {"jwe": false}});
    put(peer, &mut near, &session, serving).await?;
    let (mut message, _) = near.sealed(peer, &session, json!({}));
    message["pc"] = open.clone();
    near.ae1.ask(peer, QUIET, &message, "USE-24", 4102).await?;
    let forwarding = json!({"rn": "both", "pyt": 1, "pys": 1, "pyo": 4, "pyd": {"jwe": false}});
    put(peer, &mut near, &session, forwarding).await?;
    let (mut message, _) = near.sealed(peer, &session, json!({}));
    message["pc"] = open.clone();
    peer.send(near.ae1.link, "", &message).await?;
    let came = near.data(peer, "").await?;
    expect::equal("POL-19", "its content", open, came.content())?;
    near.hop.answer(peer, "", &came, 2001, Value::Null).await?;
    near.result(peer, "", &message, "POL-19", 2001).await?;
    near.quiet(peer, "POL-19").await
}
