//! Subscriptions that block: an UPDATE waits for the consent of a target (REG-93 to REG-95).

use super::batches::{CSE, INBOX, SUBSCRIPTION};
use super::rates::{earlier, rate};
use crate::common::message::{Draft, member};
use crate::common::scene::{done, single};
use crate::common::{HOUR, MINUTE, SECOND, START, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::Timers;
use m2m_machine::primitive::{Primitive, Request, Response, ResponseMode};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use rstest::rstest;

fn criteria(attributes: &[&str]) -> (Attribute, Value) {
    let types = Value::List(vec![Value::Integer(7)]);
    let mut criteria = Members::from([(Attribute::NotificationEventType, types)]);
    if !attributes.is_empty() {
        criteria.insert(Attribute::AttributeCriterion, Value::texts(attributes));
    }
    (
        Attribute::EventNotificationCriteria,
        Value::Object(criteria),
    )
}

fn guard(name: &str, attributes: &[&str]) -> Draft {
    let (enc, value) = criteria(attributes);
    Draft::create(INBOX, "Cae1", name, ResourceType::Subscription)
        .with(Attribute::ResourceName, Value::text(name))
        .with(Attribute::NotificationUri, Value::texts(["Cae1"]))
        .with(enc, value)
}

/// CSE1, and AE1 whose `inbox` changes only with its own consent.
fn guarded(attributes: &[&str]) -> World {
    let mut world = single();
    done(&mut world, "AE1", CSE, guard("sub", attributes).0);
    world
}

fn label(id: &str) -> Draft {
    Draft::update(INBOX, "Cae1", id, ResourceType::Container)
        .with(Attribute::Labels, Value::texts([id]))
}

/// Takes the oldest question that waits for AE1.
fn question(world: &mut World) -> Option<Request> {
    match world.pass(CSE, "AE1") {
        Some(Primitive::Request(request)) => Some(Request::clone(&request)),
        Some(Primitive::Response(response)) => panic!("a question, not {response:?}"),
        None => None,
    }
}

fn decide(world: &mut World, question: &Request, status: u16) {
    let answer = Response::new(Status(status), question.request_id.clone());
    world.answer("AE1", CSE, answer);
}

fn status(world: &mut World, id: &str) -> Option<u16> {
    let response = world.take_response(CSE, "AE1", id)?;
    Some(response.status.0)
}

fn labels(world: &mut World, id: &str) -> Option<Value> {
    let shown = world.exchange("AE1", CSE, Draft::retrieve(INBOX, "Cae1", id).0);
    member(&shown, &Attribute::Labels)
}

/// REG-93: the answer of the target decides.
#[rstest]
#[case::yes(2000, 2004)]
#[case::another_yes(2004, 2004)]
#[case::not_allowed(4005, 4127)]
#[case::another_no(4000, 4127)]
#[case::out_of_its_reach(5103, 5107)]
fn an_update_waits_for_consent(#[case] answer: u16, #[case] expected: u16) {
    let mut world = guarded(&[]);

    world.ask("AE1", CSE, label("u1").0);
    let early = status(&mut world, "u1");
    let before = labels(&mut world, "r1");
    let question = question(&mut world).expect("a question");
    decide(&mut world, &question, answer);

    assert_eq!(early, None, "REG-93");
    assert_eq!(before, None, "REG-93");
    assert_eq!(status(&mut world, "u1"), Some(expected), "REG-93");
    let after = (expected == 2004).then(|| Value::texts(["u1"]));
    assert_eq!(labels(&mut world, "r2"), after, "REG-93");
}

/// REG-93: what the target is asked.
#[test]
fn the_target_is_shown_what_was_sent() {
    let mut world = guarded(&[]);

    world.ask("AE1", CSE, label("u1").0);
    let question = question(&mut world).expect("a question");

    assert_eq!(question.to, "Cae1");
    let content = question.content.expect("content").value;
    let sgn = content.member(&Attribute::Notification).expect("m2m:sgn");
    let event = sgn.member(&Attribute::NotificationEvent).expect("nev");
    let sent = Value::object([(Attribute::Labels, Value::texts(["u1"]))]);
    let container = Attribute::Resource(ResourceType::Container);
    assert_eq!(
        event.member(&Attribute::NotificationEventType),
        Some(&Value::Integer(7)),
        "REG-93"
    );
    assert_eq!(
        event.member(&Attribute::Representation),
        Some(&Value::object([(container, sent)])),
        "REG-93"
    );
}

/// REG-93: without an answer nothing changes, and whoever asked learns it while it waits.
#[test]
fn a_silent_target_does_not_agree() {
    let mut world = guarded(&[]);

    world.ask("AE1", CSE, label("u1").by(START.plus(MINUTE)).0);
    world.wait(MINUTE - 1);

    assert_eq!(status(&mut world, "u1"), Some(5107), "REG-93");
    assert_eq!(labels(&mut world, "r1"), None, "REG-93");
}

/// REG-93: whoever says that an UPDATE lives for years does not lock the resource for as long.
#[test]
fn a_silent_target_does_not_lock_a_resource() {
    let mut world = guarded(&[]);
    let life = Timers::default().request_life_ms;

    world.ask("AE1", CSE, label("u1").by(START.plus(10_000 * life)).0);
    let asked = question(&mut world);
    world.wait(life);

    assert!(asked.is_some());
    assert_eq!(status(&mut world, "u1"), Some(5107), "REG-93");
    world.ask("AE1", CSE, Draft::delete(INBOX, "Cae1", "d1").0);
    assert_eq!(status(&mut world, "d1"), Some(2002), "REG-94");
}

/// REG-93: a request that lives only a moment longer is asked about in that moment.
#[test]
fn a_short_life_is_long_enough_for_an_answer() {
    let mut world = guarded(&[]);

    world.ask("AE1", CSE, label("u1").by(START.plus(500)).0);
    let question = question(&mut world).expect("a question");
    decide(&mut world, &question, 2000);

    assert_eq!(status(&mut world, "u1"), Some(2004), "REG-93");
}

/// REG-94: who may not change the resource does not wait for its turn.
#[rstest]
#[case(Draft::delete(INBOX, "Cae3", "x1"))]
#[case(Draft::update(INBOX, "Cae3", "x1", ResourceType::Container).with(Attribute::Labels, Value::texts(["x"])))]
fn only_who_may_waits(#[case] draft: Draft) {
    let mut world = guarded(&[]);
    world.ask("AE1", CSE, label("u1").0);

    let answer = world.exchange("AE3", CSE, draft.0);

    assert_eq!(answer.status.0, 4103, "REG-94");
}

/// REG-93: an UPDATE whose originator does not wait is acknowledged first and asks too.
#[rstest]
#[case::yes(2000, 2004)]
#[case::no(4005, 4127)]
fn an_acknowledged_update_asks_too(#[case] answer: u16, #[case] expected: i64) {
    let mut world = guarded(&[]);

    let update = label("u1").answered(ResponseMode::NonBlockingSynch);
    world.ask("AE1", CSE, update.0);
    let acknowledged = status(&mut world, "u1");
    let question = question(&mut world).expect("a question");
    decide(&mut world, &question, answer);

    let requests = world.resources(CSE, ResourceType::Request);
    let result = requests[0].get(&Attribute::OperationResult);
    let result = result.and_then(|ors| ors.member(&Attribute::ResponseStatusCode));
    assert_eq!(acknowledged, Some(1001));
    assert_eq!(result, Some(&Value::Integer(expected)), "REG-93");
}

/// REG-93: nobody waits for a target that takes no requests.
#[test]
fn a_target_out_of_reach_is_not_asked() {
    let mut world = guarded(&[]);
    let deaf = Draft::update("cse1/ae1", "Cae1", "u0", ResourceType::Ae)
        .with(Attribute::RequestReachability, Value::Bool(false));
    done(&mut world, "AE1", CSE, deaf.0);

    world.ask("AE1", CSE, label("u1").0);

    assert_eq!(status(&mut world, "u1"), Some(5107), "REG-93");
    assert_eq!(labels(&mut world, "r1"), None, "REG-93");
}

/// REG-93: an UPDATE that is refused anyway is refused at once, and one of other attributes is carried out at once.
#[rstest]
#[case::of_the_attribute(&["lbl"], label("u1"), None)]
#[case::of_another(&["mni"], label("u1"), Some(2004))]
#[case::of_no_value(&[], label("u1").with(Attribute::MaxNrOfInstances, Value::text("x")), Some(4000))]
#[case::of_the_past(&[], label("u1").with(Attribute::ExpirationTime, Value::Time(START)), Some(4000))]
fn only_what_would_be_carried_out_is_asked(
    #[case] attributes: &[&str],
    #[case] update: Draft,
    #[case] expected: Option<u16>,
) {
    let mut world = guarded(attributes);

    world.ask("AE1", CSE, update.0);

    let answered = status(&mut world, "u1");
    assert_eq!(answered, expected, "REG-93");
    assert_eq!(question(&mut world).is_some(), expected.is_none(), "REG-93");
}

/// REG-94: what comes for the resource meanwhile waits, in its order, and a RETRIEVE does not.
#[rstest]
#[case::yes(2000, "u1")]
#[case::no(4005, "")]
fn updates_follow_each_other(#[case] answer: u16, #[case] expected: &str) {
    let mut world = guarded(&[]);
    world.ask("AE1", CSE, label("u1").0);
    let first = question(&mut world).expect("a question");

    world.ask("AE1", CSE, label("u2").0);
    world.ask("AE1", CSE, Draft::delete(INBOX, "Cae1", "d1").0);
    let meanwhile = question(&mut world);
    decide(&mut world, &first, answer);
    let between = labels(&mut world, "r1");
    assert_eq!(status(&mut world, "d1"), None, "REG-94");
    let _ = status(&mut world, "u1");
    let second = question(&mut world).expect("a second question");
    decide(&mut world, &second, 2000);

    assert_eq!(meanwhile, None, "REG-94");
    let expected = (!expected.is_empty()).then(|| Value::texts([expected]));
    assert_eq!(between, expected, "REG-94");
    assert_eq!(status(&mut world, "u2"), Some(2004), "REG-94");
    assert_eq!(status(&mut world, "d1"), Some(2002), "REG-94");
}

/// REG-94: what has waited longer than it lives is not carried out, and its target may go meanwhile.
#[test]
fn what_waits_too_long_is_not_carried_out() {
    let mut world = guarded(&[]);
    world.ask("AE1", CSE, label("u1").by(START.plus(HOUR)).0);
    let first = question(&mut world).expect("a question");
    let short = Draft::delete(INBOX, "Cae1", "d1").by(START.plus(20 * SECOND));

    world.ask("AE1", CSE, short.0);
    world.wait(20 * SECOND);
    let over = status(&mut world, "d1");
    decide(&mut world, &first, 2000);

    assert_eq!(over, Some(4008), "REG-94");
    assert_eq!(status(&mut world, "u1"), Some(2004), "REG-94");
}

/// REG-93: a repetition after a crash asks again, and an acknowledged request fails as others do.
#[test]
fn after_a_crash_the_target_is_asked_again() {
    let mut world = guarded(&[]);
    world.ask("AE1", CSE, label("u1").0);
    let lost = question(&mut world).expect("a question");
    world.crash(CSE);
    world.open("AE1", CSE, Some("Cae1"));

    world.ask("AE1", CSE, label("u1").0);
    let again = question(&mut world).expect("a question");
    decide(&mut world, &lost, 2000);
    let by_the_old_answer = status(&mut world, "u1");
    decide(&mut world, &again, 2000);

    assert_eq!(by_the_old_answer, None, "REG-93");
    assert_eq!(status(&mut world, "u1"), Some(2004), "REG-93");
}

/// REG-93: at a member of a group nobody can wait.
#[test]
fn a_group_does_not_get_around_it() {
    let mut world = guarded(&[]);
    let group = Draft::create("cse1/ae1", "Cae1", "g1", ResourceType::Group)
        .with(Attribute::ResourceName, Value::text("grp"))
        .with(Attribute::MaxNrOfMembers, Value::Integer(5))
        .with(Attribute::MemberIds, Value::texts([INBOX]));
    done(&mut world, "AE1", CSE, group.0);
    let mut update = label("u1");
    update.0.to = "cse1/ae1/grp/fopt".into();

    let answer = world.exchange("AE1", CSE, update.0);

    let all = answer.content.as_ref().expect("answers");
    let all = all.value.member(&Attribute::AggregatedResponse);
    let all = all.and_then(|all| all.member(&Attribute::ResponsePrimitive));
    let first = all.and_then(Value::as_list).and_then(|list| list.first());
    let status = first.and_then(|rsp| rsp.member(&Attribute::ResponseStatusCode));
    assert_eq!(status, Some(&Value::Integer(5001)), "REG-93");
    assert_eq!(labels(&mut world, "r1"), None, "REG-93");
}

/// REG-95: what a subscription that blocks cannot say.
#[rstest]
#[case::a_content_type((Attribute::NotificationContentType, Value::Integer(1)))]
#[case::a_counter((Attribute::ExpirationCounter, Value::Integer(1)))]
#[case::what_is_pending((Attribute::PendingNotification, Value::Integer(1)))]
#[case::a_farewell((Attribute::SubscriberUri, Value::text("Cae1")))]
#[case::the_latest((Attribute::LatestNotify, Value::Bool(true)))]
#[case::a_category((Attribute::NotificationEventCategory, Value::Integer(2)))]
#[case::a_rate(rate(Some(1), Some("PT1M")))]
#[case::what_was_before(earlier(1))]
#[case::two_targets((Attribute::NotificationUri, Value::texts(["Cae1", "Cae1"])))]
#[case::who_may_not_change_it((Attribute::NotificationUri, Value::texts(["/cse9/Cae9"])))]
fn a_subscription_that_blocks_says_nothing_else(#[case] more: (Attribute, Value)) {
    let mut world = single();
    let expected = if more.1 == Value::texts(["/cse9/Cae9"]) {
        4103
    } else {
        4000
    };

    let made = world.exchange("AE1", CSE, guard("sub", &[]).with(more.0, more.1).0);

    assert_eq!(made.status.0, expected, "REG-95");
}

/// REG-95: there is one at a resource, and it shows no default; no UPDATE makes one, or gives it a policy.
#[test]
fn one_subscription_blocks() {
    let mut world = single();
    let plain = Draft::create(INBOX, "Cae1", "other", ResourceType::Subscription)
        .with(Attribute::ResourceName, Value::text("other"))
        .with(Attribute::NotificationUri, Value::texts(["Cae1"]));
    done(&mut world, "AE1", CSE, plain.0);
    let update = |to: &str, id: &str, (name, value): (Attribute, Value)| {
        Draft::update(to, "Cae1", id, ResourceType::Subscription).with(name, value)
    };
    let other = format!("{INBOX}/other");

    let first = world.exchange("AE1", CSE, guard("sub", &[]).0);
    let second = world.exchange("AE1", CSE, guard("sub2", &["lbl"]).0);
    let made_to_block = world.exchange("AE1", CSE, update(&other, "u1", criteria(&[])).0);
    let policy = (Attribute::PendingNotification, Value::Integer(1));
    let with_policy = world.exchange("AE1", CSE, update(SUBSCRIPTION, "u2", policy).0);
    let named = (Attribute::Labels, Value::texts(["x"]));
    let harmless = world.exchange("AE1", CSE, update(SUBSCRIPTION, "u3", named).0);

    assert_eq!(first.status.0, 2001, "REG-95");
    assert_eq!(member(&first, &Attribute::NotificationContentType), None);
    assert_eq!(second.status.0, 4124, "REG-95");
    assert_eq!(made_to_block.status.0, 4000, "REG-95");
    assert_eq!(with_policy.status.0, 4000, "REG-95");
    assert_eq!(harmless.status.0, 2004, "REG-95");
}
