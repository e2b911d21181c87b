//! The order of checks of a data request (R9, USE-35): of two offences the earlier one answers.

use crate::common::World;
use crate::common::message::{Draft, Ticket, policy, sealed, sealed_instance};
use crate::common::scene::{add_night, below_target, done_after_settling, pair, session_with};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::Input;
use m2m_machine::id::SessionId;
use m2m_machine::primitive::Primitive;
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Value;

/// What can be wrong with a data request, in the order of the checks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Offence {
    Expired,
    ForeignOriginator,
    UnknownSession,
    NotAnEndpoint,
    OutsidePaths,
    Plain,
    UnknownKey,
    Missing,
    NoAccess,
    Policy,
}

impl Offence {
    const fn status(self) -> Status {
        match self {
            Self::Expired => Status::REQUEST_TIMEOUT,
            Self::ForeignOriginator => Status::ORIGINATOR_NOT_AUTHENTICATED,
            Self::UnknownSession | Self::Missing => Status::NOT_FOUND,
            Self::NotAnEndpoint | Self::NoAccess => Status::ORIGINATOR_HAS_NO_PRIVILEGE,
            Self::OutsidePaths => Status::OPERATION_NOT_ALLOWED,
            Self::Plain => Status::CONTENTS_UNACCEPTABLE,
            Self::UnknownKey => Status::UNKNOWN_KEY,
            Self::Policy => Status::NOT_ACCEPTABLE,
        }
    }
}

/// Those that the first CSE can see.
const AT_FORWARDER: [Offence; 8] = [
    Offence::Expired,
    Offence::ForeignOriginator,
    Offence::UnknownSession,
    Offence::NotAnEndpoint,
    Offence::OutsidePaths,
    Offence::Plain,
    Offence::UnknownKey,
    Offence::Policy,
];

/// Those that the hosting CSE can see.
const AT_HOST: [Offence; 10] = [
    Offence::Expired,
    Offence::ForeignOriginator,
    Offence::UnknownSession,
    Offence::NotAnEndpoint,
    Offence::OutsidePaths,
    Offence::Plain,
    Offence::UnknownKey,
    Offence::Missing,
    Offence::NoAccess,
    Offence::Policy,
];

/// A session in which `container1` and `private` may be addressed; AE1 has no right on the latter.
fn world() -> (World, Ticket) {
    let mut world = pair();
    let offered = ["container1", "private"].map(|name| below_target(&world, name));
    let ticket = session_with(&mut world, "s1", &[&offered[0], &offered[1]]);
    (world, ticket)
}

/// A request with these offences and no other.
fn request(world: &World, ticket: &Ticket, offences: &[Offence]) -> Draft {
    let has = |offence| offences.contains(&offence);
    let outside = match has(Offence::Missing) {
        true => "nowhere",
        false => "fcnt1",
    };
    let name = match (has(Offence::OutsidePaths), has(Offence::Missing)) {
        (true, _) => outside,
        (false, true) if has(Offence::NoAccess) => "private/nothing",
        (false, true) => "container1/nothing",
        (false, false) if has(Offence::NoAccess) => "private",
        (false, false) => "container1",
    };
    let to = below_target(world, name);
    let mut used = ticket.clone();
    if has(Offence::UnknownSession) {
        used.id = SessionId::from("/cse1/AAAAAAAAAAAAAAAAAAAAAA");
    }
    let mut draft = sealed_instance(&to, "Cae1", "u1", &used);
    if has(Offence::UnknownKey) {
        used.key = "other".into();
        draft = draft.with(Attribute::Content, sealed(&to, "Cae1", "u1", &used));
    }
    if has(Offence::Plain) {
        draft = draft.with(Attribute::Content, Value::text("21.5"));
    }
    let expires = world
        .now
        .plus(if has(Offence::Expired) { 0 } else { 60_000_000 });
    draft.by(expires)
}

