//! A path as a ladder diagram: one line per message, named as in the figures of the flows.

use crate::action::Action;
use crate::interpret;
use crate::look;
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

const LOOP_BEGINS: &str = " .-- from here on for ever:\n";
const LOOP_ENDS: &str = " '-- and again\n";
const NOTHING_MORE: &str = " --- and nothing happens any more\n";

/// Draws a path.
pub(crate) fn draw(world: &World, actions: &[Action]) -> String {
    draw_lasso(world, actions, None)
}

/// Draws a path that goes on with a loop for ever.
pub(crate) fn draw_lasso(world: &World, stem: &[Action], round: Option<&[Action]>) -> String {
    let mut ladder = Ladder {
        world,
        columns: columns(world),
        asked: BTreeMap::new(),
        text: String::new(),
    };
    ladder.head();
    let mut state = world.initial.clone();
    let actions = stem.iter().chain(round.unwrap_or_default());
    for (number, action) in actions.enumerate() {
        if number == stem.len() {
            ladder.text.push_str(LOOP_BEGINS);
        }
        ladder.line(number + 1, &state, action);
        match interpret::perform(world, &state, action) {
            Some(next) => state = next,
            None => break,
        }
    }
    match round {
        None => ladder.under_way(&state),
        Some([]) => ladder.text.push_str(NOTHING_MORE),
        Some(_) => ladder.text.push_str(LOOP_ENDS),
    }
    ladder.text
}

