//! Brings a store of an earlier format to the form of this program: of format 1, whose records and keys are JSON, and
//! of format 2, whose structures have fewer members.

use super::{ABOUT, FORMAT_KEY, RECORDS, StoreError, codec, failed};
use m2m_machine::record::Record;
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use std::path::Path;

/// The form that it reads.
pub(super) const FORMAT: u32 = 1;

const TEXTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");

/// Rewrites all records in one transaction: after a crash the store is as it was, or done.
pub(super) fn from_text(path: &Path, database: &Database) -> Result<(), StoreError> {
    let failed = |why| failed(path, why);
    let transaction = database
        .begin_write()
        .map_err(|why| failed(redb::Error::from(why)))?;
    rewrite(path, &transaction)?;
    let finish = || -> Result<(), redb::Error> {
        transaction.delete_table(TEXTS)?;
        transaction
            .open_table(ABOUT)?
            .insert(FORMAT_KEY, codec::FORMAT)?;
        transaction.commit()?;
        Ok(())
    };
    finish().map_err(failed)?;
    tracing::info!(
        from = FORMAT,
        to = codec::FORMAT,
        "the store has been upgraded"
    );
    Ok(())
}

/// Marks a store whose records are read as they are, so that no older program reads what is written from now on.
pub(super) fn stamp(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction
        .open_table(ABOUT)?
        .insert(FORMAT_KEY, codec::FORMAT)?;
    transaction.commit()?;
    Ok(())
}

fn rewrite(path: &Path, transaction: &WriteTransaction) -> Result<(), StoreError> {
    let failed = |why: redb::Error| failed(path, why);
    let texts = transaction.open_table(TEXTS);
    let texts = texts.map_err(|why| failed(why.into()))?;
    let records = transaction.open_table(RECORDS);
    let mut records = records.map_err(|why| failed(why.into()))?;
    let total = texts.len().map_err(|why| failed(why.into()))?;
    tracing::info!(records = total, "upgrading the store");
    for row in texts.iter().map_err(|why| failed(why.into()))? {
        let (key, text) = row.map_err(|why| failed(why.into()))?;
        let record = read(path, key.value(), text.value())?;
        records
            .insert(
                codec::key(&record.key()).as_slice(),
                codec::encode(&record).as_slice(),
            )
            .map_err(|why| failed(why.into()))?;
    }
    Ok(())
}

fn read(path: &Path, key: &str, text: &[u8]) -> Result<Record, StoreError> {
    codec::from_text(text).map_err(|why| StoreError::Damaged {
        path: path.into(),
        key: key.to_owned(),
        why,
    })
}
