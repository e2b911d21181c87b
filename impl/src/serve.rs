//! The accept loop, and the upgrade from HTTP. Who gets a link, and with which subprotocol, is decided by
//! the machine's link chapter.
//!
//! The request is parsed here and not by tungstenite, whose handshake ends without an HTTP answer
//! on a wrong version or a missing key.

use crate::link::Hub;
use crate::tls;
use crate::wire::{Dialect, Serialization, Speech};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use m2m_machine::cse::link::{self, Certificate, Upgrade, UpgradeRefusal};
use m2m_machine::cse::{FarEnd, Opening};
use m2m_machine::text::Text;
use sha1::{Digest, Sha1};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// Appended to the key (RFC 6455 section 4.2.2).
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES: usize = 16;
const HEADERS_MAX: usize = 64;
const REQUEST_BYTES_MAX: usize = 8 << 10;
/// After an accept that failed, for example because no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the accept loop needs to know.
#[derive(Clone)]
pub struct Door {
    /// The dialect of links that name no subprotocol; `Published`: they are refused.
    pub unnamed: Dialect,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// TLS, if it is spoken.
    pub tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("unnamed", &self.unnamed)
            .field("handshake", &self.handshake)
            .field("tls", &self.tls.is_some())
            .finish()
    }
}

/// An upgrade that was let in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Admission {
    /// `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocol, as the client spells it; none in the draft dialect.
    pub subprotocol: Option<String>,
    /// Who asks, as far as that is said.
    pub origin: Option<Text>,
    /// Whether a certificate says it.
    pub is_certified: bool,
    /// Whether a page in a browser asks: only browsers send `Origin`.
    pub is_from_page: bool,
}

/// Why an upgrade is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// It is no HTTP/1.1 request.
    #[error("this is no well-formed HTTP/1.1 request: {0}")]
    Malformed(String),
    /// Its head is too large.
    #[error(
        "the head of the request is larger than {REQUEST_BYTES_MAX} bytes or {HEADERS_MAX} headers"
    )]
    TooLarge,
    /// All places are taken.
    #[error("there are as many links as allowed; try later")]
    Full,
    /// The protocol does not let it in; with advice.
    #[error("{1}")]
    Refused(UpgradeRefusal, String),
}

