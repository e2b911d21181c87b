//! Registrees that keep no link: when a CSE dials them, what waits meanwhile, and which of two links stays.

use super::hop::introduce;
use crate::common::message::{Draft, requests_in};
use crate::common::scene::{pair_with, register};
use crate::common::{World, config};
use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::config::{Config, CseKind};
use m2m_machine::cse::{CloseReason, Input, Opening, Output, Timer};
use m2m_machine::id::{CseId, Entity, LinkId};
use m2m_machine::primitive::{Request, ResponseMode};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

const DIALED: LinkId = LinkId(901);

fn registree() -> CseId {
    "/cse1".into()
}

fn dialing() -> Timer {
    Timer::DialRegistree(registree())
}

/// CSE2, its AE2, and PEER1, which is `/cse1`, has these points of access, and no link.
fn apart(poa: &[&str], dials: bool) -> World {
    apart_with(poa, |config| config.dial_registree_poa = dials)
}

fn apart_with(poa: &[&str], change: impl Fn(&mut Config)) -> World {
    let mut own = config("cse2", CseKind::In, None);
    change(&mut own);
    let mut world = World::new([("CSE2", own)]);
    introduce(&mut world, "PEER1", "cse1", &[]);
    let update = Draft::update("/cse2/cse2/cse1", "/cse1", "c1-2", ResourceType::RemoteCse)
        .with(Attribute::PointOfAccess, Value::texts(poa));
    let updated = world.exchange("PEER1", "CSE2", update.0);
    assert_eq!(updated.status, Status::UPDATED, "{updated:?}");
    world.cut("PEER1", "CSE2");
    register(&mut world, "AE2", "CSE2", true);
    world
}

fn read(id: &str) -> Request {
    Draft::retrieve("/cse1/cse1", "Cae2", id).0
}

/// When the registree is dialled next.
fn next_attempt(world: &World) -> Option<Timestamp> {
    let mut due = world.cse("CSE2").deadlines().into_iter();
    due.find(|(_, timer)| *timer == dialing()).map(|(at, _)| at)
}

fn is_due(world: &World) -> bool {
    next_attempt(world).is_some_and(|at| at <= world.now)
}

fn reach(world: &mut World, link: LinkId, trusted: bool) -> Vec<Output> {
    let opening = Opening::DialedRegistree { cse: registree() };
    world.step(
        "CSE2",
        Input::LinkOpened {
            link,
            opening,
            far_end: m2m_machine::cse::FarEnd::new(trusted),
        },
    )
}

fn requests(outputs: &[Output]) -> Vec<String> {
    requests_in(outputs)
        .map(|(_, request)| request.request_id.as_str().to_owned())
        .collect()
}

/// LNK-01, LNK-09: who cannot be dialled is unreachable.
#[rstest]
#[case::not_wanted_by_the_operator(false, &["ws://a.example:9000"], false)]
#[case::by_its_name(true, &["ws://a.example:9000"], true)]
#[case::over_tls(true, &["wss://a.example"], true)]
#[case::behind_others(true, &["http://a.example", "WS://a.example"], true)]
#[case::by_its_own_link_only(true, &["ws://default"], false)]
#[case::by_http_only(true, &["http://a.example"], false)]
#[case::nowhere(true, &["ws://"], false)]
fn a_registree_without_link_is_dialled_where_that_can_be(
    #[case] dials: bool,
    #[case] poa: &[&str],
    #[case] expected: bool,
) {
    let mut world = apart(poa, dials);

    world.ask("AE2", "CSE2", read("x1"));

    let refused = world.take_response("CSE2", "AE2", "x1").map(|r| r.status);
    let unreachable = (!expected).then_some(Status::TARGET_NOT_REACHABLE);
    assert_eq!(refused, unreachable, "LNK-09");
    assert_eq!(is_due(&world), expected, "LNK-01, LNK-60");
}

/// What is asked of it waits for the link, in its order, whether or not someone waits for the answer.
#[rstest]
#[case::blocking(ResponseMode::Blocking)]
#[case::non_blocking(ResponseMode::NonBlockingSynch)]
fn what_is_for_it_leaves_when_the_link_is_open(#[case] mode: ResponseMode) {
    let mut world = apart(&["ws://a.example", "ws://b.example:1"], true);
    for id in ["x1", "x2"] {
        world.ask("AE2", "CSE2", Draft(read(id)).answered(mode).0);
    }

    let dials = world.step("CSE2", Input::Elapsed(dialing()));
    let again = world.step("CSE2", Input::Elapsed(dialing()));
    let sent = reach(&mut world, DIALED, true);

    let points_of_access = ["ws://a.example", "ws://b.example:1"];
    let expected = Output::DialRegistree {
        cse: registree(),
        origin: "/cse2".into(),
        points_of_access: points_of_access.map(Into::into).to_vec(),
    };
    assert_eq!(dials, [expected], "LNK-60");
    assert_eq!(again, [], "LNK-60");
    assert_eq!(requests(&sent), ["Cae2/x1", "Cae2/x2"], "LNK-11, LNK-60");
}

