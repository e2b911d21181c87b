//! Establishments that fail: which code the initiator gets, and that nothing stays (EST-11, section 8).

use super::codes::answer_at;
use super::hop::{SESSION, hop_request, initiator, with_peers};
use crate::common::message::{Draft, establish, one_endpoint, reason, reply, request, yes};
use crate::common::scene::{
    self, agree, consent, done, pair, proposal, question, register, session_with,
};
use crate::common::{DAY, Node, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Content, Primitive, Response};
use m2m_machine::record::Record;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use rstest::rstest;

const SESSIONS: &str = "cse1/ae1/sessions";
const ENDPOINTS: Attribute = Attribute::Resource(ResourceType::SessionEndpoint);
const POLICIES: Attribute = Attribute::Resource(ResourceType::SessionPolicy);

/// Whether any CSE holds a session, or an attempt that is not merely waiting for a late verdict.
pub(crate) fn holds_anything(world: &World) -> bool {
    let left = |record: &Record| match record {
        Record::Session(_) => true,
        Record::Resource(r) => r.resource_type == ResourceType::Session,
        Record::Attempt(a) => !matches!(a.stage, m2m_machine::record::Stage::Abandoned { .. }),
        Record::Counter(_)
        | Record::Neighbour(_)
        | Record::Change(_)
        | Record::Stored(_)
        | Record::Notice(_)
        | Record::Tombstone(_)
        | Record::Outcome(_) => false,
    };
    let mut hosts = world.hosts.values();
    hosts.any(|host| host.cse.durable().any(|r| left(&r)))
}

fn asked(target: &str) -> Draft {
    establish(SESSIONS, "Cae1", "x1", target)
}

fn good() -> Draft {
    asked("/cse2/Cae2")
}

fn named(name: &str) -> Draft {
    good().with(Attribute::ResourceName, Value::text(name))
}

fn with_policies(list: Vec<Members>) -> Draft {
    let list = list.into_iter().map(Value::Object).collect();
    good().with(POLICIES, Value::List(list))
}

fn policy(name: &str, kind: i64, scope: i64) -> Members {
    Members::from([
        (Attribute::ResourceName, Value::text(name)),
        (Attribute::PolicyType, Value::Integer(kind)),
        (Attribute::PolicyScope, Value::Integer(scope)),
    ])
}

#[rstest]
// EST-33
#[case::two_targets(good().with(Attribute::SessionTargets, Value::texts(["/cse2/Cae2", "/cse2/Cae3"])), 5001)]
// EST-32
#[case::no_target(good().with(Attribute::SessionTargets, Value::texts([""; 0])), 4000)]
#[case::a_stem_as_target(asked("Cae2"), 4000)]
#[case::itself_as_target(asked("/cse1/Cae1"), 4000)]
// EST-32
#[case::no_endpoint(good().with(ENDPOINTS, Value::List(Vec::new())), 4000)]
#[case::an_endpoint_without_paths(good().with(ENDPOINTS, Value::List(vec![Value::object([])])), 4000)]
// EST-42
#[case::a_foreign_path(good().with(ENDPOINTS, one_endpoint(&["/cse1/cse1/ae3"])), 4102)]
#[case::a_path_at_another_cse(good().with(ENDPOINTS, one_endpoint(&["/cse2/cse2/ae1"])), 4102)]
// EST-32
#[case::an_identifier_of_its_own(good().with(Attribute::SessionId, Value::text(SESSION)), 4000)]
// EST-46
#[case::keys_end_to_end_without_one(good().with(Attribute::EndToEnd, Value::Bool(true)), 4000)]
#[case::an_end_in_the_past(good().with(Attribute::ExpirationTime, Value::Time(crate::common::START)), 4000)]
// EST-36
#[case::another_result_content(good().showing(2), 4000)]
#[case::a_reserved_name(named("nextHops"), 4000)]
#[case::a_taken_name(named("s1"), 4105)]
#[case::a_policy_with_the_name_of_a_part(with_policies(vec![policy("context", 1, 1)]), 4105)]
// POL-11
#[case::two_policies_of_one_name(with_policies(vec![policy("a", 1, 1), policy("a", 1, 2)]), 4105)]
#[case::a_policy_by_schedule_without_one(with_policies(vec![policy("a", 2, 1)]), 4000)]
#[case::an_unknown_target(asked("/cse2/Cae9"), 4004)]
#[case::an_unknown_cse(asked("/cse9/Cae2"), 4004)]
#[case::a_target_without_sessions(asked("/cse2/Cae4"), 5214)]
#[case::a_target_that_is_not_subscribed(asked("/cse2/Cae5"), 5107)]
fn an_establishment_is_refused_without_a_question(#[case] draft: Draft, #[case] expected: u16) {
    let mut world = pair();
    register(&mut world, "AE4", "CSE2", false);
    register(&mut world, "AE5", "CSE2", true);
    session_with(&mut world, "s1", &[]);

    assert_eq!(answer_at(&mut world, "AE1", draft.0), expected);

    assert_eq!(world.waiting("CSE2", "AE2").count(), 0, "no question");
    let attempts = |r: &Record| matches!(r, Record::Attempt(_));
    let mut hosts = world.hosts.values();
    assert!(hosts.all(|host| !host.cse.durable().any(|r| attempts(&r))));
}

