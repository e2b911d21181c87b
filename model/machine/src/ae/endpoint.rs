//! Sessions as their endpoint sees them.
//!
//! ```text
//!   question (F1-12) --> Asked --yes--> Member --asked to end--> Leaving
//!                          |              |  \                      |
//!            no, silence   |      success |   \ told, expired,      | answered
//!                          v      (F1-17) |    \ deregistered       v
//!                       Refused    establish    +----------------> Ended
//! ```
//!
//! `Refused` and `Ended` hold no key; they are remembered for a while, so that what comes late has no effect
//! (flow 1 steps 13 and 17, flow 3 steps 5 and 11).

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{AeId, KeyId, RequestKey, Secret, SessionId};
use crate::primitive::{Content, Operation, Response};
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::command::{Event, Objection, Proposal};
use super::exchange::{Exchange, Purpose};
use super::sealing::Window;
use super::{Ae, Output};

/// Where a session stands at its endpoint.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Phase {
    /// The application was asked for consent.
    Asked(Box<Asked>),
    /// This AE is an endpoint.
    Member(Box<Member>),
    /// This AE has asked for the end; the session is not used any more.
    Leaving(Box<Member>),
    /// The answer was no, or none.
    Refused(Past),
    /// It is over.
    Ended(Past),
}

/// A question for consent that is open.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Asked {
    /// What was asked.
    pub question: Shared<Question>,
    /// Until when a verdict counts.
    pub until: Timestamp,
    pub(crate) digest: u64,
    pub(crate) request: RequestKey,
    pub(crate) key_id: KeyId,
    pub(crate) secret: Option<Secret>,
}

/// What an application has to consent to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Question {
    /// The session.
    pub session: SessionId,
    /// Who wants it.
    pub initiator: AeId,
    /// Paths of the initiator that the session may address.
    pub paths: Vec<Text>,
    /// When the session ends.
    pub expires: Timestamp,
    /// Until when the verdict is due.
    pub answer_by: Timestamp,
    /// The initiator's public key, if the key is to be agreed end to end.
    pub peer_key: Option<Text>,
    /// What the session is for.
    pub descriptors: Vec<Text>,
    /// Policies in force from the start.
    pub policies: Vec<Members>,
    /// CSE-relative address of the session here, once it exists.
    pub address: Text,
}

/// A session that this AE is an endpoint of.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Member {
    /// Which end this AE is.
    pub role: Role,
    /// Who asked for it.
    pub initiator: AeId,
    /// Who consented.
    pub target: AeId,
    /// Own paths in it.
    pub paths: Vec<Text>,
    /// The peer's paths in it.
    pub peer_paths: Vec<Text>,
    /// CSE-relative address of the `<session>` at the own registrar.
    pub address: Text,
    /// When it ends.
    pub expires: Timestamp,
    /// Its key.
    pub key: Key,
    /// The question that was answered with yes, and the answer; 0 and `None` at the initiator.
    pub(crate) digest: u64,
    pub(crate) verdict: Option<Content>,
    /// How many values were sealed.
    pub(crate) sealed: u64,
    /// What was accepted from the initiator and from the target.
    pub(crate) seen: [Window; 2],
}

/// Which end of a session an AE is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// It asked for it.
    Initiator,
    /// It consented.
    Target,
}

impl Role {
    /// The direction of what this end seals.
    #[must_use]
    pub const fn direction(self) -> u8 {
        match self {
            Self::Initiator => 1,
            Self::Target => 2,
        }
    }
}

/// A session key and its identifier.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Key {
    /// Which key.
    pub id: KeyId,
    /// How the host gets it.
    pub material: Material,
}

/// How a host gets a session key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Material {
    /// It was handed out by the initiator's CSE: base64url.
    Given(Secret),
    /// It follows from the own key pair and the peer's public key.
    Agreed {
        /// The own key pair.
        own: EndKey,
        /// The peer's public key, base64url.
        peer: Text,
    },
}

/// An X25519 key pair for one session.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EndKey {
    /// The private key, base64url.
    pub private: Secret,
    /// The public key, base64url.
    pub public: Text,
}

/// What is remembered of a session that is over.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Past {
    /// When it is forgotten.
    pub forget: Timestamp,
}

impl Member {
    /// The other end.
    #[must_use]
    pub const fn peer(&self) -> &AeId {
        match self.role {
            Role::Initiator => &self.target,
            Role::Target => &self.initiator,
        }
    }

    pub(crate) fn window(&mut self, direction: u8) -> Option<&mut Window> {
        let [initiator, target] = &mut self.seen;
        match direction {
            1 => Some(initiator),
            2 => Some(target),
            _ => None,
        }
    }
}

