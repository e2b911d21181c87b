//! Reads the specification and the sources as text and checks that they speak of the same requirements.
//!
//! It knows four columns: a requirement in `specs/requirements`, its machine sites (comment lines that hold
//! identifiers only), its properties (names in `model/src` that begin with the identifier) and its conformance cases
//! (string literals in `conformance/src` that name it). How to write each stands in `specs/README.md`.

mod house;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use house::{files, read, root, shown};

const CHAPTERS: [(&str, &str); 7] = [
    ("LNK", "link"),
    ("REG", "registration"),
    ("DIS", "discovery"),
    ("EST", "establishment"),
    ("POL", "policy"),
    ("USE", "usage"),
    ("END", "termination"),
];
const SOURCES: [&str; 8] = [
    "flow ",
    "draft ",
    "branch E",
    "decision D-",
    "TS-00",
    "RFC ",
    "message ",
    "see ",
];
const QUESTIONS: u32 = 43;
const INCONSISTENCIES: u32 = 33;

/// Requirements whose evidence is a type, with the type that makes a violation impossible.
const BY_CONSTRUCTION: &[(&str, &str)] = &[];

/// Chapters in which a MUST without a machine site, or without property and case, fails instead of being printed as a gap.
const COMPLETE_CHAPTERS: &[&str] = &[];

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Must,
    Should,
    May,
    Withdrawn,
}

struct Requirement {
    id: String,
    level: Level,
    sources: Vec<String>,
}

struct Decision {
    number: String,
    answers: Option<String>,
    text: String,
}

#[derive(Default)]
struct Evidence {
    machine: usize,
    model: usize,
    cases: usize,
}

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
fn a_machine_site_is_a_comment_of_identifiers_only() {
    let faults: Vec<String> = files_with(&root().join("model/machine/src"), &["rs"])
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
fn complete_chapters_have_no_gap() {
    let evidence = evidence();

    for requirement in requirements() {
        let complete = COMPLETE_CHAPTERS
            .iter()
            .any(|chapter| requirement.id.starts_with(chapter));
        if complete {
            assert_eq!(
                gap(&requirement, &evidence[&requirement.id]),
                "",
                "{}",
                requirement.id
            );
        }
    }
}

#[test]
fn coverage() {
    let evidence = evidence();
    let mut table = String::from("id      level      machine  model  case  gap\n");
    let mut gaps = 0;

    for requirement in requirements() {
        let Evidence {
            machine,
            model,
            cases,
        } = evidence[&requirement.id];
        let gap = gap(&requirement, &evidence[&requirement.id]);
        gaps += usize::from(!gap.is_empty());
        let level = level_name(requirement.level);
        let row = format!(
            "{}  {level:<9}  {machine:>7}  {model:>5}  {cases:>4}  {gap}",
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

// Reading the specification.

fn requirement_faults(chapter: &str, text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with("- "))
        .filter_map(|line| match requirement(line) {
            Err(why) => Some(format!("{why}: {line}")),
            Ok(found) if !found.id.starts_with(chapter) => Some(format!("wrong chapter: {line}")),
            Ok(_) => None,
        })
        .collect()
}

/// `- **EST-04** (MUST; safety; flow 1 step 17; decision D-08) Sentence.`
fn requirement(line: &str) -> Result<Requirement, &'static str> {
    let rest = line.strip_prefix("- **").ok_or("no identifier")?;
    let (id, rest) = rest
        .split_once("** (")
        .ok_or("no parenthesis after the identifier")?;
    let (head, sentence) = rest.split_once(") ").ok_or("no sentence")?;
    if identifiers_in(id) != [id] {
        return Err("malformed identifier");
    }
    if !sentence.ends_with('.') || sentence.contains(". ") {
        return Err("not exactly one sentence");
    }
    let mut fields = head.split("; ");
    let level = match fields.next() {
        Some("MUST") => Level::Must,
        Some("SHOULD") => Level::Should,
        Some("MAY") => Level::May,
        Some("withdrawn") => Level::Withdrawn,
        _ => return Err("unknown level"),
    };
    let kind_is_given =
        level == Level::Withdrawn || matches!(fields.next(), Some("safety" | "liveness"));
    if !kind_is_given {
        return Err("unknown kind");
    }
    let sources: Vec<String> = fields.map(str::to_owned).collect();
    let sources_are_known = sources
        .iter()
        .all(|source| SOURCES.iter().any(|known| source.starts_with(known)));
    if sources.is_empty() || !sources_are_known {
        return Err("no source, or an unknown one");
    }
    Ok(Requirement {
        id: id.to_owned(),
        level,
        sources,
    })
}

fn requirements() -> Vec<Requirement> {
    CHAPTERS
        .iter()
        .flat_map(|(_, file)| {
            let mut found: Vec<_> = requirement_file(file)
                .lines()
                .filter_map(|line| requirement(line).ok())
                .collect();
            found.sort_by(|one, other| one.id.cmp(&other.id));
            found
        })
        .collect()
}

fn identifiers() -> BTreeSet<String> {
    requirements()
        .into_iter()
        .map(|requirement| requirement.id)
        .collect()
}

fn decisions() -> Vec<Decision> {
    let text = read(&root().join("specs/decisions.md"));
    text.split("\n- **")
        .skip(1)
        .filter_map(|entry| {
            let entry = entry.split("\n## ").next().unwrap_or(entry);
            let (number, rest) = entry.split_once("** ")?;
            let answers = rest
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(')'))
                .map(|(key, _)| key.to_owned());
            Some(Decision {
                number: number.to_owned(),
                answers,
                text: rest.to_owned(),
            })
        })
        .collect()
}

fn requirement_file(chapter: &str) -> String {
    read(
        &root()
            .join("specs/requirements")
            .join(chapter)
            .with_extension("md"),
    )
}

// Reading the sources.

fn evidence() -> BTreeMap<String, Evidence> {
    let root = root();
    let mut found: BTreeMap<String, Evidence> = identifiers()
        .into_iter()
        .map(|id| (id, Evidence::default()))
        .collect();
    for path in files_with(&root.join("model/machine/src"), &["rs"]) {
        for id in read(&path).lines().filter_map(site_identifiers).flatten() {
            found.entry(id).or_default().machine += 1;
        }
    }
    for path in files_with(&root.join("model/src"), &["rs"]) {
        for literal in string_literals(&read(&path)) {
            if let Some(id) = identifiers_in(&literal).first()
                && literal.starts_with(&format!("{id} "))
            {
                found.entry(id.clone()).or_default().model += 1;
            }
        }
    }
    for path in files_with(&root.join("conformance/src"), &["rs"]) {
        for literal in string_literals(&read(&path)) {
            for id in identifiers_in(&literal) {
                found.entry(id).or_default().cases += 1;
            }
        }
    }
    found
}

fn gap(requirement: &Requirement, evidence: &Evidence) -> &'static str {
    let constructed = BY_CONSTRUCTION.iter().any(|(id, _)| *id == requirement.id);
    let ruled = evidence.machine > 0 || constructed;
    let shown = evidence.model > 0 || evidence.cases > 0;
    match (requirement.level == Level::Must, ruled, shown) {
        (false, _, _) | (true, true, true) => "",
        (true, true, false) => "no property or case",
        (true, false, true) => "no machine site",
        (true, false, false) => "none",
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
        Level::Withdrawn => "withdrawn",
    }
}

