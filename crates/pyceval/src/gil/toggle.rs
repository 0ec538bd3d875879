//! A GIL that comes and goes: disabling it, enabling it, and the child of a fork.

use super::line::Line;
use super::seat::Seat;
use super::waiter::Waiter;
use super::{DISABLED, Gil, holder};
use pyparking::fatal;
use pyparking::primitive::{Ordering, seeded};

impl Gil {
    /// Disables the GIL: from now on threads run freely. Every waiter is let go, and its take returns false.
    ///
    /// The caller holds the GIL, and holds it no more afterwards; it has stopped the world, so that nobody runs with
    /// the GIL in mind. False if the GIL is disabled already. Fatal if the seat does not hold it.
    ///
    /// Cost: about three RMW, and a wake for each waiter.
    ///
    /// Ordering: what holders did is seen by threads that are let go, and by those that find the GIL disabled later.
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
    /// // SAFETY: given up by `disable`, before the seat goes.
    /// assert!(unsafe { gil.take(&seat) } && gil.disable(&seat));
    /// // SAFETY: not taken.
    /// assert!(!unsafe { gil.take(&seat) } && !gil.is_enabled());
    /// ```
    ///
    /// Port of: `_PyEval_DisableGIL` (Python/ceval_gil.c)
    /// PORT: does not count who wants it; wakes every waiter, not one that is to wake the next (118745).
    pub fn disable(&self, seat: &Seat) -> bool {
        let Some(mut woken) = self.locked(|line| self.abolish(line, seat)) else { return false };
        // SAFETY: each was taken out of its row by this thread; the next is read before the node is woken.
        unsafe {
            while let Some(waiter) = woken.as_ref() {
                let next = waiter.next.get();
                Waiter::wake(woken);
                woken = if seeded("118745") { core::ptr::null() } else { next };
            }
        }
        true
    }

    /// Under the queue lock: empties the rows; a list of those to be woken, or nothing if there is no GIL.
    fn abolish(&self, line: &mut Line, seat: &Seat) -> Option<*const Waiter> {
        // ORD: Relaxed, the holder itself asks.
        let seen = self.word.load(Ordering::Relaxed);
        if seen == DISABLED {
            return None;
        }
        if holder(seen) != seat.word() {
            fatal("Gil", self, "disabled by a seat that does not hold it", "the holder");
        }
        seat.forget_request();
        line.requested = false;
        line.hand_over = false;
        // SAFETY: under the queue lock.
        let all = unsafe { line.take_all() };
        // ORD: Release, pairs with the Acquire of takes that find the GIL disabled, and of those after `enable`
        // (GIL-2).
        self.word.swap(DISABLED, Ordering::Release);
        Some(all)
    }

    /// Enables the GIL again; the caller holds it afterwards. False, and the caller does not hold it, if it is
    /// enabled already.
    ///
    /// The caller has stopped the world: all others take the GIL before they run again.
    ///
    /// Cost: about three RMW.
    ///
    /// # Safety
    ///
    /// As [`take`](Self::take).
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
    /// gil.with(&seat, || gil.disable(&seat));
    /// // SAFETY: released below, before the seat goes.
    /// assert!(unsafe { gil.enable(&seat) });
    /// gil.release(&seat);
    /// ```
    ///
    /// Port of: `_PyEval_EnableGILTransient` (Python/ceval_gil.c)
    pub unsafe fn enable(&self, seat: &Seat) -> bool {
        let me = seat.word();
        let enabled = self.locked(|_| {
            // ORD: Relaxed, `disable` stored its value under the queue lock too (GIL-2).
            let taken =
                self.word.compare_exchange(DISABLED, me, Ordering::Relaxed, Ordering::Relaxed);
            taken.is_ok()
        });
        if enabled {
            self.settle(seat, me);
        }
        enabled
    }

    /// Makes the GIL right in the child of a fork: the waiters are gone, and `seat`, or nobody, holds it. A GIL that is
    /// disabled stays so.
    ///
    /// Cost: a few stores.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process and waits for no GIL, and for its seat what
    /// [`take`](Self::take) says.
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
    /// // SAFETY: no other thread knows this GIL, and it is released below.
    /// unsafe { gil.after_fork_child(Some(&seat)) };
    /// gil.release(&seat);
    /// ```
    ///
    /// Port of: `recreate_gil` (Python/ceval_gil.c)
    pub unsafe fn after_fork_child(&self, seat: Option<&Seat>) {
        // SAFETY: there is no other thread.
        unsafe {
            self.queue_lock.after_fork_child();
            self.line.set(Line::EMPTY);
        }
        if !self.is_enabled() {
            return;
        }
        let me = seat.map_or(0, Seat::word);
        // ORD: Relaxed, there is no other thread.
        self.word.store(me, Ordering::Relaxed);
        if let Some(seat) = seat {
            self.settle(seat, me);
        }
    }
}
