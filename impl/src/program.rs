//! The CSE as a program: store, machine, accept loop, until it is told to stop.
//!
//! Everything that a process has once is here: standard output, signals, logging.

mod failure;

use crate::config::{File, Flags, Kind, LogFormat, Logging, Settings};
use crate::dial::Dialer;
use crate::driver::{Driver, Farewell, Parts};
use crate::link::Hub;
use crate::metrics;
use crate::serve::{Door, serve};
use crate::store::Store;
use crate::store::tool::Tool;
use crate::tls;
use crate::web;
use failure::Failure;
pub use failure::panics_in_json;
use m2m_machine::cse::Event;
use m2m_machine::status::Status;
use m2m_machine::text::Text;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

/// Files that are open beside those of links.
const FILES_BESIDE_LINKS: u64 = 64;

/// Says what is wrong with a command line in the format that it asks for, or gives the help that it asks for.
#[must_use]
pub fn misunderstood(error: &clap::Error, arguments: &[String]) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    match failure::format_asked_for(arguments) {
        LogFormat::Text => error.exit(),
        LogFormat::Json => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            Failure::not_started(text.trim_end()).said(LogFormat::Json)
        }
    }
}

/// Runs a CSE with these flags to its end.
#[must_use]
pub fn cse(flags: &Flags) -> ExitCode {
    match File::read(flags) {
        Ok(file) => {
            let logging = Logging::of(flags, &file);
            let ended = start_and_run(flags, file, &logging);
            ended.unwrap_or_else(|failure| failure.said(logging.format))
        }
        Err(why) => Failure::not_started(why).said(flags.log_format.unwrap_or_default()),
    }
}

fn start_and_run(flags: &Flags, file: File, logging: &Logging) -> Result<ExitCode, Failure> {
    failure::start_logging(logging).map_err(Failure::not_started)?;
    let settings = Settings::of(flags, file).map_err(Failure::not_started)?;
    let runtime = runtime().map_err(|why| Failure::not_started(format!("cannot start: {why}")))?;
    // As a task, and not on the thread that blocks: there every message would wake another thread.
    runtime.block_on(async {
        let ended = tokio::spawn(run(settings)).await;
        ended.unwrap_or_else(|why| Err(Failure::of_task(&why)))
    })
}

/// Half of the processors make messages into steps and back; the other half is for the disk and for the clients.
///
/// All steps are made by one task. On two processors one thread does all of this faster than two, which would hand
/// over each message and wake each other.
fn runtime() -> std::io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread()
        .worker_threads((processors / 2).max(1))
        .enable_all()
        .build()
}

/// Does something with a store.
#[must_use]
pub fn store(tool: &Tool) -> ExitCode {
    match tool.run(&mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => Failure::running(why).said(LogFormat::Text),
    }
}

async fn run(settings: Settings) -> Result<ExitCode, Failure> {
    let tls = settings.security.acceptor();
    let tls = tls.map_err(Failure::not_started)?;
    let route = settings.security.route().map_err(Failure::not_started)?;
    if settings.kind == Kind::Mn && settings.registrar.is_none() {
        tracing::warn!("a middle node without --registrar is registered nowhere");
    }
    if let Some(file) = &settings.security.certificate
        && let Some(why) = tls::doubt(file)
    {
        tracing::warn!(file = %file.display(), why, "peers that check the own certificate will not take it");
    }
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    let listener = TcpListener::bind(&settings.listen).await;
    let bound = listener.and_then(|l| l.local_addr().map(|address| (l, address)));
    let (listener, address) = bound.map_err(|why| {
        let at = &settings.listen;
        Failure::not_started(format!(
            "cannot listen on {at}: {why}; give another with --listen, as in 127.0.0.1:8080"
        ))
    })?;
    let metrics = offer("metrics", settings.metrics.as_deref()).await;
    let metrics = metrics.map_err(Failure::not_started)?;
    let web = offer("web", settings.web.as_deref()).await;
    let web = web.map_err(Failure::not_started)?;
    let store = match &settings.store {
        Some(folder) => Store::open(folder),
        None => Ok(Store::none()),
    };
    let store = store.map_err(Failure::not_started)?;
    let (tell, inbox) = mpsc::channel(settings.links_inbox());
    let hub = Arc::new(Hub::new(tell, settings.links(), settings.links_max()));
    let driver = Driver::start(Parts {
        config: settings.machine(points_of_access(&settings, scheme, address)),
        store,
        inbox,
        hub: hub.clone(),
        dialer: Dialer {
            registrar: settings.registrar.clone(),
            route,
            origin: settings.cse_id.clone(),
            offer: settings.offer,
            patience: Duration::from_millis(settings.host.dial_ms),
        },
        report: {
            let metrics = hub.metrics();
            move |event: &Event| {
                metrics.count(event);
                report(event);
            }
        },
        store_retry: Duration::from_millis(settings.host.store_retry_ms),
        keeps_ladders: settings.web.is_some(),
    });
    let driver = driver.map_err(Failure::not_started)?;
    admit_files(settings.host.links);
    let (stop, hurry) = signals();
    say(&format!("listening {scheme}://{address}"));
    if let Some(Offered { listener, address }) = metrics {
        say(&format!("metrics http://{address}"));
        tokio::spawn(metrics::serve(listener, hub.metrics()));
    }
    if let Some(Offered { listener, address }) = web {
        say(&format!("web http://{address}"));
        tokio::spawn(web::serve(listener, hub.inbox()));
    }
    tracing::info!(cse_id = settings.cse_id, %address, "listening");
    let door = Door {
        unnamed: settings.unnamed_dialect(),
        handshake: Duration::from_millis(settings.host.handshake_ms),
        tls,
    };
    let accepting = tokio::spawn(serve(listener, hub, door));
    let stop = async {
        let _ = stop.await;
        accepting.abort();
    };
    let farewell = Farewell {
        answers: Duration::from_millis(settings.host.stop_ms),
        close: Duration::from_millis(settings.host.close_ms),
    };
    let ended = tokio::select! {
        ended = driver.run(stop, farewell) => ended,
        // All that was acknowledged is stored; only the farewell is cut short.
        _ = hurry => Ok(()),
    };
    ended.map_err(Failure::running)?;
    Ok(ExitCode::SUCCESS)
}

