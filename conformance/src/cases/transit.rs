//! The CSE under test between two CSEs of the suite (configuration D): it has no endpoint, and passes
//! sessions on.

use serde_json::{Value, json};

use crate::case::{Step, Stop};
use crate::cases::{by, wire};
use crate::cast::QUIET;
use crate::expect;
use crate::hop::overlay;
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::remote::credentials;
use crate::story::Party;
use crate::wire::Request;

mod table;

pub use table::CASES;

const FLOW: &[Step] = &[
    wire("F1-09", "a hop request comes in and goes on"),
    wire("F1-15", "its answer comes back"),
    by(
        "F1-14",
        "the transit CSE holds a session of its own",
        "CSE1 reads it by the `ri` of F1-15",
    ),
    wire("F1-16", "the confirmation passes"),
    wire("F1-19", "a policy passes"),
    wire("F2-07", "data passes"),
    wire("F2-14", "its answer passes back"),
    wire("F3-03", "the end passes"),
    wire("F3-08", "it is confirmed after the hop beyond"),
];

/// Stems of the endpoints behind CSE1 and CSE2.
const NEAR: &str = "Cnear";
const FAR: &str = "Cfar";

struct Between {
    near: Neighbour,
    far: Neighbour,
}

/// A session that passes through.
struct Passing {
    sid: String,
    /// At the CSE under test, SP-relative.
    here: String,
    /// At CSE1 and CSE2.
    upstream: String,
    downstream: String,
}

impl Between {
    async fn set(peer: &mut Peer) -> Result<Self, Stop> {
        let near = Neighbour::with_sessions(peer, Party::Cse1, Party::Transit, [""; 4]).await?;
        let far = Neighbour::with_sessions(peer, Party::Cse2, Party::Transit, [""; 4]).await?;
        Ok(Self { near, far })
    }

    fn offer(&mut self, peer: &mut Peer, more: Value) -> Value {
        let scr = credentials(peer);
        let et = peer.ahead(3_600_000).to_string();
        let rqet = peer.ahead(10_000).to_string();
        let sid = format!("{}/{}", self.near.id, peer.dice().token());
        let initiator = self.near.behind(NEAR);
        let target = self.far.behind(FAR);
        let mut session = json!({
            "sid": sid, "soi": initiator, "sto": [target], "et": et, "see": false, "aer": true,
            "nhr": self.near.behind("up1"), "vst": [self.near.id], "scr": scr,
            "smg:sep": [{"epi": initiator, "ept": 1, "epp": [self.near.place("near/inbox")]}]
        });
        overlay(&mut session, more);
        let more = json!({"ty": 50002, "rqet": rqet, "pc": {"smg:ses": session}});
        let mut message = self
            .near
            .on_behalf(1, &format!("{target}/sessions"), NEAR, more);
        message["fr"] = self.near.id.clone().into();
        message
    }

    async fn passed(
        &self,
        peer: &mut Peer,
        steps: (&str, &str),
        offer: &Value,
    ) -> Result<Message, Stop> {
        peer.send(self.near.link, steps.0, offer).await?;
        let what = "the hop request, passed on";
        self.far
            .asked(peer, steps.1, what, crate::hop::creates_session)
            .await
    }

    fn created(&self, offer: &Message) -> Value {
        let asked = offer.body("smg:ses");
        let mut initiator = asked["smg:sep"][0].clone();
        initiator["sst"] = 2.into();
        let target = json!({
            "epi": self.far.behind(FAR), "ept": 1, "epp": [self.far.place("far/box")], "sst": 2
        });
        json!({"smg:ses": {
            "rn": "down", "ri": "down1", "pi": "sess1", "ty": 50002, "ct": "20270301T100101",
            "lt": "20270301T100101", "et": asked["et"], "sid": asked["sid"], "soi": asked["soi"],
            "sto": asked["sto"], "slc": 1, "sst": 2, "see": false, "aer": true,
            "kid": asked["scr"]["kid"], "smg:sep": [initiator, target]
        }})
    }

