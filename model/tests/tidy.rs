//! House rules that no compiler checks: sizes, paths, open ends, wildcards, left-over snapshots, links.

mod house;

use std::fs;
use std::path::{Path, PathBuf};

use house::{files, read, root, shown};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 100;

/// Beginnings of absolute paths that mean one machine, split so that this file does not contain them.
const MACHINE_PATHS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];

/// Marks of unfinished work, which need the number of a decision on the same line.
const OPEN_ENDS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Wildcard arms of the machine that are no matches on integers or strings: file, text of the line, reason.
const WILDCARDS_ALLOWED: &[(&str, &str, &str)] = &[(
    "model/machine/src/primitive.rs",
    "_ => None,",
    "asks whether content has one shape, which decides nothing about any other",
)];

#[test]
fn no_source_file_is_longer_than_the_limit() {
    let faults = faults("rs", |_, text| {
        let lines = text.lines().count();
        (lines > FILE_LINES_MAX)
            .then(|| (1, format!("{lines} lines, at most {FILE_LINES_MAX}")))
            .into_iter()
            .collect()
    });

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_function_is_longer_than_the_limit() {
    let faults = faults("rs", |_, text| {
        functions(text)
            .into_iter()
            .filter(|(_, lines, _)| *lines > FUNCTION_LINES_MAX)
            .map(|(at, lines, name)| {
                (
                    at,
                    format!("{name} has {lines} lines, at most {FUNCTION_LINES_MAX}"),
                )
            })
            .collect()
    });

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let faults = text_faults(|_, text| {
        lines_where(text, |line| {
            MACHINE_PATHS.iter().any(|path| begins_a_path(line, path))
        })
    });

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_open_end_names_its_decision() {
    let faults = text_faults(|_, text| {
        lines_where(text, |line| {
            OPEN_ENDS
                .iter()
                .any(|mark| words(line).any(|word| word == *mark))
                && !names_a_decision(line)
        })
    });

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_machine_hides_no_case_behind_a_wildcard() {
    let faults = faults("rs", |path, text| {
        if !shown(path).starts_with("model/machine/src") {
            return Vec::new();
        }
        wildcard_arms(text)
            .into_iter()
            .filter(|(_, line)| !wildcard_is_allowed(path, line))
            .collect()
    });

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_allowed_wildcard_still_stands() {
    for (file, line, reason) in WILDCARDS_ALLOWED {
        let text = read(&root().join(file));
        assert!(
            text.lines().any(|found| found.trim() == *line),
            "{file} no longer has `{line}` ({reason})"
        );
    }
}

#[test]
fn no_snapshot_waits_for_review() {
    let waiting: Vec<String> = files(&root())
        .iter()
        .map(|path| shown(path))
        .filter(|name| name.ends_with(".snap.new") || name.ends_with(".pending-snap"))
        .collect();

    assert!(waiting.is_empty(), "{waiting:?}");
}

#[test]
fn every_link_of_a_document_resolves() {
    let faults = faults("md", |path, text| {
        links(text)
            .into_iter()
            .filter(|(_, target)| !resolves(path, target))
            .collect()
    });

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

// What is looked for.

/// Line, length and name of each function, found by the indentation that rustfmt gives.
fn functions(text: &str) -> Vec<(usize, usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let close = format!("{}}}", " ".repeat(indentation(line)));
        let is_one_line = line.ends_with('}') || line.ends_with(';');
        let length = lines[at..]
            .iter()
            .position(|other| *other == close)
            .map_or(1, |end| end + 1);
        found.push((at + 1, if is_one_line { 1 } else { length }, name));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut before = words(line.split('(').next()?);
    let qualifiers = [
        "pub", "const", "async", "unsafe", "extern", "crate", "super", "in",
    ];
    let is_function = before.by_ref().find(|word| !qualifiers.contains(word)) == Some("fn");
    let visible = line
        .trim_start()
        .strip_prefix("pub(crate) ")
        .or_else(|| line.trim_start().strip_prefix("pub(super) "));
    match visible {
        Some(rest) => function_name(rest),
        None if is_function => before.next().map(str::to_owned),
        None => None,
    }
}

/// Wildcard arms whose match has no literal arm, that is, which are not on integers or strings.
fn wildcard_arms(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_wildcard_arm(line))
        .filter(|(at, line)| {
            let depth = indentation(line);
            !lines[..*at]
                .iter()
                .rev()
                .take_while(|other| other.trim().is_empty() || indentation(other) >= depth)
                .any(|other| indentation(other) == depth && begins_with_literal(other.trim_start()))
        })
        .map(|(at, line)| (at + 1, line.trim().to_owned()))
        .collect()
}

fn is_wildcard_arm(line: &str) -> bool {
    line.trim_start().starts_with("_ =>")
}

fn begins_with_literal(arm: &str) -> bool {
    let pattern = arm
        .strip_prefix("Some(")
        .or_else(|| arm.strip_prefix("Ok("))
        .unwrap_or(arm);
    let pattern = pattern.trim_start_matches(['|', ' ', '-', '[', '(']);
    pattern.starts_with(|c: char| c.is_ascii_digit() || c == '"' || c == '\'')
        || pattern.starts_with("b'")
        || pattern.starts_with("b\"")
}

fn wildcard_is_allowed(path: &Path, line: &str) -> bool {
    WILDCARDS_ALLOWED
        .iter()
        .any(|(file, allowed, _)| shown(path) == *file && line == *allowed)
}

fn begins_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | '*' | ']'))
    })
}

