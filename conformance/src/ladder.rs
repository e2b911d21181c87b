//! Ladder diagrams: AE1 | CSE1 | CSE2 | AE2, with the numbers of the flows.
//!
//! What passes between the CSEs is hidden in configuration E. The diagram says so instead of
//! drawing arrows nobody has seen: such steps stand in brackets.

use std::fmt::Write as _;

use crate::case::{How, Step};
use crate::story::Line;

/// Where the lines of the four columns stand; nothing is drawn between the two CSEs.
const COLUMNS: [usize; 4] = [2, 36, 50, 84];
const WIDTH: usize = COLUMNS[3] + 2;

/// Draws the numbered messages of a case, with the steps nobody saw in their place.
#[must_use]
pub fn draw(steps: &[Step], story: &[Line]) -> String {
    let mut out = heading();
    let mut told = vec![false; steps.len()];
    for line in story.iter().filter(|line| !line.step.is_empty()) {
        let number = base(&line.step);
        let at = steps.iter().position(|step| step.number == number);
        for (index, step) in steps.iter().enumerate().take(at.unwrap_or(0)) {
            if !told[index] && step.how != How::Wire {
                local(&mut out, step);
                told[index] = true;
            }
        }
        if let Some(at) = at {
            told[at] = true;
        }
        arrow(&mut out, line);
    }
    for (step, told) in steps.iter().zip(told) {
        if !told && step.how != How::Wire {
            local(&mut out, step);
        }
    }
    out
}

/// `F1-16a` belongs to step `F1-16`.
#[must_use]
pub fn base(step: &str) -> &str {
    step.trim_end_matches(|letter: char| letter.is_ascii_lowercase())
}

fn heading() -> String {
    let mut row = vec![' '; WIDTH + 2];
    for (column, name) in COLUMNS.iter().zip(["AE1", "CSE1", "CSE2", "AE2"]) {
        let start = column.saturating_sub(name.len() / 2);
        for (offset, letter) in name.chars().enumerate() {
            row[start + offset] = letter;
        }
    }
    let row: String = row.into_iter().collect();
    format!("{}\n", row.trim_end())
}

fn rails() -> Vec<char> {
    let mut row = vec![' '; WIDTH];
    for column in COLUMNS {
        row[column] = '│';
    }
    row
}

fn arrow(out: &mut String, line: &Line) {
    let (from, mut to) = (COLUMNS[line.from.column()], COLUMNS[line.to.column()]);
    if from == to {
        // Both stand in one column: drawn towards the neighbouring one.
        to = COLUMNS[if line.to.column() == 0 {
            1
        } else {
            line.to.column() - 1
        }];
    }
    let (left, right) = (from.min(to), from.max(to));
    let mut row = rails();
    for cell in &mut row[left + 1..right] {
        *cell = '─';
    }
    if to > from {
        row[right - 1] = '►';
    } else {
        row[left + 1] = '◄';
    }
    let room = right - left - 4;
    let label: String = format!(" {} {} ", line.step, line.summary())
        .chars()
        .take(room)
        .collect();
    let start = left + 2 + (room - label.chars().count()) / 2;
    for (offset, letter) in label.chars().enumerate() {
        row[start + offset] = letter;
    }
    let row: String = row.into_iter().collect();
    writeln!(out, "{}", row.trim_end()).expect("a string takes text");
}

fn local(out: &mut String, step: &Step) {
    let (number, what) = (step.number, step.what);
    match step.how {
        How::Wire => Ok(()),
        How::Consequence(seen) => writeln!(out, "    ({number} {what}; seen by: {seen})"),
        How::Unseen(why) => writeln!(out, "    ({number} {what}; not seen: {why})"),
    }
    .expect("a string takes text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Party;

    fn line(step: &str, from: Party, to: Party, text: &str) -> Line {
        Line {
            step: step.to_owned(),
            from,
            to,
            text: text.to_owned(),
        }
    }

    #[test]
    fn arrows_point_to_the_receiver_and_carry_the_step() {
        let story = [
            line(
                "F1-07",
                Party::Ae1,
                Party::Cse1,
                r#"{"op":1,"pc":{"smg:ses":{}}}"#,
            ),
            line(
                "F1-17",
                Party::Cse1,
                Party::Ae1,
                r#"{"rsc":2001,"pc":{"smg:ses":{}}}"#,
            ),
        ];

        let drawn = draw(&[], &story);

        let rows: Vec<&str> = drawn.lines().collect();
        assert!(rows[1].contains("─►│"), "{drawn}");
        assert!(rows[2].starts_with("  │◄─"), "{drawn}");
        assert!(rows[1].contains(" F1-07 CREATE smg:ses "), "{drawn}");
        assert!(rows[2].contains(" F1-17 2001 smg:ses "), "{drawn}");
    }

    #[test]
    fn a_hidden_step_stands_in_its_place_and_says_so() {
        let steps = [
            Step {
                number: "F3-01",
                what: "DELETE",
                how: How::Wire,
            },
            Step {
                number: "F3-03",
                what: "hop request",
                how: How::Unseen("between the CSEs"),
            },
            Step {
                number: "F3-10",
                what: "deleted",
                how: How::Wire,
            },
        ];
        let story = [
            line("F3-01", Party::Ae1, Party::Cse1, r#"{"op":4}"#),
            line("F3-10", Party::Cse1, Party::Ae1, r#"{"rsc":2002}"#),
        ];

        let drawn = draw(&steps, &story);

        let rows: Vec<&str> = drawn.lines().collect();
        assert!(
            rows[2].contains("(F3-03 hop request; not seen: between the CSEs)"),
            "{drawn}"
        );
    }

    #[test]
    fn preparation_is_left_out() {
        let story = [line("", Party::Ae1, Party::Cse1, "{}")];

        assert_eq!(draw(&[], &story).lines().count(), 1);
    }
}
