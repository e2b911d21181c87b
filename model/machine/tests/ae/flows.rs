//! The AE's side of the three flows, step by step.

use super::bench::{
    Bench, KEY, LINK, NOW, SESSION, application, created, data, edit, events, proposal, question,
    registered, response, sent_request, sent_responses, termination, update, wanted, yes,
};
use m2m_machine::ae::command::{Ask, EndReason, Event, Objection};
use m2m_machine::ae::endpoint::{EndKey, Material, Phase, Role};
use m2m_machine::ae::{Input, Output};
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{LinkId, Secret};
use m2m_machine::primitive::{Content, Operation, ResponseMode, ResponseType, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{SealBody, Value};

#[test]
fn registration_opens_a_link_and_learns_the_ae_id() {
    let mut bench = Bench::new();

    let dialed = bench.ask(application());
    let sent = bench.give(Input::LinkOpened { link: LINK });
    let told = bench.answer("q1", Status::CREATED, Some(registered()));

    assert_eq!(dialed, [Output::Dial]);
    let request = sent_request(&sent);
    assert_eq!(request.to, "cse1");
    assert_eq!(request.from.as_deref(), Some("C"));
    assert_eq!(
        events(&told),
        [Event::Registered {
            tag: 1,
            id: "/cse1/Cae1".into(),
            name: "ae1".into()
        }]
    );
}

#[test]
fn a_registered_ae_needs_no_new_registration_after_a_reopening() {
    let mut bench = Bench::initiator();
    bench.give(Input::LinkLost { link: LINK });
    bench.give(Input::LinkOpened { link: LinkId(2) });

    let sent = bench.ask(Ask::Discover {
        at: "/cse2/cse2".into(),
    });

    let request = sent_request(&sent);
    assert_eq!(
        (request.to.as_str(), request.from.as_deref()),
        ("/cse2/cse2", Some("Cae1"))
    );
}

#[test]
fn discovery_names_the_aes_by_the_cse_that_was_asked() {
    let mut bench = Bench::initiator();
    bench.ask(Ask::Discover {
        at: "/cse2/cse2".into(),
    });

    let list = Content::new(Attribute::UriList, Value::texts(["Cae2", "/cse3/Cae7"]));
    let told = bench.answer("q1", Status::OK, Some(list));

    let found = vec!["/cse2/Cae2".into(), "/cse3/Cae7".into()];
    assert_eq!(events(&told), [Event::Discovered { tag: 2, found }]);
}

#[test]
fn the_consent_subscription_goes_to_the_own_sessions() {
    let mut bench = Bench::target();

    let request = sent_request(&bench.ask(Ask::Subscribe {
        name: None,
        consent: true,
    }));

    assert_eq!(request.to, "cse2/ae2/sessions");
    let members = request
        .content
        .as_ref()
        .and_then(|c| c.members_of(ResourceType::Subscription));
    let members = members.expect("a subscription");
    assert_eq!(
        members.get(&Attribute::NotificationUri),
        Some(&Value::texts(["Cae2"]))
    );
    insta::with_settings!({prepend_module_to_snapshot => false}, {
        insta::assert_debug_snapshot!("subscription", members);
    });
}

#[test]
fn the_initiator_becomes_an_endpoint_by_message_17_alone() {
    let mut bench = Bench::initiator();

    let request = sent_request(&bench.ask(Ask::Establish(Shared::new(proposal()))));
    let before = bench.ae.session(&SESSION.into()).cloned();
    let told = bench.answer("q1", Status::CREATED, Some(created()));

    assert_eq!(request.to, "cse1/ae1/sessions");
    assert_eq!(request.resource_type, Some(50002));
    assert_eq!(before, None);
    assert_eq!(
        events(&told),
        [Event::Established {
            tag: 2,
            session: SESSION.into()
        }]
    );
    let member = bench.ae.session(&SESSION.into()).expect("a member");
    assert_eq!(member.role, Role::Initiator);
    assert_eq!(member.address, "cse1/ae1/sessions/s1");
    assert_eq!(member.peer_paths, ["/cse2/cse2/ae2/container1"]);
    assert_eq!(member.key.material, Material::Given(Secret(KEY.into())));
}

#[test]
fn the_target_is_asked_once_and_its_yes_carries_an_endpoint() {
    let mut bench = Bench::target();

    let asked = bench.request(question("n2-0001"));
    let again = bench.request(question("n2-0001"));
    let decided = bench.ask(yes());
    let repeated = bench.request(question("n2-0001"));

    assert!(sent_responses(&asked).is_empty());
    assert!(matches!(events(&asked)[..], [Event::Consent(_)]));
    assert_eq!(again, []);
    let answers = sent_responses(&decided);
    assert_eq!(answers[0].status, Status::OK);
    assert_eq!(answers[0].session, Some(SESSION.into()));
    assert_eq!(sent_responses(&repeated), answers);
    assert_eq!(events(&repeated), []);
    let member = bench.ae.session(&SESSION.into()).expect("a member");
    assert_eq!(
        (member.role, member.address.as_str()),
        (Role::Target, "ses2")
    );
}

#[test]
fn a_repetition_under_another_identifier_gets_the_same_verdict() {
    let mut bench = Bench::consented();

    let repeated = bench.request(question("n2-0009"));

    let answer = &sent_responses(&repeated)[0];
    assert_eq!(
        (answer.status, answer.content.is_some()),
        (Status::OK, true)
    );
}

#[test]
fn data_of_a_session_is_sealed_and_numbered() {
    let mut bench = Bench::established();

    let first = sent_request(&bench.ask(wanted(data("one"))));
    let second = sent_request(&bench.ask(wanted(data("two"))));

    let header = |request: &m2m_machine::primitive::Request| {
        let members = request
            .content
            .as_ref()
            .and_then(|c| c.members_of(ResourceType::ContentInstance));
        let members = members.expect("a contentInstance").clone();
        assert_eq!(
            members.get(&Attribute::ContentInfo),
            Some(&Value::text("application/jose:0"))
        );
        let Some(Value::Sealed(sealed)) = members.get(&Attribute::Content) else {
            panic!("not sealed: {members:?}");
        };
        assert!(matches!(sealed.body, SealBody::Clear(_)));
        sealed.header.clone()
    };
    // USE-59
    assert_eq!(header(&second).sequence, 2);
    insta::with_settings!({prepend_module_to_snapshot => false}, {
        insta::assert_debug_snapshot!("seal_header", header(&first));
    });
}

#[test]
fn a_stored_request_is_accepted_first_and_answered_by_notification() {
    let mut bench = Bench::established();
    let mut request = data("21.5");
    request.response_type = Some(ResponseType {
        mode: ResponseMode::NonBlockingAsynch,
        notify: None,
    });
    request.request_expiration = Some(When::At(NOW.plus(80_000_000)));
    let id = sent_request(&bench.ask(wanted(request))).request_id.clone();

    let accepted = bench.answer(id.as_str(), Status::ACCEPTED_ASYNCH, None);
    let result = Value::object([
        (Attribute::ResponseStatusCode, Value::Integer(2001)),
        (Attribute::RequestIdentifier, Value::Text(id.0.clone())),
    ]);
    let mut notice = termination("/cse1", "Cae1", "n1-0001");
    notice.content = Some(Content::new(Attribute::ResponsePrimitive, result));
    let told = bench.request(notice.clone());
    let again = bench.request(notice);

    assert!(matches!(
        events(&accepted)[..],
        [Event::Accepted { tag: 3, .. }]
    ));
    let [
        Event::Answered {
            tag: 3, response, ..
        },
    ] = &events(&told)[..]
    else {
        panic!("no result in {told:?}");
    };
    assert_eq!(response.status, Status::CREATED);
    assert_eq!(sent_responses(&told)[0].status, Status::OK);
    assert_eq!(sent_responses(&again), sent_responses(&told));
    assert_eq!(events(&again), []);
}

#[test]
fn an_update_is_told_and_acknowledged() {
    let mut bench = Bench::consented();

    let told = bench.request(update("n2-0002"));

    assert_eq!(
        events(&told),
        [Event::Updated {
            session: SESSION.into(),
            resource: "/cse2/cse2/ae2/container1/cin-0001".into(),
            operation: Operation::Create,
            originator: "/cse1/Cae1".into(),
        }]
    );
    let answer = &sent_responses(&told)[0];
    assert_eq!(
        (answer.status, &answer.session),
        (Status::OK, &Some(SESSION.into()))
    );
}

#[test]
fn the_initiator_erases_its_state_on_the_answer_to_its_delete() {
    let mut bench = Bench::established();

    let request = sent_request(&bench.ask(Ask::Terminate {
        session: SESSION.into(),
    }));
    let refused = bench.ask(wanted(data("late")));
    let key_meanwhile = bench.ae.key(&SESSION.into()).cloned();
    let told = bench.answer("q2", Status::DELETED, None);

    assert_eq!(
        (request.operation, request.to.as_str()),
        (Operation::Delete, "cse1/ae1/sessions/s1")
    );
    assert_eq!(
        events(&refused),
        [Event::Refused {
            tag: 4,
            why: Objection::NotInSession
        }]
    );
    assert!(key_meanwhile.is_some());
    assert_eq!(
        events(&told)[0],
        Event::Ended {
            session: SESSION.into(),
            reason: EndReason::Asked
        }
    );
    assert_eq!(bench.ae.key(&SESSION.into()), None);
    // END-31
    assert!(!format!("{:?}", bench.ae).contains("kid1"));
}

#[test]
fn the_target_erases_its_state_when_it_is_told() {
    let mut bench = Bench::consented();

    let told = bench.request(termination("/cse2", "Cae2", "n2-0004"));
    let again = bench.request(termination("/cse2", "Cae2", "n2-0005"));

    assert_eq!(
        events(&told),
        [Event::Ended {
            session: SESSION.into(),
            reason: EndReason::Told(1)
        }]
    );
    assert_eq!(sent_responses(&told)[0].status, Status::OK);
    // END-31
    assert_eq!(events(&again), []);
    assert_eq!(bench.ae.key(&SESSION.into()), None);
}

#[test]
fn a_session_is_over_at_its_end_without_any_message() {
    let mut bench = Bench::established();

    let told = bench.wait();

    assert_eq!(
        events(&told),
        [Event::Ended {
            session: SESSION.into(),
            reason: EndReason::Expired
        }]
    );
    assert!(matches!(
        bench.ae.phase(&SESSION.into()),
        Some(Phase::Ended(_))
    ));
}

#[test]
fn deregistration_ends_every_session() {
    let mut bench = Bench::established();

    bench.ask(Ask::Deregister);
    let told = bench.answer("q2", Status::DELETED, None);

    assert_eq!(
        events(&told)[0],
        Event::Ended {
            session: SESSION.into(),
            reason: EndReason::Deregistered
        }
    );
    assert_eq!(bench.ae.identity(), None);
}

#[test]
fn an_end_to_end_key_is_agreed_and_never_handed_out() {
    let mut bench = Bench::target();
    let mut request = question("n2-0001");
    let text = |text: &str| Value::text(text);
    let session = Attribute::Resource(ResourceType::Session);
    let endpoints = Attribute::Resource(ResourceType::SessionEndpoint);
    edit(&mut request, |members| {
        let key = [
            (Attribute::KeyType, text("OKP")),
            (Attribute::KeyCurve, text("X25519")),
            (Attribute::KeyX, text("peer")),
        ];
        let endpoint = Value::object([
            (Attribute::EndpointId, text("/cse1/Cae1")),
            (Attribute::EndpointPaths, Value::List(Vec::new())),
            (Attribute::EndpointKey, Value::object(key)),
        ]);
        members.insert(endpoints.clone(), Value::List(vec![endpoint]));
        members.insert(Attribute::EndToEnd, Value::Bool(true));
        members.insert(
            Attribute::Credentials,
            Value::object([(Attribute::KeyId, text("kid2"))]),
        );
    });
    bench.request(request);

    let without = bench.ask(yes());
    let own = EndKey {
        private: Secret("private".into()),
        public: "own".into(),
    };
    let verdict = m2m_machine::ae::command::Verdict::Accept {
        paths: Vec::new(),
        end_to_end: Some(own.clone()),
    };
    let decided = bench.ask(Ask::Decide {
        session: SESSION.into(),
        verdict,
    });

    assert_eq!(
        events(&without),
        [Event::Refused {
            tag: 2,
            why: Objection::KeyMismatch
        }]
    );
    assert_eq!(sent_responses(&decided)[0].status, Status::OK);
    let key = bench.ae.key(&SESSION.into()).expect("a key");
    assert_eq!(
        key.material,
        Material::Agreed {
            own,
            peer: "peer".into()
        }
    );
    assert!(session != endpoints && !format!("{decided:?}").contains("private"));
}

#[test]
fn the_answer_to_an_unknown_request_is_ignored() {
    let mut bench = Bench::initiator();

    for id in ["q1", "n2-0001", "", "q99999999999999999999999"] {
        assert_eq!(bench.receive(response(id, Status::OK, None)), []);
    }
}