impl Rejection {
    /// The status line, and a header that goes with it.
    const fn status(&self) -> (&'static str, &'static str) {
        match self {
            Self::Full => ("503 Service Unavailable", ""),
            Self::TooLarge => ("431 Request Header Fields Too Large", ""),
            Self::Malformed(_) => ("400 Bad Request", ""),
            Self::Refused(why, _) => match why.status() {
                403 => ("403 Forbidden", ""),
                404 => ("404 Not Found", ""),
                426 => ("426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n"),
                _ => ("400 Bad Request", ""),
            },
        }
    }

    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> String {
        let (status, header) = self.status();
        let body = format!("{self}\n");
        format!(
            "HTTP/1.1 {status}\r\n{header}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Admission {
    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> String {
        // LNK-29
        let subprotocol = self.subprotocol.as_ref().map_or_else(String::new, |name| {
            format!("Sec-WebSocket-Protocol: {name}\r\n")
        });
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{subprotocol}\r\n",
            self.accept
        )
    }
}

/// What the machine decides about an upgrade; `needs_subprotocol` is off in the draft dialect.
pub fn admit(
    request: &httparse::Request<'_, '_>,
    certificate: Certificate<'_>,
    needs_subprotocol: bool,
) -> Result<Admission, Rejection> {
    let header = |name| values(request, name).next();
    let names = |name, token| values(request, name).any(|v| has_token(v, token));
    let is_key = |key: &&str| {
        let bytes = STANDARD.decode(key);
        bytes.is_ok_and(|bytes| bytes.len() == KEY_BYTES)
    };
    let key = header("Sec-WebSocket-Key").filter(is_key);
    let offered: Vec<&str> = values(request, "Sec-WebSocket-Protocol")
        .flat_map(|value| value.split(',').map(str::trim))
        .filter(|name| !name.is_empty())
        .collect();
    let upgrade = Upgrade {
        method: request.method.unwrap_or(""),
        path: path(request.path.unwrap_or("")),
        is_http_1_1: request.version == Some(1),
        has_host: values(request, "Host").count() == 1,
        names_websocket: names("Upgrade", "websocket"),
        names_upgrade: names("Connection", "upgrade"),
        version: header("Sec-WebSocket-Version").unwrap_or(""),
        has_key: key.is_some(),
        offered: &offered,
        origin: header("X-M2M-Origin").filter(|origin| !origin.is_empty()),
        certificate,
    };
    let admitted = link::admit(&upgrade, needs_subprotocol)
        .map_err(|why| Rejection::Refused(why, advice(why, &upgrade)))?;
    let key = key.unwrap_or("");
    Ok(Admission {
        accept: STANDARD.encode(Sha1::digest(format!("{key}{KEY_SUFFIX}"))),
        subprotocol: admitted.subprotocol.map(str::to_owned),
        origin: admitted.origin.map(Text::from),
        is_certified: admitted.certified,
        is_from_page: header("Origin").is_some(),
    })
}

/// The path and query of a request target, which a client may also write as a whole URI (RFC 9112 section 3.2.2).
fn path(target: &str) -> &str {
    let scheme = target.find("://").map(|at| target.split_at(at));
    match scheme {
        Some((scheme, rest)) if ["http", "https", "ws", "wss"].contains(&scheme) => {
            let rest = rest.trim_start_matches("://");
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        Some(_) | None => target,
    }
}

/// What was wrong, and what to do.
fn advice(why: UpgradeRefusal, upgrade: &Upgrade<'_>) -> String {
    let header =
        |name: &str, advice: &str| format!("the header {name} is missing or wrong; {advice}");
    match why {
        UpgradeRefusal::Method => {
            format!(
                "the method is {}; a WebSocket is opened by GET",
                upgrade.method
            )
        }
        UpgradeRefusal::Path => format!("there is nothing at {}; ask for /", upgrade.path),
        UpgradeRefusal::OldHttp => {
            "this is no well-formed HTTP/1.1 request: the version of HTTP is older".to_owned()
        }
        UpgradeRefusal::Host => header("Host", "name the host that is meant, once"),
        UpgradeRefusal::Upgrade => header("Upgrade", "it has to name websocket"),
        UpgradeRefusal::Connection => header("Connection", "it has to name Upgrade"),
        UpgradeRefusal::Version => {
            "only version 13 of the WebSocket protocol is spoken here".to_owned()
        }
        UpgradeRefusal::Key => header("Sec-WebSocket-Key", "it has to be 16 bytes in base64"),
        UpgradeRefusal::NoSubprotocol => {
            "the header Sec-WebSocket-Protocol is missing; offer oneM2M.json or oneM2M.cbor"
                .to_owned()
        }
        UpgradeRefusal::UnknownSubprotocol => format!(
            "none of the offered subprotocols is known: {}; offer oneM2M.json or oneM2M.cbor",
            upgrade.offered.join(", ")
        ),
        UpgradeRefusal::Nameless => {
            "the certificate names no AE and no CSE; it needs a subject alternative name as \
            URI:m2m://sp.example/cse1/Cae1 or DNS:Cae1.cse1.example"
                .to_owned()
        }
    }
}

/// The values of a header, however often it stands; one that is no text counts as absent.
fn values<'a>(
    request: &'a httparse::Request<'_, '_>,
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    request
        .headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .map(str::trim)
}

fn has_token(value: &str, token: &str) -> bool {
    value
        .split(',')
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Accepts links until the task is dropped.
pub async fn serve(listener: TcpListener, hub: Arc<Hub>, door: Door) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!(%why, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = hub.place();
        let (hub, door) = (hub.clone(), door.clone());
        // LNK-43
        tokio::spawn(async move { welcome(stream, peer, place, &hub, &door).await });
    }
}

/// Makes a link of a connection that came from `peer`, and runs it to its end.
pub async fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    place: Option<OwnedSemaphorePermit>,
    hub: &Hub,
    door: &Door,
) {
    if let Err(why) = secure(stream, peer.ip().to_canonical(), place, hub, door).await {
        hub.measured().failed.add();
        tracing::debug!(%peer, %why, "a connection failed before it was a link");
    }
}

/// Speaks TLS first where it is spoken.
async fn secure(
    stream: TcpStream,
    address: IpAddr,
    place: Option<OwnedSemaphorePermit>,
    hub: &Hub,
    door: &Door,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(acceptor) = &door.tls else {
        let visitor = Visitor {
            stream,
            far_end: FarEnd {
                address: Some(address),
                ..FarEnd::default()
            },
            certificate: Shown::Nothing,
        };
        return enter(visitor, place, hub, door).await;
    };
    // LNK-18
    let stream = timeout(door.handshake, acceptor.accept(stream)).await??;
    let certificates = stream.get_ref().1.peer_certificates();
    let certificate = match certificates.and_then(<[_]>::first) {
        None => Shown::Nothing,
        Some(certificate) => Shown::Certificate(tls::identity(certificate)),
    };
    let visitor = Visitor {
        stream: Box::new(stream),
        far_end: FarEnd {
            address: Some(address),
            ..FarEnd::new(true)
        },
        certificate,
    };
    enter(visitor, place, hub, door).await
}

