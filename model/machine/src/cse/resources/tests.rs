//! Requests on resources, from the address to the answer.

use super::fixture::{BOX, Fixture, NOW, OTHER, OWNER, create, name, request};
use super::*;
use crate::env::Timestamp;
use alloc::vec;
use alloc::vec::Vec;
use rstest::rstest;

#[rstest]
#[case(OWNER, "cse2/ae2", 10, Refusal::NotImplemented)]
#[case(OWNER, "cse2/ae2", 17, Refusal::OperationNotAllowed)]
#[case(OWNER, "cse2/ae2", 50_003, Refusal::OperationNotAllowed)]
#[case(OWNER, "cse2/ae2", 4, Refusal::InvalidChild)]
#[case(OTHER, "cse2/ae2", 3, Refusal::NoPrivilege)]
#[case(OWNER, "cse2/ae2/box", 2, Refusal::InvalidChild)]
#[case(OWNER, "cse2/ae2/box/la", 4, Refusal::OperationNotAllowed)]
#[case(
    OWNER,
    "cse2/ae2/sessions/subscriptions",
    50_002,
    Refusal::InvalidChild
)]
fn some_creations_are_refused(
    #[case] from: &str,
    #[case] to: &str,
    #[case] number: u32,
    #[case] expected: Refusal,
) {
    let mut fixture = Fixture::with_box(&[]);
    let mut request = create(to, ResourceType::Container, &[]);
    request.resource_type = Some(number);

    assert_eq!(fixture.run(from, &request), Err(expected));
}

#[rstest]
#[case(name("box"), Refusal::Conflict)]
#[case(name("la"), Refusal::BadRequest)]
#[case(name("."), Refusal::BadRequest)]
#[case(name(".."), Refusal::BadRequest)]
#[case(name("a b"), Refusal::BadRequest)]
#[case(name("a/b"), Refusal::BadRequest)]
#[case(name("\u{e9}"), Refusal::BadRequest)]
#[case(name("nextHops"), Refusal::BadRequest)]
#[case((Attribute::ExpirationTime, Value::Time(NOW)), Refusal::BadRequest)]
#[case((Attribute::Custom("foo".into()), Value::Integer(1)), Refusal::BadRequest)]
#[case((Attribute::Custom("disr".into()), Value::Bool(true)), Refusal::NotImplemented)]
fn some_attributes_are_refused(#[case] attribute: (Attribute, Value), #[case] expected: Refusal) {
    let mut fixture = Fixture::with_box(&[]);
    let before = fixture.cse.durable.tree.len();

    let made = fixture.create(OWNER, "cse2/ae2", ResourceType::Container, &[attribute]);

    assert_eq!(made, Err(expected), "REG-66");
    assert_eq!(fixture.cse.durable.tree.len(), before);
}

#[rstest]
#[case(Operation::Update, "cse2")]
#[case(Operation::Delete, "cse2")]
#[case(Operation::Update, "cse2/ae2/box/la")]
#[case(Operation::Update, "cin")]
#[case(Operation::Delete, "cse2/ae2/sessions")]
#[case(Operation::Delete, "cse2/ae2/sessions/subscriptions")]
#[case(Operation::Notify, "cse2/ae2/box")]
fn some_operations_are_never_allowed(#[case] operation: Operation, #[case] to: &str) {
    let mut fixture = Fixture::with_box(&[]);
    fixture.put(
        ResourceType::ContentInstance,
        "Cae2",
        "cin",
        "cin",
        OWNER,
        &[],
    );

    let refused = fixture.run(OWNER, &request(operation, to));

    assert_eq!(refused, Err(Refusal::OperationNotAllowed));
}

#[rstest]
#[case(Operation::Create, &[0, 1, 2, 3, 9])]
#[case(Operation::Retrieve, &[1, 4, 5, 6, 8])]
#[case(Operation::Update, &[0, 1, 9])]
#[case(Operation::Delete, &[0, 1, 4, 5, 6, 8])]
#[case(Operation::Notify, &[0])]
fn each_operation_has_its_result_contents(#[case] operation: Operation, #[case] allowed: &[u32]) {
    for number in 0..12 {
        let taken = ResultContent::of(operation, Some(number)).is_ok();
        assert_eq!(taken, allowed.contains(&number), "{operation:?} {number}");
    }
}

