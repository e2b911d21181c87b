//! How a session ends at its endpoint: asked for, told, expired, or unknown here.

use crate::address::normalized;
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::SessionId;
use crate::primitive::{Operation, Request, Response, When};
use crate::resource::ResourceType;
use crate::status::Status;
use crate::text::Text;
use crate::value::Value;
use alloc::vec::Vec;

use super::command::{EndReason, Event, Objection};
use super::endpoint::{Member, Past, Phase};
use super::exchange::{Purpose, Stage};
use super::{Ae, Identity, Output, Registration};

impl Ae {
    /// The session, if this AE may use it now.
    pub(super) fn in_session(&self, id: &SessionId, now: Timestamp) -> Result<&Member, Objection> {
        match self.sessions.get(id) {
            // END-36
            Some(Phase::Member(member)) if now < member.expires => Ok(member),
            // END-07, END-31
            Some(
                Phase::Member(_)
                | Phase::Asked(_)
                | Phase::Leaving(_)
                | Phase::Refused(_)
                | Phase::Ended(_),
            )
            | None => Err(Objection::NotInSession),
        }
    }

    pub(super) fn terminate(
        &mut self,
        now: Timestamp,
        tag: u64,
        id: &SessionId,
    ) -> Result<(), Objection> {
        let address = match self.sessions.get(id) {
            Some(Phase::Member(member) | Phase::Leaving(member)) => member.address.clone(),
            Some(Phase::Asked(_) | Phase::Refused(_) | Phase::Ended(_)) | None => {
                return Err(Objection::NotInSession);
            }
        };
        let mut request = self.own(Operation::Delete, &address)?;
        request.request_expiration = Some(self.due(now, None));
        let purpose = Purpose::Terminate(id.clone());
        self.open(now, Some(tag), request, purpose.clone())?;
        self.leave(&purpose);
        Ok(())
    }

    /// What the answer to a request of the application means for this AE.
    pub(super) fn purpose_of(&self, identity: &Identity, request: &Request) -> Purpose {
        match request.operation {
            Operation::Delete => {}
            Operation::Create | Operation::Retrieve | Operation::Update | Operation::Notify => {
                return Purpose::Plain;
            }
        }
        let same = |one: &str, other: &str| {
            let form = |text| normalized(text, &self.config.registrar, &self.config.base);
            one == other || form(one).is_some_and(|one| form(other) == Some(one))
        };
        let own = self.own_path(identity, "");
        if same(&request.to, &own) || same(&request.to, identity.id.as_str()) {
            return Purpose::Deregister;
        }
        let session = self.sessions.iter().find(|(_, phase)| match phase {
            Phase::Member(member) | Phase::Leaving(member) => same(&request.to, &member.address),
            Phase::Asked(_) | Phase::Refused(_) | Phase::Ended(_) => false,
        });
        session.map_or(Purpose::Plain, |(id, _)| Purpose::Terminate(id.clone()))
    }

