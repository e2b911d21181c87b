//! The owner of the machine: one task, one inbox, one sleep.
//!
//! It works in rounds. A round takes what has arrived, up to a bound, and what is due; steps the
//! machine for each; puts the batches of all these steps on stable storage as one; and only then
//! carries out the other outputs, in the order in which the machine gave them. What arrives
//! meanwhile makes the next round: the busier the CSE, the more steps share one commit.
//!
//! If a commit fails, nobody has seen anything of the round. The driver forgets the machine, closes
//! all links, builds the machine again from the store, tells it that the store fails, and tries
//! again and again whether it still does. Until it works again, deadlines wait.

use crate::dial::Dialer;
use crate::link::{Arrival, Handle, Hub, Outgoing};
use crate::store::{Store, StoreError};
use crate::web::ladder::{Ladders, Passing};
use crate::web::{Look, page};
use m2m_machine::config::Config;
use m2m_machine::cse::{CloseReason, Event, Input, Output};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::Primitive;
use m2m_machine::record::{Key, Record, Update};
use m2m_machine::resource::ResourceType;
use m2m_machine::{Cse, Env, Fresh, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
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
    /// Who wants to look at the state, after this round.
    looks: Vec<Look>,
    /// What was said about sessions, if anybody may look.
    ladders: Option<Ladders>,
}

