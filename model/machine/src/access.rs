//! Access control (under construction).
