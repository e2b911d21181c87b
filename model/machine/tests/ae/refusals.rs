//! What an AE refuses, gives up and repeats.

use super::bench::{
    Bench, LINK, NOW, SESSION, created, data, edit, events, no, proposal, question, sent_request,
    sent_responses, termination, update, wanted, yes,
};
use m2m_machine::ae::command::{Ask, EndReason, Event, Objection};
use m2m_machine::ae::endpoint::Phase;
use m2m_machine::ae::{CloseReason, Input, Output};
use m2m_machine::attribute::Attribute;
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Malformed, Operation, Primitive, Request};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Value;

#[test]
fn a_refusal_erases_the_key_and_stays_a_refusal() {
    let mut bench = Bench::target();
    bench.request(question("n2-0006"));

    let decided = bench.ask(no());
    let repeated = bench.request(question("n2-0007"));
    let late = bench.ask(yes());

    assert_eq!(
        sent_responses(&decided)[0].status,
        Status::OPERATION_NOT_ALLOWED
    );
    assert_eq!(
        sent_responses(&repeated)[0].status,
        Status::OPERATION_NOT_ALLOWED
    );
    assert_eq!(
        events(&late),
        [Event::Refused {
            tag: 3,
            why: Objection::TooLate
        }]
    );
    assert!(!format!("{:?}", bench.ae).contains("kid1"));
}

#[test]
fn silence_erases_the_key_and_a_late_verdict_is_not_sent() {
    let mut bench = Bench::target();
    bench.request(question("n2-0006"));
    bench.now = NOW.plus(28_000);

    let late = bench.ask(yes());

    assert!(sent_responses(&late).is_empty());
    assert_eq!(
        events(&late),
        [
            Event::Silent {
                session: SESSION.into()
            },
            Event::Refused {
                tag: 2,
                why: Objection::TooLate
            }
        ]
    );
    assert!(!format!("{:?}", bench.ae).contains("kid1"));
}

#[test]
fn a_verdict_without_link_leaves_after_the_reopening() {
    let mut bench = Bench::target();
    bench.request(question("n2-0001"));
    bench.give(Input::LinkLost { link: LINK });

    let decided = bench.ask(yes());
    let opened = bench.give(Input::LinkOpened { link: LinkId(2) });

    assert!(sent_responses(&decided).is_empty());
    assert_eq!(sent_responses(&opened)[0].status, Status::OK);
}

#[test]
fn a_changed_question_about_the_same_session_conflicts() {
    let mut bench = Bench::consented();
    let mut changed = question("n2-0008");
    edit(&mut changed, |members| {
        members.insert(Attribute::ResourceId, Value::text("ses9"));
    });

    let told = bench.request(changed);

    assert_eq!(sent_responses(&told)[0].status, Status::CONFLICT);
}

#[test]
fn only_the_registrar_speaks_for_sessions() {
    let mut bench = Bench::consented();

    let told = bench.request(termination("/cse9/Cx", "Cae2", "x1"));

    assert_eq!(
        sent_responses(&told)[0].status,
        Status::ORIGINATOR_HAS_NO_PRIVILEGE
    );
    assert!(bench.ae.session(&SESSION.into()).is_some());
}

#[test]
fn an_ae_that_lost_its_state_ends_the_session_once() {
    let mut bench = Bench::target();

    let told = bench.request(update("n2-0002"));
    let again = bench.request(update("n2-0003"));

    // USE-59
    let request = sent_request(&told);
    assert_eq!(
        (request.operation, request.to.as_str(), &request.session),
        (
            Operation::Delete,
            "cse2/ae2/sessions",
            &Some(SESSION.into())
        )
    );
    assert_eq!(
        events(&told),
        [Event::Ended {
            session: SESSION.into(),
            reason: EndReason::Lost
        }]
    );
    assert_eq!(sent_responses(&again)[0].status, Status::NOT_FOUND);
    assert_eq!(events(&again), []);
}

#[test]
fn an_update_that_overtakes_the_success_ends_nothing() {
    let mut bench = Bench::initiator();
    bench.ask(Ask::Establish(Shared::new(proposal())));
    let early = Request {
        to: "Cae1".into(),
        from: Some("/cse1".into()),
        ..update("n1-0002")
    };

    let waits = bench.request(early.clone());
    bench.answer("q1", Status::CREATED, Some(created()));
    let told = bench.request(early);

    assert_eq!(waits, []);
    assert!(matches!(events(&told)[..], [Event::Updated { .. }]));
}

#[test]
fn a_session_that_comes_after_the_time_is_undone() {
    let mut bench = Bench::initiator();
    bench.ask(Ask::Establish(Shared::new(proposal())));

    let given_up = bench.wait();
    let undone = bench.answer("q1", Status::CREATED, Some(created()));

    let [Event::Answered { response, .. }] = &events(&given_up)[..] else {
        panic!("no answer in {given_up:?}");
    };
    assert_eq!(response.status, Status::REQUEST_TIMEOUT);
    let request = sent_request(&undone);
    assert_eq!(
        (request.operation, request.to.as_str()),
        (Operation::Delete, "ses1")
    );
    assert_eq!(bench.ae.session(&SESSION.into()), None);
}

