//! The `<request>` of a request that was acknowledged: made, reported in, recalled (TS-0004 clause 7.3.2.2).

use crate::access::Right;
use crate::address::without_query;
use crate::attribute::Attribute;
use crate::cse::incoming::Handled;
use crate::cse::resources::NewResource;
use crate::cse::{Cse, Step};
use crate::env::Timestamp;
use crate::id::{AeId, Entity, RequestId, RequestKey, ResourceId, SessionId};
use crate::primitive::{Content, Operation, Request, ResponseMode, ResponseType, When};
use crate::record::{NoticeKind, Requester};
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::value::{Members, Value};

/// States of a `<request>` (TS-0004 clause 6.3.4.2.10).
mod request_status {
    pub(super) const COMPLETED: i64 = 1;
    pub(super) const FAILED: i64 = 2;
    pub(super) const PENDING: i64 = 3;
}

impl Cse {
    /// Makes the `<request>` that reports on an acknowledged request (TS-0004 clause 7.3.2.2).
    pub(crate) fn open_request(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        expires: Timestamp,
    ) -> Result<ResourceId, Refusal> {
        let parent = self
            .durable
            .tree
            .base()
            .map(|b| b.id.clone())
            .ok_or(Refusal::NotFound)?;
        let request = &requester.request;
        let mut attributes = Members::new();
        let mut set = |name: Attribute, value: Value| attributes.insert(name, value);
        let originator = request.from.clone().unwrap_or_default();
        set(
            Attribute::Operation,
            Value::Integer(i64::from(request.operation.number())),
        );
        set(Attribute::Target, Value::Text(request.to.clone()));
        set(Attribute::Originator, Value::Text(originator.clone()));
        set(
            Attribute::RequestId,
            Value::Text(request.request_id.0.clone()),
        );
        set(
            Attribute::MetaInformation,
            Value::Object(meta_information(request)),
        );
        set(Attribute::Labels, Value::texts([originator]));
        set(
            Attribute::RequestStatus,
            Value::Integer(request_status::PENDING),
        );
        if let Some(content) = &request.content {
            set(
                Attribute::PrimitiveContent,
                without_credentials(&content.value),
            );
        }
        let accepted = Value::object([
            (
                Attribute::ResponseStatusCode,
                Value::Integer(i64::from(Status::ACCEPTED.0)),
            ),
            (
                Attribute::RequestIdentifier,
                Value::Text(request.request_id.0.clone()),
            ),
        ]);
        set(Attribute::OperationResult, accepted);
        let now = step.now();
        let usual = expires.plus(self.config.timers.result_life_ms);
        // REG-59
        let keep = request.result_persistence.map_or(usual, |until| {
            let longest = expires.plus(self.config.timers.resource_life_ms);
            until.from(now).clamp(expires, longest)
        });
        self.insert(
            step,
            NewResource {
                resource_type: ResourceType::Request,
                parent,
                id: None,
                name: None,
                creator: requester.key.originator.clone(),
                expires: Some(keep),
                specialization: None,
                attributes,
            },
        )
    }

    /// Acknowledges a request: 1001 or 1002 with the address of its `<request>`.
    pub(crate) fn acknowledge(&mut self, step: &mut Step, requester: &Requester, id: &ResourceId) {
        // REG-34
        let status = match wanted(&requester.request) {
            ResponseMode::NonBlockingAsynch => Status::ACCEPTED_ASYNCH,
            ResponseMode::NonBlockingSynch
            | ResponseMode::Blocking
            | ResponseMode::FlexBlocking
            | ResponseMode::NoResponse => Status::ACCEPTED_SYNCH,
        };
        let content = Content::new(Attribute::Uri, Value::text(id.as_str()));
        self.respond(step, requester, status, Some(content));
    }

