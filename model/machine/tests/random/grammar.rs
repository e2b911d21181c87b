//! What a hostile peer can say: every operation on every address that means something, with content that fits, nearly
//! fits, or does not.

use crate::common::DAY;
use crate::common::message::{Draft, credentials, paths, schedule, sealed};
use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{KeyId, SessionId};
use m2m_machine::primitive::{
    Content, Operation, Request, Response, ResponseMode, ResponseType, When,
};
use m2m_machine::record::Record;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use proptest::prelude::*;

/// A choice of everything that a request consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoken {
    pub(crate) template: u8,
    pub(crate) to: u8,
    pub(crate) from: u8,
    pub(crate) id: u8,
    pub(crate) content: u8,
    pub(crate) session: u8,
    pub(crate) mode: u8,
    pub(crate) expiry: u8,
}

pub(crate) fn spoken() -> impl Strategy<Value = Spoken> {
    let head = (any::<u8>(), any::<u8>(), any::<u8>(), 0..12_u8);
    let tail = (any::<u8>(), any::<u8>(), 0..8_u8, 0..20_u8);
    (head, tail).prop_map(
        |((template, to, from, id), (content, session, mode, expiry))| Spoken {
            template,
            to,
            from,
            id,
            content,
            session,
            mode,
            expiry,
        },
    )
}

/// What can be named: addresses and session identifiers that a CSE knows, and some that it does not.
pub(crate) struct Names {
    to: Vec<String>,
    sessions: Vec<SessionId>,
    keys: Vec<KeyId>,
}

const ADDRESSES: [&str; 26] = [
    "cse1",
    "cse2",
    "/cse1/cse1",
    "/cse2",
    "/cse2/-",
    "/cse3/cse3",
    "cse1/ae1",
    "cse2/ae2",
    "/cse1/Cae1",
    "/cse2/Cae2",
    "Cae1",
    "cse1/ae1/sessions",
    "/cse1/Cae1/sessions",
    "/cse2/Cae2/sessions",
    "/cse3/Cae2/sessions",
    "cse2/ae2/sessions",
    "/cse2/cse2/ae2/container1",
    "cse2/ae2/container1/la",
    "/cse1/cse1/ae2/container1",
    "/cse1/cse1/ae1/inbox",
    "/cse1/cse1/ae1/sessions/s1",
    "cse1/ae1/sessions/s1/sessionPolicies",
    "cse1/ae1/sessions/s1/context",
    "cse1/sessions",
    "a//b",
    "",
];

const DATA: [&str; 5] = [
    "/cse2/cse2/ae2/container1",
    "/cse1/cse1/ae2/container1",
    "/cse3/cse3/ae2/container1",
    "/cse2/cse2/ae2/private",
    "/cse1/cse1/ae1/inbox",
];

const ORIGINATORS: [&str; 10] = [
    "Cae1",
    "Cae2",
    "Cae3",
    "/cse1",
    "/cse2",
    "/cse3",
    "/cse1/Cae1",
    "/cse2/Cae2",
    "C",
    "",
];

impl Names {
    pub(crate) fn of(records: impl Iterator<Item = Record>) -> Self {
        let mut names = Self {
            to: ADDRESSES.map(str::to_owned).into(),
            sessions: Vec::new(),
            keys: Vec::new(),
        };
        for record in records {
            match record {
                Record::Session(s) => {
                    names.to.push(s.resource.to_string());
                    names.to.push(format!("/cse1/{}", s.resource));
                    names.to.push(format!("/cse2/{}/night", s.resource));
                    names.to.push(format!("{}/context", s.resource));
                    names.sessions.push(s.id.clone());
                    names.keys.push(s.credentials.key_id.clone());
                }
                Record::Attempt(a) => names.sessions.push(a.id.clone()),
                Record::Tombstone(t) => names.sessions.push(t.id.clone()),
                Record::Stored(s) => names.to.push(s.id.to_string()),
                Record::Resource(r) if r.resource_type == ResourceType::RemoteCse => {
                    names.to.push(r.id.to_string());
                }
                Record::Resource(r) if r.resource_type == ResourceType::SessionPolicy => {
                    names.to.push(r.id.to_string());
                }
                Record::Counter(_)
                | Record::Neighbour(_)
                | Record::Resource(_)
                | Record::Change(_)
                | Record::Notice(_)
                | Record::Outcome(_) => {}
            }
        }
        names.sessions.push("/cse1/AAAAAAAAAAAAAAAAAAAAAA".into());
        names.keys.push("AAAAAAAAAAAAAAAAAAAAAA".into());
        names
    }

