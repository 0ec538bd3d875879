//! What a waiter of the mutex shows to the one who unlocks: since when it is to be treated fairly, and whether it was
//! handed the mutex (MUTEX-5).

use super::FAIR_AFTER;
use pyparking::primitive::RaceCell;

/// Stands for the time of fairness of a waiter that has not begun to wait for the mutex by itself: never, but for a fair
/// unlock.
const UNTIMED: u64 = u64::MAX - 1;

/// What a waiter shows to the unlocker. On the waiter's stack, used under the bucket lock.
/// Port of: `mutex_entry` (Python/lock.c)
pub(crate) struct Entry {
    fair_at: RaceCell<u64>,
    handed_off: RaceCell<bool>,
}

impl Entry {
    pub(super) fn new(fair_at: u64) -> Self {
        Self { fair_at: RaceCell::new(fair_at), handed_off: RaceCell::new(false) }
    }

    /// For a waiter that will be moved here, if at all.
    pub(crate) fn untimed() -> Self {
        Self::new(UNTIMED)
    }

    /// From when on the waiter is to be treated fairly, if an unlock has met it.
    pub(crate) fn fair_at(&self) -> Option<u64> {
        // SAFETY: this is the waiter, out of the queue: nobody else has the entry any more.
        Some(unsafe { self.fair_at.get() }).filter(|fair_at| *fair_at != UNTIMED)
    }

    /// Whether the waiter is to be handed the mutex; tells it. Under the bucket lock.
    pub(super) fn offer(&self, now: u64) -> bool {
        // SAFETY: under the bucket lock, and the waiter looks only after its wake.
        let fair_at = unsafe { self.fair_at.get() };
        let due = now > fair_at;
        if fair_at == UNTIMED && !due {
            // SAFETY: as above.
            unsafe { self.fair_at.set(now + FAIR_AFTER) };
        }
        // SAFETY: under the bucket lock, and the waiter looks only after its wake.
        unsafe { self.handed_off.set(due) };
        due
    }

    pub(crate) fn was_handed_off(&self) -> bool {
        // SAFETY: this is the waiter, out of the queue: no unlocker has the entry any more.
        unsafe { self.handed_off.get() }
    }
}
