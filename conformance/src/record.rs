//! What happened on the wire, kept so that it can be judged again: one event a line, each line
//! bound to the one before by a hash.
//!
//! The chain detects an edited file. It is no signature: who can edit can also compute.

use std::fmt::Write as _;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The suite opened a link; the text is the subprotocol agreed.
    Opened,
    /// A link could not be opened; the text says why.
    Refused,
    /// The suite sent this text.
    Sent,
    /// This text arrived.
    Received,
    /// The other side ended the link; the text says how.
    Closed,
    /// Nothing arrived while the suite waited.
    Silence,
    /// The suite dropped the link without a word.
    Cut,
    /// The suite read the clock; the text is milliseconds since 1970.
    Clock,
    /// The suite did something to the system under test.
    Control,
}

/// One event as a case saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The case.
    pub case: String,
    /// Which time the case was played, from 0, where cases are repeated.
    #[serde(default, skip_serializing_if = "is_first")]
    pub round: u32,
    /// 1 if it belongs to the second attempt, because the first could not be decided.
    #[serde(default, skip_serializing_if = "is_first")]
    pub attempt: u32,
    /// Its number within the case.
    pub n: usize,
    /// What happened.
    pub kind: Kind,
    /// The link, empty for clock and control.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
    /// The numbered step it belongs to, if any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// Microseconds since the run began; no verdict depends on it.
    pub at_us: u64,
    /// Text of the frame, or what the kind says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// First line of a stored run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name and version of the suite.
    pub suite: String,
    /// Version of this format.
    pub format: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Hash of all schema files.
    pub schemas: String,
    /// Hash of the statement of what the target supports.
    pub ics: String,
    /// What was tested, as given to the cases.
    pub targets: Vec<Target>,
    /// How long a case waits for a message, ms.
    pub patience_ms: u64,
    /// How often each case was played.
    pub repeat: u32,
    /// Cases of the run, in the order of the report.
    pub cases: Vec<String>,
}

impl Event {
    /// Where a report of its case shows it.
    #[must_use]
    pub fn anchor(&self) -> String {
        let Self { round, n, .. } = self;
        match self.attempt {
            0 => format!("{}-{round}-{n}", self.case),
            attempt => format!("{}-{round}-{attempt}-{n}", self.case),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_first(round: &u32) -> bool {
    *round == 0
}

/// One CSE as a case addresses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// WebSocket address.
    pub url: String,
    /// CSE-ID.
    pub id: String,
    /// Name of the CSEBase.
    pub name: String,
    /// Certificates of the authorities that vouch for it, a PEM file; without, those the operating
    /// system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
    /// How it wants to be spoken to.
    #[serde(default)]
    pub manner: Manner,
    /// Another service provider that it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abroad: Option<Abroad>,
    /// Its timers.
    #[serde(default)]
    pub timers: Timers,
}

/// Another service provider whose infrastructure node the CSE under test, itself one, exchanges requests with (Mcc');
/// the suite plays that node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Abroad {
    /// M2M-SP-ID of the CSE under test, without slashes.
    pub own: String,
    /// M2M-SP-ID of the other provider, as it was told to the CSE under test.
    pub other: String,
    /// Where the CSE under test was told that the other node listens, `HOST:PORT`: the suite listens there. Without,
    /// the CSE opens no links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
}

/// Timers of a system under test, in milliseconds; the defaults are those of the specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timers {
    /// Life of a request that brings no `rqet`.
    pub request_life_ms: u32,
    /// What a hop takes off the life of the request it serves.
    pub hop_step_ms: u32,
    /// Life of a pending session after the `rqet` of its hop request.
    pub lease_ms: u32,
    /// Longest wait for an endpoint to answer the notice of an end.
    pub termination_wait_ms: u32,
    /// Between the end of use of a session and its deletion.
    pub expiry_margin_ms: u32,
    /// Grace of a session whose hop was deregistered.
    pub hop_grace_ms: u32,
    /// First wait before a hop DELETE without answer is repeated.
    pub tombstone_retry_ms: u32,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            request_life_ms: 30_000,
            hop_step_ms: 1_000,
            lease_ms: 30_000,
            termination_wait_ms: 5_000,
            expiry_margin_ms: 2_000,
            hop_grace_ms: 30_000,
            tombstone_retry_ms: 30_000,
        }
    }
}

/// How a CSE wants to be spoken to, where the published texts leave a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Manner {
    /// Subprotocols offered, in the order of preference.
    pub subprotocols: String,
    /// Whether a link names its originator in the handshake from the first time on.
    pub origin: bool,
    /// Whether an AE asks the CSE for an identifier, instead of choosing one.
    pub assigned: bool,
    /// `poa` of an AE or a CSE that wants what is sent to it on its link.
    pub poa: Vec<String>,
    /// Least time between two messages of one link, ms.
    pub gap_ms: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            subprotocols: "oneM2M.json, oneM2M.R2.0.json".to_owned(),
            origin: false,
            assigned: true,
            poa: Vec::new(),
            gap_ms: 0,
        }
    }
}