impl<R> std::fmt::Debug for Driver<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("links", &self.links.len())
            .finish_non_exhaustive()
    }
}

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
        tracing::info!(records = records.len(), "recovered");
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
            looks: Vec::new(),
            ladders: keeps_ladders.then(Ladders::default),
        };
        driver.measure();
        Ok(driver)
    }

    /// Runs until `stop` is ready, then closes all links and waits for them, `patience` at most.
    pub async fn run(
        mut self,
        stop: impl Future<Output = ()>,
        patience: Duration,
    ) -> Result<(), StoreError> {
        tokio::pin!(stop);
        loop {
            let wake = self.wake();
            let first = tokio::select! {
                () = &mut stop => break,
                arrival = self.inbox.recv() => arrival,
                () = sleep_until(wake) => None,
            };
            self.round(first).await?;
        }
        // LNK-44
        for handle in self.links.values() {
            let _ = handle.send(Outgoing::Close(CloseCode::Away, "shutting down"));
        }
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
        let _ = timeout(patience, self.hub.all_gone()).await;
        Ok(())
    }

    fn wake(&self) -> Instant {
        let deadline = match (self.probe_at, self.machine.next_deadline()) {
            (Some(probe), _) => return probe,
            (None, Some((at, _))) => Duration::from_millis(at.0.saturating_sub(now().0)),
            (None, None) => SLEEP_MAX,
        };
        Instant::now() + deadline.min(SLEEP_MAX)
    }

    async fn round(&mut self, first: Option<Arrival>) -> Result<(), StoreError> {
        let mut outputs = Vec::new();
        let mut next = first;
        let started = Instant::now();
        for _ in 0..ROUND_INPUTS_MAX {
            if started.elapsed() > ROUND_TIME_MAX && next.is_none() {
                break;
            }
            let Some(arrival) = next.take().or_else(|| self.inbox.try_recv().ok()) else {
                break;
            };
            if let Some(input) = self.admit(arrival) {
                outputs.append(&mut self.step(input));
            }
        }
        if self.probe_at.is_none() {
            for _ in 0..ROUND_DEADLINES_MAX {
                match self.machine.next_deadline() {
                    Some((at, timer)) if at <= now() => {
                        outputs.append(&mut self.step(Input::Elapsed(timer)));
                    }
                    Some(_) | None => break,
                }
            }
        } else if self.probe_at.is_some_and(|at| at <= Instant::now()) {
            self.probe(&mut outputs).await;
        }
        // USE-63, USE-67
        let committed = self.commit(&mut outputs).await;
        match committed {
            Ok(()) => {
                for output in outputs {
                    self.carry_out(output);
                }
            }
            Err(why) => self.rebuild(&why)?,
        }
        self.measure();
        self.show();
        Ok(())
    }

    /// Shows the state as it is after the round to those who asked.
    fn show(&mut self) {
        for look in self.looks.drain(..) {
            let ladders = self.ladders.get_or_insert_default();
            let page = page::render(&self.machine, ladders, look.at.as_ref());
            // Who has gone meanwhile does not need it.
            let _ = look.page.send(page);
        }
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
                self.looks.push(look);
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
            | Input::StoreFailing(_) => true,
        };
        known.then_some(input)
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        if let Input::Received { link, primitive } = &input {
            self.note(*link, false, primitive);
        }
        let outputs = self.machine.step(
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
        outputs
    }

    /// Takes the batches out of these outputs and puts them on stable storage, as one.
    async fn commit(&mut self, outputs: &mut [Output]) -> Result<(), StoreError> {
        let mut batch = Vec::new();
        for output in outputs {
            if let Output::Persist(updates) = output {
                batch.append(updates);
            }
        }
        if batch.is_empty() {
            Ok(())
        } else {
            self.write(batch).await
        }
    }

    async fn write(&mut self, batch: Vec<Update>) -> Result<(), StoreError> {
        self.with_store(move |store| store.commit(&batch)).await
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
            let work = move || {
                let result = work(&mut store);
                (store, result)
            };
            tokio::task::spawn_blocking(work)
                .await
                .expect("the store does not panic")
        };
        self.store = Some(store);
        result
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
                };
                self.tell(link, Outgoing::Close(code, reason));
            }
            Output::Dial => {
                tokio::spawn(self.dialer.clone().dial(self.hub.clone()));
            }
            Output::DialRegistree {
                cse,
                points_of_access,
            } => {
                let dialer = self.dialer.clone();
                tokio::spawn(dialer.dial_registree(cse, points_of_access, self.hub.clone()));
            }
            Output::Report(event) => (self.report)(&event),
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

    /// Starts over from the store after a commit that failed.
    fn rebuild(&mut self, why: &StoreError) -> Result<(), StoreError> {
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
        let outputs = self.step(Input::StoreFailing(true));
        self.probe_at = Some(Instant::now() + self.store_retry);
        for output in outputs {
            self.carry_out(output);
        }
        Ok(())
    }

    /// Tries whether the store works again.
    async fn probe(&mut self, outputs: &mut Vec<Output>) {
        match self.with_store(Store::probe).await {
            Ok(()) => {
                tracing::info!("the store works again");
                self.probe_at = None;
                outputs.append(&mut self.step(Input::StoreFailing(false)));
            }
            Err(why) => {
                tracing::debug!(%why, "the store still fails");
                self.probe_at = Some(Instant::now() + self.store_retry);
            }
        }
    }
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

/// Random bytes of the system, fetched many at a time: a step takes 64.
struct Randomness {
    bytes: Box<[u8; RANDOM_BYTES]>,
    used: usize,
}

const RANDOM_BYTES: usize = 64 * FRESH_BYTES;
const FRESH_BYTES: usize = 64;

impl Randomness {
    fn new() -> Self {
        Self {
            bytes: Box::new([0; RANDOM_BYTES]),
            used: RANDOM_BYTES,
        }
    }

    fn fresh(&mut self) -> Fresh {
        if self.used + FRESH_BYTES > RANDOM_BYTES {
            getrandom::fill(&mut self.bytes[..]).expect("the system has random bytes");
            self.used = 0;
        }
        Fresh {
            session: self.take(),
            key: self.take(),
            key_id: self.take(),
        }
    }

    /// Takes bytes, and leaves none of them behind.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut token = [0; N];
        let taken = &mut self.bytes[self.used..self.used + N];
        token.copy_from_slice(taken);
        taken.fill(0);
        self.used += N;
        token
    }
}
