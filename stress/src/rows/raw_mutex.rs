//! Row `raw-mutex`: the lock that guards the lot's own buckets.

use super::exclusive::{Exclusive, Locks};
use crate::row::{Arena, Row, Setup};
use pysync::RawMutex;

/// The row.
#[derive(Debug)]
pub struct RawMutexRow;

impl Row for RawMutexRow {
    fn name(&self) -> &'static str {
        "raw-mutex"
    }

    fn about(&self) -> &'static str {
        "RawMutex: lock, try_lock under signals; exclusion, freed by the next owner"
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Locks::<RawMutex>::open(setup))
    }
}

impl Exclusive for RawMutex {
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
        // SAFETY: the row unlocks what the same thread has locked.
        unsafe { Self::unlock(self) };
    }

    fn is_locked(&self) -> bool {
        Self::is_locked(self)
    }

    fn word(&self) -> usize {
        usize::from(Self::is_locked(self))
    }
}
