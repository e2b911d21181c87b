//! A new database is made aside, and gets its name when it is whole: a start that is killed, or that finds no room,
//! leaves nothing behind that the next one would take for a damaged store.

use super::builder;
use redb::DatabaseError;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// What is being made ends like this, after the number of the process.
const SUFFIX: &str = ".new";

/// Sees to it that there is a database in this file, which nobody else may read if it is made here.
pub(super) fn ensure(file: &Path) -> Result<(), DatabaseError> {
    if !file.exists() {
        let aside = file.with_extension(format!("{}{SUFFIX}", std::process::id()));
        let made = make(&aside).and_then(|()| Ok(name(&aside, file)?));
        let _ = fs::remove_file(&aside);
        made?;
    }
    remove_leftovers(file)?;
    Ok(())
}

fn make(aside: &Path) -> Result<(), DatabaseError> {
    let _ = fs::remove_file(aside);
    let mut options = OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(aside)?;
    builder().create(aside).map(drop)
}

/// Gives what was made its name, unless another process has been faster.
fn name(aside: &Path, file: &Path) -> io::Result<()> {
    match fs::hard_link(aside, file) {
        Err(_) if file.exists() => return Ok(()),
        // Not every file system has a second name for a file.
        Err(_) => fs::rename(aside, file)?,
        Ok(()) => {}
    }
    match file.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

/// Removes what starts that were killed have left.
fn remove_leftovers(file: &Path) -> io::Result<()> {
    let (Some(folder), Some(stem)) = (file.parent(), file.file_stem()) else {
        return Ok(());
    };
    let is_leftover = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = name.strip_prefix(&*stem.to_string_lossy());
        let number = rest.and_then(|rest| rest.strip_prefix('.')?.strip_suffix(SUFFIX));
        number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    };
    let found = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    for leftover in found.filter(is_leftover) {
        // Nobody reads it; that it stays is no reason not to start.
        let _ = fs::remove_file(leftover);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it is there");
        let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        entries.filter_map(name).collect()
    }

    #[test]
    fn a_database_that_cannot_be_made_leaves_nothing_under_its_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let in_the_way = format!("records.{}.new", std::process::id());
        fs::create_dir(folder.path().join(&in_the_way)).expect("it is writable");

        assert!(ensure(&folder.path().join("records.redb")).is_err());

        assert_eq!(names(folder.path()), [in_the_way]);
    }

    #[test]
    fn what_a_start_left_that_was_killed_is_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("records.1.new"), "half of it").expect("it is writable");

        for _ in 0..2 {
            ensure(&folder.path().join("records.redb")).expect("there is room");
            assert_eq!(names(folder.path()), ["records.redb"]);
        }
    }

    #[test]
    fn who_is_slower_takes_what_is_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (aside, file) = (folder.path().join("aside"), folder.path().join("file"));
        fs::write(&aside, "slow").expect("it is writable");
        fs::write(&file, "fast").expect("it is writable");

        name(&aside, &file).expect("there is one");

        assert_eq!(fs::read_to_string(&file).expect("it is there"), "fast");
    }
}
