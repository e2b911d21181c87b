//! Frames, byte for byte (configuration G).

use serde_json::{Value, json};

use crate::case::Stop;
use crate::cases::handshake::{alive, upgraded};
use crate::expect;
use crate::peer::raw::{Frame, Unit};
use crate::peer::{Link, Peer};
use crate::story::Party;

mod table;

pub use table::CASES;

/// A masked frame, as a client sends it.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x5a, 0xc3, 0x11, 0x9e];
    let mut bytes = vec![head];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap_or(125)),
        middle @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(middle).unwrap_or(u16::MAX).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    bytes
}

/// A request that every CSE answers somehow, registered or not.
fn question(peer: &Peer, rqi: &str) -> String {
    let to = &peer.target(Party::Cse1).name;
    json!({"op": 2, "to": to, "fr": "Cframes", "rqi": rqi, "rvi": "3"}).to_string()
}

/// Reads until the answer to this request, and gives it.
async fn answered(peer: &mut Peer, link: Link, rqi: &str, rule: &str) -> Result<Frame, Stop> {
    expect::looked_at(rule);
    loop {
        match peer.unit(link, "answer").await? {
            Unit::Frame(frame) if frame.op == 9 => {
                let pong = self::frame(0x8a, frame.text.as_bytes());
                peer.bytes(link, "", &pong).await;
            }
            Unit::Frame(frame) if frame.op == 1 || frame.op == 2 => {
                let value: Value = serde_json::from_str(&frame.text).unwrap_or(Value::Null);
                if value["rqi"] == rqi && value.get("rsc").is_some() {
                    return Ok(frame);
                }
            }
            Unit::Frame(frame) if frame.op == 8 => {
                let expected = format!("an answer to {rqi}");
                return Err(Stop::fail(
                    rule,
                    expected,
                    format!("Close {:?}", frame.code),
                ));
            }
            Unit::Frame(_) | Unit::Answer(_) => {}
            Unit::End(why) => return Err(Stop::fail(rule, format!("an answer to {rqi}"), why)),
            Unit::Silence => return Err(Stop::silence(format!("no answer to {rqi}"))),
        }
    }
}

/// The link ends with this code; without a Close it ends all the same, which is tolerated.
async fn ends(peer: &mut Peer, link: Link, rule: &str, codes: &[u16]) -> Result<(), Stop> {
    expect::looked_at(rule);
    loop {
        match peer.unit(link, "end").await? {
            Unit::Frame(frame) if frame.op == 8 => {
                let expected = format!("a Close with one of {codes:?}");
                let good = frame.code.is_some_and(|code| codes.contains(&code));
                if !good && frame.code.is_some_and(|code| (1002..=1011).contains(&code)) {
                    peer.tolerate(format!("{rule}: Close {:?}, not {codes:?}", frame.code));
                } else {
                    expect::holds(rule, &expected, good, format!("{:?}", frame.code))?;
                }
                return alive(peer).await;
            }
            Unit::Frame(frame) if frame.op == 9 => {}
            Unit::Frame(frame) => {
                let expected = "the end of the link";
                return Err(Stop::fail(rule, expected, format!("{frame:?}")));
            }
            Unit::Answer(_) => {}
            Unit::End(_) => {
                // RFC 6455 7.1.7: the connection fails; a Close before it is recommended.
                peer.tolerate(format!("{rule}: the connection ended without a Close"));
                return alive(peer).await;
            }
            Unit::Silence => return undecided(peer, link, rule).await,
        }
    }
}

/// Nothing came: was the violation ignored? A good request tells.
async fn undecided(peer: &mut Peer, link: Link, rule: &str) -> Result<(), Stop> {
    let text = question(peer, "after");
    peer.bytes(link, "after", &frame(0x81, text.as_bytes()))
        .await;
    match peer.unit(link, "after").await? {
        Unit::Frame(frame) if frame.op == 1 => {
            let expected = "the end of the link";
            Err(Stop::fail(
                rule,
                expected,
                "the violation was ignored, and a request answered",
            ))
        }
        Unit::Frame(_) | Unit::Answer(_) | Unit::End(_) => Ok(()),
        Unit::Silence => Err(Stop::silence(format!(
            "{rule}: neither an end nor an answer"
        ))),
    }
}

async fn violates(peer: &mut Peer, rule: &str, codes: &[u16], bytes: &[u8]) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    peer.bytes(link, "violation", bytes).await;
    ends(peer, link, rule, codes).await
}

async fn text(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "f1");
    peer.bytes(link, "request", &frame(0x81, text.as_bytes()))
        .await;
    let answer = answered(peer, link, "f1", "LNK-15").await?;
    let what = "the opcode of a JSON primitive";
    expect::equal("LNK-37", what, 1, &answer.op.into())
}

