//! The upgrade on the wire, byte by byte, and the example of the draft binding.

mod host;

use host::{Client, Cse, PLAIN, http};
use m2m_cse::connect::Route;
use m2m_cse::dial::PointOfAccess;
use rstest::rstest;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The handshake of the published flows: an AE that registers later.
const GOOD: &str = "GET / HTTP/1.1\r\nHost: cse1.example.net:9000\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: oneM2M.json\r\n\r\n";

#[tokio::test]
async fn an_upgrade_is_answered_as_published() {
    let cse = Cse::start(PLAIN).await;

    let (head, _) = http(&mut cse.tcp().await, GOOD).await;

    assert_eq!(
        head,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: oneM2M.json\r\n\r\n"
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_upgrade_is_said_in_http() {
    let cse = Cse::start(PLAIN).await;
    for (from, to, status, reason) in [
        ("GET / ", "GET /cse1 ", "404 Not Found", "ask for /"),
        (
            "Version: 13",
            "Version: 12",
            "426 Upgrade Required",
            "only version 13",
        ),
        (
            "oneM2M.json",
            "oneM2M.xml",
            "400 Bad Request",
            "none of the offered subprotocols",
        ),
        (
            "Sec-WebSocket-Protocol: oneM2M.json\r\n",
            "",
            "400 Bad Request",
            "offer oneM2M.json",
        ),
        (
            "Sec-WebSocket-Key: ",
            "X: ",
            "400 Bad Request",
            "Sec-WebSocket-Key",
        ),
        ("GET", "PUT", "400 Bad Request", "opened by GET"),
        (
            "GET /",
            "nonsense",
            "400 Bad Request",
            "no well-formed HTTP/1.1",
        ),
        (
            "Host",
            "H\u{1}st",
            "400 Bad Request",
            "no well-formed HTTP/1.1",
        ),
    ] {
        let (head, body) = http(&mut cse.tcp().await, &GOOD.replace(from, to)).await;

        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{to}: {head}"
        );
        assert!(body.contains(reason), "{to}: {body}");
        assert_eq!(
            head.contains("Sec-WebSocket-Version: 13\r\n"),
            status.starts_with("426")
        );
    }
}

#[tokio::test]
async fn a_head_that_is_whole_and_too_large_is_refused_as_well() {
    let cse = Cse::start(PLAIN).await;
    let many: String = (0..65).map(|number| format!("X{number}: x\r\n")).collect();
    for (what, headers) in [
        ("bytes", format!("X: {}\r\n", "x".repeat(8 << 10))),
        ("headers", many),
    ] {
        let request = GOOD.replace("Host", &format!("{headers}Host"));

        let (head, body) = http(&mut cse.tcp().await, &request).await;

        assert!(head.starts_with("HTTP/1.1 431 "), "{what}: {head}");
        assert!(body.contains("8192 bytes or 64 headers"), "{body}");
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_by_size_and_by_time() {
    let arguments = [PLAIN, &["--timer", "handshake=200"]].concat();
    let cse = Cse::start(&arguments).await;
    let mut large = cse.tcp().await;
    let mut slow = cse.tcp().await;

    slow.write_all(b"GET / HTTP/1.1\r\n")
        .await
        .expect("the connection is open");
    let (head, _) = http(
        &mut large,
        &format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9_000)),
    )
    .await;

    assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
    let mut rest = Vec::new();
    let read = host::within(slow.read_to_end(&mut rest)).await;
    assert_eq!(read.ok(), Some(0));
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_not_lost() {
    let cse = Cse::start(PLAIN).await;
    let mut stream = cse.tcp().await;
    // A masked text frame, mask zero: {}.
    let mut bytes = GOOD.as_bytes().to_vec();
    bytes.extend_from_slice(b"\x81\x82\0\0\0\0{}");

    stream
        .write_all(&bytes)
        .await
        .expect("the connection is open");
    http(&mut stream, "").await;

    let mut frame = [0; 2];
    host::within(stream.read_exact(&mut frame))
        .await
        .expect("an answer comes");
    let mut text = vec![0; usize::from(frame[1])];
    host::within(stream.read_exact(&mut text))
        .await
        .expect("an answer comes");
    let answer: Json = serde_json::from_slice(&text).expect("it is JSON");
    assert_eq!((frame[0], &answer["rsc"]), (0x81, &json!(4000)));
}

#[rstest]
#[case("oneM2M.R2.0.json")]
#[case("onem2m.json")]
#[case("onem2m.r2.0.json")]
#[tokio::test]
async fn a_registered_name_of_the_subprotocol_serves_as_well(#[case] name: &str) {
    let cse = Cse::start(PLAIN).await;

    let mut client = Client::open(&cse.address, None, name).await;

    client.register("cse1", "ae1").await;
}

#[tokio::test]
async fn the_origin_in_the_handshake_identifies_a_registered_entity() {
    let cse = Cse::start(PLAIN).await;
    let mut first = cse.client().await;
    first.register("cse1", "ae1").await;

    let mut second = cse.client_of("Cae1").await;
    let read = json!({"op": 2, "to": "cse1/ae1", "fr": "Cae1", "rqi": "r1", "rvi": "3"});

    assert_eq!(second.ask(read).await["rsc"], 2000);
    assert_eq!(u16::from(first.closed().await), 1000);
}

/// A registrar that answers one handshake like that: the accept value for the key it is shown, and a subprotocol.
async fn answering(accept: fn(&str) -> String, subprotocol: &'static str) -> PointOfAccess {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a request"));
        }
        let head = String::from_utf8(head).expect("it is text");
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {subprotocol}\r\n\r\n",
            accept(key.expect("a key"))
        );
        stream.write_all(answer.as_bytes()).await.expect("open");
        // Stays open until the client goes.
        let _ = stream.read_u8().await;
    });
    PointOfAccess::parse(&format!("ws://{address}")).expect("it is one")
}

