//! What stands between the suite and the server and does what a defect says.
//!
//! It is pure: units in, parcels out. So it also answers, for the units of a recorded case,
//! whether a defect would have done anything there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::mutants::unit::{Frame, Head, Unit, Way};

/// What becomes of a unit.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It goes on, as the rule left it.
    Pass,
    /// It is lost.
    Drop,
    /// It goes on twice.
    Twice,
    /// It goes on behind the next one of its direction.
    Behind,
    /// It goes on, with this message before it.
    After(Value),
    /// It goes on, and this message follows it.
    With(Value),
    /// It does not go on; this message goes back instead.
    Back(Value),
    /// It goes on, and this message goes back.
    Early(Value),
    /// It goes on in these frames.
    Frames(Vec<Frame>),
    /// The link ends instead.
    Cut,
}

/// What a rule sees beside the unit itself.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The handshake of the link.
    pub ask: &'a Head,
    /// The request that is answered, or null.
    pub asked: &'a Value,
    /// Requests of the suite on this link that have no answer yet, oldest first.
    pub open: &'a [Value],
    /// Which way the unit goes.
    pub way: Way,
    /// What rules remember over all links of a case.
    pub memory: &'a mut BTreeMap<String, Value>,
    /// The link.
    pub link: usize,
}

/// What a defect does to one kind of unit.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// The handshake of the suite, as the server takes it.
    Ask(fn(&mut Scene<'_>, &mut Head) -> Fate),
    /// The answer to it.
    Greet(fn(&mut Scene<'_>, &mut Head) -> Fate),
    /// A frame of the suite, as the server takes it.
    Frame(fn(&mut Scene<'_>, &mut Frame) -> Fate),
    /// A frame of the server.
    Sent(fn(&mut Scene<'_>, &mut Frame) -> Fate),
    /// A request of the suite, as the server takes it.
    Request(fn(&mut Scene<'_>, &mut Value) -> Fate),
    /// A response of the server; `asked` is the request.
    Answer(fn(&mut Scene<'_>, &mut Value) -> Fate),
    /// A request of the server: a notification, or what it forwards.
    Told(fn(&mut Scene<'_>, &mut Value) -> Fate),
    /// A response of the suite, as the server takes it; `asked` is the request.
    Reply(fn(&mut Scene<'_>, &mut Value) -> Fate),
    /// Every unit must arrive in one piece, else the link ends.
    OnePiece,
    /// A link with an endless frame, or lost in the middle of one, keeps everybody else out.
    Offended,
    /// Bytes of the server arrive this many at a time.
    Pieces(usize),
    /// What the server sends is this many milliseconds late.
    Slow(u64),
}

/// Something to put on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parcel {
    /// Bytes.
    Bytes(Way, Vec<u8>),
    /// The end of this direction.
    End(Way),
}

#[derive(Debug, Default)]
struct Link {
    ask: Head,
    open: Vec<Value>,
    questions: Vec<Value>,
    held: Vec<(Way, Vec<u8>)>,
}

/// The rules of one defect at work in one case.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Rule>,
    links: Vec<Link>,
    memory: BTreeMap<String, Value>,
    /// Whether any rule has done anything yet.
    pub acted: bool,
}

impl Engine {
    /// For these rules.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        Self {
            rules: rules.to_vec(),
            links: Vec::new(),
            memory: BTreeMap::new(),
            acted: false,
        }
    }

    /// A new link; its number.
    pub fn open(&mut self) -> usize {
        self.links.push(Link::default());
        self.links.len() - 1
    }

    /// How the server's bytes are delayed and cut, in ms and bytes.
    #[must_use]
    pub fn pace(&self) -> (u64, Option<usize>) {
        let mut pace = (0, None);
        for rule in &self.rules {
            if let Rule::Slow(millis) = rule {
                pace.0 = *millis;
            } else if let Rule::Pieces(size) = rule {
                pace.1 = Some(*size);
            }
        }
        pace
    }

    /// A unit has begun to arrive and is not complete; whether the link must end for it.
    pub fn midway(&mut self, way: Way) -> bool {
        let broken = way == Way::Up && self.rules.iter().any(|rule| matches!(rule, Rule::OnePiece));
        self.acted |= broken;
        broken
    }

    /// What becomes of a unit.
    pub fn pass(&mut self, link: usize, way: Way, unit: Unit) -> Vec<Parcel> {
        match unit {
            Unit::Head(head) => self.head(link, way, head),
            Unit::Frame(frame) => self.frame(link, way, frame),
            Unit::Bytes(bytes) => {
                self.offend(way == Way::Up);
                vec![Parcel::Bytes(way, bytes)]
            }
            Unit::End(cut_short) => {
                self.offend(cut_short && way == Way::Up);
                let kept = self.memory.contains_key(&format!("kept {link}"));
                if kept {
                    Vec::new()
                } else {
                    vec![Parcel::End(way)]
                }
            }
        }
    }

    fn offend(&mut self, odd: bool) {
        if odd && self.rules.iter().any(|rule| matches!(rule, Rule::Offended)) {
            self.memory.insert("offended".to_owned(), Value::Bool(true));
        }
    }

    fn head(&mut self, link: usize, way: Way, mut head: Head) -> Vec<Parcel> {
        let before = head.clone();
        if way == Way::Up {
            self.links[link].ask = head.clone();
            if self.memory.contains_key("offended") {
                self.acted = true;
                return vec![Parcel::End(Way::Down), Parcel::End(Way::Up)];
            }
        }
        for rule in self.rules.clone() {
            let ((Rule::Ask(act), Way::Up) | (Rule::Greet(act), Way::Down)) = (rule, way) else {
                continue;
            };
            let ask = self.links[link].ask.clone();
            let mut scene = Scene {
                ask: &ask,
                asked: &Value::Null,
                open: &[],
                way,
                memory: &mut self.memory,
                link,
            };
            if act(&mut scene, &mut head) != Fate::Pass {
                self.acted = true;
                return vec![Parcel::End(Way::Down), Parcel::End(Way::Up)];
            }
        }
        let changed = head != before;
        self.acted |= changed || self.pace() != (0, None);
        vec![Parcel::Bytes(way, head.bytes(changed))]
    }

    fn frame(&mut self, link: usize, way: Way, mut frame: Frame) -> Vec<Parcel> {
        let before = frame.clone();
        let value = frame
            .message()
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        let asked = value
            .as_ref()
            .map_or(Value::Null, |value| self.note(link, way, value));
        let mut value = value.filter(Value::is_object);
        let mut fate = Fate::Pass;
        for rule in self.rules.clone() {
            let known = &self.links[link];
            let (ask, open) = (known.ask.clone(), known.open.clone());
            let mut scene = Scene {
                ask: &ask,
                asked: &asked,
                open: &open,
                way,
                memory: &mut self.memory,
                link,
            };
            let next = value.as_mut().and_then(|value| {
                let earlier = value.to_string();
                let next = on_value(rule, &mut scene, value)?;
                let text = value.to_string();
                if text != earlier {
                    frame.payload = text.into_bytes();
                }
                Some(next)
            });
            let next = next.or_else(|| on_frame(rule, &mut scene, &mut frame));
            if let Some(next) = next.filter(|next| *next != Fate::Pass) {
                fate = next;
            }
        }
        let changed = frame != before;
        self.acted |= changed || fate != Fate::Pass;
        self.settle(link, way, fate, &frame, changed)
    }

    /// Keeps requests until they are answered; the request that this message answers.
    fn note(&mut self, link: usize, way: Way, value: &Value) -> Value {
        let known = &mut self.links[link];
        let (own, other) = match way {
            Way::Up => (&mut known.open, &mut known.questions),
            Way::Down => (&mut known.questions, &mut known.open),
        };
        if value.get("op").is_some() {
            own.push(value.clone());
            return Value::Null;
        }
        let Some(at) = other
            .iter()
            .position(|request| request["rqi"] == value["rqi"])
        else {
            return Value::Null;
        };
        other.remove(at)
    }

    fn settle(
        &mut self,
        link: usize,
        way: Way,
        fate: Fate,
        frame: &Frame,
        changed: bool,
    ) -> Vec<Parcel> {
        let bytes = frame.bytes(changed);
        let held = &mut self.links[link].held;
        let mut later = Vec::new();
        held.retain(|(direction, bytes)| {
            let due = *direction == way;
            if due {
                later.push(bytes.clone());
            }
            !due
        });
        // A client masks what it sends.
        let (opposite, mask) = match way {
            Way::Up => (Way::Down, None),
            Way::Down => (Way::Up, Some([0; 4])),
        };
        let back = |value: Value| Frame::text(&value.to_string(), mask).bytes(true);
        let extra = |value: &Value| Frame::text(&value.to_string(), frame.mask).bytes(true);
        let mut parcels = match fate {
            Fate::Pass => vec![Parcel::Bytes(way, bytes)],
            Fate::Drop => Vec::new(),
            Fate::Twice => vec![Parcel::Bytes(way, bytes.clone()), Parcel::Bytes(way, bytes)],
            Fate::Behind => {
                held.push((way, bytes));
                Vec::new()
            }
            Fate::After(value) => {
                vec![Parcel::Bytes(way, extra(&value)), Parcel::Bytes(way, bytes)]
            }
            Fate::With(value) => vec![Parcel::Bytes(way, bytes), Parcel::Bytes(way, extra(&value))],
            Fate::Early(value) => vec![
                Parcel::Bytes(way, bytes),
                Parcel::Bytes(opposite, back(value)),
            ],
            Fate::Back(value) => vec![Parcel::Bytes(opposite, back(value))],
            Fate::Frames(frames) => {
                let frames = frames.iter();
                frames
                    .map(|frame| Parcel::Bytes(way, frame.bytes(true)))
                    .collect()
            }
            Fate::Cut => vec![Parcel::End(Way::Down), Parcel::End(Way::Up)],
        };
        parcels.extend(later.into_iter().map(|bytes| Parcel::Bytes(way, bytes)));
        parcels
    }
}

fn on_value(rule: Rule, scene: &mut Scene<'_>, value: &mut Value) -> Option<Fate> {
    let request = value.get("op").is_some();
    match (rule, scene.way, request) {
        (Rule::Request(act), Way::Up, true)
        | (Rule::Answer(act), Way::Down, false)
        | (Rule::Told(act), Way::Down, true)
        | (Rule::Reply(act), Way::Up, false) => Some(act(scene, value)),
        _ => None,
    }
}

fn on_frame(rule: Rule, scene: &mut Scene<'_>, frame: &mut Frame) -> Option<Fate> {
    match (rule, scene.way) {
        (Rule::Frame(act), Way::Up) | (Rule::Sent(act), Way::Down) => Some(act(scene, frame)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mutants::unit::Cutter;

    const EARLY: Rule = Rule::Request(|_, _| Fate::Early(json!({"rsc": 2000})));
    const BACK: Rule = Rule::Told(|_, _| Fate::Back(json!({"rsc": 4000})));

    /// Frames that come of a message, with their ways.
    fn frames(rule: Rule, way: Way, message: &Value) -> Vec<(Way, Frame)> {
        let mut engine = Engine::new(&[rule]);
        let link = engine.open();
        let mask = (way == Way::Up).then_some([1, 2, 3, 4]);
        let frame = Frame::text(&message.to_string(), mask);
        let parcels = engine.pass(link, way, Unit::Frame(frame));
        let cut = |parcel| {
            let Parcel::Bytes(way, bytes) = parcel else {
                panic!("no bytes");
            };
            let mut cutter = Cutter::new(way);
            cutter
                .buffer()
                .extend(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
            cutter.buffer().extend(bytes);
            let units: Vec<Unit> = std::iter::from_fn(|| cutter.cut()).collect();
            let Some(Unit::Frame(frame)) = units.last().cloned() else {
                panic!("no frame");
            };
            (way, frame)
        };
        parcels.into_iter().map(cut).collect()
    }

    #[test]
    fn an_early_answer_goes_back_and_the_request_goes_on() {
        let frames = frames(EARLY, Way::Up, &json!({"op": 2}));

        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].1.message(), Some("{\"op\":2}"));
        assert_eq!((frames[1].0, frames[1].1.mask), (Way::Down, None));
    }

    #[test]
    fn what_is_answered_in_the_name_of_a_client_is_masked() {
        let frames = frames(BACK, Way::Down, &json!({"op": 5}));

        assert_eq!(frames.len(), 1);
        assert_eq!((frames[0].0, frames[0].1.mask), (Way::Up, Some([0; 4])));
        assert_eq!(frames[0].1.message(), Some("{\"rsc\":4000}"));
    }
}
