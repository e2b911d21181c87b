//! What applications want, in the order of their scripts.

use crate::topology::{Place, Topology};
use crate::world::{State, World};
use m2m_machine::Ae;
use m2m_machine::ae::command::{Application, Ask, Proposal, Verdict};
use m2m_machine::ae::endpoint::{EndKey, Phase, Question};
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{LinkId, RequestId, Secret, SessionId};
use m2m_machine::primitive::{Content, Operation, Request, ResponseMode, ResponseType, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::value::{Members, Value};

/// One wish of an application.
#[derive(Debug)]
pub(crate) enum Wish {
    /// To be reachable.
    Connect,
    /// To register.
    Register,
    /// An access control policy that lets the other AEs find and use what is below this one.
    Grant,
    /// That policy on the own `<AE>`.
    Apply,
    /// A container for data of sessions.
    Container(&'static str),
    /// To be told of what concerns its sessions; with consent: and asked.
    Subscribe {
        /// Whether to be asked.
        consent: bool,
    },
    /// To find AEs.
    Discover,
    /// A session.
    Establish(&'static Wanted),
    /// The end of its oldest session.
    Terminate,
    /// A policy of its oldest session.
    Policy(&'static Rule),
    /// To write to the peer's container, in its oldest session.
    Write(Mode),
    /// To write to the peer's container, in no session.
    Send,
    /// To read the newest of the peer's container, or of the own one.
    Read {
        /// Whose container.
        own: bool,
    },
    /// To delete what is newest in the peer's container, which is not allowed.
    Erase,
    /// To read, in its oldest session, what no path of the session covers.
    Stray,
    /// Another end of its oldest session, so many milliseconds from now.
    Extend(u64),
    /// To leave.
    Deregister,
    /// To close its link.
    Disconnect,
    /// What only a stranger does: a request that uses a session of AE1 and AE2.
    Misuse(Operation),
    /// What only a stranger does: a policy for a session of AE1 and AE2.
    Meddle(&'static Rule),
    /// What only a stranger does: a request in the name of AE1.
    Impersonate,
    /// What only an operator does: CSE1 is deregistered at CSE2, in its own name.
    DismissHop,
    /// What only an operator does: CSE1 is stopped, and started again when it has stopped.
    Stop,
}

/// A session that is wanted.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Its name.
    pub(crate) name: Option<&'static str>,
    /// With which AE.
    pub(crate) with: u8,
    /// How long, in milliseconds.
    pub(crate) life_ms: u64,
    /// Whether its key is agreed end to end.
    pub(crate) end_to_end: bool,
    /// What holds in it from the start.
    pub(crate) policies: &'static [&'static Rule],
}

/// A policy that is wanted.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its name.
    pub(crate) name: &'static str,
    /// 1: immediate, 2: by schedule.
    pub(crate) kind: i64,
    /// 1: forwarding, 2: serving, 3: both.
    pub(crate) scope: i64,
    /// Rank.
    pub(crate) order: i64,
    /// The window.
    pub(crate) window: Option<&'static str>,
}

/// How an originator wants its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// It waits.
    Blocking,
    /// It is notified.
    Notified,
}

/// Off-peak: 02:00 to 03:59.
pub(crate) const NIGHT: Rule = Rule {
    name: "night",
    kind: 2,
    scope: 1,
    order: 10,
    window: Some("* * 2-3 * * * *"),
};

/// Two seconds after the beginning of a search that begins with this policy.
pub(crate) const SHORTLY: Rule = Rule {
    name: "shortly",
    window: Some("2-59 30 10 * * * *"),
    ..NIGHT
};

/// A session that lasts for a week.
pub(crate) const SESSION: Wanted = Wanted {
    name: Some("s1"),
    with: 1,
    life_ms: 604_800_000,
    end_to_end: false,
    policies: &[],
};

/// Another one, named by the CSE.
pub(crate) const UNNAMED: Wanted = Wanted {
    name: None,
    ..SESSION
};

/// One from AE2 to AE1.
pub(crate) const BACK: Wanted = Wanted {
    name: Some("s2"),
    with: 0,
    ..SESSION
};

/// One whose key no CSE knows.
pub(crate) const SECRET: Wanted = Wanted {
    end_to_end: true,
    ..SESSION
};

/// One that is under the policy for the night from its first moment on.
pub(crate) const UNDER_NIGHT: Wanted = Wanted {
    policies: &[&NIGHT],
    ..SESSION
};

/// A policy that says something else at the same rank.
pub(crate) const RIVAL: Rule = Rule {
    name: "rival",
    kind: 1,
    scope: 1,
    order: 10,
    window: None,
};

/// How long data requests that are stored may wait: until the next night is over.
const STORED_LIFE_MS: u64 = 86_400_000;

/// Whether the application can come to that wish now.
pub(crate) fn is_possible(world: &World, state: &State, at: u8, wish: &Wish) -> bool {
    match wish {
        Wish::Connect
        | Wish::Register
        | Wish::Grant
        | Wish::Apply
        | Wish::Container(_)
        | Wish::Subscribe { .. }
        | Wish::Discover
        | Wish::Establish(_)
        | Wish::Deregister
        | Wish::Send
        | Wish::Stop
        | Wish::Disconnect => true,
        Wish::Terminate
        | Wish::Policy(_)
        | Wish::Write(_)
        | Wish::Read { .. }
        | Wish::Erase
        | Wish::Stray
        | Wish::Extend(_) => session_of(state, at).is_some(),
        Wish::DismissHop => dismissal(world, state).is_some(),
        Wish::Misuse(_) | Wish::Meddle(_) | Wish::Impersonate => {
            let open = state.ae(at).link().open().is_some();
            open && raw(world, state, at, wish).is_some()
        }
    }
}

/// The command for a wish; `None` where it takes a session that is not there.
pub(crate) fn ask(world: &World, state: &State, at: u8, wish: &Wish) -> Option<Ask> {
    let topology = world.scenario.topology;
    let row = &topology.aes[usize::from(at)];
    Some(match wish {
        Wish::Connect => Ask::Connect,
        Wish::Disconnect => Ask::Disconnect,
        Wish::Register => Ask::Register(Shared::new(Application {
            name: Some(row.resource.into()),
            app_id: "Norg.example.app".into(),
            stem: Some(row.stem.into()),
            session_capable: true,
        })),
        Wish::Grant => request(create(
            &topology.path(at, ""),
            ResourceType::AccessControlPolicy,
            access(topology, at),
        )),
        Wish::Apply => {
            let mut update = Request::new(Operation::Update, &topology.path(at, ""), "", "".into());
            let policy = Value::texts([&topology.path(at, "/acp")]);
            let members = Members::from([(Attribute::AccessControlPolicyIds, policy)]);
            update.content = Some(Content::resource(ResourceType::Ae, members));
            request(update)
        }
        Wish::Container(name) => request(create(
            &topology.path(at, ""),
            ResourceType::Container,
            Members::from([
                (Attribute::ResourceName, Value::text(name)),
                (
                    Attribute::AccessControlPolicyIds,
                    Value::texts([&topology.path(at, "/acp")]),
                ),
            ]),
        )),
        Wish::Subscribe { consent } => Ask::Subscribe {
            name: Some("told".into()),
            consent: *consent,
        },
        Wish::Discover => {
            let far = topology.cses.last()?.id;
            Ask::Discover {
                at: format!("{far}{far}").as_str().into(),
            }
        }
        Wish::Establish(wanted) => Ask::Establish(Shared::new(proposal(world, state, at, wanted))),
        Wish::Terminate => Ask::Terminate {
            session: session_of(state, at)?,
        },
        Wish::Policy(rule) => Ask::SetPolicy {
            session: session_of(state, at)?,
            policy: policy(topology, rule),
        },
        Wish::Write(mode) => Ask::Request {
            request: Shared::new(write_within(world, state, at, *mode)?),
            protect: true,
        },
        Wish::Send => request(write(world, at)),
        Wish::Read { own } => {
            let owner = if *own { at } else { peer_of(at) };
            let to = format!("{}/la", container(topology, owner));
            let mut read = Request::new(Operation::Retrieve, &to, "", "".into());
            read.session = Some(session_of(state, at)?);
            request(read)
        }
        Wish::Erase => {
            let to = format!("{}/la", container(topology, peer_of(at)));
            let mut erase = Request::new(Operation::Delete, &to, "", "".into());
            erase.session = Some(session_of(state, at)?);
            request(erase)
        }
        Wish::Stray => {
            let mut read = Request::new(
                Operation::Retrieve,
                &topology.path(peer_of(at), ""),
                "",
                "".into(),
            );
            read.session = Some(session_of(state, at)?);
            request(read)
        }
        Wish::Extend(life_ms) => {
            let address = state
                .ae(at)
                .session(&session_of(state, at)?)?
                .address
                .clone();
            let mut update = Request::new(Operation::Update, &address, "", "".into());
            let ends = Value::Time(state.now.plus(*life_ms));
            let members = Members::from([(Attribute::ExpirationTime, ends)]);
            update.content = Some(Content::resource(ResourceType::Session, members));
            request(update)
        }
        Wish::Deregister => Ask::Deregister,
        Wish::Misuse(_) | Wish::Meddle(_) | Wish::Impersonate | Wish::DismissHop | Wish::Stop => {
            return None;
        }
    })
}

/// The request of a wish that no machine of an AE would make.
pub(crate) fn raw(world: &World, state: &State, at: u8, wish: &Wish) -> Option<Request> {
    let topology = world.scenario.topology;
    if matches!(wish, Wish::Impersonate) {
        let to = topology.path(0, "/box");
        let stem = topology.aes[0].stem;
        return Some(Request::new(
            Operation::Delete,
            &to,
            stem,
            RequestId::from("x-2"),
        ));
    }
    if let Wish::Meddle(rule) = wish {
        let member = state.ae(0).session(&session_of(state, 0)?)?;
        let mut request = create(
            &member.address,
            ResourceType::SessionPolicy,
            policy(topology, rule),
        );
        request.from = Some(topology.aes[usize::from(at)].stem.into());
        request.request_id = RequestId::from("x-3");
        return Some(request);
    }
    let Wish::Misuse(operation) = wish else {
        return None;
    };
    let session = session_of(state, 0)?;
    let member = state.ae(0).session(&session)?;
    let to = match operation {
        Operation::Delete => member.address.to_string(),
        Operation::Create | Operation::Retrieve | Operation::Update | Operation::Notify => {
            format!("{}/la", container(topology, 1))
        }
    };
    let stem = topology.aes[usize::from(at)].stem;
    let mut request = Request::new(*operation, &to, stem, RequestId::from("x-1"));
    if *operation != Operation::Delete {
        request.session = Some(session);
    }
    Some(request)
}

/// The DELETE of the registration of CSE1 at CSE2, and the link of CSE1 that it leaves on.
pub(crate) fn dismissal(world: &World, state: &State) -> Option<(LinkId, Request)> {
    let (near, far) = (state.near().config(), state.far());
    let mut resources = far.state().tree.iter();
    let registration = resources.find(|r| r.resource_type == ResourceType::RemoteCse)?;
    let to = format!("{}/{}", far.config().cse_id, registration.id.as_str());
    let request = Request::new(
        Operation::Delete,
        &to,
        near.cse_id.as_str(),
        RequestId::from("x-4"),
    );
    let between = state.pairs.get(world.links.len().checked_sub(1)?)?;
    let link = between.connections.last()?.client.link?;
    Some((link, request))
}

/// The question for consent that waits for an application.
pub(crate) fn question(ae: &Ae) -> Option<Shared<Question>> {
    ae.sessions().find_map(|(_, phase)| match phase {
        Phase::Asked(asked) => Some(asked.question.clone()),
        Phase::Member(_) | Phase::Leaving(_) | Phase::Refused(_) | Phase::Ended(_) => None,
    })
}

/// The command that answers a question.
pub(crate) fn decision(world: &World, at: u8, question: &Question, yes: bool) -> Ask {
    let verdict = if yes {
        Verdict::Accept {
            paths: vec![container(world.scenario.topology, at).as_str().into()],
            end_to_end: question.peer_key.as_ref().map(|_| end_key(at)),
        }
    } else {
        Verdict::Refuse
    };
    Ask::Decide {
        session: question.session.clone(),
        verdict,
    }
}

/// The oldest session that an AE may use.
pub(crate) fn session_of(state: &State, at: u8) -> Option<SessionId> {
    state.ae(at).sessions().find_map(|(id, phase)| match phase {
        Phase::Member(_) => Some(id.clone()),
        Phase::Asked(_) | Phase::Leaving(_) | Phase::Refused(_) | Phase::Ended(_) => None,
    })
}

/// The container of an AE that its sessions may address.
pub(crate) fn container(topology: &Topology, at: u8) -> String {
    topology.path(at, "/box")
}

/// AE1 and AE2 are each other's peers.
const fn peer_of(at: u8) -> u8 {
    if at == 1 { 0 } else { 1 }
}

fn proposal(world: &World, state: &State, at: u8, wanted: &Wanted) -> Proposal {
    let topology = world.scenario.topology;
    Proposal {
        target: topology.ae_id(wanted.with),
        name: wanted.name.map(Into::into),
        paths: vec![container(topology, at).as_str().into()],
        expires: Some(state.now.plus(wanted.life_ms)),
        descriptors: Vec::new(),
        policies: wanted
            .policies
            .iter()
            .map(|rule| policy(topology, rule))
            .collect(),
        end_to_end: wanted.end_to_end.then(|| end_key(at)),
        answer_by: None,
    }
}

fn end_key(at: u8) -> EndKey {
    // As long as a key is, in base64url.
    EndKey {
        private: Secret(format!("{at:A>43}").as_str().into()),
        public: format!("{at:B>42}A").as_str().into(),
    }
}

fn write(world: &World, at: u8) -> Request {
    let topology = world.scenario.topology;
    let members = Members::from([(Attribute::Content, Value::text("data"))]);
    let peer = peer_of(at);
    let to = container(topology, peer);
    let to = topology.seen_from(Place::Ae(at), Place::Ae(peer), &to);
    create(&to, ResourceType::ContentInstance, members)
}

fn write_within(world: &World, state: &State, at: u8, mode: Mode) -> Option<Request> {
    let mut write = write(world, at);
    write.session = Some(session_of(state, at)?);
    match mode {
        Mode::Blocking => {}
        Mode::Notified => {
            write.response_type = Some(ResponseType {
                mode: ResponseMode::NonBlockingAsynch,
                notify: None,
            });
            write.request_expiration = Some(When::At(state.now.plus(STORED_LIFE_MS)));
        }
    }
    Some(write)
}

fn create(to: &str, resource_type: ResourceType, members: Members) -> Request {
    let mut request = Request::new(Operation::Create, to, "", "".into());
    request.resource_type = Some(resource_type.number());
    request.result_content = Some(0);
    request.content = Some(Content::resource(resource_type, members));
    request
}

fn request(request: Request) -> Ask {
    Ask::Request {
        request: Shared::new(request),
        protect: false,
    }
}

/// The owner may do everything, the other AEs find, create, read and update.
fn access(topology: &Topology, at: u8) -> Members {
    let rule = |who: Vec<String>, operations: i64| {
        Value::object([
            (Attribute::AccessControlOriginators, Value::texts(who)),
            (
                Attribute::AccessControlOperations,
                Value::Integer(operations),
            ),
        ])
    };
    let owner = topology.ae_id(at).to_string();
    let others = (0_u8..)
        .take(topology.aes.len())
        .filter(|other| *other != at)
        .map(|other| {
            let id = topology.ae_id(other);
            topology.seen_from(Place::Ae(at), Place::Ae(other), id.as_str())
        });
    let rules =
        |list: Vec<Value>| Value::object([(Attribute::AccessControlRules, Value::List(list))]);
    Members::from([
        (Attribute::ResourceName, Value::text("acp")),
        (
            Attribute::Privileges,
            rules(vec![
                rule(vec![owner.clone()], 63),
                rule(others.collect(), 39),
            ]),
        ),
        (
            Attribute::SelfPrivileges,
            rules(vec![rule(vec![owner], 63)]),
        ),
    ])
}

fn policy(topology: &Topology, rule: &Rule) -> Members {
    let ends = [topology.ae_id(0).to_string(), topology.ae_id(1).to_string()];
    let mut members = Members::from([
        (Attribute::ResourceName, Value::text(rule.name)),
        (Attribute::PolicyType, Value::Integer(rule.kind)),
        (Attribute::PolicyScope, Value::Integer(rule.scope)),
        (Attribute::PolicyOrder, Value::Integer(rule.order)),
        (Attribute::PolicyEndpoints, Value::texts(ends)),
    ]);
    if let Some(window) = rule.window {
        let entries = Value::object([(Attribute::ScheduleEntries, Value::texts([window]))]);
        members.insert(Attribute::ScheduleElement, entries);
    }
    members
}
