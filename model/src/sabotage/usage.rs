//! Defects of usage and store-and-forward.

use super::establishment::reports_twice;
use super::tamper::{
    answer, answered, ask, asked, change_requests, change_responses, drop_requests, received,
};
use super::{Defect, Saboteur};
use crate::look;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output};
use m2m_machine::deviation::Deviation;
use m2m_machine::id::Secret;
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Sealed, Value};
use m2m_machine::{Ae, Cse, Timestamp, ae};

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
        "an undo that is refused is taken for done",
        "extend",
        &["EST-27"],
        Defect::Inputs(undo_is_done),
    ),
    saboteur(
        "refused data is answered 2000",
        "use-misuse",
        &["USE-02", "USE-32", "USE-34"],
        Defect::Outputs(yes_man),
    ),
    saboteur(
        "refused data is answered 2000, at the end",
        "end-while-used",
        &["END-06", "END-22", "EST-20"],
        Defect::Outputs(yes_man),
    ),
    saboteur(
        "refused data is answered 2000, after et",
        "expire",
        &["USE-03"],
        Defect::Outputs(yes_man),
    ),
    saboteur(
        "refused data is answered 2000, outside of paths",
        "use-outside",
        &["USE-01"],
        Defect::Outputs(yes_man),
    ),
    saboteur(
        "refused data is answered 2000, to who has erased the session",
        "end-read",
        &["END-07", "END-06"],
        Defect::Outputs(yes_man),
    ),
    saboteur(
        "the originator is not checked",
        "use-misuse",
        &["USE-02"],
        Defect::Machine(&[Deviation::AnyOriginator]),
    ),
    saboteur(
        "data goes back to where it came from",
        "use",
        &["USE-04"],
        Defect::Outputs(sent_back),
    ),
    saboteur(
        "what is served is forwarded too",
        "use",
        &["USE-05"],
        Defect::Outputs(served_and_forwarded),
    ),
    saboteur(
        "stored requests leave at once",
        "use-stored",
        &["USE-06"],
        Defect::Outputs(leaves_at_once),
    ),
    saboteur(
        "requests leave after their time",
        "use-stored-expired",
        &["USE-07"],
        Defect::Outputs(too_late),
    ),
    saboteur(
        "acknowledged before it is stored",
        "use-stored-crash",
        &["USE-08"],
        Defect::NotStored(acknowledges),
    ),
    saboteur(
        "stored after the acknowledgement",
        "use-stored",
        &["USE-09"],
        Defect::Outputs(stored_last),
    ),
    saboteur(
        "told before it is committed",
        "use",
        &["USE-20"],
        Defect::Outputs(stored_last),
    ),
    saboteur(
        "stored requests never leave",
        "use-both-stored",
        &["USE-10", "USE-31"],
        Defect::Outputs(never_leaves),
    ),
    saboteur(
        "outcomes are told twice",
        "use-stored-expired",
        &["USE-11"],
        Defect::AeOutputs(reports_twice),
    ),
    saboteur(
        "answers are told twice",
        "use",
        &["USE-33"],
        Defect::AeOutputs(reports_twice),
    ),
    saboteur(
        "repetitions of data are executed again",
        "use",
        &["USE-12", "USE-17"],
        Defect::Machine(&[Deviation::NoOutcomeCache]),
    ),
    saboteur(
        "stored requests leave in the wrong order",
        "use-stored",
        &["USE-13"],
        Defect::Outputs(reversed),
    ),
    saboteur(
        "data is served and not answered",
        "use",
        &["USE-14", "USE-23"],
        Defect::Outputs(unanswered),
    ),
    saboteur(
        "two answers to one request",
        "use",
        &["USE-15"],
        Defect::Outputs(answered_twice),
    ),
    saboteur(
        "answered before it is forwarded",
        "use",
        &["USE-16"],
        Defect::Outputs(answered_early),
    ),
    saboteur(
        "updates are not told",
        "use",
        &["USE-21"],
        Defect::Outputs(untold),
    ),
    saboteur(
        "another value is read",
        "use",
        &["USE-22"],
        Defect::Outputs(other_value),
    ),
    saboteur(
        "data leaves in clear",
        "use",
        &["USE-24"],
        Defect::AeOutputs(in_clear),
    ),
    saboteur(
        "a key for an end-to-end session",
        "use-end-to-end",
        &["USE-25"],
        Defect::Outputs(key_end_to_end),
    ),
    saboteur(
        "stored requests outlive their session",
        "end-stored",
        &["END-08"],
        Defect::Machine(&[Deviation::StoredOutliveSession]),
    ),
];

fn undo_is_done(machine: &Cse, input: &mut Input) {
    let Input::Received { primitive, .. } = input else {
        return;
    };
    let Primitive::Response(response) = primitive else {
        return;
    };
    let mut changes = machine.state().changes.iter();
    let of_undo = changes.any(|(_, change)| {
        change.undoing && response.request_id.as_ref() == Some(&change.request_id)
    });
    if of_undo && response.status == Status::CONFLICT {
        let mut done = Response::clone(response);
        done.status = Status::UPDATED;
        *primitive = Primitive::Response(Shared::new(done));
    }
}

