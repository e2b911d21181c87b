//! Measurements: the CSE beside a bare echo server, with the same client, in the same run.
//!
//! Servers run in processes of their own: this program starts itself again in another role
//! ([`process`]). A measurement is a [`scene`]; what it found is a row of the [`report`]. Nothing
//! here passes or fails: the numbers are for people.

pub mod acme;
pub mod echo;
pub mod load;
pub mod process;
pub mod report;
pub mod scene;
