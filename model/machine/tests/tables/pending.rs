//! The table of a subscription with a schedule: what becomes of its events while that is closed (REG-48, REG-49).

use crate::common::World;
use crate::common::message::{Draft, schedule};
use crate::common::scene::{done, single};
use crate::diagram::{self, Move, Row};
use crate::reach::MORNING;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output, Timer};
use m2m_machine::primitive::{Content, Primitive};
use m2m_machine::record::NoticeKind;
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;

const CSE: &str = "CSE1";

/// CSE1 and AE1, which subscribes to its own container.
#[derive(Clone)]
struct Stage {
    world: World,
    number: u32,
}

impl Stage {
    /// `policy` is the subscription's `pn`.
    fn new(policy: Option<i64>) -> Self {
        let mut stage = Self {
            world: single(),
            number: 0,
        };
        stage.done(|id| {
            let events = Value::List(vec![Value::Integer(3)]);
            let criteria = Value::object([(Attribute::NotificationEventType, events)]);
            let draft = Draft::create("cse1/ae1/inbox", "Cae1", id, ResourceType::Subscription)
                .with(Attribute::ResourceName, Value::text("sub"))
                .with(Attribute::NotificationUri, Value::texts(["Cae1"]))
                .with(Attribute::ExpirationCounter, Value::Integer(3))
                .with(Attribute::EventNotificationCriteria, criteria);
            match policy {
                Some(policy) => draft.with(Attribute::PendingNotification, Value::Integer(policy)),
                None => draft,
            }
        });
        stage
    }

    fn done(&mut self, draft: impl Fn(&str) -> Draft) {
        self.number += 1;
        let request = draft(&format!("y{}", self.number)).0;
        done(&mut self.world, "AE1", CSE, request);
    }

    fn says(&mut self, draft: impl Fn(&str) -> Draft) -> Option<Vec<Output>> {
        self.number += 1;
        let request = draft(&format!("y{}", self.number)).0;
        Some(self.world.ask("AE1", CSE, request))
    }

    fn closes(&mut self) -> Option<Vec<Output>> {
        self.says(|id| {
            Draft::create("cse1/ae1/inbox/sub", "Cae1", id, ResourceType::Schedule)
                .with(Attribute::ResourceName, Value::text("notificationSchedule"))
                .with(Attribute::ScheduleElement, schedule(&[MORNING]))
        })
    }

    fn event(&mut self) -> Option<Vec<Output>> {
        let number = self.number;
        self.says(|id| {
            Draft::create("cse1/ae1/inbox", "Cae1", id, ResourceType::ContentInstance)
                .with(Attribute::Content, Value::text(&format!("event {number}")))
        })
    }

    fn elapse(&mut self) -> Option<Vec<Output>> {
        let due = self.world.cse(CSE).deadlines().into_iter();
        let is_it = |timer: &Timer| matches!(timer, Timer::Notifications(_));
        let (at, timer) = due.filter(|(_, timer)| is_it(timer)).min()?;
        self.world.now = self.world.now.max(at);
        Some(self.world.elapse(CSE, timer))
    }

    fn state(&self) -> String {
        let cse = self.world.cse(CSE);
        let subscriptions = self.world.resources(CSE, ResourceType::Subscription);
        let mine = subscriptions.iter().find(|row| *row.name == *"sub");
        let Some(mine) = mine else {
            return "gone".into();
        };
        let is_early = self.world.now < crate::common::START.plus(crate::common::MINUTE);
        let schedules = self.world.resources(CSE, ResourceType::Schedule);
        let morning = schedule(&[MORNING]);
        let is_morning = schedules
            .iter()
            .any(|row| row.get(&Attribute::ScheduleElement) == Some(&morning));
        let closed = is_morning && is_early;
        let kept = cse.state().notices.iter();
        let kept = kept.filter(|(_, row)| matches!(row.kind, NoticeKind::Pending(_)));
        let policy = match mine.integer(&Attribute::PendingNotification) {
            Some(1) => "latest",
            Some(2) => "all",
            Some(_) | None => "none",
        };
        let left = mine.integer(&Attribute::ExpirationCounter).unwrap_or(0);
        let open = if closed { "closed" } else { "open" };
        format!("{open}, {policy}, {} kept, {left} left", kept.count())
    }
}

type Path = (&'static str, Option<i64>, fn(&mut Stage));

const PATHS: &[Path] = &[
    ("open, all, 0 kept, 3 left", Some(2), |_| {}),
    ("closed, none, 0 kept, 3 left", None, |s| {
        s.closes();
    }),
    ("closed, latest, 1 kept, 3 left", Some(1), |s| {
        s.closes();
        s.event();
    }),
    ("closed, all, 1 kept, 3 left", Some(2), |s| {
        s.closes();
        s.event();
    }),
    ("closed, all, 4 kept, 3 left", Some(2), |s| {
        s.closes();
        for _ in 0..4 {
            s.event();
        }
    }),
];

const MOVES: &[(&str, Move<Stage>)] = &[
    ("event", Stage::event),
    ("Elapsed Notifications", Stage::elapse),
    ("schedule made", Stage::closes),
    ("schedule removed", |s| {
        s.says(|id| Draft::delete("cse1/ae1/inbox/sub/notificationSchedule", "Cae1", id))
    }),
    ("schedule opened", |s| {
        s.says(|id| {
            Draft::update(
                "cse1/ae1/inbox/sub/notificationSchedule",
                "Cae1",
                id,
                ResourceType::Schedule,
            )
            .with(Attribute::ScheduleElement, schedule(&["* * * * * * *"]))
        })
    }),
    ("subscription removed", |s| {
        s.says(|id| Draft::delete("cse1/ae1/inbox/sub", "Cae1", id))
    }),
    ("crash, Elapsed Notifications", |s| {
        s.world.crash(CSE);
        let outputs = s.elapse();
        // Its state after the crash is asked once more, when the schedule opens.
        outputs.and_then(|first| s.elapse().or(Some(first)))
    }),
    ("Elapsed Notifications, too early", |s| {
        let timer = Timer::Notifications("sub1".into());
        Some(s.world.step(CSE, Input::Elapsed(timer)))
    }),
];

/// The answer, and which events were told.
fn summary(outputs: &[Output]) -> String {
    let mut parts = Vec::new();
    for output in outputs {
        let Output::Send { primitive, .. } = output else {
            continue;
        };
        match primitive {
            Primitive::Response(response) => parts.push(response.status.0.to_string()),
            Primitive::Request(request) => {
                parts.push(format!("tells {}", told(request.content.as_ref())))
            }
        }
    }
    parts.join("; ")
}

fn told(content: Option<&Content>) -> String {
    let event = content.and_then(Content::single).and_then(|(_, sgn)| {
        let shown = sgn
            .member(&Attribute::NotificationEvent)?
            .member(&Attribute::Representation)?;
        let instance = shown.member(&Attribute::Resource(ResourceType::ContentInstance))?;
        instance.member(&Attribute::Content)?.as_text().cloned()
    });
    event.map_or_else(|| "no event".into(), |event| event.to_string())
}

pub(crate) fn rows() -> Vec<Row> {
    let starts = PATHS.iter().map(|(name, policy, lead)| {
        let mut at = Stage::new(*policy);
        lead(&mut at);
        (*name, at)
    });
    diagram::rows(starts, MOVES, Stage::state, summary)
}

#[test]
fn every_state_and_input_of_a_scheduled_subscription_is_decided() {
    crate::snapshot("pending", &rows());
}
