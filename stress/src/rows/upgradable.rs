//! Row `upgradable`: the read-write mutex with upgrades, by every way in that ends as a reader or as a writer.
//!
//! The arena of row `rwmutex` over a lock that takes another way each time: a reader may have read recursively, or
//! have been the upgradable one before; a writer may have upgraded, or have gone down and up again.

use super::patience::Patience;
use super::rw_mutex::{self, Library, Shared};
use crate::row::{Arena, Row, Setup};
use pysync::{LockStatus, UpgradableRwMutex};
use std::cell::Cell;

/// The row.
#[derive(Debug)]
pub struct UpgradableRow;

/// As the other row's, without the one of fairness: an upgrade comes before the head of the queue (UPRW-9).
const NOTES: &[&str] = rw_mutex::NOTES.split_at(1).0;

impl Row for UpgradableRow {
    fn name(&self) -> &'static str {
        "upgradable"
    }

    fn about(&self) -> &'static str {
        "UpgradableRwMutex: recursive reads, upgrades, downgrades, try and timed, fair unlocks; reader/writer \
         exclusion, exact bits, freed by the last one through"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn weight(&self) -> u32 {
        12
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Library::<ManyWays>::open(setup))
    }
}

/// An upgradable mutex that is used another way each time.
#[derive(Debug)]
struct ManyWays(UpgradableRwMutex);

thread_local! {
    static TURN: Cell<u32> = const { Cell::new(0) };
}

/// A number below `count`, another one each time.
fn way(count: u32) -> u32 {
    TURN.with(|turn| {
        // One step of a linear congruence; the upper bits are the random ones.
        turn.set(turn.get().wrapping_mul(747_796_405).wrapping_add(2_891_336_453));
        (turn.get() >> 16) % count
    })
}

impl Shared for ManyWays {
    fn fresh() -> Self {
        Self(UpgradableRwMutex::new())
    }

    fn read_lock(&self) {
        match way(4) {
            0 => self.0.read_lock_recursive(),
            1 => {
                self.0.upgradable_lock();
                self.0.downgrade_upgradable();
            }
            2 => {
                self.0.read_lock();
                // Recursively, so that whoever waits to write does not matter.
                self.0.read_lock_recursive();
                self.0.read_unlock();
            }
            _ => self.0.read_lock(),
        }
    }

    fn try_read_lock(&self) -> bool {
        if way(2) == 0 { self.0.try_read_lock_recursive() } else { self.0.try_read_lock() }
    }

    fn read_lock_timed(&self, patience: Patience) -> LockStatus {
        let (timeout, flags) = (patience.timeout, patience.flags);
        match way(3) {
            0 => self.0.read_lock_recursive_timed(timeout, flags),
            1 => {
                let status = self.0.upgradable_lock_timed(timeout, flags);
                if status == LockStatus::Acquired {
                    self.0.downgrade_upgradable();
                }
                status
            }
            _ => self.0.read_lock_timed(timeout, flags),
        }
    }

    fn read_unlock(&self) {
        if way(8) == 0 { self.0.read_unlock_fair() } else { self.0.read_unlock() }
    }

    fn write_lock(&self) {
        match way(4) {
            0 => {
                self.0.upgradable_lock();
                self.0.upgrade();
            }
            1 => {
                self.0.write_lock();
                self.0.downgrade_to_upgradable();
                self.0.upgrade();
            }
            _ => self.0.write_lock(),
        }
    }

    fn try_write_lock(&self) -> bool {
        if way(2) == 0 {
            return self.0.try_write_lock();
        }
        if !self.0.try_upgradable_lock() {
            return false;
        }
        let upgraded = self.0.try_upgrade();
        if !upgraded {
            self.0.upgradable_unlock();
        }
        upgraded
    }

    fn write_lock_timed(&self, patience: Patience) -> LockStatus {
        let (timeout, flags) = (patience.timeout, patience.flags);
        if way(2) == 0 || !self.0.try_upgradable_lock() {
            return self.0.write_lock_timed(timeout, flags);
        }
        let status = self.0.upgrade_timed(timeout, flags);
        if status != LockStatus::Acquired {
            self.0.upgradable_unlock();
        }
        status
    }

    fn write_unlock(&self) {
        match way(6) {
            0 => self.0.write_unlock_fair(),
            1 => {
                self.0.downgrade();
                self.0.read_unlock();
            }
            2 => {
                self.0.downgrade_to_upgradable();
                self.0.upgradable_unlock();
            }
            _ => self.0.write_unlock(),
        }
    }

    /// The waiting writer's bit stands for "somebody waits": an upgradable reader waits for another one without any
    /// writer in sight, which is told by a bit that the arena does not know.
    fn word(&self) -> usize {
        const UPGRADABLE: usize = 4;
        let bits = self.0.bits();
        let readers = (bits >> 4) + usize::from(bits & UPGRADABLE != 0);
        bits & 1 | (bits >> 3 & 1) << 1 | readers << 2 | (bits >> 1 & 1) << 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn it_passes() {
        trial::clean(NOTES, Library::<ManyWays>::open);
    }
}
