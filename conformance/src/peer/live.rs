//! The world of sockets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink, stream::SplitStream};
use tokio::io::{AsyncWriteExt as _, WriteHalf};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::case::Stop;
use crate::peer::agent::Running;
use crate::peer::dial::{self, Socket, Stream};
use crate::peer::{Arrival, Control, raw};
use crate::record::Target;
use crate::run::Sut;

/// Messages of a link that wait to be taken; a system that sends more has to wait itself.
pub(super) const WAITING_MOST: usize = 256;

/// Longest wait for the end of a connection after the Close.
const END_MOST: Duration = Duration::from_millis(500);

/// Sockets of one case.
#[derive(Debug)]
pub struct Live {
    pub(super) links: BTreeMap<String, Open>,
    start: Instant,
    pub(super) sut: Sut,
    pub(super) running: Option<Running>,
    pub(super) registrar: Option<TcpListener>,
    /// Where the suite itself waits for links, by name.
    pub(super) listeners: BTreeMap<String, TcpListener>,
    patience: Duration,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) sink: Sink,
    pub(super) gap: Duration,
    pub(super) last: Option<tokio::time::Instant>,
    pub(super) arrivals: Receiver<Arrival>,
    pub(super) reader: JoinHandle<()>,
}

/// The half that sends: messages, or bytes as they are.
#[derive(Debug)]
pub(super) enum Sink {
    Messages(Shared),
    Bytes(WriteHalf<Stream>),
}

/// What sends messages, until the link has ended.
pub(super) type Shared = Arc<Mutex<Option<SplitSink<Socket, Message>>>>;

impl Drop for Open {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Live {
    /// Sockets of one case; what the suite has started of the system it may also stop and start.
    #[must_use]
    pub const fn new(start: Instant, sut: Sut, patience: Duration) -> Self {
        Self {
            links: BTreeMap::new(),
            start,
            sut,
            running: None,
            registrar: None,
            listeners: BTreeMap::new(),
            patience,
        }
    }

    /// The same, where an AE under test finds the suite through this listener.
    #[must_use]
    pub fn with_registrar(self, listener: TcpListener) -> Self {
        let registrar = Some(listener);
        Self { registrar, ..self }
    }

    /// Starts the system again where it has ended by itself; says how it ended.
    pub(super) async fn revive(&self) -> Option<String> {
        self.sut.revive().await
    }

    pub(super) fn elapsed_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) async fn open(
        &mut self,
        name: &str,
        target: &Target,
        origin: Option<&str>,
    ) -> Result<String, String> {
        let opened = dial::open(target, origin, self.patience).await;
        let (socket, protocol) = opened.map_err(|error| error.to_string())?;
        let (sink, stream) = socket.split();
        let (sender, arrivals) = mpsc::channel(WAITING_MOST);
        let sink = Arc::new(Mutex::new(Some(sink)));
        let reader = tokio::spawn(read(stream, Arc::clone(&sink), sender));
        self.links.insert(
            name.to_owned(),
            Open {
                sink: Sink::Messages(sink),
                gap: Duration::from_millis(target.manner.gap_ms),
                last: None,
                arrivals,
                reader,
            },
        );
        Ok(protocol)
    }

    pub(super) async fn open_bytes(
        &mut self,
        name: &str,
        target: &Target,
    ) -> Result<String, String> {
        let connected = dial::connect(target, self.patience).await;
        let stream = connected.map_err(|error| error.to_string())?;
        let (reading, writing) = tokio::io::split(stream);
        let (sender, arrivals) = mpsc::channel(WAITING_MOST);
        let reader = tokio::spawn(raw::read(reading, sender));
        let open = Open {
            sink: Sink::Bytes(writing),
            gap: Duration::ZERO,
            last: None,
            arrivals,
            reader,
        };
        self.links.insert(name.to_owned(), open);
        Ok("bytes".to_owned())
    }