#[rstest]
#[case::as_it_should_be(|key: &str| derive_accept_key(key.as_bytes()), "oneM2M.json", true)]
#[case::for_another_key(|_: &str| derive_accept_key(b"another"), "oneM2M.json", false)]
#[case::with_a_subprotocol_that_was_not_offered(
    |key: &str| derive_accept_key(key.as_bytes()),
    "oneM2M.xml",
    false
)]
#[tokio::test]
async fn a_client_gives_up_a_link_whose_answer_is_wrong(
    #[case] accept: fn(&str) -> String,
    #[case] subprotocol: &'static str,
    #[case] opens: bool,
) {
    let registrar = answering(accept, subprotocol).await;
    let route = Route::default();

    let opened = registrar.open(&route, None, WebSocketConfig::default());

    assert_eq!(host::within(opened).await.is_ok(), opens, "LNK-36");
}

/// The example of the draft, as it is printed there.
mod draft {
    use super::*;

    const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: mncse1234.net:9000\r\nUpgrade: WebSocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: ud63env87LQLd4uIV20/oQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    const REGISTRATION: &str = "{“m2m:rqp”:{\"op\":\"1\",\"to\":\"mncse1234\",\"ri\":\"A1234\",\"pc\":{\"m2m:ae\":{\"api\":“a56”, “apn”:”app1234”,“poa”:”ws://192.168.194.10”,“rr”:”true”}},\"ty\": 2}}";

    #[tokio::test]
    async fn it_is_accepted_and_answered_in_kind() {
        let arguments = [
            PLAIN,
            &[
                "--dialect",
                "draft",
                "--cse-id",
                "/mncse1234",
                "--name",
                "base",
            ],
        ]
        .concat();
        let cse = Cse::start(&arguments).await;
        let mut stream = cse.tcp().await;

        let (head, _) = http(&mut stream, HANDSHAKE).await;
        stream
            .write_all(&masked(REGISTRATION))
            .await
            .expect("the link is open");
        let text = unmasked(&mut stream).await;

        // LNK-55
        assert_eq!(
            head,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: 5thN0mVgdTFTgHSjknHQ8H0EtnM=\r\n\r\n"
        );
        // LNK-56, LNK-57
        assert!(
            text.starts_with("{\"m2m:rsp\":{\"rsc\":\"2001\",\"ri\":\"A1234\",\"pc\":"),
            "{text}"
        );
        let answer: Json = serde_json::from_str(&text).expect("it is JSON");
        let ae = &answer["m2m:rsp"]["pc"]["m2m:ae"];
        assert_eq!(ae["api"], "a56");
        assert_eq!(ae["apn"], "app1234");
        assert_eq!(ae["poa"], "ws://192.168.194.10");
        assert_eq!(ae["rr"], "true");
        assert_eq!(ae["ri"], ae["aei"]);
        assert_eq!(answer["m2m:rsp"].get("rvi"), None);
    }

    #[tokio::test]
    async fn a_link_with_a_subprotocol_is_as_published() {
        let arguments = [PLAIN, &["--dialect", "draft"]].concat();
        let cse = Cse::start(&arguments).await;

        cse.client().await.register("cse1", "ae1").await;
    }

    /// A masked text frame, as a client sends it.
    fn masked(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).ok().filter(|n| *n < 126);
        let mut frame = vec![0x81];
        match length {
            Some(length) => frame.push(0x80 | length),
            None => {
                frame.push(0x80 | 126);
                let length = u16::try_from(text.len()).expect("it is short");
                frame.extend_from_slice(&length.to_be_bytes());
            }
        }
        let mask = [0x11, 0x22, 0x33, 0x44];
        frame.extend_from_slice(&mask);
        frame.extend(
            text.bytes()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        frame
    }

    /// The text of the next frame, as a server sends it.
    async fn unmasked(stream: &mut tokio::net::TcpStream) -> String {
        let mut head = [0; 2];
        host::within(stream.read_exact(&mut head))
            .await
            .expect("a frame comes");
        assert_eq!(head[0], 0x81);
        let length = match head[1] {
            126 => host::within(stream.read_u16())
                .await
                .expect("a length comes"),
            length => length.into(),
        };
        let mut text = vec![0; length.into()];
        host::within(stream.read_exact(&mut text))
            .await
            .expect("a text comes");
        String::from_utf8(text).expect("it is UTF-8")
    }
}
