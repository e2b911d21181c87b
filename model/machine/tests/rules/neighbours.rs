//! What CSEs know of each other, how one reaches its registrar, and what goes through them to an AE.

use super::hop::with_peers;
use crate::common::message::{Draft, member, reply, request, requests_in};
use crate::common::scene::{done, pair, register, two_cses};
use crate::common::{Node, World, config};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::CseKind;
use m2m_machine::cse::{Input, Opening, Output, Timer};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use rstest::rstest;

/// The CSE-IDs of the neighbours for which a CSE has a `<remoteCSE>`.
fn remote_cses(world: &World, node: Node) -> Vec<String> {
    let all = world.resources(node, ResourceType::RemoteCse);
    let id =
        |r: &m2m_machine::resource::Resource| r.text(&Attribute::CseId).map(ToString::to_string);
    all.iter().filter_map(|r| id(r)).collect()
}

#[test]
fn registration_makes_both_cses_neighbours_of_each_other() {
    let world = pair();

    assert_eq!(remote_cses(&world, "CSE2"), ["/cse1"], "REG-07");
    assert_eq!(remote_cses(&world, "CSE1"), ["/cse2"], "REG-08");
}

/// No CSE of this machine lacks the feature, so that REG-12 binds none of them.
#[rstest]
fn every_cse_speaks_sessions_and_says_so(#[values(CseKind::In, CseKind::Mn)] kind: CseKind) {
    let mut world = World::new([("CSE1", config("cse1", kind, None))]);
    register(&mut world, "AE1", "CSE1", true);

    let base = world.exchange("AE1", "CSE1", Draft::retrieve("cse1", "Cae1", "x1").0);

    let types = member(&base, &Attribute::SupportedResourceTypes).expect("srt");
    let listed = types.as_list().unwrap_or_default();
    for number in 50_001..=50_007 {
        let is_listed = listed.contains(&Value::Integer(number));
        assert!(is_listed, "{number}: REG-11, REG-12");
    }
}

#[test]
fn attempts_to_reach_the_registrar_back_off_up_to_a_limit() {
    let mut world = two_cses();
    let timers = world.cse("CSE1").config().timers;
    let mut pauses = Vec::new();

    while pauses.len() < 20 && pauses.last() != Some(&timers.redial_max_ms) {
        let dials = world.step("CSE1", Input::Elapsed(Timer::Redial));
        assert!(dials.contains(&Output::Dial), "LNK-25");
        world.step("CSE1", Input::DialFailed);
        let mut due = world.cse("CSE1").deadlines().into_iter();
        let next = due.find(|(_, timer)| *timer == Timer::Redial);
        let (at, _) = next.expect("it tries again");
        pauses.push(at.0 - world.now.0);
        world.now = at;
    }

    assert_eq!(pauses[0], timers.redial_ms, "LNK-25");
    for pair in pauses.windows(2) {
        let expected = (2 * pair[0]).min(timers.redial_max_ms);
        assert_eq!(pair[1], expected, "LNK-25: {pauses:?}");
    }
}

/// A CSE that registered while that was allowed, and one that registers over another link.
#[rstest]
#[case::over_plain_where_it_is_not_allowed(false, false, Status::SECURITY_ASSOCIATION_REQUIRED)]
#[case::over_plain_where_it_is_allowed(true, false, Status::OK)]
#[case::over_a_trusted_link(false, true, Status::OK)]
fn a_registered_cse_is_served_over_a_link_that_is_secure_enough(
    #[case] allow_plain_mcc: bool,
    #[case] trusted: bool,
    #[case] expected: Status,
    #[values(Some("/cse1"), None)] origin: Option<&str>,
) {
    let mut world = with_peers(|config| config.allow_plain_mcc = allow_plain_mcc);
    world.cut("PEER1", "CSE2");
    world.open_as("PEER1", "CSE2", origin, trusted);
    let read = Draft::retrieve("/cse2/cse2/cse1", "/cse1", "x9");

    let answer = world.exchange("PEER1", "CSE2", read.0);

    assert_eq!(answer.status, expected, "LNK-50");
}

#[test]
fn a_notification_between_aes_goes_down_the_link_of_its_target() {
    let mut world = pair();
    let rule = |who: &str| {
        Value::object([
            (Attribute::AccessControlOriginators, Value::texts([who])),
            (Attribute::AccessControlOperations, Value::Integer(63)),
        ])
    };
    let rules = |list| Value::object([(Attribute::AccessControlRules, Value::List(list))]);
    let open = Draft::create("cse2/ae2", "Cae2", "g1", ResourceType::AccessControlPolicy)
        .with(Attribute::ResourceName, Value::text("open"))
        .with(
            Attribute::Privileges,
            rules(vec![rule("/cse2/Cae2"), rule("/cse1/Cae1")]),
        )
        .with(Attribute::SelfPrivileges, rules(vec![rule("/cse2/Cae2")]));
    let assign = Draft::update("cse2/ae2", "Cae2", "g2", ResourceType::Ae).with(
        Attribute::AccessControlPolicyIds,
        Value::texts(["cse2/ae2/open"]),
    );
    for asked in [open, assign] {
        done(&mut world, "AE2", "CSE2", asked.0);
    }
    let refused = Draft::notify("/cse2/Cae2", "Cae3", "n1");
    world.ask("AE3", "CSE1", refused.0);
    world.ask("AE1", "CSE1", Draft::notify("/cse2/Cae2", "Cae1", "n2").0);
    world.settle();

    let told = request(world.pass("CSE2", "AE2").expect("the notification"));
    world.answer("AE2", "CSE2", reply(&told, Status::OK));
    world.settle();

    let stranger = world.take_response("CSE1", "AE3", "n1").expect("an answer");
    assert_eq!(stranger.status, Status::ORIGINATOR_HAS_NO_PRIVILEGE);
    assert_eq!(told.to.as_str(), "/cse2/Cae2", "REG-37");
    assert_eq!(told.from.as_deref(), Some("/cse1/Cae1"), "REG-37");
    assert_eq!(told.request_id.as_str(), "Cae1/n2", "REG-37");
    let answer = world.take_response("CSE1", "AE1", "n2").expect("an answer");
    assert_eq!(answer.status, Status::OK, "REG-37");
    assert_eq!(world.waiting("CSE2", "AE2").count(), 0);
}

