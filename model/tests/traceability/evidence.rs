//! The places in the sources that carry a requirement out or show that it holds, read as text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::house::{files, read, root};
use crate::specification::{Level, Requirement, identifiers, identifiers_in};

/// Where the tests in a source begin.
const TESTS_BEGIN: &str = "#[cfg(test)]\nmod tests {";

/// Requirements that a type makes impossible to violate: identifier, type, file that declares it, why that is enough.
pub(crate) const BY_CONSTRUCTION: &[(&str, &str, &str, &str)] = &[
    (
        "LNK-35",
        "Admission",
        "impl/src/serve.rs",
        "an answer to a handshake has no member for an extension, and the WebSocket library knows none",
    ),
    (
        "REG-12",
        "Config",
        "model/machine/src/config.rs",
        "no setting switches the session feature off, so that the rule for a CSE without it binds none of these",
    ),
];

/// How often a requirement is named, by kind of evidence (`specs/README.md`).
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) machine: usize,
    pub(crate) host: usize,
    pub(crate) model: usize,
    pub(crate) cases: usize,
    pub(crate) tests: usize,
}

/// The evidence for each requirement.
pub(crate) fn evidence() -> BTreeMap<String, Evidence> {
    let mut found: BTreeMap<String, Evidence> = identifiers()
        .into_iter()
        .map(|id| (id, Evidence::default()))
        .collect();
    let mut count = |ids: Vec<String>, kind: fn(&mut Evidence) -> &mut usize| {
        for id in ids {
            *kind(found.entry(id).or_default()) += 1;
        }
    };
    for text in rules_of("model/machine/src") {
        count(sites(&text), |evidence| &mut evidence.machine);
    }
    for text in rules_of("impl/src") {
        count(sites(&text), |evidence| &mut evidence.host);
    }
    for path in rust_below("model/src") {
        count(properties(&read(&path)), |evidence| &mut evidence.model);
    }
    for path in rust_below("conformance/src") {
        let literals = string_literals(&read(&path));
        let named = literals.iter().flat_map(|text| identifiers_in(text));
        count(named.collect(), |evidence| &mut evidence.cases);
    }
    for text in tests() {
        count(named_by_tests(&text), |evidence| &mut evidence.tests);
    }
    found
}

/// What a MUST lacks; nothing for other levels.
pub(crate) fn gap(requirement: &Requirement, evidence: &Evidence) -> &'static str {
    let constructed = BY_CONSTRUCTION.iter().any(|(id, ..)| *id == requirement.id);
    let ruled = evidence.machine > 0 || evidence.host > 0 || constructed;
    let shown = evidence.model > 0 || evidence.cases > 0 || evidence.tests > 0;
    match (requirement.level == Level::Must, ruled, shown) {
        (false, _, _) | (true, true, true) => "",
        (true, true, false) => "no property, case or test",
        (true, false, true) => "no site",
        (true, false, false) => "none",
    }
}

/// The sources of the folders that hold rules, without the tests beside them.
pub(crate) fn rule_sources() -> Vec<PathBuf> {
    let mut paths = rust_below("model/machine/src");
    paths.extend(rust_below("impl/src"));
    paths.retain(|path| !path.ends_with("tests.rs"));
    paths
}

/// The tests of the machine and of its host, beside their sources or among them.
fn tests() -> Vec<String> {
    let mut beside = rust_below("model/machine/src");
    beside.retain(|path| path.ends_with("tests.rs"));
    beside.extend(rust_below("model/machine/tests"));
    beside.extend(rust_below("impl/tests"));
    let among = rule_sources();
    let parts = among.iter().map(|path| parted(&read(path)).1);
    beside.iter().map(|path| read(path)).chain(parts).collect()
}

/// The rules of the sources in a folder, without the tests among them.
fn rules_of(folder: &str) -> Vec<String> {
    let folder = root().join(folder);
    let mut paths = rule_sources();
    paths.retain(|path| path.starts_with(&folder));
    paths.iter().map(|path| parted(&read(path)).0).collect()
}

/// The rules in a source, and the tests at its end.
pub(crate) fn parted(source: &str) -> (String, String) {
    let at = source.find(TESTS_BEGIN).unwrap_or(source.len());
    (source[..at].to_owned(), source[at..].to_owned())
}

fn sites(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(site_identifiers)
        .flatten()
        .collect()
}

/// The identifiers that names of properties begin with.
fn properties(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for literal in string_literals(source) {
        if let Some(id) = identifiers_in(&literal).first()
            && literal.starts_with(&format!("{id} "))
        {
            found.push(id.clone());
        }
    }
    found
}

/// The identifiers in messages, and in comments at or in a test; what a whole file is about is no evidence.
pub(crate) fn named_by_tests(source: &str) -> Vec<String> {
    let literals = string_literals(source);
    let comments = source.lines().filter_map(comment).map(str::to_owned);
    literals
        .into_iter()
        .chain(comments)
        .flat_map(|text| identifiers_in(&text))
        .collect()
}

/// What a line that is nothing but a comment says, unless it describes a whole file.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    (!text.starts_with('!')).then_some(text)
}

pub(crate) fn begins_as_site(line: &str) -> bool {
    let comment = line.trim_start().strip_prefix("// ").unwrap_or_default();
    identifiers_in(comment)
        .first()
        .is_some_and(|id| comment.starts_with(id.as_str()))
}

pub(crate) fn site_identifiers(line: &str) -> Option<Vec<String>> {
    let comment = line.trim().strip_prefix("// ")?;
    let parts: Vec<&str> = comment.split(',').map(str::trim).collect();
    let all = parts.iter().all(|part| identifiers_in(part) == [*part]);
    all.then(|| parts.into_iter().map(str::to_owned).collect())
}

/// The contents of the string literals of a Rust source, raw ones included, comments and characters skipped.
pub(crate) fn string_literals(source: &str) -> Vec<String> {
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

fn rust_below(folder: &str) -> Vec<PathBuf> {
    files_with(&root().join(folder), &["rs"])
}

/// The files in a folder with one of these extensions.
pub(crate) fn files_with(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = files(folder);
    files.retain(|path| {
        path.extension()
            .is_some_and(|found| extensions.iter().any(|known| found == *known))
    });
    files
}