    /// Reports the outcome of an acknowledged request: in its `<request>`, and by notification where asked for.
    pub(crate) fn report(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        status: Status,
        content: Option<Content>,
    ) {
        let Some(id) = requester.acknowledged.clone() else {
            return;
        };
        let request = &requester.request;
        let state = if status.is_success() {
            request_status::COMPLETED
        } else {
            request_status::FAILED
        };
        let mut result = Members::new();
        result.insert(
            Attribute::ResponseStatusCode,
            Value::Integer(i64::from(status.0)),
        );
        result.insert(
            Attribute::RequestIdentifier,
            Value::Text(request.request_id.0.clone()),
        );
        if let Some(content) = &content {
            result.insert(Attribute::PrimitiveContent, content.value.clone());
        }
        let now = step.now();
        self.durable.tree.change(&id, |resource| {
            resource.modified = now;
            let rs = Value::Integer(state);
            resource.attributes.insert(Attribute::RequestStatus, rs);
            resource
                .attributes
                .insert(Attribute::OperationResult, Value::Object(result.clone()));
        });
        // USE-47
        if wanted(request) == ResponseMode::NonBlockingAsynch {
            self.notify_result(step, requester, &id, result);
        }
    }

    fn notify_result(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        id: &ResourceId,
        mut result: Members,
    ) {
        let request = &requester.request;
        let notify = request
            .response_type
            .as_ref()
            .and_then(|t| t.notify.clone());
        // REG-36
        let targets = notify.unwrap_or_else(|| request.from.iter().cloned().collect());
        if let Some(version) = &request.release_version {
            result.insert(Attribute::ReleaseVersion, Value::Text(version.clone()));
        }
        if let Some(session) = &request.session {
            result.insert(Attribute::SessionId, Value::Text(session.0.clone()));
        }
        let keep = step.now().plus(self.config.timers.result_life_ms);
        let ends = request
            .session
            .as_ref()
            .and_then(|s| self.session_expiry(s));
        let own = Entity::Cse(self.config.cse_id.clone());
        for target in targets.iter().map(|target| without_query(target)) {
            let Some(peer) = self.notification_peer(target, &own) else {
                continue;
            };
            let content = Content::new(Attribute::ResponsePrimitive, Value::Object(result.clone()));
            let mut notify = self.notify_request(target, content);
            notify.session.clone_from(&request.session);
            let kind = NoticeKind::Result(id.clone());
            self.notice(step, &peer, notify, ends.unwrap_or(keep), kind);
        }
    }

    /// Over whose link a notification to that address goes.
    pub(crate) fn notification_peer(&self, target: &str, requester: &Entity) -> Option<Entity> {
        let address = self.localized(crate::address::Address::parse(target)?);
        if !self.is_own(&address) {
            return self.hop_towards(&address, requester).map(Entity::Cse);
        }
        let stem = address.segments.first()?;
        if self.is_registered_ae(stem) {
            return Some(Entity::Ae(AeId::at(&self.config.cse_id, stem)));
        }
        let found = self.resolve(&address)?;
        let is_ae = self.type_of(&found.resource) == Some(ResourceType::Ae);
        is_ae.then(|| self.local_ae(&found.resource))
    }

    /// DELETE of a `<request>`: recalls what has not left yet.
    pub(crate) fn recall(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        id: &ResourceId,
    ) -> Result<Handled, Refusal> {
        let resource = self
            .durable
            .tree
            .get(id)
            .cloned()
            .ok_or(Refusal::NotFound)?;
        self.may(requester.asker(step.now()), &resource, Right::Delete)?;
        if let Some(row) = self.durable.stored.get(id).cloned() {
            if self.is_on_its_way(&row) {
                return Ok(Handled::Now(Status::UNABLE_TO_RECALL_REQUEST, None));
            }
            self.durable.stored.remove(id);
        }
        let content = self.deleted(requester, step.now(), &resource)?;
        self.remove(step, id);
        Ok(Handled::Now(Status::DELETED, content))
    }
}

/// Whether a `<request>` has no outcome yet.
pub(super) fn is_pending(row: &Resource) -> bool {
    row.integer(&Attribute::RequestStatus) == Some(request_status::PENDING)
}

