//! Links that speak CBOR: the same primitives in other bytes.

mod host;

use ciborium::Value as Cbor;
use futures_util::{SinkExt, StreamExt};
use host::{Client, Cse, PLAIN, registration, within};
use rstest::rstest;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

fn bytes(message: &Json) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(message, &mut bytes).expect("memory takes all");
    bytes
}

async fn send(client: &mut Client, bytes: Vec<u8>) {
    within(client.0.send(Message::Binary(bytes.into())))
        .await
        .expect("the link is open");
}

async fn receive(client: &mut Client) -> Json {
    let message = within(client.0.next()).await.expect("the link is open");
    let Ok(Message::Binary(bytes)) = message else {
        panic!("it is not binary: {message:?}");
    };
    ciborium::from_reader(&bytes[..]).expect("it is CBOR")
}

async fn ask(client: &mut Client, message: Json) -> Json {
    send(client, bytes(&message)).await;
    receive(client).await
}

#[rstest]
#[tokio::test]
async fn primitives_travel_in_binary_messages(
    #[values("oneM2M.cbor", "onem2m.cbor", "oneM2M.R2.0.cbor", "onem2m.r2.0.cbor")]
    subprotocol: &str,
) {
    let cse = Cse::start(PLAIN).await;
    let mut client = Client::open(&cse.address, None, subprotocol).await;

    let made = ask(&mut client, registration("cse1", "ae1")).await;
    let read = json!({"op": 2, "to": "cse1", "fr": "Cae1", "rqi": "1", "rvi": "3"});
    let read = ask(&mut client, read).await;

    assert_eq!(made["rsc"], 2001, "{made}");
    assert_eq!(read["pc"]["m2m:cb"]["csz"], json!(["json", "cbor"]));
}

#[tokio::test]
async fn what_is_written_in_cbor_is_read_in_json() {
    let cse = Cse::start(PLAIN).await;
    let mut client = Client::open(&cse.address, None, "oneM2M.cbor").await;
    ask(&mut client, registration("cse1", "ae1")).await;
    let container = json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": "1", "rvi": "3",
        "ty": 3, "pc": {"m2m:cnt": {"rn": "c"}}});
    ask(&mut client, container).await;
    let data = json!({"op": 1, "to": "cse1/ae1/c", "fr": "Cae1", "rqi": "2", "rvi": "3",
        "ty": 4, "pc": {"m2m:cin": {"con": {"temperature": 21.5, "unit": "\u{b0}C"}}}});
    ask(&mut client, data).await;

    let mut other = cse.client_of("Cae1").await;
    let read = json!({"op": 2, "to": "cse1/ae1/c/la", "fr": "Cae1", "rqi": "3", "rvi": "3"});
    let read = other.ask(read).await;

    let content = &read["pc"]["m2m:cin"]["con"];
    assert_eq!(
        *content,
        json!({"temperature": 21.5, "unit": "\u{b0}C"}),
        "{read}"
    );
}

#[tokio::test]
async fn what_is_no_primitive_is_answered_and_text_closes_the_link() {
    let cse = Cse::start(PLAIN).await;
    let mut client = Client::open(&cse.address, None, "oneM2M.cbor").await;

    send(&mut client, vec![0xa1]).await;
    let answer = receive(&mut client).await;
    client.send_text("{}").await;

    assert_eq!(answer["rsc"], 4000);
    assert_eq!(u16::from(client.closed().await), 1003);
}

/// Whether a byte string stands anywhere in it.
fn has_bytes(item: &Cbor) -> bool {
    let in_list = item
        .as_array()
        .is_some_and(|list| list.iter().any(has_bytes));
    let in_map =
        |members: &[(Cbor, Cbor)]| members.iter().any(|(n, v)| has_bytes(n) || has_bytes(v));
    item.is_bytes() || in_list || item.as_map().is_some_and(|members| in_map(members))
}

#[tokio::test]
async fn byte_strings_are_taken_for_text_and_never_sent() {
    let cse = Cse::start(PLAIN).await;
    let mut client = Client::open(&cse.address, None, "oneM2M.cbor").await;
    ask(&mut client, registration("cse1", "ae1")).await;
    let member = |name: &str, value| (Cbor::Text(name.to_owned()), value);
    let as_bytes = |name, text: &str| member(name, Cbor::Bytes(text.into()));
    let read = Cbor::Map(vec![
        member("op", Cbor::from(2)),
        as_bytes("to", "cse1/ae1"),
        as_bytes("fr", "Cae1"),
        as_bytes("rqi", "1"),
        as_bytes("rvi", "3"),
    ]);
    let mut bytes = Vec::new();
    ciborium::into_writer(&read, &mut bytes).expect("memory takes all");

    send(&mut client, bytes).await;
    let answer = within(client.0.next()).await.expect("the link is open");
    let Ok(Message::Binary(answer)) = answer else {
        panic!("it is not binary: {answer:?}");
    };

    let raw: Cbor = ciborium::from_reader(&answer[..]).expect("it is CBOR");
    assert!(!has_bytes(&raw), "LNK-54: {raw:?}");
    let answer: Json = ciborium::from_reader(&answer[..]).expect("it is CBOR");
    assert_eq!(answer["rsc"], 2000, "LNK-54: {answer}");
    assert_eq!(answer["pc"]["m2m:ae"]["aei"], "Cae1");
}