    /// A request that comes out at one of the two, with this operation.
    async fn out(
        &self,
        peer: &mut Peer,
        step: &str,
        side: &Neighbour,
        op: u8,
    ) -> Result<Message, Stop> {
        let what = "a request, passed on";
        let wanted = |request: &Request| request.op == op;
        side.asked(peer, step, what, wanted).await
    }

    /// Awaits the answer at one of the two.
    async fn result(
        &self,
        peer: &mut Peer,
        step: &str,
        side: &Neighbour,
        request: &Value,
        requirement: &str,
        rsc: u64,
    ) -> Result<Message, Stop> {
        let rqi = request["rqi"].as_str().unwrap_or_default();
        let answer = peer.response(side.link, step, rqi).await?;
        let what = format!("op {} to {}", request["op"], request["to"]);
        expect::status(requirement, &what, &answer, &[rsc])?;
        Ok(answer)
    }

    async fn establish(&mut self, peer: &mut Peer, more: Value) -> Result<Passing, Stop> {
        let offer = self.offer(peer, more);
        let passed = self.passed(peer, QUIET, &offer).await?;
        let made = self.created(&passed);
        self.far.answer(peer, "", &passed, 2001, made).await?;
        let answer = self
            .result(peer, "", &self.near, &offer, "EST-50", 2001)
            .await?;
        let session = self.passing(&offer, &answer)?;
        self.confirm(peer, &session, 2004).await?;
        Ok(session)
    }

