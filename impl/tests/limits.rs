//! Peers that send or take what they should not: refused, never unbounded, and nobody else notices.

mod host;

use futures_util::{SinkExt, StreamExt};
use host::{Client, Cse, PATIENCE, PLAIN, http, within};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: oneM2M.json\r\n\r\n";

fn read_base(number: u32) -> Json {
    json!({"op": 2, "to": "cse1", "fr": "Cae1", "rqi": format!("q{number}"), "rvi": "3"})
}

async fn registered(cse: &Cse) -> Client {
    let mut client = cse.client().await;
    client.register("cse1", "ae1").await;
    client
}

/// An open link, down to its bytes.
async fn raw(cse: &Cse) -> TcpStream {
    let mut stream = cse.tcp().await;
    let (head, _) = http(&mut stream, UPGRADE).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream
}

/// The code of the close frame that answers these bytes.
async fn close_code(stream: &mut TcpStream, bytes: &[u8]) -> u16 {
    stream.write_all(bytes).await.expect("the link is open");
    let mut head = [0; 4];
    within(stream.read_exact(&mut head))
        .await
        .expect("a frame comes");
    assert_eq!(head[0], 0x88, "it is no close frame");
    u16::from_be_bytes([head[2], head[3]])
}

#[tokio::test]
async fn a_message_that_is_too_large_closes_its_link_and_no_other() {
    let cse = Cse::start(&[PLAIN, &["--limit", "message_bytes=2000"]].concat()).await;
    let mut other = registered(&cse).await;
    let mut client = cse.client().await;

    client.send_text(&" ".repeat(2_001)).await;

    assert_eq!(u16::from(client.closed().await), 1009);
    assert_eq!(other.ask(read_base(1)).await["rsc"], 2000);
}

#[tokio::test]
async fn a_message_in_many_frames_is_measured_as_a_whole() {
    let cse = Cse::start(&[PLAIN, &["--limit", "message_bytes=2000"]].concat()).await;
    let mut stream = raw(&cse).await;
    let fragment = |first: u8| [&[first, 0x80 | 100, 0, 0, 0, 0][..], &[b' '; 100]].concat();

    let mut bytes = fragment(0x01);
    (0..20).for_each(|_| bytes.extend(fragment(0x00)));

    assert_eq!(close_code(&mut stream, &bytes).await, 1009);
}

#[tokio::test]
async fn frames_that_break_the_rules_close_with_their_code() {
    let cse = Cse::start(PLAIN).await;
    for (what, bytes, code) in [
        (
            "binary on a text subprotocol",
            &b"\x82\x81\0\0\0\0x"[..],
            1003,
        ),
        ("text that is no UTF-8", b"\x81\x82\0\0\0\0\xc3\x28", 1007),
        ("a frame without mask", b"\x81\x02{}", 1002),
        ("a reserved bit", b"\xc1\x82\0\0\0\0{}", 1002),
        ("a reserved opcode", b"\x83\x82\0\0\0\0{}", 1002),
        ("a continuation of nothing", b"\x80\x82\0\0\0\0{}", 1002),
    ] {
        assert_eq!(
            close_code(&mut raw(&cse).await, bytes).await,
            code,
            "{what}"
        );
    }
}

/// A message at which the CSE closes, and behind it a close frame that was sent before its own could be read.
#[tokio::test]
async fn closes_that_cross_end_with_both_sides_closed() {
    let cse = Cse::start(PLAIN).await;
    let mut stream = raw(&cse).await;

    stream
        .write_all(b"\x82\x81\0\0\0\0x\x88\x82\0\0\0\0\x03\xe8")
        .await
        .expect("the link is open");
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes))
        .await
        .expect("the link ends");

    assert_eq!((bytes[0], &bytes[2..4]), (0x88, &[0x03, 0xeb][..]));
    let length = usize::from(bytes[1]);
    assert_eq!(bytes.len(), 2 + length, "LNK-16, LNK-17: one close frame");
}

