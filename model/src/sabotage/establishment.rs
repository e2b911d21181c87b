//! Defects of establishment and policies.

use super::tamper::{
    answer, answered, ask, asked, change_requests, change_responses, drop_requests, edit, received,
    rewrite, rewrite_in,
};
use super::{Defect, Saboteur};
use crate::look;
use m2m_machine::ae::command::Event;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output};
use m2m_machine::deviation::Deviation;
use m2m_machine::id::{AeId, Entity, RequestId, Secret};
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use m2m_machine::{Ae, Cse, Timestamp, ae};

/// A saboteur of the boundary.
const fn boundary(
    name: &'static str,
    scenario: &'static str,
    kills: &'static [&'static str],
    tamper: super::Tamper,
) -> Saboteur {
    Saboteur {
        name,
        defect: Defect::Outputs(tamper),
        reuses_keys: false,
        scenario,
        kills,
    }
}

/// The table.
pub(super) static ALL: &[Saboteur] = &[
    boundary(
        "success before the hop answered",
        "establish",
        &["EST-04"],
        early_success,
    ),
    boundary(
        "created before the verdict",
        "establish",
        &["EST-03", "EST-04"],
        early_created,
    ),
    boundary(
        "another key identifier for AE2",
        "establish",
        &["EST-06"],
        other_key,
    ),
    boundary(
        "a wrong address of the session upstream",
        "establish",
        &["EST-08"],
        wrong_hop,
    ),
    boundary(
        "a question about somebody else",
        "establish",
        &["EST-09"],
        other_target,
    ),
    boundary(
        "a hop request before the capabilities are known",
        "capability",
        &["EST-10"],
        early_hop,
    ),
    boundary(
        "the key for a third AE",
        "establish-three",
        &["EST-17"],
        key_for_all,
    ),
    boundary(
        "a session ends earlier upstream",
        "establish",
        &["EST-27"],
        other_end,
    ),
    boundary(
        "the next CSE among the visited",
        "transit",
        &["EST-29"],
        visited_twice,
    ),
    boundary(
        "requests without session wait",
        "plain",
        &["EST-31"],
        plain_waits,
    ),
    boundary(
        "a policy is answered before the hop",
        "policy",
        &["EST-24"],
        early_policy,
    ),
    boundary(
        "another end is confirmed before the hop",
        "extend",
        &["EST-68"],
        early_end,
    ),
    boundary(
        "another policy for the hop",
        "policy",
        &["EST-23", "EST-25"],
        other_policy,
    ),
    boundary(
        "no DELETE to the hop of an AE that left",
        "end-by-leaving",
        &["END-18", "END-12"],
        no_delete,
    ),
    boundary(
        "no DELETE to the hop during establishment",
        "leave",
        &["EST-28"],
        no_delete,
    ),
    Saboteur {
        name: "no lease and no compensation",
        defect: Defect::Both(&[Deviation::NoLease], no_compensation),
        reuses_keys: false,
        scenario: "fail",
        kills: &["EST-14"],
    },
    Saboteur {
        name: "no lease and no compensation, refused",
        defect: Defect::Both(&[Deviation::NoLease], no_compensation),
        reuses_keys: false,
        scenario: "fail",
        kills: &["EST-11"],
    },
    Saboteur {
        name: "repetitions are executed again",
        defect: Defect::Machine(&[Deviation::NoOutcomeCache]),
        reuses_keys: false,
        scenario: "establish",
        kills: &["EST-13"],
    },
    Saboteur {
        name: "the same key for every session",
        defect: Defect::Machine(&[]),
        reuses_keys: true,
        scenario: "two-sessions",
        kills: &["EST-19"],
    },
    Saboteur {
        name: "the same key for crossing sessions",
        defect: Defect::Machine(&[]),
        reuses_keys: true,
        scenario: "glare",
        kills: &["EST-21"],
    },
    Saboteur {
        name: "an application is asked twice",
        defect: Defect::AeOutputs(reports_twice),
        reuses_keys: false,
        scenario: "establish",
        kills: &["EST-12", "EST-15"],
    },
    Saboteur {
        name: "a refusal leaves as consent",
        defect: Defect::AeOutputs(refusal_is_consent),
        reuses_keys: false,
        scenario: "refuse",
        kills: &["EST-01", "EST-18"],
    },
    Saboteur {
        name: "two sessions are told under one identifier",
        defect: Defect::AeOutputs(first_identifier),
        reuses_keys: false,
        scenario: "two-sessions",
        kills: &["EST-05"],
    },
];