    fn passing(&self, offer: &Value, answer: &Message) -> Result<Passing, Stop> {
        let made = answer.body("smg:ses");
        let ri = expect::text("EST-59", "the answer", made, "ri")?;
        Ok(Passing {
            sid: offer["pc"]["smg:ses"]["sid"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            here: format!("{}/{ri}", self.near.sut),
            upstream: self.near.behind("up1"),
            downstream: self.far.behind("down1"),
        })
    }

    /// CSE1 confirms, the confirmation passes, CSE2 answers.
    async fn confirm(&mut self, peer: &mut Peer, session: &Passing, rsc: u64) -> Result<(), Stop> {
        let more = json!({"rcn": 0, "pc": {"smg:ses": {"slc": 2}}});
        let message = self.near.own(3, &session.here, more);
        peer.send(self.near.link, "F1-16a", &message).await?;
        let came = self.out(peer, "F1-16a", &self.far, 3).await?;
        let place = session.downstream.clone();
        expect::equal("EST-08", "where it is confirmed", place, &came.value["to"])?;
        self.far
            .answer(peer, "F1-16b", &came, rsc, Value::Null)
            .await?;
        self.result(peer, "F1-16b", &self.near, &message, "EST-50", 2004)
            .await
            .map(drop)
    }

    /// The transit CSE's own session, as CSE1 reads it.
    async fn look(
        &mut self,
        peer: &mut Peer,
        session: &Passing,
        requirement: &str,
        rsc: u64,
    ) -> Result<Message, Stop> {
        let read = self.near.own(2, &session.here, json!({}));
        self.near.ask(peer, QUIET, &read, requirement, rsc).await
    }

    /// A sealed value of the right shape, from an endpoint to an address.
    fn data(side: &mut Neighbour, stem: &str, to: &str, sid: &str) -> Value {
        // RETRIEVE carries no content, so that no key is needed.
        side.on_behalf(2, to, stem, json!({"sid": sid}))
    }
}

async fn flow(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let offer = all.offer(peer, json!({}));
    let passed = all.passed(peer, ("F1-09", "F1-09"), &offer).await?;
    check_passed(peer, &all, &offer, &passed)?;
    peer.probe(all.near.link).await?;
    let rqi = offer["rqi"].as_str().unwrap_or_default();
    let early = peer.has_response(all.near.link, rqi);
    expect::holds(
        "EST-04",
        "no answer before the hop beyond",
        !early,
        "it was there",
    )?;
    let made = all.created(&passed);
    all.far.answer(peer, "F1-15", &passed, 2001, made).await?;
    let answer = all
        .result(peer, "F1-15", &all.near, &offer, "EST-59", 2001)
        .await?;
    let body = answer.body("smg:ses");
    let told = json!({"slc": 1, "sid": offer["pc"]["smg:ses"]["sid"]});
    expect::members("EST-59", "the answer", &told, body)?;
    expect::without("EST-44", "the answer", &["scr"], body)?;
    let session = all.passing(&offer, &answer)?;
    all.look(peer, &session, "EST-50", 2000).await?;
    peer.show("F1-14");
    all.confirm(peer, &session, 2004).await?;
    let held = all.look(peer, &session, "EST-50", 2000).await?;
    expect::equal(
        "EST-50",
        "`slc` after the confirmation",
        2,
        &held.body("smg:ses")["slc"],
    )?;

    let policy = json!({"rn": "p", "pyt": 1, "pys": 1, "pyo": 10});
    let more = json!({"ty": 50005, "pc": {"smg:spy": policy}});
    let message = all.near.own(1, &session.here, more);
    peer.send(all.near.link, "F1-19", &message).await?;
    let came = all.out(peer, "F1-19", &all.far, 1).await?;
    let place = json!({"to": session.downstream, "fr": all.far.sut});
    expect::members("POL-07", "the policy, passed on", &place, &came.value)?;
    expect::members("POL-07", "the policy", &policy, came.body("smg:spy"))?;
    let mut made = policy.clone();
    overlay(
        &mut made,
        json!({
            "ri": "spy1", "pi": "down1", "ty": 50005, "st": 0, "ct": "20270301T100201",
            "lt": "20270301T100201", "et": offer["pc"]["smg:ses"]["et"]
        }),
    );
    all.far
        .answer(peer, "F1-21", &came, 2001, json!({"smg:spy": made}))
        .await?;
    all.result(peer, "F1-21", &all.near, &message, "POL-06", 2001)
        .await?;

    let to = all.far.place("far/box");
    let message = Between::data(&mut all.near, NEAR, &to, &session.sid);
    peer.send(all.near.link, "F2-07", &message).await?;
    let came = all.out(peer, "F2-07", &all.far, 2).await;
    let came = expect::arrived("USE-04", came)?;
    expect::members("USE-41", "the request, passed on", &message, &came.value)?;
    let cnt = json!({"m2m:cnt": {"rn": "box"}});
    all.far
        .answer(peer, "F2-14", &came, 2000, cnt.clone())
        .await?;
    let answer = all
        .result(peer, "F2-14", &all.near, &message, "USE-15", 2000)
        .await?;
    expect::equal("REG-21", "its content", cnt, answer.content())?;

    let rqet = peer.ahead(8_000).to_string();
    let delete = all.near.own(4, &session.here, json!({"rqet": rqet}));
    peer.send(all.near.link, "F3-03", &delete).await?;
    let came = all.out(peer, "F3-03", &all.far, 4).await?;
    let place = session.downstream.clone();
    expect::equal("END-25", "what is deleted beyond", place, &came.value["to"])?;
    peer.probe(all.near.link).await?;
    let rqi = delete["rqi"].as_str().unwrap_or_default();
    let early = peer.has_response(all.near.link, rqi);
    expect::holds(
        "END-02",
        "no 2002 before the hop beyond",
        !early,
        "it was there",
    )?;
    all.far
        .answer(peer, "F3-08", &came, 2002, Value::Null)
        .await?;
    all.result(peer, "F3-08", &all.near, &delete, "END-02", 2002)
        .await?;
    all.look(peer, &session, "END-03", 4004).await?;
    expect::quiet(peer, "EST-50").await
}

fn check_passed(peer: &Peer, all: &Between, offer: &Value, passed: &Message) -> Result<(), Stop> {
    let what = "the hop request, passed on";
    let sut = all.near.sut.clone();
    let envelope = json!({"fr": sut, "to": offer["to"], "rqi": offer["rqi"]});
    expect::members("EST-50", what, &envelope, &passed.value)?;
    let (sent, came) = (&offer["pc"]["smg:ses"], passed.body("smg:ses"));
    for name in ["sid", "soi", "sto", "see", "aer", "scr", "smg:sep"] {
        let same = sent[name].clone();
        expect::equal("EST-47", &format!("{what}, {name}"), same, &came[name])?;
    }
    let visited = json!([all.near.id, sut]);
    expect::equal("EST-29", "`vst`", visited, &came["vst"])?;
    let nhr = expect::text("EST-50", what, came, "nhr")?;
    let own = nhr.starts_with(&format!("{sut}/"));
    expect::holds("EST-50", "`nhr` at the transit CSE", own, &nhr)?;
    let step = i64::from(peer.target(Party::Transit).timers.hop_step_ms);
    let limit = expect::time("EST-48", "the request", offer, "rqet")?.plus_ms(-step);
    let rqet = expect::time("EST-48", what, &passed.value, "rqet")?;
    expect::holds("EST-48", &format!("`rqet` {limit}"), rqet == limit, rqet)
}

async fn refused(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    for rsc in [4127, 5214, 5107, 4004] {
        let offer = all.offer(peer, json!({}));
        let passed = expect::arrived("EST-50", all.passed(peer, QUIET, &offer).await)?;
        all.far.answer(peer, "", &passed, rsc, Value::Null).await?;
        all.result(peer, "", &all.near, &offer, "EST-55", rsc)
            .await?;
    }
    expect::quiet(peer, "EST-11").await
}

async fn silent(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let mut offer = all.offer(peer, json!({}));
    offer["rqet"] = peer.ahead(1_500).to_string().into();
    let passed = all.passed(peer, QUIET, &offer).await?;
    all.result(peer, "", &all.near, &offer, "EST-15", 4008)
        .await?;
    let came = all.out(peer, "", &all.far, 4).await?;
    let expected = json!({
        "to": passed.value["to"], "sid": passed.body("smg:ses")["sid"], "rsn": 6
    });
    expect::members("EST-64", "the compensation", &expected, &came.value)?;
    all.far.answer(peer, "", &came, 2002, Value::Null).await?;
    expect::quiet(peer, "EST-64").await
}

async fn compensated(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let offer = all.offer(peer, json!({}));
    let passed = all.passed(peer, QUIET, &offer).await?;
    let made = all.created(&passed);
    all.far.answer(peer, "", &passed, 2001, made).await?;
    let answer = all
        .result(peer, "", &all.near, &offer, "EST-59", 2001)
        .await?;
    let session = all.passing(&offer, &answer)?;
    let to = offer["to"].as_str().unwrap_or_default();
    let delete = all.near.own(4, to, json!({"sid": session.sid, "rsn": 6}));
    peer.send(all.near.link, "", &delete).await?;
    let came = all.out(peer, "", &all.far, 4).await?;
    all.far.answer(peer, "", &came, 2002, Value::Null).await?;
    all.result(peer, "", &all.near, &delete, "END-26", 2002)
        .await?;
    all.look(peer, &session, "EST-14", 4004).await?;
    expect::quiet(peer, "EST-64").await
}

async fn deaf(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let (deaf, _) = Neighbour::join(peer, Party::Cse2).await?;
    let target = deaf.behind(FAR);
    let mut offer = all.offer(peer, json!({"sto": [target]}));
    offer["to"] = format!("{target}/sessions").into();
    all.near.ask(peer, QUIET, &offer, "EST-40", 5001).await?;
    deaf.silent(peer, "EST-10", "nothing to a CSE without sessions")
        .await?;
    expect::quiet(peer, "EST-10").await
}

async fn looped(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let visited = json!([all.near.id, all.near.sut]);
    let offer = all.offer(peer, json!({"vst": visited}));
    all.near.ask(peer, QUIET, &offer, "EST-29", 4105).await?;
    expect::quiet(peer, "EST-29").await
}

async fn from_far(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let session = all.establish(peer, json!({})).await?;
    let rqet = peer.ahead(8_000).to_string();
    let delete = all.far.own(4, &session.here, json!({"rqet": rqet}));
    peer.send(all.far.link, "", &delete).await?;
    let came = all.out(peer, "", &all.near, 4).await?;
    let place = session.upstream.clone();
    expect::equal(
        "END-25",
        "what is deleted upstream",
        place,
        &came.value["to"],
    )?;
    peer.probe(all.far.link).await?;
    let rqi = delete["rqi"].as_str().unwrap_or_default();
    let early = peer.has_response(all.far.link, rqi);
    expect::holds(
        "END-02",
        "no 2002 before the hop upstream",
        !early,
        "it was there",
    )?;
    all.near.answer(peer, "", &came, 2002, Value::Null).await?;
    all.result(peer, "", &all.far, &delete, "END-02", 2002)
        .await?;
    all.look(peer, &session, "END-03", 4004).await?;
    expect::quiet(peer, "END-02").await
}

async fn both_ways(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let session = all.establish(peer, json!({})).await?;
    let (box_, inbox) = (all.far.place("far/box"), all.near.place("near/inbox"));
    let cnt = json!({"m2m:cnt": {"rn": "x", "lbl": ["\u{fc}"]}});
    let message = Between::data(&mut all.near, NEAR, &box_, &session.sid);
    peer.send(all.near.link, "", &message).await?;
    let came = all.out(peer, "", &all.far, 2).await?;
    expect::members("USE-41", "the request, passed on", &message, &came.value)?;
    all.far.answer(peer, "", &came, 2000, cnt.clone()).await?;
    let answer = all
        .result(peer, "", &all.near, &message, "USE-04", 2000)
        .await?;
    expect::equal("REG-21", "its content", cnt.clone(), answer.content())?;
    let message = Between::data(&mut all.far, FAR, &inbox, &session.sid);
    peer.send(all.far.link, "", &message).await?;
    let came = all.out(peer, "", &all.near, 2).await?;
    all.near.answer(peer, "", &came, 2000, cnt.clone()).await?;
    let answer = all
        .result(peer, "", &all.far, &message, "USE-04", 2000)
        .await?;
    expect::equal("REG-21", "its content", cnt, answer.content())?;
    // Each side for someone else, and for a path that nobody offered.
    let message = Between::data(&mut all.far, "Cother", &inbox, &session.sid);
    all.far.ask(peer, QUIET, &message, "USE-02", 4103).await?;
    let message = Between::data(&mut all.near, "Cother", &box_, &session.sid);
    all.near.ask(peer, QUIET, &message, "USE-02", 4103).await?;
    let private = all.far.place("far/private");
    let message = Between::data(&mut all.near, NEAR, &private, &session.sid);
    all.near.ask(peer, QUIET, &message, "USE-01", 4005).await?;
    expect::quiet(peer, "USE-04").await
}

async fn unconfirmed(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let offer = all.offer(peer, json!({}));
    let passed = all.passed(peer, QUIET, &offer).await?;
    let made = all.created(&passed);
    all.far.answer(peer, "", &passed, 2001, made).await?;
    let answer = all
        .result(peer, "", &all.near, &offer, "EST-59", 2001)
        .await?;
    let session = all.passing(&offer, &answer)?;
    let more = json!({"rcn": 0, "pc": {"smg:ses": {"slc": 2}}});
    let message = all.near.own(3, &session.here, more);
    peer.send(all.near.link, "", &message).await?;
    let came = all.out(peer, "", &all.far, 3).await?;
    let beyond = session.downstream.clone();
    expect::equal("EST-50", "where it is confirmed", beyond, &came.value["to"])?;
    all.far.answer(peer, "", &came, 4004, Value::Null).await?;
    let came = all.out(peer, "", &all.near, 4).await?;
    let place = session.upstream.clone();
    expect::equal(
        "EST-66",
        "what is deleted upstream",
        place,
        &came.value["to"],
    )?;
    all.near.answer(peer, "", &came, 2002, Value::Null).await?;
    let to = all.far.place("far/box");
    let late = Between::data(&mut all.near, NEAR, &to, &session.sid);
    all.near
        .ask(peer, QUIET, &late, "EST-66", 4004)
        .await
        .map(drop)
}

async fn hop_away(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let session = all.establish(peer, json!({})).await?;
    peer.close(all.far.link).await?;
    let rqet = peer.ahead(1_500).to_string();
    let delete = all.near.own(4, &session.here, json!({"rqet": rqet}));
    all.near.ask(peer, QUIET, &delete, "END-33", 5107).await?;
    all.far.reopen(peer).await?;
    let came = all.out(peer, "", &all.far, 4).await?;
    let place = session.downstream.clone();
    expect::equal("END-34", "what is deleted beyond", place, &came.value["to"])?;
    all.far.answer(peer, "", &came, 2002, Value::Null).await
}

async fn policy_refused(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let session = all.establish(peer, json!({})).await?;
    let policy = json!({"rn": "p", "pyt": 1, "pys": 1, "pyo": 10});
    let more = json!({"ty": 50005, "pc": {"smg:spy": policy}});
    let message = all.near.own(1, &session.here, more);
    peer.send(all.near.link, "", &message).await?;
    let came = all.out(peer, "", &all.far, 1).await?;
    all.far.answer(peer, "", &came, 4102, Value::Null).await?;
    all.result(peer, "", &all.near, &message, "POL-09", 4102)
        .await?;
    let read = all.near.own(2, &format!("{}/p", session.here), json!({}));
    all.near.ask(peer, QUIET, &read, "POL-06", 4004).await?;
    expect::quiet(peer, "POL-09").await
}

async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let et = peer.ahead(2_000);
    let session = all.establish(peer, json!({"et": et.to_string()})).await?;
    let margin = i64::from(peer.target(Party::Transit).timers.expiry_margin_ms);
    // A request that expires after the session does: its answer tells that the time is over.
    let rqet = et.plus_ms(margin + 1_000);
    peer.wait_longer(peer.target(Party::Transit).timers.expiry_margin_ms);
    let to = all.far.behind("Cwait");
    let message = all
        .near
        .on_behalf(2, &to, NEAR, json!({"rqet": rqet.to_string()}));
    peer.send(all.near.link, "", &message).await?;
    all.out(peer, "", &all.far, 2).await?;
    all.result(peer, "", &all.near, &message, "REG-27", 4008)
        .await?;
    all.look(peer, &session, "END-17", 4004).await?;
    expect::quiet(peer, "END-17").await
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let mut all = Between::set(peer).await?;
    let offer = all.offer(peer, json!({}));
    let passed = all.passed(peer, QUIET, &offer).await?;
    peer.send(all.near.link, "", &offer).await?;
    peer.probe(all.near.link).await?;
    all.far.silent(peer, "EST-13", "one request beyond").await?;
    let made = all.created(&passed);
    all.far.answer(peer, "", &passed, 2001, made).await?;
    let first = all
        .result(peer, "", &all.near, &offer, "EST-59", 2001)
        .await?;
    let again = all.near.ask(peer, QUIET, &offer, "REG-31", 2001).await?;
    expect::equal(
        "EST-65",
        "the same answer",
        first.value.clone(),
        &again.value,
    )?;
    expect::quiet(peer, "EST-13").await
}