    /// What a request changes before it is answered: what is about to end is not used any more.
    pub(super) fn leave(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::Terminate(id) => match self.sessions.get(id) {
                Some(Phase::Member(member)) => {
                    let member = member.clone();
                    self.sessions.insert(id.clone(), Phase::Leaving(member));
                }
                Some(Phase::Asked(_) | Phase::Leaving(_) | Phase::Refused(_) | Phase::Ended(_))
                | None => {}
            },
            Purpose::Deregister => {
                if let Registration::Known(identity) = &self.registration {
                    self.registration = Registration::Leaving(identity.clone());
                }
            }
            Purpose::Register
            | Purpose::Discover(_)
            | Purpose::Establish(_)
            | Purpose::Undo
            | Purpose::Plain => {}
        }
    }

    /// The answer to this AE's DELETE (flow 3 step 11).
    pub(super) fn terminated(&mut self, id: &SessionId, status: Status, out: &mut Vec<Output>) {
        let is_over = status.is_success()
            || status.0 / 1000 == 1
            || status == Status::NOT_FOUND
            || status == Status::REMOTE_ENTITY_NOT_REACHABLE;
        if is_over {
            self.end(id, EndReason::Asked, out);
        }
        // Any other answer leaves the session as it is: not used any more, and to be asked for again.
    }

    /// Erases key and state of a session.
    pub(super) fn end(&mut self, id: &SessionId, reason: EndReason, out: &mut Vec<Output>) {
        let until = match self.sessions.get(id) {
            Some(Phase::Member(member) | Phase::Leaving(member)) => member.expires,
            Some(Phase::Asked(asked)) => {
                let (request, until) = (asked.request.clone(), asked.question.expires);
                self.outcomes.remove(&request);
                until
            }
            // END-20
            Some(Phase::Refused(_) | Phase::Ended(_)) | None => return,
        };
        // END-04, END-14, END-31
        let forget = until.plus(self.config.timers.outcome_memory_ms);
        self.sessions
            .insert(id.clone(), Phase::Ended(Past { forget }));
        out.push(Output::Report(Event::Ended {
            session: id.clone(),
            reason,
        }));
        self.settle_ended(out);
    }

    pub(super) fn end_all(&mut self, reason: EndReason, out: &mut Vec<Output>) {
        let all: Vec<SessionId> = self.sessions.keys().cloned().collect();
        for id in all {
            self.end(&id, reason, out);
        }
    }

    /// Settles requests of sessions that are over, unless the registrar can still answer them.
    pub(super) fn settle_ended(&mut self, out: &mut Vec<Output>) {
        let mut over = Vec::new();
        for (number, exchange) in &self.exchanges {
            let is_over = exchange
                .request
                .session
                .as_ref()
                .is_some_and(|id| self.is_ended(id));
            if is_over && exchange.stage == Stage::Waiting && exchange.purpose == Purpose::Plain {
                over.push(*number);
            }
        }
        // END-08
        for number in over {
            if let Some(tag) = self
                .exchanges
                .remove(&number)
                .and_then(|exchange| exchange.tag)
            {
                out.push(Output::Report(Event::Refused {
                    tag,
                    why: Objection::NotInSession,
                }));
            }
        }
    }

    fn is_ended(&self, id: &SessionId) -> bool {
        match self.sessions.get(id) {
            Some(Phase::Ended(_) | Phase::Refused(_)) | None => true,
            Some(Phase::Member(_) | Phase::Leaving(_) | Phase::Asked(_)) => false,
        }
    }

    /// The end of a session moves with what its registrar shows of it.
    pub(super) fn learn(&mut self, response: &Response) {
        let members = response
            .content
            .as_ref()
            .and_then(|c| c.members_of(ResourceType::Session));
        let Some(members) = members else {
            return;
        };
        let id = members.get(&Attribute::SessionId).and_then(Value::as_text);
        let expires = members
            .get(&Attribute::ExpirationTime)
            .and_then(Value::as_time);
        if let Some(id) = id
            && let Some(expires) = expires
            && let Some(Phase::Member(member) | Phase::Leaving(member)) =
                self.sessions.get_mut(&SessionId(id.clone()))
        {
            // END-36
            member.expires = expires;
        }
    }

    /// A session is at its `et`.
    pub(super) fn expire(&mut self, id: &SessionId, out: &mut Vec<Output>) {
        match self.sessions.get(id) {
            // END-17, END-21
            Some(Phase::Member(_) | Phase::Leaving(_)) => self.end(id, EndReason::Expired, out),
            Some(Phase::Asked(_) | Phase::Refused(_) | Phase::Ended(_)) | None => {}
        }
    }

    /// What is over is remembered long enough.
    pub(super) fn forget(&mut self, id: &SessionId) {
        match self.sessions.get(id) {
            Some(Phase::Refused(_) | Phase::Ended(_)) => {
                self.sessions.remove(id);
            }
            Some(Phase::Asked(_) | Phase::Member(_) | Phase::Leaving(_)) | None => {}
        }
    }

    /// This AE is reminded of a session that it knows nothing of: it lost its state, so the session must end.
    pub(super) fn lose(&mut self, now: Timestamp, id: &SessionId, out: &mut Vec<Output>) {
        let Ok(identity) = self.registered().cloned() else {
            return;
        };
        if !self.has_room() {
            return;
        }
        // USE-59, END-26
        if let Ok(mut request) = self.own(Operation::Delete, &self.own_path(&identity, "/sessions"))
        {
            request.session = Some(id.clone());
            if self.open(now, None, request, Purpose::Undo).is_ok() {
                let forget = now.plus(self.config.timers.outcome_memory_ms);
                self.sessions
                    .insert(id.clone(), Phase::Ended(Past { forget }));
                let session = id.clone();
                out.push(Output::Report(Event::Ended {
                    session,
                    reason: EndReason::Lost,
                }));
            }
        }
    }

    /// A session that this AE had given up was established all the same.
    pub(super) fn undo(&mut self, now: Timestamp, response: &Response) {
        let members = response
            .content
            .as_ref()
            .and_then(|c| c.members_of(ResourceType::Session));
        let id: Option<Text> = members.and_then(|m| {
            m.get(&Attribute::ResourceId)
                .and_then(Value::as_text)
                .cloned()
        });
        // EST-11, END-12
        if let Some(id) = id
            && let Ok(request) = self.own(Operation::Delete, &id)
        {
            // Without room for the request the session lasts until its end.
            let _ = self.open(now, None, request, Purpose::Undo);
        }
    }

    /// This AE's DELETE was not answered in time: it leaves all the same, and asks again until somebody answers.
    pub(super) fn leave_unanswered(
        &mut self,
        now: Timestamp,
        id: &SessionId,
        asked: &Request,
        out: &mut Vec<Output>,
    ) {
        let ends = match self.sessions.get(id) {
            Some(Phase::Member(member) | Phase::Leaving(member)) => member.expires,
            Some(Phase::Asked(_) | Phase::Refused(_) | Phase::Ended(_)) | None => return,
        };
        self.end(id, EndReason::Asked, out);
        if let Ok(mut request) = self.own(Operation::Delete, &asked.to) {
            request.request_expiration = Some(When::At(ends));
            // Without room for the request the session lasts until its end.
            let _ = self.open(now, None, request, Purpose::Undo);
        }
    }

    /// Makes room for one more session among those that are over.
    pub(super) fn has_room(&mut self) -> bool {
        if self.sessions.len() < self.config.limits.sessions as usize {
            return true;
        }
        let oldest = self
            .sessions
            .iter()
            .filter_map(|(id, phase)| match phase {
                Phase::Refused(past) | Phase::Ended(past) => Some((past.forget, id.clone())),
                Phase::Asked(_) | Phase::Member(_) | Phase::Leaving(_) => None,
            })
            .min();
        if let Some((_, id)) = oldest {
            self.sessions.remove(&id);
            return true;
        }
        false
    }
}
