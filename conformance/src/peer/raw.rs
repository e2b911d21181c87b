//! Links of bytes: what a server makes of handshakes and frames that no library would send.
//!
//! What is sent is recorded with escapes, what arrives as one unit each: the answer to the
//! handshake as text, then frames as JSON.

use serde::{Deserialize, Serialize};
use tokio::io::ReadHalf;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::mpsc::Sender;

use crate::case::Stop;
use crate::peer::dial::Stream;
use crate::peer::{Arrival, Link, Peer, State, World};
use crate::record::Kind;
use crate::story::Party;

/// Longest frame or body that is kept; a server that sends more is cut off.
const MOST: u64 = 4 << 20;

/// Begins the name of a link of bytes.
const BYTES: &str = "bytes#";

/// A frame as it came, or the fragments of one message put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Last of its message.
    pub fin: bool,
    /// Reserved bits.
    pub rsv: u8,
    /// Opcode.
    pub op: u8,
    /// Whether it was masked, which no server may do.
    pub masked: bool,
    /// Payload as text, with escapes where it is none.
    pub text: String,
    /// First two bytes of the payload of a Close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
}

/// What a link of bytes hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Status line, headers and body of the answer to the handshake.
    Answer(String),
    /// A frame.
    Frame(Frame),
    /// The end.
    End(String),
    /// Nothing in time.
    Silence,
}

impl Peer {
    /// Opens a connection on which nothing has been said yet.
    ///
    /// # Errors
    /// If the system does not accept it.
    pub async fn tcp(&mut self) -> Result<Link, Stop> {
        let name = format!("{BYTES}{}", self.links.len() + 1);
        let target = self.target(Party::Cse1).clone();
        let outcome = match &mut self.world {
            World::Live(live) => live.open_bytes(&name, &target).await,
            World::Replay(replay) => replay.open(&name),
        };
        match outcome {
            Ok(what) => {
                self.note(Kind::Opened, &name, "", &what);
                self.links.push(State {
                    name,
                    suite: Party::Ae1,
                    sut: Party::Cse1,
                    origin: String::new(),
                    inbox: std::collections::VecDeque::new(),
                    closed: None,
                    messages: 0,
                    bytes: 0,
                });
                Ok(Link(self.links.len() - 1))
            }
            Err(why) => {
                self.note(Kind::Refused, &name, "", &why);
                Err(Stop::lost(format!(
                    "{name}: no link to {}: {why}",
                    target.url
                )))
            }
        }
    }

    /// Sends bytes as they are. That the other side has ended meanwhile shows when it is read.
    pub async fn bytes(&mut self, link: Link, step: &str, bytes: &[u8]) {
        let name = self.links[link.0].name.clone();
        let text = shown(bytes);
        match &mut self.world {
            World::Live(live) => drop(live.send_bytes(&name, bytes).await),
            World::Replay(replay) => drop(replay.send(&name, &text)),
        }
        self.note(Kind::Sent, &name, step, &text);
        self.tell(link, step, true, &text);
    }

    /// What comes next on a link of bytes.
    ///
    /// # Errors
    /// If a stored run holds something else.
    pub async fn unit(&mut self, link: Link, step: &str) -> Result<Unit, Stop> {
        let State { name, closed, .. } = &self.links[link.0];
        let name = name.clone();
        if let Some(why) = closed {
            return Ok(Unit::End(why.clone()));
        }
        let arrival = match &mut self.world {
            World::Live(live) => live.next(&name, self.patience).await,
            World::Replay(replay) => replay.next(&name),
        };
        Ok(match arrival {
            Arrival::Text(text) => {
                self.note(Kind::Received, &name, step, &text);
                self.weigh(link, text.len())?;
                self.tell(link, step, false, &text);
                if text.starts_with("HTTP/") {
                    Unit::Answer(text)
                } else {
                    let frame = serde_json::from_str(&text);
                    Unit::Frame(frame.map_err(|error| Stop::Broken(error.to_string()))?)
                }
            }
            Arrival::Closed(why) => {
                self.note(Kind::Closed, &name, "", &why);
                self.links[link.0].closed = Some(why.clone());
                Unit::End(why)
            }
            Arrival::Silence => {
                self.note(Kind::Silence, &name, "", "");
                Unit::Silence
            }
        })
    }
}

/// Whether a link of this name is one of bytes.
#[must_use]
pub fn is_link_of_bytes(name: &str) -> bool {
    name.starts_with(BYTES)
}

/// Whether what arrived on a link of bytes, as it was recorded, is a message: no answer to the handshake and no
/// control frame.
#[must_use]
pub fn is_message(text: &str) -> bool {
    const CONTROL: u8 = 0x8;
    let frame = serde_json::from_str::<Frame>(text);
    frame.is_ok_and(|frame| frame.op & CONTROL == 0)
}