/// A connection that wants to become a link.
struct Visitor<S> {
    stream: S,
    far_end: FarEnd,
    certificate: Shown,
}

/// What a client has shown of itself before it asks for an upgrade.
enum Shown {
    Nothing,
    /// A certificate, and whom it names.
    Certificate(Option<Text>),
}

impl Shown {
    fn certificate(&self) -> Certificate<'_> {
        match self {
            Self::Nothing => Certificate::None,
            Self::Certificate(None) => Certificate::Nameless,
            Self::Certificate(Some(entity)) => Certificate::Of(entity),
        }
    }
}

async fn enter<S>(
    visitor: Visitor<S>,
    place: Option<OwnedSemaphorePermit>,
    hub: &Hub,
    door: &Door,
) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let Visitor {
        mut stream,
        far_end,
        certificate,
    } = visitor;
    let needs_subprotocol = door.unnamed == Dialect::Published;
    let head = timeout(door.handshake, read_head(&mut stream)).await??;
    let decision = match (&head, place) {
        (Err(refusal), _) => Err(refusal.clone()),
        (Ok(_), None) => {
            tracing::warn!("all links are taken");
            Err(Rejection::Full)
        }
        (Ok((head, _)), Some(place)) => parse(head, certificate.certificate(), needs_subprotocol)
            .map(|admission| (admission, place)),
    };
    match (decision, head) {
        (Ok((admission, place)), Ok((_, rest))) => {
            stream.write_all(admission.response().as_bytes()).await?;
            let config = Some(hub.limits().websocket());
            let socket =
                WebSocketStream::from_partially_read(stream, rest, Role::Server, config).await;
            let speech = speech(admission.subprotocol.as_deref(), &door.unnamed);
            let opening = Opening::Accepted {
                origin: admission.origin,
            };
            let far_end = FarEnd {
                certified: admission.is_certified,
                is_page: admission.is_from_page,
                ..far_end
            };
            hub.run(socket, &speech, opening, far_end).await;
            drop(place);
        }
        (Ok(_), Err(refusal)) | (Err(refusal), _) => {
            hub.measured().failed.add();
            tracing::debug!(%refusal, "an upgrade is refused");
            // It is over in any case.
            let _ = timeout(door.handshake, refuse(&mut stream, &refusal)).await;
        }
    }
    Ok(())
}

/// How a link speaks that was given this subprotocol.
fn speech(subprotocol: Option<&str>, unnamed: &Dialect) -> Speech {
    let is_cbor = subprotocol.is_some_and(|name| name.ends_with("cbor"));
    Speech {
        dialect: match subprotocol {
            Some(_) => Dialect::Published,
            None => unnamed.clone(),
        },
        serialization: if is_cbor {
            Serialization::Cbor
        } else {
            Serialization::Json
        },
    }
}

fn parse(
    head: &[u8],
    certificate: Certificate<'_>,
    needs_subprotocol: bool,
) -> Result<Admission, Rejection> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => admit(&request, certificate, needs_subprotocol),
        Ok(httparse::Status::Partial) => Err(Rejection::Malformed("it ends too early".to_owned())),
        Err(why) => Err(Rejection::Malformed(why.to_string())),
    }
}

/// The head of a request, and the bytes that came with it.
type Head = Result<(Vec<u8>, Vec<u8>), Rejection>;

/// Reads up to the empty line.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Head> {
    let mut bytes = Vec::with_capacity(1 << 10);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        match httparse::Request::new(&mut headers).parse(&bytes) {
            Ok(httparse::Status::Complete(length)) if length > REQUEST_BYTES_MAX => {
                return Ok(Err(Rejection::TooLarge));
            }
            Ok(httparse::Status::Complete(length)) => {
                let rest = bytes.split_off(length);
                return Ok(Ok((bytes, rest)));
            }
            Ok(httparse::Status::Partial) if bytes.len() > REQUEST_BYTES_MAX => {
                return Ok(Err(Rejection::TooLarge));
            }
            Ok(httparse::Status::Partial) => {}
            Err(httparse::Error::TooManyHeaders) => return Ok(Err(Rejection::TooLarge)),
            Err(why) => return Ok(Err(Rejection::Malformed(why.to_string()))),
        }
    }
}

