//! Every message of the wire contract, played against two machines: what they send must be what is written there, up
//! to identifiers and times that are theirs to choose.

mod pair;

use base64::Engine;
use m2m_cse::wire::time;
use m2m_machine::{Fresh, Timestamp};
use pair::{Node, Pair};
use serde_json::Value;

const SCRIPT: &str = include_str!("data/flows.ndjson");

#[derive(Clone)]
struct Line {
    id: String,
    from: Node,
    to: Node,
    message: Value,
}

#[test]
fn the_three_flows_run_as_written() {
    let mut pair = set_up();
    play(&mut pair, "F1-03", "F1-06d");
    at(&mut pair, "20270301T100100");
    play(&mut pair, "F1-07", "F1-17");
    play(&mut pair, "F1-18", "R-04");
    at(&mut pair, "20270301T100500");
    play(&mut pair, "F2-01", "F2-26b");
    at(&mut pair, "20270302T081000");
    play(&mut pair, "F3-01", "F3-10");
    play(&mut pair, "E13-1", "E13-4");
}

#[test]
fn a_flex_container_is_updated_at_once() {
    let mut pair = set_up();
    play(&mut pair, "F1-03", "F1-06d");
    pair.fresh = fresh("S9Tr33OF-89yHYwNrq9KrA", "6QNTNuSk5lwPFZxqLSUCog", KEY);
    at(&mut pair, "20270301T100100");
    let mut asked = line("F1-07");
    replace(&mut asked.message, "s1", "s2");
    pair.send("AE1", "CSE1", &asked.message);
    let question = pair
        .next("AE2", "CSE2")
        .unwrap_or_else(|| panic!("no question: {:?}", pair.queues));
    let mut verdict = line("F1-13").message;
    verdict["rqi"] = question["rqi"].clone();
    verdict["sid"] = question["sid"].clone();
    replace(&mut verdict, "container1", "fcnt1");
    pair.send("AE2", "CSE2", &verdict);
    assert_eq!(pair.next("AE1", "CSE1").expect("success")["rsc"], 2001);
    pair.seen.clear();

    at(&mut pair, "20270301T101000");
    play(&mut pair, "F2b-01", "F2b-27");
}

#[test]
fn a_session_ends_from_the_target_by_expiry_and_by_deregistration() {
    let mut up = session();
    at(&mut up, "20270302T082000");
    play(&mut up.clone(), "F3A-1", "F3A-6");
    play(&mut up.clone(), "F3X-1", "F3X-4");
    at(&mut up, "20270302T083000");
    play(&mut up, "F3D-1", "F3D-6");
}

#[test]
fn establishments_that_fail_answer_as_written() {
    let mut pair = set_up();
    play(&mut pair, "F1-03", "F1-06d");
    for (ae, stem, capable) in [
        ("AE4", "Cae4", false),
        ("AE5", "Cae5", true),
        ("AE6", "Cae6", true),
    ] {
        pair.connect(ae, "CSE2", Some(stem));
        let mut register = line("F1-02c").message;
        register["fr"] = stem.into();
        register["pc"]["m2m:ae"]["rn"] = stem.to_lowercase().into();
        register["pc"]["m2m:ae"]["scap"] = capable.into();
        pair.send(ae, "CSE2", &register);
        assert_eq!(pair.next(ae, "CSE2").expect("registered")["rsc"], 2001);
    }
    let mut subscribe = line("F1-03").message;
    replace(&mut subscribe, "Cae2", "Cae6");
    replace(&mut subscribe, "ae2", "cae6");
    pair.send("AE6", "CSE2", &subscribe);
    assert_eq!(pair.next("AE6", "CSE2").expect("subscribed")["rsc"], 2001);
    pair.lose("CSE2", "AE6");
    at(&mut pair, "20270301T100100");
    for branch in ["E01", "E02", "E03", "E04", "E05"] {
        let (first, last) = branch_of(branch);
        pair.fresh = fresh_of(&lines(&first, &last));
        play(&mut pair.clone(), &first, &last);
    }
}

