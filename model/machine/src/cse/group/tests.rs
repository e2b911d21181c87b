//! Groups, row by row.

use super::*;
use crate::cse::resources::fixture::{BOX, Fixture, OTHER, OWNER, create, integer, name, request};
use crate::cse::{Input, Opening, Output};
use crate::env::{Env, Fresh};
use crate::id::LinkId;
use crate::primitive::{Primitive, Response};
use crate::shared::Shared;
use alloc::vec;
use rstest::rstest;

const CONTAINERS: (Attribute, Value) = (Attribute::MemberType, Value::Integer(3));

fn members(of: &[&str]) -> [(Attribute, Value); 3] {
    [
        name("grp"),
        (Attribute::MaxNrOfMembers, Value::Integer(2)),
        (Attribute::MemberIds, Value::texts(of)),
    ]
}

fn group(
    fixture: &mut Fixture,
    of: &[&str],
    more: &[(Attribute, Value)],
) -> Result<Members, Refusal> {
    let members = [&members(of), more].concat();
    fixture.create(OWNER, "cse2/ae2", ResourceType::Group, &members)
}

fn happen(fixture: &mut Fixture, input: Input) -> Vec<Output> {
    let env = Env {
        now: fixture.now,
        fresh: Fresh::predictable(1),
    };
    fixture.cse.step(env, input)
}

/// What AE2 is answered.
fn ask(fixture: &mut Fixture, request: Request) -> Shared<Response> {
    let link = LinkId(2);
    let opening = Opening::Accepted {
        origin: Some("Cae2".into()),
    };
    let _ = happen(
        fixture,
        Input::LinkOpened {
            link,
            opening,
            far_end: crate::cse::FarEnd::new(true),
        },
    );
    let primitive = Primitive::Request(Shared::new(request));
    let outputs = happen(fixture, Input::Received { link, primitive });
    let answer = outputs.into_iter().find_map(|output| match output {
        Output::Send {
            primitive: Primitive::Response(response),
            ..
        } => Some(response),
        Output::Send { .. }
        | Output::Persist(_)
        | Output::CloseLink { .. }
        | Output::Dial
        | Output::DialRegistree { .. }
        | Output::Report(_)
        | Output::Stopped => None,
    });
    answer.expect("an answer")
}

fn fan_out(fixture: &mut Fixture) -> Shared<Response> {
    let content = [(Attribute::Content, Value::text("x"))];
    ask(
        fixture,
        create("cse2/ae2/grp/fopt", ResourceType::ContentInstance, &content),
    )
}

#[test]
fn a_request_reaches_every_member_and_the_answers_come_together() {
    let mut fixture = Fixture::with_box(&[]);
    group(&mut fixture, &[BOX, "cse2/ae2/gone"], &[]).expect("a group");

    let response = fan_out(&mut fixture);

    assert_eq!(response.status, Status::OK);
    let content = response.content.as_ref().expect("m2m:agr");
    let answers = content
        .value
        .member(&Attribute::AggregatedResponse)
        .and_then(|agr| agr.member(&Attribute::ResponsePrimitive))
        .and_then(Value::as_list)
        .expect("m2m:rsp");
    let statuses: Vec<_> = answers
        .iter()
        .map(|a| {
            a.as_object()
                .and_then(|a| integer(a, &Attribute::ResponseStatusCode))
        })
        .collect();
    assert_eq!(statuses, [Some(2001), Some(4004)]);
    let instances = fixture.cse.durable.tree.iter();
    let made = instances.filter(|r| r.resource_type == ResourceType::ContentInstance);
    assert_eq!(made.count(), 1);
}

#[rstest]
#[case(&[], Status::NO_MEMBERS)]
#[case(&["cse2/ae2/grp/fopt"], Status::GROUP_REQUEST_IDENTIFIER_EXISTS)]
fn some_groups_reach_nobody(#[case] of: &[&str], #[case] expected: Status) {
    let mut fixture = Fixture::with_box(&[]);
    group(&mut fixture, of, &[]).expect("a group");

    assert_eq!(fan_out(&mut fixture).status, expected);
}

