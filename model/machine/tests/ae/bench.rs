//! An AE on a bench: inputs go in, outputs come out, invariants are checked after every step.

use m2m_machine::ae::command::{Application, Ask, Command, Event, Proposal, Verdict};
use m2m_machine::ae::{Config, Identity, Input, Limits, Output, Timers};
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{AeId, LinkId, RequestId, Secret, SessionId};
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use m2m_machine::{Ae, Env, Fresh, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp(1_803_895_200_000);
pub(crate) const LINK: LinkId = LinkId(1);
pub(crate) const SESSION: &str = "/cse1/234ADVxk0Zb7NcR5tUeHpQ";
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

pub(crate) struct Bench {
    pub(crate) ae: Ae,
    pub(crate) now: Timestamp,
    pub(crate) tag: u64,
}

impl Bench {
    /// AE1 at CSE1, not registered, without link.
    pub(crate) fn new() -> Self {
        Self::of("/cse1", None)
    }

    /// AE1, registered, its link open.
    pub(crate) fn initiator() -> Self {
        Self::connected("/cse1", "ae1")
    }

    /// AE2, registered, its link open.
    pub(crate) fn target() -> Self {
        Self::connected("/cse2", "ae2")
    }

    fn connected(cse: &str, name: &str) -> Self {
        let id = AeId::from(format!("{cse}/C{name}").as_str());
        let mut bench = Self::of(
            cse,
            Some(Identity {
                id,
                name: name.into(),
            }),
        );
        bench.ask(Ask::Connect);
        bench.give(Input::LinkOpened { link: LINK });
        bench
    }

    fn of(cse: &str, registered: Option<Identity>) -> Self {
        let config = Config {
            registrar: cse.into(),
            base: cse.trim_start_matches('/').into(),
            registered,
            request_prefix: "q".into(),
            timers: Timers::default(),
            limits: Limits {
                requests: 8,
                sessions: 4,
                outcomes: 8,
                sealed_values: 4,
                malformed_in_a_row: 2,
            },
        };
        Self {
            ae: Ae::new(config),
            now: NOW,
            tag: 0,
        }
    }

    pub(crate) fn give(&mut self, input: Input) -> Vec<Output> {
        let env = Env {
            now: self.now,
            fresh: Fresh::predictable(1),
        };
        let outputs = self.ae.step(env, input);
        assert_eq!(self.ae.violation(), None, "after {outputs:?}");
        outputs
    }

    pub(crate) fn ask(&mut self, ask: Ask) -> Vec<Output> {
        self.tag += 1;
        let tag = self.tag;
        self.give(Input::Asked(Command { tag, ask }))
    }

    pub(crate) fn receive(&mut self, primitive: Primitive) -> Vec<Output> {
        self.give(Input::Received {
            link: LINK,
            primitive,
        })
    }

    pub(crate) fn request(&mut self, request: Request) -> Vec<Output> {
        self.receive(Primitive::Request(Shared::new(request)))
    }

    pub(crate) fn answer(
        &mut self,
        id: &str,
        status: Status,
        content: Option<Content>,
    ) -> Vec<Output> {
        self.receive(response(id, status, content))
    }

    /// Lets the earliest deadline pass.
    pub(crate) fn wait(&mut self) -> Vec<Output> {
        let (at, timer) = self.ae.next_deadline().expect("something is due");
        self.now = self.now.max(at);
        self.give(Input::Elapsed(timer))
    }

    /// Makes AE1 the initiator of [`SESSION`].
    pub(crate) fn established() -> Self {
        let mut bench = Self::initiator();
        let out = bench.ask(Ask::Establish(Shared::new(proposal())));
        let id = sent_request(&out).request_id.clone();
        bench.answer(id.as_str(), Status::CREATED, Some(created()));
        assert!(bench.ae.session(&SESSION.into()).is_some());
        bench
    }

    /// Makes AE2 the target of [`SESSION`].
    pub(crate) fn consented() -> Self {
        let mut bench = Self::target();
        bench.request(question("n2-0001"));
        bench.ask(yes());
        assert!(bench.ae.session(&SESSION.into()).is_some());
        bench
    }
}

pub(crate) fn application() -> Ask {
    Ask::Register(Shared::new(Application {
        name: Some("ae1".into()),
        app_id: "Norg.example.ae1".into(),
        stem: None,
        session_capable: true,
    }))
}

pub(crate) fn proposal() -> Proposal {
    Proposal {
        target: "/cse2/Cae2".into(),
        name: Some("s1".into()),
        paths: vec!["cse1/ae1/inbox".into()],
        expires: Some(NOW.plus(604_800_000)),
        descriptors: Vec::new(),
        policies: Vec::new(),
        end_to_end: None,
        answer_by: Some(When::After(30_000)),
    }
}

pub(crate) fn yes() -> Ask {
    let paths = vec!["cse2/ae2/container1".into()];
    Ask::Decide {
        session: SESSION.into(),
        verdict: Verdict::Accept {
            paths,
            end_to_end: None,
        },
    }
}

pub(crate) fn no() -> Ask {
    Ask::Decide {
        session: SESSION.into(),
        verdict: Verdict::Refuse,
    }
}

pub(crate) fn response(id: &str, status: Status, content: Option<Content>) -> Primitive {
    let mut response = Response::new(status, RequestId::from(id));
    response.content = content;
    Primitive::Response(Shared::new(response))
}

pub(crate) fn registered() -> Content {
    let members = [
        (Attribute::ResourceName, Value::text("ae1")),
        (Attribute::ResourceId, Value::text("Cae1")),
        (Attribute::AeId, Value::text("Cae1")),
    ];
    Content::resource(ResourceType::Ae, members.into())
}

fn credentials() -> Value {
    Value::object([
        (Attribute::KeyId, Value::text("kid1")),
        (Attribute::KeyAlgorithm, Value::text("A256GCM")),
        (Attribute::KeyType, Value::text("oct")),
        (Attribute::KeyValue, Value::Secret(Secret(KEY.into()))),
    ])
}

fn endpoint(id: &str, paths: &[&str]) -> Value {
    Value::object([
        (Attribute::EndpointId, Value::text(id)),
        (Attribute::EndpointType, Value::Integer(1)),
        (Attribute::EndpointPaths, Value::texts(paths)),
    ])
}

fn session(endpoints: Vec<Value>) -> Members {
    Members::from([
        (Attribute::SessionId, Value::text(SESSION)),
        (Attribute::SessionOriginator, Value::text("/cse1/Cae1")),
        (Attribute::SessionTargets, Value::texts(["/cse2/Cae2"])),
        (
            Attribute::ExpirationTime,
            Value::Time(NOW.plus(500_000_000)),
        ),
        (Attribute::EndToEnd, Value::Bool(false)),
        (Attribute::AllEndpointsRequired, Value::Bool(true)),
        (Attribute::Credentials, credentials()),
        (
            Attribute::Resource(ResourceType::SessionEndpoint),
            Value::List(endpoints),
        ),
    ])
}

/// The content of F1-17.
pub(crate) fn created() -> Content {
    let mut members = session(vec![
        endpoint("/cse1/Cae1", &["/cse1/cse1/ae1/inbox"]),
        endpoint("/cse2/Cae2", &["/cse2/cse2/ae2/container1"]),
    ]);
    members.insert(Attribute::ResourceName, Value::text("s1"));
    members.insert(Attribute::ResourceId, Value::text("ses1"));
    Content::resource(ResourceType::Session, members)
}

/// F1-12.
pub(crate) fn question(id: &str) -> Request {
    let mut members = session(vec![endpoint("/cse1/Cae1", &["/cse1/cse1/ae1/inbox"])]);
    members.insert(Attribute::ResourceId, Value::text("ses2"));
    let rep = [(
        Attribute::Resource(ResourceType::Session),
        Value::Object(members),
    )];
    let mut request = notify("/cse2", "Cae2", id, 50001, rep.into());
    request.request_expiration = Some(When::At(NOW.plus(28_000)));
    request
}

/// F2-18.
pub(crate) fn update(id: &str) -> Request {
    let at = Value::text("/cse2/cse2/ae2/container1/cin-0001");
    notify("/cse2", "Cae2", id, 50002, [(Attribute::Uri, at)].into())
}

/// F3-04, to the endpoint `to` of the CSE `cse`.
pub(crate) fn termination(cse: &str, to: &str, id: &str) -> Request {
    let members = [
        (Attribute::ResourceId, Value::text("ses2")),
        (Attribute::SessionId, Value::text(SESSION)),
        (Attribute::Lifecycle, Value::Integer(3)),
        (Attribute::Reason, Value::Integer(1)),
    ];
    let session = Value::object(members);
    let rep = [(Attribute::Resource(ResourceType::Session), session)];
    notify(cse, to, id, 50003, rep.into())
}

fn notify(cse: &str, to: &str, id: &str, event_type: i64, rep: Members) -> Request {
    let monitor = Value::object([
        (Attribute::Operation, Value::Integer(1)),
        (Attribute::Originator, Value::text("/cse1/Cae1")),
    ]);
    let event = Value::object([
        (Attribute::NotificationEventType, Value::Integer(event_type)),
        (Attribute::OperationMonitor, monitor),
        (Attribute::Representation, Value::Object(rep)),
    ]);
    let body = Value::object([
        (Attribute::SubscriptionReference, Value::text("/cse2/sub2")),
        (Attribute::NotificationEvent, event),
    ]);
    let mut request = Request::new(Operation::Notify, to, cse, RequestId::from(id));
    request.session = Some(SessionId::from(SESSION));
    request.content = Some(Content::new(Attribute::Notification, body));
    request
}

/// CREATE of a contentInstance in container1.
pub(crate) fn data(text: &str) -> Request {
    let mut request = Request::new(
        Operation::Create,
        "/cse2/cse2/ae2/container1",
        "",
        RequestId::from(""),
    );
    request.resource_type = Some(4);
    let members = [(Attribute::Content, Value::text(text))];
    request.content = Some(Content::resource(
        ResourceType::ContentInstance,
        members.into(),
    ));
    request.session = Some(SESSION.into());
    request
}

pub(crate) fn wanted(request: Request) -> Ask {
    Ask::Request {
        request: Shared::new(request),
        protect: true,
    }
}

/// The only request among the outputs.
pub(crate) fn sent_request(outputs: &[Output]) -> Shared<Request> {
    let mut requests = outputs.iter().filter_map(|output| match output {
        Output::Send {
            primitive: Primitive::Request(request),
            ..
        } => Some(request.clone()),
        Output::Send {
            primitive: Primitive::Response(_),
            ..
        }
        | Output::CloseLink { .. }
        | Output::Dial
        | Output::Report(_) => None,
    });
    let first = requests
        .next()
        .unwrap_or_else(|| panic!("no request in {outputs:?}"));
    assert!(
        requests.next().is_none(),
        "more than one request in {outputs:?}"
    );
    first
}

/// The responses among the outputs.
pub(crate) fn sent_responses(outputs: &[Output]) -> Vec<Shared<Response>> {
    let responses = outputs.iter().filter_map(|output| match output {
        Output::Send {
            primitive: Primitive::Response(response),
            ..
        } => Some(response.clone()),
        Output::Send {
            primitive: Primitive::Request(_),
            ..
        }
        | Output::CloseLink { .. }
        | Output::Dial
        | Output::Report(_) => None,
    });
    responses.collect()
}

/// What is reported among the outputs.
pub(crate) fn events(outputs: &[Output]) -> Vec<Event> {
    let events = outputs.iter().filter_map(|output| match output {
        Output::Report(event) => Some(event.clone()),
        Output::Send { .. } | Output::CloseLink { .. } | Output::Dial => None,
    });
    events.collect()
}

/// Changes the session that a question is about.
pub(crate) fn edit(request: &mut Request, change: impl FnOnce(&mut Members)) {
    let body = request.content.as_mut().expect("content");
    let mut value = &mut body.value;
    for name in [
        Attribute::Notification,
        Attribute::NotificationEvent,
        Attribute::Representation,
        Attribute::Resource(ResourceType::Session),
    ] {
        let Value::Object(members) = value else {
            panic!("no object around {name:?}");
        };
        value = members.get_mut(&name).expect("the member is there");
    }
    let Value::Object(members) = value else {
        panic!("no session");
    };
    change(members);
}