async fn unmasked(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "f1");
    peer.bytes(link, "request", &frame(0x81, text.as_bytes()))
        .await;
    let answer = answered(peer, link, "f1", "LNK-15").await?;
    expect::holds("LNK-40", "no mask from a server", !answer.masked, "a mask")?;
    expect::equal("LNK-40", "reserved bits", 0, &answer.rsv.into())
}

/// Sends one request in parts of this size and expects one answer.
async fn in_parts(peer: &mut Peer, size: usize, gap: bool) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "parts");
    let parts: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
    let mut bytes = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let fin = if place + 1 == parts.len() { 0x80 } else { 0 };
        let op = u8::from(place == 0);
        bytes.extend(frame(fin | op, part));
        if gap && fin == 0 {
            bytes.extend(frame(0, b""));
        }
    }
    peer.bytes(link, "request", &bytes).await;
    answered(peer, link, "parts", "LNK-15").await?;
    let text = question(peer, "next");
    peer.bytes(link, "request", &frame(0x81, text.as_bytes()))
        .await;
    answered(peer, link, "next", "LNK-15").await.map(drop)
}

async fn fragments(peer: &mut Peer) -> Result<(), Stop> {
    in_parts(peer, 30, false).await
}

async fn many_fragments(peer: &mut Peer) -> Result<(), Stop> {
    in_parts(peer, 1, false).await
}

async fn empty_fragments(peer: &mut Peer) -> Result<(), Stop> {
    in_parts(peer, 20, true).await
}

async fn ping_between(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "f6");
    let (head, tail) = text.as_bytes().split_at(20);
    peer.bytes(link, "first part", &frame(0x01, head)).await;
    peer.bytes(link, "ping", &frame(0x89, b"between")).await;
    ponged(peer, link, "between").await?;
    peer.bytes(link, "last part", &frame(0x80, tail)).await;
    answered(peer, link, "f6", "LNK-15").await.map(drop)
}

async fn ponged(peer: &mut Peer, link: Link, payload: &str) -> Result<(), Stop> {
    loop {
        match peer.unit(link, "pong").await? {
            Unit::Frame(frame) if frame.op == 10 => {
                return expect::equal("LNK-49", "payload of the pong", payload, &frame.text.into());
            }
            Unit::Frame(_) | Unit::Answer(_) => {}
            Unit::End(why) => return Err(Stop::fail("LNK-49", "a pong", why)),
            Unit::Silence => return Err(Stop::silence("no pong".to_owned())),
        }
    }
}

async fn ping(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let longest = "p".repeat(125);
    for payload in ["", "hello", longest.as_str()] {
        peer.bytes(link, "ping", &frame(0x89, payload.as_bytes()))
            .await;
        ponged(peer, link, payload).await?;
    }
    Ok(())
}

async fn pong(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    peer.bytes(link, "pong", &frame(0x8a, b"unasked")).await;
    let text = question(peer, "f8");
    peer.bytes(link, "request", &frame(0x81, text.as_bytes()))
        .await;
    answered(peer, link, "f8", "LNK-43").await.map(drop)
}

async fn split_character(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "gr\u{fc}\u{df}e-\u{1f600}");
    let at = text.find('\u{1f600}').unwrap_or(1) + 2;
    let (head, tail) = text.as_bytes().split_at(at);
    let bytes = [frame(0x01, head), frame(0x80, tail)].concat();
    peer.bytes(link, "request", &bytes).await;
    answered(peer, link, "gr\u{fc}\u{df}e-\u{1f600}", "LNK-38")
        .await
        .map(drop)
}

async fn pieces(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "f10");
    for (number, byte) in frame(0x81, text.as_bytes()).into_iter().enumerate() {
        peer.bytes(link, "", &[byte]).await;
        // What was sent has arrived by the time that somebody else was answered.
        if [0, 1, 9].contains(&number) {
            alive(peer).await?;
        }
    }
    answered(peer, link, "f10", "LNK-15").await.map(drop)
}

/// A race between requests shows now and then only, so there are several pairs.
async fn together(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    for pair in 0..6 {
        pair_together(peer, link, pair).await?;
    }
    Ok(())
}