/// A middle node `/mn` that registers there and offers that.
async fn middle_node(registrar: &str, offer: &str) -> Cse {
    let own = ["--cse-id", "/mn", "--kind", "mn", "--registrar", registrar];
    Cse::start(&[PLAIN, &own, &["--offer", offer]].concat()).await
}

/// LNK-63
#[rstest]
#[case::json_alone("json", "oneM2M.json", "oneM2M.json", false)]
#[case::cbor_first("cbor", "oneM2M.cbor, oneM2M.json", "oneM2M.cbor", true)]
#[case::the_peer_chooses("cbor", "oneM2M.cbor, oneM2M.json", "oneM2M.json", false)]
#[tokio::test]
async fn a_link_that_is_opened_speaks_what_the_peer_has_chosen(
    #[case] offer: &str,
    #[case] expected: &str,
    #[case] chosen: &'static str,
    #[case] is_binary: bool,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let _node = middle_node(&format!("ws://{address}"), offer).await;
    let (stream, _) = within(listener.accept()).await.expect("it dials");
    let mut offered = String::new();
    #[expect(
        clippy::result_large_err,
        reason = "the library asks for a closure of this type"
    )]
    let choose = |request: &Request, mut response: Response| {
        let header = request.headers().get("Sec-WebSocket-Protocol");
        offered = header
            .and_then(|h| h.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let name = chosen.parse().expect("it fits a header");
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", name);
        Ok(response)
    };
    let mut socket = within(accept_hdr_async(stream, choose))
        .await
        .expect("a handshake");

    let first = within(socket.next()).await.expect("open").expect("intact");

    assert_eq!(offered, expected);
    assert_eq!(first.is_binary(), is_binary, "{first:?}");
    let request: Json = if is_binary {
        ciborium::from_reader(&*first.into_data()).expect("it is CBOR")
    } else {
        serde_json::from_str(first.to_text().expect("it is text")).expect("it is JSON")
    };
    assert_eq!(request["pc"]["m2m:csr"]["csi"], "/mn", "{request}");
}

/// LNK-63
#[tokio::test]
async fn two_cses_forward_both_ways_over_a_link_in_cbor() {
    let registrar = Cse::start(PLAIN).await;
    let mut node = middle_node(&format!("ws://{}", registrar.address), "cbor").await;
    assert_eq!(node.line().await, "registered at /cse1");
    let (mut near, mut far) = (node.client().await, registrar.client().await);
    near.register("mn", "ae1").await;
    far.register("cse1", "ae2").await;
    let create = |from: &str, to: &str, ty: u32, content: Json| {
        json!({"op": 1, "to": to, "fr": from, "rqi": format!("{to}{ty}"), "rvi": "3", "ty": ty,
            "pc": content})
    };
    let rule = json!({"acr": [{"acor": ["all"], "acop": 63}]});
    let acp = json!({"m2m:acp": {"rn": "acp", "pv": rule, "pvs": rule}});
    let cnt = json!({"m2m:cnt": {"rn": "box", "acpi": ["cse1/ae2/acp"]}});
    for (ty, content) in [(1, acp), (3, cnt)] {
        let made = far.ask(create("Cae2", "cse1/ae2", ty, content)).await;
        assert_eq!(made["rsc"], 2001, "{made}");
    }

    let far_box = "/cse1/cse1/ae2/box";
    let cin = json!({"m2m:cin": {"con": {"temperature": 21.5}}});
    let made = near.ask(create("Cae1", far_box, 4, cin)).await;
    let read = |from: &str, to: &str| json!({"op": 2, "to": to, "fr": from, "rqi": to, "rvi": "3"});
    let up = near.ask(read("Cae1", &format!("{far_box}/la"))).await;
    let down = far.ask(read("Cae2", "/mn")).await;

    assert_eq!(made["rsc"], 2001, "{made}");
    let content = &up["pc"]["m2m:cin"]["con"];
    assert_eq!(*content, json!({"temperature": 21.5}), "{up}");
    assert_eq!(down["pc"]["m2m:cb"]["csi"], "/mn", "{down}");
}
