//! Carries out an action: steps the machines and does what they ask of their hosts, in the order they ask it.
//!
//! The counterpart in the programs is `impl/src/driver.rs`. A step's outputs are carried out at once; a crash lets
//! only the first of them through.

mod links;

pub(crate) use links::find;

use crate::action::{Action, Due};
use crate::happening::{AeStep, CseStep, note};
use crate::ledger::Ledger;
use crate::sabotage::Defect;
use crate::seal;
use crate::topology::Place;
use crate::wish::{self, Wish};
use crate::world::{Side, State, World, spend};
use m2m_machine::ae::command::{Ask, Command};
use m2m_machine::id::{LinkId, SessionId};
use m2m_machine::primitive::Primitive;
use m2m_machine::shared::Shared;
use m2m_machine::{Cse, Env, Fresh, ae, cse};
use std::borrow::Cow;

/// The state after an action; `None` if it changes nothing.
pub(crate) fn perform(world: &World, state: &State, action: &Action) -> Option<State> {
    let mut turn = Turn {
        world,
        state: state.clone(),
        crash_after: None,
    };
    turn.act(action)?;
    Some(turn.state)
}

/// A state that is being changed.
pub(crate) struct Turn<'a> {
    pub(crate) world: &'a World,
    pub(crate) state: State,
    /// How many outputs of the next step of a CSE are carried out before it crashes.
    crash_after: Option<u8>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(world: &'a World, state: State) -> Self {
        Self {
            world,
            state,
            crash_after: None,
        }
    }

    /// Carries out an action; `None` if it cannot be, or changes nothing.
    pub(crate) fn act(&mut self, action: &Action) -> Option<()> {
        match action {
            Action::Ask(ae) => self.wish(*ae)?,
            Action::Decide { ae, yes } => {
                let question = wish::question(self.state.ae(*ae))?;
                let ask = wish::decision(self.world, *ae, &question, *yes);
                let before = self.state.aes[usize::from(*ae)].digest();
                self.ask(*ae, u64::MAX, ask);
                // Who is leaving takes no decision any more.
                if self.state.aes[usize::from(*ae)].digest() == before {
                    return None;
                }
                self.decided(*ae, &question.session, *yes);
            }
            Action::Deliver {
                pair,
                connection,
                to,
            } => self.deliver(usize::from(*pair), usize::from(*connection), *to)?,
            Action::Notice {
                pair,
                connection,
                side,
            } => self.lose(usize::from(*pair), usize::from(*connection), *side),
            Action::Cut(pair) => {
                spend(&mut self.state.left.cuts);
                self.cut(usize::from(*pair));
            }
            Action::Lose { pair, side } => {
                spend(&mut self.state.left.losses);
                let pair = usize::from(*pair);
                let newest = self.state.pairs[pair].connections.len().checked_sub(1)?;
                self.lose(pair, newest, *side);
            }
            Action::Reopen(pair) => self.open(usize::from(*pair)),
            Action::Fail(pair) => self.fail(usize::from(*pair)),
            Action::Elapse(due) => self.elapse(due)?,
            Action::Advance(at) => self.state.now = *at,
            Action::Crash { cse, cause } => {
                spend(&mut self.state.left.crashes);
                match cause {
                    None => self.crash(*cse, None, false),
                    Some((action, after)) => {
                        self.crash_after = Some(*after);
                        self.act(action)?;
                        // The step had no more outputs than that: it is a crash after it.
                        if self.crash_after.is_some() {
                            return None;
                        }
                    }
                }
            }
            Action::Repeat { ae, number } => self.repeat(*ae, *number)?,
        }
        Some(())
    }

    fn wish(&mut self, ae: u8) -> Option<()> {
        let at = self.state.wishes[usize::from(ae)];
        let wish = &self.world.scenario.scripts[usize::from(ae)][usize::from(at)];
        self.state.wishes[usize::from(ae)] += 1;
        if matches!(wish, Wish::DismissHop) {
            let (link, request) = wish::dismissal(self.world, &self.state)?;
            let primitive = Primitive::Request(Shared::new(request));
            self.send(Place::Cse(0), link, primitive);
            return Some(());
        }
        if matches!(wish, Wish::Stop) {
            self.step_cse(0, cse::Input::Stopping { is_patient: true });
            return Some(());
        }
        match wish::raw(self.world, &self.state, ae, wish) {
            Some(request) => self.inject(ae, Primitive::Request(Shared::new(request))),
            None => {
                let ask = wish::ask(self.world, &self.state, ae, wish)?;
                self.ask(ae, u64::from(at) + 1, ask);
            }
        }
        Some(())
    }

    /// Lets an application ask for something.
    pub(crate) fn ask(&mut self, ae: u8, tag: u64, ask: Ask) {
        self.step_ae(ae, ae::Input::Asked(Command { tag, ask }));
    }

    /// Puts a message on the link of an AE without the machine's doing.
    fn inject(&mut self, ae: u8, primitive: Primitive) {
        let open = self.state.ae(ae).link().open();
        if let Some(link) = open {
            self.send(Place::Ae(ae), link, primitive);
        }
    }

    fn repeat(&mut self, ae: u8, number: u64) -> Option<()> {
        spend(&mut self.state.left.repeats);
        let machine = self.state.aes[usize::from(ae)].clone();
        let (_, exchange) = machine.exchanges().find(|(n, _)| *n == number)?;
        let sealed = seal::seal(&machine, Primitive::Request(exchange.request.clone()));
        self.inject(ae, sealed);
        Some(())
    }

    fn deliver(&mut self, pair: usize, connection: usize, to: Side) -> Option<()> {
        let end = self.state.pairs[pair].connections[connection].end(to);
        if end.queue.is_empty() {
            return None;
        }
        let end = self.state.pairs[pair].make_mut().connections[connection].end_mut(to);
        let primitive = end.queue.remove(0);
        let link = end.link?;
        self.receive(self.world.node(pair, to), link, primitive);
        Some(())
    }

    fn receive(&mut self, node: Place, link: LinkId, primitive: Primitive) {
        match node {
            Place::Ae(ae) => {
                let primitive = seal::open(self.state.ae(ae), primitive);
                self.step_ae(ae, ae::Input::Received { link, primitive });
            }
            Place::Cse(cse) => {
                self.step_cse(cse, cse::Input::Received { link, primitive });
            }
        }
    }

    fn elapse(&mut self, due: &Due) -> Option<()> {
        let lists = crate::action::all_due(self.world, &self.state);
        let mut all = crate::action::due(self.world, &self.state, &lists);
        let at = all.find(|(_, listed)| listed == due)?.0;
        drop(all);
        if !self.state.is_silent() {
            spend(&mut self.state.left.races);
        }
        self.state.now = self.state.now.max(at);
        match due {
            Due::Ae(ae, timer) => self.step_ae(*ae, ae::Input::Elapsed(timer.clone())),
            Due::Cse(cse, timer) => self.step_cse(*cse, cse::Input::Elapsed(timer.clone())),
        }
        Some(())
    }

    /// A CSE is gone and comes back as its records say; peers do not know yet that its connections are lost.
    fn crash(&mut self, cse: u8, before: Option<&Cse>, stored_late: bool) {
        let machine = self.state.cses[usize::from(cse)].clone();
        let before = before.unwrap_or(&machine);
        let records: Vec<_> = match self.world.saboteur.map(|s| &s.defect) {
            Some(Defect::Restart(found)) => found(before, &machine),
            Some(_) | None if stored_late => before.durable().collect(),
            Some(_) | None => machine.durable().collect(),
        };
        let config = machine.config().clone();
        let recovered = Cse::recover(config, records, self.state.now);
        // Seen from outside a restart is a step like another.
        note(
            self,
            &CseStep {
                at: cse,
                before: &machine,
                after: &recovered,
                input: &cse::Input::StoreFailing(false),
                outputs: &[],
            },
        );
        self.state.cses[usize::from(cse)] = Shared::new(recovered);
        for pair in 0..self.world.links.len() {
            for side in Side::BOTH {
                if self.world.node(pair, side) != Place::Cse(cse) {
                    continue;
                }
                if side == Side::Client {
                    self.state.pairs[pair].make_mut().dialing = false;
                }
                for connection in &mut self.state.pairs[pair].make_mut().connections {
                    let end = connection.end_mut(side);
                    end.link = None;
                    end.queue.clear();
                }
                self.state.pairs[pair]
                    .make_mut()
                    .connections
                    .retain(|c| c.client.link.is_some() || c.server.link.is_some());
                if side == Side::Client {
                    self.redial(pair);
                }
            }
        }
    }

    pub(crate) fn step_cse(&mut self, at: u8, input: cse::Input) {
        let before = self.state.cses[usize::from(at)].clone();
        let env = Env {
            now: self.state.now,
            fresh: self.fresh(),
        };
        let step = match self.world.saboteur {
            None => self.world.memo.step_cse(&before, env, &input),
            Some(saboteur) => {
                let (now, told) = saboteur.defect.perceived(&before, env.now, input.clone());
                self.world.memo.step_cse(&before, Env { now, ..env }, &told)
            }
        };
        let after = step.machine.clone();
        let mut outputs = Cow::Borrowed(step.outputs.as_slice());
        let mut stored_late = false;
        if let Some(saboteur) = self.world.saboteur {
            match saboteur.defect {
                Defect::Outputs(tamper)
                | Defect::Both(_, tamper)
                | Defect::Everywhere(_, tamper, _) => {
                    tamper(&before, &after, &input, outputs.to_mut());
                }
                Defect::NotStored(is_hit) => stored_late = is_hit(&input, &outputs),
                Defect::Machine(_)
                | Defect::AeOutputs(_)
                | Defect::Inputs(_)
                | Defect::Late(_)
                | Defect::Configured(_)
                | Defect::Restart(_) => {}
            }
        }
        note(
            self,
            &CseStep {
                at,
                before: &before,
                after: &after,
                input: &input,
                outputs: &outputs,
            },
        );
        self.token_drawn(&after, env);
        let after = if self.world.is_endless() {
            canonical(&before, after, &input)
        } else {
            after
        };
        let limit = self.crash_after.take();
        let carried = limit.map_or(outputs.len(), usize::from);
        if limit.is_some() && carried >= outputs.len() {
            self.crash_after = limit;
            return;
        }
        self.state.cses[usize::from(at)] = after;
        for output in outputs.iter().take(carried) {
            match output {
                // A crash finds the machine as it is now: the model keeps no log.
                cse::Output::Persist(_) => {}
                cse::Output::Send { link, primitive } => {
                    self.send(Place::Cse(at), *link, primitive.clone());
                }
                cse::Output::CloseLink { link, why: _ } => self.close(Place::Cse(at), *link),
                cse::Output::Dial => self.dial(Place::Cse(at)),
                // The points of access are those of the topology.
                cse::Output::DialRegistree { cse, .. } => self.dial_abroad(Place::Cse(at), cse),
                cse::Output::Report(_) => {}
                // It starts again at once.
                cse::Output::Stopped => self.crash(at, None, false),
            }
        }
        if limit.is_some() {
            self.crash(at, Some(&before), stored_late);
        }
    }

    pub(crate) fn step_ae(&mut self, at: u8, input: ae::Input) {
        let before = self.state.aes[usize::from(at)].clone();
        let env = Env {
            now: self.state.now,
            fresh: Fresh::predictable(0),
        };
        let step = self.world.memo.step_ae(&before, env, &input);
        let after = step.machine.clone();
        let mut outputs = Cow::Borrowed(step.outputs.as_slice());
        if let Some(saboteur) = self.world.saboteur {
            match saboteur.defect {
                Defect::AeOutputs(tamper) | Defect::Everywhere(_, _, tamper) => {
                    tamper(&before, &after, &input, outputs.to_mut());
                }
                Defect::Machine(_)
                | Defect::Outputs(_)
                | Defect::Both(..)
                | Defect::NotStored(_)
                | Defect::Inputs(_)
                | Defect::Late(_)
                | Defect::Configured(_)
                | Defect::Restart(_) => {}
            }
        }
        note(
            self,
            &AeStep {
                before: &before,
                after: &after,
                outputs: &outputs,
            },
        );
        self.state.aes[usize::from(at)] = after.clone();
        for output in outputs.iter() {
            match output {
                ae::Output::Send { link, primitive } => {
                    let primitive = seal::seal(&after, primitive.clone());
                    self.send(Place::Ae(at), *link, primitive);
                }
                ae::Output::CloseLink { link, why: _ } => self.close(Place::Ae(at), *link),
                ae::Output::Dial => self.dial(Place::Ae(at)),
                ae::Output::Report(event) => crate::happening::reported(self, at, event),
            }
        }
    }

    /// Changes the history, if there is something to change.
    pub(crate) fn record(&mut self, change: impl FnOnce(&mut Ledger)) {
        let mut ledger = Ledger::clone(&self.state.ledger);
        change(&mut ledger);
        if self.world.is_endless() {
            ledger.saturate();
        }
        self.state.ledger = Shared::new(ledger);
    }

    fn decided(&mut self, ae: u8, session: &SessionId, yes: bool) {
        self.record(|ledger| {
            let consent = ledger.consent.entry((ae, session.clone())).or_default();
            if yes {
                consent.yes = consent.yes.saturating_add(1);
            } else {
                consent.no = consent.no.saturating_add(1);
            }
        });
    }

    /// The smallest token that is not used anywhere in the world.
    fn fresh(&self) -> Fresh {
        let fresh = Fresh::predictable(self.state.tokens + 1);
        if self.world.saboteur.is_some_and(|s| s.reuses_keys) {
            let stale = Fresh::predictable(1);
            return Fresh {
                session: fresh.session,
                ..stale
            };
        }
        fresh
    }

    fn token_drawn(&mut self, machine: &Cse, env: Env) {
        if machine.state().attempts.is_empty() {
            return;
        }
        let token = m2m_machine::env::base64url(&env.fresh.session);
        let drawn = |id: &SessionId| id.as_str().ends_with(token.as_str());
        let durable = machine.state();
        let own =
            |id: &SessionId| drawn(id) && id.as_str().starts_with(machine.config().cse_id.as_str());
        if durable.attempts.iter().any(|(id, _)| own(id)) {
            self.state.tokens = self.state.tokens.max(env.fresh.session[15]);
        }
    }
}

/// The machine as a search without budgets tells it from others; the reading of a neighbour that this input ends is
/// as if it had not been.
fn canonical(before: &Cse, after: Shared<Cse>, input: &cse::Input) -> Shared<Cse> {
    let answered = match input {
        cse::Input::Received {
            primitive: Primitive::Response(response),
            ..
        } => response.request_id.as_ref(),
        cse::Input::Received { .. }
        | cse::Input::LinkOpened { .. }
        | cse::Input::LinkLost { .. }
        | cse::Input::DialFailed
        | cse::Input::RegistreeNotReached { .. }
        | cse::Input::Undecodable { .. }
        | cse::Input::Elapsed(_)
        | cse::Input::StoreFailing(_)
        | cse::Input::Stopping { .. } => None,
    };
    let mut outgoing = before.outgoing_requests();
    let read = outgoing.find(|o| o.reads_base && Some(o.request_id) == answered);
    let canonical = after.canonical(read.map(|read| read.request_id));
    canonical.map_or(after, Shared::new)
}
