//! The queue under the pending calls: a bounded ring, many senders, one receiver at a time, no lock.
//!
//! Places are counted from 0 and never reused; place p is slot p modulo the number of slots, a power of two that
//! may be larger than the capacity.
//!
//! | `published` of the slot of place p | meaning | who makes it so |
//! |---|---|---|
//! | at most p | empty, or claimed and being filled | |
//! | p + 1 | holds the call of place p | the sender that claimed p |
//!
//! | counter | moved by |
//! |---|---|
//! | `tail`: places claimed, and `CLOSED` | a sender, by a compare-exchange; whoever closes the ring |
//! | `head`: places emptied | the receiver, by a store |
//!
//! Invariants:
//!
//! * RING-1: `head` ≤ `tail` ≤ `head` + capacity. A place is claimed by one sender.
//! * RING-2: a slot is written by the sender that claimed its place, after the receiver has read the place that
//!   used the slot before; it is read by the receiver after the sender has published it.
//! * RING-3: calls leave in the order of their places. A sender that has claimed and not yet published holds up those
//!   behind it, as one that holds a lock would.
//! * RING-4: once the ring is closed no place is claimed; those that were before are all published and can be taken.

use super::call::{Call, Words};
use core::mem::MaybeUninit;
use pyparking::primitive::{AtomicU64, Ordering, RaceCell};

/// No more places: set in `tail` for ever.
const CLOSED: u64 = 1 << 63;

struct Slot {
    published: AtomicU64,
    words: RaceCell<MaybeUninit<Words>>,
}

impl Slot {
    fn new() -> Self {
        Self { published: AtomicU64::new(0), words: RaceCell::new(MaybeUninit::uninit()) }
    }
}

/// A place in a ring that its owner has claimed and not filled (RING-1).
pub(super) struct Place(u64);

pub(super) struct Ring {
    slots: Box<[Slot]>,
    capacity: usize,
    head: AtomicU64,
    tail: AtomicU64,
}

