//! Row `interrupts`: threads that only an interrupt lets go, in every wait that heeds one.
//!
//! A worker with a permit puts its name on a list and waits, without a deadline, for what never
//! comes: an address that nobody unparks, locks that nobody releases, an event that nobody sets.
//! Other workers take names off the list and interrupt them, half of the time from a signal
//! handler. A lost interrupt leaves its thread asleep, and the watchdog sees that nothing moves;
//! one that comes from nowhere contradicts the books of [`Inbox`].
//!
//! [`Inbox`]: crate::life::Inbox

use crate::findings::Rule;
use crate::life::Life;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::runtime;
use crate::worker::Worker;
use pyparking::{ParkOptions, ParkStatus, hooks, park};
use pysync::{Event, LockFlags, LockStatus, Mutex, RwMutex};
use std::sync::{Arc, MutexGuard, PoisonError};

/// The row.
#[derive(Debug)]
pub struct InterruptsRow;

impl Row for InterruptsRow {
    fn name(&self) -> &'static str {
        "interrupts"
    }

    fn about(&self) -> &'static str {
        "waits that only an interrupt ends, sent by threads and by signal handlers; none lost, \
         none invented"
    }

    fn weight(&self) -> u32 {
        6
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Bell::open())
    }
}

/// Who waits to be interrupted.
#[derive(Debug, Default)]
struct Names {
    waiting: Vec<Arc<Life>>,
    closed: bool,
}

/// One round's hopeless waits.
#[derive(Debug)]
pub struct Bell {
    names: std::sync::Mutex<Names>,
    /// Held from the opening to the end of the round.
    mutex: Mutex,
    /// Held for writing as long.
    rw: RwMutex,
    /// Never set.
    event: Event,
    /// Never unparked.
    place: u8,
}

/// The flags of a wait that fails on any interrupt.
const HEED: LockFlags = LockFlags::FAIL_IF_INTERRUPTED;

/// The flags of a wait that asks the pending calls, which fail. Without a runtime there are none,
/// and such a wait would go on.
fn ask() -> LockFlags {
    if hooks::installed().is_some() { LockFlags::HANDLE_SIGNALS } else { HEED }
}

impl Bell {
    /// Locks what nobody is to get.
    pub fn open() -> Self {
        let (mutex, rw) = (Mutex::new(), RwMutex::new());
        mutex.lock();
        rw.write_lock();
        Self { names: std::sync::Mutex::default(), mutex, rw, event: Event::new(), place: 0 }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the worker's name down; false once the arena is closed.
    fn sign_up(&self, worker: &Worker<'_>) -> bool {
        let mut names = self.names();
        if !names.closed {
            names.waiting.push(worker.inbox.life().clone());
        }
        !names.closed
    }

    /// Takes it off, if nobody has.
    fn sign_off(&self, worker: &Worker<'_>) {
        self.names().waiting.retain(|life| !Arc::ptr_eq(life, worker.inbox.life()));
    }

    fn ring(&self, worker: &mut Worker<'_>) {
        let Some(life) = self.names().waiting.pop() else { return };
        if worker.rng.one_in(2) {
            life.interrupt_from_handler();
        } else {
            life.interrupt();
        }
    }

    fn suffer(&self, worker: &mut Worker<'_>) {
        let Some(_permit) = worker.permit() else { return };
        if self.sign_up(worker) {
            self.wait(worker);
            self.sign_off(worker);
        }
    }

    /// An interrupt that comes before the wait ends it all the same.
    fn suffer_at_once(&self, worker: &mut Worker<'_>) {
        worker.inbox.life().interrupt();
        self.wait(worker);
    }

    /// Waits in one of the ways until interrupted.
    fn wait(&self, worker: &mut Worker<'_>) {
        runtime::let_pending_calls_fail(true);
        let detach = if worker.rng.one_in(2) { LockFlags::DETACH } else { LockFlags::EMPTY };
        let (ended, _) = match worker.rng.below(7) {
            0 => worker
                .wait(&"hopeless lock", || is_intr(self.mutex.lock_timed(None, HEED | detach))),
            1 => worker
                .wait(&"hopeless lock", || is_intr(self.mutex.lock_timed(None, ask() | detach))),
            2 => worker
                .wait(&"hopeless read", || is_intr(self.rw.read_lock_timed(None, HEED | detach))),
            3 => worker.wait(&"hopeless write", || {
                is_intr(self.rw.write_lock_timed(None, ask() | detach))
            }),
            4 => worker.wait(&"hopeless event", || !self.event.wait_timed(None)),
            _ => worker.wait(&"hopeless park", || self.park(worker)),
        };
        worker.expect(ended, Rule::Status, || {
            "a wait without hope ended otherwise than by an interrupt".into()
        });
        worker.interrupted();
        runtime::let_pending_calls_fail(false);
    }

    fn park(&self, _worker: &Worker<'_>) -> bool {
        let options = ParkOptions { interruptible: true, ..ParkOptions::default() };
        let address = (&raw const self.place).addr();
        // SAFETY: the byte is this arena's, and nobody unparks its address; the callbacks do
        // nothing.
        let status = unsafe { park(address, options, || true, |_| {}) };
        status == ParkStatus::Intr
    }
}

fn is_intr(status: LockStatus) -> bool {
    status == LockStatus::Intr
}

impl Arena for Bell {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            match worker.rng.below(8) {
                0..=3 => self.ring(worker),
                4 => self.suffer_at_once(worker),
                _ => self.suffer(worker),
            }
            worker.done();
        }
        worker.settle_interrupts();
    }

    fn close(&self) {
        let mut names = self.names();
        names.closed = true;
        let waiting = std::mem::take(&mut names.waiting);
        drop(names);
        waiting.iter().for_each(|life| life.interrupt());
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let bits = (self.mutex.bits(), self.rw.bits(), self.event.bits());
        let left = || format!("all gave up, but mutex, rwmutex and event have the bits {bits:?}");
        quiet.expect(bits == (1, 1, 0), Rule::LeftBehind, left);
        self.mutex.unlock();
        self.rw.write_unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn every_wait_is_ended() {
        trial::clean(&[], |_| Bell::open());
    }
}
