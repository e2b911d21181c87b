//! Policies: what their members must be, which of them collide, which one decides, when its window is open.

use super::codes::answer_at;
use crate::common::message::{Draft, Ticket, policy, schedule, sealed_instance};
use crate::common::scene::{below_target, done_after_settling, far, pair, session};
use crate::common::{HOUR, MINUTE, START, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{ResponseMode, ResponseType};
use m2m_machine::record::Record;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

const S1: &str = "cse1/ae1/sessions/s1";
const BOTH: [&str; 2] = ["/cse1/Cae1", "/cse2/Cae2"];

fn with_session() -> (World, Ticket) {
    let mut world = pair();
    let ticket = session(&mut world);
    (world, ticket)
}

fn draft(kind: i64, scope: i64) -> Draft {
    policy(S1, "Cae1", "p1", kind, scope)
}

fn by_schedule(entries: &[&str]) -> Draft {
    draft(2, 1).with(Attribute::ScheduleElement, schedule(entries))
}

#[rstest]
#[case::immediate(draft(1, 1), 2001)]
#[case::for_both_roles(draft(1, 3), 2001)]
#[case::by_schedule(by_schedule(&["* * 2-3 * * * *"]), 2001)]
// POL-01
#[case::another_type(draft(3, 1), 4000)]
#[case::another_scope(draft(1, 4), 4000)]
#[case::no_scope(draft(1, 0), 4000)]
// POL-01
#[case::a_schedule_where_none_belongs(draft(1, 1).with(Attribute::ScheduleElement, schedule(&["* * * * * * *"])), 4000)]
#[case::no_schedule_where_one_belongs(draft(2, 1), 4000)]
#[case::no_entry(by_schedule(&[]), 4000)]
// POL-03
#[case::six_fields(by_schedule(&["* * 2-3 * * *"]), 4000)]
#[case::a_second_too_many(by_schedule(&["60 * * * * * *"]), 4000)]
// POL-02
#[case::serving_by_schedule(draft(2, 2).with(Attribute::ScheduleElement, schedule(&["* * * * * * *"])), 4102)]
#[case::an_unknown_option(draft(1, 1).with(Attribute::PolicyData, Value::object([(Attribute::Labels, Value::Null)])), 4000)]
#[case::a_version_of_its_own(draft(1, 1).with(Attribute::StateTag, Value::Integer(3)), 4000)]
#[case::a_reserved_name(draft(1, 1).with(Attribute::ResourceName, Value::text("nextHops")), 4000)]
#[case::the_name_of_a_part(draft(1, 1).with(Attribute::ResourceName, Value::text("context")), 4105)]
fn the_members_of_a_policy_are_checked(#[case] draft: Draft, #[case] expected: u16) {
    let (mut world, _) = with_session();

    assert_eq!(answer_at(&mut world, "AE1", draft.0), expected);
}

/// A policy named `old` beside which another is to stand.
fn old(scope: i64, order: i64, endpoints: Option<&[&str]>) -> Draft {
    let made = policy(S1, "Cae1", "p0", 1, scope)
        .with(Attribute::ResourceName, Value::text("old"))
        .with(Attribute::PolicyOrder, Value::Integer(order));
    match endpoints {
        Some(list) => made.with(Attribute::PolicyEndpoints, Value::texts(list)),
        None => made,
    }
}

#[rstest]
#[case::it_says_something_else(old(1, 100, None), true)]
#[case::for_both_roles(old(3, 100, None), true)]
#[case::listing_the_same_endpoints(old(1, 100, Some(&BOTH)), true)]
#[case::another_rank(old(1, 99, None), false)]
#[case::another_role(old(2, 100, None), false)]
#[case::other_endpoints(old(1, 100, Some(&["/cse1/Cae8", "/cse1/Cae9"])), false)]
fn policies_collide_where_they_overlap_with_one_rank(#[case] old: Draft, #[case] collides: bool) {
    let (mut world, _) = with_session();
    done_after_settling(&mut world, old.0);
    let new = by_schedule(&["* * 2-3 * * * *"]);
    let new = new.with(Attribute::PolicyEndpoints, Value::texts(BOTH));

    let status = answer_at(&mut world, "AE1", new.0);

    assert_eq!(status, if collides { 4102 } else { 2001 });
}

#[test]
fn a_policy_that_says_the_same_collides_with_nothing() {
    let (mut world, _) = with_session();
    done_after_settling(&mut world, old(1, 100, None).0);

    let same = draft(1, 1);

    assert_eq!(answer_at(&mut world, "AE1", same.0), 2001);
}

#[test]
fn two_policies_under_way_collide_as_well() {
    let (mut world, _) = with_session();
    let first = by_schedule(&["* * 2-3 * * * *"]);
    let mut second = draft(1, 1);
    second.0.request_id = "p2".into();
    world.ask("AE1", "CSE1", first.0);

    let answer = world.exchange("AE1", "CSE1", second.0);

    assert_eq!(answer.status, Status::CONTENTS_UNACCEPTABLE);
}

#[test]
fn a_colliding_policy_is_not_forwarded() {
    let (mut world, _) = with_session();
    done_after_settling(&mut world, old(1, 100, None).0);

    world.ask("AE1", "CSE1", by_schedule(&["* * 2-3 * * * *"]).0);

    assert_eq!(world.waiting("CSE1", "CSE2").count(), 0);
}

#[test]
fn the_lowest_rank_decides() {
    let (mut world, ticket) = with_session();
    let closed = by_schedule(&["* * 2-3 * * * *"]).with(Attribute::PolicyOrder, Value::Integer(10));
    done_after_settling(&mut world, closed.0);
    let to = below_target(&world, "container1");
    let waits = sealed_instance(&to, "Cae1", "u1", &ticket);
    let delayed = answer_at(&mut world, "AE1", waits.0);
    let mut direct = draft(1, 1).with(Attribute::PolicyOrder, Value::Integer(5));
    direct.0.request_id = "p2".into();
    done_after_settling(&mut world, direct.0);

    let waits = sealed_instance(&to, "Cae1", "u2", &ticket);
    let served = answer_at(&mut world, "AE1", waits.0);

    // POL-13
    assert_eq!([delayed, served], [5207, 2001]);
}

#[rstest]
#[case::both(&BOTH, true)]
#[case::the_originator_only(&["/cse1/Cae1"], false)]
#[case::the_owner_only(&["/cse2/Cae2"], false)]
#[case::nobody(&[], false)]
fn a_policy_applies_where_originator_and_owner_are_listed(
    #[case] listed: &[&str],
    #[case] applies: bool,
) {
    let (mut world, ticket) = with_session();
    let made =
        by_schedule(&["* * 2-3 * * * *"]).with(Attribute::PolicyEndpoints, Value::texts(listed));
    done_after_settling(&mut world, made.0);
    let to = below_target(&world, "container1");
    let waits = sealed_instance(&to, "Cae1", "u1", &ticket);

    let status = answer_at(&mut world, "AE1", waits.0);

    // POL-12
    assert_eq!(status, if applies { 5207 } else { 2001 });
}

#[rstest]
#[case::of_the_first_cse_only(1, 4102)]
#[case::of_the_hosting_cse_only(2, 4102)]
#[case::of_both(3, 2001)]
fn plain_data_passes_where_a_policy_lets_it(#[case] scope: i64, #[case] expected: u16) {
    let (mut world, ticket) = with_session();
    let open = Value::object([(Attribute::Protected, Value::Bool(false))]);
    done_after_settling(
        &mut world,
        draft(1, scope).with(Attribute::PolicyData, open).0,
    );
    let to = below_target(&world, "container1");
    let plain = sealed_instance(&to, "Cae1", "u1", &ticket)
        .with(Attribute::Content, Value::text("21.5"))
        .with(Attribute::ContentInfo, Value::text("text/plain:0"));
    let sealed = sealed_instance(&to, "Cae1", "u2", &ticket);

    // POL-19
    assert_eq!(answer_at(&mut world, "AE1", plain.0), expected);
    assert_eq!(answer_at(&mut world, "AE1", sealed.0), 2001);
}

#[rstest]
#[case::larger(10, 5207)]
#[case::not_larger(1_000, 2001)]
fn content_larger_than_the_policy_allows_is_refused(#[case] limit: i64, #[case] expected: u16) {
    let (mut world, ticket) = with_session();
    let data = Value::object([(Attribute::MaxByteSize, Value::Integer(limit))]);
    done_after_settling(&mut world, draft(1, 1).with(Attribute::PolicyData, data).0);
    let to = below_target(&world, "container1");
    // POL-18
    let asked = sealed_instance(&to, "Cae1", "u1", &ticket);

    assert_eq!(answer_at(&mut world, "AE1", asked.0), expected);
}

#[test]
fn a_request_under_an_immediate_policy_is_never_stored() {
    let (mut world, ticket) = with_session();
    done_after_settling(&mut world, draft(1, 1).0);
    world.cut("CSE1", "CSE2");
    let to = below_target(&world, "container1");
    let asked = sealed_instance(&to, "Cae1", "u1", &ticket).notified();

    // POL-16
    assert_eq!(answer_at(&mut world, "AE1", asked.0), 5103);
}

/// Offsets in minutes after 09:59 on 2027-03-01, a Monday.
#[rstest]
#[case::in_the_night(&["* * 2-3 * * * *"], 16 * 60 + 1)]
#[case::later_today(&["0 30 10 * * * *"], 31)]
#[case::open_now(&["* * 9-10 * * * *"], 0)]
#[case::the_first_of_two(&["* * 2-3 * * * *", "0 0 12 * * * *"], 121)]
#[case::on_wednesdays(&["* * * * * 3 *"], (14 + 24) * 60 + 1)]
#[case::on_the_second_of_march(&["0 0 0 2 3 * *"], 14 * 60 + 1)]
#[case::every_quarter_of_an_hour(&["0 */15 * * * * *"], 1)]
fn a_stored_request_leaves_when_its_window_opens(#[case] entries: &[&str], #[case] minutes: u64) {
    let (mut world, ticket) = with_session();
    done_after_settling(&mut world, by_schedule(entries).0);
    let to = below_target(&world, "container1");
    let asked = sealed_instance(&to, "Cae1", "u1", &ticket).notified();
    let opens = START.plus(minutes * MINUTE);

    world.ask("AE1", "CSE1", asked.0);
    if minutes > 0 {
        world.wait(opens.0 - world.now.0 - 1);
        // POL-04, USE-06
        assert_eq!(instances(&world), 0, "not a moment earlier");
        world.wait(1);
    }
    world.settle();

    assert_eq!(instances(&world), 1);
}

/// How many instances the hosting CSE holds.
pub(crate) fn instances(world: &World) -> usize {
    world
        .resources(far(world), ResourceType::ContentInstance)
        .len()
}

#[rstest]
#[case::its_own_is_kept(Some(20 * HOUR), None, 20 * HOUR)]
#[case::the_policys(None, Some(18 * HOUR), 18 * HOUR)]
#[case::its_own_before_the_policys(Some(20 * HOUR), Some(18 * HOUR), 20 * HOUR)]
#[case::the_sessions(None, None, 144 * HOUR)]
#[case::the_sessions_at_the_latest(None, Some(1_000 * HOUR), 144 * HOUR)]
fn a_stored_request_expires_with_itself_its_policy_or_its_session(
    #[case] own: Option<u64>,
    #[case] of_policy: Option<u64>,
    #[case] expected: u64,
) {
    let (mut world, ticket) = with_session();
    let mut made = by_schedule(&["* * 2-3 * * * 2027"]);
    if let Some(life) = of_policy {
        let life = i64::try_from(life).expect("short");
        let data = [(Attribute::DefaultRequestExpiration, Value::Integer(life))];
        made = made.with(Attribute::PolicyData, Value::object(data));
    }
    done_after_settling(&mut world, made.0);
    let to = below_target(&world, "container1");
    let mut asked = sealed_instance(&to, "Cae1", "u1", &ticket).notified();
    if let Some(life) = own {
        asked = asked.by(START.plus(life));
    }

    world.ask("AE1", "CSE1", asked.0);

    let mut stored = None;
    for record in world.cse("CSE1").durable() {
        if let Record::Stored(row) = record {
            stored = Some(row.expires);
        }
    }
    // POL-17
    assert_eq!(stored, Some(START.plus(expected)));
}

#[test]
fn a_request_whose_window_opens_too_late_is_refused_at_once() {
    let (mut world, ticket) = with_session();
    done_after_settling(&mut world, by_schedule(&["* * 2-3 * * * *"]).0);
    let to = below_target(&world, "container1");
    let asked = sealed_instance(&to, "Cae1", "u1", &ticket)
        .notified()
        .by(START.plus(HOUR));

    assert_eq!(answer_at(&mut world, "AE1", asked.0), 5207);
}

#[test]
fn a_stored_request_is_judged_by_the_policy_it_was_accepted_under() {
    let (mut world, ticket) = with_session();
    let night =
        by_schedule(&["* * 2-3 * * * *"]).with(Attribute::ResourceName, Value::text("night"));
    done_after_settling(&mut world, night.0);
    let to = below_target(&world, "container1");
    let asked = sealed_instance(&to, "Cae1", "u1", &ticket).notified();
    world.ask("AE1", "CSE1", asked.0);

    let gone = Draft::delete("cse1/ae1/sessions/s1/night", "Cae1", "p9");
    done_after_settling(&mut world, gone.0);
    world.wait(HOUR);

    assert_eq!(instances(&world), 0, "USE-29");
    world.wait(16 * HOUR);
    assert_eq!(instances(&world), 1);
}

#[test]
fn a_change_is_counted_equally_on_all_hops() {
    let (mut world, _) = with_session();
    let night =
        by_schedule(&["* * 2-3 * * * *"]).with(Attribute::ResourceName, Value::text("night"));
    done_after_settling(&mut world, night.0);
    let to = "cse1/ae1/sessions/s1/night";
    let change = Draft::update(to, "Cae1", "p2", ResourceType::SessionPolicy)
        .with(Attribute::PolicyOrder, Value::Integer(7));

    done_after_settling(&mut world, change.0);

    for node in ["CSE1", "CSE2"] {
        let policies = world.resources(node, ResourceType::SessionPolicy);
        let integer = |name| policies[0].integer(&name);
        // POL-08
        assert_eq!(integer(Attribute::StateTag), Some(1), "{node}");
        assert_eq!(integer(Attribute::PolicyOrder), Some(7), "{node}");
    }
}

#[rstest]
#[case::before_it_was_done(false)]
#[case::after_it_was_done(true)]
fn a_policy_whose_hop_answers_too_late_is_taken_back(#[case] was_done: bool) {
    let (mut world, _) = with_session();
    let asked = draft(1, 1).by(world.now.plus(10_000));
    world.ask("AE1", "CSE1", asked.0);
    if was_done {
        world.pass("CSE1", "CSE2");
    }
    world.cut("CSE1", "CSE2");
    world.wait(20_000);
    let answer = world.take_response("CSE1", "AE1", "p1").expect("an answer");

    crate::common::scene::join(&mut world, "CSE1");

    assert_eq!(answer.status, Status::REQUEST_TIMEOUT);
    for node in ["CSE1", "CSE2"] {
        let policies = world.resources(node, ResourceType::SessionPolicy);
        assert_eq!(policies, [], "{node}: EST-25, POL-10");
    }
}

/// One end asks for a change of the same thing while another is under way at the hop.
#[rstest]
#[case::of_a_policy(
    "cse1/ae1/sessions/s1/night",
    ResourceType::SessionPolicy,
    Attribute::PolicyOrder
)]
#[case::of_the_session(S1, ResourceType::Session, Attribute::ExpirationTime)]
fn changes_of_one_thing_follow_one_another(
    #[case] to: &str,
    #[case] of: ResourceType,
    #[case] name: Attribute,
) {
    let (mut world, _) = with_session();
    let night =
        by_schedule(&["* * 2-3 * * * *"]).with(Attribute::ResourceName, Value::text("night"));
    done_after_settling(&mut world, night.0);
    let is_time = name == Attribute::ExpirationTime;
    let value = |n: u64| {
        if is_time {
            Value::Time(START.plus(n * HOUR))
        } else {
            Value::Integer(i64::try_from(n).expect("a small number"))
        }
    };
    let change = |id: &str, n| Draft::update(to, "Cae1", id, of).with(name.clone(), value(n));
    world.ask("AE1", "CSE1", change("u1", 2).0);

    let second = world.exchange("AE1", "CSE1", change("u2", 3).0);
    assert_eq!(second.status, Status::CONFLICT, "POL-20");

    world.settle();
    let first = world.take_response("CSE1", "AE1", "u1").expect("an answer");
    assert_eq!(first.status, Status::UPDATED);
    done_after_settling(&mut world, change("u3", 4).0);
    for node in ["CSE1", "CSE2"] {
        let held = world.resources(node, of);
        let now = if is_time {
            held[0].expires.map(Value::Time)
        } else {
            held[0].get(&name).cloned()
        };
        assert_eq!(now, Some(value(4)), "{node}");
    }
}

