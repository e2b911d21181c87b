//! The programs as others see them: processes, sockets, frames.
#![allow(
    clippy::allow_attributes,
    dead_code,
    reason = "each test program uses a part of this"
)]

pub(crate) mod disk;

use futures_util::{SinkExt, StreamExt};
use m2m_cse::config::Settings;
use m2m_cse::dial::Dialer;
use m2m_cse::driver::{Driver, Farewell, Parts};
use m2m_cse::link::Hub;
use m2m_cse::serve::{Door, serve, welcome};
use m2m_cse::store::{Store, StoreError};
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Longer than anything here takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The arguments that most tests start with.
pub(crate) const PLAIN: &[&str] = &["--listen", "127.0.0.1:0", "--ephemeral", "--log", "debug"];

/// A running CSE; killed when dropped.
pub(crate) struct Cse {
    pub(crate) child: Child,
    pub(crate) address: String,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cse"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Cse {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::of(&mut command(arguments)).await
    }

    /// A CSE that this command starts.
    pub(crate) async fn of(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = piped.kill_on_drop(true).spawn();
        let mut child = child.expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let err = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let first = within(out.next_line())
            .await
            .expect("it is text")
            .expect("it says something");
        let address = first
            .strip_prefix("listening ws://")
            .expect(&first)
            .to_owned();
        Self {
            child,
            address,
            out,
            err,
        }
    }

    /// The next line on standard output.
    pub(crate) async fn line(&mut self) -> String {
        within(self.out.next_line())
            .await
            .expect("it is text")
            .expect("there is a line")
    }

    /// The first line of its log from here on that contains `part`.
    pub(crate) async fn logged(&mut self, part: &str) -> String {
        loop {
            let line = within(self.err.next_line()).await.expect("it is text");
            let line = line.unwrap_or_else(|| panic!("the log ends without {part}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Asks it to stop, and waits; the exit code.
    pub(crate) async fn stop(&mut self, signal: &str) -> Option<i32> {
        self.signal(signal).await;
        self.exited().await
    }

    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await;
        assert!(sent.expect("there is a kill").success());
    }

    /// Waits for its end; the exit code.
    pub(crate) async fn exited(&mut self) -> Option<i32> {
        within(self.child.wait())
            .await
            .expect("it can be waited for")
            .code()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::open(&self.address, None, "oneM2M.json").await
    }

    pub(crate) async fn client_of(&self, origin: &str) -> Client {
        Client::open(&self.address, Some(origin), "oneM2M.json").await
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.expect("it listens")
    }
}

/// A CSE in this process, on that store; its address. It lives as long as the runtime.
pub(crate) async fn in_process(settings: &Settings, store: Store) -> String {
    in_process_until(std::future::pending(), settings, store)
        .await
        .0
}

/// The same, until it is told to stop; what comes of that.
pub(crate) async fn in_process_until(
    stop: impl Future<Output = ()> + Send + 'static,
    settings: &Settings,
    store: Store,
) -> (String, Ended) {
    let (listener, address, hub, door, ended) = ready(stop, settings, store).await;
    tokio::spawn(serve(listener, hub, door));
    (address, ended)
}

/// What comes of a driver.
pub(crate) type Ended = JoinHandle<Result<(), StoreError>>;

/// A CSE in this process to which every connection seems to come from `peer`; its address.
pub(crate) async fn serving_as_if_from(peer: SocketAddr) -> String {
    let settings = Settings::default();
    let (listener, address, hub, door, _) =
        ready(std::future::pending(), &settings, Store::none()).await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let (place, hub, door) = (hub.place(), hub.clone(), door.clone());
            tokio::spawn(async move { welcome(stream, peer, place, &hub, &door).await });
        }
    });
    address
}

