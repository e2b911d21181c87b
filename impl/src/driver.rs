//! The owner of the machine: one task, one inbox, one sleep.
//!
//! It works in rounds. A round takes what has arrived, up to a bound, and what is due; steps the
//! machine for each; puts the batches of all these steps on stable storage as one; and only then
//! carries out the other outputs, in the order in which the machine gave them. While one round is
//! being stored, the machine already makes the next: the busier the CSE, the more steps share one
//! commit.
//!
//! If a commit fails, nobody has seen anything of its round, nor of what came after. The driver
//! forgets the machine, closes all links, builds the machine again from the store, tells it that
//! the store fails, and tries again and again whether it still does. Until it works again,
//! deadlines wait.

mod randomness;
mod stopping;

pub use stopping::Farewell;

use crate::dial::Dialer;
use crate::link::{Arrival, GOODBYE, Handle, Hub, Outgoing};
use crate::store::{Store, StoreError};
use crate::web::ladder::{Ladders, Passing};
use crate::web::{Look, page};
use m2m_machine::config::Config;
use m2m_machine::cse::{CloseReason, Event, Input, Output};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::Primitive;
use m2m_machine::record::{Key, Record, Update};
use m2m_machine::resource::ResourceType;
use m2m_machine::{Cse, Env, Timestamp};
use randomness::Randomness;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use stopping::Stop;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Inputs that share one commit at most.
const ROUND_INPUTS_MAX: usize = 256;
/// Deadlines that one round deals with at most.
const ROUND_DEADLINES_MAX: usize = 256;
/// So long a round takes inputs: what expensive ones have led to leaves before more of it is made.
const ROUND_TIME_MAX: Duration = Duration::from_millis(20);
/// The longest sleep: the wall clock may be set while the driver sleeps by the steady one.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Runs a CSE.
pub struct Driver<R> {
    config: Config,
    machine: Cse,
    store: Option<Store>,
    inbox: mpsc::Receiver<Arrival>,
    links: BTreeMap<LinkId, Handle>,
    /// Links that the machine has never heard of, since it was built again.
    forgotten: BTreeMap<LinkId, Handle>,
    hub: Arc<Hub>,
    dialer: Dialer,
    report: R,
    store_retry: Duration,
    probe_at: Option<Instant>,
    randomness: Randomness,
    /// The round that is being made.
    round: Round,
    /// The round that is being stored.
    committing: Option<Committing>,
    /// What was said about sessions, if anybody may look.
    ladders: Option<Ladders>,
    stop: Stop,
}

impl<R> std::fmt::Debug for Driver<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("links", &self.links.len())
            .finish_non_exhaustive()
    }
}

/// What becomes of the steps that share a commit.
#[derive(Default)]
struct Round {
    inputs: usize,
    outputs: Vec<Output>,
    /// Who looked at the state, and what it was then.
    looks: Vec<(Look, Option<String>)>,
}

impl Round {
    /// Takes the batches out, as one.
    fn batch(&mut self) -> Vec<Update> {
        let mut batch = Vec::new();
        for output in &mut self.outputs {
            if let Output::Persist(updates) = output {
                batch.append(updates);
            }
        }
        batch
    }
}

/// A round on its way to the disk.
struct Committing {
    round: Round,
    task: JoinHandle<Written>,
}

type Written = (Store, Result<(), StoreError>);

/// What a driver is made of.
#[derive(Debug)]
pub struct Parts<R> {
    /// Identity, timers and limits of the machine.
    pub config: Config,
    /// Where its records are.
    pub store: Store,
    /// What links tell.
    pub inbox: mpsc::Receiver<Arrival>,
    /// The links.
    pub hub: Arc<Hub>,
    /// How it opens links.
    pub dialer: Dialer,
    /// Who is told what the operator may want to know.
    pub report: R,
    /// How long a failing store is left alone before the next attempt.
    pub store_retry: Duration,
    /// Whether what is said about sessions is remembered for a look.
    pub keeps_ladders: bool,
}

