//! Defects of what surrounds a machine: what it is told, its clock, its configuration, and what its store gives back.

use super::tamper::received;
use super::{Defect, Saboteur};
use m2m_machine::Cse;
use m2m_machine::attribute::Attribute;
use m2m_machine::config::Config;
use m2m_machine::cse::{Input, Opening, Timer};
use m2m_machine::id::{AeId, Entity, LinkId, Secret, SessionId};
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response};
use m2m_machine::record::Record;
use m2m_machine::resource::{Resource, ResourceType};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::text::Text;
use m2m_machine::value::{Members, Sealed, Value};

const fn saboteur(
    name: &'static str,
    scenario: &'static str,
    kills: &'static [&'static str],
    defect: Defect,
) -> Saboteur {
    Saboteur {
        name,
        defect,
        reuses_keys: false,
        scenario,
        kills,
    }
}

/// The table.
pub(super) static ALL: &[Saboteur] = &[
    saboteur(
        "a refusal of the hop is taken for success",
        "refuse",
        &["EST-02"],
        Defect::Inputs(any_answer_is_yes),
    ),
    saboteur(
        "a restart finds an endpoint twice",
        "establish",
        &["EST-07"],
        Defect::Restart(endpoint_twice),
    ),
    saboteur(
        "a restart finds a name twice",
        "establish",
        &["EST-22"],
        Defect::Restart(name_twice),
    ),
    saboteur(
        "the clock of the CSEs is late",
        "establish-late",
        &["EST-16"],
        Defect::Late(120_000),
    ),
    saboteur(
        "the clock of the CSEs is late, at et",
        "expire",
        &["END-17", "USE-03"],
        Defect::Late(120_000),
    ),
    saboteur(
        "what a stranger asks is taken for AE1's, a policy",
        "policy-stranger",
        &["EST-26"],
        Defect::Inputs(taken_for_ae1),
    ),
    saboteur(
        "what a stranger asks is taken for AE1's",
        "stranger",
        &["END-13"],
        Defect::Inputs(taken_for_ae1),
    ),
    saboteur(
        "the limits are not configured",
        "use-limits",
        &["USE-18", "USE-30"],
        Defect::Configured(limits_of_default),
    ),
    saboteur(
        "a restart finds keys in the context",
        "use-crash",
        &["USE-19"],
        Defect::Restart(keys_in_context),
    ),
    saboteur(
        "data of one session is taken for another's",
        "use-two-sessions",
        &["USE-27"],
        Defect::Inputs(other_session),
    ),
    saboteur(
        "a restart finds stored requests without their window",
        "use-stored-crash",
        &["USE-29"],
        Defect::Restart(no_windows),
    ),
    saboteur(
        "a restart finds what the step before it deleted",
        "end-crash",
        &["END-14", "END-23"],
        Defect::Restart(not_deleted),
    ),
    saboteur(
        "a restart finds a rival of each policy",
        "policy",
        &["USE-28"],
        Defect::Restart(rival_policies),
    ),
    saboteur(
        "the loss of a link is taken for the answer of the endpoint",
        "end-late",
        &["END-01"],
        Defect::Inputs(loss_is_answer),
    ),
    saboteur(
        "another session is deleted",
        "end-one",
        &["END-15"],
        Defect::Inputs(other_deleted),
    ),
    saboteur(
        "nobody looks when the time of a termination is over",
        "end-late",
        &["END-16"],
        Defect::Inputs(endless_termination),
    ),
    saboteur(
        "a restart finds no subscription",
        "end-crash",
        &["END-19"],
        Defect::Restart(no_subscriptions),
    ),
    saboteur(
        "who opens a link is not said",
        "link-held",
        &["LNK-06"],
        Defect::Inputs(unnamed_link),
    ),
    saboteur(
        "a restart finds no notices",
        "link-crash",
        &["LNK-09"],
        Defect::Restart(no_notices),
    ),
    saboteur(
        "the loss of a link is taken for a farewell",
        "link-held",
        &["LNK-22"],
        Defect::Inputs(farewell),
    ),
];

