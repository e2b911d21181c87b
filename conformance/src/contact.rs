//! Is anybody there? Asked before a run, and when nothing has come back for a while.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::peer::dial::{self, NoLink};
use crate::record::Target;

/// Why a system under test cannot be tested.
#[derive(Debug, thiserror::Error)]
pub enum NoContact {
    /// No connection.
    #[error("cannot reach {url}: {source}; is the CSE running, and is this its address?")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        source: NoLink,
    },
    /// No TLS.
    #[error(
        "cannot reach {url}: {source}; name the authority of its certificate with --authorities \
         FILE, or use ws:// if it does not speak TLS"
    )]
    Insecure {
        /// Its address.
        url: String,
        /// Why.
        source: NoLink,
    },
    /// Something listens there, but it speaks no WebSocket.
    #[error("{url} accepts connections, but {source}; is this the WebSocket port of the CSE?")]
    NoWebSocket {
        /// Its address.
        url: String,
        /// What it does instead.
        source: NoLink,
    },
    /// Links, and silence on them.
    #[error("{url} accepts links and answers nothing on them within {} ms", patience.as_millis())]
    Mute {
        /// Its address.
        url: String,
        /// How long it had.
        patience: Duration,
    },
}

/// Opens a link and closes it again; a refusal of the handshake is an answer too.
///
/// # Errors
/// If nobody is there who answers a handshake.
pub async fn greet(target: &Target, patience: Duration) -> Result<(), NoContact> {
    open(target, patience).await.map(drop)
}

/// Asks for the CSEBase; whatever message comes back shows that somebody is there, and the end of the link as well.
///
/// # Errors
/// If nothing comes back in time.
pub async fn ask(target: &Target, patience: Duration) -> Result<(), NoContact> {
    let Some(mut socket) = open(target, patience).await? else {
        return Ok(());
    };
    let question = json!({
        "op": 2, "to": target.name, "fr": "C", "rqi": "are-you-there", "rvi": "3"
    });
    let asking = async {
        socket
            .send(Message::text(question.to_string()))
            .await
            .ok()?;
        loop {
            match socket.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                other => break other,
            }
        }
    };
    match tokio::time::timeout(patience, asking).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(_) => Err(NoContact::Mute {
            url: target.url.clone(),
            patience,
        }),
    }
}

async fn open(target: &Target, patience: Duration) -> Result<Option<dial::Socket>, NoContact> {
    let url = target.url.clone();
    match dial::open(target, target.manner.origin.then_some("C"), patience).await {
        Ok((socket, _)) => Ok(Some(socket)),
        Err(NoLink::Refused(_)) => Ok(None),
        Err(source @ (NoLink::Address { .. } | NoLink::Connection(_))) => {
            Err(NoContact::Unreachable { url, source })
        }
        Err(source @ NoLink::Tls(_)) => Err(NoContact::Insecure { url, source }),
        Err(source @ (NoLink::NoHandshake(_) | NoLink::Ended(_) | NoLink::Silence(_))) => {
            Err(NoContact::NoWebSocket { url, source })
        }
    }
}