#[rstest]
#[case(&[BOX, BOX], &[], Ok(1))]
#[case(&[BOX, "cse2/ae2"], &[CONTAINERS], Ok(1))]
#[case(
    &[BOX, "cse2/ae2"],
    &[CONTAINERS, (Attribute::ConsistencyStrategy, Value::Integer(2))],
    Err(Refusal::MemberType)
)]
#[case(
    &[BOX, "cse2/ae2"],
    &[CONTAINERS, (Attribute::ConsistencyStrategy, Value::Integer(3))],
    Ok(2)
)]
#[case(&[BOX, "cse2/ae2", "cse2"], &[], Err(Refusal::TooManyMembers))]
#[case(&[BOX], &[(Attribute::Custom("nar".into()), Value::Null)], Err(Refusal::NotImplemented))]
fn members_are_counted_and_checked(
    #[case] of: &[&str],
    #[case] more: &[(Attribute, Value)],
    #[case] expected: Result<i64, Refusal>,
) {
    let mut fixture = Fixture::with_box(&[]);

    let made = group(&mut fixture, of, more);

    let count = made.map(|m| integer(&m, &Attribute::CurrentNrOfMembers).unwrap_or(0));
    assert_eq!(count, expected);
}

#[test]
fn a_changed_group_is_checked_again() {
    let mut fixture = Fixture::with_box(&[]);
    group(&mut fixture, &[BOX], &[]).expect("a group");
    let more = [(
        Attribute::MemberIds,
        Value::texts([BOX, "cse2/ae2", "cse2"]),
    )];
    let fewer = [(Attribute::MemberIds, Value::List(vec![]))];
    let kind = ResourceType::Group;

    let refused = fixture.update(OWNER, "cse2/ae2/grp", kind, &more);
    let taken = fixture.update(OWNER, "cse2/ae2/grp", kind, &fewer);

    assert_eq!(refused, Err(Refusal::TooManyMembers));
    let count = taken.map(|m| integer(&m, &Attribute::CurrentNrOfMembers));
    assert_eq!(count, Ok(Some(0)));
}

/// The status of each answer in an aggregated response.
fn statuses(response: &Response) -> Vec<i64> {
    let content = response.content.as_ref().expect("m2m:agr");
    let answers = content
        .value
        .member(&Attribute::AggregatedResponse)
        .and_then(|agr| agr.member(&Attribute::ResponsePrimitive))
        .and_then(Value::as_list)
        .expect("m2m:rsp");
    let status = |answer: &Value| {
        let members = answer.as_object()?;
        integer(members, &Attribute::ResponseStatusCode)
    };
    answers.iter().filter_map(status).collect()
}

fn policy(fixture: &mut Fixture, name: &str, originator: &str) {
    let rule = Value::object([
        (
            Attribute::AccessControlOriginators,
            Value::texts([originator]),
        ),
        (Attribute::AccessControlOperations, Value::Integer(63)),
    ]);
    let rules = Value::object([(Attribute::AccessControlRules, Value::List(vec![rule]))]);
    let privileges = [
        (Attribute::Privileges, rules.clone()),
        (Attribute::SelfPrivileges, rules),
    ];
    let kind = ResourceType::AccessControlPolicy;
    fixture.put(kind, "Cae2", name, name, OWNER, &privileges);
}

/// A group of AE3 below AE3.
fn foreign_group(fixture: &mut Fixture, of: &[&str], more: &[(Attribute, Value)]) {
    let members = [&members(of), more].concat();
    fixture
        .create(OTHER, "cse2/ae3", ResourceType::Group, &members)
        .expect("a group of AE3");
}

fn macp(name: &str) -> (Attribute, Value) {
    let list = Value::texts([name]);
    (Attribute::MembersAccessControlPolicyIds, list)
}

#[rstest]
#[case::a_path(&["cse2/ae2/box", "-/ae2/box"])]
#[case::with_its_cse(&["cse2/ae2/box", "/cse2/cse2/ae2/box"])]
#[case::below_an_identifier(&["cse2/ae2/box", "Cae2/box"])]
fn a_member_counts_once_however_it_is_addressed(#[case] of: &[&str]) {
    let mut fixture = Fixture::with_box(&[]);

    let made = group(&mut fixture, of, &[]).expect("a group");

    assert_eq!(integer(&made, &Attribute::CurrentNrOfMembers), Some(1));
}

#[test]
fn the_newest_instance_of_every_member_is_read_at_once() {
    let mut fixture = Fixture::with_box(&[]);
    fixture.fill("x").expect("an instance");
    group(&mut fixture, &[BOX], &[]).expect("a group");

    let response = ask(
        &mut fixture,
        request(Operation::Retrieve, "cse2/ae2/grp/fopt/la"),
    );

    assert_eq!(statuses(&response), [2000]);
}

#[test]
fn the_members_of_a_group_in_a_group_are_reached_once() {
    let mut fixture = Fixture::with_box(&[]);
    group(&mut fixture, &[BOX], &[]).expect("a group");
    let outer = [
        name("outer"),
        (Attribute::MaxNrOfMembers, Value::Integer(3)),
        (
            Attribute::MemberIds,
            Value::texts(["cse2/ae2/grp/fopt", BOX]),
        ),
    ];
    fixture
        .create(OWNER, "cse2/ae2", ResourceType::Group, &outer)
        .expect("a group of a group");

    let read = request(Operation::Retrieve, "cse2/ae2/outer/fopt");

    assert_eq!(statuses(&ask(&mut fixture, read)), [2000]);
}

