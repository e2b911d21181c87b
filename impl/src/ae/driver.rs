//! The task that owns the machine: one input at a time, its outputs in order, then the next.
//!
//! ```text
//!   orders ---.                      .--> link task --> frames
//!   link -----+--> input --> step ---+--> waiting callers
//!   clock ----'                      '--> events
//! ```
//!
//! While the application leaves events unread the link is not read either; orders and deadlines go on.

use super::client::{Arrival, Client, Handle, Outgoing};
use super::event::{Event, Events, Session};
use super::protection::{Sealer, key, open};
use super::report::{Reply, Said, said};
use super::{AeError, Options};
use crate::protect::{ProtectError, SessionKey};
use crate::wire::{self, Dialect};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use m2m_machine::ae::command::{self, Ask, Command, Verdict};
use m2m_machine::ae::endpoint::Phase;
use m2m_machine::ae::{CloseReason, Input, Output};
use m2m_machine::id::{LinkId, SessionId};
use m2m_machine::primitive::Primitive;
use m2m_machine::{Ae as Machine, Env, Fresh, Timestamp};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// What a handle wants.
#[derive(Debug)]
pub(super) enum Order {
    /// Carry out a command.
    Ask {
        /// The command.
        ask: Box<Ask>,
        /// Who waits for its end.
        reply: oneshot::Sender<Result<Reply, AeError>>,
    },
    /// End.
    Close {
        /// How long what is open may take.
        patience: Duration,
        /// Who waits.
        done: oneshot::Sender<()>,
    },
}

/// Events an application may leave unread, and how many of them one step can make at most.
const EVENTS_MAX: usize = 4_096;
const EVENTS_PER_STEP: usize = 2_048;
const ARRIVALS_MAX: usize = 64;

pub(super) struct Driver {
    machine: Machine,
    client: Client,
    sealer: Sealer,
    link: Option<(LinkId, Handle)>,
    links: u64,
    tags: u64,
    orders: mpsc::Receiver<Order>,
    arrivals: mpsc::Receiver<Arrival>,
    inbox: mpsc::Sender<Arrival>,
    events: mpsc::Sender<Event>,
    waiting: BTreeMap<u64, oneshot::Sender<Result<Reply, AeError>>>,
    /// Who waits for the first link.
    first: Option<oneshot::Sender<Result<(), AeError>>>,
    url: String,
    closing: Option<(Instant, oneshot::Sender<()>)>,
}

impl Driver {
    pub(super) fn new(
        options: &Options,
        orders: mpsc::Receiver<Order>,
        first: oneshot::Sender<Result<(), AeError>>,
    ) -> Result<(Self, Events), AeError> {
        let mut random = [0; 6];
        getrandom::fill(&mut random)
            .map_err(|why| AeError::Option(format!("there is no randomness: {why}")))?;
        let prefix = format!("{}-", URL_SAFE_NO_PAD.encode(random));
        let (inbox, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let driver = Self {
            machine: Machine::new(options.machine(&prefix)?),
            client: Client::new(options)?,
            sealer: Sealer::default(),
            link: None,
            links: 0,
            tags: 0,
            orders,
            arrivals,
            inbox,
            events,
            waiting: BTreeMap::new(),
            first: Some(first),
            url: options.url.clone(),
            closing: None,
        };
        Ok((driver, Events { receiver }))
    }

    pub(super) async fn run(mut self) {
        self.step(Input::Asked(Command {
            tag: 0,
            ask: Ask::Connect,
        }));
        while !self.is_done() {
            let until = self.closing.as_ref().map(|(until, _)| *until);
            let due = self.machine.next_deadline();
            let pause = due.as_ref().map_or(FOREVER, |(at, _)| until_then(*at));
            let has_room = self.events.capacity() > EVENTS_PER_STEP;
            tokio::select! {
                arrival = self.arrivals.recv(), if has_room => {
                    if let Some(arrival) = arrival {
                        self.arrived(arrival);
                    }
                }
                order = self.orders.recv(), if self.closing.is_none() => self.ordered(order),
                () = sleep(pause) => {
                    if let Some((_, timer)) = due {
                        self.step(Input::Elapsed(timer));
                    }
                }
                () = sleep_until(until.unwrap_or_else(|| Instant::now() + FOREVER)) => break,
            }
        }
        if let Some((_, done)) = self.closing {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }

    /// Whether the AE is to end and its link is closed.
    fn is_done(&self) -> bool {
        self.closing.is_some() && self.link.is_none()
    }

    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Opened(link, handle) => {
                self.link = Some((link, handle));
                if let Some(first) = self.first.take() {
                    let _ = first.send(Ok(()));
                }
                self.step(Input::LinkOpened { link });
            }
            Arrival::Failed(why) => {
                tracing::warn!(url = self.url, why, "the registrar cannot be reached");
                if let Some(first) = self.first.take() {
                    let url = self.url.clone();
                    let _ = first.send(Err(AeError::Unreachable { url, why }));
                }
                self.step(Input::DialFailed);
            }
            Arrival::Input(input) => match input {
                Input::Received { link, primitive } => {
                    let primitive = open(&self.machine, primitive);
                    self.step(Input::Received { link, primitive });
                }
                Input::LinkLost { link } => {
                    if self.link.as_ref().is_some_and(|(open, _)| *open == link) {
                        self.link = None;
                    }
                    self.step(Input::LinkLost { link });
                }
                Input::LinkOpened { .. }
                | Input::DialFailed
                | Input::Undecodable { .. }
                | Input::Elapsed(_)
                | Input::Asked(_) => self.step(input),
            },
        }
    }

