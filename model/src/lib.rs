//! The search for counterexamples: every interleaving of the machines of `m2m-machine` in small worlds.
//!
//! A [`scenarios`] row says who takes part, what applications want and how often the environment may interfere; it
//! names [`properties`], each with a witness. [`sabotage`] lists defects that the properties must notice. The world
//! itself is in [`world`], what may happen in [`action`], and what happens then in [`interpret`].

mod action;
mod bench;
mod catalogue;
mod cli;
mod deep;
mod diagram;
mod explore;
mod happening;
mod interpret;
mod interrupt;
mod ladder;
mod ledger;
mod literal;
mod liveness;
mod look;
mod memo;
mod memory;
mod paxos;
mod pinned;
mod properties;
mod report;
mod requirement;
mod sabotage;
mod scenarios;
mod seal;
mod search;
mod setup;
mod show;
mod stored;
mod sweep;
mod teeth;
mod topology;
mod wander;
mod wish;
mod world;

pub use cli::run;
