//! The usual stage: AE1 at CSE1, AE2 with its targets at CSE2, and a session between them.

use serde_json::{Value, json};

use crate::case::Stop;
use crate::cast::{Ae, QUIET, Sealing};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::primitive;
use crate::sealed::SessionKey;
use crate::story::Party;
use crate::time::Stamp;
use crate::window::Window;

/// Both endpoints, registered, subscribed, with targets.
#[derive(Debug)]
pub struct Stage {
    /// Initiator.
    pub ae1: Ae,
    /// Target.
    pub ae2: Ae,
    /// AE1's subscription, SP-relative.
    pub told: String,
    /// AE2's subscription, SP-relative.
    pub consent: String,
}

/// What both ends know of a session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Session identifier.
    pub sid: String,
    /// Its identifier at CSE1.
    pub at_cse1: String,
    /// Its identifier at CSE2.
    pub at_cse2: String,
    /// Its name at CSE1.
    pub name: String,
    /// AE1's key.
    pub key1: SessionKey,
    /// AE2's key.
    pub key2: SessionKey,
    /// When it expires.
    pub et: Stamp,
}

/// What AE1 asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Proposed name.
    pub rn: &'static str,
    /// Expiration.
    pub et: Stamp,
    /// Expiration of the request.
    pub rqet: Stamp,
    /// What AE2 offers, below its `<AE>`.
    pub offers: &'static [&'static str],
}

/// Registers AE2 with targets and AE1, and subscribes both, as preparation.
///
/// # Errors
/// If anything is refused.
pub async fn set(peer: &mut Peer) -> Result<Stage, Stop> {
    set_at(peer, Party::Cse2).await
}

/// The same with AE2 at this CSE.
///
/// # Errors
/// If anything is refused.
pub async fn set_at(peer: &mut Peer, registrar: Party) -> Result<Stage, Stop> {
    let (mut ae1, _) = Ae::register(peer, Party::Ae1, Some(true), QUIET).await?;
    let (mut ae2, _) = Ae::register_at(peer, Party::Ae2, registrar, Some(true), QUIET).await?;
    grant(peer, &mut ae2, &ae1, &["", ""]).await?;
    open_door(peer, &mut ae2, QUIET).await?;
    targets(peer, &mut ae2, &[QUIET, QUIET]).await?;
    let net = [50001, 50002, 50003];
    let consent = subscribe(peer, &mut ae2, "/sessions", "consent", &net, QUIET).await?;
    let told = subscribe(peer, &mut ae1, "/sessions", "told", &net[1..], QUIET).await?;
    Ok(Stage {
        ae1,
        ae2,
        told,
        consent,
    })
}

