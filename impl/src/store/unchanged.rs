//! A file that is only looked at: what the database writes there, as it repairs, checks or upgrades a store, stays in
//! memory.

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

const PAGE_BYTES: u64 = 4 << 10;

/// A file under a layer of changes.
#[derive(Debug)]
pub(super) struct Unchanged {
    file: FileBackend,
    layer: Mutex<Layer>,
}

#[derive(Debug)]
struct Layer {
    /// The length as the database sees it.
    len: u64,
    /// So much of the file counts; the rest has been cut off.
    kept: u64,
    /// Pages that were written, by their number.
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Unchanged {
    /// Opens a file that may be read.
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let file = FileBackend::new(File::open(path)?)?;
        let len = file.len()?;
        let layer = Mutex::new(Layer {
            len,
            kept: len,
            pages: BTreeMap::new(),
        });
        Ok(Self { file, layer })
    }

    fn layer(&self) -> MutexGuard<'_, Layer> {
        self.layer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page as it is under the changes.
    fn page(&self, layer: &Layer, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = layer.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; size(PAGE_BYTES)];
        let start = number * PAGE_BYTES;
        let there = layer.kept.saturating_sub(start).min(PAGE_BYTES);
        self.file.read(start, &mut page[..size(there)])?;
        Ok(page)
    }

    /// The pieces of a range: number of the page, first byte in it, bytes.
    fn pieces(offset: u64, bytes: usize) -> impl Iterator<Item = (u64, usize, usize)> {
        let (mut at, end) = (offset, offset + bytes as u64);
        std::iter::from_fn(move || {
            let within = at % PAGE_BYTES;
            let bytes = (PAGE_BYTES - within).min(end - at);
            let piece = (at / PAGE_BYTES, size(within), size(bytes));
            at += bytes;
            (bytes > 0).then_some(piece)
        })
    }
}

impl StorageBackend for Unchanged {
    fn len(&self) -> io::Result<u64> {
        Ok(self.layer().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let layer = self.layer();
        within(&layer, offset, out.len())?;
        let mut rest = out;
        for (number, first, bytes) in Self::pieces(offset, rest.len()) {
            let (piece, after) = rest.split_at_mut(bytes);
            piece.copy_from_slice(&self.page(&layer, number)?[first..first + bytes]);
            rest = after;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut layer = self.layer();
        let cut = len / PAGE_BYTES;
        if len < layer.len && !len.is_multiple_of(PAGE_BYTES) {
            let mut page = self.page(&layer, cut)?;
            page[size(len % PAGE_BYTES)..].fill(0);
            layer.pages.insert(cut, page);
        }
        layer.pages.retain(|number, _| number * PAGE_BYTES < len);
        layer.kept = layer.kept.min(len);
        layer.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut layer = self.layer();
        within(&layer, offset, data.len())?;
        let mut rest = data;
        for (number, first, bytes) in Self::pieces(offset, data.len()) {
            let (piece, after) = rest.split_at(bytes);
            let mut page = self.page(&layer, number)?;
            page[first..first + bytes].copy_from_slice(piece);
            layer.pages.insert(number, page);
            rest = after;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    // Looking keeps those away that would write, and not those that look.

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

fn within(layer: &Layer, offset: u64, bytes: usize) -> io::Result<()> {
    if offset
        .checked_add(bytes as u64)
        .is_some_and(|end| end <= layer.len)
    {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