fn no(question: &m2m_machine::primitive::Request) -> Response {
    reply(question, Status::OPERATION_NOT_ALLOWED)
}

fn bare_yes(question: &m2m_machine::primitive::Request) -> Response {
    reply(question, Status::OK)
}

fn foreign_yes(question: &m2m_machine::primitive::Request) -> Response {
    yes(question, &["/cse2/cse2/ae3"])
}

fn another_name(question: &m2m_machine::primitive::Request) -> Response {
    let mut response = yes(question, &[]);
    let members = Members::from([
        (Attribute::EndpointId, Value::text("/cse2/Cae3")),
        crate::common::message::paths(&[]),
    ]);
    response.content = Some(Content::resource(ResourceType::SessionEndpoint, members));
    response
}

#[rstest]
#[case::no(no)]
#[case::yes_without_an_endpoint(bare_yes)]
// EST-42
#[case::yes_with_a_foreign_path(foreign_yes)]
#[case::yes_in_the_name_of_another(another_name)]
fn whatever_is_not_a_whole_yes_is_a_refusal(
    #[case] verdict: fn(&m2m_machine::primitive::Request) -> Response,
    #[values("CSE1", "CSE2", "CSE3")] last: Node,
) {
    let mut world = match last {
        "CSE1" => scene::single(),
        "CSE2" => pair(),
        _ => scene::chain(),
    };
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    let question = question(&mut world);

    // What is wrong with the name and the path of AE2 at CSE2 is so at the others, too.
    world.answer("AE2", last, verdict(&question));
    world.settle();

    let answer = world.take_response("CSE1", "AE1", "e1").expect("an answer");
    // EST-55, EST-56
    assert_eq!(answer.status, Status::OPERATION_DENIED_BY_REMOTE_ENTITY);
    assert!(!holds_anything(&world));
}

#[rstest]
#[case::connected_and_silent(true, Status::REQUEST_TIMEOUT)]
#[case::absent(false, Status::REMOTE_ENTITY_NOT_REACHABLE)]
fn a_target_that_says_nothing_fails_the_request(
    #[case] is_there: bool,
    #[case] expected: Status,
    #[values("CSE1", "CSE2", "CSE3")] last: Node,
) {
    let mut world = match last {
        "CSE1" => scene::single(),
        "CSE2" => pair(),
        _ => scene::chain(),
    };
    if !is_there {
        world.cut("AE2", last);
    }
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    world.settle();

    world.wait(29_999);

    let answer = world.take_response("CSE1", "AE1", "e1").expect("an answer");
    assert_eq!(answer.status, expected);
    assert!(!holds_anything(&world));
    let again = proposal(&world, "e2", "s1");
    world.ask("AE1", "CSE1", again);
    assert_eq!(
        world.take_response("CSE1", "AE1", "e2"),
        None,
        "its name is free"
    );
}

