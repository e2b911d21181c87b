//! Who may do what, row by row.

use super::*;
use crate::cse::resources::fixture::{Fixture, NOW, OTHER, OWNER};
use crate::cse::{FarEnd, Input, Opening};
use crate::env::{Env, Fresh};
use alloc::vec;
use rstest::rstest;

fn home(cse: &CseId) -> Home<'_> {
    Home {
        cse,
        provider: "sp.example",
    }
}

const STRANGER: &str = "/cse1/Cae1";

fn rules(originators: &[&str], operations: i64) -> Value {
    let rule = Value::object([
        (
            Attribute::AccessControlOriginators,
            Value::texts(originators),
        ),
        (
            Attribute::AccessControlOperations,
            Value::Integer(operations),
        ),
    ]);
    Value::object([(Attribute::AccessControlRules, Value::List(vec![rule]))])
}

/// AE2 with a policy `acp` that lets AE1 create, retrieve, update and discover, and AE3 change the policy.
fn with_policy() -> Fixture {
    let mut fixture = Fixture::new();
    let attributes = [
        (Attribute::Privileges, rules(&["/cse1/Cae1"], 39)),
        (Attribute::SelfPrivileges, rules(&["Cae3"], 63)),
    ];
    let acp = ResourceType::AccessControlPolicy;
    fixture.put(acp, "Cae2", "acp1", "acp", OWNER, &attributes);
    fixture
}

fn may(fixture: &Fixture, originator: &str, id: &str, right: Right) -> bool {
    let resource = fixture.get(id);
    let asker = Asker::new(originator, NOW);
    fixture.cse.authority().allows(asker, &resource, right)
}

#[rstest]
#[case("all", true)]
#[case("*", true)]
#[case("/cse1/Cae1", true)]
#[case("/cse1/*", true)]
#[case("/cse1/C*", true)]
#[case("//sp.example/cse1/Cae1", true)]
#[case("//sp.example", false)]
#[case("//other.example/cse1/Cae1", false)]
#[case("//sp.example.org/cse1/Cae1", false)]
#[case("/cse1", false)]
#[case("Cae1", false)]
#[case("/cse1/Cae10", false)]
fn an_entry_names_an_originator(#[case] entry: &str, #[case] expected: bool) {
    assert_eq!(
        names(entry, "/cse1/Cae1", home(&CseId::from("/cse2"))),
        expected
    );
}

#[rstest]
#[case("Cae2", true)]
#[case("C*", true)]
#[case("Cae3", false)]
#[case("//sp.exampleCae2", false)]
fn a_stem_names_a_local_ae(#[case] entry: &str, #[case] expected: bool) {
    assert_eq!(
        names(entry, "/cse2/Cae2", home(&CseId::from("/cse2"))),
        expected
    );
}

/// REG-70: an `<AE>` without policies takes notifications of CSEs; with policies it takes what they let through.
#[rstest]
#[case::of_a_cse("/cse1", &[], true)]
#[case::of_an_ae(STRANGER, &[], false)]
#[case::of_itself(OWNER, &[], true)]
#[case::of_nobody("/", &[], false)]
#[case::of_a_cse_that_no_policy_names("/cse1", &["acp1"], false)]
fn an_ae_is_notified_by_those_it_subscribed_with(
    #[case] originator: &str,
    #[case] policies: &[&str],
    #[case] expected: bool,
) {
    let mut fixture = with_policy();
    fixture.cse.durable.tree.change(&"Cae2".into(), |ae| {
        let policies = Value::texts(policies);
        ae.attributes
            .insert(Attribute::AccessControlPolicyIds, policies);
    });

    assert_eq!(may(&fixture, originator, "Cae2", Right::Notify), expected);
    let reads = originator == OWNER && policies.is_empty();
    assert_eq!(may(&fixture, originator, "Cae2", Right::Retrieve), reads);
}

