//! The suite against small wrong servers: no case may pass there.
#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use m2m_conformance::case::{Case, Verdict};
use m2m_conformance::record::Target;
use m2m_conformance::run::{Finished, Plan, Sut};
use m2m_conformance::{cases, judge, record, report, run};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// What a wrong server makes of a message.
type Answer = fn(&str) -> Vec<Message>;

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

#[rstest]
#[case::echo(echo)]
#[case::always_2000(always_2000)]
#[case::forgets_rqi(forgets_rqi)]
#[case::answers_twice(answers_twice)]
#[case::closes(closes)]
#[case::says_nothing(says_nothing)]
#[case::talks_nonsense(talks_nonsense)]
#[case::grants_all(grants_all)]
#[tokio::test]
async fn no_case_passes_against_a_wrong_server(#[case] answer: Answer) {
    let finished = play_against(answer).await;

    for outcome in &finished.outcomes {
        if outcome.id.starts_with("SCHEMA") || outcome.verdict == Verdict::NotApplicable {
            continue;
        }
        let allowed = [Verdict::Fail, Verdict::Inconclusive];
        assert!(
            allowed.contains(&outcome.verdict),
            "{}: {:?}",
            outcome.id,
            outcome.verdict
        );
    }
}

#[tokio::test]
async fn wrong_shapes_are_the_failure_of_their_schema() {
    let finished = play_against(always_2000_with_a_wrong_member).await;

    let outcome = finished
        .outcomes
        .iter()
        .find(|outcome| outcome.id == "SCHEMA-2")
        .unwrap();
    assert_eq!(outcome.verdict, Verdict::Fail);
}

#[tokio::test]
async fn a_stored_run_is_judged_the_same() {
    let finished = play_against(grants_all).await;
    let events = finished.outcomes.iter().flat_map(|outcome| &outcome.events);
    let stored = record::write(&finished.header, events);

    let (header, events) = record::read(&stored).unwrap();
    let again = judge::replay(&header, &events).await.unwrap();

    assert_eq!(
        report::verdicts(&again),
        report::verdicts(&finished.outcomes)
    );
}

fn always_2000_with_a_wrong_member(text: &str) -> Vec<Message> {
    let rqi = request(text)["rqi"].clone();
    vec![reply(
        &json!({"rsc": 2000, "rqi": rqi, "rvi": "3", "status": "fine"}),
    )]
}

/// Cases about sessions between two CSEs; in the others a server may be right by being simple.
fn in_a_pair(case: &&'static Case) -> bool {
    case.needs.in_a_pair()
}

async fn play_against(answer: Answer) -> Finished {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, answer));
    let target = |name: &str| Target::new(&url, &format!("/{name}"), name);
    let targets = vec![target("cse1"), target("cse2")];
    let mut plan = Plan::new(
        cases::all().into_iter().filter(in_a_pair).collect(),
        1,
        Sut {
            name: "a wrong server".to_owned(),
            targets,
            groups: m2m_conformance::case::Group::ALL.to_vec(),
            pair: None,
            foreign: None,
            agent: None,
        },
    );
    plan.jobs = 32;
    plan.patience = Duration::from_millis(100);
    let finished = run::run(&plan, |_| ()).await;
    server.abort();
    finished
}

async fn serve(listener: TcpListener, answer: Answer) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, answer));
    }
}

async fn converse(stream: TcpStream, answer: Answer) {
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
    let stem = format!("C{}", ae["rn"].as_str().unwrap_or_default());
    let now = "20270301T100000";
    let made = json!({
        "ri": stem, "aei": stem, "pi": "cb1", "ty": 2, "ct": now, "lt": now, "et": now
    });
    for (name, value) in made.as_object().unwrap() {
        ae[name] = value.clone();
    }
    json!({"rsc": 2001, "rqi": rqi, "rvi": "3", "pc": {"m2m:ae": ae}})
}

fn request(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn reply(value: &Value) -> Message {
    Message::text(value.to_string())
}
