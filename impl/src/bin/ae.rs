//! The AE as a program: commands on stdin and events on stdout, one JSON object a line.

use clap::Parser;
use m2m_cse::ae::lines::{Command, Line, ended, failed, told};
use m2m_cse::ae::{Ae, Events, Options};
use m2m_cse::connect::{Route, is_host_and_port};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

/// An application entity of oneM2M over WebSocket, with sessions: commands in, events out, one JSON object a line.
#[derive(Debug, Parser)]
#[command(name = "ae", version, after_help = GUIDE)]
struct Flags {
    /// Where the registrar listens
    #[arg(
        long,
        value_name = "ws://HOST:PORT",
        default_value = "ws://127.0.0.1:8080"
    )]
    url: String,
    /// CSE-ID of the registrar, with its slash
    #[arg(long, value_name = "/ID", default_value = "/cse1")]
    cse_id: String,
    /// Name of the registrar's CSEBase [default: the CSE-ID without its slash]
    #[arg(long, value_name = "NAME")]
    cse_name: Option<String>,
    /// Go on with a registration that exists: AE-ID stem and name of the AE resource
    #[arg(long, value_name = "STEM:NAME", value_parser = registration)]
    registered: Option<(String, String)>,
    /// Trust a registrar (wss) whose certificate is signed by these authorities, a PEM file
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// Show this certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Go through this HTTP proxy (CONNECT)
    #[arg(long, value_name = "HOST:PORT")]
    proxy: Option<String>,
    /// End when stdin ends, instead of listening on
    #[arg(long)]
    until_eof: bool,
    /// What is logged to stderr: error, warn, info, debug, trace, or a filter
    #[arg(long, value_name = "LEVEL", env = "AE_LOG", default_value = "warn")]
    log: String,
}

const GUIDE: &str = r#"Commands, in the order of a session's life: AE2 at /cse2 is the target, AE1 at /cse1 begins.
  AE2 {"do":"register","app_id":"Norg.example.ae2","name":"ae2","stem":"Cae2"}
  AE2 {"do":"subscribe","consent":true}
  AE2 {"do":"send","request":{"op":1,"to":"cse2/ae2","ty":1,"pc":{"m2m:acp":{"rn":"acp",
          "pv":{"acr":[{"acor":["/cse2/Cae2"],"acop":63},{"acor":["/cse1/Cae1"],"acop":35}]},
          "pvs":{"acr":[{"acor":["/cse2/Cae2"],"acop":63}]}}}}}
  AE2 {"do":"send","request":{"op":3,"to":"cse2/ae2","pc":{"m2m:ae":{"acpi":["cse2/ae2/acp"]}}}}
  AE2 {"do":"send","request":{"op":1,"to":"cse2/ae2","ty":3,
          "pc":{"m2m:cnt":{"rn":"container1","acpi":["cse2/ae2/acp"]}}}}
  AE1 {"do":"register","app_id":"Norg.example.ae1","name":"ae1","stem":"Cae1"}
  AE1 {"do":"discover","at":"/cse2/cse2"}
  AE1 {"do":"establish","target":"/cse2/Cae2","name":"s1"}
  AE2 {"do":"accept","session":"SID","paths":["cse2/ae2/container1"]}      (or "refuse")
  AE1 {"do":"policy","session":"SID","policy":{"rn":"now","pyt":1,"pys":3}}
  AE1 {"do":"send","request":{"op":1,"to":"/cse2/cse2/ae2/container1","ty":4,"sid":"SID",
          "pc":{"m2m:cin":{"con":{"temp":21.5}}}}}
  AE1 {"do":"terminate","session":"SID"}
  AE2 {"do":"deregister"}
  AE1 {"do":"quit"}

SID is the session that "consent" or "establish" told. What AE1 may find and use at AE2 is what
AE2's policy admits. "send" takes the short names of a oneM2M request; fr, rqi and rvi are added; it
is done with whatever answer it gets, whose "status" says more. With sid the data (con, or the own
attributes of a flexContainer) is sealed on the way out and opened on the way in; "protect":false
leaves it in clear. "rt":{"rtv":2} asks for an acknowledgement now and the event "result" later.
"policy" may also set a schedule: {"rn":"night","pyt":2,"pys":1,"se":{"sce":["* * 2-3 * * * *"]}}.
  register    app_id; name, stem, session_capable (true)
  subscribe   name, consent (true)
  establish   target; name, paths, expires, descriptors, policies, end_to_end (false), patience_ms
  accept      session; paths, end_to_end (false; give it exactly if the question says so)

Commands are carried out one after the other; accept, refuse and those with "wait":false do not
hold up the next. An "id" returns in what is said about its command. A command that fails gives one
line
  {"event":"error","do":"establish","id":1,"error":"…","status":4127}
and the program goes on. Other events: done, connected, disconnected, consent, silent, updated,
result, notified, ended, limit, closed.

