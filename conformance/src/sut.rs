//! The system under test where it is the reference: builds it, starts a pair, stops it.
//!
//! CSE2 is the registrar (IN), CSE1 registers with it (MN), both durable in temporary folders,
//! both on any free port, with short timers so that no case waits for minutes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::record::{Abroad, Target, Timers};
use crate::sut::process::Process;

pub mod build;
pub mod foreign;
pub mod process;

/// Timers of the reference as the suite sets them, ms.
const TIMERS: &[(&str, u64)] = &[
    ("request_life", 10_000),
    ("hop_step", 500),
    ("lease", 2_000),
    ("termination_wait", 2_500),
    ("expiry_margin", 500),
    ("hop_grace", 1_500),
    ("tombstone_retry", 500),
    ("tombstone_retry_max", 2_000),
    ("redial", 100),
    ("redial_max", 500),
    ("ping", 10_000),
];

/// The same as the cases need them.
fn timers() -> Timers {
    let value = |name: &str| {
        let set = TIMERS.iter().find(|(timer, _)| *timer == name);
        set.and_then(|(_, millis)| u32::try_from(*millis).ok())
            .expect("a timer of the table")
    };
    Timers {
        request_life_ms: value("request_life"),
        hop_step_ms: value("hop_step"),
        lease_ms: value("lease"),
        termination_wait_ms: value("termination_wait"),
        expiry_margin_ms: value("expiry_margin"),
        hop_grace_ms: value("hop_grace"),
        tombstone_retry_ms: value("tombstone_retry"),
    }
}

/// Why the system under test does not run.
#[derive(Debug, thiserror::Error)]
pub enum SutError {
    /// No sources to build from.
    #[error(
        "no checkout of this project here, so the reference cannot be built: give the CSEs to \
         test with `--target ws://HOST:PORT` (twice: CSE1, then CSE2), or run inside the checkout"
    )]
    NoCheckout,
    /// Cargo could not be started.
    #[error("cannot start {cargo} to build the reference: {source}")]
    NoCargo {
        /// The program tried.
        cargo: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The build failed; cargo has said why.
    #[error("the reference does not build; see the messages of cargo above")]
    Build,
    /// No folder for the stores.
    #[error("no temporary folder for the store of the reference: {0}")]
    Folder(std::io::Error),
    /// A tool that installs it failed.
    #[error("{program} cannot install the system under test: {said}")]
    Install {
        /// The tool.
        program: String,
        /// What it says.
        said: String,
    },
    /// The program could not be started.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It did not say in time that it is ready.
    #[error("{name} did not print `{line}` within {seconds} s; it said:\n{log}")]
    NotReady {
        /// Which CSE.
        name: &'static str,
        /// The line awaited.
        line: String,
        /// How long.
        seconds: u64,
        /// Its output so far.
        log: String,
    },
    /// It ended.
    #[error("{name} ended ({status}) instead of printing `{line}`; it said:\n{log}")]
    Ended {
        /// Which CSE.
        name: &'static str,
        /// The line awaited.
        line: String,
        /// How it ended.
        status: String,
        /// Its output.
        log: String,
    },
}

/// The CSE-ID and the name of the CSEBase of a reference CSE.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// With its slash.
    pub cse_id: &'static str,
    /// Name of the CSEBase.
    pub name: &'static str,
}

/// What CSE1 and CSE2 are called unless told otherwise.
pub const USUAL: [Identity; 2] = [
    Identity {
        cse_id: "/cse1",
        name: "cse1",
    },
    Identity {
        cse_id: "/cse2",
        name: "cse2",
    },
];

/// Two reference CSEs.
#[derive(Debug)]
pub struct Pair {
    program: PathBuf,
    identities: [Identity; 2],
    stores: TempDir,
    cse1: Process,
    cse2: Process,
    cse1_arguments: Vec<String>,
    cse2_arguments: Vec<String>,
    /// Keeps the port where CSE2 looks for the node of the other provider.
    door: TcpSocket,
}

/// What CSE2 knows of other service providers, and where.
fn abroad(door: &TcpSocket) -> std::io::Result<Abroad> {
    Ok(Abroad {
        own: "sp.example".to_owned(),
        other: "suite.example".to_owned(),
        listen: Some(door.local_addr()?.to_string()),
    })
}

/// A port of this machine that is kept free: who listens there takes it for that time.
fn reserved() -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket)
}