/// The answer of CSE1 to AE1, or to AE3.
fn at_forwarder(world: &World, ticket: &Ticket, offences: &[Offence]) -> Status {
    let mut world = world.clone();
    let has = |offence| offences.contains(&offence);
    let (ae, from) = match has(Offence::NotAnEndpoint) {
        true => ("AE3", "Cae3"),
        false => ("AE1", "Cae1"),
    };
    let mut draft = request(&world, ticket, offences);
    let other = if ae == "AE3" { "Cae1" } else { "Cae3" };
    let from = if has(Offence::ForeignOriginator) {
        other
    } else {
        from
    };
    draft.0.from = Some(from.into());
    // Under `night`, who waits is refused; who does not is stored.
    if !has(Offence::Policy) {
        draft = draft.notified();
    }
    world.exchange(ae, "CSE1", draft.0).status
}

/// The answer of CSE2 to what comes over the link of CSE1.
fn at_host(world: &World, ticket: &Ticket, offences: &[Offence]) -> Status {
    let mut world = world.clone();
    let has = |offence| offences.contains(&offence);
    let from = match (has(Offence::ForeignOriginator), has(Offence::NotAnEndpoint)) {
        (true, _) => "/cse3/Cae1",
        (false, true) => "/cse1/Cae3",
        (false, false) => "/cse1/Cae1",
    };
    let mut draft = request(&world, ticket, offences);
    draft.0.from = Some(from.into());
    let link = world.link("CSE1", "CSE2").expect("a link");
    let primitive = Primitive::Request(Shared::new(draft.0));
    world.step("CSE2", Input::Received { link, primitive });
    let answer = world.take_response("CSE2", "CSE1", "u1");
    answer.expect("an answer").status
}

#[test]
fn at_the_first_cse_the_earlier_offence_answers() {
    let (mut world, ticket) = world();
    add_night(&mut world);

    assert_eq!(at_forwarder(&world, &ticket, &[]), Status::ACCEPTED_ASYNCH);
    check(&AT_FORWARDER, |offences| {
        at_forwarder(&world, &ticket, offences)
    });
}

#[test]
fn at_the_hosting_cse_the_earlier_offence_answers() {
    let (world, ticket) = world();
    let mut limited = world.clone();
    let limit = Value::object([(Attribute::MaxByteSize, Value::Integer(1))]);
    let small =
        policy("cse1/ae1/sessions/s1", "Cae1", "p1", 1, 2).with(Attribute::PolicyData, limit);
    done_after_settling(&mut limited, small.0);

    assert_eq!(at_host(&world, &ticket, &[]), Status::CREATED);
    check(&AT_HOST, |offences| {
        let limits = offences.contains(&Offence::Policy);
        at_host(if limits { &limited } else { &world }, &ticket, offences)
    });
}

/// Alone and in pairs.
fn check(order: &[Offence], ask: impl Fn(&[Offence]) -> Status) {
    for (place, earlier) in order.iter().enumerate() {
        assert_eq!(ask(&[*earlier]), earlier.status(), "{earlier:?} alone");
        for later in &order[place + 1..] {
            let both = [*earlier, *later];
            // A value that is not sealed names no key.
            if both != [Offence::Plain, Offence::UnknownKey] {
                // USE-35
                assert_eq!(ask(&both), earlier.status(), "{both:?}");
            }
        }
    }
}

#[test]
fn a_repetition_is_looked_up_before_any_other_check() {
    let (mut world, ticket) = world();
    let draft = request(&world, &ticket, &[]).by(world.now.plus(5_000));
    world.ask("AE1", "CSE1", draft.0.clone());
    world.settle();
    let first = world.take_response("CSE1", "AE1", "u1").expect("served");
    world.wait(10_000);

    let again = world.exchange("AE1", "CSE1", draft.0);

    assert_eq!(again, first, "REG-31: also after its rqet");
    let newer = Draft::create(
        &below_target(&world, "container1"),
        "Cae1",
        "u2",
        ResourceType::ContentInstance,
    );
    let late = world.exchange("AE1", "CSE1", newer.by(world.now).0);
    assert_eq!(late.status, Status::REQUEST_TIMEOUT);
}