#[rstest]
#[case("acp1")]
#[case("cse2/ae2/acp")]
#[case("-/ae2/acp")]
#[case("/cse2/acp1")]
#[case("/cse2/cse2/ae2/acp")]
fn policies_are_found_by_any_address(#[case] address: &str) {
    let mut fixture = with_policy();
    let acpi = [(Attribute::AccessControlPolicyIds, Value::texts([address]))];
    fixture.put(ResourceType::Container, "Cae2", "cnt1", "box", OWNER, &acpi);

    assert!(may(&fixture, STRANGER, "cnt1", Right::Create));
    assert!(may(&fixture, STRANGER, "cnt1", Right::Discover));
    assert!(!may(&fixture, STRANGER, "cnt1", Right::Delete));
    assert!(!may(&fixture, OWNER, "cnt1", Right::Retrieve));
}

#[test]
fn a_policy_that_is_gone_grants_nothing() {
    let mut fixture = Fixture::new();
    let acpi = [(Attribute::AccessControlPolicyIds, Value::texts(["acp9"]))];
    fixture.put(ResourceType::Container, "Cae2", "cnt1", "box", OWNER, &acpi);

    assert!(!may(&fixture, OWNER, "cnt1", Right::Retrieve));
}

#[test]
fn a_policy_is_governed_by_its_own_privileges() {
    let fixture = with_policy();

    assert!(may(&fixture, OTHER, "acp1", Right::Update));
    assert!(!may(&fixture, STRANGER, "acp1", Right::Retrieve));
    assert!(!may(&fixture, OWNER, "acp1", Right::Retrieve));
}

#[test]
fn changing_which_policies_apply_takes_the_right_to_change_one_of_them() {
    let mut fixture = with_policy();
    let acpi = [(Attribute::AccessControlPolicyIds, Value::texts(["acp1"]))];
    fixture.put(ResourceType::Container, "Cae2", "cnt1", "box", OWNER, &acpi);
    let authority = fixture.cse.authority();
    let may = |who| authority.allows_assignment(Asker::new(who, NOW), &fixture.get("cnt1"));

    assert!(may(OTHER));
    assert!(!may(STRANGER));
}

#[rstest]
#[case("Cae2", OWNER, Right::Delete, true)]
#[case("Cae2", OTHER, Right::Retrieve, false)]
#[case("cnt1", OWNER, Right::Delete, true)]
#[case("cnt1", STRANGER, Right::Retrieve, false)]
// Made by AE3 below AE2: both have it.
#[case("cnt2", OTHER, Right::Update, true)]
#[case("cnt2", OWNER, Right::Update, true)]
#[case("cin1", OTHER, Right::Retrieve, true)]
#[case("cin1", STRANGER, Right::Retrieve, false)]
#[case("req1", OTHER, Right::Retrieve, true)]
#[case("req1", OWNER, Right::Retrieve, false)]
#[case("sess2", OWNER, Right::Create, true)]
#[case("sess2", OWNER, Right::Delete, false)]
#[case("sess2", OTHER, Right::Retrieve, false)]
#[case("ses2", STRANGER, Right::Retrieve, true)]
#[case("ses2", STRANGER, Right::Discover, true)]
#[case("ses2", "/cse1", Right::Retrieve, true)]
#[case("ses2", "/cse1", Right::Discover, false)]
#[case("ses2", OTHER, Right::Retrieve, false)]
#[case("ses2", STRANGER, Right::Update, false)]
fn without_policies_a_resource_belongs_to_someone(
    #[case] id: &str,
    #[case] originator: &str,
    #[case] right: Right,
    #[case] expected: bool,
) {
    let mut fixture = Fixture::new();
    let endpoint = [(Attribute::EndpointId, Value::text(STRANGER))];
    let hop = [(Attribute::NextHopId, Value::text("/cse1"))];
    fixture.put(ResourceType::Container, "Cae2", "cnt1", "box", OWNER, &[]);
    fixture.put(ResourceType::Container, "Cae2", "cnt2", "box2", OTHER, &[]);
    fixture.put(
        ResourceType::ContentInstance,
        "cnt2",
        "cin1",
        "cin",
        "/cse9",
        &[],
    );
    fixture.put_at_base(ResourceType::Request, "req1", OTHER);
    fixture.put(ResourceType::Session, "sess2", "ses2", "s42", OWNER, &[]);
    fixture.put(
        ResourceType::SessionEndpoint,
        "ses2",
        "sep1",
        "ep0",
        OWNER,
        &endpoint,
    );
    fixture.put(ResourceType::NextHop, "ses2", "nhp1", "cse1", OWNER, &hop);

    assert_eq!(may(&fixture, originator, id, right), expected);
}

