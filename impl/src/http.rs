//! Answers to GET over HTTP/1.1, for operators: counters and the page. One request a connection.
//!
//! What listens on this machine only is asked by an address or as localhost: a page of another site whose name has
//! been made to lead here asks by that name.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Browsers send the cookies of all that runs on this machine.
const REQUEST_BYTES_MAX: usize = 32 << 10;
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
    let is_local = listener.local_addr();
    let is_local = is_local.is_ok_and(|at| at.ip().to_canonical().is_loopback());
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
            let _ = timeout(PATIENCE, converse(stream, is_local, &*answer)).await;
            drop(place);
        });
    }
}

async fn converse<F>(
    mut stream: TcpStream,
    is_local: bool,
    answer: &(impl Fn(String) -> F + Sync),
) -> std::io::Result<()>
where
    F: Future<Output = Answer> + Send,
{
    let asked = match read_head(&mut stream).await? {
        Head::Ended => return Ok(()),
        Head::TooLarge => Err(Answer::advice(
            "431 Request Header Fields Too Large",
            "the head of the request is too large; delete cookies of this host",
        )),
        Head::Whole(head) => target(&head, is_local),
    };
    let (answer, with_body) = match asked {
        Ok((target, with_body)) => (answer(target).await, with_body),
        Err(refusal) => (refusal, true),
    };
    stream.write_all(answer.head().as_bytes()).await?;
    if with_body {
        stream.write_all(answer.body.as_bytes()).await?;
    }
    stream.shutdown().await?;
    // Bytes that are not read would reset the connection, and the answer with it.
    let mut unread = [0; 512];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// The head of a request.
enum Head {
    /// All of it, perhaps with more behind it.
    Whole(Vec<u8>),
    /// It is larger than anybody needs.
    TooLarge,
    /// The peer has gone.
    Ended,
}

/// Reads up to the empty line.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Head> {
    let mut head = Vec::new();
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(Head::Ended);
        }
        if head.len() > REQUEST_BYTES_MAX {
            return Ok(Head::TooLarge);
        }
        if head.windows(4).any(|w| w == b"\r\n\r\n") {
            return Ok(Head::Whole(head));
        }
    }
}

/// What is asked for, and whether its body is wanted.
fn target(head: &[u8], is_local: bool) -> Result<(String, bool), Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    if request.parse(head).is_err() {
        let advice = "this is no well-formed HTTP request";
        return Err(Answer::advice("400 Bad Request", advice));
    }
    let host = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case("Host");
    if is_local
        && !request
            .headers
            .iter()
            .filter(host)
            .all(|h| is_here(h.value))
    {
        let advice = "this is for this machine only; ask by its address or as localhost";
        return Err(Answer::advice("421 Misdirected Request", advice));
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

/// Whether a `Host` is an address or localhost, whatever the port.
fn is_here(host: &[u8]) -> bool {
    let host = std::str::from_utf8(host).unwrap_or_default().trim();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("localhost", true)]
    #[case("LocalHost:8088", true)]
    #[case("127.0.0.1:8088", true)]
    #[case("[::1]:8088", true)]
    #[case("[::1]", true)]
    #[case("cse.example.net", false)]
    #[case("localhost.example.net:8088", false)]
    #[case("127.0.0.1.example.net", false)]
    #[case("", false)]
    fn an_address_or_localhost_is_here(#[case] host: &str, #[case] expected: bool) {
        assert_eq!(is_here(host.as_bytes()), expected);
    }
}
