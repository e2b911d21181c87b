//! `snapshot`: normalised transcripts of a system, in the files that `cargo insta` reviews.

use std::path::Path;

use crate::case::Verdict;
use crate::cli::{Selected, SystemOptions, exit};
use crate::command::system::Known;
use crate::command::{Complaint, select};
use crate::console;
use crate::report;
use crate::run;
use crate::transcript;

/// Plays what is selected and writes what has changed since the last review.
pub(super) async fn snapshot(
    selected: &Selected,
    options: &SystemOptions,
    folder: &Path,
) -> Result<u8, Complaint> {
    let cases = select(selected, Path::new("target/conformance"))?;
    let known = Known::read(options)?;
    std::fs::create_dir_all(folder)
        .map_err(|error| Complaint::own(format!("cannot make {}: {error}", folder.display())))?;
    let sut = known.start(options, &cases).await?;
    let mut plan = known.plan(options, cases, sut);
    // A system that begins afresh meets the same names; one that runs on would know them already.
    if options.seed.is_none() && (plan.sut.pair.is_some() || plan.sut.foreign.is_some()) {
        plan.seed = 1;
    }
    let progress = console::Progress::new(plan.cases.len());
    let finished = run::run(&plan, |outcome| progress.done(outcome)).await;
    progress.finish();
    plan.sut.stop().await;
    let (mut same, mut changed) = (0, Vec::new());
    for outcome in &finished.outcomes {
        let played = outcome.verdict != Verdict::NotApplicable && !outcome.story.is_empty();
        if !played {
            continue;
        }
        let text = transcript::render_all(&outcome.story);
        if put(folder, outcome.id, &text)? {
            same += 1;
        } else {
            changed.push(outcome.id);
        }
    }
    console::snapshots(same, &changed, folder);
    Ok(if changed.is_empty() {
        exit::PASSED
    } else {
        exit::FAILED
    })
}

/// Puts a transcript beside the accepted one, if it differs; whether it is the same.
fn put(folder: &Path, id: &str, text: &str) -> Result<bool, Complaint> {
    let accepted = folder.join(format!("{id}.snap"));
    let pending = folder.join(format!("{id}.snap.new"));
    let known = std::fs::read_to_string(&accepted).ok();
    if known.as_deref().and_then(contents) == Some(text.trim_end()) {
        std::fs::remove_file(&pending).ok();
        return Ok(true);
    }
    let file = format!("---\nsource: {id}\n---\n{text}");
    report::write_file(&pending, &file).map_err(Complaint::own)?;
    Ok(false)
}

/// What stands below the head of a snapshot file.
fn contents(file: &str) -> Option<&str> {
    let (_, rest) = file.strip_prefix("---\n")?.split_once("\n---\n")?;
    Some(rest.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_accepted_is_the_same_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = |ending: &str| folder.path().join(format!("A-1.snap{ending}"));

        assert!(!put(folder.path(), "A-1", "one\ntwo\n").unwrap_or(true));
        std::fs::rename(file(".new"), file("")).unwrap();

        assert!(put(folder.path(), "A-1", "one\ntwo\n").unwrap_or(false));
        assert!(!put(folder.path(), "A-1", "one\n").unwrap_or(true));
        assert!(put(folder.path(), "A-1", "one\ntwo\n").unwrap_or(false));
        assert!(!file(".new").exists());
    }
}