fn any_answer_is_yes(before: &Cse, input: &mut Input) {
    let Input::Received { primitive, .. } = input else {
        return;
    };
    let Primitive::Response(response) = &*primitive else {
        return;
    };
    let mut attempts = before.state().attempts.iter().map(|(_, attempt)| attempt);
    let asked = attempts.find(|a| response.request_id.as_ref() == Some(&a.question));
    let Some(attempt) = asked.filter(|a| a.downstream.is_some() && !response.status.is_success())
    else {
        return;
    };
    let endpoint = Value::object([
        (Attribute::EndpointId, Value::Text(attempt.target.0.clone())),
        (Attribute::EndpointType, Value::Integer(1)),
        (
            Attribute::EndpointPaths,
            Value::texts(["/cse2/cse2/ae2/box"]),
        ),
    ]);
    let members = Members::from([
        (Attribute::ResourceId, Value::text("ses1")),
        (Attribute::SessionId, Value::Text(attempt.id.0.clone())),
        (
            Attribute::ExpirationTime,
            Value::Time(attempt.session_expires),
        ),
        (
            Attribute::Resource(ResourceType::SessionEndpoint),
            Value::List(vec![endpoint]),
        ),
    ]);
    let mut success = Response::new(Status::CREATED, attempt.question.clone());
    success.content = Some(Content::resource(ResourceType::Session, members));
    *primitive = Primitive::Response(Shared::new(success));
}

/// The records of a machine, with some changed.
fn changed(after: &Cse, change: impl Fn(Record) -> Option<Record>) -> Vec<Record> {
    after.durable().filter_map(change).collect()
}

/// The resources of a type, changed.
fn edited(after: &Cse, of: ResourceType, edit: impl Fn(&mut Resource)) -> Vec<Record> {
    let resources = after.durable().filter_map(move |record| match record {
        Record::Resource(row) if row.resource_type == of => Some(row),
        Record::Counter(_)
        | Record::Neighbour(_)
        | Record::Resource(_)
        | Record::Session(_)
        | Record::Attempt(_)
        | Record::Change(_)
        | Record::Stored(_)
        | Record::Notice(_)
        | Record::Tombstone(_)
        | Record::Outcome(_) => None,
    });
    resources
        .map(|row| {
            let mut row = Resource::clone(&row);
            edit(&mut row);
            Record::Resource(Shared::new(row))
        })
        .collect()
}

fn endpoint_twice(_: &Cse, after: &Cse) -> Vec<Record> {
    let twice = edited(after, ResourceType::SessionEndpoint, |row| {
        row.id.0 = format!("{}x", row.id.0).as_str().into();
        row.sequence += 1_000;
        row.name = format!("{}x", row.name).as_str().into();
    });
    after.durable().chain(twice).collect()
}

fn name_twice(_: &Cse, after: &Cse) -> Vec<Record> {
    let twice = edited(after, ResourceType::SessionEndpoint, |row| {
        row.id.0 = format!("{}x", row.id.0).as_str().into();
    });
    after.durable().chain(twice).collect()
}

fn rival_policies(_: &Cse, after: &Cse) -> Vec<Record> {
    let rivals = edited(after, ResourceType::SessionPolicy, |row| {
        row.id.0 = format!("{}x", row.id.0).as_str().into();
        row.sequence += 1_000;
        row.name = format!("{}x", row.name).as_str().into();
        row.attributes
            .insert(Attribute::PolicyType, Value::Integer(1));
        row.attributes.remove(&Attribute::ScheduleElement);
    });
    after.durable().chain(rivals).collect()
}

fn keys_in_context(_: &Cse, after: &Cse) -> Vec<Record> {
    let with_keys = edited(after, ResourceType::SessionContextEntry, |row| {
        let key = Value::Secret(Secret("k".into()));
        row.attributes.insert(Attribute::Content, key);
    });
    after.durable().chain(with_keys).collect()
}

fn no_windows(_: &Cse, after: &Cse) -> Vec<Record> {
    changed(after, |record| match record {
        Record::Stored(row) => {
            let mut row = m2m_machine::record::Stored::clone(&row);
            row.window.clear();
            Some(Record::Stored(Shared::new(row)))
        }
        Record::Counter(_)
        | Record::Neighbour(_)
        | Record::Resource(_)
        | Record::Session(_)
        | Record::Attempt(_)
        | Record::Change(_)
        | Record::Notice(_)
        | Record::Tombstone(_)
        | Record::Outcome(_) => Some(record),
    })
}

fn not_deleted(before: &Cse, after: &Cse) -> Vec<Record> {
    let gone = before.durable().filter(|record| match record {
        Record::Session(row) => !after.state().sessions.has(&row.id),
        Record::Counter(_)
        | Record::Neighbour(_)
        | Record::Resource(_)
        | Record::Attempt(_)
        | Record::Change(_)
        | Record::Stored(_)
        | Record::Notice(_)
        | Record::Tombstone(_)
        | Record::Outcome(_) => false,
    });
    after.durable().chain(gone).collect()
}

fn no_subscriptions(_: &Cse, after: &Cse) -> Vec<Record> {
    changed(after, |record| {
        let is_one = match &record {
            Record::Resource(row) => row.resource_type == ResourceType::Subscription,
            Record::Counter(_)
            | Record::Neighbour(_)
            | Record::Session(_)
            | Record::Attempt(_)
            | Record::Change(_)
            | Record::Stored(_)
            | Record::Notice(_)
            | Record::Tombstone(_)
            | Record::Outcome(_) => false,
        };
        (!is_one).then_some(record)
    })
}

