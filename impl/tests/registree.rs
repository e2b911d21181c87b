//! A registree CSE that keeps no link: it is dialled at its point of access, where the operator wants that.

mod host;

use futures_util::{SinkExt, StreamExt};
use host::{Client, Cse, PLAIN, within};
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// A registree `/mn` that registers, says where it listens, and closes its link.
struct Registree {
    listener: TcpListener,
}

impl Registree {
    async fn of(cse: &Cse) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = format!("ws://{}", listener.local_addr().expect("it is bound"));
        let mut link = cse.client_of("/mn").await;
        let registered = link
            .ask(
                json!({"op": 1, "to": "cse1", "fr": "/mn", "rqi": "1", "rvi": "3", "ty": 16,
                "pc": {"m2m:csr": {"rn": "mn", "cb": "/mn/mn", "csi": "/mn", "rr": true,
                    "srv": ["3"], "poa": ["ws://127.0.0.1:1", own]}}}),
            )
            .await;
        assert_eq!(registered["rsc"], 2001, "{registered}");
        within(link.0.close(None)).await.expect("it is open");
        Self { listener }
    }

    /// Takes the link that its registrar opens; its name and the subprotocol that it offers.
    #[expect(
        clippy::result_large_err,
        reason = "the library asks for a closure of this type"
    )]
    async fn dialed(&self) -> (WebSocketStream<TcpStream>, String, String) {
        let (stream, _) = within(self.listener.accept()).await.expect("it is dialled");
        let (mut origin, mut offered) = (String::new(), String::new());
        let look = |request: &Request, mut response: Response| {
            let header = |name: &str| {
                let value = request.headers().get(name).and_then(|v| v.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            origin = header("X-M2M-Origin");
            offered = header("Sec-WebSocket-Protocol");
            let taken = offered.parse().expect("it came as a header");
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", taken);
            Ok(response)
        };
        let socket = within(accept_hdr_async(stream, look))
            .await
            .expect("a handshake");
        (socket, origin, offered)
    }
}

/// Answers requests until one is of this AE; what that one asked for.
async fn serve(socket: &mut WebSocketStream<TcpStream>, ae: &str) -> Json {
    loop {
        let message = within(socket.next())
            .await
            .expect("it is open")
            .expect("it is intact");
        let Ok(text) = message.to_text() else {
            continue;
        };
        let asked: Json = serde_json::from_str(text).expect("it is JSON");
        let answer = json!({"rsc": 2000, "rqi": asked["rqi"], "rvi": "3",
            "pc": {"m2m:cnt": {"rn": "seen"}}});
        within(socket.send(Message::text(answer.to_string())))
            .await
            .expect("it is open");
        if asked["fr"] == ae {
            return asked;
        }
    }
}

fn read(id: &str) -> Json {
    json!({"op": 2, "to": "/mn/mn/seen", "fr": "Cae", "rqi": id, "rvi": "3"})
}

async fn ae(cse: &Cse) -> Client {
    let mut ae = cse.client_of("Cae").await;
    ae.register("cse1", "ae").await;
    ae
}

/// LNK-48, LNK-60
#[tokio::test]
async fn a_registree_without_link_is_dialled_at_the_first_place_that_answers() {
    let cse = Cse::start(&[PLAIN, &["--dial-registree-poa"]].concat()).await;
    let registree = Registree::of(&cse).await;
    let mut ae = ae(&cse).await;

    ae.send(read("x1")).await;
    let (mut socket, origin, offered) = registree.dialed().await;
    let asked = serve(&mut socket, "/cse1/Cae").await;
    let first = ae.receive().await;
    ae.send(read("x2")).await;
    serve(&mut socket, "/cse1/Cae").await;
    let second = ae.receive().await;

    assert_eq!(
        (origin.as_str(), offered.as_str()),
        ("/cse1", "oneM2M.json")
    );
    assert_eq!(asked["to"], "/mn/mn/seen");
    assert_eq!((&first["rsc"], &first["rqi"]), (&json!(2000), &json!("x1")));
    assert_eq!(first["pc"]["m2m:cnt"]["rn"], "seen");
    assert_eq!(
        (&second["rsc"], &second["rqi"]),
        (&json!(2000), &json!("x2"))
    );
}

/// LNK-60: what was on its way when the link broke goes over the next one.
#[tokio::test]
async fn a_request_that_met_a_broken_link_is_sent_over_the_next() {
    let tuned = ["--dial-registree-poa", "--timer", "redial=10"];
    let cse = Cse::start(&[PLAIN, &tuned].concat()).await;
    let registree = Registree::of(&cse).await;
    let mut ae = ae(&cse).await;

    ae.send(read("x1")).await;
    let (socket, ..) = registree.dialed().await;
    drop(socket);
    let (mut socket, ..) = registree.dialed().await;
    let asked = serve(&mut socket, "/cse1/Cae").await;
    let answer = ae.receive().await;

    assert_eq!(asked["rqi"], "Cae/x1");
    assert_eq!(answer["rsc"], 2000, "{answer}");
}

/// LNK-01, LNK-09
#[tokio::test]
async fn without_the_setting_a_registree_without_link_is_not_reached() {
    let mut cse = Cse::start(PLAIN).await;
    let _registree = Registree::of(&cse).await;
    cse.logged("link ends").await;
    let mut ae = ae(&cse).await;

    let refused = ae.ask(read("x1")).await;

    assert_eq!(refused["rsc"], 5103, "{refused}");
}
