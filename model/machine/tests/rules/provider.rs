//! Other service providers: whose word counts on a link between providers, what goes over it, and under which names.

use crate::common::message::{Draft, reply, requests_in};
use crate::common::scene::{done, register};
use crate::common::{World, config};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::{CseKind, Provider};
use m2m_machine::cse::{FarEnd, Input, Opening, Output, Timer};
use m2m_machine::id::{CseId, Entity, LinkId, SessionId};
use m2m_machine::primitive::{Primitive, Request, ResponseMode};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use rstest::rstest;

const NODE: &str = "//b.example/in";
const STRANGER: &str = "//b.example/in/C1";
const BOX: &str = "//sp.example/cse2/cse2/ae2/box";
const ABROAD: &str = "//b.example/in/in/ae1/box";
const DIALED: LinkId = LinkId(902);

/// CSE2 with AE2; it knows the provider `b.example`, whose node is PEER1, and `c.example`, which opens no links.
fn world() -> World {
    let mut own = config("cse2", CseKind::In, None);
    own.allow_plain_mcc = false;
    let provider = |id: &str, points_of_access: &[&str]| Provider {
        id: id.into(),
        points_of_access: points_of_access.iter().map(|at| (*at).into()).collect(),
    };
    own.providers = vec![
        provider("b.example", &["ws://b.example:8080"]),
        provider("c.example", &[]),
    ];
    let mut world = World::new([("CSE2", own)]);
    register(&mut world, "AE2", "CSE2", true);
    world
}

fn linked() -> World {
    let mut world = world();
    world.open("PEER1", "CSE2", Some(NODE));
    world
}

/// AE2 makes a container that these originators may read, and says so.
fn lend(world: &mut World, originators: &[&str]) {
    let who = |originators: &[&str]| {
        let rule = Value::object([
            (
                Attribute::AccessControlOriginators,
                Value::texts(originators.iter().copied()),
            ),
            (Attribute::AccessControlOperations, Value::Integer(63)),
        ]);
        let rules = (Attribute::AccessControlRules, Value::List(vec![rule]));
        Value::Object(Members::from([rules]))
    };
    let policy = Draft::create("cse2/ae2", "Cae2", "p1", ResourceType::AccessControlPolicy)
        .with(Attribute::ResourceName, Value::text("acp"))
        .with(Attribute::Privileges, who(originators))
        .with(Attribute::SelfPrivileges, who(&["/cse2/Cae2"]));
    let container = Draft::create("cse2/ae2", "Cae2", "p2", ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("box"))
        .with(
            Attribute::AccessControlPolicyIds,
            Value::texts(["cse2/ae2/acp"]),
        );
    done(world, "AE2", "CSE2", policy.0);
    done(world, "AE2", "CSE2", container.0);
}

fn read(id: &str) -> Request {
    Draft::retrieve(ABROAD, "Cae2", id).0
}

fn next_request(world: &mut World) -> Request {
    match world.pass("CSE2", "PEER1") {
        Some(Primitive::Request(request)) => Request::clone(&request),
        other => panic!("no request: {other:?}"),
    }
}

/// REG-78: an originator abroad is named by its absolute identifier, by a pattern of those, or with all others.
#[rstest]
#[case::itself(STRANGER, Status::OK)]
#[case::its_provider("//b.example/*", Status::OK)]
#[case::everybody("all", Status::OK)]
#[case::another("//b.example/in/C2", Status::ORIGINATOR_HAS_NO_PRIVILEGE)]
#[case::one_of_this_provider("/in/C1", Status::ORIGINATOR_HAS_NO_PRIVILEGE)]
#[case::all_of_this_provider("/*", Status::ORIGINATOR_HAS_NO_PRIVILEGE)]
#[case::one_registered_here("C1", Status::ORIGINATOR_HAS_NO_PRIVILEGE)]
fn rules_name_originators_abroad_by_absolute_identifiers(
    #[case] entry: &str,
    #[case] expected: Status,
) {
    let mut world = linked();
    lend(&mut world, &[entry]);

    let answer = world.exchange("PEER1", "CSE2", Draft::retrieve(BOX, STRANGER, "1").0);

    assert_eq!(answer.status, expected);
}

