//! A CSE that the suite plays: registered to the one under test over one link, with AEs behind it.

use serde_json::{Value, json};

use crate::case::Stop;
use crate::expect;
use crate::peer::{Link, Message, Peer};
use crate::primitive;
use crate::sealed::{Header, SessionKey};
use crate::story::Party;
use crate::wire::Request;

/// Resource types that every CSE of the suite lists.
const TYPES: [u32; 8] = [1, 2, 3, 4, 5, 16, 17, 23];
/// What it lists besides if it speaks sessions.
const SESSION_TYPES: [u32; 7] = [50001, 50002, 50003, 50004, 50005, 50006, 50007];

/// A CSE of the suite.
#[derive(Debug)]
pub struct Neighbour {
    /// Its link to the CSE under test.
    pub link: Link,
    /// Its CSE-ID.
    pub id: String,
    /// CSE-ID of the CSE under test.
    pub sut: String,
    party: Party,
    partner: Party,
    /// Its points of access, if not those that the profile wants.
    poa: Vec<String>,
    requests: u32,
    sealed: u64,
}

impl Neighbour {
    /// Opens a link, registers, and answers what the registrar asks; without sessions.
    ///
    /// # Errors
    /// If the registrar refuses.
    pub async fn join(peer: &mut Peer, party: Party) -> Result<(Self, Message), Stop> {
        let me = Self::connect(peer, party, Party::Cse1).await?;
        let answer = me.enrol(peer, ("register", "registered")).await?;
        me.greet(peer).await?;
        Ok((me, answer))
    }

    /// The same for a CSE that can be reached at these points of access.
    ///
    /// # Errors
    /// If the registrar refuses.
    pub async fn join_reachable(
        peer: &mut Peer,
        party: Party,
        poa: Vec<String>,
    ) -> Result<Self, Stop> {
        let mut me = Self::connect(peer, party, Party::Cse1).await?;
        me.poa = poa;
        me.enrol(peer, ("register", "registered")).await?;
        me.greet(peer).await?;
        Ok(me)
    }

    /// The same for a CSE that speaks sessions; the registrar must ask for that.
    ///
    /// # Errors
    /// If the registrar refuses, or does not read `srt`.
    pub async fn with_sessions(
        peer: &mut Peer,
        party: Party,
        partner: Party,
        steps: [&str; 4],
    ) -> Result<Self, Stop> {
        let me = Self::connect(peer, party, partner).await?;
        me.enrol(peer, (steps[0], steps[1])).await?;
        let about_us = |request: &Request| request.op == 2 && me.is_base(&request.to);
        let what = "RETRIEVE of the CSEBase, for its `srt`";
        let asked = peer.request(me.link, steps[2], what, about_us).await;
        let asked = expect::arrived("REG-10", asked)?;
        let base = me.base(true);
        me.answer(peer, steps[3], &asked, 2000, base).await?;
        // What comes next on this link finds the answer taken.
        peer.probe(me.link).await?;
        Ok(me)
    }

    async fn connect(peer: &mut Peer, party: Party, partner: Party) -> Result<Self, Stop> {
        let id = format!("/n{}", peer.dice().name());
        let link = peer.open(party, partner, Some(&id)).await?;
        let sut = peer.target(partner).id.clone();
        Ok(Self {
            link,
            id,
            sut,
            party,
            partner,
            poa: Vec::new(),
            requests: 0,
            sealed: 0,
        })
    }

    async fn enrol(&self, peer: &mut Peer, steps: (&str, &str)) -> Result<Message, Stop> {
        let message = self.registration(peer, "reg");
        let answer = peer.call(self.link, steps, &message).await?;
        expect::status("REG-07", "CREATE of a remoteCSE", &answer, &[2001])?;
        Ok(answer)
    }

    /// Its CREATE `<remoteCSE>`.
    #[must_use]
    pub fn registration(&self, peer: &Peer, rqi: &str) -> Value {
        let name = self.name();
        let mut csr = json!({
            "rn": name, "cst": 2, "csi": self.id, "cb": format!("{0}/{name}", self.id),
            "rr": true, "srv": ["3"]
        });
        let usual = &peer.target(self.partner).manner.poa;
        let poa = if self.poa.is_empty() {
            usual
        } else {
            &self.poa
        };
        if !poa.is_empty() {
            csr["poa"] = json!(poa);
        }
        json!({
            "op": 1, "to": self.sut_base(peer), "fr": self.id, "rqi": rqi, "rvi": "3", "ty": 16,
            "pc": {"m2m:csr": csr}
        })
    }

