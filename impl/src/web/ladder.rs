//! What was said about each session over the links of this CSE, as a ladder diagram.
//!
//! It is a look at what passes, kept by the host for operators; nothing depends on it, and it does not survive a
//! restart.

use super::html::escape;
use crate::wire::time;
use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{LinkId, SessionId};
use m2m_machine::primitive::{Operation, Primitive};
use m2m_machine::text::Text;
use m2m_machine::value::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

/// Sessions that are remembered; the one that was heard of first is forgotten first.
const SESSIONS_MAX: usize = 50;
/// Messages of one session; the oldest is forgotten.
const RUNGS_MAX: usize = 40;
/// Requests whose answers may tell which session they are of.
const ASKED_MAX: usize = 512;
/// How deep the identifier of a session may stand in a content.
const DEPTH_MAX: u32 = 8;

const COLUMN: usize = 230;
const ROW: usize = 24;
const HEAD: usize = 34;
const LABEL_CHARS: usize = 30;

/// A message between this CSE and a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Rung {
    /// Its place among all messages.
    number: u64,
    at: Timestamp,
    from: Text,
    to: Text,
    label: String,
}

/// A message that passes over a link.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// When.
    pub at: Timestamp,
    /// Over which link.
    pub link: LinkId,
    /// Whether this CSE sends it.
    pub is_sent: bool,
    /// This CSE.
    pub own: &'a str,
    /// Who is at the other end.
    pub peer: &'a str,
    /// What.
    pub primitive: &'a Primitive,
}

/// A request without answer so far: over which link, whether this CSE sent it, its identifier.
type Asked = (LinkId, bool, Text);

/// The ladders of the sessions that were heard of last.
#[derive(Debug, Default)]
pub struct Ladders {
    sessions: BTreeMap<SessionId, VecDeque<Rung>>,
    order: VecDeque<SessionId>,
    asked: BTreeMap<Asked, (Rung, Option<SessionId>)>,
    own: Text,
    messages: u64,
}

impl Ladders {
    /// Takes note of a message.
    pub fn note(&mut self, passing: Passing<'_>) {
        let (from, to) = match passing.is_sent {
            true => (passing.own, passing.peer),
            false => (passing.peer, passing.own),
        };
        if self.own != passing.own {
            self.own = passing.own.into();
        }
        self.messages += 1;
        let number = self.messages;
        let rung = |label| Rung {
            number,
            at: passing.at,
            from: from.into(),
            to: to.into(),
            label,
        };
        match passing.primitive {
            Primitive::Request(request) => {
                let content = request.content.as_ref();
                let session = request.session.clone();
                let session = session.or_else(|| content.and_then(|c| find(&c.value, 0)));
                let rung = rung(format!("{} {}", verb(request.operation), request.to));
                if let Some(session) = &session {
                    self.push(session, rung.clone());
                }
                if self.asked.len() >= ASKED_MAX {
                    self.asked.pop_first();
                }
                let id = request.request_id.as_str().into();
                let asked = (passing.link, passing.is_sent, id);
                self.asked.insert(asked, (rung, session));
            }
            Primitive::Response(response) => {
                let id = response.request_id.as_ref();
                let id = id.map(|id| id.as_str().into()).unwrap_or_default();
                let asked = self.asked.remove(&(passing.link, !passing.is_sent, id));
                let (question, known) = match asked {
                    Some((rung, session)) => (Some(rung), session),
                    None => (None, None),
                };
                let content = response.content.as_ref();
                let session = response.session.clone().or_else(|| known.clone());
                let session = session.or_else(|| content.and_then(|c| find(&c.value, 0)));
                if let Some(session) = session {
                    if let Some(question) = question.filter(|_| known.is_none()) {
                        self.push(&session, question);
                    }
                    self.push(&session, rung(response.status.0.to_string()));
                }
            }
        }
    }

