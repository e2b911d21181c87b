//! Messages and byte streams that a mutation has passed over: nothing panics, what is read is
//! written and read again as the same, and a CSE that has met such peers serves the next one.

#[path = "../../model/machine/tests/common/fuzz.rs"]
mod fuzzing;
mod host;

use fuzzing::fuzz;
use host::{Client, in_process};
use m2m_cse::config::Settings;
use m2m_cse::host::HOST;
use m2m_cse::store::Store;
use m2m_cse::wire::{Decoded, Dialect, decode, decode_cbor, encode, encode_cbor};
use m2m_machine::geometry::{Geometry, SpatialFunction};
use m2m_machine::value::Value;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value as Json, json};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PUBLISHED: Dialect = Dialect::Published;
const MUTATIONS_MAX: usize = 4;
const SPLICE_MAX: usize = 24;
const STREAMS_MAX: usize = 4;
const FRAMES_MAX: usize = 12;
const TURNS: usize = 16;
const HEAD: &str = "GET / HTTP/1.1\r\nHost: cse1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// The messages of the call flows.
static MESSAGES: LazyLock<Vec<Json>> = LazyLock::new(|| {
    let lines = include_str!("data/flows.ndjson").lines();
    let message = |line| -> Json {
        let mut line: Json = serde_json::from_str(line).expect("each line is JSON");
        line["message"].take()
    };
    lines.map(message).collect()
});

/// A change of some bytes; places are relative to the length.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// Repeats a part elsewhere.
    Repeat(Index, Index, usize),
    Truncate(Index),
    /// One of the bytes that have a meaning becomes another one.
    Swap(Index, Index),
}

/// Bytes that mean something in JSON.
const STRUCTURE: &[u8] = b"{}[]\",:\\0-9.eutfn/~+";

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = any::<Index>;
    let one = prop_oneof![
        (place(), 1..=255_u8).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        (place(), vec(any::<u8>(), 1..SPLICE_MAX))
            .prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (place(), 1..SPLICE_MAX).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (place(), place(), 1..SPLICE_MAX)
            .prop_map(|(from, to, length)| Mutation::Repeat(from, to, length)),
        place().prop_map(Mutation::Truncate),
        (place(), place()).prop_map(|(at, with)| Mutation::Swap(at, with)),
    ];
    vec(one, 0..=MUTATIONS_MAX)
}

fn mutated(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        let end = |start: usize, span: usize| (start + span).min(length);
        match mutation {
            Mutation::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Mutation::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Mutation::Remove(at, span) => {
                let at = at.index(length);
                bytes.drain(at..end(at, *span));
            }
            Mutation::Repeat(from, to, span) => {
                let (from, to) = (from.index(length), to.index(length));
                let part = bytes[from..end(from, *span)].to_vec();
                bytes.splice(to..to, part);
            }
            Mutation::Truncate(at) => bytes.truncate(at.index(length)),
            Mutation::Swap(at, with) => {
                let places = bytes.iter().enumerate();
                let known = places.filter(|(_, byte)| STRUCTURE.contains(byte));
                let known: Vec<_> = known.map(|(place, _)| place).collect();
                if !known.is_empty() {
                    bytes[known[at.index(known.len())]] = STRUCTURE[with.index(STRUCTURE.len())];
                }
            }
        }
    }
    bytes
}

/// A message, as JSON or CBOR.
fn written(message: &Json, is_cbor: bool) -> Vec<u8> {
    if is_cbor {
        let mut bytes = Vec::new();
        ciborium::into_writer(message, &mut bytes).expect("there is memory");
        bytes
    } else {
        message.to_string().into_bytes()
    }
}

fn message() -> impl Strategy<Value = &'static Json> {
    any::<Index>().prop_map(|at| at.get(&MESSAGES))
}

/// What is read is written, and what is written is read as the same.
fn check_again(decoded: Decoded) {
    let Ok(primitive) = decoded else {
        return;
    };
    let Ok(text) = encode(&primitive, &PUBLISHED) else {
        return;
    };
    let again = decode(&text, &PUBLISHED).expect(&text);
    let once_more = encode(&again, &PUBLISHED).expect("it was written before");
    assert_eq!(once_more, text);
    let binary = encode_cbor(&primitive, &PUBLISHED).expect("it was written before");
    let unpacked = decode_cbor(&binary, &PUBLISHED).expect(&text);
    let packed = encode_cbor(&unpacked, &PUBLISHED).expect("it was written before");
    assert_eq!(packed, binary);
}

#[test]
fn any_message_is_read_or_refused() {
    let draft = Dialect::Draft {
        cse: "/cse1".into(),
    };
    fuzz(
        500,
        &(message(), any::<bool>(), mutations()),
        |(message, is_cbor, mutations)| {
            let bytes = mutated(written(message, is_cbor), &mutations);
            if is_cbor {
                check_again(decode_cbor(&bytes, &PUBLISHED));
                return;
            }
            let text = String::from_utf8_lossy(&bytes);
            check_again(decode(&text, &PUBLISHED));
            if let Ok(primitive) = decode(&text, &draft) {
                let _ = encode(&primitive, &draft);
            }
        },
    );
}