/// A step in a few words, the same wherever it happens: of a delivery the message, as the figures name it.
pub(crate) fn caption(world: &World, state: &State, action: &Action) -> String {
    let (step, crashes) = if let Action::Crash {
        cause: Some((cause, _)),
        cse,
    } = action
    {
        (&**cause, Some(*cse))
    } else {
        (action, None)
    };
    let mut text = step.label(world);
    if let Action::Deliver {
        pair,
        connection,
        to,
    } = step
    {
        let row = &state.pairs[usize::from(*pair)].connections[usize::from(*connection)];
        let from = world.node(usize::from(*pair), to.other());
        match row.end(*to).queue.first() {
            Some(Primitive::Request(request)) => {
                let target = world.node(usize::from(*pair), *to);
                let at = |place| columns(world).iter().position(|c| *c == place);
                let named = request_name(request, from, at(from) > at(target));
                text = format!("{} {}", named.arrow, named.what).trim().to_owned();
            }
            Some(Primitive::Response(response)) => {
                let from = world.scenario.topology.name(from);
                text = format!("{} of {from}", response.status.0);
            }
            None => {}
        }
    }
    if let Some(cse) = crashes {
        let name = world.scenario.topology.name(Place::Cse(cse));
        let _ = write!(text, ", {name} crashes in it");
    }
    text
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
        let note = self.note(state, action);
        self.text.push_str(&note);
        self.text.push('\n');
    }

    /// What is still on its way at the end.
    fn under_way(&mut self, state: &State) {
        let messages: Vec<(usize, Side, Primitive)> = state
            .in_flight()
            .map(|(pair, to, primitive)| (pair, to, primitive.clone()))
            .collect();
        for (pair, to, primitive) in messages {
            let from = self.world.node(pair, to.other());
            self.text.push_str("  ~  ");
            self.arrow(from, self.world.node(pair, to));
            let name = self.name(number(pair), to, &primitive, from);
            self.text.push_str(&name);
            self.text.push_str(", on its way\n");
        }
    }

    /// What is lost with the connections of a link.
    fn lost(&mut self, state: &State, pair: u8) -> String {
        let messages: Vec<(Side, Primitive)> = state
            .in_flight()
            .filter(|(at, ..)| *at == usize::from(pair))
            .map(|(_, to, primitive)| (to, primitive.clone()))
            .collect();
        let names = messages.into_iter().map(|(to, primitive)| {
            let from = self.world.node(usize::from(pair), to.other());
            let name = self.name(pair, to, &primitive, from);
            let (arrow, what) = name.split_once(' ').unwrap_or((&name, ""));
            let what = what.split(" [").next().unwrap_or_default();
            if arrow.is_empty() { what } else { arrow }.to_owned()
        });
        let names: Vec<String> = names.collect();
        match names.len() {
            0 => String::new(),
            1 => format!(", {} is lost", names.concat()),
            _ => format!(", {} are lost", names.join(" ")),
        }
    }

    fn note(&mut self, state: &State, action: &Action) -> String {
        let label = action.label(self.world);
        match action {
            Action::Ask(ae) => {
                let at = state.wishes[usize::from(*ae)];
                let wish = &self.world.scenario.scripts[usize::from(*ae)][usize::from(at)];
                format!("* {label}{}", wanted(wish))
            }
            Action::Cut(pair) => format!("x {label}{}", self.lost(state, *pair)),
            Action::Lose { .. } | Action::Notice { .. } | Action::Fail(_) => {
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
        let (start, end) = (self.column(from), self.column(to));
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

    fn column(&self, place: Place) -> usize {
        self.columns.iter().position(|c| *c == place).unwrap_or(0)
    }

    fn name(&mut self, pair: u8, to: Side, primitive: &Primitive, from: Place) -> String {
        match primitive {
            Primitive::Request(request) => {
                let target = self.world.node(usize::from(pair), to);
                let back = self.column(from) > self.column(target);
                let named = request_name(request, from, back);
                let id = request.request_id.to_string();
                self.asked.insert((pair, to, id.clone()), named);
                let mut text = format!("{} {} [{id}]", named.arrow, named.what);
                if let Some(reason) = request.reason {
                    let _ = write!(text, " rsn {reason}");
                }
                let content = request.content.as_ref();
                if content.is_some_and(|c| look::has_secret(&c.value)) {
                    text.push_str(" with the key");
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

/// Links are few.
fn number(pair: usize) -> u8 {
    u8::try_from(pair).unwrap_or(u8::MAX)
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
        Wish::Write(_) | Wish::Send => " to write",
        Wish::Read { .. } => " to read",
        Wish::Erase => " to delete what it may not",
        Wish::Extend(_) => " for another end of the session",
        Wish::Deregister => " to leave",
        Wish::Disconnect => " for the end of its link",
        Wish::Stray => " reads what no path of the session covers",
        Wish::Meddle(_) => ", a stranger, makes a policy for others",
        Wish::Impersonate => ", a stranger, in the name of AE1",
        Wish::DismissHop => "'s operator to deregister CSE1 at CSE2",
        Wish::Stop => "'s operator to stop CSE1",
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

/// The message of the figures that a request is; `back`: on its way from the target's side to the initiator's.
fn request_name(request: &Request, from: Place, back: bool) -> Named {
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
        Operation::Delete => delete_name(request, by_cse, back),
        Operation::Notify => notify_name(request, back),
    }
}

fn update_name(request: &Request) -> Named {
    let members = request
        .content
        .as_ref()
        .and_then(|c| c.members_of(ResourceType::Session));
    match members.and_then(|m| m.get(&Attribute::Lifecycle)) {
        Some(_) => named("F1-16a", "UPDATE slc 2, confirm", "F1-16b"),
        None if members.is_some() => named("", "UPDATE session", ""),
        None => named("", "UPDATE", ""),
    }
}

fn delete_name(request: &Request, by_cse: bool, back: bool) -> Named {
    match (by_cse, request.session.is_some(), back) {
        (true, true, _) => named("E12-6", "DELETE by sid, compensation", "E12-9"),
        (true, false, false) => named("F3-03", "DELETE, hop", "F3-08"),
        (true, false, true) => named("F3A-2", "DELETE, hop", "F3A-5"),
        (false, _, false) => named("F3-01", "DELETE", "F3-10"),
        (false, _, true) => named("F3A-1", "DELETE", "F3A-6"),
    }
}

fn notify_name(request: &Request, back: bool) -> Named {
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
        Some(50_003) if back => named("F3A-3", "NOTIFY termination", "F3A-4"),
        Some(50_003) => named("F3-04", "NOTIFY termination", "F3-06"),
        Some(_) | None => named("", "NOTIFY", ""),
    }
}
