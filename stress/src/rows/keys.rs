//! Row `keys`: thread-specific storage keys that are created, set, read and deleted by everybody at once.
//!
//! A value names its thread, its arena and its key, so that one of another thread, of an earlier key in the same place, or
//! of another key is seen for what it is. Others may delete a key at any time: null is always right, but only null after
//! a worker has deleted and created the key himself.

use crate::findings::Rule;
use crate::gauge::Counter;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pythread::TssKey;
use std::ptr;

/// The row.
#[derive(Debug)]
pub struct KeysRow;

impl Row for KeysRow {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn about(&self) -> &'static str {
        "pythread: storage keys created, set, read and deleted by all; a thread reads its own values \
         of this creation, or null"
    }

    fn weight(&self) -> u32 {
        2
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Keys::<TssKey>::open())
    }
}

/// A key, as the arena sees it.
pub trait Key: Send + Sync + 'static {
    /// One that is not created.
    fn fresh() -> Self;
    /// Creates it; whether it is.
    fn create(&self) -> bool;
    /// Deletes it.
    fn delete(&self);
    /// Stores the thread's value; whether that worked.
    fn set(&self, value: usize) -> bool;
    /// The thread's value, 0 for none.
    fn get(&self) -> usize;
}

impl Key for TssKey {
    fn fresh() -> Self {
        Self::new()
    }

    fn create(&self) -> bool {
        Self::create(self).is_ok()
    }

    fn delete(&self) {
        Self::delete(self);
    }

    fn set(&self, value: usize) -> bool {
        Self::set(self, ptr::without_provenance_mut(value)).is_ok()
    }

    fn get(&self) -> usize {
        Self::get(self).addr()
    }
}

/// Keys of a round; they are in each other's way.
const KEYS: usize = 6;

/// Bits of a value that tell the key, and below them that it is none of zero.
const KEY_BITS: u32 = 4;
/// Bits that tell the arena.
const ARENA_BITS: u32 = 20;

/// One round's keys.
#[derive(Debug)]
pub struct Keys<K> {
    keys: [K; KEYS],
    number: usize,
}

impl<K: Key> Keys<K> {
    /// Keys that are not created.
    pub fn open() -> Self {
        static ARENAS: Counter = Counter::new();
        let number = ARENAS.next() as usize % (1 << ARENA_BITS);
        Self { keys: std::array::from_fn(|_| K::fresh()), number }
    }

    /// What `worker` stores under the key number `which`.
    fn value(&self, worker: &Worker<'_>, which: usize) -> usize {
        let own = (worker.id as usize) << ARENA_BITS | self.number;
        own << KEY_BITS | (which + 1)
    }

    fn read(&self, worker: &Worker<'_>, which: usize) {
        let (seen, own) = (self.keys[which].get(), self.value(worker, which));
        worker.expect(seen == 0 || seen == own, Rule::TornRead, || {
            format!("key {which} has {seen:#x}, this thread's value is {own:#x}")
        });
    }

    fn write(&self, worker: &Worker<'_>, which: usize) {
        let value = self.value(worker, which);
        // Somebody may delete the key in between.
        let _stored = self.keys[which].create() && self.keys[which].set(value);
        self.read(worker, which);
    }

    fn renew(&self, worker: &Worker<'_>, which: usize) {
        self.write(worker, which);
        self.keys[which].delete();
        let created = self.keys[which].create();
        worker.expect(created, Rule::Status, || "there is no place for a key".into());
        let seen = self.keys[which].get();
        worker.expect(seen == 0, Rule::LeftBehind, || {
            format!("key {which} was created anew and has {seen:#x}")
        });
    }
}

impl<K: Key> Arena for Keys<K> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            let which = worker.rng.below(KEYS);
            match worker.rng.below(16) {
                0 => self.renew(worker, which),
                1 => self.keys[which].delete(),
                2..=7 => self.write(worker, which),
                _ => self.read(worker, which),
            }
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for key in &self.keys {
            key.delete();
            let seen = key.get();
            quiet.expect(seen == 0, Rule::LeftBehind, || format!("a deleted key has {seen:#x}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// One value for all threads.
    struct Shared(AtomicUsize);

    impl Key for Shared {
        fn fresh() -> Self {
            Self(AtomicUsize::new(0))
        }

        fn create(&self) -> bool {
            true
        }

        fn delete(&self) {
            self.0.store(0, Relaxed);
        }

        fn set(&self, value: usize) -> bool {
            self.0.store(value, Relaxed);
            true
        }

        fn get(&self) -> usize {
            self.0.load(Relaxed)
        }
    }

    /// Keeps values over a deletion.
    struct Sticky(TssKey);

    impl Key for Sticky {
        fn fresh() -> Self {
            let key = TssKey::new();
            key.create().expect("room");
            Self(key)
        }

        fn create(&self) -> bool {
            true
        }

        fn delete(&self) {}

        fn set(&self, value: usize) -> bool {
            Key::set(&self.0, value)
        }

        fn get(&self) -> usize {
            Key::get(&self.0)
        }
    }

    #[test]
    fn values_of_others_are_caught() {
        assert!(
            trial::until(Rule::TornRead, &[], |_| Keys::<Shared>::open()).broke(Rule::TornRead)
        );
    }

    #[test]
    fn values_of_before_are_caught() {
        trial::alone(Rule::LeftBehind, &[], |_| Keys::<Sticky>::open());
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(&[], |_| Keys::<TssKey>::open());
    }
}
