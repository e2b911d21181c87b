//! CSE machines joined by links, with AE ends in the hands of a test.
//!
//! What a CSE sends waits in flight until the test lets it pass; time moves only when the test moves it. After every
//! step the promises of the machine are checked: no violated invariant, at most one batch for the store and that
//! first, stored records that equal the durable view, recovery to that same view, needless timers without effect.

pub(crate) mod fuzz;
pub(crate) mod message;
pub(crate) mod player;
pub(crate) mod scene;
pub(crate) mod show;

use m2m_machine::config::{Config, CseKind, Limits, Timers};
use m2m_machine::cse::{CloseReason, Event, Input, Opening, Output, Timer};
use m2m_machine::deviation::Deviations;
use m2m_machine::id::{CseId, LinkId};
use m2m_machine::primitive::{Primitive, Request, Response};
use m2m_machine::record::{Key, Record, Update};
use m2m_machine::resource::{Resource, ResourceType};
use m2m_machine::shared::Shared;
use m2m_machine::value::Value;
use m2m_machine::{Cse, Env, Fresh, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// The name of a CSE or of an AE end.
pub(crate) type Node = &'static str;

/// 2027-03-01T09:59:00 UTC.
pub(crate) const START: Timestamp = Timestamp(1_803_895_140_000);
pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A CSE and its stable storage.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) cse: Cse,
    pub(crate) stored: BTreeMap<Key, Record>,
}

/// A link that is open at both ends, under the same number.
#[derive(Clone)]
struct Wire {
    link: LinkId,
    ends: [Node; 2],
}

/// Everything there is.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) hosts: BTreeMap<Node, Host>,
    wires: Vec<Wire>,
    flight: BTreeMap<(Node, Node), VecDeque<(LinkId, Primitive)>>,
    /// What the operators were told.
    pub(crate) events: Vec<(Node, Event)>,
    /// Links that a CSE closed itself: by whom, towards whom, why.
    pub(crate) closed: Vec<(Node, Node, CloseReason)>,
    /// Registrees that a CSE wants to dial, and who wants it.
    pub(crate) dialed: Vec<(Node, CseId)>,
    /// The CSEs that have stopped in order.
    pub(crate) stopped: Vec<Node>,
    /// One line for each message that passed, where a test keeps a transcript.
    pub(crate) transcript: Vec<String>,
    /// The node that crashes after so many more outputs.
    pub(crate) fuse: Option<(Node, usize)>,
    numbers: u64,
}

impl World {
    pub(crate) fn new(configs: impl IntoIterator<Item = (Node, Config)>) -> Self {
        let host = |config: Config| {
            let cse = Cse::new(config, START);
            let stored = cse.durable().map(|r| (r.key(), r)).collect();
            Host { cse, stored }
        };
        Self {
            now: START,
            hosts: configs.into_iter().map(|(n, c)| (n, host(c))).collect(),
            wires: Vec::new(),
            flight: BTreeMap::new(),
            events: Vec::new(),
            closed: Vec::new(),
            dialed: Vec::new(),
            stopped: Vec::new(),
            transcript: Vec::new(),
            fuse: None,
            numbers: 0,
        }
    }

    pub(crate) fn cse(&self, node: Node) -> &Cse {
        &self.hosts[node].cse
    }

    /// The resources of a type that a CSE holds.
    pub(crate) fn resources(&self, node: Node, of: ResourceType) -> Vec<Shared<Resource>> {
        let resource = |record| match record {
            Record::Resource(r) if r.resource_type == of => Some(r),
            Record::Resource(_)
            | Record::Counter(_)
            | Record::Neighbour(_)
            | Record::Session(_)
            | Record::Attempt(_)
            | Record::Change(_)
            | Record::Stored(_)
            | Record::Notice(_)
            | Record::Tombstone(_)
            | Record::Outcome(_) => None,
        };
        self.cse(node).durable().filter_map(resource).collect()
    }

    /// Opens a link; `from` is its client. An AE says who it is by `origin`.
    pub(crate) fn open(&mut self, from: Node, to: Node, origin: Option<&str>) -> LinkId {
        self.open_as(from, to, origin, true)
    }