    fn address(&self, number: u8) -> &str {
        // The later ones are the interesting ones.
        let at = self.to.len() - 1 - usize::from(number) % self.to.len();
        &self.to[at]
    }

    fn session(&self, number: u8) -> SessionId {
        // The first is one that the sequence started with, if it did.
        let at = match number {
            0..150 => 0,
            other => usize::from(other) % self.sessions.len(),
        };
        self.sessions[at].clone()
    }

    fn key(&self, number: u8) -> KeyId {
        let at = match number {
            0..150 => 0,
            other => usize::from(other) % self.keys.len(),
        };
        self.keys[at].clone()
    }
}

/// The request that the choice means to a CSE that knows these names.
///
/// Mostly it comes from `origin`, who is expected there.
pub(crate) fn request(spoken: Spoken, origin: &str, names: &Names, now: Timestamp) -> Request {
    let from = match spoken.from {
        0..235 => origin,
        other => ORIGINATORS[usize::from(other) % ORIGINATORS.len()],
    };
    let id = format!("r{}", spoken.id);
    let session = names.session(spoken.session);
    let to = names.address(spoken.to);
    let mut request = match spoken.template % 16 {
        0 => initiation(from, &id, now).0,
        1 | 2 => hop_initiation(from, &id, &session, now, spoken.content).0,
        3 | 14 => {
            let to = DATA[usize::from(spoken.to) % DATA.len()];
            let from = if spoken.content < 60 && from.starts_with("/cse") {
                "/cse1/Cae1"
            } else {
                from
            };
            sealed_data(to, from, &id, &session, &names.key(spoken.session)).0
        }
        4 => Draft::delete(to, from, &id).0,
        5 => compensation(from, &id, &session).0,
        6 => {
            Draft::retrieve(to, from, &id)
                .showing(u32::from(spoken.content % 10))
                .0
        }
        7 => policy(to, from, &id, spoken.content).0,
        8 => confirmation(to, from, &id, spoken.content, now).0,
        9 => registration(from, &id).0,
        10 => subscription(to, from, &id, spoken.content).0,
        11 => remote(from, &id).0,
        12 => Draft::notify(to, from, &id).0,
        13 => Draft::delete(to, from, &id).within(&session).0,
        _ => anything(spoken, to, from, &id),
    };
    if spoken.template.is_multiple_of(5) {
        request.session = Some(session);
    }
    vary(&mut request, spoken, now);
    request
}

fn vary(request: &mut Request, spoken: Spoken, now: Timestamp) {
    request.response_type = match spoken.mode {
        1 => Some(ResponseMode::NonBlockingSynch),
        2 => Some(ResponseMode::NonBlockingAsynch),
        3 => Some(ResponseMode::FlexBlocking),
        4 => Some(ResponseMode::NoResponse),
        _ => None,
    }
    .map(|mode| ResponseType { mode, notify: None });
    request.request_expiration = match spoken.expiry {
        1 => Some(When::At(now)),
        2 => Some(When::At(now.plus(500))),
        3 => Some(When::After(3_000)),
        4 => Some(When::At(now.plus(20_000))),
        5 => Some(When::At(now.plus(2 * DAY))),
        _ => request.request_expiration,
    };
}

fn anything(spoken: Spoken, to: &str, from: &str, id: &str) -> Request {
    let operation = Operation::from_number(i64::from(spoken.content % 5) + 1);
    let mut request = Draft::new(operation.expect("1 to 5"), to, from, id).0;
    let types = ResourceType::ALL;
    let chosen = types[usize::from(spoken.content) % types.len()];
    if spoken.session.is_multiple_of(2) {
        request.resource_type = Some(chosen.number());
    }
    if !spoken.session.is_multiple_of(3) {
        let members = Members::from([(Attribute::Labels, Value::texts(["x"]))]);
        request.content = Some(Content::resource(chosen, members));
    }
    request
}

