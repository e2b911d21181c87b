//! The command line as a new user meets it: what it prints, what it writes, and how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn model(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_model"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file of a test's own.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn json(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path).expect("it was written");
    serde_json::from_str(&text).expect("it is JSON")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn the_list_names_scenarios_with_what_they_look_at() {
    let output = model(&["list"]);
    assert_eq!(code(&output), Some(0));
    let said = said(&output);
    for row in [
        "\nplain\n",
        "\nlive-policy\n",
        "\ndeep (not by default)\n",
        "EST-31",
    ] {
        assert!(said.contains(row), "{row}");
    }
}

#[test]
fn help_teaches_by_examples_and_exit_codes() {
    let output = model(&["--help"]);
    assert_eq!(code(&output), Some(0));
    let said = said(&output);
    assert!(said.contains("Exit status: 0"), "{said}");
    for command in ["check", "graph", "deep", "bench", "random", "trace", "show"] {
        assert_eq!(code(&model(&[command, "--help"])), Some(0), "{command}");
        assert!(said.contains(command), "{command}");
    }
}

#[test]
fn what_there_is_not_is_wrong_usage() {
    for arguments in [
        &["check", "nowhere"][..],
        &["check"],
        &["check", "plain", "--without", "nothing"],
        &["trace", "nothing"],
        &["random", "nowhere"],
        &["graph", "nowhere"],
        &["graph", "plain", "--by", "CSE9"],
        &["deep", "nowhere"],
        &["deep", "plain", "--states", "0"],
        &["bench", "nowhere"],
        &["show", "nowhere.json"],
        &["fly"],
    ] {
        let output = model(arguments);
        assert_eq!(code(&output), Some(2), "{arguments:?}");
        assert!(complained(&output).contains("error"), "{arguments:?}");
    }
}

#[test]
fn a_check_writes_what_it_prints() {
    let path = file("plain.json");
    let output = model(&["check", "plain", "--json", text(&path)]);
    assert_eq!(code(&output), Some(0), "{}", said(&output));
    assert!(said(&output).contains("holds EST-04 EST-31"));
    let written = json(&path);
    let row = &written["scenarios"][0];
    assert_eq!(row["name"], "plain");
    assert_eq!(row["complete"], true);
    assert_eq!(row["holds"], serde_json::json!(["EST-04", "EST-31"]));
    for number in ["unique", "transitions", "depth"] {
        assert!(row[number].as_u64() > Some(1), "{number}");
        assert!(said(&output).contains(&row[number].to_string()), "{number}");
    }
    assert_eq!(written["catalogue"]["total"], 116);
}

#[test]
fn a_rule_that_is_switched_off_is_missed_and_its_counterexample_can_be_shown_again() {
    let path = file("without.json");
    let output = model(&[
        "check",
        "plain",
        "--without",
        "EST-31",
        "--export",
        text(&path),
    ]);
    assert_eq!(code(&output), Some(1), "{}", said(&output));
    let first = said(&output);
    assert!(first.contains("BROKEN in plain: EST-31"), "{first}");
    let again = model(&["show", text(&path)]);
    assert_eq!(code(&again), Some(0), "{}", complained(&again));
    let ladder = |text: &str| -> Vec<String> {
        let rows = text
            .lines()
            .filter(|row| row.contains("  |") || row.contains("o---"));
        rows.map(str::to_owned).collect()
    };
    assert!(!ladder(&first).is_empty());
    assert_eq!(ladder(&first), ladder(&said(&again)));
}

#[test]
fn a_livelock_is_shown_with_the_loop_that_it_ends_in() {
    let path = file("lasso.json");
    let output = model(&[
        "check",
        "live-end",
        "--without",
        "END-34",
        "--export",
        text(&path),
    ]);
    assert_eq!(code(&output), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("from here on for ever"),
        "{}",
        said(&output)
    );
    let again = model(&["show", text(&path)]);
    assert_eq!(code(&again), Some(0), "{}", complained(&again));
    assert!(said(&again).contains("from here on for ever"));
}

#[test]
fn a_trace_is_a_ladder_diagram() {
    let output = model(&["trace", "EST-31"]);
    assert_eq!(code(&output), Some(0));
    assert!(said(&output).contains("AE1      CSE1     CSE2     AE2"));
    assert!(said(&output).contains("F1-07 CREATE session"));
}

#[test]
fn a_seed_takes_the_same_walk_again() {
    let walk = |seed: &str| model(&["random", "plain", "--seed", seed, "--steps", "500"]);
    let (one, two) = (walk("7"), walk("7"));
    assert_eq!(code(&one), Some(0), "{}", said(&one));
    assert_eq!(said(&one), said(&two));
    assert!(said(&one).contains("500 steps"));
}

#[test]
fn a_graph_is_drawn_in_both_languages() {
    let dot = model(&["graph", "plain", "--by", "cse2"]);
    assert_eq!(code(&dot), Some(0));
    assert!(said(&dot).starts_with("digraph \"plain\" {"));
    let mermaid = model(&["graph", "plain", "--format", "mermaid"]);
    assert_eq!(code(&mermaid), Some(0));
    assert!(said(&mermaid).contains("stateDiagram-v2"));
}

#[test]
fn a_bounded_search_says_that_it_proves_nothing() {
    let path = file("deep.json");
    let output = model(&["deep", "plain", "--states", "100", "--json", text(&path)]);
    assert_eq!(code(&output), Some(0), "{}", said(&output));
    assert!(said(&output).contains("nothing is proved"));
    let written = json(&path);
    assert_eq!(written["complete"], false);
    assert_eq!(written["end"], "bounded");
    assert!(written["unique"].as_u64() >= Some(100));
    let whole = model(&["deep", "plain", "--states", "1000000"]);
    assert_eq!(code(&whole), Some(0));
    assert!(said(&whole).contains("complete: every reachable state"));
}

#[cfg(unix)]
#[test]
fn a_search_that_is_interrupted_is_reported_as_unfinished() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let mut search = Command::new(env!("CARGO_BIN_EXE_model"))
        .args(["deep", "--memory", "2", "--minutes", "5"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut out = BufReader::new(search.stdout.take().expect("it is piped"));
    let mut said = String::new();
    out.read_line(&mut said).expect("it says what it does");

    let interrupted = Command::new("kill")
        .args(["-INT", &search.id().to_string()])
        .status()
        .expect("there is kill");
    assert!(interrupted.success());

    out.read_to_string(&mut said).expect("it goes on in words");
    assert_eq!(search.wait().expect("it ends").code(), Some(1), "{said}");
    assert!(said.contains("UNFINISHED"), "{said}");
}