    /// Opens a link that is trusted or not.
    pub(crate) fn open_as(
        &mut self,
        from: Node,
        to: Node,
        origin: Option<&str>,
        trusted: bool,
    ) -> LinkId {
        self.numbers += 1;
        let link = LinkId(self.numbers);
        self.wires.push(Wire {
            link,
            ends: [from, to],
        });
        let origin = origin.map(Into::into);
        let opening = Opening::Accepted { origin };
        self.step(
            to,
            Input::LinkOpened {
                link,
                opening,
                far_end: m2m_machine::cse::FarEnd::new(trusted),
            },
        );
        if self.hosts.contains_key(from) {
            let opening = Opening::Dialed;
            self.step(
                from,
                Input::LinkOpened {
                    link,
                    opening,
                    far_end: m2m_machine::cse::FarEnd::new(trusted),
                },
            );
        }
        link
    }

    /// Opens a link that a CSE opens to its registree.
    pub(crate) fn dial(&mut self, from: Node, to: Node) {
        let id = |world: &Self, node| world.cse(node).config().cse_id.clone();
        let (origin, cse) = (id(self, from), id(self, to));
        self.numbers += 1;
        let link = LinkId(self.numbers);
        let ends = [from, to];
        self.wires.push(Wire { link, ends });
        let openings = [
            (
                to,
                Opening::Accepted {
                    origin: Some(origin.0),
                },
            ),
            (from, Opening::DialedRegistree { cse }),
        ];
        for (node, opening) in openings {
            let trusted = true;
            let opened = Input::LinkOpened {
                link,
                opening,
                far_end: m2m_machine::cse::FarEnd::new(trusted),
            };
            self.step(node, opened);
        }
    }

    /// Cuts whatever links two nodes have; what is on its way between them is lost.
    pub(crate) fn cut(&mut self, one: Node, other: Node) {
        self.flight.remove(&(one, other));
        self.flight.remove(&(other, one));
        for link in self.links_between(one, other) {
            self.end(link);
        }
    }

    fn links_between(&self, one: Node, other: Node) -> Vec<LinkId> {
        self.wires
            .iter()
            .filter(|w| w.ends == [one, other] || w.ends == [other, one])
            .map(|w| w.link)
            .collect()
    }

    fn end(&mut self, link: LinkId) {
        let Some(at) = self.wires.iter().position(|w| w.link == link) else {
            return;
        };
        for node in self.wires.remove(at).ends {
            if self.hosts.contains_key(node) {
                self.step(node, Input::LinkLost { link });
            }
        }
    }

    /// The link that was opened last between two nodes, if one is open.
    pub(crate) fn link(&self, one: Node, other: Node) -> Option<LinkId> {
        self.links_between(one, other).pop()
    }

    /// The open links of a node and who is at their other ends, in the order of their opening.
    pub(crate) fn links_of(&self, node: Node) -> Vec<(LinkId, Node)> {
        let mine = self.wires.iter().filter(|w| w.ends.contains(&node));
        let peer = |w: &Wire| w.ends.into_iter().find(|end| *end != node);
        mine.filter_map(|w| Some((w.link, peer(w)?))).collect()
    }

    /// Loses the memory and the links of a CSE; its stored records stay, and it starts again at once.
    pub(crate) fn crash(&mut self, node: Node) {
        let host = self.hosts.get_mut(node).expect("a CSE");
        let config = host.cse.config().clone();
        host.cse = Cse::recover(config, host.stored.values().cloned(), self.now);
        let mine = |w: &&Wire| w.ends.contains(&node);
        let lost: Vec<Wire> = self.wires.iter().filter(mine).cloned().collect();
        for wire in lost {
            let [one, other] = wire.ends;
            self.flight.remove(&(one, other));
            self.flight.remove(&(other, one));
            self.end(wire.link);
        }
    }

    /// An AE end says something to a CSE.
    pub(crate) fn say(&mut self, from: Node, to: Node, primitive: Primitive) -> Vec<Output> {
        let link = self.link(from, to).expect("a link");
        self.step(to, Input::Received { link, primitive })
    }

    pub(crate) fn ask(&mut self, from: Node, to: Node, request: Request) -> Vec<Output> {
        self.say(from, to, Primitive::Request(Shared::new(request)))
    }

    pub(crate) fn answer(&mut self, from: Node, to: Node, response: Response) -> Vec<Output> {
        self.say(from, to, Primitive::Response(Shared::new(response)))
    }

    /// Asks as an AE end and takes what its CSE answers at once.
    pub(crate) fn exchange(&mut self, from: Node, to: Node, request: Request) -> Response {
        let id = request.request_id.clone();
        self.ask(from, to, request);
        let found = self.take_response(to, from, id.as_str());
        found.unwrap_or_else(|| panic!("{to} did not answer {id} of {from}"))
    }

