//! Defects of links and of termination.

use super::establishment::reports_twice;
use super::tamper::{
    answer, ask, asked, change_requests, change_responses, drop_requests, received,
};
use super::{Defect, Saboteur};
use crate::look;
use m2m_machine::ae::CloseReason;
use m2m_machine::cse::{Input, Output, Timer};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Operation, Primitive, Request, Response, When};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
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
        "an operator who stops a CSE has no patience",
        "link-stop",
        &["LNK-66"],
        Defect::Inputs(no_patience),
    ),
    saboteur(
        "no link between providers is closed",
        "link-providers",
        &["LNK-61"],
        Defect::Outputs(never_closed),
    ),
    saboteur(
        "what another provider repeats is carried out again",
        "link-providers",
        &["LNK-65"],
        Defect::Machine(&[m2m_machine::deviation::Deviation::NoOutcomeCache]),
    ),
    saboteur(
        "what leaves for another provider is named as at home",
        "link-providers",
        &["REG-76"],
        Defect::Outputs(named_as_at_home),
    ),
    saboteur(
        "deletion is confirmed before the hop answered",
        "end-both",
        &["END-02", "END-03"],
        Defect::Outputs(early_deleted),
    ),
    saboteur(
        "an end that is confirmed is answered 5107",
        "end-both",
        &["END-33"],
        Defect::Outputs(unconfirmed),
    ),
    saboteur(
        "the hop is never asked to delete",
        "end-both",
        &["END-04", "END-10", "END-11"],
        Defect::Outputs(never_deleted),
    ),
    saboteur(
        "stored requests stay behind",
        "end-stored",
        &["END-05"],
        Defect::Machine(&[m2m_machine::deviation::Deviation::StoredOutliveSession]),
    ),
    saboteur(
        "a DELETE of nothing is answered 2002",
        "end-late",
        &["END-09"],
        Defect::Outputs(deleted_anyway),
    ),
    saboteur(
        "an endpoint is told twice",
        "end-both",
        &["END-20"],
        Defect::AeOutputs(reports_twice),
    ),
    saboteur(
        "the end is not told",
        "end-late",
        &["END-21"],
        Defect::Outputs(untold),
    ),
    saboteur(
        "the end is not told to who was away",
        "link-held",
        &["LNK-24"],
        Defect::Outputs(untold),
    ),
    saboteur(
        "the end is not stored before the hop is asked",
        "end-crash",
        &["END-24"],
        Defect::NotStored(asks_for_the_end),
    ),
    saboteur(
        "a hop that left is never missed",
        "hop-leaves",
        &["END-38"],
        Defect::Inputs(grace_without_end),
    ),
    saboteur(
        "a server dials",
        "link-held",
        &["LNK-01"],
        Defect::Outputs(server_dials),
    ),
    saboteur(
        "requests for clients that are not registered",
        "link-register",
        &["LNK-04"],
        Defect::Outputs(early_request),
    ),
    saboteur(
        "the loss of a link is stored",
        "link-held",
        &["LNK-05"],
        Defect::Outputs(loss_is_stored),
    ),
    saboteur(
        "data leaves after its time",
        "link-held",
        &["LNK-10"],
        Defect::Outputs(too_late),
    ),
    saboteur(
        "notifications are not repeated",
        "link-held",
        &["LNK-11"],
        Defect::Outputs(untold),
    ),
    saboteur(
        "the link is closed with requests open",
        "link-close",
        &["LNK-12", "LNK-13"],
        Defect::AeOutputs(closes_early),
    ),
    saboteur(
        "data after a Close",
        "link-close",
        &["LNK-16"],
        Defect::AeOutputs(data_after_close),
    ),
    saboteur(
        "an answer is told twice",
        "link-register",
        &["LNK-14"],
        Defect::AeOutputs(reports_twice),
    ),
    saboteur(
        "data without a link",
        "link-held",
        &["LNK-18"],
        Defect::AeOutputs(data_without_link),
    ),
    saboteur(
        "an impostor is answered 2000",
        "link-leave",
        &["LNK-19"],
        Defect::Outputs(believes),
    ),
    saboteur(
        "requests leave on the older of two links",
        "link-replace",
        &["LNK-02"],
        Defect::Outputs(older_link),
    ),
    saboteur(
        "what comes on a link without identity is stored",
        "link-register",
        &["LNK-03"],
        Defect::Outputs(stores_at_once),
    ),
    saboteur(
        "an AE does not dial",
        "link-held",
        &["LNK-07"],
        Defect::AeOutputs(never_dials),
    ),
    saboteur(
        "who left is told of it",
        "link-leave",
        &["LNK-20"],
        Defect::Outputs(tells_who_left),
    ),
    saboteur(
        "repetitions after a reopening are executed",
        "link-replace",
        &["LNK-21"],
        Defect::Machine(&[m2m_machine::deviation::Deviation::NoOutcomeCache]),
    ),
    saboteur(
        "a question after its time",
        "link-question",
        &["LNK-23"],
        Defect::Outputs(late_question),
    ),
    saboteur(
        "stored data on another link",
        "link-stored",
        &["LNK-26"],
        Defect::Outputs(other_link),
    ),
    saboteur(
        "delivery is reported before the response",
        "link-replace",
        &["LNK-27"],
        Defect::Outputs(early_delivery),
    ),
];

