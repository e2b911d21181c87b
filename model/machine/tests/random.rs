//! Arbitrary inputs in arbitrary order: nothing panics, no invariant breaks, promises are kept on the way.
//!
//! Hostile inputs come from peers that follow no rule; plausible ones from AEs and links that merely fail at any
//! moment, after which everything must come to rest in agreement.

#[expect(dead_code, reason = "each test program uses a part")]
mod common;

#[path = "random/grammar.rs"]
mod grammar;
#[path = "random/hostile.rs"]
mod hostile;
#[path = "random/plausible.rs"]
mod plausible;
