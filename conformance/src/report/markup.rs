//! HTML as text: what is hostile is escaped here and nowhere else.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::case::Verdict;

/// How all pages of the suite look.
pub const STYLE: &str = include_str!("page.css");

/// Text of any origin, safe between tags and in attributes. Characters that are not seen, or that
/// turn the direction of others, are shown by their code.
#[must_use]
pub fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + raw.len() / 8);
    for letter in raw.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            hidden if is_hidden(hidden) => {
                write!(out, "\\u{{{:x}}}", u32::from(hidden)).expect("a string takes text");
            }
            plain => out.push(plain),
        }
    }
    out
}

/// A sentence of the suite itself, in which backquotes mark code.
#[must_use]
pub fn prose(raw: &str) -> String {
    let pieces = text(raw);
    let mut out = String::new();
    for (number, piece) in pieces.split('`').enumerate() {
        if number > 0 {
            out.push_str(if number % 2 == 1 { "<code>" } else { "</code>" });
        }
        out.push_str(piece);
    }
    if pieces.matches('`').count() % 2 == 1 {
        out.push_str("</code>");
    }
    out
}

/// As [`text`], cut after so many characters.
#[must_use]
pub fn short(raw: &str, most: usize) -> String {
    match raw.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text(&raw[..end])),
        None => text(raw),
    }
}

/// The verdict as a coloured pill.
#[must_use]
pub fn pill(verdict: Verdict) -> String {
    let name = verdict.name();
    format!("<span class=\"pill v-{name}\">{name}</span>")
}

/// The beginning of a page that may run no script but this one and load nothing at all, even if
/// an escape were missing somewhere.
#[must_use]
pub fn head(title: &str, script: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(script));
    let title = text(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; \
         form-action 'none'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
    )
}

fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cannot_break_the_page() {
        assert_eq!(
            text("<b a='x'>\"&\"</b>"),
            "&lt;b a=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/b&gt;"
        );
    }

    #[test]
    fn backquotes_become_code() {
        assert_eq!(prose("a `<b>` c"), "a <code>&lt;b&gt;</code> c");
        assert_eq!(prose("a `b"), "a <code>b</code>");
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        assert_eq!(text("a\u{0}b\u{202e}c\nd"), "a\\u{0}b\\u{202e}c\nd");
    }
}
