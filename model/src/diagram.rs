//! State diagrams: the states of a scenario, seen through what one asks about, as DOT or Mermaid.
//!
//! A scenario has thousands of states, and nobody reads a picture of them. Here all states that look alike become one:
//! by default those in which every CSE is in the same phase of its sessions, or every node, or one node alone. An arrow
//! says which messages and events lead from one to the other, in some interleaving.

use crate::action::{self, Action};
use crate::interpret;
use crate::ladder;
use crate::scenarios::Scenario;
use crate::topology::Place;
use crate::world::{State, World};
use clap::ValueEnum;
use m2m_machine::ae::endpoint::Phase as AePhase;
use m2m_machine::ae::exchange::Purpose;
use m2m_machine::record::{Phase, Stage};
use m2m_machine::shared::digest;
use m2m_machine::{Ae, Cse};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt::Write;

/// How a diagram is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For Graphviz: `model graph NAME | dot -Tsvg`.
    Dot,
    /// For Mermaid, as many documents show it.
    Mermaid,
}

/// What states are told apart by.
#[derive(Clone, Copy, Debug)]
enum By {
    Everyone,
    Cses,
    Node(Place),
    Links,
}

/// How many names stand on one arrow.
const NAMES_MAX: usize = 4;

/// Explores a scenario whole and draws what it looks like.
pub(crate) fn draw(
    scenario: &'static Scenario,
    by: &str,
    format: Format,
) -> Result<String, String> {
    let by = meant(scenario, by)?;
    let world = World::new(scenario, None, Vec::new());
    let diagram = Diagram::of(&world, by);
    Ok(match format {
        Format::Dot => diagram.dot(scenario.name),
        Format::Mermaid => diagram.mermaid(scenario.name),
    })
}

fn meant(scenario: &Scenario, by: &str) -> Result<By, String> {
    let topology = scenario.topology;
    let nodes = places(scenario);
    let wanted = |place: &&Place| topology.name(**place).eq_ignore_ascii_case(by);
    if let Some(place) = nodes.iter().find(wanted) {
        return Ok(By::Node(*place));
    }
    match by {
        "cses" => Ok(By::Cses),
        "everyone" => Ok(By::Everyone),
        "links" => Ok(By::Links),
        _ => {
            let names: Vec<&str> = nodes.iter().map(|place| topology.name(*place)).collect();
            Err(format!(
                "{} has nobody called {by}: --by takes cses, everyone, links, {}",
                scenario.name,
                names.join(", ")
            ))
        }
    }
}

fn places(scenario: &Scenario) -> Vec<Place> {
    let aes = (0_u8..).take(scenario.topology.aes.len()).map(Place::Ae);
    let cses = (0_u8..).take(scenario.topology.cses.len()).map(Place::Cse);
    aes.chain(cses).collect()
}

#[derive(Debug, Default)]
struct Diagram {
    /// What there is to be seen, in the order in which it was seen first, and in how many states.
    looks: Vec<(String, usize)>,
    numbers: BTreeMap<String, usize>,
    arrows: BTreeMap<(usize, usize), Arrow>,
}

#[derive(Debug, Default)]
struct Arrow {
    names: BTreeSet<String>,
    /// Whether something else than a fault leads that way.
    is_regular: bool,
}

impl Diagram {
    fn of(world: &World, by: By) -> Self {
        let mut diagram = Self::default();
        let mut seen = HashSet::from([digest(&world.initial)]);
        let mut queue = VecDeque::from([world.initial.clone()]);
        let mut actions = Vec::new();
        while let Some(state) = queue.pop_front() {
            let from = diagram.number(look(world, &state, by));
            diagram.looks[from].1 += 1;
            actions.clear();
            action::possible(world, &state, &mut actions);
            for action in &actions {
                let Some(next) = interpret::perform(world, &state, action) else {
                    continue;
                };
                let to = diagram.number(look(world, &next, by));
                if from != to {
                    let arrow = diagram.arrows.entry((from, to)).or_default();
                    arrow.is_regular |= !is_fault(action);
                    arrow.names.insert(ladder::caption(world, &state, action));
                }
                if seen.insert(digest(&next)) {
                    queue.push_back(next);
                }
            }
        }
        diagram
    }

    fn number(&mut self, look: String) -> usize {
        if let Some(number) = self.numbers.get(&look) {
            return *number;
        }
        let number = self.looks.len();
        self.looks.push((look.clone(), 0));
        self.numbers.insert(look, number);
        number
    }

    fn dot(&self, name: &str) -> String {
        let mut text = format!("digraph \"{name}\" {{\n    node [shape=box, style=rounded];\n");
        for (number, (look, states)) in self.looks.iter().enumerate() {
            let bold = if number == 0 { ", penwidth=2" } else { "" };
            let look = look.replace('\n', "\\n");
            let _ = writeln!(
                text,
                "    s{number} [label=\"{look}\", tooltip=\"{states} states\"{bold}];"
            );
        }
        for ((from, to), arrow) in &self.arrows {
            let style = if arrow.is_regular {
                ""
            } else {
                ", style=dashed"
            };
            let label = arrow.label("\\n");
            let _ = writeln!(text, "    s{from} -> s{to} [label=\"{label}\"{style}];");
        }
        text.push_str("}\n");
        text
    }

    fn mermaid(&self, name: &str) -> String {
        let mut text = format!("---\ntitle: {name}\n---\nstateDiagram-v2\n    [*] --> s0\n");
        for (number, (look, _)) in self.looks.iter().enumerate() {
            let look = look.replace('\n', "<br/>");
            let _ = writeln!(text, "    state \"{look}\" as s{number}");
        }
        for ((from, to), arrow) in &self.arrows {
            let label = arrow.label("<br/>").replace([':', ';'], ",");
            let _ = writeln!(text, "    s{from} --> s{to}: {label}");
        }
        text
    }
}

