//! A session at one CSE, with its neighbours on either side in the hands of the test.

use crate::common::message::{Draft, Ticket};
use crate::common::scene::{self, name_of};
use crate::common::{Node, SECOND, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Opening, Output};
use m2m_machine::id::{KeyId, LinkId, RequestId, SessionId};
use m2m_machine::primitive::{Primitive, Request, Response};
use m2m_machine::record::{Attempt, Phase, Record, Session, Stage as AttemptStage, Tombstone};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::value::{Members, Value};

/// Where the CSE stands on the path of the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// AE1 is registered here.
    Initiator,
    /// AE2 is registered here.
    Target,
    /// Neither is.
    Transit,
}

/// What surrounds the CSE.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) role: Role,
    pub(crate) node: Node,
    /// Who is next towards the initiator.
    pub(crate) upstream: Node,
    /// Who is next towards the target.
    pub(crate) downstream: Node,
    /// The request that begins the establishment here.
    pub(crate) establish: Request,
    /// The session identifier, as soon as there is one.
    pub(crate) id: SessionId,
    /// The identifier of the question that was put downstream, as soon as it was.
    pub(crate) question: RequestId,
    links: Vec<(LinkId, Node)>,
    numbers: u64,
}

impl Stage {
    /// Nothing has begun. `known` says whether the CSE knows yet that its next hop speaks sessions.
    pub(crate) fn new(role: Role, known: bool) -> Self {
        let mut world = match (role, known) {
            (Role::Initiator | Role::Target, true) => scene::pair(),
            (Role::Initiator | Role::Target, false) => unknown_registrar(),
            (Role::Transit, true) => scene::chain(),
            (Role::Transit, false) => unknown_registree(),
        };
        let (node, upstream, downstream) = match role {
            Role::Initiator => ("CSE1", "AE1", "CSE2"),
            Role::Target => ("CSE2", "CSE1", "AE2"),
            Role::Transit => ("CSE2", "CSE1", "CSE3"),
        };
        grant_inbox(&mut world, role);
        let target = match role {
            Role::Transit => "/cse3/Cae2",
            Role::Initiator | Role::Target => "/cse2/Cae2",
        };
        let mut establish = Draft(scene::proposal(&world, "e1", "s1"))
            .with(Attribute::SessionTargets, Value::texts([target]))
            .0;
        let mut id = SessionId::from("/cse1/none");
        if role != Role::Initiator {
            world.ask("AE1", "CSE1", establish);
            let waiting = world.lose_next("CSE1", "CSE2").expect("F1-09");
            establish = crate::common::message::request(waiting);
            id = establish
                .content
                .as_ref()
                .and_then(|c| c.members_of(ResourceType::Session))
                .and_then(|m| m.get(&Attribute::SessionId)?.as_text())
                .map(|id| SessionId(id.clone()))
                .expect("a session identifier");
        }
        let links = world.links_of(node);
        Self {
            world,
            role,
            node,
            upstream,
            downstream,
            establish,
            id,
            question: RequestId::from("none"),
            links,
            numbers: 5_000,
        }
    }

    /// Something arrives from a neighbour.
    pub(crate) fn received(&mut self, from: Node, primitive: Primitive) -> Option<Vec<Output>> {
        let found = self.links.iter().rev().find(|(_, peer)| *peer == from);
        let (link, _) = *found?;
        Some(self.step(Input::Received { link, primitive }))
    }

    pub(crate) fn asked(&mut self, from: Node, request: Request) -> Option<Vec<Output>> {
        self.received(from, Primitive::Request(Shared::new(request)))
    }

    pub(crate) fn answered(&mut self, from: Node, response: Response) -> Option<Vec<Output>> {
        self.received(from, Primitive::Response(Shared::new(response)))
    }

    pub(crate) fn step(&mut self, input: Input) -> Vec<Output> {
        let outputs = self.world.step(self.node, input);
        if let Some(attempt) = self.attempt() {
            self.question = attempt.question.clone();
            self.id = attempt.id.clone();
        }
        outputs
    }

    pub(crate) fn lose(&mut self, peer: Node) -> Vec<Output> {
        let mut outputs = Vec::new();
        let lost: Vec<_> = self
            .links
            .iter()
            .filter(|(_, p)| *p == peer)
            .copied()
            .collect();
        self.links.retain(|(_, p)| *p != peer);
        for (link, _) in lost {
            outputs.extend(self.step(Input::LinkLost { link }));
        }
        outputs
    }

