//! The AE (under construction).
/// An AE.
#[derive(Debug)]
pub struct Ae;
