//! One process of the system under test: its output, its end.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::sut::SutError;

/// Most lines of output kept.
const KEPT: usize = 2_000;
/// How long a process may take to end when asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Ends the process and removes its folder if the suite itself ends without doing so.
const GUARD: &str = "read -r line; kill -TERM \"$0\"; \
    while kill -0 \"$0\" 2>/dev/null; do sleep 0.1; done; rm -rf \"$1\"";

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    url: String,
    child: Child,
    guard: Option<Child>,
    log: Log,
    lines: watch::Receiver<Vec<String>>,
}

type Log = Arc<Mutex<Vec<String>>>;

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// If the system does not start it.
    pub async fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Self, SutError> {
        let failed = |source| SutError::Start {
            program: program.to_owned(),
            source,
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let guard = child.id().and_then(|id| guard(id, folder));
        let log = Log::default();
        let (sender, lines) = watch::channel(Vec::new());
        let output = child.stdout.take().expect("standard output is a pipe");
        let errors = child.stderr.take().expect("standard error is a pipe");
        tokio::spawn(collect(output, Arc::clone(&log), Some(sender)));
        tokio::spawn(collect(errors, Arc::clone(&log), None));
        Ok(Self {
            name,
            url: String::new(),
            child,
            guard,
            log,
            lines,
        })
    }

    /// Which CSE it is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Awaits the line that says where it listens.
    ///
    /// # Errors
    /// If it ends or the line does not come.
    pub async fn listening(&mut self, patience: Duration) -> Result<String, SutError> {
        let line = self.line("listening ws://", patience).await?;
        self.url = line.trim_start_matches("listening ").trim().to_owned();
        Ok(self.url.clone())
    }

    /// Awaits a line of standard output that holds this.
    ///
    /// # Errors
    /// If it ends or the line does not come.
    pub async fn line(&mut self, start: &str, patience: Duration) -> Result<String, SutError> {
        let mut lines = self.lines.clone();
        let said = |lines: &Vec<String>| lines.iter().any(|line| line.contains(start));
        let found = tokio::time::timeout(patience, lines.wait_for(said))
            .await
            .map(|outcome| {
                let lines = outcome.ok()?;
                lines.iter().find(|line| line.contains(start)).cloned()
            });
        match found {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                let status = self.child.wait().await;
                let status = status.map_or_else(|error| error.to_string(), |s| s.to_string());
                Err(SutError::Ended {
                    name: self.name,
                    line: start.to_owned(),
                    status,
                    log: self.log(),
                })
            }
            Err(_) => Err(SutError::NotReady {
                name: self.name,
                line: start.to_owned(),
                seconds: patience.as_secs(),
                log: self.log(),
            }),
        }
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        self.child
            .try_wait()
            .ok()
            .flatten()
            .map(|status| status.to_string())
    }

    /// Its output so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }

    /// Puts the output of the one it replaces before its own.
    pub fn inherit_log(&self, before: &Self) {
        let mut earlier = before
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        earlier.push("---- started again ----".to_owned());
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        earlier.append(&mut log);
        *log = earlier;
    }

    /// Ends it at once.
    pub async fn kill(&mut self) {
        self.dismiss_guard().await;
        self.child.kill().await.ok();
    }

    /// Asks it to end, and insists after a grace.
    pub async fn stop(&mut self) {
        self.dismiss_guard().await;
        if let Some(id) = self.child.id() {
            let asked = Command::new("kill")
                .args(["-TERM", &id.to_string()])
                .status()
                .await;
            let in_time = tokio::time::timeout(GRACE, self.child.wait()).await;
            if asked.is_ok_and(|status| status.success()) && in_time.is_ok() {
                return;
            }
        }
        self.child.kill().await.ok();
    }

    async fn dismiss_guard(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            guard.kill().await.ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(guard) = &mut self.guard {
            guard.start_kill().ok();
        }
    }
}

/// A shell that waits for the end of our pipe. Without a shell there is no guard.
fn guard(id: u32, folder: &Path) -> Option<Child> {
    Command::new("sh")
        .args(["-c", GUARD, &id.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

async fn collect(
    source: impl AsyncRead + Unpin,
    log: Log,
    lines: Option<watch::Sender<Vec<String>>>,
) {
    let mut source = BufReader::new(source).lines();
    while let Ok(Some(line)) = source.next_line().await {
        if let Some(lines) = &lines {
            lines.send_modify(|known| known.push(line.clone()));
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() >= KEPT {
            log.remove(0);
        }
        log.push(line);
    }
}
