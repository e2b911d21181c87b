//! The protocol, once: a CSE and an AE as pure state machines.
//!
//! [`Cse`] and [`Ae`] each have one door, `step`: an [`Env`] (time and unguessable tokens) and one input go in, an
//! ordered list of outputs comes out. `step` is total and deterministic; it never fails and never panics, whatever
//! a peer sends. Two hosts interpret the outputs: the model checker and the WebSocket programs.
//!
//! What a host owes the machine:
//!
//! * carry out the outputs of a step in order, and those of all steps in one global order;
//! * have the single [`cse::Output::Persist`] of a step on stable storage before it carries out what follows;
//! * call `step` with `Elapsed` when a deadline listed by `deadlines` is due; a late or needless call is harmless;
//! * tell it to stop (`Input::Stopping`) behind what was received, and end at `Output::Stopped`;
//! * after a crash, rebuild the machine with `recover` from the stored records; links do not survive.
//!
//! What is deliberately absent: bytes, JSON, sockets, clocks, randomness, logging, panics. What a content says in JSON
//! or a criterion in SPARQL the host reads ([`config::Host`]).
#![no_std]
#![cfg_attr(
    not(test),
    deny(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)
)]

extern crate alloc;

pub mod access;
pub mod address;
pub mod ae;
pub mod attribute;
pub mod config;
pub mod cse;
pub mod deviation;
pub mod durable;
pub mod duration;
pub mod env;
pub mod geometry;
pub mod id;
pub mod invariant;
pub mod members;
pub mod primitive;
pub mod record;
pub mod resource;
pub mod schedule;
pub mod schema;
pub mod shared;
pub mod status;
pub mod text;
pub mod tree;
pub mod value;

pub use ae::Ae;
pub use cse::Cse;
pub use env::{Env, Fresh, Timestamp};
