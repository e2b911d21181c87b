//! The store: every kind of record comes back as it was, and what is no store of ours is refused.

#[path = "store/formats.rs"]
mod formats;

use m2m_cse::store::{Store, StoreError, codec};
use m2m_cse::wire::names;
use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{AeId, CseId, Entity, KeyId, RequestKey, ResourceId, Secret, SessionId};
use m2m_machine::primitive::{
    Content, Operation, Request, Response, ResponseMode, ResponseType, When,
};
use m2m_machine::record::{
    Attempt, Change, ChangeKind, Credentials, HopEnd, Key, Neighbour, Notice, NoticeKind, Outcome,
    Phase, Record, Requester, Session, Stage, Stored, Termination, Tombstone, Update,
};
use m2m_machine::resource::{Resource, ResourceType};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, SealBody, SealHeader, Sealed, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const NOON: Timestamp = Timestamp(1_803_902_400_000);

fn session_id() -> SessionId {
    SessionId::from("/cse1/234ADVxk0Zb7NcR5tUeHpQ")
}

fn members() -> Members {
    let header = SealHeader {
        key_id: KeyId::from("k1"),
        session: session_id(),
        sequence: u64::MAX,
        direction: 1,
        operation: 3,
        to: "/cse2/cse2/x".into(),
        attribute: "con".into(),
        from: "/cse1/Cae1".into(),
        request_id: "r".into(),
    };
    let clear = SealBody::Clear(Value::Integer(-1));
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Integer(i64::MIN),
        Value::Number("1.50e400".into()),
        Value::text("20270301T100500"),
        Value::text("\"\\\n\u{0}é"),
        Value::Time(Timestamp(u64::MAX)),
        Value::Secret(Secret("k".into())),
        Value::Sealed(Shared::new(Sealed {
            header,
            body: clear,
        })),
        Value::object([(Attribute::Custom("rn".into()), Value::List(Vec::new()))]),
    ];
    let named = names::rows().map(|row| (row.1.clone(), Value::Null));
    let resources = ResourceType::ALL
        .into_iter()
        .map(|t| (Attribute::Resource(t), Value::Bool(false)));
    let custom = ["", "~", "rn", "atr.nm", "m2m:ae", "é"]
        .map(|name| (Attribute::Custom(name.into()), Value::text(name)));
    named
        .chain(resources)
        .chain(custom)
        .chain([(Attribute::Content, Value::List(values.into()))])
        .collect()
}

fn request() -> Shared<Request> {
    let mut request = Request::new(Operation::Create, "/cse2/x", "Cae1", "Cae1/u1".into());
    request.content = Some(Content {
        value: Value::Object(members()),
        size: 77,
        rest: None,
    });
    request.response_type = Some(ResponseType {
        mode: ResponseMode::NonBlockingAsynch,
        notify: Some(vec!["Cae1".into()]),
    });
    request.request_expiration = Some(When::At(NOON));
    request.result_expiration = Some(When::After(u64::MAX));
    request.originating_timestamp = Some(NOON);
    request.filter = Some(Value::object([]));
    request.session = Some(session_id());
    request.reason = Some(6);
    request.unsupported = Some("gid".into());
    Shared::new(request)
}

fn requester() -> Requester {
    Requester {
        key: RequestKey {
            originator: "/cse1/Cae1".into(),
            request_id: "u1".into(),
        },
        peer: Entity::Ae(AeId::from("/cse1/Cae1")),
        acknowledged: Some(ResourceId::from("req1")),
        expires: NOON,
        request: request(),
    }
}

fn hop_end() -> HopEnd {
    HopEnd {
        to: "/cse2/ses2".into(),
        request_id: "d".into(),
        by_session: true,
        reason: 6,
    }
}

fn resource(resource_type: ResourceType) -> Record {
    Record::Resource(Shared::new(Resource {
        resource_type,
        id: ResourceId::from(resource_type.prefix()),
        parent: (resource_type != ResourceType::CseBase).then(|| ResourceId::from("cb1")),
        name: "n".into(),
        sequence: u64::MAX,
        created: NOON,
        modified: NOON.plus(1),
        expires: Some(NOON),
        creator: "/cse1/Cae1".into(),
        specialization: Some("smg:sld".into()),
        attributes: members(),
    }))
}

