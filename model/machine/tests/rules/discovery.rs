//! Criteria that take the host's help, and discovery by an interworking proxy.

use crate::common::message::{Draft, reply, request};
use crate::common::scene::{done, single, single_with};
use crate::common::{MINUTE, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::Config;
use m2m_machine::geometry::SpatialFunction;
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

const CSE: &str = "CSE1";
const QUERY: &str = "ASK {}";

fn own(name: &str, value: Value) -> (Attribute, Value) {
    (Attribute::Custom(name.into()), value)
}

fn at(x: i64, y: i64) -> Value {
    Value::List(vec![Value::Integer(x), Value::Integer(y)])
}

fn location(kind: i64, coordinates: Value) -> Value {
    Value::object([own("typ", Value::Integer(kind)), own("crd", coordinates)])
}

/// A host that knows one query, and for whom geometries intersect that are the same.
fn helped(config: &mut Config) {
    config.host.is_sparql_query = |text| text == QUERY;
    config.host.relates =
        |given, function, place| function == SpatialFunction::Intersects && given == place;
    config.host.read_json = |text| text.parse().ok().map(Value::Integer);
}

fn discovery(usage: i64, criteria: &[(Attribute, Value)]) -> Request {
    let mut read = Draft::retrieve("cse1", "Cae1", "r1").0;
    let usage = (Attribute::FilterUsage, Value::Integer(usage));
    read.filter = Some(Value::object(criteria.iter().cloned().chain([usage])));
    read
}

fn list_in(response: &Response) -> Vec<String> {
    let content = response.content.as_ref().expect("a content");
    let list = content.value.member(&Attribute::UriList).expect("a list");
    let texts = list.as_texts().expect("texts");
    texts.iter().map(ToString::to_string).collect()
}

/// DIS-15: what is asked about contents is asked of whole queries.
#[rstest]
#[case(&[own("cfs", Value::Integer(1)), own("cfq", Value::text("$.a EQ 1"))], 2000)]
#[case(&[own("cfs", Value::Integer(1))], 4000)]
#[case(&[own("cfq", Value::text("$.a EQ 1"))], 4000)]
#[case(&[own("cfs", Value::Integer(2)), own("cfq", Value::text("$.a EQ 1"))], 4000)]
#[case(&[own("cfs", Value::Integer(1)), own("cfq", Value::text("$.a"))], 4000)]
#[case(&[own("cfs", Value::Integer(1)), own("cfq", Value::Integer(1))], 4000)]
fn a_content_query_is_whole(#[case] criteria: &[(Attribute, Value)], #[case] expected: u16) {
    let mut world = single_with(helped);

    let answer = world.exchange("AE1", CSE, discovery(1, criteria));

    assert_eq!(answer.status.0, expected, "DIS-15");
}

/// DIS-16: a region is a geometry and a function, and only what has a place is in one.
#[rstest]
#[case(&[("gmty", Value::Integer(1)), ("geom", at(1, 2)), ("gsf", Value::Integer(3))], 2000, &["cse1/ae1/inbox/here"])]
#[case(&[("gmty", Value::Integer(1)), ("geom", at(1, 3)), ("gsf", Value::Integer(3))], 2000, &[])]
#[case(&[("gmty", Value::Integer(1)), ("geom", at(1, 2)), ("gsf", Value::Integer(1))], 2000, &[])]
#[case(&[("gmty", Value::Integer(1)), ("geom", at(1, 2))], 4000, &[])]
#[case(&[("gmty", Value::Integer(1)), ("gsf", Value::Integer(3))], 4000, &[])]
#[case(&[("geom", at(1, 2)), ("gsf", Value::Integer(3))], 4000, &[])]
#[case(&[("gmty", Value::Integer(2)), ("geom", at(1, 2)), ("gsf", Value::Integer(3))], 4000, &[])]
#[case(&[("gmty", Value::Integer(1)), ("geom", at(1, 2)), ("gsf", Value::Integer(4))], 4000, &[])]
#[case(&[("gmty", Value::Integer(1)), ("geom", Value::text("here")), ("gsf", Value::Integer(3))], 4000, &[])]
fn what_is_in_a_region_is_found(
    #[case] criteria: &[(&str, Value)],
    #[case] expected: u16,
    #[case] found: &[&str],
) {
    let mut world = single_with(helped);
    for (name, place) in [
        ("here", Some(at(1, 2))),
        ("there", Some(at(5, 5))),
        ("nowhere", None),
    ] {
        let mut draft = Draft::create("cse1/ae1/inbox", "Cae1", name, ResourceType::Container)
            .with(Attribute::ResourceName, Value::text(name));
        if let Some(place) = place {
            draft = draft.with(Attribute::Custom("loc".into()), location(1, place));
        }
        done(&mut world, "AE1", CSE, draft.0);
    }
    let criteria: Vec<_> = criteria
        .iter()
        .map(|(name, value)| own(name, value.clone()))
        .collect();

    let answer = world.exchange("AE1", CSE, discovery(1, &criteria));

    assert_eq!(answer.status.0, expected, "DIS-16");
    if expected == 2000 {
        assert_eq!(list_in(&answer), found, "DIS-16");
    }
}

/// DIS-16: a place that is none is not kept.
#[rstest]
#[case(location(1, at(1, 2)), true)]
#[case(location(2, at(1, 2)), false)]
#[case(location(1, Value::text("here")), false)]
#[case(Value::text("here"), false)]
#[case(Value::object([own("typ", Value::Integer(1))]), false)]
fn a_location_is_a_geometry(#[case] place: Value, #[case] is_one: bool) {
    let mut world = single_with(helped);
    let loc = Attribute::Custom("loc".into());
    let create = Draft::create("cse1/ae1/inbox", "Cae1", "c1", ResourceType::Container)
        .with(loc.clone(), place.clone());
    let update = |id, value| {
        let draft = Draft::update("cse1/ae1", "Cae1", id, ResourceType::Ae);
        draft.with(loc.clone(), value).0
    };

    let created = world.exchange("AE1", CSE, create.0);
    let updated = world.exchange("AE1", CSE, update("u1", place));
    let removed = world.exchange("AE1", CSE, update("u2", Value::Null));

    let expected = if is_one { (2001, 2004) } else { (4000, 4000) };
    assert_eq!((created.status.0, updated.status.0), expected, "DIS-16");
    assert_eq!(removed.status.0, 2004, "DIS-16");
}

/// DIS-17: nothing has a description, so no query is fulfilled; but it has to be one.
#[rstest]
#[case(&[own("smf", Value::text(QUERY))], 2000, 0)]
#[case(&[own("smf", Value::texts([QUERY, QUERY]))], 2000, 0)]
#[case(&[own("smf", Value::texts([QUERY, "WHAT"]))], 4143, 0)]
#[case(&[own("smf", Value::text("WHAT"))], 4143, 0)]
#[case(&[own("smf", Value::Bool(true))], 4000, 0)]
#[case(
    &[
        own("smf", Value::text(QUERY)),
        (Attribute::ResourceType, Value::List(vec![Value::Integer(2)])),
        (Attribute::FilterOperation, Value::Integer(2)),
    ],
    2000,
    2
)]
fn no_description_fulfils_a_query(
    #[case] criteria: &[(Attribute, Value)],
    #[case] expected: u16,
    #[case] count: usize,
) {
    let mut world = single_with(helped);

    let answer = world.exchange("AE1", CSE, discovery(1, criteria));

    assert_eq!(answer.status.0, expected, "DIS-17");
    if expected == 2000 {
        assert_eq!(list_in(&answer).len(), count, "DIS-17");
    }
}