#[tokio::test]
async fn malformed_text_is_answered_and_keeps_the_link() {
    let cse = Cse::start(PLAIN).await;
    let mut client = registered(&cse).await;

    for (text, request_id) in [
        ("", Json::Null),
        ("nonsense", Json::Null),
        ("[]", Json::Null),
        (r#"{"op":2,"rqi":"x1""#, json!("x1")),
        (r#"{"op":2,"rqi":"x2"}"#, json!("x2")),
        (r#"{"op":"2","to":"cse1","rqi":"x3"}"#, json!("x3")),
    ] {
        client.send_text(text).await;
        let answer = client.receive().await;
        assert_eq!(
            (&answer["rsc"], &answer["rqi"]),
            (&json!(4000), &request_id),
            "{text}"
        );
    }

    assert_eq!(client.ask(read_base(1)).await["rsc"], 2000);
}

#[tokio::test]
async fn too_much_nonsense_in_a_row_closes_the_link() {
    let cse = Cse::start(&[PLAIN, &["--limit", "malformed_in_a_row=3"]].concat()).await;
    let mut client = registered(&cse).await;

    for _ in 0..4 {
        client.send_text("nonsense").await;
    }

    assert_eq!(u16::from(client.closed().await), 1008);
    assert_eq!(
        cse.client_of("Cae1").await.ask(read_base(1)).await["rsc"],
        2000
    );
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_answered_in_order() {
    const FLOOD: u32 = 3_000;
    let cse = Cse::start(&[PLAIN, &["--limit", "inbox_messages=1"]].concat()).await;
    let mut client = registered(&cse).await;

    let mut sent = 0;
    for answered in 0..FLOOD {
        while sent < FLOOD && sent < answered + 500 {
            let message = Message::text(read_base(sent).to_string());
            within(client.0.feed(message))
                .await
                .expect("the link is open");
            sent += 1;
        }
        within(client.0.flush()).await.expect("the link is open");
        let answer = client.receive().await;
        assert_eq!(
            (&answer["rsc"], &answer["rqi"]),
            (&json!(2000), &json!(format!("q{answered}")))
        );
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_its_link_and_nobody_else_waits() {
    let mut cse = Cse::start(&[PLAIN, &["--limit", "outbox_messages=8"]].concat()).await;
    let mut slow = registered(&cse).await;
    let mut other = cse.client().await;
    other.register("cse1", "ae2").await;
    let container = json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": "c", "rvi": "3", "ty": 3,
        "rcn": 0, "pc": {"m2m:cnt": {"rn": "c"}}});
    let large = json!({"op": 1, "to": "cse1/ae1/c", "fr": "Cae1", "rqi": "i", "rvi": "3", "ty": 4,
        "rcn": 0, "pc": {"m2m:cin": {"con": "x".repeat(500_000)}}});
    assert_eq!(slow.ask(container).await["rsc"], 2001);
    assert_eq!(slow.ask(large).await["rsc"], 2001);

    let flood = async {
        for number in 0..1_000 {
            let read = json!({"op": 2, "to": "cse1/ae1/c/la", "fr": "Cae1",
                "rqi": format!("l{number}"), "rvi": "3"});
            if slow.0.send(Message::text(read.to_string())).await.is_err() {
                break;
            }
        }
    };
    let (_, line) = tokio::join!(timeout(PATIENCE, flood), cse.logged("reads too slowly"));

    // LNK-58
    assert!(line.contains("its link is cut"), "{line}");
    let read = json!({"op": 2, "to": "cse1", "fr": "Cae2", "rqi": "r", "rvi": "3"});
    assert_eq!(other.ask(read).await["rsc"], 2000);
}

/// Each answer names all children anew, so that few of them take much room.
#[tokio::test]
async fn a_peer_that_does_not_read_large_answers_loses_its_link() {
    let limits = [
        "--limit",
        "outbox_bytes=200000",
        "--limit",
        "sent_bytes=4000000",
    ];
    let mut cse = Cse::start(&[PLAIN, &limits].concat()).await;
    let mut slow = registered(&cse).await;
    for number in 0..200 {
        let name = format!("{number}-{}", "n".repeat(200));
        let made = json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": format!("c{number}"),
            "rvi": "3", "ty": 3, "rcn": 0, "pc": {"m2m:cnt": {"rn": name}}});
        assert_eq!(slow.ask(made).await["rsc"], 2001);
    }
    let discover = |number: u32| {
        json!({"op": 2, "to": "cse1/ae1", "fr": "Cae1", "rqi": format!("d{number}"), "rvi": "3",
            "fc": {"fu": 1}})
    };
    // One is larger than what may wait, and is answered nevertheless.
    assert_eq!(slow.ask(discover(0)).await["rsc"], 2000);

    let flood = async {
        for number in 1..1_000 {
            let text = discover(number).to_string();
            if slow.0.send(Message::text(text)).await.is_err() {
                break;
            }
        }
    };
    let (_, line) = tokio::join!(timeout(PATIENCE, flood), cse.logged("reads too slowly"));

    // LNK-58
    assert!(line.contains("its link is cut"), "{line}");
}

/// However little room there is, large messages get their turn.
#[tokio::test]
async fn large_messages_are_read_one_after_the_other() {
    let cse = Cse::start(&[PLAIN, &["--limit", "inbox_bytes=1"]].concat()).await;
    let mut clients = [cse.client().await, cse.client().await];
    let large = |name: &str| {
        let mut message = host::registration("cse1", name);
        message["pc"]["m2m:ae"]["lbl"] = json!(["x".repeat(500_000)]);
        message
    };
    for (client, name) in clients.iter_mut().zip(["ae1", "ae2"]) {
        client.send(large(name)).await;
    }

    for client in &mut clients {
        assert_eq!(client.receive().await["rsc"], 2001);
    }
}

#[tokio::test]
async fn a_silent_peer_is_asked_twice_and_then_given_up() {
    let cse = Cse::start(&[PLAIN, &["--timer", "ping=50"]].concat()).await;
    let mut stream = raw(&cse).await;

    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes))
        .await
        .expect("the link ends");

    // LNK-27, LNK-49
    assert_eq!(bytes, [0x89, 0, 0x89, 0]);
}