fn is_delete(request: &Request) -> bool {
    request.operation == Operation::Delete
}

fn early_deleted(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Some((link, request)) = received(input).filter(|(_, r)| is_delete(r))
        && outputs.iter().filter_map(asked).any(|(_, r)| is_delete(r))
    {
        outputs.push(answer(
            link,
            Response::new(Status::DELETED, request.request_id.clone()),
        ));
    }
}

fn unconfirmed(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let confirmed = |r: &Response| r.status == Status::DELETED;
    change_responses(outputs, confirmed, |response| {
        response.status = Status::REMOTE_ENTITY_NOT_REACHABLE;
    });
}

fn never_deleted(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    drop_requests(outputs, is_delete);
}

fn deleted_anyway(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if received(input).is_some_and(|(_, r)| is_delete(r)) {
        let missing = |r: &Response| r.status == Status::NOT_FOUND;
        change_responses(outputs, missing, |response| {
            response.status = Status::DELETED
        });
    }
}

fn untold(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    drop_requests(outputs, |r| {
        look::event(r) == Some(50_003) || look::event(r) == Some(50_002)
    });
}

fn asks_for_the_end(_: &Input, outputs: &[Output]) -> bool {
    outputs.iter().filter_map(asked).any(|(_, r)| is_delete(r))
}

fn grace_without_end(_: &Cse, input: &mut Input) {
    if matches!(input, Input::Elapsed(Timer::HopGrace(_))) {
        *input = Input::Elapsed(Timer::Redial);
    }
}

fn server_dials(_: &Cse, after: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let lost = matches!(input, Input::LinkLost { .. });
    if lost && after.config().registrar.is_none() {
        outputs.push(Output::Dial);
    }
}

fn early_request(_: &Cse, after: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Input::LinkOpened { link, .. } = input
        && after.entity_of(*link).is_none()
    {
        outputs.push(ask(
            *link,
            Request::new(Operation::Notify, "Cae1", "/cse1", "x".into()),
        ));
    }
}

fn loss_is_stored(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if matches!(input, Input::LinkLost { .. }) {
        outputs.insert(0, Output::Persist(Vec::new()));
    }
}

fn expired(request: &mut Request) {
    request.request_expiration = Some(When::At(Timestamp(1)));
}

fn too_late(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(outputs, |request| request.session.is_some(), expired);
}

fn older_link(_: &Cse, after: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    for output in outputs {
        let Some((link, request)) = asked(output) else {
            continue;
        };
        let entity = after.entity_of(link);
        let mut links = (1..64).map(LinkId);
        let older = links.find(|other| *other != link && after.entity_of(*other) == entity);
        if let Some(link) = older.filter(|_| entity.is_some()) {
            let primitive = Primitive::Request(request.clone());
            *output = Output::Send { link, primitive };
        }
    }
}