fn session(phase: Phase, number: u64) -> Record {
    Record::Session(Shared::new(Session {
        id: SessionId::from(format!("s{number}").as_str()),
        resource: ResourceId::from("ses1"),
        phase,
        credentials: Credentials {
            key_id: "k".into(),
            key: Some(Secret("secret".into())),
        },
        initiator: AeId::from("/cse1/Cae1"),
        target: AeId::from("/cse2/Cae2"),
        upstream: Some(CseId::from("/cse1")),
        confirming: None,
        hop_lost: Some(NOON),
        entries: 3,
    }))
}

fn attempt(stage: Stage, number: u64) -> Record {
    Record::Attempt(Shared::new(Attempt {
        id: SessionId::from(format!("s{number}").as_str()),
        requester: requester(),
        stage,
        upstream: None,
        upstream_session: Some("/cse1/ses1".into()),
        downstream: Some(CseId::from("/cse2")),
        question: "q".into(),
        parent: "sess1".into(),
        resource: "ses1".into(),
        name: "s1".into(),
        credentials: Credentials {
            key_id: "k".into(),
            key: None,
        },
        initiator: AeId::from("/cse1/Cae1"),
        target: AeId::from("/cse2/Cae2"),
        session_expires: NOON,
        end_to_end: true,
        all_required: false,
        descriptors: vec!["d".into()],
        endpoint: members(),
        policies: vec![members(), Members::new()],
        visited: vec!["/cse1".into()],
    }))
}

fn change(what: ChangeKind, number: u64) -> Record {
    Record::Change(Shared::new(Change {
        number,
        requester: requester(),
        session: session_id(),
        hop: CseId::from("/cse2"),
        to: "/cse2/ses2".into(),
        request_id: "p".into(),
        what,
        undoing: true,
    }))
}

fn notice(kind: NoticeKind, number: u64) -> Record {
    notice_of(Request::clone(&request()), kind, number)
}

fn notice_of(request: Request, kind: NoticeKind, number: u64) -> Record {
    let to = Entity::Cse(CseId::from("/cse1"));
    Record::Notice(Shared::new(Notice {
        number,
        to,
        request: Shared::new(request),
        expires: NOON,
        kind,
    }))
}

fn tombstone(requester: Option<Requester>) -> Record {
    Record::Tombstone(Shared::new(Tombstone {
        id: session_id(),
        until: NOON,
        hops: [(CseId::from("/cse2"), hop_end())].into(),
        retry: NOON,
        pause_ms: 1,
        requester,
    }))
}

/// At least one record of every kind, with every variant inside.
fn records() -> Vec<Record> {
    let terminating = Termination {
        reason: 2,
        requester: Some(requester()),
        endpoints: [AeId::from("/cse1/Cae1")].into(),
        endpoints_until: NOON,
        hops: [(CseId::from("/cse2"), hop_end())].into(),
        hops_until: NOON,
    };
    let stored = Stored {
        id: "req1".into(),
        sequence: 1,
        requester: requester(),
        originator: "/cse1/Cae1".into(),
        session: Some(session_id()),
        hop: Entity::Cse(CseId::from("/cse2")),
        request_id: "Cae1/u1".into(),
        policy: Some("night".into()),
        window: vec!["* * 2-3 * * * *".into()],
        opens: NOON,
        accepted: NOON,
        expires: NOON,
    };
    let outcome = Outcome {
        key: RequestKey {
            originator: "/cse1/Cae1".into(),
            request_id: "\"]".into(),
        },
        digest: u64::MAX,
        response: Shared::new(Response {
            status: Status(u16::MAX),
            request_id: None,
            release_version: None,
            session: Some(session_id()),
            content: Some(Content {
                value: Value::Object(members()),
                size: 0,
                rest: Some(3),
            }),
            result_expiration: Some(When::After(0)),
        }),
        until: NOON,
    };
    let neighbour = Neighbour {
        cse: CseId::from("/cse2"),
        base: "/cse2/cse2".into(),
        speaks_sessions: None,
        is_registrar: true,
    };
    let mut records = vec![
        Record::Counter(u64::MAX),
        Record::Neighbour(Shared::new(neighbour)),
        session(Phase::Pending { lease: NOON }, 1),
        session(Phase::Active, 2),
        session(Phase::Terminating(terminating), 3),
        attempt(Stage::AwaitingCapability, 1),
        attempt(Stage::Asked, 2),
        attempt(Stage::Abandoned { until: NOON }, 3),
        change(ChangeKind::CreatePolicy(members()), 1),
        change(ChangeKind::UpdatePolicy("spy1".into(), members()), 2),
        change(ChangeKind::DeletePolicy("spy1".into()), 3),
        change(ChangeKind::UpdateSession(Members::new()), u64::MAX),
        Record::Stored(Shared::new(stored)),
        notice(NoticeKind::Termination(session_id()), 1),
        notice(NoticeKind::Change(session_id()), 2),
        notice(NoticeKind::Result("req1".into()), 3),
        notice(NoticeKind::Event("sub1".into()), 4),
        notice(NoticeKind::Pending("sub1".into()), 5),
        tombstone(Some(requester())),
        Record::Outcome(Shared::new(outcome)),
    ];
    records.extend(ResourceType::ALL.map(resource));
    records
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_key(Record::key);
    records
}

