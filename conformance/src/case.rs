//! What a case is, and what can come of it.

use std::future::Future;
use std::pin::Pin;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cases::words;
use crate::peer::Peer;

/// A case: what it shows and how.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Stable identifier.
    pub id: &'static str,
    /// One sentence: what holds if it passes.
    pub title: &'static str,
    /// Requirements it stands on, `specs/requirements/`.
    pub requirements: &'static [&'static str],
    /// The part of the protocol it is about; a target that does not offer it is not asked.
    pub group: Group,
    /// Published clauses it stands on, beside those of its requirements.
    pub clauses: &'static [&'static str],
    /// What it needs of the system under test: the configuration.
    pub needs: Needs,
    /// How it is played, in words.
    pub script: Script,
    /// The numbered steps it accounts for.
    pub steps: &'static [Step],
    /// What goes wrong as a rule when it fails.
    pub hint: &'static str,
    /// Plays it.
    pub run: Run,
}

/// Plays a case through its peer.
pub type Run = for<'a> fn(&'a mut Peer) -> Play<'a>;

/// A case being played.
pub type Play<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 'a>>;

/// Parts of the protocol, as a conformance statement names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// The opening handshake.
    Handshake,
    /// Frames of RFC 6455.
    Framing,
    /// AEs, CSEs, originators, links.
    Registration,
    /// Operations on resources.
    Resources,
    /// Subscriptions and notifications on the same link.
    Subscription,
    /// Non-blocking requests.
    Nonblocking,
    /// Discovery.
    Discovery,
    /// Requests that pass through.
    Forwarding,
    /// Session management.
    Session,
}

impl Group {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 9] = [
        Self::Handshake,
        Self::Framing,
        Self::Registration,
        Self::Resources,
        Self::Subscription,
        Self::Nonblocking,
        Self::Discovery,
        Self::Forwarding,
        Self::Session,
    ];

    /// As statements and reports write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Framing => "framing",
            Self::Registration => "registration",
            Self::Resources => "resources",
            Self::Subscription => "subscription",
            Self::Nonblocking => "nonblocking",
            Self::Discovery => "discovery",
            Self::Forwarding => "forwarding",
            Self::Session => "session",
        }
    }
}

/// What a case needs of the system under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// One CSE; the suite is every AE (configuration A).
    One,
    /// One CSE, with a CSE of the suite registered to it and AEs on either side (B and C).
    Neighbour,
    /// One CSE as registrar of the initiator; the suite is AE1, and CSE2 with AE2 behind it (B).
    Initiator,
    /// One CSE as registrar of the target; the suite is AE2, and CSE1 with AE1 behind it (C).
    Target,
    /// One CSE between two CSEs of the suite (D).
    Transit,
    /// One CSE, an infrastructure node; the suite is the node of another service provider (H).
    Abroad,
    /// An AE that takes commands; the suite is its registrar (F).
    Agent,
    /// A CSE that registers with the suite, which starts it (I).
    Registree,
    /// Any server; the suite sends bytes (G).
    Bytes,
    /// Two CSEs that know each other (configuration E).
    Pair,
    /// The same, and the power to stop and start one of them; runs alone.
    PairWithPower,
}