fn is_hop_create(request: &Request) -> bool {
    let by_cse = request
        .from
        .as_ref()
        .is_some_and(|from| from.starts_with('/'));
    by_cse && look::creates_session(request)
}

fn is_question(request: &Request) -> bool {
    look::event(request) == Some(50_001)
}

/// A success as an initiator expects it.
fn success(id: RequestId) -> Response {
    let mut response = Response::new(Status::CREATED, id);
    let key = Value::object([(Attribute::KeyValue, Value::Secret(Secret("k".into())))]);
    let members = Members::from([
        (
            Attribute::SessionId,
            Value::text("/cse1/AAAAAAAAAAAAAAAAAAAAAQ"),
        ),
        (Attribute::SessionOriginator, Value::text("/cse1/Cae1")),
        (Attribute::SessionTargets, Value::texts(["/cse2/Cae2"])),
        (Attribute::Credentials, key),
    ]);
    response.content = Some(Content::resource(ResourceType::Session, members));
    response
}

fn early_success(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Some((link, request)) = received(input)
        && look::creates_session(request)
        && outputs
            .iter()
            .filter_map(asked)
            .any(|(_, r)| is_hop_create(r))
    {
        outputs.push(answer(link, success(request.request_id.clone())));
    }
}

fn early_created(_: &Cse, after: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let Some((link, request)) = received(input).filter(|(_, r)| is_hop_create(r)) else {
        return;
    };
    let question = outputs
        .iter()
        .filter_map(asked)
        .find(|(_, r)| is_question(r));
    let Some(told) = question.and_then(|(_, r)| look::told_of(r).cloned()) else {
        return;
    };
    let mut members = told;
    members.remove(&Attribute::Credentials);
    let endpoints = Attribute::Resource(ResourceType::SessionEndpoint);
    let path = format!("{}/cse2/ae2/box", after.config().cse_id);
    let target = Value::object([
        (Attribute::EndpointId, Value::text("/cse2/Cae2")),
        (Attribute::EndpointType, Value::Integer(1)),
        (Attribute::EndpointPaths, Value::texts([path])),
    ]);
    if let Some(Value::List(list)) = members.get_mut(&endpoints) {
        list.push(target);
    }
    let mut response = Response::new(Status::CREATED, request.request_id.clone());
    response.content = Some(Content::resource(ResourceType::Session, members));
    outputs.push(answer(link, response));
}

fn other_key(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, is_question, |request| {
        rewrite_in(request, &Attribute::KeyId, &Value::text("another"));
    });
}

fn wrong_hop(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, is_hop_create, |request| {
        rewrite_in(
            request,
            &Attribute::RemoteSession,
            &Value::text("/cse1/wrong"),
        );
    });
}

fn other_target(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, is_question, |request| {
        rewrite_in(
            request,
            &Attribute::SessionTargets,
            &Value::texts(["/cse2/Cae9"]),
        );
    });
}

fn early_hop(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let reads = outputs
        .iter()
        .filter_map(asked)
        .find_map(|(link, request)| (request.operation == Operation::Retrieve).then_some(link));
    if let Some(link) = reads {
        let mut request = Request::new(
            Operation::Create,
            "/cse2/Cae2/sessions",
            "/cse1",
            "x".into(),
        );
        request.resource_type = Some(ResourceType::Session.number());
        outputs.push(ask(link, request));
    }
}

