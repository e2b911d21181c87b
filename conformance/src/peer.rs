//! The only way a case sees the world: links, frames, the clock, randomness from the run's seed.
//!
//! A [`Peer`] belongs to one case. It never looks across links: every operation concerns one link,
//! so what a case learns depends only on the order of events *within* each link. That is why a
//! stored run can be judged again: the replaying world hands out the same events link by link.
//!
//! Absence is shown by a probe. One link delivers in order, so whatever was sent before the answer
//! to a later request has arrived by then; see [`Peer::probe`]. Nobody sleeps here.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::case::Stop;
use crate::dice::Dice;
use crate::outcome::ENDED;
pub use crate::peer::listen::Place;
use crate::peer::live::Live;
pub use crate::peer::message::Message;
use crate::peer::replay::Replay;
use crate::record::{Event, Kind, Target};
use crate::schema::Violation;
use crate::story::{Line, Party};
use crate::time::Stamp;
use crate::window::Window;

mod agent;
pub mod dial;
mod exchange;
mod listen;
pub mod live;
pub mod message;
pub mod raw;
pub mod replay;

/// Ends the reason of a case in which a link brought more than anybody asked for.
pub const FLOODS: &str = "the system floods the link";

/// Begins the remark that a case did not come to an end.
const GAVE_UP: &str = "the case did not come to an end";

/// A second, ms: the most a time is put off to be a full one.
const SECOND: i64 = 1_000;
/// Times up to this far ahead, ms, are waited for; those beyond are only given out.
const NEAR: i64 = 5_000;

/// A link of this case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link(usize);

/// What a link hands out next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A text message.
    Text(String),
    /// The end of the link.
    Closed(String),
    /// Nothing in time.
    Silence,
}

/// Something done to the system under test itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// End the process of CSE1 at once, as a power failure would.
    KillCse1,
    /// Start CSE1 again, same address, same store.
    StartCse1,
}

/// What a world does for a peer. Two exist: sockets, and a stored run.
#[derive(Debug)]
pub enum World {
    /// Sockets.
    Live(Box<Live>),
    /// A stored run.
    Replay(Replay),
}

#[derive(Debug)]
struct State {
    name: String,
    suite: Party,
    sut: Party,
    origin: String,
    inbox: VecDeque<Message>,
    closed: Option<String>,
    messages: usize,
    bytes: usize,
}

/// A case's view of the world.
#[derive(Debug)]
pub struct Peer {
    case: &'static str,
    world: World,
    targets: Vec<Target>,
    patience: Duration,
    /// What the case waits for beside the system: a window, the end of a life.
    due: Duration,
    dice: Dice,
    links: Vec<State>,
    events: Vec<Event>,
    story: Vec<Line>,
    violations: Vec<Violation>,
    shown: BTreeSet<String>,
    probes: u32,
    times: BTreeSet<Stamp>,
    tolerated: Vec<String>,
}

/// What a finished case leaves behind.
#[derive(Debug, Default)]
pub struct Trace {
    /// All events.
    pub events: Vec<Event>,
    /// The messages in the order in which the case dealt with them.
    pub story: Vec<Line>,
    /// Messages against their schema.
    pub violations: Vec<Violation>,
    /// Steps shown.
    pub shown: BTreeSet<String>,
    /// What is tolerated, though it should be otherwise.
    pub tolerated: Vec<String>,
}

impl Peer {
    /// A peer for one case.
    #[must_use]
    pub fn new(
        case: &'static str,
        world: World,
        targets: Vec<Target>,
        patience: Duration,
        seed: u64,
    ) -> Self {
        Self {
            case,
            world,
            targets,
            patience,
            due: Duration::ZERO,
            dice: Dice::new(seed, case),
            links: Vec::new(),
            events: Vec::new(),
            story: Vec::new(),
            violations: Vec::new(),
            shown: BTreeSet::new(),
            probes: 0,
            times: BTreeSet::new(),
            tolerated: Vec::new(),
        }
    }

    /// Puts a remark into the record.
    pub fn remark(&mut self, text: &str) {
        self.note(Kind::Control, "", "", text);
    }

    /// Notes something that is tolerated, though it should be otherwise.
    pub fn tolerate(&mut self, what: String) {
        self.tolerated.push(what);
    }

    /// Notes that the case did not come to an end, and says so.
    pub fn give_up(&mut self, deadline: Duration) -> Stop {
        let seconds = deadline.as_secs();
        let why = format!("{GAVE_UP} within {seconds} s");
        self.remark(&why);
        Stop::inconclusive(why)
    }

    /// Notes whether the system ended by itself meanwhile, and has it started again; one that the
    /// case itself stopped is started again without a word.
    pub async fn aftermath(&mut self, stopped_by_the_case: bool) {
        let ended = match &mut self.world {
            World::Live(live) => match live.revive().await {
                Some(status) if !stopped_by_the_case => vec![format!("{ENDED}{status}")],
                Some(_) | None => Vec::new(),
            },
            World::Replay(replay) => {
                let remarks = replay.remarks.iter();
                let ended = remarks.filter(|remark| remark.starts_with(ENDED));
                ended.cloned().collect()
            }
        };
        for remark in ended {
            self.remark(&remark);
        }
    }