impl Target {
    /// A CSE that is spoken to in the usual way.
    #[must_use]
    pub fn new(url: &str, id: &str, name: &str) -> Self {
        Self {
            url: url.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            authorities: None,
            manner: Manner::default(),
            abroad: None,
            timers: Timers::default(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line<T> {
    #[serde(flatten)]
    body: T,
    hash: String,
}

/// Why a stored run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Damaged {
    /// No header.
    #[error("the file is empty")]
    Empty,
    /// A line is no JSON of the expected form.
    #[error("line {line} cannot be read: {why}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What the reader says.
        why: String,
    },
    /// The chain is broken.
    #[error("line {line} does not follow from the one before: the file was changed")]
    Chain {
        /// Line number, from 1.
        line: usize,
    },
}

/// Text of a stored run.
#[must_use]
pub fn write<'a>(header: &Header, events: impl IntoIterator<Item = &'a Event>) -> String {
    let mut chain = Chain::default();
    let mut out = String::new();
    chain.append(&mut out, header);
    for event in events {
        chain.append(&mut out, event);
    }
    out
}

/// Reads a stored run and follows its chain.
///
/// # Errors
/// If a line cannot be read or was changed.
pub fn read(text: &str) -> Result<(Header, Vec<Event>), Damaged> {
    let mut chain = Chain::default();
    let mut lines = text.lines().enumerate();
    let (_, first) = lines.next().ok_or(Damaged::Empty)?;
    let header = chain.follow(1, first)?;
    let events = lines.map(|(number, line)| chain.follow(number + 1, line));
    Ok((header, events.collect::<Result<_, _>>()?))
}

#[derive(Default)]
struct Chain {
    last: String,
}

impl Chain {
    fn append<T: Serialize>(&mut self, out: &mut String, body: &T) {
        let text = serde_json::to_string(body).expect("an event is plain JSON");
        self.last = hex(&[self.last.as_bytes(), text.as_bytes()]);
        let open = text.strip_suffix('}').expect("an event is an object");
        writeln!(out, "{open},\"hash\":\"{}\"}}", self.last).expect("a string takes text");
    }

    fn follow<T>(&mut self, number: usize, line: &str) -> Result<T, Damaged>
    where
        T: Serialize + for<'de> Deserialize<'de>,
    {
        let unreadable = |why: String| Damaged::Line { line: number, why };
        let Line { body, hash } =
            serde_json::from_str::<Line<T>>(line).map_err(|error| unreadable(error.to_string()))?;
        let text = serde_json::to_string(&body).map_err(|error| unreadable(error.to_string()))?;
        self.last = hex(&[self.last.as_bytes(), text.as_bytes()]);
        if self.last == hash {
            Ok(body)
        } else {
            Err(Damaged::Chain { line: number })
        }
    }
}

/// SHA-256 of the parts, in hexadecimal.
#[must_use]
pub fn hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes text");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> (Header, Vec<Event>) {
        let target = Target::new("ws://h:1", "/cse1", "cse1");
        let header = Header {
            suite: "suite".into(),
            format: 1,
            seed: 7,
            schemas: "x".into(),
            ics: "y".into(),
            targets: vec![target],
            patience_ms: 100,
            repeat: 1,
            cases: vec!["A".into()],
        };
        let event = |n, text: &str| Event {
            case: "A".into(),
            round: 0,
            attempt: 0,
            n,
            kind: Kind::Received,
            link: "ae1-cse1".into(),
            step: "F1-07".into(),
            at_us: 5,
            text: text.into(),
        };
        (header, vec![event(0, "{\"rsc\":2000}"), event(1, "two")])
    }

    #[test]
    fn a_stored_run_is_read_back() {
        let (header, events) = run();

        let text = write(&header, &events);

        assert_eq!(read(&text).unwrap(), (header, events));
    }

    #[test]
    fn an_edited_frame_is_noticed() {
        let (header, events) = run();
        let text = write(&header, &events).replace("rsc\\\":2000", "rsc\\\":2001");

        let error = read(&text).unwrap_err();

        assert!(matches!(error, Damaged::Chain { line: 2 }), "{error}");
    }

    #[test]
    fn a_missing_line_is_noticed() {
        let (header, events) = run();
        let text = write(&header, &events);
        let without: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|(n, _)| *n != 1)
            .map(|(_, line)| line)
            .collect();

        assert!(read(&without.join("\n")).is_err());
    }
}