/// Whom the outcome of a `<request>` goes to, as far as its attributes tell.
pub(super) fn requester_of(row: &Resource) -> Option<Requester> {
    let operation = Operation::from_number(row.integer(&Attribute::Operation)?)?;
    let request_id = RequestId(row.text(&Attribute::RequestId)?.clone());
    let (to, from) = (
        row.text(&Attribute::Target)?,
        row.text(&Attribute::Originator)?,
    );
    let told = row.get(&Attribute::MetaInformation);
    let parameter = |name| told.and_then(|mi| mi.member(name));
    let text = |name| parameter(name).and_then(Value::as_text).cloned();
    let mut request = Request::new(operation, to, from, request_id.clone());
    request.release_version = text(&Attribute::ReleaseVersion);
    request.session = text(&Attribute::SessionId).map(SessionId);
    request.response_type = parameter(&Attribute::ResponseType).and_then(|rt| {
        let mode = rt.member(&Attribute::ResponseTypeValue)?.as_integer()?;
        Some(ResponseType {
            mode: ResponseMode::from_number(mode)?,
            notify: rt
                .member(&Attribute::NotificationUri)
                .and_then(Value::as_texts),
        })
    });
    let key = RequestKey {
        originator: row.creator.clone(),
        request_id,
    };
    Some(Requester {
        peer: Entity::Ae(AeId(row.creator.clone())),
        key,
        acknowledged: Some(row.id.clone()),
        expires: row.expires?,
        request: Shared::new(request),
    })
}

/// The optional parameters of a request, for its `<request>` (TS-0004 clause 6.3.5.4).
pub(crate) fn meta_information(request: &Request) -> Members {
    let mut mi = Members::new();
    let mut set = |name: Attribute, value: Option<Value>| {
        if let Some(value) = value {
            mi.insert(name, value);
        }
    };
    let integer = |n: u32| Value::Integer(i64::from(n));
    set(Attribute::ResourceType, request.resource_type.map(integer));
    set(
        Attribute::ResultContent,
        request.result_content.map(integer),
    );
    set(
        Attribute::RequestExpiration,
        request.request_expiration.map(when),
    );
    set(
        Attribute::ResultExpiration,
        request.result_expiration.map(when),
    );
    set(Attribute::ExecutionTime, request.execution_time.map(when));
    set(
        Attribute::ResultPersistence,
        request.result_persistence.map(when),
    );
    set(
        Attribute::EventCategory,
        request.event_category.map(integer),
    );
    set(
        Attribute::GroupRequestId,
        request.group_request.clone().map(Value::Text),
    );
    set(
        Attribute::SessionId,
        request.session.clone().map(|s| Value::Text(s.0)),
    );
    set(
        Attribute::ReleaseVersion,
        request.release_version.clone().map(Value::Text),
    );
    if let Some(wanted) = &request.response_type {
        let mut members = Members::new();
        let mode = Value::Integer(i64::from(wanted.mode.number()));
        members.insert(Attribute::ResponseTypeValue, mode);
        if let Some(targets) = &wanted.notify {
            members.insert(Attribute::NotificationUri, Value::texts(targets.iter()));
        }
        set(Attribute::ResponseType, Some(Value::Object(members)));
    }
    mi
}

fn when(moment: When) -> Value {
    match moment {
        When::At(at) => Value::Time(at),
        When::After(ms) => Value::Integer(i64::try_from(ms).unwrap_or(i64::MAX)),
    }
}

/// Content as it may be read: a key has no place in a resource (EST-44).
fn without_credentials(value: &Value) -> Value {
    match value {
        // EST-44
        Value::Object(members) => Value::object(
            members
                .iter()
                .filter(|(name, _)| **name != Attribute::Credentials)
                .map(|(name, value)| (name.clone(), without_credentials(value))),
        ),
        Value::List(list) => Value::List(list.iter().map(without_credentials).collect()),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Sealed(_)
        | Value::Secret(_) => value.clone(),
    }
}

/// The mode in which a stored request is answered: flexible originators with somewhere to notify are notified.
fn wanted(request: &Request) -> ResponseMode {
    match request.response_mode() {
        // USE-46
        ResponseMode::FlexBlocking => {
            let named = request
                .response_type
                .as_ref()
                .is_some_and(|t| t.notify.is_some());
            if named {
                ResponseMode::NonBlockingAsynch
            } else {
                ResponseMode::NonBlockingSynch
            }
        }
        mode @ (ResponseMode::NonBlockingSynch
        | ResponseMode::NonBlockingAsynch
        | ResponseMode::Blocking
        | ResponseMode::NoResponse) => mode,
    }
}
