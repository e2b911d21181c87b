//! The store: what must survive a crash, in an embedded database.
//!
//! A batch is one transaction, and on the disk when [`Store::commit`] returns. The store knows keys
//! and bytes; what records mean is the machine's business, how they are written that of [`codec`].

mod binary;
pub mod codec;
mod field;
mod new;
pub mod tool;
mod unchanged;
mod upgrade;

pub use field::Unreadable;

use m2m_machine::record::{Key, Record, Update};
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageBackend, TableDefinition,
};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use unchanged::Unchanged;

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records.2");
const ABOUT: TableDefinition<'_, &str, u32> = TableDefinition::new("about");
const ROOM: TableDefinition<'_, (), &[u8]> = TableDefinition::new("room");
/// So much has to fit on the disk, before a store that was full counts as working again.
const ROOM_BYTES: usize = 1 << 20;
const FORMAT_KEY: &str = "format";
const FILE: &str = "records.redb";
const CACHE_BYTES: usize = 16 << 20;
/// So many records are read between two signs of life.
const PROGRESS_RECORDS: u64 = 20_000;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made.
    #[error("cannot make the store folder {folder}: {why}; give another one with --store")]
    Folder {
        /// Which one.
        folder: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// There is none.
    #[error("there is no store in {0}; name the folder that the CSE was started with")]
    Missing(PathBuf),
    /// Another process has it open.
    #[error(
        "the store {0} is in use by another process; stop that one or give another folder with --store"
    )]
    InUse(PathBuf),
    /// It was written in another form.
    #[error("the store {path} has format {found}, this program reads formats 1 to {expected}; use the program that wrote it, or move the store away", expected = codec::FORMAT)]
    Format {
        /// Which store.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A record in it is not what this program writes.
    #[error(
        "the store {path} is damaged at the record {key}: {why}; restore it from a backup, or move it away"
    )]
    Damaged {
        /// Which store.
        path: PathBuf,
        /// Which record.
        key: String,
        /// What is wrong with it.
        why: Unreadable,
    },
    /// The file is not what the database has written.
    #[error(
        "the store {path} is damaged, or is none: {why}; restore it from a backup, or move it away"
    )]
    Altered {
        /// Which store.
        path: PathBuf,
        /// What the database says.
        why: Box<redb::Error>,
    },
    /// It holds the resources of another CSE.
    #[error(
        "the store belongs to the CSE {found} and not to {wanted}; start it as that one (--cse-id, --name), or give another folder with --store"
    )]
    OfAnother {
        /// CSE-ID and name of the CSEBase in the store.
        found: String,
        /// Those of this CSE.
        wanted: String,
    },
    /// The database reports a failure.
    #[error("the store {path} failed: {why}")]
    Failed {
        /// Which store.
        path: PathBuf,
        /// What the database says.
        why: Box<redb::Error>,
    },
    /// A store in memory was told to fail.
    #[error("the store in memory was told to fail")]
    ToldTo,
}

/// Where records are kept.
#[derive(Debug)]
pub struct Store(Kind);

#[derive(Debug)]
enum Kind {
    Disk(Disk),
    Memory {
        records: BTreeMap<Key, Record>,
        failing: Arc<AtomicBool>,
    },
    Nothing,
}