impl Ae {
    pub(super) fn establish(
        &mut self,
        now: Timestamp,
        tag: u64,
        wanted: &Proposal,
    ) -> Result<(), Objection> {
        let identity = self.registered()?.clone();
        if wanted.target.registrar().is_none() || wanted.target == identity.id {
            return Err(Objection::BadAddress);
        }
        let mut endpoint = Members::from([(Attribute::EndpointPaths, self.paths(&wanted.paths)?)]);
        if let Some(key) = &wanted.end_to_end {
            endpoint.insert(Attribute::EndpointKey, public_key(key));
        }
        let is_end_to_end = wanted.end_to_end.is_some();
        let mut session = Members::from([
            (
                Attribute::SessionTargets,
                Value::texts([wanted.target.as_str()]),
            ),
            (Attribute::EndToEnd, Value::Bool(is_end_to_end)),
            (
                Attribute::Resource(ResourceType::SessionEndpoint),
                Value::List(Vec::from([Value::Object(endpoint)])),
            ),
        ]);
        if let Some(name) = &wanted.name {
            session.insert(Attribute::ResourceName, Value::Text(name.clone()));
        }
        if let Some(expires) = wanted.expires {
            session.insert(Attribute::ExpirationTime, Value::Time(expires));
        }
        if !wanted.descriptors.is_empty() {
            session.insert(
                Attribute::Descriptors,
                Value::texts(wanted.descriptors.iter().map(Text::as_str)),
            );
        }
        if !wanted.policies.is_empty() {
            let policies = wanted.policies.iter().cloned().map(Value::Object).collect();
            let name = Attribute::Resource(ResourceType::SessionPolicy);
            session.insert(name, Value::List(policies));
        }
        // EST-32
        let mut request = self.own(Operation::Create, &self.own_path(&identity, "/sessions"))?;
        request.resource_type = Some(ResourceType::Session.number());
        request.request_expiration = Some(self.due(now, wanted.answer_by));
        request.content = Some(Content::resource(ResourceType::Session, session));
        self.open(
            now,
            Some(tag),
            request,
            Purpose::Establish(wanted.end_to_end.clone()),
        )
    }

    /// Whether the success makes this AE the initiator of a session (F1-17).
    pub(super) fn established(
        &mut self,
        exchange: &Exchange,
        key: Option<EndKey>,
        response: &Response,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some((id, member)) = self.initiated(key, response) else {
            return false;
        };
        if self.sessions.contains_key(&id) || !self.has_room() {
            return false;
        }
        self.sessions
            .insert(id.clone(), Phase::Member(Box::new(member)));
        if let Some(tag) = exchange.tag {
            out.push(Output::Report(Event::Established { tag, session: id }));
        }
        true
    }

    fn initiated(&self, own: Option<EndKey>, response: &Response) -> Option<(SessionId, Member)> {
        let identity = self.identity()?;
        let members = response
            .content
            .as_ref()?
            .members_of(ResourceType::Session)?;
        let text = |name: Attribute| members.get(&name)?.as_text().cloned();
        let id = SessionId(text(Attribute::SessionId)?);
        let target = AeId(
            members
                .get(&Attribute::SessionTargets)?
                .as_texts()?
                .first()?
                .clone(),
        );
        let below = format!("/sessions/{}", text(Attribute::ResourceName)?);
        let all = members
            .get(&Attribute::Resource(ResourceType::SessionEndpoint))?
            .as_list()?;
        let of = |who: &AeId| {
            let is = |e: &&Value| {
                e.member(&Attribute::EndpointId).and_then(Value::as_text) == Some(&who.0)
            };
            all.iter().find(is)
        };
        let (mine, peer) = (of(&identity.id)?, of(&target)?);
        let credentials = members.get(&Attribute::Credentials)?;
        let key_id = KeyId(credentials.member(&Attribute::KeyId)?.as_text()?.clone());
        let material = match own {
            Some(own) => Material::Agreed {
                own,
                peer: public_key_of(peer)?,
            },
            None => Material::Given(secret_of(credentials)?),
        };
        let member = Member {
            role: Role::Initiator,
            initiator: identity.id.clone(),
            target,
            paths: paths_of(mine)?,
            peer_paths: paths_of(peer)?,
            address: self.own_path(identity, &below),
            expires: members.get(&Attribute::ExpirationTime)?.as_time()?,
            key: Key {
                id: key_id,
                material,
            },
            digest: 0,
            verdict: None,
            sealed: 0,
            seen: [Window::default(), Window::default()],
        };
        Some((id, member))
    }

    pub(super) fn set_policy(
        &mut self,
        now: Timestamp,
        tag: u64,
        id: &SessionId,
        policy: Members,
    ) -> Result<(), Objection> {
        let address = self.in_session(id, now)?.address.clone();
        let mut request = self.own(Operation::Create, &address)?;
        request.resource_type = Some(ResourceType::SessionPolicy.number());
        request.request_expiration = Some(self.due(now, None));
        request.content = Some(Content::resource(ResourceType::SessionPolicy, policy));
        self.open(now, Some(tag), request, Purpose::Plain)
    }
}

/// A public key as a member of an endpoint (`epk`).
pub(super) fn public_key(key: &EndKey) -> Value {
    Value::object([
        (Attribute::KeyType, Value::text("OKP")),
        (Attribute::KeyCurve, Value::text("X25519")),
        (Attribute::KeyX, Value::Text(key.public.clone())),
    ])
}

/// The public key of an endpoint, if it has one.
pub(super) fn public_key_of(endpoint: &Value) -> Option<Text> {
    let key = endpoint.member(&Attribute::EndpointKey)?;
    let is = |name: Attribute, expected: &str| {
        key.member(&name)
            .and_then(Value::as_text)
            .is_some_and(|found| *found == expected)
    };
    if !is(Attribute::KeyType, "OKP") || !is(Attribute::KeyCurve, "X25519") {
        return None;
    }
    key.member(&Attribute::KeyX)?.as_text().cloned()
}

/// The paths of an endpoint.
pub(super) fn paths_of(endpoint: &Value) -> Option<Vec<Text>> {
    endpoint.member(&Attribute::EndpointPaths)?.as_texts()
}

/// The key of credentials, where they carry one.
pub(super) fn secret_of(credentials: &Value) -> Option<Secret> {
    match credentials.member(&Attribute::KeyValue)? {
        Value::Secret(secret) => Some(secret.clone()),
        Value::Text(text) => Some(Secret(text.clone())),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Time(_)
        | Value::List(_)
        | Value::Object(_)
        | Value::Sealed(_) => None,
    }
}
