//! The rows: one file for each, and what several of them share.

pub mod arena;
pub mod cells;
pub mod condvar;
pub mod critsec;
pub mod event;
pub mod exclusive;
#[cfg(unix)]
pub mod fork;
pub mod gil;
pub mod hash;
pub mod interrupts;
pub mod keys;
mod lane;
pub mod lincheck;
pub mod mutex;
pub mod once;
pub mod parking;
pub mod patience;
pub mod pending;
pub mod raw_mutex;
pub mod recursive;
pub mod references;
pub mod rw_mutex;
pub mod seq_lock;
#[cfg(unix)]
pub mod signals;
pub mod slot;
pub mod threads;
pub mod upgradable;
pub mod world;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod trial;

use crate::row::Row;

/// All rows, in the order of the table. A new layer adds its own here.
pub fn all() -> Vec<Box<dyn Row>> {
    vec![
        Box::new(raw_mutex::RawMutexRow),
        Box::new(mutex::MutexRow),
        Box::new(event::EventRow),
        Box::new(once::OnceRow),
        Box::new(recursive::RecursiveRow),
        Box::new(rw_mutex::RwMutexRow),
        Box::new(upgradable::UpgradableRow),
        Box::new(condvar::CondvarRow),
        Box::new(seq_lock::SeqLockRow),
        Box::new(parking::ParkingRow),
        Box::new(cells::CellsRow),
        Box::new(critsec::CritsecRow),
        Box::new(arena::ArenaRow),
        Box::new(hash::HashRow),
        Box::new(threads::ThreadsRow),
        Box::new(keys::KeysRow),
        Box::new(slot::SlotRow),
        Box::new(gil::GilRow),
        Box::new(interrupts::InterruptsRow),
        Box::new(world::WorldRow),
        Box::new(references::ReferencesRow),
        Box::new(pending::PendingRow),
        #[cfg(unix)]
        Box::new(signals::SignalsRow),
        #[cfg(unix)]
        Box::new(fork::ForkRow),
        Box::new(lincheck::LincheckRow),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_and_rows_say_what_they_do() {
        let rows = all();
        let mut names: Vec<_> = rows.iter().map(|row| row.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows.len());
        assert!(rows.iter().all(|row| row.about().len() > 20 && row.weight() > 0));
    }
}
