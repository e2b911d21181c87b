//! The client's WebSocket: one attempt to open it, then frames both ways until it ends. It decides nothing.

use super::{AeError, Options};
use crate::connect::{Duplex, Route};
use crate::dial::{self, PointOfAccess};
use crate::wire::{self, Dialect, Undecodable};
use futures_util::{SinkExt, StreamExt};
use m2m_machine::ae::Input;
use m2m_machine::id::LinkId;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

type Socket = WebSocketStream<Box<dyn Duplex>>;

/// Messages that wait for a slow reader.
const OUTBOX_MESSAGES: usize = 256;
const BUFFER_BYTES: usize = 4 << 10;
const WRITE_BUFFER_BYTES_MAX: usize = 4 << 20;
/// Questions without an answer after which a link is lost.
const UNANSWERED_MAX: u32 = 2;
/// How long the other side gets to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a link tells the owner of the machine.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A link is open.
    Opened(LinkId, Handle),
    /// The attempt to open a link failed.
    Failed(String),
    /// Any other input.
    Input(Input),
}

/// What a link is told to do.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// Send this message.
    Text(String),
    /// Close with this code.
    Close(CloseCode),
}

/// The writing end of a link; dropped, the link is cut.
pub(super) type Handle = mpsc::Sender<Outgoing>;

/// Where to, and within which limits.
#[derive(Clone, Debug)]
pub(super) struct Client {
    registrar: PointOfAccess,
    route: Route,
    message_bytes_max: usize,
    handshake_timeout: Duration,
    ping_interval: Duration,
}

impl Client {
    pub(super) fn new(options: &Options) -> Result<Self, AeError> {
        let url = &options.url;
        let bad = || {
            AeError::Option(format!(
                "{url:?} is no point of access; write ws://HOST:PORT or wss://HOST:PORT"
            ))
        };
        let registrar = PointOfAccess::parse(url).map_err(|_| bad())?;
        if registrar.is_secured() && !options.route.has_tls() {
            let why = format!("{url:?} asks for TLS; name whom to trust with --authorities");
            return Err(AeError::Option(why));
        }
        Ok(Self {
            registrar,
            route: options.route.clone(),
            message_bytes_max: options.message_bytes_max,
            handshake_timeout: options.handshake_timeout,
            ping_interval: options.ping_interval,
        })
    }

    /// Tries once to open a link, and runs it to its end. `origin` is this AE's identity, once it has one.
    pub(super) async fn run(
        self,
        link: LinkId,
        origin: Option<String>,
        inbox: mpsc::Sender<Arrival>,
    ) {
        let opened = timeout(self.handshake_timeout, self.open(origin.as_deref())).await;
        let socket = match opened {
            Ok(Ok(socket)) => socket,
            Ok(Err(why)) => return tell(&inbox, Arrival::Failed(why)).await,
            Err(_) => {
                let why = "it does not answer in time".to_owned();
                return tell(&inbox, Arrival::Failed(why)).await;
            }
        };
        let (handle, outgoing) = mpsc::channel(OUTBOX_MESSAGES);
        tell(&inbox, Arrival::Opened(link, handle)).await;
        self.exchange(socket, link, outgoing, &inbox).await;
        tell(&inbox, Arrival::Input(Input::LinkLost { link })).await;
    }

    async fn open(&self, origin: Option<&str>) -> Result<Socket, String> {
        if let Some(origin) = origin {
            HeaderValue::from_str(origin).map_err(|why| why.to_string())?;
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(self.message_bytes_max))
            .max_frame_size(Some(self.message_bytes_max));
        // LNK-48
        let opened = self.registrar.open(&self.route, origin, config).await;
        opened
            .map(|(socket, _)| socket)
            .map_err(|why| dial::said(&why))
    }

    async fn exchange(
        &self,
        mut socket: Socket,
        link: LinkId,
        mut outgoing: mpsc::Receiver<Outgoing>,
        inbox: &mpsc::Sender<Arrival>,
    ) {
        let mut unanswered = 0;
        let mut silent_at = Instant::now() + self.ping_interval;
        loop {
            let sent = tokio::select! {
                biased;
                next = outgoing.recv() => match next {
                    Some(Outgoing::Text(text)) => socket.send(Message::Text(text.into())).await,
                    Some(Outgoing::Close(code)) => return close(socket, code).await,
                    None => return,
                },
                frame = socket.next() => {
                    unanswered = 0;
                    silent_at = Instant::now() + self.ping_interval;
                    match frame {
                        None => return,
                        Some(Err(error)) => return end(socket, &error).await,
                        Some(Ok(Message::Text(text))) => {
                            tell(inbox, Arrival::Input(read(link, &text))).await;
                            Ok(())
                        }
                        Some(Ok(Message::Binary(_))) => {
                            return close(socket, CloseCode::Unsupported).await;
                        }
                        Some(Ok(
                            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_),
                        )) => Ok(()),
                    }
                },
                () = sleep_until(silent_at) => {
                    // LNK-49
                    if unanswered == UNANSWERED_MAX {
                        return;
                    }
                    unanswered += 1;
                    silent_at = Instant::now() + self.ping_interval;
                    socket.send(Message::Ping(Vec::new().into())).await
                }
            };
            if let Err(error) = sent {
                return end(socket, &error).await;
            }
        }
    }
}

fn read(link: LinkId, text: &str) -> Input {
    match wire::decode(text, &Dialect::Published) {
        Ok(primitive) => Input::Received { link, primitive },
        Err(Undecodable { request_id, why }) => Input::Undecodable {
            link,
            request_id,
            why,
        },
    }
}

/// Closes with the code that the error deserves (RFC 6455 section 7.4.1), if there is still somebody to tell.
async fn end(socket: Socket, error: &Error) {
    tracing::debug!(%error, "the link ends");
    match error {
        Error::Capacity(_) => close(socket, CloseCode::Size).await,
        Error::Utf8(_) => close(socket, CloseCode::Invalid).await,
        Error::Protocol(_) => close(socket, CloseCode::Protocol).await,
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Tls(_)
        | Error::WriteBufferFull(_)
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_)
        | Error::AttackAttempt => {}
    }
}

async fn close(mut socket: Socket, code: CloseCode) {
    let frame = CloseFrame {
        code,
        reason: "".into(),
    };
    let closing = async {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // An other side that does not answer is left alone.
    let _ = timeout(CLOSE_TIMEOUT, closing).await;
}

async fn tell(inbox: &mpsc::Sender<Arrival>, arrival: Arrival) {
    // If nobody listens any more, the AE has ended.
    let _ = inbox.send(arrival).await;
}