fn yes_man(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let of_data = received(input).is_some_and(|(_, r)| r.session.is_some());
    if of_data {
        let refused =
            |r: &Response| [4004, 4005, 4103].contains(&r.status.0) && r.session.is_some();
        change_responses(outputs, refused, |response| response.status = Status::OK);
    }
}

fn is_data(request: &Request) -> bool {
    request.operation == Operation::Create && request.session.is_some()
}

fn sent_back(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let Some((back, _)) = received(input) else {
        return;
    };
    for output in outputs {
        if let Some(request) = asked(output)
            .filter(|(_, r)| is_data(r))
            .map(|(_, r)| r.clone())
        {
            let primitive = Primitive::Request(request);
            *output = Output::Send {
                link: back,
                primitive,
            };
        }
    }
}

fn served_and_forwarded(before: &Cse, after: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let written = look::data(after).len() > look::data(before).len();
    if let Some((link, request)) = received(input).filter(|_| written) {
        outputs.push(ask(link, Request::clone(request)));
    }
}

fn leaves_at_once(before: &Cse, after: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let was = &before.state().stored;
    for (id, row) in after.state().stored.iter() {
        if let Some(link) = after.link_to(&row.hop).filter(|_| !was.has(id)) {
            let mut request = Request::clone(&row.requester.request);
            request.request_id = row.request_id.clone();
            request.from = Some(row.originator.clone());
            outputs.push(ask(link, request));
        }
    }
}

fn too_late(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, is_data, |request| {
        request.request_expiration = Some(When::At(Timestamp(1)));
    });
}

fn acknowledges(_: &Input, outputs: &[Output]) -> bool {
    let status = |output| answered(output).map(|(_, response)| response.status);
    outputs
        .iter()
        .any(|o| status(o) == Some(Status::ACCEPTED_ASYNCH))
}

fn stored_last(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    if outputs
        .first()
        .is_some_and(|o| matches!(o, Output::Persist(_)))
    {
        outputs.rotate_left(1);
    }
}

fn never_leaves(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    drop_requests(outputs, is_data);
}

fn reversed(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let all = outputs.iter().filter_map(asked);
    if all.filter(|(_, r)| is_data(r)).count() > 1 {
        outputs.reverse();
    }
}

fn unanswered(before: &Cse, after: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    if look::data(after).len() > look::data(before).len() {
        outputs.retain(|output| answered(output).is_none());
    }
}

fn answered_twice(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if received(input).is_some_and(|(_, r)| is_data(r)) {
        let again: Vec<Output> = outputs
            .iter()
            .filter(|o| answered(o).is_some())
            .cloned()
            .collect();
        outputs.extend(again);
    }
}

fn answered_early(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Some((link, request)) = received(input).filter(|(_, r)| is_data(r))
        && outputs.iter().filter_map(asked).any(|(_, r)| is_data(r))
    {
        let mut response = Response::new(Status::CREATED, request.request_id.clone());
        response.session.clone_from(&request.session);
        outputs.push(answer(link, response));
    }
}

fn untold(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    drop_requests(outputs, |request| look::event(request) == Some(50_002));
}

fn other_value(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let reads = received(input).is_some_and(|(_, r)| r.operation == Operation::Retrieve);
    if reads {
        let has_value = |r: &Response| {
            let content = r.content.as_ref();
            content.is_some_and(|c| look::sealed_in(&c.value).is_some())
        };
        change_responses(outputs, has_value, |response| {
            let content = response.content.as_ref();
            let sealed = content.and_then(|c| look::sealed_in(&c.value)).cloned();
            if let Some(sealed) = sealed {
                let mut other = Sealed::clone(&sealed);
                other.header.sequence += 7;
                let members =
                    Members::from([(Attribute::Content, Value::Sealed(Shared::new(other)))]);
                response.content = Some(Content::resource(ResourceType::ContentInstance, members));
            }
        });
    }
}

fn in_clear(_: &Ae, _: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    for output in outputs {
        let plain = match output {
            ae::Output::Send {
                link,
                primitive: Primitive::Request(request),
            } if is_data(request) => {
                let mut request = Request::clone(request);
                let members = Members::from([(Attribute::Content, Value::text("data"))]);
                request.content = Some(Content::resource(ResourceType::ContentInstance, members));
                Some((*link, request))
            }
            ae::Output::Send { .. }
            | ae::Output::CloseLink { .. }
            | ae::Output::Dial
            | ae::Output::Report(_) => None,
        };
        if let Some((link, request)) = plain {
            let primitive = Primitive::Request(Shared::new(request));
            *output = ae::Output::Send { link, primitive };
        }
    }
}

fn key_end_to_end(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, look::creates_session, |request| {
        super::tamper::edit(request, |members| {
            let key = Value::object([(Attribute::KeyValue, Value::Secret(Secret("k".into())))]);
            members.insert(Attribute::Credentials, key);
        });
    });
}
