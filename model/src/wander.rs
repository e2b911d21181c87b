//! A seeded walk through a scenario, for worlds that are too large to exhaust.

use crate::action;
use crate::interpret;
use crate::ladder;
use crate::properties;
use crate::report::line;
use crate::scenarios::Scenario;
use crate::world::World;

/// Walks so many steps, beginning again wherever nothing is left to do; whether everything held.
pub(crate) fn run(scenario: &'static Scenario, seed: u64, steps: u64) -> bool {
    let world = World::new(scenario, None, properties::of(scenario.properties));
    let mut dice = Dice(seed.wrapping_mul(2).wrapping_add(1));
    let mut state = world.initial.clone();
    let mut way = Vec::new();
    let mut walks = 1;
    let mut possible = Vec::new();
    for _ in 0..steps {
        possible.clear();
        action::possible(&world, &state, &mut possible);
        let chosen = dice
            .choose(possible.len())
            .map(|at| possible.swap_remove(at));
        let next = chosen.and_then(|action| {
            let next = interpret::perform(&world, &state, &action)?;
            way.push(action);
            Some(next)
        });
        let Some(next) = next else {
            if possible.is_empty() {
                state = world.initial.clone();
                way.clear();
                walks += 1;
            }
            continue;
        };
        state = next;
        let mut slots = world.properties.iter().enumerate();
        let broken = slots.find(|(slot, property)| !property.holds(*slot, &world, &state));
        if let Some((_, property)) = broken {
            line(&format!("BROKEN: {}", property.name));
            line(&ladder::draw(&world, &way));
            return false;
        }
    }
    line(&format!(
        "{}: {steps} steps in {walks} walks, seed {seed}: nothing is broken",
        scenario.name
    ));
    true
}

/// A small generator (xorshift64*), so that a seed means the same everywhere.
struct Dice(u64);

impl Dice {
    fn choose(&mut self, among: usize) -> Option<usize> {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).ok()?.checked_rem(among)
    }
}