    /// Takes the response to that request out of what waits for an AE end.
    pub(crate) fn take_response(&mut self, from: Node, to: Node, id: &str) -> Option<Response> {
        let queue = self.flight.entry((from, to)).or_default();
        let place = queue.iter().position(|(_, p)| match p {
            Primitive::Response(r) => r.request_id.as_ref().is_some_and(|i| i.as_str() == id),
            Primitive::Request(_) => false,
        })?;
        match queue.remove(place) {
            Some((_, Primitive::Response(r))) => Some(Response::clone(&r)),
            Some((_, Primitive::Request(_))) | None => None,
        }
    }

    /// What waits between two nodes, the oldest first.
    pub(crate) fn waiting(&self, from: Node, to: Node) -> impl Iterator<Item = &Primitive> {
        self.flight
            .get(&(from, to))
            .into_iter()
            .flatten()
            .map(|(_, p)| p)
    }

    /// Whether anything is on its way to a CSE or waits for an AE end.
    pub(crate) fn in_flight(&self) -> Vec<(Node, Node)> {
        let busy = self.flight.iter().filter(|(_, queue)| !queue.is_empty());
        busy.map(|(way, _)| *way).collect()
    }

    /// Lets the next message from one node to another pass.
    pub(crate) fn pass(&mut self, from: Node, to: Node) -> Option<Primitive> {
        let (link, primitive) = self.flight.get_mut(&(from, to))?.pop_front()?;
        if self.hosts.contains_key(to) {
            let primitive = primitive.clone();
            self.step(to, Input::Received { link, primitive });
        }
        Some(primitive)
    }

    /// The next message from one node to another is lost.
    pub(crate) fn lose_next(&mut self, from: Node, to: Node) -> Option<Primitive> {
        let (_, primitive) = self.flight.get_mut(&(from, to))?.pop_front()?;
        Some(primitive)
    }

    /// Lets everything between CSEs pass until nothing is on its way.
    pub(crate) fn settle(&mut self) {
        while let Some((from, to)) = self.between_cses() {
            self.pass(from, to);
        }
    }

    fn between_cses(&self) -> Option<(Node, Node)> {
        let mut busy = self.in_flight().into_iter();
        busy.find(|(_, to)| self.hosts.contains_key(to))
    }

    /// Moves the clock and lets everything that is due by then happen, in the order of time.
    pub(crate) fn wait(&mut self, milliseconds: u64) {
        self.wait_and(milliseconds, Self::settle);
    }

    /// The same, but what is sent meanwhile stays on its way.
    pub(crate) fn wait_without_passing(&mut self, milliseconds: u64) {
        self.wait_and(milliseconds, |_| {});
    }

    fn wait_and(&mut self, milliseconds: u64, then: fn(&mut Self)) {
        let until = self.now.plus(milliseconds);
        while let Some((at, node, timer)) = self.next_deadline()
            && at <= until
        {
            self.now = self.now.max(at);
            self.elapse(node, timer);
            then(self);
        }
        self.now = until;
    }

    /// The earliest deadline of any CSE, apart from redialling.
    pub(crate) fn next_deadline(&self) -> Option<(Timestamp, Node, Timer)> {
        let of = |(node, host): (&Node, &Host)| {
            let due = host.cse.deadlines().into_iter();
            let due = due.filter(|(_, timer)| *timer != Timer::Redial);
            due.min().map(|(at, timer)| (at, *node, timer))
        };
        self.hosts.iter().filter_map(of).min()
    }

    pub(crate) fn elapse(&mut self, node: Node, timer: Timer) -> Vec<Output> {
        let could_die = self.fuse.is_some();
        let outputs = self.step(node, Input::Elapsed(timer.clone()));
        let has_died = could_die && self.fuse.is_none();
        if !has_died {
            check_progress(self.cse(node), &timer, self.now);
        }
        outputs
    }

    /// Steps a machine, checks what it promises, and carries out what it says.
    pub(crate) fn step(&mut self, node: Node, input: Input) -> Vec<Output> {
        let env = self.env();
        let host = self.hosts.get_mut(node).expect("a CSE");
        let outputs = host.cse.step(env, input);
        check_outputs(&outputs);
        let is_whole = self.carry_out(node, &outputs);
        if is_whole {
            check_host(&self.hosts[node], env);
        } else {
            self.fuse = None;
            self.crash(node);
        }
        outputs
    }

