//! What an operator sees: counters, and the store from outside.

mod host;

use futures_util::StreamExt;
use host::{Cse, PLAIN, argument, command, http, within};
use serde_json::json;
use tokio::net::TcpStream;

#[tokio::test]
async fn counters_are_there_for_the_asking() {
    let mut cse = Cse::start(&[PLAIN, &["--metrics", "127.0.0.1:0"]].concat()).await;
    let line = cse.line().await;
    let address = line.strip_prefix("metrics http://").expect("it says where");
    let mut client = cse.client().await;
    client.register("cse1", "ae1").await;

    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let (head, body) = http(&mut stream, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").await;

    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for row in [
        "cse_links 1\n",
        "cse_registrations_total 1\n",
        "cse_messages_received_total 1\n",
        "cse_sessions 0\n",
        "cse_stored_requests 0\n",
    ] {
        assert!(body.contains(row), "{row} is not in {body}");
    }
}

#[tokio::test]
async fn a_store_is_inspected_verified_and_exported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = argument(folder.path());
    let mut cse = Cse::start(&["--listen", "127.0.0.1:0", "--store", folder]).await;
    cse.client().await.register("cse1", "ae1").await;
    cse.stop("-TERM").await;

    for (tool, expected) in [
        ("inspect", "resource "),
        ("verify", "records, all intact"),
        ("export", "\"ae1\""),
    ] {
        let output = within(command(&["store", tool, folder]).output()).await;
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{tool}: {output:?}");
        assert!(said.contains(expected), "{tool}: {said}");
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("missing");

    let output = within(command(&["store", "verify", argument(&missing)]).output()).await;

    assert_eq!(output.expect("it runs").status.code(), Some(1));
    assert!(!missing.exists());
}

#[tokio::test]
async fn an_administrator_needs_no_registration() {
    let cse = Cse::start(&[PLAIN, &["--administrator", "CAdmin"]].concat()).await;
    let mut application = cse.client().await;
    application.register("cse1", "ae1").await;
    let mut administrator = cse.client_of("CAdmin").await;

    let read = json!({"op": 2, "to": "cse1/ae1", "fr": "CAdmin", "rqi": "1", "rvi": "3"});
    let answer = administrator.ask(read).await;

    assert_eq!(answer["rsc"], 2000, "{answer}");
}

#[tokio::test]
async fn an_administrator_that_is_none_is_refused() {
    let output = within(command(&["--administrator", "/cse1/CAdmin"]).output()).await;

    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is no AE-ID of an administrator"), "{said}");
}

#[tokio::test]
async fn a_peer_that_loses_what_follows_at_once_is_given_a_pause() {
    let cse = Cse::start(&[PLAIN, &["--timer", "pace=3600000"]].concat()).await;
    let mut client = cse.client().await;
    let read = |id| json!({"op": 2, "to": "cse1", "fr": "Cae1", "rqi": id, "rvi": "3"});
    client.send(read("1")).await;
    client.send(read("2")).await;
    let first = client.receive().await;

    within(client.0.close(None))
        .await
        .expect("the link is open");
    let mut rest = Vec::new();
    while let Some(Ok(message)) = within(client.0.next()).await {
        rest.extend(message.is_text().then_some(message));
    }

    assert_eq!(first["rqi"], "1");
    assert_eq!(rest, []);
}
