//! Row `cells`: the forms that carry their data, used as a program would use them, through guards
//! and closures.

use super::patience::Patience;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pysync::{LockStatus, MutexCell, OnceCell, RwCell, SeqCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// The row.
#[derive(Debug)]
pub struct CellsRow;

impl Row for CellsRow {
    fn name(&self) -> &'static str {
        "cells"
    }

    fn about(&self) -> &'static str {
        "MutexCell, RwCell, SeqCell, OnceCell through their guards, panics inside included; no \
         lost update, no mix"
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Shop::open(setup))
    }
}

/// Words of a value: more than a machine word, so that mixtures can be seen.
type Value = [u64; 4];

/// The value number `n`.
fn value(n: u64) -> Value {
    [n, n ^ u64::MAX, n.wrapping_mul(3), n.rotate_left(32)]
}

/// Whether `seen` is the value of some number.
fn is_whole(seen: &Value) -> bool {
    *seen == value(seen[0])
}

/// One round's cells.
#[derive(Debug)]
pub struct Shop {
    mutex: MutexCell<Value>,
    rw: RwCell<Value>,
    seq: SeqCell<Value>,
    once: Mutex<Arc<OnceCell<Value>>>,
    mutex_updates: Counter,
    rw_updates: Counter,
    seq_updates: Counter,
    makings: Counter,
    fillings: Counter,
}

impl Shop {
    /// Cells with the value number zero.
    pub fn open(_setup: Setup) -> Self {
        Self {
            mutex: MutexCell::new(value(0)),
            rw: RwCell::new(value(0)),
            seq: SeqCell::new(value(0)),
            once: Mutex::new(Arc::new(OnceCell::new())),
            mutex_updates: Counter::new(),
            rw_updates: Counter::new(),
            seq_updates: Counter::new(),
            makings: Counter::new(),
            fillings: Counter::new(),
        }
    }

    fn use_mutex(&self, worker: &mut Worker<'_>) {
        let pause = Pause::draw(&mut worker.rng, 4_000);
        let guard = match worker.rng.below(4) {
            0 => self.mutex.try_lock(),
            1 => self.lock_patiently(worker),
            _ => Some(worker.wait(&"MutexCell::lock", || self.mutex.lock()).0),
        };
        let Some(mut guard) = guard else { return };
        let whole = is_whole(&guard);
        // A panic under the guard unlocks like any other end of its scope.
        let panics = worker.rng.one_in(16);
        let update = AssertUnwindSafe(|| {
            *guard = value(guard[0] + 1);
            pause.spend();
            if panics {
                let _unlocked_by_the_unwinding = guard;
                resume_unwind(Box::new(()));
            }
        });
        let unwound = catch_unwind(update).is_err();
        self.mutex_updates.add(1);
        worker.expect(whole && unwound == panics, Rule::Exclusion, || {
            "a mixture was found in a MutexCell".into()
        });
    }

    fn lock_patiently(&self, worker: &mut Worker<'_>) -> Option<pysync::MutexCellGuard<'_, Value>> {
        let patience = Patience::draw(&mut worker.rng);
        let mut guard = None;
        patience.wait(worker, || match self.mutex.lock_timed(patience.timeout, patience.flags) {
            Ok(held) => {
                guard = Some(held);
                Some(LockStatus::Acquired)
            }
            Err(status) => Some(status),
        });
        guard
    }

    fn use_rw(&self, worker: &mut Worker<'_>) {
        let pause = Pause::draw(&mut worker.rng, 4_000);
        let whole = match worker.rng.below(8) {
            0 => self.rw.try_read().is_none_or(|guard| is_whole(&guard)),
            1 | 2 => {
                let mut guard = worker.wait(&"RwCell::write", || self.rw.write()).0;
                let whole = is_whole(&guard);
                *guard = value(guard[0] + 1);
                pause.spend();
                self.rw_updates.add(1);
                whole
            }
            _ => {
                let guard = worker.wait(&"RwCell::read", || self.rw.read()).0;
                let first = is_whole(&guard);
                pause.spend();
                first && is_whole(&guard)
            }
        };
        worker.expect(whole, Rule::ReaderWriter, || "a mixture was found in an RwCell".into());
    }

    fn use_seq(&self, worker: &mut Worker<'_>) {
        match worker.rng.below(6) {
            0 => {
                self.seq.update(|seen| value(seen[0] + 1));
                self.seq_updates.add(1);
            }
            1 => {
                let seen = self.seq.try_load();
                worker.expect(seen.is_none_or(|seen| is_whole(&seen)), Rule::TornRead, || {
                    format!("{seen:x?}")
                });
            }
            _ => {
                let (first, second) = (self.seq.load(), self.seq.load());
                let whole = is_whole(&first) && is_whole(&second) && first[0] <= second[0];
                worker.expect(whole, Rule::TornRead, || format!("{first:x?}, then {second:x?}"));
            }
        }
    }

    fn use_once(&self, worker: &mut Worker<'_>) {
        let cell = self.once.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fails = worker.rng.one_in(2);
        let number = worker.ticket();
        let make = || {
            if fails {
                return Err(());
            }
            self.makings.add(1);
            Ok(value(number))
        };
        let (made, _) = worker.wait(&"OnceCell::get_or_try_init", || cell.get_or_try_init(make));
        if let Ok(made) = made {
            let same =
                is_whole(made) && cell.get() == Some(made) && cell.get_or_init(|| value(0)) == made;
            worker
                .expect(same, Rule::ExactlyOnce, || format!("a OnceCell holds {:x?}", cell.get()));
            if worker.rng.one_in(4) {
                self.replace(&cell);
            }
        }
    }

    fn replace(&self, full: &Arc<OnceCell<Value>>) {
        let mut current = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, full) {
            *current = Arc::new(OnceCell::new());
            self.fillings.add(1);
        }
    }
}

impl Arena for Shop {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            match worker.rng.below(4) {
                0 => self.use_mutex(worker),
                1 => self.use_rw(worker),
                2 => self.use_seq(worker),
                _ => self.use_once(worker),
            }
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let current = self.once.get_mut().unwrap_or_else(PoisonError::into_inner);
        let fillings = self.fillings.get() + u64::from(current.get().is_some());
        let found =
            [self.mutex.get_mut()[0], self.rw.get_mut()[0], self.seq.get_mut()[0], fillings];
        let expected = [&self.mutex_updates, &self.rw_updates, &self.seq_updates, &self.makings]
            .map(Counter::get);
        let lost = || {
            format!(
                "updates of MutexCell, RwCell, SeqCell and OnceCell: {expected:?}, found {found:?}"
            )
        };
        quiet.expect(found == expected, Rule::LostUpdate, lost);
        let held = [self.mutex.is_locked(), self.rw.is_locked(), self.seq.try_load().is_none()];
        quiet.expect(held == [false; 3], Rule::LeftBehind, || {
            format!("all is quiet, but held are {held:?}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn mixtures_are_told_from_values() {
        assert!(is_whole(&value(7)));
        let (a, b) = (value(7), value(8));
        assert!(!is_whole(&[a[0], a[1], b[2], b[3]]));
    }

    #[test]
    fn the_cells_keep_their_promises() {
        trial::clean(&[], Shop::open);
    }
}