impl<R: FnMut(&Event)> Driver<R> {
    /// Builds the machine from the store.
    pub fn start(parts: Parts<R>) -> Result<Self, StoreError> {
        let Parts {
            config,
            mut store,
            inbox,
            hub,
            dialer,
            report,
            store_retry,
            keeps_ladders,
        } = parts;
        let records = store.load_telling(|records, of| {
            tracing::info!(records, of, "reading the store");
        })?;
        own(&config, &records)?;
        let machine = Cse::recover(config.clone(), records.iter().cloned(), now());
        let difference = difference(&records, machine.durable());
        if !difference.is_empty() {
            store.commit(&difference)?;
        }
        match records.len() {
            0 => tracing::info!("nothing is stored yet; the CSE begins anew"),
            records => tracing::info!(records, "recovered"),
        }
        let driver = Self {
            config,
            machine,
            store: Some(store),
            inbox,
            links: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            hub,
            dialer,
            report,
            store_retry,
            probe_at: None,
            randomness: Randomness::new(),
            round: Round::default(),
            committing: None,
            ladders: keeps_ladders.then(Ladders::default),
            stop: Stop::default(),
        };
        driver.measure();
        Ok(driver)
    }

    /// Runs until `stop` is ready; then answers what was read, closes all links, and waits for them.
    pub async fn run(
        mut self,
        stop: impl Future<Output = ()>,
        farewell: Farewell,
    ) -> Result<(), StoreError> {
        tokio::pin!(stop);
        while !self.turn(&mut stop).await? {}
        self.stop(farewell).await
    }

