//! The AE library against a scripted registrar that plays the CSE's side of the wire contract.

use futures_util::{SinkExt, StreamExt};
use m2m_cse::ae::{Ae, AeError, Application, Call, Event, Events, Options, Proposal};
use m2m_cse::protect::SessionKey;
use m2m_cse::wire::time;
use m2m_machine::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

const SCRIPT: &str = include_str!("data/flows.ndjson");
const SESSION: &str = "/cse1/234ADVxk0Zb7NcR5tUeHpQ";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_initiator_plays_its_side_of_the_three_flows() {
    let (mut cse, ae, mut events) = Registrar::with_ae("/cse1").await;
    let registered = cse.answers("F1-02b", ae.register(application("ae1"))).await;
    assert_eq!(registered.1.expect("registered").id, "/cse1/Cae1");

    let (asked, found) = cse.answers("F1-06d", ae.discover("/cse2/cse2")).await;
    same(&asked, "F1-06a");
    assert_eq!(found.expect("found"), ["/cse2/Cae2"]);

    let proposal = Proposal {
        name: Some("s1".to_owned()),
        paths: vec!["cse1/ae1/inbox".to_owned()],
        expires: Some("20270308T100000".to_owned()),
        ..Proposal::with("/cse2/Cae2")
    };
    let (asked, session) = cse.answers("F1-17", ae.establish(proposal)).await;
    same(&asked, "F1-07");
    let session = session.expect("established");
    assert_eq!(
        (session.id.as_str(), session.peer.as_str()),
        (SESSION, "/cse2/Cae2")
    );

    let night = line("F1-18")["pc"]["smg:spy"].clone();
    let (asked, policy) = cse.answers("F1-23", ae.set_policy(SESSION, &night)).await;
    same(&asked, "F1-18");
    assert_eq!(policy.expect("a policy").status, 2001);

    let call = Call::create(
        "/cse2/cse2/ae2/container1",
        4,
        json!({"m2m:cin": {"con": {"temp": 21.5}}}),
    )
    .in_session(SESSION)
    .with("rcn", json!(2))
    .with("rqet", json!("20270302T060000"))
    .non_blocking();
    let (asked, accepted) = cse.answers("F2-06a", ae.request(call)).await;
    let sealed = asked["pc"]["m2m:cin"]["con"]
        .as_str()
        .expect("a sealed value")
        .to_owned();
    let key = SessionKey::from_text(KEY).expect("the key");
    let opened = key.open(&sealed).expect("it opens");
    assert_eq!(m2m_cse::wire::value::write(&opened), r#"{"temp":21.5}"#);
    let header = m2m_cse::wire::sealed::parse(&sealed)
        .expect("a header")
        .header
        .clone();
    assert_eq!(
        (header.sequence, header.direction, header.to.as_str()),
        (1, 1, "/cse2/cse2/ae2/container1")
    );
    let accepted = accepted.expect("accepted");
    assert_eq!(accepted.status, 1002);

    let mut result = line("F2-16a");
    result["pc"]["m2m:rsp"]["rqi"] = asked["rqi"].clone();
    same(&cse.asks(result).await, "F2-16b");
    let Event::Result { request, answer } = next(&mut events).await else {
        panic!("no result");
    };
    assert_eq!((request, answer.status), (Some(accepted.request), 2001));

    let (asked, terminated) = cse.answers("F3-10", ae.terminate(SESSION)).await;
    same(&asked, "F3-01");
    terminated.expect("terminated");
    assert!(matches!(next(&mut events).await, Event::Ended { .. }));
    let refused = ae.request(Call::delete("x").in_session(SESSION)).await;
    assert!(matches!(refused, Err(AeError::Refused(_))));
}

#[tokio::test]
async fn the_target_plays_its_side_of_the_three_flows() {
    let (mut cse, ae, mut events) = target().await;

    cse.send(line("F1-12")).await;
    let Event::Consent(question) = next(&mut events).await else {
        panic!("no question");
    };
    assert_eq!(
        (question.session.as_str(), question.initiator.as_str()),
        (SESSION, "/cse1/Cae1")
    );
    ae.accept(SESSION, &["cse2/ae2/container1"])
        .await
        .expect("in time");
    same(&cse.receive().await, "F1-13");
    same(&cse.asks(line("F1-12")).await, "F1-13");

    same(&cse.asks(line("F2-18")).await, "F2-19");
    let Event::Updated { resource, .. } = next(&mut events).await else {
        panic!("no update");
    };
    assert_eq!(resource, "/cse2/cse2/ae2/container1/cin-0001");
    let call = Call::retrieve(&resource).in_session(SESSION);
    let (asked, read) = cse.answers("F2-27", ae.request(call)).await;
    same(&asked, "F2-20");
    let read = read.expect("read");
    assert_eq!(
        read.content.expect("content")["m2m:cin"]["con"],
        json!({"temp": 21.5})
    );

    same(&cse.asks(line("F3-04")).await, "F3-06");
    assert!(matches!(next(&mut events).await, Event::Ended { .. }));
}

#[tokio::test]
async fn a_copied_or_altered_value_is_not_read() {
    let (mut cse, ae, mut events) = target().await;
    cse.send(line("F1-12")).await;
    next(&mut events).await;
    ae.accept(SESSION, &["cse2/ae2/container1"])
        .await
        .expect("in time");
    cse.receive().await;
    let read = || ae.request(Call::retrieve("cse2/ae2/container1/la").in_session(SESSION));

    let mut altered = line("F2-27q");
    let blob = altered["pc"]["m2m:cin"]["con"]
        .as_str()
        .expect("sealed")
        .replace("cVsY", "cVsX");
    altered["pc"]["m2m:cin"]["con"] = json!(blob);
    let (_, first) = cse.answers_with(altered, read()).await;
    let (_, genuine) = cse.answers("F2-27q", read()).await;
    let mut copied = line("F2-27q");
    copied["pc"]["m2m:cin"]["ri"] = json!("cin2");
    let (_, second) = cse.answers_with(copied, read()).await;

    assert!(genuine.expect("read").unreadable.is_empty());
    for (answer, why) in [(first, "altered"), (second, "another resource")] {
        let answer = answer.expect("answered");
        assert!(
            answer.unreadable[0].contains(why),
            "{:?}",
            answer.unreadable
        );
        assert_eq!(
            answer.content.expect("content")["m2m:cin"]["con"],
            Value::Null
        );
    }
}

#[tokio::test]
async fn a_refusal_is_sent_and_the_key_is_gone() {
    let (mut cse, ae, mut events) = target().await;

    cse.send(line("E01-3")).await;
    let Event::Consent(question) = next(&mut events).await else {
        panic!("no question");
    };
    ae.refuse(&question.session).await.expect("in time");

    same(&cse.receive().await, "E01-4");
    let late = ae.accept(&question.session, &[]).await;
    assert!(matches!(late, Err(AeError::Refused(_))));
}

#[tokio::test]
async fn a_link_that_breaks_is_opened_again_and_the_same_bytes_are_sent_again() {
    let (mut cse, ae, mut events) = Registrar::with_ae("/cse1").await;
    assert_eq!(cse.origin, None);
    cse.answers("F1-02b", ae.register(application("ae1")))
        .await
        .1
        .expect("registered");
    cse.answers("F1-17", ae.establish(Proposal::with("/cse2/Cae2")))
        .await
        .1
        .expect("established");

    let request = {
        let ae = ae.clone();
        let content = json!({"m2m:cin": {"con": "21.5"}});
        let call = Call::create("/cse2/cse2/ae2/container1", 4, content).in_session(SESSION);
        tokio::spawn(async move { ae.request(call).await })
    };
    let first = cse.receive_text().await;
    cse.reopen().await;
    let again = cse.receive_text().await;
    let mut answer = line("F2-14");
    answer["rqi"] = parsed(&again)["rqi"].clone();
    cse.send(answer).await;

    assert_eq!(cse.origin.as_deref(), Some("Cae1"));
    assert_eq!(first, again);
    assert_eq!(
        request.await.expect("no panic").expect("answered").status,
        2001
    );
    assert_eq!(next(&mut events).await, Event::Disconnected);
    assert_eq!(next(&mut events).await, Event::Connected);
}

#[tokio::test]
async fn a_request_without_answer_ends_with_4008() {
    let (mut cse, ae, _events) = Registrar::with_ae("/cse1").await;
    cse.answers("F1-02b", ae.register(application("ae1")))
        .await
        .1
        .expect("registered");

    let soon = time::format(now().plus(200));
    let call = Call::retrieve("cse1/ae1").with("rqet", json!(soon));
    let answer = timeout(PATIENCE, ae.request(call)).await.expect("it ends");

    assert_eq!(answer.expect("answered").status, 4008);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_advice() {
    let (mut cse, ae, _events) = Registrar::with_ae("/cse1").await;

    let early = ae
        .discover("/cse2/cse2")
        .await
        .expect_err("too early")
        .to_string();
    let mut refusal = line("F1-02b");
    refusal["rsc"] = json!(4117);
    refusal["pc"] = json!({"m2m:dbg": "ae1 is there"});
    let (_, refused) = cse
        .answers_with(refusal, ae.register(application("ae1")))
        .await;

    assert!(early.contains("register it first"), "{early}");
    let refused = refused.expect_err("refused").to_string();
    assert_eq!(refused, "the registration was answered 4117 (ae1 is there)");
}

#[tokio::test]
async fn an_unreachable_registrar_and_bad_options_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);

    let unreachable = Ae::connect(Options::new(&format!("ws://{address}"), "/cse1")).await;
    let bad_url = Ae::connect(Options::new("http://x", "/cse1")).await;
    let bad_cse = Ae::connect(Options::new("ws://x", "cse1")).await;

    assert!(matches!(unreachable, Err(AeError::Unreachable { .. })));
    assert!(matches!(bad_url, Err(AeError::Option(_))));
    assert!(matches!(bad_cse, Err(AeError::Option(_))));
}