    /// Address of the CSEBase of the CSE under test.
    #[must_use]
    pub fn sut_base(&self, peer: &Peer) -> String {
        let target = peer.target(self.partner);
        format!("{}/{}", target.id, target.name)
    }

    /// Answers what a registrar may ask its new registree: its CSEBase.
    async fn greet(&self, peer: &mut Peer) -> Result<(), Stop> {
        peer.probe(self.link).await?;
        while peer.has_request(self.link, |request| self.is_base(&request.to)) {
            let about_us = |request: &Request| self.is_base(&request.to);
            let asked = peer.request(self.link, "", "a question", about_us).await?;
            let base = self.base(false);
            self.answer(peer, "answer", &asked, 2000, base).await?;
        }
        Ok(())
    }

    fn is_base(&self, to: &str) -> bool {
        to.starts_with(&self.id) && to.split('/').count() <= 3
    }

    fn name(&self) -> &str {
        self.id.trim_start_matches('/')
    }

    fn base(&self, sessions: bool) -> Value {
        let mut types = TYPES.to_vec();
        if sessions {
            types.extend(SESSION_TYPES);
        }
        json!({"m2m:cb": {
            "rn": self.name(), "ri": "cb1", "pi": "", "ty": 5, "csi": self.id, "cst": 2,
            "ct": "20270301T090000", "lt": "20270301T090000", "srv": ["3"], "srt": types,
            "poa": []
        }})
    }

    /// Opens its link again after the earlier one is gone.
    ///
    /// # Errors
    /// If it is not accepted.
    pub async fn reopen(&mut self, peer: &mut Peer) -> Result<(), Stop> {
        self.link = peer.open(self.party, self.partner, Some(&self.id)).await?;
        Ok(())
    }

    /// A request with an identifier of this CSE's own.
    pub fn request(&mut self, op: u8, to: &str, fr: &str, more: Value) -> Value {
        self.requests += 1;
        let rqi = format!("{}x{}", self.name(), self.requests);
        primitive::request(op, to, fr, &rqi, more)
    }

    /// The same in its own name.
    pub fn own(&mut self, op: u8, to: &str, more: Value) -> Value {
        let fr = self.id.clone();
        self.request(op, to, &fr, more)
    }

    /// A request that follows from one of an AE behind it.
    pub fn on_behalf(&mut self, op: u8, to: &str, stem: &str, more: Value) -> Value {
        self.requests += 1;
        let rqi = format!("{stem}/q{}", self.requests);
        primitive::request(op, to, &self.behind(stem), &rqi, more)
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

    /// The next request that `wanted` accepts.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn asked(
        &self,
        peer: &mut Peer,
        step: &str,
        what: &str,
        wanted: impl Fn(&Request) -> bool,
    ) -> Result<Message, Stop> {
        peer.request(self.link, step, what, wanted).await
    }

    /// Answers a request; with `sid` exactly if the request had it.
    ///
    /// # Errors
    /// If the link is gone.
    pub async fn answer(
        &self,
        peer: &mut Peer,
        step: &str,
        request: &Message,
        rsc: u64,
        content: Value,
    ) -> Result<(), Stop> {
        let message = primitive::response(request, rsc, content);
        peer.send(self.link, step, &message).await
    }

    /// Nothing that was not awaited has come over its link so far.
    ///
    /// # Errors
    /// If something has.
    pub async fn silent(&self, peer: &mut Peer, requirement: &str, what: &str) -> Result<(), Stop> {
        peer.probe(self.link).await?;
        let came = peer.waiting(self.link);
        let none = came.is_empty();
        let seen = came.first().cloned().unwrap_or_default();
        expect::holds(requirement, what, none, seen)
    }

    /// AE-ID of an AE behind it.
    #[must_use]
    pub fn behind(&self, stem: &str) -> String {
        format!("{}/{stem}", self.id)
    }

    /// Structured address of something behind it.
    #[must_use]
    pub fn place(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.id, self.name())
    }

    /// Seals a value as the AE with this stem behind it.
    pub fn seal(
        &mut self,
        peer: &mut Peer,
        key: &SessionKey,
        stem: &str,
        about: &crate::cast::Sealing<'_>,
    ) -> String {
        self.sealed += 1;
        let fr = self.behind(stem);
        let header = Header {
            seq: self.sealed,
            dir: about.dir,
            op: about.op,
            to: about.to,
            att: about.att,
            fr: &fr,
            rqi: about.rqi,
        };
        key.seal(&header.for_key(key), peer.dice().bytes(), about.plain)
    }
}
