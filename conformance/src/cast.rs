//! The endpoints the suite plays, and the passages that many cases share.
//!
//! Every passage takes the numbers of its messages. Where a case only needs the passage as
//! preparation it passes [`QUIET`], and the messages stay out of ladder and transcript.

use serde_json::{Value, json};

use crate::case::Stop;
use crate::expect;
use crate::peer::{Link, Message, Peer};
use crate::primitive;
use crate::sealed::{Header, SessionKey};
use crate::story::Party;
use crate::wire::Request;

/// Numbers of a request and its response where neither counts.
pub const QUIET: (&str, &str) = ("", "");

/// An AE the suite plays.
#[derive(Debug, Clone)]
pub struct Ae {
    /// Its link.
    pub link: Link,
    /// Name of its `<AE>`.
    pub rn: String,
    /// Its AE-ID as its registrar knows it.
    pub stem: String,
    /// Its AE-ID as everybody knows it.
    pub id: String,
    /// Its registrar.
    pub cse: Party,
    /// Its CSE-ID.
    pub cse_id: String,
    base: String,
    requests: u32,
    sealed: u64,
}

impl Ae {
    /// Opens a link, registers, and checks the answer.
    ///
    /// # Errors
    /// If the registrar refuses or answers otherwise than it must.
    pub async fn register(
        peer: &mut Peer,
        party: Party,
        scap: Option<bool>,
        steps: (&str, &str),
    ) -> Result<(Self, Message), Stop> {
        let cse = match party {
            Party::Ae1 | Party::Ae3 | Party::Cse1 | Party::Transit => Party::Cse1,
            Party::Ae2 | Party::Ae4 | Party::Cse2 => Party::Cse2,
        };
        Self::register_at(peer, party, cse, scap, steps).await
    }

    /// The same at this registrar.
    ///
    /// # Errors
    /// If the registrar refuses or answers otherwise than it must.
    pub async fn register_at(
        peer: &mut Peer,
        party: Party,
        cse: Party,
        scap: Option<bool>,
        steps: (&str, &str),
    ) -> Result<(Self, Message), Stop> {
        let target = peer.target(cse).clone();
        let rn = format!("{}-{}", party.short(), peer.dice().name());
        let manner = &target.manner;
        let wanted = if manner.assigned {
            "C".to_owned()
        } else {
            format!("C{rn}")
        };
        let origin = manner.origin.then_some(wanted.as_str());
        let link = peer.open(party, cse, origin).await?;
        let mut ae = json!({
            "rn": rn, "api": format!("Norg.example.{rn}"), "rr": true, "srv": ["3"]
        });
        if let Some(scap) = scap {
            ae["scap"] = scap.into();
        }
        if !manner.poa.is_empty() {
            ae["poa"] = json!(manner.poa);
        }
        let message = json!({
            "op": 1, "to": target.name, "fr": wanted, "rqi": "a1", "rvi": "3", "ty": 2,
            "pc": {"m2m:ae": ae}
        });
        let answer = peer.call(link, steps, &message).await?;
        expect::status("REG-01", "registration of an AE", &answer, &[2001])?;
        let made = answer.body("m2m:ae");
        let stem = expect::text("REG-01", "a registered AE", made, "aei")?;
        let good = stem.starts_with('C') && !stem.contains('/');
        expect::holds("REG-01", "an AE-ID stem that begins with C", good, &stem)?;
        expect::equal(
            "REG-01",
            "`ri` of an AE is its stem",
            stem.clone(),
            &made["ri"],
        )?;
        expect::members("REG-04", "a registered AE", &ae, made)?;
        peer.identify(link, &stem);
        let id = format!("{}/{stem}", target.id);
        let (cse_id, base) = (target.id, target.name);
        let me = Self {
            link,
            rn,
            stem,
            id,
            cse,
            cse_id,
            base,
            requests: 1,
            sealed: 0,
        };
        Ok((me, answer))
    }

    /// Opens a link again after the earlier one is gone.
    ///
    /// # Errors
    /// If the registrar does not accept it.
    pub async fn reconnect(&mut self, peer: &mut Peer, party: Party) -> Result<(), Stop> {
        self.link = peer.open(party, self.cse, Some(&self.stem)).await?;
        Ok(())
    }

    /// Address below its own `<AE>` as it addresses its own CSE.
    #[must_use]
    pub fn own(&self, path: &str) -> String {
        format!("{}/{}{path}", self.base, self.rn)
    }

