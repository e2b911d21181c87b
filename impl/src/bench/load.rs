//! The client: links that keep so many requests outstanding, and how long each took.

use futures_util::{FutureExt, SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// What went wrong.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Requests are numbered through, since no two of an originator may be the same.
static NUMBERS: AtomicU64 = AtomicU64::new(1);
const BUFFER_BYTES: usize = 16 << 10;
/// Requests that a filling keeps open.
const OUTSTANDING: usize = 64;

/// A link of the client.
#[derive(Debug)]
pub struct Link(WebSocketStream<TcpStream>);

/// A request whose identifier stands between two texts.
#[derive(Clone, Debug)]
pub struct Template {
    head: String,
    tail: String,
}

impl Template {
    /// The request that this text is, with `#` in the place of its identifier.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (head, tail) = text.split_once('#').unwrap_or((text, ""));
        Self {
            head: head.to_owned(),
            tail: tail.to_owned(),
        }
    }

    fn fill(&self, number: u64) -> String {
        let Self { head, tail } = self;
        format!("{head}{number}{tail}")
    }
}

impl Link {
    /// Opens a link as `origin`.
    pub async fn open(address: &str, origin: Option<&str>) -> Result<Self, Trouble> {
        let uri = format!("ws://{address}/").parse()?;
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol("oneM2M.json");
        if let Some(origin) = origin {
            request = request.with_header("X-M2M-Origin", origin);
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES);
        let opened = client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self(opened.0))
    }

    /// Sends one request and gives back its answer; anything else that comes first is passed over.
    pub async fn ask(&mut self, request: &Template) -> Result<String, Trouble> {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self.0.send(Message::text(request.fill(number))).await?;
        loop {
            let text = self.text().await?;
            if identifier(&text) == Some(number) && after(&text, "\"rsc\":").is_some() {
                return Ok(text);
            }
        }
    }

    /// The next message.
    pub async fn text(&mut self) -> Result<String, Trouble> {
        loop {
            let message = self.0.next().await.ok_or("the link is closed")??;
            if let Message::Text(text) = message {
                return Ok(text.as_str().to_owned());
            }
        }
    }

    /// Answers notifications until the link is closed or `end` has come; when each came.
    pub async fn answer(mut self, end: Instant) -> Result<Vec<Instant>, Trouble> {
        let mut times = Vec::new();
        while let Ok(next) = tokio::time::timeout_at(end, self.0.next()).await {
            let mut next = next;
            while let Some(message) = next {
                if let Message::Text(text) = message? {
                    let id = quoted(&text, "\"rqi\":").ok_or("a message without identifier")?;
                    let answer = format!("{{\"rsc\":2000,\"rqi\":\"{id}\",\"rvi\":\"3\"}}");
                    self.0.feed(Message::text(answer)).await?;
                    times.push(Instant::now());
                }
                next = self.0.next().now_or_never().flatten();
            }
            self.0.flush().await?;
        }
        Ok(times)
    }

    /// Keeps `outstanding` requests open until `end`; how long each took that began after `begin`.
    pub async fn drive(
        mut self,
        request: Template,
        outstanding: usize,
        (begin, end): (Instant, Instant),
    ) -> Result<Vec<Duration>, Trouble> {
        let mut sent = BTreeMap::new();
        let mut took = Vec::new();
        for _ in 0..outstanding {
            self.next(&request, &mut sent).await?;
        }
        self.0.flush().await?;
        while !sent.is_empty() {
            let mut next = self.0.next().await;
            while let Some(message) = next {
                if let Message::Text(text) = message? {
                    let number = identifier(&text).ok_or("an answer without identifier")?;
                    let at = sent.remove(&number).ok_or("an answer without request")?;
                    if !is_success(&text) {
                        return Err(text.as_str().into());
                    }
                    let now = Instant::now();
                    if at >= begin && now <= end {
                        took.push(now - at);
                    }
                    if now < end {
                        self.next(&request, &mut sent).await?;
                    }
                }
                next = self.0.next().now_or_never().flatten();
            }
            self.0.flush().await?;
        }
        Ok(took)
    }

    /// Sends so many requests, with a bounded number outstanding.
    pub async fn repeat(&mut self, request: &Template, count: usize) -> Result<(), Trouble> {
        let (mut asked, mut answered) = (0, 0);
        let mut sent = BTreeMap::new();
        while answered < count {
            while asked < count && asked - answered < OUTSTANDING {
                self.next(request, &mut sent).await?;
                asked += 1;
            }
            self.0.flush().await?;
            let text = self.text().await?;
            if !is_success(&text) {
                return Err(text.into());
            }
            answered += 1;
        }
        Ok(())
    }

    async fn next(
        &mut self,
        request: &Template,
        sent: &mut BTreeMap<u64, Instant>,
    ) -> Result<(), Trouble> {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        sent.insert(number, Instant::now());
        Ok(self.0.feed(Message::text(request.fill(number))).await?)
    }
}

/// Whether it is an answer of the class 2xxx.
#[must_use]
pub fn is_success(text: &str) -> bool {
    after(text, "\"rsc\":").is_some_and(|status| status.starts_with("20"))
}

fn identifier(text: &str) -> Option<u64> {
    quoted(text, "\"rqi\":")?.parse().ok()
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    after(text, before)?.strip_prefix('"')?.split('"').next()
}

/// What stands behind it; some write a space there.
fn after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    Some(text.get(start..)?.trim_ascii_start())
}
