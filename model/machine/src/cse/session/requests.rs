//! Requests on session resources: by whom, on what, to which chapter.

use super::{Capacity, ONLINE, merge};
use crate::attribute::Attribute;
use crate::cse::incoming::Handled;
use crate::cse::render::ResultContent;
use crate::cse::resources::{NewResource, Resolved};
use crate::cse::{Cse, Step};
use crate::env::Timestamp;
use crate::id::{AeId, Entity, ResourceId};
use crate::primitive::{Content, Operation, Request};
use crate::record::{Phase, Requester, Session};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::value::{Members, Value};

impl Cse {
    pub(super) fn collection_request(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
        collection: &Resource,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        let owner = self.owner_of(collection);
        let owns = owner
            .as_ref()
            .is_some_and(|ae| ae.as_str() == &*requester.key.originator);
        match request.operation {
            Operation::Create => {
                let child = self.created_type(request)?;
                let makes_session = child == ResourceType::Session;
                if !makes_session && child != ResourceType::Subscription {
                    Err(forbidden_child(child))
                } else if !owns {
                    // EST-34, EST-53
                    Err(Refusal::NoPrivilege)
                } else if makes_session {
                    self.establish(step, requester, collection)
                } else {
                    self.execute_now(step, requester, target)
                }
            }
            Operation::Retrieve => self.execute_now(step, requester, target),
            Operation::Delete if request.session.is_some() => {
                self.end_by_identifier(step, requester, collection)
            }
            // EST-71
            Operation::Update | Operation::Delete | Operation::Notify => {
                Err(Refusal::OperationNotAllowed)
            }
        }
    }

    pub(super) fn member_request(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
        resource: &Shared<Resource>,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        let session = self.session_of(&resource.id).ok_or(Refusal::NotFound)?;
        // USE-38
        if request
            .session
            .as_ref()
            .is_some_and(|named| *named != session.id)
        {
            return Err(Refusal::BadRequest);
        }
        // EST-70, END-13
        let capacity = self
            .capacity(&session, requester)
            .ok_or(Refusal::NoPrivilege)?;
        let resource_type = resource.resource_type;
        match request.operation {
            Operation::Retrieve => self.execute_now(step, requester, target),
            Operation::Notify => Err(Refusal::OperationNotAllowed),
            Operation::Create => {
                let child = self.created_type(request)?;
                let of_session = resource_type == ResourceType::Session;
                if of_session && child == ResourceType::SessionPolicy {
                    self.create_policy(step, requester, &session, capacity)
                } else {
                    Err(forbidden_child(child))
                }
            }
            Operation::Update => {
                if resource_type == ResourceType::Session {
                    self.update_session(step, requester, &session, capacity)
                } else if resource_type == ResourceType::SessionPolicy {
                    self.update_policy(step, requester, &session, resource)
                } else if resource_type == ResourceType::SessionContext {
                    self.update_context(step, requester, resource, capacity)
                } else {
                    Err(Refusal::OperationNotAllowed)
                }
            }
            Operation::Delete => {
                if resource_type == ResourceType::Session {
                    self.end_on_request(step, requester, &session)
                } else if resource_type == ResourceType::SessionPolicy {
                    self.delete_policy(step, requester, &session, resource)
                } else {
                    Err(Refusal::OperationNotAllowed)
                }
            }
        }
    }

    fn update_session(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        capacity: Capacity,
    ) -> Result<Handled, Refusal> {
        let content = requester
            .request
            .content
            .as_ref()
            .ok_or(Refusal::BadRequest)?;
        let members = content
            .members_of(ResourceType::Session)
            .ok_or(Refusal::BadRequest)?;
        let fixed = [
            Attribute::SessionTargets,
            Attribute::EndToEnd,
            Attribute::AllEndpointsRequired,
        ];
        // EST-69
        if fixed.iter().any(|name| members.contains_key(name)) {
            let online = self.session_state(session) == ONLINE;
            return Err(if online {
                Refusal::SessionOnline
            } else {
                Refusal::BadRequest
            });
        }
        schema::check_update(ResourceType::Session, members)?;
        if let Some(lifecycle) = members.get(&Attribute::Lifecycle) {
            return self.confirmed(step, requester, session, capacity, lifecycle);
        }
        if session.phase != Phase::Active {
            return Err(Refusal::SessionUnknown);
        }
        if let Some(expires) = members.get(&Attribute::ExpirationTime) {
            let expires = expires.as_time().ok_or(Refusal::BadRequest)?;
            if expires <= step.now() {
                return Err(Refusal::BadRequest);
            }
            return self.change_expiry(step, requester, session, expires);
        }
        let local: Members = members.clone();
        let now = step.now();
        self.durable.tree.change(&session.resource, |resource| {
            merge(resource, &local);
            resource.modified = now;
        });
        self.updated(requester, &session.resource)
    }

