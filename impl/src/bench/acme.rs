//! ACME, an open CSE in Python, where the conformance suite has installed it.
//!
//! Nothing of it is part of the project: it is started as its makers mean it to be, with its resources in memory,
//! and loaded with the same requests.

use super::load::Trouble;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The name of its CSEBase.
pub const BASE: &str = "cse-in";
/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running ACME; killed when dropped.
#[derive(Debug)]
pub struct Acme {
    _process: Child,
    /// It stops when nobody reads what it says.
    _said: tokio::task::JoinHandle<()>,
    /// Where it speaks WebSocket.
    pub address: String,
}

impl Acme {
    /// Its program in that environment, if it is there.
    #[must_use]
    pub fn installed(environment: &Path) -> Option<PathBuf> {
        let program = environment.join("bin/acmecse");
        program.is_file().then_some(program)
    }

    /// Starts it with its files in a folder, which is made.
    pub async fn start(program: &Path, folder: &Path) -> Result<Self, Trouble> {
        std::fs::create_dir_all(folder)?;
        let (web_socket, http) = free_ports().await?;
        std::fs::write(folder.join("acme.ini"), configuration(web_socket, http))?;
        let mut process = Command::new(std::path::absolute(program)?)
            .args(["--base-directory".as_ref(), folder.as_os_str()])
            .args(["--config", "acme.ini", "--headless"])
            .current_dir(folder)
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let out = process.stdout.take().ok_or("the output is piped")?;
        let mut lines = BufReader::new(out);
        timeout(PATIENCE, started(&mut lines))
            .await
            .map_err(|_| "ACME did not start in a minute")??;
        let said = tokio::spawn(async move {
            let mut line = String::new();
            while matches!(lines.read_line(&mut line).await, Ok(read) if read > 0) {
                line.clear();
            }
        });
        Ok(Self {
            _process: process,
            _said: said,
            address: format!("127.0.0.1:{web_socket}"),
        })
    }
}

async fn started(lines: &mut BufReader<ChildStdout>) -> Result<(), Trouble> {
    let mut line = String::new();
    while lines.read_line(&mut line).await? > 0 {
        if line.contains("CSE started") {
            return Ok(());
        }
        line.clear();
    }
    Err("ACME ended before it had started; try its program by hand".into())
}

/// Two ports that nobody uses now.
async fn free_ports() -> Result<(u16, u16), Trouble> {
    let one = TcpListener::bind("127.0.0.1:0").await?;
    let other = TcpListener::bind("127.0.0.1:0").await?;
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}

fn configuration(web_socket: u16, http: u16) -> String {
    format!(
        "[basic.config]\ncseType=IN\ncseID=id-in\ncseName={BASE}\nadminID=CAdmin\n\
         networkInterface=127.0.0.1\ncseHost=127.0.0.1\nhttpPort={http}\nlogLevel=warning\n\
         databaseType=memory\nconsoleTheme=dark\nconsoleType=simple\nsecret=bench\n\n\
         [cse.registration]\nallowedAEOriginators=C*,S*\n\n\
         [http]\nenable=true\nlistenIF=127.0.0.1\n\n\
         [websocket]\nenable=true\nlistenIF=127.0.0.1\nport={web_socket}\n\
         address=ws://127.0.0.1:{web_socket}\nloglevel=warning\n\n\
         [mqtt]\nenable=false\n\n[coap]\nenable=false\n\n[webui]\nenable=false\n\n\
         [textui]\nenable=false\nstartWithTUI=false\n\n[console]\nheadless=true\n\n\
         [cse.statistics]\nenable=false\n\n[logging]\nenableScreenLogging=false\n\
         enableFileLogging=false\n"
    )
}
