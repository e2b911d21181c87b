//! Builds the reference with the cargo, profile and target folder of this very program.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::sut::SutError;

/// Builds the programs `cse` and `ae`, and returns the path of the first. Cargo's own progress goes to standard error.
///
/// # Errors
/// Without cargo, or if the build fails.
pub async fn reference(checkout: &Path) -> Result<PathBuf, SutError> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(&cargo);
    command
        .current_dir(checkout)
        .args([
            "build", "--locked", "-p", "m2m-cse", "--bin", "cse", "--bin", "ae",
        ])
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    // Build scripts that watch what describes this package would run again, and all that depends on them.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if let Some(folder) = target_folder() {
        command.arg("--target-dir").arg(folder);
    }
    let no_cargo = |source| SutError::NoCargo {
        cargo: cargo.clone(),
        source,
    };
    let mut child = command.spawn().map_err(no_cargo)?;
    let output = child.stdout.take().expect("standard output is a pipe");
    let mut lines = BufReader::new(output).lines();
    let mut found = None;
    while let Ok(Some(line)) = lines.next_line().await {
        found = executable(&line).or(found);
    }
    let status = child.wait().await.map_err(no_cargo)?;
    if !status.success() {
        return Err(SutError::Build);
    }
    found.ok_or(SutError::Build)
}

/// The path of the `cse` program, if this message of cargo names it.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_cse = message["target"]["name"] == "cse";
    let path = message["executable"].as_str().filter(|_| is_cse)?;
    Some(PathBuf::from(path))
}

/// The folder of the workspace: where cargo runs us from, else above the current folder.
///
/// # Errors
/// If there is none.
pub fn checkout() -> Result<PathBuf, SutError> {
    let started_in = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = started_in
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default();
    let holds_us = |folder: &&Path| {
        let manifest = std::fs::read_to_string(folder.join("impl/Cargo.toml"));
        manifest.is_ok_and(|text| text.contains("name = \"m2m-cse\""))
    };
    let found = start.ancestors().find(holds_us).map(Path::to_owned);
    found.ok_or(SutError::NoCheckout)
}

/// The target folder this program was built into, if it still lies there.
fn target_folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    program
        .ancestors()
        .skip(1)
        .find(is_target)
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_read_from_cargos_message() {
        let line =
            r#"{"reason":"compiler-artifact","target":{"name":"cse"},"executable":"/t/cse"}"#;

        assert_eq!(executable(line), Some(PathBuf::from("/t/cse")));
    }

    #[test]
    fn other_messages_name_no_executable() {
        for line in ["", "{}", r#"{"target":{"name":"ae"},"executable":"/t/ae"}"#] {
            assert_eq!(executable(line), None, "{line}");
        }
    }
}
