//! The table of a registree and a request for it: its link, `rr`, its schedule and its polling channel (REG-41 to
//! REG-46).

use crate::common::message::{Draft, schedule};
use crate::common::scene::{done, single};
use crate::common::{MINUTE, SECOND, World};
use crate::diagram::{self, Move, Row};
use crate::stage::brief;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output, Timer};
use m2m_machine::id::{AeId, Entity};
use m2m_machine::primitive::{Content, Operation, Primitive, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};

const CSE: &str = "CSE1";
/// Half an hour from one minute after the start on.
pub(crate) const MORNING: &str = "* 0-29 10 * * * *";

/// CSE1, AE1 that sends requests, and AE2 that is to get them.
#[derive(Clone)]
struct Stage {
    world: World,
    number: u32,
}

fn ae2() -> Entity {
    Entity::Ae(AeId::from("/cse1/Cae2"))
}

impl Stage {
    fn new() -> Self {
        let mut stage = Self {
            world: single(),
            number: 0,
        };
        let rule = Value::object([
            (Attribute::AccessControlOriginators, Value::texts(["all"])),
            (Attribute::AccessControlOperations, Value::Integer(63)),
        ]);
        let rules = Value::object([(Attribute::AccessControlRules, Value::List(vec![rule]))]);
        let opened = Draft::update(
            "cse1/ae2/acp",
            "Cae2",
            "g1",
            ResourceType::AccessControlPolicy,
        )
        .with(Attribute::Privileges, rules);
        done(&mut stage.world, "AE2", CSE, opened.0);
        stage
    }

    fn id(&mut self) -> String {
        self.number += 1;
        format!("x{}", self.number)
    }

    fn own(&mut self, draft: impl Fn(&str) -> Draft) -> Option<Vec<Output>> {
        let id = self.id();
        self.world.link("AE2", CSE)?;
        Some(self.world.ask("AE2", CSE, draft(&id).0))
    }

    /// AE1 sends a blocking NOTIFY to AE2.
    fn request(&mut self) -> Vec<Output> {
        let id = self.id();
        let by = self.world.now.plus(5 * MINUTE);
        let notify = Draft::notify("cse1/ae2", "Cae1", &id).by(by).0;
        self.world.ask("AE1", CSE, notify)
    }

    fn poll(&mut self) -> Option<Vec<Output>> {
        let by = self.world.now.plus(30 * SECOND);
        self.own(|id| Draft::retrieve("cse1/ae2/pch/pcu", "Cae2", id).by(by))
    }

    /// AE2 answers what it got, over the channel or over the link.
    fn answers(&mut self, over_channel: bool) -> Option<Vec<Output>> {
        self.world.link("AE2", CSE)?;
        let asked = self.world.cse(CSE).outgoing_requests();
        let id = asked
            .filter(|o| *o.peer == ae2())
            .map(|o| o.request_id.clone())
            .next()?;
        if !over_channel {
            let response = Response::new(Status::OK, id);
            return Some(self.world.answer("AE2", CSE, response));
        }
        let answer = Value::object([
            (Attribute::ResponseStatusCode, Value::Integer(2000)),
            (Attribute::RequestIdentifier, Value::Text(id.0)),
        ]);
        self.own(|id| {
            let mut notify = Draft::notify("cse1/ae2/pch/pcu", "Cae2", id);
            let content = Content::new(Attribute::ResponsePrimitive, answer.clone());
            notify.0.content = Some(content);
            notify
        })
    }

    fn says(&mut self, reachable: bool) -> Option<Vec<Output>> {
        self.own(|id| {
            Draft::update("cse1/ae2", "Cae2", id, ResourceType::Ae)
                .with(Attribute::RequestReachability, Value::Bool(reachable))
        })
    }

    fn makes(&mut self, what: ResourceType) -> Option<Vec<Output>> {
        self.own(|id| {
            let draft = Draft::create("cse1/ae2", "Cae2", id, what)
                .with(Attribute::ResourceName, Value::text(what.prefix()));
            if what == ResourceType::Schedule {
                draft.with(Attribute::ScheduleElement, schedule(&[MORNING]))
            } else {
                draft
            }
        })
    }

    fn removes(&mut self, what: ResourceType) -> Option<Vec<Output>> {
        let to = format!("cse1/ae2/{}", what.prefix());
        self.own(|id| Draft::delete(&to, "Cae2", id))
    }

    fn lost(&mut self) -> Option<Vec<Output>> {
        self.world.link("AE2", CSE)?;
        self.world.cut("AE2", CSE);
        Some(Vec::new())
    }

