//! Sessions that a CSE of the suite offers to the one under test.
//!
//! [`Far`] is the stage of configuration C: the CSE under test is the registrar of the target.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::case::Stop;
use crate::cast::{Ae, QUIET, Sealing};
use crate::expect;
use crate::hop::{ATTEMPTS, Shared, overlay};
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::sealed::SessionKey;
use crate::stage;
use crate::story::Party;
use crate::wire::Request;

/// Stem of the initiator behind the CSE of the suite.
pub const NEAR: &str = "Cnear";

/// Fresh credentials, as a hop request carries them.
pub fn credentials(peer: &mut Peer) -> Value {
    let kid = peer.dice().token();
    let key = URL_SAFE_NO_PAD.encode(peer.dice().bytes::<32>());
    json!({"kid": kid, "alg": "A256GCM", "kty": "oct", "k": key})
}

/// The stage of configuration C: AE2 at the CSE under test, CSE1 and AE1 behind it played.
#[derive(Debug)]
pub struct Far {
    /// Target.
    pub ae2: Ae,
    /// Its consent subscription, SP-relative.
    pub consent: String,
    /// The hop towards the initiator.
    pub hop: Neighbour,
}

impl Far {
    /// Registers CSE1, and AE2 with its targets and its subscription, as preparation.
    ///
    /// # Errors
    /// If anything is refused.
    pub async fn set(peer: &mut Peer) -> Result<Self, Stop> {
        let hop = Neighbour::with_sessions(peer, Party::Cse1, Party::Cse2, [""; 4]).await?;
        let (mut ae2, _) = Ae::register(peer, Party::Ae2, Some(true), QUIET).await?;
        let initiator = hop.behind(NEAR);
        stage::grant_to(peer, &mut ae2, &initiator, &["", ""]).await?;
        stage::open_door(peer, &mut ae2, QUIET).await?;
        stage::targets(peer, &mut ae2, &[QUIET, QUIET]).await?;
        let net = [50001, 50002, 50003];
        let consent = stage::subscribe(peer, &mut ae2, "/sessions", "consent", &net, QUIET).await?;
        Ok(Self { ae2, consent, hop })
    }

    /// F1-09 for AE2, with changes of its content.
    pub fn offer(&mut self, peer: &mut Peer, more: Value) -> Value {
        let target = self.ae2.id.clone();
        self.offer_to(peer, &target, more)
    }

    /// F1-09 for this target.
    pub fn offer_to(&mut self, peer: &mut Peer, target: &str, more: Value) -> Value {
        let scr = credentials(peer);
        let et = peer.ahead(3_600_000).to_string();
        let rqet = peer.ahead(10_000).to_string();
        let sid = format!("{}/{}", self.hop.id, peer.dice().token());
        let mine = format!("m{}", peer.dice().name());
        let near = self.hop.behind(NEAR);
        let mut session = json!({
            "sid": sid, "soi": near, "sto": [target], "et": et, "see": false, "aer": true,
            "nhr": self.hop.behind(&mine), "vst": [self.hop.id], "scr": scr,
            "smg:sep": [{"epi": near, "ept": 1, "epp": [self.hop.place("near/inbox")]}]
        });
        overlay(&mut session, more);
        let more = json!({"ty": 50002, "rqet": rqet, "pc": {"smg:ses": session}});
        let mut message = self
            .hop
            .on_behalf(1, &format!("{target}/sessions"), NEAR, more);
        message["fr"] = self.hop.id.clone().into();
        message
    }

