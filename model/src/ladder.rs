//! A path as a ladder diagram: one line per message, named as in the figures of the flows.

use crate::action::Action;
use crate::interpret;
use crate::topology::Place;
use crate::wish::Wish;
use crate::world::{Side, State, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Operation, Primitive, Request, Response, ResponseMode};
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Width of a column.
const COLUMN: usize = 9;

/// Draws a path.
pub(crate) fn draw(world: &World, actions: &[Action]) -> String {
    let mut ladder = Ladder {
        world,
        columns: columns(world),
        asked: BTreeMap::new(),
        text: String::new(),
    };
    ladder.head();
    let mut state = world.initial.clone();
    for (number, action) in actions.iter().enumerate() {
        ladder.line(number + 1, &state, action);
        match interpret::perform(world, &state, action) {
            Some(next) => state = next,
            None => break,
        }
    }
    ladder.text
}

struct Ladder<'a> {
    world: &'a World,
    columns: Vec<Place>,
    /// What was asked, by link, receiver and request identifier.
    asked: BTreeMap<(u8, Side, String), Named>,
    text: String,
}

/// A message of the figures: its arrow, its content, and the arrow of its answer.
#[derive(Clone, Copy)]
struct Named {
    arrow: &'static str,
    what: &'static str,
    answer: &'static str,
}

/// The nodes from left to right: initiators, CSEs, target.
fn columns(world: &World) -> Vec<Place> {
    let topology = world.scenario.topology;
    let aes = (0_u8..).take(topology.aes.len());
    let cses = (0_u8..).take(topology.cses.len()).map(Place::Cse);
    aes.filter(|at| *at != 1)
        .map(Place::Ae)
        .chain(cses)
        .chain([Place::Ae(1)])
        .collect()
}

impl Ladder<'_> {
    fn head(&mut self) {
        self.text.push_str("     ");
        for place in &self.columns {
            let name = self.world.scenario.topology.name(*place);
            let _ = write!(self.text, "{name:<COLUMN$}");
        }
        self.text.push('\n');
    }

    fn line(&mut self, number: usize, state: &State, action: &Action) {
        let _ = write!(self.text, "{number:>3}  ");
        let (message, crash) = if let Action::Crash {
            cause: Some((cause, _)),
            ..
        } = action
        {
            (&**cause, true)
        } else {
            (action, false)
        };
        if let Action::Deliver {
            pair,
            connection,
            to,
        } = message
        {
            let end =
                state.pairs[usize::from(*pair)].connections[usize::from(*connection)].end(*to);
            if let Some(primitive) = end.queue.first().cloned() {
                let from = self.world.node(usize::from(*pair), to.other());
                let target = self.world.node(usize::from(*pair), *to);
                self.arrow(from, target);
                let name = self.name(*pair, *to, &primitive, from);
                self.text.push_str(&name);
                if crash {
                    let label = action.label(self.world);
                    let rest = label.split_once("; ").map_or("", |(_, rest)| rest);
                    let _ = write!(self.text, "; {rest}");
                }
                self.text.push('\n');
                return;
            }
        }
        let marks = self.columns.iter().map(|_| format!("{:<COLUMN$}", "|"));
        let marks: String = marks.collect();
        self.text.push_str(&marks);
        let _ = writeln!(self.text, "{}", self.note(state, action));
    }

    fn note(&self, state: &State, action: &Action) -> String {
        let label = action.label(self.world);
        match action {
            Action::Ask(ae) => {
                let at = state.wishes[usize::from(*ae)];
                let wish = &self.world.scenario.scripts[usize::from(*ae)][usize::from(at)];
                format!("* {label}{}", wanted(wish))
            }
            Action::Cut(_) | Action::Lose { .. } | Action::Notice { .. } | Action::Fail(_) => {
                format!("x {label}")
            }
            Action::Crash { .. } => format!("! {label}"),
            Action::Elapse(_) | Action::Advance(_) => format!("@ {label}"),
            Action::Decide { .. }
            | Action::Deliver { .. }
            | Action::Reopen(_)
            | Action::Repeat { .. } => format!("* {label}"),
        }
    }

    fn arrow(&mut self, from: Place, to: Place) {
        let at = |place| self.columns.iter().position(|c| *c == place).unwrap_or(0);
        let (start, end) = (at(from), at(to));
        let (left, right) = (start.min(end), start.max(end));
        for column in 0..self.columns.len() {
            let inside = column >= left && column < right;
            let fill = if inside { '-' } else { ' ' };
            let mark = if column == end {
                if end > start { '>' } else { '<' }
            } else if column == start {
                'o'
            } else if inside {
                '-'
            } else {
                '|'
            };
            self.text.push(mark);
            self.text.extend(std::iter::repeat_n(fill, COLUMN - 1));
        }
    }

    fn name(&mut self, pair: u8, to: Side, primitive: &Primitive, from: Place) -> String {
        match primitive {
            Primitive::Request(request) => {
                let named = request_name(request, from);
                let id = request.request_id.to_string();
                self.asked.insert((pair, to, id.clone()), named);
                let mut text = format!("{} {} [{id}]", named.arrow, named.what);
                if let Some(reason) = request.reason {
                    let _ = write!(text, " rsn {reason}");
                }
                text
            }
            Primitive::Response(response) => {
                let id = response.request_id.as_ref().map(ToString::to_string);
                let id = id.unwrap_or_default();
                let key = (pair, to.other(), id.clone());
                let answer = self.asked.get(&key).map_or("", |named| named.answer);
                format!("{answer} {} [{id}]{}", response.status.0, said(response))
            }
        }
    }
}

