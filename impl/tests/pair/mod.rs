//! Two CSE machines joined by a link, with the suite's messages played against them as JSON.

use m2m_cse::wire::{self, Dialect};
use m2m_machine::config::{Config, CseKind, Limits, Timers};
use m2m_machine::cse::{Input, Opening, Output};
use m2m_machine::deviation::Deviations;
use m2m_machine::id::LinkId;
use m2m_machine::{Cse, Env, Fresh, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// A place that messages come from or go to.
pub(crate) type Node = &'static str;

/// Two CSEs, their links, the clock, and the names that the CSEs chose.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cses: BTreeMap<Node, Cse>,
    pub(crate) now: Timestamp,
    pub(crate) fresh: Fresh,
    /// What waits for an AE, or is on its way between CSEs, by receiver and link.
    pub(crate) queues: BTreeMap<(Node, Node), VecDeque<Value>>,
    /// What went between the CSEs and awaits being looked at, by sender.
    pub(crate) seen: BTreeMap<Node, VecDeque<Value>>,
    pub(crate) links: BTreeMap<(Node, LinkId), Node>,
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) next_link: u64,
    pub(crate) joined: bool,
}

impl Pair {
    /// Both CSEs, not joined yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        let cse = |id: &str, kind: CseKind, registrar: Option<&str>| {
            Cse::new(config(id, kind, registrar), now)
        };
        let cses = BTreeMap::from([
            ("CSE1", cse("/cse1", CseKind::Mn, Some("/cse2/cse2"))),
            ("CSE2", cse("/cse2", CseKind::In, None)),
        ]);
        Self {
            cses,
            now,
            fresh: Fresh::predictable(1),
            queues: BTreeMap::new(),
            seen: BTreeMap::new(),
            links: BTreeMap::new(),
            names: BTreeMap::new(),
            next_link: 1,
            joined: false,
        }
    }

    /// Opens the link between the CSEs.
    pub(crate) fn join(&mut self) {
        let (first, second) = (self.new_link("CSE1", "CSE2"), self.new_link("CSE2", "CSE1"));
        self.joined = true;
        let accepted = Opening::Accepted {
            origin: Some("/cse1".into()),
        };
        self.open("CSE2", second, accepted);
        self.open("CSE1", first, Opening::Dialed);
    }

    /// Cuts the link between the CSEs; what is in flight is lost.
    pub(crate) fn cut(&mut self) {
        self.joined = false;
        self.queues.remove(&("CSE1", "CSE2"));
        self.queues.remove(&("CSE2", "CSE1"));
        for (node, peer) in [("CSE1", "CSE2"), ("CSE2", "CSE1")] {
            self.lose(node, peer);
        }
    }

    /// Opens the link of an AE.
    pub(crate) fn connect(&mut self, ae: Node, cse: Node, origin: Option<&str>) {
        let link = self.new_link(cse, ae);
        self.open(
            cse,
            link,
            Opening::Accepted {
                origin: origin.map(Into::into),
            },
        );
    }

    /// Loses the link between a CSE and someone.
    pub(crate) fn lose(&mut self, cse: Node, peer: Node) {
        let lost: Vec<LinkId> = self
            .links
            .iter()
            .filter(|((node, _), to)| *node == cse && **to == peer)
            .map(|((_, link), _)| *link)
            .collect();
        for link in lost {
            self.links.remove(&(cse, link));
            self.step(cse, Input::LinkLost { link });
        }
    }

    /// An AE sends a message, in which the names of the script become those that the CSEs chose.
    pub(crate) fn send(&mut self, ae: Node, cse: Node, message: &Value) {
        let text = self.renamed(message).to_string();
        let link = self.link(cse, ae);
        self.deliver(cse, link, &text);
    }

    /// The next message for a receiver from a sender, if there is one; the clock runs on until there is.
    pub(crate) fn next(&mut self, to: Node, from: Node) -> Option<Value> {
        for _ in 0..64 {
            let found = if to.starts_with("CSE") {
                self.seen.entry(from).or_default().pop_front()
            } else {
                self.queues.entry((to, from)).or_default().pop_front()
            };
            if found.is_some() || !self.elapse() {
                return found;
            }
        }
        None
    }

    /// Fires the earliest deadline of any CSE, moving the clock to it.
    pub(crate) fn elapse(&mut self) -> bool {
        let next = self
            .cses
            .iter()
            .filter_map(|(node, cse)| cse.next_deadline().map(|(at, timer)| (at, *node, timer)))
            .filter(|(at, ..)| at.0 > 0)
            .min();
        let Some((at, node, timer)) = next else {
            return false;
        };
        self.now = self.now.max(at);
        self.step(node, Input::Elapsed(timer));
        true
    }

    /// Steps a machine and carries out what it says; messages between the CSEs are delivered at once.
    pub(crate) fn step(&mut self, node: Node, input: Input) {
        let env = Env {
            now: self.now,
            fresh: self.fresh,
        };
        let cse = self.cses.get_mut(node).expect("a CSE");
        let outputs = cse.step(env, input);
        assert_eq!(cse.violation(), None, "at {node}");
        for output in outputs {
            match output {
                Output::Send { link, primitive } => {
                    let text = wire::encode(&primitive, &Dialect::Published).expect("it encodes");
                    let message: Value = serde_json::from_str(&text).expect("it is JSON");
                    if let Some(peer) = self.links.get(&(node, link)).copied() {
                        self.queues
                            .entry((peer, node))
                            .or_default()
                            .push_back(message);
                    }
                }
                Output::Persist(_)
                | Output::CloseLink { .. }
                | Output::Dial
                | Output::DialRegistree { .. }
                | Output::Report(_)
                | Output::Stopped => {}
            }
        }
        self.pass_on();
    }

    fn pass_on(&mut self) {
        for (to, from) in [("CSE1", "CSE2"), ("CSE2", "CSE1")] {
            while self.joined
                && let Some(message) = self.queues.entry((to, from)).or_default().pop_front()
            {
                self.seen
                    .entry(from)
                    .or_default()
                    .push_back(message.clone());
                let link = self.link(to, from);
                self.deliver(to, link, &message.to_string());
            }
        }
    }

    fn deliver(&mut self, cse: Node, link: LinkId, text: &str) {
        let input = match wire::decode(text, &Dialect::Published) {
            Ok(primitive) => Input::Received { link, primitive },
            Err(bad) => Input::Undecodable {
                link,
                request_id: bad.request_id,
                why: bad.why,
            },
        };
        self.step(cse, input);
    }

    fn open(&mut self, cse: Node, link: LinkId, opening: Opening) {
        self.step(
            cse,
            Input::LinkOpened {
                link,
                opening,
                far_end: m2m_machine::cse::FarEnd::new(true),
            },
        );
    }

    fn new_link(&mut self, cse: Node, peer: Node) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert((cse, link), peer);
        link
    }

    fn link(&self, cse: Node, peer: Node) -> LinkId {
        let mut links = self
            .links
            .iter()
            .filter(|((node, _), to)| *node == cse && **to == peer);
        links
            .next_back()
            .map(|((_, link), _)| *link)
            .expect("a link")
    }

    fn renamed(&self, message: &Value) -> Value {
        match message {
            Value::String(text) => Value::String(self.rename(text)),
            Value::Array(list) => list.iter().map(|v| self.renamed(v)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(k, v)| (k.clone(), self.renamed(v)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => message.clone(),
        }
    }

    fn rename(&self, text: &str) -> String {
        let part = |s: &str| self.names.get(s).cloned().unwrap_or_else(|| s.to_owned());
        text.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}

pub(crate) fn config(id: &str, kind: CseKind, registrar: Option<&str>) -> Config {
    let name = id.trim_start_matches('/');
    Config {
        cse_id: id.into(),
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
        host: m2m_cse::host::HOST,
    }
}
