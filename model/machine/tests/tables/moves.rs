//! What can happen to a session at a CSE.

use crate::common::message::{Draft, paths, policy, reply, sealed_instance};
use crate::common::scene::INBOX;
use crate::common::{DAY, Node};
use crate::stage::{Role, Stage, made_by_hop};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output, Timer};
use m2m_machine::id::RequestId;
use m2m_machine::primitive::{Content, Request, Response};
use m2m_machine::record::{NoticeKind, Phase, Record};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};

/// An input; `None` where there is nothing it could refer to.
pub(crate) type Move = fn(&mut Stage) -> Option<Vec<Output>>;

/// All of them, in the order of the flows.
pub(crate) const MOVES: &[(&str, Move)] = &[
    ("establish", |s| s.asked(s.upstream, s.establish.clone())),
    ("establish, other content", establish_differently),
    ("capability: sessions", |s| capability(s, 50_002)),
    ("capability: none", |s| capability(s, 2)),
    ("yes", |s| {
        let yes = yes(s);
        s.answered(s.downstream, yes)
    }),
    ("no", |s| {
        let no = answer_to_question(s, refusal(s));
        s.answered(s.downstream, no)
    }),
    ("garbage for an answer", |s| {
        let garbage = answer_to_question(s, Status::OK);
        s.answered(s.downstream, garbage)
    }),
    ("confirmation", confirmation),
    ("confirmation answered 2004", |s| {
        confirmed(s, Status::UPDATED)
    }),
    ("confirmation answered 4004", |s| {
        confirmed(s, Status::NOT_FOUND)
    }),
    ("data of the initiator", |s| {
        data(s, s.upstream, "/cse1/Cae1")
    }),
    ("data of the target", data_of_target),
    ("data of a stranger", |s| match s.role {
        Role::Initiator => data(s, "AE3", "/cse1/Cae3"),
        Role::Target | Role::Transit => data(s, s.upstream, "/cse1/Cae3"),
    }),
    ("data by a wrong hop", |s| match s.role {
        Role::Initiator | Role::Transit => data(s, s.downstream, "/cse1/Cae1"),
        Role::Target => data(s, "AE2", "/cse1/Cae1"),
    }),
    ("policy from upstream", |s| policy_from(s, s.upstream)),
    ("policy from downstream", |s| policy_from(s, s.downstream)),
    ("DELETE from upstream", |s| {
        delete_from(s, s.upstream, "d-up")
    }),
    ("DELETE from downstream", |s| {
        delete_from(s, s.downstream, "d-down")
    }),
    ("DELETE by a stranger", delete_by_stranger),
    ("DELETE by sid", delete_by_session),
    ("hop answers DELETE 2002", |s| ended(s, Status::DELETED)),
    ("hop answers DELETE 4004", |s| ended(s, Status::NOT_FOUND)),
    ("hop answers DELETE 5207", |s| {
        ended(s, Status::NOT_ACCEPTABLE)
    }),
    ("AE answers its notice", notice_answered),
    ("upstream link lost", |s| Some(s.lose(s.upstream))),
    ("downstream link lost", |s| Some(s.lose(s.downstream))),
    ("upstream link reopened", |s| {
        s.lose(s.upstream);
        Some(s.open(s.upstream))
    }),
    ("downstream link reopened", |s| {
        s.lose(s.downstream);
        Some(s.open(s.downstream))
    }),
    ("crash", |s| {
        s.crash();
        Some(Vec::new())
    }),
    ("crash, links reopened", |s| {
        s.crash();
        let mut outputs = s.open(s.upstream);
        outputs.extend(s.open(s.downstream));
        Some(outputs)
    }),
    ("AE deregisters", ae_leaves),
    ("hop deregisters", hop_leaves),
    ("Elapsed Answer", |s| {
        elapse(s, |t| matches!(t, Timer::Answer(_)))
    }),
    ("Elapsed Outgoing", |s| {
        elapse(s, |t| matches!(t, Timer::Outgoing(..)))
    }),
    ("Elapsed Attempt", |s| {
        elapse(s, |t| matches!(t, Timer::Attempt(_)))
    }),
    ("Elapsed Lease", |s| {
        elapse(s, |t| matches!(t, Timer::Lease(_)))
    }),
    ("Elapsed Termination", |s| {
        elapse(s, |t| matches!(t, Timer::Termination(_)))
    }),
    ("Elapsed HopGrace", |s| {
        elapse(s, |t| matches!(t, Timer::HopGrace(_)))
    }),
    ("Elapsed TombstoneRetry", |s| {
        elapse(s, |t| matches!(t, Timer::TombstoneRetry(_)))
    }),
    ("Elapsed TombstoneEnd", |s| {
        elapse(s, |t| matches!(t, Timer::TombstoneEnd(_)))
    }),
    ("Elapsed UndoRetry", undo_retried),
    ("Elapsed SessionExpiry", |s| {
        elapse(s, |t| matches!(t, Timer::SessionExpiry(_)))
    }),
    ("Elapsed Outcome", |s| {
        elapse(s, |t| matches!(t, Timer::Outcome(_)))
    }),
    ("StoreFailing", |s| Some(s.step(Input::StoreFailing(true)))),
    ("StoreFailing and no more", |s| {
        let mut outputs = s.step(Input::StoreFailing(true));
        outputs.extend(s.step(Input::StoreFailing(false)));
        Some(outputs)
    }),
];