    fn opened(&mut self) -> Option<Vec<Output>> {
        if self.world.link("AE2", CSE).is_some() {
            return None;
        }
        while self.world.lose_next(CSE, "AE2").is_some() {}
        self.world.open("AE2", CSE, Some("Cae2"));
        let mut sent = Vec::new();
        while let Some(primitive) = self.world.lose_next(CSE, "AE2") {
            let link = self.world.link("AE2", CSE)?;
            sent.push(Output::Send { link, primitive });
        }
        Some(sent)
    }

    fn elapse(&mut self, kind: fn(&Timer) -> bool) -> Option<Vec<Output>> {
        let due = self.world.cse(CSE).deadlines().into_iter();
        let (at, timer) = due.filter(|(_, timer)| kind(timer)).min()?;
        self.world.now = self.world.now.max(at);
        Some(self.world.elapse(CSE, timer))
    }

    fn state(&self) -> String {
        let cse = self.world.cse(CSE);
        let has = |what| !self.world.resources(CSE, what).is_empty();
        let row = cse.state().tree.get(&"Cae2".into());
        let says_no = row.is_some_and(|row| {
            row.get(&Attribute::RequestReachability) == Some(&Value::Bool(false))
        });
        let is_early = self.world.now < crate::common::START.plus(MINUTE);
        let mode = if row.is_none() {
            "gone"
        } else if cse.link_to(&ae2()).is_none() {
            "absent"
        } else if !(says_no || has(ResourceType::Schedule) && is_early) {
            "reachable"
        } else if has(ResourceType::PollingChannel) {
            "channel"
        } else if says_no {
            "unreachable"
        } else {
            "closed"
        };
        let mut asked = cse.outgoing_requests().filter(|o| *o.peer == ae2());
        let waits = match asked.next() {
            Some(request) if request.sent => ", request sent",
            Some(_) => ", request waits",
            None => "",
        };
        let mut open = cse.open_requests();
        let polls = open.any(|key| key.originator.as_str() == "/cse1/Cae2");
        format!("{mode}{waits}{}", if polls { ", poll waits" } else { "" })
    }
}

type Path = (&'static str, fn(&mut Stage));

const PATHS: &[Path] = &[
    ("reachable", |_| {}),
    ("reachable, request sent", |s| {
        s.request();
    }),
    ("absent", |s| {
        s.lost();
    }),
    ("unreachable", |s| {
        s.says(false);
    }),
    ("channel", |s| {
        s.says(false);
        s.makes(ResourceType::PollingChannel);
    }),
    ("channel, request waits", |s| {
        s.says(false);
        s.makes(ResourceType::PollingChannel);
        s.request();
    }),
    ("channel, poll waits", |s| {
        s.says(false);
        s.makes(ResourceType::PollingChannel);
        s.poll();
    }),
    ("channel, request sent", |s| {
        s.says(false);
        s.makes(ResourceType::PollingChannel);
        s.poll();
        s.request();
    }),
    ("absent, request waits", |s| {
        s.says(false);
        s.makes(ResourceType::PollingChannel);
        s.lost();
        s.request();
    }),
    ("absent, poll waits", |s| {
        s.says(false);
        s.makes(ResourceType::PollingChannel);
        s.poll();
        s.lost();
    }),
    ("closed", |s| {
        s.makes(ResourceType::Schedule);
    }),
    ("closed, request waits", |s| {
        s.makes(ResourceType::Schedule);
        s.request();
    }),
];

const MOVES: &[(&str, Move<Stage>)] = &[
    ("request for it", |s| Some(s.request())),
    ("poll", Stage::poll),
    ("answer over the channel", |s| s.answers(true)),
    ("answer on the link", |s| s.answers(false)),
    ("rr becomes true", |s| s.says(true)),
    ("rr becomes false", |s| s.says(false)),
    ("channel made", |s| s.makes(ResourceType::PollingChannel)),
    ("channel removed", |s| {
        s.removes(ResourceType::PollingChannel)
    }),
    ("schedule made", |s| s.makes(ResourceType::Schedule)),
    ("schedule removed", |s| s.removes(ResourceType::Schedule)),
    ("Elapsed Reachable", |s| {
        s.elapse(|timer| matches!(timer, Timer::Reachable(_)))
    }),
    ("Elapsed Answer", |s| {
        s.elapse(|timer| matches!(timer, Timer::Answer(_)))
    }),
    ("Elapsed Reachable, too early", |s| {
        Some(s.world.step(CSE, Input::Elapsed(Timer::Reachable(ae2()))))
    }),
    ("its link is lost", Stage::lost),
    ("its link is opened", Stage::opened),
    ("deregistration", |s| {
        s.own(|id| Draft::delete("cse1/ae2", "Cae2", id))
    }),
    ("crash", |s| {
        s.world.crash(CSE);
        Some(Vec::new())
    }),
];

/// What a message is, and what a polled request is inside.
fn shown(primitive: &Primitive) -> String {
    let inside = match primitive {
        Primitive::Response(response) => response.content.as_ref().and_then(Content::single),
        Primitive::Request(_) => None,
    };
    match inside {
        Some((Attribute::RequestPrimitive, request)) => {
            let operation = request.member(&Attribute::Operation);
            let notifies = Value::Integer(i64::from(Operation::Notify.number()));
            assert_eq!(operation, Some(&notifies));
            format!("{} with the request", brief(primitive))
        }
        Some(_) | None => brief(primitive),
    }
}

fn summary(outputs: &[Output]) -> String {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { primitive, .. } => Some(shown(primitive)),
        Output::CloseLink { .. }
        | Output::Dial
        | Output::DialRegistree { .. }
        | Output::Persist(_)
        | Output::Report(_)
        | Output::Stopped => None,
    });
    sent.collect::<Vec<_>>().join("; ")
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
fn every_state_and_input_of_a_registree_and_its_requests_is_decided() {
    crate::snapshot("reach", &rows());
}

