//! Releasing a GIL that others wait for: who gets it, and who is woken.

use super::line::Line;
use super::seat::Seat;
use super::waiter::Waiter;
use super::{Gil, QUEUED, holder};
use core::ptr;
use pyparking::primitive::{Ordering, seeded};
use pyparking::{fatal, monotonic_nanos};

impl Gil {
    #[cold]
    pub(super) fn release_slow(&self, seat: &Seat, was_ordinary: bool) {
        let woken = self.locked(|line| self.let_go(line, seat, was_ordinary));
        if !woken.is_null() {
            // SAFETY: taken out of its row just now, by this thread.
            unsafe { Waiter::wake(woken) };
        }
    }

    /// Frees the GIL or hands it over; the waiter to wake, if there is one. Under the queue lock.
    fn let_go(&self, line: &mut Line, seat: &Seat, was_ordinary: bool) -> *const Waiter {
        let me = seat.word();
        // ORD: Relaxed, the holder itself asks, and `QUEUED` changes under the queue lock.
        if holder(self.word.load(Ordering::Relaxed)) != me {
            fatal(
                "Gil",
                self,
                "release by a seat that does not hold it",
                "the holder's own release",
            );
        }
        let (next, woken) = self.successor(line, was_ordinary);
        seat.note_release(line.requested);
        let late = seeded("gil-seat-after-release");
        if !late {
            seat.forget_request();
        }
        line.requested = false;
        // ORD: Release, pairs with the Acquire of the next take (GIL-2). An RMW, so that it is in one order with the
        // attempts of others.
        self.word.swap(next, Ordering::Release);
        if late {
            seat.forget_request();
        }
        woken
    }

    /// The word for whoever comes next, and who is to be woken for it. Under the queue lock.
    fn successor(&self, line: &mut Line, was_ordinary: bool) -> (usize, *const Waiter) {
        if line.is_empty() {
            return (0, ptr::null());
        }
        let mut hand_over = line.hand_over;
        let mut heir = line.heir;
        let mut woken = ptr::null();
        if !(heir.is_null() || hand_over) {
            return (QUEUED, woken);
        }
        let now = monotonic_nanos();
        if heir.is_null() {
            let (policy, interval) = (self.policy(), self.interval_nanos());
            if was_ordinary {
                line.ordinary_at = now;
            }
            hand_over |= line.is_credit_used_up(policy, now, interval);
            // SAFETY: under the queue lock, and somebody sleeps.
            heir = unsafe { line.pick(policy, now, interval) };
            woken = heir;
        }
        if !hand_over || seeded("gil-forced-no-switch") {
            line.heir = heir;
            return (QUEUED, woken);
        }
        line.heir = ptr::null();
        line.hand_over = false;
        // SAFETY: the heir, or just taken out of its row: not yet gone, as its seat is not yet in the word.
        let next = unsafe { (*heir).seat };
        self.begin_tenure(line, next, now);
        (next | if line.is_empty() { 0 } else { QUEUED }, woken)
    }
}