fn establish_differently(stage: &mut Stage) -> Option<Vec<Output>> {
    let later = Value::Time(stage.world.now.plus(2 * DAY));
    let mut draft = Draft(stage.establish.clone()).with(Attribute::ExpirationTime, later);
    // A CSE knows a hop's attempt by its session identifier, an AE's by its request identifier.
    if stage.role != Role::Initiator {
        draft.0.request_id = "Cae1/e2".into();
    }
    stage.asked(stage.upstream, draft.0)
}

/// The next hop's CSEBase is read, at last.
fn capability(stage: &mut Stage, resource_type: i64) -> Option<Vec<Output>> {
    let hop = stage.name(stage.downstream);
    let mut ids: Vec<RequestId> = Vec::new();
    for (_, timer) in stage.world.cse(stage.node).deadlines() {
        if let Timer::Outgoing(peer, id) = timer
            && peer.as_str() == hop
        {
            ids.push(id);
        }
    }
    // The oldest request to that peer is the reading of its base.
    stage.attempt().filter(|_| stage.phase() == "awaiting")?;
    let id = ids.into_iter().min()?;
    let mut shown = Response::new(Status::OK, id);
    let base = Members::from([
        (Attribute::CseId, Value::text(&hop)),
        (
            Attribute::SupportedResourceTypes,
            Value::List(vec![Value::Integer(resource_type)]),
        ),
    ]);
    shown.content = Some(Content::resource(ResourceType::CseBase, base));
    stage.answered(stage.downstream, shown)
}

fn answer_to_question(stage: &Stage, status: Status) -> Response {
    let mut response = Response::new(status, stage.question.clone());
    if stage.role == Role::Target {
        response.session = Some(stage.id.clone());
    }
    response
}

fn refusal(stage: &Stage) -> Status {
    match stage.role {
        Role::Target => Status::OPERATION_NOT_ALLOWED,
        Role::Initiator | Role::Transit => Status::OPERATION_DENIED_BY_REMOTE_ENTITY,
    }
}

fn yes(stage: &Stage) -> Response {
    match stage.role {
        Role::Target => {
            let mut response = answer_to_question(stage, Status::OK);
            let members = Members::from([paths(&["/cse2/cse2/ae2/container1"])]);
            let content = Content::resource(ResourceType::SessionEndpoint, members);
            response.content = Some(content);
            response
        }
        Role::Initiator | Role::Transit => {
            let mut response = answer_to_question(stage, Status::CREATED);
            let made = made_by_hop(stage);
            response.content = Some(Content::resource(ResourceType::Session, made));
            response
        }
    }
}

