//! Reads the specification and the sources as text and checks that they speak of the same requirements.
//!
//! For each requirement in `specs/requirements` it counts where it is carried out (comment lines that hold identifiers
//! only, in the machine and in its host) and what shows that it holds: properties (names in `model/src` that begin with
//! the identifier), conformance cases (string literals in `conformance/src` that name it) and tests of the machine and
//! of its host (messages and comments that name it). How to write each stands in `specs/README.md`.

#[path = "traceability/evidence.rs"]
mod evidence;
mod house;
#[path = "traceability/specification.rs"]
mod specification;

use std::collections::{BTreeMap, BTreeSet};

use evidence::{
    BY_CONSTRUCTION, Evidence, begins_as_site, evidence, files_with, gap, named_by_tests, parted,
    rule_sources, site_identifiers, string_literals,
};
use house::{read, root, shown};
use specification::{
    CHAPTERS, Level, decisions, identifiers, identifiers_in, level_name, requirement,
    requirement_faults, requirement_file, requirements,
};

const QUESTIONS: u32 = 43;
const INCONSISTENCIES: u32 = 33;

#[test]
fn every_requirement_line_keeps_the_grammar() {
    let faults: Vec<String> = CHAPTERS
        .iter()
        .flat_map(|(chapter, file)| requirement_faults(chapter, &requirement_file(file)))
        .collect();

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_identifier_is_defined_once() {
    let mut seen = BTreeSet::new();

    let doubles: Vec<String> = requirements()
        .into_iter()
        .filter(|requirement| !seen.insert(requirement.id.clone()))
        .map(|requirement| requirement.id)
        .collect();

    assert!(doubles.is_empty(), "defined twice: {doubles:?}");
}

#[test]
fn the_numbers_of_a_chapter_have_no_holes() {
    let known = identifiers();

    for (chapter, _) in CHAPTERS {
        let count = known.iter().filter(|id| id.starts_with(chapter)).count();
        let last = format!("{chapter}-{count:02}");
        assert!(
            known.contains(&last),
            "{chapter} has {count} requirements but no {last}"
        );
    }
}

#[test]
fn no_text_names_an_unknown_identifier() {
    let known = identifiers();
    let root = root();

    let unknown: Vec<String> = files_with(&root, &["rs", "md"])
        .into_iter()
        .filter(|path| !path.ends_with("tests/traceability.rs"))
        .flat_map(|path| {
            let text = read(&path);
            identifiers_in(&text)
                .into_iter()
                .filter(|id| !known.contains(id))
                .map(|id| format!("{}: {id}", shown(&path)))
                .collect::<Vec<_>>()
        })
        .collect();

    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn a_site_is_a_comment_of_identifiers_only() {
    let faults: Vec<String> = rule_sources()
        .into_iter()
        .flat_map(|path| {
            read(&path)
                .lines()
                .enumerate()
                .filter(|(_, line)| begins_as_site(line) && site_identifiers(line).is_none())
                .map(|(at, line)| format!("{}:{}: {}", shown(&path), at + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();

    assert!(
        faults.is_empty(),
        "more than identifiers on the line:\n{}",
        faults.join("\n")
    );
}

#[test]
fn every_question_and_inconsistency_is_answered() {
    let answered: BTreeSet<String> = decisions()
        .into_iter()
        .filter_map(|decision| decision.answers)
        .collect();

    let expected = (1..=QUESTIONS)
        .map(|n| format!("Q{n}"))
        .chain((1..=INCONSISTENCIES).map(|n| format!("I{n}")));
    let missing: Vec<String> = expected.filter(|key| !answered.contains(key)).collect();

    assert!(missing.is_empty(), "without decision: {missing:?}");
}

#[test]
fn every_decision_is_complete_and_names_what_depends_on_it() {
    for (index, decision) in decisions().iter().enumerate() {
        let number = &decision.number;
        assert_eq!(
            *number,
            format!("D-{:02}", index + 1),
            "decisions are numbered in order"
        );
        for part in ["Decision: ", "Reason: ", "Depends: "] {
            assert!(decision.text.contains(part), "{number} lacks `{part}`");
        }
        let depends = decision.text.split("Depends: ").nth(1).unwrap_or_default();
        assert!(
            depends.starts_with("none, because ") || !identifiers_in(depends).is_empty(),
            "{number} names no requirement and gives no reason for that"
        );
    }
}

#[test]
fn requirements_and_decisions_point_at_each_other() {
    let decisions: BTreeMap<String, String> = decisions()
        .into_iter()
        .map(|decision| (decision.number, decision.text))
        .collect();

    for requirement in requirements() {
        for number in requirement
            .sources
            .iter()
            .filter_map(|source| source.strip_prefix("decision "))
        {
            let text = decisions.get(number);
            assert!(
                text.is_some(),
                "{} cites {number}, which does not exist",
                requirement.id
            );
            let named = text.is_some_and(|text| identifiers_in(text).contains(&requirement.id));
            assert!(
                named || requirement.level == Level::Withdrawn,
                "{} cites {number}, which does not name it",
                requirement.id
            );
        }
    }
}

#[test]
fn every_must_is_carried_out_and_shown_to_hold() {
    let evidence = evidence();

    let gaps: Vec<String> = requirements()
        .iter()
        .map(|requirement| {
            (
                &requirement.id,
                gap(requirement, &evidence[&requirement.id]),
            )
        })
        .filter(|(_, gap)| !gap.is_empty())
        .map(|(id, gap)| format!("{id}: {gap}"))
        .collect();

    assert!(
        gaps.is_empty(),
        "see the kinds of evidence in specs/README.md:\n{}",
        gaps.join("\n")
    );
}

#[test]
fn what_holds_by_construction_names_a_type_that_exists() {
    let known = identifiers();

    for (id, name, file, why) in BY_CONSTRUCTION {
        let text = read(&root().join(file));
        let is_declared = ["struct", "enum"].iter().any(|kind| {
            let declaration = format!("{kind} {name}");
            let mut rests = text.split(&declaration).skip(1);
            rests.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        });
        assert!(known.contains(*id), "{id} is no requirement");
        assert!(is_declared, "{file} declares no {name} for {id}");
        assert!(!why.is_empty(), "{id} needs a reason");
    }
}

#[test]
fn coverage() {
    let evidence = evidence();
    let mut table = String::from("id      level      machine  host  model  case  test  gap\n");
    let mut gaps = 0;

    for requirement in requirements() {
        let Evidence {
            machine,
            host,
            model,
            cases,
            tests,
        } = evidence[&requirement.id];
        let gap = gap(&requirement, &evidence[&requirement.id]);
        gaps += usize::from(!gap.is_empty());
        let level = level_name(requirement.level);
        let row = format!(
            "{}  {level:<9}  {machine:>7}  {host:>4}  {model:>5}  {cases:>4}  {tests:>4}  {gap}",
            requirement.id
        );
        table.push_str(row.trim_end());
        table.push('\n');
    }
    table.push_str(&format!(
        "\n{} requirements, {gaps} with a gap\n",
        evidence.len()
    ));

    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("traceability", table));
}

// The reader itself.

#[test]
fn the_grammar_refuses_what_it_should() {
    let good = "- **EST-04** (MUST; safety; flow 1 step 17) A sentence.";
    assert!(requirement(good).is_ok());

    for (part, broken) in [
        ("EST-04", "EST-4"),
        ("MUST", "SHALL"),
        ("safety; ", ""),
        ("flow 1 step 17", "hearsay"),
        ("A sentence.", "Two. Sentences."),
        ("A sentence.", "no end"),
    ] {
        let line = good.replace(part, broken);
        assert!(requirement(&line).is_err(), "accepted: {line}");
    }
}

#[test]
fn sites_and_literals_are_told_from_prose() {
    assert_eq!(
        site_identifiers("    // EST-04, USE-12"),
        Some(vec!["EST-04".into(), "USE-12".into()])
    );
    assert_eq!(site_identifiers("// EST-04 because"), None);
    assert!(begins_as_site("// EST-04 because"));
    assert!(!begins_as_site("// See EST-04."));

    let source =
        "// \"LNK-01\"\nlet a = \"EST-04 \\\" x\"; let b = '\"'; let c = r#\"USE-12 \"y\"\"#;";
    assert_eq!(string_literals(source), ["EST-04 \\\" x", "USE-12 \"y\""]);
    assert_eq!(
        identifiers_in("EST-04, xEST-05 EST-066 (USE-12)"),
        ["EST-04", "USE-12"]
    );

    let test = "//! LNK-01\n/// EST-04\n#[case(\"USE-12\")] // LNK-02\n    // REG-03: why\n";
    assert_eq!(named_by_tests(test), ["USE-12", "EST-04", "REG-03"]);
    let (rules, tests) = parted("// EST-04\nfn a() {}\n#[cfg(test)]\nmod tests {}\n");
    assert!(rules.ends_with("fn a() {}\n") && tests.ends_with("mod tests {}\n"));
}
