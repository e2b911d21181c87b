//! Set-up and flow 1: registration, discovery, establishment, policy.

use crate::Play;
use crate::common::message::{Draft, Ticket, event, member, ticket, yes};
use crate::common::scene::{consent, grants, night, proposal, registration, told};
use crate::common::{MINUTE, START};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::Request;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;

/// Registrations, rights, subscriptions and discovery (steps 1 to 6).
pub(crate) fn set_up(play: &mut Play) {
    play.chapter("Flow 1: registration and discovery");
    play.world.open("CSE1", "CSE2", Some("/cse1"));
    play.request("F1-01a", "CSE1", "CSE2");
    play.response("F1-01b", "CSE2", "CSE1", Status::CREATED);
    play.request("F1-01e", "CSE2", "CSE1");
    play.request("F1-01c", "CSE1", "CSE2");
    play.response("F1-01f", "CSE1", "CSE2", Status::OK);
    play.response("F1-01d", "CSE2", "CSE1", Status::OK);
    play.is_quiet();

    play.world.open("AE1", "CSE1", Some("Cae1"));
    play.world.open("AE2", "CSE2", Some("Cae2"));
    play.asks("F1-02a", "AE1", "CSE1", registration("AE1", "CSE1", true));
    play.response("F1-02b", "CSE1", "AE1", Status::CREATED);
    play.asks("F1-02c", "AE2", "CSE2", registration("AE2", "CSE2", true));
    play.response("F1-02d", "CSE2", "AE2", Status::CREATED);
    let own = Draft::retrieve("cse2/ae2/sessions", "Cae2", "a2-2");
    play.asks("S-01", "AE2", "CSE2", own.0);
    play.response("S-02", "CSE2", "AE2", Status::OK);
    for (at, request) in grants("cse2").into_iter().enumerate() {
        let status = match at {
            1 => Status::UPDATED,
            _ => Status::CREATED,
        };
        play.asks(&format!("S-{:02}", 3 + 2 * at), "AE2", "CSE2", request);
        play.response(&format!("S-{:02}", 4 + 2 * at), "CSE2", "AE2", status);
    }

    play.asks("F1-03", "AE2", "CSE2", consent("cse2", "Cae2", "ae2"));
    play.local("F1-04", "CSE2", "the subscription is there");
    play.response("F1-05", "CSE2", "AE2", Status::CREATED);
    play.asks("S-15", "AE1", "CSE1", told());
    play.response("S-16", "CSE1", "AE1", Status::CREATED);
    let read = Draft::retrieve("cse2/ae2/sessions/consent", "Cae2", "a2-9");
    play.asks("F1-04a", "AE2", "CSE2", read.0);
    play.response("F1-04b", "CSE2", "AE2", Status::OK);
    discovery(play);
}

fn discovery(play: &mut Play) {
    let capable = Value::object([
        (Attribute::CriterionName, Value::text("scap")),
        (Attribute::CriterionValue, Value::Bool(true)),
    ]);
    let filter = Value::object([
        (Attribute::FilterUsage, Value::Integer(1)),
        (
            Attribute::ResourceType,
            Value::List(vec![Value::Integer(2)]),
        ),
        (Attribute::AttributeCriterion, Value::List(vec![capable])),
    ]);
    let mut find = Draft::retrieve("/cse2/cse2", "Cae1", "a1-3");
    find.0.filter = Some(filter);
    find.0.identifier_type = Some(2);

    play.asks("F1-06a", "AE1", "CSE1", find.0);
    play.request("F1-06b", "CSE1", "CSE2");
    play.response("F1-06c", "CSE2", "CSE1", Status::OK);
    let found = play.response("F1-06d", "CSE1", "AE1", Status::OK);

    let list = found.content.expect("a list").value;
    let list = list.member(&Attribute::UriList).cloned();
    assert_eq!(list, Some(Value::texts(["Cae2"])));
}

