//! The subcommands on stored runs, and how a run is selected, ordered, repeated and cut short.
#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]

mod fake;

use std::path::Path;

use fake::{Manners, errors, printed, report, results, run, server};
use m2m_conformance::schema;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with one stored run of these cases against a system that grants everything.
async fn stored(cases: &[&str], more: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let url = format!("ws://127.0.0.1:{}", server(Manners::Grants).await);
    let target = ["--target", &url, "--patience", "2000"];
    let arguments = [&["run"], cases, &target, more].concat();
    let output = run(folder.path(), &arguments).await;
    assert!(output.status.code() < Some(64), "{}", errors(&output));
    folder
}

fn ids(results: &Value, verdict: &str) -> Vec<String> {
    let cases = results["cases"].as_array().unwrap().iter();
    let found = cases.filter(|case| case["verdict"] == verdict);
    found
        .map(|case| case["id"].as_str().unwrap().to_owned())
        .collect()
}

fn path(folder: &Path) -> String {
    report(folder).to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_results_keep_to_their_schema() {
    let folder = stored(&["HSK-01", "RES-01", "FLOW-1"], &["--repeat", "2"]).await;
    let validator = schema::compile("report/results.schema.json");
    let good = results(folder.path());

    assert!(validator.is_valid(&good), "{good}");
    for (place, wrong) in [
        ("/cases/0/verdict", Value::from("perhaps")),
        ("/summary/pass", Value::from(-1)),
        ("/suite/seed", Value::from("seed")),
        ("/cases", Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = wrong;
        assert!(!validator.is_valid(&bad), "{place}");
    }
    let mut bad = good;
    bad["more"] = Value::from(1);
    assert!(!validator.is_valid(&bad));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_as_its_own_baseline_says_and_stale_entries_are_found() {
    let folder = stored(&["HSK-01", "RES-0*"], &[]).await;
    let failed = ids(&results(folder.path()), "fail");
    assert!(!failed.is_empty());
    let report = path(folder.path());
    let made = run(folder.path(), &["baseline", &report, "--write", "b.toml"]).await;
    assert_eq!(made.status.code(), Some(0), "{}", errors(&made));
    let against = ["baseline", &report, "--against", "b.toml"];

    let same = run(folder.path(), &against).await;
    let text = std::fs::read_to_string(folder.path().join("b.toml")).unwrap();
    let stale = format!("{text}HSK-01 = {{ verdict = \"fail\", reason = \"x\" }}\n");
    std::fs::write(folder.path().join("b.toml"), stale).unwrap();
    let with_stale = run(folder.path(), &against).await;
    let less: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains(&failed[0]))
        .collect();
    std::fs::write(folder.path().join("b.toml"), less.join("\n")).unwrap();
    let without_one = run(folder.path(), &against).await;

    assert_eq!(same.status.code(), Some(0), "{}", printed(&same));
    assert_eq!(with_stale.status.code(), Some(1));
    assert!(printed(&with_stale).contains("HSK-01: pass instead of the expected fail"));
    assert_eq!(without_one.status.code(), Some(1));
    assert!(printed(&without_one).contains(&format!("{}: fail", failed[0])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_its_baseline_passes() {
    let folder = stored(&["RES-01"], &[]).await;
    let report = path(folder.path());
    run(folder.path(), &["baseline", &report, "--write", "b.toml"]).await;
    let url = format!("ws://127.0.0.1:{}", server(Manners::Grants).await);

    let arguments = ["run", "RES-01", "--target", &url, "--baseline", "b.toml"];
    let output = run(folder.path(), &arguments).await;
    std::fs::write(
        folder.path().join("b.toml"),
        "[expected]\nRES-01={verdict='fail',reason=' '}",
    )
    .unwrap();
    let unreasoned = run(folder.path(), &arguments).await;

    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert_eq!(unreasoned.status.code(), Some(64));
    assert!(errors(&unreasoned).contains("RES-01 has no reason"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_pass_can_be_selected_again() {
    let folder = stored(&["HSK-01", "RES-01"], &[]).await;

    let output = run(folder.path(), &["list", "--failed"]).await;

    let listed = printed(&output);
    assert!(
        listed.contains("RES-01") && !listed.contains("HSK-01"),
        "{listed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_varies_is_said_to_be_flaky_and_judged_the_same() {
    let folder = TempDir::new().unwrap();
    let url = format!("ws://127.0.0.1:{}", server(Manners::Moody).await);

    let arguments = [
        "run", "HSK-01", "--target", &url, "--repeat", "4", "--jobs", "1",
    ];
    let output = run(folder.path(), &arguments).await;

    let said = printed(&output);
    assert!(
        said.contains("not the same each time: 2 × pass, 2 × fail"),
        "{said}"
    );
    assert_eq!(results(folder.path())["summary"]["flaky"], 1);
    let judged = run(folder.path(), &["judge", &path(folder.path())]).await;
    assert!(
        printed(&judged).contains("equal the stored"),
        "{}",
        printed(&judged)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_case_begins_after_the_last_failure_allowed() {
    let folder = stored(
        &["RES-*"],
        &["--max-fail", "2", "--jobs", "1", "--shuffle", "3"],
    )
    .await;

    let results = results(folder.path());

    assert_eq!(ids(&results, "fail").len(), 2, "{results}");
    assert!(results["stopped"].as_str().unwrap().contains("2 failed"));
    assert!(results["left_out"].as_array().unwrap().len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_contacts_nobody_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "run",
        "--group",
        "session",
        "--dry-run",
        "--target",
        "ws://127.0.0.1:1",
    ];

    let output = run(folder.path(), &arguments).await;

    let said = printed(&output);
    assert!(
        said.contains("FLOW-1") && said.contains("does not apply"),
        "{said}"
    );
    assert!(!folder.path().join("target").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_stand_side_by_side() {
    let one = stored(&["HSK-01", "RES-01"], &[]).await;
    let other = stored(&["HSK-01"], &[]).await;
    let (one_run, other_run) = (path(one.path()), path(other.path()));
    let files = ["--html", "m.html", "--markdown", "m.md"];

    let arguments = [&["matrix", &one_run, &other_run][..], &files[..]].concat();
    let output = run(one.path(), &arguments).await;

    let said = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let row = said
        .lines()
        .find(|line| line.starts_with("RES-01"))
        .unwrap();
    assert!(row.contains("fail") && row.contains("not played"), "{said}");
    let markdown = std::fs::read_to_string(one.path().join("m.md")).unwrap();
    assert!(markdown.contains("| HSK-01 | pass | pass |"), "{markdown}");
    let page = std::fs::read_to_string(one.path().join("m.html")).unwrap();
    assert!(page.contains("HSK-01") && page.contains("not played"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_is_asked_what_it_supports() {
    let folder = TempDir::new().unwrap();
    let url = format!("ws://127.0.0.1:{}", server(Manners::Grants).await);

    let output = run(
        folder.path(),
        &["ics", "check", "--target", &url, "--patience", "200"],
    )
    .await;

    let said = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("handshake     yes"), "{said}");
    assert!(
        said.contains("resources is declared and not offered"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_explained_with_its_messages() {
    let folder = stored(&["RES-01"], &[]).await;

    let output = run(folder.path(), &["explain", "res-01"]).await;

    let said = printed(&output);
    assert!(said.contains("Requirement REG-28: "), "{said}");
    assert!(said.contains("-> {\"op\":1"), "{said}");
}

/// A case that could not be decided is played once more; what came before is kept and counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_attempt_stays_in_the_run() {
    let folder = TempDir::new().unwrap();
    let url = format!("ws://127.0.0.1:{}", server(Manners::Wakes).await);
    let arguments = ["run", "RES-01", "--target", &url, "--patience", "200"];

    run(folder.path(), &arguments).await;

    let frames = std::fs::read_to_string(report(folder.path()).join("frames.ndjson")).unwrap();
    let events: Vec<Value> = frames
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let odd = |event: &Value| {
        event["text"]
            .as_str()
            .is_some_and(|text| text.contains("odd"))
    };
    let first = events.iter().find(|event| odd(event)).unwrap();
    assert!(first.get("attempt").is_none(), "{first}");
    assert!(events.iter().any(|event| event["attempt"] == 1));
    let failed = ids(&results(folder.path()), "fail");
    assert_eq!(failed, ["RES-01", "SCHEMA-2"]);
    let judged = run(folder.path(), &["judge", &path(folder.path())]).await;
    assert!(
        printed(&judged).contains("equal the stored"),
        "{}",
        printed(&judged)
    );
}