    /// Sends an offer and awaits the question to AE2.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn asked(
        &self,
        peer: &mut Peer,
        steps: (&str, &str),
        offer: &Value,
    ) -> Result<Message, Stop> {
        peer.send(self.hop.link, steps.0, offer).await?;
        self.ae2.told(peer, steps.1, 50001).await
    }

    /// AE2's yes.
    #[must_use]
    pub fn yes(&self) -> Value {
        let paths = [
            self.ae2.everywhere("/container1"),
            self.ae2.everywhere("/fcnt1"),
        ];
        json!({"smg:sep": {"epi": self.ae2.id, "epp": paths}})
    }

    /// AE2 answers the question; the response to the offer follows.
    ///
    /// # Errors
    /// If it has another status.
    pub async fn agreed(
        &self,
        peer: &mut Peer,
        steps: (&str, &str),
        offer: &Value,
        question: &Message,
    ) -> Result<Message, Stop> {
        let yes = self.yes();
        self.ae2
            .answer(peer, steps.0, question, 2000, Some(yes))
            .await?;
        self.result(peer, steps.1, offer, "EST-59", 2001).await
    }

    /// Awaits the answer to a request of the hop.
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
        let answer = peer.response(self.hop.link, step, rqi).await?;
        let what = format!("op {} to {}", request["op"], request["to"]);
        expect::status(requirement, &what, &answer, &[rsc])?;
        Ok(answer)
    }

    /// The hop has no answer to this request yet.
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
        peer.probe(self.hop.link).await?;
        let rqi = request["rqi"].as_str().unwrap_or_default();
        let early = peer.has_response(self.hop.link, rqi);
        expect::holds(requirement, what, !early, "the answer was there")
    }

    /// A pending session.
    ///
    /// # Errors
    /// If it does not come about.
    pub async fn pending(&mut self, peer: &mut Peer) -> Result<(Shared, Value), Stop> {
        let offer = self.offer(peer, json!({}));
        let question = self.asked(peer, QUIET, &offer).await?;
        let made = self.agreed(peer, QUIET, &offer, &question).await?;
        Ok((self.shared(&offer, &made)?, offer))
    }

    /// What an offer and its answer say of a session.
    ///
    /// # Errors
    /// If the answer lacks what it must tell.
    pub fn shared(&self, offer: &Value, made: &Message) -> Result<Shared, Stop> {
        let asked = &offer["pc"]["smg:ses"];
        let made = made.body("smg:ses");
        let text = |name: &str| expect::text("EST-59", "the answer", made, name);
        let sid = asked["sid"].as_str().unwrap_or_default().to_owned();
        let key = SessionKey::read(&sid, &asked["scr"]);
        let key = key.map_err(|why| Stop::Broken(why.to_string()))?;
        let ri = text("ri")?;
        Ok(Shared {
            at_sut: self.ae2.at_cse(&ri),
            ri,
            name: text("rn")?,
            here: asked["nhr"].as_str().unwrap_or_default().to_owned(),
            key,
            et: expect::time("EST-59", "the answer", made, "et")?,
            sid,
        })
    }

    /// UPDATE of `slc` to 2, in this step.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn confirm(
        &mut self,
        peer: &mut Peer,
        steps: (&str, &str),
        session: &Shared,
    ) -> Result<(), Stop> {
        let message = self.confirmation(session);
        self.hop
            .ask(peer, steps, &message, "EST-61", 2004)
            .await
            .map(drop)
    }

    /// F1-16a as a message.
    pub fn confirmation(&mut self, session: &Shared) -> Value {
        let more = json!({"rcn": 0, "pc": {"smg:ses": {"slc": 2}}});
        self.hop.own(3, &session.at_sut, more)
    }

    /// An active session, as preparation.
    ///
    /// # Errors
    /// If it does not come about.
    pub async fn establish(&mut self, peer: &mut Peer) -> Result<Shared, Stop> {
        let (session, _) = self.pending(peer).await?;
        self.confirm(peer, QUIET, &session).await?;
        Ok(session)
    }

    /// F2-07: a sealed CREATE of the initiator below this address, with more members.
    pub fn sealed_to(
        &mut self,
        peer: &mut Peer,
        session: &Shared,
        to: &str,
        more: Value,
    ) -> (Value, String) {
        let mut message = self
            .hop
            .on_behalf(1, to, NEAR, json!({"ty": 4, "sid": session.sid}));
        let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
        let about = Sealing {
            dir: 1,
            op: 1,
            to,
            att: "con",
            rqi: rqi.rsplit('/').next().unwrap_or_default(),
            plain: &json!({"temp": 21.5}),
        };
        let blob = self.hop.seal(peer, &session.key, NEAR, &about);
        message["pc"] = json!({"m2m:cin": {"cnf": "application/jose:0", "con": blob}});
        overlay(&mut message, more);
        (message, blob)
    }

    /// The same below `container1`.
    pub fn sealed(&mut self, peer: &mut Peer, session: &Shared, more: Value) -> (Value, String) {
        let to = self.ae2.everywhere("/container1");
        self.sealed_to(peer, session, &to, more)
    }

    /// Awaits a request for AE1's CSE with this operation.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn outgoing(&self, peer: &mut Peer, step: &str, op: u8) -> Result<Message, Stop> {
        let what = "a request over the hop";
        let wanted = |request: &Request| request.op == op;
        self.hop.asked(peer, step, what, wanted).await
    }

    /// Reads the session as AE2, expecting this status.
    ///
    /// # Errors
    /// If it is another one.
    pub async fn look(
        &mut self,
        peer: &mut Peer,
        session: &Shared,
        requirement: &str,
        rsc: u64,
    ) -> Result<Message, Stop> {
        let to = session.ri.clone();
        self.ae2.read(peer, QUIET, &to, requirement, rsc).await
    }

    /// Waits until the CSE has noticed that AE2's link is down, as the hop reads it.
    ///
    /// # Errors
    /// If it does not.
    pub async fn absent(&mut self, peer: &mut Peer, session: &Shared) -> Result<(), Stop> {
        for _ in 0..ATTEMPTS {
            let read = self.hop.own(2, &session.at_sut, json!({}));
            let held = self.hop.ask(peer, QUIET, &read, "EST-70", 2000).await?;
            if held.body("smg:ses")["sst"] == 1 {
                return Ok(());
            }
        }
        let expected = "a session that turns offline with the link of its endpoint";
        Err(Stop::fail("EST-74", expected, "`sst` stays 2"))
    }

    /// Awaits the notice of the end at AE2, with this reason, and answers it.
    ///
    /// # Errors
    /// If it stays away or says something else.
    pub async fn ended(
        &self,
        peer: &mut Peer,
        step: &str,
        session: &Shared,
        reason: u8,
    ) -> Result<Message, Stop> {
        let notice = self.ae2.told(peer, step, 50003).await?;
        let end = json!({"ri": session.ri, "sid": session.sid, "slc": 3});
        let sgn = notice.body("m2m:sgn");
        let shown = &sgn["nev"]["rep"]["smg:ses"];
        expect::equal(
            "END-28",
            "`sur` of the notice",
            self.consent.clone(),
            &sgn["sur"],
        )?;
        expect::members("END-28", "the notice", &end, shown)?;
        expect::without("END-28", "the notice", &["scr"], shown)?;
        expect::equal("END-29", "its reason", reason, &shown["rsn"])?;
        Ok(notice)
    }
}