/// UPDATE of `slc` by whoever is upstream.
fn confirmation(stage: &mut Stage) -> Option<Vec<Output>> {
    let to = address(stage, stage.upstream);
    let from = stage.name(stage.upstream);
    let confirm = Draft::update(&to, &from, "c-1", ResourceType::Session)
        .with(Attribute::Lifecycle, Value::Integer(2))
        .showing(0);
    stage.asked(stage.upstream, confirm.0)
}

fn confirmed(stage: &mut Stage, status: Status) -> Option<Vec<Output>> {
    let id = stage.session()?.confirming.clone()?;
    stage.answered(stage.downstream, Response::new(status, id))
}

/// The address of the session here, as a neighbour would write it.
fn address(stage: &Stage, from: Node) -> String {
    let resource = stage.ticket().resource;
    if from.starts_with("AE") {
        resource
    } else {
        format!("/{}/{resource}", crate::common::scene::name_of(stage.node))
    }
}

/// A sealed instance for AE2's container in the name of that originator.
fn data(stage: &mut Stage, from: Node, originator: &str) -> Option<Vec<Output>> {
    let far = match stage.role {
        Role::Transit => "cse3",
        Role::Initiator | Role::Target => "cse2",
    };
    let to = format!("/{far}/{far}/ae2/container1");
    let spoken = match from.starts_with("AE") {
        true => originator.rsplit('/').next().unwrap_or(""),
        false => originator,
    };
    let asked = sealed_instance(&to, spoken, "u-1", &stage.ticket()).showing(0);
    stage.asked(from, asked.0)
}

/// A reading of AE1's inbox by AE2.
fn data_of_target(stage: &mut Stage) -> Option<Vec<Output>> {
    let from = match stage.role {
        Role::Target => "Cae2",
        Role::Initiator => "/cse2/Cae2",
        Role::Transit => "/cse3/Cae2",
    };
    let read = Draft::retrieve(INBOX, from, "u-2").within(&stage.id);
    stage.asked(stage.downstream, read.0)
}

fn policy_from(stage: &mut Stage, from: Node) -> Option<Vec<Output>> {
    let to = address(stage, from);
    let made = policy(&to, &stage.name(from), "p-1", 1, 1)
        .with(Attribute::ResourceName, Value::text("direct"));
    stage.asked(from, made.0)
}

/// A policy that the hop does not answer is to be taken back, and the hop refuses that.
fn undo_retried(stage: &mut Stage) -> Option<Vec<Output>> {
    policy_from(stage, stage.upstream)?;
    let asked = |stage: &Stage| {
        let mut changes = stage.world.cse(stage.node).state().changes.iter();
        changes.next().map(|(_, change)| change.request_id.clone())
    };
    let id = asked(stage)?;
    let deadlines = stage.world.cse(stage.node).deadlines();
    let (at, overdue) = deadlines
        .into_iter()
        .find(|(_, timer)| matches!(timer, Timer::Outgoing(_, of) if *of == id))?;
    stage.world.now = stage.world.now.max(at);
    stage.step(Input::Elapsed(overdue));
    let refused = Response::new(Status::CONFLICT, asked(stage)?);
    stage.answered(stage.downstream, refused)?;
    elapse(stage, |timer| matches!(timer, Timer::UndoRetry(_)))
}

fn delete_from(stage: &mut Stage, from: Node, id: &str) -> Option<Vec<Output>> {
    let to = address(stage, from);
    let expires = stage.world.now.plus(30_000);
    let delete = Draft::delete(&to, &stage.name(from), id).by(expires);
    stage.asked(from, delete.0)
}

fn delete_by_stranger(stage: &mut Stage) -> Option<Vec<Output>> {
    let (from, name) = match stage.role {
        Role::Initiator => ("AE3", "Cae3"),
        Role::Target | Role::Transit => (stage.upstream, "/cse1/Cae3"),
    };
    let to = address(stage, from);
    stage.asked(from, Draft::delete(&to, name, "d-x").0)
}

