//! The opening handshake, byte for byte (configuration G).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::case::Stop;
use crate::expect;
use crate::peer::raw::Unit;
use crate::peer::{Link, Peer};
use crate::story::Party;

mod table;

pub use table::CASES;

/// A header set that can be changed line by line.
struct Ask {
    line: String,
    headers: Vec<(&'static str, String)>,
}

impl Ask {
    fn usual(peer: &mut Peer) -> Self {
        let target = peer.target(Party::Cse1).clone();
        let host = target.url.trim_start_matches("ws://").to_owned();
        let key = STANDARD.encode(peer.dice().bytes::<16>());
        let mut headers = vec![
            ("Host", host),
            ("Upgrade", "websocket".to_owned()),
            ("Connection", "Upgrade".to_owned()),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13".to_owned()),
            ("Sec-WebSocket-Protocol", target.manner.subprotocols),
        ];
        if target.manner.origin {
            headers.push(("X-M2M-Origin", format!("C{}", peer.dice().name())));
        }
        Self {
            line: "GET / HTTP/1.1".to_owned(),
            headers,
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    fn get(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn text(&self) -> String {
        let lines = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{}\r\n{}\r\n", self.line, lines.collect::<String>())
    }
}

/// The answer to a handshake.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    /// Value of a header; the same header twice is joined by a comma.
    fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let values: Vec<&str> = lines
            .filter(|(known, _)| known.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

async fn answer(peer: &mut Peer, link: Link) -> Result<Option<Answer>, Stop> {
    match peer.unit(link, "answer").await? {
        Unit::Answer(text) => {
            let status = text
                .split(' ')
                .nth(1)
                .and_then(|word| word.get(..3)?.parse().ok());
            let status = status.unwrap_or(0);
            Ok(Some(Answer { status, text }))
        }
        Unit::End(_) => Ok(None),
        Unit::Silence => Err(Stop::silence("no answer to the handshake".to_owned())),
        Unit::Frame(frame) => Err(Stop::fail("LNK-28", "HTTP first", format!("{frame:?}"))),
    }
}

async fn shake(peer: &mut Peer, ask: &Ask) -> Result<Option<Answer>, Stop> {
    let link = peer.tcp().await?;
    peer.bytes(link, "handshake", ask.text().as_bytes()).await;
    answer(peer, link).await
}

async fn accepted(peer: &mut Peer, ask: &Ask, requirement: &str) -> Result<Answer, Stop> {
    expect::looked_at(requirement);
    match shake(peer, ask).await? {
        Some(answer) if answer.status == 101 => Ok(answer),
        Some(answer) => Err(Stop::fail(
            requirement,
            "the handshake accepted with 101",
            answer.text,
        )),
        None => Err(Stop::fail(
            requirement,
            "the handshake accepted with 101",
            "the end",
        )),
    }
}

/// The handshake is refused: with this status, or, tolerated, with another refusal or the end.
async fn refused(peer: &mut Peer, ask: &Ask, requirement: &str, status: u16) -> Result<(), Stop> {
    expect::looked_at(requirement);
    match shake(peer, ask).await? {
        Some(answer) if answer.status == status => {}
        // The texts leave the code of a refusal to the server.
        Some(answer) if (400..600).contains(&answer.status) => {}
        Some(answer) => {
            let expected = format!("a refusal with {status}");
            return Err(Stop::fail(requirement, expected, answer.text));
        }
        None => peer.tolerate(format!("{requirement}: ended without the answer {status}")),
    }
    alive(peer).await
}

/// Somebody else still gets in.
///
/// # Errors
/// If not.
pub(super) async fn alive(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer);
    accepted(peer, &ask, "LNK-43").await.map(drop)
}

/// A link on which the handshake is complete.
///
/// # Errors
/// If it is refused.
pub(super) async fn upgraded(peer: &mut Peer) -> Result<Link, Stop> {
    let link = peer.tcp().await?;
    let ask = Ask::usual(peer);
    peer.bytes(link, "", ask.text().as_bytes()).await;
    match answer(peer, link).await? {
        Some(answer) if answer.status == 101 => Ok(link),
        Some(answer) => Err(Stop::fail(
            "LNK-28",
            "the handshake accepted with 101",
            answer.text,
        )),
        None => Err(Stop::fail(
            "LNK-28",
            "the handshake accepted with 101",
            "the end",
        )),
    }
}

async fn complete(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer);
    let answer = accepted(peer, &ask, "LNK-28").await?;
    let upgrade = answer.header("Upgrade").unwrap_or_default();
    let good = upgrade.eq_ignore_ascii_case("websocket");
    expect::holds(
        "LNK-29",
        "Upgrade: websocket in the answer",
        good,
        &answer.text,
    )?;
    let connection = answer
        .header("Connection")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let good = connection.split(',').any(|word| word.trim() == "upgrade");
    expect::holds(
        "LNK-29",
        "Connection: Upgrade in the answer",
        good,
        &answer.text,
    )?;
    let body = answer
        .header("Content-Length")
        .is_some_and(|length| length != "0");
    expect::holds("LNK-29", "no body in an answer 101", !body, &answer.text)
}

async fn accept(peer: &mut Peer) -> Result<(), Stop> {
    for _ in 0..3 {
        let ask = Ask::usual(peer);
        let answer = accepted(peer, &ask, "LNK-28").await?;
        let request = ask.get("Sec-WebSocket-Key").as_bytes();
        let expected = tokio_tungstenite::tungstenite::handshake::derive_accept_key(request);
        let actual = answer.header("Sec-WebSocket-Accept").unwrap_or_default();
        let what = "Sec-WebSocket-Accept of this key";
        expect::equal("LNK-29", what, expected, &actual.into())?;
    }
    Ok(())
}

async fn chosen(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer);
    let answer = accepted(peer, &ask, "LNK-28").await?;
    let actual = answer.header("Sec-WebSocket-Protocol").unwrap_or_default();
    let mut offered = ask.get("Sec-WebSocket-Protocol").split(", ");
    let first = offered.next() == Some(actual.as_str());
    let good = first || offered.any(|name| name == actual);
    expect::holds(
        "LNK-29",
        "one of the offered subprotocols",
        good,
        &answer.text,
    )?;
    expect::looked_at("LNK-30");
    if !first {
        // RFC 6455 4.2.2 leaves the choice to the server.
        peer.tolerate(format!(
            "LNK-30: {actual} was chosen, which is not the first"
        ));
    }
    Ok(())
}

async fn behind_unknown(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer);
    let known = ask
        .get("Sec-WebSocket-Protocol")
        .split(", ")
        .next()
        .unwrap_or_default();
    let known = known.to_owned();
    let ask = ask.with(
        "Sec-WebSocket-Protocol",
        &format!("org.example.none, {known}"),
    );
    let answer = accepted(peer, &ask, "LNK-30").await?;
    let actual = answer.header("Sec-WebSocket-Protocol").unwrap_or_default();
    expect::equal("LNK-30", "the subprotocol it knows", known, &actual.into())
}

async fn any_case(peer: &mut Peer) -> Result<(), Stop> {
    let mut ask = Ask::usual(peer);
    for (name, _) in &mut ask.headers {
        *name = match *name {
            "Host" => "hOST",
            "Upgrade" => "UPGRADE",
            "Connection" => "connection",
            "Sec-WebSocket-Key" => "sec-websocket-key",
            "Sec-WebSocket-Version" => "SEC-WEBSOCKET-VERSION",
            "Sec-WebSocket-Protocol" => "sec-webSocket-protocol",
            "X-M2M-Origin" => "x-m2m-origin",
            other => other,
        };
    }
    accepted(peer, &ask, "LNK-28").await.map(drop)
}

async fn connection_list(peer: &mut Peer) -> Result<(), Stop> {
    for value in [
        "keep-alive, Upgrade",
        "Upgrade, keep-alive",
        "keep-alive,upgrade",
    ] {
        let ask = Ask::usual(peer).with("Connection", value);
        accepted(peer, &ask, "LNK-28").await?;
    }
    Ok(())
}

async fn values(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer)
        .with("Upgrade", "WebSocket")
        .with("Connection", "UPGRADE");
    accepted(peer, &ask, "LNK-28").await.map(drop)
}