fn key_for_all(before: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let third = Entity::Ae(AeId::from("/cse1/Cae3"));
    let success = outputs
        .iter()
        .filter_map(answered)
        .find_map(|(_, response)| {
            look::session_in_success(response).map(|_| Response::clone(response))
        });
    if let (Some(link), Some(response)) = (before.link_to(&third), success) {
        outputs.push(answer(link, response));
    }
}

fn other_end(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if received(input).is_none() {
        change_responses(
            outputs,
            |response| response.status == Status::CREATED,
            |response| {
                if let Some(content) = &mut response.content {
                    let sooner = Value::Time(Timestamp(1_803_999_999_000));
                    rewrite(&mut content.value, &Attribute::ExpirationTime, &sooner);
                }
            },
        );
    }
}

fn visited_twice(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, is_hop_create, |request| {
        edit(request, |members| {
            members.insert(Attribute::Visited, Value::texts(["/csem", "/cse2"]));
        });
    });
}

fn plain_waits(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    drop_requests(outputs, look::is_plain);
}

fn is_policy(request: &Request) -> bool {
    request.resource_type == Some(ResourceType::SessionPolicy.number())
}

fn early_policy(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Some((link, request)) = received(input).filter(|(_, r)| is_policy(r))
        && outputs.iter().filter_map(asked).any(|(_, r)| is_policy(r))
    {
        let mut response = Response::new(Status::CREATED, request.request_id.clone());
        response.content.clone_from(&request.content);
        outputs.push(answer(link, response));
    }
}

fn moves_end(request: &Request) -> bool {
    let content = request.content.as_ref();
    let members = content.and_then(|c| c.members_of(ResourceType::Session));
    request.operation == Operation::Update
        && members.is_some_and(|m| m.contains_key(&Attribute::ExpirationTime))
}

fn early_end(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Some((link, request)) = received(input).filter(|(_, r)| moves_end(r))
        && outputs.iter().filter_map(asked).any(|(_, r)| moves_end(r))
    {
        let mut response = Response::new(Status::UPDATED, request.request_id.clone());
        response.content.clone_from(&request.content);
        outputs.push(answer(link, response));
    }
}

fn other_policy(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, is_policy, |request| {
        edit(request, |members| {
            members.insert(Attribute::PolicyOrder, Value::Integer(77));
        });
    });
}

fn refusal_is_consent(_: &Ae, _: &Ae, input: &ae::Input, outputs: &mut Vec<ae::Output>) {
    if !matches!(input, ae::Input::Asked(_)) {
        return;
    }
    for output in outputs {
        if let ae::Output::Send { primitive, .. } = output
            && let Primitive::Response(response) = &*primitive
            && response.status == Status::OPERATION_NOT_ALLOWED
        {
            let mut consent = Response::clone(response);
            consent.status = Status::OK;
            let members = Members::from([
                (Attribute::EndpointId, Value::text("/cse2/Cae2")),
                (
                    Attribute::EndpointPaths,
                    Value::texts(["/cse2/cse2/ae2/box"]),
                ),
            ]);
            consent.content = Some(Content::resource(ResourceType::SessionEndpoint, members));
            *primitive = Primitive::Response(Shared::new(consent));
        }
    }
}

fn first_identifier(before: &Ae, _: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    let first = before.sessions().next().map(|(id, _)| id.clone());
    for output in outputs {
        if let (ae::Output::Report(Event::Established { session, .. }), Some(first)) =
            (output, &first)
        {
            session.clone_from(first);
        }
    }
}

fn no_delete(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    drop_requests(outputs, |request| request.operation == Operation::Delete);
}

fn no_compensation(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    drop_requests(outputs, |request| {
        request.operation == Operation::Delete && request.session.is_some()
    });
}

/// Doubles what an application is told.
pub(super) fn reports_twice(_: &Ae, _: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    let again: Vec<ae::Output> = outputs
        .iter()
        .filter(|output| matches!(output, ae::Output::Report(_)))
        .cloned()
        .collect();
    outputs.extend(again);
}