impl Pair {
    /// Starts CSE2, then CSE1, and waits until they know each other.
    ///
    /// # Errors
    /// If a process does not start or does not become ready.
    pub async fn start(program: &Path, identities: [Identity; 2]) -> Result<Self, SutError> {
        let stores = tempfile::Builder::new()
            .prefix("conformance-")
            .tempdir()
            .map_err(SutError::Folder)?;
        let store = |name: &str| stores.path().join(name);
        let mut arguments = identity("in", identities[1], &store("cse2"));
        arguments.push("--dial-registree-poa".to_owned());
        let door = reserved().map_err(SutError::Folder)?;
        let known = abroad(&door).map_err(SutError::Folder)?;
        let at = known.listen.as_deref().unwrap_or_default();
        arguments.extend(["--sp-id".to_owned(), known.own.clone()]);
        arguments.extend([
            "--provider".to_owned(),
            format!("{}=ws://{at}", known.other),
        ]);
        let mut cse2 = Process::start("CSE2", program, &arguments, stores.path()).await?;
        let cse2_url = cse2.listening(READY).await?;
        let cse2_arguments = fixed(arguments, &cse2_url);
        let mut arguments = identity("mn", identities[0], &store("cse1"));
        arguments.extend(["--registrar".to_owned(), cse2_url]);
        let mut cse1 = Process::start("CSE1", program, &arguments, stores.path()).await?;
        let cse1_url = cse1.listening(READY).await?;
        cse1.line("registered at", READY).await?;
        let cse1_arguments = fixed(arguments, &cse1_url);
        let program = program.to_owned();
        Ok(Self {
            program,
            identities,
            stores,
            cse1,
            cse2,
            cse1_arguments,
            cse2_arguments,
            door,
        })
    }

    /// How the cases address them: CSE1, CSE2.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let target = |process: &Process, identity: Identity| Target {
            timers: timers(),
            ..Target::new(process.url(), identity.cse_id, identity.name)
        };
        let [one, two] = self.identities;
        let infrastructure = Target {
            abroad: abroad(&self.door).ok(),
            ..target(&self.cse2, two)
        };
        vec![target(&self.cse1, one), infrastructure]
    }

    /// Ends CSE1 at once, as a power failure would.
    ///
    /// # Errors
    /// None at present; a process that has ended is as good as killed.
    pub async fn kill_cse1(&mut self) -> Result<(), SutError> {
        self.cse1.kill().await;
        Ok(())
    }

    /// Starts CSE1 again at the same address with the same store.
    ///
    /// # Errors
    /// If it does not start or does not listen.
    pub async fn start_cse1(&mut self) -> Result<(), SutError> {
        let folder = self.stores.path();
        let mut again = Process::start("CSE1", &self.program, &self.cse1_arguments, folder).await?;
        again.listening(READY).await?;
        again.inherit_log(&self.cse1);
        self.cse1 = again;
        Ok(())
    }

    /// Starts again what has ended and says how it ended; if that fails, [`Self::check`] says so.
    pub async fn revive(&mut self) -> Option<String> {
        let ended = |process: &mut Process| {
            let status = process.ended()?;
            Some(format!("{}: {status}", process.name()))
        };
        let (one, two) = (ended(&mut self.cse1), ended(&mut self.cse2));
        if two.is_some() {
            self.start_cse2().await.ok();
        }
        if one.is_some() {
            self.start_cse1().await.ok();
        }
        let both: Vec<String> = one.into_iter().chain(two).collect();
        (!both.is_empty()).then(|| both.join(", "))
    }

    async fn start_cse2(&mut self) -> Result<(), SutError> {
        let folder = self.stores.path();
        let mut again = Process::start("CSE2", &self.program, &self.cse2_arguments, folder).await?;
        again.listening(READY).await?;
        again.inherit_log(&self.cse2);
        self.cse2 = again;
        Ok(())
    }

    /// Whether both still run; else which does not and what it said last.
    pub fn check(&mut self) -> Result<(), String> {
        for process in [&mut self.cse1, &mut self.cse2] {
            if let Some(status) = process.ended() {
                let (name, log) = (process.name(), process.log());
                return Err(format!("{name} ended ({status}); it said:\n{log}"));
            }
        }
        Ok(())
    }

    /// Logs of both, for failures.
    #[must_use]
    pub fn logs(&self) -> [(&'static str, String); 2] {
        [("cse1.log", self.cse1.log()), ("cse2.log", self.cse2.log())]
    }

    /// Stops both: asks first, insists after a grace.
    pub async fn stop(&mut self) {
        self.cse1.stop().await;
        self.cse2.stop().await;
    }
}

/// How long a CSE may take to become ready.
const READY: Duration = Duration::from_secs(20);

/// Started again, it must be found where it was.
fn fixed(mut arguments: Vec<String>, url: &str) -> Vec<String> {
    if let Some(at) = arguments.iter().position(|word| word == "127.0.0.1:0") {
        url.trim_start_matches("ws://")
            .clone_into(&mut arguments[at]);
    }
    arguments
}

fn identity(kind: &str, identity: Identity, store: &Path) -> Vec<String> {
    let store = store.display().to_string();
    let words = [
        "--kind",
        kind,
        "--cse-id",
        identity.cse_id,
        "--name",
        identity.name,
        "--listen",
        "127.0.0.1:0",
        "--store",
        &store,
    ];
    let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    for (timer, millis) in TIMERS {
        arguments.extend(["--timer".to_owned(), format!("{timer}={millis}")]);
    }
    arguments
}
