//! Every case against the reference CSEs: it passes, and its transcript is the one on record.
//!
//! One pair of CSEs serves all tests of this file; it is built and started by the first of them.
#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use m2m_conformance::case::{Case, Verdict};
use m2m_conformance::outcome::Outcome;
use m2m_conformance::profile::{Agent, Registree};
use m2m_conformance::run::{self, Plan, Sut};
use m2m_conformance::sut::{Identity, Pair, USUAL, build};
use m2m_conformance::{cases, judge, record, report, transcript};
use rstest::rstest;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

struct Reference {
    runtime: Runtime,
    sut: Sut,
}

/// Cases that are played alone hold this for writing, all others for reading.
static ALONE: RwLock<()> = RwLock::new(());

type Turn = (
    Option<RwLockWriteGuard<'static, ()>>,
    Option<RwLockReadGuard<'static, ()>>,
);

fn turn(case: &Case) -> Turn {
    let alone = case.needs.alone();
    let write = || ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let read = || ALONE.read().unwrap_or_else(PoisonError::into_inner);
    (alone.then(write), (!alone).then(read))
}

fn reference() -> &'static Reference {
    static STARTED: OnceLock<Reference> = OnceLock::new();
    STARTED.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let sut = runtime.block_on(async {
            let program = build::reference(&build::checkout().unwrap()).await.unwrap();
            let pair = Pair::start(&program, USUAL).await.unwrap();
            let targets = pair.targets();
            let name = "the reference CSEs".to_owned();
            Sut {
                name,
                targets,
                groups: m2m_conformance::case::Group::ALL.to_vec(),
                pair: Some(Arc::new(Mutex::new(pair))),
                foreign: None,
                agent: Agent::beside(&program),
                registree: Some(Registree::reference(&program)),
            }
        });
        Reference { runtime, sut }
    })
}

/// Requirements that a case lists, and that none of its verifiers looked at.
fn unchecked(outcome: &Outcome) -> Vec<&'static str> {
    let listed = outcome.requirements.iter().copied();
    listed.filter(|&id| !outcome.checked.contains(id)).collect()
}

#[rstest]
#[case::flow_1("FLOW-1")]
#[case::flow_2("FLOW-2")]
#[case::flow_2b("FLOW-2b")]
#[case::flow_3("FLOW-3")]
#[case::flow_3a("FLOW-3A")]
#[case::flow_3x("FLOW-3X")]
#[case::flow_3d("FLOW-3D")]
#[case::err_01("ERR-01")]
#[case::err_02("ERR-02")]
#[case::err_03("ERR-03")]
#[case::err_04("ERR-04")]
#[case::err_05("ERR-05")]
#[case::err_06("ERR-06")]
#[case::err_07("ERR-07")]
#[case::err_08("ERR-08")]
#[case::err_09("ERR-09")]
#[case::err_11("ERR-11")]
#[case::err_13("ERR-13")]
#[case::err_14("ERR-14")]
#[case::err_15("ERR-15")]
#[case::err_17("ERR-17")]
#[case::err_18("ERR-18")]
#[case::err_19("ERR-19")]
#[case::err_20("ERR-20")]
#[case::err_21("ERR-21")]
#[case::relink_1("RELINK-1")]
#[case::relink_2("RELINK-2")]
#[case::relink_3("RELINK-3")]
#[case::res_47("RES-47")]
#[case::restart_1("RESTART-1")]
fn the_reference_passes(#[case] id: &'static str) {
    let case = cases::find(id).unwrap();
    let reference = reference();
    let mut plan = Plan::new(vec![case], 7, reference.sut.clone());
    plan.jobs = 1;

    let _turn = turn(case);
    let finished = reference.runtime.block_on(run::run(&plan, |_| ()));

    for outcome in &finished.outcomes {
        let why = (&outcome.failure, &outcome.reason, &finished.lost);
        assert_eq!(outcome.verdict, Verdict::Pass, "{}: {why:?}", outcome.id);
    }
    assert_eq!(
        unchecked(&finished.outcomes[0]),
        [""; 0],
        "{id} lists what it never checks"
    );
    let events = finished.outcomes.iter().flat_map(|outcome| &outcome.events);
    let (header, events) = record::read(&record::write(&finished.header, events)).unwrap();
    let again = reference
        .runtime
        .block_on(judge::replay(&header, &events))
        .unwrap();
    assert_eq!(
        report::verdicts(&again),
        report::verdicts(&finished.outcomes)
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!(id, transcript::render(&finished.outcomes[0].story));
    });
}

