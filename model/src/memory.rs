//! What the process occupies, as far as the operating system says.

/// Bytes in memory now; `None` where there is no `/proc`.
pub(crate) fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// The most bytes that were in memory at once.
pub(crate) fn peak() -> Option<u64> {
    status("VmHWM:")
}

fn status(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let row = text.lines().find_map(|row| row.strip_prefix(field))?;
    let kib: u64 = row.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

/// Bytes for people.
pub(crate) fn shown(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else {
        return "unknown".to_owned();
    };
    let mib = bytes / (1 << 20);
    if mib < 10 * 1_024 {
        format!("{mib} MiB")
    } else {
        format!("{}.{} GiB", mib / 1_024, mib % 1_024 * 10 / 1_024)
    }
}
