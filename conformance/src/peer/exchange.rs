//! Awaiting messages: what is wanted is taken, everything else waits in its link's inbox.

use serde_json::{Value, json};

use crate::case::Stop;
use crate::expect;
use crate::peer::{Arrival, FLOODS, Link, Message, Peer, State, World};
use crate::record::Kind;
use crate::schema;
use crate::story::Party;
use crate::wire::{Primitive, Request};

/// Most messages one link may bring in one case.
const MESSAGES_MOST: usize = 1_000;
/// Most bytes of them.
const BYTES_MOST: usize = 16 << 20;

impl Peer {
    /// Awaits the response to a request.
    ///
    /// # Errors
    /// If the link ends or the answer stays away.
    pub async fn response(&mut self, link: Link, step: &str, rqi: &str) -> Result<Message, Stop> {
        let what = format!("the response to {rqi}");
        self.take(link, step, &what, |message| message.response_to(rqi))
            .await
    }

    /// Awaits a request from the system that `wanted` accepts, in the order of arrival.
    ///
    /// # Errors
    /// If the link ends or the request stays away.
    pub async fn request(
        &mut self,
        link: Link,
        step: &str,
        what: &str,
        wanted: impl Fn(&Request) -> bool,
    ) -> Result<Message, Stop> {
        self.take(link, step, what, |message| {
            message.request().is_some_and(&wanted)
        })
        .await
    }

    /// Awaits a response without `rqi`, as malformed text may get.
    ///
    /// # Errors
    /// If the link ends or the response stays away.
    pub async fn anonymous_response(&mut self, link: Link, step: &str) -> Result<Message, Stop> {
        let nameless = |message: &Message| {
            message
                .response()
                .is_some_and(|response| response.rqi.is_none())
        };
        self.take(link, step, "a response without rqi", nameless)
            .await
    }

    /// Sends a request and awaits its response.
    ///
    /// # Errors
    /// As [`Self::send`] and [`Self::response`].
    pub async fn call(
        &mut self,
        link: Link,
        steps: (&str, &str),
        message: &Value,
    ) -> Result<Message, Stop> {
        let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
        self.send(link, steps.0, message).await?;
        self.response(link, steps.1, &rqi).await
    }

    /// Sends a request and expects a response with this status, as that requirement has it.
    ///
    /// # Errors
    /// As [`Self::call`], and if the status is another one.
    pub async fn ask(
        &mut self,
        link: Link,
        steps: (&str, &str),
        message: &Value,
        (requirement, allowed): (&str, u64),
    ) -> Result<Message, Stop> {
        let answer = self.call(link, steps, message).await?;
        let what = format!("op {} to {}", message["op"], message["to"]);
        expect::status(requirement, &what, &answer, &[allowed])?;
        Ok(answer)
    }

    /// Makes sure that all the system sent on this link so far has arrived.
    ///
    /// # Errors
    /// If the link ends or the probe is not answered.
    pub async fn probe(&mut self, link: Link) -> Result<(), Stop> {
        let rqi = self.send_probe(link).await?;
        loop {
            if self
                .remove(link, |message| message.response_to(&rqi))
                .is_some()
            {
                return Ok(());
            }
            self.pull(link, "the answer to a probe").await?;
        }
    }

    /// What has arrived on a link and was not awaited yet: one line for each message.
    #[must_use]
    pub fn waiting(&self, link: Link) -> Vec<String> {
        self.links[link.0]
            .inbox
            .iter()
            .map(|message| message.text.clone())
            .collect()
    }

    /// Whether a request that `wanted` accepts has arrived and was not awaited yet.
    #[must_use]
    pub fn has_request(&self, link: Link, wanted: impl Fn(&Request) -> bool) -> bool {
        self.links[link.0]
            .inbox
            .iter()
            .any(|message| message.request().is_some_and(&wanted))
    }

    /// Drops the requests that have arrived, were not awaited yet, and that `unwanted` accepts.
    pub fn forget(&mut self, link: Link, unwanted: impl Fn(&Request) -> bool) {
        let inbox = &mut self.links[link.0].inbox;
        inbox.retain(|message| !message.request().is_some_and(&unwanted));
    }

    /// Whether the response to `rqi` has arrived and was not awaited yet.
    #[must_use]
    pub fn has_response(&self, link: Link, rqi: &str) -> bool {
        self.links[link.0]
            .inbox
            .iter()
            .any(|message| message.response_to(rqi))
    }

