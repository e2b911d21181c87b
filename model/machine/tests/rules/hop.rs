//! CSE2 with AE2, and neighbours in the hands of the test: PEER1 is `/cse1`, PEER3 is `/cse3`.

use crate::common::message::{Draft, credentials, paths, reply};
use crate::common::scene::{consent, done, register};
use crate::common::{DAY, Node, World, config};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::{Config, CseKind};
use m2m_machine::primitive::{Content, Primitive};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};

pub(crate) const SESSION: &str = "/cse1/234ADVxk0Zb7NcR5tUeHpQ";

pub(crate) fn with_peers(change: impl Fn(&mut Config)) -> World {
    let mut own = config("cse2", CseKind::In, None);
    change(&mut own);
    let mut world = World::new([("CSE2", own)]);
    for (peer, name) in [("PEER1", "cse1"), ("PEER3", "cse3")] {
        introduce(&mut world, peer, name, &[50_002]);
    }
    register(&mut world, "AE2", "CSE2", true);
    done(&mut world, "AE2", "CSE2", consent("cse2", "Cae2", "ae2"));
    world
}

/// A neighbour registers and says which types it hosts.
pub(crate) fn introduce(world: &mut World, peer: Node, name: &str, types: &[i64]) {
    world.open(peer, "CSE2", Some(&format!("/{name}")));
    let registered = world.exchange(peer, "CSE2", registration(name).0);
    assert_eq!(registered.status, Status::CREATED, "{registered:?}");
    let Some(Primitive::Request(asked)) = world.pass("CSE2", peer) else {
        panic!("its base is read")
    };
    let types = types.iter().map(|n| Value::Integer(*n)).collect();
    let base = Members::from([
        (Attribute::ResourceName, Value::text(name)),
        (Attribute::CseId, Value::text(&format!("/{name}"))),
        (Attribute::SupportedResourceTypes, Value::List(types)),
    ]);
    let mut shown = reply(&asked, Status::OK);
    shown.content = Some(Content::resource(ResourceType::CseBase, base));
    world.answer(peer, "CSE2", shown);
}

/// F1-01a.
pub(crate) fn registration(name: &str) -> Draft {
    let id = format!("{name}-1");
    Draft::create(
        "/cse2/cse2",
        &format!("/{name}"),
        &id,
        ResourceType::RemoteCse,
    )
    .with(Attribute::ResourceName, Value::text(name))
    .with(Attribute::CseType, Value::Integer(2))
    .with(Attribute::CseId, Value::text(&format!("/{name}")))
    .with(Attribute::CseBase, Value::text(&format!("/{name}/{name}")))
    .with(Attribute::RequestReachability, Value::Bool(true))
    .with(Attribute::SupportedReleaseVersions, Value::texts(["3"]))
}

/// F1-09 from CSE1, for AE1 and AE2.
pub(crate) fn hop_request(world: &World, id: &str, session: &str) -> Draft {
    Draft::create("/cse2/Cae2/sessions", "/cse1", id, ResourceType::Session)
        .with(Attribute::SessionId, Value::text(session))
        .with(Attribute::SessionOriginator, Value::text("/cse1/Cae1"))
        .with(Attribute::SessionTargets, Value::texts(["/cse2/Cae2"]))
        .with(Attribute::ExpirationTime, Value::Time(world.now.plus(DAY)))
        .with(Attribute::EndToEnd, Value::Bool(false))
        .with(Attribute::AllEndpointsRequired, Value::Bool(true))
        .with(Attribute::RemoteSession, Value::text("/cse1/ses9"))
        .with(Attribute::Visited, Value::texts(["/cse1"]))
        .with(Attribute::Credentials, credentials("some-key"))
        .with(
            Attribute::Resource(ResourceType::SessionEndpoint),
            initiator("/cse1/Cae1"),
        )
        .by(world.now.plus(20_000))
}

/// The initiator's endpoint as a hop request shows it.
pub(crate) fn initiator(id: &str) -> Value {
    Value::List(vec![Value::object([
        (Attribute::EndpointId, Value::text(id)),
        (Attribute::EndpointType, Value::Integer(1)),
        paths(&[]),
    ])])
}