    /// Waits for whatever comes next and deals with it; whether that was `end`.
    async fn turn(
        &mut self,
        end: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<bool, StoreError> {
        let wake = self.wake();
        let has_room = self.round.inputs < ROUND_INPUTS_MAX;
        tokio::select! {
            () = end => return Ok(true),
            written = written(&mut self.committing) => self.written(written)?,
            arrival = self.inbox.recv(), if has_room => self.take(arrival).await?,
            () = sleep_until(wake), if has_room => self.take(None).await?,
        }
        self.measure();
        Ok(false)
    }

    fn wake(&self) -> Instant {
        let deadline = match (self.probe_at, self.machine.next_deadline()) {
            (Some(probe), _) => return probe,
            (None, Some((at, _))) => Duration::from_millis(at.0.saturating_sub(now().0)),
            (None, None) => SLEEP_MAX,
        };
        Instant::now() + deadline.min(SLEEP_MAX)
    }

    /// Takes what has arrived and what is due into the round.
    async fn take(&mut self, first: Option<Arrival>) -> Result<(), StoreError> {
        let mut next = first;
        let started = Instant::now();
        while self.round.inputs < ROUND_INPUTS_MAX {
            if started.elapsed() > ROUND_TIME_MAX && next.is_none() {
                break;
            }
            let Some(arrival) = next.take().or_else(|| self.inbox.try_recv().ok()) else {
                break;
            };
            self.round.inputs += 1;
            if let Some(input) = self.admit(arrival) {
                self.step(input);
            }
        }
        if self.probe_at.is_none() {
            for _ in 0..ROUND_DEADLINES_MAX {
                match self.machine.next_deadline() {
                    Some((at, timer)) if at <= now() => self.step(Input::Elapsed(timer)),
                    Some(_) | None => break,
                }
            }
        } else if self.probe_at.is_some_and(|at| at <= Instant::now()) {
            self.probe().await;
        }
        self.commit()
    }

    /// Ends the round, once it is stored; if another one is on its way to the disk, after that.
    fn commit(&mut self) -> Result<(), StoreError> {
        if self.committing.is_some() {
            return Ok(());
        }
        match self.begin() {
            Some((round, result)) => self.conclude(round, result),
            None => Ok(()),
        }
    }

    /// Begins to store the round; `None` if that takes its time.
    fn begin(&mut self) -> Option<(Round, Result<(), StoreError>)> {
        let mut round = std::mem::take(&mut self.round);
        let batch = round.batch();
        // USE-63, USE-67
        if batch.is_empty() {
            return Some((round, Ok(())));
        }
        let mut store = self.store.take().expect("the store is always put back");
        if store.is_in_memory() {
            let result = store.commit(&batch);
            self.store = Some(store);
            return Some((round, result));
        }
        let task = elsewhere(store, move |store| store.commit(&batch));
        self.committing = Some(Committing { round, task });
        None
    }

    /// A round is stored, or is not.
    fn written(&mut self, (round, (store, result)): (Round, Written)) -> Result<(), StoreError> {
        self.store = Some(store);
        if result.is_err() {
            return self.conclude(round, result);
        }
        // The disk goes on before anybody is told.
        let next = self.begin();
        self.end(round);
        match next {
            Some((round, result)) => self.conclude(round, result),
            None => Ok(()),
        }
    }

    fn conclude(&mut self, round: Round, result: Result<(), StoreError>) -> Result<(), StoreError> {
        match result {
            Ok(()) => {
                self.end(round);
                Ok(())
            }
            Err(why) => self.rebuild(round, &why),
        }
    }

    /// Carries out what a round asks for; its batches are on stable storage.
    fn end(&mut self, round: Round) {
        for output in round.outputs {
            self.carry_out(output);
        }
        for (look, page) in round.looks {
            // Who has gone meanwhile does not need it.
            let _ = look.page.send(page);
        }
    }

    /// The page that somebody wants to see.
    fn page(&mut self, look: &Look) -> Option<String> {
        let ladders = self.ladders.get_or_insert_default();
        page::render(&self.machine, ladders, look.at.as_ref())
    }

    /// Takes note of what passes over a link, if anybody may look.
    fn note(&mut self, link: LinkId, is_sent: bool, primitive: &Primitive) {
        let Some(ladders) = &mut self.ladders else {
            return;
        };
        let peer = self.machine.entity_of(link);
        let nobody = format!("link {}", link.0);
        ladders.note(Passing {
            at: now(),
            link,
            is_sent,
            own: self.config.cse_id.as_str(),
            peer: peer.map_or(&nobody, |entity| entity.as_str()),
            primitive,
        });
    }

    /// Tells how much there is.
    fn measure(&self) {
        let state = self.machine.state();
        let metrics = self.hub.measured();
        metrics.stored.set(state.stored.len());
        metrics.sessions.set(state.sessions.len());
        metrics.resources.set(state.tree.len());
    }

    /// The input of an arrival; `None` if it is of a link that is not known any more.
    fn admit(&mut self, arrival: Arrival) -> Option<Input> {
        let input = match arrival {
            Arrival::Opened {
                link,
                opening,
                far_end,
                handle,
            } => {
                self.links.insert(link, handle);
                return Some(Input::LinkOpened {
                    link,
                    opening,
                    far_end,
                });
            }
            Arrival::Input(input) | Arrival::Large(input, _) => input,
            Arrival::Look(look) => {
                let page = self.page(&look);
                self.round.looks.push((look, page));
                return None;
            }
        };
        let known = match &input {
            Input::LinkLost { link } => {
                self.forgotten.remove(link);
                self.links.remove(link).is_some()
            }
            Input::Received { link, .. } | Input::Undecodable { link, .. } => {
                self.links.contains_key(link)
            }
            Input::LinkOpened { .. }
            | Input::DialFailed
            | Input::RegistreeNotReached { .. }
            | Input::Elapsed(_)
            | Input::StoreFailing(_)
            | Input::Stopping { .. } => true,
        };
        known.then_some(input)
    }

    fn step(&mut self, input: Input) {
        if let Input::Received { link, primitive } = &input {
            self.note(*link, false, primitive);
        }
        if let Input::Stopping { is_patient } = &input {
            self.is_told_to_stop(*is_patient);
        }
        let mut outputs = self.machine.step(
            Env {
                now: now(),
                fresh: self.randomness.fresh(),
            },
            input,
        );
        if cfg!(debug_assertions)
            && let Some(violated) = self.machine.violation()
        {
            panic!("the machine violates its invariant {violated:?}");
        }
        self.round.outputs.append(&mut outputs);
    }

    /// The one interpreter of outputs; the batches are on stable storage already.
    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Persist(_) => {}
            Output::Send { link, primitive } => {
                self.note(link, true, &primitive);
                self.tell(link, Outgoing::Primitive(primitive));
            }
            Output::CloseLink { link, why } => {
                let (code, reason) = match why {
                    CloseReason::Replaced => (CloseCode::Normal, "replaced by another link"),
                    CloseReason::Nonsense => (CloseCode::Policy, "too many malformed messages"),
                    CloseReason::Insecure => (CloseCode::Policy, "a CSE needs a secured link"),
                    CloseReason::Leaving => (CloseCode::Away, GOODBYE),
                };
                self.tell(link, Outgoing::Close(code, reason));
            }
            Output::Dial => {
                tokio::spawn(self.dialer.clone().dial(self.hub.clone()));
            }
            Output::DialRegistree {
                cse,
                origin,
                points_of_access,
            } => {
                let dialer = self.dialer.named(&origin);
                tokio::spawn(dialer.dial_registree(cse, points_of_access, self.hub.clone()));
            }
            Output::Report(event) => (self.report)(&event),
            Output::Stopped => self.stop.is_done = true,
        }
    }

    /// Passes it on to a link; one that does not keep up is cut, and the machine learns it as any
    /// loss.
    fn tell(&mut self, link: LinkId, outgoing: Outgoing) {
        if let Some(handle) = self.links.get_mut(&link)
            && !handle.send(outgoing)
        {
            tracing::warn!(link = link.0, "the peer reads too slowly; its link is cut");
            handle.cut();
        }
    }

    /// Starts over from the store after a commit that failed, as if this round and the next one had never been.
    fn rebuild(&mut self, lost: Round, why: &StoreError) -> Result<(), StoreError> {
        tracing::error!(%why, "nothing can be stored; refusing writes");
        for handle in self.links.values_mut() {
            // Who does not read would never see the code.
            if !handle.send(Outgoing::Close(CloseCode::Error, "the store fails")) {
                handle.cut();
            }
        }
        self.forgotten.append(&mut self.links);
        let records = self
            .store
            .as_mut()
            .expect("the store is always put back")
            .load()?;
        self.machine = Cse::recover(self.config.clone(), records, now());
        let later = std::mem::take(&mut self.round);
        self.step(Input::StoreFailing(true));
        if self.stop.is_wanted {
            self.step(Input::Stopping { is_patient: true });
        }
        self.probe_at = Some(Instant::now() + self.store_retry);
        let mut round = std::mem::take(&mut self.round);
        for (look, _) in lost.looks.into_iter().chain(later.looks) {
            let page = self.page(&look);
            round.looks.push((look, page));
        }
        self.end(round);
        Ok(())
    }

    /// Tries whether the store works again.
    async fn probe(&mut self) {
        match self.with_store(Store::probe).await {
            Ok(()) => {
                tracing::info!("the store works again");
                self.probe_at = None;
                self.step(Input::StoreFailing(false));
            }
            Err(why) => {
                tracing::debug!(%why, "the store still fails");
                self.probe_at = Some(Instant::now() + self.store_retry);
            }
        }
    }

    /// Works on the store, elsewhere if it touches the disk.
    async fn with_store(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let mut store = self.store.take().expect("the store is always put back");
        let (store, result) = if store.is_in_memory() {
            let result = work(&mut store);
            (store, result)
        } else {
            let task = elsewhere(store, work);
            task.await.expect("the store does not panic")
        };
        self.store = Some(store);
        result
    }
}