    pub(super) async fn send_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let open = self.links.get_mut(name).ok_or("the link is gone")?;
        match &mut open.sink {
            Sink::Bytes(writing) => writing
                .write_all(bytes)
                .await
                .map_err(|error| error.to_string()),
            Sink::Messages(_) => Err("not a link of bytes".to_owned()),
        }
    }

    pub(super) async fn send(&mut self, name: &str, text: &str) -> Result<(), String> {
        let open = self.links.get_mut(name).ok_or("the link is gone")?;
        // Some CSEs lose messages that follow each other closely; their profile says so.
        if let Some(last) = open.last {
            tokio::time::sleep_until(last + open.gap).await;
        }
        open.last = Some(tokio::time::Instant::now());
        match &mut open.sink {
            Sink::Messages(sink) => match sink.lock().await.as_mut() {
                Some(sink) => sink
                    .send(Message::text(text))
                    .await
                    .map_err(|error| error.to_string()),
                None => Err("the link is gone".to_owned()),
            },
            Sink::Bytes(_) => Err("not a link of messages".to_owned()),
        }
    }

    pub(super) fn hurry(&mut self, name: &str) {
        if let Some(open) = self.links.get_mut(name) {
            open.gap = Duration::ZERO;
        }
    }

    pub(super) async fn next(&mut self, name: &str, patience: Duration) -> Arrival {
        let Some(open) = self.links.get_mut(name) else {
            return Arrival::Closed("the link is gone".to_owned());
        };
        match tokio::time::timeout(patience, open.arrivals.recv()).await {
            Ok(Some(arrival)) => arrival,
            Ok(None) => Arrival::Closed("the link is gone".to_owned()),
            Err(_) => Arrival::Silence,
        }
    }

    pub(super) async fn cut(&mut self, name: &str) {
        if let Some(mut open) = self.links.remove(name) {
            open.reader.abort();
            // Once the reader has let go of its half, the socket drops with this one.
            (&mut open.reader).await.ok();
        }
    }

    pub(super) async fn close(&mut self, name: &str) {
        let sink = self.links.get_mut(name).map(|open| &mut open.sink);
        if let Some(Sink::Messages(sink)) = sink
            && let Some(sink) = sink.lock().await.as_mut()
        {
            // What goes wrong here shows when the answer is awaited.
            sink.send(Message::Close(None)).await.ok();
        }
    }

    pub(super) async fn control(&self, what: Control) -> Result<(), Stop> {
        let Some(pair) = &self.sut.pair else {
            return Err(Stop::inconclusive(
                "this case stops and starts the CSE, which needs the reference".to_owned(),
            ));
        };
        let mut pair = pair.lock().await;
        let outcome = match what {
            Control::KillCse1 => pair.kill_cse1().await,
            Control::StartCse1 => pair.start_cse1().await,
        };
        outcome.map_err(|error| Stop::lost(error.to_string()))
    }
}

/// Passes on what arrives; in the end the socket goes, as the other side may wait for that.
pub(super) async fn read(mut stream: SplitStream<Socket>, sink: Shared, sender: Sender<Arrival>) {
    loop {
        let arrival = match stream.next().await {
            Some(Ok(Message::Text(text))) => Arrival::Text(text.to_string()),
            Some(Ok(Message::Binary(bytes))) => {
                Arrival::Text(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map(|frame| u16::from(frame.code));
                answer_close(&mut stream).await;
                Arrival::Closed(match code {
                    Some(code) => format!("close {code}"),
                    None => "close without code".to_owned(),
                })
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Err(Error::ConnectionClosed)) | None => Arrival::Closed("ended".to_owned()),
            Some(Err(error)) => Arrival::Closed(error.to_string()),
        };
        let ended = matches!(arrival, Arrival::Closed(_));
        if ended {
            sink.lock().await.take();
        }
        if sender.send(arrival).await.is_err() || ended {
            return;
        }
    }
}

/// Reads on, which sends the answer to a Close, until the server ends the connection, as it is the
/// one to end it first (RFC 6455 clause 7.1.1).
async fn answer_close(stream: &mut SplitStream<Socket>) {
    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
    tokio::time::timeout(END_MOST, rest).await.ok();
}