#[test]
fn misuse_of_a_session_is_refused_as_written() {
    let mut up = session();
    up.connect("AE3", "CSE1", Some("Cae3"));
    let mut register = line("F1-02c").message;
    replace(&mut register, "Cae2", "Cae3");
    replace(&mut register, "ae2", "ae3");
    replace(&mut register, "cse2", "cse1");
    up.send("AE3", "CSE1", &register);
    assert_eq!(up.next("AE3", "CSE1").expect("registered")["rsc"], 2001);
    at(&mut up, "20270301T110000");
    for branch in ["E06", "E07", "E08", "E09", "E15", "E17"] {
        let (first, last) = branch_of(branch);
        play(&mut up.clone(), &first, &last);
    }
}

#[test]
fn a_stored_request_ends_in_one_outcome() {
    let mut up = session();
    at(&mut up, "20270301T110000");
    let mut cut = up.clone();
    cut.cut();
    play(&mut cut, "E10-1", "E10-4");
    at(&mut up, "20270301T120000");
    play(&mut up, "E11-1", "E11-10");
}

#[test]
fn a_lost_answer_is_fetched_or_taken_back() {
    let mut pair = set_up();
    play(&mut pair, "F1-03", "F1-06d");
    at(&mut pair, "20270301T100100");
    pair.fresh = fresh_of(&lines("E12-1", "E12-9"));
    play(&mut pair, "E12-1", "E12-3");
    pair.cut();

    let mut back_in_time = pair.clone();
    back_in_time.join();
    back_in_time.send("AE2", "CSE2", &verdict_of(&back_in_time, "E12-4"));
    // The repeated request, and its answer.
    expect(&mut back_in_time, &line("E12a-1"));
    skip_base_reads(&mut back_in_time);
    expect(&mut back_in_time, &line("E12a-2"));

    let verdict = verdict_of(&pair, "E12-4");
    pair.send("AE2", "CSE2", &verdict);
    let mut never = pair.clone();
    play(&mut pair, "E12-5", "E12-5");
    pair.join();
    skip_base_reads(&mut pair);
    play(&mut pair, "E12-6", "E12-9");
    play(&mut never, "E12c-1", "E12c-2");
}

#[test]
fn an_unreachable_hop_is_told_of_the_end_later() {
    let mut up = session();
    at(&mut up, "20270302T084000");
    up.cut();
    play(&mut up, "E16-1", "E16-2");
    up.join();
    skip_base_reads(&mut up);
    play(&mut up, "E16-3", "E16-6");
}