#[tokio::test]
async fn nonsense_from_the_registrar_is_answered_and_ends_nothing() {
    let (mut cse, ae, _events) = Registrar::with_ae("/cse1").await;

    cse.socket.send(Message::text("{")).await.expect("open");
    let answer = cse.receive().await;
    let registered = cse
        .answers("F1-02b", ae.register(application("ae1")))
        .await
        .1;

    assert_eq!(answer["rsc"], 4000);
    registered.expect("registered");
}

#[tokio::test]
async fn a_closed_ae_closes_its_link() {
    let (mut cse, ae, mut events) = Registrar::with_ae("/cse1").await;

    let closing = tokio::spawn(ae.close(PATIENCE));
    let frame = timeout(PATIENCE, cse.socket.next()).await.expect("in time");

    assert!(matches!(frame, Some(Ok(Message::Close(Some(_))))));
    let _ = cse.socket.next().await;
    closing.await.expect("no panic");
    assert_eq!(events.next().await, Some(Event::Disconnected));
    assert_eq!(events.next().await, None);
}

/// AE2, registered and subscribed.
async fn target() -> (Registrar, Ae, Events) {
    let (mut cse, ae, events) = Registrar::with_ae("/cse2").await;
    let (asked, registered) = cse
        .answers("F1-02d", ae.register(application("ae2").with_stem("Cae2")))
        .await;
    same(&asked, "F1-02c");
    registered.expect("registered");
    let (asked, subscribed) = cse
        .answers("F1-05", ae.subscribe(Some("consent"), true))
        .await;
    same(&asked, "F1-03");
    subscribed.expect("subscribed");
    (cse, ae, events)
}

