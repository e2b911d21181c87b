//! The host's side of connections: opening, cutting and losing them, and what is sent on them.

use super::Turn;
use crate::memo::Deadlines;
use crate::topology::Place;
use crate::world::{Connection, End, Side, State, World, spend};
use m2m_machine::id::{CseId, LinkId};
use m2m_machine::primitive::Primitive;
use m2m_machine::{ae, cse};

impl Turn<'_> {
    /// The client opens a connection; the server knows of it first.
    pub(crate) fn open(&mut self, pair: usize) {
        let (client, server) = self.world.links[pair];
        let origin = match client {
            Place::Ae(ae) => self
                .state
                .ae(ae)
                .identity()
                .map(|known| known.id.stem().into()),
            Place::Cse(cse) => {
                let own = &self.state.cses[usize::from(cse)].config().cse_id;
                let topology = self.world.scenario.topology;
                Some(
                    topology
                        .seen_from(server, client, own.as_str())
                        .as_str()
                        .into(),
                )
            }
        };
        let (at_client, at_server) = (self.free_link(client, pair), self.free_link(server, pair));
        let end = |link| End {
            link: Some(link),
            closing: false,
            queue: Vec::new(),
        };
        let row = self.state.pairs[pair].make_mut();
        row.dialing = false;
        row.connections.push(Connection {
            client: end(at_client),
            server: end(at_server),
        });
        let accepted = cse::Opening::Accepted { origin };
        self.opened(server, at_server, accepted);
        let dialed = match self.world.scenario.topology.abroad(client, server) {
            Some(cse) => cse::Opening::DialedRegistree { cse },
            None => cse::Opening::Dialed,
        };
        self.opened(client, at_client, dialed);
    }

    pub(super) fn opened(&mut self, node: Place, link: LinkId, opening: cse::Opening) {
        match node {
            Place::Ae(ae) => self.step_ae(ae, ae::Input::LinkOpened { link }),
            Place::Cse(cse) => self.step_cse(
                cse,
                cse::Input::LinkOpened {
                    link,
                    opening,
                    far_end: cse::FarEnd::new(true),
                },
            ),
        }
    }

    pub(super) fn fail(&mut self, pair: usize) {
        spend(&mut self.state.left.failures);
        self.state.pairs[pair].make_mut().dialing = false;
        let (client, server) = self.world.links[pair];
        match (client, self.world.scenario.topology.abroad(client, server)) {
            (Place::Ae(ae), _) => self.step_ae(ae, ae::Input::DialFailed),
            (Place::Cse(cse), None) => self.step_cse(cse, cse::Input::DialFailed),
            (Place::Cse(at), Some(cse)) => {
                self.step_cse(at, cse::Input::RegistreeNotReached { cse });
            }
        }
        self.redial(pair);
    }

    /// Cuts every connection of a pair, at both ends.
    pub(super) fn cut(&mut self, pair: usize) {
        for connection in &mut self.state.pairs[pair].make_mut().connections {
            for side in Side::BOTH {
                connection.end_mut(side).queue.clear();
            }
        }
        for connection in (0..self.state.pairs[pair].connections.len()).rev() {
            for side in Side::BOTH {
                self.lose(pair, connection, side);
            }
        }
    }

    /// One end of a connection is gone for its node, and what was on its way there with it.
    pub(super) fn lose(&mut self, pair: usize, connection: usize, side: Side) {
        let row = self.state.pairs[pair].make_mut();
        let Some(row) = row.connections.get_mut(connection) else {
            return;
        };
        let end = row.end_mut(side);
        let link = end.link.take();
        end.queue.clear();
        if row.client.link.is_none() && row.server.link.is_none() {
            self.state.pairs[pair]
                .make_mut()
                .connections
                .remove(connection);
        }
        let Some(link) = link else { return };
        match self.world.node(pair, side) {
            Place::Ae(ae) => self.step_ae(ae, ae::Input::LinkLost { link }),
            Place::Cse(cse) => self.step_cse(cse, cse::Input::LinkLost { link }),
        }
        self.redial(pair);
    }

    /// A pause of no length before a link is dialed again is over at once.
    pub(crate) fn redial(&mut self, pair: usize) {
        let now = self.state.now;
        let memo = &self.world.memo;
        let due = |deadlines: Deadlines| {
            deadlines
                .iter()
                .any(|(at, due)| *at <= now && due.is_redial())
        };
        match self.world.links[pair].0 {
            Place::Cse(cse) => {
                let machine = &self.state.cses[usize::from(cse)];
                if due(memo.deadlines_of_cse(cse, machine)) {
                    self.step_cse(cse, cse::Input::Elapsed(cse::Timer::Redial));
                }
            }
            Place::Ae(ae) => {
                let machine = &self.state.aes[usize::from(ae)];
                if due(memo.deadlines_of_ae(ae, machine)) {
                    self.step_ae(ae, ae::Input::Elapsed(ae::Timer::Redial));
                }
            }
        }
    }

    pub(super) fn send(&mut self, node: Place, link: LinkId, primitive: Primitive) {
        let Some((pair, connection, side)) = self.find(node, link) else {
            return;
        };
        let other = self.state.pairs[pair].connections[connection].end(side.other());
        // A peer that is gone reads nothing any more.
        if other.link.is_some() {
            let row = &mut self.state.pairs[pair].make_mut().connections[connection];
            row.end_mut(side.other()).queue.push(primitive);
        }
    }

    pub(super) fn close(&mut self, node: Place, link: LinkId) {
        if let Some((pair, connection, side)) = self.find(node, link) {
            let row = &mut self.state.pairs[pair].make_mut().connections[connection];
            row.end_mut(side).closing = true;
        }
    }

    pub(super) fn dial(&mut self, node: Place) {
        let pairs = self.world.links.iter().zip(&mut self.state.pairs);
        for ((client, _), pair) in pairs {
            if *client == node {
                pair.make_mut().dialing = true;
            }
        }
    }

    pub(super) fn dial_abroad(&mut self, node: Place, wanted: &CseId) {
        let topology = self.world.scenario.topology;
        let pairs = self.world.links.iter().zip(&mut self.state.pairs);
        for ((client, server), pair) in pairs {
            if *client == node && topology.abroad(*client, *server).as_ref() == Some(wanted) {
                pair.make_mut().dialing = true;
            }
        }
    }

    /// The connection that a node calls by that number.
    pub(crate) fn find(&self, node: Place, link: LinkId) -> Option<(usize, usize, Side)> {
        find(self.world, &self.state, node, link)
    }

    /// The smallest number for a link of that pair of which the node knows nothing.
    pub(super) fn free_link(&self, node: Place, pair: usize) -> LinkId {
        let base = 1 + 8 * pair as u64;
        let is_free = |link: &LinkId| match node {
            Place::Cse(cse) => !self.state.cses[usize::from(cse)].mentions(*link),
            Place::Ae(_) => true,
        };
        let unused = |link: &LinkId| self.find(node, *link).is_none();
        (base..base + 8)
            .map(LinkId)
            .find(|link| is_free(link) && unused(link))
            .unwrap_or(LinkId(base + 7))
    }
}

/// The connection that a node calls by that number.
pub(crate) fn find(
    world: &World,
    state: &State,
    node: Place,
    link: LinkId,
) -> Option<(usize, usize, Side)> {
    for (pair, (client, server)) in world.links.iter().enumerate() {
        for (side, place) in [(Side::Client, *client), (Side::Server, *server)] {
            if place != node {
                continue;
            }
            let connections = &state.pairs[pair].connections;
            let at = connections
                .iter()
                .position(|c| c.end(side).link == Some(link));
            if let Some(at) = at {
                return Some((pair, at, side));
            }
        }
    }
    None
}
