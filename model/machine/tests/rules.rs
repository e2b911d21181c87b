//! Rules, in tables: which check answers first, which code an offence gets, whose word counts, what a repetition, a
//! limit, a time-out or a crash leads to.

#[expect(dead_code, reason = "each test program uses a part")]
mod common;

#[path = "rules/batches.rs"]
mod batches;
#[path = "rules/blocking.rs"]
mod blocking;
#[path = "rules/bounds.rs"]
mod bounds;
#[path = "rules/codes.rs"]
mod codes;
#[path = "rules/confirmation.rs"]
mod confirmation;
#[path = "rules/crash.rs"]
mod crash;
#[path = "rules/discovery.rs"]
mod discovery;
#[path = "rules/establishment.rs"]
mod establishment;
#[path = "rules/hop.rs"]
mod hop;
#[path = "rules/hops.rs"]
mod hops;
#[path = "rules/identity.rs"]
mod identity;
#[path = "rules/members.rs"]
mod members;
#[path = "rules/neighbours.rs"]
mod neighbours;
#[path = "rules/order.rs"]
mod order;
#[path = "rules/parameters.rs"]
mod parameters;
#[path = "rules/policy.rs"]
mod policy;
#[path = "rules/provider.rs"]
mod provider;
#[path = "rules/rates.rs"]
mod rates;
#[path = "rules/reach.rs"]
mod reach;
#[path = "rules/registree.rs"]
mod registree;
#[path = "rules/relay.rs"]
mod relay;
#[path = "rules/repetition.rs"]
mod repetition;
#[path = "rules/service.rs"]
mod service;
#[path = "rules/stopping.rs"]
mod stopping;
#[path = "rules/time.rs"]
mod time;