    /// The answer to a CREATE that a chapter carried out, in the form that was asked for.
    pub(crate) fn created(
        &self,
        request: &Request,
        id: &ResourceId,
    ) -> Result<Option<Content>, Refusal> {
        let wanted = ResultContent::of(request.operation, request.result_content)?;
        let sent = request.content.as_ref().and_then(Content::single);
        let members = sent
            .and_then(|(_, value)| value.as_object())
            .cloned()
            .unwrap_or_default();
        Ok(self.render_created(wanted, id, &members))
    }

    /// The answer to a DELETE that a chapter carries out, taken before it does.
    pub(crate) fn deleted(
        &self,
        requester: &Requester,
        now: Timestamp,
        resource: &Shared<Resource>,
    ) -> Result<Option<Content>, Refusal> {
        let request = &requester.request;
        let wanted = ResultContent::of(request.operation, request.result_content)?;
        self.render_deleted(requester.asker(now), wanted, resource)
    }

    /// The answer to an UPDATE that a chapter carried out.
    pub(crate) fn updated(
        &self,
        requester: &Requester,
        id: &ResourceId,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        let wanted = ResultContent::of(request.operation, request.result_content)?;
        let sent = request.content.as_ref().and_then(Content::single);
        let sent = sent
            .and_then(|(_, value)| value.as_object())
            .cloned()
            .unwrap_or_default();
        let row = self.row(id).ok_or(Refusal::NotFound)?;
        let by_host = [Attribute::LastModifiedTime, Attribute::StateTag];
        let mut modified = self.represent(&row);
        modified.retain(|name, _| sent.contains_key(name) || by_host.contains(name));
        let content = self.render_updated(wanted, id, modified, &sent);
        Ok(Handled::Now(Status::UPDATED, content))
    }

    /// Makes or ends the collection of sessions of an `<AE>`, as its `scap` says.
    pub(crate) fn sync_sessions(&mut self, step: &mut Step, id: &ResourceId) {
        let Some(resource) = self.durable.tree.get(id).cloned() else {
            return;
        };
        let capable = resource.get(&Attribute::SessionCapable) == Some(&Value::Bool(true));
        let ae = AeId::at(&self.config.cse_id, id.as_str());
        let existing = self.sessions_of(&ae);
        // REG-04, REG-05
        match existing {
            None if capable => {
                let _ = self.insert(
                    step,
                    NewResource {
                        resource_type: ResourceType::Sessions,
                        parent: id.clone(),
                        id: None,
                        name: Some("sessions".into()),
                        creator: ae.0,
                        expires: resource.expires,
                        specialization: None,
                        attributes: self.collection_attributes(),
                    },
                );
            }
            Some(collection) if !capable => {
                self.end_sessions_of(step, &Entity::Ae(ae));
                self.remove(step, &collection.id);
            }
            None | Some(_) => {}
        }
    }

    /// The attributes of a collection of sessions.
    pub(crate) fn collection_attributes(&self) -> Members {
        let most = i64::from(self.config.limits.sessions_per_ae);
        Members::from([(Attribute::MaxNrOfSessions, Value::Integer(most))])
    }

    /// The type that a CREATE asks for.
    pub(crate) fn created_type(&self, request: &Request) -> Result<ResourceType, Refusal> {
        let number = request.resource_type.ok_or(Refusal::BadRequest)?;
        ResourceType::from_number(number).ok_or(Refusal::NotImplemented)
    }
}

/// Why a child of that type cannot be made by request under a session resource.
fn forbidden_child(child: ResourceType) -> Refusal {
    match child {
        // EST-71
        ResourceType::Sessions
        | ResourceType::SessionEndpoint
        | ResourceType::NextHop
        | ResourceType::SessionContext
        | ResourceType::SessionContextEntry => Refusal::OperationNotAllowed,
        // EST-72
        ResourceType::Subscription => Refusal::NotSubscribable,
        ResourceType::AccessControlPolicy
        | ResourceType::Ae
        | ResourceType::Container
        | ResourceType::ContentInstance
        | ResourceType::CseBase
        | ResourceType::Group
        | ResourceType::Node
        | ResourceType::PollingChannel
        | ResourceType::Schedule
        | ResourceType::RemoteCse
        | ResourceType::Request
        | ResourceType::FlexContainer
        | ResourceType::Session
        | ResourceType::SessionPolicy => Refusal::InvalidChild,
    }
}