impl Needs {
    /// As the tables print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "A",
            Self::Neighbour => "B/C",
            Self::Initiator => "B",
            Self::Target => "C",
            Self::Transit => "D",
            Self::Abroad => "H",
            Self::Agent => "F",
            Self::Registree => "I",
            Self::Bytes => "G",
            Self::Pair => "E",
            Self::PairWithPower => "E, exclusive",
        }
    }

    /// What the suite does first.
    #[must_use]
    pub const fn preamble(self) -> &'static str {
        match self {
            Self::One => "Each AE that takes part opens a link to the CSE and registers.",
            Self::Neighbour => {
                "A CSE of the suite opens a link to the CSE and registers; so does each AE that \
                 takes part."
            }
            Self::Initiator => {
                "AE1 registers with session capability and subscribes to its sessions. CSE2, \
                 played by the suite, registers over one link and says in `srt` that it speaks \
                 sessions; AE2 stands behind it."
            }
            Self::Target => {
                "AE2 registers with session capability, makes its targets, lets AE1 use them and \
                 subscribes to its sessions. CSE1, played by the suite, registers over one link \
                 and says in `srt` that it speaks sessions; AE1 stands behind it."
            }
            Self::Transit => {
                "CSE1 and CSE2, both played by the suite, register over one link each and say in \
                 `srt` that they speak sessions."
            }
            Self::Abroad => {
                "An AE opens a link to the CSE and registers. The node of another service provider,                  played by the suite, opens a link under its absolute CSE-ID."
            }
            Self::Agent => {
                "The suite listens as registrar, the AE is started with its address, opens its \
                 link and registers."
            }
            Self::Registree => {
                "The suite listens as registrar, the CSE is started with its address, and opens its \
                 link."
            }
            Self::Bytes => "A TCP connection is opened.",
            Self::Pair | Self::PairWithPower => {
                "Two CSEs that know each other; each AE that takes part opens a link to its own \
                 and registers."
            }
        }
    }

    /// What the profile must offer beside the group; empty if nothing.
    #[must_use]
    pub const fn condition(self) -> &'static str {
        match self {
            Self::One
            | Self::Neighbour
            | Self::Initiator
            | Self::Target
            | Self::Transit
            | Self::Bytes => "",
            Self::Abroad => "[target.abroad] names another service provider",
            Self::Agent => "an [agent] is described",
            Self::Registree => "a [registree] is described",
            Self::Pair => "two targets are given",
            Self::PairWithPower => "the suite starts the two CSEs itself",
        }
    }

    /// Whether two CSEs are under test.
    #[must_use]
    pub const fn in_a_pair(self) -> bool {
        match self {
            Self::Pair | Self::PairWithPower => true,
            Self::One
            | Self::Neighbour
            | Self::Initiator
            | Self::Target
            | Self::Transit
            | Self::Abroad
            | Self::Agent
            | Self::Registree
            | Self::Bytes => false,
        }
    }

    /// Whether the system under test is one that opens its link to the suite.
    #[must_use]
    pub const fn is_a_client(self) -> bool {
        matches!(self, Self::Agent | Self::Registree)
    }

    /// Whether a case is played alone, as all that need the same would get into each other's way.
    #[must_use]
    pub const fn alone(self) -> bool {
        match self {
            Self::PairWithPower | Self::Abroad => true,
            Self::One
            | Self::Neighbour
            | Self::Initiator
            | Self::Target
            | Self::Transit
            | Self::Agent
            | Self::Registree
            | Self::Bytes
            | Self::Pair => false,
        }
    }
}

/// How a case is played, in words: what a report and `explain` say of it beside its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// What is prepared beyond what [`Needs::preamble`] says; empty if nothing is.
    pub preamble: &'static str,
    /// What is done; empty where `cases/words.toml` says it.
    pub stimulus: &'static str,
    /// What may come of it, with the verdict that it leads to; empty where `cases/words.toml` says it.
    pub outcomes: &'static [Allowed],
    /// What is tidied up beyond [`POSTAMBLE`]; empty if nothing is.
    pub postamble: &'static str,
    /// Values of the profile it depends on beyond `patience_ms`.
    pub ixit: &'static [&'static str],
    /// Words to select it by.
    pub tags: &'static [&'static str],
}

/// An outcome that is allowed, and how well it is thought of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// [`Verdict::Pass`], [`Verdict::PassLenient`] or [`Verdict::Disputed`].
    pub grade: Verdict,
    /// What is seen.
    pub seen: &'static str,
}

/// What holds after every case.
pub const POSTAMBLE: &str = "Links are dropped; every name and identifier is fresh in each case, so that nothing left over \
     concerns another one.";

impl Script {
    /// Nothing of its own.
    pub const PLAIN: Self = Self {
        preamble: "",
        stimulus: "",
        outcomes: &[],
        postamble: "",
        ixit: &[],
        tags: &[],
    };
}

impl Case {
    /// What is prepared: what the configuration brings with it, then what the case adds.
    #[must_use]
    pub fn preamble(&self) -> String {
        joined(self.needs.preamble(), self.script.preamble)
    }

    /// What is tidied up.
    #[must_use]
    pub fn postamble(&self) -> String {
        joined(POSTAMBLE, self.script.postamble)
    }

    /// What is done.
    #[must_use]
    pub fn stimulus(&self) -> &'static str {
        if self.script.stimulus.is_empty() {
            words::of(self.id).map_or(self.title, |words| &words.does)
        } else {
            self.script.stimulus
        }
    }

    /// What may come of it; what is not listed fails the case, and silence decides nothing.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Allowed> {
        if !self.script.outcomes.is_empty() {
            return self.script.outcomes.to_vec();
        }
        words::of(self.id).map_or_else(Vec::new, words::Words::outcomes)
    }

    /// Identifiers of TS-0018 test purposes with the same objective.
    #[must_use]
    pub fn ts0018(&self) -> &'static [String] {
        words::of(self.id).map_or(&[], |words| &words.ts0018)
    }

    /// Condition of the statement under which it applies, as the profile writes it.
    #[must_use]
    pub fn condition(&self) -> String {
        let group = format!("groups has `{}`", self.group.name());
        let more = self.needs.condition();
        if more.is_empty() {
            group
        } else {
            format!("{group}, and {more}")
        }
    }

    /// Words to select it by: group, configuration, and its own.
    #[must_use]
    pub fn tags(&self) -> Vec<&'static str> {
        let mut tags = vec![self.group.name(), self.needs.name()];
        tags.extend(self.script.tags);
        tags
    }
}