/// One case of each configuration beside the pair, with all its messages.
#[rstest]
#[case::a("LOC-03")]
#[case::b("INI-FLOW-3")]
#[case::c("TGT-FLOW-3")]
#[case::d("TRN-FLOW")]
#[case::f("AE-05")]
#[case::h("MCC-07")]
fn the_transcript_is_the_one_on_record(#[case] id: &'static str) {
    let case = cases::find(id).unwrap();
    let reference = reference();
    // Names of its own beside those of the other tests.
    let mut plan = Plan::new(vec![case], 9, reference.sut.clone());
    plan.jobs = 1;
    let _turn = turn(case);

    let finished = reference.runtime.block_on(run::run(&plan, |_| ()));

    let outcome = &finished.outcomes[0];
    let why = (&outcome.failure, &outcome.reason);
    assert_eq!(outcome.verdict, Verdict::Pass, "{id}: {why:?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!(id, transcript::render_all(&outcome.story));
    });
}

/// Nothing hangs on what the CSEs are called.
#[test]
fn a_pair_with_other_names_passes_as_well() {
    let other = [("/mn-y", "base1"), ("/in-x", "base2")];
    let identities = other.map(|(cse_id, name)| Identity { cse_id, name });
    let runtime = Runtime::new().unwrap();
    let sut = runtime.block_on(async {
        let program = build::reference(&build::checkout().unwrap()).await.unwrap();
        let pair = Pair::start(&program, identities).await.unwrap();
        Sut {
            targets: pair.targets(),
            pair: Some(Arc::new(Mutex::new(pair))),
            ..reference().sut.clone()
        }
    });
    let mut flows = cases::all();
    flows.retain(|case| case.id.starts_with("FLOW-"));
    let mut plan = Plan::new(flows, 7, sut);
    plan.jobs = 4;

    let finished = runtime.block_on(run::run(&plan, |_| ()));

    for outcome in &finished.outcomes {
        let why = (&outcome.failure, &outcome.reason, &finished.lost);
        assert_eq!(outcome.verdict, Verdict::Pass, "{}: {why:?}", outcome.id);
    }
}

/// What a case waits for beside the system is not the system's fault.
#[test]
fn a_small_patience_fails_nothing() {
    let reference = reference();
    let mut timed = cases::all();
    timed.retain(|case| !in_a_pair(case) && case.script.tags.contains(&"timing"));
    // Names of its own beside those of the other tests.
    let mut plan = Plan::new(timed, 8, reference.sut.clone());
    plan.jobs = 4;
    plan.patience = Duration::from_millis(900);
    let _shared = ALONE
        .read()
        .unwrap_or_else(|poisoned| poisoned.into_inner());

    let finished = reference.runtime.block_on(run::run(&plan, |_| ()));

    for outcome in &finished.outcomes {
        let why = (&outcome.failure, &outcome.reason);
        assert_ne!(outcome.verdict, Verdict::Fail, "{}: {why:?}", outcome.id);
    }
}

fn in_a_pair(case: &&'static Case) -> bool {
    case.needs.in_a_pair()
}

#[test]
fn the_reference_passes_where_one_cse_is_enough() {
    let reference = reference();
    let mut plan = Plan::new(
        cases::all()
            .into_iter()
            .filter(|case| !in_a_pair(case))
            .collect(),
        7,
        reference.sut.clone(),
    );
    plan.jobs = 4;
    let _shared = ALONE
        .read()
        .unwrap_or_else(|poisoned| poisoned.into_inner());

    let finished = reference.runtime.block_on(run::run(&plan, |_| ()));

    for outcome in &finished.outcomes {
        let why = (&outcome.failure, &outcome.reason, &finished.lost);
        let good = [Verdict::Pass, Verdict::PassLenient].contains(&outcome.verdict);
        assert!(good, "{}: {why:?}", outcome.id);
    }
    let cases = finished
        .outcomes
        .iter()
        .filter(|outcome| !outcome.events.is_empty());
    let idle: Vec<_> = cases
        .map(|outcome| (outcome.id, unchecked(outcome)))
        .filter(|(_, idle)| !idle.is_empty())
        .collect();
    assert!(idle.is_empty(), "listed and never checked: {idle:?}");
    let events = finished.outcomes.iter().flat_map(|outcome| &outcome.events);
    let (header, events) = record::read(&record::write(&finished.header, events)).unwrap();
    let again = reference
        .runtime
        .block_on(judge::replay(&header, &events))
        .unwrap();
    assert_eq!(
        report::verdicts(&again),
        report::verdicts(&finished.outcomes)
    );
}

#[test]
fn every_case_is_tested_here_and_every_transcript_has_a_case() {
    let own = include_str!("cse.rs");
    for case in cases::all().into_iter().filter(in_a_pair) {
        assert!(
            own.contains(&format!("(\"{}\")", case.id)),
            "{} is not tested",
            case.id
        );
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let files = std::fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let recorded: BTreeSet<String> = names.filter(|name| name.ends_with(".snap")).collect();
    let tested = |case: &&Case| own.contains(&format!("(\"{}\")", case.id));
    let expected = cases::all()
        .into_iter()
        .filter(tested)
        .map(|case| format!("{}.snap", case.id));
    assert_eq!(recorded, expected.collect());
}
