//! Row `fork`: children that must be able to use every primitive, whatever the other threads were
//! doing.
//!
//! Most visits keep the arena's primitives busy: held, waited for, half written, being timed out
//! on. A forker takes a few levels of the recursive mutex or none, forks, and waits for its child
//! with a deadline; the child checks what `fork/child.rs` lists, in memory that it shares with
//! nobody, and leaves a line of text where the parent finds it.

mod child;
mod process;

use crate::findings::Rule;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::{Permits, Worker};
use pysync::{
    Event, LockFlags, LockStatus, Mutex, OnceFlag, RawMutex, RecursiveMutex, RwMutex, SeqLock,
};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct ForkRow;

impl Row for ForkRow {
    fn name(&self) -> &'static str {
        "fork"
    }

    fn about(&self) -> &'static str {
        "forks while other threads hold, wait and time out; every child uses every primitive, \
         and is reaped"
    }

    fn notes(&self) -> &'static [&'static str] {
        &["children that used every primitive"]
    }

    fn weight(&self) -> u32 {
        4
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Family { hostages: Hostages::default(), live: Permits::new(LIVE) })
    }
}

/// Children at a time.
const LIVE: usize = 2;

/// Index of the note that counts children that ended well.
const REAPED: usize = 0;

/// A child that has not ended after this time never will. Less than the watchdog's patience, so
/// that the report says that it was a child.
const PATIENCE: Duration = Duration::from_secs(8);

/// One of each primitive, busy at the moment of a fork.
#[derive(Debug, Default)]
struct Hostages {
    raw: RawMutex,
    mutex: Mutex,
    recursive: RecursiveMutex,
    rw: RwMutex,
    event: Event,
    once: OnceFlag,
    seq: SeqLock,
}

/// One round's hostages.
#[derive(Debug)]
struct Family {
    hostages: Hostages,
    live: Permits,
}

impl Hostages {
    /// Holds, or waits for, one of them for a short while.
    fn keep_busy(&self, worker: &mut Worker<'_>) {
        let pause = Pause::draw(&mut worker.rng, 200);
        let timeout = Some(worker.rng.time_up_to(Duration::from_millis(1)));
        match worker.rng.below(8) {
            0 => {
                let _held = self.raw.guard();
                pause.spend();
            }
            1 => {
                let _held = worker.wait(&"lock", || self.mutex.guard()).0;
                pause.spend();
            }
            2 => {
                if self.mutex.lock_timed(timeout, LockFlags::DETACH) == LockStatus::Acquired {
                    self.mutex.unlock();
                }
            }
            3 => {
                let _held = worker.wait(&"recursive lock", || self.recursive.guard()).0;
                let _again = self.recursive.guard();
                pause.spend();
            }
            4 => {
                let _held = worker.wait(&"read_lock", || self.rw.read_guard()).0;
                pause.spend();
            }
            5 => {
                let _held = worker.wait(&"write_lock", || self.rw.write_guard()).0;
                pause.spend();
            }
            6 => {
                let set = self.event.wait_timed(timeout);
                worker.inbox.maybe_received();
                worker.expect(!set, Rule::Event, || "an event that nobody notifies is set".into());
            }
            _ => {
                self.seq.lock_write();
                pause.spend();
                self.seq.unlock_write();
                let _failed = self.once.call_once(|| {
                    pause.spend();
                    Err(())
                });
            }
        }
    }
}

impl Family {
    /// Forks, holding `levels` levels of the recursive mutex, and reaps the child.
    fn fork(&self, worker: &mut Worker<'_>) {
        let levels = worker.rng.below(4);
        for _ in 0..levels {
            worker.wait(&"recursive lock", || self.hostages.recursive.lock());
        }
        let seed = worker.rng.bits();
        let child = process::fork(PATIENCE, |page| child::live(page, &self.hostages, levels, seed));
        for _ in 0..levels {
            self.hostages.recursive.unlock();
        }
        let (fate, _) =
            worker.wait(&"waiting for a child", || child.and_then(process::Child::reap));
        match fate {
            Ok(()) => worker.note(REAPED).add(1),
            Err(what) => worker.violation(Rule::Fork, what),
        }
    }
}

impl Arena for Family {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                return;
            }
            self.hostages.keep_busy(worker);
            worker.done();
        }
        if let Some(_live) = self.live.take() {
            self.fork(worker);
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let Hostages { raw, mutex, recursive, rw, event, once, seq } = &self.hostages;
        let bytes = (mutex.bits(), recursive.bits(), event.bits(), once.bits());
        let left = || {
            format!("all is quiet, but mutex, recursive, event and once have the bits {bytes:?}")
        };
        quiet.expect(bytes == (0, 0, 0, 0), Rule::LeftBehind, left);
        let words = (raw.is_locked(), rw.bits(), seq.sequence() % 2);
        let left = || format!("all is quiet, but raw mutex, rwmutex and seqlock are {words:?}");
        quiet.expect(words == (false, 0, 0), Rule::LeftBehind, left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn children_can_use_everything() {
        trial::clean(ForkRow.notes(), |_| Family {
            hostages: Hostages::default(),
            live: Permits::new(LIVE),
        });
    }
}