    /// What the case came to, if it did the same as the stored run, where there is one.
    ///
    /// # Errors
    /// As the case, or if it left the stored run.
    pub fn verify(&self, result: Result<(), Stop>) -> Result<(), Stop> {
        let World::Replay(replay) = &self.world else {
            return result;
        };
        let gave_up = replay.remarks.iter().find(|why| why.starts_with(GAVE_UP));
        match (gave_up, &replay.departure) {
            (Some(why), _) => Err(Stop::inconclusive(why.clone())),
            (None, Some(why)) => Err(Stop::Broken(format!(
                "the stored run is not of this case: {why}"
            ))),
            (None, None) => result,
        }
    }

    /// Gives up the peer for what it saw.
    #[must_use]
    pub fn finish(self) -> Trace {
        let Self {
            events,
            story,
            violations,
            shown,
            tolerated,
            ..
        } = self;
        Trace {
            events,
            story,
            violations,
            shown,
            tolerated,
        }
    }

    /// From now on waits this much longer for a message: the case is about a timer of the system.
    pub fn wait_longer(&mut self, millis: u32) {
        self.patience += Duration::from_millis(millis.into());
    }

    /// How long a message is waited for.
    pub(super) fn wait(&self) -> Duration {
        self.patience + self.due
    }

    /// Something the case itself has set is so far ahead, and nothing may be expected before.
    fn allow(&mut self, millis: i64) {
        let due = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
        self.due = self.due.max(due);
    }

    /// A window that opens at the first full second at least `lead` ms ahead, `length` s long; from
    /// now on messages are waited for at least until then.
    pub fn window(&mut self, lead: i64, length: i64) -> Window {
        let now = self.now();
        self.allow(lead + SECOND);
        Window::ahead(now, lead, length)
    }

    /// How a CSE of the configuration is addressed.
    #[must_use]
    pub fn target(&self, sut: Party) -> &Target {
        &self.targets[if sut == Party::Cse2 { 1 } else { 0 }]
    }

    /// Randomness of this case.
    pub const fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// The clock.
    pub fn now(&mut self) -> Stamp {
        let stamp = match &mut self.world {
            World::Live(_) => Stamp::system(),
            World::Replay(replay) => replay.clock(),
        };
        self.note(Kind::Clock, "", "", &stamp.0.to_string());
        stamp
    }

    /// A time this many milliseconds ahead, as a full second that was not given out before.
    ///
    /// Two times of a case are never equal by chance, so that its transcript can tell them apart.
    /// A time that is near is one the case waits for, however small its patience is.
    pub fn ahead(&mut self, millis: i64) -> Stamp {
        if millis <= NEAR {
            self.allow(millis + SECOND);
        }
        let mut time = self.now().plus_ms(millis).full_second();
        while !self.times.insert(time) {
            time = time.plus_ms(1000);
        }
        time
    }

    /// Says that a numbered step was seen, on the wire or through its consequence.
    pub fn show(&mut self, step: &str) {
        self.shown.insert(step.to_owned());
    }

    /// Opens a link as `suite` to `sut`, with `X-M2M-Origin` where an identity is given.
    ///
    /// # Errors
    /// If the system does not accept it.
    pub async fn open(
        &mut self,
        suite: Party,
        sut: Party,
        origin: Option<&str>,
    ) -> Result<Link, Stop> {
        let base = format!("{}-{}", suite.short(), sut.short());
        let before = self
            .links
            .iter()
            .filter(|link| link.name.split('#').next() == Some(&base));
        let name = match before.count() {
            0 => base,
            earlier => format!("{base}#{}", earlier + 1),
        };
        let target = self.target(sut).clone();
        self.open_there(name, (suite, sut), &target, origin).await
    }

    /// Opens a link as `suite` to where `sut` has said that it listens.
    ///
    /// # Errors
    /// If nobody accepts it there.
    pub async fn open_at(
        &mut self,
        url: &str,
        (suite, sut): (Party, Party),
        origin: Option<&str>,
    ) -> Result<Link, Stop> {
        let name = format!("{}-poa#{}", suite.short(), self.links.len() + 1);
        let target = Target::new(url, "", "");
        self.open_there(name, (suite, sut), &target, origin).await
    }

    async fn open_there(
        &mut self,
        name: String,
        (suite, sut): (Party, Party),
        target: &Target,
        origin: Option<&str>,
    ) -> Result<Link, Stop> {
        let outcome = match &mut self.world {
            World::Live(live) => live.open(&name, target, origin).await,
            World::Replay(replay) => replay.open(&name),
        };
        match outcome {
            Ok(protocol) => {
                self.note(Kind::Opened, &name, "", &protocol);
                let origin = origin.unwrap_or_default().to_owned();
                let inbox = VecDeque::new();
                self.links.push(State {
                    name,
                    suite,
                    sut,
                    origin,
                    inbox,
                    closed: None,
                    messages: 0,
                    bytes: 0,
                });
                Ok(Link(self.links.len() - 1))
            }
            Err(why) => {
                self.note(Kind::Refused, &name, "", &why);
                Err(Stop::lost(format!(
                    "{name}: no link to {}: {why}",
                    target.url
                )))
            }
        }
    }

