//! Models of the recursive mutex.

use pysync::{NotOwner, RecursiveMutex};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::Guarded;

struct Shared {
    mutex: RecursiveMutex,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { mutex: RecursiveMutex::new(), data: Guarded::new(0) })
}

impl Shared {
    /// Two levels, with a look at the owner at each step.
    fn add_one(&self) {
        assert!(!self.mutex.is_locked_by_current_thread());
        self.mutex.lock();
        assert_eq!((self.mutex.is_locked_by_current_thread(), self.mutex.level()), (true, 0));
        self.mutex.lock();
        assert_eq!(self.mutex.level(), 1);
        self.data.bump();
        self.mutex.unlock();
        assert!(self.mutex.is_locked_by_current_thread());
        self.mutex.unlock();
        assert!(!self.mutex.is_locked_by_current_thread());
    }

    fn ends_with(&self, sum: u32) {
        let left = (self.data.get(), self.mutex.bits(), self.mutex.level());
        assert_eq!(left, (sum, 0, 0));
    }
}

/// RECURSIVE-1, RECURSIVE-2, MUTEX-1. Two threads, bounded: the owner alone sees itself as the owner, and
/// takes over no levels.
#[test]
fn recursive_owner_is_seen_by_itself_only() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let adder = start(&shared, Shared::add_one);
        shared.add_one();
        adder.join().unwrap();
        shared.ends_with(2);
    });
}

/// RECURSIVE-1. Two threads, no bound: an unlock, or an attempt, by a thread that is not the owner changes
/// nothing.
#[test]
fn recursive_others_can_not_unlock() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let other = start(&shared, |shared| {
            assert_eq!(shared.mutex.try_unlock(), Err(NotOwner));
            if shared.mutex.try_lock() {
                shared.data.bump();
                assert_eq!(shared.mutex.try_unlock(), Ok(()));
                return 1;
            }
            0
        });
        shared.add_one();
        let taken = other.join().unwrap();
        shared.ends_with(1 + taken);
    });
}

/// RECURSIVE-2, MUTEX-2. Two threads, bounded: every level is given up and taken back, and the other thread's
/// section comes between or outside, never inside.
#[test]
fn recursive_release_save_gives_up_every_level() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let adder = start(&shared, Shared::add_one);
        shared.mutex.lock();
        shared.mutex.lock();
        let before = shared.data.bump();
        let saved = shared.mutex.release_save();
        assert!(!shared.mutex.is_locked_by_current_thread());
        shared.mutex.acquire_restore(saved);
        assert_eq!(shared.mutex.level(), 1);
        let after = shared.data.bump();
        assert!(after == before + 1 || after == before + 2);
        shared.mutex.unlock();
        shared.mutex.unlock();
        adder.join().unwrap();
        shared.ends_with(3);
    });
}
