//! One task per WebSocket: frames become inputs, primitives become frames. It decides nothing about
//! the protocol.
//!
//! Reading and writing go on side by side, so that two peers that both wait for the other to read
//! do not block each other. A full inbox stops the reading, and so the peer; a full outbox ends the
//! link.

mod outbox;

pub use outbox::{Handle, OutboxLimits, Outgoing};

use crate::metrics::Metrics;
use crate::web::Look;
use crate::wire::{self, Decoded, Serialization, Speech, Undecodable, Unsealable};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use m2m_machine::cse::{FarEnd, Input, Opening};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::Primitive;
use outbox::{Orders, Waiting, outbox};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bounds of all links.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkLimits {
    /// Largest message that is taken, in bytes.
    pub message_bytes: usize,
    /// Largest message that is sent, in bytes.
    pub sent_bytes: usize,
    /// Bytes of large messages, of all links, that are read and wait for the machine.
    pub inbox_bytes: usize,
    /// What may wait for slow readers.
    pub outbox: OutboxLimits,
    /// Silence after which the peer is asked whether it is there.
    pub ping: Duration,
    /// How long the peer gets to answer a close.
    pub close: Duration,
    /// The least time between two messages on one link; zero for none.
    pub pace: Duration,
}

/// Questions without an answer after which a link is lost.
const UNANSWERED_MAX: u32 = 2;
/// A message below is read whatever waits; the number of those that wait is bounded.
const LARGE_BYTES: usize = 8 << 10;
/// What waits for the machine is counted in pieces of so many bytes.
const PIECE_BYTES: usize = 1 << 10;
/// tungstenite allocates it for each link at once.
const READ_BUFFER_BYTES: usize = 4 << 10;
const WRITE_BUFFER_BYTES: usize = 4 << 10;
/// What a link is told that ends because the program does.
pub(crate) const GOODBYE: &str = "shutting down";
/// What RFC 6455 section 5.5 leaves for the reason in a close frame.
const REASON_BYTES_MAX: usize = 123;

impl LinkLimits {
    /// The settings of a WebSocket under these limits.
    #[must_use]
    pub fn websocket(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(self.sent_bytes.saturating_add(2 * WRITE_BUFFER_BYTES))
            // LNK-39
            .max_message_size(Some(self.message_bytes))
            .max_frame_size(Some(self.message_bytes))
    }
}

/// What reaches the owner of the machine.
#[derive(Debug)]
pub enum Arrival {
    /// A link is open; its inputs follow.
    Opened {
        /// Which one.
        link: LinkId,
        /// Who opened it.
        opening: Opening,
        /// What is known of its other end.
        far_end: FarEnd,
        /// How to write to it.
        handle: Handle,
    },
    /// Any other input.
    Input(Input),
    /// An input that takes much room, and the room that it takes until it is dealt with.
    Large(Input, OwnedSemaphorePermit),
    /// Someone wants to look at the state; no input.
    Look(Look),
}