/// A place where operators look.
struct Offered {
    listener: TcpListener,
    address: SocketAddr,
}

/// Listens for operators, if that is wanted.
async fn offer(what: &str, wanted: Option<&str>) -> Result<Option<Offered>, String> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let bound = TcpListener::bind(wanted).await;
    let bound = bound.and_then(|listener| {
        let address = listener.local_addr()?;
        Ok(Some(Offered { listener, address }))
    });
    bound.map_err(|why| format!("cannot listen on {wanted}: {why}; check --{what}"))
}

/// Lets this process have as many files open as links may be, as far as the system does.
fn admit_files(links: u32) {
    let wanted = u64::from(links) + FILES_BESIDE_LINKS;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(files) if files < links.into() => tracing::warn!(
            files,
            links,
            "the system lets fewer files be open than links are allowed; raise the limit (ulimit -n), or lower --limit links"
        ),
        Ok(_) => {}
        Err(why) => tracing::warn!(%why, "the limit of open files cannot be raised"),
    }
}

fn points_of_access(settings: &Settings, scheme: &str, address: SocketAddr) -> Vec<Text> {
    if !settings.poa.is_empty() {
        return settings
            .poa
            .iter()
            .map(|text| text.as_str().into())
            .collect();
    }
    // Nobody reaches the unspecified address.
    let own = (!address.ip().is_unspecified()).then(|| format!("{scheme}://{address}"));
    own.into_iter().map(Into::into).collect()
}

fn report(event: &Event) {
    match event {
        Event::RegisteredAt(cse) => {
            say(&format!("registered at {cse}"));
            tracing::info!(%cse, "registered");
        }
        Event::RegistrationRefused(status) => {
            let advice = advice(*status);
            tracing::warn!(status, advice, "the registrar refuses the registration");
        }
        Event::Registered(entity) => tracing::info!(?entity, "registered here"),
        Event::Deregistered(entity) => tracing::info!(?entity, "no longer registered here"),
        Event::Session(session, step) => tracing::info!(%session, ?step, "session"),
        Event::Refused(what, status) => tracing::debug!(%what, status, "refused"),
        Event::LimitReached(limit) => tracing::warn!(limit, "a limit is reached"),
    }
}

/// What an operator may look at when the registrar has answered a registration with this status code.
const fn advice(status: u16) -> &'static str {
    match Status(status) {
        Status::BAD_REQUEST => "has it the same --cse-id as this CSE?",
        Status::ALREADY_REGISTERED => "is another CSE registered there under this --cse-id?",
        Status::SECURITY_ASSOCIATION_REQUIRED => {
            "it wants TLS: dial it as wss://, or let it take plain links (--allow-plain-mcc)"
        }
        Status::ORIGINATOR_HAS_NO_PRIVILEGE | Status::ORIGINATOR_NOT_AUTHENTICATED => {
            "does it know and admit this --cse-id, and does a certificate name another?"
        }
        _ => "its log may say more",
    }
}

/// Resolves at the first SIGTERM or SIGINT from now on, and at the second.
fn signals() -> (oneshot::Receiver<()>, oneshot::Receiver<()>) {
    let (tell_first, first) = oneshot::channel();
    let (tell_second, second) = oneshot::channel();
    let mut asked = Asked::new();
    tokio::spawn(async move {
        asked.again().await;
        tracing::info!("stopping; a second signal stops at once");
        let _ = tell_first.send(());
        asked.again().await;
        let _ = tell_second.send(());
    });
    (first, second)
}

/// What asks a program to stop.
#[cfg(unix)]
struct Asked {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Asked {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let on = |kind| signal(kind).expect("a handler of signals can be installed");
        Self {
            terminate: on(SignalKind::terminate()),
            interrupt: on(SignalKind::interrupt()),
        }
    }

    async fn again(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What asks a program to stop.
#[cfg(not(unix))]
struct Asked;

#[cfg(not(unix))]
impl Asked {
    const fn new() -> Self {
        Self
    }

    async fn again(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Writes a line to standard output; that nobody reads it is no reason to stop.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
