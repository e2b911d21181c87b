//! Defects after which something goes on for ever, or never comes: only a lasso shows them.

use super::tamper::{asked, change_responses, drop_requests, received};
use super::{Defect, Saboteur};
use m2m_machine::Cse;
use m2m_machine::cse::{CloseReason, Input, Output, Timer};
use m2m_machine::primitive::{Operation, Request, Response};
use m2m_machine::status::Status;

/// The table.
pub(super) static ALL: &[Saboteur] = &[
    Saboteur {
        name: "a hop is asked to try again for ever",
        defect: Defect::Outputs(try_again),
        reuses_keys: false,
        scenario: "live-end",
        kills: &["END-34"],
    },
    Saboteur {
        name: "each side closes the link that the other opened",
        defect: Defect::Outputs(closes_what_opens),
        reuses_keys: false,
        scenario: "live-held",
        kills: &["LNK-11"],
    },
    Saboteur {
        name: "a pause that never ends before the end is sent again",
        defect: Defect::Outputs(never_again),
        reuses_keys: false,
        scenario: "live-end",
        kills: &["END-34"],
    },
];

fn is_delete(request: &Request) -> bool {
    request.operation == Operation::Delete
}

/// The far CSE answers each DELETE of a hop as if it could not be done yet.
fn try_again(_: &Cse, after: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let by_hop = |request: &Request| {
        let from = request.from.as_ref();
        is_delete(request) && from.is_some_and(|from| from.starts_with('/'))
    };
    if after.config().registrar.is_none() && received(input).is_some_and(|(_, r)| by_hop(r)) {
        let says_so = |r: &Response| r.status == Status::DELETED || r.status == Status::NOT_FOUND;
        change_responses(outputs, says_so, |response| {
            response.status = Status::REMOTE_ENTITY_NOT_REACHABLE;
        });
    }
}

fn closes_what_opens(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if let Input::LinkOpened { link, .. } = input {
        let link = *link;
        let why = CloseReason::Replaced;
        outputs.retain(|output| asked(output).is_none());
        outputs.push(Output::CloseLink { link, why });
    }
}

fn never_again(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    let again = matches!(input, Input::Elapsed(Timer::TombstoneRetry(_)));
    if again || matches!(input, Input::LinkOpened { .. }) {
        drop_requests(outputs, is_delete);
    }
}