    pub(crate) fn open(&mut self, peer: Node) -> Vec<Output> {
        self.numbers += 1;
        let link = LinkId(self.numbers);
        self.links.push((link, peer));
        let opening = if self.node == "CSE1" && peer == "CSE2" {
            Opening::Dialed
        } else {
            let origin = if peer.starts_with("AE") {
                scene::stem(peer)
            } else {
                format!("/{}", name_of(peer))
            };
            Opening::Accepted {
                origin: Some(origin.as_str().into()),
            }
        };
        self.step(Input::LinkOpened {
            link,
            opening,
            far_end: m2m_machine::cse::FarEnd::new(true),
        })
    }

    pub(crate) fn crash(&mut self) {
        self.world.crash(self.node);
        self.links.clear();
    }

    /// The name under which a neighbour speaks for itself.
    pub(crate) fn name(&self, of: Node) -> String {
        if of.starts_with("AE") {
            scene::stem(of)
        } else {
            format!("/{}", name_of(of))
        }
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        self.world.cse(self.node).durable()
    }

    pub(crate) fn attempt(&self) -> Option<Shared<Attempt>> {
        let mut found = None;
        for record in self.records() {
            if let Record::Attempt(attempt) = record {
                found = Some(attempt);
            }
        }
        found
    }

    pub(crate) fn session(&self) -> Option<Shared<Session>> {
        let mut found = None;
        for record in self.records() {
            if let Record::Session(session) = record {
                found = Some(session);
            }
        }
        found
    }

    pub(crate) fn tombstone(&self) -> Option<Shared<Tombstone>> {
        let mut found = None;
        for record in self.records() {
            if let Record::Tombstone(tombstone) = record {
                found = Some(tombstone);
            }
        }
        found
    }

    /// What the session can be used with.
    pub(crate) fn ticket(&self) -> Ticket {
        let session = self.session();
        let key = session.as_ref().map(|s| s.credentials.key_id.clone());
        let resource = session.map(|s| s.resource.to_string());
        let reserved = self.attempt().map(|a| a.resource.to_string());
        Ticket {
            id: self.id.clone(),
            key: key.unwrap_or_else(|| KeyId::from("none")),
            resource: resource.or(reserved).unwrap_or_else(|| "ses99".into()),
        }
    }

    /// The phase of the session at this CSE.
    pub(crate) fn phase(&self) -> String {
        if let Some(session) = self.session() {
            let phase = match &session.phase {
                Phase::Pending { .. } => "PENDING",
                Phase::Active if session.hop_lost.is_some() => "ACTIVE/hop lost",
                Phase::Active if session.confirming.is_some() => "ACTIVE/confirming",
                Phase::Active => "ACTIVE",
                Phase::Terminating(t) => match (t.hops.is_empty(), t.endpoints.is_empty()) {
                    (false, true) => "TERMINATING/hop",
                    (true, false) => "TERMINATING/AE",
                    (false, false) => "TERMINATING/both",
                    (true, true) => "TERMINATING/none",
                },
            };
            return phase.into();
        }
        let attempt = self.attempt().map(|attempt| match attempt.stage {
            AttemptStage::AwaitingCapability => "awaiting",
            AttemptStage::Asked => "asked",
            AttemptStage::Abandoned { .. } => "abandoned",
        });
        let tombstone = self.tombstone().map(|t| match t.hops.is_empty() {
            true => "tombstone",
            false => "tombstone/hop",
        });
        match (attempt, tombstone) {
            (Some(attempt), Some(_)) => format!("{attempt}+tombstone"),
            (Some(attempt), None) => attempt.into(),
            (None, Some(tombstone)) => tombstone.into(),
            (None, None) => "none".into(),
        }
    }

    /// What the CSE says, in short: to whom, and what.
    pub(crate) fn summary(&self, outputs: &[Output]) -> String {
        let mut parts = Vec::new();
        for output in outputs {
            match output {
                Output::Send { link, primitive } => {
                    let known = self.links.iter().find(|(l, _)| l == link);
                    let to = known.map_or("nobody", |(_, peer)| peer);
                    parts.push(format!("{to} {}", brief(primitive)));
                }
                Output::CloseLink { .. } => parts.push("close link".into()),
                Output::Dial => parts.push("dial".into()),
                Output::DialRegistree { cse, .. } => parts.push(format!("dial {cse}")),
                Output::Stopped => parts.push("stopped".into()),
                Output::Persist(_) | Output::Report(_) => {}
            }
        }
        parts.join("; ")
    }
}

