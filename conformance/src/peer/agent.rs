//! An AE under test: the suite listens as its registrar, starts it, and gives it commands; and a CSE under test that
//! registers with the suite, which starts it.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Mutex, mpsc};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::case::Stop;
use crate::expect;
use crate::peer::dial::Stream;
use crate::peer::live::{Live, Open, Sink, WAITING_MOST, read};
use crate::peer::{Link, Peer, State, World};
use crate::profile::Agent;
use crate::record::Kind;
use crate::story::Party;

/// How long the AE may take to open its link.
const PATIENCE: Duration = Duration::from_secs(10);
/// The subprotocol that the registrar agrees to.
const SUBPROTOCOL: &str = "oneM2M.json";

/// A running AE, or CSE.
#[derive(Debug)]
pub(super) struct Running {
    listener: TcpListener,
    input: ChildStdin,
    _child: Child,
}

impl Live {
    async fn start_agent(&mut self, registrar: &str) -> Result<(), String> {
        let agent = self.sut.agent.as_ref();
        let agent = agent.ok_or("no AE to start is described")?;
        let (program, arguments) = (agent.program.clone(), agent.arguments.clone());
        self.start(&program, &arguments, registrar).await
    }

    async fn start_registree(&mut self, registrar: &str) -> Result<(), String> {
        let cse = self.sut.registree.clone();
        let cse = cse.ok_or("no CSE to start is described")?;
        self.start(&cse.program, &cse.arguments, registrar).await
    }

    async fn start(
        &mut self,
        program: &str,
        arguments: &[String],
        registrar: &str,
    ) -> Result<(), String> {
        let listener = match self.registrar.take() {
            Some(listener) => Ok(listener),
            None => TcpListener::bind("127.0.0.1:0").await,
        };
        let listener = listener.map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?;
        let url = format!("ws://{port}");
        let name = registrar.trim_start_matches('/');
        let fill = |text: &String| {
            text.replace("{url}", &url)
                .replace("{id}", registrar)
                .replace("{name}", name)
        };
        let mut child = Command::new(program)
            .args(arguments.iter().map(fill))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        let input = child.stdin.take().ok_or("it has no standard input")?;
        self.running = Some(Running {
            listener,
            input,
            _child: child,
        });
        Ok(())
    }

    async fn tell(&mut self, line: &str) -> Result<(), String> {
        let running = self.running.as_mut().ok_or("the AE was not started")?;
        let text = format!("{line}\n");
        let written = running.input.write_all(text.as_bytes()).await;
        written.map_err(|error| format!("the AE takes no command: {error}"))?;
        running
            .input
            .flush()
            .await
            .map_err(|error| error.to_string())
    }

    /// Takes the next connection; the answer says what its handshake offered.
    async fn accept(&mut self, name: &str) -> Result<String, String> {
        let running = self.running.as_mut().ok_or("it was not started")?;
        let waiting = tokio::time::timeout(PATIENCE, running.listener.accept());
        let accepted = waiting.await.map_err(|_| "it opened no link".to_owned())?;
        let (stream, _) = accepted.map_err(|error| error.to_string())?;
        let (open, offer) = greet(stream).await?;
        self.links.insert(name.to_owned(), open);
        Ok(offer)
    }
}

