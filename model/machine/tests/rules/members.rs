//! Members of a group that are hosted elsewhere: they are asked what they are (REG-74).

use super::relay::open_to_all;
use crate::common::World;
use crate::common::message::{Draft, member};
use crate::common::scene::{done, pair};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::Response;
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use rstest::rstest;

const BOX: &str = "/cse2/cse2/ae2/container1";

/// CSE1 and CSE2, where AE2 lets everybody read what is its own.
fn world() -> World {
    let mut world = pair();
    open_to_all(&mut world, "CSE2");
    world
}

fn group(of: &[&str], kind: i64, strategy: i64) -> Draft {
    Draft::create("cse1/ae1", "Cae1", "g1", ResourceType::Group)
        .with(Attribute::ResourceName, Value::text("grp"))
        .with(Attribute::MaxNrOfMembers, Value::Integer(5))
        .with(Attribute::MemberType, Value::Integer(kind))
        .with(Attribute::ConsistencyStrategy, Value::Integer(strategy))
        .with(Attribute::MemberIds, Value::texts(of))
}

fn answered(world: &mut World, id: &str) -> Response {
    world.settle();
    world
        .take_response("CSE1", "AE1", id)
        .expect("an answer to AE1")
}

/// Code, number of members, type of members, whether all were validated.
type Outcome = (u16, Option<i64>, Option<i64>, Option<bool>);

fn outcome(response: &Response) -> Outcome {
    let integer = |name: &Attribute| member(response, name).and_then(|v| v.as_integer());
    (
        response.status.0,
        integer(&Attribute::CurrentNrOfMembers),
        integer(&Attribute::MemberType),
        member(response, &Attribute::MemberTypeValidated).and_then(|v| v.as_bool()),
    )
}

const MADE: Outcome = (2001, Some(1), Some(3), Some(true));

#[rstest]
#[case::of_that_type(&[BOX], 3, 1, MADE)]
#[case::an_instance(&["/cse2/cse2/ae2/container1/la"], 4, 1, (2001, Some(1), Some(4), Some(true)))]
#[case::left_out(&[BOX, "/cse2/cse2/ae2"], 3, 1, MADE)]
#[case::left_out_where_nothing_is(&[BOX, "/cse2/cse2/ae2/gone"], 3, 1, MADE)]
#[case::not_made(&[BOX, "/cse2/cse2/ae2"], 3, 2, (4110, None, None, None))]
#[case::mixed(&[BOX, "/cse2/cse2/ae2"], 3, 3, (2001, Some(2), Some(0), Some(true)))]
#[case::not_asked(&[BOX, "/cse2/cse2/ae2"], 0, 1, (2001, Some(2), Some(0), Some(true)))]
fn members_elsewhere_are_asked_what_they_are(
    #[case] of: &[&str],
    #[case] kind: i64,
    #[case] strategy: i64,
    #[case] expected: Outcome,
) {
    let mut world = world();

    world.ask("AE1", "CSE1", group(of, kind, strategy).0);

    assert_eq!(outcome(&answered(&mut world, "g1")), expected, "REG-74");
}

#[test]
fn a_member_that_does_not_let_this_cse_look_is_none() {
    let mut world = pair();

    world.ask("AE1", "CSE1", group(&[BOX], 3, 1).0);

    let answer = answered(&mut world, "g1");
    assert_eq!(answer.status.0, 5105, "REG-74");
    assert!(world.resources("CSE1", ResourceType::Group).is_empty());
}

/// REG-74: who cannot be asked, or does not answer in time, is taken on trust.
#[rstest]
#[case::no_link(true)]
#[case::no_answer(false)]
fn a_member_out_of_reach_is_taken_on_trust(#[case] is_cut: bool) {
    let mut world = world();
    if is_cut {
        world.cut("CSE1", "CSE2");
    }

    world.ask("AE1", "CSE1", group(&[BOX], 3, 1).0);
    world.lose_next("CSE1", "CSE2");
    world.wait_without_passing(30_000);

    let answer = world.take_response("CSE1", "AE1", "g1");
    let trusted = (2001, Some(1), Some(3), Some(false));
    assert_eq!(answer.as_ref().map(outcome), Some(trusted), "REG-74");
}

#[test]
fn members_that_an_update_brings_are_asked_too() {
    let mut world = world();
    done(
        &mut world,
        "AE1",
        "CSE1",
        group(&["cse1/ae1/inbox"], 3, 2).0,
    );
    let to = "cse1/ae1/grp";
    let change = |id: &str, of: &[&str]| {
        Draft::update(to, "Cae1", id, ResourceType::Group)
            .with(Attribute::MemberIds, Value::texts(of))
            .0
    };

    world.ask("AE1", "CSE1", change("u1", &[BOX]));
    let taken = outcome(&answered(&mut world, "u1"));
    world.ask("AE1", "CSE1", change("u2", &["/cse2/cse2/ae2"]));
    let refused = outcome(&answered(&mut world, "u2"));

    assert_eq!(taken, (2004, Some(1), Some(3), Some(true)), "REG-74");
    assert_eq!(refused.0, 4110, "REG-74");
}

#[test]
fn a_group_in_a_group_elsewhere_is_asked_for_the_type_of_its_members() {
    let mut world = world();
    let inner = Draft::create("cse2/ae2", "Cae2", "i1", ResourceType::Group)
        .with(Attribute::ResourceName, Value::text("inner"))
        .with(Attribute::MaxNrOfMembers, Value::Integer(5))
        .with(Attribute::MemberType, Value::Integer(3))
        .with(
            Attribute::AccessControlPolicyIds,
            Value::texts(["cse2/ae2/acp"]),
        )
        .with(Attribute::MemberIds, Value::texts(["cse2/ae2/container1"]));
    done(&mut world, "AE2", "CSE2", inner.0);

    world.ask("AE1", "CSE1", group(&["/cse2/cse2/ae2/inner/fopt"], 3, 2).0);

    assert_eq!(outcome(&answered(&mut world, "g1")), MADE, "REG-74");
}