/// AE1 asks the proxy AE3 for what has the label `lamp`.
fn on_demand(to: &str, criteria: &[(Attribute, Value)]) -> Request {
    let mut asked = discovery(3, criteria);
    asked.to = to.into();
    asked
}

fn lamps() -> (Attribute, Value) {
    (Attribute::Labels, Value::texts(["lamp"]))
}

/// AE3 may be discovered by AE1, and has two boxes, of which AE1 may discover one.
fn with_proxy() -> World {
    let mut world = single();
    let rule = |from: &[&str], rights| {
        Value::object([(
            Attribute::AccessControlRules,
            Value::List(vec![Value::object([
                (Attribute::AccessControlOriginators, Value::texts(from)),
                (Attribute::AccessControlOperations, Value::Integer(rights)),
            ])]),
        )])
    };
    let policy = Draft::create("cse1/ae3", "Cae3", "p1", ResourceType::AccessControlPolicy)
        .with(Attribute::ResourceName, Value::text("open"))
        .with(Attribute::Privileges, rule(&["Cae1"], 32))
        .with(Attribute::SelfPrivileges, rule(&["Cae3"], 63));
    done(&mut world, "AE3", CSE, policy.0);
    let open = (
        Attribute::AccessControlPolicyIds,
        Value::texts(["cse1/ae3/open"]),
    );
    let shut = (Attribute::Labels, Value::texts(["shut"]));
    for (name, (attribute, value)) in [("lamp1", open.clone()), ("lamp2", shut)] {
        let draft = Draft::create("cse1/ae3", "Cae3", name, ResourceType::Container)
            .with(Attribute::ResourceName, Value::text(name))
            .with(attribute, value);
        done(&mut world, "AE3", CSE, draft.0);
    }
    let update = Draft::update("cse1/ae3", "Cae3", "u1", ResourceType::Ae);
    done(&mut world, "AE3", CSE, update.with(open.0, open.1).0);
    world
}

