//! The fairness bound: at an unlock, nobody who has waited longer than a millisecond is overtaken.
//!
//! # How it is observed
//!
//! A worker that is about to lock without a deadline announces itself: a number for this call, and
//! where its stack stands. The holder of the lock looks at the head of the lock's queue, under the
//! bucket lock: the head's argument is an address on the head's own stack, which tells who it is.
//! The first time that a call is seen queued, the time is kept. If at an unlock the head is a call
//! that was first seen queued more than a millisecond ago, the holder writes down that this call
//! must be the next owner; whoever comes into the section next compares.
//!
//! # Why it cannot accuse wrongly
//!
//! * FAIR-1. *The head stays the head.* Only an unlock dequeues others, and the looker holds the
//!   lock; the head itself waits without a deadline and without heeding interrupts, so it does not
//!   give up. From the look to the unlock the head is the same call, however long the holder is
//!   preempted in between.
//! * FAIR-2. *Its deadline has passed.* A call's millisecond begins before it is first queued and
//!   is kept over later parks. It was seen queued at a time `t` read after the look, so the
//!   deadline is at most `t` + 1 ms. The holder reads the clock once more and demands `now > t` + 1
//!   ms; the unlock reads the same clock later.
//! * FAIR-3. *So this unlock must hand over to it*, and the next thread in the section must be in
//!   this call. What is expected is written and read inside the section, so it is about adjacent
//!   owners, not about time.
//! * FAIR-4. *The head is who it seems.* The addresses just below an announced stack position
//!   belong to that live thread until it withdraws the announcement. The comparison is made under
//!   the bucket lock, while the owner of the argument is queued and alive, so no other thread's
//!   stack can lie there. A waiter with a deadline announces nothing and is nobody's: no judgement.
//!
//! If an implementation keeps its arguments elsewhere than on the stack, nobody is recognised and
//! nothing is judged; the run says how many unlocks it judged.

use super::plain::Plain;
use crate::worker::Worker;
use pyparking::monotonic_nanos;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// After this time a waiter must be handed the lock.
const FAIR_AFTER: u64 = 1_000_000;

/// How long a holder waits before he looks who queues, if he is going to stay longer than a
/// millisecond.
pub const SETTLE_DOWN: Duration = Duration::from_micros(100);

/// How far below the announced position the arguments of a lock call are looked for, and how far
/// above: the frame that announces may be deeper than the one that locks.
const BELOW: usize = 16 * 1024;
const ABOVE: usize = 1024;

/// A worker inside a lock call that nothing but the lock ends.
#[derive(Debug, Default)]
struct Announcement {
    call: AtomicU64,
    stack: AtomicUsize,
}

/// A call of a slot's worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    slot: usize,
    call: u64,
}

/// When a call was first seen queued.
#[derive(Debug, Clone, Copy, Default)]
struct Sighting {
    call: u64,
    at: u64,
}

/// The fairness checker of one lock.
#[derive(Debug)]
pub struct Fairness {
    announced: Box<[Announcement]>,
    sightings: Box<[Plain<Sighting>]>,
    expected: Plain<Option<Head>>,
}

impl Fairness {
    /// A checker for `slots` workers.
    pub fn new(slots: usize) -> Self {
        Self {
            announced: (0..slots).map(|_| Announcement::default()).collect(),
            sightings: (0..slots).map(|_| Plain::default()).collect(),
            expected: Plain::new(None),
        }
    }

    /// The worker in `slot` is about to make call number `call`, which only the lock ends.
    #[inline(never)]
    pub fn announce(&self, slot: usize, call: u64) {
        let here = 0_u8;
        let announcement = &self.announced[slot];
        // ORD: Relaxed, the call number below publishes it.
        announcement.stack.store((&raw const here).addr(), Ordering::Relaxed);
        // ORD: Release, pairs with the Acquire in `whose`.
        announcement.call.store(call, Ordering::Release);
    }

    /// The call has returned.
    pub fn withdraw(&self, slot: usize) {
        // ORD: Relaxed, whoever still sees the number sees a thread that is alive, in the frame
        // that announced.
        self.announced[slot].call.store(0, Ordering::Relaxed);
    }

    /// Somebody came into the section, in call number `call` of his (0 for a call that did not
    /// announce itself).
    ///
    /// # Safety
    ///
    /// The caller holds the lock.
    pub unsafe fn arrive(&self, slot: usize, call: u64) -> Option<String> {
        // SAFETY: the caller holds the lock.
        let expected = unsafe { self.expected.get() }?;
        // SAFETY: the caller holds the lock.
        unsafe { self.expected.set(None) };
        let found = Head { slot, call };
        (found != expected).then(|| {
            format!(
                "worker {} overtook worker {}, who was first in the queue and past his millisecond",
                found.slot, expected.slot
            )
        })
    }