/// AE2 makes a policy that lets AE1 create, retrieve, update and discover.
///
/// # Errors
/// If it is refused.
pub async fn grant(
    peer: &mut Peer,
    ae2: &mut Ae,
    ae1: &Ae,
    steps: &[&'static str; 2],
) -> Result<(), Stop> {
    grant_to(peer, ae2, &ae1.id, steps).await
}

/// The same for the AE with this SP-relative identifier.
///
/// # Errors
/// If it is refused.
pub async fn grant_to(
    peer: &mut Peer,
    ae2: &mut Ae,
    initiator: &str,
    steps: &[&'static str; 2],
) -> Result<(), Stop> {
    let message = ae2.request(
        1,
        &ae2.own(""),
        json!({"ty": 1, "rcn": 0, "pc": {"m2m:acp": {
            "rn": "acp",
            "pv": {"acr": [{"acor": [ae2.id], "acop": 63}, {"acor": [initiator], "acop": 39}]},
            "pvs": {"acr": [{"acor": [ae2.id], "acop": 63}]}
        }}}),
    );
    ae2.ask(peer, (steps[0], steps[1]), &message, "REG-25", 2001)
        .await
        .map(drop)
}

/// AE2 puts the policy on its `<AE>`, so that it can be found.
///
/// # Errors
/// If it is refused.
pub async fn open_door(peer: &mut Peer, ae2: &mut Ae, steps: (&str, &str)) -> Result<(), Stop> {
    let acp = ae2.own("/acp");
    let more = json!({"rcn": 0, "pc": {"m2m:ae": {"acpi": [acp]}}});
    let message = ae2.request(3, &ae2.own(""), more);
    ae2.ask(peer, steps, &message, "REG-25", 2004)
        .await
        .map(drop)
}

/// AE2 makes `container1` and `fcnt1`, and `private`, which it never offers to a session.
///
/// # Errors
/// If one is refused.
pub async fn targets(peer: &mut Peer, ae2: &mut Ae, steps: &[(&str, &str); 2]) -> Result<(), Stop> {
    let acp = ae2.own("/acp");
    let container = |rn: &str| json!({"rn": rn, "mni": 10, "acpi": [acp]});
    let more = json!({"ty": 3, "pc": {"m2m:cnt": container("container1")}});
    let message = ae2.request(1, &ae2.own(""), more);
    let answer = ae2.ask(peer, steps[0], &message, "REG-24", 2001).await?;
    let made = answer.body("m2m:cnt");
    expect::members(
        "REG-23",
        "a new container",
        &json!({"cni": 0, "mni": 10}),
        made,
    )?;
    let flex = json!({"rn": "fcnt1", "cnd": "org.example.smg.sealed", "acpi": [acp], "dat": ""});
    let more = json!({"ty": 28, "rcn": 0, "pc": {"smg:sld": flex}});
    let message = ae2.request(1, &ae2.own(""), more);
    ae2.ask(peer, steps[1], &message, "REG-24", 2001).await?;
    let more = json!({"ty": 3, "rcn": 0, "pc": {"m2m:cnt": container("private")}});
    let message = ae2.request(1, &ae2.own(""), more);
    ae2.ask(peer, QUIET, &message, "REG-24", 2001)
        .await
        .map(drop)
}

/// An AE subscribes to its own `sessions`; the answer is the subscription's SP-relative address.
///
/// # Errors
/// If it is refused.
pub async fn subscribe(
    peer: &mut Peer,
    ae: &mut Ae,
    collection: &str,
    name: &str,
    net: &[u64],
    steps: (&str, &str),
) -> Result<String, Stop> {
    let subscription = json!({"rn": name, "nu": [ae.stem], "enc": {"net": net}});
    let more = json!({"ty": 23, "pc": {"m2m:sub": subscription}});
    let message = ae.request(1, &ae.own(collection), more);
    let answer = ae.ask(peer, steps, &message, "EST-52", 2001).await?;
    let made = answer.body("m2m:sub");
    expect::members("EST-52", "a new subscription", &subscription, made)?;
    Ok(ae.at_cse(&expect::text("EST-52", "a new subscription", made, "ri")?))
}

impl Wish {
    /// A session for an hour, asked for with ten seconds to spare.
    pub fn usual(peer: &mut Peer) -> Self {
        let et = peer.ahead(3_600_000);
        Self {
            rn: "s1",
            et,
            rqet: peer.ahead(10_000),
            offers: &["/container1"],
        }
    }
}

impl Stage {
    /// F1-07 as a message.
    #[must_use]
    pub fn proposal(&mut self, wish: &Wish) -> Value {
        let inbox = self.ae1.everywhere("/inbox");
        let more = json!({"ty": 50002, "rqet": wish.rqet.to_string(), "pc": {"smg:ses": {
            "rn": wish.rn, "sto": [self.ae2.id], "et": wish.et.to_string(), "see": false,
            "smg:sep": [{"epp": [inbox]}]
        }}});
        let to = self.ae1.own("/sessions");
        self.ae1.request(1, &to, more)
    }

    /// AE2's yes: its endpoint with these paths below its `<AE>`.
    #[must_use]
    pub fn yes(&self, offers: &[&str]) -> Value {
        let paths: Vec<String> = offers
            .iter()
            .map(|path| self.ae2.everywhere(path))
            .collect();
        json!({"smg:sep": {"epi": self.ae2.id, "epp": paths}})
    }

    /// What F1-12 and F1-17 say of a session, read as its endpoints read it.
    ///
    /// # Errors
    /// If one lacks what it must tell.
    pub fn session(&self, question: &Message, success: &Message) -> Result<Session, Stop> {
        let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
        let made = success.body("smg:ses");
        let text = |object: &Value, name: &str| expect::text("EST-62", "a session", object, name);
        let sid = text(made, "sid")?;
        let key = |scr: &Value| {
            let broken = |why: crate::sealed::Unsealable| {
                Stop::fail("EST-44", "credentials with a 256-bit key", why.to_string())
            };
            SessionKey::read(&sid, scr).map_err(broken)
        };
        Ok(Session {
            at_cse1: text(made, "ri")?,
            at_cse2: text(asked, "ri")?,
            name: text(made, "rn")?,
            key1: key(&made["scr"])?,
            key2: key(&asked["scr"])?,
            et: expect::time("EST-62", "a session", made, "et")?,
            sid,
        })
    }

    /// A session as preparation: proposal, consent, success, and the confirmation arrived.
    ///
    /// # Errors
    /// If it does not come about.
    pub async fn establish(&mut self, peer: &mut Peer, wish: &Wish) -> Result<Session, Stop> {
        let proposal = self.proposal(wish);
        peer.send(self.ae1.link, "", &proposal).await?;
        let question = self.ae2.told(peer, "", 50001).await?;
        let yes = self.yes(wish.offers);
        self.ae2
            .answer(peer, "", &question, 2000, Some(yes))
            .await?;
        let rqi = proposal["rqi"].as_str().unwrap_or_default();
        let success = peer.response(self.ae1.link, "", rqi).await?;
        expect::status("EST-04", "CREATE of a session", &success, &[2001])?;
        let session = self.session(&question, &success)?;
        self.settle(peer).await?;
        Ok(session)
    }

    /// Makes sure that what CSE1 had sent to CSE2 has arrived: their link keeps its order, and
    /// AE1's request takes the same way.
    ///
    /// # Errors
    /// If AE1 cannot read AE2's `<AE>`.
    pub async fn settle(&mut self, peer: &mut Peer) -> Result<(), Stop> {
        let to = self.ae2.id.clone();
        self.ae1
            .read(peer, QUIET, &to, "DIS-08", 2000)
            .await
            .map(drop)
    }

    /// A policy that delays by schedule, as a message to this address.
    #[must_use]
    pub fn policy(&mut self, to: &str, name: &str, window: &Window, rqet: Stamp) -> Value {
        let both = [self.ae1.id.clone(), self.ae2.id.clone()];
        let more = json!({"ty": 50005, "rqet": rqet.to_string(), "pc": {"smg:spy": {
            "rn": name, "pyt": 2, "pys": 1, "pye": both, "pyo": 10, "se": window.schedule(),
            "pyd": {"dqet": 172_800_000}
        }}});
        self.ae1.request(1, to, more)
    }

    /// Adds such a policy as preparation.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn delay(
        &mut self,
        peer: &mut Peer,
        session: &Session,
        window: &Window,
    ) -> Result<(), Stop> {
        let rqet = peer.ahead(8_000);
        let to = self.ae1.own(&format!("/sessions/{}", session.name));
        let message = self.policy(&to, "night", window, rqet);
        self.ae1
            .ask(peer, QUIET, &message, "POL-06", 2001)
            .await
            .map(drop)
    }

    /// A sealed CREATE of a contentInstance by AE1, with more members.
    pub fn sealed_create(
        &mut self,
        peer: &mut Peer,
        session: &Session,
        path: &str,
        plain: &Value,
        more: Value,
    ) -> (Value, String) {
        let to = self.ae2.everywhere(path);
        let rqi = self.ae1.rqi("u");
        let about = Sealing {
            dir: 1,
            op: 1,
            to: &to,
            att: "con",
            rqi: &rqi,
            plain,
        };
        let blob = self.ae1.seal(peer, &session.key1, &about);
        let request = self.ae1.request_as(1, &to, &rqi, json!({"ty": 4}));
        let mut message = primitive::with(request, more);
        message["sid"] = session.sid.clone().into();
        message["pc"] = json!({"m2m:cin": {"cnf": "application/jose:0", "con": blob}});
        (message, blob)
    }
}
