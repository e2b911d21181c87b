//! What boundary defects are made of.

use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Primitive, Request, Response};
use m2m_machine::shared::Shared;
use m2m_machine::value::{Members, Value};

/// The primitive that an output sends.
pub(super) fn sent(output: &Output) -> Option<(LinkId, &Primitive)> {
    match output {
        Output::Send { link, primitive } => Some((*link, primitive)),
        Output::Persist(_)
        | Output::CloseLink { .. }
        | Output::Dial
        | Output::DialRegistree { .. }
        | Output::Report(_)
        | Output::Stopped => None,
    }
}

/// The request that an output sends.
pub(super) fn asked(output: &Output) -> Option<(LinkId, &Shared<Request>)> {
    match sent(output)? {
        (link, Primitive::Request(request)) => Some((link, request)),
        (_, Primitive::Response(_)) => None,
    }
}

/// The response that an output sends.
pub(super) fn answered(output: &Output) -> Option<(LinkId, &Shared<Response>)> {
    match sent(output)? {
        (link, Primitive::Response(response)) => Some((link, response)),
        (_, Primitive::Request(_)) => None,
    }
}

/// The request that arrives, and on which link.
pub(super) fn received(input: &Input) -> Option<(LinkId, &Shared<Request>)> {
    match input {
        Input::Received {
            link,
            primitive: Primitive::Request(request),
        } => Some((*link, request)),
        Input::Received { .. }
        | Input::LinkOpened { .. }
        | Input::LinkLost { .. }
        | Input::DialFailed
        | Input::RegistreeNotReached { .. }
        | Input::Undecodable { .. }
        | Input::Elapsed(_)
        | Input::StoreFailing(_)
        | Input::Stopping { .. } => None,
    }
}

/// Drops the requests that fit.
pub(super) fn drop_requests(outputs: &mut Vec<Output>, fits: fn(&Request) -> bool) {
    outputs.retain(|output| !asked(output).is_some_and(|(_, request)| fits(request)));
}

/// Changes the requests that fit.
pub(super) fn change_requests(
    outputs: &mut [Output],
    fits: fn(&Request) -> bool,
    change: fn(&mut Request),
) {
    for output in outputs {
        let changed = asked(output)
            .filter(|(_, request)| fits(request))
            .map(|(link, request)| {
                let mut request = Request::clone(request);
                change(&mut request);
                (link, request)
            });
        if let Some((link, request)) = changed {
            let primitive = Primitive::Request(Shared::new(request));
            *output = Output::Send { link, primitive };
        }
    }
}

/// Changes the responses that fit.
pub(super) fn change_responses(
    outputs: &mut [Output],
    fits: fn(&Response) -> bool,
    change: fn(&mut Response),
) {
    for output in outputs {
        let changed =
            answered(output)
                .filter(|(_, response)| fits(response))
                .map(|(link, response)| {
                    let mut response = Response::clone(response);
                    change(&mut response);
                    (link, response)
                });
        if let Some((link, response)) = changed {
            let primitive = Primitive::Response(Shared::new(response));
            *output = Output::Send { link, primitive };
        }
    }
}

/// An output that answers.
pub(super) fn answer(link: LinkId, response: Response) -> Output {
    let primitive = Primitive::Response(Shared::new(response));
    Output::Send { link, primitive }
}

/// An output that asks.
pub(super) fn ask(link: LinkId, request: Request) -> Output {
    let primitive = Primitive::Request(Shared::new(request));
    Output::Send { link, primitive }
}

/// Changes the members of that name, wherever they stand.
pub(super) fn rewrite(value: &mut Value, name: &Attribute, to: &Value) {
    match value {
        Value::Object(members) => {
            for (at, member) in members.iter_mut() {
                if at == name {
                    *member = to.clone();
                } else {
                    rewrite(member, name, to);
                }
            }
        }
        Value::List(list) => list
            .iter_mut()
            .for_each(|element| rewrite(element, name, to)),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Sealed(_)
        | Value::Secret(_) => {}
    }
}

/// Changes the members of that name in the content of a request.
pub(super) fn rewrite_in(request: &mut Request, name: &Attribute, to: &Value) {
    if let Some(content) = &mut request.content {
        rewrite(&mut content.value, name, to);
    }
}

/// Adds to a member of the resource that a request carries.
pub(super) fn edit(request: &mut Request, change: impl FnOnce(&mut Members)) {
    if let Some(content) = &mut request.content
        && let Value::Object(outer) = &mut content.value
        && let Some(Value::Object(members)) = outer.values_mut().next()
    {
        change(members);
    }
}
