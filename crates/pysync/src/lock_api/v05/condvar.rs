//! The condition variable for `lock_api` 0.5.

use super::super::raw::{RawCondvar, RawMutex, until};
use core::time::Duration;
use lock_api_05::{GuardNoSend, RawCondvarTimed};
use std::time::Instant;

// SAFETY: the waiter is queued before the mutex is unlocked (COND-1), and the mutex is held again when the wait returns or
// unwinds (COND-4). The guard's state is empty. No wait ends without cause, and the numbers are exact (COND-2).
unsafe impl lock_api_05::RawCondvar for RawCondvar {
    const INIT: Self = Self::fresh();

    type RawMutex = RawMutex;

    #[inline]
    unsafe fn wait(&self, mutex: &RawMutex, _guard: &mut GuardNoSend) {
        self.0.wait(&mutex.0);
    }

    #[inline]
    fn notify_one(&self) -> bool {
        self.0.notify_one()
    }

    #[inline]
    fn notify_all(&self) -> usize {
        self.0.notify_all()
    }
}

// SAFETY: as above.
unsafe impl RawCondvarTimed for RawCondvar {
    fn checked_duration_to_instant(timeout: &Duration) -> Option<Instant> {
        Instant::now().checked_add(*timeout)
    }

    unsafe fn wait_until(&self, mutex: &RawMutex, _: &mut GuardNoSend, timeout: &Instant) -> bool {
        !self.0.wait_timed(&mutex.0, until(*timeout))
    }

    unsafe fn wait_for(&self, mutex: &RawMutex, _: &mut GuardNoSend, timeout: &Duration) -> bool {
        !self.0.wait_timed(&mutex.0, Some(*timeout))
    }
}