fn begins_as_site(line: &str) -> bool {
    let comment = line.trim_start().strip_prefix("// ").unwrap_or_default();
    identifiers_in(comment)
        .first()
        .is_some_and(|id| comment.starts_with(id.as_str()))
}

fn site_identifiers(line: &str) -> Option<Vec<String>> {
    let comment = line.trim().strip_prefix("// ")?;
    let parts: Vec<&str> = comment.split(',').map(str::trim).collect();
    let all = parts.iter().all(|part| identifiers_in(part) == [*part]);
    all.then(|| parts.into_iter().map(str::to_owned).collect())
}

/// Every `AAA-NN` with a known chapter that stands by itself.
fn identifiers_in(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.split(|c: char| !is_part(c))
        .filter(|word| {
            let number = CHAPTERS
                .iter()
                .find_map(|(chapter, _)| word.strip_prefix(chapter)?.strip_prefix('-'));
            number.is_some_and(|number| {
                number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit())
            })
        })
        .map(str::to_owned)
        .collect()
}

/// The contents of the string literals of a Rust source, raw ones included, comments and characters skipped.
fn string_literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some((body, after)) = raw_literal(rest) {
            literals.push(body.to_owned());
            rest = after;
        } else if c == '"' {
            let end = closing_quote(&rest[1..]);
            literals.push(rest[1..=end].to_owned());
            rest = rest.get(end + 2..).unwrap_or_default();
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest = rest[2..].split_once('\'').map_or("", |(_, after)| after);
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    literals
}

fn raw_literal(rest: &str) -> Option<(&str, &str)> {
    let hashes = rest.strip_prefix('r')?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    let body = hashes[count..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(count));
    body.split_once(&close)
}

fn closing_quote(body: &str) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    body.len()
}

fn files_with(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = files(folder);
    files.retain(|path| {
        path.extension()
            .is_some_and(|found| extensions.iter().any(|known| found == *known))
    });
    files
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
}
