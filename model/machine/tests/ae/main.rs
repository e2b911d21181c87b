//! The AE machine: its side of the flows, every decision in a table, and arbitrary inputs.

mod bench;
mod flows;
#[path = "../common/fuzz.rs"]
mod fuzz;
mod random;
mod refusals;
mod sealing;
mod tables;
