//! A yardstick: single-decree Paxos with three servers and three clients on stateright's `ActorModel`.
//!
//! Every machine with a checker can run it, so a rate means the same everywhere when it stands beside this one.

use stateright::actor::{Actor, ActorModel, Id, Network, Out, majority, model_peers};
use stateright::{Checker, Expectation, Model};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const SERVERS: usize = 3;
const CLIENTS: usize = 3;

/// Round, and the server that opened it.
type Ballot = (u32, usize);
/// The client that wants it.
type Value = usize;

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Message {
    Want(Value),
    Prepare(Ballot),
    Promise(Ballot, Option<(Ballot, Value)>),
    Accept(Ballot, Value),
    Accepted(Ballot),
    Chosen(Value),
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Node {
    Client { chosen: Option<Value> },
    Server(Server),
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct Server {
    promised: Ballot,
    accepted: Option<(Ballot, Value)>,
    wanted: Option<(Id, Value)>,
    promises: BTreeMap<Id, Option<(Ballot, Value)>>,
    votes: BTreeSet<Id>,
    chosen: Option<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Role {
    Client,
    Server,
}

impl Actor for Role {
    type Msg = Message;
    type State = Node;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, id: Id, _: &Option<()>, out: &mut Out<Self>) -> Node {
        match self {
            Self::Server => Node::Server(Server::default()),
            Self::Client => {
                let me = usize::from(id);
                out.send(Id::from(me % SERVERS), Message::Want(me));
                Node::Client { chosen: None }
            }
        }
    }

    fn on_msg(
        &self,
        id: Id,
        state: &mut Cow<'_, Node>,
        from: Id,
        message: Message,
        out: &mut Out<Self>,
    ) {
        match (&**state, message) {
            (Node::Client { chosen: None }, Message::Chosen(value)) => {
                *state = Cow::Owned(Node::Client {
                    chosen: Some(value),
                });
            }
            (Node::Client { .. }, _) => {}
            (Node::Server(server), message) => {
                let mut server = server.clone();
                if server.take(id, from, message, out).is_some() {
                    *state = Cow::Owned(Node::Server(server));
                }
            }
        }
    }
}

impl Server {
    /// Deals with a message; `None` if it changes nothing.
    fn take(&mut self, me: Id, from: Id, message: Message, out: &mut Out<Role>) -> Option<()> {
        let own = usize::from(me);
        let peers = model_peers(own, SERVERS);
        match message {
            Message::Want(value) if self.wanted.is_none() => {
                self.wanted = Some((from, value));
                self.promised = (self.promised.0 + 1, own);
                self.promises.insert(me, self.accepted);
                out.broadcast(&peers, &Message::Prepare(self.promised));
            }
            Message::Prepare(ballot) if self.promised < ballot => {
                self.promised = ballot;
                out.send(from, Message::Promise(ballot, self.accepted));
            }
            Message::Promise(ballot, last) if ballot == self.promised && self.votes.is_empty() => {
                let (_, wanted) = self.wanted?;
                self.promises.insert(from, last);
                if self.promises.len() == majority(SERVERS) {
                    let known = self.promises.values().flatten().max();
                    let value = known.map_or(wanted, |(_, value)| *value);
                    self.accepted = Some((ballot, value));
                    self.votes.insert(me);
                    out.broadcast(&peers, &Message::Accept(ballot, value));
                }
            }
            Message::Accept(ballot, value) if self.promised <= ballot => {
                self.promised = ballot;
                self.accepted = Some((ballot, value));
                out.send(from, Message::Accepted(ballot));
            }
            Message::Accepted(ballot) if ballot == self.promised && self.chosen.is_none() => {
                let (client, _) = self.wanted?;
                let (_, value) = self.accepted?;
                self.votes.insert(from);
                if self.votes.len() == majority(SERVERS) {
                    self.chosen = Some(value);
                    out.broadcast(&peers, &Message::Chosen(value));
                    out.send(client, Message::Chosen(value));
                }
            }
            Message::Chosen(value) if self.chosen.is_none() => self.chosen = Some(value),
            Message::Want(_)
            | Message::Prepare(_)
            | Message::Promise(..)
            | Message::Accept(..)
            | Message::Accepted(_)
            | Message::Chosen(_) => return None,
        }
        Some(())
    }
}

fn chosen(node: &Node) -> Option<Value> {
    match node {
        Node::Client { chosen } => *chosen,
        Node::Server(server) => server.chosen,
    }
}

/// What a search of it came to: unique states, transitions, time, and whether all agree.
pub(crate) fn search() -> (usize, usize, Duration, bool) {
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = ActorModel::new((), ())
        .actors(std::iter::repeat_n(Role::Server, SERVERS))
        .actors(std::iter::repeat_n(Role::Client, CLIENTS))
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, "all agree", |_, state| {
            let values: BTreeSet<_> = state
                .actor_states
                .iter()
                .filter_map(|n| chosen(n))
                .collect();
            values.len() < 2
        })
        .property(Expectation::Sometimes, "something is chosen", |_, state| {
            state.actor_states.iter().any(|node| chosen(node).is_some())
        })
        .checker()
        .threads(threads)
        .spawn_bfs()
        .join();
    let agrees = checker.discovery("all agree").is_none();
    let decides = checker.discovery("something is chosen").is_some();
    (
        checker.unique_state_count(),
        checker.state_count(),
        began.elapsed(),
        agrees && decides,
    )
}
