//! The sentences of the requirements, as the specification has them.

const CHAPTERS: [&str; 7] = [
    include_str!("../../specs/requirements/link.md"),
    include_str!("../../specs/requirements/registration.md"),
    include_str!("../../specs/requirements/discovery.md"),
    include_str!("../../specs/requirements/establishment.md"),
    include_str!("../../specs/requirements/policy.md"),
    include_str!("../../specs/requirements/usage.md"),
    include_str!("../../specs/requirements/termination.md"),
];

/// The sentence of a requirement, if there is one of that identifier.
pub(crate) fn sentence(id: &str) -> Option<&'static str> {
    let begin = format!("- **{id}** (");
    let mut lines = CHAPTERS.iter().flat_map(|chapter| chapter.lines());
    let line = lines.find(|line| line.starts_with(&begin))?;
    line.split_once(") ").map(|(_, sentence)| sentence)
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_sentence_stands_behind_identifier_and_sources() {
        let found = sentence("EST-05");

        assert_eq!(
            found,
            Some("No two sessions share a session identifier, anywhere and at any time.")
        );
        assert_eq!(sentence("EST-0"), None);
    }
}
