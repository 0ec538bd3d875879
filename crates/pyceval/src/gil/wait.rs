//! Waiting for the GIL: the slow half of a take, and giving up.

use super::line::Line;
use super::seat::Seat;
use super::waiter::Waiter;
use super::{DISABLED, Gil, QUEUED, Taken, holder, is_free, is_queued};
use crate::breaker::Events;
use core::cmp::min;
use core::time::Duration;
use pyparking::primitive::{EXHAUSTIVE, Ordering, seeded, thread};
use pyparking::{Deadline, fatal, monotonic_nanos};

/// How often a woken waiter looks at a word that is held before it goes back to sleep: a microsecond, in which a
/// holder that lets go again and again is caught.
const LOOKS: u32 = if EXHAUSTIVE { 1 } else { 40 };

/// What a waiter does next.
enum Step {
    Done(Taken),
    Sleep(Deadline),
}

impl Gil {
    #[cold]
    pub(super) fn take_slow(&self, seat: &Seat, deadline: Deadline) -> Taken {
        let me = seat.word();
        // Who was asked to make way does so: past the heir it would be back before anybody else (GIL-11).
        let barges = !seat.was_asked() || seeded("gil-forced-no-switch");
        if let Some(taken) = self.barge(seat, me, barges) {
            return taken;
        }
        if deadline == Deadline::NOW {
            return Taken::TimedOut;
        }
        let class = self.policy().class(seat.was_asked());
        let waiter = Waiter::new(me, class, barges, monotonic_nanos());
        let mut step = self.locked(|line| self.join(line, &waiter, deadline));
        loop {
            step = match step {
                Step::Done(Taken::Held) => {
                    self.settle(seat, me);
                    return Taken::Held;
                }
                Step::Done(taken) => return taken,
                Step::Sleep(until) if waiter.sleep(until) => self.compete(&waiter, deadline),
                Step::Sleep(_) => self.locked(|line| self.overslept(line, &waiter, deadline)),
            };
        }
    }

    /// Takes the GIL if it is free, past waiters only if it `may`; nothing if there is something to wait for.
    fn barge(&self, seat: &Seat, me: usize, may: bool) -> Option<Taken> {
        // ORD: Acquire, pairs with the Release of `disable`: who goes on without a GIL sees what its last holder did.
        let mut seen = self.word.load(Ordering::Acquire);
        loop {
            if seen == DISABLED {
                return Some(Taken::Disabled);
            }
            if holder(seen) == me {
                fatal("Gil", self, "take by the seat that holds it", "a release before it");
            }
            if !is_free(seen) || is_queued(seen) && !may {
                return None;
            }
            match self.take_word(seen, seen | me) {
                Ok(()) => {
                    self.settle(seat, me);
                    return Some(Taken::Held);
                }
                Err(now) => seen = now,
            }
        }
    }