/// REG-77, LNK-65: what does not belong on a link between providers.
#[rstest]
#[case::no_absolute_address(
    Draft::retrieve("/cse2/cse2/ae2/box", STRANGER, "1"),
    Status::BAD_REQUEST
)]
#[case::a_registration(
    Draft::create("//sp.example/cse2", STRANGER, "1", ResourceType::Ae),
    Status::OPERATION_NOT_ALLOWED
)]
#[case::a_session(
    Draft::create(
        "//sp.example/cse2/Cae2/sessions",
        STRANGER,
        "1",
        ResourceType::Session
    ),
    Status::NOT_IMPLEMENTED
)]
#[case::within_a_session(Draft::retrieve(BOX, STRANGER, "1").within(&SessionId::from("/in/x")), Status::NOT_IMPLEMENTED)]
#[case::for_a_third_provider(Draft::retrieve("//c.example/in", STRANGER, "1"), Status::NOT_FOUND)]
#[case::for_its_own_provider(Draft::retrieve(ABROAD, STRANGER, "1"), Status::NOT_FOUND)]
#[case::of_a_third_provider(
    Draft::retrieve(BOX, "//c.example/in/C1", "1"),
    Status::ORIGINATOR_NOT_AUTHENTICATED
)]
#[case::of_this_provider(
    Draft::retrieve(BOX, "/cse2/Cae2", "1"),
    Status::ORIGINATOR_NOT_AUTHENTICATED
)]
#[case::of_nobody(
    Draft::retrieve(BOX, "//b.example", "1"),
    Status::ORIGINATOR_NOT_AUTHENTICATED
)]
#[case::of_an_empty_name(
    Draft::retrieve(BOX, "//b.example/", "1"),
    Status::ORIGINATOR_NOT_AUTHENTICATED
)]
fn what_does_not_belong_between_providers_is_refused(
    #[case] request: Draft,
    #[case] expected: Status,
) {
    let mut world = linked();
    lend(&mut world, &["all"]);

    let answer = world.exchange("PEER1", "CSE2", request.0);

    assert_eq!(answer.status, expected);
}

/// LNK-65: a node that gives no name in its handshake is known by its first request, one of a stranger is not.
#[rstest]
#[case::named(STRANGER, true, Status::OK)]
#[case::of_no_known_provider("//d.example/in/C1", true, Status::ORIGINATOR_NOT_AUTHENTICATED)]
#[case::over_a_link_that_is_not_trusted(STRANGER, false, Status::ORIGINATOR_NOT_AUTHENTICATED)]
fn a_node_is_known_by_its_first_request(
    #[case] from: &str,
    #[case] trusted: bool,
    #[case] expected: Status,
) {
    let mut world = world();
    lend(&mut world, &[from]);
    world.open_as("PEER1", "CSE2", None, trusted);

    let answer = world.exchange("PEER1", "CSE2", Draft::retrieve(BOX, from, "1").0);

    assert_eq!(answer.status, expected);
}

/// REG-76: the request leaves under an absolute name, all else as it came, and its answer comes back.
#[test]
fn a_request_for_another_provider_leaves_under_an_absolute_name() {
    let mut world = linked();

    world.ask("AE2", "CSE2", read("x1"));
    let sent = next_request(&mut world);
    world.answer(
        "PEER1",
        "CSE2",
        reply(&sent, Status::ORIGINATOR_HAS_NO_PRIVILEGE),
    );

    assert_eq!(sent.from.as_deref(), Some("//sp.example/cse2/Cae2"));
    assert_eq!(sent.to.as_str(), ABROAD);
    let answer = world.take_response("CSE2", "AE2", "x1");
    assert_eq!(
        answer.map(|r| r.status),
        Some(Status::ORIGINATOR_HAS_NO_PRIVILEGE)
    );
}

