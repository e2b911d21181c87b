//! Text that is safe in a page.

/// The text with all that means something in HTML and SVG replaced.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a b", "a b")]
    #[case("<script>\"&'", "&lt;script&gt;&quot;&amp;&#39;")]
    #[case("ö\u{0}\n", "ö\u{fffd}\u{fffd}")]
    fn nothing_of_a_text_is_markup(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(escape(text), expected);
    }
}
