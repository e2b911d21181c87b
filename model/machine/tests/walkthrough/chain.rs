//! A CSE in transit between the registrars of the endpoints (R16). A `t` marks what it passes on.

use crate::Play;
use crate::common::message::{Draft, yes};
use crate::common::scene::{chain, night, proposal};
use m2m_machine::status::Status;

pub(crate) fn flows() -> String {
    let mut play = Play::new(chain());
    let far = establishment(&mut play);
    policy(&mut play);
    let before = play.world.clone();
    from_the_initiator(&mut play);
    play.back_to(before);
    from_the_target(&mut play, &far);
    play.text()
}

/// Returns the identifier of the session at CSE3.
fn establishment(play: &mut Play) -> String {
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
    play.response("F1-17", "CSE1", "AE1", Status::CREATED);
    play.response("F1-16b", "CSE2", "CSE1", Status::UPDATED);
    play.request("F1-16at", "CSE2", "CSE3");
    play.response("F1-16bt", "CSE3", "CSE2", Status::UPDATED);
    play.is_quiet();
    crate::flow1::resource(&question)
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
