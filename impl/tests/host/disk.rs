//! A disk that loses what is not synchronised, and fails when it is told to.

use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// What is on the disk, and what is only on its way there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    /// Synchronising begins or goes on.
    turn: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    stable: Vec<u8>,
    seen: Vec<u8>,
    /// Whether synchronising is left out, as a store would that forgets it.
    pub(crate) careless: bool,
    /// Whether there is no room for more.
    pub(crate) full: bool,
    /// Whether synchronising takes until this is over.
    pub(crate) stuck: bool,
    /// Whether synchronising fails the next time.
    pub(crate) broken: bool,
    /// Those who wait for a disk that is stuck.
    waiting: usize,
}

impl Disk {
    pub(crate) fn careless() -> Self {
        let disk = Self::default();
        disk.state(|state| state.careless = true);
        disk
    }

    pub(crate) fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = work(&mut self.locked());
        self.0.turn.notify_all();
        done
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("nobody panics with it")
    }

    /// Returns once somebody waits for the disk.
    pub(crate) async fn is_waited_for(&self) {
        let own = self.clone();
        let waits = move || {
            let waited = |state: &mut State| state.waiting == 0;
            drop(own.0.turn.wait_while(own.locked(), waited));
        };
        tokio::task::spawn_blocking(waits)
            .await
            .expect("it is waited for");
    }

    /// The disk after a crash.
    pub(crate) fn crashed(&self) -> Self {
        let stable = self.state(|state| state.stable.clone());
        let state = State {
            seen: stable.clone(),
            stable,
            careless: self.state(|state| state.careless),
            ..State::default()
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            turn: Condvar::new(),
        }))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state(|state| state.seen.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        self.state(|state| {
            let found = state.seen.get(start..start + out.len());
            out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.state(|state| {
            if state.full && length > state.seen.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.seen.resize(length, 0);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.locked();
        if state.stuck {
            state.waiting += 1;
            self.0.turn.notify_all();
            let stuck = |state: &mut State| state.stuck;
            state = self
                .0
                .turn
                .wait_while(state, stuck)
                .expect("nobody panics with it");
            state.waiting -= 1;
        }
        if std::mem::take(&mut state.broken) {
            // What was only on its way is gone.
            state.seen = state.stable.clone();
            return Err(io::ErrorKind::Other.into());
        }
        if !state.careless {
            state.stable = state.seen.clone();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        self.state(|state| state.seen[start..start + data.len()].copy_from_slice(data));
        Ok(())
    }
}
