//! The way to where a search starts: one deterministic run without any fault.

use crate::action::{self, Action};
use crate::interpret::Turn;
use crate::ledger::Ledger;
use crate::sabotage::{Defect, Saboteur};
use crate::scenarios::{Begin, Scenario};
use crate::topology;
use crate::wish::{self, NIGHT, SESSION, SHORTLY, Wish};
use crate::world::{Budget, Pair, START, Side, State, World};
use m2m_machine::deviation::Deviations;
use m2m_machine::shared::Shared;
use m2m_machine::{Ae, Cse};

/// How long a quiet world is left alone, so that nothing of the set-up is remembered: longer than any outcome.
const QUIET_MS: u64 = 600_000;

/// What each AE does before the search begins.
const REGISTERED: [&[Wish]; 3] = [
    &[
        Wish::Connect,
        Wish::Register,
        Wish::Grant,
        Wish::Container("box"),
        Wish::Subscribe { consent: false },
    ],
    &[
        Wish::Connect,
        Wish::Register,
        Wish::Grant,
        Wish::Apply,
        Wish::Container("box"),
        Wish::Subscribe { consent: true },
    ],
    &[
        Wish::Connect,
        Wish::Register,
        Wish::Subscribe { consent: false },
    ],
];

/// A world in which nothing has happened yet.
pub(crate) fn empty(scenario: &Scenario, saboteur: Option<&Saboteur>) -> State {
    let topology = scenario.topology;
    let deviations = match saboteur.map(|s| &s.defect) {
        Some(Defect::Machine(list) | Defect::Both(list, _) | Defect::Everywhere(list, ..)) => {
            Deviations::of(list)
        }
        Some(
            Defect::Outputs(_)
            | Defect::NotStored(_)
            | Defect::AeOutputs(_)
            | Defect::Inputs(_)
            | Defect::Late(_)
            | Defect::Configured(_)
            | Defect::Restart(_),
        )
        | None => Deviations::default(),
    };
    let aes = (0_u8..).take(topology.aes.len());
    let cses = (0_u8..).take(topology.cses.len());
    let cse = |at| {
        let mut config = topology.cse_config(at, topology::timers(), deviations);
        (scenario.adjust)(&mut config);
        if let Some(Defect::Configured(change)) = saboteur.map(|s| &s.defect) {
            change(&mut config);
        }
        Shared::new(Cse::new(config, START))
    };
    State {
        now: START,
        tokens: 0,
        aes: aes
            .map(|at| Shared::new(Ae::new(topology.ae_config(at))))
            .collect(),
        cses: cses.map(cse).collect(),
        pairs: topology
            .links()
            .iter()
            .map(|_| Shared::new(Pair::default()))
            .collect(),
        wishes: topology.aes.iter().map(|_| 0).collect(),
        left: Budget::default(),
        ledger: Shared::new(Ledger::default()),
    }
}

/// Runs the set-up of a scenario.
pub(crate) fn run(world: &World) -> State {
    let scenario = world.scenario;
    let mut turn = Turn::new(world, world.initial.clone());
    if scenario.begin != Begin::Nothing {
        if scenario.begin != Begin::Apart {
            for pair in 0..world.links.len() {
                turn.redial(pair);
            }
            settle(&mut turn);
        }
        for ae in (0_u8..).take(scenario.topology.aes.len()) {
            for wish in REGISTERED[usize::from(ae)] {
                let subscribes = matches!(wish, Wish::Subscribe { .. });
                if subscribes && scenario.begin == Begin::Mutual {
                    carry(&mut turn, ae, &Wish::Subscribe { consent: true });
                } else {
                    carry(&mut turn, ae, wish);
                }
            }
        }
        forget(&mut turn);
    }
    let steps: &[Wish] = match scenario.begin {
        Begin::Nothing | Begin::Apart | Begin::Registered | Begin::Mutual => &[],
        Begin::Established => &[Wish::Establish(&SESSION)],
        Begin::WithNight => &[Wish::Establish(&SESSION), Wish::Policy(&NIGHT)],
        Begin::WithShortly => &[Wish::Establish(&SESSION), Wish::Policy(&SHORTLY)],
    };
    for wish in steps {
        carry(&mut turn, 0, wish);
        forget(&mut turn);
    }
    if scenario.begin == Begin::Apart {
        for pair in 0..world.links.len() {
            turn.redial(pair);
        }
    }
    let mut state = turn.state;
    state.left = scenario.budget;
    let mut ledger = Ledger::default();
    ledger.consent.clone_from(&state.ledger.consent);
    state.ledger = Shared::new(ledger);
    state
}

fn carry(turn: &mut Turn<'_>, ae: u8, wish: &Wish) {
    if let Some(ask) = wish::ask(turn.world, &turn.state, ae, wish) {
        turn.ask(ae, 0, ask);
        settle(turn);
    }
}

/// Delivers everything, opens every link that is wanted, and says yes to every question.
fn settle(turn: &mut Turn<'_>) {
    loop {
        let mut next = None;
        for pair in (0_u8..).take(turn.world.links.len()) {
            let row = &turn.state.pairs[usize::from(pair)];
            let waits = |side: Side| {
                row.connections
                    .first()
                    .is_some_and(|c| !c.end(side).queue.is_empty())
            };
            if row.dialing {
                next = Some(Action::Reopen(pair));
            } else if let Some(to) = Side::BOTH.into_iter().find(|side| waits(*side)) {
                next = Some(Action::Deliver {
                    pair,
                    connection: 0,
                    to,
                });
            }
            if next.is_some() {
                break;
            }
        }
        let asked = (0_u8..)
            .take(turn.state.aes.len())
            .find(|ae| wish::question(turn.state.ae(*ae)).is_some());
        let next = next.or_else(|| asked.map(|ae| Action::Decide { ae, yes: true }));
        let Some(next) = next else { return };
        if turn.act(&next).is_none() {
            return;
        }
    }
}

/// Time passes, and what was remembered only for repetitions is forgotten.
fn forget(turn: &mut Turn<'_>) {
    turn.state.now = turn.state.now.plus(QUIET_MS);
    loop {
        let now = turn.state.now;
        let lists = action::all_due(turn.world, &turn.state);
        let mut all = lists.iter().flat_map(|list| list.iter());
        let due = all.find(|(at, due)| *at <= now && !due.is_redial());
        let Some((_, due)) = due.cloned() else { return };
        match due {
            action::Due::Ae(ae, timer) => {
                turn.step_ae(ae, m2m_machine::ae::Input::Elapsed(timer));
            }
            action::Due::Cse(cse, timer) => {
                turn.step_cse(cse, m2m_machine::cse::Input::Elapsed(timer));
            }
        }
        settle(turn);
    }
}