#[rstest]
#[case(OWNER, Right::Create, true)]
#[case(STRANGER, Right::Create, false)]
#[case(STRANGER, Right::Retrieve, true)]
#[case(STRANGER, Right::Discover, true)]
#[case(OWNER, Right::Update, false)]
fn the_csebase_is_open_to_who_is_registered(
    #[case] originator: &str,
    #[case] right: Right,
    #[case] expected: bool,
) {
    let fixture = Fixture::new();
    let base = fixture
        .cse
        .durable
        .tree
        .base()
        .expect("the CSEBase")
        .clone();

    assert_eq!(may(&fixture, originator, base.id.as_str(), right), expected);
}

/// A box of AE2 under a rule for AE3 with one more member, and AE3 on a link of which that is known.
fn linked(more: (Attribute, Value), far_end: FarEnd) -> Fixture {
    let mut fixture = ruled_for("all", more.0, more.1);
    let env = Env {
        now: NOW,
        fresh: Fresh::predictable(1),
    };
    let opening = Opening::Accepted {
        origin: Some("Cae3".into()),
    };
    let link = LinkId(3);
    let _ = fixture.cse.step(
        env,
        Input::LinkOpened {
            link,
            opening,
            far_end,
        },
    );
    fixture
}

fn from(address: &str) -> FarEnd {
    FarEnd {
        address: address.parse().ok(),
        ..FarEnd::new(true)
    }
}

#[rstest]
#[case::there(&["192.0.2.7"], &[], "192.0.2.7", true)]
#[case::in_the_block(&["192.0.2.0/24"], &[], "192.0.2.7", true)]
#[case::elsewhere(&["192.0.2.0/24"], &[], "192.0.3.7", false)]
#[case::nowhere(&["192.0.2.0/24"], &[], "", false)]
#[case::of_version_6(&["192.0.2.0/24"], &["2001:db8::/32"], "2001:db8::7", true)]
fn a_rule_may_be_for_some_addresses(
    #[case] ipv4: &[&str],
    #[case] ipv6: &[&str],
    #[case] address: &str,
    #[case] expected: bool,
) {
    let blocks = Value::object([
        (Attribute::Ipv4Addresses, Value::texts(ipv4)),
        (Attribute::Ipv6Addresses, Value::texts(ipv6)),
    ]);
    let context = Value::object([(Attribute::AccessControlIpAddresses, blocks)]);
    let contexts = Value::List(vec![context]);

    let fixture = linked((Attribute::AccessControlContexts, contexts), from(address));

    assert_eq!(
        may(&fixture, OTHER, "cnt1", Right::Retrieve),
        expected,
        "REG-72"
    );
}

#[rstest]
#[case::by_a_certificate(true, true, true)]
#[case::by_its_word(true, false, false)]
#[case::by_its_word_where_that_is_enough(false, false, true)]
fn a_rule_may_be_for_authenticated_originators(
    #[case] demanded: bool,
    #[case] certified: bool,
    #[case] expected: bool,
) {
    let far_end = FarEnd {
        certified,
        ..FarEnd::new(true)
    };
    let flag = (
        Attribute::AccessControlAuthenticationFlag,
        Value::Bool(demanded),
    );

    let fixture = linked(flag, far_end);

    assert_eq!(
        may(&fixture, OTHER, "cnt1", Right::Retrieve),
        expected,
        "REG-73"
    );
}