    /// Sessions that are remembered, the one heard of last first.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionId> + '_ {
        self.order.iter().rev()
    }

    fn push(&mut self, session: &SessionId, rung: Rung) {
        if !self.sessions.contains_key(session) {
            self.order.push_back(session.clone());
            if self.order.len() > SESSIONS_MAX
                && let Some(first) = self.order.pop_front()
            {
                self.sessions.remove(&first);
            }
        }
        let rungs = self.sessions.entry(session.clone()).or_default();
        if rungs.len() >= RUNGS_MAX {
            rungs.pop_front();
        }
        // What belongs to a session by its answer only is noted when the answer comes.
        let place = rungs.iter().rposition(|r| r.number < rung.number);
        rungs.insert(place.map_or(0, |at| at + 1), rung);
    }

    /// The diagram of a session as SVG; `None` if nothing was heard of it.
    #[must_use]
    pub fn svg(&self, session: &SessionId) -> Option<String> {
        let rungs = self.sessions.get(session)?;
        let mut names: Vec<&str> = Vec::new();
        for name in rungs.iter().flat_map(|r| [&*r.from, &*r.to]) {
            if !names.contains(&name) && *name != *self.own {
                names.push(name);
            }
        }
        // This CSE stands between its peers.
        names.insert(names.len().min(1), &self.own);
        let middle = |name: &str| {
            let place = names.iter().position(|n| *n == name).unwrap_or(0);
            place * COLUMN + COLUMN / 2
        };
        let width = names.len() * COLUMN;
        let height = HEAD + (rungs.len() + 1) * ROW;
        let mut svg = String::new();
        let mut put = |text: std::fmt::Arguments<'_>| {
            svg.write_fmt(text).expect("a string takes all");
        };
        put(format_args!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
             aria-label=\"Messages of the session\">"
        ));
        for name in &names {
            let x = middle(name);
            let name = escape(name);
            put(format_args!(
                "<text class=\"who\" x=\"{x}\" y=\"16\">{name}</text>"
            ));
            put(format_args!(
                "<path class=\"life\" d=\"M{x} 24V{height}\"/>"
            ));
        }
        for (row, rung) in rungs.iter().enumerate() {
            let y = HEAD + (row + 1) * ROW;
            let (from, to) = (middle(&rung.from), middle(&rung.to));
            let tip = if from < to { to - 6 } else { to + 6 };
            let label = escape(&shortened(&rung.label));
            let (at, whole) = (time::format(rung.at), escape(&rung.label));
            put(format_args!("<g><title>{at} {whole}</title>"));
            put(format_args!(
                "<path class=\"line\" d=\"M{from} {y}H{to}\"/>"
            ));
            put(format_args!(
                "<path class=\"tip\" d=\"M{to} {y}L{tip} {}V{}Z\"/>",
                y - 4,
                y + 4
            ));
            put(format_args!(
                "<text x=\"{}\" y=\"{}\">{label}</text></g>",
                usize::midpoint(from, to),
                y - 5
            ));
        }
        put(format_args!("</svg>"));
        Some(svg)
    }
}

/// The identifier of the session that a content is about.
fn find(value: &Value, depth: u32) -> Option<SessionId> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value {
        Value::Object(members) => {
            let own = members.get(&Attribute::SessionId).and_then(Value::as_text);
            own.map(|id| SessionId::from(id.as_str()))
                .or_else(|| members.values().find_map(|inner| find(inner, depth + 1)))
        }
        Value::List(list) => list.iter().find_map(|inner| find(inner, depth + 1)),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Sealed(_)
        | Value::Secret(_) => None,
    }
}

const fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "CREATE",
        Operation::Retrieve => "RETRIEVE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
        Operation::Notify => "NOTIFY",
    }
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARS {
        return label.to_owned();
    }
    let kept: String = label.chars().take(LABEL_CHARS - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use m2m_machine::primitive::{Request, Response};
    use m2m_machine::shared::Shared;
    use m2m_machine::status::Status;

    const PEER: &str = "/cse1/C<ae>";

    fn request(session: Option<&str>, id: &str) -> Primitive {
        let mut request = Request::new(Operation::Retrieve, "cse1/<x>", "Cae", id.into());
        request.session = session.map(SessionId::from);
        Primitive::Request(Shared::new(request))
    }

    fn response(session: Option<&str>, id: &str) -> Primitive {
        let mut response = Response::new(Status::OK, id.into());
        response.session = session.map(SessionId::from);
        Primitive::Response(Shared::new(response))
    }

    fn note(ladders: &mut Ladders, at: u64, is_sent: bool, primitive: &Primitive) {
        ladders.note(Passing {
            at: Timestamp(at),
            link: LinkId(1),
            is_sent,
            own: "/cse1",
            peer: PEER,
            primitive,
        });
    }

    #[test]
    fn a_request_belongs_to_the_session_that_its_answer_names() {
        let mut ladders = Ladders::default();

        note(&mut ladders, 1, false, &request(None, "x1"));
        note(&mut ladders, 2, false, &request(None, "x2"));
        note(&mut ladders, 3, true, &response(Some("s"), "x1"));
        note(&mut ladders, 4, true, &response(None, "x2"));

        let svg = ladders.svg(&"s".into()).expect("it was heard of");
        assert_eq!(svg.matches("<g>").count(), 2, "{svg}");
        assert!(svg.contains("RETRIEVE cse1/&lt;x&gt;"), "{svg}");
        assert!(
            svg.contains("/cse1/C&lt;ae&gt;") && !svg.contains("<ae>"),
            "{svg}"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut ladders = Ladders::default();

        for number in 0..2_000_u64 {
            let name = format!("s{number}");
            note(&mut ladders, number, false, &request(Some(&name), &name));
            note(&mut ladders, number, false, &request(Some("same"), &name));
        }

        assert_eq!(ladders.sessions().count(), SESSIONS_MAX);
        assert!(ladders.sessions.values().all(|r| r.len() <= RUNGS_MAX));
        assert!(ladders.asked.len() <= ASKED_MAX);
        assert_eq!(ladders.order.len(), ladders.sessions.len());
    }
}
