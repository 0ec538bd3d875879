//! The bucket lock of models that are not about the bucket lock: the checker's mutex, one step instead of many.

use super::Cell;
use super::checker;

std::thread_local! {
    static CHOSEN: Cell<bool> = const { Cell::new(false) };
}

/// Says, for lots that the running model makes from now on, whether they use the checker's mutex.
pub fn choose(plain: bool) {
    CHOSEN.with(|cell| cell.set(plain));
}

pub(crate) fn chosen() -> bool {
    CHOSEN.with(Cell::get)
}

/// The checker's mutex, used by closure.
pub(crate) struct PlainLock(checker::sync::Mutex<()>);

impl PlainLock {
    pub(crate) fn new() -> Self {
        Self(checker::sync::Mutex::new(()))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce() -> R) -> R {
        let _held = self.0.lock();
        f()
    }

    pub(crate) fn try_with<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        self.0.try_lock().ok().map(|_held| f())
    }
}