fn stores_at_once(before: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if received(input).is_some_and(|(link, _)| before.entity_of(link).is_none()) {
        outputs.insert(0, Output::Persist(Vec::new()));
    }
}

fn never_dials(_: &Ae, _: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    outputs.retain(|output| !matches!(output, ae::Output::Dial));
}

fn tells_who_left(_: &Cse, after: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Some((link, request)) = received(input).filter(|(_, r)| is_delete(r))
        && after.entity_of(link).is_none()
    {
        let from = request.from.clone().unwrap_or_default();
        outputs.push(ask(
            link,
            Request::new(Operation::Notify, &from, "/cse1", "x".into()),
        ));
    }
}

fn late_question(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    change_requests(
        outputs,
        |request| look::event(request) == Some(50_001),
        expired,
    );
}

fn closes_early(_: &Ae, after: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    let sends = outputs.iter().any(|o| matches!(o, ae::Output::Send { .. }));
    if let Some(link) = after.link().open().filter(|_| sends) {
        let why = CloseReason::Finished;
        outputs.push(ae::Output::CloseLink { link, why });
    }
}

fn nonsense(link: LinkId) -> ae::Output {
    let request = Request::new(Operation::Retrieve, "cse1", "Cae1", "x".into());
    let primitive = Primitive::Request(Shared::new(request));
    ae::Output::Send { link, primitive }
}

fn data_after_close(before: &Ae, _: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    use m2m_machine::ae::link::LinkState;
    match before.link().state() {
        LinkState::Closing(link) => outputs.push(nonsense(link)),
        LinkState::Idle | LinkState::Waiting { .. } | LinkState::Dialing | LinkState::Open(_) => {}
    }
}

fn data_without_link(_: &Ae, after: &Ae, input: &ae::Input, outputs: &mut Vec<ae::Output>) {
    if after.link().open().is_none() && matches!(input, ae::Input::Elapsed(_)) {
        outputs.push(nonsense(LinkId(99)));
    }
}

fn believes(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let refused = |r: &Response| r.status == Status::ORIGINATOR_NOT_AUTHENTICATED;
    change_responses(outputs, refused, |response| response.status = Status::OK);
}

fn other_link(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    for output in outputs {
        let stored = asked(output).filter(|(_, r)| r.operation == Operation::Create);
        if let Some(request) = stored.map(|(_, r)| r.clone()) {
            let link = LinkId(1);
            let primitive = Primitive::Request(request);
            *output = Output::Send { link, primitive };
        }
    }
}

fn early_delivery(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let data = received(input).filter(|(_, r)| r.operation == Operation::Create);
    if let Some((link, request)) = data
        && outputs
            .iter()
            .filter_map(asked)
            .any(|(_, r)| r.to == request.to)
    {
        let mut response = Response::new(Status::CREATED, request.request_id.clone());
        response.session.clone_from(&request.session);
        outputs.push(answer(link, response));
    }
}

fn no_patience(_: &Cse, input: &mut Input) {
    if let Input::Stopping { is_patient } = input {
        *is_patient = false;
    }
}

fn never_closed(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    outputs.retain(|output| !matches!(output, Output::CloseLink { .. }));
}

/// Whether a link leads to another provider.
fn is_abroad(cse: &Cse, link: LinkId) -> bool {
    let entity = cse.entity_of(link);
    entity.is_some_and(|entity| entity.as_str().starts_with("//"))
}

fn named_as_at_home(_: &Cse, after: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    for output in outputs {
        if let Output::Send {
            link,
            primitive: Primitive::Request(request),
        } = output
            && is_abroad(after, *link)
        {
            let mut renamed = Request::clone(request);
            let from = request.from.as_deref().unwrap_or_default();
            let relative = from.trim_start_matches("//").split_once('/');
            renamed.from = relative.map(|(_, rest)| format!("/{rest}").as_str().into());
            *request = Shared::new(renamed);
        }
    }
}
