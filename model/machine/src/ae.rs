//! The AE: one machine for its link, its requests and its side of each session.
//!
//! [`Ae::step`] is the only door. What the application wants enters as [`Input::Asked`]; what it learns leaves as
//! [`Output::Report`], under the tag of its command where there was one.
//!
//! The machine never encrypts. Data of a session leaves as a sealed value with its body in clear, which the host
//! seals with [`Ae::key`] before it sends it, once: a repetition must be the same bytes. The host opens what arrives
//! before it hands it in, and leaves closed what does not open; the machine checks headers and replays, and reports
//! what must not be used.
//!
//! Nothing here survives a crash. An AE that lost its state ends each session that it is reminded of.

mod asking;
pub mod command;
mod consent;
mod ending;
pub mod endpoint;
pub mod exchange;
pub mod link;
pub mod notice;
mod registration;
pub mod sealing;
pub mod view;
mod violation;

use crate::env::{Env, Timestamp};
use crate::id::{AeId, CseId, LinkId, RequestId, RequestKey, SessionId};
use crate::primitive::{Malformed, Primitive};
use crate::shared::Shared;
use crate::text::Text;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use self::command::{Command, Event};
use self::endpoint::{Key, Member, Phase};
use self::exchange::Exchange;
use self::link::Link;
use self::notice::{Held, Outcome};
pub use self::violation::{Violation, of_ae};

/// What an AE is told before it starts.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Config {
    /// CSE-ID of its registrar, for example `/cse1`.
    pub registrar: CseId,
    /// Name of the registrar's CSEBase, for example `cse1`.
    pub base: Text,
    /// The registration it has already, if any.
    pub registered: Option<Identity>,
    /// What its request identifiers begin with; must differ from one start to the next.
    pub request_prefix: Text,
    /// Timers.
    pub timers: Timers,
    /// Limits.
    pub limits: Limits,
}

/// Times, in milliseconds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Timers {
    /// Life of a request for which the application gives no expiration.
    pub request_life_ms: u64,
    /// How long outcomes, and sessions that are over, are remembered after their time.
    pub outcome_memory_ms: u64,
    /// How long the result of an accepted request without expiration is waited for.
    pub result_life_ms: u64,
    /// First pause before a link is opened again.
    pub redial_ms: u64,
    /// Longest such pause.
    pub redial_max_ms: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            request_life_ms: 30_000,
            outcome_memory_ms: 60_000,
            result_life_ms: 86_400_000,
            redial_ms: 1_000,
            redial_max_ms: 60_000,
        }
    }
}

/// Bounds on what an AE holds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limits {
    /// Requests without their final answer.
    pub requests: u32,
    /// Sessions, with those that are over and still remembered.
    pub sessions: u32,
    /// Answers given to the registrar and remembered.
    pub outcomes: u32,
    /// Sealed values remembered per session and direction.
    pub sealed_values: u32,
    /// Undecodable messages in a row that a link survives.
    pub malformed_in_a_row: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 1_024,
            sessions: 256,
            outcomes: 1_024,
            sealed_values: 1_024,
            malformed_in_a_row: 16,
        }
    }
}

/// Who an AE is after its registration.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Identity {
    /// Its SP-relative AE-ID.
    pub id: AeId,
    /// The name of its `<AE>` below the CSEBase.
    pub name: Text,
}

/// Where an AE stands with its registrar.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Registration {
    /// Not registered.
    Missing,
    /// The request is on its way.
    Asked,
    /// Registered.
    Known(Identity),
    /// Deregistration is on its way.
    Leaving(Identity),
}

/// What an AE can experience.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Input {
    /// A link that was asked for by [`Output::Dial`] is open.
    LinkOpened {
        /// The new link.
        link: LinkId,
    },
    /// A link is gone, for whatever reason.
    LinkLost {
        /// Which one.
        link: LinkId,
    },
    /// A link that was asked for by [`Output::Dial`] could not be opened.
    DialFailed,
    /// A primitive arrived; the host has opened the sealed values in it that open with [`Ae::key`].
    Received {
        /// On which link.
        link: LinkId,
        /// What.
        primitive: Primitive,
    },
    /// A message arrived that is no primitive.
    Undecodable {
        /// On which link.
        link: LinkId,
        /// The request identifier, if one could be read.
        request_id: Option<RequestId>,
        /// What is wrong with it.
        why: Malformed,
    },
    /// A deadline listed by [`Ae::deadlines`] is due.
    Elapsed(Timer),
    /// The application wants something.
    Asked(Command),
}

/// What an AE asks of its host, to be carried out in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Output {
    /// Send a primitive; sealed values in it are in clear and must be sealed first.
    Send {
        /// On which link.
        link: LinkId,
        /// What.
        primitive: Primitive,
    },
    /// Close a link.
    CloseLink {
        /// Which one.
        link: LinkId,
        /// Why.
        why: CloseReason,
    },
    /// Open a link to the registrar; answered by `LinkOpened` or `DialFailed`.
    Dial,
    /// Tell the application.
    Report(Event),
}

/// Why an AE closes a link; the host maps it to a close code (RFC 6455 section 7.4.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CloseReason {
    /// A newer link replaces it: 1000.
    Replaced,
    /// Nothing is open and the application wants no link: 1000.
    Finished,
    /// Too many undecodable messages in a row: 1008.
    Nonsense,
}

