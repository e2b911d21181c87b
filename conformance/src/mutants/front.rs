//! The place where the suite finds the server with a defect: a listener for each CSE of a case.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::mutants::engine::{Engine, Parcel, Rule};
use crate::mutants::unit::{Cutter, Unit, Way};

/// What passed, link by link, in the order of arrival.
pub type Log = Vec<(usize, Way, Passed)>;

/// Something that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// A unit.
    Unit(Unit),
    /// A unit came in pieces.
    Midway,
}

#[derive(Debug)]
struct Desk {
    engine: Engine,
    log: Log,
}

/// Listeners of one case, with one defect.
#[derive(Debug)]
pub struct Front {
    desk: Arc<Mutex<Desk>>,
    /// Addresses, in the order of the targets.
    pub urls: Vec<String>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Front {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Front {
    /// Stands before these servers.
    ///
    /// # Errors
    /// If the system gives no port.
    pub async fn open(rules: &[Rule], servers: &[String]) -> std::io::Result<Self> {
        let engine = Engine::new(rules);
        let log = Log::new();
        let desk = Arc::new(Mutex::new(Desk { engine, log }));
        let mut front = Self {
            desk,
            urls: Vec::new(),
            tasks: Vec::new(),
        };
        for server in servers {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            front.urls.push(format!("ws://{}", listener.local_addr()?));
            let server = server.trim_start_matches("ws://").to_owned();
            let desk = Arc::clone(&front.desk);
            front
                .tasks
                .push(tokio::spawn(serve(listener, server, desk)));
        }
        Ok(front)
    }

    /// Ends it; what passed, if that is wanted.
    #[must_use]
    pub fn close(self, wanted: bool) -> Log {
        let mut desk = locked(&self.desk);
        if wanted {
            std::mem::take(&mut desk.log)
        } else {
            Log::new()
        }
    }
}

/// Whether these rules would do anything in what passed.
#[must_use]
pub fn would_act(rules: &[Rule], log: &Log) -> bool {
    let mut engine = Engine::new(rules);
    let mut links = 0;
    for (link, way, passed) in log {
        while links <= *link {
            links = engine.open() + 1;
        }
        match passed {
            Passed::Unit(unit) => drop(engine.pass(*link, *way, unit.clone())),
            Passed::Midway => drop(engine.midway(*way)),
        }
        if engine.acted {
            return true;
        }
    }
    false
}

async fn serve(listener: TcpListener, server: String, desk: Arc<Mutex<Desk>>) {
    let mut links = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let link = locked(&desk).engine.open();
        let (server, desk) = (server.clone(), Arc::clone(&desk));
        links.spawn(async move {
            if let Ok(server) = TcpStream::connect(&server).await {
                converse(client, server, link, &desk).await;
            }
        });
    }
}

fn locked(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for what arrives at once.
const PIECE: usize = 1 << 17;

type Slow = (Instant, Option<Vec<u8>>);

async fn converse(client: TcpStream, server: TcpStream, link: usize, desk: &Mutex<Desk>) {
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let (delay, pieces) = locked(desk).engine.pace();
    let delay = Duration::from_millis(delay);
    let (down, parcels_down) = mpsc::unbounded_channel();
    let (up, parcels_up) = mpsc::unbounded_channel();
    let writers = (
        tokio::spawn(write(to_client, parcels_down, pieces)),
        tokio::spawn(write(to_server, parcels_up, None)),
    );
    let mut cutters = (Cutter::new(Way::Up), Cutter::new(Way::Down));
    let mut ended = (false, false);
    let send = |parcels: Vec<Parcel>| deliver(parcels, &up, &down, delay);
    while !(ended.0 && ended.1) {
        cutters.0.buffer().reserve(PIECE);
        cutters.1.buffer().reserve(PIECE);
        let (way, read) = tokio::select! {
            read = from_client.read_buf(cutters.0.buffer()), if !ended.0 => (Way::Up, read),
            read = from_server.read_buf(cutters.1.buffer()), if !ended.1 => (Way::Down, read),
        };
        let (cutter, over) = match way {
            Way::Up => (&mut cutters.0, &mut ended.0),
            Way::Down => (&mut cutters.1, &mut ended.1),
        };
        let mut desk = locked(desk);
        let Desk { engine, log } = &mut *desk;
        while let Some(unit) = cutter.cut() {
            log.push((link, way, Passed::Unit(unit.clone())));
            send(engine.pass(link, way, unit));
        }
        if read.unwrap_or(0) == 0 {
            *over = true;
            let cut_short = cutter.midway();
            let rest = cutter.rest();
            if cut_short {
                send(vec![Parcel::Bytes(way, rest)]);
            }
            log.push((link, way, Passed::Unit(Unit::End(cut_short))));
            send(engine.pass(link, way, Unit::End(cut_short)));
        } else if cutter.midway() {
            log.push((link, way, Passed::Midway));
            if engine.midway(way) {
                send(vec![Parcel::End(Way::Up), Parcel::End(Way::Down)]);
            }
        }
    }
    drop((up, down));
    writers.0.await.ok();
    writers.1.await.ok();
}

fn deliver(
    parcels: Vec<Parcel>,
    up: &UnboundedSender<Slow>,
    down: &UnboundedSender<Slow>,
    delay: Duration,
) {
    let now = Instant::now();
    for parcel in parcels {
        // A writer that has ended wants nothing more.
        match parcel {
            Parcel::Bytes(Way::Up, bytes) => drop(up.send((now, Some(bytes)))),
            Parcel::Bytes(Way::Down, bytes) => drop(down.send((now + delay, Some(bytes)))),
            Parcel::End(Way::Up) => drop(up.send((now, None))),
            Parcel::End(Way::Down) => drop(down.send((now + delay, None))),
        }
    }
}

async fn write(
    mut half: OwnedWriteHalf,
    mut parcels: UnboundedReceiver<Slow>,
    pieces: Option<usize>,
) {
    while let Some((due, bytes)) = parcels.recv().await {
        tokio::time::sleep_until(due).await;
        let Some(bytes) = bytes else { break };
        for piece in bytes.chunks(pieces.unwrap_or(bytes.len()).max(1)) {
            if half.write_all(piece).await.is_err() {
                return;
            }
        }
    }
    half.shutdown().await.ok();
}
