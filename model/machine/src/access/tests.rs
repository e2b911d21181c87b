//! Who may do what, row by row.

use super::*;
use crate::cse::resources::fixture::{Fixture, OTHER, OWNER};
use alloc::vec;
use rstest::rstest;

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
    allowed(
        &fixture.cse.durable.tree,
        originator,
        None,
        &CseId::from("/cse2"),
        &resource,
        right,
    )
}

#[rstest]
#[case("all", true)]
#[case("*", true)]
#[case("/cse1/Cae1", true)]
#[case("/cse1/*", true)]
#[case("/cse1/C*", true)]
#[case("//sp.example/cse1/Cae1", true)]
#[case("//sp.example", false)]
#[case("/cse1", false)]
#[case("Cae1", false)]
#[case("/cse1/Cae10", false)]
fn an_entry_names_an_originator(#[case] entry: &str, #[case] expected: bool) {
    assert_eq!(names(entry, "/cse1/Cae1", &CseId::from("/cse2")), expected);
}

#[rstest]
#[case("Cae2", true)]
#[case("C*", true)]
#[case("Cae3", false)]
fn a_stem_names_a_local_ae(#[case] entry: &str, #[case] expected: bool) {
    assert_eq!(names(entry, "/cse2/Cae2", &CseId::from("/cse2")), expected);
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
    let (tree, own) = (&fixture.cse.durable.tree, CseId::from("/cse2"));
    let may = |who| may_assign_policies(tree, who, None, &own, &fixture.get("cnt1"));

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

#[test]
fn the_administrator_has_every_right() {
    let fixture = with_policy();
    let (tree, own) = (&fixture.cse.durable.tree, CseId::from("/cse2"));
    let acp = fixture.get("acp1");

    assert!(allowed(
        tree,
        "/cse2/Sadmin",
        Some("Sadmin"),
        &own,
        &acp,
        Right::Delete
    ));
}
