//! The table of the link from CSE1 to its registrar, which CSE1 opens itself, and the diagram that follows from it.

use crate::common::World;
use crate::common::message::Draft;
use crate::common::scene::two_cses;
use crate::diagram::{self, Move, Row};
use crate::stage::brief;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Event, Input, Opening, Output, Timer};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};

const LINK: LinkId = LinkId(901);
const CSE: &str = "CSE1";

/// CSE1, what it asked its registrar last, and whether its store fails.
#[derive(Clone)]
struct Stage {
    world: World,
    asked: Option<Shared<Request>>,
    is_failing: bool,
}

impl Stage {
    fn new() -> Self {
        Self {
            world: two_cses(),
            asked: None,
            is_failing: false,
        }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let outputs = self.world.step(CSE, input);
        for output in &outputs {
            if let Output::Send {
                primitive: Primitive::Request(request),
                ..
            } = output
            {
                self.asked = Some(request.clone());
            }
        }
        outputs
    }

    fn fail(&mut self, fails: bool) -> Vec<Output> {
        self.is_failing = fails;
        self.step(Input::StoreFailing(fails))
    }

    /// The attempt that is due, or one that is not.
    fn redial(&mut self) -> Vec<Output> {
        let due = self.world.cse(CSE).deadlines().into_iter();
        let redial = due.filter(|(_, timer)| *timer == Timer::Redial).min();
        if let Some((at, _)) = redial {
            self.world.now = self.world.now.max(at);
        }
        self.step(Input::Elapsed(Timer::Redial))
    }

    fn open(&mut self) -> Vec<Output> {
        self.step(Input::LinkOpened {
            link: LINK,
            opening: Opening::Dialed,
            far_end: m2m_machine::cse::FarEnd::new(true),
        })
    }

    fn lose(&mut self) -> Vec<Output> {
        self.step(Input::LinkLost { link: LINK })
    }

    fn receive(&mut self, primitive: Primitive) -> Vec<Output> {
        self.step(Input::Received {
            link: LINK,
            primitive,
        })
    }

    /// The registrar answers what it was asked last, if that was this operation.
    fn answer(&mut self, to: Operation, status: Status) -> Option<Vec<Output>> {
        let asked = self.asked.clone().filter(|r| r.operation == to)?;
        self.asked = None;
        let mut response = Response::new(status, asked.request_id.clone());
        if to == Operation::Retrieve && status.is_success() {
            let types = Value::List(vec![Value::Integer(50_002)]);
            let base = Members::from([
                (Attribute::ResourceName, Value::text("cse2")),
                (Attribute::CseId, Value::text("/cse2")),
                (Attribute::SupportedResourceTypes, types),
            ]);
            response.content = Some(Content::resource(ResourceType::CseBase, base));
        }
        Some(self.receive(Primitive::Response(Shared::new(response))))
    }

    fn request(&mut self) -> Vec<Output> {
        let read = Draft::retrieve("/cse1/cse1", "/cse2", "c2-1").0;
        self.receive(Primitive::Request(Shared::new(read)))
    }

    fn elapse(&mut self, kind: fn(&Timer) -> bool) -> Option<Vec<Output>> {
        let due = self.world.cse(CSE).deadlines().into_iter();
        let (at, timer) = due.filter(|(_, timer)| kind(timer)).min()?;
        self.world.now = self.world.now.max(at);
        Some(self.step(Input::Elapsed(timer)))
    }

    /// Whether the machine hears what comes over the link.
    fn is_open(&self) -> bool {
        !self.clone().request().is_empty()
    }

    fn state(&self) -> String {
        if self.is_failing {
            let mut works = self.clone();
            works.fail(false);
            return format!("{}, store fails", works.state());
        }
        let cse = self.world.cse(CSE);
        let due = cse.deadlines().into_iter();
        let redial = due.filter(|(_, timer)| *timer == Timer::Redial).min();
        match redial {
            Some((at, _)) if at <= self.world.now => "wanted",
            Some(_) => "waiting",
            None if !self.is_open() => "asked",
            None if cse.entity_of(LINK).is_some() => "bound to CSE2",
            None => "unbound",
        }
        .into()
    }
}

type Path = (&'static str, fn(&mut Stage));

const PATHS: &[Path] = &[
    ("wanted", |_| {}),
    ("asked", |s| {
        s.redial();
    }),
    ("waiting", |s| {
        s.redial();
        s.step(Input::DialFailed);
    }),
    ("unbound", |s| {
        s.redial();
        s.open();
    }),
    ("bound to CSE2", register),
    ("wanted, store fails", |s| {
        s.fail(true);
    }),
    ("bound to CSE2, store fails", |s| {
        register(s);
        s.fail(true);
    }),
];

fn register(stage: &mut Stage) {
    stage.redial();
    stage.open();
    stage.answer(Operation::Create, Status::CREATED);
    stage.answer(Operation::Retrieve, Status::OK);
}

const MOVES: &[(&str, Move<Stage>)] = &[
    ("Elapsed Redial", |s| Some(s.redial())),
    ("DialFailed", |s| Some(s.step(Input::DialFailed))),
    ("LinkOpened Dialed", |s| (!s.is_open()).then(|| s.open())),
    ("LinkLost", |s| s.is_open().then(|| s.lose())),
    ("registration answered 2001", |s| {
        s.answer(Operation::Create, Status::CREATED)
    }),
    ("registration answered 4117", |s| {
        s.answer(Operation::Create, Status::ALREADY_REGISTERED)
    }),
    ("registration answered 4103", |s| {
        s.answer(Operation::Create, Status::ORIGINATOR_HAS_NO_PRIVILEGE)
    }),
    ("Elapsed Outgoing", |s| {
        s.elapse(|timer| matches!(timer, Timer::Outgoing(..)))
    }),
    ("request of CSE2", |s| s.is_open().then(|| s.request())),
    ("StoreFailing", |s| Some(s.fail(true))),
    ("StoreFailing no more", |s| Some(s.fail(false))),
    ("crash", |s| {
        s.world.crash(CSE);
        s.is_failing = false;
        Some(Vec::new())
    }),
];

fn summary(outputs: &[Output]) -> String {
    let mut parts = Vec::new();
    for output in outputs {
        match output {
            Output::Send { primitive, .. } => parts.push(brief(primitive)),
            Output::Dial => parts.push("dial".into()),
            Output::DialRegistree { cse, .. } => parts.push(format!("dial {cse}")),
            Output::CloseLink { why, .. } => parts.push(format!("close: {why:?}")),
            Output::Report(Event::RegistrationRefused(status)) => {
                parts.push(format!("report {status}"));
            }
            Output::Stopped => parts.push("stopped".into()),
            Output::Persist(_) | Output::Report(_) => {}
        }
    }
    parts.join("; ")
}

pub(crate) fn rows() -> Vec<Row> {
    let starts = PATHS.iter().map(|(name, lead)| {
        let mut at = Stage::new();
        lead(&mut at);
        (*name, at)
    });
    diagram::rows(starts, MOVES, Stage::state, summary)
}

#[test]
fn every_state_and_input_of_the_link_to_the_registrar_is_decided() {
    crate::snapshot("dialing", &rows());
}
