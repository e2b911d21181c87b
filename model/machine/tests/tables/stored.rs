//! The table of a stored request at the initiator's CSE, and the diagram that follows from it.

use crate::common::message::{Draft, sealed_instance};
use crate::common::scene::{add_night, below_target, pair, session};
use crate::common::{HOUR, START, World};
use crate::diagram::{self, Move, Row};
use crate::snapshot;
use crate::stage::brief;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Opening, Output, Timer};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Content, Primitive, Request, Response};
use m2m_machine::record::{Record, Stored};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};

/// The world, and what was asked and handed out.
#[derive(Clone)]
struct Stage {
    world: World,
    asked: Request,
    uri: String,
    is_up: bool,
}

fn stage() -> Stage {
    let mut world = pair();
    let ticket = session(&mut world);
    add_night(&mut world);
    let to = below_target(&world, "container1");
    let asked = sealed_instance(&to, "Cae1", "u1", &ticket)
        .notified()
        .by(START.plus(20 * HOUR))
        .0;
    let answer = world.exchange("AE1", "CSE1", asked.clone());
    let uri = crate::common::message::uri(&answer).expect("an address");
    Stage {
        world,
        asked,
        uri,
        is_up: true,
    }
}

impl Stage {
    fn row(&self) -> Option<Shared<Stored>> {
        let mut found = None;
        for record in self.world.cse("CSE1").durable() {
            if let Record::Stored(row) = record {
                found = Some(row);
            }
        }
        found
    }

    fn state(&self) -> String {
        let Some(row) = self.row() else {
            let requests = self.world.resources("CSE1", ResourceType::Request);
            let status = requests
                .first()
                .map(|r| r.integer(&Attribute::RequestStatus));
            return match status {
                Some(Some(1)) => "completed",
                Some(Some(2)) => "failed",
                Some(_) => "settled?",
                None => "recalled",
            }
            .into();
        };
        let sent = |(_, timer): &(_, Timer)| matches!(timer, Timer::Outgoing(_, id) if *id == row.request_id);
        let is_sent = self.world.cse("CSE1").deadlines().iter().any(sent);
        match (is_sent, self.is_up) {
            (true, _) => "on its way",
            (false, true) => "waiting",
            (false, false) => "waiting, link down",
        }
        .into()
    }

    fn elapse(&mut self, kind: fn(&Timer) -> bool) -> Option<Vec<Output>> {
        let due = self.world.cse("CSE1").deadlines().into_iter();
        let (at, timer) = due.filter(|(_, t)| kind(t)).min()?;
        self.world.now = self.world.now.max(at);
        Some(self.world.elapse("CSE1", timer))
    }

    fn answer(&mut self, status: Status) -> Option<Vec<Output>> {
        let id = self.row()?.request_id.clone();
        let link = self.world.link("CSE1", "CSE2")?;
        let mut response = Response::new(status, id);
        response.session.clone_from(&self.asked.session);
        let primitive = Primitive::Response(Shared::new(response));
        Some(self.world.step("CSE1", Input::Received { link, primitive }))
    }

    fn lose(&mut self) {
        self.world.cut("CSE1", "CSE2");
        self.is_up = false;
    }

    fn reopen(&mut self) -> Vec<Output> {
        self.is_up = true;
        let input = Input::LinkOpened {
            link: LinkId(5_000),
            opening: Opening::Dialed,
            far_end: m2m_machine::cse::FarEnd::new(true),
        };
        self.world.step("CSE1", input)
    }

    fn crash(&mut self) {
        self.world.crash("CSE1");
        self.is_up = false;
    }

    fn ask(&mut self, request: Request) -> Option<Vec<Output>> {
        self.world.link("AE1", "CSE1")?;
        Some(self.world.ask("AE1", "CSE1", request))
    }
}

/// The session is to end in an hour, and the hop agrees.
fn shorten(stage: &mut Stage) -> Option<Vec<Output>> {
    let end = Value::Time(stage.world.now.plus(HOUR));
    let update = Draft::update("cse1/ae1/sessions/s1", "Cae1", "p3", ResourceType::Session)
        .with(Attribute::ExpirationTime, end.clone());
    stage.ask(update.0)?;
    let link = stage.world.link("CSE1", "CSE2")?;
    let mut agreed = Response::new(Status::UPDATED, "Cae1/p3".into());
    let members = Members::from([(Attribute::ExpirationTime, end)]);
    agreed.content = Some(Content::resource(ResourceType::Session, members));
    let primitive = Primitive::Response(Shared::new(agreed));
    Some(
        stage
            .world
            .step("CSE1", Input::Received { link, primitive }),
    )
}

