//! Stores of other formats: brought to this one, or refused.

use super::*;

#[test]
fn a_store_of_another_format_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(Store::open(folder.path()).expect("a new store"));
    tamper(folder.path(), |transaction| {
        let table = redb::TableDefinition::<&str, u32>::new("about");
        transaction
            .open_table(table)
            .unwrap()
            .insert("format", 4)
            .unwrap();
    });

    let refused = Store::open(folder.path()).expect_err("it is newer");

    assert!(
        refused
            .to_string()
            .contains("has format 4, this program reads formats 1 to 3"),
        "{refused}"
    );
}

#[test]
fn a_store_of_the_first_format_is_upgraded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    first_format(folder.path(), &records());

    let upgraded = Store::open(folder.path()).and_then(|mut s| s.load());
    let again = Store::open(folder.path()).and_then(|mut s| s.load());

    assert_eq!(sorted(upgraded.expect("it is readable")), sorted(records()));
    assert_eq!(sorted(again.expect("it is readable")), sorted(records()));
}

#[test]
fn a_store_of_the_first_format_that_is_damaged_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    first_format(folder.path(), &records());
    let damaged = b"{\"counter\":\"one\"}";
    tamper(folder.path(), |transaction| {
        let table = redb::TableDefinition::<&str, &[u8]>::new("records");
        let mut table = transaction.open_table(table).unwrap();
        table.insert("[\"counter\",null]", &damaged[..]).unwrap();
    });

    for _ in 0..2 {
        let refused = Store::open(folder.path()).expect_err("it is damaged");

        let message = refused.to_string();
        assert!(
            message.contains("damaged at the record [\"counter\",null]"),
            "{message}"
        );
        assert!(
            message.contains("expected a natural number, found text"),
            "{message}"
        );
    }
}

/// The members that requests have got with format 3 are kept, and in older stores they are absent.
#[test]
fn a_store_of_the_second_format_is_read_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(Store::open(folder.path()).expect("a new store"));
    tamper(folder.path(), |transaction| {
        let about = redb::TableDefinition::<&str, u32>::new("about");
        transaction
            .open_table(about)
            .unwrap()
            .insert("format", 2)
            .unwrap();
        let table = redb::TableDefinition::<&[u8], &[u8]>::new("records.2");
        let mut table = transaction.open_table(table).expect("it is writable");
        for record in records() {
            let (mut bytes, record_bytes) = (Vec::new(), codec::encode(&record));
            let mut value = ciborium::from_reader(&*record_bytes).expect("it is CBOR");
            shorten(&mut value);
            ciborium::into_writer(&value, &mut bytes).expect("memory takes all");
            let key = codec::key(&record.key());
            table.insert(&*key, &*bytes).expect("it is writable");
        }
    });

    let read = Store::open(folder.path()).and_then(|mut s| s.load());
    assert_eq!(sorted(read.expect("it is readable")), sorted(records()));
    let mut whole = Request::clone(&request());
    whole.result_persistence = Some(When::After(5));
    whole.group_request = Some("cse2-7".into());
    let record = notice_of(whole, NoticeKind::Result("req1".into()), 1);
    assert_eq!(codec::decode(&codec::encode(&record)), Ok(record));
}

/// Takes the two latest members, which are empty, away from every request.
fn shorten(value: &mut ciborium::Value) {
    if let Some(parts) = value.as_array_mut() {
        if parts.len() == 21 && parts[19..].iter().all(ciborium::Value::is_null) {
            parts.truncate(19);
        }
        parts.iter_mut().for_each(shorten);
    }
}

/// Makes a store as the program of format 1 wrote it.
fn first_format(folder: &std::path::Path, records: &[Record]) {
    tamper(folder, |transaction| {
        let about = redb::TableDefinition::<&str, u32>::new("about");
        let mut about = transaction.open_table(about).expect("it is writable");
        about.insert("format", 1).expect("it is writable");
        let table = redb::TableDefinition::<&str, &[u8]>::new("records");
        let mut table = transaction.open_table(table).expect("it is writable");
        for record in records {
            let key = codec::key_text(&record.key());
            table
                .insert(&*key, codec::text(record).as_bytes())
                .expect("it is writable");
        }
    });
}