// SAFETY: a slot's words are used by one thread at a time, in order (RING-2), and what they are, a `Call`, is `Send`.
unsafe impl Sync for Ring {}
// SAFETY: the calls move with the ring, and are `Send`.
unsafe impl Send for Ring {}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue of pending calls needs room for one");
        let slots = (0..capacity.next_power_of_two()).map(|_| Slot::new()).collect();
        Self { slots, capacity, head: AtomicU64::new(0), tail: AtomicU64::new(0) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        // ORD: Acquire, pairs with the Release of `pop`: `tail` is not older, and so not behind `head` (RING-1).
        let head = self.head.load(Ordering::Acquire);
        // ORD: Relaxed, an answer about one moment.
        let tail = self.tail.load(Ordering::Relaxed);
        ((tail & !CLOSED) - head) as usize
    }

    /// Whether calls are refused.
    pub(super) fn is_closed(&self) -> bool {
        // ORD: Relaxed, one bit that is set once and orders nothing.
        self.tail.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Refuses calls from now on.
    pub(super) fn close(&self) {
        // ORD: Relaxed, claims are in one order with it (RING-4).
        self.tail.fetch_or(CLOSED, Ordering::Relaxed);
    }

    fn slot(&self, place: u64) -> &Slot {
        &self.slots[place as usize & (self.slots.len() - 1)]
    }

    /// Puts a call into a place, which is used up.
    #[inline]
    pub(super) fn fill(&self, place: Place, call: Call) {
        let Place(place) = place;
        let slot = self.slot(place);
        // SAFETY: the place is this thread's, and the slot has been read (RING-2).
        unsafe { slot.words.set(MaybeUninit::new(call.into_words())) };
        // ORD: Release, pairs with the Acquire of `pop` (RING-2).
        slot.published.store(place + 1, Ordering::Release);
    }

    /// A place for one call, which is to be filled, if fewer than the capacity are taken. Before the call is made, so that
    /// it is made where it stays.
    #[inline]
    pub(super) fn claim(&self) -> Option<Place> {
        loop {
            // ORD: Acquire, pairs with the Release of `pop`: the slot has been read (RING-2).
            let head = self.head.load(Ordering::Acquire);
            // ORD: Acquire, pairs with the Release below: the second look at `head` finds no older one than the claim of
            // the last place did.
            let tail = self.tail.load(Ordering::Acquire);
            // Also if it is closed: the bit makes a large number.
            if tail - head >= self.capacity as u64 {
                // ORD: Relaxed, the same head before and after: the ring was full in between.
                if tail & CLOSED != 0 || self.head.load(Ordering::Relaxed) == head {
                    return None;
                }
                continue;
            }
            // ORD: Release, pairs with the Acquire above; the slot is published by itself. Relaxed on failure: looked at
            // again.
            let claimed =
                self.tail.compare_exchange(tail, tail + 1, Ordering::Release, Ordering::Relaxed);
            if claimed.is_ok() {
                return Some(Place(tail));
            }
        }
    }

    /// Takes the first call, if it has been published.
    ///
    /// # Safety
    ///
    /// One thread at a time, each after the one before.
    #[inline]
    pub(super) unsafe fn pop(&self) -> Option<Call> {
        // ORD: Relaxed, only receivers move it, and the caller orders them.
        let place = self.head.load(Ordering::Relaxed);
        let slot = self.slot(place);
        // ORD: Acquire, pairs with the Release of `push` (RING-2).
        if slot.published.load(Ordering::Acquire) != place + 1 {
            return None;
        }
        // SAFETY: published, and not written again before `head` moves on (RING-2).
        let words = unsafe { slot.words.get().assume_init() };
        // ORD: Release, pairs with the Acquire of `claim` (RING-2).
        self.head.store(place + 1, Ordering::Release);
        // SAFETY: from the call that was pushed; `head` has moved on, so they are not read again.
        Some(unsafe { Call::from_words(words) })
    }

    /// Closes the gaps of places that were claimed and never published: their senders are gone.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and in none of the calls above.
    pub(super) unsafe fn after_fork_child(&self) {
        // ORD: Relaxed from here on, there is no other thread.
        let (head, tail) = (self.head.load(Ordering::Relaxed), self.tail.load(Ordering::Relaxed));
        let mut next = head;
        for place in head..tail & !CLOSED {
            let slot = self.slot(place);
            // ORD: Relaxed, there is no other thread.
            if slot.published.swap(0, Ordering::Relaxed) == place + 1 {
                let target = self.slot(next);
                // SAFETY: this thread is alone; the words move, and the old slot is no longer published.
                unsafe { target.words.set(slot.words.get()) };
                next += 1;
                // ORD: Relaxed, there is no other thread.
                target.published.store(next, Ordering::Relaxed);
            }
        }
        // ORD: Relaxed, there is no other thread.
        self.tail.store(next | tail & CLOSED, Ordering::Relaxed);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: nobody else has the ring.
        while let Some(call) = unsafe { self.pop() } {
            drop(call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyparking::primitive::plain::AtomicUsize;
    use std::sync::Arc;

    /// Numbers in the order in which calls were dropped, as digits.
    fn numbered(log: &Arc<AtomicUsize>, number: usize) -> Call {
        struct Note(Arc<AtomicUsize>, usize);
        impl Drop for Note {
            fn drop(&mut self) {
                // ORD: Relaxed, one thread.
                let before = self.0.load(Ordering::Relaxed);
                // ORD: Relaxed, one thread.
                self.0.store(before * 10 + self.1, Ordering::Relaxed);
            }
        }
        let note = Note(Arc::clone(log), number);
        Call::new(move |_| {
            drop(note);
            Ok(())
        })
    }

    fn push(ring: &Ring, log: &Arc<AtomicUsize>, number: usize) {
        let place = ring.claim().unwrap();
        ring.fill(place, numbered(log, number));
    }

    #[test]
    fn a_place_that_was_never_published_is_passed_over_in_a_child() {
        for filled in [0, 3] {
            let log = Arc::new(AtomicUsize::new(0));
            let ring = Ring::new(5);
            for _ in 0..filled {
                push(&ring, &log, 0);
                // SAFETY: one thread.
                drop(unsafe { ring.pop() });
            }
            push(&ring, &log, 1);
            assert!(ring.claim().is_some());
            push(&ring, &log, 2);
            assert!(ring.claim().is_some());
            push(&ring, &log, 3);
            assert!(ring.claim().is_none() && ring.len() == 5);
            // SAFETY: one thread.
            unsafe { ring.after_fork_child() };
            assert_eq!(ring.len(), 3);
            push(&ring, &log, 4);
            push(&ring, &log, 5);
            assert!(ring.claim().is_none());
            drop(ring);
            // ORD: Relaxed, one thread.
            assert_eq!(log.load(Ordering::Relaxed), 12345);
        }
    }

    #[test]
    fn a_claimed_place_holds_up_those_behind_it_and_is_not_read() {
        let log = Arc::new(AtomicUsize::new(0));
        let ring = Ring::new(2);
        let place = ring.claim().unwrap();
        push(&ring, &log, 7);
        // SAFETY: one thread.
        assert!(unsafe { ring.pop() }.is_none());
        ring.fill(place, numbered(&log, 6));
        drop(ring);
        // ORD: Relaxed, one thread.
        assert_eq!(log.load(Ordering::Relaxed), 67);
    }
}