/// Steps 7 to 17.
///
/// Returns what the initiator was given, and the identifier of the session at the target's CSE.
pub(crate) fn establishment(play: &mut Play) -> (Ticket, String) {
    play.world.now = START.plus(2 * MINUTE);
    play.chapter("Flow 1: establishment");
    let asked = proposal(&play.world, "e1", "s1");
    play.asks("F1-07", "AE1", "CSE1", asked);
    play.local("F1-08", "CSE1", "session identifier and key are reserved");
    play.request("F1-09", "CSE1", "CSE2");
    play.local("F1-10", "CSE2", "the request is recognised as a session's");
    play.local("F1-11", "CSE2", "target known, capable and subscribed");
    let question = play.request("F1-12", "CSE2", "AE2");
    let far = resource(&question);
    let none_yet = Draft::retrieve(&far, "Cae2", "a2-10");
    let early = play.world.exchange("AE2", "CSE2", none_yet.0);
    assert_eq!(
        early.status,
        Status::NOT_FOUND,
        "nothing before the verdict"
    );
    let offered = ["/cse2/cse2/ae2/container1", "/cse2/cse2/ae2/fcnt1"];
    play.replies("F1-13", "AE2", "CSE2", yes(&question, &offered));
    play.local("F1-14", "CSE2", "the session is made, PENDING");
    let early = Draft::retrieve("cse1/ae1/sessions/s1", "Cae1", "r0");
    let early = play.world.exchange("AE1", "CSE1", early.0);
    assert_eq!(early.status, Status::NOT_FOUND, "nothing before F1-15");
    play.response("F1-15", "CSE2", "CSE1", Status::CREATED);
    play.local("F1-16", "CSE1", "the session is made, ACTIVE");
    play.request("F1-16a", "CSE1", "CSE2");
    let created = play.response("F1-17", "CSE1", "AE1", Status::CREATED);
    play.response("F1-16b", "CSE2", "CSE1", Status::UPDATED);
    play.is_quiet();

    (ticket(&created), far)
}

/// The identifier that the target was told (F1-12).
pub(crate) fn resource(question: &Request) -> String {
    let (_, shown) = event(question).expect("an event");
    let session = shown.member(&Attribute::Resource(ResourceType::Session));
    let id = session.and_then(|s| s.member(&Attribute::ResourceId));
    id.and_then(Value::as_text)
        .expect("an identifier")
        .to_string()
}

/// Steps 18 to 23, and the trees afterwards.
pub(crate) fn policy(play: &mut Play) {
    play.world.now = START.plus(3 * MINUTE);
    play.chapter("Flow 1: policy");
    play.asks("F1-18", "AE1", "CSE1", night("p1", "night"));
    play.request("F1-19", "CSE1", "CSE2");
    play.local("F1-20", "CSE2", "the policy is made");
    let near = Draft::retrieve("cse1/ae1/sessions/s1/night", "Cae1", "r0b");
    let near = play.world.exchange("AE1", "CSE1", near.0);
    assert_eq!(near.status, Status::NOT_FOUND, "nothing near before F1-21");
    play.response("F1-21", "CSE2", "CSE1", Status::CREATED);
    play.local("F1-22", "CSE1", "the policy is made");
    play.response("F1-23", "CSE1", "AE1", Status::CREATED);

    let near = Draft::retrieve("cse1/ae1/sessions/s1", "Cae1", "r1").showing(4);
    play.asks("R-01", "AE1", "CSE1", near.0);
    let tree = play.response("R-02", "CSE1", "AE1", Status::OK);
    assert_eq!(
        member(&tree, &Attribute::Lifecycle),
        Some(Value::Integer(2))
    );
    let hops = Draft::retrieve("cse2/ae2/sessions", "Cae2", "r2").showing(8);
    play.asks("R-03", "AE2", "CSE2", hops.0);
    play.response("R-04", "CSE2", "AE2", Status::OK);
    play.is_quiet();
}
