//! Which sealed values an AE reads.

use super::bench::{Bench, SESSION, events, sent_request, sent_responses, wanted};
use m2m_machine::ae::command::Event;
use m2m_machine::ae::sealing::{Fault, SEQUENCE_MAX};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Content, Operation, Primitive, Request};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{SealBody, SealHeader, Sealed, Value};
use rstest::rstest;

fn header() -> SealHeader {
    SealHeader {
        key_id: "kid1".into(),
        session: SESSION.into(),
        sequence: 1,
        direction: 1,
        operation: 1,
        to: "/cse2/cse2/ae2/container1".into(),
        attribute: "con".into(),
        from: "/cse1/Cae1".into(),
        request_id: "u1".into(),
    }
}

fn instance(id: &str, header: SealHeader) -> Content {
    with_body(id, header, SealBody::Clear(Value::text("data")))
}

fn with_body(id: &str, header: SealHeader, body: SealBody) -> Content {
    let sealed = Sealed { header, body };
    let members = [
        (Attribute::ResourceId, Value::text(id)),
        (Attribute::Content, Value::Sealed(Shared::new(sealed))),
    ];
    Content::resource(ResourceType::ContentInstance, members.into())
}

/// Reads `to` and returns what was wrong with the value that came.
fn read(bench: &mut Bench, to: &str, content: Content) -> Option<Fault> {
    let mut request = Request::new(Operation::Retrieve, to, "", "".into());
    request.session = Some(SESSION.into());
    let id = sent_request(&bench.ask(wanted(request))).request_id.clone();
    let told = bench.answer(id.as_str(), Status::OK, Some(content));
    let [Event::Answered { unreadable, .. }] = &events(&told)[..] else {
        panic!("no answer in {told:?}");
    };
    unreadable.first().map(|u| u.fault)
}

#[rstest]
#[case::as_sealed(|_: &mut SealHeader| {}, None)]
#[case::key(|h: &mut SealHeader| h.key_id = "kid2".into(), Some(Fault::OtherKey))]
#[case::session(|h: &mut SealHeader| h.session = "/cse1/x".into(), Some(Fault::UnknownSession))]
#[case::zero(|h: &mut SealHeader| h.sequence = 0, Some(Fault::BadSequence))]
#[case::largest(|h: &mut SealHeader| h.sequence = SEQUENCE_MAX, None)]
#[case::too_large(|h: &mut SealHeader| h.sequence = SEQUENCE_MAX + 1, Some(Fault::BadSequence))]
#[case::direction(|h: &mut SealHeader| h.direction = 2, Some(Fault::OtherSender))]
#[case::no_direction(|h: &mut SealHeader| h.direction = 3, Some(Fault::OtherSender))]
#[case::sender(|h: &mut SealHeader| h.from = "/cse1/Cae3".into(), Some(Fault::OtherSender))]
#[case::place(|h: &mut SealHeader| h.to = "/cse2/cse2/ae2/other".into(), Some(Fault::OtherPlace))]
#[case::prefix(|h: &mut SealHeader| h.to = "/cse2/cse2/ae2/cont".into(), Some(Fault::OtherPlace))]
#[case::attribute(|h: &mut SealHeader| h.attribute = "dat".into(), Some(Fault::OtherUse))]
#[case::operation(|h: &mut SealHeader| h.operation = 2, Some(Fault::OtherUse))]
#[case::no_operation(|h: &mut SealHeader| h.operation = 77, Some(Fault::OtherUse))]
fn a_sealed_value_is_used_only_with_the_header_of_its_place(
    #[case] change: fn(&mut SealHeader),
    #[case] expected: Option<Fault>,
) {
    let mut bench = Bench::consented();
    let mut header = header();
    change(&mut header);

    let fault = read(
        &mut bench,
        "cse2/ae2/container1/la",
        instance("cin1", header),
    );

    // USE-26, USE-58
    assert_eq!(fault, expected);
}

#[test]
fn a_copy_in_another_resource_is_a_replay_and_reading_again_is_none() {
    let mut bench = Bench::consented();
    let to = "cse2/ae2/container1/la";

    // USE-26, USE-60
    assert_eq!(read(&mut bench, to, instance("cin1", header())), None);
    assert_eq!(read(&mut bench, to, instance("cin1", header())), None);
    assert_eq!(
        read(&mut bench, to, instance("cin2", header())),
        Some(Fault::Replayed)
    );
}

#[test]
fn a_value_that_did_not_open_is_not_used_and_does_not_count_as_accepted() {
    let mut bench = Bench::consented();
    let to = "cse2/ae2/container1/la";
    let closed = with_body("cin1", header(), SealBody::Compact("a..b.c.d".into()));

    assert_eq!(read(&mut bench, to, closed), Some(Fault::NotAuthentic));
    assert_eq!(read(&mut bench, to, instance("cin2", header())), None);
}

#[test]
fn what_is_older_than_the_memory_is_refused() {
    let mut bench = Bench::consented();
    let to = "cse2/ae2/container1/la";
    for sequence in 1..=6 {
        let value = instance(
            &format!("cin{sequence}"),
            SealHeader {
                sequence,
                ..header()
            },
        );
        assert_eq!(read(&mut bench, to, value), None);
    }

    assert_eq!(
        // USE-60
        read(&mut bench, to, instance("cin1", header())),
        Some(Fault::BadSequence)
    );
}

#[test]
fn a_refused_value_in_a_notification_is_answered_4115() {
    let mut bench = Bench::consented();
    let mut notice = Request::new(Operation::Notify, "Cae2", "/cse1/Cae1", "x9".into());
    notice.content = Some(instance(
        "cin1",
        SealHeader {
            key_id: "other".into(),
            ..header()
        },
    ));

    let told = bench.receive(Primitive::Request(Shared::new(notice)));

    assert_eq!(
        sent_responses(&told)[0].status,
        // USE-61
        Status::AUTHENTICATION_FAILED
    );
    assert_eq!(events(&told), []);
}
