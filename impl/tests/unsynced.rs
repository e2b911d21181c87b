//! The store on a disk that forgets, at a crash, all that was not synchronised.

use m2m_cse::store::Store;
use m2m_machine::record::{Record, Update};
use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex};

/// What is on the disk, and what is only on its way there.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    stable: Vec<u8>,
    seen: Vec<u8>,
    /// Whether synchronising is left out, as a store would that forgets it.
    careless: bool,
}

impl Disk {
    fn careless() -> Self {
        let disk = Self::default();
        disk.state(|state| state.careless = true);
        disk
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().expect("nobody panics with it"))
    }

    /// The disk after a crash.
    fn crashed(&self) -> Self {
        let stable = self.state(|state| state.stable.clone());
        let state = State {
            seen: stable.clone(),
            stable,
            careless: self.state(|state| state.careless),
        };
        Self(Arc::new(Mutex::new(state)))
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
        self.state(|state| state.seen.resize(length, 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state(|state| {
            if !state.careless {
                state.stable.clone_from(&state.seen);
            }
        });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        self.state(|state| state.seen[start..start + data.len()].copy_from_slice(data));
        Ok(())
    }
}

/// Counts up in the store, with a crash after each number that is acknowledged; the number at which
/// one was lost.
fn first_loss(mut disk: Disk, cycles: u64) -> Option<u64> {
    for number in 1..=cycles {
        let mut store = Store::on(disk.clone()).ok()?;
        let found = store.load().ok()?;
        let expected: &[Record] = &[Record::Counter(number - 1)];
        if number > 1 && found != expected {
            return Some(number - 1);
        }
        let batch = [Update::Put(Record::Counter(number))];
        store.commit(&batch).expect("the disk takes all");
        disk = disk.crashed();
    }
    None
}

#[test]
fn what_a_commit_has_acknowledged_survives_the_loss_of_all_that_is_not_synchronised() {
    assert_eq!(first_loss(Disk::default(), 20), None);
}

#[test]
fn a_store_that_does_not_synchronise_is_found_out() {
    assert_eq!(first_loss(Disk::careless(), 20), Some(1));
}
