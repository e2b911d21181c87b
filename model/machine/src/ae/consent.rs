//! Consent: the question for a session, and the verdict of the application (flow 1 steps 12 and 13).

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{AeId, KeyId, RequestKey, SessionId};
use crate::primitive::{Content, Request};
use crate::resource::ResourceType;
use crate::shared::{Shared, digest};
use crate::status::Status;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::command::{Event, Objection, Verdict};
use super::endpoint::{
    Asked, EndKey, Key, Material, Member, Past, Phase, Question, Role, paths_of, public_key,
    public_key_of, secret_of,
};
use super::notice::{Reaction, session_of};
use super::sealing::Window;
use super::{Ae, Output};

impl Ae {
    /// F1-12: another AE wants a session.
    pub(super) fn questioned(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        key: &RequestKey,
        request: &Request,
        event: &Members,
        out: &mut Vec<Output>,
    ) -> Option<Reaction> {
        let session = session_of(event)?;
        let id = SessionId(session.get(&Attribute::SessionId)?.as_text()?.clone());
        if request.session.as_ref().is_some_and(|named| *named != id) {
            return None;
        }
        let digest = digest(session);
        // EST-12, EST-13
        match self.sessions.get_mut(&id) {
            None => {}
            Some(Phase::Asked(asked)) if asked.digest == digest => {
                let earlier = core::mem::replace(&mut asked.request, key.clone());
                asked.until = until;
                self.outcomes.remove(&earlier);
                return Some(Reaction::Later);
            }
            Some(Phase::Member(member)) if member.digest == digest => {
                return Some(Reaction::Answer(Status::OK, member.verdict.clone()));
            }
            // EST-06
            Some(Phase::Asked(_) | Phase::Member(_) | Phase::Leaving(_)) => {
                return Some(Reaction::Answer(Status::CONFLICT, None));
            }
            // END-14
            Some(Phase::Refused(_) | Phase::Ended(_)) => {
                return Some(Reaction::Answer(Status::OPERATION_NOT_ALLOWED, None));
            }
        }
        let credentials = session.get(&Attribute::Credentials)?;
        let key_id = KeyId(credentials.member(&Attribute::KeyId)?.as_text()?.clone());
        let question = self.question(id.clone(), until, session)?;
        let secret = secret_of(credentials);
        // EST-46
        if question.expires <= now || secret.is_some() == question.peer_key.is_some() {
            return None;
        }
        if !self.has_room() {
            out.push(Output::Report(Event::LimitReached("sessions")));
            return Some(Reaction::Answer(Status::NOT_ACCEPTABLE, None));
        }
        let question = Shared::new(question);
        let request = key.clone();
        let asked = Asked {
            question: question.clone(),
            until,
            digest,
            request,
            key_id,
            secret,
        };
        self.sessions.insert(id, Phase::Asked(Box::new(asked)));
        out.push(Output::Report(Event::Consent(question)));
        Some(Reaction::Later)
    }