/// REG-72, REG-73: whoever speaks through another CSE has no link, hence neither address nor certificate here.
#[test]
fn nothing_is_known_of_who_is_behind_a_hop() {
    let flag = (
        Attribute::AccessControlAuthenticationFlag,
        Value::Bool(true),
    );
    let far_end = FarEnd {
        certified: true,
        ..from("192.0.2.7")
    };

    let fixture = linked(flag, far_end);

    assert!(!may(&fixture, STRANGER, "cnt1", Right::Retrieve));
}

#[test]
fn the_administrator_has_every_right() {
    let fixture = with_policy();
    let authority = Authority {
        administrator: Some("Sadmin"),
        ..fixture.cse.authority()
    };
    let asker = Asker::new("/cse2/Sadmin", NOW);

    assert!(authority.allows(asker, &fixture.get("acp1"), Right::Delete));
}

fn member(name: Attribute, value: Value) -> Value {
    Value::object([(name, value)])
}

fn numbers(numbers: &[i64]) -> Value {
    Value::List(numbers.iter().map(|n| Value::Integer(*n)).collect())
}

/// A container `cnt1` with an instance `cin1`, under a policy with this one rule for AE1.
fn ruled(name: Attribute, restriction: Value) -> Fixture {
    ruled_for(STRANGER, name, Value::List(vec![restriction]))
}

fn ruled_for(who: &str, name: Attribute, restriction: Value) -> Fixture {
    let mut fixture = Fixture::new();
    let rule = Value::object([
        (Attribute::AccessControlOriginators, Value::texts([who])),
        (Attribute::AccessControlOperations, Value::Integer(63)),
        (name, restriction),
    ]);
    let rule = member(Attribute::AccessControlRules, Value::List(vec![rule]));
    let acp = ResourceType::AccessControlPolicy;
    let privileges = [(Attribute::Privileges, rule)];
    fixture.put(acp, "Cae2", "acp1", "acp", OWNER, &privileges);
    let acpi = [(Attribute::AccessControlPolicyIds, Value::texts(["acp1"]))];
    fixture.put(ResourceType::Container, "Cae2", "cnt1", "box", OWNER, &acpi);
    let cin = ResourceType::ContentInstance;
    fixture.put(cin, "cnt1", "cin1", "one", OWNER, &[]);
    fixture
}

/// `NOW` is a Friday, 08:00 in UTC.
#[rstest]
#[case::always("* * * * * * *", true)]
#[case::this_hour("* * 8 * * * *", true)]
#[case::another_hour("* * 9 * * * *", false)]
#[case::another_day("* * * * * 6 *", false)]
fn a_rule_may_hold_at_some_times_only(#[case] window: &str, #[case] expected: bool) {
    let windows = member(Attribute::AccessControlWindows, Value::texts([window]));
    let fixture = ruled(Attribute::AccessControlContexts, windows);

    assert_eq!(may(&fixture, STRANGER, "cnt1", Right::Retrieve), expected);
}

#[rstest]
#[case::of_the_type(member(Attribute::ResourceType, Value::Integer(3)), "cnt1", true)]
#[case::of_another_type(member(Attribute::ResourceType, Value::Integer(4)), "cnt1", false)]
#[case::what_is_below(member(Attribute::ResourceType, Value::Integer(4)), "cin1", true)]
#[case::not_what_is_below(member(Attribute::ResourceType, Value::Integer(3)), "cin1", false)]
#[case::of_no_specialization(
    member(Attribute::SpecializationType, Value::text("org.example")),
    "cnt1",
    false
)]
#[case::children_are_not_asked_for(member(Attribute::ChildTypes, numbers(&[23])), "cnt1", true)]
fn a_rule_may_be_about_some_resources_only(
    #[case] object: Value,
    #[case] id: &str,
    #[case] expected: bool,
) {
    let fixture = ruled(Attribute::AccessControlObjects, object);

    assert_eq!(may(&fixture, STRANGER, id, Right::Retrieve), expected);
}