    /// Somebody came in who shares the lock with others of his kind: he never announces himself, so
    /// if anybody is expected it is not he.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, shared.
    pub unsafe fn arrive_shared(&self, slot: usize) -> Option<String> {
        // SAFETY: only exclusive holders write.
        let expected = unsafe { self.expected.get() }?;
        Some(format!(
            "worker {slot}, sharing, overtook worker {}, who was first in the queue and past his \
             millisecond",
            expected.slot
        ))
    }

    /// The holder of the lock whose queue is at `address` looks who is first. With `leaving` the
    /// unlock follows, and the next owner is laid down if the bound demands it: true if so.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, and the lock's waiters park at `address`.
    pub unsafe fn look(&self, address: usize, leaving: bool) -> bool {
        // SAFETY: the queue is only looked at; the callback uses no lot.
        let head = unsafe {
            pyparking::with_queue(address, |queue| self.whose(queue.first_arg()?.addr()))
        };
        let Some(head) = head else { return false };
        let now = monotonic_nanos();
        // SAFETY: the caller holds the lock.
        unsafe { self.judge(head, now, leaving) }
    }

    /// # Safety
    ///
    /// The caller holds the lock.
    unsafe fn judge(&self, head: Head, now: u64, leaving: bool) -> bool {
        let place = &self.sightings[head.slot];
        // SAFETY: the caller holds the lock.
        let sighting = unsafe { place.get() };
        if sighting.call != head.call {
            // SAFETY: the caller holds the lock.
            unsafe { place.set(Sighting { call: head.call, at: now }) };
            return false;
        }
        let due = leaving && now > sighting.at + FAIR_AFTER;
        if due {
            // SAFETY: the caller holds the lock.
            unsafe { self.expected.set(Some(head)) };
        }
        due
    }

    /// Whose stack an argument lies on.
    fn whose(&self, argument: usize) -> Option<Head> {
        self.announced.iter().enumerate().find_map(|(slot, announcement)| {
            // ORD: Acquire, pairs with the Release in `announce`.
            let call = announcement.call.load(Ordering::Acquire);
            // ORD: Relaxed, published by the call number.
            let stack = announcement.stack.load(Ordering::Relaxed);
            let near =
                (stack.saturating_sub(BELOW)..stack.saturating_add(ABOVE)).contains(&argument);
            (call != 0 && near).then_some(Head { slot, call })
        })
    }
}

/// Announces the call for as long as `lock` runs.
pub fn announced(fairness: &Fairness, worker: &mut Worker<'_>, lock: impl FnOnce()) -> u64 {
    let call = worker.ticket();
    fairness.announce(worker.slot, call);
    worker.wait(&"lock", lock);
    fairness.withdraw(worker.slot);
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: u64 = FAIR_AFTER + 1;

    #[test]
    fn the_late_head_must_be_next() {
        let fairness = Fairness::new(2);
        let head = Head { slot: 1, call: 9 };
        // SAFETY: one thread plays all parts.
        unsafe {
            assert!(!fairness.judge(head, 5, true), "seen for the first time");
            assert!(!fairness.judge(head, 5 + FAIR_AFTER, true), "not later than a millisecond");
            assert!(!fairness.judge(head, 5 + LATE, false), "not an unlock");
            assert!(fairness.judge(head, 5 + LATE, true));
            assert_eq!(fairness.arrive(1, 9), None);
            assert_eq!(fairness.arrive(0, 4), None, "nobody is expected any more");
        }
    }

    #[test]
    fn an_overtaker_is_noticed() {
        let fairness = Fairness::new(2);
        let head = Head { slot: 1, call: 9 };
        // SAFETY: one thread plays all parts.
        unsafe {
            fairness.judge(head, 5, false);
            assert!(fairness.judge(head, 5 + LATE, true));
            assert!(
                fairness.arrive_shared(0).unwrap().contains("worker 0, sharing, overtook worker 1")
            );
            assert!(fairness.arrive(0, 4).unwrap().contains("worker 0 overtook worker 1"));
            assert_eq!(fairness.arrive_shared(0), None);
        }
    }

    #[test]
    fn another_call_of_the_same_worker_starts_its_time_anew() {
        let fairness = Fairness::new(1);
        // SAFETY: one thread plays all parts.
        unsafe {
            fairness.judge(Head { slot: 0, call: 1 }, 5, false);
            assert!(!fairness.judge(Head { slot: 0, call: 2 }, 5 + LATE, true));
        }
    }

    #[test]
    fn an_argument_on_an_announced_stack_is_recognised() {
        let fairness = Fairness::new(2);
        let entry = 0_u64;
        let argument = (&raw const entry).addr();
        assert_eq!(fairness.whose(argument), None);
        fairness.announce(1, 7);
        assert_eq!(fairness.whose(argument), Some(Head { slot: 1, call: 7 }));
        assert_eq!(fairness.whose(argument.wrapping_sub(1 << 20)), None);
        fairness.withdraw(1);
        assert_eq!(fairness.whose(argument), None);
    }
}
