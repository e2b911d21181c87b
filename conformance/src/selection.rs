//! Which cases: by identifier, group, tag, or by what came of them last time.

use crate::case::{Case, Group};
use crate::cases;
use crate::outcome;
use crate::report::results::Results;

/// What is wanted. Within one kind any may match, all kinds must; an empty kind excludes nothing.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Identifiers; `*` stands for any letters.
    pub patterns: Vec<String>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Tags: group, configuration, requirement or its chapter, and the words of the case.
    pub tags: Vec<String>,
    /// Only what did not pass in this run.
    pub failed_in: Option<Results>,
}

/// A selection that selects nothing.
#[derive(Debug, thiserror::Error)]
pub enum Nothing {
    /// A pattern matches no case.
    #[error("no case matches {0}; `conformance list` shows all")]
    Pattern(String),
    /// A tag is on no case.
    #[error("no case has the tag {0}; `conformance explain CASE` shows the tags of a case")]
    Tag(String),
    /// Nothing failed last time.
    #[error("everything passed in the last run, so there is nothing to repeat")]
    NoneFailed,
    /// Each part matches something, together they match nothing.
    #[error("no case is in all that was selected: names, groups, tags and failures together")]
    Together,
}

impl Selection {
    /// The cases, in the order of the registry.
    ///
    /// # Errors
    /// If a part of it, or all of it together, selects nothing.
    pub fn cases(&self) -> Result<Vec<&'static Case>, Nothing> {
        let named = cases::select(&self.patterns);
        let named = named.map_err(|idle| Nothing::Pattern(idle.join(", ")))?;
        for tag in &self.tags {
            if !cases::all().into_iter().any(|case| has_tag(case, tag)) {
                return Err(Nothing::Tag(tag.clone()));
            }
        }
        let failed = self.failed_in.as_ref().map(failed);
        if failed.as_ref().is_some_and(Vec::is_empty) {
            return Err(Nothing::NoneFailed);
        }
        let wanted = |case: &&'static Case| {
            (self.groups.is_empty() || self.groups.contains(&case.group))
                && (self.tags.is_empty() || self.tags.iter().any(|tag| has_tag(case, tag)))
                && failed
                    .as_ref()
                    .is_none_or(|failed| failed.iter().any(|id| id == case.id))
        };
        let found: Vec<&'static Case> = named.into_iter().filter(wanted).collect();
        if found.is_empty() {
            return Err(Nothing::Together);
        }
        Ok(found)
    }
}

/// Everything a case can be selected by beside its identifier.
#[must_use]
pub fn tags(case: &Case) -> Vec<String> {
    let mut tags: Vec<String> = case.tags().iter().map(|&tag| tag.to_owned()).collect();
    for requirement in case.requirements {
        tags.push((*requirement).to_owned());
        let chapter = requirement.split('-').next().unwrap_or_default();
        if !tags.iter().any(|tag| tag == chapter) {
            tags.push(chapter.to_owned());
        }
    }
    tags
}

fn has_tag(case: &Case, wanted: &str) -> bool {
    tags(case)
        .iter()
        .any(|tag| tag.eq_ignore_ascii_case(wanted))
}

fn failed(results: &Results) -> Vec<String> {
    let bad = results
        .cases
        .iter()
        .filter(|case| outcome::is_bad(case.verdict));
    let left_out = results.left_out.iter().cloned();
    let known = |id: &String| cases::find(id).is_some();
    bad.map(|case| case.id.clone())
        .chain(left_out)
        .filter(known)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(
        patterns: &[&str],
        groups: &[Group],
        tags: &[&str],
    ) -> Result<Vec<&'static str>, Nothing> {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let selection = Selection {
            patterns: owned(patterns),
            groups: groups.to_vec(),
            tags: owned(tags),
            failed_in: None,
        };
        Ok(selection.cases()?.into_iter().map(|case| case.id).collect())
    }

    #[test]
    fn nothing_said_means_everything() {
        assert_eq!(select(&[], &[], &[]).unwrap().len(), cases::all().len());
    }

    #[test]
    fn a_group_and_a_name_must_both_fit() {
        let found = select(&["*-01"], &[Group::Handshake], &[]).unwrap();

        assert_eq!(found, ["HSK-01"]);
    }

    #[test]
    fn a_requirement_and_its_chapter_are_tags() {
        let case = cases::all()[0];

        let found = select(&[], &[], &[&case.requirements[0].to_lowercase()]).unwrap();

        assert!(found.contains(&case.id));
        assert!(select(&[], &[], &["LNK"]).unwrap().len() > found.len());
    }

    #[test]
    fn what_selects_nothing_is_an_error() {
        assert!(matches!(
            select(&["NONE"], &[], &[]),
            Err(Nothing::Pattern(_))
        ));
        assert!(matches!(select(&[], &[], &["none"]), Err(Nothing::Tag(_))));
        let apart = select(&["HSK-01"], &[Group::Session], &[]);
        assert!(matches!(apart, Err(Nothing::Together)));
    }
}
