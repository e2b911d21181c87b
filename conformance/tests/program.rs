//! The program as its user meets it: one clear sentence and the right exit code.
#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;
use tempfile::TempDir;

/// Runs the program in a folder of its own, outside any checkout.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_MANIFEST_DIR")
        .output()
        .unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Something that accepts connections and says nothing.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[rstest]
#[case::unknown_flag(&["--no-such-flag"], 64, "unexpected argument")]
#[case::wrong_address(&["run", "--target", "http://h"], 64, "begins with ws://")]
#[case::unknown_case(&["run", "NO-SUCH-CASE"], 4, "no case matches NO-SUCH-CASE")]
#[case::unknown_case_to_explain(&["explain", "NO-SUCH-CASE"], 4, "there is no case")]
#[case::no_checkout(&[], 3, "--target")]
#[case::no_server(&["run", "--target", "ws://127.0.0.1:1"], 3, "cannot reach ws://127.0.0.1:1")]
#[case::no_program(&["run", "--reference-bin", "./none"], 3, "cannot start ./none")]
#[case::no_folder(&["run", "--report", "/dev/null/x"], 70, "cannot write")]
#[case::no_json(&["run", "--json", "/dev/null/x"], 70, "cannot write /dev/null/x")]
#[case::no_run(&["judge", "nowhere"], 70, "cannot read")]
fn what_cannot_work_is_said_in_one_sentence(
    #[case] arguments: &[&str],
    #[case] code: i32,
    #[case] sentence: &str,
) {
    let folder = TempDir::new().unwrap();

    let output = run(folder.path(), arguments);

    let said = errors(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(sentence), "{said}");
}

#[test]
fn a_run_that_never_began_leaves_no_report() {
    let folder = TempDir::new().unwrap();

    run(folder.path(), &["run", "--target", "ws://127.0.0.1:1"]);

    let reports = folder.path().join("target/conformance");
    assert_eq!(std::fs::read_dir(reports).unwrap().count(), 0);
}

#[test]
fn one_target_is_not_enough_for_a_pair_and_the_report_says_so() {
    let folder = TempDir::new().unwrap();
    let (_listener, url) = silent();

    let output = run(
        folder.path(),
        &["run", "FLOW-*", "--target", &url, "--json", "out.json"],
    );

    assert_eq!(output.status.code(), Some(4), "{}", errors(&output));
    let text = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        results["summary"]["not-applicable"],
        results["summary"]["cases"]
    );
    assert_eq!(results["cases"][0]["id"], "FLOW-1");
    assert!(
        results["cases"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("two CSEs")
    );
}

#[test]
fn an_edited_run_is_refused() {
    let folder = TempDir::new().unwrap();
    let (_listener, url) = silent();
    run(folder.path(), &["run", "FLOW-1", "--target", &url]);
    let reports = std::fs::read_dir(folder.path().join("target/conformance")).unwrap();
    let report = reports.into_iter().next().unwrap().unwrap().path();
    let frames = report.join("frames.ndjson");
    let text = std::fs::read_to_string(&frames).unwrap();
    std::fs::write(&frames, text.replace("/cse1", "/cse9")).unwrap();

    let output = run(folder.path(), &["judge", report.to_str().unwrap()]);

    assert_eq!(output.status.code(), Some(70));
    assert!(
        errors(&output).contains("was changed"),
        "{}",
        errors(&output)
    );
}

#[test]
fn a_program_that_ends_at_once_is_quoted() {
    let folder = TempDir::new().unwrap();

    let output = run(folder.path(), &["run", "--reference-bin", "false"]);

    assert_eq!(output.status.code(), Some(3));
    assert!(
        errors(&output).contains("CSE2 ended"),
        "{}",
        errors(&output)
    );
}