/// What an AE waits for; each is a view of the state, see [`Ae::deadlines`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Timer {
    /// The pause before the next attempt to open a link is over.
    Redial,
    /// A request is given up, or, after that, forgotten.
    Request(u64),
    /// The time to give a verdict is over.
    Question(SessionId),
    /// A session expires.
    SessionExpiry(SessionId),
    /// A session that is over is forgotten.
    Forget(SessionId),
    /// An answer given to the registrar is forgotten.
    Outcome(RequestKey),
}

/// An application entity.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Ae {
    pub(crate) config: Shared<Config>,
    pub(crate) link: Link,
    pub(crate) registration: Registration,
    /// The number of the next request.
    pub(crate) next: u64,
    pub(crate) exchanges: BTreeMap<u64, Exchange>,
    pub(crate) sessions: BTreeMap<SessionId, Phase>,
    pub(crate) outcomes: BTreeMap<RequestKey, Outcome>,
    /// Answers that wait for a link.
    pub(crate) held: Vec<Held>,
}

impl Ae {
    /// An AE without link.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let registration = config
            .registered
            .clone()
            .map_or(Registration::Missing, Registration::Known);
        Self {
            config: Shared::new(config),
            link: Link::default(),
            registration,
            next: 1,
            exchanges: BTreeMap::new(),
            sessions: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            held: Vec::new(),
        }
    }

    /// Takes one input and says what is to be done about it, in order.
    #[must_use]
    pub fn step(&mut self, env: Env, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::LinkOpened { link } => self.link_opened(env.now, link, &mut out),
            Input::LinkLost { link } => self.link_lost(env.now, link, &mut out),
            Input::DialFailed => self.dial_failed(env.now, &mut out),
            Input::Received { link, primitive } => {
                self.received(env.now, link, primitive, &mut out);
            }
            Input::Undecodable {
                link,
                request_id,
                why,
            } => {
                self.undecodable(link, request_id, why, &mut out);
            }
            Input::Elapsed(timer) => self.elapsed(env.now, timer, &mut out),
            Input::Asked(command) => self.asked(env.now, command, &mut out),
        }
        self.flush(env.now, &mut out);
        self.settle_link(env.now, &mut out);
        out
    }

    /// What the current state waits for; whatever is not listed may elapse without effect.
    pub fn deadlines(&self) -> impl Iterator<Item = (Timestamp, Timer)> + '_ {
        let redial = self.link.redial().map(|at| (at, Timer::Redial));
        let requests = self
            .exchanges
            .iter()
            .map(|(n, x)| (x.until, Timer::Request(*n)));
        let sessions = self.sessions.iter().map(|(id, phase)| match phase {
            Phase::Asked(asked) => (asked.until, Timer::Question(id.clone())),
            Phase::Member(member) | Phase::Leaving(member) => {
                (member.expires, Timer::SessionExpiry(id.clone()))
            }
            Phase::Refused(past) | Phase::Ended(past) => (past.forget, Timer::Forget(id.clone())),
        });
        let outcomes = self
            .outcomes
            .iter()
            .map(|(key, x)| (x.until, Timer::Outcome(key.clone())));
        redial
            .into_iter()
            .chain(requests)
            .chain(sessions)
            .chain(outcomes)
    }

    /// The earliest of the deadlines.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, Timer)> {
        self.deadlines().min()
    }

    /// The structural truth that this state violates, if any.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        of_ae(self)
    }

    /// Where this AE stands with its registrar.
    #[must_use]
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Who this AE is, once it is registered.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        match &self.registration {
            Registration::Missing | Registration::Asked => None,
            Registration::Known(identity) | Registration::Leaving(identity) => Some(identity),
        }
    }

    /// The session of that identifier, while this AE is an endpoint of it.
    #[must_use]
    pub fn session(&self, id: &SessionId) -> Option<&Member> {
        match self.sessions.get(id)? {
            Phase::Member(member) | Phase::Leaving(member) => Some(member),
            Phase::Asked(_) | Phase::Refused(_) | Phase::Ended(_) => None,
        }
    }

    /// Where the session of that identifier stands, while it is remembered.
    #[must_use]
    pub fn phase(&self, id: &SessionId) -> Option<&Phase> {
        self.sessions.get(id)
    }

    /// The key of a session, while this AE may use it.
    #[must_use]
    pub fn key(&self, id: &SessionId) -> Option<&Key> {
        Some(&self.session(id)?.key)
    }

    /// The requests that have not come to their end, by number.
    pub fn exchanges(&self) -> impl Iterator<Item = (u64, &Exchange)> + '_ {
        self.exchanges
            .iter()
            .map(|(number, exchange)| (*number, exchange))
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    fn elapsed(&mut self, now: Timestamp, timer: Timer, out: &mut Vec<Output>) {
        match timer {
            Timer::Redial => self.redial(out),
            Timer::Request(number) => self.give_up(now, number, out),
            Timer::Question(id) => self.fall_silent(&id, out),
            Timer::SessionExpiry(id) => self.expire(&id, out),
            Timer::Forget(id) => self.forget(&id),
            Timer::Outcome(key) => {
                self.outcomes.remove(&key);
            }
        }
    }
}