fn puts(records: &[Record]) -> Vec<Update> {
    records.iter().cloned().map(Update::Put).collect()
}

#[test]
fn every_record_comes_back_as_it_was() {
    for record in records() {
        assert_eq!(codec::decode(&codec::encode(&record)), Ok(record));
    }
}

#[test]
fn keys_are_as_distinct_as_their_records() {
    let mut keys: Vec<_> = records().iter().map(|r| codec::key(&r.key())).collect();
    keys.sort();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn what_is_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = Store::open(folder.path()).expect("a new store");
    store.commit(&puts(&records())).expect("it is writable");
    store
        .commit(&[Update::Delete(Key::Counter)])
        .expect("it is writable");
    drop(store);

    let loaded = Store::open(folder.path())
        .and_then(|mut s| s.load())
        .expect("it is readable");

    let rest = records()
        .into_iter()
        .filter(|r| r.key() != Key::Counter)
        .collect();
    assert_eq!(sorted(loaded), sorted(rest));
}

#[test]
fn a_store_in_memory_keeps_records_and_can_be_told_to_fail() {
    let failing = Arc::new(AtomicBool::new(false));
    let mut store = Store::in_memory_failing(failing.clone());
    store.commit(&puts(&records())).expect("it is writable");

    failing.store(true, Ordering::SeqCst);

    assert!(matches!(
        store.commit(&[Update::Delete(Key::Counter)]),
        Err(StoreError::ToldTo)
    ));
    assert_eq!(
        sorted(store.load().expect("it is readable")),
        sorted(records())
    );
}

#[test]
fn a_store_in_use_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _open = Store::open(folder.path()).expect("a new store");

    let second = Store::open(folder.path()).expect_err("it is open");

    assert!(
        second.to_string().contains("in use by another process"),
        "{second}"
    );
}

/// A store with all kinds of records that nobody uses: its folder, its file and what stands in it.
fn written() -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = Store::open(folder.path()).expect("a new store");
    store.commit(&puts(&records())).expect("it is writable");
    drop(store);
    let file = folder.path().join("records.redb");
    let intact = std::fs::read(&file).expect("it is there");
    (folder, file, intact)
}

/// Whatever byte of the file is not what was written: it is said, or nothing depends on it.
#[test]
fn a_flipped_byte_is_noticed_or_harmless() {
    let (folder, file, intact) = written();
    let expected = sorted(records());
    let in_use: Vec<usize> = (0..intact.len()).filter(|at| intact[*at] != 0).collect();

    let mut noticed = 0;
    for at in in_use.iter().step_by(1 + in_use.len() / 50) {
        let mut bytes = intact.clone();
        bytes[*at] ^= 0x10;
        std::fs::write(&file, bytes).expect("it is writable");
        for open in [Store::look, Store::open] {
            match open(folder.path()).and_then(|mut store| store.load()) {
                Ok(found) => assert_eq!(sorted(found), expected, "byte {at}"),
                Err(why) => {
                    noticed += 1;
                    let why = why.to_string();
                    assert!(why.contains("restore it from a backup"), "byte {at}: {why}");
                }
            }
        }
    }
    assert!(noticed > 20, "{noticed} noticed");
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    let (folder, file, intact) = written();

    for length in [1, 100, intact.len() / 2, intact.len() - 1] {
        std::fs::write(&file, &intact[..length]).expect("it is writable");
        for open in [Store::look, Store::open] {
            let why = open(folder.path()).expect_err("it is cut off").to_string();
            assert!(why.contains("is damaged"), "{length} bytes: {why}");
        }
    }
}

