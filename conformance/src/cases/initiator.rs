//! The CSE under test as registrar of the initiator (configuration B): the suite is AE1, and CSE2
//! with the target behind it.

use crate::case::Case;

pub mod ends;
pub mod failures;
pub mod flows;
pub mod policies;
pub mod refusals;
pub mod usage;

/// Cases of this chapter.
pub const CASES: &[&[Case]] = &[
    flows::CASES,
    refusals::CASES,
    failures::CASES,
    policies::CASES,
    usage::CASES,
    ends::CASES,
];
