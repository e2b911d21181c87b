//! The world of a stored run: hands out the same events, link by link.

use std::collections::{BTreeMap, VecDeque};

use crate::peer::Arrival;
use crate::record::{Event, Kind};
use crate::time::Stamp;

/// The stored events of one case.
#[derive(Debug, Default)]
pub struct Replay {
    links: BTreeMap<String, Stored>,
    clock: VecDeque<Stamp>,
    pub(super) remarks: Vec<String>,
    pub(super) departure: Option<String>,
}

#[derive(Debug, Default)]
struct Stored {
    opening: Option<Result<String, String>>,
    sent: VecDeque<String>,
    arrivals: VecDeque<Arrival>,
}

impl Replay {
    /// Sorts the events of one case by link.
    #[must_use]
    pub fn new<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut replay = Self::default();
        for event in events {
            let text = event.text.clone();
            if event.kind == Kind::Clock {
                replay.clock.extend(text.parse().map(Stamp));
                continue;
            }
            if event.link.is_empty() {
                replay.remarks.push(text);
                continue;
            }
            let link = replay.links.entry(event.link.clone()).or_default();
            match event.kind {
                Kind::Opened => link.opening = Some(Ok(text)),
                Kind::Refused => link.opening = Some(Err(text)),
                Kind::Sent => link.sent.push_back(text),
                Kind::Received => link.arrivals.push_back(Arrival::Text(text)),
                Kind::Closed => link.arrivals.push_back(Arrival::Closed(text)),
                Kind::Silence => link.arrivals.push_back(Arrival::Silence),
                Kind::Cut | Kind::Clock | Kind::Control => {}
            }
        }
        replay
    }

    pub(super) fn open(&mut self, name: &str) -> Result<String, String> {
        let stored = self
            .links
            .get_mut(name)
            .and_then(|link| link.opening.take());
        stored.unwrap_or_else(|| Err(self.depart(format!("the stored run never opened {name}"))))
    }

    pub(super) fn send(&mut self, name: &str, text: &str) -> Result<(), String> {
        let stored = self
            .links
            .get_mut(name)
            .and_then(|link| link.sent.pop_front());
        if stored.as_deref() == Some(text) {
            return Ok(());
        }
        Err(self.depart(format!(
            "the stored run did not send this on {name}: {text}"
        )))
    }

    pub(super) fn next(&mut self, name: &str) -> Arrival {
        let stored = self
            .links
            .get_mut(name)
            .and_then(|link| link.arrivals.pop_front());
        stored.unwrap_or_else(|| {
            self.depart(format!("the stored run has no more to say on {name}"));
            Arrival::Silence
        })
    }

    pub(super) fn clock(&mut self) -> Stamp {
        let stored = self.clock.pop_front();
        stored.unwrap_or_else(|| {
            self.depart("the stored run read the clock less often".to_owned());
            Stamp(0)
        })
    }

    fn depart(&mut self, why: String) -> String {
        self.departure.get_or_insert_with(|| why.clone());
        why
    }
}