Without a registrar that can be reached, commands wait and the log says why.

Exit codes:
  0  at quit, at SIGTERM, or with --until-eof at the end of stdin
  1  the same, but a command had failed by then
  2  not started: a flag or a file

Try it, with a CSE at 127.0.0.1:8080:
  echo '{"do":"register","app_id":"Norg.example.me"}' | ae --until-eof"#;

/// A command had failed.
const FAILED: u8 = 1;
/// The program could not start as it was asked to.
const NOT_STARTED: u8 = 2;
/// How long what is open may take at the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
const LINES_MAX: usize = 64;

fn main() -> ExitCode {
    let flags = Flags::parse();
    let filter = match EnvFilter::try_new(&flags.log) {
        Ok(filter) => filter,
        Err(why) => {
            return complain(&format!(
                "--log {}: {why}; write for example debug",
                flags.log
            ));
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let code = runtime.block_on(run(flags));
            // A read of stdin cannot be given up.
            runtime.shutdown_background();
            code
        }
        Err(why) => complain(&format!("cannot start: {why}")),
    }
}

async fn run(flags: Flags) -> ExitCode {
    if let Some(proxy) = flags.proxy.as_ref().filter(|t| !is_host_and_port(t)) {
        return complain(&format!("{proxy} is no proxy; write --proxy HOST:PORT"));
    }
    let own = flags
        .tls_certificate
        .as_deref()
        .zip(flags.tls_key.as_deref());
    let route = match Route::new(flags.authorities.as_deref(), own, flags.proxy) {
        Ok(route) => route,
        Err(why) => return complain(&why.to_string()),
    };
    let options = Options {
        route,
        base: flags.cse_name,
        registered: flags.registered,
        ..Options::new(&flags.url, &flags.cse_id)
    };
    let (ae, events) = match Ae::start(options) {
        Ok(started) => started,
        Err(why) => return complain(&why.to_string()),
    };
    let telling = tokio::spawn(tell(events));
    let (commands, queue) = mpsc::channel(LINES_MAX);
    tokio::spawn(read(commands));
    let failures = tokio::select! {
        failures = carry_out(&ae, queue, flags.until_eof) => failures,
        () = stopped() => 0,
    };
    ae.close(CLOSE_PATIENCE).await;
    // It ends with the AE.
    let _ = telling.await;
    say(&json!({"event": "closed"}));
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

/// Carries out the commands; returns how many failed.
async fn carry_out(
    ae: &Ae,
    mut queue: mpsc::Receiver<Result<Line, Value>>,
    until_eof: bool,
) -> u64 {
    let mut failures = 0;
    let mut aside = tokio::task::JoinSet::new();
    while let Some(next) = queue.recv().await {
        match next {
            Err(error) => {
                failures += 1;
                say(&error);
            }
            Ok(Line {
                command: Command::Quit {},
                ..
            }) => {
                return failures + settle(aside).await;
            }
            Ok(line) if line.wait => failures += u64::from(!one(ae, line).await),
            Ok(line) => {
                let ae = ae.clone();
                aside.spawn(async move { one(&ae, line).await });
            }
        }
    }
    failures += settle(aside).await;
    if !until_eof {
        std::future::pending::<()>().await;
    }
    failures
}

async fn settle(aside: tokio::task::JoinSet<bool>) -> u64 {
    aside
        .join_all()
        .await
        .into_iter()
        .filter(|done| !done)
        .count() as u64
}

/// Carries out one command; returns whether it succeeded.
async fn one(ae: &Ae, line: Line) -> bool {
    let name = line.command.name();
    let result = line.command.run(ae).await;
    let succeeded = result.is_ok();
    say(&ended(name, line.id.as_ref(), result));
    succeeded
}

async fn read(commands: mpsc::Sender<Result<Line, Value>>) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let next = match lines.next_line().await {
            Ok(None) => return,
            Ok(Some(text)) if text.trim().is_empty() => continue,
            Ok(Some(text)) => {
                Line::parse(&text).map_err(|(id, why)| failed(None, id.as_ref(), &why))
            }
            Err(why) => Err(failed(
                None,
                None,
                &format!("the line cannot be read: {why}"),
            )),
        };
        if commands.send(next).await.is_err() {
            return;
        }
    }
}

async fn tell(mut events: Events) {
    while let Some(event) = events.next().await {
        say(&told(&event));
    }
}

/// Waits for a signal that asks for the end.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(why) => {
                tracing::warn!(%why, "a signal cannot be waited for");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
}

fn registration(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((stem, name)) if !stem.is_empty() && !name.is_empty() => {
            Ok((stem.to_owned(), name.to_owned()))
        }
        Some(_) | None => {
            Err("write the AE-ID stem, a colon and the name, for example Cae1:ae1".to_owned())
        }
    }
}

/// One line on stdout; if nobody reads it any more, nobody misses it.
fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn complain(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::from(NOT_STARTED)
}
