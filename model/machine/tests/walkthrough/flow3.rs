//! Flow 3: the end of a session, from either side, by expiry and by deregistration.

use crate::Play;
use crate::common::message::Draft;
use crate::common::{MINUTE, START};
use m2m_machine::status::Status;

const SESSION: &str = "cse1/ae1/sessions/s1";

/// Steps 1 to 11, and repetitions afterwards (E13).
pub(crate) fn from_the_initiator(play: &mut Play, far: &str) {
    play.world.now = play.world.now.plus(6 * 60 * MINUTE);
    play.chapter("Flow 3: from the initiator");
    let expires = play.world.now.plus(30_000);
    let delete = Draft::delete(SESSION, "Cae1", "d1").by(expires).0;
    play.asks("F3-01", "AE1", "CSE1", delete.clone());
    play.local("F3-02", "CSE1", "TERMINATING: use ends, the hop is /cse2");
    play.request("F3-03", "CSE1", "CSE2");
    let notice = play.request("F3-04", "CSE2", "AE2");
    play.local("F3-05", "AE2", "state and key erased");
    play.acknowledges("F3-06", "AE2", "CSE2", &notice);
    play.local("F3-07", "CSE2", "the session is gone");
    let gone = Draft::retrieve(far, "Cae2", "r7");
    let gone = play.world.exchange("AE2", "CSE2", gone.0);
    assert_eq!(gone.status, Status::NOT_FOUND, "gone at CSE2");
    play.response("F3-08", "CSE2", "CSE1", Status::DELETED);
    play.local("F3-09", "CSE1", "the session is gone");
    let gone = play
        .world
        .exchange("AE1", "CSE1", Draft::retrieve(SESSION, "Cae1", "r8").0);
    assert_eq!(gone.status, Status::NOT_FOUND, "gone at CSE1");
    play.response("F3-10", "CSE1", "AE1", Status::DELETED);
    play.local("F3-11", "AE1", "state and key erased");

    play.asks("E13-1", "AE1", "CSE1", delete);
    play.response("E13-2", "CSE1", "AE1", Status::DELETED);
    let again = Draft::delete(SESSION, "Cae1", "d4").0;
    play.asks("E13-3", "AE1", "CSE1", again);
    play.response("E13-4", "CSE1", "AE1", Status::NOT_FOUND);
    play.is_quiet();
}

pub(crate) fn from_the_target(play: &mut Play, far: &str) {
    play.chapter("Flow 3: from the target");
    let expires = play.world.now.plus(30_000);
    let delete = Draft::delete(far, "Cae2", "d2").by(expires);
    play.asks("F3A-1", "AE2", "CSE2", delete.0);
    play.request("F3A-2", "CSE2", "CSE1");
    let notice = play.request("F3A-3", "CSE1", "AE1");
    play.acknowledges("F3A-4", "AE1", "CSE1", &notice);
    play.response("F3A-5", "CSE1", "CSE2", Status::DELETED);
    play.response("F3A-6", "CSE2", "AE2", Status::DELETED);
    play.is_quiet();
}

pub(crate) fn by_expiry(play: &mut Play) {
    let ends = START.plus(6 * 24 * 60 * MINUTE);
    play.world.now = ends.minus(1);
    let (at, ..) = play.world.next_deadline().expect("something is due");
    assert!(at <= ends.plus(2_000));
    play.world.wait(2_001);
    play.chapter("Flow 3: by expiry");
    let notice = play.request("F3X-1", "CSE2", "AE2");
    play.acknowledges("F3X-2", "AE2", "CSE2", &notice);
    let notice = play.request("F3X-3", "CSE1", "AE1");
    play.acknowledges("F3X-4", "AE1", "CSE1", &notice);
    play.is_quiet();
}

pub(crate) fn by_deregistration(play: &mut Play) {
    play.chapter("Flow 3: by deregistration of the target");
    play.asks(
        "F3D-1",
        "AE2",
        "CSE2",
        Draft::delete("cse2/ae2", "Cae2", "d3").0,
    );
    play.response("F3D-2", "CSE2", "AE2", Status::DELETED);
    play.request("F3D-3", "CSE2", "CSE1");
    let notice = play.request("F3D-4", "CSE1", "AE1");
    play.acknowledges("F3D-5", "AE1", "CSE1", &notice);
    play.response("F3D-6", "CSE1", "CSE2", Status::DELETED);
    play.is_quiet();
}
