//! The messages of a case in the order in which it dealt with them.
//!
//! Arrival times differ from run to run; the order in which a case takes the messages does not.
//! Transcripts and ladder diagrams are therefore drawn from here.

use serde_json::Value;

/// A column of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Initiator; played by the suite.
    Ae1,
    /// Another AE at CSE1, in no session; played by the suite.
    Ae3,
    /// Registrar of AE1; under test, or played by the suite.
    Cse1,
    /// Between the two; under test.
    Transit,
    /// Registrar of AE2; under test, or played by the suite.
    Cse2,
    /// Another AE at CSE2; played by the suite.
    Ae4,
    /// Target; played by the suite.
    Ae2,
}

impl Party {
    /// As a ladder heads its column.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ae1 => "AE1",
            Self::Ae2 => "AE2",
            Self::Ae3 => "AE3",
            Self::Ae4 => "AE4",
            Self::Cse1 => "CSE1",
            Self::Cse2 => "CSE2",
            Self::Transit => "CSE",
        }
    }

    /// As link names use it.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::Ae1 => "ae1",
            Self::Ae2 => "ae2",
            Self::Ae3 => "ae3",
            Self::Ae4 => "ae4",
            Self::Cse1 => "cse1",
            Self::Cse2 => "cse2",
            Self::Transit => "cse",
        }
    }

    /// Column of the ladder, from the left; others stand where they are registered.
    #[must_use]
    pub const fn column(self) -> usize {
        match self {
            Self::Ae1 | Self::Ae3 => 0,
            Self::Cse1 => 1,
            Self::Transit => 2,
            Self::Cse2 => 3,
            Self::Ae2 | Self::Ae4 => 4,
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Number of the step, empty for preparation.
    pub step: String,
    /// Sender.
    pub from: Party,
    /// Receiver.
    pub to: Party,
    /// The text.
    pub text: String,
}

impl Line {
    /// What the message is, in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        summary(&self.text)
    }
}

/// What a message is, in a few words.
#[must_use]
pub fn summary(text: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return "text that is no JSON".to_owned();
    };
    let content = value["pc"].as_object().and_then(|pc| pc.keys().next());
    let content = content.map(|name| format!(" {name}")).unwrap_or_default();
    match (value["op"].as_u64(), value["rsc"].as_u64()) {
        (Some(5), _) => format!("NOTIFY{}", event(&value).unwrap_or(content)),
        (Some(op), _) => {
            let name = ["?", "CREATE", "RETRIEVE", "UPDATE", "DELETE"];
            let name = usize::try_from(op)
                .ok()
                .and_then(|op| name.get(op))
                .unwrap_or(&"?");
            format!("{name}{content}")
        }
        (None, Some(rsc)) => format!("{rsc}{content}"),
        (None, None) => "no primitive".to_owned(),
    }
}

fn event(value: &Value) -> Option<String> {
    let net = value["pc"]["m2m:sgn"]["nev"]["net"].as_u64()?;
    Some(match net {
        50001 => " establishment".to_owned(),
        50002 => " update".to_owned(),
        50003 => " termination".to_owned(),
        other => format!(" {other}"),
    })
}