#[test]
fn an_aggregating_channel_gives_everything_in_one_answer() {
    let mut stage = Stage::new();
    stage.says(false);
    stage.own(|id| {
        Draft::create("cse1/ae2", "Cae2", id, ResourceType::PollingChannel)
            .with(Attribute::ResourceName, Value::text("pch"))
            .with(Attribute::RequestAggregation, Value::Bool(true))
    });
    stage.request();
    stage.request();

    let outputs = stage.poll().expect("a poll");

    // REG-47
    let Some(Output::Send {
        primitive: Primitive::Response(response),
        ..
    }) = outputs.last()
    else {
        panic!("an answer, not {outputs:?}")
    };
    let all = response.content.as_ref().and_then(Content::single);
    let Some((Attribute::AggregatedRequest, list)) = all else {
        panic!("m2m:agrp, not {all:?}")
    };
    let list = list
        .member(&Attribute::RequestPrimitive)
        .and_then(Value::as_list);
    let ids: Vec<_> = list
        .expect("a list")
        .iter()
        .filter_map(|request| request.member(&Attribute::RequestIdentifier)?.as_text())
        .map(ToString::to_string)
        .collect();
    assert_eq!(ids, ["Cae1/x3", "Cae1/x4"]);
}

#[test]
fn a_polled_request_has_every_parameter_that_it_came_with() {
    let mut stage = Stage::new();
    stage.says(false);
    stage.makes(ResourceType::PollingChannel);
    let mut request = Draft::notify("cse1/ae2", "Cae1", "y1").0;
    request.event_category = Some(2);
    request.originating_timestamp = Some(stage.world.now);
    request.request_expiration = Some(m2m_machine::primitive::When::After(60_000));
    stage.world.ask("AE1", CSE, request);

    let outputs = stage.poll().expect("a poll");

    let Some(Output::Send {
        primitive: Primitive::Response(response),
        ..
    }) = outputs.last()
    else {
        panic!("an answer")
    };
    let polled = response.content.as_ref().and_then(Content::single);
    let polled = polled
        .and_then(|(_, value)| value.as_object())
        .expect("rqp");
    let expected = Members::from([
        (Attribute::Operation, Value::Integer(5)),
        (Attribute::To, Value::text("cse1/ae2")),
        (Attribute::From, Value::text("/cse1/Cae1")),
        (Attribute::RequestIdentifier, Value::text("Cae1/y1")),
        (Attribute::ReleaseVersion, Value::text("3")),
        (
            Attribute::PrimitiveContent,
            Value::object([(Attribute::Notification, Value::object([]))]),
        ),
        (Attribute::EventCategory, Value::Integer(2)),
        (
            Attribute::OriginatingTimestamp,
            Value::Time(stage.world.now),
        ),
        (
            Attribute::RequestExpiration,
            Value::Time(stage.world.now.plus(60_000)),
        ),
    ]);
    assert_eq!(*polled, expected);
}
