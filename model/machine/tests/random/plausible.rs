//! CSEs and AEs that keep to the rules, while links are cut and CSEs crash at any output; then everything heals and
//! must come to rest in agreement.

use crate::common::fuzz::fuzz;
use crate::common::message::{Draft, Ticket, sealed_instance};
use crate::common::player::Players;
use crate::common::scene::{self, below_target, far, night, proposal};
use crate::common::{DAY, HOUR, MINUTE, Node, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::id::SessionId;
use m2m_machine::primitive::{Request, ResponseMode};
use m2m_machine::record::{Phase, Record};
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// One move of the AEs or of their environment.
#[derive(Clone, Copy, Debug)]
enum Move {
    Establish,
    Data(u8),
    Policy,
    ChangePolicy,
    DropPolicy,
    Prolong(u8),
    Terminate,
    TerminateFar,
    Settle,
    Pass(u8),
    Cut(u8),
    Crash(u8),
    /// A CSE dies after so many more outputs.
    Fuse(u8, u8),
    Elapse,
    Advance(u32),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => Just(Move::Establish),
        4 => (0..3_u8).prop_map(Move::Data),
        2 => Just(Move::Policy),
        1 => Just(Move::ChangePolicy),
        1 => Just(Move::DropPolicy),
        1 => (0..3_u8).prop_map(Move::Prolong),
        2 => Just(Move::Terminate),
        2 => Just(Move::TerminateFar),
        6 => Just(Move::Settle),
        12 => any::<u8>().prop_map(Move::Pass),
        3 => (0..4_u8).prop_map(Move::Cut),
        1 => (0..3_u8).prop_map(Move::Crash),
        2 => (0..3_u8, 0..12_u8).prop_map(|(who, after)| Move::Fuse(who, after)),
        3 => Just(Move::Elapse),
        2 => (0..20_000_u32).prop_map(Move::Advance),
    ];
    prop::collection::vec(one, 5..50)
}

static STARTS: LazyLock<[World; 3]> =
    LazyLock::new(|| [scene::single(), scene::pair(), scene::chain()]);

struct Bench {
    world: World,
    players: Players,
    number: u32,
}

impl Bench {
    fn ask(&mut self, ae: Node, request: Request) {
        self.players.ask(&mut self.world, ae, request);
    }

    fn id(&mut self, prefix: &str) -> String {
        self.number += 1;
        format!("{prefix}{}", self.number)
    }

    /// A session that AE1 was told of, the newest first.
    fn ticket(&self) -> Option<Ticket> {
        self.players.tickets().into_iter().next_back()
    }

    fn make(&mut self, chosen: Move) {
        match chosen {
            Move::Establish => {
                let id = self.id("e");
                let request = proposal(&self.world, &id, &format!("s-{id}"));
                self.ask("AE1", request);
            }
            Move::Data(mode) => self.send_data(mode),
            Move::Policy => self.make_policy(),
            Move::ChangePolicy => {
                let order = (Attribute::PolicyOrder, Value::Integer(5));
                self.change(ResourceType::SessionPolicy, "/night", order);
            }
            Move::Prolong(hours) => {
                let at = self.world.now.plus((1 + u64::from(hours)) * HOUR);
                let ends = (Attribute::ExpirationTime, Value::Time(at));
                self.change(ResourceType::Session, "", ends);
            }
            Move::DropPolicy => self.delete("AE1", "/night"),
            Move::Terminate => self.delete("AE1", ""),
            Move::TerminateFar => self.delete("AE2", ""),
            Move::Settle => self.world.settle(),
            Move::Pass(which) => {
                let busy = self.world.in_flight();
                if !busy.is_empty() {
                    let way = busy[usize::from(which) % busy.len()];
                    self.players.pass(&mut self.world, way);
                }
            }
            Move::Cut(which) => self.cut(which),
            Move::Crash(which) => {
                let node = self.node(which);
                self.world.crash(node);
            }
            Move::Fuse(which, after) => {
                self.world.fuse = Some((self.node(which), after.into()));
            }
            Move::Elapse => {
                if let Some((at, node, timer)) = self.world.next_deadline()
                    && at <= self.world.now.plus(MINUTE)
                {
                    self.world.now = self.world.now.max(at);
                    self.world.elapse(node, timer);
                }
            }
            Move::Advance(by) => self.world.now = self.world.now.plus(by.into()),
        }
    }

    fn send_data(&mut self, mode: u8) {
        let id = self.id("u");
        let Some(ticket) = self.ticket() else { return };
        let to = below_target(&self.world, "container1");
        let draft = sealed_instance(&to, "Cae1", &id, &ticket).by(self.world.now.plus(20 * HOUR));
        let draft = match mode {
            0 => draft,
            1 => draft.answered(ResponseMode::NonBlockingSynch),
            _ => draft.notified(),
        };
        self.ask("AE1", draft.0);
    }

