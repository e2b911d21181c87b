//! Measures the CSE beside a bare echo server, and prints what it found.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a report")]

use clap::{Args, Parser, Subcommand};
use m2m_cse::bench::acme::{self, Acme};
use m2m_cse::bench::load::Trouble;
use m2m_cse::bench::process::Server;
use m2m_cse::bench::report::{Report, Row, Sample, Shape};
use m2m_cse::bench::{echo, scene};
use m2m_cse::config::Flags;
use m2m_cse::program;
use mimalloc::MiMalloc;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;

/// As in the CSE; the echo and the client have it, too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const GUIDE: &str = "\
Starts everything that it needs on ports of this machine, itself, and stops it again: a CSE in
memory, one on disk, a pair with a session, and a WebSocket server that parses and answers with
serde_json and does nothing else. Build with --release, and leave the machine alone meanwhile.

A row says links, outstanding requests on each, requests a second of the CSE and of the echo, their
ratio, and the median and 99th percentile of the CSE's answers in microseconds. Names for --only,
or parts of them: create, retrieve, create-acme, retrieve-acme, create-beside, notification,
session-request, connection, memory, recovery.

Examples:
  bench --only create --seconds 5
  bench --json target/bench.json

Exit codes:
  0  measured
  1  something could not be measured; what could is printed
  2  a flag is not understood";

/// Measures the CSE beside a bare echo server.
#[derive(Debug, Parser)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true, after_help = GUIDE)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    run: Run,
}

#[derive(Args, Debug)]
struct Run {
    /// Write the findings there as JSON
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Measure each rate for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Measure only what has this in its name
    #[arg(long, value_name = "PART", default_value = "", hide_default_value = true, value_parser = part)]
    only: String,
    /// Hold so many idle links
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    idle: usize,
    /// Start with so many content instances in the store
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    records: usize,
    /// Load this running CSE, too, such as ACME; it keeps the AEs that are made there
    #[arg(long, value_name = "HOST:PORT/CSEBASE")]
    beside: Option<String>,
    /// Load ACME, too, if this Python environment has it
    #[arg(long, value_name = "FOLDER", default_value = "target/suts/acme/venv")]
    acme: PathBuf,
    /// Where stores are put; a disk like that of the real thing [default: that of temporary files]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// What can be measured.
const NAMES: [&str; 10] = [
    "create",
    "retrieve",
    "create-acme",
    "retrieve-acme",
    "create-beside",
    "notification",
    "session-request",
    "connection",
    "memory",
    "recovery",
];

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let fits = |seconds: &f64| (0.01..=3_600.0).contains(seconds);
    number
        .filter(fits)
        .ok_or_else(|| "write a number from 0.01 to 3600".to_owned())
}

fn part(text: &str) -> Result<String, String> {
    if NAMES.iter().any(|name| name.contains(text)) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "nothing has this in its name; there are {}",
            NAMES.join(", ")
        ))
    }
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be the echo
    #[command(hide = true)]
    Echo,
    /// Be a CSE
    #[command(hide = true)]
    Cse(Box<Flags>),
}

fn main() -> ExitCode {
    let Arguments { role, run } = Arguments::parse();
    match role {
        Some(Role::Cse(flags)) => program::cse(&flags),
        Some(Role::Echo) => finish(be_echo()),
        None => finish(measure(&run)),
    }
}

fn finish(result: Result<(), Trouble>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn be_echo() -> Result<(), Trouble> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening ws://{}", listener.local_addr()?);
        echo::serve(listener).await;
        Ok(())
    })
}

/// Runs everything on one thread: the client may have one core, the server the rest.
fn measure(run: &Run) -> Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let Some(path) = &run.json {
        // Better now than when all is measured.
        std::fs::write(path, "{}")
            .map_err(|why| format!("cannot write {}: {why}", path.display()))?;
    }
    let parent = run.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = parent.join(format!("bench-{}", std::process::id()));
    let report = runtime.block_on(Bench::new(run, &folder).all());
    let _ = std::fs::remove_dir_all(&folder);
    let report = report?;
    if let Some(path) = &run.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

struct Bench<'a> {
    run: &'a Run,
    folder: &'a Path,
    span: Duration,
    stores: u32,
    report: Report,
}

const SHAPES: [Shape; 4] = [shape(1, 1), shape(1, 32), shape(8, 1), shape(8, 32)];
/// What ACME keeps apart: of requests that it has at one time, it answers some under the identifiers of others.
const ALONE: Shape = shape(1, 1);
const CONNECTING: usize = 8;

const fn shape(links: usize, outstanding: usize) -> Shape {
    Shape { links, outstanding }
}

impl<'a> Bench<'a> {
    fn new(run: &'a Run, folder: &'a Path) -> Self {
        Self {
            run,
            folder,
            span: Duration::from_secs_f64(run.seconds),
            stores: 0,
            report: Report::default(),
        }
    }