    fn ordered(&mut self, order: Option<Order>) {
        match order {
            Some(Order::Ask { ask, reply }) => {
                if let Err(why) = self.check_keys(&ask) {
                    let _ = reply.send(Err(why.into()));
                    return;
                }
                self.tags += 1;
                self.waiting.insert(self.tags, reply);
                self.step(Input::Asked(Command {
                    tag: self.tags,
                    ask: *ask,
                }));
            }
            Some(Order::Close { patience, done }) => {
                self.closing = Some((Instant::now() + patience, done));
                self.step(Input::Asked(Command {
                    tag: 0,
                    ask: Ask::Disconnect,
                }));
            }
            None => {
                // Nobody holds a handle any more.
                let (done, _) = oneshot::channel();
                self.closing = Some((Instant::now() + CLOSE_PATIENCE, done));
                self.step(Input::Asked(Command {
                    tag: 0,
                    ask: Ask::Disconnect,
                }));
            }
        }
    }

    /// Whether the key that a yes would lead to is of use.
    fn check_keys(&self, ask: &Ask) -> Result<(), ProtectError> {
        if let Ask::Decide {
            session,
            verdict:
                Verdict::Accept {
                    end_to_end: Some(own),
                    ..
                },
        } = ask
        {
            let Some(Phase::Asked(asked)) = self.machine.phase(session) else {
                return Ok(());
            };
            let question = &asked.question;
            if let Some(identity) = self.machine.identity()
                && let Some(peer) = &question.peer_key
            {
                let initiator = &question.initiator;
                SessionKey::agreed(&own.private, peer, session, initiator, &identity.id)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, input: Input) {
        tracing::trace!(?input);
        let env = Env {
            now: now(),
            fresh: NO_FRESH,
        };
        let outputs = self.machine.step(env, input);
        #[cfg(debug_assertions)]
        assert_eq!(
            self.machine.violation(),
            None,
            "an invariant of the machine is violated"
        );
        for output in outputs {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { link, primitive } => self.send(link, &primitive),
            Output::CloseLink { link, why } => {
                let code = match why {
                    CloseReason::Replaced | CloseReason::Finished => CloseCode::Normal,
                    CloseReason::Nonsense => CloseCode::Policy,
                };
                self.pass_on(link, Outgoing::Close(code));
            }
            Output::Dial => {
                self.links += 1;
                let origin = self
                    .machine
                    .identity()
                    .map(|identity| identity.id.stem().to_owned());
                let client = self.client.clone();
                tokio::spawn(client.run(LinkId(self.links), origin, self.inbox.clone()));
            }
            Output::Report(event) => self.report(event),
        }
    }

    fn send(&mut self, link: LinkId, primitive: &Primitive) {
        let seal = |header: &_, value: &_| self.sealer.seal(&self.machine, header, value);
        match wire::encode_sealing(primitive, &Dialect::Published, &seal) {
            Ok(text) => self.pass_on(link, Outgoing::Text(text)),
            // The request is not sent, and ends with its time.
            Err(why) => tracing::error!(%why, "a request was not sent"),
        }
    }

    fn pass_on(&mut self, link: LinkId, outgoing: Outgoing) {
        if let Some((open, handle)) = &self.link
            && *open == link
            && handle.try_send(outgoing).is_err()
        {
            // The other side reads too slowly: dropping the handle cuts the link.
            tracing::warn!(link = link.0, "the link is cut: its outbox is full");
            self.link = None;
        }
    }

    fn report(&mut self, event: command::Event) {
        match said(event) {
            Said::Reply(tag, reply) => self.reply(tag, reply),
            Said::Established(tag, session) => {
                let reply = self.established(&session);
                self.reply(tag, reply);
            }
            Said::Answer(answer) => {
                let tag = answer.request;
                if self.waiting.contains_key(&tag) {
                    self.reply(tag, Ok(Reply::Answered(answer)));
                } else {
                    self.tell(Event::Result {
                        request: Some(tag),
                        answer,
                    });
                }
            }
            Said::Event(event) => self.tell(event),
        }
    }

    /// A session is of use only if its key is.
    fn established(&mut self, id: &SessionId) -> Result<Reply, AeError> {
        let session = self
            .machine
            .session(id)
            .map(|member| Session::new(id, member));
        if let Err(why) = key(&self.machine, id) {
            self.step(Input::Asked(Command {
                tag: 0,
                ask: Ask::Terminate {
                    session: id.clone(),
                },
            }));
            return Err(why.into());
        }
        session.map(Reply::Established).ok_or(AeError::Closed)
    }

    fn reply(&mut self, tag: u64, reply: Result<Reply, AeError>) {
        if let Some(waiting) = self.waiting.remove(&tag) {
            // Whoever asked may have stopped waiting.
            let _ = waiting.send(reply);
        }
    }

    fn tell(&self, event: Event) {
        tracing::debug!(?event);
        // An application that dropped its stream wants no events.
        let _ = self.events.try_send(event);
    }
}

/// No timer is further away than this; the loop comes round and waits again.
const FOREVER: Duration = Duration::from_secs(3_600);
/// How long what is open may take when all handles are gone.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// An AE draws no tokens.
const NO_FRESH: Fresh = Fresh {
    session: [0; 16],
    key: [0; 32],
    key_id: [0; 16],
};

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn until_then(at: Timestamp) -> Duration {
    Duration::from_millis(at.0.saturating_sub(now().0)).min(FOREVER)
}