/// Answers, and reads until the peer closes, so that the answer is not lost in a reset.
async fn refuse<S>(stream: &mut S, refusal: &Rejection) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(refusal.response().as_bytes()).await?;
    stream.shutdown().await?;
    let mut unread = [0; 512];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const GOOD: &str = "GET / HTTP/1.1\r\nHost: cse1.example.net:9000\r\nUpgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: oneM2M.json\r\n\r\n";

    fn decide(change: impl Fn(&str) -> String) -> Result<Admission, Rejection> {
        parse(change(GOOD).as_bytes(), Certificate::None, true)
    }

    #[test]
    fn a_proper_upgrade_is_let_in() {
        let admission = decide(str::to_owned).expect("nothing is wrong with it");

        assert_eq!(admission.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(admission.origin, None);
    }

    #[rstest]
    #[case("oneM2M.json", "oneM2M.json")]
    #[case("oneM2M.R2.0.json, oneM2M.json", "oneM2M.R2.0.json")]
    #[case("oneM2M.xml , onem2m.json", "onem2m.json")]
    #[case("oneM2M.cbor, oneM2M.json", "oneM2M.cbor")]
    #[case("onem2m.r2.0.cbor", "onem2m.r2.0.cbor")]
    #[case("x\r\nSec-WebSocket-Protocol: onem2m.r2.0.json", "onem2m.r2.0.json")]
    fn the_first_known_subprotocol_is_taken_as_spelled(
        #[case] offered: &str,
        #[case] expected: &str,
    ) {
        let admission = decide(|good| good.replace("oneM2M.json", offered));

        assert_eq!(
            admission.map(|a| a.subprotocol),
            Ok(Some(expected.to_owned()))
        );
    }

    #[rstest]
    #[case("GET /", "GET /?x", "101")]
    #[case("GET /", "GET http://cse1.example.net:9000/", "101")]
    #[case("GET /", "GET http://cse1.example.net:9000", "101")]
    #[case("GET /", "GET http://cse1.example.net:9000/cse1", "404")]
    #[case("GET /", "POST /", "400")]
    #[case("GET /", "GET /cse1", "404")]
    #[case("HTTP/1.1", "HTTP/1.0", "400")]
    #[case("Host", "Hast", "400")]
    #[case("Upgrade: WebSocket", "Upgrade: h2c", "400")]
    #[case("keep-alive, Upgrade", "keep-alive", "400")]
    #[case("Sec-WebSocket-Key: dGhl", "Sec-WebSocket-Key: ", "400")]
    #[case("Sec-WebSocket-Key", "Sec-WebSocket-Kay", "400")]
    #[case("Version: 13", "Version: 8", "426")]
    #[case("Sec-WebSocket-Version", "Sec-WebSocket-Varsion", "426")]
    #[case("oneM2M.json", "oneM2M.xml", "400")]
    #[case("oneM2M.json", "ONEM2M.JSON", "400")]
    #[case("Sec-WebSocket-Protocol: oneM2M.json\r\n", "", "400")]
    #[case("GET / ", "GET ", "400")]
    fn what_is_wrong_is_refused_with_its_status(
        #[case] from: &str,
        #[case] to: &str,
        #[case] status: &str,
    ) {
        let answer = match decide(|good| good.replace(from, to)) {
            Ok(admission) => admission.response(),
            Err(refusal) => refusal.response(),
        };

        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert_eq!(
            status == "426",
            answer.contains("Sec-WebSocket-Version: 13\r\n")
        );
    }

    #[rstest]
    #[case("X-M2M-Origin: Cae1\r\n", Some("Cae1"))]
    #[case("x-m2m-origin:  /cse1 \r\n", Some("/cse1"))]
    #[case("X-M2M-Origin:\r\n", None)]
    fn the_origin_is_read_where_it_is_sent(#[case] header: &str, #[case] expected: Option<&str>) {
        let admission = decide(|good| good.replace("Host", &format!("{header}Host")));

        assert_eq!(admission.map(|a| a.origin), Ok(expected.map(Text::from)));
    }

    #[test]
    fn without_a_subprotocol_the_draft_dialect_lets_in_and_names_none() {
        let request = GOOD.replace("Sec-WebSocket-Protocol: oneM2M.json\r\n", "");

        let admission = parse(request.as_bytes(), Certificate::None, false)
            .expect("the draft knows no subprotocol");

        assert_eq!(admission.subprotocol, None);
        assert!(!admission.response().contains("Protocol:"));
    }
}