    /// Tells the peer which identity a link has by now; probes use it.
    pub fn identify(&mut self, link: Link, stem: &str) {
        stem.clone_into(&mut self.links[link.0].origin);
    }

    /// Sends a message; `step` is its number in the flows, empty for preparation.
    ///
    /// # Errors
    /// If the link is gone.
    pub async fn send(&mut self, link: Link, step: &str, message: &Value) -> Result<(), Stop> {
        self.send_text(link, step, &message.to_string()).await
    }

    /// Sends text that need not be a primitive.
    ///
    /// # Errors
    /// If the link is gone.
    pub async fn send_text(&mut self, link: Link, step: &str, text: &str) -> Result<(), Stop> {
        let name = self.links[link.0].name.clone();
        let outcome = match &mut self.world {
            World::Live(live) => live.send(&name, text).await,
            World::Replay(replay) => replay.send(&name, text),
        };
        self.note(Kind::Sent, &name, step, text);
        self.tell(link, step, true, text);
        outcome.map_err(|why| Stop::lost(format!("{name}: cannot send: {why}")))
    }

    /// From now on messages of this link follow each other at once, whatever the target prefers.
    pub fn hurry(&mut self, link: Link) {
        let name = self.links[link.0].name.clone();
        if let World::Live(live) = &mut self.world {
            live.hurry(&name);
        }
    }

    /// Drops a link without closing it.
    pub async fn cut(&mut self, link: Link) {
        let name = self.links[link.0].name.clone();
        if let World::Live(live) = &mut self.world {
            live.cut(&name).await;
        }
        self.note(Kind::Cut, &name, "", "");
        self.links[link.0].closed = Some("dropped by the suite".to_owned());
    }

    /// Closes a link in order: the other side has answered the close when this returns.
    ///
    /// # Errors
    /// If the answer stays away.
    pub async fn close(&mut self, link: Link) -> Result<(), Stop> {
        let name = self.links[link.0].name.clone();
        if let World::Live(live) = &mut self.world {
            live.close(&name).await;
        }
        self.note(Kind::Cut, &name, "", "closed by the suite");
        while self.links[link.0].closed.is_none() {
            self.pull(link, "the answer to a close").await?;
        }
        Ok(())
    }

    /// Whether a link has ended as far as was read.
    #[must_use]
    pub fn ended(&self, link: Link) -> bool {
        self.links[link.0].closed.is_some()
    }

    /// Awaits the end of a link by the other side, and says how it ended.
    ///
    /// # Errors
    /// If it stays open.
    pub async fn end(&mut self, link: Link) -> Result<String, Stop> {
        loop {
            if let Some(how) = &self.links[link.0].closed {
                return Ok(how.clone());
            }
            match self.pull(link, "the end of the link").await {
                Ok(()) => {}
                // Silence: has it ended unnoticed, or is it served on?
                Err(stop) if stop.is_silence() => {
                    self.probe(link).await?;
                    let name = self.name(link);
                    let seen = "a later request on it was answered";
                    return Err(Stop::fail("", format!("{name}: the end of the link"), seen));
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Does something to the system under test.
    ///
    /// # Errors
    /// If this run has no control over it, or it does not come back.
    pub async fn control(&mut self, what: Control) -> Result<(), Stop> {
        let outcome = match &mut self.world {
            World::Live(live) => live.control(what).await,
            World::Replay(_) => Ok(()),
        };
        self.note(Kind::Control, "", "", &format!("{what:?}"));
        outcome
    }

    /// All links that are still up.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let up = |(index, state): (usize, &State)| state.closed.is_none().then_some(Link(index));
        self.links.iter().enumerate().filter_map(up).collect()
    }

    /// Name of a link.
    #[must_use]
    pub fn name(&self, link: Link) -> &str {
        &self.links[link.0].name
    }

    fn tell(&mut self, link: Link, step: &str, out: bool, text: &str) {
        let State { suite, sut, .. } = self.links[link.0];
        let (from, to) = if out { (suite, sut) } else { (sut, suite) };
        if !step.is_empty() {
            self.shown.insert(step.to_owned());
        }
        self.story.push(Line {
            step: step.to_owned(),
            from,
            to,
            text: text.to_owned(),
        });
    }

    fn note(&mut self, kind: Kind, link: &str, step: &str, text: &str) {
        let at_us = match &self.world {
            World::Live(live) => live.elapsed_us(),
            World::Replay(_) => 0,
        };
        self.events.push(Event {
            case: self.case.to_owned(),
            round: 0,
            attempt: 0,
            n: self.events.len(),
            kind,
            link: link.to_owned(),
            step: step.to_owned(),
            at_us,
            text: text.to_owned(),
        });
    }
}
