//! Requests whose answers come from others: notifications that pass through to an AE, whom they are taken from, and
//! what a crash leaves of requests that were acknowledged.

use crate::common::message::{Draft, member, uri};
use crate::common::scene::{done, pair, single};
use crate::common::{Node, SECOND, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Operation, Primitive, Request, Response, ResponseMode};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

/// What a `<request>` at CSE1 says: its status, and the code of its result.
fn outcome(world: &mut World, id: &str, address: &str) -> (Option<i64>, Option<i64>) {
    let read = Draft::retrieve(address, "Cae1", id).0;
    let shown = world.exchange("AE1", "CSE1", read);
    let status = member(&shown, &Attribute::RequestStatus).and_then(|v| v.as_integer());
    let result = member(&shown, &Attribute::OperationResult);
    let code = result.and_then(|ors| ors.member(&Attribute::ResponseStatusCode)?.as_integer());
    (status, code)
}

/// CSE1 with AE1 and its group of two containers, one of them at CSE2.
fn grouped() -> World {
    let mut world = pair();
    let group = Draft::create("cse1/ae1", "Cae1", "g1", ResourceType::Group)
        .with(Attribute::ResourceName, Value::text("grp"))
        .with(Attribute::MaxNrOfMembers, Value::Integer(2))
        .with(
            Attribute::MemberIds,
            Value::texts(["cse1/ae1/inbox", "/cse2/cse2/ae2/container1"]),
        );
    done(&mut world, "AE1", "CSE1", group.0);
    world.settle();
    world
}

fn acknowledged(world: &mut World, ask: Draft, mode: ResponseMode) -> String {
    let answer = world.exchange("AE1", "CSE1", ask.answered(mode).0);
    uri(&answer).expect("the address of a <request>")
}

fn reopen(world: &mut World) {
    world.open("AE1", "CSE1", Some("Cae1"));
    world.wait(0);
}

/// REG-69: the answer of the member elsewhere is awaited when CSE1 crashes.
#[rstest]
#[case::polled(ResponseMode::NonBlockingSynch, false)]
#[case::notified(ResponseMode::NonBlockingAsynch, true)]
fn an_interrupted_fan_out_comes_to_an_end(#[case] mode: ResponseMode, #[case] is_told: bool) {
    let mut world = grouped();
    let read = Draft::retrieve("cse1/ae1/grp/fopt", "Cae1", "f1");
    let address = acknowledged(&mut world, read, mode);
    let before = outcome(&mut world, "o1", &address);

    world.crash("CSE1");
    reopen(&mut world);

    assert_eq!(before, (Some(3), Some(1000)));
    let told = world
        .waiting("CSE1", "AE1")
        .any(|primitive| match primitive {
            Primitive::Request(request) => request.operation == Operation::Notify,
            Primitive::Response(_) => false,
        });
    assert_eq!(told, is_told, "REG-69");
    let after = outcome(&mut world, "o2", &address);
    assert_eq!(after, (Some(2), Some(5000)), "REG-69");
    world.crash("CSE1");
    reopen(&mut world);
    assert_eq!(
        outcome(&mut world, "o3", &address),
        after,
        "once and for all"
    );
}

/// REG-34, REG-35: that there is nothing is found out after the acknowledgement (TS-0004 clause 7.2.2.2).
#[rstest]
#[case::polled(ResponseMode::NonBlockingSynch)]
#[case::notified(ResponseMode::NonBlockingAsynch)]
fn an_absent_target_is_reported(#[case] mode: ResponseMode) {
    let mut world = pair();
    let read = Draft::retrieve("cse1/ae1/nothing", "Cae1", "f1");

    let address = acknowledged(&mut world, read, mode);

    let after = outcome(&mut world, "o1", &address);
    assert_eq!(after, (Some(2), Some(4004)));
}

#[test]
fn what_is_stored_is_not_interrupted() {
    let mut world = pair();
    world.cut("CSE1", "CSE2");
    let read = Draft::retrieve("/cse2/cse2/ae2/container1", "Cae1", "f1");
    let address = acknowledged(&mut world, read, ResponseMode::NonBlockingSynch);

    world.crash("CSE1");
    reopen(&mut world);

    let after = outcome(&mut world, "o2", &address);
    assert_eq!(after, (Some(3), Some(1000)), "USE-08, REG-69");
}

pub(super) fn open_to_all(world: &mut World, cse: Node) {
    let rule = Value::object([
        (Attribute::AccessControlOriginators, Value::texts(["all"])),
        (Attribute::AccessControlOperations, Value::Integer(63)),
    ]);
    let rules = Value::object([(Attribute::AccessControlRules, Value::List(vec![rule]))]);
    let (acp, kind) = (
        format!("{}/ae2/acp", cse.to_lowercase()),
        ResourceType::AccessControlPolicy,
    );
    let opened = Draft::update(&acp, "Cae2", "g9", kind).with(Attribute::Privileges, rules);
    done(world, "AE2", cse, opened.0);
}

