//! Which cases and which defects.

use crate::case::Case;
use crate::cases;
use crate::mutants::{self, Defect};

/// Patterns of cases and of defects; no pattern means all. `*` stands for any letters.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Patterns of cases.
    pub cases: Vec<String>,
    /// Patterns of defects.
    pub defects: Vec<String>,
}

impl Selection {
    /// Whether nothing is left out.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.cases.is_empty() && self.defects.is_empty()
    }

    /// Whether a case, or a schema by its identifier, is selected.
    #[must_use]
    pub fn has_case(&self, id: &str) -> bool {
        fits(&self.cases, id)
    }

    /// Whether a defect is selected.
    #[must_use]
    pub fn has_defect(&self, name: &str) -> bool {
        fits(&self.defects, name)
    }

    /// The cases, in the order of the registry.
    #[must_use]
    pub fn cases(&self) -> Vec<&'static Case> {
        let wanted = |case: &&'static Case| self.has_case(case.id);
        cases::all().into_iter().filter(wanted).collect()
    }

    /// The defects, in the order of their tables.
    #[must_use]
    pub fn defects(&self) -> Vec<&'static Defect> {
        let wanted = |defect: &&'static Defect| self.has_defect(defect.name);
        mutants::all().into_iter().filter(wanted).collect()
    }

    /// Patterns that match nothing.
    #[must_use]
    pub fn idle(&self) -> Vec<String> {
        let idle = |patterns: &[String], names: &[&str]| {
            let matches = |pattern: &&String| !names.iter().any(|name| cases::glob(pattern, name));
            patterns.iter().filter(matches).cloned().collect()
        };
        let cases: Vec<&str> = cases::all().iter().map(|case| case.id).collect();
        let defects: Vec<&str> = mutants::all().iter().map(|defect| defect.name).collect();
        let mut all: Vec<String> = idle(&self.cases, &cases);
        all.extend::<Vec<String>>(idle(&self.defects, &defects));
        all
    }
}

fn fits(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| cases::glob(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(cases: &[&str], defects: &[&str]) -> Selection {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Selection {
            cases: owned(cases),
            defects: owned(defects),
        }
    }

    #[test]
    fn no_pattern_selects_all() {
        let all = Selection::default();

        assert_eq!(all.cases().len(), cases::all().len());
        assert_eq!(all.defects().len(), mutants::all().len());
        assert!(all.is_everything());
    }

    #[test]
    fn a_star_selects_what_begins_alike() {
        let some = selection(&["hsk-0*"], &["ok-*"]);

        assert!(some.cases().iter().all(|case| case.id.starts_with("HSK-0")));
        assert!(some.defects().iter().all(|defect| defect.is_harmless()));
        assert_eq!(some.idle(), Vec::<String>::new());
    }

    #[test]
    fn a_pattern_without_a_match_is_named() {
        let none = selection(&["HSK-01", "NONE*"], &["nothing"]);

        assert_eq!(none.idle(), ["NONE*", "nothing"]);
    }
}
