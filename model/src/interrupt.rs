//! Ctrl-C: a search ends where it is and says that it is unfinished; a second one ends the process.

use signal_hook::consts::SIGINT;
use signal_hook::flag;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static CAME: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on Ctrl-C ends a search and not the process; where that cannot be arranged, it ends the process as ever.
pub(crate) fn watch() {
    let came = CAME.get_or_init(Arc::default);
    // The first to be asked is the one that ends the process, so that only the second Ctrl-C does.
    if flag::register_conditional_shutdown(SIGINT, 1, came.clone()).is_ok() {
        let _ = flag::register(SIGINT, came.clone());
    }
}

/// Whether Ctrl-C came.
pub(crate) fn came() -> bool {
    CAME.get().is_some_and(|came| came.load(Ordering::Relaxed))
}
