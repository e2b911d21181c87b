//! Changes that all hops must hold: distributed far to near (flow 1 steps 18 to 23).
//!
//! ```text
//!  request ─▶ Asked ── yes ─▶ done here, answered
//!               ├── no ─▶ nothing here, the answer from there
//!               └── time-out ─▶ 4008; Undoing: the hop is asked to take it back, until it answers
//! ```

use crate::attribute::Attribute;
use crate::cse::incoming::Handled;
use crate::cse::outgoing::{Conclusion, Purpose};
use crate::cse::resources::NewResource;
use crate::cse::session::merge;
use crate::cse::{Cse, Step};
use crate::env::Timestamp;
use crate::id::{Entity, RequestId, ResourceId};
use crate::primitive::{Content, Operation, Request, Response, When};
use crate::record::{Change, ChangeKind, Phase, Requester, Session};
use crate::resource::ResourceType;
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
        if self.is_changing(session, &what) {
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
    /// follow one another, so that the last one stands on every hop.
    fn is_changing(&self, session: &Session, what: &ChangeKind) -> bool {
        let of_session = self
            .durable
            .changes
            .iter()
            .filter(|(_, c)| c.session == session.id);
        let thing = changed(what);
        thing.is_some()
            && of_session
                .into_iter()
                .any(|(_, c)| changed(&c.what) == thing)
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
        self.durable.changes.remove(&number);
        if change.undoing {
            return;
        }
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
        match self.change_here(step, &change.requester, &session, &what) {
            Ok(Handled::Now(status, content)) => {
                self.respond(step, &change.requester, status, content);
            }
            Ok(Handled::Later) => {}
            Err(refusal) => self.refuse(step, &change.requester, refusal),
        }
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
                let content = self.deleted(&requester.request, &policy)?;
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
        let request = self.change_request(&undoing);
        let expires = self.change_expiry_of(&undoing);
        let number = undoing.number;
        let peer = Entity::Cse(undoing.hop.clone());
        self.durable.changes.put(number, undoing);
        self.ask(step, &peer, request, Purpose::Change(number), expires);
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
            // What is deleted beyond cannot be brought back: the deletion is repeated until it is known.
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

    /// The values that a resource has now of the attributes that were to change.
    fn current_values(&self, id: &ResourceId, members: &Members) -> Members {
        let resource = self.durable.tree.get(id);
        let now_of = |name: &Attribute| {
            let resource = resource?;
            if *name == Attribute::ExpirationTime {
                resource.expires.map(Value::Time)
            } else {
                resource.get(name).cloned()
            }
        };
        let value = |name: &Attribute| now_of(name).unwrap_or(Value::Null);
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
