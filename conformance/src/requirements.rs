//! The requirements as sentences, read from `specs/requirements/`, so that a finding can be
//! understood without looking anything up.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const CHAPTERS: [&str; 7] = [
    include_str!("../../specs/requirements/link.md"),
    include_str!("../../specs/requirements/registration.md"),
    include_str!("../../specs/requirements/discovery.md"),
    include_str!("../../specs/requirements/establishment.md"),
    include_str!("../../specs/requirements/policy.md"),
    include_str!("../../specs/requirements/usage.md"),
    include_str!("../../specs/requirements/termination.md"),
];

/// One requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// Level, kind and where it comes from.
    pub note: &'static str,
    /// What it demands.
    pub sentence: &'static str,
}

/// The requirement with this identifier.
#[must_use]
pub fn find(id: &str) -> Option<Requirement> {
    static READ: OnceLock<BTreeMap<&'static str, Requirement>> = OnceLock::new();
    let known = READ.get_or_init(|| {
        let lines = CHAPTERS.iter().flat_map(|chapter| chapter.lines());
        lines.filter_map(parse).collect()
    });
    known.get(id).copied()
}

/// `- **EST-04** (MUST; safety; flow 1 step 17) A sentence.`
fn parse(line: &'static str) -> Option<(&'static str, Requirement)> {
    let (id, rest) = line.strip_prefix("- **")?.split_once("** (")?;
    let (note, sentence) = rest.split_once(") ")?;
    Some((id, Requirement { note, sentence }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::schema::Shape;

    #[test]
    fn every_requirement_of_every_case_has_its_sentence() {
        let shapes = Shape::ALL.map(Shape::requirements);
        let named = cases::all().into_iter().map(|case| case.requirements);
        for id in named.chain(shapes).flatten() {
            let found = find(id).unwrap_or_else(|| panic!("{id} is not in specs/requirements"));
            assert!(found.sentence.ends_with('.'), "{id}: {}", found.sentence);
        }
    }
}