#[test]
fn updating_policies_excludes_other_attributes() {
    let mut fixture = Fixture::with_box(&[]);
    let acpi = (Attribute::AccessControlPolicyIds, Value::texts(["acp"]));
    let label = (Attribute::Labels, Value::texts(["x"]));

    let both = fixture.update(OWNER, BOX, ResourceType::Container, &[acpi.clone(), label]);
    let alone = fixture.update(OWNER, BOX, ResourceType::Container, &[acpi]);

    assert_eq!(both, Err(Refusal::BadRequest));
    assert!(alone.is_ok());
    // The policy does not exist: the box is locked.
    assert_eq!(fixture.retrieve(OWNER, BOX, 1), Err(Refusal::NoPrivilege));
}

#[test]
fn an_update_shows_what_it_changed() {
    let mut fixture = Fixture::with_box(&[]);
    fixture.now = NOW.plus(5);
    let mut request = request(Operation::Update, BOX);
    request.result_content = Some(9);
    let late = Value::Time(Timestamp(u64::MAX));
    let members = [
        (Attribute::Labels, Value::texts(["x"])),
        (Attribute::ExpirationTime, late),
    ];
    request.content = Some(Content::resource(ResourceType::Container, members.into()));

    let response = fixture.run(OWNER, &request).expect("an update");

    let content = response.content.expect("a content");
    let shown = content
        .members_of(ResourceType::Container)
        .expect("m2m:cnt");
    let names: Vec<_> = shown.keys().cloned().collect();
    assert_eq!(
        names,
        [Attribute::LastModifiedTime, Attribute::StateTag],
        "REG-67: labels are as they were sent, and the expiration has not moved"
    );
}

#[test]
fn an_update_under_the_name_of_another_type_is_refused() {
    let mut fixture = Fixture::with_box(&[]);
    let label = [(Attribute::Labels, Value::texts(["x"]))];

    let refused = fixture.update(OWNER, BOX, ResourceType::Ae, &label);

    assert_eq!(refused, Err(Refusal::BadRequest));
}

#[test]
fn the_creator_is_written_where_it_was_asked_for() {
    let mut fixture = Fixture::new();
    let asked = [(Attribute::Creator, Value::Null)];

    let made = fixture.create(OWNER, "cse2/ae2", ResourceType::Container, &asked);

    let made = made.expect("a container");
    assert_eq!(
        made.get(&Attribute::Creator),
        Some(&Value::text("Cae2")),
        "REG-92"
    );
}

#[rstest]
#[case(0, None)]
#[case(2, Some(Attribute::Uri))]
#[case(3, Some(Attribute::ResourceWithAddress))]
#[case(9, Some(Attribute::Resource(ResourceType::Container)))]
fn a_creation_shows_what_is_wanted(#[case] number: u32, #[case] expected: Option<Attribute>) {
    let mut fixture = Fixture::new();
    let mut request = create("cse2/ae2", ResourceType::Container, &[name("box")]);
    request.result_content = Some(number);

    let response = fixture.run(OWNER, &request).expect("a container");

    let shown = response
        .content
        .as_ref()
        .and_then(Content::single)
        .map(|(name, _)| name.clone());
    assert_eq!(shown, expected);
    if number == 2 {
        let uri = response.content.expect("a content").value;
        assert_eq!(uri.member(&Attribute::Uri), Some(&Value::text(BOX)));
    }
}

#[test]
fn the_csebase_describes_the_cse() {
    let mut fixture = Fixture::new();

    let shown = fixture.retrieve("/cse1", "/cse2", 1).expect("the CSEBase");

    let shown = shown
        .member(&Attribute::Resource(ResourceType::CseBase))
        .expect("m2m:cb");
    assert_eq!(shown.member(&Attribute::CseId), Some(&Value::text("/cse2")));
    let types = shown
        .member(&Attribute::SupportedResourceTypes)
        .and_then(Value::as_list);
    assert!(types.expect("srt").contains(&Value::Integer(50_002)));
    assert_eq!(shown.member(&Attribute::ParentId), Some(&Value::text("")));
    assert_eq!(shown.member(&Attribute::ExpirationTime), None);
}

