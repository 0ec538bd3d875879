//! Row `world`: thread states of one runtime that attach, detach, block, are born, end and fork, while any of them
//! stops the world or switches the GIL off and on.
//!
//! Each thread now and then says that it runs, for a moment in which it cannot detach. During a pause nobody says so;
//! with a GIL, only one at a time.

use crate::findings::Rule;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::runtime;
use crate::worker::Worker;
use pyceval::{Attached, Interpreter, Raised, Runtime, ThreadState};
use pycritsec::runtime::{Mode, mode};
use pycritsec::{with_critical_section, with_critical_section2};
use pysync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

/// The row.
#[derive(Debug)]
pub struct WorldRow;

const NOTES: &[&str] = &["stops", "gil switches", "exceptions", "calls", "children"];
const STOPS: usize = 0;
const SWITCHES: usize = 1;
const EXCEPTIONS: usize = 2;
const CALLS: usize = 3;
#[cfg(unix)]
const CHILDREN: usize = 4;

impl Row for WorldRow {
    fn name(&self) -> &'static str {
        "world"
    }

    fn about(&self) -> &'static str {
        "thread states: attach, detach, sections, stop-the-world, GIL on and off, calls, exceptions, \
         fork; nobody runs in a pause, one at a time under a GIL"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn weight(&self) -> u32 {
        10
    }

    fn open(&self, mut setup: Setup) -> Box<dyn Arena> {
        Box::new(World::open(setup.rng.one_in(2)))
    }
}

/// One round's runtime.
#[derive(Debug)]
pub struct World {
    runtime: Runtime,
    main: ThreadState,
    /// Threads that run just now.
    running: AtomicU32,
    objects: [Mutex; 3],
    lock: Mutex,
    /// Pending calls that were taken in, and that have run.
    added: AtomicU64,
    called: std::sync::Arc<AtomicU64>,
}

impl World {
    /// A runtime with a GIL or without.
    pub fn open(gil: bool) -> Self {
        let started = Runtime::builder().gil(gil).start_with_hooks_installed();
        let (runtime, main) = started.expect("the default interval is long enough");
        Self {
            runtime,
            main,
            running: AtomicU32::new(0),
            objects: [const { Mutex::new() }; 3],
            lock: Mutex::new(),
            added: AtomicU64::new(0),
            called: std::sync::Arc::default(),
        }
    }

    fn interpreter(&self) -> &Interpreter {
        self.runtime.main_interpreter()
    }

    /// Runs for a moment, in which nobody may have stopped the world.
    fn run(&self, worker: &Worker<'_>, attached: &Attached<'_>) {
        // ORD: Relaxed, attach and the pause order what must be ordered; that is what is tested.
        let beside = self.running.fetch_add(1, Ordering::Relaxed);
        let alone = !self.interpreter().has_gil() || beside == 0;
        // ORD: Relaxed, as above.
        self.running.fetch_sub(1, Ordering::Relaxed);
        // Nobody switches the GIL while this thread is attached.
        let excluded = mode() != Mode::Locking;
        worker.expect(excluded == self.interpreter().has_gil(), Rule::Exclusion, || {
            format!("thread {} is attached without the GIL that there is", attached.id())
        });
        worker.expect(alone, Rule::Exclusion, || {
            format!("thread {} runs beside {beside} others under a GIL", attached.id())
        });
    }

    fn act(&self, worker: &mut Worker<'_>, attached: &Attached<'_>) {
        let [one, two, three] = &self.objects;
        match worker.rng.below(24) {
            0 => self.stop(worker, attached),
            1 => self.switch_gil(worker, attached),
            2..=4 => attached.detached(thread::yield_now),
            5..=7 => with_critical_section(one, || {
                self.run(worker, attached);
                self.poll(worker, attached);
            }),
            8..=9 => with_critical_section2(two, one, || self.poll(worker, attached)),
            10..=11 => with_critical_section(three, || {
                with_critical_section2(one, three, || attached.detached(thread::yield_now));
                self.run(worker, attached);
            }),
            12..=13 => {
                // A plain lock: its sleep detaches, and nothing that detaches happens inside.
                worker.wait(&"plain lock", || self.lock.lock());
                self.run(worker, attached);
                self.lock.unlock();
            }
            14 => self.except(worker, attached),
            15..=16 => self.call(worker),
            17 => worker.expect(
                self.interpreter().with_attached(|same| same.id()) == Ok(attached.id()),
                Rule::Hooks,
                || "with_attached made a state for an attached thread".into(),
            ),
            _ => self.poll(worker, attached),
        }
    }

    fn poll(&self, worker: &Worker<'_>, attached: &Attached<'_>) {
        let polled = attached.poll();
        worker.expect(polled.is_ok(), Rule::Token, || {
            format!("a poll raised what nobody sent: {polled:?}")
        });
        self.run(worker, attached);
    }

    fn stop(&self, worker: &mut Worker<'_>, attached: &Attached<'_>) {
        let all = worker.rng.one_in(2);
        let (pause, _) = worker.wait(&"stop the world", || {
            if all {
                self.runtime.stop_the_world(attached)
            } else {
                self.interpreter().stop_the_world(attached)
            }
        });
        self.nobody_runs(worker);
        // CPython issue 144524: a section of the stopper waits for nobody.
        with_critical_section(&self.objects[0], || self.nobody_runs(worker));
        drop(pause);
        worker.note(STOPS).add(1);
    }

