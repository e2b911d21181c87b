//! Changes that all hops must hold: distributed far to near (flow 1 steps 18 to 23).
//!
//! ```text
//!  request ─▶ Asked ── yes ─▶ done here, answered
//!               ├── no ─▶ nothing here, the answer from there
//!               └── time-out ─▶ 4008; Undoing: the hop is asked to take it back, until it answers
//! ```

use crate::attribute::Attribute;
use crate::cse::deadlines::Wait;
use crate::cse::incoming::Handled;
use crate::cse::outgoing::{Conclusion, Purpose};
use crate::cse::resources::NewResource;
use crate::cse::session::merge;
use crate::cse::{Cse, Step, Timer};
use crate::env::Timestamp;
use crate::id::{Entity, RequestId, ResourceId, SessionId};
use crate::primitive::{Content, Operation, Request, Response, When};
use crate::record::{Change, ChangeKind, Phase, Requester, Session};
use crate::resource::ResourceType;
use crate::schema;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;
impl Cse {
    /// Asks the hop beyond first, if there is one; changes here only after it has agreed (POL-06).
    pub(super) fn distribute(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        what: ChangeKind,
    ) -> Result<Handled, Refusal> {
        let beyond = self
            .hops(session)
            .into_iter()
            .find(|hop| Entity::Cse(hop.cse.clone()) != requester.peer);
        // POL-20
        if self.is_changing(requester, session, &what) {
            return Err(Refusal::Conflict);
        }
        // POL-06, EST-23
        let Some(hop) = beyond else {
            return self.change_here(step, requester, session, &what);
        };
        let number = self.durable.next_number();
        let peer = Entity::Cse(hop.cse.clone());
        let row = Change {
            number,
            requester: requester.clone(),
            session: session.id.clone(),
            to: self.address_beyond(&hop.session, &what),
            hop: hop.cse,
            request_id: self.forwarded_id(requester, &peer),
            what,
            undoing: false,
        };
        self.durable.changes.put(number, row.clone());
        let request = self.change_request(&row);
        let expires = self.change_expiry_of(&row);
        self.ask(step, &peer, request, Purpose::Change(number), expires);
        Ok(Handled::Later)
    }

    /// Whether the hop beyond is being asked to change the same thing, or to take that back: changes of one thing
    /// follow one another, so that the last one stands on every hop. Of two CSEs that take something back at each other
    /// the one towards the target gives way.
    fn is_changing(&self, requester: &Requester, session: &Session, what: &ChangeKind) -> bool {
        // POL-22
        let gives_way = |change: &Change| {
            change.undoing
                && session.upstream.as_ref() == Some(&change.hop)
                && requester.peer == Entity::Cse(change.hop.clone())
        };
        let mut same = self.changes_of(&session.id, what);
        same.any(|change| !gives_way(change))
    }

