//! The programs: a CSE and an AE that run the protocol machines over WebSockets.
//!
//! Of a CSE, one task owns the machine ([`driver`]); one task per WebSocket turns frames into inputs
//! and primitives into frames ([`link`], with [`wire`]); one accepts ([`serve`]), one dials
//! ([`dial`]). Commits run on a thread of their own, so that no task waits for the disk but the
//! owner, and what arrives meanwhile shares the next commit.
//!
//! ```text
//!   serve, dial                    link (one per WebSocket)              driver (one)
//!   ───────────                    ────────────────────────              ────────────
//!   handshake ── socket ─────────► read   ── inbox, bounded ───────────► Cse::step
//!                                  write  ◄─ outbox, bounded per link ── after the commit
//!                                                                          │ batches
//!                                                                          ▼
//!                                                                        store
//! ```
//!
//! Operators read counters ([`metrics`]) and look at a page ([`web`]), both over [`http`].
//!
//! No part but the machine decides anything about the protocol.

pub mod ae;
pub mod bench;
pub mod config;
pub mod connect;
pub mod dial;
pub mod driver;
pub mod host;
pub mod http;
pub mod link;
pub mod metrics;
pub mod program;
pub mod protect;
pub mod serve;
pub mod store;
pub mod tls;
pub mod web;
pub mod wire;