/// REG-76: notifications, too; a subscription may name somebody abroad.
#[test]
fn somebody_abroad_is_notified() {
    let mut world = linked();
    lend(&mut world, &["/cse2/Cae2", STRANGER]);
    let subscription = Draft::create(BOX, STRANGER, "1", ResourceType::Subscription)
        .with(Attribute::NotificationUri, Value::texts([STRANGER]));
    let made = world.exchange("PEER1", "CSE2", subscription.0);
    assert_eq!(made.status, Status::CREATED, "{made:?}");

    let change = Draft::update("cse2/ae2/box", "Cae2", "u1", ResourceType::Container)
        .with(Attribute::Labels, Value::texts(["news"]));
    world.ask("AE2", "CSE2", change.0);

    let told = next_request(&mut world);
    assert_eq!(told.to.as_str(), STRANGER);
    assert_eq!(told.from.as_deref(), Some("//sp.example/cse2"));
    let content = told.content.expect("m2m:sgn").value;
    let sur = content
        .member(&Attribute::Notification)
        .and_then(|sgn| sgn.member(&Attribute::SubscriptionReference));
    let made = made.content.expect("a subscription");
    let id = made
        .single()
        .and_then(|(_, made)| made.member(&Attribute::ResourceId)?.as_text());
    let expected = format!("//sp.example/cse2/{}", id.expect("ri"));
    assert_eq!(sur, Some(&Value::text(&expected)), "REG-85");
}

/// LNK-65: without a link the node is dialled where the operator says it listens, under the absolute name.
#[rstest]
#[case::blocking(ResponseMode::Blocking)]
#[case::non_blocking(ResponseMode::NonBlockingSynch)]
fn the_node_of_a_provider_is_dialled(#[case] mode: ResponseMode) {
    let mut world = world();
    let node = CseId::from("//b.example");
    world.ask("AE2", "CSE2", Draft(read("x1")).answered(mode).0);

    let dials = world.step("CSE2", Input::Elapsed(Timer::DialRegistree(node.clone())));
    let opening = Opening::DialedRegistree { cse: node.clone() };
    let opened = Input::LinkOpened {
        link: DIALED,
        opening,
        far_end: FarEnd::new(true),
    };
    let sent = world.step("CSE2", opened);

    let expected = Output::DialRegistree {
        cse: node,
        origin: "//sp.example/cse2".into(),
        points_of_access: vec!["ws://b.example:8080".into()],
    };
    assert_eq!(dials, [expected]);
    let from: Vec<_> = requests_in(&sent)
        .filter_map(|(_, request)| request.from.clone())
        .collect();
    assert_eq!(
        from,
        [m2m_machine::text::Text::from("//sp.example/cse2/Cae2")]
    );
}