/// Works on the store on a thread that may wait for the disk.
fn elsewhere(
    mut store: Store,
    work: impl FnOnce(&mut Store) -> Result<(), StoreError> + Send + 'static,
) -> JoinHandle<Written> {
    tokio::task::spawn_blocking(move || {
        let result = work(&mut store);
        (store, result)
    })
}

/// Waits until the round on its way is stored or not; for ever if there is none.
async fn written(committing: &mut Option<Committing>) -> (Round, Written) {
    let written = match committing {
        Some(committing) => (&mut committing.task).await,
        None => std::future::pending().await,
    };
    let round = committing.take().map(|c| c.round).unwrap_or_default();
    (round, written.expect("the store does not panic"))
}

/// Whether the stored resources are those of this CSE.
fn own(config: &Config, records: &[Record]) -> Result<(), StoreError> {
    for record in records {
        if let Record::Resource(base) = record
            && base.resource_type == ResourceType::CseBase
        {
            let found = format!("{} ({})", base.creator, base.name);
            let wanted = format!("{} ({})", config.cse_id, config.name);
            if found != wanted {
                return Err(StoreError::OfAnother { found, wanted });
            }
        }
    }
    Ok(())
}

/// What turns the stored records into those of the machine.
fn difference(stored: &[Record], wanted: impl Iterator<Item = Record>) -> Vec<Update> {
    let mut left: BTreeMap<Key, &Record> = stored.iter().map(|r| (r.key(), r)).collect();
    let mut updates: Vec<Update> = wanted
        .filter(|record| left.remove(&record.key()) != Some(record))
        .map(Update::Put)
        .collect();
    updates.extend(left.into_keys().map(Update::Delete));
    updates
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
