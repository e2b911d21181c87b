//! A world in Stateright's Explorer: states in words, and moves with the messages that they carry.

use crate::action::Action;
use crate::ladder;
use crate::properties::{OfWorld, STRUCTURE, Slots, structure};
use crate::show;
use crate::world::{State, World};
use stateright::{Model, Property};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Shows a world in the browser until the program is ended.
pub(crate) fn serve(world: World, address: &str) {
    let witnesses = world.properties.iter().map(|property| {
        let name = format!("it occurs: {}", property.name);
        // The checker wants names that outlive it; they are made once in a run.
        &*Box::leak(name.into_boxed_str())
    });
    let witnesses = witnesses.collect();
    Explored { world, witnesses }.checker().serve(address);
}

struct Explored {
    world: World,
    witnesses: Vec<&'static str>,
}

/// A state and what is said of it.
#[derive(Clone)]
struct Told {
    state: State,
    text: String,
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Hash for Told {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state.hash(hasher);
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A move and how it is called where it is made.
#[derive(Clone, PartialEq)]
struct Move {
    action: Action,
    caption: String,
}

impl fmt::Debug for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.caption)
    }
}

impl Explored {
    fn tell(&self, state: State) -> Told {
        let text = show::state(&self.world, &state);
        Told { state, text }
    }

    fn caption(&self, state: &State, action: &Action) -> String {
        let step = if let Action::Crash {
            cause: Some((cause, _)),
            ..
        } = action
        {
            cause
        } else {
            action
        };
        let label = action.label(&self.world);
        let said = ladder::caption(&self.world, state, step);
        if said == step.label(&self.world) {
            label
        } else {
            format!("{label}: {said}")
        }
    }
}

impl OfWorld for Explored {
    fn world(&self) -> &World {
        &self.world
    }

    fn state(shown: &Told) -> &State {
        &shown.state
    }
}

impl Model for Explored {
    type State = Told;
    type Action = Move;

    fn init_states(&self) -> Vec<Told> {
        let first = self.world.init_states().into_iter();
        first.map(|state| self.tell(state)).collect()
    }

    fn actions(&self, told: &Told, moves: &mut Vec<Move>) {
        let mut actions = Vec::new();
        self.world.actions(&told.state, &mut actions);
        moves.extend(actions.into_iter().map(|action| {
            let caption = self.caption(&told.state, &action);
            Move { action, caption }
        }));
    }

    fn next_state(&self, told: &Told, next: Move) -> Option<Told> {
        let state = self.world.next_state(&told.state, next.action)?;
        Some(self.tell(state))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut rows = vec![Property::always(STRUCTURE, |explored: &Self, told| {
            structure(&explored.world, &told.state)
        })];
        for (slot, property) in self.world.properties.iter().enumerate() {
            let (holds, occurs) = Slots::<Self>::ALL[slot];
            rows.push(Property::always(property.name, holds));
            rows.push(Property::sometimes(self.witnesses[slot], occurs));
        }
        rows
    }

    fn format_step(&self, told: &Told, next: Move) -> Option<String> {
        let next = self.next_state(told, next)?;
        Some(next.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{properties, scenarios};

    fn captions(explored: &Explored, told: &Told) -> Vec<String> {
        let mut moves = Vec::new();
        explored.actions(told, &mut moves);
        moves.iter().map(|next| format!("{next:?}")).collect()
    }

    #[test]
    fn moves_name_their_messages_and_states_their_nodes() {
        let scenario = scenarios::by_name("establish").expect("a scenario");
        let world = World::new(scenario, None, properties::of(scenario.properties));
        let witnesses = Vec::new();
        let explored = Explored { world, witnesses };
        let mut told = explored.init_states().remove(0);
        assert_eq!(captions(&explored, &told), ["AE1 asks"]);

        let mut moves = Vec::new();
        explored.actions(&told, &mut moves);
        told = explored
            .next_state(&told, moves.remove(0))
            .expect("a next state");

        let all = captions(&explored, &told);
        assert_eq!(all[0], "AE1 to CSE1: F1-07 CREATE session");
        assert!(
            all.iter()
                .any(|c| c.contains("CSE1 crashes after output 1") && c.contains("F1-07"))
        );
        let text = format!("{told:#?}");
        assert!(
            text.contains("AE1: request") && !text.contains("Shared"),
            "{text}"
        );
    }
}
