//! Row `references`: the slots of row `slot`, by thread states of one runtime that attach, poll, detach, are born, end,
//! and stop the world, which frees what all have put aside.

use crate::row::{Arena, Quiet, Row, Setup};
use crate::rows::slot::{Kind, Object, Value};
use crate::runtime;
use crate::worker::Worker;
use pyceval::{Attached, Events, Runtime, ThreadState};
use pyref::Slot;
use std::thread;

/// The row.
#[derive(Debug)]
pub struct ReferencesRow;

const NOTES: &[&str] = &["stops", "merges"];
const STOPS: usize = 0;
const MERGES: usize = 1;

impl Row for ReferencesRow {
    fn name(&self) -> &'static str {
        "references"
    }

    fn about(&self) -> &'static str {
        "pyref under a runtime: the row slot by thread states that attach, poll, detach, end and \
         stop the world; each value is dropped once, and not used after it"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn open(&self, mut setup: Setup) -> Box<dyn Arena> {
        Box::new(Counted::<Slot<Value>>::open(setup.rng.one_in(2)))
    }
}

/// One round's runtime, and the object that its threads work on.
#[derive(Debug)]
pub struct Counted<K> {
    object: Object<K>,
    runtime: Runtime,
    main: ThreadState,
}

impl<K: Kind> Counted<K> {
    /// A runtime with a GIL or without.
    pub fn open(gil: bool) -> Self {
        let started = Runtime::builder().gil(gil).start_with_hooks_installed();
        let (runtime, main) = started.expect("the default interval is long enough");
        Self { object: Object::open(), runtime, main }
    }

    fn act(&self, worker: &mut Worker<'_>, attached: &Attached<'_>) {
        match worker.rng.below(16) {
            0 => {
                let guard = attached.guard();
                // The guard stays open while the thread is away, and while it is stopped.
                self.object.step(worker, &|| attached.guard());
                attached.detached(thread::yield_now);
                self.object.step(worker, &|| attached.guard());
                drop(guard);
            }
            1 => attached.detached(thread::yield_now),
            2 => {
                attached.breaker().set(Events::EXPLICIT_MERGE);
                worker.note(MERGES).add(1);
            }
            3 if worker.rng.one_in(4) => {
                drop(worker.wait(&"stop the world", || self.runtime.stop_the_world(attached)));
                worker.note(STOPS).add(1);
            }
            _ => self.object.step(worker, &|| attached.guard()),
        }
    }

    /// A state's life.
    fn live(&self, worker: &mut Worker<'_>) {
        let mut state = self.runtime.main_interpreter().new_thread();
        let (attached, _) = worker.wait(&"attach", || state.attach());
        let attached = attached.expect("the runtime has not ended");
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.act(worker, &attached);
            attached.poll().expect("nothing is raised");
            worker.done();
        }
    }
}

impl<K: Kind> Arena for Counted<K> {
    fn visit(&self, worker: &mut Worker<'_>) {
        runtime::as_guest(|| self.live(worker));
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        runtime::as_guest(|| {
            let attached = self.main.attach().expect("nobody has it");
            drop(self.runtime.stop_the_world(&attached));
        });
        self.object.settle(quiet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn the_real_one_is_clean() {
        trial::clean(NOTES, |mut setup| Counted::<Slot<Value>>::open(setup.rng.one_in(2)));
    }
}
