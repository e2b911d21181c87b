//! One CSE among peers that follow no rule.

use crate::common::fuzz::fuzz;
use crate::common::message::sealed_instance;
use crate::common::scene::{self, add_night, below_target, session};
use crate::common::{Host, Node, World, check_host, check_outputs, check_progress, fold};
use crate::grammar::{Names, Spoken, answer, request, spoken};
use m2m_machine::cse::{Input, Opening, Output};
use m2m_machine::id::{LinkId, RequestId};
use m2m_machine::primitive::{Content, Malformed, Operation, Primitive, Request};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use m2m_machine::{Cse, Env, Fresh, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One move of the world round the CSE.
#[derive(Clone, Copy, Debug)]
enum Move {
    Open(bool, u8),
    Lose(u8),
    Dialed,
    DialFailed,
    Ask(u8, Spoken),
    AskAgain,
    Answer(u8, u8),
    Undecodable(u8),
    Elapse(u8),
    Advance(u32),
    StoreFailing(bool),
    /// It is told to stop, with patience or without; it starts again when it has stopped.
    Stop(bool),
    /// The process dies after so many outputs of the step that follows.
    Crash(u8),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        2 => (any::<bool>(), 0..8_u8).prop_map(|(trusted, origin)| Move::Open(trusted, origin)),
        1 => any::<u8>().prop_map(Move::Lose),
        1 => Just(Move::Dialed),
        1 => Just(Move::DialFailed),
        24 => (any::<u8>(), spoken()).prop_map(|(link, spoken)| Move::Ask(link, spoken)),
        2 => Just(Move::AskAgain),
        8 => (any::<u8>(), any::<u8>()).prop_map(|(which, kind)| Move::Answer(which, kind)),
        1 => any::<u8>().prop_map(Move::Undecodable),
        6 => any::<u8>().prop_map(Move::Elapse),
        2 => prop_oneof![9 => 0..9_000_u32, 1 => 0..90_000_000_u32].prop_map(Move::Advance),
        1 => prop::bool::weighted(0.1).prop_map(Move::StoreFailing),
        1 => any::<bool>().prop_map(Move::Stop),
        1 => (0..4_u8).prop_map(Move::Crash),
    ];
    prop::collection::vec(one, 10..60)
}

/// A CSE with its store, its links, and what went over them.
struct Bench {
    host: Host,
    now: Timestamp,
    number: u8,
    /// The open links, and who is expected at their other ends.
    links: Links,
    opened: u64,
    /// The link to the registrar, if it is open.
    dialed: Option<LinkId>,
    asked: Vec<(LinkId, Shared<Request>)>,
    /// Requests that the CSE has sent, for answers to them.
    wants: Vec<(LinkId, Shared<Request>)>,
    /// How often a request of that identifier came in, and an answer to it went out.
    counts: BTreeMap<RequestId, (u32, u32)>,
    dies_after: Option<usize>,
}

/// Links, and under which name their other ends speak.
type Links = Vec<(LinkId, &'static str)>;

/// Where the sequences start.
static STARTS: LazyLock<Vec<(Host, Links)>> = LazyLock::new(|| {
    let (mut single, mut pair, mut chain) = (scene::single(), scene::pair(), scene::chain());
    let fresh = scene::two_cses();
    session(&mut single);
    session(&mut chain);
    let ticket = session(&mut pair);
    add_night(&mut pair);
    let to = below_target(&pair, "container1");
    let stored = sealed_instance(&to, "Cae1", "u1", &ticket).notified();
    pair.exchange("AE1", "CSE1", stored.0);
    let start = |world: &World, node: Node| {
        let links = world.links_of(node).into_iter();
        let links = links.map(|(link, peer)| (link, origin(peer)));
        (world.hosts[node].clone(), links.collect())
    };
    vec![
        start(&fresh, "CSE1"),
        start(&single, "CSE1"),
        start(&pair, "CSE1"),
        start(&pair, "CSE2"),
        start(&chain, "CSE2"),
    ]
});

/// Under which name a node speaks.
fn origin(node: Node) -> &'static str {
    let names = [
        ("AE1", "Cae1"),
        ("AE2", "Cae2"),
        ("AE3", "Cae3"),
        ("CSE1", "/cse1"),
        ("CSE2", "/cse2"),
    ];
    let found = names.iter().find(|(name, _)| *name == node);
    found.map_or("/cse3", |(_, origin)| origin)
}