/// A database, and the way to it.
struct Disk {
    path: PathBuf,
    /// `None` after a failure from which it could not be opened again.
    database: Option<Database>,
    open: Box<dyn Fn() -> Result<Database, DatabaseError> + Send>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Disk {
    fn new(
        path: PathBuf,
        open: impl Fn() -> Result<Database, DatabaseError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let mut disk = Self {
            path,
            database: None,
            open: Box::new(open),
        };
        let path = disk.path.clone();
        check_format(&path, disk.database()?)?;
        Ok(disk)
    }

    /// The database; it is opened if it is not.
    fn database(&mut self) -> Result<&Database, StoreError> {
        if self.database.is_none() {
            match (self.open)() {
                Ok(database) => self.database = Some(database),
                Err(DatabaseError::DatabaseAlreadyOpen) => {
                    return Err(StoreError::InUse(self.path.clone()));
                }
                Err(why) => return Err(failed(&self.path, why)),
            }
        }
        let database = self.database.as_ref();
        Ok(database.expect("it has just been opened"))
    }

    /// After a failure, such as a full disk, redb wants to be opened anew, and is then what it was
    /// after the last commit.
    fn commit(&mut self, batch: &[Update]) -> Result<(), StoreError> {
        self.change(|database| write(database, batch))
    }

    fn change(
        &mut self,
        change: impl FnOnce(&Database) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let changed = change(self.database()?);
        changed.map_err(|why| {
            self.database = None;
            if let Err(why) = self.database() {
                tracing::error!(%why, "the store cannot be opened again");
            }
            failed(&self.path, why)
        })
    }
}

impl Store {
    /// Opens the store in a folder, which is made if there is none; keys of sessions are in it, so
    /// that nobody else may read what is made here.
    ///
    /// Every page is compared with its checksum first: a damaged file is refused, and not served.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        make_folder(folder).map_err(|why| StoreError::Folder {
            folder: folder.to_owned(),
            why,
        })?;
        let path = folder.join(FILE);
        let file = path.clone();
        // After a failed commit it is opened again, and then has to be quick.
        let is_first = AtomicBool::new(true);
        let open = move || {
            let is_checked = is_first.swap(false, Ordering::Relaxed);
            new::ensure(&file)?;
            builder()
                .set_check_integrity_on_open(is_checked)
                .create(&file)
        };
        Disk::new(path, open).map(|disk| Self(Kind::Disk(disk)))
    }

    /// Opens the store in a folder that has one already, to look at it: the file stays as it is,
    /// whatever is done with the store.
    pub fn look(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(StoreError::Missing(folder.to_owned()));
        }
        let file = path.clone();
        let open = move || {
            builder()
                .set_check_integrity_on_open(true)
                .create_with_backend(Unchanged::open(&file)?)
        };
        Disk::new(path, open).map(|disk| Self(Kind::Disk(disk)))
    }

    /// A store on any other storage than a file; each call gives the same storage.
    pub fn on<S: StorageBackend>(
        storage: impl Fn() -> S + Send + 'static,
    ) -> Result<Self, StoreError> {
        let path = PathBuf::from("(no file)");
        let open = move || builder().create_with_backend(storage());
        Disk::new(path, open).map(|disk| Self(Kind::Disk(disk)))
    }

    /// No store: all that there is, is in the machine, and forgotten when the program ends.
    #[must_use]
    pub const fn none() -> Self {
        Self(Kind::Nothing)
    }

    /// A store in memory whose commits fail while the switch is on.
    #[must_use]
    pub fn in_memory_failing(failing: Arc<AtomicBool>) -> Self {
        Self(Kind::Memory {
            records: BTreeMap::new(),
            failing,
        })
    }

    /// All records.
    pub fn load(&mut self) -> Result<Vec<Record>, StoreError> {
        self.load_telling(|_, _| {})
    }

    /// All records; now and then it is told how many of how many have been read.
    pub fn load_telling(&mut self, tell: impl FnMut(u64, u64)) -> Result<Vec<Record>, StoreError> {
        match &mut self.0 {
            Kind::Disk(disk) => {
                let path = disk.path.clone();
                load(&path, disk.database()?, tell)
            }
            Kind::Memory { records, .. } => Ok(records.values().cloned().collect()),
            Kind::Nothing => Ok(Vec::new()),
        }
    }

    /// Whether a commit touches nothing but memory.
    #[must_use]
    pub const fn is_in_memory(&self) -> bool {
        match self.0 {
            Kind::Disk(_) => false,
            Kind::Memory { .. } | Kind::Nothing => true,
        }
    }

    /// Tries whether the store works again, and with room to go on: one that takes next to nothing
    /// would fail at the next request.
    pub fn probe(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Kind::Disk(disk) => disk.change(make_room),
            Kind::Memory { .. } | Kind::Nothing => self.commit(&[]),
        }
    }

    /// Puts a batch on stable storage, all of it or nothing.
    pub fn commit(&mut self, batch: &[Update]) -> Result<(), StoreError> {
        match &mut self.0 {
            Kind::Disk(disk) => disk.commit(batch),
            Kind::Nothing => Ok(()),
            Kind::Memory { failing, .. } if failing.load(Ordering::SeqCst) => {
                Err(StoreError::ToldTo)
            }
            Kind::Memory { records, .. } => {
                for update in batch {
                    match update {
                        Update::Put(record) => {
                            records.insert(record.key(), record.clone());
                        }
                        Update::Delete(key) => {
                            records.remove(key);
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

/// Writes and removes again what a busy moment may bring.
fn make_room(database: &Database) -> Result<(), redb::Error> {
    for room in [ROOM_BYTES, 0] {
        let transaction = database.begin_write()?;
        transaction
            .open_table(ROOM)?
            .insert((), vec![0; room].as_slice())?;
        transaction.commit()?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn load(
    path: &Path,
    database: &Database,
    mut tell: impl FnMut(u64, u64),
) -> Result<Vec<Record>, StoreError> {
    let failed = |why: redb::Error| failed(path, why);
    let open = || Ok(database.begin_read()?.open_table(RECORDS)?);
    let table = open().map_err(failed)?;
    let total = table.len().map_err(|why| failed(why.into()))?;
    let mut records = Vec::with_capacity(usize::try_from(total).unwrap_or_default());
    for row in table.iter().map_err(|why| failed(why.into()))? {
        let (key, bytes) = row.map_err(|why| failed(why.into()))?;
        let record = read(key.value(), bytes.value()).map_err(|why| StoreError::Damaged {
            path: path.into(),
            key: codec::key_name(key.value()),
            why,
        })?;
        records.push(record);
        let done = records.len() as u64;
        if done.is_multiple_of(PROGRESS_RECORDS) {
            tell(done, total);
        }
    }
    Ok(records)
}

fn read(key: &[u8], bytes: &[u8]) -> Result<Record, Unreadable> {
    let record = codec::decode(bytes)?;
    if codec::key(&record.key()) == key {
        Ok(record)
    } else {
        let found = codec::key_text(&record.key());
        Err(Unreadable(format!("it is the record {found}")))
    }
}

/// One transaction; of several updates of a record, only the last is written.
fn write(database: &Database, batch: &[Update]) -> Result<(), redb::Error> {
    let mut last = BTreeMap::new();
    for update in batch {
        match update {
            Update::Put(record) => last.insert(codec::key(&record.key()), Some(record)),
            Update::Delete(key) => last.insert(codec::key(key), None),
        };
    }
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(RECORDS)?;
        for (key, record) in last {
            match record {
                Some(record) => table.insert(&*key, codec::encode(record).as_slice())?,
                None => table.remove(&*key)?,
            };
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Sees to it that the store has the form that is written here.
fn check_format(path: &Path, database: &Database) -> Result<(), StoreError> {
    let stamp = || -> Result<u32, redb::Error> {
        let transaction = database.begin_write()?;
        let found = {
            let mut about = transaction.open_table(ABOUT)?;
            let found = about.get(FORMAT_KEY)?.map(|format| format.value());
            if found.is_none() {
                transaction.open_table(RECORDS)?;
                about.insert(FORMAT_KEY, codec::FORMAT)?;
            }
            found
        };
        transaction.commit()?;
        Ok(found.unwrap_or(codec::FORMAT))
    };
    match stamp().map_err(|why| failed(path, why))? {
        codec::FORMAT => Ok(()),
        upgrade::FORMAT => upgrade::from_text(path, database),
        codec::EARLIER => upgrade::stamp(database).map_err(|why| failed(path, why)),
        found => Err(StoreError::Format {
            path: path.into(),
            found,
        }),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the database may know more failures one day"
)]
fn failed(path: &Path, why: impl Into<redb::Error>) -> StoreError {
    let (path, why) = (path.into(), Box::new(why.into()));
    let is_altered = match &*why {
        redb::Error::Corrupted(_) => true,
        redb::Error::Io(why) => matches!(
            why.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
        ),
        _ => false,
    };
    if is_altered {
        StoreError::Altered { path, why }
    } else {
        StoreError::Failed { path, why }
    }
}
