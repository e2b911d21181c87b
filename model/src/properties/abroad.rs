//! Nodes of two service providers, and a node that is told to stop.

use super::{Check, Property};
use crate::happening::{CseStep, Scene};
use crate::look;
use crate::topology::Place;
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::Cse;
use m2m_machine::cse::{Input, Output};
use m2m_machine::id::LinkId;
use m2m_machine::resource::ResourceType;

/// The table.
pub(crate) static ALL: &[Property] = &[
    Property {
        name: "LNK-61 of the links that two providers' nodes open one stays, at both",
        check: Check::AtRest(lnk_61),
        witness: both_have_dialed,
    },
    Property {
        name: "LNK-65 what is asked of another provider is carried out there once and answered",
        check: Check::AtRest(lnk_65),
        witness: written_at_both,
    },
    Property {
        name: "LNK-66 a CSE that stops takes no requests, dials nobody, and owes no answer when it has stopped",
        check: Check::CseStep(lnk_66),
        witness: is_stopping,
    },
    Property {
        name: "REG-76 what leaves for another provider names its originator and target absolutely",
        check: Check::CseStep(reg_76),
        witness: written_at_both,
    },
];

/// The connections between nodes of two providers, whoever has opened them.
fn between_providers(world: &World, state: &State) -> usize {
    let topology = world.scenario.topology;
    let pairs = world.links.iter().zip(&state.pairs);
    let abroad = pairs.filter(|((client, server), _)| topology.abroad(*client, *server).is_some());
    abroad.map(|(_, pair)| pair.connections.len()).sum()
}

fn lnk_61(world: &World, state: &State) -> bool {
    between_providers(world, state) <= 1
}

fn both_have_dialed(world: &World, state: &State) -> bool {
    between_providers(world, state) == 2
}

fn lnk_65(world: &World, state: &State) -> bool {
    let sent = look::wished(world, state, |wish| matches!(wish, Wish::Send));
    let written: usize = state.cses.iter().map(|cse| instances(cse)).sum();
    let mut answered = sent.iter().map(|tag| state.ledger.told.get(tag));
    let is_answered = answered.all(|told| told.is_some_and(|told| told.finals == 1));
    let successes = sent.iter().filter_map(|tag| state.ledger.told.get(tag));
    let successes = successes.filter(|told| told.status == 2001).count();
    is_answered && (successes..=sent.len()).contains(&written)
}

fn instances(cse: &Cse) -> usize {
    let resources = cse.state().tree.iter();
    let instances = resources.filter(|r| r.resource_type == ResourceType::ContentInstance);
    instances.count()
}

fn written_at_both(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| instances(cse) > 0)
}

fn reg_76(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let topology = scene.world.scenario.topology;
    let own = Place::Cse(step.at);
    let there = |link: LinkId| {
        scene
            .peer(own, link)
            .and_then(|peer| topology.abroad(own, peer))
    };
    let here = format!("//{}/", step.after.config().service_provider);
    look::sent_requests(step).all(|(link, request)| {
        let from = request.from.as_deref().unwrap_or_default();
        there(link).is_none_or(|there| {
            let target = format!("{there}/");
            from.starts_with(&here) && request.to.starts_with(&target)
        })
    })
}

fn is_stopping(_: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| cse.has_to_stop())
}

fn lnk_66(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let is_request = look::received_request(step).is_some();
    let ignores = step.outputs.is_empty() && !look::persists(step);
    let takes_none = !is_request || !step.before.has_to_stop() || ignores;
    let told = matches!(step.input, Input::Stopping { .. });
    let obeys = !told || step.after.has_to_stop();
    let is_done = step.outputs.contains(&Output::Stopped);
    let owes_nothing = !is_done || step.after.owed_answers() == 0;
    let dials = step.outputs.iter().any(|output| match output {
        Output::Dial | Output::DialRegistree { .. } => true,
        Output::Persist(_)
        | Output::Send { .. }
        | Output::CloseLink { .. }
        | Output::Report(_)
        | Output::Stopped => false,
    });
    takes_none && obeys && owes_nothing && !(dials && step.after.has_to_stop())
}