/// Bytes as the record shows them: text with escapes, and only the ends of what is long.
fn shown(bytes: &[u8]) -> String {
    const ENDS: usize = 2_000;
    if bytes.len() <= 2 * ENDS {
        return bytes.escape_ascii().to_string();
    }
    let (head, tail) = (&bytes[..ENDS], &bytes[bytes.len() - ENDS..]);
    let left_out = bytes.len() - 2 * ENDS;
    let (head, tail) = (head.escape_ascii(), tail.escape_ascii());
    format!("{head} … {left_out} bytes … {tail}")
}

/// Reads the answer to the handshake, then frames, until the end.
pub(super) async fn read(stream: ReadHalf<Stream>, sender: Sender<Arrival>) {
    let mut stream = BufReader::new(stream);
    let outcome = units(&mut stream, &sender).await;
    let why = match outcome {
        Ok(()) => "ended".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "ended".to_owned(),
        Err(error) => error.kind().to_string(),
    };
    sender.send(Arrival::Closed(why)).await.ok();
}

async fn units(
    stream: &mut BufReader<ReadHalf<Stream>>,
    sender: &Sender<Arrival>,
) -> std::io::Result<()> {
    let mut answer = String::new();
    let mut length = 0_u64;
    loop {
        let mut line = Vec::new();
        if (&mut *stream)
            .take(65_536)
            .read_until(b'\n', &mut line)
            .await?
            == 0
        {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let lower = line.to_ascii_lowercase();
        if let Some(number) = lower.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap_or(0);
        }
        answer.push_str(&line);
        if line.trim().is_empty() || answer.len() > 65_536 {
            break;
        }
    }
    let mut body = Vec::new();
    (&mut *stream)
        .take(length.min(MOST))
        .read_to_end(&mut body)
        .await?;
    answer.push_str(&String::from_utf8_lossy(&body));
    if !answer.starts_with("HTTP/") {
        answer.insert_str(0, "HTTP/? ");
    }
    let upgraded = answer.starts_with("HTTP/1.1 101");
    sender.send(Arrival::Text(answer)).await.ok();
    if !upgraded {
        let mut rest = Vec::new();
        stream.take(MOST).read_to_end(&mut rest).await?;
        return Ok(());
    }
    let mut open: Option<Part> = None;
    loop {
        let part = part(stream).await?;
        let whole = match (part.op, open.take()) {
            (0, Some(mut first)) => {
                first.fin = part.fin;
                first.rsv |= part.rsv;
                first.masked |= part.masked;
                first.payload.extend(part.payload);
                first
            }
            (1 | 2, Some(first)) => {
                tell(sender, first).await;
                part
            }
            (3.., Some(first)) => {
                open = Some(first);
                part
            }
            (_, None) => part,
        };
        if !whole.fin && matches!(whole.op, 1 | 2) {
            open = Some(whole);
        } else {
            tell(sender, whole).await;
        }
        if sender.is_closed() {
            return Ok(());
        }
    }
}

/// One frame, or the frames of one message put together.
struct Part {
    fin: bool,
    rsv: u8,
    op: u8,
    masked: bool,
    payload: Vec<u8>,
}

async fn tell(sender: &Sender<Arrival>, part: Part) {
    let code = match (part.op, part.payload.as_slice()) {
        (8, [high, low, ..]) => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    };
    let text = match String::from_utf8(part.payload) {
        Ok(text) => text,
        Err(error) => error.as_bytes().escape_ascii().to_string(),
    };
    let frame = Frame {
        fin: part.fin,
        rsv: part.rsv,
        op: part.op,
        masked: part.masked,
        text,
        code,
    };
    let text = serde_json::to_string(&frame).unwrap_or_default();
    // That nobody listens any more ends the loop above.
    sender.send(Arrival::Text(text)).await.ok();
}

async fn part(stream: &mut BufReader<ReadHalf<Stream>>) -> std::io::Result<Part> {
    let head = stream.read_u16().await?.to_be_bytes();
    let masked = head[1] & 0x80 != 0;
    let length = match head[1] & 0x7f {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        short => u64::from(short),
    };
    if length > MOST {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let mut mask = [0; 4];
    if masked {
        stream.read_exact(&mut mask).await?;
    }
    let mut payload = Vec::new();
    let read = (&mut *stream)
        .take(length)
        .read_to_end(&mut payload)
        .await?;
    if u64::try_from(read) != Ok(length) {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Ok(Part {
        fin: head[0] & 0x80 != 0,
        rsv: (head[0] >> 4) & 7,
        op: head[0] & 0x0f,
        masked,
        payload,
    })
}
