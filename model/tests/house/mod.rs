//! Finding and reading the files of this workspace.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds all packages.
pub(crate) fn root() -> PathBuf {
    let model = Path::new(env!("CARGO_MANIFEST_DIR"));
    model
        .parent()
        .expect("the model has a parent folder")
        .to_owned()
}

/// The text of a file that must exist.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}", shown(path)))
}

/// A path as it is shown to people, from the root on.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// All files in order but those of version control and of the compiler; none where there is no such folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .filter(|path| !path.ends_with(".git") && !path.ends_with("target"))
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
