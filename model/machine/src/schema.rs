//! Attribute tables (under construction).