impl Arrow {
    fn label(&self, between: &str) -> String {
        let mut names: Vec<String> = self.names.iter().take(NAMES_MAX).cloned().collect();
        let more = self.names.len() - names.len();
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        names.join(between)
    }
}

const fn is_fault(action: &Action) -> bool {
    match action {
        Action::Cut(_)
        | Action::Lose { .. }
        | Action::Fail(_)
        | Action::Crash { .. }
        | Action::Repeat { .. }
        | Action::Notice { .. } => true,
        Action::Ask(_)
        | Action::Decide { .. }
        | Action::Deliver { .. }
        | Action::Reopen(_)
        | Action::Elapse(_)
        | Action::Advance(_) => false,
    }
}

/// What a state looks like.
fn look(world: &World, state: &State, by: By) -> String {
    let topology = world.scenario.topology;
    let of = |place| match place {
        Place::Ae(at) => ae_phase(state.ae(at)),
        Place::Cse(at) => cse_phase(&state.cses[usize::from(at)]),
    };
    let mut text = String::new();
    match by {
        By::Node(place) => return of(place),
        By::Everyone | By::Cses => {
            for place in places(world.scenario) {
                if matches!((by, place), (By::Cses, Place::Ae(_))) {
                    continue;
                }
                let _ = writeln!(text, "{}: {}", topology.name(place), of(place));
            }
        }
        By::Links => {
            for ((client, server), pair) in world.links.iter().zip(&state.pairs) {
                let up = pair.connections.iter().filter(|c| c.is_whole()).count();
                let half = pair.connections.len() - up;
                let word = match (up, half, pair.dialing) {
                    (0, 0, true) => "being opened",
                    (0, 0, false) => "down",
                    (0, _, _) => "known to one end",
                    (1, 0, _) => "up",
                    _ => "up, and an old one",
                };
                let (client, server) = (topology.name(*client), topology.name(*server));
                let _ = writeln!(text, "{client}-{server}: {word}");
            }
        }
    }
    text.trim_end().to_owned()
}

fn ae_phase(ae: &Ae) -> String {
    let phases = ae.sessions().map(|(_, phase)| match phase {
        AePhase::Asked(_) => "asked",
        AePhase::Member(_) => "member",
        AePhase::Leaving(_) => "leaving",
        AePhase::Refused(_) => "refused",
        AePhase::Ended(_) => "ended",
    });
    let waits = ae.exchanges().map(|(_, exchange)| match exchange.purpose {
        Purpose::Register => "registers",
        Purpose::Deregister => "deregisters",
        Purpose::Discover(_) => "looks for AEs",
        Purpose::Establish(_) => "establishes",
        Purpose::Terminate(_) => "ends it",
        Purpose::Undo => "undoes",
        Purpose::Plain => "waits for an answer",
    });
    joined(phases.chain(waits))
}

fn cse_phase(cse: &Cse) -> String {
    let durable = cse.state();
    let sessions = durable
        .sessions
        .iter()
        .map(|(_, session)| match session.phase {
            Phase::Pending { .. } => "PENDING",
            Phase::Active => "ACTIVE",
            Phase::Terminating(_) => "TERMINATING",
        });
    let attempts = durable
        .attempts
        .iter()
        .map(|(_, attempt)| match attempt.stage {
            Stage::Abandoned { .. } => "establishment given up",
            Stage::AwaitingCapability | Stage::Asked => "establishing",
        });
    let tombstones = durable.tombstones.iter().map(|(_, row)| {
        if row.hops.is_empty() {
            "over"
        } else {
            "over, a hop to be told"
        }
    });
    let stored = durable.stored.iter().map(|_| "a request stored");
    joined(sessions.chain(attempts).chain(tombstones).chain(stored))
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: BTreeSet<&str> = words.collect();
    if words.is_empty() {
        return "nothing".to_owned();
    }
    let words: Vec<&str> = words.into_iter().collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios;

    fn drawn(by: &str, format: Format) -> String {
        let scenario = scenarios::by_name("plain").expect("it exists");
        draw(scenario, by, format).expect("it can be drawn")
    }

    #[test]
    fn a_diagram_shows_the_life_of_a_session_at_a_node() {
        let dot = drawn("CSE2", Format::Dot);
        for phase in ["nothing", "establishing", "ACTIVE"] {
            assert!(
                dot.contains(&format!("[label=\"{phase}\"")),
                "{phase}: {dot}"
            );
        }
        assert!(dot.contains("F1-09 CREATE session, hop"), "{dot}");
        assert!(dot.starts_with("digraph \"plain\" {") && dot.ends_with("}\n"));
    }

    #[test]
    fn every_arrow_of_a_diagram_leads_from_and_to_something_that_it_shows() {
        let mermaid = drawn("everyone", Format::Mermaid);
        let arrows = mermaid.lines().filter_map(|line| line.split_once(" --> "));
        for (from, to) in arrows {
            let to = to.split(':').next().expect("a name");
            for end in [from.trim(), to] {
                let is_shown = mermaid.contains(&format!(" as {end}\n"));
                assert!(end == "[*]" || is_shown, "{end}: {mermaid}");
            }
        }
        assert!(
            mermaid.contains("AE1: establishes<br/>AE2: nothing"),
            "{mermaid}"
        );
    }

    #[test]
    fn a_diagram_of_nobody_is_refused_with_the_names_there_are() {
        let scenario = scenarios::by_name("plain").expect("it exists");
        let why = draw(scenario, "CSE9", Format::Dot).expect_err("there is no CSE9");
        assert!(
            why.contains("cses, everyone, links, AE1, AE2, CSE1, CSE2"),
            "{why}"
        );
    }
}