/// What both CSEs have of a thing that can be changed.
fn stands(world: &World, of: ResourceType, name: &Attribute) -> [Option<Value>; 2] {
    ["CSE1", "CSE2"].map(|node| {
        let held = world.resources(node, of);
        let resource = held.first()?;
        match *name == Attribute::ExpirationTime {
            true => resource.expires.map(Value::Time),
            false => Some(resource.get(name).cloned().unwrap_or(Value::Integer(100))),
        }
    })
}

fn changes_under_way(world: &World) -> usize {
    let of = |node| world.cse(node).state().changes.iter().count();
    of("CSE1") + of("CSE2")
}

/// The answer to a change of AE1 is lost, and AE2 asks for another one of the same thing.
#[rstest]
fn what_a_hop_has_not_taken_back_is_asked_again(
    #[values(false, true)] of_session: bool,
    #[values(false, true)] both_are_lost: bool,
) {
    let (mut world, _) = with_session();
    let night =
        by_schedule(&["* * 2-3 * * * *"]).with(Attribute::ResourceName, Value::text("night"));
    done_after_settling(&mut world, night.0);
    let (below, of, name) = match of_session {
        true => ("", ResourceType::Session, Attribute::ExpirationTime),
        false => (
            "/night",
            ResourceType::SessionPolicy,
            Attribute::PolicyOrder,
        ),
    };
    let before = stands(&world, of, &name);
    let change = |world: &World, sessions: &str, from: &str, id: &str, n: u64| {
        let value = match of_session {
            true => Value::Time(START.plus(n * HOUR)),
            false => Value::Integer(i64::try_from(n).expect("a small number")),
        };
        let draft = Draft::update(&format!("{sessions}{below}"), from, id, of);
        draft.with(name.clone(), value).by(world.now.plus(10_000)).0
    };
    let there = &world.resources("CSE2", ResourceType::Session)[0].name;
    let there = format!("cse2/ae2/sessions/{there}");
    let theirs = |world: &World| change(world, &there, "Cae2", "v1", 3);
    let ours = change(&world, S1, "Cae1", "u1", 2);
    world.ask("AE1", "CSE1", ours);
    world.pass("CSE1", "CSE2");
    if both_are_lost {
        let theirs = theirs(&world);
        world.ask("AE2", "CSE2", theirs);
        world.cut("CSE1", "CSE2");
        world.wait(15_000);
    } else {
        world.cut("CSE1", "CSE2");
        world.wait(9_500);
        let theirs = theirs(&world);
        world.ask("AE2", "CSE2", theirs);
    }
    assert_ne!(stands(&world, of, &name), before);

    crate::common::scene::join(&mut world, "CSE1");
    world.wait(2 * MINUTE);

    assert_eq!(stands(&world, of, &name), before, "POL-21, POL-22, EST-27");
    assert_eq!(changes_under_way(&world), 0, "POL-21");
}