    fn question(&self, id: SessionId, until: Timestamp, session: &Members) -> Option<Question> {
        let text = |name: Attribute| session.get(&name)?.as_text().cloned();
        let own = &self.identity()?.id.0;
        let targets = session.get(&Attribute::SessionTargets)?.as_texts()?;
        let endpoints = session.get(&Attribute::Resource(ResourceType::SessionEndpoint))?;
        let initiator = AeId(text(Attribute::SessionOriginator)?);
        let endpoint = endpoints.as_list()?.first()?;
        // EST-09
        if !targets.contains(own)
            || endpoint.member(&Attribute::EndpointId)?.as_text()? != &initiator.0
        {
            return None;
        }
        let is_end_to_end = session.get(&Attribute::EndToEnd)?.as_bool()?;
        let descriptors = session
            .get(&Attribute::Descriptors)
            .and_then(Value::as_texts);
        let policies = session
            .get(&Attribute::Resource(ResourceType::SessionPolicy))
            .and_then(Value::as_list)
            .unwrap_or_default();
        Some(Question {
            session: id,
            initiator,
            paths: paths_of(endpoint)?,
            expires: session.get(&Attribute::ExpirationTime)?.as_time()?,
            answer_by: until,
            peer_key: if is_end_to_end {
                Some(public_key_of(endpoint)?)
            } else {
                None
            },
            descriptors: descriptors.unwrap_or_default(),
            policies: policies
                .iter()
                .filter_map(|p| p.as_object().cloned())
                .collect(),
            address: text(Attribute::ResourceId)?,
        })
    }

    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        tag: u64,
        id: &SessionId,
        verdict: Verdict,
        out: &mut Vec<Output>,
    ) -> Result<(), Objection> {
        let asked = match self.sessions.get(id) {
            Some(Phase::Asked(asked)) => Asked::clone(asked),
            Some(Phase::Refused(_)) => return Err(Objection::TooLate),
            Some(Phase::Member(_) | Phase::Leaving(_) | Phase::Ended(_)) | None => {
                return Err(Objection::NoQuestion);
            }
        };
        // EST-16, EST-58
        if asked.until <= now {
            self.fall_silent(id, out);
            return Err(Objection::TooLate);
        }
        let accepted = match verdict {
            Verdict::Accept { paths, end_to_end } => {
                let content = self.accept(&asked, &paths, end_to_end)?;
                self.answer(&asked.request, Status::OK, Some(content), out);
                true
            }
            Verdict::Refuse => {
                // EST-18
                self.refuse(&asked);
                self.answer(&asked.request, Status::OPERATION_NOT_ALLOWED, None, out);
                false
            }
        };
        out.push(Output::Report(Event::Decided {
            tag,
            session: id.clone(),
            accepted,
        }));
        Ok(())
    }

    fn accept(
        &mut self,
        asked: &Asked,
        paths: &[Text],
        own: Option<EndKey>,
    ) -> Result<Content, Objection> {
        let question = &asked.question;
        let identity = self.registered()?.clone();
        let paths = self.paths(paths)?;
        // EST-56
        let mut endpoint = Members::from([
            (Attribute::EndpointId, Value::Text(identity.id.0.clone())),
            (Attribute::EndpointPaths, paths.clone()),
        ]);
        // EST-46
        let material = match own {
            Some(own) => {
                let peer = question.peer_key.clone().ok_or(Objection::KeyMismatch)?;
                endpoint.insert(Attribute::EndpointKey, public_key(&own));
                Material::Agreed { own, peer }
            }
            None => Material::Given(asked.secret.clone().ok_or(Objection::KeyMismatch)?),
        };
        let content = Content::resource(ResourceType::SessionEndpoint, endpoint);
        let member = Member {
            role: Role::Target,
            initiator: question.initiator.clone(),
            target: identity.id,
            paths: paths.as_texts().unwrap_or_default(),
            peer_paths: question.paths.clone(),
            address: question.address.clone(),
            expires: question.expires,
            key: Key {
                id: asked.key_id.clone(),
                material,
            },
            digest: asked.digest,
            verdict: Some(content.clone()),
            sealed: 0,
            seen: [Window::default(), Window::default()],
        };
        self.sessions
            .insert(question.session.clone(), Phase::Member(Box::new(member)));
        Ok(content)
    }

    fn refuse(&mut self, asked: &Asked) {
        let forget = asked.until.plus(self.config.timers.outcome_memory_ms);
        self.sessions.insert(
            asked.question.session.clone(),
            Phase::Refused(Past { forget }),
        );
    }

    /// The time to give a verdict is over.
    pub(super) fn fall_silent(&mut self, id: &SessionId, out: &mut Vec<Output>) {
        let Some(Phase::Asked(asked)) = self.sessions.get(id) else {
            return;
        };
        // EST-18
        let asked = Asked::clone(asked);
        self.refuse(&asked);
        self.outcomes.remove(&asked.request);
        out.push(Output::Report(Event::Silent {
            session: id.clone(),
        }));
    }
}
