//! The infrastructure node of another service provider, played by the suite (reference point Mcc').

use serde_json::Value;

use crate::case::Stop;
use crate::expect;
use crate::peer::{Link, Message, Peer};
use crate::primitive;
use crate::record::Abroad;
use crate::story::Party;
use crate::wire::Request;

/// Between whom its links are: the node, and the CSE under test.
pub const BETWEEN: (Party, Party) = (Party::Cse2, Party::Cse1);

/// The node.
#[derive(Debug)]
pub struct Node {
    /// Its link to the CSE under test.
    pub link: Link,
    /// Its absolute CSE-ID.
    pub id: String,
    /// The two providers.
    pub abroad: Abroad,
    requests: u32,
}

/// What the profile says of the two providers.
///
/// # Errors
/// If it says nothing.
pub fn providers(peer: &Peer) -> Result<Abroad, Stop> {
    let known = peer.target(BETWEEN.1).abroad.clone();
    known.ok_or_else(|| Stop::Absent("the profile names no other service provider".to_owned()))
}

impl Node {
    /// Opens a link under a fresh name of the other provider.
    ///
    /// # Errors
    /// If the CSE under test does not take it.
    pub async fn join(peer: &mut Peer) -> Result<Self, Stop> {
        let abroad = providers(peer)?;
        let id = format!("//{}/n{}", abroad.other, peer.dice().name());
        let (suite, sut) = BETWEEN;
        let link = peer.open(suite, sut, Some(&id)).await?;
        Ok(Self {
            link,
            id,
            abroad,
            requests: 0,
        })
    }

    /// Absolute identifier of an AE at this node.
    #[must_use]
    pub fn behind(&self, stem: &str) -> String {
        format!("{}/{stem}", self.id)
    }

    /// Its identifier within its own provider.
    #[must_use]
    pub fn at_home(&self) -> &str {
        let provider = self.abroad.other.len() + "//".len();
        self.id.get(provider..).unwrap_or_default()
    }

    /// What is SP-relative at the CSE under test, as an absolute address or identifier.
    #[must_use]
    pub fn absolute(&self, relative: &str) -> String {
        format!("//{}{relative}", self.abroad.own)
    }

    /// A request of an originator at this node, or whoever is named.
    pub fn request(&mut self, op: u8, to: &str, fr: &str, more: Value) -> Value {
        self.requests += 1;
        let rqi = format!(
            "{}x{}",
            self.at_home().trim_start_matches('/'),
            self.requests
        );
        primitive::request(op, to, fr, &rqi, more)
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

    /// The request that comes over its link and `wanted` accepts, which has to.
    ///
    /// # Errors
    /// If it stays away.
    pub async fn asked(
        &self,
        peer: &mut Peer,
        step: &str,
        requirement: &str,
        wanted: impl Fn(&Request) -> bool,
    ) -> Result<Message, Stop> {
        let what = "the request for the other provider";
        let came = peer.request(self.link, step, what, wanted).await;
        expect::arrived(requirement, came)
    }

    /// Answers a request.
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
}