#[test]
fn a_deletion_whose_answer_is_lost_is_completed() {
    let (mut world, _) = with_session();
    let night =
        by_schedule(&["* * 2-3 * * * *"]).with(Attribute::ResourceName, Value::text("night"));
    done_after_settling(&mut world, night.0);
    let gone = Draft::delete("cse1/ae1/sessions/s1/night", "Cae1", "p9").by(world.now.plus(10_000));
    world.ask("AE1", "CSE1", gone.0);
    world.pass("CSE1", "CSE2");
    world.cut("CSE1", "CSE2");
    world.wait(15_000);

    crate::common::scene::join(&mut world, "CSE1");

    for node in ["CSE1", "CSE2"] {
        let policies = world.resources(node, ResourceType::SessionPolicy);
        assert_eq!(policies, [], "{node}: POL-21, EST-23");
    }
}

#[rstest]
#[case::with_somewhere_to_notify(Some(vec!["Cae1".into()]), Status::ACCEPTED_ASYNCH)]
#[case::without(None, Status::ACCEPTED_SYNCH)]
fn who_is_flexible_is_notified_if_it_says_where(
    #[case] notify: Option<Vec<m2m_machine::text::Text>>,
    #[case] expected: Status,
) {
    let (mut world, ticket) = with_session();
    done_after_settling(&mut world, by_schedule(&["* * 2-3 * * * *"]).0);
    let to = below_target(&world, "container1");
    let mut asked = sealed_instance(&to, "Cae1", "u1", &ticket).0;
    asked.response_type = Some(ResponseType {
        mode: ResponseMode::FlexBlocking,
        notify: notify.clone(),
    });

    let answer = world.exchange("AE1", "CSE1", asked);
    world.wait(17 * HOUR);

    assert_eq!(answer.status, expected, "USE-46");
    let told = world.waiting("CSE1", "AE1").count();
    assert_eq!(told, usize::from(notify.is_some()), "USE-46");
}

#[rstest]
#[case::its_type(Attribute::PolicyType, Value::Integer(1))]
#[case::its_scope(Attribute::PolicyScope, Value::Integer(3))]
#[case::its_endpoints(Attribute::PolicyEndpoints, Value::texts(BOTH))]
fn what_a_policy_is_about_is_fixed(#[case] name: Attribute, #[case] value: Value) {
    let (mut world, _) = with_session();
    let night =
        by_schedule(&["* * 2-3 * * * *"]).with(Attribute::ResourceName, Value::text("night"));
    done_after_settling(&mut world, night.0);
    let to = "cse1/ae1/sessions/s1/night";
    let change = Draft::update(to, "Cae1", "p2", ResourceType::SessionPolicy).with(name, value);

    assert_eq!(answer_at(&mut world, "AE1", change.0), 4000, "POL-08");
}
