//! The way to the registrar: one attempt to open a link. When to try again is the machine's
//! decision.

use crate::link::Hub;
use crate::serve::SUBPROTOCOLS;
use crate::wire::Dialect;
use m2m_machine::cse::{Input, Opening};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error};

/// A point of access: `ws://host[:port]` (TS-0020 clause 6.2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PointOfAccess {
    host: String,
    port: u16,
}

/// Why a text is no point of access.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadPointOfAccess {
    /// It is no URI of that form.
    #[error("{0} is no point of access; write ws://HOST:PORT")]
    Form(String),
    /// It asks for TLS.
    #[error("{0} asks for TLS, which is not spoken here yet; write ws://HOST:PORT")]
    Tls(String),
}

const DEFAULT_PORT: u16 = 80;

impl PointOfAccess {
    /// Reads a point of access.
    pub fn parse(text: &str) -> Result<Self, BadPointOfAccess> {
        let form = || BadPointOfAccess::Form(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| form())?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => return Err(BadPointOfAccess::Tls(text.to_owned())),
            Some(_) | None => return Err(form()),
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(form());
        }
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(form)?;
        let port = match uri.port_u16() {
            Some(port) => port,
            None if uri.authority().is_some_and(|whole| *whole == host) => DEFAULT_PORT,
            None => return Err(form()),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// Opens a WebSocket there as `origin`; also tells whether the other end is on this machine.
    pub async fn open(
        &self,
        origin: Option<&str>,
        config: WebSocketConfig,
    ) -> Result<(WebSocketStream<TcpStream>, bool), Error> {
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await?;
        stream.set_nodelay(true)?;
        let is_local = stream.peer_addr()?.ip().to_canonical().is_loopback();
        let uri: Uri = format!("{self}/")
            .parse()
            .expect("a point of access is a URI, as it was when it was read");
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOLS[0]);
        if let Some(origin) = origin {
            request = request.with_header("X-M2M-Origin", origin);
        }
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        Ok((socket, is_local))
    }
}

impl fmt::Display for PointOfAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ws://{}:{}", self.host, self.port)
    }
}

/// The registrar, and how to get there.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// Where it listens.
    pub registrar: PointOfAccess,
    /// Who we are: the CSE-ID.
    pub origin: String,
    /// How long an attempt may take.
    pub patience: Duration,
}

impl Dialer {
    /// Tries once to open a link, and runs it to its end.
    pub async fn dial(self, hub: Arc<Hub>) {
        let Some(place) = hub.place() else {
            return self.fail(&hub, "there are as many links as allowed").await;
        };
        let attempt = self
            .registrar
            .open(Some(&self.origin), hub.limits().websocket());
        match timeout(self.patience, attempt).await {
            Ok(Ok((socket, trusted))) => {
                hub.run(socket, &Dialect::Published, Opening::Dialed, trusted)
                    .await;
            }
            Ok(Err(why)) => self.fail(&hub, &why.to_string()).await,
            Err(_) => self.fail(&hub, "it does not answer in time").await,
        }
        drop(place);
    }

    async fn fail(&self, hub: &Hub, why: &str) {
        tracing::warn!(registrar = %self.registrar, why, "the registrar cannot be reached; trying again");
        hub.tell(Input::DialFailed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("ws://127.0.0.1:8080", "ws://127.0.0.1:8080")]
    #[case("ws://cse2.example.net", "ws://cse2.example.net:80")]
    #[case("ws://[::1]:9000/", "ws://[::1]:9000")]
    fn a_point_of_access_is_read(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(
            PointOfAccess::parse(text).map(|p| p.to_string()),
            Ok(expected.to_owned())
        );
    }

    #[rstest]
    #[case("")]
    #[case("127.0.0.1:8080")]
    #[case("http://127.0.0.1:8080")]
    #[case("ws://127.0.0.1:8080/cse")]
    #[case("ws://127.0.0.1:99999")]
    #[case("wss://127.0.0.1")]
    fn other_texts_are_refused_with_advice(#[case] text: &str) {
        let refused = PointOfAccess::parse(text)
            .expect_err("it is none")
            .to_string();

        assert!(refused.contains("write ws://HOST:PORT"), "{refused}");
    }
}