    /// The changes of the same thing that are under way or being taken back; of what is only being made, none.
    fn changes_of<'a>(
        &'a self,
        session: &'a SessionId,
        what: &'a ChangeKind,
    ) -> impl Iterator<Item = &'a Change> {
        let thing = changed(what);
        let rows = self.durable.changes.iter().map(|(_, row)| &**row);
        rows.filter(move |row| row.session == *session)
            .filter(move |row| thing.is_some() && changed(&row.what) == thing)
    }

    pub(crate) fn change_concluded(
        &mut self,
        step: &mut Step,
        number: u64,
        conclusion: &Conclusion<'_>,
    ) {
        let Some(change) = self.durable.changes.get(&number).cloned() else {
            return;
        };
        if change.undoing {
            return self.undo_concluded(step, &change, conclusion);
        }
        self.durable.changes.remove(&number);
        match conclusion {
            // EST-24
            Conclusion::Answer(response) if agreed(response, &change.what) => {
                self.agreed_beyond(step, &change, response);
            }
            // POL-09
            Conclusion::Answer(response) => {
                self.respond(step, &change.requester, response.status, None);
            }
            Conclusion::Overdue { sent } => {
                // POL-10, EST-25
                if *sent {
                    self.undo(step, &change);
                }
                let refusal = if *sent {
                    Refusal::Expired
                } else {
                    Refusal::RemoteUnreachable
                };
                self.refuse(step, &change.requester, refusal);
            }
        }
    }

    fn agreed_beyond(&mut self, step: &mut Step, change: &Change, response: &Response) {
        let Some(session) = self.durable.sessions.get(&change.session).cloned() else {
            self.refuse(step, &change.requester, Refusal::SessionUnknown);
            return;
        };
        // The session may have begun to end meanwhile; then the policy beyond ends with it.
        if matches!(session.phase, Phase::Terminating(_)) {
            self.refuse(step, &change.requester, Refusal::SessionUnknown);
            return;
        }
        let what = match &change.what {
            ChangeKind::UpdateSession(members) => {
                let beyond = response
                    .content
                    .as_ref()
                    .and_then(|c| c.members_of(ResourceType::Session))
                    .and_then(|m| m.get(&Attribute::ExpirationTime));
                let mut members = members.clone();
                if let Some(Value::Time(at)) = beyond {
                    members.insert(Attribute::ExpirationTime, Value::Time(*at));
                }
                ChangeKind::UpdateSession(members)
            }
            other @ (ChangeKind::CreatePolicy(_)
            | ChangeKind::UpdatePolicy(..)
            | ChangeKind::DeletePolicy(_)) => other.clone(),
        };
        let done = self.change_here(step, &change.requester, &session, &what);
        self.conclude(step, &change.requester, done);
    }

    /// Makes the change at this CSE.
    fn change_here(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        what: &ChangeKind,
    ) -> Result<Handled, Refusal> {
        let now = step.now();
        self.undo_anew(step, &session.id, what);
        match what {
            ChangeKind::CreatePolicy(members) => {
                let (name, attributes) = crate::cse::establishment::making::named_policy(members);
                let new = NewResource {
                    resource_type: ResourceType::SessionPolicy,
                    parent: session.resource.clone(),
                    id: None,
                    name: Some(name),
                    creator: requester.key.originator.clone(),
                    expires: self.session_expiry(&session.id),
                    specialization: None,
                    attributes,
                };
                let id = self.insert(step, new)?;
                let content = self.created(&requester.request, &id)?;
                Ok(Handled::Now(Status::CREATED, content))
            }
            ChangeKind::UpdatePolicy(id, members) => {
                self.durable.tree.change(id, |resource| {
                    merge(resource, members);
                    let version = resource.integer(&Attribute::StateTag).unwrap_or(0) + 1;
                    resource
                        .attributes
                        .insert(Attribute::StateTag, Value::Integer(version));
                    resource.modified = now;
                });
                self.updated(requester, id)
            }
            ChangeKind::DeletePolicy(id) => {
                let policy = self
                    .durable
                    .tree
                    .get(id)
                    .cloned()
                    .ok_or(Refusal::NotFound)?;
                let content = self.deleted(requester, step.now(), &policy)?;
                self.durable.tree.remove(id);
                Ok(Handled::Now(Status::DELETED, content))
            }
            ChangeKind::UpdateSession(members) => {
                if let Some(Value::Time(expires)) = members.get(&Attribute::ExpirationTime) {
                    self.set_expiry(step, session, *expires);
                }
                self.updated(requester, &session.resource)
            }
        }
    }

    /// Asks the hop to take back what it may have done (POL-10).
    fn undo(&mut self, step: &mut Step, change: &Change) {
        let mut undoing = change.clone();
        undoing.undoing = true;
        undoing.request_id = self.own_request_id();
        if let ChangeKind::CreatePolicy(members) = &change.what {
            let name = members
                .get(&Attribute::ResourceName)
                .and_then(Value::as_text);
            undoing.to = format!("{}/{}", change.to, name.map_or("", Text::as_str)).into();
        }
        self.durable.changes.put(undoing.number, undoing.clone());
        self.ask_to_undo(step, &undoing);
    }

    /// The hop was asked to take something back: if it has not, it is asked again (POL-21).
    fn undo_concluded(&mut self, step: &Step, change: &Change, conclusion: &Conclusion<'_>) {
        let is_done = match conclusion {
            Conclusion::Answer(answer) => {
                // What is unknown there need not be taken back.
                let done = [Status::UPDATED, Status::DELETED, Status::NOT_FOUND];
                done.contains(&answer.status)
            }
            Conclusion::Overdue { .. } => false,
        };
        if is_done {
            self.durable.changes.remove(&change.number);
            // A policy that is gone there cannot be brought back: it goes here as well.
            if let ChangeKind::DeletePolicy(id) = &change.what {
                self.durable.tree.remove(id);
            }
        } else {
            self.undo_later(step, change);
        }
    }

    /// After a pause, under an identifier of which the hop remembers no outcome.
    fn undo_later(&mut self, step: &Step, change: &Change) {
        let peer = Entity::Cse(change.hop.clone());
        self.outgoing.remove(&(peer, change.request_id.clone()));
        let request_id = self.own_request_id();
        self.durable
            .changes
            .change(&change.number, |row| row.request_id = request_id);
        let pause = self.config.timers.tombstone_retry_ms;
        self.undo_pauses
            .insert(change.number, step.now().plus(pause));
    }

    /// Where a hop is asked to take back what is being changed here meanwhile, it is told what stands here then.
    fn undo_anew(&mut self, step: &Step, session: &SessionId, what: &ChangeKind) {
        let undone = self.changes_of(session, what).filter(|row| row.undoing);
        let undone: Vec<Change> = undone.cloned().collect();
        for change in undone {
            self.undo_later(step, &change);
        }
    }

    pub(crate) fn undo_deadlines(&self, wait: &mut impl Wait) {
        for (number, at) in &self.undo_pauses {
            wait.until(*at, || Timer::UndoRetry(*number));
        }
    }

    /// The pause is over; what is to be taken back has ended with its session.
    pub(crate) fn retry_undo(&mut self, step: &mut Step, number: u64) {
        self.undo_pauses.remove(&number);
        let Some(change) = self.durable.changes.get(&number).cloned() else {
            return;
        };
        let session = self.durable.sessions.get(&change.session);
        let lives = session.is_some_and(|s| !matches!(s.phase, Phase::Terminating(_)));
        if lives {
            self.ask_to_undo(step, &change);
        } else {
            self.durable.changes.remove(&number);
        }
    }

    fn ask_to_undo(&mut self, step: &mut Step, change: &Change) {
        let request = self.change_request(change);
        let expires = self.change_expiry_of(change);
        let peer = Entity::Cse(change.hop.clone());
        // POL-21
        self.ask(
            step,
            &peer,
            request,
            Purpose::Change(change.number),
            expires,
        );
    }

    /// When the request to the hop is given up.
    fn change_expiry_of(&self, change: &Change) -> Timestamp {
        let within = change
            .requester
            .expires
            .minus(self.config.timers.hop_step_ms);
        if change.undoing {
            self.session_expiry(&change.session).unwrap_or(within)
        } else {
            within
        }
    }

    /// The request to the hop: a pure function of the record, so that it can be repeated after a crash.
    fn change_request(&self, change: &Change) -> Request {
        let own = self.config.cse_id.as_str();
        let id: RequestId = change.request_id.clone();
        let mut request = Request::new(Operation::Update, &change.to, own, id);
        if !change.undoing {
            request.request_expiration = Some(When::At(self.change_expiry_of(change)));
        }
        let policy =
            |members: Members| Some(Content::resource(ResourceType::SessionPolicy, members));
        match &change.what {
            ChangeKind::CreatePolicy(_) if change.undoing => request.operation = Operation::Delete,
            ChangeKind::CreatePolicy(members) => {
                // POL-07
                request.operation = Operation::Create;
                request.resource_type = Some(ResourceType::SessionPolicy.number());
                let mut carried = members.clone();
                carried.remove(&Attribute::Labels);
                request.content = policy(carried);
            }
            ChangeKind::UpdatePolicy(id, members) => {
                let mut carried = if change.undoing {
                    self.current_values(id, members)
                } else {
                    members.clone()
                };
                carried.remove(&Attribute::Labels);
                request.content = policy(carried);
            }
            ChangeKind::DeletePolicy(_) => request.operation = Operation::Delete,
            ChangeKind::UpdateSession(members) => {
                let session = self.durable.sessions.get(&change.session);
                let carried = match session {
                    Some(session) if change.undoing => {
                        self.current_values(&session.resource, members)
                    }
                    Some(_) | None => members.clone(),
                };
                request.content = Some(Content::resource(ResourceType::Session, carried));
            }
        }
        request
    }

    /// The values that a resource has now of the attributes that were to change; a default is sent as a value,
    /// because it cannot be deleted.
    fn current_values(&self, id: &ResourceId, members: &Members) -> Members {
        let resource = self.durable.tree.get(id);
        let mut defaults = Members::new();
        if let Some(resource) = resource {
            schema::put_defaults(resource.resource_type, &mut defaults);
        }
        let now_of = |name: &Attribute| {
            let resource = resource?;
            if *name == Attribute::ExpirationTime {
                resource.expires.map(Value::Time)
            } else {
                resource.get(name).cloned()
            }
        };
        let value = |name: &Attribute| {
            let by_default = || defaults.get(name).cloned();
            now_of(name).or_else(by_default).unwrap_or(Value::Null)
        };
        members
            .keys()
            .map(|name| (name.clone(), value(name)))
            .collect()
    }

    fn address_beyond(&self, session: &str, what: &ChangeKind) -> Text {
        let policy = |id: &ResourceId| {
            let name = self
                .durable
                .tree
                .get(id)
                .map(|r| r.name.clone())
                .unwrap_or_default();
            format!("{session}/{name}").into()
        };
        match what {
            ChangeKind::CreatePolicy(_) | ChangeKind::UpdateSession(_) => session.into(),
            ChangeKind::UpdatePolicy(id, _) | ChangeKind::DeletePolicy(id) => policy(id),
        }
    }

    /// Puts back what was asked before a crash.
    pub(crate) fn resume_changes(&mut self) {
        let rows: Vec<Change> = self
            .durable
            .changes
            .iter()
            .map(|(_, c)| Change::clone(c))
            .collect();
        for change in rows {
            let request = self.change_request(&change);
            let expires = self.change_expiry_of(&change);
            let peer = Entity::Cse(change.hop.clone());
            self.expect_again(&peer, request, Purpose::Change(change.number), expires);
        }
    }
}

/// Which existing thing a change is about: a policy, or the session itself (`None` inside).
fn changed(what: &ChangeKind) -> Option<Option<&ResourceId>> {
    match what {
        ChangeKind::CreatePolicy(_) => None,
        ChangeKind::UpdatePolicy(id, _) | ChangeKind::DeletePolicy(id) => Some(Some(id)),
        ChangeKind::UpdateSession(_) => Some(None),
    }
}

/// Whether the hop has done what it was asked for.
fn agreed(response: &Response, what: &ChangeKind) -> bool {
    match what {
        ChangeKind::CreatePolicy(_) => response.status == Status::CREATED,
        ChangeKind::UpdatePolicy(..) | ChangeKind::UpdateSession(_) => {
            response.status == Status::UPDATED
        }
        ChangeKind::DeletePolicy(_) => {
            response.status == Status::DELETED || response.status == Status::NOT_FOUND
        }
    }
}