impl Bench {
    fn new(start: usize) -> Self {
        let (host, links) = STARTS[start % STARTS.len()].clone();
        let registrar = links.iter().find(|(_, name)| *name == "/cse2");
        let dialed = registrar.map(|(link, _)| *link);
        Self {
            host,
            opened: 0,
            dialed,
            now: crate::common::START.plus(1),
            number: 0,
            links,
            asked: Vec::new(),
            wants: Vec::new(),
            counts: BTreeMap::new(),
            dies_after: None,
        }
    }

    /// One of the open links; or, rarely, one that is not there.
    fn link(&self, number: u8) -> (LinkId, &'static str) {
        let nowhere = (LinkId(0), "");
        let at = usize::from(number) % self.links.len().max(1);
        let found = self.links.get(at).filter(|_| number < 200);
        found.copied().unwrap_or(nowhere)
    }

    fn new_link(&mut self, origin: &'static str) -> LinkId {
        self.opened += 1;
        let link = LinkId(900 + self.opened);
        self.links.push((link, origin));
        link
    }

    fn input(&mut self, chosen: Move) -> Option<Input> {
        Some(match chosen {
            Move::Open(trusted, origin) => {
                let origins = ["Cae1", "Cae2", "/cse1", "/cse2", "/cse3", "C", "Cae3", ""];
                let name = origins[usize::from(origin)];
                let origin = Some(name).filter(|o| !o.is_empty());
                let origin = origin.map(Into::into);
                let opening = Opening::Accepted { origin };
                Input::LinkOpened {
                    link: self.new_link(name),
                    opening,
                    far_end: m2m_machine::cse::FarEnd::new(trusted),
                }
            }
            Move::Lose(number) => {
                let (link, _) = self.link(number);
                self.dialed = self.dialed.filter(|open| *open != link);
                self.links.retain(|(open, _)| *open != link);
                Input::LinkLost { link }
            }
            Move::Dialed if self.dialed.is_some() => return None,
            Move::Dialed => {
                let link = self.new_link("/cse2");
                self.dialed = Some(link);
                Input::LinkOpened {
                    link,
                    opening: Opening::Dialed,
                    far_end: m2m_machine::cse::FarEnd::new(true),
                }
            }
            Move::DialFailed => Input::DialFailed,
            Move::Ask(number, spoken) => {
                let names = Names::of(self.host.cse.durable());
                let (link, origin) = self.link(number);
                let request = Shared::new(request(spoken, origin, &names, self.now));
                self.asked.push((link, request.clone()));
                received(link, Primitive::Request(request))
            }
            Move::AskAgain => {
                let (link, request) = self.asked.last().cloned()?;
                received(link, Primitive::Request(request))
            }
            Move::Answer(which, kind) => {
                let at = usize::from(which) % self.wants.len().max(1);
                let (link, asked) = self.wants.get(at).cloned()?;
                let response = answer(&asked, kind, self.now);
                received(link, Primitive::Response(Shared::new(response)))
            }
            Move::Undecodable(number) => Input::Undecodable {
                link: self.link(number).0,
                request_id: None,
                why: Malformed::Syntax,
            },
            Move::Elapse(which) => return self.elapse(which),
            Move::Advance(by) => {
                self.now = self.now.plus(by.into());
                return None;
            }
            Move::StoreFailing(failing) => Input::StoreFailing(failing),
            Move::Stop(is_patient) => Input::Stopping { is_patient },
            Move::Crash(after) => {
                self.dies_after = Some(after.into());
                return None;
            }
        })
    }

    /// A deadline passes: mostly the next one, at its time; else any, needlessly.
    fn elapse(&mut self, which: u8) -> Option<Input> {
        let next = self.host.cse.next_deadline();
        let (at, timer) = if which < 200 {
            next?
        } else {
            let all = self.host.cse.deadlines();
            let (_, timer) = all.get(usize::from(which) % all.len().max(1))?.clone();
            (self.now, timer)
        };
        self.now = self.now.max(at);
        Some(Input::Elapsed(timer))
    }

