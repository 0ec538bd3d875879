//! Values that are counted at birth and at their drop, and say when they are dropped twice or used after it.

use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU64;
use std::sync::Arc;

/// How many values there were, and how many are gone.
#[derive(Debug)]
pub struct Books {
    born: AtomicU64,
    gone: AtomicU64,
}

impl Default for Books {
    fn default() -> Self {
        Self { born: AtomicU64::new(0), gone: AtomicU64::new(0) }
    }
}

impl Books {
    /// A value of these books.
    #[must_use]
    pub fn value(self: &Arc<Self>) -> Counted {
        // ORD: Relaxed, counters that are read when every thread has been joined.
        let number = self.born.fetch_add(1, Ordering::Relaxed);
        Counted { number, check: !number, books: Arc::clone(self) }
    }

    /// How many values there were, and how many are gone.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        // ORD: Relaxed, as above.
        (self.born.load(Ordering::Relaxed), self.gone.load(Ordering::Relaxed))
    }
}

/// A value that knows whether it is whole.
#[derive(Debug)]
pub struct Counted {
    number: u64,
    check: u64,
    books: Arc<Books>,
}

impl Counted {
    /// Its number; fails the test if it is gone.
    #[track_caller]
    pub fn number(&self) -> u64 {
        assert_eq!(self.number, !self.check, "used after its drop");
        self.number
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.number();
        self.check = self.number;
        // ORD: Relaxed, as above.
        self.books.gone.fetch_add(1, Ordering::Relaxed);
    }
}
