//! Small servers that are wrong throughout. They are caught at once and prove nothing else.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::mutants::{Defect, Kind};

/// What a wrong server makes of a message.
pub type Answer = fn(&str) -> Vec<Message>;

macro_rules! server {
    ($name:literal, $sentence:literal, $answer:path) => {
        Defect {
            name: $name,
            sentence: $sentence,
            kind: Kind::Server($answer),
            source: stringify!($answer),
        }
    };
}

/// The small servers.
pub const SERVERS: &[Defect] = &[
    server!("server-echo", "A server sends back what it gets.", echo),
    server!(
        "server-2000",
        "A server answers 2000 to everything.",
        always_2000
    ),
    server!(
        "server-no-rqi",
        "A server answers with the `rqi` of nobody.",
        forgets_rqi
    ),
    server!(
        "server-twice",
        "A server answers everything twice.",
        answers_twice
    ),
    server!(
        "server-closes",
        "A server closes at the first message.",
        closes
    ),
    server!(
        "server-silent",
        "A server says nothing after the handshake.",
        says_nothing
    ),
    server!(
        "server-html",
        "A server answers with text that is no JSON.",
        talks_nonsense
    ),
    server!(
        "server-grants",
        "A server grants every request and does nothing.",
        grants_all
    ),
    server!(
        "server-odd-member",
        "A server answers 2000 with a member that no response has.",
        odd_member
    ),
];

fn echo(text: &str) -> Vec<Message> {
    vec![Message::text(text)]
}

fn always_2000(text: &str) -> Vec<Message> {
    let rqi = request(text)["rqi"].clone();
    vec![reply(&json!({"rsc": 2000, "rqi": rqi, "rvi": "3"}))]
}

fn forgets_rqi(text: &str) -> Vec<Message> {
    vec![reply(&registered(text, "gone"))]
}

fn answers_twice(text: &str) -> Vec<Message> {
    let rqi = request(text)["rqi"].as_str().unwrap_or_default().to_owned();
    let answer = reply(&registered(text, &rqi));
    vec![answer.clone(), answer]
}

fn closes(_: &str) -> Vec<Message> {
    vec![Message::Close(None)]
}

fn says_nothing(_: &str) -> Vec<Message> {
    Vec::new()
}

fn talks_nonsense(_: &str) -> Vec<Message> {
    vec![Message::text("<html>")]
}

fn odd_member(text: &str) -> Vec<Message> {
    let rqi = request(text)["rqi"].clone();
    vec![reply(
        &json!({"rsc": 2000, "rqi": rqi, "rvi": "3", "status": "fine"}),
    )]
}

fn grants_all(text: &str) -> Vec<Message> {
    let request = request(text);
    let rqi = request["rqi"].as_str().unwrap_or_default().to_owned();
    if request["op"] == 1 && request["ty"] == 2 {
        return vec![reply(&registered(text, &rqi))];
    }
    let rsc = match request["op"].as_u64() {
        Some(1) => 2001,
        Some(3) => 2004,
        Some(4) => 2002,
        Some(_) | None => 2000,
    };
    let mut answer = json!({"rsc": rsc, "rqi": rqi, "rvi": "3"});
    if !request["pc"].is_null() {
        answer["pc"] = request["pc"].clone();
    }
    vec![reply(&answer)]
}

/// Serves until its task is aborted.
pub async fn serve(listener: TcpListener, answer: Answer) {
    let mut links = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        links.spawn(converse(stream, answer));
    }
}

async fn converse(stream: TcpStream, answer: Answer) {
    #[expect(
        clippy::result_large_err,
        reason = "the callback's type is the library's"
    )]
    let choose = |_: &Request, mut response: Response| {
        let name = HeaderValue::from_static("oneM2M.json");
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
        for reply in answer(text) {
            if socket.send(reply).await.is_err() {
                return;
            }
        }
    }
}

/// A good answer to the registration of an AE, and 2000 to all else.
fn registered(text: &str, rqi: &str) -> Value {
    let request = request(text);
    if request["op"] != 1 || request["ty"] != 2 {
        return json!({"rsc": 2000, "rqi": rqi, "rvi": "3"});
    }
    let mut ae = request["pc"]["m2m:ae"].clone();
    if !ae.is_object() {
        return json!({"rsc": 2001, "rqi": rqi, "rvi": "3"});
    }
    let stem = format!("C{}", ae["rn"].as_str().unwrap_or_default());
    let now = "20270301T100000";
    for (name, value) in [("ri", stem.as_str()), ("aei", &stem), ("pi", "cb1")] {
        ae[name] = value.into();
    }
    for name in ["ct", "lt", "et"] {
        ae[name] = now.into();
    }
    ae["ty"] = 2.into();
    json!({"rsc": 2001, "rqi": rqi, "rvi": "3", "pc": {"m2m:ae": ae}})
}

fn request(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn reply(value: &Value) -> Message {
    Message::text(value.to_string())
}