/// What all links have in common.
#[derive(Debug)]
pub struct Hub {
    inbox: mpsc::Sender<Arrival>,
    numbers: AtomicU64,
    limits: LinkLimits,
    places: Arc<Semaphore>,
    places_total: u32,
    room: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Hub {
    /// A hub whose links, at most so many at a time, write to `inbox`.
    #[must_use]
    pub fn new(inbox: mpsc::Sender<Arrival>, limits: LinkLimits, links_max: u32) -> Self {
        let places = Arc::new(Semaphore::new(links_max as usize));
        Self {
            inbox,
            numbers: AtomicU64::new(1),
            limits,
            places,
            places_total: links_max,
            room: Arc::new(Semaphore::new(pieces(limits.inbox_bytes) as usize)),
            waiting: Arc::default(),
            metrics: Arc::default(),
        }
    }

    /// What is counted of its links.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// The same, for a look or a number.
    #[must_use]
    pub fn measured(&self) -> &Metrics {
        &self.metrics
    }

    /// The limits of its links.
    #[must_use]
    pub const fn limits(&self) -> &LinkLimits {
        &self.limits
    }

    /// A place for one more link, if there is one.
    #[must_use]
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// The way to the owner of the machine.
    #[must_use]
    pub fn inbox(&self) -> mpsc::Sender<Arrival> {
        self.inbox.clone()
    }

    /// Tells the owner of the machine something that no link says.
    pub async fn tell(&self, input: Input) {
        // If nobody listens any more, the program is ending.
        let _ = self.inbox.send(Arrival::Input(input)).await;
    }

    /// Waits until all links are gone.
    pub async fn all_gone(&self) {
        let _ = self.places.acquire_many(self.places_total).await;
    }

    /// Runs a link from its opening to its end.
    pub async fn run<S>(
        &self,
        socket: WebSocketStream<S>,
        speech: &Speech,
        opening: Opening,
        far_end: FarEnd,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let link = LinkId(self.numbers.fetch_add(1, Ordering::Relaxed));
        let (handle, orders) = outbox(self.limits.outbox, self.waiting.clone());
        let Orders { outgoing, cut } = orders;
        tracing::debug!(link = link.0, ?opening, ?far_end, "link opened");
        if self
            .inbox
            .send(Arrival::Opened {
                link,
                opening,
                far_end,
                handle,
            })
            .await
            .is_err()
        {
            let _ = timeout(self.limits.close, close(socket, CloseCode::Away, GOODBYE)).await;
            return;
        }
        self.metrics.links_opened.add();
        let (mut sink, mut stream) = socket.split();
        let ping = Notify::new();
        let ending = tokio::select! {
            ending = self.read(&mut stream, link, speech, &ping) => ending,
            ending = self.write(&mut sink, outgoing, speech, &ping) => ending,
            _ = cut => Ending::Lost("cut"),
        };
        let (Ending::Lost(why) | Ending::Close(_, why)) = &ending;
        tracing::debug!(link = link.0, why, "link ends");
        self.metrics.links_ended.add();
        self.tell(Input::LinkLost { link }).await;
        if let Ending::Close(code, reason) = ending {
            let socket = sink
                .reunite(stream)
                .expect("the halves are those of one socket");
            let _ = timeout(self.limits.close, close(socket, code, reason)).await;
        }
    }

    async fn read<S>(
        &self,
        stream: &mut SplitStream<WebSocketStream<S>>,
        link: LinkId,
        speech: &Speech,
        ping: &Notify,
    ) -> Ending
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut unanswered = 0;
        loop {
            let Ok(frame) = timeout(self.limits.ping, stream.next()).await else {
                // LNK-27, LNK-49
                if unanswered == UNANSWERED_MAX {
                    return Ending::Lost("silent");
                }
                unanswered += 1;
                ping.notify_one();
                continue;
            };
            unanswered = 0;
            let message = match frame {
                None => return Ending::Lost("closed by the peer"),
                Some(Err(error)) => return ending(&error),
                Some(Ok(message)) => message,
            };
            let room = self.room_for(&message).await;
            let input = match (message, speech.serialization) {
                // LNK-37
                (Message::Text(text), Serialization::Json) => {
                    input(link, wire::decode(&text, &speech.dialect))
                }
                (Message::Binary(bytes), Serialization::Cbor) => {
                    input(link, wire::decode_cbor(&bytes, &speech.dialect))
                }
                (Message::Text(_), Serialization::Cbor) => {
                    return Ending::Close(CloseCode::Unsupported, "this subprotocol is binary");
                }
                (Message::Binary(_), Serialization::Json) => {
                    return Ending::Close(CloseCode::Unsupported, "this subprotocol is text");
                }
                (
                    Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_),
                    Serialization::Json | Serialization::Cbor,
                ) => continue,
            };
            self.metrics.received.add();
            if matches!(input, Input::Undecodable { .. }) {
                self.metrics.malformed.add();
            }
            tracing::trace!(?input);
            if let Input::Received { primitive, .. } = &input {
                self.metrics.count_received(primitive);
            }
            let arrival = match room {
                Some(room) => Arrival::Large(input, room),
                None => Arrival::Input(input),
            };
            if self.inbox.send(arrival).await.is_err() {
                return Ending::Close(CloseCode::Away, GOODBYE);
            }
        }
    }

    /// Waits until there is room for what a large message will be when it is decoded: many times its bytes.
    async fn room_for(&self, message: &Message) -> Option<OwnedSemaphorePermit> {
        let bytes = message.len();
        if bytes < LARGE_BYTES {
            return None;
        }
        let pieces = pieces(bytes.min(self.limits.inbox_bytes));
        let room = self.room.clone().acquire_many_owned(pieces).await;
        Some(room.expect("the room is never closed"))
    }

    async fn write<S>(
        &self,
        sink: &mut SplitSink<WebSocketStream<S>, Message>,
        mut outgoing: mpsc::Receiver<Waiting>,
        speech: &Speech,
        ping: &Notify,
    ) -> Ending
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let mut next = tokio::select! {
                next = outgoing.recv() => next,
                () = ping.notified() => {
                    if let Err(error) = sink.send(Message::Ping(Vec::new().into())).await {
                        return ending(&error);
                    }
                    continue;
                }
            };
            // What has not been written yet still waits.
            let mut unwritten = None;
            while let Some(now) = next {
                let message = match now.outgoing {
                    Outgoing::Close(code, reason) => {
                        // The last message is not in the socket yet, and would be lost with this half of it.
                        let _ = timeout(self.limits.close, sink.flush()).await;
                        return Ending::Close(code, reason);
                    }
                    Outgoing::Primitive(primitive) => {
                        let message = message(&primitive, speech);
                        if message.is_ok() {
                            self.metrics.count_sent(&primitive);
                        }
                        message
                    }
                };
                match message {
                    Ok(message) => {
                        if let Err(error) = sink.feed(message).await {
                            return ending(&error);
                        }
                        // By now, the one before has been.
                        unwritten.replace(now.share);
                    }
                    Err(why) => tracing::error!(%why, "a primitive was not sent"),
                }
                if !self.limits.pace.is_zero() {
                    if let Err(error) = sink.flush().await {
                        return ending(&error);
                    }
                    sleep(self.limits.pace).await;
                }
                next = outgoing.try_recv().ok();
            }
            if outgoing.is_closed() && outgoing.is_empty() {
                return Ending::Lost("cut");
            }
            if let Err(error) = sink.flush().await {
                return ending(&error);
            }
            drop(unwritten);
        }
    }
}

