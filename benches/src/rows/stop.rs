//! The time to stop the world, by the number of threads that run or are detached.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_utils::CachePadded;
use pyceval::{Runtime, ThreadState};

use super::{Row, name_in, threads_named};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::peers::exclusive::{BareExchanges, Exclusive};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row = Row {
    name: "stop",
    about: "stop + start of the world beside detached and running threads",
    cells,
};

fn cells(context: &Context) -> Vec<Cell> {
    let detached =
        [0, 16, 64].map(|count| (format!("{} detached", threads_named(count)), count, false));
    let running = [1, 2, 8].map(|count| (format!("{} running", threads_named(count)), count, true));
    let cells = detached.into_iter().chain(running);
    cells
        .map(|(label, count, run)| {
            let context = context.clone();
            Cell {
                row: ROW.name,
                label,
                place: None,
                operation: "stop + start",
                even: false,
                goal: Goal::Open("no figure of another implementation to hold it against"),
                plan: context.solo_plan(),
                contestants: Box::new(move || {
                    let world = Rc::new(World::new(count, run));
                    let mut arms = vec![
                        ours(Role::Ours, &world),
                        ours(Role::Control, &world),
                        exchanges(count),
                    ];
                    arms.retain(|arm| context.admits(arm.label()));
                    Contestants::Solo(Solo { arms })
                }),
            }
        })
        .collect()
}

/// A runtime with other threads, which end when it is dropped.
struct World {
    runtime: Runtime,
    main: RefCell<ThreadState>,
    _detached: Vec<ThreadState>,
    running: Vec<JoinHandle<()>>,
    done: Arc<AtomicBool>,
}

impl World {
    fn new(count: usize, run: bool) -> Self {
        let started = Runtime::builder().gil(false).start_with_hooks_installed();
        let (runtime, main) = started.expect("the default interval is long enough");
        let done = Arc::new(AtomicBool::new(false));
        let states = (0..count).map(|_| runtime.main_interpreter().new_thread());
        let (detached, running) = if run {
            (Vec::new(), states.map(|state| poller(state, Arc::clone(&done))).collect())
        } else {
            (states.collect(), Vec::new())
        };
        Self { runtime, main: RefCell::new(main), _detached: detached, running, done }
    }
}

/// A thread that polls.
fn poller(mut state: ThreadState, done: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let attached = state.attach().expect("a fresh thread is not attached");
        // ORD: Relaxed, a flag to end by.
        while !done.load(Ordering::Relaxed) {
            attached.poll().expect("nothing was sent");
        }
    })
}

impl Drop for World {
    fn drop(&mut self) {
        // ORD: Relaxed, a flag to end by.
        self.done.store(true, Ordering::Relaxed);
        for thread in self.running.drain(..) {
            thread.join().expect("a polling thread does not panic");
        }
    }
}

fn ours(role: Role, world: &Rc<World>) -> SoloArm {
    let world = Rc::clone(world);
    SoloArm::new(name_in(role, "pyceval"), role, move |passes| {
        let mut main = world.main.borrow_mut();
        let attached = main.attach().expect("a bench thread is not attached");
        for _ in 0..passes {
            straight_line!(drop(world.runtime.stop_the_world(&attached)));
        }
    })
}

/// A lock, and two compare-exchanges for each thread: what moving detached threads there and back takes at least.
fn exchanges(count: usize) -> SoloArm {
    let words: Vec<_> = (0..=count).map(|_| CachePadded::new(BareExchanges::fresh())).collect();
    SoloArm::new("two exchanges a thread", Role::Limit, move |passes| {
        for _ in 0..passes {
            straight_line!(for word in black_box(&words) {
                word.with(|_| {});
            });
        }
    })
}