#[rstest]
#[case::a_type_that_is_named(ResourceType::ContentInstance, true)]
#[case::another_type(ResourceType::Subscription, false)]
fn a_rule_may_let_make_some_types_only(#[case] child: ResourceType, #[case] expected: bool) {
    let types = member(Attribute::ChildTypes, numbers(&[3, 4]));
    let fixture = ruled(Attribute::AccessControlObjects, types);
    let asker = Asker::making(STRANGER, NOW, child);

    let authority = fixture.cse.authority();
    let allowed = authority.allows(asker, &fixture.get("cnt1"), Right::Create);

    assert_eq!(allowed, expected);
}

#[rstest]
#[case::by_its_identifier(&[STRANGER], STRANGER, true)]
#[case::by_its_resource(&["cse2/ae3"], OTHER, true)]
#[case::by_a_stem(&["Cae3"], OTHER, true)]
#[case::not_a_member(&["cse2/ae3"], STRANGER, false)]
#[case::no_pattern(&["all", "/cse1/*"], STRANGER, false)]
fn a_group_stands_for_its_members(
    #[case] of: &[&str],
    #[case] originator: &str,
    #[case] expected: bool,
) {
    let mut fixture = Fixture::new();
    let members = [(Attribute::MemberIds, Value::texts(of))];
    fixture.put(ResourceType::Group, "Cae2", "grp1", "grp", OWNER, &members);
    let privileges = [(Attribute::Privileges, rules(&["cse2/ae2/grp"], 2))];
    let acp = ResourceType::AccessControlPolicy;
    fixture.put(acp, "Cae2", "acp1", "acp", OWNER, &privileges);
    let acpi = [(Attribute::AccessControlPolicyIds, Value::texts(["acp1"]))];
    fixture.put(ResourceType::Container, "Cae2", "cnt1", "box", OWNER, &acpi);

    assert_eq!(may(&fixture, originator, "cnt1", Right::Retrieve), expected);
}

#[rstest]
#[case("/cse1/C*1", true)]
#[case("/*/Cae1", true)]
#[case("*ae*", true)]
#[case("/cse1/C*2", false)]
#[case("/cse1/Cae1*", true)]
#[case("/cse1/Cae1*1", false)]
fn a_star_stands_for_any_letters(#[case] entry: &str, #[case] expected: bool) {
    assert_eq!(
        names(entry, STRANGER, home(&CseId::from("/cse2"))),
        expected
    );
}

#[rstest]
#[case::who_may_do_it_to_the_parent(STRANGER, Right::Delete, true)]
#[case::who_may_not(OTHER, Right::Delete, false)]
#[case::who_made_it("/cse1/Cae9", Right::Delete, true)]
fn a_subscription_follows_its_parent_and_its_creator(
    #[case] originator: &str,
    #[case] right: Right,
    #[case] expected: bool,
) {
    let object = member(Attribute::ChildTypes, numbers(&[23]));
    let mut fixture = ruled(Attribute::AccessControlObjects, object);
    let sub = ResourceType::Subscription;
    fixture.put(sub, "cnt1", "sub1", "sub", "/cse1/Cae9", &[]);

    assert_eq!(may(&fixture, originator, "sub1", right), expected);
}

#[rstest]
#[case::the_custodian(OTHER, true)]
#[case::not_the_creator(STRANGER, false)]
#[case::the_ae_above(OWNER, true)]
fn a_custodian_stands_in_for_the_creator(#[case] originator: &str, #[case] expected: bool) {
    let mut fixture = Fixture::new();
    let custodian = [(Attribute::Custodian, Value::text("Cae3"))];
    let cnt = ResourceType::Container;
    fixture.put(cnt, "Cae2", "cnt1", "box", STRANGER, &custodian);

    assert_eq!(may(&fixture, originator, "cnt1", Right::Update), expected);
}
