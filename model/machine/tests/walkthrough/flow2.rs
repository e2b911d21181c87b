//! Flow 2: a request held until its window opens, the update it makes, and how the target learns of it and reads it.

use crate::Play;
use crate::common::message::{Draft, Ticket, member, sealed_instance};
use crate::common::{HOUR, MINUTE, START};
use m2m_machine::attribute::Attribute;
use m2m_machine::status::Status;
use m2m_machine::value::Value;

const TARGET: &str = "/cse2/cse2/ae2/container1";

/// Steps 1 to 7: until the request has left the initiator's CSE.
///
/// Returns the address of the `<request>`.
pub(crate) fn stored_request(play: &mut Play, ticket: &Ticket) -> String {
    play.world.now = START.plus(6 * MINUTE);
    play.chapter("Flow 2: a request held until its window opens");
    let asked = sealed_instance(TARGET, "Cae1", "u1", ticket)
        .showing(2)
        .notified()
        .by(START.plus(20 * HOUR));
    play.asks("F2-01", "AE1", "CSE1", asked.0);
    play.local("F2-02", "CSE1", "recognised as a session's by its sid");
    play.local("F2-03", "CSE1", "originator and path are the session's");
    play.local("F2-04", "CSE1", "the next hop is /cse2");
    play.local("F2-05", "CSE1", "policy night: the window is closed");
    play.local("F2-06", "CSE1", "stored");
    let accepted = play.response("F2-06a", "CSE1", "AE1", Status::ACCEPTED_ASYNCH);
    let content = accepted.content.expect("an address").value;
    let uri = content.member(&Attribute::Uri).and_then(Value::as_text);
    let uri = uri.expect("an address").to_string();
    let pending = Draft::retrieve(&uri, "Cae1", "r3");
    play.asks("F2-06b", "AE1", "CSE1", pending.0);
    play.response("F2-06c", "CSE1", "AE1", Status::OK);
    play.is_quiet();

    // 02:00 on the next day; nothing leaves a moment earlier.
    let opens = START.plus(16 * HOUR + MINUTE);
    play.world.wait(opens.0 - play.world.now.0 - 1);
    play.is_quiet();
    let (at, node, timer) = play.world.next_deadline().expect("the window");
    assert_eq!((at, node), (opens, "CSE1"));
    play.world.now = opens;
    play.chapter("Flow 2: the window is open");
    play.world.elapse(node, timer);
    play.request("F2-07", "CSE1", "CSE2");
    uri
}

/// Steps 8 to 27.
pub(crate) fn update_and_reading(play: &mut Play, ticket: &Ticket, uri: &str, session: &str) {
    play.local("F2-08", "CSE2", "recognised as a session's by its sid");
    play.local(
        "F2-09",
        "CSE2",
        "originator, hop and path are the session's",
    );
    play.local("F2-10", "CSE2", "the target is hosted here");
    play.local("F2-11", "CSE2", "no policy for serving: at once");
    play.local("F2-12", "CSE2", "the instance is made");
    play.local("F2-13", "CSE2", "context entry");
    play.response("F2-14", "CSE2", "CSE1", Status::CREATED);
    play.local("F2-15", "CSE1", "context entry");
    let result = play.request("F2-16a", "CSE1", "AE1");
    play.acknowledges("F2-16b", "AE1", "CSE1", &result);
    play.asks(
        "F2-16c",
        "AE1",
        "CSE1",
        Draft::retrieve(uri, "Cae1", "r4").0,
    );
    play.response("F2-16d", "CSE1", "AE1", Status::OK);

    play.local(
        "F2-17",
        "CSE2",
        "AE2 has subscribed and is not the originator",
    );
    let change = play.request("F2-18", "CSE2", "AE2");
    play.acknowledges("F2-19", "AE2", "CSE2", &change);
    let instance = format!("{TARGET}/{}", newest(play));
    let read = Draft::retrieve(&instance, "Cae2", "u2").within(&ticket.id);
    play.asks("F2-20", "AE2", "CSE2", read.0);
    play.local("F2-21", "CSE2", "recognised as a session's by its sid");
    play.local("F2-22", "CSE2", "originator and path are the session's");
    play.local("F2-23", "CSE2", "the target is hosted here");
    play.local("F2-24", "CSE2", "no policy for serving: at once");
    play.local("F2-25", "CSE2", "the instance is read");
    play.local("F2-26", "CSE2", "context entry");
    play.response("F2-27", "CSE2", "AE2", Status::OK);
    let latest = Draft::retrieve("cse2/ae2/container1/la", "Cae2", "u3").within(&ticket.id);
    play.asks("F2-20q", "AE2", "CSE2", latest.0);
    play.response("F2-27q", "CSE2", "AE2", Status::OK);

    let near = Draft::retrieve("cse1/ae1/sessions/s1/context", "Cae1", "r5").showing(4);
    play.asks("F2-15a", "AE1", "CSE1", near.0);
    play.response("F2-15b", "CSE1", "AE1", Status::OK);
    let far = Draft::retrieve(&format!("{session}/context"), "Cae2", "r6").showing(4);
    play.asks("F2-26a", "AE2", "CSE2", far.0);
    play.response("F2-26b", "CSE2", "AE2", Status::OK);
    play.is_quiet();
}

/// The name of the instance that the transcript has shown.
fn newest(play: &mut Play) -> String {
    let latest = Draft::retrieve("cse2/ae2/container1/la", "Cae2", "look");
    let latest = play.world.exchange("AE2", "CSE2", latest.0);
    let name = member(&latest, &Attribute::ResourceName);
    name.and_then(|n| n.as_text().map(ToString::to_string))
        .expect("an instance")
}
