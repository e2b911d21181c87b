//! Small servers for the tests of the program, and the program itself.

#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]
#![expect(dead_code, reason = "each file of tests uses some of it")]

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// How a server behaves towards each connection.
#[derive(Clone)]
pub(crate) enum Manners {
    /// Says nothing.
    Silent,
    /// Says these bytes and hangs up.
    Bytes(&'static [u8]),
    /// Opens links and says nothing on them.
    Mute,
    /// Answers each message with this text.
    Says(&'static str),
    /// Answers the first message with texts without end.
    Floods,
    /// Grants whatever is asked.
    Grants,
    /// The same for so many connections, then it is gone.
    Leaves(usize),
    /// The same, but refuses every second handshake.
    Moody,
    /// The same, but answers what nobody asked, once, on its second connection.
    Wakes,
    /// Grants whatever is asked, behind TLS.
    Secure(TlsAcceptor),
}

/// Starts a server on a free port; it ends with the test.
pub(crate) async fn server(manners: Manners) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let count = Arc::new(AtomicUsize::new(0));
        while let Ok((stream, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::Relaxed);
            if matches!(manners, Manners::Leaves(most) if number >= most) {
                return;
            }
            let manners = manners.clone();
            tokio::spawn(async move {
                if let Manners::Secure(acceptor) = &manners {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream, &Manners::Grants, number).await;
                    }
                } else {
                    converse(stream, &manners, number).await;
                }
            });
        }
    });
    port
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    manners: &Manners,
    number: usize,
) {
    match manners {
        Manners::Silent => {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.ok();
        }
        Manners::Bytes(bytes) => hang_up(stream, bytes).await,
        Manners::Moody if number % 2 == 1 => {
            hang_up(
                stream,
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            )
            .await;
        }
        Manners::Mute
        | Manners::Says(_)
        | Manners::Floods
        | Manners::Grants
        | Manners::Leaves(_)
        | Manners::Moody
        | Manners::Wakes
        | Manners::Secure(_) => talk(stream, manners, number).await,
    }
}

async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, bytes: &[u8]) {
    let mut question = [0; 4096];
    let _read = stream.read(&mut question).await;
    stream.write_all(bytes).await.ok();
    stream.shutdown().await.ok();
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: S, manners: &Manners, number: usize) {
    #[expect(
        clippy::result_large_err,
        reason = "the callback's type is the library's"
    )]
    let choose = |_: &Request, mut response: Response| {
        let name = "oneM2M.json".parse().unwrap();
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", name);
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, choose).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        let Ok(text) = message.to_text() else { return };
        if !message.is_text() {
            continue;
        }
        let answer = match manners {
            Manners::Mute => continue,
            Manners::Wakes if number == 1 => {
                r#"{"rsc":2000,"rqi":"nobody's","rvi":"3","odd":1}"#.to_owned()
            }
            Manners::Says(text) => (*text).to_owned(),
            Manners::Floods => loop {
                let more = json!({"op": 2, "fr": "/x", "to": "y", "rqi": "1", "rvi": "3"});
                if socket.send(Message::text(more.to_string())).await.is_err() {
                    return;
                }
            },
            Manners::Silent
            | Manners::Bytes(_)
            | Manners::Grants
            | Manners::Leaves(_)
            | Manners::Moody
            | Manners::Wakes
            | Manners::Secure(_) => granted(text),
        };
        if socket.send(Message::text(answer)).await.is_err() {
            return;
        }
    }
}

fn granted(text: &str) -> String {
    let request: Value = serde_json::from_str(text).unwrap_or_default();
    json!({"rsc": 2000, "rqi": request["rqi"], "rvi": "3"}).to_string()
}

/// Runs the program in a folder of its own, outside any checkout.
pub(crate) async fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_MANIFEST_DIR")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

/// What a run printed as an error.
pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a run printed.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The folder of the only report below this folder.
pub(crate) fn report(folder: &Path) -> std::path::PathBuf {
    let mut reports = std::fs::read_dir(folder.join("target/conformance")).unwrap();
    reports.next().unwrap().unwrap().path()
}

/// The results of the only report below this folder.
pub(crate) fn results(folder: &Path) -> Value {
    let text = std::fs::read_to_string(report(folder).join("results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}