fn application(name: &str) -> Application {
    Application::new(&format!("Norg.example.{name}"))
        .named(name)
        .session_capable()
}

/// A registrar that says what the test says.
struct Registrar {
    listener: TcpListener,
    socket: WebSocketStream<TcpStream>,
    origin: Option<String>,
}

impl Registrar {
    async fn with_ae(cse_id: &str) -> (Self, Ae, Events) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let mut options = Options::new(&url, cse_id);
        options.timers.redial_ms = 1;
        let connecting = tokio::spawn(Ae::connect(options));
        let (socket, origin) = accept(&listener).await;
        let (ae, mut events) = connecting.await.expect("no panic").expect("connected");
        assert_eq!(next(&mut events).await, Event::Connected);
        (
            Self {
                listener,
                socket,
                origin,
            },
            ae,
            events,
        )
    }

    /// Cuts the link without a word and waits for the next one.
    async fn reopen(&mut self) {
        use tokio::io::AsyncWriteExt;
        self.socket.get_mut().shutdown().await.expect("a socket");
        (self.socket, self.origin) = accept(&self.listener).await;
    }

    async fn send(&mut self, mut message: Value) {
        refresh(&mut message);
        self.socket
            .send(Message::text(message.to_string()))
            .await
            .expect("the link is open");
    }

    async fn receive_text(&mut self) -> String {
        loop {
            let frame = timeout(PATIENCE, self.socket.next())
                .await
                .expect("in time");
            let frame = frame
                .expect("the link is open")
                .expect("the link is intact");
            if let Message::Text(text) = frame {
                return text.to_string();
            }
        }
    }

    async fn receive(&mut self) -> Value {
        parsed(&self.receive_text().await)
    }

    /// Sends a request and returns the answer.
    async fn asks(&mut self, request: Value) -> Value {
        self.send(request).await;
        self.receive().await
    }

    /// Answers what the AE asks with that message of the contract; returns the request and what the AE made of it.
    async fn answers<T>(&mut self, id: &str, asking: impl Future<Output = T>) -> (Value, T) {
        self.answers_with(line(id), asking).await
    }

    async fn answers_with<T>(
        &mut self,
        mut answer: Value,
        asking: impl Future<Output = T>,
    ) -> (Value, T) {
        let serving = async {
            let asked = self.receive().await;
            answer["rqi"] = asked["rqi"].clone();
            self.send(answer).await;
            asked
        };
        timeout(PATIENCE, async { tokio::join!(serving, asking) })
            .await
            .expect("in time")
    }
}