/// The question that waits for the proxy.
fn question(world: &mut World) -> Request {
    request(world.pass(CSE, "AE3").expect("a question"))
}

/// DIS-18: the proxy is asked with who asks and for what; what it has made and the originator may find is the answer.
#[test]
fn a_proxy_discovers_on_demand() {
    let mut world = with_proxy();

    world.ask("AE1", CSE, on_demand("cse1/ae3", &[lamps()]));

    let asked = question(&mut world);
    assert_eq!(asked.operation, Operation::Notify);
    assert_eq!(asked.from.as_deref(), Some("/cse1"));
    let (_, sgn) = asked
        .content
        .as_ref()
        .and_then(Content::single)
        .expect("sgn");
    let idr = sgn.member(&Attribute::IpeDiscoveryRequest).expect("idr");
    let who = idr.member(&Attribute::Originator).and_then(Value::as_text);
    assert!(who.is_some_and(|who| who.ends_with("Cae1")), "DIS-18");
    let filter = idr.member(&Attribute::FilterCriteria).expect("fc");
    assert_eq!(
        filter.member(&Attribute::Labels),
        Some(&lamps().1),
        "DIS-18"
    );

    let mut made = reply(&asked, Status::OK);
    let list = ["cse1/ae3/lamp1", "cse1/ae3/lamp2", "cse1/ae3/lamp3", "//"];
    made.content = Some(Content::new(Attribute::UriList, Value::texts(list)));
    world.answer("AE3", CSE, made);

    let answer = world.take_response(CSE, "AE1", "r1").expect("an answer");
    assert_eq!(answer.status.0, 2000);
    assert_eq!(list_in(&answer), ["cse1/ae3/lamp1"], "DIS-02, DIS-18");
}

/// DIS-18: a proxy that refuses is passed on, and one that is silent is not waited for longer than the request lives.
#[rstest]
#[case::denied(Some(5208), 5208)]
#[case::cannot(Some(4103), 4103)]
#[case::silent(None, 4008)]
fn a_proxy_need_not_discover(#[case] said: Option<u16>, #[case] expected: u16) {
    let mut world = with_proxy();
    let mut asked = on_demand("cse1/ae3", &[]);
    asked.request_expiration = Some(m2m_machine::primitive::When::At(world.now.plus(MINUTE)));
    world.ask("AE1", CSE, asked);
    let asked = question(&mut world);

    match said {
        Some(status) => drop(world.answer("AE3", CSE, reply(&asked, Status(status)))),
        None => world.wait(MINUTE),
    }

    let answer = world.take_response(CSE, "AE1", "r1").expect("an answer");
    assert_eq!(
        (answer.status.0, answer.content),
        (expected, None),
        "DIS-18"
    );
}

/// DIS-18: what is no proxy, may not be discovered or is away is not asked.
#[rstest]
#[case::no_ae("cse1/ae1/inbox", 1, false, 4000)]
#[case::no_right("cse1/ae1", 3, false, 4103)]
#[case::away("cse1/ae3", 1, true, 5103)]
#[case::nobody("cse1/ae9", 1, false, 4004)]
fn nobody_else_is_asked(
    #[case] to: &str,
    #[case] asker: u8,
    #[case] is_away: bool,
    #[case] expected: u16,
) {
    let mut world = with_proxy();
    if is_away {
        world.cut("AE3", CSE);
    }
    let mut asked = on_demand(to, &[lamps()]);
    asked.from = Some(format!("Cae{asker}").as_str().into());
    let from = if asker == 1 { "AE1" } else { "AE3" };

    let answer = world.exchange(from, CSE, asked);

    assert_eq!(answer.status.0, expected, "DIS-18");
}

/// DIS-18: a filter is checked before the proxy is bothered with it.
#[test]
fn a_proxy_is_not_asked_with_a_filter_that_is_none() {
    let mut world = with_proxy();

    let answer = world.exchange(
        "AE1",
        CSE,
        on_demand("cse1/ae3", &[own("foo", Value::Null)]),
    );

    assert_eq!(answer.status.0, 4000, "DIS-18");
    assert!(
        !world
            .waiting(CSE, "AE3")
            .any(|p| matches!(p, Primitive::Request(_)))
    );
}