#[test]
fn nothing_of_an_ended_session_is_sent_after_a_reopening() {
    let mut bench = Bench::established();
    bench.ask(wanted(data("one")));
    bench.request(termination("/cse1", "Cae1", "n1-0002"));

    bench.give(Input::LinkLost { link: LINK });
    let opened = bench.give(Input::LinkOpened { link: LinkId(2) });

    let told = events(&opened);
    assert_eq!(
        told[1],
        Event::Refused {
            tag: 3,
            why: Objection::NotInSession
        }
    );
    assert!(opened.iter().all(|o| !matches!(o, Output::Send { .. })));
}

#[test]
fn attempts_to_open_a_link_back_off_and_stop_when_nothing_is_pending() {
    let mut bench = Bench::new();
    bench.ask(super::bench::application());

    let mut pauses = Vec::new();
    while bench.ae.exchanges().count() > 0 {
        bench.give(Input::DialFailed);
        let before = bench.now;
        bench.wait();
        pauses.push(bench.now.0 - before.0);
    }

    // LNK-25
    assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 15_000]);
    assert_eq!(bench.ae.next_deadline(), None);
}

#[test]
fn a_link_that_is_not_wanted_closes_when_nothing_is_open_on_it() {
    let mut bench = Bench::initiator();
    bench.ask(Ask::Discover {
        at: "/cse2/cse2".into(),
    });

    let waits = bench.ask(Ask::Disconnect);
    let closes = bench.answer("q1", Status::NOT_FOUND, None);

    assert_eq!(waits, []);
    assert_eq!(
        closes[1],
        Output::CloseLink {
            link: LINK,
            why: CloseReason::Finished
        }
    );
}

#[test]
fn nonsense_is_answered_and_too_much_of_it_closes_the_link() {
    let mut bench = Bench::initiator();
    let nonsense = || Input::Undecodable {
        link: LINK,
        request_id: None,
        why: Malformed::Syntax,
    };

    let first = bench.give(nonsense());
    bench.give(nonsense());
    let third = bench.give(nonsense());

    assert_eq!(sent_responses(&first)[0].status, Status::BAD_REQUEST);
    assert_eq!(
        third[1],
        Output::CloseLink {
            link: LINK,
            why: CloseReason::Nonsense
        }
    );
}

#[test]
fn unanswered_requests_are_sent_again_in_order_after_a_reopening() {
    let mut bench = Bench::initiator();
    bench.answer("other", Status::OK, None);
    let first = sent_request(&bench.ask(Ask::Discover {
        at: "/cse2/cse2".into(),
    }));
    let second = sent_request(&bench.ask(Ask::Discover {
        at: "/cse3/cse3".into(),
    }));

    let lost = bench.give(Input::LinkLost { link: LINK });
    let sent = bench.give(Input::LinkOpened { link: LinkId(2) });

    assert!(lost.contains(&Output::Dial));
    let again = |request| Output::Send {
        link: LinkId(2),
        primitive: Primitive::Request(request),
    };
    assert_eq!(sent[1..], [again(first), again(second)]);
}

#[test]
fn a_question_withdrawn_before_the_verdict_leaves_no_key() {
    let mut bench = Bench::target();
    bench.request(question("n2-0001"));

    bench.request(termination("/cse2", "Cae2", "n2-0002"));
    let late = bench.ask(yes());

    assert!(matches!(
        bench.ae.phase(&SESSION.into()),
        Some(Phase::Ended(_))
    ));
    assert_eq!(
        events(&late),
        [Event::Refused {
            tag: 2,
            why: Objection::NoQuestion
        }]
    );
}

#[test]
fn a_session_deleted_by_its_address_is_over_too() {
    let mut bench = Bench::established();
    let delete = |to: &str| Request::new(Operation::Delete, to, "", "".into());
    let wanted = |request| Ask::Request {
        request: Shared::new(request),
        protect: true,
    };

    bench.ask(wanted(delete("/cse1/-/ae1/sessions/s1")));
    let told = bench.answer("q2", Status::DELETED, None);

    assert_eq!(
        events(&told)[0],
        Event::Ended {
            session: SESSION.into(),
            reason: EndReason::Asked
        }
    );
}

#[test]
fn the_end_of_a_session_moves_with_what_is_read_of_it() {
    let mut bench = Bench::established();
    let mut shown = created();
    if let Value::Object(members) = &mut shown.value {
        let session = members.values_mut().next().expect("a session");
        if let Value::Object(session) = session {
            session.insert(
                Attribute::ExpirationTime,
                Value::Time(NOW.plus(900_000_000)),
            );
        }
    }
    let read = Request::new(Operation::Retrieve, "cse1/ae1/sessions/s1", "", "".into());

    bench.ask(Ask::Request {
        request: Shared::new(read),
        protect: true,
    });
    bench.answer("q2", Status::OK, Some(shown));

    let member = bench.ae.session(&SESSION.into()).expect("a member");
    assert_eq!(member.expires, NOW.plus(900_000_000));
}
