//! What the flows say to the letter, hole by hole: rules that they do not have are switched off, and what they draw
//! otherwise is drawn so.

use super::tamper::{answered, asked, change_requests, drop_requests, edit};
use super::{Defect, Saboteur};
use crate::look;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output};
use m2m_machine::deviation::Deviation;
use m2m_machine::primitive::{Operation, Primitive, Request};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::{Ae, Cse, ae};

const fn hole(
    scenario: &'static str,
    name: &'static str,
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

/// The table, in the order of the holes.
pub(super) static ALL: &[Saboteur] = &[
    hole(
        "hole-1",
        "letter: no lease, no deadline, nothing is sent again",
        &["EST-14"],
        Defect::Both(&[Deviation::NoLease, Deviation::NoDeadlines], nothing_again),
    ),
    hole(
        "hole-2",
        "letter: a verdict may take any time",
        &["EST-16"],
        Defect::Machine(&[Deviation::NoDeadlines]),
    ),
    hole(
        "hole-3",
        "letter: what comes twice is carried out twice, at establishment",
        &["EST-13"],
        Defect::Machine(&[Deviation::NoOutcomeCache]),
    ),
    hole(
        "hole-4",
        "letter: every session is called s1",
        &["EST-22"],
        Defect::Machine(&[Deviation::NamesOfFigures]),
    ),
    hole(
        "hole-5",
        "letter: nothing follows a refusal",
        &["EST-18"],
        Defect::Machine(&[Deviation::RefusalChangesNothing, Deviation::NoDeadlines]),
    ),
    hole(
        "hole-6",
        "letter: only the target is checked",
        &["USE-02"],
        Defect::Machine(&[Deviation::AnyOriginator]),
    ),
    hole(
        "hole-7",
        "letter: what comes twice is carried out twice, in use",
        &["USE-12"],
        Defect::Machine(&[Deviation::NoOutcomeCache]),
    ),
    hole(
        "hole-8",
        "letter: whoever waits is stored until off-peak",
        &["USE-33"],
        Defect::Everywhere(
            &[Deviation::BlockingIsStored],
            not_acknowledged,
            without_expiration,
        ),
    ),
    hole(
        "hole-9",
        "letter: termination does not look at what is stored",
        &["END-05"],
        Defect::Machine(&[Deviation::StoredOutliveSession]),
    ),
    hole(
        "hole-10",
        "letter: use goes on until a CSE has deleted",
        &["END-07"],
        Defect::Machine(&[Deviation::StoredOutliveSession, Deviation::UseWhileEnding]),
    ),
    hole(
        "hole-11",
        "letter: no deadline, nothing is sent again",
        &["END-10"],
        Defect::Both(&[Deviation::NoDeadlines], nothing_again),
    ),
    hole(
        "hole-12",
        "letter: only the target is told of an end",
        &["END-21"],
        Defect::Outputs(initiator_untold),
    ),
    hole(
        "hole-13",
        "letter: policies stand side by side",
        &["USE-28"],
        Defect::Machine(&[Deviation::RivalPolicies]),
    ),
    hole(
        "hole-14",
        "letter: the DELETE goes to the address of the figure",
        &["END-03"],
        Defect::Outputs(address_of_the_figure),
    ),
    hole(
        "hole-15",
        "letter: policies are made after the session",
        &["POL-11"],
        Defect::AeOutputs(policies_later),
    ),
];

/// What was lost with a link stays lost.
fn nothing_again(_: &Cse, _: &Cse, input: &Input, outputs: &mut Vec<Output>) {
    if matches!(input, Input::LinkOpened { .. }) {
        outputs.retain(|output| asked(output).is_none());
    }
}

/// The flows know one answer to a request, not two.
fn not_acknowledged(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let acknowledges = |output: &Output| {
        answered(output).is_some_and(|(_, response)| response.status == Status::ACCEPTED_SYNCH)
    };
    outputs.retain(|output| !acknowledges(output));
}

/// The flows have no expiration.
fn without_expiration(_: &Ae, _: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    change_asked(outputs, |request| request.request_expiration = None);
}

/// Flow 3 has one notification, from the CSE of the target.
fn initiator_untold(before: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let own = Some(before.config().cse_id.clone());
    let mut sessions = before.state().sessions.iter();
    if sessions.any(|(_, session)| session.initiator.registrar() == own) {
        drop_requests(outputs, |request| look::event(request) == Some(50_003));
    }
}

/// The figure of flow 3 writes `cse2/ae1/sessions/s1`, where flow 1 had made `cse2/ae2/sessions/s1`.
fn address_of_the_figure(_: &Cse, _: &Cse, _: &Input, outputs: &mut Vec<Output>) {
    let ends = |request: &Request| request.operation == Operation::Delete;
    change_requests(outputs, ends, |request| {
        request.to = "/cse2/cse2/ae1/sessions/s1".into();
    });
}

/// Flow 1 makes policies in steps 18 to 23, when the session stands.
fn policies_later(_: &Ae, _: &Ae, _: &ae::Input, outputs: &mut Vec<ae::Output>) {
    change_asked(outputs, |request| {
        if look::creates_session(request) {
            edit(request, |members| {
                members.remove(&Attribute::Resource(ResourceType::SessionPolicy));
            });
        }
    });
}

/// Changes what an AE asks.
fn change_asked(outputs: &mut [ae::Output], change: fn(&mut Request)) {
    for output in outputs {
        if let ae::Output::Send {
            primitive: Primitive::Request(request),
            ..
        } = output
        {
            let mut changed = Request::clone(request);
            change(&mut changed);
            *request = Shared::new(changed);
        }
    }
}