    fn step(&mut self, input: Input) {
        self.number = self.number.wrapping_add(1);
        let env = Env {
            now: self.now,
            fresh: Fresh::predictable(self.number),
        };
        if let Input::Received {
            primitive: Primitive::Request(request),
            ..
        } = &input
        {
            let id = request.request_id.clone();
            self.counts.entry(id).or_default().0 += 1;
        }
        let mut twin = self.number.is_multiple_of(8).then(|| self.host.cse.clone());
        let outputs = self.host.cse.step(env, input.clone());
        check_outputs(&outputs);
        if let Some(twin) = &mut twin {
            assert_eq!(
                twin.step(env, input.clone()),
                outputs,
                "a step is deterministic"
            );
        }
        if let Input::Elapsed(timer) = &input {
            check_progress(&self.host.cse, timer, self.now);
        }
        let dies_after = self.dies_after.take().unwrap_or(usize::MAX);
        for output in outputs.iter().take(dies_after) {
            self.carry_out(output);
        }
        if dies_after < outputs.len() {
            self.restart();
        }
        check_host(&self.host, env);
    }

    fn carry_out(&mut self, output: &Output) {
        match output {
            Output::Persist(updates) => fold(&mut self.host.stored, updates),
            Output::Send { link, primitive } => {
                check_secrets(primitive);
                match primitive {
                    Primitive::Request(request) => self.wants.push((*link, request.clone())),
                    Primitive::Response(response) => {
                        let id = response.request_id.clone().unwrap_or_else(|| "".into());
                        self.counts.entry(id).or_default().1 += 1;
                    }
                }
            }
            Output::CloseLink { link, .. } => self.links.retain(|(open, _)| open != link),
            Output::Stopped => self.restart(),
            Output::Dial | Output::DialRegistree { .. } | Output::Report(_) => {}
        }
    }

    fn restart(&mut self) {
        self.dialed = None;
        self.links.clear();
        let config = self.host.cse.config().clone();
        let records = self.host.stored.values().cloned();
        self.host.cse = Cse::recover(config, records, self.now);
        for origin in ["Cae1", "/cse1", "Cae2", "/cse3"] {
            let link = self.new_link(origin);
            let opening = Opening::Accepted {
                origin: Some(origin.into()),
            };
            self.step(Input::LinkOpened {
                link,
                opening,
                far_end: m2m_machine::cse::FarEnd::new(true),
            });
        }
    }

    /// No request has more answers than it was sent (EST-15, LNK-14).
    fn check_counts(&self) {
        for (id, (asked, answered)) in &self.counts {
            let is_ours = !id.as_str().is_empty();
            assert!(!is_ours || answered <= asked, "{id}: {asked}, {answered}");
        }
    }
}

fn received(link: LinkId, primitive: Primitive) -> Input {
    Input::Received { link, primitive }
}

/// Key material stands only in the hop request, the question to the target and the final success (EST-44).
fn check_secrets(primitive: &Primitive) {
    let (content, may) = match primitive {
        Primitive::Request(request) => {
            let hop = request.operation == Operation::Create
                && request.resource_type == Some(ResourceType::Session.number());
            let question = crate::common::message::event(request);
            let question = question.is_some_and(|(kind, _)| kind == 50_001);
            (&request.content, hop || question)
        }
        Primitive::Response(response) => (&response.content, response.status == Status::CREATED),
    };
    let shown = content
        .as_ref()
        .is_some_and(|c: &Content| holds_secret(&c.value));
    assert!(may || !shown, "key material in {primitive:?}");
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(list) => list.iter().any(holds_secret),
        Value::Object(members) => members.values().any(holds_secret),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Sealed(_) => false,
    }
}

#[test]
fn no_peer_breaks_a_cse() {
    let starts = prop::sample::select(vec![0, 1, 1, 2, 2, 3, 3, 3, 4_usize]);
    fuzz(1_000, &(starts, moves()), |(start, moves)| {
        let mut bench = Bench::new(start);

        for chosen in moves {
            if let Some(input) = bench.input(chosen) {
                bench.step(input);
            }
        }

        bench.check_counts();
    });
}
