//! Casts to start from: one, two or three CSEs with their AEs registered, and sessions between them.
//!
//! AE1 is the initiator, AE2 the target, AE3 a stranger at CSE1. Names are those of the wire contract.

use super::message::{Draft, Ticket, establish, one_endpoint, request, ticket, yes};
use super::{DAY, Node, World, config};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::{Config, CseKind};
use m2m_machine::primitive::Request;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};

pub(crate) const INBOX: &str = "/cse1/cse1/ae1/inbox";

/// `CSE1` is called `cse1`.
pub(crate) fn name_of(cse: Node) -> String {
    cse.to_lowercase()
}

/// The CSE at which AE2 is registered: the last one.
pub(crate) fn far(world: &World) -> Node {
    world.hosts.keys().next_back().expect("a CSE")
}

/// AE2, SP-relative.
pub(crate) fn target(world: &World) -> String {
    format!("/{}/Cae2", name_of(far(world)))
}

/// A resource below `<AE>` of AE2, SP-relative.
pub(crate) fn below_target(world: &World, name: &str) -> String {
    let cse = name_of(far(world));
    format!("/{cse}/{cse}/ae2/{name}")
}

fn mn(name: &str) -> Config {
    config(name, CseKind::Mn, Some("/cse2/cse2"))
}

/// CSE1 and CSE2, not joined.
pub(crate) fn two_cses() -> World {
    two_cses_with(|_| {})
}

pub(crate) fn two_cses_with(change: impl Fn(&mut Config)) -> World {
    let mut configs = [mn("cse1"), config("cse2", CseKind::In, None)];
    configs.iter_mut().for_each(change);
    let [first, second] = configs;
    World::new([("CSE1", first), ("CSE2", second)])
}

/// CSE1 with both AEs.
pub(crate) fn single() -> World {
    single_with(|_| {})
}

pub(crate) fn single_with(change: impl Fn(&mut Config)) -> World {
    let mut config = config("cse1", CseKind::In, None);
    change(&mut config);
    let mut world = World::new([("CSE1", config)]);
    admit(&mut world);
    world
}

/// CSE1 registered at CSE2, with its AEs.
pub(crate) fn pair() -> World {
    pair_with(|_| {})
}

pub(crate) fn pair_with(change: impl Fn(&mut Config)) -> World {
    let mut world = two_cses_with(change);
    join(&mut world, "CSE1");
    admit(&mut world);
    world
}

/// CSE1 and CSE3 registered at CSE2, which has no endpoint.
pub(crate) fn chain() -> World {
    let mut world = three_cses();
    join(&mut world, "CSE1");
    join(&mut world, "CSE3");
    admit(&mut world);
    world
}

/// CSE1, CSE2 and CSE3, not joined.
pub(crate) fn three_cses() -> World {
    World::new([
        ("CSE1", mn("cse1")),
        ("CSE2", config("cse2", CseKind::In, None)),
        ("CSE3", mn("cse3")),
    ])
}

/// Opens the link of a registree CSE to CSE2 and lets everything pass.
pub(crate) fn join(world: &mut World, from: Node) {
    world.open(from, "CSE2", Some(&format!("/{}", name_of(from))));
    world.settle();
}

/// Registers AE1, AE2 and AE3, and gives them what they need.
fn admit(world: &mut World) {
    let far = far(world);
    register(world, "AE1", "CSE1", true);
    register(world, "AE2", far, true);
    register(world, "AE3", "CSE1", true);
    for request in grants(&name_of(far)) {
        done(world, "AE2", far, request);
    }
    done(world, "AE2", far, consent(&name_of(far), "Cae2", "ae2"));
    done(world, "AE1", "CSE1", told());
    let inbox = Draft::create("cse1/ae1", "Cae1", "a1-4", ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("inbox"));
    done(world, "AE1", "CSE1", inbox.0);
}

/// Registers an AE under its stem and leaves its link open.
pub(crate) fn register(world: &mut World, ae: Node, cse: Node, capable: bool) {
    let stem = stem(ae);
    world.open(ae, cse, Some(&stem));
    done(world, ae, cse, registration(ae, cse, capable));
}

/// The AE-ID stem of an AE end.
pub(crate) fn stem(ae: Node) -> String {
    format!("C{}", ae.to_lowercase())
}

