//! Connections to a system under test: TCP, TLS where the address says so, the opening handshake.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};

use crate::record::Target;

/// Longest time a connection and its handshake may take, however patient the cases are.
const PATIENCE_MOST: Duration = Duration::from_secs(10);
/// Longest message that is read, bytes.
const MESSAGE_MOST: usize = 4 << 20;

/// A connection, with or without TLS.
pub type Stream = Box<dyn Duplex>;

/// A link after its handshake.
pub(crate) type Socket = WebSocketStream<Stream>;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> Duplex for T {}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum NoLink {
    /// The address cannot be used.
    #[error("the address {url} cannot be used: {why}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection.
    #[error("{0}")]
    Connection(std::io::Error),
    /// No TLS.
    #[error("no TLS: {0}")]
    Tls(String),
    /// The handshake was refused.
    #[error("the handshake is answered HTTP {0}")]
    Refused(u16),
    /// What came is no answer to a handshake.
    #[error("the handshake is not answered by HTTP as it should be: {0}")]
    NoHandshake(Error),
    /// The connection ended.
    #[error("the connection ended in the handshake: {0}")]
    Ended(std::io::Error),
    /// Nothing came.
    #[error("the handshake took more than {} ms", .0.as_millis())]
    Silence(Duration),
}

/// Connects to an address `ws://` or `wss://`; the certificate must be vouched for by the
/// authorities of the target, or by those the operating system trusts.
///
/// # Errors
/// If there is no connection, or no TLS.
pub async fn connect(target: &Target, patience: Duration) -> Result<Stream, NoLink> {
    let (host, port) = authority(&target.url)?;
    let patience = patience.min(PATIENCE_MOST);
    let connecting = TcpStream::connect((host.as_str(), port));
    let stream = tokio::time::timeout(patience, connecting).await;
    let stream = stream
        .map_err(|_| NoLink::Connection(std::io::ErrorKind::TimedOut.into()))?
        .map_err(NoLink::Connection)?;
    stream.set_nodelay(true).map_err(NoLink::Connection)?;
    if !is_secure(&target.url) {
        return Ok(Box::new(stream));
    }
    let tls = |error: &dyn std::fmt::Display| NoLink::Tls(error.to_string());
    let name = ServerName::try_from(host).map_err(|error| tls(&error))?;
    let securing = connector(target.authorities.as_deref())?.connect(name, stream);
    let secured = tokio::time::timeout(patience, securing).await;
    let secured = secured
        .map_err(|_| NoLink::Tls(format!("no answer within {} ms", patience.as_millis())))?
        .map_err(|error| tls(&error))?;
    Ok(Box::new(secured))
}

/// Opens a link, with `X-M2M-Origin` where an identity is given; the subprotocol agreed.
///
/// # Errors
/// If there is no connection, or no WebSocket on it.
pub(crate) async fn open(
    target: &Target,
    origin: Option<&str>,
    patience: Duration,
) -> Result<(Socket, String), NoLink> {
    let address = |why: &dyn std::fmt::Display| NoLink::Address {
        url: target.url.clone(),
        why: why.to_string(),
    };
    let request = target.url.as_str().into_client_request();
    let mut request = request.map_err(|error| address(&error))?;
    let headers = request.headers_mut();
    let offer = HeaderValue::from_str(&target.manner.subprotocols);
    headers.insert(
        "Sec-WebSocket-Protocol",
        offer.map_err(|error| address(&error))?,
    );
    if let Some(origin) = origin {
        let value = HeaderValue::from_str(origin).map_err(|error| address(&error))?;
        headers.insert("X-M2M-Origin", value);
    }
    let stream = connect(target, patience).await?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MOST))
        .max_frame_size(Some(MESSAGE_MOST));
    let shaking = tokio_tungstenite::client_async_with_config(request, stream, Some(limits));
    let patience = patience.min(PATIENCE_MOST);
    let shaken = tokio::time::timeout(patience, shaking).await;
    let (socket, answer) = shaken
        .map_err(|_| NoLink::Silence(patience))?
        .map_err(no_link)?;
    let protocol = answer.headers().get("Sec-WebSocket-Protocol");
    let protocol = protocol.and_then(|value| value.to_str().ok());
    Ok((socket, protocol.unwrap_or_default().to_owned()))
}

fn no_link(error: Error) -> NoLink {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest of the library's errors all say that this is no WebSocket"
    )]
    match error {
        Error::Http(answer) => NoLink::Refused(answer.status().as_u16()),
        Error::Io(error) => NoLink::Ended(error),
        Error::Protocol(tungstenite::error::ProtocolError::HandshakeIncomplete) => {
            NoLink::Ended(std::io::ErrorKind::UnexpectedEof.into())
        }
        other => NoLink::NoHandshake(other),
    }
}

fn is_secure(url: &str) -> bool {
    url.starts_with("wss://")
}

/// Host and port of a WebSocket address.
fn authority(url: &str) -> Result<(String, u16), NoLink> {
    let wrong = |why: String| NoLink::Address {
        url: url.to_owned(),
        why,
    };
    let request = url.into_client_request();
    let request = request.map_err(|error| wrong(error.to_string()))?;
    let authority = request.uri().authority();
    let authority = authority.ok_or_else(|| wrong("it names no host".to_owned()))?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let usual = if is_secure(url) { 443 } else { 80 };
    Ok((host, authority.port_u16().unwrap_or(usual)))
}

fn connector(authorities: Option<&Path>) -> Result<TlsConnector, NoLink> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            let unreadable = |why: &dyn std::fmt::Display| {
                NoLink::Tls(format!("cannot read {}: {why}", path.display()))
            };
            let found = CertificateDer::pem_file_iter(path);
            for certificate in found.map_err(|error| unreadable(&error))? {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| NoLink::Tls(error.to_string()))?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