#[test]
fn a_held_question_reaches_a_target_that_returns_in_time() {
    let mut world = pair();
    world.cut("AE2", "CSE2");
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    world.settle();
    world.wait(20_000);

    world.open("AE2", "CSE2", Some("Cae2"));
    let question = request(world.pass("CSE2", "AE2").expect("the question"));
    agree(&mut world, &question, &[]);

    let answer = world.take_response("CSE1", "AE1", "e1").expect("an answer");
    assert_eq!(answer.status, Status::CREATED);
}

#[rstest]
#[case::yes(true)]
#[case::no(false)]
fn a_late_verdict_changes_nothing(#[case] is_yes: bool) {
    let mut world = pair();
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    let question = question(&mut world);
    world.wait(40_000);

    let verdict = if is_yes {
        yes(&question, &[])
    } else {
        no(&question)
    };
    world.answer("AE2", "CSE2", verdict);
    world.settle();

    assert!(!holds_anything(&world));
    // EST-58: who said yes learns, once, that it came to nothing.
    let told = reasons(&mut world, "CSE2", "AE2");
    assert!(
        told.iter().all(|why| *why == 6) && told.len() <= 1,
        "{told:?}"
    );
    assert!(!is_yes || told.len() == 1);
}

/// The reasons for ends of sessions in what waits for an AE.
pub(crate) fn reasons(world: &mut World, from: Node, to: Node) -> Vec<i64> {
    let mut found = Vec::new();
    while let Some(primitive) = world.pass(from, to) {
        if let Primitive::Request(request) = primitive {
            found.extend(reason(&request));
        }
    }
    found
}

#[test]
fn a_confirmation_that_finds_nothing_ends_the_session_at_the_initiator() {
    let mut world = pair();
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    let question = question(&mut world);
    let verdict = yes(&question, &[]);
    world.answer("AE2", "CSE2", verdict);
    world.pass("CSE2", "CSE1");
    world.cut("CSE1", "CSE2");
    world.wait(2 * crate::common::MINUTE);

    scene::join(&mut world, "CSE1");

    assert!(!holds_anything(&world), "EST-14");
    assert_eq!(reasons(&mut world, "CSE1", "AE1"), [6], "EST-66");
    assert_eq!(reasons(&mut world, "CSE2", "AE2"), [6], "EST-63");
}

#[test]
fn a_confirmation_that_finds_nothing_beyond_a_transit_ends_the_session_everywhere() {
    let mut world = scene::chain();
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    let question = question(&mut world);
    let verdict = yes(&question, &[]);
    world.answer("AE2", "CSE3", verdict);
    world.pass("CSE3", "CSE2");
    world.cut("CSE3", "CSE2");
    world.settle();
    world.wait(2 * crate::common::MINUTE);

    scene::join(&mut world, "CSE3");
    world.take_response("CSE1", "AE1", "e1").expect("success");
    let told = request(world.pass("CSE1", "AE1").expect("a notification"));
    assert_eq!(reason(&told), Some(6));
    let thanks = reply(&told, Status::OK);
    world.answer("AE1", "CSE1", thanks);
    world.settle();

    assert!(!holds_anything(&world), "EST-14, EST-66");
}

#[test]
fn a_lost_answer_of_the_hop_is_taken_back_by_session_identifier() {
    let mut world = pair();
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    let question = question(&mut world);
    let verdict = yes(&question, &[]);
    world.answer("AE2", "CSE2", verdict);
    world.cut("CSE1", "CSE2");
    world.wait(29_999);
    let late = world.take_response("CSE1", "AE1", "e1").expect("an answer");

    scene::join(&mut world, "CSE1");
    let told = request(world.pass("CSE2", "AE2").expect("a notification"));
    let thanks = reply(&told, Status::OK);
    world.answer("AE2", "CSE2", thanks);
    world.settle();

    assert_eq!(late.status, Status::REQUEST_TIMEOUT);
    assert_eq!(reason(&told), Some(6));
    assert!(!holds_anything(&world), "EST-64");
}

