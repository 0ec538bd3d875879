//! What the models watch: data that a lock is to protect, and memory that is freed under a lock's feet.

use pyparking::primitive::plain::AtomicUsize;
use pyparking::primitive::{Ordering, RaceCell};
use std::sync::Arc;

/// A number without a lock of its own: loom fails the model when two threads use it at a time, or one after the
/// other without being ordered.
#[derive(Debug)]
pub struct Guarded(RaceCell<u32>);

impl Guarded {
    /// A number that is watched.
    #[track_caller]
    #[must_use]
    pub fn new(value: u32) -> Self {
        Self(RaceCell::new(value))
    }

    /// The number.
    #[track_caller]
    pub fn get(&self) -> u32 {
        // SAFETY: whether another thread writes is what the checker watches; its threads share one of the
        // machine's, so a race that it reports has not happened there.
        unsafe { self.0.get() }
    }

    /// Replaces the number.
    #[track_caller]
    pub fn set(&self, value: u32) {
        // SAFETY: as in `get`.
        unsafe { self.0.set(value) }
    }

    /// Adds one, in two steps; the number before.
    #[track_caller]
    pub fn bump(&self) -> u32 {
        let before = self.get();
        self.set(before + 1);
        before
    }
}

/// A value whose memory is spoilt when it is freed, so that a later use of an atomic in it fails the model: the
/// checker finds no object by the number that it reads there. The memory itself stays until the end.
#[derive(Debug)]
pub struct Doomed<T>(*mut T);

impl<T> Doomed<T> {
    /// A value that will be freed early.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Box::into_raw(Box::new(value)))
    }

    /// The value, until it is freed.
    pub fn get(&self) -> &T {
        // SAFETY: the memory is there until `self` is dropped; a use after `free` is what is looked for, and
        // reads bytes that are valid for the checker's indices.
        unsafe { &*self.0 }
    }

    /// Frees the value; once, by the thread that knows itself the last user.
    pub fn free(&self) {
        // SAFETY: called once; nobody else uses the value any more, or the model fails.
        unsafe {
            self.0.drop_in_place();
            self.0.write_bytes(u8::MAX, 1);
        }
    }
}

impl<T> Drop for Doomed<T> {
    fn drop(&mut self) {
        // SAFETY: made by `Box` with this layout; what was in it is gone or needs no drop.
        drop(unsafe { Box::from_raw(self.0.cast::<core::mem::MaybeUninit<T>>()) });
    }
}

/// What a dropped value reads as.
const GONE: u32 = u32::MAX;

/// How often the values of a model were dropped.
#[derive(Clone, Debug)]
pub struct Drops(Arc<AtomicUsize>);

impl Default for Drops {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }
}

impl Drops {
    /// A value that is counted here.
    #[must_use]
    pub fn value(&self, number: u32) -> Value {
        Value { number: Guarded::new(number), drops: self.clone() }
    }

    /// How many of its values were dropped.
    #[must_use]
    pub fn count(&self) -> usize {
        // ORD: Relaxed, the checker runs one thread at a time.
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that notices when it is dropped twice or read after its drop.
#[derive(Debug)]
pub struct Value {
    number: Guarded,
    drops: Drops,
}

// SAFETY: read by anyone, written by the drop alone; whether the two are ordered is what the checker watches.
unsafe impl Sync for Value {}
// SAFETY: as above.
unsafe impl Send for Value {}

impl Value {
    /// The number; fails the model if the value is gone.
    #[track_caller]
    pub fn read(&self) -> u32 {
        let number = self.number.get();
        assert_ne!(number, GONE, "read after the drop");
        number
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.read();
        self.number.set(GONE);
        // ORD: Relaxed, the checker runs one thread at a time.
        self.drops.0.fetch_add(1, Ordering::Relaxed);
    }
}