#[test]
fn a_record_says_the_same_as_json() {
    for record in records() {
        assert_eq!(
            codec::from_text(codec::text(&record).as_bytes()),
            Ok(record)
        );
    }
}

#[test]
fn a_damaged_record_is_refused_by_name() {
    for (bytes, complaint) in [
        (&b""[..], "no CBOR of a record"),
        // An array of two elements, with nothing but the first.
        (b"\x82\x00", "counter: no CBOR of a record"),
        (b"\x82\x00\x63one", "counter: no CBOR of a record at byte 2"),
        (
            b"\x82\x01\x81\x65/cse2",
            "neighbour: expected 4 elements, found 1",
        ),
        (
            b"\x82\x09\x84\x80",
            "outcome: key: expected 2 elements, found 0",
        ),
        (b"\x82\x18\x63\x00", "99 with 1 parts is no kind of record"),
        (b"\x82\x00\x05\x05", "the record ends at byte 3"),
        (
            b"\x82\x06\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            "stored: expected 12 elements",
        ),
        (b"\x82\x05\x07", "change: no CBOR"),
    ] {
        let message = refusal_of(bytes);

        assert!(
            message.contains("is damaged at the record [\"counter\",null]"),
            "{message}"
        );
        assert!(message.contains(complaint), "{message}");
    }
}

#[test]
fn a_record_under_the_key_of_another_is_refused() {
    let other = records().into_iter().find(|r| r.key() != Key::Counter);

    let message = refusal_of(&codec::encode(&other.expect("another record")));

    assert!(message.contains("it is the record ["), "{message}");
}

#[test]
fn every_part_of_a_record_that_is_cut_off_is_noticed() {
    for record in records() {
        let bytes = codec::encode(&record);
        // Few of the many, since some records are large.
        for length in (0..bytes.len()).step_by(1 + bytes.len() / 40) {
            assert!(codec::decode(&bytes[..length]).is_err(), "{record:?}");
        }
    }
}

/// What is said of a store with these bytes as its counter.
fn refusal_of(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(Store::open(folder.path()).expect("a new store"));
    tamper(folder.path(), |transaction| {
        let table = redb::TableDefinition::<&[u8], &[u8]>::new("records.2");
        let mut table = transaction.open_table(table).expect("it is writable");
        table
            .insert(&*codec::key(&Key::Counter), bytes)
            .expect("it is writable");
    });
    let loaded = Store::open(folder.path()).and_then(|mut s| s.load());
    loaded.expect_err("it is damaged").to_string()
}

#[test]
fn reading_a_large_store_tells_how_far_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = Store::open(folder.path()).expect("a new store");
    let neighbour = |number: u32| {
        Update::Put(Record::Neighbour(Shared::new(Neighbour {
            cse: CseId(format!("/cse{number}").into()),
            base: "".into(),
            speaks_sessions: None,
            is_registrar: false,
        })))
    };
    let many: Vec<_> = (0..20_001).map(neighbour).collect();
    store.commit(&many).expect("it is writable");

    let mut told = Vec::new();
    let loaded = store.load_telling(|done, total| told.push((done, total)));

    assert_eq!(loaded.expect("it is readable").len(), many.len());
    assert_eq!(told, [(20_000, 20_001)]);
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(
        folder.path().join("records.redb"),
        b"not a database, but long enough",
    )
    .expect("the folder is writable");

    let refused = Store::open(folder.path()).expect_err("it is no store");

    assert!(refused.to_string().contains("records.redb"), "{refused}");
}

fn tamper(folder: &std::path::Path, change: impl Fn(&redb::WriteTransaction)) {
    let database = redb::Database::create(folder.join("records.redb")).expect("it is closed");
    let transaction = database.begin_write().expect("nobody writes");
    change(&transaction);
    transaction.commit().expect("it is writable");
}