#[test]
fn attempts_back_off_up_to_a_limit_and_end_with_what_waits() {
    let mut world = apart(&["ws://a.example"], true);
    let timers = world.cse("CSE2").config().timers;
    world.ask("AE2", "CSE2", read("x1"));
    let mut pauses = Vec::new();

    for _ in 0..4 {
        world.step("CSE2", Input::Elapsed(dialing()));
        let failed = Input::RegistreeNotReached { cse: registree() };
        world.step("CSE2", failed);
        let next = next_attempt(&world).expect("it tries again");
        pauses.push(next.0 - world.now.0);
        world.now = next;
    }
    world.wait(timers.request_life_ms);

    let answer = world.take_response("CSE2", "AE2", "x1").map(|r| r.status);
    assert_eq!(answer, Some(Status::REQUEST_TIMEOUT), "REG-27");
    let growing: Vec<u64> = (0..4).map(|n| timers.redial_ms << n).collect();
    assert_eq!(pauses, growing, "LNK-25");
    assert_eq!(next_attempt(&world), None, "LNK-25");
}

#[test]
fn a_registree_that_closes_at_once_is_not_dialled_at_once() {
    let mut world = apart(&["ws://a.example"], true);
    world.ask("AE2", "CSE2", read("x1"));
    world.step("CSE2", Input::Elapsed(dialing()));
    reach(&mut world, DIALED, true);

    world.step("CSE2", Input::LinkLost { link: DIALED });

    let is_due_at_once = is_due(&world);
    world.wait(world.cse("CSE2").config().timers.redial_ms - 1);
    let is_due_early = is_due(&world);
    world.now = world.now.plus(1);
    assert!(!is_due_at_once && !is_due_early, "LNK-25");
    assert!(is_due(&world), "LNK-60");
}

/// LNK-62
#[rstest]
#[case::plain(false, false, false)]
#[case::plain_where_that_is_allowed(false, true, true)]
#[case::secured(true, false, true)]
fn nothing_leaves_over_a_link_that_is_not_secure_enough(
    #[case] trusted: bool,
    #[case] allow_plain_mcc: bool,
    #[case] expected: bool,
) {
    let mut world = apart_with(&["ws://a.example"], |config| {
        config.dial_registree_poa = true;
        config.allow_plain_mcc = allow_plain_mcc;
    });
    world.ask("AE2", "CSE2", read("x1"));
    world.step("CSE2", Input::Elapsed(dialing()));

    let outputs = reach(&mut world, DIALED, trusted);

    let closed = Output::CloseLink {
        link: DIALED,
        why: CloseReason::Insecure,
    };
    assert_eq!(outputs.contains(&closed), !expected, "LNK-62");
    assert_eq!(requests(&outputs).is_empty(), !expected, "LNK-62");
}

/// Both sides open a link: the one of the registree stays at both, whichever comes first.
#[rstest]
#[case::its_own_first(true)]
#[case::the_dialled_one_first(false)]
fn of_two_links_the_one_of_the_registree_stays(#[case] own_first: bool) {
    let mut world = apart(&["ws://a.example"], true);
    world.ask("AE2", "CSE2", read("x1"));
    world.step("CSE2", Input::Elapsed(dialing()));
    let mut outputs = Vec::new();

    if !own_first {
        outputs.extend(reach(&mut world, DIALED, true));
    }
    let own = world.open("PEER1", "CSE2", Some("/cse1"));
    if own_first {
        outputs.extend(reach(&mut world, DIALED, true));
    }

    let peer = Entity::Cse(registree());
    assert_eq!(world.cse("CSE2").link_to(&peer), Some(own), "LNK-61");
    let waits = world.waiting("CSE2", "PEER1").count();
    assert_eq!(waits, 1, "LNK-61");
    if own_first {
        let why = CloseReason::Replaced;
        let closed = Output::CloseLink { link: DIALED, why };
        assert!(outputs.contains(&closed), "LNK-61");
    }
}

/// The same at the registree: its registrar's link gives way to its own.
#[test]
fn a_registree_keeps_its_own_link_when_its_registrar_dials() {
    let mut world = pair_with(|config| config.dial_registree_poa = true);
    let own = world.link("CSE1", "CSE2");
    let registrar = Entity::Cse("/cse2".into());

    let outputs = world.step(
        "CSE1",
        Input::LinkOpened {
            link: DIALED,
            opening: Opening::Accepted {
                origin: Some("/cse2".into()),
            },
            far_end: m2m_machine::cse::FarEnd::new(true),
        },
    );

    let why = CloseReason::Replaced;
    assert_eq!(outputs, [Output::CloseLink { link: DIALED, why }], "LNK-61");
    assert_eq!(world.cse("CSE1").link_to(&registrar), own, "LNK-61");
}

/// A registrar that dials is its registrar also for the registree, if that has no link of its own.
#[test]
fn a_registree_without_link_serves_its_registrar_over_the_link_that_it_dialled() {
    let mut world = pair_with(|config| config.dial_registree_poa = true);
    world.cut("CSE1", "CSE2");
    let own = "/cse1/cse1/cse2";
    world.ask("AE2", "CSE2", Draft::retrieve(own, "Cae2", "y1").0);

    world.step("CSE2", Input::Elapsed(dialing()));
    world.dial("CSE2", "CSE1");
    world.settle();

    assert_eq!(world.dialed, [("CSE2", registree())], "LNK-60");
    let answer = world.take_response("CSE2", "AE2", "y1").map(|r| r.status);
    let answered_there = Status::ORIGINATOR_HAS_NO_PRIVILEGE;
    assert_eq!(answer, Some(answered_there), "LNK-60");
}

/// REG-39
#[test]
fn a_registree_says_where_it_can_be_reached() {
    let world = pair_with(|_| {});

    let all = world.resources("CSE2", ResourceType::RemoteCse);

    let poa = all[0].texts(&Attribute::PointOfAccess);
    assert_eq!(poa, ["ws://cse1.example.net:9000"], "REG-39");
}
