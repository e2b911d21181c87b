//! Black-box conformance suite for oneM2M CSEs over WebSocket.
//!
//! It knows nothing of the reference but what is on the wire: its types are its own ([`wire`]),
//! and it shares no code with any implementation. A case ([`case`]) is data and an asynchronous
//! function; it sees the world through a [`peer::Peer`] alone, so that a stored run can be judged
//! again without the system it was recorded from.
//!
//! Reading order: [`case`], [`peer`], [`cases`], [`run`].

pub mod baseline;
pub mod case;
pub mod cases;
pub mod cast;
pub mod cli;
pub mod command;
pub mod console;
pub mod contact;
pub mod dice;
pub mod expect;
pub mod hop;
pub mod ics;
pub mod judge;
pub mod ladder;
pub mod mutants;
pub mod neighbour;
pub mod node;
pub mod outcome;
pub mod peer;
pub mod primitive;
pub mod profile;
pub mod record;
pub mod remote;
pub mod report;
pub mod requirements;
pub mod run;
pub mod schema;
pub mod sealed;
pub mod selection;
pub mod stage;
pub mod story;
pub mod sut;
pub mod time;
pub mod transcript;
pub mod window;
pub mod wire;