async fn pieces(peer: &mut Peer) -> Result<(), Stop> {
    let text = Ask::usual(peer).text();
    let link = peer.tcp().await?;
    for (number, piece) in text.as_bytes().chunks(7).enumerate() {
        peer.bytes(link, "a piece", piece).await;
        // What was sent has arrived by the time that somebody else was answered.
        if number % 8 == 4 {
            alive(peer).await?;
        }
    }
    let answer = answer(peer, link).await?;
    let good = answer.is_some_and(|answer| answer.status == 101);
    expect::holds(
        "LNK-28",
        "the handshake accepted with 101",
        good,
        "it was not",
    )
}

async fn version(peer: &mut Peer) -> Result<(), Stop> {
    for version in ["8", "12", "14"] {
        let ask = Ask::usual(peer).with("Sec-WebSocket-Version", version);
        let Some(answer) = shake(peer, &ask).await? else {
            let what = "LNK-33: ended without the answer 426";
            peer.tolerate(format!("{what} for version {version}"));
            continue;
        };
        let expected = format!("version {version} refused");
        let refused = (400..600).contains(&answer.status);
        expect::holds("LNK-33", &expected, refused, &answer.text)?;
        let names = answer
            .header("Sec-WebSocket-Version")
            .is_some_and(|all| all.contains("13"));
        if answer.status != 426 || !names {
            let seen = answer.status;
            peer.tolerate(format!(
                "LNK-33: {seen}, version 13 named: {names}, for {version}"
            ));
        }
    }
    alive(peer).await
}