    /// The same, SP-relative.
    #[must_use]
    pub fn everywhere(&self, path: &str) -> String {
        format!("{}/{}", self.cse_id, self.own(path))
    }

    /// An unstructured identifier at its CSE, SP-relative.
    #[must_use]
    pub fn at_cse(&self, identifier: &str) -> String {
        format!("{}/{identifier}", self.cse_id)
    }

    /// The next request identifier, with a letter that says what it is for.
    pub fn rqi(&mut self, letter: &str) -> String {
        self.requests += 1;
        let digit = self.rn.get(2..3).unwrap_or_default();
        format!("{letter}{digit}-{}", self.requests)
    }

    /// A request of this AE with more members.
    pub fn request(&mut self, op: u8, to: &str, more: Value) -> Value {
        let letter = ["?", "c", "r", "u", "d", "n"]
            .get(usize::from(op))
            .unwrap_or(&"x");
        let rqi = self.rqi(letter);
        self.request_as(op, to, &rqi, more)
    }

    /// The same with a given request identifier.
    #[must_use]
    pub fn request_as(&self, op: u8, to: &str, rqi: &str, more: Value) -> Value {
        primitive::request(op, to, &self.stem, rqi, more)
    }

    /// Asks and expects this status.
    ///
    /// # Errors
    /// If the answer is another one.
    pub async fn ask(
        &self,
        peer: &mut Peer,
        steps: (&str, &str),
        message: &Value,
        requirement: &str,
        allowed: u64,
    ) -> Result<Message, Stop> {
        peer.ask(self.link, steps, message, (requirement, allowed))
            .await
    }

    /// Retrieves and expects this status.
    ///
    /// # Errors
    /// If the answer is another one.
    pub async fn read(
        &mut self,
        peer: &mut Peer,
        steps: (&str, &str),
        to: &str,
        requirement: &str,
        allowed: u64,
    ) -> Result<Message, Stop> {
        let message = self.request(2, to, json!({}));
        self.ask(peer, steps, &message, requirement, allowed).await
    }

    /// Answers a NOTIFY.
    ///
    /// # Errors
    /// If the link is gone.
    pub async fn answer(
        &self,
        peer: &mut Peer,
        step: &str,
        question: &Message,
        rsc: u64,
        content: Option<Value>,
    ) -> Result<(), Stop> {
        let message = primitive::response(question, rsc, content.unwrap_or_default());
        peer.send(self.link, step, &message).await
    }

    /// Awaits the next notification of this event type.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn told(&self, peer: &mut Peer, step: &str, net: u64) -> Result<Message, Stop> {
        let what = format!("a notification of type {net}");
        peer.request(self.link, step, &what, |request| is_event(request, net))
            .await
    }

    /// Seals a value for a request of this AE; `dir` is 1 for the initiator.
    pub fn seal(&mut self, peer: &mut Peer, key: &SessionKey, about: &Sealing<'_>) -> String {
        self.sealed += 1;
        let Sealing {
            dir,
            op,
            to,
            att,
            rqi,
            plain,
        } = about;
        let header = Header {
            seq: self.sealed,
            dir: *dir,
            op: *op,
            to,
            att,
            fr: &self.id,
            rqi,
        };
        key.seal(&header.for_key(key), peer.dice().bytes(), plain)
    }
}

/// What is sealed, and for which request.
#[derive(Debug)]
pub struct Sealing<'a> {
    /// 1 from the initiator, 2 from the target.
    pub dir: u8,
    /// Operation.
    pub op: u8,
    /// Target, SP-relative.
    pub to: &'a str,
    /// Attribute.
    pub att: &'a str,
    /// Request identifier.
    pub rqi: &'a str,
    /// The value.
    pub plain: &'a Value,
}

/// Whether a request is a notification of this event type.
#[must_use]
pub fn is_event(request: &Request, net: u64) -> bool {
    let content = request.pc.as_ref();
    request.op == 5 && content.is_some_and(|pc| pc["m2m:sgn"]["nev"]["net"] == net)
}

/// Whether a request brings the result of a non-blocking one.
#[must_use]
pub fn is_result(request: &Request) -> bool {
    let content = request.pc.as_ref();
    request.op == 5 && content.is_some_and(|pc| pc.get("m2m:rsp").is_some())
}