/// How many pieces that many bytes are; at least one.
fn pieces(bytes: usize) -> u32 {
    let pieces = bytes.div_ceil(PIECE_BYTES).max(1);
    u32::try_from(pieces).unwrap_or(u32::MAX)
}

fn input(link: LinkId, decoded: Decoded) -> Input {
    match decoded {
        Ok(primitive) => Input::Received { link, primitive },
        Err(Undecodable { request_id, why }) => Input::Undecodable {
            link,
            request_id,
            why,
        },
    }
}

// LNK-15
fn message(primitive: &Primitive, speech: &Speech) -> Result<Message, Unsealable> {
    let dialect = &speech.dialect;
    Ok(match speech.serialization {
        Serialization::Json => Message::Text(wire::encode(primitive, dialect)?.into()),
        Serialization::Cbor => Message::Binary(wire::encode_cbor(primitive, dialect)?.into()),
    })
}

/// How a link ends.
enum Ending {
    /// It is gone.
    Lost(&'static str),
    /// It is to be closed.
    Close(CloseCode, &'static str),
}

/// What an error of the WebSocket means for the link (RFC 6455 section 7.4.1).
fn ending(error: &Error) -> Ending {
    match error {
        Error::Capacity(_) => Ending::Close(CloseCode::Size, "the message is too large"),
        // LNK-38
        Error::Utf8(_) => Ending::Close(CloseCode::Invalid, "the text is no UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Ending::Lost("closed by the peer")
        }
        // LNK-40
        Error::Protocol(_) => Ending::Close(CloseCode::Protocol, "the frame breaks RFC 6455"),
        Error::WriteBufferFull(_) => {
            tracing::warn!("an answer is larger than what may be sent at once");
            Ending::Close(CloseCode::Error, "the answer is too large")
        }
        Error::ConnectionClosed | Error::AlreadyClosed => Ending::Lost("closed by the peer"),
        Error::Io(_) | Error::Tls(_) => Ending::Lost("the connection failed"),
        Error::Url(_) | Error::Http(_) | Error::HttpFormat(_) | Error::AttackAttempt => {
            Ending::Lost("the handshake failed")
        }
    }
}

/// Sends the close frame, and reads until the peer has closed too: a socket with unread bytes would
/// be reset, and the peer might never see the frame.
async fn close<S>(mut socket: WebSocketStream<S>, code: CloseCode, reason: &'static str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    debug_assert!(
        reason.len() <= REASON_BYTES_MAX,
        "a close frame holds at most 123 bytes"
    );
    if socket
        .close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }))
        .await
        .is_err()
    {
        return;
    }
    // LNK-16, LNK-17
    while let Some(Ok(_)) = socket.next().await {}
    let mut stream = socket.into_inner();
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut unread = vec![0; READ_BUFFER_BYTES];
    while matches!(stream.read(&mut unread).await, Ok(read) if read > 0) {}
}