#[test]
fn a_repeated_establishment_is_answered_as_before() {
    let mut pair = set_up();
    play(&mut pair, "F1-03", "F1-06d");
    at(&mut pair, "20270301T100100");
    play(&mut pair, "F1-07", "F1-17");

    play(&mut pair, "E14-1", "E14-2");
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Both CSEs and both AEs, registered.
fn set_up() -> Pair {
    let mut pair = Pair::new(moment("20270301T095900"));
    pair.fresh = fresh("234ADVxk0Zb7NcR5tUeHpQ", "c2Vzc2lvbjEta2V5aWQtMQ", KEY);
    pair.join();
    let mut order = lines("F1-01a", "F1-01f");
    // The two readings of the neighbour's base may cross.
    order.swap(3, 4);
    let mut remaining = order;
    while let Some(place) = remaining.iter().position(|l| matches_next(&mut pair, l)) {
        remaining.remove(place);
    }
    for line in &remaining {
        expect(&mut pair, line);
    }
    pair.connect("AE1", "CSE1", None);
    pair.connect("AE2", "CSE2", Some("Cae2"));
    play(&mut pair, "F1-02a", "S-10");
    pair
}

/// The session of flow 1, with its policy.
fn session() -> Pair {
    let mut pair = set_up();
    play(&mut pair, "F1-03", "F1-06d");
    at(&mut pair, "20270301T100100");
    play(&mut pair, "F1-07", "F1-23");
    pair
}

fn play(pair: &mut Pair, first: &str, last: &str) {
    let mut rest = lines(first, last);
    while !rest.is_empty() {
        // What one sender says over one link keeps its order; what different senders say need not.
        let line = rest.remove(0);
        if line.from.starts_with("AE") {
            let mut message = line.message.clone();
            if line.id == "F1-02a" {
                message["fr"] = "Cae1".into();
            }
            if message.get("rsc").is_some() {
                answer_with_own_id(pair, &line, &mut message);
            }
            pair.send(line.from, line.to, &message);
        } else {
            expect(pair, &line);
        }
    }
}

/// An AE's answer carries the identifier of the request that it really got.
fn answer_with_own_id(pair: &Pair, line: &Line, message: &mut Value) {
    let id = message["rqi"].as_str().expect("an identifier").to_owned();
    let own = pair
        .names
        .get(&id)
        .unwrap_or_else(|| panic!("{}: {id} was not asked", line.id));
    message["rqi"] = own.as_str().into();
}

fn verdict_of(pair: &Pair, id: &str) -> Value {
    let line = line(id);
    let mut message = line.message.clone();
    answer_with_own_id(pair, &line, &mut message);
    message
}

fn expect(pair: &mut Pair, line: &Line) {
    let actual = pair.next(line.to, line.from).unwrap_or_else(|| {
        panic!(
            "{}: nothing from {}; waiting: {:?}",
            line.id, line.from, pair.queues
        )
    });
    let mut differences = Vec::new();
    compare(pair, &line.message, &actual, "", &mut differences);
    assert!(
        differences.is_empty(),
        "{}: {}\n expected {}\n   actual {}",
        line.id,
        differences.join("; "),
        line.message,
        actual
    );
}

fn matches_next(pair: &mut Pair, line: &Line) -> bool {
    let queue = pair.seen.entry(line.from).or_default();
    let Some(actual) = queue.front().cloned() else {
        return false;
    };
    let mut differences = Vec::new();
    let mut trial = pair.clone();
    compare(&mut trial, &line.message, &actual, "", &mut differences);
    if differences.is_empty() {
        *pair = trial;
        pair.seen.entry(line.from).or_default().pop_front();
    }
    differences.is_empty()
}

/// After a reopening each side looks at the other's base again; the contract does not draw that.
fn skip_base_reads(pair: &mut Pair) {
    for from in ["CSE1", "CSE2"] {
        let queue = pair.seen.entry(from).or_default();
        queue.retain(|m| {
            let reads = m["op"] == 2
                && m["to"]
                    .as_str()
                    .is_some_and(|to| to.matches('/').count() == 2);
            !reads && m["pc"].get("m2m:cb").is_none()
        });
    }
}

fn compare(pair: &mut Pair, expected: &Value, actual: &Value, at: &str, out: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(e), Value::Object(a)) => {
            for (name, value) in e {
                match a.get(name) {
                    Some(found) => compare(pair, value, found, &format!("{at}/{name}"), out),
                    None if name == "m2m:dbg"
                        || *value == serde_json::json!({"m2m:dbg": value["m2m:dbg"]}) => {}
                    None => out.push(format!("{at}/{name} is missing")),
                }
            }
            // REG-39: where a registree can be reached is not drawn in the contract.
            let is_drawn = |name: &str| !(name == "poa" && at.ends_with("/m2m:csr"));
            for name in a.keys().filter(|n| !e.contains_key(*n) && is_drawn(n)) {
                out.push(format!("{at}/{name} is too much: {}", a[name]));
            }
        }
        // A CSE may host more types than the contract draws.
        (Value::Array(e), Value::Array(a)) if at.ends_with("/srt") => {
            for number in e.iter().filter(|number| !a.contains(number)) {
                out.push(format!("{at}: {number} is missing"));
            }
        }
        (Value::Array(e), Value::Array(a)) if e.len() == a.len() => {
            for (place, (value, found)) in e.iter().zip(a).enumerate() {
                compare(pair, value, found, &format!("{at}/{place}"), out);
            }
        }
        (Value::String(e), Value::String(a)) => {
            if !same_text(pair, e, a) {
                out.push(format!("{at}: {e} is {a}"));
            }
        }
        // Sizes depend on the identifiers that the CSE chose.
        (Value::Number(_), Value::Number(_)) if at.ends_with("/rsb") => {}
        (e, a) if e == a => {}
        (e, a) => out.push(format!("{at}: {e} is {a}")),
    }
}