const MOVES: &[(&str, Move<Stage>)] = &[
    ("the request again", |s| s.ask(s.asked.clone())),
    ("RETRIEVE <request>", |s| {
        s.ask(Draft::retrieve(&s.uri, "Cae1", "x1").0)
    }),
    ("DELETE <request>", |s| {
        s.ask(Draft::delete(&s.uri, "Cae1", "x2").0)
    }),
    ("Elapsed Window", |s| {
        s.elapse(|t| matches!(t, Timer::Window(_)))
    }),
    ("answer 2001", |s| s.answer(Status::CREATED)),
    ("answer 4103", |s| {
        s.answer(Status::ORIGINATOR_HAS_NO_PRIVILEGE)
    }),
    ("link lost", |s| {
        s.lose();
        Some(Vec::new())
    }),
    ("link reopened", |s| {
        s.lose();
        Some(s.reopen())
    }),
    ("Elapsed StoredExpiry", |s| {
        s.elapse(|t| matches!(t, Timer::StoredExpiry(_)))
    }),
    ("Elapsed Outgoing", |s| {
        s.row()?;
        s.elapse(|t| matches!(t, Timer::Outgoing(..)))
    }),
    // What is stored ends before its `<request>` does.
    ("Elapsed ResourceExpiry", |s| match s.row() {
        Some(_) => None,
        None => s.elapse(|t| matches!(t, Timer::ResourceExpiry(_))),
    }),
    ("Elapsed Outcome", |s| {
        s.elapse(|t| matches!(t, Timer::Outcome(_)))
    }),
    // What is stored has its own end.
    ("Elapsed Interrupted", |s| {
        let timer = Timer::Interrupted(s.uri.as_str().into());
        Some(s.world.step("CSE1", Input::Elapsed(timer)))
    }),
    ("StoreFailing and no more", |s| {
        let mut outputs = s.world.step("CSE1", Input::StoreFailing(true));
        outputs.extend(s.world.step("CSE1", Input::StoreFailing(false)));
        Some(outputs)
    }),
    ("DELETE of the session", |s| {
        s.ask(Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").0)
    }),
    ("DELETE of the policy", |s| {
        s.ask(Draft::delete("cse1/ae1/sessions/s1/night", "Cae1", "p2").0)
    }),
    ("UPDATE of the session's end", shorten),
    ("AE1 deregisters", |s| {
        s.ask(Draft::delete("cse1/ae1", "Cae1", "x3").0)
    }),
    ("crash", |s| {
        s.crash();
        Some(Vec::new())
    }),
    ("crash, links reopened", |s| {
        s.crash();
        s.world.open("AE1", "CSE1", Some("Cae1"));
        Some(s.reopen())
    }),
];

type Path = (&'static str, fn(&mut Stage));

const PATHS: &[Path] = &[
    ("waiting", |_| {}),
    ("waiting, link down", Stage::lose),
    ("on its way", |s| {
        s.elapse(|t| matches!(t, Timer::Window(_)));
    }),
    ("completed", |s| {
        s.elapse(|t| matches!(t, Timer::Window(_)));
        s.answer(Status::CREATED);
    }),
    ("failed", |s| {
        s.elapse(|t| matches!(t, Timer::StoredExpiry(_)));
    }),
    ("recalled", |s| {
        s.ask(Draft::delete(&s.uri, "Cae1", "x0").0);
    }),
];

fn summary(outputs: &[Output]) -> String {
    let mut parts = Vec::new();
    for output in outputs {
        if let Output::Send { primitive, .. } = output {
            parts.push(brief(primitive));
        }
    }
    parts.join("; ")
}

pub(crate) fn rows() -> Vec<Row> {
    let starts = PATHS.iter().map(|(name, lead)| {
        let mut at = stage();
        lead(&mut at);
        (*name, at)
    });
    diagram::rows(starts, MOVES, Stage::state, summary)
}

#[test]
fn every_state_and_input_of_a_stored_request_is_decided() {
    snapshot("stored", &rows());
}
