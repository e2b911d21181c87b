//! JUnit XML, as build servers read it.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::case::Verdict;
use crate::report::results::{CaseResult, Results};

/// The results as JUnit XML: a suite per group. Failures are `fail` and `disputed`, errors are
/// `error`; what is inconclusive or does not apply is skipped, with its reason.
///
/// # Panics
/// Never: a report in memory can be written.
#[must_use]
pub fn xml(results: &Results) -> String {
    let mut report = Report::new(format!("conformance of {}", results.sut.name));
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in &results.cases {
        let test = test_case(case);
        match suites.iter_mut().find(|suite| *suite.name == *case.group) {
            Some(suite) => {
                suite.add_test_case(test);
            }
            None => {
                let mut suite = TestSuite::new(case.group.as_str());
                suite.add_test_case(test);
                suites.push(suite);
            }
        }
    }
    report.add_test_suites(suites);
    report
        .to_string()
        .expect("a report in memory can be written")
}

fn test_case(case: &CaseResult) -> TestCase {
    let reason = case.reason.clone().unwrap_or_default();
    let non_success = |kind, message: &str, text: String| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(message).set_type(case.verdict.name());
        status.set_description(text);
        status
    };
    let status = match case.verdict {
        Verdict::Pass | Verdict::PassLenient => TestCaseStatus::success(),
        Verdict::Fail => {
            let text = case.failure.as_ref().map_or(reason, |failure| {
                format!(
                    "requirement {}\nexpected    {}\nactual      {}",
                    failure.requirement, failure.expected, failure.actual
                )
            });
            non_success(NonSuccessKind::Failure, &case.title, text)
        }
        Verdict::Disputed => non_success(NonSuccessKind::Failure, "disputed", reason),
        Verdict::Error => non_success(NonSuccessKind::Error, "error of the suite", reason),
        Verdict::Inconclusive | Verdict::NotApplicable => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}: {reason}", case.verdict.name()));
            status
        }
    };
    let mut test = TestCase::new(case.id.as_str(), status);
    test.set_classname(case.group.as_str())
        .set_time(std::time::Duration::from_millis(case.duration_ms));
    if case.verdict == Verdict::PassLenient {
        test.set_system_out(format!(
            "pass-lenient: {}",
            case.reason.clone().unwrap_or_default()
        ));
    }
    test
}