/// Operation and subject of a request, status of a response.
pub(crate) fn brief(primitive: &Primitive) -> String {
    match primitive {
        Primitive::Response(response) => response.status.0.to_string(),
        Primitive::Request(request) => {
            let verb = crate::common::show::verb(request.operation);
            if let Some((kind, _)) = crate::common::message::event(request) {
                let why = crate::common::message::reason(request);
                let why = why.map_or_else(String::new, |why| format!(" rsn {why}"));
                return format!("{verb} {kind}{why}");
            }
            let created = request.resource_type.and_then(ResourceType::from_number);
            let created = created.map(|t| format!(" {}", t.prefix()));
            let why = request.reason.map(|why| format!(" rsn {why}"));
            let inner = request.content.as_ref().and_then(|c| c.single());
            let members = inner.and_then(|(_, v)| v.as_object());
            let confirms = members.is_some_and(|m| m.contains_key(&Attribute::Lifecycle));
            let confirms = confirms.then(|| " slc".to_owned());
            let extra = [created, why, confirms].into_iter().flatten();
            format!("{verb}{}", extra.collect::<String>())
        }
    }
}

/// AE1 lets AE2 read its inbox, so that a refusal has another reason.
fn grant_inbox(world: &mut World, role: Role) {
    let containers = world.resources("CSE1", ResourceType::Container);
    let is_there = containers.iter().any(|r| *r.name == *"inbox");
    if role == Role::Initiator && is_there {
        scene::grant_inbox(world, "/cse2/Cae2");
    }
}

/// CSE1 knows its registrar's name, but has not read what it can do.
fn unknown_registrar() -> World {
    let mut world = scene::two_cses();
    world.open("CSE1", "CSE2", Some("/cse1"));
    world.pass("CSE1", "CSE2");
    world.pass("CSE2", "CSE1");
    world.pass("CSE2", "CSE1");
    while world.lose_next("CSE1", "CSE2").is_some() {}
    scene::register(&mut world, "AE1", "CSE1", true);
    scene::register(&mut world, "AE3", "CSE1", true);
    scene::done(&mut world, "AE1", "CSE1", scene::told());
    world
}

/// CSE2 has not read what its registree CSE3 can do.
fn unknown_registree() -> World {
    let mut world = scene::three_cses();
    scene::join(&mut world, "CSE1");
    scene::register(&mut world, "AE1", "CSE1", true);
    world.open("CSE3", "CSE2", Some("/cse3"));
    world.pass("CSE3", "CSE2");
    while world.lose_next("CSE2", "CSE3").is_some() {}
    world.now = world.now.plus(SECOND);
    world
}

/// What a next hop says it has made (F1-15).
pub(crate) fn made_by_hop(stage: &Stage) -> Members {
    let attempt = stage.attempt();
    let target = attempt.map_or_else(|| "/cse2/Cae2".to_owned(), |a| a.target.to_string());
    let endpoint = |id: &str, offered: &str| {
        Value::object([
            (Attribute::EndpointId, Value::text(id)),
            (Attribute::EndpointType, Value::Integer(1)),
            crate::common::message::paths(&[offered]),
        ])
    };
    let registrar = target
        .rsplit_once('/')
        .map_or("", |(cse, _)| cse)
        .to_owned();
    let container = format!("{registrar}{registrar}/ae2/container1");
    let endpoints = Value::List(vec![
        endpoint("/cse1/Cae1", scene::INBOX),
        endpoint(&target, &container),
    ]);
    let ends = Value::Time(stage.world.now.plus(6 * crate::common::DAY));
    Members::from([
        (Attribute::ResourceId, Value::text("ses77")),
        (Attribute::ExpirationTime, ends),
        (Attribute::SessionId, Value::Text(stage.id.0.clone())),
        (Attribute::Lifecycle, Value::Integer(1)),
        (
            Attribute::Resource(ResourceType::SessionEndpoint),
            endpoints,
        ),
    ])
}
