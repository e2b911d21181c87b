//! Counters for operators, in the text form that Prometheus reads.

mod primitives;

use crate::http::{self, Answer};
use m2m_machine::cse::{Event, SessionStep};
use m2m_machine::primitive::Primitive;
use primitives::Primitives;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that grows and shrinks.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// So many are there.
    pub fn set(&self, number: usize) {
        self.0.store(number as u64, Ordering::Relaxed);
    }
}

/// What is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Links that were opened.
    pub links_opened: Counter,
    /// Links that have ended.
    pub links_ended: Counter,
    /// Connections that ended or were refused before they were links.
    pub failed: Counter,
    /// Messages that were read.
    pub received: Counter,
    /// Messages among them that are no primitive.
    pub malformed: Counter,
    /// Requests that are stored for later delivery.
    pub stored: Gauge,
    /// Sessions that are there, in whatever phase.
    pub sessions: Gauge,
    /// Resources in the tree.
    pub resources: Gauge,
    registered: Counter,
    deregistered: Counter,
    sessions_active: Counter,
    sessions_ended: Counter,
    sent: Counter,
    refused: Counter,
    limits: Counter,
    came: Primitives,
    went: Primitives,
}

impl Metrics {
    /// Counts a primitive that was read and is dealt with.
    pub fn count_received(&self, primitive: &Primitive) {
        self.came.count(primitive);
    }

    /// Counts a message that was sent.
    pub fn count_sent(&self, primitive: &Primitive) {
        self.sent.add();
        self.went.count(primitive);
    }

    /// Counts what the machine reports.
    pub fn count(&self, event: &Event) {
        match event {
            Event::Registered(_) => self.registered.add(),
            Event::Deregistered(_) => self.deregistered.add(),
            Event::Session(_, SessionStep::Active) => self.sessions_active.add(),
            Event::Session(_, SessionStep::Ended) => self.sessions_ended.add(),
            Event::Refused(..) => self.refused.add(),
            Event::LimitReached(_) => self.limits.add(),
            Event::RegisteredAt(_)
            | Event::RegistrationRefused(_)
            | Event::Session(_, SessionStep::Pending | SessionStep::Terminating) => {}
        }
    }

    /// All counters as text.
    #[must_use]
    pub fn text(&self) -> String {
        let rows = [
            ("links_opened", &self.links_opened, "Links opened."),
            ("links_ended", &self.links_ended, "Links that have ended."),
            (
                "handshakes_failed",
                &self.failed,
                "Connections that never became links.",
            ),
            ("messages_received", &self.received, "Messages read."),
            (
                "messages_malformed",
                &self.malformed,
                "Messages that are no primitive.",
            ),
            ("messages_sent", &self.sent, "Messages sent."),
            ("registrations", &self.registered, "Registrations."),
            (
                "deregistrations",
                &self.deregistered,
                "Registrations that ended.",
            ),
            (
                "sessions_established",
                &self.sessions_active,
                "Sessions that became active.",
            ),
            (
                "sessions_ended",
                &self.sessions_ended,
                "Sessions that ended.",
            ),
            ("requests_refused", &self.refused, "Requests refused."),
            ("limits_reached", &self.limits, "Limits that were hit."),
        ];
        let mut text = String::new();
        for (name, counter, help) in rows {
            let name = format!("cse_{name}_total");
            let number = counter.get();
            let row = format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {number}\n");
            text.push_str(&row);
        }
        let opened = self.links_opened.get();
        let open = opened.saturating_sub(self.links_ended.get());
        let now = |gauge: &Gauge| gauge.0.load(Ordering::Relaxed);
        for (name, number, help) in [
            ("links", open, "Links that are open."),
            ("sessions", now(&self.sessions), "Sessions, in any phase."),
            (
                "stored_requests",
                now(&self.stored),
                "Requests stored for later delivery.",
            ),
            ("resources", now(&self.resources), "Resources in the tree."),
        ] {
            let name = format!("cse_{name}");
            let row = format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {number}\n");
            text.push_str(&row);
        }
        primitives::write(&mut text, [("received", &self.came), ("sent", &self.went)]);
        text
    }
}

/// Answers scrapes until the task is dropped.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    http::serve(listener, move |target| {
        let answer = if target == "/metrics" {
            Answer::ok("text/plain; version=0.0.4", metrics.text())
        } else {
            Answer::advice("404 Not Found", "ask for /metrics")
        };
        std::future::ready(answer)
    })
    .await;
}
