//! Counters, as a program reads them that knows their text form and nothing else.

mod host;

use host::{Cse, PLAIN, http, within};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tokio::net::TcpStream;

const DOCUMENT: &str = include_str!("../../specs/operations.md");

/// A family of rows in the text form of Prometheus, version 0.0.4.
#[derive(Debug, Default)]
struct Family {
    help: String,
    kind: String,
    /// Labels, and what was counted.
    rows: BTreeMap<BTreeMap<String, String>, u64>,
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The labels of a row, in their braces.
fn labels(text: &str) -> BTreeMap<String, String> {
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let pairs = inner.expect("labels stand in braces").split(',');
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').expect("a label has a value");
            assert!(is_name(name), "{text}");
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let value = value.expect("a value stands in quotation marks");
            assert!(!value.contains(['"', '\\', '\n']), "{text}");
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// Reads the whole text; each family has its help, its type and its rows, in this order and in one place.
fn read(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help says something");
            assert!(is_name(name) && !families.contains_key(name), "{line}");
            current = name.to_owned();
            let help = help.to_owned();
            families.entry(current.clone()).or_default().help = help;
            continue;
        }
        let family = families.get_mut(&current).expect("a help comes first");
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type is named");
            assert!(name == current && family.kind.is_empty(), "{line}");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family.kind = kind.to_owned();
            continue;
        }
        let (series, number) = line.rsplit_once(' ').expect("a row has a number");
        let (name, labelled) = series.split_at(series.find('{').unwrap_or(series.len()));
        assert!(name == current && !family.kind.is_empty(), "{line}");
        let labels = match labelled {
            "" => BTreeMap::new(),
            some => labels(some),
        };
        let number = number.parse().expect("it is a number");
        assert!(
            family.rows.insert(labels, number).is_none(),
            "twice: {line}"
        );
    }
    families
}

struct Watched {
    cse: Cse,
    address: String,
}

impl Watched {
    async fn start() -> Self {
        let mut cse = Cse::start(&[PLAIN, &["--metrics", "127.0.0.1:0"]].concat()).await;
        let line = cse.line().await;
        let address = line.strip_prefix("metrics http://");
        let address = address.expect("it says where").to_owned();
        Self { cse, address }
    }

    async fn counters(&self) -> BTreeMap<String, Family> {
        let connected = within(TcpStream::connect(&self.address)).await;
        let mut stream = connected.expect("it listens");
        let asked = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let (head, body) = http(&mut stream, asked).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("text/plain; version=0.0.4"), "{head}");
        assert!(body.ends_with('\n'));
        read(&body)
    }
}

/// The number of one row.
fn number(of: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let family = of.get(name).expect(name);
    family
        .rows
        .get(&labels.iter().map(owned).collect::<BTreeMap<_, _>>())
        .copied()
}

#[tokio::test]
async fn counters_are_there_for_the_asking() {
    let watched = Watched::start().await;
    let mut client = watched.cse.client().await;
    client.register("cse1", "ae1").await;

    let counters = watched.counters().await;

    for (name, expected) in [
        ("cse_links", 1),
        ("cse_registrations_total", 1),
        ("cse_messages_received_total", 1),
        ("cse_messages_sent_total", 1),
        ("cse_sessions", 0),
        ("cse_stored_requests", 0),
    ] {
        assert_eq!(number(&counters, name, &[]), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn requests_are_told_by_operation_and_answers_by_code() {
    let watched = Watched::start().await;
    let mut client = watched.cse.client().await;
    client.register("cse1", "ae1").await;
    let request = |op: u32, id: &str, to: &str| json!({"op": op, "to": to, "fr": "Cae1", "rqi": id, "rvi": "3"});
    let mut subscription = request(1, "s", "cse1/ae1");
    subscription["ty"] = json!(23);
    subscription["pc"] = json!({"m2m:sub": {"rn": "news", "nu": ["Cae1"]}});
    for (message, status) in [
        (request(2, "r1", "cse1"), 2000),
        (request(2, "r2", "cse1/nothing"), 4004),
        (request(4, "d1", "cse1/nothing"), 4004),
        (subscription, 2001),
    ] {
        assert_eq!(client.ask(message).await["rsc"], status);
    }
    let mut update = request(3, "u1", "cse1/ae1");
    update["pc"] = json!({"m2m:ae": {"lbl": ["x"]}});
    client.send(update).await;
    let (first, second) = (client.receive().await, client.receive().await);
    let notification = if first["op"] == 5 { first } else { second };
    client
        .send(json!({"rsc": 4999, "rqi": notification["rqi"], "rvi": "3"}))
        .await;
    client.is_heard().await;

    let counters = watched.counters().await;

    let requests = |direction, operation| {
        let labels = [("direction", direction), ("operation", operation)];
        number(&counters, "cse_requests_total", &labels)
    };
    let received = ["create", "retrieve", "update", "delete", "notify"]
        .map(|operation| requests("received", operation));
    assert_eq!(received, [2, 2, 1, 1, 0].map(Some));
    assert_eq!(requests("sent", "notify"), Some(1));
    assert_eq!(requests("sent", "create"), Some(0));
    let answers = |direction, class, code| {
        let labels = [("direction", direction), ("class", class), ("code", code)];
        number(&counters, "cse_responses_total", &labels)
    };
    assert_eq!(answers("sent", "2xxx", "2001"), Some(2));
    assert_eq!(answers("sent", "2xxx", "2004"), Some(1));
    assert_eq!(answers("sent", "4xxx", "4004"), Some(2));
    assert_eq!(answers("sent", "4xxx", "4103"), None, "never sent, no row");
    assert_eq!(answers("received", "other", "other"), Some(1));
}

#[tokio::test]
async fn every_counter_is_documented_and_every_documented_one_is_there() {
    let counters = Watched::start().await.counters().await;

    let rows = DOCUMENT.lines().filter_map(|line| {
        let (name, about) = line.strip_prefix("| `cse_")?.split_once("` | ")?;
        Some((format!("cse_{name}"), about))
    });
    let documented: BTreeMap<_, _> = rows.collect();
    let named: BTreeSet<_> = counters.keys().collect();
    assert_eq!(documented.keys().collect::<BTreeSet<_>>(), named);
    for (name, family) in &counters {
        assert!(!family.help.is_empty(), "{name}");
        let labels = family.rows.keys().flat_map(BTreeMap::keys);
        for label in labels {
            let about = documented[name];
            assert!(about.contains(&format!("`{label}`")), "{name}: {label}");
        }
    }
}