fn endpoints(id: &str, offered: &[&str], with_kind: bool) -> (Attribute, Value) {
    let mut members = Members::from([paths(offered)]);
    if with_kind {
        members.insert(Attribute::EndpointId, Value::text(id));
        members.insert(Attribute::EndpointType, Value::Integer(1));
    }
    let name = Attribute::Resource(ResourceType::SessionEndpoint);
    (name, Value::List(vec![Value::Object(members)]))
}

fn initiation(from: &str, id: &str, now: Timestamp) -> Draft {
    let (name, value) = endpoints("", &["/cse1/cse1/ae1/inbox"], false);
    let to = match from {
        "Cae2" => "Cae2/sessions",
        "Cae3" => "Cae3/sessions",
        _ => "cse1/ae1/sessions",
    };
    let target = if id.ends_with(['1', '2']) {
        "/cse1/Cae2"
    } else {
        "/cse2/Cae2"
    };
    Draft::create(to, from, id, ResourceType::Session)
        .with(Attribute::SessionTargets, Value::texts([target]))
        .with(Attribute::ExpirationTime, Value::Time(now.plus(DAY)))
        .with(name, value)
}

fn hop_initiation(from: &str, id: &str, sid: &SessionId, now: Timestamp, kind: u8) -> Draft {
    let (initiator, target) = match kind {
        0..130 => ("/cse1/Cae1", "/cse2/Cae2"),
        130..170 => ("/cse1/Cae1", "/cse3/Cae2"),
        170..190 => ("/cse3/Cae9", "/cse1/Cae2"),
        190..210 => ("/cse2/Cae3", "/cse2/Cae2"),
        _ => ("/cse1/Cae9", "/cse1/Cae1"),
    };
    let claimed = if kind > 240 { "/cse1/Cae7" } else { initiator };
    let (name, value) = endpoints(claimed, &[], true);
    let new = SessionId::from(format!("{}/n{}", &initiator[..5], kind % 5).as_str());
    let sid = if kind.is_multiple_of(7) { sid } else { &new };
    Draft::create(
        &format!("{target}/sessions"),
        from,
        id,
        ResourceType::Session,
    )
    .with(Attribute::SessionId, Value::text(sid.as_str()))
    .with(Attribute::SessionOriginator, Value::text(initiator))
    .with(Attribute::SessionTargets, Value::texts([target]))
    .with(Attribute::ExpirationTime, Value::Time(now.plus(DAY)))
    .with(Attribute::EndToEnd, Value::Bool(false))
    .with(Attribute::AllEndpointsRequired, Value::Bool(true))
    .with(Attribute::RemoteSession, Value::text("/cse1/ses9"))
    .with(Attribute::Visited, Value::texts(["/cse1"]))
    .with(Attribute::Credentials, credentials("some-key"))
    .with(name, value)
}

fn sealed_data(to: &str, from: &str, id: &str, session: &SessionId, key: &KeyId) -> Draft {
    let ticket = crate::common::message::Ticket {
        id: session.clone(),
        key: key.clone(),
        resource: String::new(),
    };
    Draft::create(to, from, id, ResourceType::ContentInstance)
        .with(Attribute::ContentInfo, Value::text("application/jose:0"))
        .with(Attribute::Content, sealed(to, from, id, &ticket))
        .within(session)
}

fn compensation(from: &str, id: &str, session: &SessionId) -> Draft {
    let mut draft = Draft::delete("/cse2/Cae2/sessions", from, id).within(session);
    draft.0.reason = Some(6);
    draft
}