fn same_text(pair: &mut Pair, expected: &str, actual: &str) -> bool {
    if expected == actual || time::parse(expected).is_some() && time::parse(actual).is_some() {
        return true;
    }
    let (e, a): (Vec<_>, Vec<_>) = (expected.split('/').collect(), actual.split('/').collect());
    e.len() == a.len()
        && e.into_iter().zip(a).all(|(e, a)| match pair.names.get(e) {
            Some(known) => known == a,
            None if e == a => true,
            None if is_chosen(e) => {
                pair.names.insert(e.to_owned(), a.to_owned());
                true
            }
            None => false,
        })
}

/// Whether a name of the script is one that a CSE chooses.
fn is_chosen(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    let chosen = [
        "ses", "sess", "sub", "cnt", "cin", "fcn", "spy", "scx", "sce", "sep", "nhp", "req", "csr",
        "cb", "c", "n", "s", "e", "ses-r", "ses-c", "ses-n", "ses-u", "ses-x", "ses-l", "acp",
    ];
    chosen.contains(&stem)
}

fn at(pair: &mut Pair, text: &str) {
    pair.now = moment(text);
}

fn moment(text: &str) -> Timestamp {
    time::parse(text).expect("a timestamp")
}

fn fresh(session: &str, key_id: &str, key: &str) -> Fresh {
    let bytes = |text: &str| {
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .expect("base64url")
    };
    Fresh {
        session: bytes(session).try_into().expect("16 bytes"),
        key: bytes(key).try_into().expect("32 bytes"),
        key_id: bytes(key_id).try_into().expect("16 bytes"),
    }
}

/// The tokens that the hop request of a branch shows.
fn fresh_of(branch: &[Line]) -> Fresh {
    let hop = branch
        .iter()
        .find(|l| l.message["pc"]["smg:ses"].get("scr").is_some());
    let session = &hop.expect("a hop request").message["pc"]["smg:ses"];
    let text = |v: &Value| v.as_str().expect("text").to_owned();
    let id = text(&session["sid"]);
    fresh(
        id.rsplit('/').next().expect("a token"),
        &text(&session["scr"]["kid"]),
        &text(&session["scr"]["k"]),
    )
}

fn branch_of(branch: &str) -> (String, String) {
    let of: Vec<Line> = all()
        .into_iter()
        .filter(|l| l.id.starts_with(&format!("{branch}-")))
        .collect();
    (of[0].id.clone(), of[of.len() - 1].id.clone())
}

fn line(id: &str) -> Line {
    lines(id, id).remove(0)
}

fn lines(first: &str, last: &str) -> Vec<Line> {
    let all = all();
    let place = |id: &str| {
        all.iter()
            .position(|l| l.id == id)
            .unwrap_or_else(|| panic!("no {id}"))
    };
    all[place(first)..=place(last)].to_vec()
}

fn all() -> Vec<Line> {
    let node = |v: &Value| match v.as_str().expect("a node") {
        "AE1" => "AE1",
        "AE2" => "AE2",
        "AE3" => "AE3",
        "CSE1" => "CSE1",
        "CSE2" => "CSE2",
        other => panic!("who is {other}?"),
    };
    SCRIPT
        .lines()
        .map(|text| {
            // The contract draws CSEs that also speak CBOR.
            let text = text.replace(r#""csz":["json","cbor"]"#, r#""csz":["json"]"#);
            let v: Value = serde_json::from_str(&text).expect("JSON");
            Line {
                id: v["id"].as_str().expect("an id").to_owned(),
                from: node(&v["from"]),
                to: node(&v["to"]),
                message: v["message"].clone(),
            }
        })
        .collect()
}

fn replace(message: &mut Value, from: &str, to: &str) {
    let text = message.to_string();
    let parts = |s: &str| {
        s.replace(&format!("{from}\""), &format!("{to}\""))
            .replace(&format!("{from}/"), &format!("{to}/"))
    };
    *message = serde_json::from_str(&parts(&text)).expect("JSON");
}
