//! The programs: a CSE and an AE that run the protocol machines over WebSockets.
//!
//! One task owns the machine; one task per WebSocket turns frames into inputs and outputs into frames; one thread
//! writes the store. No part but the machine decides anything about the protocol.

pub mod ae;
pub mod config;
pub mod dial;
pub mod driver;
pub mod link;
pub mod protect;
pub mod serve;
pub mod store;
pub mod wire;