    fn nobody_runs(&self, worker: &Worker<'_>) {
        // ORD: Relaxed, as in `run`.
        let running = self.running.load(Ordering::Relaxed);
        worker.expect(running == 0, Rule::World, || format!("{running} threads run in a pause"));
    }

    fn switch_gil(&self, worker: &mut Worker<'_>, attached: &Attached<'_>) {
        let on = worker.rng.one_in(2);
        worker.wait(&"GIL on or off", || self.interpreter().set_gil(attached, on));
        worker.note(SWITCHES).add(1);
    }

    /// Sends an exception to itself, which the next poll raises.
    fn except(&self, worker: &Worker<'_>, attached: &Attached<'_>) {
        let id = attached.id();
        let found = self.interpreter().send_exception(id, Some(Raised::new(id)));
        let raised = attached.poll().err().and_then(|raised| raised.downcast::<u64>().ok());
        worker.expect(found && raised == Some(id), Rule::Token, || {
            format!("an exception for thread {id} was lost: {raised:?}")
        });
        worker.note(EXCEPTIONS).add(1);
    }

    fn call(&self, worker: &Worker<'_>) {
        let called = std::sync::Arc::clone(&self.called);
        let added = self.interpreter().add_pending_call(move |_| {
            // ORD: Relaxed, a count that is looked at when all is quiet.
            called.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        if added.is_ok() {
            // ORD: Relaxed, as above.
            self.added.fetch_add(1, Ordering::Relaxed);
            worker.note(CALLS).add(1);
        }
    }

    /// A child whose runtime works.
    #[cfg(unix)]
    fn fork(&self, worker: &Worker<'_>, attached: &Attached<'_>) {
        // SAFETY: only forks; the child uses the runtime and nothing else, and ends by `_exit`.
        let child = unsafe { attached.fork(|| libc::fork()) };
        if child == 0 {
            // SAFETY: no condition.
            unsafe { libc::alarm(60) };
            let wrong = self.look_around(attached);
            // SAFETY: no condition.
            unsafe { libc::_exit(wrong) };
        }
        let mut status = 0;
        let wait = || {
            attached.detached(|| {
                loop {
                    // SAFETY: the status is this frame's.
                    let ended = unsafe { libc::waitpid(child, &mut status, 0) };
                    let kind = std::io::Error::last_os_error().kind();
                    if ended >= 0 || kind != std::io::ErrorKind::Interrupted {
                        return ended;
                    }
                }
            })
        };
        let (ended, _) = worker.wait(&"a child", wait);
        worker.expect(child < 0 || (ended == child && status == 0), Rule::Fork, || {
            format!("a child of an attached thread ended with status {status:#x}")
        });
        worker.note(CHILDREN).add(1);
    }

    /// In the child: 0, or the number of the check that failed.
    #[cfg(unix)]
    fn look_around(&self, attached: &Attached<'_>) -> i32 {
        if !attached.is_main() {
            return 1;
        }
        if attached.detached(|| 7) != 7 {
            return 2;
        }
        drop(self.runtime.stop_the_world(attached));
        let before = self.interpreter().has_gil();
        self.interpreter().set_gil(attached, !before);
        let born = self.interpreter().new_thread();
        i32::from(born.state() != pyceval::State::Detached) * 3
    }
}

impl Arena for World {
    fn visit(&self, worker: &mut Worker<'_>) {
        runtime::as_guest(|| self.live(worker));
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        runtime::as_guest(|| self.end(quiet));
    }
}

impl World {
    /// A thread's life, from birth to death.
    fn live(&self, worker: &mut Worker<'_>) {
        let mut state = self.interpreter().new_thread();
        let (attached, _) = worker.wait(&"attach", || state.attach());
        let Ok(attached) = attached else {
            return worker.violation(Rule::Hooks, "a worker could not attach");
        };
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.act(worker, &attached);
            worker.done();
        }
        #[cfg(unix)]
        if worker.rng.one_in(32) {
            self.fork(worker, &attached);
        }
        // Nothing may be left for a thread that has gone.
        self.poll(worker, &attached);
    }

    /// The end of the runtime, when nobody is inside.
    fn end(&mut self, quiet: Quiet<'_>) {
        let bits: Vec<_> = self.objects.iter().chain([&self.lock]).map(Mutex::bits).collect();
        let left = || format!("nobody is inside, but the mutexes have the bits {bits:?}");
        quiet.expect(bits.iter().all(|bits| *bits == 0), Rule::LeftBehind, left);
        let ended = self.main.attach().map(|attached| self.runtime.finalise(&attached).is_ok());
        quiet.expect(ended == Ok(true), Rule::LeftBehind, || format!("the end failed: {ended:?}"));
        // ORD: Relaxed, all workers have left.
        let books = (self.added.load(Ordering::Relaxed), self.called.load(Ordering::Relaxed));
        let lost = || format!("{} pending calls were added, {} have run", books.0, books.1);
        quiet.expect(books.0 == books.1, Rule::ExactlyOnce, lost);
        let late = self.runtime.main_interpreter().new_thread().attach().err();
        quiet.expect(late == Some(pyceval::AttachError::Finalising), Rule::World, || {
            "a thread attached after the end".into()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn a_world_holds_together() {
        for gil in [true, false] {
            trial::clean(NOTES, |_| World::open(gil));
        }
    }
}
