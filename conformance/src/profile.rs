//! What the suite must know of a system under test: how to install, start and address it, what it
//! says it supports, and its timers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::case::Group;
use crate::record::{Abroad, Manner, Target, Timers};

/// Profiles that come with the suite.
pub const SHIPPED: &[(&str, &str)] = &[
    ("reference", include_str!("../suts/reference.toml")),
    ("acme", include_str!("../suts/acme.toml")),
    ("mobius", include_str!("../suts/mobius.toml")),
    ("generic", include_str!("../suts/generic.toml")),
    ("reference-ae", include_str!("../suts/reference-ae.toml")),
];

/// A system under test.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub about: String,
    /// How it gets here.
    pub install: Option<Install>,
    /// How it is started; without, it is running already.
    pub start: Option<Start>,
    /// Its CSEs.
    #[serde(default)]
    pub target: Vec<At>,
    /// An AE to test, with the suite as its registrar.
    pub agent: Option<Agent>,
    /// A CSE to test that registers with the suite.
    pub registree: Option<Registree>,
    /// What it says it supports.
    pub ics: Ics,
    /// Values the cases depend on.
    #[serde(default)]
    pub ixit: Ixit,
}

/// How it gets here.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// Python packages for a private environment.
    pub packages: Vec<String>,
}

/// How it is started. `{folder}`, `{environment}`, `{port1}` and `{port2}` stand for a fresh
/// folder, the environment it was installed into and two free ports, here and in files and targets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The program.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// It is ready once a line of its output holds this.
    pub ready: String,
    /// Within this time.
    pub ready_seconds: u64,
    /// Files put into its folder.
    #[serde(default)]
    pub files: Vec<File>,
}

/// A file for the program.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name in the folder.
    pub name: String,
    /// Text.
    pub text: String,
}

/// Where a CSE is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// WebSocket address.
    pub url: String,
    /// CSE-ID.
    pub id: String,
    /// Name of the CSEBase.
    pub name: String,
    /// Certificates of the authorities that vouch for it, a PEM file; without, those the operating
    /// system trusts.
    pub authorities: Option<PathBuf>,
    /// How it wants to be spoken to.
    #[serde(default)]
    pub manner: Manner,
    /// Another service provider that it knows.
    pub abroad: Option<Abroad>,
}

/// An AE, or a program made with an AE library, that takes commands: one line of standard input each.
/// `{url}`, `{id}` and `{name}` stand for address, CSE-ID and CSEBase name of its registrar in the
/// arguments; `{session}`, `{target}`, `{path}` and `{to}` for what a command is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The program.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Register with session capability.
    pub register: String,
    /// Subscribe to its own sessions, consent included.
    pub subscribe: String,
    /// Propose a session with `{target}`, offering `{path}`.
    pub establish: String,
    /// Say yes to `{session}`, offering `{path}`.
    pub accept: String,
    /// Say no to `{session}`.
    pub refuse: String,
    /// CREATE a contentInstance `{"temp":21.5}` below `{to}` in `{session}`, sealed.
    pub create: String,
    /// RETRIEVE `{to}` without a session.
    pub read: String,
    /// End `{session}`.
    pub terminate: String,
    /// Delete its own `<AE>`.
    pub deregister: String,
}

/// A CSE that is started to register with the suite. `{url}`, `{id}` and `{name}` stand for address, CSE-ID and CSEBase
/// name of its registrar in the arguments.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registree {
    /// The program.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// Implementation conformance statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ics {
    /// Groups of cases.
    pub groups: Vec<Group>,
}

/// Extra information for testing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ixit {
    /// Cases that may run at once.
    pub jobs: Option<u8>,
    /// How long a case waits for a message, ms.
    pub patience_ms: Option<u64>,
    /// Timers, where they are not those of the specification.
    #[serde(default)]
    pub timers: Timers,
}

impl Agent {
    /// The AE program of this project, where it lies beside this program of its CSE.
    #[must_use]
    pub fn beside(cse: &Path) -> Option<Self> {
        let program = cse.with_file_name("ae");
        let mut agent = Profile::shipped("reference-ae").ok()?.agent?;
        agent.program = program.display().to_string();
        program.is_file().then_some(agent)
    }
}

impl Registree {
    /// The CSE program of this project, started once more as a middle node.
    #[must_use]
    pub fn reference(cse: &Path) -> Self {
        let words = "--kind mn --cse-id /cse3 --listen 127.0.0.1:0 --ephemeral --registrar {url}";
        Self {
            program: cse.display().to_string(),
            arguments: words.split(' ').map(str::to_owned).collect(),
        }
    }
}

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such profile.
    #[error("there is no profile {name}; shipped are {shipped}; own ones by --profile FILE")]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        shipped: String,
    },
    /// Unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Malformed.
    #[error("the profile {name} is malformed: {why}")]
    Malformed {
        /// Name or file.
        name: String,
        /// What the reader says.
        why: String,
    },
}

impl Profile {
    /// A profile that comes with the suite.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn shipped(name: &str) -> Result<Self, ProfileError> {
        let found = SHIPPED.iter().find(|(known, _)| *known == name);
        let Some((_, text)) = found else {
            let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
            return Err(ProfileError::Unknown {
                name: name.to_owned(),
                shipped: shipped.join(", "),
            });
        };
        Self::parse(name, text)
    }

    /// A profile from a file.
    ///
    /// # Errors
    /// If it cannot be read or is malformed.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, ProfileError> {
        let malformed = |why: String| ProfileError::Malformed {
            name: name.to_owned(),
            why,
        };
        let profile: Self = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if profile.ics.groups.is_empty() {
            return Err(malformed("[ics] lists no group".to_owned()));
        }
        let wrong = profile
            .target
            .iter()
            .find(|at| !at.url.starts_with("ws://") && !at.url.starts_with("wss://"));
        match wrong {
            Some(at) => Err(malformed(format!(
                "{} does not begin with ws:// or wss://",
                at.url
            ))),
            None => Ok(profile),
        }
    }

    /// Its CSEs as the cases address them, with placeholders filled in.
    #[must_use]
    pub fn targets(&self, fill: impl Fn(&str) -> String) -> Vec<Target> {
        let target = |at: &At| Target {
            url: fill(&at.url),
            id: at.id.clone(),
            name: at.name.clone(),
            authorities: at.authorities.clone(),
            manner: at.manner.clone(),
            abroad: at.abroad.as_ref().map(|abroad| Abroad {
                listen: abroad.listen.as_deref().map(&fill),
                ..abroad.clone()
            }),
            timers: self.ixit.timers.clone(),
        };
        self.target.iter().map(target).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_can_be_read() {
        for (name, _) in SHIPPED {
            assert_eq!(Profile::shipped(name).unwrap().name, *name);
        }
    }

    #[test]
    fn an_unknown_key_is_said() {
        let text = "name = 'x'\nabout = ''\ncolour = 1\n[ics]\ngroups = ['framing']";

        let error = Profile::parse("x", text).unwrap_err();

        assert!(error.to_string().contains("colour"), "{error}");
    }
}