/// What the host reads for the machine: queries in SPARQL, geometries and JSON.
const READ_BY_THE_HOST: [&str; 7] = [
    "PREFIX e: <http://example.org/> SELECT ?s (COUNT(*) AS ?n) WHERE { ?s e:p/e:q* [ e:r (1 2) ] } GROUP BY ?s",
    "ASK { ?s ?p 'x'@en OPTIONAL { ?s ?q ?o } FILTER(!BOUND(?o) || EXISTS { ?o a ?t }) VALUES ?s { <a:b> } }",
    "[8.5,50.1]",
    "[[0,0],[10,0],[10,10],[0,10],[0,0]]",
    "[[[0,0],[10,0],[10,10],[0,0]],[[4,4],[6,4],[6,6],[4,4]]]",
    "[[[[0,0],[1e1,0],[10,10],[0,0]]],[[[20,20],[30,20],[30,30],[20,20]]]]",
    r#"{"temp":21.5,"room":{"no":[3,4]}}"#,
];

fn text_for_the_host() -> impl Strategy<Value = String> {
    (any::<Index>(), mutations()).prop_map(|(at, mutations)| {
        let text = READ_BY_THE_HOST[at.index(READ_BY_THE_HOST.len())];
        let bytes = mutated(text.as_bytes().to_vec(), &mutations);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[test]
fn the_host_reads_or_refuses_what_it_is_given() {
    let functions = [
        SpatialFunction::Within,
        SpatialFunction::Contains,
        SpatialFunction::Intersects,
    ];
    fuzz(
        500,
        &(text_for_the_host(), text_for_the_host()),
        |(one, other)| {
            let _ = (HOST.is_sparql_query)(&one);
            let _ = (HOST.decode_base64)(&one);
            let read = |text: &str| {
                let kinds = 1..=6;
                let coordinates = Value::text(text);
                let geometries = kinds.filter_map(|kind| Geometry::read(kind, &coordinates, &HOST));
                geometries.collect::<Vec<_>>()
            };
            for given in read(&one) {
                for place in read(&other) {
                    for function in functions {
                        let _ = (HOST.relates)(&given, function, &place);
                    }
                }
            }
        },
    );
}

/// One frame of a peer, which may break every rule of RFC 6455 section 5.
#[derive(Clone, Debug)]
struct Frame {
    /// FIN, reserved bits and opcode.
    first: u8,
    payload: Vec<u8>,
    is_masked: bool,
    /// Added to the length that is told.
    surplus: i8,
    /// Whether the length is told in more bytes than it takes.
    is_long: bool,
}

/// A frame that keeps to the rules; what it carries may not.
fn orderly(is_cbor: bool) -> impl Strategy<Value = Frame> {
    let flaws = prop_oneof![1 => Just(Vec::new()), 1 => mutations()];
    (message(), flaws).prop_map(move |(message, flaws)| Frame {
        first: if is_cbor { 0x82 } else { 0x81 },
        payload: mutated(written(message, is_cbor), &flaws),
        is_masked: true,
        surplus: 0,
        is_long: false,
    })
}

fn disorderly(is_cbor: bool) -> impl Strategy<Value = Frame> {
    let first = prop_oneof![
        1 => prop::sample::select(vec![0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a]),
        1 => any::<u8>(),
    ];
    let surplus = prop_oneof![2 => Just(0), 1 => any::<i8>()];
    (
        orderly(is_cbor),
        first,
        any::<bool>(),
        surplus,
        any::<bool>(),
    )
        .prop_map(|(frame, first, is_masked, surplus, is_long)| Frame {
            first,
            is_masked,
            surplus,
            is_long,
            ..frame
        })
}

fn frames(is_cbor: bool) -> impl Strategy<Value = Vec<Frame>> {
    let one = prop_oneof![20 => orderly(is_cbor), 1 => disorderly(is_cbor)];
    vec(one, 1..FRAMES_MAX)
}

impl Frame {
    fn write(&self, bytes: &mut Vec<u8>) {
        let told = self
            .payload
            .len()
            .saturating_add_signed(self.surplus.into());
        let mask = if self.is_masked { 0x80 } else { 0 };
        bytes.push(self.first);
        match (u8::try_from(told), u16::try_from(told)) {
            (Ok(short @ ..126), _) if !self.is_long => bytes.push(mask | short),
            (_, Ok(medium)) if !self.is_long => {
                bytes.push(mask | 126);
                bytes.extend(medium.to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((told as u64).to_be_bytes());
            }
        }
        if self.is_masked {
            bytes.extend([0; 4]);
        }
        bytes.extend(&self.payload);
    }
}

/// What one peer sends: a handshake, frames, and mutations over all of it.
#[derive(Clone)]
struct Stream {
    bytes: Vec<u8>,
    /// Where the bytes are parted.
    parts: Vec<Index>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} parts of {}",
            self.parts.len() + 1,
            self.bytes.escape_ascii()
        )
    }
}

fn stream() -> impl Strategy<Value = Stream> {
    let origin = prop::sample::select(vec!["", "Cae1", "Cae2", "/cse1", "/cse2/Cae2"]);
    let spoken = any::<bool>().prop_flat_map(|is_cbor| (Just(is_cbor), frames(is_cbor)));
    let flaws = prop_oneof![3 => Just(Vec::new()), 1 => mutations()];
    (origin, spoken, flaws, vec(any::<Index>(), 0..4)).prop_map(
        |(origin, (is_cbor, frames), flaws, parts)| {
            let kind = if is_cbor { "cbor" } else { "json" };
            let mut bytes = format!(
                "{HEAD}Sec-WebSocket-Protocol: oneM2M.{kind}\r\nX-M2M-Origin: {origin}\r\n\r\n"
            )
            .into_bytes();
            for frame in &frames {
                frame.write(&mut bytes);
            }
            Stream {
                bytes: mutated(bytes, &flaws),
                parts,
            }
        },
    )
}

/// Long enough for answers: a peer that ends at once would not be given any.
async fn let_others_work() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// Sends it all, ends, and reads what comes; the CSE has to end as well.
async fn play(address: &str, stream: &Stream) -> Vec<u8> {
    let mut peer = TcpStream::connect(address).await.expect("somebody listens");
    let mut ends: Vec<_> = stream
        .parts
        .iter()
        .map(|part| part.index(stream.bytes.len() + 1))
        .collect();
    ends.push(stream.bytes.len());
    ends.sort_unstable();
    let (mut read, mut write) = peer.split();
    let sending = async {
        let mut start = 0;
        for end in ends {
            if write.write_all(&stream.bytes[start..end]).await.is_err() {
                return;
            }
            let_others_work().await;
            start = end;
        }
        let _ = write.shutdown().await;
    };
    let mut answer = Vec::new();
    let reading = async {
        // A reset is an end too: not all that was sent needs to be read.
        let _ = read.read_to_end(&mut answer).await;
    };
    host::within(async { tokio::join!(sending, reading) }).await;
    answer
}

/// What a CSE may say: an HTTP answer, then whole frames without mask, of known kinds, of messages
/// that are JSON; RFC 6455 section 5.
fn check_answer(answer: &[u8]) {
    if answer.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(answer);
    assert!(text.starts_with("HTTP/1.1 "), "{text}");
    if !text.starts_with("HTTP/1.1 101") {
        return;
    }
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n");
    let mut rest = &answer[end.expect("a whole head") + 4..];
    while let [first, second, tail @ ..] = rest {
        assert!(
            matches!(first, 0x81 | 0x82 | 0x88 | 0x89 | 0x8a),
            "{first:x}"
        );
        let (length, tail) = match second {
            0..=125 => (usize::from(*second), tail),
            126 => (
                usize::from(u16::from_be_bytes([tail[0], tail[1]])),
                &tail[2..],
            ),
            _ => panic!("a length of {second}"),
        };
        if tail.len() < length {
            // The connection may end in the midst of a frame.
            return;
        }
        let (payload, tail) = tail.split_at(length);
        if *first == 0x81 {
            let message: Json = serde_json::from_slice(payload).expect("it is JSON");
            assert!(message.get("rsc").is_some() || message.get("op").is_some());
        }
        rest = tail;
    }
}

/// The hosting CSE of the flows, with its AE, and with the registrar of the originator.
async fn hosting_cse() -> String {
    let settings = Settings {
        cse_id: "/cse2".to_owned(),
        name: "cse2".to_owned(),
        ..Settings::default()
    };
    let address = in_process(&settings, Store::none()).await;
    for (origin, registrations) in [("Cae2", 7), ("/cse1", 1)] {
        let mut client = Client::open(&address, None, "oneM2M.json").await;
        let own = |m: &&Json| m.get("op").is_some() && m["fr"] == origin;
        let first = MESSAGES.iter().filter(own).take(registrations);
        for request in first {
            client.send(request.clone()).await;
            while client.receive().await["rqi"] != request["rqi"] {}
        }
    }
    address
}

/// Whether a task has panicked; the runtime catches it and goes on.
static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

fn watch_for_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        HAS_PANICKED.store(true, Ordering::SeqCst);
        usual(panic);
    }));
}

#[test]
fn a_cse_survives_any_stream_of_bytes() {
    watch_for_panics();
    fuzz(60, &vec(stream(), 1..=STREAMS_MAX), |streams| {
        HAS_PANICKED.store(false, Ordering::SeqCst);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let address = hosting_cse().await;
            for stream in &streams {
                check_answer(&play(&address, stream).await);
            }
            let mut client = Client::open(&address, None, "oneM2M.json").await;
            let alive = json!({"op": 2, "to": "cse2", "fr": "Cstranger", "rqi": "1", "rvi": "3"});
            assert_eq!(client.ask(alive).await["rqi"], "1");
        });
        assert!(!HAS_PANICKED.load(Ordering::SeqCst), "a task has panicked");
    });
}