#[rstest]
#[case::another_endpoint("/cse1/Cae1", "/cse1/Cae7")]
#[case::an_initiator_of_the_receiver("/cse2/Cae3", "/cse2/Cae3")]
#[case::the_target_itself("/cse2/Cae2", "/cse2/Cae2")]
fn a_hop_request_that_contradicts_itself_is_refused(#[case] from: &str, #[case] endpoint: &str) {
    let mut world = with_peers(|_| {});
    let asked = hop_request(&world, "Cae1/e1", SESSION)
        .with(Attribute::SessionOriginator, Value::text(from))
        .with(ENDPOINTS, initiator(endpoint));

    let answer = world.exchange("PEER1", "CSE2", asked.0);

    assert_eq!(answer.status, Status::BAD_REQUEST);
    assert!(!holds_anything(&world));
}

#[test]
fn a_neighbour_without_session_support_gets_no_hop_request() {
    let mut world = with_peers(|_| {});
    super::hop::introduce(&mut world, "PEER4", "cse4", &[1, 2, 3]);
    let asked = establish("cse2/ae2/sessions", "Cae2", "e1", "/cse4/Cae4");

    let answer = world.exchange("AE2", "CSE2", asked.0);

    // EST-10, EST-40
    assert_eq!(answer.status, Status::NOT_IMPLEMENTED);
    assert_eq!(world.waiting("CSE2", "PEER4").count(), 0);
}

#[rstest]
#[case::towards_the_initiator("AE1")]
#[case::towards_the_hop("CSE2")]
#[case::towards_the_target("AE2")]
fn a_key_leaves_over_trusted_links_only(#[case] untrusted: Node) {
    let mut world = pair();
    match untrusted {
        "AE1" => {
            world.cut("AE1", "CSE1");
            world.open_as("AE1", "CSE1", Some("Cae1"), false);
        }
        "AE2" => {
            world.cut("AE2", "CSE2");
            world.open_as("AE2", "CSE2", Some("Cae2"), false);
        }
        _ => {
            world.cut("CSE1", "CSE2");
            world.open_as("CSE1", "CSE2", Some("/cse1"), false);
            world.settle();
        }
    }
    let asked = proposal(&world, "e1", "s1");

    // EST-45
    assert_eq!(answer_at(&mut world, "AE1", asked), 4107);
    assert!(!holds_anything(&world));
}

#[test]
fn a_session_identifier_is_the_cse_id_and_a_token_of_22_characters() {
    let mut world = pair();
    let one = session_with(&mut world, "s1", &[]);
    let other = session_with(&mut world, "s2", &[]);

    let token = one.id.as_str().strip_prefix("/cse1/").expect("the CSE-ID");

    assert_eq!(token.len(), 22);
    assert_ne!(one.id, other.id);
    assert_ne!(one.key, other.key);
}

#[test]
fn the_end_of_a_session_is_the_earliest_that_anyone_allows() {
    let mut world = scene::pair_with(|config| {
        if config.name == "cse2" {
            config.timers.session_life_max_ms = DAY;
        }
    });
    let asked = proposal(&world, "e1", "s1");
    let ends = world.now.plus(DAY);
    world.ask("AE1", "CSE1", asked);
    let question = question(&mut world);
    agree(&mut world, &question, &["/cse2/cse2/ae2/container1"]);

    let created = world.take_response("CSE1", "AE1", "e1").expect("success");

    let shown = crate::common::message::member(&created, &Attribute::ExpirationTime);
    assert_eq!(shown, Some(Value::Time(ends)), "EST-62");
}

