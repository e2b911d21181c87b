//! Ladder diagrams: AE1 | CSE1 | CSE | CSE2 | AE2, as far as they take part, with the numbers of the
//! flows.
//!
//! What passes between the CSEs is hidden in configuration E. The diagram says so instead of
//! drawing arrows nobody has seen: such steps stand in brackets.

use std::fmt::Write as _;

use crate::case::{How, Step};
use crate::story::Line;

/// Heads of the columns, from the left; see [`Party::column`](crate::story::Party::column).
const HEADS: [&str; 5] = ["AE1", "CSE1", "CSE", "CSE2", "AE2"];
/// Between two columns that exchange numbered messages, and between two that do not.
const WIDE: usize = 34;
const NARROW: usize = 14;

/// Where the lines of the columns stand, of those that take part.
struct Columns([Option<usize>; 5]);

impl Columns {
    /// AE1 and CSE1, and whoever else speaks.
    fn of(story: &[Line]) -> Self {
        let speaks = |column: usize| {
            let at = |line: &&Line| [line.from.column(), line.to.column()].contains(&column);
            story.iter().filter(at).any(|line| !line.step.is_empty())
        };
        let mut places = [None; 5];
        let mut last: Option<(usize, usize)> = None;
        for column in (0..HEADS.len()).filter(|&column| column < 2 || speaks(column)) {
            let place = last.map_or(2, |(before, place)| {
                let between = |line: &&Line| {
                    let ends = [line.from.column(), line.to.column()];
                    ends.contains(&before) && ends.contains(&column) && !line.step.is_empty()
                };
                place
                    + if story.iter().any(|line| between(&line)) {
                        WIDE
                    } else {
                        NARROW
                    }
            });
            places[column] = Some(place);
            last = Some((column, place));
        }
        Self(places)
    }

    fn at(&self, column: usize) -> usize {
        self.0[column].unwrap_or(2)
    }

    /// The column to the left of this one, of the first the one to its right.
    fn beside(&self, column: usize) -> usize {
        let left = self.0[..column].iter().flatten().next_back();
        let right = self.0[column + 1..].iter().flatten().next();
        left.or(right).copied().unwrap_or(2 + NARROW)
    }

    fn width(&self) -> usize {
        self.0.iter().flatten().max().map_or(2, |last| last + 2)
    }
}

/// Draws the numbered messages of a case, with the steps nobody saw in their place.
#[must_use]
pub fn draw(steps: &[Step], story: &[Line]) -> String {
    let columns = Columns::of(story);
    let mut out = heading(&columns);
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
        arrow(&mut out, &columns, line);
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

fn heading(columns: &Columns) -> String {
    let mut row = vec![' '; columns.width() + 2];
    for (column, name) in columns.0.iter().zip(HEADS) {
        let Some(column) = column else { continue };
        let start = column.saturating_sub(name.len() / 2);
        for (offset, letter) in name.chars().enumerate() {
            row[start + offset] = letter;
        }
    }
    let row: String = row.into_iter().collect();
    format!("{}\n", row.trim_end())
}

fn rails(columns: &Columns) -> Vec<char> {
    let mut row = vec![' '; columns.width()];
    for column in columns.0.iter().flatten() {
        row[*column] = '│';
    }
    row
}

fn arrow(out: &mut String, columns: &Columns, line: &Line) {
    let (from, mut to) = (columns.at(line.from.column()), columns.at(line.to.column()));
    if from == to {
        // Both stand in one column: drawn towards the neighbouring one.
        to = columns.beside(line.to.column());
    }
    let (left, right) = (from.min(to), from.max(to));
    let mut row = rails(columns);
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
