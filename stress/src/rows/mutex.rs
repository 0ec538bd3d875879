//! Row `mutex`: the one-byte mutex with all its ways to lock.

use super::exclusive::{Exclusive, Locks, NOTES};
use super::patience::Patience;
use crate::row::{Arena, Row, Setup};
use pysync::{LockStatus, Mutex};

/// The row.
#[derive(Debug)]
pub struct MutexRow;

impl Row for MutexRow {
    fn name(&self) -> &'static str {
        "mutex"
    }

    fn about(&self) -> &'static str {
        "Mutex: lock, try_lock, lock_timed with every flag; exclusion, fairness bound, exact \
         bits, freed by the next owner"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn weight(&self) -> u32 {
        16
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Locks::<Mutex>::open(setup))
    }
}

impl Exclusive for Mutex {
    fn fresh() -> Self {
        Self::new()
    }

    fn lock(&self) {
        Self::lock(self);
    }

    fn try_lock(&self) -> bool {
        Self::try_lock(self)
    }

    fn unlock(&self) {
        Self::unlock(self);
    }

    fn is_locked(&self) -> bool {
        Self::is_locked(self)
    }

    fn word(&self) -> usize {
        usize::from(self.bits())
    }

    fn lock_timed(&self, patience: Patience) -> Option<LockStatus> {
        Some(Self::lock_timed(self, patience.timeout, patience.flags))
    }

    fn queue(&self) -> Option<usize> {
        Some(std::ptr::from_ref(self).addr())
    }
}
