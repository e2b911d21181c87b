//! Servers in processes of their own.

use super::load::Trouble;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// Starts this program in the role of a server.
    pub async fn start(arguments: &[&str]) -> Result<Self, Trouble> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().ok_or("the output is piped")?;
        let mut lines = BufReader::new(out).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        let address = first
            .strip_prefix("listening ws://")
            .ok_or("a server did not start")?;
        Ok(Self {
            address: address.to_owned(),
            child,
            lines,
        })
    }

    /// The echo.
    pub async fn echo() -> Result<Self, Trouble> {
        Self::start(&["echo"]).await
    }

    /// A CSE, with its store there or in memory.
    pub async fn cse(id: &str, store: Option<&Path>, more: &[&str]) -> Result<Self, Trouble> {
        let mut arguments = vec!["cse", "--listen", "127.0.0.1:0", "--cse-id", id];
        let folder = store.map(|folder| folder.to_string_lossy().into_owned());
        match &folder {
            Some(folder) => arguments.extend(["--store", folder]),
            None => arguments.push("--ephemeral"),
        }
        arguments.extend(more);
        Self::start(&arguments).await
    }

    /// Its next line on standard output.
    pub async fn line(&mut self) -> Result<String, Trouble> {
        Ok(self.lines.next_line().await?.ok_or("the server ended")?)
    }

    /// Its resident memory, in bytes.
    pub fn resident(&self) -> Result<u64, Trouble> {
        let id = self.child.id().ok_or("the server ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kilobytes.ok_or("the system does not tell resident memory")? << 10)
    }

    /// Kills it and waits until it is gone.
    pub async fn kill(mut self) -> Result<(), Trouble> {
        Ok(self.child.kill().await?)
    }
}
