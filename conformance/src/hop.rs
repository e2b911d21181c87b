//! Sessions over one hop, where the suite plays the CSE at its far end.
//!
//! [`Near`] is the stage of configuration B: the CSE under test is the registrar of the initiator.

use serde_json::{Value, json};

use crate::case::Stop;
use crate::cast::{Ae, QUIET, Sealing};
use crate::expect;
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::sealed::SessionKey;
use crate::stage;
use crate::story::Party;
use crate::time::Stamp;
use crate::wire::Request;

/// Stem of the endpoint behind the CSE of the suite.
pub const FAR: &str = "Cfar";
/// How often a state is looked at that a CSE reaches by itself.
pub(crate) const ATTEMPTS: u32 = 2_000;
/// Times that the suite's CSE writes into its answers.
const MADE: &str = "20270301T100101";

/// The stage of configuration B: AE1 at the CSE under test, CSE2 and AE2 behind it played.
#[derive(Debug)]
pub struct Near {
    /// Initiator.
    pub ae1: Ae,
    /// Its subscription, SP-relative.
    pub told: String,
    /// The next hop.
    pub hop: Neighbour,
}

/// A session as both sides of the hop know it.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Session identifier.
    pub sid: String,
    /// Its identifier at the CSE under test, SP-relative.
    pub at_sut: String,
    /// Its identifier there, bare.
    pub ri: String,
    /// Its name there.
    pub name: String,
    /// Its identifier at the CSE of the suite, SP-relative.
    pub here: String,
    /// The key.
    pub key: SessionKey,
    /// When it expires.
    pub et: Stamp,
}

impl Near {
    /// Registers AE1 and CSE2, as preparation.
    ///
    /// # Errors
    /// If anything is refused.
    pub async fn set(peer: &mut Peer) -> Result<Self, Stop> {
        Self::set_with(peer, [""; 4]).await
    }

    /// The same with numbered messages of the registration.
    ///
    /// # Errors
    /// If anything is refused.
    pub async fn set_with(peer: &mut Peer, steps: [&str; 4]) -> Result<Self, Stop> {
        let (mut ae1, _) = Ae::register(peer, Party::Ae1, Some(true), QUIET).await?;
        let net = [50002, 50003];
        let told = stage::subscribe(peer, &mut ae1, "/sessions", "told", &net, QUIET).await?;
        let hop = Neighbour::with_sessions(peer, Party::Cse2, Party::Cse1, steps).await?;
        Ok(Self { ae1, told, hop })
    }

    /// F1-07: a session with the AE behind CSE2, with more members.
    pub fn proposal(&mut self, peer: &mut Peer, rn: &str, more: Value) -> Value {
        let rqet = peer.ahead(10_000).to_string();
        let et = peer.ahead(3_600_000).to_string();
        let mut session = json!({
            "rn": rn, "sto": [self.hop.behind(FAR)], "et": et, "see": false,
            "smg:sep": [{"epp": [self.ae1.everywhere("/inbox")]}]
        });
        overlay(&mut session, more);
        let to = self.ae1.own("/sessions");
        let more = json!({"ty": 50002, "rqet": rqet, "pc": {"smg:ses": session}});
        self.ae1.request(1, &to, more)
    }