/// REG-35: the answer of the AE is the result.
#[rstest]
#[case::it_agrees(true, (Some(1), Some(2000)))]
#[case::it_is_silent(false, (Some(2), Some(4008)))]
fn a_notification_may_be_asked_for_without_waiting(
    #[case] answers: bool,
    #[case] expected: (Option<i64>, Option<i64>),
) {
    let mut world = single();
    open_to_all(&mut world, "CSE1");
    let by = world.now.plus(SECOND);
    let ask = Draft::notify("cse1/ae2", "Cae1", "n1").by(by);
    let address = acknowledged(&mut world, ask, ResponseMode::NonBlockingSynch);
    let request = asked(&mut world, "AE2");

    if answers {
        let ok = Response::new(Status::OK, request.request_id);
        world.answer("AE2", "CSE1", ok);
    } else {
        world.wait(SECOND);
    }

    assert_eq!(outcome(&mut world, "o1", &address), expected, "REG-35");
}

/// The request that waits for an AE at CSE1.
fn asked(world: &mut World, ae: Node) -> Request {
    match world.pass("CSE1", ae) {
        Some(Primitive::Request(request)) => Request::clone(&request),
        other => panic!("a request for {ae}, and not {other:?}"),
    }
}

/// REG-68: what waits for a poll has not been handed over, so that nobody can answer it.
#[test]
fn an_answer_to_what_was_not_handed_over_counts_for_nothing() {
    let mut world = single();
    open_to_all(&mut world, "CSE1");
    let unreachable = Draft::update("cse1/ae2", "Cae2", "r1", ResourceType::Ae)
        .with(Attribute::RequestReachability, Value::Bool(false));
    done(&mut world, "AE2", "CSE1", unreachable.0);
    let channel = Draft::create("cse1/ae2", "Cae2", "p1", ResourceType::PollingChannel)
        .with(Attribute::ResourceName, Value::text("pch"));
    done(&mut world, "AE2", "CSE1", channel.0);
    let by = world.now.plus(10 * SECOND);
    world.ask(
        "AE1",
        "CSE1",
        Draft::notify("cse1/ae2", "Cae1", "n1").by(by).0,
    );

    let early = Response::new(Status::OK, "Cae1/n1".into());
    world.answer("AE2", "CSE1", early.clone());
    let too_early = world.take_response("CSE1", "AE1", "n1");
    let poll = Draft::retrieve("cse1/ae2/pch/pcu", "Cae2", "q1").0;
    let brought = world.exchange("AE2", "CSE1", poll);
    world.answer("AE2", "CSE1", early);
    let in_time = world.take_response("CSE1", "AE1", "n1");

    assert_eq!(too_early, None, "REG-68");
    assert_eq!(brought.status, Status::OK);
    assert_eq!(in_time.map(|r| r.status), Some(Status::OK));
}

/// REG-71: what is another service provider's goes up to the infrastructure node and is not found there.
#[rstest]
#[case::of_this_provider("//sp.example/cse2/cse2", 2000, true)]
#[case::of_this_provider_and_here("//sp.example/cse1/cse1/ae1", 2000, false)]
#[case::of_another("//other.example/cse2/cse2", 4004, true)]
#[case::of_another_though_the_name_is_ours("//other.example/cse1/cse1/ae1", 4004, true)]
fn an_absolute_address_names_its_provider(
    #[case] to: &str,
    #[case] code: u16,
    #[case] is_forwarded: bool,
) {
    let mut world = pair();

    world.ask("AE1", "CSE1", Draft::retrieve(to, "Cae1", "x1").0);
    let forwarded = world.waiting("CSE1", "CSE2").next().is_some();
    world.settle();

    assert_eq!(forwarded, is_forwarded, "REG-71");
    let answer = world.take_response("CSE1", "AE1", "x1");
    assert_eq!(answer.map(|r| r.status.0), Some(code), "REG-71");
}

/// REG-71: what the registrar passes down is not passed up again.
#[test]
fn nothing_goes_back_to_where_it_comes_from() {
    let mut world = pair();
    let passed_down = Draft::retrieve("//other.example/cse1", "/cse2/Cae2", "x1");

    world.ask("CSE2", "CSE1", passed_down.0);

    assert!(
        world
            .waiting("CSE1", "CSE2")
            .all(|primitive| matches!(primitive, Primitive::Response(_)))
    );
    let answer = world.take_response("CSE1", "CSE2", "x1");
    assert_eq!(answer.map(|r| r.status), Some(Status::NOT_FOUND));
}

#[rstest]
#[case::an_entity("//other.example/cse1", ResourceType::Ae)]
#[case::a_cse("//other.example/cse1/-", ResourceType::RemoteCse)]
fn nobody_registers_abroad(#[case] to: &str, #[case] kind: ResourceType) {
    let mut world = pair();
    world.open("AE9", "CSE1", None);
    let from = if kind == ResourceType::Ae {
        "Cae9"
    } else {
        "/cse9"
    };

    let answer = world.exchange("AE9", "CSE1", Draft::create(to, from, "x1", kind).0);

    // REG-71
    assert_eq!(answer.status, Status::BAD_REQUEST);
}
