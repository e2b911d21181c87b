//! Outgoing links: one attempt to open one, to the registrar or to a registree that keeps none. Whom to
//! dial, and when to try again, is the machine's decision.

use crate::connect::{Duplex, Route};
use crate::link::Hub;
use crate::wire::{Serialization, Speech};
use clap::ValueEnum;
use m2m_machine::cse::{FarEnd, Input, Opening};
use m2m_machine::id::CseId;
use m2m_machine::text::Text;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error};

/// A point of access: `ws://host[:port]` or `wss://host[:port]` (TS-0020 clause 6.2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PointOfAccess {
    secured: bool,
    host: String,
    port: u16,
}

/// Why a text is no point of access.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadPointOfAccess {
    /// It is no URI of that form.
    #[error("{0} is no point of access; write ws://HOST:PORT or wss://HOST:PORT")]
    Form(String),
}

/// So many characters of what a peer says are passed on.
const ADVICE_MAX: usize = 200;
const DEFAULT_PORT: u16 = 80;
const DEFAULT_SECURED_PORT: u16 = 443;

impl PointOfAccess {
    /// Reads a point of access.
    pub fn parse(text: &str) -> Result<Self, BadPointOfAccess> {
        let form = || BadPointOfAccess::Form(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| form())?;
        let secured = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            Some(_) | None => return Err(form()),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(form());
        }
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(form)?;
        let port = match uri.port_u16() {
            Some(port) => port,
            None if uri.authority().is_some_and(|whole| *whole == host) && secured => {
                DEFAULT_SECURED_PORT
            }
            None if uri.authority().is_some_and(|whole| *whole == host) => DEFAULT_PORT,
            None => return Err(form()),
        };
        Ok(Self {
            secured,
            host: host.to_owned(),
            port,
        })
    }

    /// Whether TLS is asked for.
    #[must_use]
    pub const fn is_secured(&self) -> bool {
        self.secured
    }

    /// Opens a WebSocket for JSON there as `origin`; also tells whether the connection is to be trusted.
    pub async fn open(
        &self,
        route: &Route,
        origin: Option<&str>,
        config: WebSocketConfig,
    ) -> Result<(WebSocketStream<Box<dyn Duplex>>, bool), Error> {
        let opened = self
            .open_offering(Offer::Json, route, origin, config)
            .await?;
        Ok((opened.socket, opened.far_end.is_trusted()))
    }

    /// Opens a WebSocket there as `origin`, for one of the serializations that are offered.
    pub async fn open_offering(
        &self,
        offer: Offer,
        route: &Route,
        origin: Option<&str>,
        config: WebSocketConfig,
    ) -> Result<Opened, Error> {
        let connected = route.connect(&self.host, self.port, self.secured).await;
        let (stream, far_end) = connected?;
        let uri: Uri = format!("{self}/")
            .parse()
            .expect("a point of access is a URI, as it was when it was read");
        let mut request = ClientRequestBuilder::new(uri);
        for subprotocol in offer.subprotocols() {
            request = request.with_sub_protocol(*subprotocol);
        }
        if let Some(origin) = origin {
            request = request.with_header("X-M2M-Origin", origin);
        }
        // LNK-36
        let (socket, answer) = client_async_with_config(request, stream, Some(config)).await?;
        let chosen = answer.headers().get("Sec-WebSocket-Protocol");
        let is_cbor = chosen.is_some_and(|name| name.as_bytes().ends_with(b"cbor"));
        let serialization = if is_cbor {
            Serialization::Cbor
        } else {
            Serialization::Json
        };
        Ok(Opened {
            socket,
            far_end,
            serialization,
        })
    }
}