#[rstest]
#[case::of_another_who_lets_nobody(&[], 4103)]
#[case::of_another_who_lets_ae2(&[macp("acp9")], 2000)]
fn a_group_in_a_group_decides_who_reaches_its_members(
    #[case] more: &[(Attribute, Value)],
    #[case] expected: i64,
) {
    let mut fixture = Fixture::with_box(&[]);
    policy(&mut fixture, "acp9", "Cae2");
    foreign_group(&mut fixture, &[BOX], more);
    group(&mut fixture, &["cse2/ae3/grp/fopt"], &[]).expect("a group");

    let read = request(Operation::Retrieve, "cse2/ae2/grp/fopt");

    assert_eq!(statuses(&ask(&mut fixture, read)), [expected]);
}

#[test]
fn policies_of_the_members_count_instead_of_those_of_the_group() {
    let mut fixture = Fixture::with_box(&[]);
    policy(&mut fixture, "acp9", "Cae3");
    group(&mut fixture, &[BOX], &[macp("acp9")]).expect("a group");

    let by_owner = ask(
        &mut fixture,
        request(Operation::Retrieve, "cse2/ae2/grp/fopt"),
    );
    let group_itself = fixture.retrieve(OWNER, "cse2/ae2/grp", 1);

    assert_eq!(by_owner.status, Status::ORIGINATOR_HAS_NO_PRIVILEGE);
    assert!(group_itself.is_ok());
}

#[test]
fn a_fan_out_meets_a_group_once() {
    let mut fixture = Fixture::with_box(&[]);
    group(&mut fixture, &[BOX], &[]).expect("a group");
    let read = |id: &str, gid: Option<&str>| {
        let mut read = request(Operation::Retrieve, "cse2/ae2/grp/fopt");
        read.request_id = RequestId::from(id);
        read.group_request = gid.map(Text::from);
        read
    };

    let first = ask(&mut fixture, read("1", Some("g1")));
    let again = ask(&mut fixture, read("2", Some("g1")));
    let another = ask(&mut fixture, read("3", Some("g2")));
    let plain = [
        ask(&mut fixture, read("4", None)),
        ask(&mut fixture, read("5", None)),
    ];
    fixture.now = fixture.now.plus(fixture.cse.config.timers.request_life_ms);
    let later = ask(&mut fixture, read("6", Some("g1")));

    assert_eq!(again.status, Status::GROUP_REQUEST_IDENTIFIER_EXISTS);
    for response in [first, another, later].iter().chain(&plain) {
        assert_eq!(response.status, Status::OK);
    }
}

#[rstest]
#[case::of_that_kind("org.example.lamp", Ok(1))]
#[case::of_another("org.example.door", Ok(0))]
fn members_may_have_to_be_of_a_specialization(
    #[case] wanted: &str,
    #[case] expected: Result<i64, Refusal>,
) {
    let mut fixture = Fixture::new();
    let kind = ResourceType::FlexContainer;
    let lamp = [(
        Attribute::ContainerDefinition,
        Value::text("org.example.lamp"),
    )];
    fixture.put(kind, "Cae2", "lamp", "lamp", OWNER, &lamp);
    let more = [
        (Attribute::MemberType, Value::Integer(28)),
        (Attribute::SpecializationType, Value::text(wanted)),
    ];

    let made = group(&mut fixture, &["cse2/ae2/lamp"], &more);

    let count = made.map(|m| integer(&m, &Attribute::CurrentNrOfMembers).unwrap_or(-1));
    assert_eq!(count, expected);
}

#[test]
fn a_specialization_is_a_matter_of_flex_containers() {
    let mut fixture = Fixture::with_box(&[]);
    let more = [
        CONTAINERS,
        (Attribute::SpecializationType, Value::text("org.example")),
    ];

    assert_eq!(group(&mut fixture, &[BOX], &more), Err(Refusal::BadRequest));
}

#[rstest]
#[case::all_here(&[BOX], true)]
#[case::one_elsewhere(&[BOX, "/cse1/cse1/ae1/box"], false)]
fn members_elsewhere_are_taken_on_trust(#[case] of: &[&str], #[case] validated: bool) {
    let mut fixture = Fixture::with_box(&[]);

    let made = group(&mut fixture, of, &[CONTAINERS]).expect("a group");

    let found = made.get(&Attribute::MemberTypeValidated);
    assert_eq!(found, Some(&Value::Bool(validated)));
}