#[test]
fn children_are_shown_by_type_and_only_those_that_may_be_read() {
    let mut fixture = Fixture::with_box(&[]);
    fixture.fill("1").expect("an instance");
    let locked = [(Attribute::AccessControlPolicyIds, Value::texts(["gone"]))];
    fixture.put(
        ResourceType::Container,
        "Cae2",
        "cnt99",
        "locked",
        OWNER,
        &locked,
    );

    let children = fixture
        .retrieve(OWNER, "cse2/ae2", 8)
        .expect("the children");
    let references = fixture.retrieve(OWNER, "cse2/ae2", 6).expect("references");

    let ae = children
        .member(&Attribute::Resource(ResourceType::Ae))
        .expect("m2m:ae");
    assert_eq!(ae.member(&Attribute::AppId), None);
    let boxes = ae
        .member(&Attribute::Resource(ResourceType::Container))
        .and_then(Value::as_list);
    let [only] = boxes.expect("a list") else {
        unreachable!("one container")
    };
    assert!(
        only.member(&Attribute::Resource(ResourceType::ContentInstance))
            .is_some()
    );
    let list = references
        .member(&Attribute::ResourceReferenceList)
        .expect("m2m:rrl");
    let list = list
        .member(&Attribute::ResourceReference)
        .and_then(Value::as_list);
    assert_eq!(list.expect("rrf").len(), 3);
}

#[test]
fn a_collection_name_shows_one_type_of_children() {
    let mut fixture = Fixture::new();
    let endpoint = [(Attribute::EndpointId, Value::text(OWNER))];
    let secret = [(Attribute::Credentials, Value::text("never"))];
    fixture.put(
        ResourceType::Session,
        "sess2",
        "ses2",
        "s42",
        OWNER,
        &secret,
    );
    fixture.put(
        ResourceType::SessionEndpoint,
        "ses2",
        "sep1",
        "ep0",
        OWNER,
        &endpoint,
    );
    fixture.put(ResourceType::NextHop, "ses2", "nhp2", "cse1", OWNER, &[]);

    let shown = fixture
        .retrieve(OWNER, "ses2/nextHops", 1)
        .expect("the next hops");
    let whole = fixture.retrieve(OWNER, "ses2", 1).expect("the session");

    let session = shown
        .member(&Attribute::Resource(ResourceType::Session))
        .expect("smg:ses");
    let session = session.as_object().expect("an object");
    let names: Vec<_> = session.keys().cloned().collect();
    assert_eq!(names, vec![Attribute::Resource(ResourceType::NextHop)]);
    let whole = whole
        .member(&Attribute::Resource(ResourceType::Session))
        .expect("smg:ses");
    assert_eq!(whole.member(&Attribute::Credentials), None);
}

#[rstest]
#[case("cse2", false, Ok(()))]
#[case("cse2", true, Err(Refusal::ForeignSchedule))]
#[case("cse2/node", true, Ok(()))]
fn network_coordination_is_a_matter_of_nodes(
    #[case] to: &str,
    #[case] coordinated: bool,
    #[case] expected: Result<(), Refusal>,
) {
    let mut fixture = Fixture::new();
    let node = [name("node"), (Attribute::NodeId, Value::text("n1"))];
    fixture
        .create(OWNER, "cse2", ResourceType::Node, &node)
        .expect("a node");
    let entries = Value::object([(Attribute::ScheduleEntries, Value::texts(["0 0 8 * * * *"]))]);
    let flag = coordinated.then_some((Attribute::NetworkCoordinated, Value::Bool(true)));
    let members: Vec<_> = [(Attribute::ScheduleElement, entries)]
        .into_iter()
        .chain(flag)
        .collect();

    let made = fixture.create(OWNER, to, ResourceType::Schedule, &members);

    assert_eq!(made.map(|_| ()), expected);
}

