//! The suite against small wrong servers: no case may pass there.
#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]

use std::time::Duration;

use m2m_conformance::case::{Case, Verdict};
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
        },
    );
    plan.jobs = 32;
    plan.patience = Duration::from_millis(100);
    let finished = run::run(&plan, |_| ()).await;
    server.abort();
    finished
}