async fn accept(listener: &TcpListener) -> (WebSocketStream<TcpStream>, Option<String>) {
    let (stream, _) = timeout(PATIENCE, listener.accept())
        .await
        .expect("in time")
        .expect("a link");
    let mut origin = None;
    #[expect(clippy::result_large_err, reason = "the library asks for this type")]
    let upgrade = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let header = |name| request.headers().get(name).cloned();
        assert_eq!(
            header("sec-websocket-protocol").expect("offered"),
            "oneM2M.json"
        );
        origin = header("x-m2m-origin").map(|value| value.to_str().expect("text").to_owned());
        response.headers_mut().insert(
            "sec-websocket-protocol",
            "oneM2M.json".parse().expect("a value"),
        );
        Ok(response)
    };
    let socket = accept_hdr_async(stream, upgrade)
        .await
        .expect("a handshake");
    (socket, origin)
}

async fn next(events: &mut Events) -> Event {
    timeout(PATIENCE, events.next())
        .await
        .expect("in time")
        .expect("the AE runs")
}

/// The message of that number in the wire contract.
fn line(id: &str) -> Value {
    let lines = SCRIPT.lines().map(parsed);
    let found = lines.into_iter().find(|line| line["id"] == id);
    found.unwrap_or_else(|| panic!("there is no {id}"))["message"].clone()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Moves the ends in a message of the contract into the future.
fn refresh(message: &mut Value) {
    match message {
        Value::Object(members) => {
            for (name, member) in members {
                if matches!(name.as_str(), "et" | "rqet") {
                    *member = json!(time::format(Timestamp(now().0 / DAY * DAY).plus(7 * DAY)));
                } else {
                    refresh(member);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(refresh),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

const DAY: u64 = 86_400_000;

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    Timestamp(u64::try_from(since.as_millis()).expect("it fits"))
}

/// The message says what the contract says, up to identifiers and times that are the sender's to choose.
fn same(found: &Value, id: &str) {
    let mut expected = line(id);
    let mut found = found.clone();
    for message in [&mut expected, &mut found] {
        let members = message.as_object_mut().expect("an object");
        members.remove("rqet");
        if members.contains_key("op") {
            members.remove("rqi");
        }
    }
    assert_eq!(found, expected, "{id}");
}