async fn pair_together(peer: &mut Peer, link: Link, pair: usize) -> Result<(), Stop> {
    let names = [format!("one-{pair}"), format!("two-{pair}")];
    let bytes = names
        .each_ref()
        .map(|rqi| frame(0x81, question(peer, rqi).as_bytes()));
    peer.bytes(link, "requests", &bytes.concat()).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match peer.unit(link, "answer").await? {
            Unit::Frame(frame) if frame.op == 1 || frame.op == 2 => {
                let value: Value = serde_json::from_str(&frame.text).unwrap_or(Value::Null);
                seen.push(value["rqi"].as_str().unwrap_or_default().to_owned());
            }
            Unit::Frame(_) | Unit::Answer(_) => {}
            Unit::End(why) => return Err(Stop::fail("LNK-15", "two answers", why)),
            Unit::Silence => {
                let text = question(peer, "later");
                peer.bytes(link, "a later request", &frame(0x81, text.as_bytes()))
                    .await;
                answered(peer, link, "later", "LNK-15").await?;
                let seen = format!("{seen:?}, though a later request was answered");
                return Err(Stop::fail("LNK-15", "answers to both", seen));
            }
        }
    }
    seen.sort();
    expect::equal("LNK-15", "answers to both", json!(names), &json!(seen))
}

async fn lengths(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    for (rqi, pad) in [("short", 0), ("middle", 300), ("long", 66_000)] {
        let text = question(peer, rqi) + &" ".repeat(pad);
        peer.bytes(link, "request", &frame(0x81, text.as_bytes()))
            .await;
        answered(peer, link, rqi, "LNK-15").await?;
    }
    Ok(())
}

async fn no_mask(peer: &mut Peer) -> Result<(), Stop> {
    let text = question(peer, "f13");
    let length = u8::try_from(text.len()).unwrap_or(125);
    let bytes = [&[0x81, length], text.as_bytes()].concat();
    violates(peer, "LNK-40", &[1002], &bytes).await
}

async fn reserved_bit(peer: &mut Peer) -> Result<(), Stop> {
    for bit in [0x40, 0x20, 0x10] {
        let text = question(peer, "f14");
        violates(peer, "LNK-40", &[1002], &frame(0x81 | bit, text.as_bytes())).await?;
    }
    Ok(())
}

async fn reserved_opcode(peer: &mut Peer) -> Result<(), Stop> {
    for op in [3, 7, 11, 15] {
        violates(peer, "LNK-40", &[1002], &frame(0x80 | op, b"x")).await?;
    }
    Ok(())
}

async fn control_fragment(peer: &mut Peer) -> Result<(), Stop> {
    violates(peer, "LNK-40", &[1002], &frame(0x09, b"part")).await
}

async fn control_length(peer: &mut Peer) -> Result<(), Stop> {
    violates(peer, "LNK-40", &[1002], &frame(0x89, &[b'p'; 126])).await
}

async fn lone_continuation(peer: &mut Peer) -> Result<(), Stop> {
    let text = question(peer, "f18");
    violates(peer, "LNK-40", &[1002], &frame(0x80, text.as_bytes())).await
}

async fn nested(peer: &mut Peer) -> Result<(), Stop> {
    let text = question(peer, "f19");
    let bytes = [frame(0x01, b"{\"op\":2,"), frame(0x81, text.as_bytes())].concat();
    violates(peer, "LNK-40", &[1002], &bytes).await
}

async fn bad_utf8(peer: &mut Peer) -> Result<(), Stop> {
    for bytes in [&b"{\"op\":2,\"to\":\"\xff\"}"[..], b"\"\xc3", b"\"\x80\""] {
        violates(peer, "LNK-38", &[1007], &frame(0x81, bytes)).await?;
    }
    Ok(())
}

async fn odd_utf8(peer: &mut Peer) -> Result<(), Stop> {
    for bytes in [
        &b"\"\xed\xa0\x80\""[..],
        b"\"\xc0\xaf\"",
        b"\"\xf4\x90\x80\x80\"",
    ] {
        violates(peer, "LNK-38", &[1007], &frame(0x81, bytes)).await?;
    }
    Ok(())
}

async fn binary(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "f22");
    peer.bytes(link, "request", &frame(0x82, text.as_bytes()))
        .await;
    expect::looked_at("LNK-37");
    match peer.unit(link, "end").await? {
        Unit::Frame(frame) if frame.op == 8 && frame.code == Some(1003) => alive(peer).await,
        Unit::Frame(frame) if frame.op == 8 => {
            peer.tolerate(format!("LNK-37: Close {:?}, not 1003", frame.code));
            alive(peer).await
        }
        Unit::Frame(frame) => {
            // The binding names the kind of frame for each serialization, not what to do else.
            peer.tolerate(format!(
                "LNK-37: a binary JSON message was answered {}",
                frame.text
            ));
            Ok(())
        }
        Unit::Answer(_) | Unit::End(_) => Ok(()),
        Unit::Silence => undecided(peer, link, "LNK-37").await,
    }
}

async fn close(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    peer.bytes(link, "close", &frame(0x88, &1000_u16.to_be_bytes()))
        .await;
    closed(peer, link).await
}

