//! Normalised transcripts: the same for every run of the same behaviour.
//!
//! Identifiers a system chooses become `R1`, `I1`, `S1`, `K1`, `N1` by first appearance; times the
//! suite chose become `T1`, `T2`, other times `T`; sizes become `#`; keys and sealed values are
//! named, not shown. No verdict is drawn from a transcript.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::story::Line;
use crate::time::Stamp;

/// Members whose values depend on the lengths of names.
const SIZES: &[&str] = &["cs", "cbs", "rqb", "rsb"];

/// Renders the numbered messages of a story.
#[must_use]
pub fn render(story: &[Line]) -> String {
    render_where(story, |line| !line.step.is_empty())
}

/// Renders all messages of a story, those of the preparation too.
#[must_use]
pub fn render_all(story: &[Line]) -> String {
    let mut names = Names::default();
    for line in story {
        names.learn_from(&line.text, &Speaker::of(line));
    }
    names.embedded(&render_where(story, |_| true))
}

fn render_where(story: &[Line], wanted: impl Fn(&Line) -> bool) -> String {
    let mut names = Names::default();
    for line in story {
        if let Ok(value) = serde_json::from_str(&line.text) {
            names.learn(&value, &Speaker::of(line));
        }
    }
    let mut out = String::new();
    for line in story.iter().filter(|line| wanted(line)) {
        let text = match serde_json::from_str::<Value>(&line.text) {
            Ok(mut value) => {
                let by = Speaker::of(line);
                // The system counts it from another time: equal to one of the suite's by chance.
                if !by.is_suite && value["rqet"].is_string() {
                    value["rqet"] = "T".into();
                }
                names.apply("", &value, by.cse).to_string()
            }
            Err(_) => format!("{:?}", line.text),
        };
        let (from, to) = (line.from.name(), line.to.name());
        let step = &line.step;
        let gap = if step.is_empty() { "" } else { " " };
        writeln!(out, "{step}{gap}{from} > {to}\n    {text}").expect("a string takes text");
    }
    out
}

/// Whose message it is.
struct Speaker {
    /// Whether the suite chose what stands in it.
    is_suite: bool,
    /// The CSE whose identifiers stand in it.
    cse: &'static str,
}

impl Speaker {
    fn of(line: &Line) -> Self {
        let (from, to) = (line.from.name(), line.to.name());
        let cse = if from.starts_with("CSE") { from } else { to };
        let is_suite = from.starts_with("AE");
        Self { is_suite, cse }
    }
}

/// What is known everywhere, not at one CSE alone.
const EVERYWHERE: &str = "";

#[derive(Debug, Default)]
struct Names {
    /// By the CSE that chose it, since two may choose the same.
    known: BTreeMap<(&'static str, String), String>,
    /// CSE-IDs without their slash.
    hosts: BTreeMap<String, &'static str>,
    next: BTreeMap<char, usize>,
}

impl Names {
    /// Learns from a message, and from one that stands in a frame of bytes.
    fn learn_from(&mut self, text: &str, by: &Speaker) {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            // Bytes the suite sends stand here with escapes.
            let inner = text.find("{\"").zip(text.rfind('}'));
            if let Some(value) = inner.and_then(|(from, to)| text.get(from..=to))
                && let Ok(value) = serde_json::from_str(value)
            {
                self.learn(&value, by);
            }
            return;
        };
        if let Some(inner) = value["text"].as_str() {
            self.learn_from(inner, by);
        }
        self.learn(&value, by);
    }

