//! Answers to GET over HTTP/1.1, for operators: counters and the page. One request a connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
const REQUEST_BYTES_MAX: usize = 4 << 10;
const HEADERS_MAX: usize = 64;
/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 16;
/// After an accept that failed, for example because no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Status code and reason phrase.
    pub status: &'static str,
    /// Further header lines, each with its end.
    pub headers: &'static str,
    /// Its media type.
    pub media: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// 200 with that body.
    #[must_use]
    pub fn ok(media: &'static str, body: String) -> Self {
        Self {
            status: "200 OK",
            headers: "",
            media,
            body,
        }
    }

    /// A status with advice for people.
    #[must_use]
    pub fn advice(status: &'static str, advice: &str) -> Self {
        Self {
            status,
            headers: "",
            media: "text/plain; charset=utf-8",
            body: format!("{advice}\n"),
        }
    }

    fn head(&self) -> String {
        let Self {
            status,
            headers,
            media,
            body,
        } = self;
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{headers}Content-Length: {}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            body.len()
        )
    }
}

/// Answers each GET by what `answer` says of its target, until the task is dropped.
pub async fn serve<F>(listener: TcpListener, answer: impl Fn(String) -> F + Send + Sync + 'static)
where
    F: Future<Output = Answer> + Send + 'static,
{
    let answer = Arc::new(answer);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            // Who does not ask properly is not answered.
            let _ = timeout(PATIENCE, converse(stream, &*answer)).await;
            drop(place);
        });
    }
}

async fn converse<F>(
    mut stream: TcpStream,
    answer: &(impl Fn(String) -> F + Sync),
) -> std::io::Result<()>
where
    F: Future<Output = Answer> + Send,
{
    let Some(head) = read_head(&mut stream).await? else {
        return Ok(());
    };
    let (answer, with_body) = match target(&head) {
        Ok((target, with_body)) => (answer(target).await, with_body),
        Err(refusal) => (refusal, true),
    };
    stream.write_all(answer.head().as_bytes()).await?;
    if with_body {
        stream.write_all(answer.body.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// Reads up to the empty line; `None` if it does not come.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        if head.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// What is asked for, and whether its body is wanted.
fn target(head: &[u8]) -> Result<(String, bool), Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    if request.parse(head).is_err() {
        let advice = "this is no well-formed HTTP request";
        return Err(Answer::advice("400 Bad Request", advice));
    }
    match request.method {
        Some(method @ ("GET" | "HEAD")) => {
            Ok((request.path.unwrap_or("/").to_owned(), method == "GET"))
        }
        Some(_) | None => Err(Answer {
            headers: "Allow: GET, HEAD\r\n",
            ..Answer::advice(
                "405 Method Not Allowed",
                "there is only something to see; use GET",
            )
        }),
    }
}
