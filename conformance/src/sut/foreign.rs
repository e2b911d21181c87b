//! A system under test that a profile describes: installed, started, started again if it dies.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use crate::profile::{Profile, Start};
use crate::record::Target;
use crate::sut::SutError;
use crate::sut::process::Process;

/// A foreign system that the suite started.
#[derive(Debug)]
pub struct Foreign {
    start: Start,
    folder: TempDir,
    environment: PathBuf,
    ports: [u16; 2],
    targets: Vec<Target>,
    process: Process,
    deaths: u32,
}

impl Foreign {
    /// Installs what the profile names below `place`, starts it, and waits until it is ready.
    ///
    /// # Errors
    /// If it cannot be installed or started, or does not become ready.
    pub async fn start(profile: &Profile, start: &Start, place: &Path) -> Result<Self, SutError> {
        let environment = place.join("venv");
        if let Some(install) = &profile.install {
            self::install(&install.packages, place).await?;
        }
        let folder = tempfile::Builder::new().prefix("conformance-").tempdir();
        let folder = folder.map_err(SutError::Folder)?;
        let ports = free_ports().map_err(SutError::Folder)?;
        let fill = |text: &str| filled(text, folder.path(), &environment, ports);
        for file in &start.files {
            let path = folder.path().join(&file.name);
            std::fs::write(path, fill(&file.text)).map_err(SutError::Folder)?;
        }
        let targets = profile.targets(fill);
        let process = launch(start, folder.path(), &environment, ports).await?;
        Ok(Self {
            start: start.clone(),
            folder,
            environment,
            ports,
            targets,
            process,
            deaths: 0,
        })
    }

    /// How the cases address it.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.targets.clone()
    }

    /// Starts it again if it has ended; says how it ended.
    pub async fn revive(&mut self) -> Option<String> {
        let status = self.process.ended()?;
        self.deaths += 1;
        let again = launch(
            &self.start,
            self.folder.path(),
            &self.environment,
            self.ports,
        )
        .await;
        if let Ok(process) = again {
            process.inherit_log(&self.process);
            self.process = process;
        }
        Some(status)
    }

    /// How often it ended by itself.
    #[must_use]
    pub const fn deaths(&self) -> u32 {
        self.deaths
    }

    /// Whether it does not run, with its last words.
    pub fn check(&mut self) -> Result<(), String> {
        match self.process.ended() {
            None => Ok(()),
            Some(status) => {
                let log = self.process.log();
                Err(format!("it ended ({status}); it said:\n{log}"))
            }
        }
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Stops it.
    pub async fn stop(&mut self) {
        self.process.stop().await;
    }
}

async fn launch(
    start: &Start,
    folder: &Path,
    environment: &Path,
    ports: [u16; 2],
) -> Result<Process, SutError> {
    let fill = |text: &String| filled(text, folder, environment, ports);
    let program = PathBuf::from(fill(&start.program));
    let arguments: Vec<String> = start.arguments.iter().map(fill).collect();
    let mut process = Process::start("the CSE", &program, &arguments, folder).await?;
    let patience = Duration::from_secs(start.ready_seconds);
    process.line(&start.ready, patience).await?;
    Ok(process)
}

fn filled(text: &str, folder: &Path, environment: &Path, ports: [u16; 2]) -> String {
    text.replace("{folder}", &folder.display().to_string())
        .replace("{environment}", &environment.display().to_string())
        .replace("{port1}", &ports[0].to_string())
        .replace("{port2}", &ports[1].to_string())
}

fn free_ports() -> std::io::Result<[u16; 2]> {
    let (one, two) = (
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    );
    Ok([one.local_addr()?.port(), two.local_addr()?.port()])
}

/// A private Python environment with these packages; what is there already is kept.
async fn install(packages: &[String], place: &Path) -> Result<(), SutError> {
    let note = place.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&note).is_ok_and(|known| known == wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(place).map_err(SutError::Folder)?;
    let environment = place.join("venv");
    let venv = [
        "-m".into(),
        "venv".into(),
        environment.clone().into_os_string(),
    ];
    tool("python3", venv).await?;
    let pip = environment.join("bin/pip").display().to_string();
    let arguments = ["install", "-q"]
        .into_iter()
        .chain(packages.iter().map(String::as_str));
    tool(&pip, arguments.map(Into::into)).await?;
    std::fs::write(note, wanted).map_err(SutError::Folder)
}

async fn tool(
    program: &str,
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<(), SutError> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| SutError::Start {
            program: program.into(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(SutError::Install {
        program: program.to_owned(),
        said,
    })
}
