//! Counterexamples as files: the scenario, the defect if there was one, and the actions by their labels.

use crate::action::{self, Action};
use crate::interpret;
use crate::ladder;
use crate::report::line;
use crate::sabotage;
use crate::scenarios;
use crate::show;
use crate::world::World;
use serde_json::{Value, json};
use std::path::Path;

/// Writes a path, and the loop that it ends in, if it is one that goes on for ever.
pub(crate) fn write(
    path: &Path,
    world: &World,
    property: &str,
    stem: &[Action],
    round: Option<&[Action]>,
) -> Result<(), String> {
    let actions = stem.iter().chain(round.unwrap_or_default());
    let labels: Vec<String> = actions.map(|action| action.label(world)).collect();
    let value = json!({
        "scenario": world.scenario.name,
        "saboteur": world.saboteur.map(|s| s.name),
        "property": property,
        "actions": labels,
        "for_ever_from": round.map(|_| stem.len()),
    });
    std::fs::write(path, format!("{value:#}\n"))
        .map_err(|why| format!("failed to write {}: {why}", path.display()))
}

/// Shows a path that was written.
pub(crate) fn show(path: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| format!("failed to read {}: {why}", path.display()))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|why| format!("failed to parse it: {why}"))?;
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    let scenario = field("scenario").and_then(scenarios::by_name);
    let scenario = scenario.ok_or("it names no scenario of this version")?;
    let saboteur = match field("saboteur") {
        None => None,
        Some(name) => Some(sabotage::by_name(name).ok_or("it names no saboteur of this version")?),
    };
    let world = World::new(scenario, saboteur, Vec::new());
    let labels = value.get("actions").and_then(Value::as_array);
    let mut state = world.initial.clone();
    let mut actions = Vec::new();
    for label in labels.ok_or("it lists no actions")? {
        let mut possible = Vec::new();
        action::possible(&world, &state, &mut possible);
        let action = possible
            .into_iter()
            .find(|action| Some(action.label(&world).as_str()) == label.as_str());
        let action = action.ok_or_else(|| format!("{label} is not possible there"))?;
        state = interpret::perform(&world, &state, &action)
            .ok_or_else(|| format!("{label} changes nothing there"))?;
        actions.push(action);
    }
    line(field("property").unwrap_or(""));
    let from = value.get("for_ever_from").and_then(Value::as_u64);
    let from = from.and_then(|from| usize::try_from(from).ok());
    let (stem, round) = actions.split_at(from.unwrap_or(actions.len()).min(actions.len()));
    let round = from.map(|_| round);
    line(&ladder::draw_lasso(&world, stem, round));
    line(&show::after(&world, stem));
    Ok(true)
}
