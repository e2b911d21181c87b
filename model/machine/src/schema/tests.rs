//! Rows of the tables, checked one by one.

use super::*;
use crate::env::Timestamp;
use alloc::vec;
use alloc::vec::Vec;
use rstest::rstest;

fn members(of: &[(Attribute, Value)]) -> Members {
    of.iter().cloned().collect()
}

fn custom(name: &str) -> Attribute {
    Attribute::Custom(name.into())
}

fn ae() -> Members {
    members(&[
        (Attribute::AppId, Value::text("Norg.example.ae1")),
        (Attribute::RequestReachability, Value::Bool(true)),
        (Attribute::SupportedReleaseVersions, Value::texts(["3"])),
    ])
}

fn endpoint(from_cse: bool) -> Members {
    let mut endpoint = members(&[(Attribute::EndpointPaths, Value::texts(["/cse1/cse1/ae1"]))]);
    if from_cse {
        endpoint.insert(Attribute::EndpointId, Value::text("/cse1/Cae1"));
        endpoint.insert(Attribute::EndpointType, Value::Integer(1));
    }
    endpoint
}

fn session(from_cse: bool) -> Members {
    let endpoint = Value::List(vec![Value::Object(endpoint(from_cse))]);
    let mut session = members(&[
        (Attribute::SessionTargets, Value::texts(["/cse2/Cae2"])),
        (Attribute::Resource(ResourceType::SessionEndpoint), endpoint),
    ]);
    if from_cse {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let credentials = [
            (Attribute::KeyId, Value::text("kid")),
            (Attribute::KeyAlgorithm, Value::text("A256GCM")),
            (Attribute::KeyType, Value::text("oct")),
            (Attribute::KeyValue, Value::text(key)),
        ];
        session.extend([
            (
                Attribute::SessionId,
                Value::text("/cse1/234ADVxk0Zb7NcR5tUeHpQ"),
            ),
            (Attribute::SessionOriginator, Value::text("/cse1/Cae1")),
            (Attribute::ExpirationTime, Value::Time(Timestamp(1))),
            (Attribute::EndToEnd, Value::Bool(false)),
            (Attribute::AllEndpointsRequired, Value::Bool(true)),
            (Attribute::RemoteSession, Value::text("/cse1/ses1")),
            (Attribute::Visited, Value::texts(["/cse1"])),
            (Attribute::Credentials, Value::object(credentials)),
        ]);
    }
    session
}

fn policy() -> Members {
    let night = Value::texts(["* * 2-3 * * * *"]);
    members(&[
        (Attribute::PolicyType, Value::Integer(2)),
        (Attribute::PolicyScope, Value::Integer(1)),
        (
            Attribute::ScheduleElement,
            Value::object([(Attribute::ScheduleEntries, night)]),
        ),
    ])
}

#[test]
fn what_the_flows_send_is_accepted() {
    assert_eq!(check_create(ResourceType::Ae, &ae(), false), Ok(()));
    assert_eq!(
        check_create(ResourceType::Session, &session(false), false),
        Ok(())
    );
    assert_eq!(
        check_create(ResourceType::Session, &session(true), true),
        Ok(())
    );
    assert_eq!(
        check_create(ResourceType::SessionPolicy, &policy(), false),
        Ok(())
    );
}

#[rstest]
#[case(custom("apn2"), Value::Integer(1), Err(Refusal::BadRequest))]
#[case(custom("mei"), Value::text("a@b"), Ok(()))]
#[case(custom("mei"), Value::Null, Err(Refusal::BadRequest))]
#[case(Attribute::AppName, Value::text("app"), Ok(()))]
#[case(Attribute::AppName, Value::Null, Err(Refusal::BadRequest))]
#[case(Attribute::AeId, Value::text("Cae1"), Err(Refusal::BadRequest))]
#[case(Attribute::ResourceId, Value::text("x"), Err(Refusal::BadRequest))]
#[case(Attribute::ResourceName, Value::text("a/b"), Err(Refusal::BadRequest))]
#[case(Attribute::ResourceName, Value::text("la"), Err(Refusal::BadRequest))]
#[case(Attribute::AppId, Value::text("org.example"), Err(Refusal::BadRequest))]
#[case(
    Attribute::SessionCapable,
    Value::text("true"),
    Err(Refusal::BadRequest)
)]
#[case(
    Attribute::ExpirationTime,
    Value::text("tomorrow"),
    Err(Refusal::BadRequest)
)]
fn one_attribute_can_spoil_an_ae(
    #[case] name: Attribute,
    #[case] value: Value,
    #[case] expected: Result<(), Refusal>,
) {
    let mut ae = ae();
    ae.insert(name, value);

    assert_eq!(check_create(ResourceType::Ae, &ae, false), expected);
}