#[rstest]
#[case("cse2/ae2/box#cni", None, Ok(vec![Attribute::CurrentNrOfInstances]))]
#[case("cse2/ae2/box", Some(vec!["st", "cni"]), Ok(vec![Attribute::StateTag, Attribute::CurrentNrOfInstances]))]
#[case("cse2/ae2/box#mni", None, Err(Refusal::NotFound))]
#[case("cse2/ae2/box#", None, Err(Refusal::BadRequest))]
fn single_attributes_are_read(
    #[case] to: &str,
    #[case] list: Option<Vec<&str>>,
    #[case] expected: Result<Vec<Attribute>, Refusal>,
) {
    let mut fixture = Fixture::with_box(&[]);
    let mut request = request(Operation::Retrieve, to);
    request.content = list.map(|names| Content::new(Attribute::AttributeList, Value::texts(names)));

    let read = fixture.run(OWNER, &request);

    let names = read.map(|response| {
        let content = response.content.expect("a content");
        let (_, value) = content.single().expect("a resource");
        let members = value.as_object().expect("its attributes");
        members.keys().cloned().collect::<Vec<_>>()
    });
    assert_eq!(names, expected);
}

#[rstest]
#[case(0, Err(Refusal::NotFound))]
#[case(1, Ok(Status::DELETED))]
fn a_condition_decides_over_a_deletion(
    #[case] later: u64,
    #[case] expected: Result<Status, Refusal>,
) {
    let mut fixture = Fixture::with_box(&[]);
    let mut request = request(Operation::Delete, BOX);
    let before = (Attribute::CreatedBefore, Value::Time(NOW.plus(later)));
    request.filter = Some(Value::object([before]));

    let done = fixture.run(OWNER, &request);

    assert_eq!(done.map(|response| response.status), expected);
}

/// How many resources a RETRIEVE of a box with two instances shows below it, or why it does not.
fn shown_below(rcn: u32, filter: &[(Attribute, Value)]) -> Result<usize, Refusal> {
    let mut fixture = Fixture::with_box(&[]);
    for text in ["1", "2"] {
        fixture.fill(text).expect("an instance");
    }
    let mut read = request(Operation::Retrieve, BOX);
    read.result_content = Some(rcn);
    read.filter = Some(Value::object(filter.iter().cloned()));
    let content = fixture.run(OWNER, &read)?.content.expect("a content");
    let (_, shown) = content.single().expect("one thing");
    let children = shown.member(&Attribute::Resource(ResourceType::ContentInstance));
    let references = shown.member(&Attribute::ResourceReference);
    let list = children.or(references).and_then(Value::as_list);
    Ok(list.unwrap_or_default().len())
}

#[rstest]
#[case::fulfilled(&[(Attribute::ResourceType, Value::List(vec![Value::Integer(3)]))], true)]
#[case::not_fulfilled(&[(Attribute::ResourceType, Value::List(vec![Value::Integer(4)]))], false)]
#[case::said_to_be_conditions(
    &[
        (Attribute::FilterUsage, Value::Integer(2)),
        (Attribute::ResourceType, Value::List(vec![Value::Integer(3)])),
    ],
    true
)]
fn a_retrieval_may_depend_on_conditions(
    #[case] filter: &[(Attribute, Value)],
    #[case] is_read: bool,
) {
    let read = shown_below(1, filter).map(|_| ());

    let expected = if is_read {
        Ok(())
    } else {
        Err(Refusal::NotFound)
    };
    assert_eq!(read, expected, "DIS-12");
}

#[rstest]
#[case::all(8, &[], 2)]
#[case::the_first(8, &[(Attribute::Limit, Value::Integer(1))], 1)]
#[case::the_second(4, &[(Attribute::Offset, Value::Integer(2))], 1)]
#[case::all_references(6, &[], 2)]
#[case::the_first_reference(6, &[(Attribute::Limit, Value::Integer(1))], 1)]
#[case::no_reference_of_that_type(6, &[(Attribute::ResourceType, Value::List(vec![Value::Integer(3)]))], 0)]
#[case::none_of_that_type(8, &[(Attribute::ResourceType, Value::List(vec![Value::Integer(3)]))], 0)]
fn conditions_choose_what_is_shown_below(
    #[case] rcn: u32,
    #[case] filter: &[(Attribute, Value)],
    #[case] expected: usize,
) {
    assert_eq!(shown_below(rcn, filter), Ok(expected), "DIS-12");
}
