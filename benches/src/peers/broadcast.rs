//! Waking everybody at once: the trait of the broadcast row, and the peers that implement it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::{cpython, futex};

/// Something that happens once, which threads can wait for.
pub trait Broadcast: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// It has not happened.
    fn fresh() -> Self;

    /// Waits until it has happened.
    fn wait(&self);

    /// Makes it happen and wakes everyone.
    fn notify(&self);

    /// Sleeps and wakes asked of the system since the process began, where this kind counts them.
    fn futex_calls() -> Option<u64> {
        None
    }
}

/// The limit: all sleep on one word, and one system call wakes them.
#[derive(Default)]
pub struct Futex(AtomicU32);

impl Broadcast for Futex {
    const NAME: &'static str = "one futex wake-all";

    fn fresh() -> Self {
        Self::default()
    }

    fn wait(&self) {
        // ORD: Acquire, pairs with the Release of `notify`.
        while self.0.load(Ordering::Acquire) == 0 {
            futex::wait(&self.0, 0);
        }
    }

    fn notify(&self) {
        // ORD: Release, pairs with the Acquire of `wait`.
        self.0.store(1, Ordering::Release);
        futex::wake(&self.0, i32::MAX);
    }
}

/// A std mutex and condition variable.
#[derive(Default)]
pub struct Std {
    happened: Mutex<bool>,
    changed: Condvar,
}

impl Broadcast for Std {
    const NAME: &'static str = "std Condvar";

    fn fresh() -> Self {
        Self::default()
    }

    fn wait(&self) {
        let happened = self.happened.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.changed
                .wait_while(happened, |happened| !*happened)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn notify(&self) {
        *self.happened.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

/// A `parking_lot` mutex and condition variable.
#[derive(Default)]
pub struct ParkingLot {
    happened: parking_lot::Mutex<bool>,
    changed: parking_lot::Condvar,
}

impl Broadcast for ParkingLot {
    const NAME: &'static str = "parking_lot Condvar";

    fn fresh() -> Self {
        Self::default()
    }

    fn wait(&self) {
        self.changed.wait_while(&mut self.happened.lock(), |happened| !*happened);
    }

    fn notify(&self) {
        *self.happened.lock() = true;
        self.changed.notify_all();
    }
}

/// CPython's `PyEvent`.
pub struct CPython(cpython::Event);

impl Broadcast for CPython {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self(cpython::Event::default())
    }

    fn wait(&self) {
        self.0.wait();
    }

    fn notify(&self) {
        self.0.notify();
    }
}
