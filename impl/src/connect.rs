//! The way of an outgoing connection: TCP, through a proxy if there is one, and TLS if asked for.

use crate::tls::{self, TlsError};
use m2m_machine::cse::FarEnd;
use std::fmt;
use std::io;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// A connection, whatever it is made of.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What a proxy may say at most before it lets through.
const PROXY_ANSWER_BYTES_MAX: usize = 8 << 10;

/// How to get out.
#[derive(Clone, Default)]
pub struct Route {
    tls: Option<TlsConnector>,
    proxy: Option<String>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("tls", &self.tls.is_some())
            .field("proxy", &self.proxy)
            .finish()
    }
}

impl Route {
    /// Trusts what these authorities sign, shows that certificate with its key, and goes through
    /// that proxy (`HOST:PORT`), as far as they are given.
    pub fn new(
        authorities: Option<&Path>,
        own: Option<(&Path, &Path)>,
        proxy: Option<String>,
    ) -> Result<Self, TlsError> {
        let tls = authorities
            .map(|file| tls::connector(file, own))
            .transpose()?;
        Ok(Self { tls, proxy })
    }

    /// Whether TLS can be spoken: whether it is known whom to trust.
    #[must_use]
    pub const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects; also tells what is known of the other end: it is trusted if secured or on this machine, and seen
    /// unless it is behind a proxy.
    pub async fn connect(
        &self,
        host: &str,
        port: u16,
        secured: bool,
    ) -> io::Result<(Box<dyn Duplex>, FarEnd)> {
        let host = host.trim_matches(['[', ']']);
        let stream = match &self.proxy {
            None => TcpStream::connect((host, port)).await?,
            // LNK-52
            Some(proxy) => through(proxy, host, port).await?,
        };
        stream.set_nodelay(true)?;
        let address = stream.peer_addr()?.ip().to_canonical();
        let address = Some(address).filter(|_| self.proxy.is_none());
        let far_end = FarEnd {
            address,
            ..FarEnd::new(secured)
        };
        if !secured {
            return Ok((Box::new(stream), far_end));
        }
        let connector = self.tls.as_ref().ok_or_else(|| {
            io::Error::other("TLS is asked for and no authority is named that could be trusted")
        })?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok((Box::new(connector.connect(name, stream).await?), far_end))
    }
}

/// Whether a text is `HOST:PORT`.
#[must_use]
pub fn is_host_and_port(text: &str) -> bool {
    let host_is_one = |host: &str| {
        let in_brackets = host.starts_with('[') && host.ends_with(']');
        !host.is_empty() && !host.contains(['/', '@', ' ']) && (in_brackets || !host.contains(':'))
    };
    text.rsplit_once(':').is_some_and(|(host, port)| {
        host_is_one(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// Asks a proxy for a connection (RFC 9110 section 9.3.6).
async fn through(proxy: &str, host: &str, port: u16) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(proxy).await?;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > PROXY_ANSWER_BYTES_MAX {
            return Err(io::Error::other("the proxy says too much"));
        }
        answer.push(stream.read_u8().await?);
    }
    let status = String::from_utf8_lossy(&answer);
    let status = status.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(stream),
        Some(_) | None => Err(io::Error::other(format!("the proxy refuses: {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("proxy.example.net:3128", true)]
    #[case("127.0.0.1:1", true)]
    #[case("[::1]:3128", true)]
    #[case("127.0.0.1", false)]
    #[case("::1:3128", false)]
    #[case("http://proxy.example.net:3128", false)]
    #[case("me@proxy.example.net:3128", false)]
    #[case("proxy.example.net:", false)]
    #[case("proxy.example.net:0", false)]
    #[case("proxy.example.net:65536", false)]
    #[case(":3128", false)]
    fn a_proxy_is_a_host_and_a_port(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_host_and_port(text), expected);
    }
}