#[test]
fn the_consent_subscription_survives_the_session() {
    let mut world = pair();
    session_with(&mut world, "s1", &[]);
    let ended = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1");
    world.ask("AE1", "CSE1", ended.0);
    world.settle();
    let told = request(world.pass("CSE2", "AE2").expect("a notification"));
    let thanks = reply(&told, Status::OK);
    world.answer("AE2", "CSE2", thanks);

    let read = Draft::retrieve("cse2/ae2/sessions/consent", "Cae2", "r1");
    let answer = world.exchange("AE2", "CSE2", read.0);

    assert_eq!(answer.status, Status::OK, "END-19");
}

#[test]
fn who_unsubscribes_is_not_asked_any_more() {
    let mut world = pair();
    let gone = Draft::delete("cse2/ae2/sessions/consent", "Cae2", "x1");
    done(&mut world, "AE2", "CSE2", gone.0);
    let asked = proposal(&world, "e1", "s1");
    let before = answer_at(&mut world, "AE1", asked);

    let mut again = consent("cse2", "Cae2", "ae2");
    again.request_id = "x2".into();
    done(&mut world, "AE2", "CSE2", again);
    session_with(&mut world, "s1", &[]);

    assert_eq!(before, 5107);
}

#[test]
fn policies_of_an_establishment_are_in_force_on_every_hop_when_it_succeeds() {
    let mut world = pair();
    world.ask("AE1", "CSE1", with_policies(vec![policy("direct", 1, 3)]).0);
    let question = question(&mut world);
    agree(&mut world, &question, &[]);

    let answer = world.take_response("CSE1", "AE1", "x1").expect("an answer");

    assert_eq!(answer.status, Status::CREATED);
    for node in ["CSE1", "CSE2"] {
        let policies = world.resources(node, ResourceType::SessionPolicy);
        let names: Vec<&str> = policies.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["direct"], "{node}: POL-11");
    }
}

/// One endpoint with a public key.
fn with_public_key() -> Value {
    let key = [
        (Attribute::KeyType, Value::text("OKP")),
        (Attribute::KeyCurve, Value::text("X25519")),
        (
            Attribute::KeyX,
            Value::text("NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ"),
        ),
    ];
    Value::List(vec![Value::object([
        crate::common::message::paths(&[]),
        (Attribute::EndpointKey, Value::object(key)),
    ])])
}

#[rstest]
#[case::with_a_key_of_its_own(true, Status::CREATED)]
#[case::without(false, Status::OPERATION_DENIED_BY_REMOTE_ENTITY)]
fn keys_end_to_end_are_the_endpoints_own(#[case] has_key: bool, #[case] expected: Status) {
    let mut world = pair();
    let asked = good()
        .with(ENDPOINTS, with_public_key())
        .with(Attribute::EndToEnd, Value::Bool(true));
    world.ask("AE1", "CSE1", asked.0);
    let question = question(&mut world);
    let (_, shown) = crate::common::message::event(&question).expect("F1-12");
    let session = shown.member(&Attribute::Resource(ResourceType::Session));
    let handed_out = session
        .and_then(|s| s.member(&Attribute::Credentials))
        .cloned();
    let mut verdict = yes(&question, &[]);
    if has_key && let Some(endpoint) = with_public_key().as_list().and_then(<[Value]>::first) {
        let members = endpoint.as_object().cloned().unwrap_or_default();
        verdict.content = Some(Content::resource(ResourceType::SessionEndpoint, members));
    }
    world.answer("AE2", "CSE2", verdict);
    world.settle();

    let answer = world.take_response("CSE1", "AE1", "x1").expect("an answer");

    let handed_out = handed_out.expect("credentials");
    assert!(handed_out.member(&Attribute::KeyId).is_some(), "EST-46");
    assert_eq!(handed_out.member(&Attribute::KeyValue), None, "EST-46");
    assert_eq!(answer.status, expected, "EST-46");
}