    async fn take(
        &mut self,
        link: Link,
        step: &str,
        what: &str,
        wanted: impl Fn(&Message) -> bool,
    ) -> Result<Message, Stop> {
        let mut probe: Option<String> = None;
        loop {
            if let Some(message) = self.remove(link, &wanted) {
                step.clone_into(&mut self.events[message.event].step);
                self.tell(link, step, false, &message.text);
                return Ok(message);
            }
            if let Some(rqi) = &probe
                && self
                    .remove(link, |message| message.response_to(rqi))
                    .is_some()
            {
                let name = self.name(link);
                let waited = self.wait().as_millis();
                return Err(Stop::fail(
                    "",
                    format!("{name}: {what}"),
                    format!("nothing in {waited} ms, though a later request was answered"),
                ));
            }
            match self.pull(link, what).await {
                Ok(()) => {}
                // Silence: is it the message that is missing, or the system?
                Err(stop) if stop.is_silence() && probe.is_none() => {
                    probe = Some(self.send_probe(link).await?);
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    async fn send_probe(&mut self, link: Link) -> Result<String, Stop> {
        self.probes += 1;
        let rqi = format!("probe-{}", self.probes);
        let State { sut, origin, .. } = &self.links[link.0];
        let from = if origin.is_empty() { "C" } else { origin };
        // Whoever is asked for what it does not have must say so.
        let to = match sut {
            Party::Ae1 => origin.trim_start_matches('/'),
            Party::Ae2 | Party::Ae3 | Party::Ae4 => "",
            Party::Cse1 | Party::Cse2 | Party::Transit => &self.target(*sut).name,
        };
        let message = json!({"op": 2, "to": to, "fr": from, "rqi": rqi, "rvi": "3"});
        let name = self.links[link.0].name.clone();
        let text = message.to_string();
        let outcome = match &mut self.world {
            World::Live(live) => live.send(&name, &text).await,
            World::Replay(replay) => replay.send(&name, &text),
        };
        self.note(Kind::Sent, &name, "", &text);
        outcome.map_err(|why| Stop::lost(format!("{name}: cannot send: {why}")))?;
        Ok(rqi)
    }

    fn remove(&mut self, link: Link, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let inbox = &mut self.links[link.0].inbox;
        let at = inbox.iter().position(wanted)?;
        inbox.remove(at)
    }

    pub(super) async fn pull(&mut self, link: Link, what: &str) -> Result<(), Stop> {
        let State { name, closed, .. } = &self.links[link.0];
        let name = name.clone();
        if let Some(why) = closed {
            return Err(Stop::fail(
                "",
                format!("{name}: {what}"),
                format!("link ended: {why}"),
            ));
        }
        let wait = self.wait();
        let arrival = match &mut self.world {
            World::Live(live) => live.next(&name, wait).await,
            World::Replay(replay) => replay.next(&name),
        };
        match arrival {
            Arrival::Text(text) => self.arrived(link, &name, text),
            Arrival::Closed(why) => {
                self.note(Kind::Closed, &name, "", &why);
                self.links[link.0].closed = Some(why);
                Ok(())
            }
            Arrival::Silence => {
                self.note(Kind::Silence, &name, "", "");
                Err(Stop::silence(format!(
                    "{name}: {what} did not come, and nothing else"
                )))
            }
        }
    }

    /// Counts what came on a link; a system that sends without end must not fill the memory.
    pub(super) fn weigh(&mut self, link: Link, bytes: usize) -> Result<(), Stop> {
        let state = &mut self.links[link.0];
        state.messages += 1;
        state.bytes += bytes;
        if state.messages <= MESSAGES_MOST && state.bytes <= BYTES_MOST {
            return Ok(());
        }
        let (name, messages, bytes) = (&state.name, state.messages, state.bytes);
        Err(Stop::lost(format!(
            "{name}: {messages} messages of {bytes} bytes in one case: {FLOODS}"
        )))
    }

    fn arrived(&mut self, link: Link, name: &str, text: String) -> Result<(), Stop> {
        self.note(Kind::Received, name, "", &text);
        self.weigh(link, text.len())?;
        let event = self.events.len() - 1;
        let mut value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let mut parsed = Primitive::parse(&text);
        let refusal = value["rsc"].as_u64().is_some_and(|rsc| rsc >= 4000);
        if parsed.is_err() && refusal && value.get("rvi").is_none() {
            // What the request broke may be what the answer would have said.
            self.tolerate("REG-29: a refusal without `rvi`".to_owned());
            value["rvi"] = "3".into();
            parsed = Primitive::parse(&value.to_string());
        }
        if !value.is_null() {
            self.violations.extend(schema::check(&value));
        }
        match parsed {
            Ok(primitive) => {
                let message = Message {
                    text,
                    value,
                    primitive,
                    event,
                };
                self.links[link.0].inbox.push_back(message);
                Ok(())
            }
            Err(why) => {
                let expected = format!("{name}: a oneM2M primitive");
                Err(Stop::fail("LNK-15", expected, format!("{why} in: {text}")))
            }
        }
    }
}