async fn no_key(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer).without("Sec-WebSocket-Key");
    refused(peer, &ask, "LNK-34", 400).await
}

async fn bad_key(peer: &mut Peer) -> Result<(), Stop> {
    for key in [
        "c2hvcnQ=",
        "not base64 at all!",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    ] {
        let ask = Ask::usual(peer).with("Sec-WebSocket-Key", key);
        refused(peer, &ask, "LNK-34", 400).await?;
    }
    Ok(())
}

async fn no_upgrade(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer).without("Upgrade");
    refused(peer, &ask, "LNK-34", 400).await
}

async fn no_connection(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer).with("Connection", "keep-alive");
    refused(peer, &ask, "LNK-34", 400).await
}

async fn method(peer: &mut Peer) -> Result<(), Stop> {
    for line in ["PUT / HTTP/1.1", "DELETE / HTTP/1.1"] {
        let ask = Ask::usual(peer).line(line);
        refused(peer, &ask, "LNK-34", 400).await?;
    }
    Ok(())
}

async fn old_http(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer).line("GET / HTTP/1.0");
    refused(peer, &ask, "LNK-28", 400).await
}

async fn no_subprotocol(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer).without("Sec-WebSocket-Protocol");
    refused(peer, &ask, "LNK-31", 400).await
}

async fn unknown_subprotocol(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer).with("Sec-WebSocket-Protocol", "mqtt, org.example.none");
    refused(peer, &ask, "LNK-31", 400).await
}

async fn path(peer: &mut Peer) -> Result<(), Stop> {
    expect::looked_at("LNK-32");
    let ask = Ask::usual(peer).line("GET /elsewhere HTTP/1.1");
    match shake(peer, &ask).await? {
        Some(answer) if (400..600).contains(&answer.status) => {}
        // A client always asks for /; that a server refuses other paths is nowhere demanded.
        Some(answer) => {
            let seen = answer.status;
            peer.tolerate(format!("LNK-32: another path than / is answered {seen}"));
        }
        None => {}
    }
    alive(peer).await
}

async fn unoffered(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer);
    let answer = accepted(peer, &ask, "LNK-28").await?;
    let none = answer.header("Sec-WebSocket-Extensions").is_none();
    expect::holds("LNK-35", "no Sec-WebSocket-Extensions", none, &answer.text)
}

async fn deflate(peer: &mut Peer) -> Result<(), Stop> {
    let ask = Ask::usual(peer).with("Sec-WebSocket-Extensions", "permessage-deflate");
    let answer = accepted(peer, &ask, "LNK-35").await?;
    if let Some(extensions) = answer.header("Sec-WebSocket-Extensions") {
        // The binding says the header is not used; RFC 6455 lets a server accept what is offered.
        peer.tolerate(format!("LNK-35: the extension {extensions} was accepted"));
    }
    Ok(())
}

async fn nonsense(peer: &mut Peer) -> Result<(), Stop> {
    for text in [
        "\r\n\r\n",
        "hello\r\n\r\n",
        "{\"op\":2}\r\n\r\n",
        "GET\r\n\r\n",
    ] {
        let link = peer.tcp().await?;
        peer.bytes(link, "no HTTP", text.as_bytes()).await;
        // An empty line before a request may be skipped (RFC 9112 2.2).
        if !text.trim().is_empty() {
            not_upgraded(peer, link).await?;
        }
        alive(peer).await?;
        peer.cut(link).await;
    }
    Ok(())
}

async fn not_upgraded(peer: &mut Peer, link: Link) -> Result<(), Stop> {
    let answered = match answer(peer, link).await {
        Ok(answered) => answered,
        Err(stop) if stop.is_silence() => {
            peer.tolerate("LNK-34: the connection stays open without an answer".to_owned());
            None
        }
        Err(stop) => return Err(stop),
    };
    let upgraded = answered.is_some_and(|answer| answer.status == 101);
    expect::holds("LNK-34", "no upgrade of what is no HTTP", !upgraded, "101")
}

async fn half(peer: &mut Peer) -> Result<(), Stop> {
    let text = Ask::usual(peer).text();
    let (head, tail) = text.split_at(text.len() / 2);
    let slow = peer.tcp().await?;
    peer.bytes(slow, "the first half", head.as_bytes()).await;
    alive(peer).await?;
    peer.bytes(slow, "the second half", tail.as_bytes()).await;
    let answer = answer(peer, slow).await?;
    let good = answer.is_some_and(|answer| answer.status == 101);
    expect::holds(
        "LNK-28",
        "the late half completes the handshake",
        good,
        "it did not",
    )
}
