//! Both endpoints at one CSE (R15): one `<session>`, no hop, no message between CSEs.

use crate::Play;
use crate::common::message::{Draft, policy, sealed_instance, ticket, yes};
use crate::common::scene::{INBOX, proposal, single};
use m2m_machine::attribute::Attribute;
use m2m_machine::status::Status;
use m2m_machine::value::Value;

pub(crate) fn flows() -> String {
    let mut play = Play::new(single());
    let ticket = establishment(&mut play);
    let session = ticket.resource.clone();

    play.chapter("Policy");
    let serve = policy("cse1/ae1/sessions/s1", "Cae1", "p1", 1, 2)
        .with(Attribute::ResourceName, Value::text("direct"));
    play.asks("F1-18", "AE1", "CSE1", serve.0);
    play.response("F1-23", "CSE1", "AE1", Status::CREATED);

    play.chapter("Data from the initiator");
    let there = "/cse1/cse1/ae2/container1";
    let asked = sealed_instance(there, "Cae1", "u1", &ticket).showing(0);
    play.asks("F2-01", "AE1", "CSE1", asked.0);
    play.response("F2-16", "CSE1", "AE1", Status::CREATED);
    let change = play.request("F2-18", "CSE1", "AE2");
    play.acknowledges("F2-19", "AE2", "CSE1", &change);

    play.chapter("Data from the target: the initiator has granted nothing");
    let asked = sealed_instance(INBOX, "Cae2", "u2", &ticket);
    play.asks("F2-01", "AE2", "CSE1", asked.0);
    play.response("F2-16", "CSE1", "AE2", Status::ORIGINATOR_HAS_NO_PRIVILEGE);

    play.chapter("Both ends read the one context");
    let near = Draft::retrieve("cse1/ae1/sessions/s1/context/la", "Cae1", "r1");
    play.asks("R-01", "AE1", "CSE1", near.0);
    play.response("R-02", "CSE1", "AE1", Status::OK);
    let far = Draft::retrieve(&format!("{session}/context/la"), "Cae2", "r2");
    play.asks("R-03", "AE2", "CSE1", far.0);
    play.response("R-04", "CSE1", "AE2", Status::OK);

    let before = play.world.clone();
    from_the_initiator(&mut play);
    play.back_to(before);
    from_the_target(&mut play, &session);
    play.text()
}

fn establishment(play: &mut Play) -> crate::common::message::Ticket {
    play.chapter("Establishment");
    let asked = proposal(&play.world, "e1", "s1");
    play.asks("F1-07", "AE1", "CSE1", asked);
    let question = play.request("F1-12", "CSE1", "AE2");
    let offered = ["/cse1/cse1/ae2/container1"];
    play.replies("F1-13", "AE2", "CSE1", yes(&question, &offered));
    let created = play.response("F1-17", "CSE1", "AE1", Status::CREATED);
    let tree = Draft::retrieve("cse1/ae1/sessions/s1", "Cae1", "r0").showing(8);
    play.asks("R-01", "AE1", "CSE1", tree.0);
    play.response("R-02", "CSE1", "AE1", Status::OK);
    play.is_quiet();
    ticket(&created)
}

fn from_the_initiator(play: &mut Play) {
    play.chapter("Termination by the initiator");
    let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1");
    play.asks("F3-01", "AE1", "CSE1", delete.0);
    let notice = play.request("F3-04", "CSE1", "AE2");
    play.acknowledges("F3-06", "AE2", "CSE1", &notice);
    play.response("F3-10", "CSE1", "AE1", Status::DELETED);
    play.is_quiet();
}

fn from_the_target(play: &mut Play, session: &str) {
    play.chapter("Termination by the target, instead");
    play.asks(
        "F3A-1",
        "AE2",
        "CSE1",
        Draft::delete(session, "Cae2", "d2").0,
    );
    let notice = play.request("F3A-3", "CSE1", "AE1");
    play.acknowledges("F3A-4", "AE1", "CSE1", &notice);
    play.response("F3A-6", "CSE1", "AE2", Status::DELETED);
    play.is_quiet();
}
