//! A CSE in transit between the registrars of the endpoints (R16). A `t` marks what it passes on.

use crate::Play;
use crate::common::message::{Draft, Ticket, sealed_instance, ticket, yes};
use crate::common::scene::{INBOX, chain, grant_inbox, night, proposal};
use m2m_machine::status::Status;

pub(crate) fn flows() -> String {
    let mut play = Play::new(chain());
    let (ticket, far) = establishment(&mut play);
    data(&mut play, &ticket);
    policy(&mut play);
    let before = play.world.clone();
    from_the_initiator(&mut play);
    play.back_to(before);
    from_the_target(&mut play, &far);
    play.text()
}

/// Returns what the initiator was given, and the identifier of the session at CSE3.
fn establishment(play: &mut Play) -> (Ticket, String) {
    play.chapter("Establishment");
    let asked = proposal(&play.world, "e1", "s1");
    play.asks("F1-07", "AE1", "CSE1", asked);
    play.request("F1-09", "CSE1", "CSE2");
    play.request("F1-09t", "CSE2", "CSE3");
    let question = play.request("F1-12", "CSE3", "AE2");
    let offered = ["/cse3/cse3/ae2/container1"];
    play.replies("F1-13", "AE2", "CSE3", yes(&question, &offered));
    play.response("F1-15", "CSE3", "CSE2", Status::CREATED);
    play.response("F1-15t", "CSE2", "CSE1", Status::CREATED);
    play.request("F1-16a", "CSE1", "CSE2");
    let created = play.response("F1-17", "CSE1", "AE1", Status::CREATED);
    play.response("F1-16b", "CSE2", "CSE1", Status::UPDATED);
    play.request("F1-16at", "CSE2", "CSE3");
    play.response("F1-16bt", "CSE3", "CSE2", Status::UPDATED);
    play.is_quiet();
    (ticket(&created), crate::flow1::resource(&question))
}

fn data(play: &mut Play, ticket: &Ticket) {
    play.chapter("Data from the initiator");
    let there = "/cse3/cse3/ae2/container1";
    let asked = sealed_instance(there, "Cae1", "u1", ticket).showing(0);
    play.asks("F2-01", "AE1", "CSE1", asked.0);
    play.request("F2-07", "CSE1", "CSE2");
    play.request("F2-07t", "CSE2", "CSE3");
    play.response("F2-14", "CSE3", "CSE2", Status::CREATED);
    play.response("F2-14t", "CSE2", "CSE1", Status::CREATED);
    play.response("F2-16", "CSE1", "AE1", Status::CREATED);
    let change = play.request("F2-18", "CSE3", "AE2");
    play.acknowledges("F2-19", "AE2", "CSE3", &change);

    play.chapter("Data from the target, which the initiator has granted");
    grant_inbox(&mut play.world, "/cse3/Cae2");
    let asked = sealed_instance(INBOX, "Cae2", "u2", ticket).showing(0);
    play.asks("F2-01", "AE2", "CSE3", asked.0);
    play.request("F2-07", "CSE3", "CSE2");
    play.request("F2-07t", "CSE2", "CSE1");
    play.response("F2-14", "CSE1", "CSE2", Status::CREATED);
    play.response("F2-14t", "CSE2", "CSE3", Status::CREATED);
    play.response("F2-16", "CSE3", "AE2", Status::CREATED);
    let change = play.request("F2-18", "CSE1", "AE1");
    play.acknowledges("F2-19", "AE1", "CSE1", &change);
    play.is_quiet();
}

fn policy(play: &mut Play) {
    play.chapter("Policy, far to near");
    play.asks("F1-18", "AE1", "CSE1", night("p1", "night"));
    play.request("F1-19", "CSE1", "CSE2");
    play.request("F1-19t", "CSE2", "CSE3");
    play.response("F1-21", "CSE3", "CSE2", Status::CREATED);
    play.response("F1-21t", "CSE2", "CSE1", Status::CREATED);
    play.response("F1-23", "CSE1", "AE1", Status::CREATED);
    play.is_quiet();
}

fn from_the_initiator(play: &mut Play) {
    play.chapter("Termination by the initiator");
    let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1");
    play.asks("F3-01", "AE1", "CSE1", delete.0);
    play.request("F3-03", "CSE1", "CSE2");
    play.request("F3-03t", "CSE2", "CSE3");
    let notice = play.request("F3-04", "CSE3", "AE2");
    play.acknowledges("F3-06", "AE2", "CSE3", &notice);
    play.response("F3-08", "CSE3", "CSE2", Status::DELETED);
    play.response("F3-08t", "CSE2", "CSE1", Status::DELETED);
    play.response("F3-10", "CSE1", "AE1", Status::DELETED);
    play.is_quiet();
}

fn from_the_target(play: &mut Play, far: &str) {
    play.chapter("Termination by the target, instead");
    let delete = Draft::delete(far, "Cae2", "d2");
    play.asks("F3A-1", "AE2", "CSE3", delete.0);
    play.request("F3A-2", "CSE3", "CSE2");
    play.request("F3A-2t", "CSE2", "CSE1");
    let notice = play.request("F3A-3", "CSE1", "AE1");
    play.acknowledges("F3A-4", "AE1", "CSE1", &notice);
    play.response("F3A-5", "CSE1", "CSE2", Status::DELETED);
    play.response("F3A-5t", "CSE2", "CSE3", Status::DELETED);
    play.response("F3A-6", "CSE3", "AE2", Status::DELETED);
    play.is_quiet();
}
