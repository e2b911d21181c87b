//! The CSE under test as registrar of the target (configuration C): the suite is AE2, and CSE1 with
//! the initiator behind it.

use crate::case::Case;

pub mod ends;
pub mod establishment;
pub mod flows;
pub mod usage;

/// Cases of this chapter.
pub const CASES: &[&[Case]] = &[
    flows::CASES,
    establishment::CASES,
    usage::CASES,
    ends::CASES,
];