/// Two targets behind one neighbour are asked apart.
#[rstest]
#[case::both_agree(Status::OK, Status::CREATED)]
#[case::one_does_not(
    Status::ORIGINATOR_HAS_NO_PRIVILEGE,
    Status::SUBSCRIPTION_VERIFICATION_INITIATION_FAILED
)]
fn every_target_of_a_subscription_is_asked(#[case] second: Status, #[case] expected: Status) {
    let mut world = with_peers(|config| config.verify_subscriptions = true);
    let targets = Value::texts(["/cse1/Ca", "/cse1/Cb"]);
    let subscribe = Draft::create("cse2/ae2", "Cae2", "s1", ResourceType::Subscription)
        .with(Attribute::NotificationUri, targets);

    world.ask("AE2", "CSE2", subscribe.0);
    let mut asked = Vec::new();
    for says in [Status::OK, second] {
        let question = world.pass("CSE2", "PEER1").map(request);
        let question = question.expect("REG-40: it is asked");
        world.answer("PEER1", "CSE2", reply(&question, says));
        asked.push(question.to);
    }

    assert_eq!(asked, ["/cse1/Ca", "/cse1/Cb"], "REG-40");
    let answer = world.take_response("CSE2", "AE2", "s1").map(|r| r.status);
    assert_eq!(answer, Some(expected), "REG-40");
}

/// What CSE1 sends to its registrar over that link, the last request of it.
fn asked(outputs: &[Output], registrar: LinkId) -> Option<Shared<Request>> {
    let sent = requests_in(outputs).filter(|(link, _)| *link == registrar);
    sent.last().map(|(_, request)| request.clone())
}

#[rstest]
#[case::as_it_asked_for(Some("cse1"), "/cse2/cse2/cse1")]
#[case::renamed(Some("id-mn"), "/cse2/cse2/id-mn")]
#[case::not_told(None, "/cse2/cse2/cse1")]
fn a_cse_speaks_of_itself_by_the_name_that_its_registrar_gave(
    #[case] name: Option<&str>,
    #[case] expected: &str,
    #[values(false, true)] crashes: bool,
) {
    let registrar = LinkId(901);
    let own = config("cse1", CseKind::Mn, Some("/cse2/cse2"));
    let mut world = World::new([("CSE1", own)]);
    let opened = || Input::LinkOpened {
        link: registrar,
        opening: Opening::Dialed,
        far_end: m2m_machine::cse::FarEnd::new(true),
    };
    let answered = |world: &mut World, request: &Request, content: Content| {
        let created = request.operation == Operation::Create;
        let status = if created { Status::CREATED } else { Status::OK };
        let mut response = Response::new(status, request.request_id.clone());
        response.content = Some(content);
        let primitive = Primitive::Response(Shared::new(response));
        let link = registrar;
        world.step("CSE1", Input::Received { link, primitive })
    };
    let base = || {
        let members = [
            (Attribute::ResourceName, Value::text("cse2")),
            (Attribute::CseId, Value::text("/cse2")),
        ];
        Content::resource(ResourceType::CseBase, Members::from(members))
    };
    let register = asked(&world.step("CSE1", opened()), registrar).expect("a registration");
    let name = name.map(|name| (Attribute::ResourceName, Value::text(name)));
    let made = Content::resource(ResourceType::RemoteCse, name.into_iter().collect());
    let outputs = answered(&mut world, &register, made);
    let read = asked(&outputs, registrar).expect("the reading of the CSEBase");
    let _ = answered(&mut world, &read, base());
    if crashes {
        world.crash("CSE1");
        let outputs = world.step("CSE1", opened());
        let read = asked(&outputs, registrar).expect("the reading of the CSEBase");
        let _ = answered(&mut world, &read, base());
    }

    world.open("CSE7", "CSE1", Some("/cse7"));
    let registration = Draft::create("/cse1/cse1", "/cse7", "c7-1", ResourceType::RemoteCse)
        .with(Attribute::CseBase, Value::text("/cse7/cse7"))
        .with(Attribute::RequestReachability, Value::Bool(true))
        .with(Attribute::SupportedReleaseVersions, Value::texts(["3"]));
    let outputs = world.ask("CSE7", "CSE1", registration.0);

    let told = asked(&outputs, registrar).expect("a notice of descendants");
    // REG-50
    assert_eq!(told.to.as_str(), expected);
    let mirror = Draft::retrieve("cse1/cse2", "/cse2", "r1").0;
    let primitive = Primitive::Request(Shared::new(mirror));
    let link = registrar;
    let shown = world.step("CSE1", Input::Received { link, primitive });
    assert!(!format!("{shown:?}").contains("OwnRegistration"));
}
