//! Models of attach, detach and stop-the-world over the real state word, roster and GIL.
//!
//! The data that a pause protects is a cell that loom watches: an attached thread and the stopper that touch it without
//! being ordered fail the model.

use loom::thread::JoinHandle;
use pyceval::{AttachError, Attached, Runtime, State, ThreadState};
use pycritsec::runtime::{Mode, mode};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start};
use trial::guarded::Guarded;

pub(crate) struct World {
    pub(crate) runtime: Runtime,
    data: Guarded,
}

impl World {
    pub(crate) fn new(gil: bool) -> (Arc<Self>, ThreadState) {
        let (runtime, main) = Runtime::builder().gil(gil).start().unwrap();
        (Arc::new(Self { runtime, data: Guarded::new(0) }), main)
    }

    fn thread(&self) -> ThreadState {
        self.runtime.main_interpreter().new_thread()
    }

    /// A thread of the model with a state, which is made before it and comes back: being born and ending are the matter
    /// of one model, and dear.
    pub(crate) fn visit(
        self: &Arc<Self>,
        body: impl FnOnce(&Self, &mut ThreadState) + 'static,
    ) -> JoinHandle<ThreadState> {
        let mut state = self.thread();
        start(self, move |world| {
            body(world, &mut state);
            state
        })
    }

    /// Adds one on an attached thread.
    fn add(&self, state: &mut ThreadState) {
        let attached = state.attach().unwrap();
        self.data.bump();
        drop(attached);
    }

    /// Adds one in a pause.
    fn add_stopped(&self, attached: &Attached<'_>, all: bool) {
        let pause = if all {
            self.runtime.stop_the_world(attached)
        } else {
            self.runtime.main_interpreter().stop_the_world(attached)
        };
        self.data.bump();
        drop(pause);
    }

    fn ends_with(&self, sum: u32) {
        assert_eq!(self.data.get(), sum);
    }
}

/// WORLD-1, WORLD-2, STATE-2: a thread that attaches and detaches against one that stops. Two threads.
#[test]
fn world_attach_and_detach_against_a_stop() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let other = world.visit(World::add);
        let attached = main.attach().unwrap();
        world.add_stopped(&attached, false);
        drop(attached);
        let state = other.join().unwrap();
        assert_eq!(state.state(), State::Detached);
        world.ends_with(2);
    });
}

/// WORLD-1, WORLD-3: a thread that runs stops at its poll and goes on afterwards. Two threads.
#[test]
fn world_a_running_thread_stops_at_its_poll() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let other = world.visit(|world, state| {
            let attached = state.attach().unwrap();
            world.data.bump();
            attached.poll().unwrap();
            world.data.bump();
            drop(attached);
        });
        let attached = main.attach().unwrap();
        world.add_stopped(&attached, true);
        drop(attached);
        other.join().unwrap();
        world.ends_with(3);
    });
}

/// STATE-3: a thread that is about to sleep through one pause, and finds itself in the next. Two threads.
#[test]
fn world_two_stops_one_after_the_other() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let other = world.visit(|_, state| {
            drop(state.attach().unwrap());
        });
        let attached = main.attach().unwrap();
        world.add_stopped(&attached, false);
        world.add_stopped(&attached, false);
        drop(attached);
        other.join().unwrap();
        world.ends_with(2);
    });
}

/// WORLD-2: a thread is born and ends while another stops. Two threads.
#[test]
fn world_birth_and_end_against_a_stop() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let other = start(&world, |world| drop(world.thread()));
        let attached = main.attach().unwrap();
        world.add_stopped(&attached, false);
        drop(attached);
        other.join().unwrap();
        world.ends_with(1);
    });
}

/// WORLD-4, WORLD-5: a stop of one interpreter against a stop of all. Two threads.
#[test]
fn world_two_stoppers() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let other = world.visit(|world, state| {
            let attached = state.attach().unwrap();
            world.add_stopped(&attached, true);
            drop(attached);
        });
        let attached = main.attach().unwrap();
        world.add_stopped(&attached, false);
        drop(attached);
        other.join().unwrap();
        world.ends_with(2);
    });
}

/// ATTACH-1, WORLD-1: the same with a GIL. Two threads.
#[test]
fn world_with_a_gil() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(true);
        let other = world.visit(|world, state| {
            world.add(state);
        });
        let attached = main.attach().unwrap();
        world.add_stopped(&attached, false);
        world.data.bump();
        drop(attached);
        other.join().unwrap();
        world.ends_with(3);
    });
}

/// ATTACH-2: the GIL goes off while another thread wants it. Two threads.
#[test]
fn world_the_gil_goes_off() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(true);
        let other = world.visit(|_, state| {
            drop(state.attach().unwrap());
        });
        let attached = main.attach().unwrap();
        world.runtime.main_interpreter().set_gil(&attached, false);
        drop(attached);
        other.join().unwrap();
        assert!(!world.runtime.main_interpreter().has_gil());
    });
}

/// ATTACH-1: the GIL goes on while another thread attaches, who then holds it. Two threads.
#[test]
fn world_the_gil_goes_on() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let other = world.visit(|world, state| {
            let attached = state.attach().unwrap();
            let excluded = mode() == Mode::Bookkeeping;
            assert_eq!(excluded, world.runtime.main_interpreter().has_gil());
            drop(attached);
        });
        let attached = main.attach().unwrap();
        world.runtime.main_interpreter().set_gil(&attached, true);
        drop(attached);
        other.join().unwrap();
        assert!(world.runtime.main_interpreter().has_gil());
    });
}

/// EXIT-1, INTERP-2: a thread attaches before the end, or is refused. Two threads.
#[test]
fn world_attach_against_the_end() {
    for gil in [false, true] {
        bounded(Bucket::Abstract, move || {
            let (world, mut main) = World::new(gil);
            let other = world.visit(|world, state| match state.attach() {
                Ok(attached) => {
                    world.data.bump();
                    drop(attached);
                }
                Err(error) => assert_eq!(error, AttachError::Finalising),
            });
            let attached = main.attach().unwrap();
            world.runtime.finalise(&attached).unwrap();
            // Nobody else is attached from now on.
            world.data.get();
            drop(attached);
            other.join().unwrap();
        });
    }
}

/// WORLD-1, WORLD-2: two threads that attach against one that stops. Three threads.
#[test]
fn world_two_threads_against_a_stop() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let others = [(); 2].map(|()| world.visit(|_, state| drop(state.attach().unwrap())));
        let attached = main.attach().unwrap();
        world.add_stopped(&attached, false);
        drop(attached);
        for other in others {
            other.join().unwrap();
        }
        world.ends_with(1);
    });
}
