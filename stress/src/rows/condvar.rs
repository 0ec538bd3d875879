//! Row `condvar`: buffers that are filled and emptied by whoever comes, with waits of limited patience.

use crate::check::section::Section;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pysync::{Condvar, Mutex};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct CondvarRow;

const NOTES: &[&str] = &["notified", "timed out"];

/// Index of the note that counts waits that ended by a notification.
const NOTIFIED: usize = 0;

/// Index of the note that counts the others.
const TIMED_OUT: usize = 1;

impl Row for CondvarRow {
    fn name(&self) -> &'static str {
        "condvar"
    }

    fn about(&self) -> &'static str {
        "Condvar: notify_one and notify_all with and without the mutex against waits with deadlines; one \
         notification for one waiter, the mutex held after every wait"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Desks::open(setup))
    }
}

/// One condition variable with its mutex, and what that guards.
#[derive(Debug, Default)]
struct Desk {
    mutex: Mutex,
    condvar: Condvar,
    inside: Section,
    stays: Counter,
    /// Waits that ended as notified, and what the notifications said.
    notified: Counter,
    told: Counter,
}

/// One round's condition variables.
#[derive(Debug)]
struct Desks {
    desks: Vec<Desk>,
}

impl Desks {
    fn open(mut setup: Setup) -> Self {
        Self { desks: (0..setup.rng.pick(&[1, 2, 4])).map(|_| Desk::default()).collect() }
    }
}

impl Desk {
    /// A stay that the mutex is to make exclusive.
    fn stay(&self, worker: &Worker<'_>) {
        // SAFETY: the caller holds the mutex, or that is what is found out.
        let (stay, intruder) = unsafe { self.inside.enter(worker.id) };
        // SAFETY: as above.
        let intruder = intruder.or(unsafe { self.inside.leave(stay) });
        self.stays.add(1);
        if let Some(intruder) = intruder {
            worker.violation(Rule::Exclusion, intruder);
        }
    }

    fn wait(&self, worker: &mut Worker<'_>) {
        // Always with a deadline: whether somebody notifies is left to chance.
        let timeout = match worker.rng.below(8) {
            0 => Duration::ZERO,
            _ => worker.rng.time_up_to(Duration::from_millis(2)),
        };
        worker.wait(&"lock", || self.mutex.lock());
        self.stay(worker);
        let wait = || self.condvar.wait_timed(&self.mutex, Some(timeout));
        let (notified, took) = worker.wait(&"wait_timed", wait);
        self.stay(worker);
        if notified {
            self.notified.add(1);
            worker.note(NOTIFIED).add(1);
        } else {
            worker.timed_out(Some(timeout), took);
            worker.note(TIMED_OUT).add(1);
        }
        self.mutex.unlock();
    }

    fn notify(&self, worker: &mut Worker<'_>) {
        let held = worker.rng.one_in(2);
        if held {
            worker.wait(&"lock", || self.mutex.lock());
            self.stay(worker);
        }
        let told = match worker.rng.below(4) {
            0 => self.condvar.notify_all() as u64,
            _ => u64::from(self.condvar.notify_one()),
        };
        self.told.add(told);
        if held {
            self.mutex.unlock();
        }
    }
}

impl Arena for Desks {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            let desk = &self.desks[worker.rng.below(self.desks.len())];
            if worker.rng.one_in(3) {
                desk.wait(worker);
            } else {
                desk.notify(worker);
            }
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for desk in &mut self.desks {
            let (notified, told) = (desk.notified.get(), desk.told.get());
            quiet.expect(notified == told, Rule::Token, || {
                format!("notifications found {told} waiters, {notified} waits ended by one")
            });
            let bits = (desk.mutex.bits(), desk.condvar.bits());
            quiet.expect(bits == (0, 0), Rule::LeftBehind, || {
                format!("all is quiet, but mutex and condition variable are {bits:?}")
            });
            let (counted, stays) = (desk.inside.total(), desk.stays.get());
            quiet.expect(counted == stays, Rule::LostUpdate, || {
                format!("{stays} stays, {counted} counted inside")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn it_passes() {
        trial::clean(NOTES, Desks::open);
    }
}
