//! The suite against small wrong servers: no case may pass there.
#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]

use std::process::Command;
use std::time::Duration;

use m2m_conformance::case::{Case, Verdict};
use m2m_conformance::mutants::matrix::fingerprint;
use m2m_conformance::mutants::servers::{self, SERVERS};
use m2m_conformance::mutants::{self, Kind};
use m2m_conformance::record::Target;
use m2m_conformance::run::{Finished, Plan, Sut};
use m2m_conformance::{cases, judge, record, report, run};
use tokio::net::TcpListener;

#[tokio::test]
async fn no_case_passes_against_a_wrong_server() {
    for server in SERVERS {
        let finished = play_against(server.name).await;

        for outcome in &finished.outcomes {
            if outcome.id.starts_with("SCHEMA") || outcome.verdict == Verdict::NotApplicable {
                continue;
            }
            let (name, id, verdict) = (server.name, outcome.id, outcome.verdict);
            let allowed = [Verdict::Fail, Verdict::Inconclusive];
            assert!(allowed.contains(&verdict), "{name}, {id}: {verdict:?}");
        }
    }
}

#[tokio::test]
async fn wrong_shapes_are_the_failure_of_their_schema() {
    let finished = play_against("server-odd-member").await;

    let outcome = finished
        .outcomes
        .iter()
        .find(|outcome| outcome.id == "SCHEMA-2")
        .unwrap();
    assert_eq!(outcome.verdict, Verdict::Fail);
}

#[tokio::test]
async fn a_stored_run_is_judged_the_same() {
    let finished = play_against("server-grants").await;
    let events = finished.outcomes.iter().flat_map(|outcome| &outcome.events);
    let stored = record::write(&finished.header, events);

    let (header, events) = record::read(&stored).unwrap();
    let again = judge::replay(&header, &events).await.unwrap();

    assert_eq!(
        report::verdicts(&again),
        report::verdicts(&finished.outcomes)
    );
}

#[test]
fn the_defects_are_listed_with_a_sentence_each() {
    let (code, text) = conformance(&["mutants", "--list", "--json"]);

    let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(list.len(), mutants::all().len());
    for defect in list {
        assert!(defect["sentence"].as_str().unwrap().ends_with('.'));
    }
}

#[test]
fn a_selection_of_nothing_is_an_error() {
    let (code, _) = conformance(&["mutants", "--case", "NONE*"]);

    assert_eq!(code, Some(4));
}

#[test]
fn a_definition_is_recognised_by_its_rules_and_not_by_its_sentence() {
    let defect = *mutants::find("hs-no-key").unwrap();
    let reworded = mutants::Defect {
        sentence: "Another sentence.",
        ..defect
    };
    let changed = mutants::Defect {
        source: "Ask(other)",
        ..defect
    };

    assert_eq!(reworded.fingerprint(), defect.fingerprint());
    assert_ne!(changed.fingerprint(), defect.fingerprint());
}

#[test]
fn a_case_is_recognised_by_what_it_stands_on_and_not_by_its_prose() {
    let case = *cases::find("FLOW-1").unwrap();
    let reworded = Case {
        title: "Another title",
        hint: "",
        ..case
    };
    let moved = Case {
        requirements: &["EST-01"],
        ..case
    };

    assert_eq!(fingerprint(&reworded), fingerprint(&case));
    assert_ne!(fingerprint(&moved), fingerprint(&case));
}

fn conformance(arguments: &[&str]) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_conformance");
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

/// Cases about sessions between two CSEs; in the others a server may be right by being simple.
fn in_a_pair(case: &&'static Case) -> bool {
    case.needs.in_a_pair()
}

async fn play_against(server: &str) -> Finished {
    let Kind::Server(answer) = mutants::find(server).unwrap().kind else {
        panic!("{server} is no server");
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(servers::serve(listener, answer));
    let target = |name: &str| Target::new(&url, &format!("/{name}"), name);
    let targets = vec![target("cse1"), target("cse2")];
    let mut plan = Plan::new(
        cases::all().into_iter().filter(in_a_pair).collect(),
        1,
        Sut {
            name: "a wrong server".to_owned(),
            targets,
            groups: m2m_conformance::case::Group::ALL.to_vec(),
            pair: None,
            foreign: None,
            agent: None,
            registree: None,
        },
    );
    plan.jobs = 32;
    plan.patience = Duration::from_millis(100);
    let finished = run::run(&plan, |_| ()).await;
    server.abort();
    finished
}
