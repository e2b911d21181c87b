//! Checks the model.

use std::process::ExitCode;

fn main() -> ExitCode {
    m2m_model::run()
}