/// The compensation of a hop that did not learn the address (E12-6).
fn delete_by_session(stage: &mut Stage) -> Option<Vec<Output>> {
    let (from, to) = match stage.role {
        Role::Initiator => ("AE1", "cse1/ae1/sessions"),
        Role::Target => ("CSE1", "/cse2/Cae2/sessions"),
        Role::Transit => ("CSE1", "/cse3/Cae2/sessions"),
    };
    let mut delete = Draft::delete(to, &stage.name(from), "d-sid").within(&stage.id);
    if stage.role != Role::Initiator {
        delete.0.reason = Some(6);
    }
    stage.asked(from, delete.0)
}

fn ended(stage: &mut Stage, status: Status) -> Option<Vec<Output>> {
    let session = stage.session();
    let waiting = session.and_then(|s| match &s.phase {
        Phase::Terminating(t) => t.hops.iter().next().map(|(c, e)| (c.clone(), e.clone())),
        Phase::Pending { .. } | Phase::Active => None,
    });
    let buried = stage.tombstone();
    let buried = buried.and_then(|t| t.hops.iter().next().map(|(c, e)| (c.clone(), e.clone())));
    let (hop, end) = waiting.or(buried)?;
    let neighbours = [stage.upstream, stage.downstream];
    let peer = neighbours
        .into_iter()
        .find(|n| stage.name(n) == hop.as_str())?;
    stage.answered(peer, Response::new(status, end.request_id))
}

fn notice_answered(stage: &mut Stage) -> Option<Vec<Output>> {
    let mut found: Option<Request> = None;
    for record in stage.world.cse(stage.node).durable() {
        if let Record::Notice(notice) = record
            && matches!(notice.kind, NoticeKind::Termination(_))
        {
            found = Some(Request::clone(&notice.request));
        }
    }
    let ae = match stage.role {
        Role::Initiator => "AE1",
        Role::Target | Role::Transit => "AE2",
    };
    let thanks = reply(&found?, Status::OK);
    stage.answered(ae, thanks)
}

fn ae_leaves(stage: &mut Stage) -> Option<Vec<Output>> {
    let (ae, to) = match stage.role {
        Role::Initiator => ("AE1", "cse1/ae1"),
        Role::Target => ("AE2", "cse2/ae2"),
        Role::Transit => return None,
    };
    let name = stage.name(ae);
    stage.asked(ae, Draft::delete(to, &name, "x-ae").0)
}

fn hop_leaves(stage: &mut Stage) -> Option<Vec<Output>> {
    let (hop, to) = match stage.role {
        Role::Initiator => ("CSE2", "/cse1/cse1/cse2"),
        Role::Target => ("CSE1", "/cse2/cse2/cse1"),
        Role::Transit => ("CSE3", "/cse2/cse2/cse3"),
    };
    let name = stage.name(hop);
    stage.asked(hop, Draft::delete(to, &name, "x-hop").0)
}

/// The earliest deadline of that kind that concerns the session passes, at its time.
fn elapse(stage: &mut Stage, kind: fn(&Timer) -> bool) -> Option<Vec<Output>> {
    let session = stage.session();
    let mut ids = vec![
        stage.question.clone(),
        stage.establish.request_id.clone(),
        "d-up".into(),
        "d-down".into(),
    ];
    ids.extend(session.and_then(|s| s.confirming.clone()));
    let concerns = |timer: &Timer| {
        if let Timer::Outgoing(_, id) = timer {
            ids.contains(id) || id.as_str().ends_with("/d-down") || id.as_str().ends_with("/d-up")
        } else if let Timer::Answer(key) = timer {
            ids.contains(&key.request_id)
        } else {
            true
        }
    };
    let due = stage.world.cse(stage.node).deadlines();
    let mine = due.into_iter().filter(|(_, t)| kind(t) && concerns(t));
    let (at, timer) = mine.min()?;
    stage.world.now = stage.world.now.max(at);
    Some(stage.step(Input::Elapsed(timer)))
}