#[test]
fn each_mandatory_attribute_is_missed() {
    for (resource_type, whole, from_cse) in [
        (ResourceType::Ae, ae(), false),
        (ResourceType::Session, session(false), false),
        (ResourceType::Session, session(true), true),
        (ResourceType::SessionEndpoint, endpoint(true), true),
    ] {
        for name in whole.keys() {
            let mut part = whole.clone();
            part.remove(name);
            let refused = check_create(resource_type, &part, from_cse);
            assert_eq!(refused, Err(Refusal::BadRequest), "{name:?}");
        }
    }
}

#[rstest]
#[case(Attribute::SessionTargets, Value::texts([""; 0]), Refusal::BadRequest)]
#[case(Attribute::SessionTargets, Value::texts(["Cae2"]), Refusal::BadRequest)]
#[case(Attribute::SessionTargets, Value::texts(["/c/a", "/c/b"]), Refusal::NotImplemented)]
#[case(Attribute::SessionId, Value::text("x"), Refusal::BadRequest)]
#[case(Attribute::AccessControlPolicyIds, Value::texts(["acp"]), Refusal::BadRequest)]
#[case(Attribute::ResourceName, Value::text("nextHops"), Refusal::BadRequest)]
// End to end, but without the endpoint's key.
#[case(Attribute::EndToEnd, Value::Bool(true), Refusal::BadRequest)]
fn one_member_can_spoil_a_session(
    #[case] name: Attribute,
    #[case] value: Value,
    #[case] expected: Refusal,
) {
    let mut session = session(false);
    session.insert(name, value);

    assert_eq!(
        check_create(ResourceType::Session, &session, false),
        Err(expected)
    );
}

#[rstest]
#[case(Attribute::PolicyType, Value::Integer(1), Refusal::BadRequest)]
#[case(Attribute::PolicyType, Value::Integer(3), Refusal::BadRequest)]
#[case(Attribute::PolicyScope, Value::Integer(2), Refusal::PolicyConflict)]
#[case(Attribute::StateTag, Value::Integer(0), Refusal::BadRequest)]
#[case(Attribute::ScheduleElement, Value::Null, Refusal::BadRequest)]
fn one_member_can_spoil_a_policy(
    #[case] name: Attribute,
    #[case] value: Value,
    #[case] expected: Refusal,
) {
    let mut policy = policy();
    policy.insert(name, value);

    assert_eq!(
        check_create(ResourceType::SessionPolicy, &policy, false),
        Err(expected)
    );
}

#[rstest]
#[case(ResourceType::Ae, Attribute::Labels, Value::Null, true)]
#[case(ResourceType::Ae, Attribute::RequestReachability, Value::Null, false)]
#[case(ResourceType::Ae, Attribute::ExpirationTime, Value::Null, false)]
#[case(ResourceType::Ae, Attribute::AppId, Value::text("N1"), false)]
#[case(
    ResourceType::Container,
    Attribute::MaxNrOfInstances,
    Value::Integer(5),
    true
)]
#[case(ResourceType::Container, Attribute::MaxNrOfInstances, Value::Integer(-1), false)]
#[case(
    ResourceType::Container,
    Attribute::CurrentNrOfInstances,
    Value::Integer(1),
    false
)]
#[case(
    ResourceType::FlexContainer,
    Attribute::ContainerDefinition,
    Value::text("d"),
    false
)]
#[case(ResourceType::FlexContainer, custom("dat"), Value::Null, true)]
#[case(
    ResourceType::FlexContainer,
    Attribute::StateTag,
    Value::Integer(9),
    false
)]
#[case(ResourceType::Session, Attribute::Lifecycle, Value::Integer(2), true)]
#[case(ResourceType::Session, Attribute::Lifecycle, Value::Integer(3), false)]
#[case(
    ResourceType::SessionPolicy,
    Attribute::PolicyOrder,
    Value::Integer(1),
    true
)]
#[case(
    ResourceType::SessionPolicy,
    Attribute::PolicyScope,
    Value::Integer(1),
    false
)]
fn updates_have_their_own_column(
    #[case] resource_type: ResourceType,
    #[case] name: Attribute,
    #[case] value: Value,
    #[case] allowed: bool,
) {
    let update = members(&[(name, value)]);

    assert_eq!(check_update(resource_type, &update).is_ok(), allowed);
}

#[test]
fn defaults_are_put_in_where_nothing_was_said() {
    let mut members = members(&[(Attribute::EndToEnd, Value::Bool(true))]);

    put_defaults(ResourceType::Session, &mut members);

    assert_eq!(members.get(&Attribute::EndToEnd), Some(&Value::Bool(true)));
    assert_eq!(
        members.get(&Attribute::AllEndpointsRequired),
        Some(&Value::Bool(true))
    );
}

#[test]
fn key_material_is_hidden() {
    assert!(is_hidden(ResourceType::Session, &Attribute::Credentials));
    assert!(!is_hidden(ResourceType::Session, &Attribute::KeyId));
}

#[test]
fn no_table_names_an_attribute_twice() {
    for resource_type in ResourceType::ALL {
        let rows = table(resource_type).rows;
        let mut names: Vec<&Attribute> = rows.iter().map(|row| &row.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), rows.len(), "{resource_type:?}");
    }
}