fn policy(to: &str, from: &str, id: &str, kind: u8) -> Draft {
    let name = ["night", "day", "context", "ep0"][usize::from(kind) % 4];
    let draft = crate::common::message::policy(to, from, id, 1 + i64::from(kind % 2), 1)
        .with(Attribute::ResourceName, Value::text(name))
        .with(Attribute::PolicyOrder, Value::Integer(i64::from(kind % 3)));
    match kind % 2 {
        1 => draft.with(Attribute::ScheduleElement, schedule(&["* * 2-3 * * * *"])),
        _ => draft,
    }
}

fn confirmation(to: &str, from: &str, id: &str, kind: u8, now: Timestamp) -> Draft {
    let draft = Draft::update(to, from, id, ResourceType::Session);
    match kind % 3 {
        0 => draft.with(Attribute::ExpirationTime, Value::Time(now.plus(30_000))),
        _ => draft.with(Attribute::Lifecycle, Value::Integer(2)),
    }
}

fn registration(from: &str, id: &str) -> Draft {
    Draft::create("cse1", from, id, ResourceType::Ae)
        .with(Attribute::AppId, Value::text("Nx"))
        .with(Attribute::RequestReachability, Value::Bool(true))
        .with(Attribute::SupportedReleaseVersions, Value::texts(["3"]))
        .with(Attribute::SessionCapable, Value::Bool(true))
}

fn remote(from: &str, id: &str) -> Draft {
    Draft::create("-", from, id, ResourceType::RemoteCse)
        .with(Attribute::CseId, Value::text(from))
        .with(Attribute::CseBase, Value::text(&format!("{from}/x")))
        .with(Attribute::CseType, Value::Integer(2))
        .with(Attribute::RequestReachability, Value::Bool(true))
        .with(Attribute::SupportedReleaseVersions, Value::texts(["3"]))
}

fn subscription(to: &str, from: &str, id: &str, kind: u8) -> Draft {
    let events = [50001, 50002, 50003, 1, 3][usize::from(kind) % 5];
    let criteria = Value::object([(
        Attribute::NotificationEventType,
        Value::List(vec![Value::Integer(events)]),
    )]);
    Draft::create(to, from, id, ResourceType::Subscription)
        .with(Attribute::NotificationUri, Value::texts([from]))
        .with(Attribute::EventNotificationCriteria, criteria)
}

/// An answer of some kind to a request of the CSE.
pub(crate) fn answer(asked: &Request, kind: u8, now: Timestamp) -> Response {
    let statuses = [2000, 2001, 2002, 2004, 4004, 4105, 4127, 5107, 1002];
    let status = Status(statuses[usize::from(kind) % statuses.len()]);
    let mut response = crate::common::message::reply(asked, status);
    let offered = ["/cse2/cse2/ae2/container1", "/cse9/x"][usize::from(kind > 240)];
    response.content = match kind % 7 {
        0 | 1 => Some(Content::resource(
            ResourceType::SessionEndpoint,
            Members::from([paths(&[offered])]),
        )),
        2 => Some(Content::resource(
            ResourceType::CseBase,
            Members::from([
                (Attribute::CseId, Value::text("/cse2")),
                (
                    Attribute::SupportedResourceTypes,
                    Value::List(vec![Value::Integer(50002)]),
                ),
            ]),
        )),
        3..=5 => Some(made_session(kind, now)),
        _ => None,
    };
    response
}

fn made_session(kind: u8, now: Timestamp) -> Content {
    let endpoint = |id: &str| {
        Value::object([
            (Attribute::EndpointId, Value::text(id)),
            (Attribute::EndpointType, Value::Integer(1)),
            paths(&[]),
        ])
    };
    let second = if kind > 200 {
        "/cse2/Cae9"
    } else {
        "/cse2/Cae2"
    };
    let expires = if kind > 220 {
        now.minus(1)
    } else {
        now.plus(DAY)
    };
    let list = Value::List(vec![endpoint("/cse1/Cae1"), endpoint(second)]);
    let members = Members::from([
        (Attribute::ResourceId, Value::text("ses7")),
        (Attribute::ExpirationTime, Value::Time(expires)),
        (Attribute::Resource(ResourceType::SessionEndpoint), list),
    ]);
    Content::resource(ResourceType::Session, members)
}