/// The node of each provider dials the other one at the same time; which of them hears of which link when.
#[rstest]
fn of_two_links_between_providers_the_same_one_stays_at_both(
    #[values("AABB", "ABAB", "ABBA", "BAAB", "BABA", "BBAA")] order: &str,
) {
    let node = |name: &str, own: &str, other: &str| {
        let mut config = config(name, CseKind::In, None);
        config.service_provider = own.into();
        config.providers = vec![Provider {
            id: other.into(),
            points_of_access: vec![format!("ws://{other}:8080").into()],
        }];
        config
    };
    let first = node("cse1", "a.example", "b.example");
    let mut world = World::new([
        ("CSE1", first),
        ("CSE2", node("cse2", "b.example", "a.example")),
    ]);
    let links = [
        ('A', LinkId(1), ["CSE2", "CSE1"]),
        ('B', LinkId(2), ["CSE1", "CSE2"]),
    ];
    let abroad = |at: &str| {
        if at == "CSE1" {
            "//b.example"
        } else {
            "//a.example"
        }
    };
    let mut closed = Vec::new();

    for (place, letter) in order.char_indices() {
        let (_, link, ends) = links
            .into_iter()
            .find(|row| row.0 == letter)
            .expect("a link");
        let is_client = order[..place].contains(letter);
        let at = ends[usize::from(is_client)];
        let opening = if is_client {
            Opening::DialedRegistree {
                cse: abroad(at).into(),
            }
        } else {
            let name = format!("{}/in", abroad(at));
            Opening::Accepted {
                origin: Some(name.as_str().into()),
            }
        };
        let far_end = FarEnd::new(true);
        let outputs = world.step(
            at,
            Input::LinkOpened {
                link,
                opening,
                far_end,
            },
        );
        closed.extend(outputs.into_iter().filter_map(|output| match output {
            Output::CloseLink { link, .. } => Some(link),
            Output::Persist(_) | Output::Send { .. } | Output::Dial => None,
            Output::DialRegistree { .. } | Output::Report(_) | Output::Stopped => None,
        }));
    }

    let current = |at: &str| {
        let cse = world.hosts.get(at).expect("a CSE");
        cse.cse.link_to(&Entity::Cse(abroad(at).into()))
    };
    let of_the_first = Some(LinkId(1));
    assert_eq!(
        (current("CSE1"), current("CSE2")),
        (of_the_first, of_the_first),
        "LNK-61"
    );
    assert!(
        !closed.is_empty() && closed.iter().all(|link| *link == LinkId(2)),
        "LNK-61: {closed:?}"
    );
}

/// REG-71, REG-76, LNK-09: whom nobody has named is not found, and who opens its links itself is out of reach.
#[rstest]
#[case::unknown("//d.example/in/in", Status::NOT_FOUND)]
#[case::without_link("//c.example/in/in", Status::TARGET_NOT_REACHABLE)]
fn a_provider_that_cannot_be_reached(#[case] to: &str, #[case] expected: Status) {
    let mut world = linked();

    let answer = world.exchange("AE2", "CSE2", Draft::retrieve(to, "Cae2", "1").0);

    assert_eq!(answer.status, expected);
}

/// REG-76: what was stored for another provider is asked again after a crash under the same name and identifier.
#[test]
fn a_crash_changes_no_name() {
    let mut world = linked();
    let stored = Draft(read("x1")).answered(ResponseMode::NonBlockingSynch);
    world.ask("AE2", "CSE2", stored.0);
    let before = next_request(&mut world);

    world.crash("CSE2");
    world.open("PEER1", "CSE2", Some(NODE));
    let after = next_request(&mut world);

    assert_eq!(after, before);
}

/// REG-76: the name of somebody abroad is absolute already, wherever its request goes on to.
#[test]
fn a_member_of_a_group_abroad_is_asked_in_the_name_of_who_asked() {
    let mut world = linked();
    lend(&mut world, &[STRANGER]);
    let group = Draft::create("cse2/ae2", "Cae2", "p3", ResourceType::Group)
        .with(Attribute::ResourceName, Value::text("grp"))
        .with(Attribute::MaxNrOfMembers, Value::Integer(1))
        .with(Attribute::MemberIds, Value::texts([ABROAD]))
        .with(
            Attribute::MembersAccessControlPolicyIds,
            Value::texts(["cse2/ae2/acp"]),
        );
    done(&mut world, "AE2", "CSE2", group.0);
    let asked = Draft::retrieve("//sp.example/cse2/cse2/ae2/grp/fopt", STRANGER, "1").0;

    world.ask("PEER1", "CSE2", asked);
    let forwarded = next_request(&mut world);

    assert_eq!(&*forwarded.to, ABROAD);
    assert_eq!(forwarded.from.as_deref(), Some(STRANGER));
}