fn joined(first: &str, second: &str) -> String {
    match (first, second) {
        (one, "") | ("", one) => one.to_owned(),
        (first, second) => format!("{first} {second}"),
    }
}

/// Makes the record of a case without numbered steps.
macro_rules! case {
    ($id:literal, $group:ident, $needs:ident, $title:literal, [$($requirement:literal),+],
     [$($clause:literal),*], $hint:literal, $run:path
     $(, {$($field:ident: $value:expr),+ $(,)?})? $(,)?) => {
        $crate::case::Case {
            script: $crate::case::Script {
                $($($field: $value,)+)?
                ..$crate::case::Script::PLAIN
            },
            id: $id,
            title: $title,
            requirements: &[$($requirement),+],
            group: $crate::case::Group::$group,
            clauses: &[$($clause),*],
            needs: $crate::case::Needs::$needs,
            steps: &[],
            hint: $hint,
            run: |peer| Box::pin($run(peer)),
        }
    };
}
pub(crate) use case;

/// A numbered step of a flow, and how this case accounts for it.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Its number, `F1-07`.
    pub number: &'static str,
    /// What happens in it.
    pub what: &'static str,
    /// How it is accounted for.
    pub how: How,
}

/// How a step is accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Its message is seen.
    Wire,
    /// It is local or hidden; this follows from it and is seen.
    Consequence(&'static str),
    /// It cannot be seen in this configuration, for this reason.
    Unseen(&'static str),
}

/// What came of a case.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All that was demanded was seen.
    Pass,
    /// The same, but for something that practice tolerates.
    PassLenient,
    /// Something contrary was seen.
    Fail,
    /// Nothing contrary was seen, but not all that was demanded.
    Inconclusive,
    /// The system does not offer what the case is about.
    NotApplicable,
    /// The requirement has two readings, and the system follows the other one.
    Disputed,
    /// The suite itself is at fault.
    Error,
}

impl Verdict {
    /// All of them, in the order of the summary.
    pub const ALL: [Self; 7] = [
        Self::Pass,
        Self::PassLenient,
        Self::Fail,
        Self::Inconclusive,
        Self::NotApplicable,
        Self::Disputed,
        Self::Error,
    ];

    /// The name that stands in all outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PassLenient => "pass-lenient",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::NotApplicable => "not-applicable",
            Self::Disputed => "disputed",
            Self::Error => "error",
        }
    }
}

/// What was found instead of what a requirement demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The requirement.
    pub requirement: String,
    /// What it demands here.
    pub expected: String,
    /// What was seen.
    pub actual: String,
}

/// Why a case did not reach its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Something contrary was seen.
    Fail(Failure),
    /// The system stayed silent, so that nothing can be said.
    Silence(String),
    /// The system cannot be reached any more.
    Lost(String),
    /// A condition of the case could not be brought about.
    Inconclusive(String),
    /// Two readings are published, and the system follows the other one.
    Disputed(String),
    /// The system does not offer what the case is about, as it has said itself.
    Absent(String),
    /// The suite is at fault.
    Broken(String),
}

impl Stop {
    /// Something contrary was seen.
    #[must_use]
    pub fn fail(requirement: &str, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        let (expected, actual) = (expected.into(), actual.into());
        Self::Fail(Failure {
            requirement: requirement.to_owned(),
            expected,
            actual,
        })
    }

    /// The system stayed silent.
    #[must_use]
    pub const fn silence(what: String) -> Self {
        Self::Silence(what)
    }

    /// The system cannot be reached.
    #[must_use]
    pub const fn lost(what: String) -> Self {
        Self::Lost(what)
    }

    /// A condition could not be brought about.
    #[must_use]
    pub const fn inconclusive(what: String) -> Self {
        Self::Inconclusive(what)
    }

    /// Whether nothing at all came.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Silence(_))
    }

    /// The verdict it leads to.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Fail(_) => Verdict::Fail,
            Self::Silence(_) | Self::Lost(_) | Self::Inconclusive(_) => Verdict::Inconclusive,
            Self::Disputed(_) => Verdict::Disputed,
            Self::Absent(_) => Verdict::NotApplicable,
            Self::Broken(_) => Verdict::Error,
        }
    }
}