fn names_a_decision(line: &str) -> bool {
    line.match_indices("D-")
        .any(|(at, _)| line[at + 2..].starts_with(|c: char| c.is_ascii_digit()))
}

/// Line and target of each relative link.
fn links(text: &str) -> Vec<(usize, String)> {
    prose_lines(text)
        .flat_map(|(at, line)| {
            line.match_indices("](")
                .filter_map(|(start, _)| line[start + 2..].split_once(')'))
                .map(|(target, _)| target.to_owned())
                .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
                .map(|target| (at, target))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn resolves(document: &Path, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = document.parent().expect("a document lies in a folder");
    let path = if file.is_empty() {
        document.to_owned()
    } else {
        folder.join(file)
    };
    let has_anchor =
        || prose_lines(&read(&path)).any(|(_, line)| line.starts_with('#') && slug(line) == anchor);
    path.exists() && (anchor.is_empty() || has_anchor())
}

fn slug(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| {
            if c == ' ' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// Numbered lines outside fenced code.
fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!fenced && !is_fence).then_some((at + 1, line))
    })
}

fn lines_where(text: &str, is_fault: impl Fn(&str) -> bool) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| is_fault(line))
        .map(|(at, line)| (at + 1, line.trim().chars().take(120).collect()))
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

// Files.

fn faults(extension: &str, find: impl Fn(&Path, &str) -> Vec<(usize, String)>) -> Vec<String> {
    let mut paths = files(&root());
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    faults_in(&paths, find)
}

fn text_faults(find: impl Fn(&Path, &str) -> Vec<(usize, String)>) -> Vec<String> {
    faults_in(&files(&root()), find)
}

fn faults_in(paths: &[PathBuf], find: impl Fn(&Path, &str) -> Vec<(usize, String)>) -> Vec<String> {
    assert!(!paths.is_empty(), "there is something to look at");
    paths
        .iter()
        .filter_map(|path| Some((path, fs::read_to_string(path).ok()?)))
        .flat_map(|(path, text)| {
            find(path, &text)
                .into_iter()
                .map(|(line, what)| format!("{}:{line}: {what}", shown(path)))
                .collect::<Vec<_>>()
        })
        .collect()
}

// The rules themselves.

#[test]
fn functions_are_measured_by_their_indentation() {
    let text = "pub(crate) async fn one() {\n    a\n}\n\nimpl T {\n    fn two(\n        a: u8,\n    ) {\n    }\n    fn three() {}\n}\n";

    assert_eq!(
        functions(text),
        [
            (1, 3, "one".into()),
            (6, 4, "two".into()),
            (10, 1, "three".into())
        ]
    );
}

#[test]
fn wildcards_are_told_apart_by_their_match() {
    let on_number = "match n {\n    1 => a,\n    2 | 3 => {\n        b\n    }\n    _ => c,\n}\n";
    let on_phase = "match phase {\n    Phase::Active => 1,\n    _ => 2,\n}\n";

    assert_eq!(wildcard_arms(on_number), []);
    assert_eq!(wildcard_arms(on_phase), [(3, "_ => 2,".to_owned())]);
}

#[test]
fn machine_paths_are_told_from_resource_addresses() {
    let path = MACHINE_PATHS[0];

    assert!(begins_a_path(&format!("open(\"{path}me\")"), path));
    assert!(!begins_a_path(&format!("/cse1{path}x"), path));
}

#[test]
fn headings_become_anchors() {
    assert_eq!(
        slug("## How a requirement is written"),
        "how-a-requirement-is-written"
    );
    assert_eq!(links("see [a](b.md#c) and `x`"), [(1, "b.md#c".to_owned())]);
}
