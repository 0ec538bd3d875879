//! Sleeping and waking by turns: the trait of the ping-pong row, and the peers that implement it.
//!
//! Two sides share two words. A side that has nothing in its word sleeps on it; the other side fills the word and
//! wakes it. Every arm plays the same game and differs only in how it sleeps and wakes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use super::{cpython, futex};

/// A way to sleep while a word is zero, and to wake the one who sleeps on it.
pub trait Sleep: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// Nobody sleeps yet.
    fn fresh() -> Self;

    /// Called by the thread of `side` (0 or 1) before its first sleep in a block.
    fn enter(&self, side: usize) {
        let _ = side;
    }

    /// Sleeps while `word`, which belongs to `side`, is zero. May return early.
    fn sleep(&self, side: usize, word: &AtomicU32);

    /// Wakes `side`, whose word is `word`.
    fn wake(&self, side: usize, word: &AtomicU32);

    /// Sleeps and wakes asked of the system since the process began, where this kind counts them.
    fn futex_calls() -> Option<u64> {
        None
    }
}

/// The limit: the system call and nothing else.
pub struct Futex;

impl Sleep for Futex {
    const NAME: &'static str = "raw futex";

    fn fresh() -> Self {
        Self
    }

    #[inline]
    fn sleep(&self, _side: usize, word: &AtomicU32) {
        futex::wait(word, 0);
    }

    #[inline]
    fn wake(&self, _side: usize, word: &AtomicU32) {
        futex::wake(word, 1);
    }
}

/// `parking_lot_core`.
pub struct ParkingLot;

impl Sleep for ParkingLot {
    const NAME: &'static str = "parking_lot_core";

    fn fresh() -> Self {
        Self
    }

    #[inline]
    fn sleep(&self, _side: usize, word: &AtomicU32) {
        use parking_lot_core::{DEFAULT_PARK_TOKEN, park};
        // ORD: Acquire, to see what the other side did before it filled the word.
        let still_empty = || word.load(Ordering::Acquire) == 0;
        // SAFETY: the address is that of a word of this game, on which nobody sleeps by other means; the callbacks
        // neither panic nor call back into the parking lot.
        unsafe {
            park(word.as_ptr() as usize, still_empty, || {}, |_, _| {}, DEFAULT_PARK_TOKEN, None)
        };
    }

    #[inline]
    fn wake(&self, _side: usize, word: &AtomicU32) {
        use parking_lot_core::{DEFAULT_UNPARK_TOKEN, unpark_one};
        // SAFETY: as in `sleep`.
        unsafe { unpark_one(word.as_ptr() as usize, |_| DEFAULT_UNPARK_TOKEN) };
    }
}

/// `std::thread::park` and `unpark`.
#[derive(Default)]
pub struct Std {
    sides: [Mutex<Option<Thread>>; 2],
    /// The other side's handle, looked up once per block as a user of these calls would keep it.
    others: [OnceLock<Thread>; 2],
}

impl Sleep for Std {
    const NAME: &'static str = "std";

    fn fresh() -> Self {
        Self::default()
    }

    fn enter(&self, side: usize) {
        *self.sides[side].lock().unwrap_or_else(PoisonError::into_inner) =
            Some(std::thread::current());
        self.others[1 - side].get_or_init(|| {
            loop {
                let other =
                    self.sides[1 - side].lock().unwrap_or_else(PoisonError::into_inner).clone();
                match other {
                    Some(thread) => return thread,
                    None => std::thread::yield_now(),
                }
            }
        });
    }

    #[inline]
    fn sleep(&self, _side: usize, word: &AtomicU32) {
        // ORD: Acquire, to see what the other side did before it filled the word.
        while word.load(Ordering::Acquire) == 0 {
            std::thread::park();
        }
    }

    #[inline]
    fn wake(&self, side: usize, _word: &AtomicU32) {
        self.others[side].get().expect("both sides have entered").unpark();
    }
}

/// CPython's parking lot.
pub struct CPython;

impl Sleep for CPython {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self
    }

    #[inline]
    fn sleep(&self, _side: usize, word: &AtomicU32) {
        cpython::park(word, 0);
    }

    #[inline]
    fn wake(&self, _side: usize, word: &AtomicU32) {
        cpython::unpark_one(word);
    }
}

/// One side's word.
#[derive(Debug, Default)]
pub struct Letterbox(AtomicU32);

impl Letterbox {
    /// Fills the word of `side` and wakes that side.
    #[inline]
    pub fn send<S: Sleep>(&self, sleep: &S, side: usize, message: u32) {
        // ORD: Release, pairs with the Acquire swap of `receive`.
        self.0.store(message, Ordering::Release);
        sleep.wake(side, &self.0);
    }

    /// Empties the word of `side`, sleeping until there is something in it.
    #[inline]
    pub fn receive<S: Sleep>(&self, sleep: &S, side: usize) -> u32 {
        loop {
            // ORD: Acquire, pairs with the Release store of `send`.
            let message = self.0.swap(0, Ordering::Acquire);
            if message != 0 {
                return message;
            }
            sleep.sleep(side, &self.0);
        }
    }
}
