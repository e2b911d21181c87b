//! What a case is, and what can come of it.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

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
    /// What it needs of the system under test.
    pub needs: Needs,
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
    /// One CSE between two CSEs of the suite (D).
    Transit,
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
            Self::Transit => "D",
            Self::Bytes => "G",
            Self::Pair => "E",
            Self::PairWithPower => "E, exclusive",
        }
    }
}

/// Makes the record of a case without numbered steps.
macro_rules! case {
    ($id:literal, $group:ident, $needs:ident, $title:literal, [$($requirement:literal),+],
     [$($clause:literal),*], $hint:literal, $run:path) => {
        $crate::case::Case {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