    fn carry_out(&mut self, node: Node, outputs: &[Output]) -> bool {
        for output in outputs {
            if let Some((burning, left)) = &mut self.fuse
                && *burning == node
            {
                if *left == 0 {
                    return false;
                }
                *left -= 1;
            }
            match output {
                Output::Persist(updates) => {
                    let host = self.hosts.get_mut(node).expect("a CSE");
                    fold(&mut host.stored, updates);
                }
                Output::Send { link, primitive } => self.send(node, *link, primitive),
                Output::CloseLink { link, why } => {
                    if let Some(peer) = self.peer(node, *link) {
                        self.closed.push((node, peer, *why));
                        self.end(*link);
                    }
                }
                Output::Dial => {}
                Output::DialRegistree { cse, .. } => self.dialed.push((node, cse.clone())),
                Output::Report(event) => self.events.push((node, event.clone())),
                Output::Stopped => self.stopped.push(node),
            }
        }
        true
    }

    fn send(&mut self, from: Node, link: LinkId, primitive: &Primitive) {
        if let Some(to) = self.peer(from, link) {
            let queue = self.flight.entry((from, to)).or_default();
            queue.push_back((link, primitive.clone()));
        }
    }

    fn peer(&self, node: Node, link: LinkId) -> Option<Node> {
        let wire = self.wires.iter().find(|w| w.link == link)?;
        wire.ends.into_iter().find(|end| *end != node)
    }

    fn env(&mut self) -> Env {
        self.numbers += 1;
        let mut fresh = Fresh::predictable(0);
        let number = self.numbers.to_be_bytes();
        fresh.session[8..].copy_from_slice(&number);
        fresh.key[24..].copy_from_slice(&number);
        fresh.key_id[8..].copy_from_slice(&number);
        let now = self.now;
        Env { now, fresh }
    }
}

/// At most one batch for the store, and that first (USE-63).
pub(crate) fn check_outputs(outputs: &[Output]) {
    let batches = |o: &&Output| matches!(o, Output::Persist(_));
    let late = outputs.iter().skip(1).filter(batches).count();
    assert_eq!(late, 0, "a batch that is not first: {outputs:?}");
}

/// What holds for a CSE after each step.
pub(crate) fn check_host(host: &Host, env: Env) {
    let cse = &host.cse;
    assert_eq!(cse.violation(), None);
    assert!(cse.state().views_agree(), "views follow their records");
    assert_eq!(cse.next_deadline(), cse.deadlines().into_iter().min());
    // USE-64
    let durable: BTreeMap<Key, Record> = cse.durable().map(|r| (r.key(), r)).collect();
    assert_eq!(host.stored, durable, "stored records and durable view");
    let records = host.stored.values().cloned();
    let again = Cse::recover(cse.config().clone(), records, env.now);
    assert_eq!(again.violation(), None, "after recovery");
    assert!(
        again.durable().eq(cse.durable()),
        "recovery changes nothing"
    );
    let mut idle = cse.clone();
    for (at, timer) in cse.deadlines() {
        if at > env.now {
            let outputs = idle.step(env, Input::Elapsed(timer.clone()));
            assert_eq!(outputs, [], "{timer:?} is not due");
        }
    }
    assert!(idle == *cse, "timers that are not due change nothing");
}

/// A timer that has fired is not due again at once, else its host would spin.
pub(crate) fn check_progress(cse: &Cse, timer: &Timer, now: Timestamp) {
    let is_due = |(at, listed): &(Timestamp, Timer)| listed == timer && *at <= now;
    assert!(
        !cse.deadlines().iter().any(is_due),
        "{timer:?} is due for ever"
    );
}

/// Applies a batch to stored records.
pub(crate) fn fold(stored: &mut BTreeMap<Key, Record>, updates: &[Update]) {
    for update in updates {
        match update {
            Update::Put(record) => {
                stored.insert(record.key(), record.clone());
            }
            Update::Delete(key) => {
                stored.remove(key);
            }
        }
    }
}

/// The configuration of a CSE; names as in the wire contract.
pub(crate) fn config(name: &str, kind: CseKind, registrar: Option<&str>) -> Config {
    Config {
        cse_id: format!("/{name}").as_str().into(),
        service_provider: "sp.example".into(),
        providers: Vec::new(),
        name: name.into(),
        kind,
        registrar: registrar.map(Into::into),
        point_of_access: vec![format!("ws://{name}.example.net:9000").into()],
        allow_plain_mcc: true,
        dial_registree_poa: false,
        administrator: None,
        serializations: vec!["json".into()],
        verify_subscriptions: false,
        timers: Timers::default(),
        limits: Limits::default(),
        deviations: Deviations::default(),
        host: m2m_machine::config::Host::simple(measure),
    }
}

/// A stand-in for the length in JSON: the machine only compares and records it.
fn measure(value: &Value) -> u32 {
    u32::try_from(show::value(value).len()).unwrap_or(u32::MAX)
}
