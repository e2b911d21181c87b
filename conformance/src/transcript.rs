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
        names.learn_from(&line.text, line.from.name().starts_with("AE"));
    }
    names.embedded(&render_where(story, |_| true))
}

fn render_where(story: &[Line], wanted: impl Fn(&Line) -> bool) -> String {
    let mut names = Names::default();
    for line in story {
        if let Ok(value) = serde_json::from_str(&line.text) {
            names.learn(&value, line.from.name().starts_with("AE"));
        }
    }
    let mut out = String::new();
    for line in story.iter().filter(|line| wanted(line)) {
        let text = match serde_json::from_str::<Value>(&line.text) {
            Ok(value) => names.apply("", &value).to_string(),
            Err(_) => format!("{:?}", line.text),
        };
        let (from, to) = (line.from.name(), line.to.name());
        let step = &line.step;
        let gap = if step.is_empty() { "" } else { " " };
        writeln!(out, "{step}{gap}{from} > {to}\n    {text}").expect("a string takes text");
    }
    out
}

#[derive(Debug, Default)]
struct Names {
    known: BTreeMap<String, String>,
    next: BTreeMap<char, usize>,
}

impl Names {
    /// Learns from a message, and from one that stands in a frame of bytes.
    fn learn_from(&mut self, text: &str, suite: bool) {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            // Bytes the suite sends stand here with escapes.
            let inner = text.find("{\"").zip(text.rfind('}'));
            if let Some(value) = inner.and_then(|(from, to)| text.get(from..=to))
                && let Ok(value) = serde_json::from_str(value)
            {
                self.learn(&value, suite);
            }
            return;
        };
        if let Some(inner) = value["text"].as_str() {
            self.learn_from(inner, suite);
        }
        self.learn(&value, suite);
    }

    /// Replaces what is known wherever it stands, and the keys of handshakes.
    fn embedded(&self, text: &str) -> String {
        const SHORT: usize = 6;
        let long = self.known.iter().filter(|(known, _)| known.len() >= SHORT);
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

    fn learn(&mut self, value: &Value, suite: bool) {
        match value {
            Value::Object(members) => {
                let mut members: Vec<(&String, &Value)> = members.iter().collect();
                members.sort_by_key(|(name, _)| rank(name));
                for (name, member) in members {
                    if let Value::String(text) = member {
                        self.learn_text(name, text, suite);
                    }
                    self.learn(member, suite);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item, suite)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn learn_text(&mut self, name: &str, text: &str, suite: bool) {
        match name {
            "sid" => self.name('S', text),
            "kid" => self.name('K', text),
            // With a slash it is made of an AE-ID and the AE's own identifier.
            "rqi" | "rid" if !text.contains('/') => self.name('R', text),
            "rn" if fixed(text) => {}
            "rn" => self.name('N', text),
            "ri" | "pi" | "aei" if !text.is_empty() => self.name('I', text),
            "m2m:uri" => {
                // A bare identifier, or the last segment of a path that the CSE chose.
                let last = text.rsplit('/').next().unwrap_or(text);
                if !fixed(last) {
                    self.name('N', last);
                }
            }
            _ if suite && Stamp::parse(text).is_some() => self.name('T', text),
            _ => {}
        }
    }

    fn name(&mut self, letter: char, text: &str) {
        if self.known.contains_key(text) {
            return;
        }
        let next = self.next.entry(letter).or_insert(0);
        *next += 1;
        self.known
            .insert(text.to_owned(), format!("{letter}{next}"));
    }

    fn apply(&self, name: &str, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let mapped = members
                    .iter()
                    .map(|(name, value)| (name, self.apply(name, value)));
                let mut mapped: Vec<(String, Value)> =
                    mapped.map(|(name, value)| (name.clone(), value)).collect();
                mapped.sort_by_key(|(name, _)| rank(name));
                Value::Object(mapped.into_iter().collect())
            }
            Value::Array(items) => items.iter().map(|item| self.apply(name, item)).collect(),
            Value::Number(_) if SIZES.contains(&name) => "#".into(),
            Value::Number(_) | Value::Null | Value::Bool(_) => value.clone(),
            Value::String(text) => self.text(name, text).into(),
        }
    }

    fn text(&self, name: &str, text: &str) -> String {
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
            return format!("sealed {}", self.apply("", &header));
        }
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        if Stamp::parse(text).is_some() {
            return "T".to_owned();
        }
        self.path(text)
    }

    fn path(&self, text: &str) -> String {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let segment = |part: &str| self.known.get(part).cloned().unwrap_or_else(|| part.into());
        let mapped: Vec<String> = path.split('/').map(segment).collect();
        match query.split_once('=') {
            Some((key, value)) => format!("{}?{key}={}", mapped.join("/"), self.text("", value)),
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
