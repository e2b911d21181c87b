//! Builders for primitives, with the names of the wire contract.

use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::Output;
use m2m_machine::id::{KeyId, LinkId, RequestId, Secret, SessionId};
use m2m_machine::primitive::{
    Content, Operation, Primitive, Request, Response, ResponseMode, ResponseType, When,
};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, SealBody, SealHeader, Sealed, Value};

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Draft(pub(crate) Request);

impl Draft {
    pub(crate) fn new(operation: Operation, to: &str, from: &str, id: &str) -> Self {
        Self(Request::new(operation, to, from, RequestId::from(id)))
    }

    pub(crate) fn create(to: &str, from: &str, id: &str, new: ResourceType) -> Self {
        let mut draft = Self::new(Operation::Create, to, from, id);
        draft.0.resource_type = Some(new.number());
        draft.0.content = Some(Content::resource(new, Members::new()));
        draft
    }

    pub(crate) fn retrieve(to: &str, from: &str, id: &str) -> Self {
        Self::new(Operation::Retrieve, to, from, id)
    }

    pub(crate) fn update(to: &str, from: &str, id: &str, of: ResourceType) -> Self {
        let mut draft = Self::new(Operation::Update, to, from, id);
        draft.0.content = Some(Content::resource(of, Members::new()));
        draft
    }

    pub(crate) fn delete(to: &str, from: &str, id: &str) -> Self {
        Self::new(Operation::Delete, to, from, id)
    }

    pub(crate) fn notify(to: &str, from: &str, id: &str) -> Self {
        let mut draft = Self::new(Operation::Notify, to, from, id);
        draft.0.content = Some(Content::new(Attribute::Notification, Value::object([])));
        draft
    }

    /// Adds a member to the resource in the content.
    pub(crate) fn with(mut self, name: Attribute, value: Value) -> Self {
        let content = self.0.content.as_mut().expect("content");
        let Value::Object(whole) = &mut content.value else {
            panic!("an object")
        };
        let inner = whole.values_mut().next().expect("one member");
        let Value::Object(members) = inner else {
            panic!("a resource")
        };
        members.insert(name, value);
        content.size = u32::try_from(super::show::value(&content.value).len()).expect("short");
        self
    }

    pub(crate) fn by(mut self, expires: Timestamp) -> Self {
        self.0.request_expiration = Some(When::At(expires));
        self
    }

    pub(crate) fn within(mut self, session: &SessionId) -> Self {
        self.0.session = Some(session.clone());
        self
    }

    pub(crate) fn showing(mut self, result_content: u32) -> Self {
        self.0.result_content = Some(result_content);
        self
    }

    pub(crate) fn answered(mut self, mode: ResponseMode) -> Self {
        self.0.response_type = Some(ResponseType { mode, notify: None });
        self
    }

    /// Wants its result as a notification (`rt` 2).
    pub(crate) fn notified(self) -> Self {
        self.answered(ResponseMode::NonBlockingAsynch)
    }
}

/// A session as it can be used: its identifier, its key identifier and who asked for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) id: SessionId,
    pub(crate) key: KeyId,
    pub(crate) resource: String,
}

/// What the answer to a CREATE of a session says (F1-17).
pub(crate) fn ticket(created: &Response) -> Ticket {
    let members = session_of(created).expect("a session");
    let text = |name: &Attribute| {
        members
            .get(name)
            .and_then(Value::as_text)
            .expect("text")
            .clone()
    };
    Ticket {
        id: SessionId(text(&Attribute::SessionId)),
        key: KeyId(text(&Attribute::KeyId)),
        resource: text(&Attribute::ResourceId).to_string(),
    }
}

/// The representation of a session in a response.
pub(crate) fn session_of(response: &Response) -> Option<&Members> {
    response.content.as_ref()?.members_of(ResourceType::Session)
}

/// A member of the single resource in a response.
pub(crate) fn member(response: &Response, name: &Attribute) -> Option<Value> {
    let (_, resource) = response.content.as_ref()?.single()?;
    resource.member(name).cloned()
}

/// The address that a response gives (`m2m:uri`).
pub(crate) fn uri(response: &Response) -> Option<String> {
    let content = response.content.as_ref()?;
    let uri = content.value.member(&Attribute::Uri)?.as_text()?;
    Some(uri.to_string())
}

pub(crate) fn paths(paths: &[&str]) -> (Attribute, Value) {
    (Attribute::EndpointPaths, Value::texts(paths))
}

pub(crate) fn one_endpoint(paths_offered: &[&str]) -> Value {
    Value::List(vec![Value::object([paths(paths_offered)])])
}

