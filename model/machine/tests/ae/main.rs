//! The AE machine: its side of the flows, every decision in a table, and arbitrary inputs.

mod bench;
mod flows;
mod random;
mod refusals;
mod sealing;
mod tables;
