//! The yardstick: a server that reads a request with `serde_json` and answers with `serde_json`,
//! over tokio-tungstenite as it comes.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Serves until the task is dropped.
pub async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the callback's type is tungstenite's"
)]
fn agree(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let subprotocol = HeaderValue::from_static("oneM2M.json");
    let headers = response.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", subprotocol);
    Ok(response)
}

async fn answer(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let accepted = tokio_tungstenite::accept_hdr_async(stream, agree).await;
    let mut socket = accepted.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let request: Value = serde_json::from_str(&text).ok()?;
        let answer = json!({
            "rsc": 2001, "rqi": request["rqi"], "rvi": request["rvi"], "pc": request["pc"],
        });
        socket.send(Message::text(answer.to_string())).await.ok()?;
    }
    Some(())
}