    fn make_policy(&mut self) {
        let id = self.id("p");
        let Some(ticket) = self.ticket() else { return };
        let mut request = night(&id, "night");
        request.to = ticket.resource.as_str().into();
        let expires = self.world.now.plus(30_000);
        self.ask("AE1", Draft(request).by(expires).0);
    }

    fn change(&mut self, of: ResourceType, below: &str, (name, value): (Attribute, Value)) {
        let id = self.id("p");
        let Some(ticket) = self.ticket() else { return };
        let to = format!("{}{below}", ticket.resource);
        let draft = Draft::update(&to, "Cae1", &id, of).with(name, value);
        let expires = self.world.now.plus(30_000);
        self.ask("AE1", draft.by(expires).0);
    }

    fn delete(&mut self, ae: Node, below: &str) {
        let id = self.id("d");
        let found = match ae {
            "AE1" => self.ticket().map(|ticket| ticket.resource),
            _ => self.players.asked_of_target(),
        };
        if let Some(session) = found {
            let to = format!("{session}{below}");
            let expires = self.world.now.plus(30_000);
            let draft = Draft::delete(&to, &scene::stem(ae), &id).by(expires);
            self.ask(ae, draft.0);
        }
    }

    fn node(&self, which: u8) -> Node {
        let nodes: Vec<Node> = self.world.hosts.keys().copied().collect();
        nodes[usize::from(which) % nodes.len()]
    }

    fn cut(&mut self, which: u8) {
        let far = far(&self.world);
        match which {
            0 => self.world.cut("AE1", "CSE1"),
            1 => self.world.cut("AE2", far),
            2 => self.world.cut("CSE1", "CSE2"),
            _ => self.world.cut("CSE3", "CSE2"),
        }
    }

    /// Everything works again, for long enough that tombstones have been repeated and nothing short-lived is left.
    fn heal(&mut self) {
        self.world.fuse = None;
        let rest = self.world.now.plus(40 * MINUTE);
        self.players.play(&mut self.world, rest);
        self.world.now = rest;
    }
}

/// What a CSE holds of each session: its phase, its policies, when it ends.
fn held(world: &World, node: Node) -> BTreeMap<SessionId, String> {
    let records: Vec<Record> = world.cse(node).durable().collect();
    let mut held = BTreeMap::new();
    for record in &records {
        let Record::Session(session) = record else {
            continue;
        };
        let phase = match &session.phase {
            Phase::Pending { .. } => "PENDING",
            Phase::Active => "ACTIVE",
            Phase::Terminating(_) => "TERMINATING",
        };
        let mut shown = vec![phase.to_owned()];
        for record in &records {
            if let Record::Resource(r) = record
                && r.parent.as_ref() == Some(&session.resource)
                && r.resource_type == ResourceType::SessionPolicy
            {
                let order = r.integer(&Attribute::PolicyOrder);
                shown.push(format!("{} {:?} {:?}", r.name, order, r.expires));
            }
            if let Record::Resource(r) = record
                && r.id == session.resource
            {
                shown.push(format!("until {:?}", r.expires));
            }
        }
        shown.sort();
        held.insert(session.id.clone(), shown.join(", "));
    }
    held
}

/// Nothing that only passes may be left (EST-11, EST-25, END-10).
fn check_rest(world: &World) {
    for node in world.hosts.keys() {
        for record in world.cse(node).durable() {
            let passing = match &record {
                Record::Attempt(_) | Record::Change(_) | Record::Notice(_) => true,
                Record::Tombstone(t) => !t.hops.is_empty(),
                Record::Session(s) => s.phase != Phase::Active || s.confirming.is_some(),
                Record::Counter(_)
                | Record::Neighbour(_)
                | Record::Resource(_)
                | Record::Stored(_)
                | Record::Outcome(_) => false,
            };
            assert!(!passing, "left at {node}: {record:?}");
        }
    }
}

/// All CSEs of the path hold the same (EST-08, EST-14, EST-23).
fn check_agreement(world: &World) {
    let all: BTreeSet<_> = world.hosts.keys().map(|n| held(world, n)).collect();
    assert_eq!(all.len(), 1, "{all:#?}");
}

#[test]
fn after_any_failures_all_cses_agree() {
    fuzz(400, &(0..3_usize, moves()), |(start, moves)| {
        let mut bench = Bench {
            world: STARTS[start].clone(),
            players: Players::default(),
            number: 0,
        };

        for chosen in moves {
            bench.make(chosen);
        }
        bench.heal();

        check_rest(&bench.world);
        check_agreement(&bench.world);
        bench.players.check_single_answers();
        let end = bench.world.now.plus(8 * DAY);
        bench.players.play(&mut bench.world, end);
        let hosts = bench.world.hosts.keys();
        let left: Vec<_> = hosts.map(|n| held(&bench.world, n)).collect();
        assert!(
            left.iter().all(BTreeMap::is_empty),
            "after the end of all: {left:?}"
        );
    });
}
