//! The flows of the session call flow contribution, read to the letter: what goes wrong, and which rule closes it.
//!
//! Each hole has a scenario and a defect of its own number. The flows are found wanting in the one and the protocol
//! with all its rules is not, in every interleaving of the same scenario.

mod holes;

use crate::action::Action;
use crate::ladder;
use crate::properties;
use crate::report::{Progress, line};
use crate::requirement;
use crate::sabotage::{self, Saboteur};
use crate::scenarios::{self, Scenario};
use crate::search::{self, How};
use crate::show;
use crate::sweep::{self, Until};
use crate::world::World;
use holes::{HOLES, Hole};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// What became of a hole.
#[derive(Debug)]
struct Shown {
    hole: &'static Hole,
    requirement: &'static str,
    /// The flows to the letter, and the shortest way to where they fail, if there is one.
    letter: World,
    way: Option<Vec<Action>>,
    /// How many states the hardened protocol has in the same scenario.
    hardened_states: usize,
    /// Whether it was searched whole, the requirement holds in it, and its situation occurs.
    is_closed: bool,
}

/// Shows every hole; whether each was found in the flows and is closed in the hardened protocol.
pub(crate) fn run(json: Option<&Path>) -> Result<bool, String> {
    let began = Instant::now();
    let mut all = Vec::new();
    for shown in every_hole() {
        let shown = shown?;
        line(&shown.story());
        all.push(shown);
    }
    line(&table(&all));
    let found = all.iter().filter(|shown| shown.way.is_some()).count();
    let closed = all.iter().filter(|shown| shown.is_closed).count();
    let of = all.len();
    let seconds = began.elapsed().as_secs_f64();
    line(&format!(
        "{found} of {of} holes found in the letter, {closed} of {of} closed in the hardened protocol, {seconds:.1} s"
    ));
    if let Some(path) = json {
        let rows: Vec<Value> = all.iter().map(Shown::as_json).collect();
        let text = format!("{:#}\n", Value::Array(rows));
        std::fs::write(path, text)
            .map_err(|why| format!("failed to write {}: {why}", path.display()))?;
    }
    Ok(found == of && closed == of)
}

/// The holes with their scenarios and defects, in order.
fn every_hole() -> impl Iterator<Item = Result<Shown, String>> {
    HOLES.iter().map(|hole| {
        let name = format!("hole-{}", hole.number);
        let defect = sabotage::of_the_letter().find(|s| s.scenario == name);
        let scenario = scenarios::by_name(&name);
        let both = scenario.zip(defect);
        let (scenario, defect) = both.ok_or_else(|| format!("{name} lacks scenario or defect"))?;
        Ok(Shown::of(hole, scenario, defect))
    })
}

impl Shown {
    fn of(hole: &'static Hole, scenario: &'static Scenario, defect: &'static Saboteur) -> Self {
        let properties = properties::of(defect.kills);
        let letter = World::new(scenario, Some(defect), properties.clone());
        let mut progress = Progress::of(scenario.name);
        let swept = sweep::sweep(
            &letter,
            Until::AllBroken(1),
            None,
            &mut |unique, all, depth, took| {
                progress.show(unique, all, depth, took);
            },
        );
        let first = swept.broken.first().copied().flatten();
        let way = first.map(|number| swept.way(&letter, number));
        let hardened = World::new(scenario, None, properties);
        let hardened = search::search(
            hardened,
            How::Everything,
            &mut |unique, all, depth, took| {
                progress.show(unique, all, depth, took);
            },
        );
        progress.end();
        Self {
            hole,
            requirement: defect.kills.first().copied().unwrap_or_default(),
            letter,
            way,
            hardened_states: hardened.unique,
            is_closed: crate::report::is_good(&hardened),
        }
    }

    /// How many steps the counterexample has.
    fn steps(&self) -> Option<usize> {
        self.way.as_ref().map(Vec::len)
    }

    /// The hole as people read it.
    fn story(&self) -> String {
        let hole = self.hole;
        let mut text = format!("Hole {}, at {}: {}\n", hole.number, hole.at, hole.title);
        text.push_str(&format!("the letter: {}\n", hole.letter));
        text.push_str(&format!("and then:   {}\n", hole.then));
        match &self.way {
            Some(way) => {
                text.push('\n');
                text.push_str(&ladder::draw(&self.letter, way));
                text.push('\n');
                text.push_str(&show::after(&self.letter, way));
            }
            None => text.push_str("\nNOT FOUND\n"),
        }
        let cited = |id: &str| format!("  {id}  {}\n", requirement::sentence(id).unwrap_or(""));
        text.push_str("\nthis breaks\n");
        text.push_str(&cited(self.requirement));
        if !hole.means.is_empty() {
            text.push_str("which is kept by\n");
            text.extend(hole.means.iter().map(|id| cited(id)));
        }
        let verdict = if self.is_closed {
            "holds in every one of"
        } else {
            "DOES NOT HOLD in"
        };
        text.push_str(&format!(
            "with all rules {} {verdict} the {} states of {}\n",
            self.requirement, self.hardened_states, self.letter.scenario.name
        ));
        text
    }

    fn as_json(&self) -> Value {
        json!({
            "hole": self.hole.number,
            "requirement": self.requirement,
            "steps": self.steps(),
            "found": self.way.is_some(),
            "closed_in_hardened": self.is_closed,
        })
    }
}

/// A line per hole.
fn table(all: &[Shown]) -> String {
    let mut text = format!(
        "{:<5} {:<11} {:>5}  {:>8}  {:<6} hole\n",
        "hole", "requirement", "steps", "hardened", ""
    );
    for shown in all {
        let steps = shown
            .steps()
            .map_or_else(|| "-".to_owned(), |steps| steps.to_string());
        let closed = if shown.is_closed { "closed" } else { "OPEN" };
        text.push_str(&format!(
            "{:<5} {:<11} {steps:>5}  {:>8}  {closed:<6} {}\n",
            shown.hole.number, shown.requirement, shown.hardened_states, shown.hole.title
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Shown, every_hole, table};

    const DOCUMENT: &str = include_str!("../../specs/model.md");

    #[test]
    fn every_hole_of_the_letter_is_found_and_closed() {
        let all: Result<Vec<Shown>, String> = every_hole().collect();
        let all = all.expect("every hole has a scenario and a defect");

        assert_eq!(all.len(), 15);
        for shown in &all {
            assert!(shown.way.is_some(), "hole {} not found", shown.hole.number);
            assert!(shown.is_closed, "hole {} not closed", shown.hole.number);
            let row = shown.row_of_document();
            assert!(DOCUMENT.contains(&row), "specs/model.md lacks {row}");
        }
        insta::assert_snapshot!("holes", table(&all));
        let stories: Vec<String> = all.iter().map(Shown::story).collect();
        insta::assert_snapshot!("stories", stories.join("\n"));
    }

    impl Shown {
        /// The hole as `specs/model.md` tells it.
        fn row_of_document(&self) -> String {
            let hole = self.hole;
            let kept = std::iter::once(format!("**{}**", self.requirement));
            let kept: Vec<String> = kept
                .chain(hole.means.iter().map(ToString::to_string))
                .collect();
            format!(
                "| {} | {} | {} | {} | {} |",
                hole.number,
                hole.at,
                hole.letter,
                hole.then,
                kept.join(", ")
            )
        }
    }
}
