//! The world of sockets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink, stream::SplitStream};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::case::Stop;
use crate::peer::{Arrival, Control, raw};
use crate::record::Target;
use crate::sut::Pair;

type Socket = WebSocketStream<TcpStream>;

/// Sockets of one case.
#[derive(Debug)]
pub struct Live {
    links: BTreeMap<String, Open>,
    start: Instant,
    pair: Option<Arc<Mutex<Pair>>>,
}

#[derive(Debug)]
struct Open {
    sink: Sink,
    gap: Duration,
    last: Option<tokio::time::Instant>,
    arrivals: UnboundedReceiver<Arrival>,
    reader: JoinHandle<()>,
}

/// The half that sends: messages, or bytes as they are.
#[derive(Debug)]
enum Sink {
    Messages(SplitSink<Socket, Message>),
    Bytes(OwnedWriteHalf),
}

impl Drop for Open {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Live {
    /// Sockets of one case; with a pair the case may also stop and start its processes.
    #[must_use]
    pub const fn new(start: Instant, pair: Option<Arc<Mutex<Pair>>>) -> Self {
        Self {
            links: BTreeMap::new(),
            start,
            pair,
        }
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
        let patience = Duration::from_secs(10);
        let (socket, protocol) = tokio::time::timeout(patience, connect(target, origin))
            .await
            .map_err(|_| "the handshake took more than 10 s".to_owned())??;
        let (sink, stream) = socket.split();
        let (sender, arrivals) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(stream, sender));
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

    pub(super) async fn open_bytes(&mut self, name: &str, url: &str) -> Result<String, String> {
        let (host, port) = authority(url)?;
        let patience = Duration::from_secs(10);
        let stream = tokio::time::timeout(patience, TcpStream::connect((host.as_str(), port)))
            .await
            .map_err(|_| "no connection within 10 s".to_owned())?
            .map_err(|error| error.to_string())?;
        stream.set_nodelay(true).ok();
        let (reading, writing) = stream.into_split();
        let (sender, arrivals) = mpsc::unbounded_channel();
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
            Sink::Messages(sink) => sink
                .send(Message::text(text))
                .await
                .map_err(|error| error.to_string()),
            Sink::Bytes(_) => Err("not a link of messages".to_owned()),
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
        if let Some(Sink::Messages(sink)) = sink {
            // What goes wrong here shows when the answer is awaited.
            sink.send(Message::Close(None)).await.ok();
        }
    }

    pub(super) async fn control(&self, what: Control) -> Result<(), Stop> {
        let Some(pair) = &self.pair else {
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

/// Host and port of a WebSocket address.
fn authority(url: &str) -> Result<(String, u16), String> {
    let request = url
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let authority = request.uri().authority();
    let authority = authority.ok_or("the address names no host")?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    Ok((host, authority.port_u16().unwrap_or(80)))
}

async fn connect(target: &Target, origin: Option<&str>) -> Result<(Socket, String), String> {
    let mut request = target
        .url
        .as_str()
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers.insert(
        "Sec-WebSocket-Protocol",
        HeaderValue::from_str(&target.manner.subprotocols).map_err(|error| error.to_string())?,
    );
    if let Some(origin) = origin {
        let value = HeaderValue::from_str(origin).map_err(|error| error.to_string())?;
        headers.insert("X-M2M-Origin", value);
    }
    let (host, port) = authority(&target.url)?;
    let stream = TcpStream::connect((host.as_str(), port))
        .await
        .map_err(|error| error.to_string())?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    let (socket, answer) = tokio_tungstenite::client_async(request, stream)
        .await
        .map_err(|error| error.to_string())?;
    let protocol = answer.headers().get("Sec-WebSocket-Protocol");
    let protocol = protocol
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    Ok((socket, protocol.to_owned()))
}

async fn read(mut stream: SplitStream<Socket>, sender: UnboundedSender<Arrival>) {
    loop {
        let arrival = match stream.next().await {
            Some(Ok(Message::Text(text))) => Arrival::Text(text.to_string()),
            Some(Ok(Message::Binary(bytes))) => {
                Arrival::Text(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map(|frame| u16::from(frame.code));
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
        if sender.send(arrival).is_err() || ended {
            return;
        }
    }
}