/// The handshake of a server: the link, and what the client offered: `path`, `origin`, `protocols`.
pub(super) async fn greet(stream: TcpStream) -> Result<(Open, String), String> {
    stream.set_nodelay(true).ok();
    let mut offer = serde_json::json!({});
    #[expect(
        clippy::result_large_err,
        reason = "the callback's type is the library's"
    )]
    let judge = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        offer = serde_json::json!({
            "path": request.uri().path(), "origin": header("X-M2M-Origin"),
            "protocols": header("Sec-WebSocket-Protocol")
        });
        let chosen = HeaderValue::from_static(SUBPROTOCOL);
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", chosen);
        Ok(response)
    };
    let stream: Stream = Box::new(stream);
    let handshake = tokio_tungstenite::accept_hdr_async(stream, judge);
    let socket = tokio::time::timeout(PATIENCE, handshake)
        .await
        .map_err(|_| "the handshake did not end".to_owned())?
        .map_err(|error| error.to_string())?;
    let (sink, stream) = socket.split();
    let (sender, arrivals) = mpsc::channel(WAITING_MOST);
    let sink = Arc::new(Mutex::new(Some(sink)));
    let reader = tokio::spawn(read(stream, Arc::clone(&sink), sender));
    let open = Open {
        sink: Sink::Messages(sink),
        gap: Duration::ZERO,
        last: None,
        arrivals,
        reader,
    };
    Ok((open, offer.to_string()))
}

impl Peer {
    /// Starts the AE under test with this CSE-ID as its registrar.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn start_agent(&mut self, registrar: &str) -> Result<(), Stop> {
        self.note(Kind::Control, "", "", "the AE is started");
        match &mut self.world {
            World::Live(live) => live.start_agent(registrar).await.map_err(Stop::lost),
            World::Replay(_) => Ok(()),
        }
    }

    /// Starts the CSE under test that registers with this CSE-ID.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn start_registree(&mut self, registrar: &str) -> Result<(), Stop> {
        self.note(Kind::Control, "", "", "the CSE is started");
        match &mut self.world {
            World::Live(live) => live.start_registree(registrar).await.map_err(Stop::lost),
            World::Replay(_) => Ok(()),
        }
    }

    /// Gives it a command: the template of the profile with these words put in.
    ///
    /// # Errors
    /// If it takes none.
    pub async fn command(
        &mut self,
        template: fn(&Agent) -> &str,
        words: &[(&str, &str)],
    ) -> Result<(), Stop> {
        let World::Live(live) = &mut self.world else {
            return Ok(());
        };
        let mut line = live
            .sut
            .agent
            .as_ref()
            .map(template)
            .unwrap_or_default()
            .to_owned();
        for (name, word) in words {
            line = line.replace(&format!("{{{name}}}"), word);
        }
        let outcome = live.tell(&line).await.map_err(Stop::lost);
        self.note(Kind::Control, "", "", &line);
        outcome
    }

    /// Awaits the AE's next link; the answer is its handshake: `path`, `origin`, `protocols`.
    ///
    /// # Errors
    /// If it opens none.
    pub async fn accept(&mut self, registrar: &str) -> Result<(Link, serde_json::Value), Stop> {
        expect::looked_at("LNK-07");
        self.accept_from(Party::Ae1, registrar).await
    }

    /// The same of a link of whoever was started.
    ///
    /// # Errors
    /// If it opens none.
    pub async fn accept_from(
        &mut self,
        sut: Party,
        registrar: &str,
    ) -> Result<(Link, serde_json::Value), Stop> {
        let earlier = self.links.len();
        let base = format!("cse1-{}", sut.short());
        let name = match earlier {
            0 => base,
            more => format!("{base}#{}", more + 1),
        };
        let outcome = match &mut self.world {
            World::Live(live) => live.accept(&name).await,
            World::Replay(replay) => replay.open(&name),
        };
        match outcome {
            Ok(offer) => {
                self.note(Kind::Opened, &name, "", &offer);
                self.links.push(State {
                    name,
                    suite: Party::Cse1,
                    sut,
                    origin: registrar.to_owned(),
                    inbox: std::collections::VecDeque::new(),
                    closed: None,
                    messages: 0,
                    bytes: 0,
                });
                let offer = serde_json::from_str(&offer).unwrap_or_default();
                Ok((Link(earlier), offer))
            }
            Err(why) => {
                self.note(Kind::Refused, &name, "", &why);
                let expected = format!("a link of {}", sut.name());
                Err(Stop::fail("LNK-07", expected, why))
            }
        }
    }
}