#[tokio::test]
async fn a_peer_that_answers_pings_is_kept() {
    let mut cse = Cse::start(&[PLAIN, &["--timer", "ping=50"]].concat()).await;
    let mut client = registered(&cse).await;
    let _silent = raw(&cse).await;

    // Answering goes on while waiting for the silent one to be given up, which takes three times
    // the pause.
    let (_, line) = tokio::join!(
        timeout(PATIENCE / 60, client.receive()),
        cse.logged("link ends")
    );

    assert!(line.contains("silent"), "{line}");
    assert_eq!(client.ask(read_base(1)).await["rsc"], 2000);
}

#[tokio::test]
async fn there_are_as_many_links_as_allowed_and_no_more() {
    let cse = Cse::start(&[PLAIN, &["--limit", "links=1"]].concat()).await;
    let first = raw(&cse).await;

    let (head, body) = http(&mut cse.tcp().await, UPGRADE).await;
    drop(first);

    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(body.contains("as many links as allowed"), "{body}");
}

/// An AE with an instance of twenty thousand bytes, and how it is read.
async fn with_a_large_instance(cse: &Cse) -> (Client, Json) {
    let mut client = registered(cse).await;
    let container = json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": "c", "rvi": "3", "ty": 3,
        "rcn": 0, "pc": {"m2m:cnt": {"rn": "c"}}});
    let large = json!({"op": 1, "to": "cse1/ae1/c", "fr": "Cae1", "rqi": "i", "rvi": "3", "ty": 4,
        "rcn": 0, "pc": {"m2m:cin": {"con": "x".repeat(20_000)}}});
    assert_eq!(client.ask(container).await["rsc"], 2001);
    assert_eq!(client.ask(large).await["rsc"], 2001);
    let latest = json!({"op": 2, "to": "cse1/ae1/c/la", "fr": "Cae1", "rqi": "l", "rvi": "3"});
    (client, latest)
}

#[tokio::test]
async fn an_answer_larger_than_may_be_sent_closes_its_link_and_no_other() {
    let mut cse = Cse::start(&[PLAIN, &["--limit", "sent_bytes=1000"]].concat()).await;
    let (mut client, latest) = with_a_large_instance(&cse).await;

    client.send(latest).await;

    assert_eq!(u16::from(client.closed().await), 1011);
    cse.logged("larger than what may be sent").await;
    let mut again = cse.client_of("Cae1").await;
    assert_eq!(again.ask(read_base(1)).await["rsc"], 2000);
}

#[tokio::test]
async fn a_large_answer_beyond_what_may_wait_for_all_ends_its_link() {
    let mut cse = Cse::start(&[PLAIN, &["--limit", "outboxes_bytes=1"]].concat()).await;
    let (mut client, latest) = with_a_large_instance(&cse).await;

    client.send(latest).await;

    // LNK-58
    let end = within(client.0.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    cse.logged("its link is cut").await;
    let mut again = cse.client_of("Cae1").await;
    assert_eq!(again.ask(read_base(1)).await["rsc"], 2000);
}

#[tokio::test]
async fn a_tree_that_is_full_takes_no_more() {
    // The CSEBase, its collection of sessions, the AE with its own, and one container.
    let cse = Cse::start(&[PLAIN, &["--limit", "resources=5"]].concat()).await;
    let mut client = registered(&cse).await;
    let made = |number: u32| {
        json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": format!("c{number}"), "rvi": "3",
            "ty": 3, "rcn": 0, "pc": {"m2m:cnt": {}}})
    };

    let mut answers = Vec::new();
    for number in 0..5 {
        answers.push(client.ask(made(number)).await["rsc"].clone());
    }

    assert_eq!(answers.first(), Some(&json!(2001)));
    assert_eq!(answers.last(), Some(&json!(5207)));
}

#[tokio::test]
async fn a_registrar_that_accepts_and_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let silent = silent.expect("a port is free");
    let at = format!("ws://{}", silent.local_addr().expect("it is bound"));
    let upward = [
        "--kind",
        "mn",
        "--registrar",
        &at,
        "--timer",
        "dial=50",
        "--timer",
        "redial=20",
    ];

    let mut cse = Cse::start(&[PLAIN, &upward].concat()).await;

    for _ in 0..2 {
        let line = cse.logged("cannot be reached").await;
        assert!(line.contains("does not answer in time"), "{line}");
    }
}