    /// Replaces what is known wherever it stands, and the keys of handshakes.
    fn embedded(&self, text: &str) -> String {
        const SHORT: usize = 6;
        let known = self.known.iter().map(|((_, known), name)| (known, name));
        let long = known.filter(|(known, _)| known.len() >= SHORT);
        let mut long: Vec<(&String, &String)> = long.collect();
        long.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
        let mut out = text.to_owned();
        for (known, name) in long {
            out = out.replace(known.as_str(), name);
        }
        for header in ["Sec-WebSocket-Key: ", "Sec-WebSocket-Accept: "] {
            let mut pieces = out.split(header);
            let mut masked = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                let end = piece.find(['\\', '\r', '\n', '"']).unwrap_or(piece.len());
                masked.push_str(header);
                masked.push_str("key");
                masked.push_str(&piece[end..]);
            }
            out = masked;
        }
        out
    }

    fn learn(&mut self, value: &Value, by: &Speaker) {
        match value {
            Value::Object(members) => {
                if let Some(host) = members.get("fr").and_then(Value::as_str)
                    && let Some(host) = host.strip_prefix('/').filter(|id| !id.contains('/'))
                {
                    self.hosts.insert(host.to_owned(), by.cse);
                }
                let mut members: Vec<(&String, &Value)> = members.iter().collect();
                members.sort_by_key(|(name, _)| rank(name));
                for (name, member) in members {
                    if let Value::String(text) = member {
                        self.learn_text(name, text, by);
                    }
                    self.learn(member, by);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item, by)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn learn_text(&mut self, name: &str, text: &str, by: &Speaker) {
        match name {
            "sid" => self.name(EVERYWHERE, 'S', text),
            "kid" => self.name(EVERYWHERE, 'K', text),
            // With a slash it is made of an AE-ID and the AE's own identifier.
            "rqi" | "rid" if !text.contains('/') => self.name(EVERYWHERE, 'R', text),
            "rn" if fixed(text) => {}
            "rn" => self.name(EVERYWHERE, 'N', text),
            "ri" | "pi" | "aei" if !text.is_empty() => self.name(by.cse, 'I', text),
            "m2m:uri" => {
                // A bare identifier, or the last segment of a path that the CSE chose.
                let last = text.rsplit('/').next().unwrap_or(text);
                if !fixed(last) {
                    self.name(EVERYWHERE, 'N', last);
                }
            }
            _ if by.is_suite && Stamp::parse(text).is_some() => self.name(EVERYWHERE, 'T', text),
            _ => {}
        }
    }

    fn name(&mut self, at: &'static str, letter: char, text: &str) {
        if self.find(at, text).is_some() {
            return;
        }
        let next = self.next.entry(letter).or_insert(0);
        *next += 1;
        self.known
            .insert((at, text.to_owned()), format!("{letter}{next}"));
    }

    fn find(&self, at: &'static str, text: &str) -> Option<&String> {
        let everywhere = self.known.get(&(EVERYWHERE, text.to_owned()));
        everywhere.or_else(|| self.known.get(&(at, text.to_owned())))
    }

    /// The CSE that chose this identifier, if exactly one did.
    fn knower(&self, identifier: &str) -> Option<&'static str> {
        let known = self.known.keys().filter(|(_, text)| text == identifier);
        let mut chose = known.map(|(cse, _)| *cse);
        chose.next().filter(|_| chose.next().is_none())
    }

    /// The CSE of that CSE-ID; of two, the one that did not say its own.
    fn host(&self, id: &str, at: &'static str) -> &'static str {
        let others = || self.known.keys().map(|(cse, _)| *cse);
        let unnamed =
            |cse: &&str| *cse != EVERYWHERE && !self.hosts.values().any(|named| named == cse);
        match self.hosts.get(id) {
            Some(cse) => cse,
            None if self.hosts.is_empty() => at,
            None => others().find(unnamed).unwrap_or(at),
        }
    }

    fn apply(&self, name: &str, value: &Value, at: &'static str) -> Value {
        match value {
            Value::Object(members) => {
                let asking = self.registrar_of(members, at);
                let mapped = members.iter().map(|(name, value)| {
                    let at = if name == "rqi" { asking } else { at };
                    (name, self.apply(name, value, at))
                });
                let mut mapped: Vec<(String, Value)> =
                    mapped.map(|(name, value)| (name.clone(), value)).collect();
                mapped.sort_by_key(|(name, _)| rank(name));
                Value::Object(mapped.into_iter().collect())
            }
            Value::Array(items) => items
                .iter()
                .map(|item| self.apply(name, item, at))
                .collect(),
            Value::Number(_) if SIZES.contains(&name) => "#".into(),
            Value::Number(_) | Value::Null | Value::Bool(_) => value.clone(),
            Value::String(text) => self.text(name, text, at).into(),
        }
    }

    /// The CSE whose AE asks: an `rqi` that was extended on the way begins with its stem there.
    fn registrar_of(
        &self,
        members: &serde_json::Map<String, Value>,
        at: &'static str,
    ) -> &'static str {
        let originator = members.get("fr").and_then(Value::as_str);
        let path = originator.and_then(|fr| fr.strip_prefix('/'));
        let host = path.and_then(|path| path.split_once('/'));
        if let Some((host, _)) = host {
            return self.host(host, at);
        }
        let extended = members.get("rqi").and_then(Value::as_str);
        let stem = extended.and_then(|rqi| rqi.split_once('/'));
        stem.and_then(|(stem, _)| self.knower(stem)).unwrap_or(at)
    }

    fn text(&self, name: &str, text: &str, at: &'static str) -> String {
        if name == "k" {
            return "key".to_owned();
        }
        if name == "m2m:dbg" {
            return "text".to_owned();
        }
        if name == "sce" {
            return "entry".to_owned();
        }
        if let Some(header) = sealed_header(text) {
            return format!("sealed {}", self.apply("", &header, at));
        }
        if let Some(known) = self.find(at, text) {
            return known.clone();
        }
        if Stamp::parse(text).is_some() {
            return "T".to_owned();
        }
        self.path(text, at)
    }

    fn path(&self, text: &str, at: &'static str) -> String {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut parts = path
            .strip_prefix('/')
            .into_iter()
            .flat_map(|p| p.split('/'));
        let at = match (parts.next(), parts.next()) {
            (Some(id), Some(next)) if !self.hosts.contains_key(id) => self
                .knower(next)
                .filter(|cse| *cse != at)
                .unwrap_or_else(|| self.host(id, at)),
            (Some(id), _) => self.host(id, at),
            (None, _) => at,
        };
        let segment = |part: &str| self.find(at, part).cloned().unwrap_or_else(|| part.into());
        let mapped: Vec<String> = path.split('/').map(segment).collect();
        match query.split_once('=') {
            Some((key, value)) => {
                format!("{}?{key}={}", mapped.join("/"), self.text("", value, at))
            }
            None => mapped.join("/"),
        }
    }
}

/// Names that the suite or the design fixes stay readable.
fn fixed(name: &str) -> bool {
    const FIXED: &[&str] = &[
        "sessions",
        "s1",
        "night",
        "now",
        "context",
        "consent",
        "told",
        "acp",
        "container1",
        "fcnt1",
        "private",
        "inbox",
        "cse1",
        "cse2",
        "la",
        "ol",
    ];
    FIXED.contains(&name)
}

/// Envelope first, as the design prints it; the rest by name.
fn rank(name: &str) -> (usize, String) {
    const FIRST: &[&str] = &[
        "rsc", "op", "to", "fr", "rqi", "rvi", "ty", "rcn", "rt", "rqet", "sid", "pc",
    ];
    let place = FIRST
        .iter()
        .position(|first| *first == name)
        .unwrap_or(FIRST.len());
    (place, name.to_owned())
}

fn sealed_header(text: &str) -> Option<Value> {
    let parts: Vec<&str> = text.split('.').collect();
    let [protected, "", _, _, _] = parts.as_slice() else {
        return None;
    };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Party;

    fn line(step: &str, text: &str) -> Line {
        Line {
            step: step.into(),
            from: Party::Ae1,
            to: Party::Cse1,
            text: text.into(),
        }
    }

    #[test]
    fn the_same_behaviour_gives_the_same_transcript() {
        let one = [
            line(
                "",
                r#"{"rsc":2001,"rqi":"a","pc":{"m2m:ae":{"rn":"x1","ri":"C7","pi":"cb"}}}"#,
            ),
            line(
                "1",
                r#"{"op":2,"to":"cse1/x1/sessions/C7","rqi":"r9","rqet":"20270301T100130"}"#,
            ),
        ];
        let other = [
            line(
                "",
                r#"{"rsc":2001,"rqi":"b","pc":{"m2m:ae":{"rn":"y2","ri":"C8","pi":"cb"}}}"#,
            ),
            line(
                "1",
                r#"{"op":2,"to":"cse1/y2/sessions/C8","rqi":"q","rqet":"20280301T100130"}"#,
            ),
        ];

        assert_eq!(render(&one), render(&other));
        assert!(
            render(&one).contains(r#""to":"cse1/N1/sessions/I2""#),
            "{}",
            render(&one)
        );
    }

    #[test]
    fn two_cses_may_choose_the_same_identifier() {
        let told = |from, id: &str| Line {
            from,
            to: Party::Ae1,
            ..line("1", &format!(r#"{{"pc":{{"m2m:sub":{{"ri":"{id}"}}}}}}"#))
        };
        let apart = [told(Party::Cse1, "s1"), told(Party::Cse2, "s2")];
        let alike = [told(Party::Cse1, "s9"), told(Party::Cse2, "s9")];

        assert_eq!(render(&apart), render(&alike));
    }

    #[test]
    fn other_behaviour_shows() {
        let one = [line("1", r#"{"rsc":2000,"rqi":"a"}"#)];
        let other = [line("1", r#"{"rsc":2001,"rqi":"a"}"#)];

        assert_ne!(render(&one), render(&other));
    }

    #[test]
    fn a_name_is_replaced_wherever_it_stands() {
        let story = |name: &str| {
            let text = format!(
                r#"{{"rsc":2001,"pc":{{"m2m:ae":{{"rn":"{name}","api":"Norg.{name}","ri":"C7"}}}}}}"#
            );
            [line("", &text)]
        };

        let (one, other) = (story("ae1-8suvzh"), story("ae1-m3kqpa"));

        assert_eq!(render_all(&one), render_all(&other));
        assert!(render_all(&one).contains("Norg.N1"), "{}", render_all(&one));
    }

    #[test]
    fn keys_of_handshakes_are_not_shown() {
        let text = |key: &str| format!("GET /\\r\\nSec-WebSocket-Key: {key}==\\r\\n");
        let (one, other) = ([line("", &text("aa"))], [line("", &text("bb"))]);

        assert_eq!(render_all(&one), render_all(&other));
    }

    #[test]
    fn keys_and_sizes_are_not_shown() {
        let story = [line(
            "1",
            r#"{"rsc":2000,"rqi":"a","pc":{"x:y":{"k":"secret","cs":17}}}"#,
        )];

        let text = render(&story);

        assert!(
            text.contains(r##""k":"key""##) && text.contains(r##""cs":"#""##),
            "{text}"
        );
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        let one = [line("1", r#"{"rsc":2000,"rqi":"a","rvi":"3"}"#)];
        let other = [line("1", r#"{"rvi":"3","rqi":"a","rsc":2000}"#)];

        assert_eq!(render(&one), render(&other));
    }
}
