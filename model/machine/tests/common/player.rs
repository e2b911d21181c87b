//! AEs that play along by themselves: they answer what they are asked, ask again after a loss, and keep count.

use super::message::{Ticket, event, reason, reply, session_of, ticket, yes};
use super::scene::{below_target, far, name_of, stem};
use super::{Node, World};
use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::id::RequestId;
use m2m_machine::primitive::{Primitive, Request, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use std::collections::BTreeMap;

/// A question to the target.
const ESTABLISHMENT: i64 = 50_001;

/// The AEs of a world, and what they have seen.
#[derive(Clone, Default)]
pub(crate) struct Players {
    /// Asked and not answered yet, by AE and identifier.
    open: BTreeMap<(Node, RequestId), Request>,
    /// Answers, by AE and identifier, in the order in which they came.
    pub(crate) answers: BTreeMap<(Node, RequestId), Vec<Response>>,
    /// Notifications that an AE got: the first of each identifier.
    pub(crate) told: BTreeMap<(Node, RequestId), Request>,
}

impl Players {
    /// An AE asks its CSE, and asks again with the same identifier after a loss until it is answered.
    pub(crate) fn ask(&mut self, world: &mut World, ae: Node, request: Request) {
        let key = (ae, request.request_id.clone());
        self.open.insert(key, request.clone());
        let cse = home(world, ae);
        if world.link(ae, cse).is_some() {
            world.ask(ae, cse, request);
        }
    }

    /// The last answer to a request of an AE.
    pub(crate) fn answer(&self, ae: Node, id: &str) -> Option<&Response> {
        let key = (ae, RequestId::from(id));
        self.answers.get(&key).and_then(|all| all.last())
    }

    /// The sessions that AE1 was given, in the order of their requests.
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        let all = self.answers.values().filter_map(|all| all.last());
        let created = all.filter(|r| r.status == Status::CREATED && session_of(r).is_some());
        created.map(ticket).collect()
    }

    /// The identifier of a session at its CSE that AE2 was asked to take part in.
    pub(crate) fn asked_of_target(&self) -> Option<String> {
        let questions = self.told.values().filter_map(event);
        let mut newest_first = questions.rev();
        let (_, shown) = newest_first.find(|(kind, _)| *kind == ESTABLISHMENT)?;
        let session = shown.member(&Attribute::Resource(ResourceType::Session))?;
        let id = session.member(&Attribute::ResourceId)?;
        id.as_text().map(ToString::to_string)
    }

    /// Whoever was answered more than once, after a repetition, got the same answer (REG-31).
    pub(crate) fn check_single_answers(&self) {
        for (key, all) in &self.answers {
            let first = &all[0];
            assert!(all.iter().all(|r| r == first), "{key:?}: {all:#?}");
        }
    }

    /// The reasons that an AE was given for ends of sessions.
    pub(crate) fn reasons(&self, ae: Node) -> Vec<i64> {
        let mine = self.told.iter().filter(|((to, _), _)| *to == ae);
        mine.filter_map(|(_, n)| reason(n)).collect()
    }

    /// Plays until nothing is on its way, all links are open, and nothing is due before `until`.
    pub(crate) fn play(&mut self, world: &mut World, until: Timestamp) {
        for _ in 0..10_000 {
            if let Some(way) = world.in_flight().into_iter().next() {
                self.pass(world, way);
            } else if !self.reopen(world) {
                match world.next_deadline() {
                    Some((at, node, timer)) if at <= until => {
                        world.now = world.now.max(at);
                        world.elapse(node, timer);
                    }
                    Some(_) | None => return,
                }
            }
        }
        panic!("it never comes to rest");
    }

    /// Lets the next message of one way pass; an AE reacts to it.
    pub(crate) fn pass(&mut self, world: &mut World, (from, to): (Node, Node)) {
        let primitive = world.pass(from, to).expect("it is in flight");
        if !world.hosts.contains_key(to) {
            self.react(world, to, from, primitive);
        }
    }

    fn react(&mut self, world: &mut World, ae: Node, cse: Node, primitive: Primitive) {
        match primitive {
            Primitive::Response(response) => {
                let id = response.request_id.clone().expect("an identifier");
                let key = (ae, id);
                self.open.remove(&key);
                let all = self.answers.entry(key).or_default();
                all.push(Response::clone(&response));
            }
            Primitive::Request(request) => {
                let key = (ae, request.request_id.clone());
                let kind = event(&request).map(|(kind, _)| kind);
                let offered = [below_target(world, "container1")];
                let answer = if kind == Some(ESTABLISHMENT) {
                    yes(&request, &[&offered[0]])
                } else {
                    reply(&request, Status::OK)
                };
                self.told
                    .entry(key)
                    .or_insert_with(|| Request::clone(&request));
                if world.link(ae, cse).is_some() {
                    world.answer(ae, cse, answer);
                }
            }
        }
    }

    /// Opens a link that is missing; `false` if none is.
    fn reopen(&self, world: &mut World) -> bool {
        for registree in ["CSE1", "CSE3"] {
            let is_there = world.hosts.contains_key(registree) && world.hosts.len() > 1;
            if is_there && world.link(registree, "CSE2").is_none() {
                let origin = format!("/{}", name_of(registree));
                world.open(registree, "CSE2", Some(&origin));
                return true;
            }
        }
        for ae in ["AE1", "AE2"] {
            let cse = home(world, ae);
            if world.link(ae, cse).is_none() {
                world.open(ae, cse, Some(&stem(ae)));
                let again = self.open.iter().filter(|((who, _), _)| *who == ae);
                for (_, request) in again
                    .map(|(k, r)| (k.clone(), r.clone()))
                    .collect::<Vec<_>>()
                {
                    if world.link(ae, cse).is_some() {
                        world.ask(ae, cse, request);
                    }
                }
                return true;
            }
        }
        false
    }
}

/// The CSE at which an AE is registered.
fn home(world: &World, ae: Node) -> Node {
    if ae == "AE2" { far(world) } else { "CSE1" }
}