/// F1-02a.
pub(crate) fn registration(ae: Node, cse: Node, capable: bool) -> Request {
    let name = ae.to_lowercase();
    let id = format!("a{}-1", &name[2..]);
    Draft::create(&name_of(cse), &stem(ae), &id, ResourceType::Ae)
        .with(Attribute::ResourceName, Value::text(&name))
        .with(Attribute::AppId, Value::text("Norg.example.app"))
        .with(Attribute::RequestReachability, Value::Bool(true))
        .with(Attribute::SupportedReleaseVersions, Value::texts(["3"]))
        .with(Attribute::SessionCapable, Value::Bool(capable))
        .0
}

/// What AE2 makes at its CSE: rights for AE1, its targets, and one resource that it keeps for itself.
pub(crate) fn grants(cse: &str) -> [Request; 5] {
    let ae = format!("{cse}/ae2");
    let own = format!("/{cse}/Cae2");
    let rule = |who: &str, what: i64| {
        Value::object([
            (Attribute::AccessControlOriginators, Value::texts([who])),
            (Attribute::AccessControlOperations, Value::Integer(what)),
        ])
    };
    let rules = |list: Vec<Value>| {
        Value::Object(Members::from([(
            Attribute::AccessControlRules,
            Value::List(list),
        )]))
    };
    let shared = Value::texts([format!("{ae}/acp")]);
    let name = |text: &str| (Attribute::ResourceName, Value::text(text));
    let draft = |id: &str, new, rn: &str| {
        let (attribute, value) = name(rn);
        Draft::create(&ae, "Cae2", id, new).with(attribute, value)
    };
    let acp = draft("a2-3", ResourceType::AccessControlPolicy, "acp")
        .with(
            Attribute::Privileges,
            rules(vec![rule(&own, 63), rule("/cse1/Cae1", 39)]),
        )
        .with(Attribute::SelfPrivileges, rules(vec![rule(&own, 63)]))
        .showing(0);
    let assigned = Draft::update(&ae, "Cae2", "a2-4", ResourceType::Ae)
        .with(Attribute::AccessControlPolicyIds, shared.clone())
        .showing(0);
    let container = draft("a2-5", ResourceType::Container, "container1")
        .with(Attribute::MaxNrOfInstances, Value::Integer(10))
        .with(Attribute::AccessControlPolicyIds, shared.clone());
    let flex = sealed_flex(&ae).with(Attribute::AccessControlPolicyIds, shared);
    let private = draft("a2-8", ResourceType::Container, "private");
    [acp.0, assigned.0, container.0, flex.0, private.0]
}

fn sealed_flex(ae: &str) -> Draft {
    let mut draft = Draft::new(
        m2m_machine::primitive::Operation::Create,
        ae,
        "Cae2",
        "a2-6",
    );
    draft.0.resource_type = Some(ResourceType::FlexContainer.number());
    draft.0.content = Some(m2m_machine::primitive::Content::new(
        Attribute::Custom("smg:sld".into()),
        Value::object([]),
    ));
    draft
        .with(Attribute::ResourceName, Value::text("fcnt1"))
        .with(
            Attribute::ContainerDefinition,
            Value::text("org.example.smg.sealed"),
        )
        .with(Attribute::Custom("dat".into()), Value::text(""))
        .showing(0)
}

/// F1-03: the subscription to questions, changes and ends.
pub(crate) fn consent(cse: &str, stem: &str, ae: &str) -> Request {
    let to = format!("{cse}/{ae}/sessions");
    subscription(&to, stem, "a2-7", "consent", &[50001, 50002, 50003])
}

/// S-11.
pub(crate) fn told() -> Request {
    subscription("cse1/ae1/sessions", "Cae1", "a1-2", "told", &[50002, 50003])
}

pub(crate) fn subscription(to: &str, stem: &str, id: &str, name: &str, events: &[i64]) -> Request {
    let events = Value::List(events.iter().map(|n| Value::Integer(*n)).collect());
    let criteria = Value::object([(Attribute::NotificationEventType, events)]);
    Draft::create(to, stem, id, ResourceType::Subscription)
        .with(Attribute::ResourceName, Value::text(name))
        .with(Attribute::NotificationUri, Value::texts([stem]))
        .with(Attribute::EventNotificationCriteria, criteria)
        .0
}