/// Why no WebSocket could be opened, with what the peer says of it.
#[must_use]
pub fn said(error: &Error) -> String {
    let Error::Http(answer) = error else {
        return error.to_string();
    };
    let body = answer.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let printable = |c: &char| !c.is_control();
    let line = body.lines().next().unwrap_or_default();
    let line: String = line.chars().filter(printable).take(ADVICE_MAX).collect();
    let status = answer.status();
    if line.is_empty() {
        format!("it answers {status}")
    } else {
        format!("it answers {status}: {line}")
    }
}

/// A WebSocket that was opened.
pub struct Opened {
    /// It.
    pub socket: WebSocketStream<Box<dyn Duplex>>,
    /// What is known of the other end.
    pub far_end: FarEnd,
    /// What the peer has chosen of the offer.
    pub serialization: Serialization,
}

/// Which serializations are offered on links that are opened here; the peer chooses.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Offer {
    /// JSON only
    #[default]
    Json,
    /// CBOR, and JSON for peers that do not speak it
    Cbor,
}

impl Offer {
    const fn subprotocols(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["oneM2M.json"],
            // LNK-63
            Self::Cbor => &["oneM2M.cbor", "oneM2M.json"],
        }
    }
}

impl fmt::Display for PointOfAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secured { "wss" } else { "ws" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// How this CSE opens links.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    /// Where the registrar listens, if there is one.
    pub registrar: Option<PointOfAccess>,
    /// The way out.
    pub route: Route,
    /// Who we are: the CSE-ID.
    pub origin: String,
    /// What is offered.
    pub offer: Offer,
    /// How long an attempt may take.
    pub patience: Duration,
}

impl Dialer {
    /// The same under another name of this CSE.
    #[must_use]
    pub fn named(&self, origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            ..self.clone()
        }
    }

    /// Tries once to open a link to the registrar, and runs it to its end.
    pub async fn dial(self, hub: Arc<Hub>) {
        let Some(registrar) = &self.registrar else {
            tracing::error!("the machine dials and there is no registrar");
            return;
        };
        if let Err(why) = self.try_at(registrar, Opening::Dialed, &hub).await {
            tracing::warn!(%registrar, why, "the registrar cannot be reached; trying again");
            hub.tell(Input::DialFailed).await;
        }
    }

    /// Tries once to open a link to a registree, or to another provider's node, at one place after the other, and runs it to its end.
    pub async fn dial_registree(self, cse: CseId, points_of_access: Vec<Text>, hub: Arc<Hub>) {
        // LNK-60
        for text in points_of_access {
            let opening = Opening::DialedRegistree { cse: cse.clone() };
            let tried = match PointOfAccess::parse(&text) {
                Ok(at) => self.try_at(&at, opening, &hub).await,
                Err(why) => Err(why.to_string()),
            };
            match tried {
                Ok(()) => return,
                Err(why) => {
                    tracing::warn!(%cse, at = %text, why, "a neighbour cannot be reached there")
                }
            }
        }
        hub.tell(Input::RegistreeNotReached { cse }).await;
    }

    /// Opens a link there and runs it to its end; or says why it could not be opened.
    async fn try_at(&self, at: &PointOfAccess, opening: Opening, hub: &Hub) -> Result<(), String> {
        let place = hub.place().ok_or("there are as many links as allowed")?;
        let config = hub.limits().websocket();
        let attempt = at.open_offering(self.offer, &self.route, Some(&self.origin), config);
        let opened = timeout(self.patience, attempt)
            .await
            .map_err(|_| "it does not answer in time")?
            .map_err(|why| said(&why))?;
        let speech = Speech {
            serialization: opened.serialization,
            ..Speech::default()
        };
        hub.run(opened.socket, &speech, opening, opened.far_end)
            .await;
        drop(place);
        Ok(())
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
    #[case("wss://cse2.example.net", "wss://cse2.example.net:443")]
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
    fn other_texts_are_refused_with_advice(#[case] text: &str) {
        let refused = PointOfAccess::parse(text)
            .expect_err("it is none")
            .to_string();

        assert!(refused.contains("write ws://HOST:PORT"), "{refused}");
    }
}