/// One Close comes, then the end.
async fn closed(peer: &mut Peer, link: Link) -> Result<(), Stop> {
    let mut closes = 0;
    loop {
        match peer.unit(link, "close").await? {
            Unit::Frame(frame) if frame.op == 8 => closes += 1,
            Unit::Frame(frame) if closes > 0 => {
                let expected = "nothing after a Close";
                return Err(Stop::fail("LNK-16", expected, format!("{frame:?}")));
            }
            Unit::Frame(_) | Unit::Answer(_) => {}
            Unit::End(_) => return expect::equal("LNK-16", "Close frames", 1, &closes.into()),
            Unit::Silence if closes == 1 => {
                peer.tolerate("LNK-16: the server leaves the end of TCP to the client".to_owned());
                return Ok(());
            }
            Unit::Silence => return Err(Stop::silence("no answer to a Close".to_owned())),
        }
    }
}

async fn close_empty(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    peer.bytes(link, "close", &frame(0x88, b"")).await;
    closed(peer, link).await
}

async fn close_short(peer: &mut Peer) -> Result<(), Stop> {
    violates(peer, "LNK-40", &[1002], &frame(0x88, b"\x03")).await
}

async fn close_codes(peer: &mut Peer) -> Result<(), Stop> {
    for code in [0_u16, 999, 1005, 1006, 1015, 2999] {
        violates(peer, "LNK-40", &[1002], &frame(0x88, &code.to_be_bytes())).await?;
    }
    Ok(())
}

async fn close_reason(peer: &mut Peer) -> Result<(), Stop> {
    violates(
        peer,
        "LNK-38",
        &[1007, 1002],
        &frame(0x88, b"\x03\xe8\xff\xfe"),
    )
    .await
}

async fn after_close(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "late");
    let close = frame(0x88, &1000_u16.to_be_bytes());
    let bytes = [close, frame(0x81, text.as_bytes())].concat();
    peer.bytes(link, "close, then a request", &bytes).await;
    closed(peer, link).await
}

async fn oversize(peer: &mut Peer) -> Result<(), Stop> {
    let mut bytes = vec![0x81, 0x80 | 127];
    bytes.extend((1_u64 << 40).to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(b"{\"op\":2,");
    let link = upgraded(peer).await?;
    peer.bytes(link, "a terabyte announced", &bytes).await;
    expect::looked_at("LNK-39");
    match peer.unit(link, "end").await? {
        Unit::Frame(frame) if frame.op == 8 && frame.code == Some(1009) => {}
        Unit::Frame(frame) if frame.op < 8 => {
            let expected = "no answer to a message that has not ended";
            return Err(Stop::fail("LNK-39", expected, frame.text));
        }
        Unit::Frame(frame) => peer.tolerate(format!("LNK-39: {frame:?} instead of Close 1009")),
        Unit::End(_) | Unit::Answer(_) => {
            peer.tolerate("LNK-39: the connection ended without Close 1009".to_owned());
        }
        Unit::Silence => peer.tolerate("LNK-39: the server waits for a terabyte".to_owned()),
    }
    alive(peer).await
}

async fn negative_length(peer: &mut Peer) -> Result<(), Stop> {
    let mut bytes = vec![0x81, 0x80 | 127];
    bytes.extend(u64::MAX.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    violates(peer, "LNK-40", &[1002, 1009], &bytes).await
}

async fn lost(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let text = question(peer, "f31");
    let bytes = frame(0x81, text.as_bytes());
    peer.bytes(link, "half a frame", &bytes[..bytes.len() / 2])
        .await;
    peer.cut(link).await;
    alive(peer).await
}

/// Of several pings the last must be answered, and the earlier ones may be.
async fn pings(peer: &mut Peer) -> Result<(), Stop> {
    let link = upgraded(peer).await?;
    let payloads: Vec<_> = (0..200).map(|number| format!("ping {number}")).collect();
    let pings = payloads.iter().map(|text| frame(0x89, text.as_bytes()));
    peer.bytes(link, "pings", &pings.collect::<Vec<_>>().concat())
        .await;
    let mut asked = payloads.iter();
    let mut last = "";
    while last != "ping 199" {
        let pong = match peer.unit(link, "pong").await? {
            Unit::Frame(frame) if frame.op == 10 => frame.text,
            Unit::Frame(_) | Unit::Answer(_) => continue,
            Unit::End(why) => return Err(Stop::fail("LNK-49", "a pong to the last ping", why)),
            Unit::Silence => return Err(Stop::silence("no pong to the last ping".to_owned())),
        };
        let found = asked.find(|payload| **payload == pong);
        let what = format!("a pong to a ping behind {last:?}");
        expect::holds("LNK-49", &what, found.is_some(), &pong)?;
        last = found.map_or("", String::as_str);
    }
    let text = question(peer, "f32");
    peer.bytes(link, "request", &frame(0x81, text.as_bytes()))
        .await;
    answered(peer, link, "f32", "LNK-43").await.map(drop)
}