    /// Sends a proposal and awaits the hop request that follows from it.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn offered(
        &self,
        peer: &mut Peer,
        steps: (&str, &str),
        proposal: &Value,
    ) -> Result<Message, Stop> {
        peer.send(self.ae1.link, steps.0, proposal).await?;
        self.asked_for_session(peer, steps.1).await
    }

    /// Awaits F1-09.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn asked_for_session(&self, peer: &mut Peer, step: &str) -> Result<Message, Stop> {
        let what = "the hop request for a session";
        self.hop.asked(peer, step, what, creates_session).await
    }

    /// F1-15 as content: pending, both endpoints, this identifier.
    #[must_use]
    pub fn created(&self, offer: &Message, ri: &str) -> Value {
        let asked = offer.body("smg:ses");
        let mut initiator = asked["smg:sep"][0].clone();
        initiator["sst"] = 2.into();
        let target = json!({
            "epi": self.hop.behind(FAR), "ept": 1, "epp": [self.hop.place("far/box")], "sst": 2
        });
        json!({"smg:ses": {
            "rn": format!("n{ri}"), "ri": ri, "pi": "sess1", "ty": 50002, "ct": MADE, "lt": MADE,
            "et": asked["et"], "sid": asked["sid"], "soi": asked["soi"], "sto": asked["sto"],
            "slc": 1, "sst": 2, "see": asked["see"], "aer": asked["aer"],
            "kid": asked["scr"]["kid"], "smg:sep": [initiator, target]
        }})
    }

    /// Awaits F1-16a, at the session with this identifier, and answers it.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn confirmed(
        &self,
        peer: &mut Peer,
        steps: (&str, &str),
        ri: &str,
        rsc: u64,
    ) -> Result<Message, Stop> {
        let place = self.hop.behind(ri);
        let what = "the confirmation, UPDATE of `slc`";
        let wanted = |request: &Request| request.op == 3 && request.to == place;
        let confirm = self.hop.asked(peer, steps.0, what, wanted).await?;
        let slc = json!({"smg:ses": {"slc": 2}});
        expect::equal("EST-60", "the confirmation", slc, confirm.content())?;
        let none = Value::Null;
        self.hop.answer(peer, steps.1, &confirm, rsc, none).await?;
        Ok(confirm)
    }

    /// A session as preparation.
    ///
    /// # Errors
    /// If it does not come about.
    pub async fn establish(&mut self, peer: &mut Peer, rn: &str) -> Result<Shared, Stop> {
        let proposal = self.proposal(peer, rn, json!({}));
        self.establish_as(peer, &proposal).await
    }

    /// The same with this proposal.
    ///
    /// # Errors
    /// If it does not come about.
    pub async fn establish_as(
        &mut self,
        peer: &mut Peer,
        proposal: &Value,
    ) -> Result<Shared, Stop> {
        let offer = self.offered(peer, QUIET, proposal).await?;
        let ri = format!("s{}", peer.dice().name());
        let made = self.created(&offer, &ri);
        self.hop.answer(peer, "", &offer, 2001, made).await?;
        self.confirmed(peer, QUIET, &ri, 2004).await?;
        let success = self.result(peer, "", proposal, "EST-04", 2001).await?;
        self.shared(&ri, &success)
    }

    /// What F1-17 says of a session that CSE2 calls `ri`.
    ///
    /// # Errors
    /// If it lacks what it must tell.
    pub fn shared(&self, ri: &str, success: &Message) -> Result<Shared, Stop> {
        let made = success.body("smg:ses");
        let text = |name: &str| expect::text("EST-62", "the session", made, name);
        let sid = text("sid")?;
        let key = SessionKey::read(&sid, &made["scr"]).map_err(|why| {
            Stop::fail("EST-44", "credentials with a 256-bit key", why.to_string())
        })?;
        let at = text("ri")?;
        Ok(Shared {
            at_sut: self.ae1.at_cse(&at),
            ri: at,
            name: text("rn")?,
            here: self.hop.behind(ri),
            key,
            et: expect::time("EST-62", "the session", made, "et")?,
            sid,
        })
    }

    /// Awaits the answer to a request of AE1.
    ///
    /// # Errors
    /// If it has another status.
    pub async fn result(
        &self,
        peer: &mut Peer,
        step: &str,
        request: &Value,
        requirement: &str,
        rsc: u64,
    ) -> Result<Message, Stop> {
        let rqi = request["rqi"].as_str().unwrap_or_default();
        let answer = peer.response(self.ae1.link, step, rqi).await?;
        let what = format!("op {} to {}", request["op"], request["to"]);
        expect::status(requirement, &what, &answer, &[rsc])?;
        Ok(answer)
    }

    /// AE1 has no answer to this request yet.
    ///
    /// # Errors
    /// If it has.
    pub async fn unanswered(
        &self,
        peer: &mut Peer,
        request: &Value,
        requirement: &str,
        what: &str,
    ) -> Result<(), Stop> {
        peer.probe(self.ae1.link).await?;
        let rqi = request["rqi"].as_str().unwrap_or_default();
        let early = peer.has_response(self.ae1.link, rqi);
        expect::holds(requirement, what, !early, "the answer was there")
    }

    /// A sealed CREATE of a contentInstance by AE1 below the AE behind CSE2, with more members.
    pub fn sealed(&mut self, peer: &mut Peer, session: &Shared, more: Value) -> (Value, String) {
        let to = self.hop.place("far/box");
        self.sealed_to(peer, session, &to, more)
    }

    /// The same below this address.
    pub fn sealed_to(
        &mut self,
        peer: &mut Peer,
        session: &Shared,
        to: &str,
        more: Value,
    ) -> (Value, String) {
        let rqi = self.ae1.rqi("u");
        let plain = json!({"temp": 21.5});
        let about = Sealing {
            dir: 1,
            op: 1,
            to,
            att: "con",
            rqi: &rqi,
            plain: &plain,
        };
        let blob = self.ae1.seal(peer, &session.key, &about);
        let mut message = self.ae1.request_as(1, to, &rqi, json!({"ty": 4}));
        overlay(&mut message, more);
        message["sid"] = session.sid.clone().into();
        message["pc"] = json!({"m2m:cin": {"cnf": "application/jose:0", "con": blob}});
        (message, blob)
    }

    /// Awaits the data request that CSE2 is to serve.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn data(&self, peer: &mut Peer, step: &str) -> Result<Message, Stop> {
        let below = self.hop.place("far");
        let what = "the session-based request";
        let wanted = |request: &Request| request.to.starts_with(&below);
        self.hop.asked(peer, step, what, wanted).await
    }

    /// DELETE of the session by AE1, with time to spare.
    pub fn delete(&mut self, peer: &mut Peer, session: &Shared, life: i64) -> Value {
        let rqet = peer.ahead(life).to_string();
        let to = self.ae1.own(&format!("/sessions/{}", session.name));
        self.ae1.request(4, &to, json!({"rqet": rqet}))
    }

    /// Awaits the hop DELETE.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn deleted(&self, peer: &mut Peer, step: &str) -> Result<Message, Stop> {
        let what = "the hop DELETE";
        self.hop
            .asked(peer, step, what, |request| request.op == 4)
            .await
    }

    /// Reads the session at the CSE under test, expecting this status.
    ///
    /// # Errors
    /// If it is another one.
    pub async fn look(
        &mut self,
        peer: &mut Peer,
        name: &str,
        requirement: &str,
        rsc: u64,
    ) -> Result<Message, Stop> {
        let to = self.ae1.own(&format!("/sessions/{name}"));
        self.ae1.read(peer, QUIET, &to, requirement, rsc).await
    }

    /// Waits until the CSE has noticed that the next hop's link is down: the session turns offline.
    ///
    /// # Errors
    /// If it does not.
    pub async fn offline(&mut self, peer: &mut Peer, name: &str) -> Result<(), Stop> {
        for _ in 0..ATTEMPTS {
            let held = self.look(peer, name, "EST-74", 2000).await?;
            if held.body("smg:ses")["sst"] == 1 {
                return Ok(());
            }
        }
        let expected = "a session that turns offline with the link of its hop";
        Err(Stop::fail("EST-74", expected, "`sst` stays 2"))
    }

    /// As [`Self::quiet`], but the next hop may get this request, under its `rqi`, once more.
    ///
    /// # Errors
    /// If something else is left.
    pub async fn quiet_but(
        &self,
        peer: &mut Peer,
        requirement: &str,
        repeated: &Message,
    ) -> Result<(), Stop> {
        peer.probe(self.hop.link).await?;
        let rqi = repeated.value["rqi"].as_str().unwrap_or_default();
        peer.forget(self.hop.link, |request| request.rqi == rqi);
        self.quiet(peer, requirement).await
    }

    /// Nothing is left on any link that the case did not ask for.
    ///
    /// # Errors
    /// If something is.
    pub async fn quiet(&self, peer: &mut Peer, requirement: &str) -> Result<(), Stop> {
        expect::quiet(peer, requirement).await
    }
}

/// Whether a request is CREATE of a session.
#[must_use]
pub fn creates_session(request: &Request) -> bool {
    request.op == 1 && request.ty == Some(50002)
}

/// Puts the members of `more` over those of `base`; null takes one away.
pub fn overlay(base: &mut Value, more: Value) {
    let (Value::Object(base), Value::Object(more)) = (base, more) else {
        return;
    };
    for (name, value) in more {
        if value.is_null() {
            base.shift_remove(&name);
        } else {
            base.insert(name, value);
        }
    }
}