    /// One attempt to go from free to held.
    fn take_word(&self, seen: usize, next: usize) -> Result<(), usize> {
        // ORD: Acquire, pairs with the Release of `release` and `release_slow` (GIL-2). On failure too: the GIL may
        // turn out to be disabled.
        let taken = self.word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Acquire);
        taken.map(|_| ())
    }

    /// Awake: looks for a while whether the GIL is its own, or free.
    fn compete(&self, waiter: &Waiter, deadline: Deadline) -> Step {
        for _ in 0..LOOKS {
            // ORD: Acquire, pairs with the Release of `release_slow`, which may have put this seat there (GIL-2).
            let seen = self.word.load(Ordering::Acquire);
            if holder(seen) == waiter.seat {
                return Step::Done(Taken::Held);
            }
            if is_free(seen) && self.take_word(seen, seen | waiter.seat).is_ok() {
                self.locked(|line| self.leave_as_holder(line, waiter));
                return Step::Done(Taken::Held);
            }
            thread::spin_loop();
        }
        self.locked(|line| self.join(line, waiter, deadline))
    }

    /// Puts the line right behind a waiter that has just got the GIL past it. Under the queue lock.
    fn leave_as_holder(&self, line: &mut Line, waiter: &Waiter) {
        line.forget_heir(waiter);
        self.begin_tenure(line, waiter.seat, monotonic_nanos());
        if line.is_empty() {
            // ORD: Relaxed, as an RMW it keeps what was released before visible to whoever waits; the bit changes
            // under the queue lock only (GIL-3).
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// Takes the GIL, or goes into a row to sleep. Under the queue lock; the waiter is in no row.
    fn join(&self, line: &mut Line, waiter: &Waiter, deadline: Deadline) -> Step {
        if let Some(taken) = self.take_or_mark(line, waiter) {
            return Step::Done(taken);
        }
        let now = monotonic_nanos();
        // SAFETY: the waiter's own thread, in no row, which stays in `take_slow` until it is out and awake (GIL-8).
        unsafe { line.enqueue(waiter, now) };
        self.plan(line, waiter, now, deadline)
    }

    /// Takes the GIL if that is right, or makes sure that whoever releases it comes to the rows. Under the queue lock;
    /// the waiter is in no row.
    fn take_or_mark(&self, line: &mut Line, waiter: &Waiter) -> Option<Taken> {
        let others = line.has_others(waiter);
        let yields = others && !waiter.barges && line.heir != waiter.place();
        // ORD: Relaxed, what was put there for this thread, its seat or `DISABLED`, was put under the queue lock.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let attempt = if seen == DISABLED {
                return Some(Taken::Disabled);
            } else if holder(seen) == waiter.seat {
                return Some(Taken::Held);
            } else if is_free(seen) && !yields {
                self.take_word(seen, waiter.seat | if others { QUEUED } else { 0 })
            } else if is_queued(seen) {
                return None;
            } else {
                self.mark_queued(seen)
            };
            match attempt {
                Ok(()) if is_free(seen) => {
                    line.forget_heir(waiter);
                    self.begin_tenure(line, waiter.seat, monotonic_nanos());
                    return Some(Taken::Held);
                }
                Ok(()) => return None,
                Err(now) => seen = now,
            }
        }
    }

    /// Sets `QUEUED` beside a holder, so that its release comes to the rows.
    fn mark_queued(&self, seen: usize) -> Result<(), usize> {
        // ORD: Relaxed, the bit itself is the message; the queue lock orders the rows (GIL-3).
        let marked =
            self.word.compare_exchange(seen, seen | QUEUED, Ordering::Relaxed, Ordering::Relaxed);
        marked.map(|_| ())
    }

    /// Asks the holder if it is time, and says how long to sleep. Under the queue lock; the waiter is queued.
    fn plan(&self, line: &mut Line, waiter: &Waiter, now: u64, deadline: Deadline) -> Step {
        // ORD: Acquire, pairs with the Release of the last release: the number of the tenure is no older than the
        // seat that is seen.
        let holder = holder(self.word.load(Ordering::Acquire));
        let interval = self.interval_nanos();
        let share = waiter.class.share(interval);
        let since = line.tenure_since(holder, self.switch_number(), now);
        let due = waiter.class.due(since, waiter.began, interval);
        let mut until = now.saturating_add(share);
        if due <= now {
            if holder != 0 && !seeded("gil-lost-request") {
                self.request(line, holder);
            }
        } else {
            line.hand_over |= now >= waiter.began.saturating_add(share);
            // SAFETY: under the queue lock, and queued.
            let before = unsafe { line.position(waiter) };
            let turn = due.saturating_add(before.saturating_mul(share));
            until = min(turn, until.saturating_add(interval));
        }
        let wait = Duration::from_nanos(until.saturating_sub(now));
        Step::Sleep(min(deadline, Deadline::after(wait)))
    }

    /// The deadline of a sleep has passed: gives up, or goes on waiting. Under the queue lock.
    fn overslept(&self, line: &mut Line, waiter: &Waiter, deadline: Deadline) -> Step {
        // SAFETY: under the queue lock (GILWAITER-1).
        if !unsafe { waiter.queued.get() } {
            // Claimed: the wake is on its way (GILWAITER-2).
            return Step::Sleep(Deadline::NEVER);
        }
        let now = monotonic_nanos();
        if deadline.nanos().is_some_and(|at| at <= now) {
            // SAFETY: under the queue lock, and queued.
            unsafe { line.remove(waiter) };
            self.withdraw(line);
            return Step::Done(Taken::TimedOut);
        }
        self.plan(line, waiter, now, deadline)
    }

    /// Takes back what nobody needs who still waits (GIL-3, GIL-6). Under the queue lock.
    fn withdraw(&self, line: &mut Line) {
        if !line.is_empty() {
            return;
        }
        // ORD: Relaxed, nobody is heir, so the GIL is held, and its holder cannot release before this is done
        // (GIL-4, GIL-7).
        let holder = holder(self.word.load(Ordering::Relaxed));
        if line.requested && !seeded("96387") {
            // SAFETY: under the queue lock, with `QUEUED` set until the line below.
            unsafe { self.seat_of(holder) }.breaker().clear(Events::GIL_DROP_REQUEST);
        }
        line.requested = false;
        line.hand_over = false;
        // ORD: Relaxed, as in `leave_as_holder`.
        self.word.fetch_and(!QUEUED, Ordering::Relaxed);
    }
}
