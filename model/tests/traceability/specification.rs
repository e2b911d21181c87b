//! The requirements and decisions, read as text.

use std::collections::BTreeSet;

use crate::house::{read, root};

pub(crate) const CHAPTERS: [(&str, &str); 7] = [
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
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Level {
    Must,
    Should,
    May,
    Withdrawn,
}

pub(crate) struct Requirement {
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) sources: Vec<String>,
}

pub(crate) struct Decision {
    pub(crate) number: String,
    pub(crate) answers: Option<String>,
    pub(crate) text: String,
}

pub(crate) fn requirement_faults(chapter: &str, text: &str) -> Vec<String> {
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
pub(crate) fn requirement(line: &str) -> Result<Requirement, &'static str> {
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

pub(crate) fn requirements() -> Vec<Requirement> {
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

pub(crate) fn identifiers() -> BTreeSet<String> {
    requirements()
        .into_iter()
        .map(|requirement| requirement.id)
        .collect()
}

pub(crate) fn decisions() -> Vec<Decision> {
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

pub(crate) fn requirement_file(chapter: &str) -> String {
    read(
        &root()
            .join("specs/requirements")
            .join(chapter)
            .with_extension("md"),
    )
}

pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
        Level::Withdrawn => "withdrawn",
    }
}

/// Every `AAA-NN` with a known chapter that stands by itself.
pub(crate) fn identifiers_in(text: &str) -> Vec<String> {
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