fn no_notices(_: &Cse, after: &Cse) -> Vec<Record> {
    changed(after, |record| {
        (!matches!(record, Record::Notice(_))).then_some(record)
    })
}

fn limits_of_default(config: &mut Config) {
    config.limits = m2m_machine::config::Limits::default();
}

fn taken_for_ae1(before: &Cse, input: &mut Input) {
    let first = before.link_to(&Entity::Ae(AeId::from("/cse1/Cae1")));
    let stranger = received(input)
        .filter(|(_, request)| request.from.as_deref() == Some("Cae3"))
        .map(|(_, request)| Request::clone(request));
    if let (Some(link), Some(mut request)) = (first, stranger) {
        request.from = Some("Cae1".into());
        *input = arrives(link, request);
    }
}

fn arrives(link: LinkId, request: Request) -> Input {
    let primitive = Primitive::Request(Shared::new(request));
    Input::Received { link, primitive }
}

/// Another session than that one.
fn another(before: &Cse, than: impl Fn(&SessionId) -> bool) -> Option<SessionId> {
    let mut sessions = before.state().sessions.iter();
    sessions.find(|(id, _)| !than(id)).map(|(id, _)| id.clone())
}

fn other_session(before: &Cse, input: &mut Input) {
    let data = received(input).filter(|(_, r)| r.operation == Operation::Create);
    let Some((link, request)) = data else { return };
    let Some(session) = &request.session else {
        return;
    };
    let other = another(before, |id| id == session);
    let row = other.and_then(|id| before.state().sessions.get(&id).cloned());
    let content = request.content.as_ref();
    let sealed = content
        .and_then(|c| crate::look::sealed_in(&c.value))
        .cloned();
    if let (Some(row), Some(sealed)) = (row, sealed) {
        let mut sealed = Sealed::clone(&sealed);
        sealed.header.session = row.id.clone();
        sealed.header.key_id = row.credentials.key_id.clone();
        let mut request = Request::clone(request);
        request.session = Some(row.id.clone());
        let sealed = Value::Sealed(Shared::new(sealed));
        super::tamper::rewrite_in(&mut request, &Attribute::Content, &sealed);
        *input = arrives(link, request);
    }
}

/// The address of a session at its CSE.
fn address(cse: &Cse, session: &SessionId) -> Option<Text> {
    let row = cse.state().sessions.get(session)?;
    Some(
        format!("{}/{}", cse.config().cse_id, row.resource)
            .as_str()
            .into(),
    )
}

fn other_deleted(before: &Cse, input: &mut Input) {
    let delete = received(input).filter(|(_, r)| r.operation == Operation::Delete);
    let Some((link, request)) = delete else {
        return;
    };
    let is_meant = |id: &SessionId| address(before, id).as_ref() == Some(&request.to);
    let is_known = before.state().sessions.iter().any(|(id, _)| is_meant(id));
    let other = another(before, is_meant).filter(|_| is_known);
    if let Some(to) = other.and_then(|id| address(before, &id)) {
        let mut request = Request::clone(request);
        request.to = to;
        *input = arrives(link, request);
    }
}

fn endless_termination(_: &Cse, input: &mut Input) {
    if matches!(input, Input::Elapsed(Timer::Termination(_))) {
        // Nothing is dialed that is up: it has no effect.
        *input = Input::Elapsed(Timer::Redial);
    }
}

fn loss_is_answer(before: &Cse, input: &mut Input) {
    let Input::LinkLost { link } = *input else {
        return;
    };
    let mut asked = before.outgoing_requests();
    let of_link = asked.find(|o| Some(o.peer) == before.entity_of(link));
    if let Some(view) = of_link {
        let response = Response::new(Status::OK, view.request_id.clone());
        let primitive = Primitive::Response(Shared::new(response));
        *input = Input::Received { link, primitive };
    }
}

fn unnamed_link(_: &Cse, input: &mut Input) {
    if let Input::LinkOpened { opening, .. } = input
        && matches!(opening, Opening::Accepted { .. })
    {
        *opening = Opening::Accepted { origin: None };
    }
}

fn farewell(before: &Cse, input: &mut Input) {
    let Input::LinkLost { link } = *input else {
        return;
    };
    let Some(Entity::Ae(ae)) = before.entity_of(link) else {
        return;
    };
    let session = another(before, |_| false);
    if let Some(to) = session.and_then(|id| address(before, &id)) {
        let delete = Request::new(Operation::Delete, &to, ae.stem(), "x-9".into());
        *input = arrives(link, delete);
    }
}