    async fn all(mut self) -> Result<Report, Trouble> {
        self.disk()?;
        self.single("create", scene::Ask::Create).await?;
        self.beside().await?;
        self.single("retrieve", scene::Ask::Retrieve).await?;
        if let Err(why) = self.acme().await {
            eprintln!("ACME is left out: {why}");
        }
        for durable in [false, true] {
            for shape in [shape(1, 1), shape(1, 32)] {
                if self.is_wanted("notification") {
                    let store = self.store(durable);
                    let found = scene::notified(shape, store.as_deref(), self.span).await?;
                    self.row("notification", shape, durable, &found).await?;
                }
                if self.is_wanted("session-request") {
                    let stores = self.store(durable).zip(self.store(durable));
                    let stores = stores.as_ref().map(|(a, b)| (&**a, &**b));
                    let found = scene::session(shape, stores, self.span).await?;
                    self.row("session-request", shape, durable, &found).await?;
                }
            }
        }
        self.connections().await?;
        self.memory().await?;
        self.recovery().await?;
        Ok(self.report)
    }

    async fn single(&mut self, name: &'static str, ask: scene::Ask) -> Result<(), Trouble> {
        if !self.is_wanted(name) {
            return Ok(());
        }
        for durable in [false, true] {
            for shape in SHAPES {
                let store = self.store(durable);
                let found = scene::single(ask, shape, store.as_deref(), self.span).await?;
                self.row(name, shape, durable, &found).await?;
            }
        }
        Ok(())
    }

    async fn connections(&mut self) -> Result<(), Trouble> {
        if !self.is_wanted("connection") {
            return Ok(());
        }
        let echo = Server::echo().await?;
        let bare = scene::connections(&echo, CONNECTING, self.span).await?;
        let cse = Server::cse("/cse2", None, &[]).await?;
        let ours = scene::connections(&cse, CONNECTING, self.span).await?;
        let row = Row::new(
            "connection",
            shape(CONNECTING, 1),
            false,
            &ours,
            bare.per_second(),
        );
        println!("{row}");
        self.report.rows.push(row);
        Ok(())
    }

    async fn memory(&mut self) -> Result<(), Trouble> {
        if !self.is_wanted("memory") {
            return Ok(());
        }
        let memory = scene::idle(self.run.idle).await?;
        println!(
            "{} idle links: {} bytes each",
            memory.links, memory.bytes_per_link
        );
        self.report.memory.push(memory);
        Ok(())
    }

    async fn recovery(&mut self) -> Result<(), Trouble> {
        if !self.is_wanted("recovery") {
            return Ok(());
        }
        let folder = self.folder.join("recovery");
        scene::fill(&folder, self.run.records).await?;
        let recovery = scene::recovery(&folder)?;
        println!(
            "recovery of {} records: {:.3} s",
            recovery.records, recovery.seconds
        );
        self.report.recovery.push(recovery);
        Ok(())
    }

    async fn row(
        &mut self,
        name: &'static str,
        shape: Shape,
        durable: bool,
        ours: &Sample,
    ) -> Result<(), Trouble> {
        // Anew for each row: what else the machine does changes from one to the next.
        let echo = scene::echo(shape, self.span).await?.per_second();
        let row = Row::new(name, shape, durable, ours, echo);
        println!("{row}");
        if let Some(disk) = self.report.disk.filter(|_| durable) {
            let ceiling = disk.ceiling(shape);
            println!("{:<18}the disk alone allows {ceiling:.0}/s", "");
        }
        self.report.rows.push(row);
        Ok(())
    }

    fn disk(&mut self) -> Result<(), Trouble> {
        let disk = scene::disk(self.folder, self.span)?;
        println!(
            "the disk synchronizes in p50 {} us, p99 {} us",
            disk.sync_p50_us, disk.sync_p99_us
        );
        self.report.disk = Some(disk);
        Ok(())
    }

    async fn beside(&mut self) -> Result<(), Trouble> {
        let Some((address, base)) = self.run.beside.as_deref().and_then(|b| b.split_once('/'))
        else {
            return Ok(());
        };
        for shape in SHAPES {
            let there = (address, base);
            let found = scene::beside(scene::Ask::Create, there, shape, self.span).await?;
            self.row("create-beside", shape, false, &found).await?;
        }
        Ok(())
    }

    /// Loads ACME, where it is installed, as the CSE is loaded.
    async fn acme(&mut self) -> Result<(), Trouble> {
        let mut asks = vec![
            ("create-acme", scene::Ask::Create),
            ("retrieve-acme", scene::Ask::Retrieve),
        ];
        asks.retain(|(name, _)| self.is_wanted(name));
        if asks.is_empty() {
            return Ok(());
        }
        let environment = &self.run.acme;
        let Some(program) = Acme::installed(environment) else {
            println!(
                "ACME is not in {}; `conformance run --sut acme` installs it",
                environment.display()
            );
            return Ok(());
        };
        for (name, ask) in asks {
            // A new one for each row, as for the CSE.
            self.stores += 1;
            let folder = self.folder.join(self.stores.to_string());
            let acme = Acme::start(&program, &folder).await?;
            let there = (&*acme.address, acme::BASE);
            let found = scene::beside(ask, there, ALONE, self.span).await?;
            drop(acme);
            self.row(name, ALONE, false, &found).await?;
        }
        Ok(())
    }

    fn store(&mut self, durable: bool) -> Option<PathBuf> {
        self.stores += 1;
        durable.then(|| self.folder.join(self.stores.to_string()))
    }

    fn is_wanted(&self, name: &str) -> bool {
        name.contains(&self.run.only)
    }
}