/// A machine that runs, and what it takes to let links in.
async fn ready(
    stop: impl Future<Output = ()> + Send + 'static,
    settings: &Settings,
    store: Store,
) -> (TcpListener, String, Arc<Hub>, Door, Ended) {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (tell, inbox) = mpsc::channel(settings.links_inbox());
    let hub = Arc::new(Hub::new(tell, settings.links(), settings.links_max()));
    let driver = Driver::start(Parts {
        config: settings.machine(Vec::new()),
        store,
        inbox,
        hub: hub.clone(),
        dialer: Dialer::default(),
        report: |_: &_| {},
        store_retry: Duration::from_millis(10),
        keeps_ladders: false,
    });
    let driver = driver.expect("the store works");
    let door = Door {
        unnamed: settings.unnamed_dialect(),
        handshake: Duration::from_secs(5),
        tls: None,
    };
    let farewell = Farewell {
        answers: PATIENCE,
        close: PATIENCE,
    };
    let ended = tokio::spawn(driver.run(stop, farewell));
    (listener, address, hub, door, ended)
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .expect("it does not take so long")
}

/// The other end of a link.
pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

impl Client {
    pub(crate) async fn open(address: &str, origin: Option<&str>, subprotocol: &str) -> Self {
        let uri = format!("ws://{address}/").parse().expect("it is a URI");
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol(subprotocol);
        if let Some(origin) = origin {
            request = request.with_header("X-M2M-Origin", origin);
        }
        let stream = TcpStream::connect(address).await.expect("it listens");
        Self(
            client_async(request, stream)
                .await
                .expect("the upgrade is accepted")
                .0,
        )
    }

    pub(crate) async fn send(&mut self, message: Json) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        within(self.0.send(Message::text(text)))
            .await
            .expect("the link is open");
    }

    pub(crate) async fn receive(&mut self) -> Json {
        loop {
            match within(self.0.next())
                .await
                .expect("the link is open")
                .expect("it is intact")
            {
                Message::Text(text) => return serde_json::from_str(&text).expect("it is JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                    panic!("no text: {other:?}")
                }
            }
        }
    }

    pub(crate) async fn ask(&mut self, message: Json) -> Json {
        self.send(message).await;
        self.receive().await
    }

    /// Registers an AE, and checks that it is.
    pub(crate) async fn register(&mut self, cse: &str, name: &str) {
        let answer = self.ask(registration(cse, name)).await;
        assert_eq!(answer["rsc"], 2001, "{answer}");
    }

    /// Returns once the CSE has read all that was sent; nothing may have been answered until then.
    pub(crate) async fn is_heard(&mut self) {
        within(self.0.send(Message::Ping(Vec::new().into())))
            .await
            .expect("the link is open");
        let next = within(self.0.next()).await;
        assert!(matches!(next, Some(Ok(Message::Pong(_)))), "{next:?}");
    }

    /// The code of the close frame that comes next, apart from messages still under way; it is answered.
    pub(crate) async fn closed(&mut self) -> CloseCode {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    while let Some(Ok(_)) = within(self.0.next()).await {}
                    let _ = self.0.get_mut().shutdown().await;
                    return frame.code;
                }
                Some(Ok(_)) => {}
                end @ (Some(Err(_)) | None) => panic!("it ended without a close frame: {end:?}"),
            }
        }
    }
}

/// The registration of an AE that picks its identifier.
pub(crate) fn registration(cse: &str, name: &str) -> Json {
    json!({"op": 1, "to": cse, "fr": format!("C{name}"), "rqi": format!("reg-{name}"), "rvi": "3",
        "ty": 2, "pc": {"m2m:ae": {"rn": name, "api": "Norg.example", "rr": true, "srv": ["3"]}}})
}

/// Sends bytes and reads the answer up to the end of its head, and its body if it names a length.
pub(crate) async fn http(stream: &mut TcpStream, request: &str) -> (String, String) {
    within(stream.write_all(request.as_bytes()))
        .await
        .expect("the connection is open");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("an answer comes"));
    }
    let head = String::from_utf8(head).expect("it is text");
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |l| l.parse().expect("it is a number"))];
    within(stream.read_exact(&mut body))
        .await
        .expect("the body comes");
    (head, String::from_utf8(body).expect("it is text"))
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}