fn wanted(wish: &Wish) -> &'static str {
    match wish {
        Wish::Connect => " to be connected",
        Wish::Register => " to be registered",
        Wish::Grant | Wish::Apply => " for an access control policy",
        Wish::Container(_) => " for a container",
        Wish::Subscribe { .. } => " to be told of its sessions",
        Wish::Discover => " whom there is",
        Wish::Establish(_) => " for a session",
        Wish::Terminate => " for the end of the session",
        Wish::Policy(_) => " for a policy",
        Wish::Write(_) => " to write",
        Wish::Read { .. } => " to read",
        Wish::Erase => " to delete what it may not",
        Wish::Deregister => " to leave",
        Wish::Disconnect => " for the end of its link",
        Wish::Impersonate => ", a stranger, in the name of AE1",
        Wish::Misuse(_) => ", a stranger, with the session of others",
    }
}

fn said(response: &Response) -> &'static str {
    let content = response.content.as_ref();
    let key = content
        .and_then(|c| c.members_of(ResourceType::Session))
        .and_then(|m| m.get(&Attribute::Credentials));
    if key.is_some() { " with the key" } else { "" }
}

const fn named(arrow: &'static str, what: &'static str, answer: &'static str) -> Named {
    Named {
        arrow,
        what,
        answer,
    }
}

fn request_name(request: &Request, from: Place) -> Named {
    let by_cse = matches!(from, Place::Cse(_));
    let forwarded = by_cse && request.request_id.as_str().contains('/');
    let resource_type = request.resource_type.and_then(ResourceType::from_number);
    match request.operation {
        Operation::Create => match resource_type {
            Some(ResourceType::Session) if by_cse => named("F1-09", "CREATE session, hop", "F1-15"),
            Some(ResourceType::Session) => named("F1-07", "CREATE session", "F1-17"),
            Some(ResourceType::SessionPolicy) if by_cse => {
                named("F1-19", "CREATE policy, hop", "F1-21")
            }
            Some(ResourceType::SessionPolicy) => named("F1-18", "CREATE policy", "F1-23"),
            Some(ResourceType::Subscription) => named("F1-03", "CREATE subscription", "F1-05"),
            Some(ResourceType::Ae) => named("F1-02a", "CREATE AE", "F1-02b"),
            Some(ResourceType::RemoteCse) => named("F1-01a", "CREATE remoteCSE", "F1-01b"),
            Some(_) if request.session.is_none() => named("", "CREATE", ""),
            Some(_) | None if forwarded => named("F2-07", "CREATE data, forwarded", "F2-14"),
            Some(_) | None => match request.response_mode() {
                ResponseMode::Blocking | ResponseMode::NoResponse => {
                    named("F2-01", "CREATE data", "F2-16")
                }
                ResponseMode::NonBlockingSynch
                | ResponseMode::NonBlockingAsynch
                | ResponseMode::FlexBlocking => {
                    named("F2-01", "CREATE data, non-blocking", "F2-06a")
                }
            },
        },
        Operation::Retrieve if request.session.is_some() => {
            named("F2-20", "RETRIEVE data", "F2-27")
        }
        Operation::Retrieve if by_cse => named("F1-01c", "RETRIEVE CSEBase", "F1-01d"),
        Operation::Retrieve => named("", "RETRIEVE", ""),
        Operation::Update => update_name(request),
        Operation::Delete => delete_name(request, by_cse),
        Operation::Notify => notify_name(request),
    }
}

fn update_name(request: &Request) -> Named {
    let members = request
        .content
        .as_ref()
        .and_then(|c| c.members_of(ResourceType::Session));
    match members.and_then(|m| m.get(&Attribute::Lifecycle)) {
        Some(_) => named("F1-16a", "UPDATE slc 2, confirm", "F1-16b"),
        None => named("", "UPDATE", ""),
    }
}

fn delete_name(request: &Request, by_cse: bool) -> Named {
    match (by_cse, request.session.is_some()) {
        (true, true) => named("E12-6", "DELETE by sid, compensation", "E12-9"),
        (true, false) => named("F3-03", "DELETE, hop", "F3-08"),
        (false, _) => named("F3-01", "DELETE", "F3-10"),
    }
}

fn notify_name(request: &Request) -> Named {
    let content = request.content.as_ref().map(|c| &c.value);
    let member = |name: &Attribute| content.and_then(|c| c.member(name));
    if member(&Attribute::ResponsePrimitive).is_some() {
        return named("F2-16a", "NOTIFY result", "F2-16b");
    }
    let event = member(&Attribute::Notification)
        .and_then(|sgn| sgn.member(&Attribute::NotificationEvent))
        .and_then(|nev| nev.member(&Attribute::NotificationEventType))
        .and_then(Value::as_integer);
    match event {
        Some(50_001) => named("F1-12", "NOTIFY establishment", "F1-13"),
        Some(50_002) => named("F2-18", "NOTIFY update", "F2-19"),
        Some(50_003) => named("F3-04", "NOTIFY termination", "F3-06"),
        Some(_) | None => named("", "NOTIFY", ""),
    }
}