/// Asks and expects success.
pub(crate) fn done(world: &mut World, ae: Node, cse: Node, request: Request) {
    let what = format!("{} {}", request.request_id, request.to);
    let response = world.exchange(ae, cse, request);
    assert!(response.status.is_success(), "{what}: {response:?}");
}

/// F1-07 to the target of the world.
pub(crate) fn proposal(world: &World, id: &str, name: &str) -> Request {
    let endpoints = Attribute::Resource(ResourceType::SessionEndpoint);
    establish("cse1/ae1/sessions", "Cae1", id, &target(world))
        .with(Attribute::ResourceName, Value::text(name))
        .with(
            Attribute::ExpirationTime,
            Value::Time(world.now.plus(6 * DAY)),
        )
        .with(endpoints, one_endpoint(&[INBOX]))
        .by(world.now.plus(30_000))
        .0
}

/// Establishes a session between AE1 and AE2, with the given paths on the target's side.
pub(crate) fn session_with(world: &mut World, name: &str, offered: &[&str]) -> Ticket {
    let id = format!("e-{name}");
    let asked = proposal(world, &id, name);
    world.ask("AE1", "CSE1", asked);
    let question = question(world);
    agree(world, &question, offered);
    let created = world.take_response("CSE1", "AE1", &id).expect("success");
    assert_eq!(created.status, Status::CREATED, "{created:?}");
    world.settle();
    ticket(&created)
}

/// Lets everything pass until AE2 is asked, and takes the question.
pub(crate) fn question(world: &mut World) -> Request {
    world.settle();
    let far = far(world);
    request(world.pass(far, "AE2").expect("a question"))
}

/// AE2 says yes, and everything passes.
pub(crate) fn agree(world: &mut World, question: &Request, offered: &[&str]) {
    let far = far(world);
    let verdict = yes(question, offered);
    world.answer("AE2", far, verdict);
    world.settle();
}

/// Establishes a session in which `container1` and `fcnt1` may be addressed.
pub(crate) fn session(world: &mut World) -> Ticket {
    let offered = ["container1", "fcnt1"].map(|name| below_target(world, name));
    session_with(world, "s1", &[&offered[0], &offered[1]])
}

/// Adds the policy `night`: forwarding between two and four o'clock only.
pub(crate) fn add_night(world: &mut World) {
    done_after_settling(world, night("p1", "night"));
}

/// F1-18.
pub(crate) fn night(id: &str, name: &str) -> Request {
    super::message::policy("cse1/ae1/sessions/s1", "Cae1", id, 2, 1)
        .with(Attribute::ResourceName, Value::text(name))
        .with(Attribute::PolicyOrder, Value::Integer(10))
        .with(
            Attribute::ScheduleElement,
            super::message::schedule(&["* * 2-3 * * * *"]),
        )
        .0
}

/// AE1 asks CSE1 for what needs other CSEs, and expects success.
pub(crate) fn done_after_settling(world: &mut World, request: Request) {
    let id = request.request_id.clone();
    world.ask("AE1", "CSE1", request);
    world.settle();
    let response = world.take_response("CSE1", "AE1", id.as_str());
    let response = response.expect("an answer");
    assert!(response.status.is_success(), "{response:?}");
}

/// AE1 grants somebody everything on its inbox.
pub(crate) fn grant_inbox(world: &mut World, to: &str) {
    let rule = |who: &str, what: i64| {
        Value::object([
            (Attribute::AccessControlOriginators, Value::texts([who])),
            (Attribute::AccessControlOperations, Value::Integer(what)),
        ])
    };
    let rules = |list: Vec<Value>| {
        Value::Object(Members::from([(
            Attribute::AccessControlRules,
            Value::List(list),
        )]))
    };
    let own = rule("/cse1/Cae1", 63);
    let privileges = rules(vec![own.clone(), rule(to, 63)]);
    let acp = Draft::create("cse1/ae1", "Cae1", "g1", ResourceType::AccessControlPolicy)
        .with(Attribute::ResourceName, Value::text("acp"))
        .with(Attribute::Privileges, privileges)
        .with(Attribute::SelfPrivileges, rules(vec![own]));
    let assigned = Value::texts(["cse1/ae1/acp"]);
    let assign = Draft::update("cse1/ae1/inbox", "Cae1", "g2", ResourceType::Container)
        .with(Attribute::AccessControlPolicyIds, assigned);
    for request in [acp.0, assign.0] {
        done(world, "AE1", "CSE1", request);
    }
}