/// An establishment request of an AE (F1-07).
pub(crate) fn establish(to: &str, from: &str, id: &str, target: &str) -> Draft {
    let endpoints = Attribute::Resource(ResourceType::SessionEndpoint);
    Draft::create(to, from, id, ResourceType::Session)
        .with(Attribute::SessionTargets, Value::texts([target]))
        .with(endpoints, one_endpoint(&[]))
}

/// A policy with its mandatory members.
pub(crate) fn policy(to: &str, from: &str, id: &str, kind: i64, scope: i64) -> Draft {
    Draft::create(to, from, id, ResourceType::SessionPolicy)
        .with(Attribute::PolicyType, Value::Integer(kind))
        .with(Attribute::PolicyScope, Value::Integer(scope))
}

/// `se` with these entries.
pub(crate) fn schedule(entries: &[&str]) -> Value {
    Value::object([(Attribute::ScheduleEntries, Value::texts(entries))])
}

/// A CREATE of a sealed contentInstance (F2-01).
pub(crate) fn sealed_instance(to: &str, from: &str, id: &str, ticket: &Ticket) -> Draft {
    Draft::create(to, from, id, ResourceType::ContentInstance)
        .with(Attribute::ContentInfo, Value::text("application/jose:0"))
        .with(Attribute::Content, sealed(to, from, id, ticket))
        .within(&ticket.id)
}

/// A sealed value with the header that its place demands.
pub(crate) fn sealed(to: &str, from: &str, id: &str, ticket: &Ticket) -> Value {
    let header = SealHeader {
        key_id: ticket.key.clone(),
        session: ticket.id.clone(),
        sequence: 1,
        direction: 1,
        operation: 1,
        to: to.into(),
        attribute: "con".into(),
        from: from.into(),
        request_id: id.into(),
    };
    let body = SealBody::Compact(format!("header..iv.{id}.tag").into());
    Value::Sealed(Shared::new(Sealed { header, body }))
}

/// A response to that request, as an AE end gives it.
pub(crate) fn reply(to: &Request, status: Status) -> Response {
    let mut response = Response::new(status, to.request_id.clone());
    response.session.clone_from(&to.session);
    response
}

/// A yes with these paths (F1-13).
pub(crate) fn yes(question: &Request, offered: &[&str]) -> Response {
    let mut response = reply(question, Status::OK);
    let members = Members::from([paths(offered)]);
    response.content = Some(Content::resource(ResourceType::SessionEndpoint, members));
    response
}

/// The request in a primitive.
pub(crate) fn request(primitive: Primitive) -> Request {
    match primitive {
        Primitive::Request(request) => Request::clone(&request),
        Primitive::Response(response) => panic!("a request, not {response:?}"),
    }
}

/// The requests among the outputs of a step, and the links that they go over.
pub(crate) fn requests_in(outputs: &[Output]) -> impl Iterator<Item = (LinkId, &Shared<Request>)> {
    outputs.iter().filter_map(|output| match output {
        Output::Send { link, primitive } => match primitive {
            Primitive::Request(request) => Some((*link, request)),
            Primitive::Response(_) => None,
        },
        Output::Persist(_)
        | Output::CloseLink { .. }
        | Output::Dial
        | Output::DialRegistree { .. }
        | Output::Report(_)
        | Output::Stopped => None,
    })
}

/// The response in a primitive.
pub(crate) fn response(primitive: Primitive) -> Response {
    match primitive {
        Primitive::Response(response) => Response::clone(&response),
        Primitive::Request(request) => panic!("a response, not {request:?}"),
    }
}

/// The event type and the representation of a notification (`m2m:sgn`).
pub(crate) fn event(notification: &Request) -> Option<(i64, Value)> {
    let (_, body) = notification.content.as_ref()?.single()?;
    let event = body.member(&Attribute::NotificationEvent)?;
    let kind = event.member(&Attribute::NotificationEventType)?;
    let shown = event.member(&Attribute::Representation)?;
    Some((kind.as_integer()?, shown.clone()))
}

/// Why a session ends, if that is what a notification tells (`rsn`).
pub(crate) fn reason(notification: &Request) -> Option<i64> {
    let (kind, shown) = event(notification)?;
    let session = shown.member(&Attribute::Resource(ResourceType::Session))?;
    let reason = session.member(&Attribute::Reason)?.as_integer()?;
    (kind == 50003).then_some(reason)
}

/// The JSON Web Key of a hop-trusted session.
pub(crate) fn credentials(key_id: &str) -> Value {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    Value::object([
        (Attribute::KeyId, Value::text(key_id)),
        (Attribute::KeyAlgorithm, Value::text("A256GCM")),
        (Attribute::KeyType, Value::text("oct")),
        (Attribute::KeyValue, Value::Secret(Secret(key.into()))),
    ])
}
