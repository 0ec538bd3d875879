//! Random schedules of attach, detach and stop-the-world with eight threads. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told). A deadlock fails the run.
#![cfg(shuttle)]

use pyceval::{Attached, Interpreter, Raised, Runtime, ThreadState, until_exit};
use pycritsec::with_critical_section;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::{AtomicBool, AtomicUsize};
use pysync::Mutex;
use shuttle::thread::{self, JoinHandle};
use std::fmt;
use std::sync::Arc;
use trial::crew::explore;

/// Starts `count` threads of `work`.
fn crew(count: usize, work: impl Fn(usize) + Send + Sync + 'static) -> Vec<JoinHandle<()>> {
    let work = Arc::new(work);
    let start = |member| {
        let work = Arc::clone(&work);
        thread::spawn(move || work(member))
    };
    (0..count).map(start).collect()
}

fn join(crew: Vec<JoinHandle<()>>) {
    crew.into_iter().for_each(|member| member.join().expect("a member failed"));
}

/// A runtime whose attached threads say so.
struct World {
    runtime: Runtime,
    stopped: AtomicBool,
    stops: AtomicUsize,
    object: Mutex,
    inside: AtomicUsize,
}

impl World {
    fn new(gil: bool) -> (Arc<Self>, ThreadState) {
        let (runtime, main) = Runtime::builder().gil(gil).start().unwrap();
        let (stopped, stops) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (object, inside) = (Mutex::new(), AtomicUsize::new(0));
        (Arc::new(Self { runtime, stopped, stops, object, inside }), main)
    }

    fn thread(&self) -> ThreadState {
        self.runtime.main_interpreter().new_thread()
    }

    /// Something that an attached thread does: nobody has stopped the world (WORLD-1).
    fn run(&self) {
        assert!(!self.stopped.load(Ordering::SeqCst), "attached in a pause");
        thread::yield_now();
        assert!(!self.stopped.load(Ordering::SeqCst), "attached in a pause");
    }

    /// Stops the world, and looks whether it is.
    fn stop(&self, attached: &Attached<'_>, all: bool) {
        let pause = if all {
            self.runtime.stop_the_world(attached)
        } else {
            self.runtime.main_interpreter().stop_the_world(attached)
        };
        assert!(!self.stopped.swap(true, Ordering::SeqCst), "two have stopped it");
        thread::yield_now();
        assert!(self.stopped.swap(false, Ordering::SeqCst));
        drop(pause);
        self.stops.fetch_add(1, Ordering::SeqCst);
    }

    /// In a section, alone as far as nobody sleeps.
    fn touch(&self) {
        with_critical_section(&self.object, || {
            assert_eq!(self.inside.fetch_add(1, Ordering::SeqCst), 0, "two are inside");
            thread::yield_now();
            self.inside.fetch_add(usize::MAX, Ordering::SeqCst);
        });
    }
}

/// WORLD-1 to WORLD-5, ATTACH-1: eight threads run, poll, detach, take sections, are born, and stop each other.
#[test]
fn world_of_eight() {
    explore(|| {
        for gil in [false, true] {
            let (world, mut main) = World::new(gil);
            let shared = Arc::clone(&world);
            let crew = crew(7, move |member| {
                let world = &*shared;
                let mut state = world.thread();
                let attached = state.attach().unwrap();
                world.run();
                match member % 4 {
                    0 => world.stop(&attached, false),
                    1 => world.stop(&attached, true),
                    2 => attached.detached(thread::yield_now),
                    _ => world.touch(),
                }
                attached.poll().unwrap();
                world.run();
            });
            let attached = main.attach().unwrap();
            world.stop(&attached, false);
            world.touch();
            drop(attached);
            join(crew);
            assert_eq!(world.stops.load(Ordering::SeqCst), 5);
        }
    });
}

/// WORLD-2: threads are born and end while others stop the world.
#[test]
fn world_births_and_ends() {
    explore(|| {
        let (world, mut main) = World::new(false);
        let shared = Arc::clone(&world);
        let crew = crew(7, move |member| {
            for turn in 0..2 {
                let mut state = shared.thread();
                if (member + turn) % 2 == 0 {
                    let attached = state.attach().unwrap();
                    shared.run();
                    if member < 2 {
                        shared.stop(&attached, member == 0);
                    }
                }
            }
        });
        let attached = main.attach().unwrap();
        world.stop(&attached, true);
        drop(attached);
        join(crew);
    });
}

/// EXIT-1, EXIT-2, CS-8: the runtime ends under seven threads, which leave, or are not let in, with every lock free. One of
/// them only may unwind: all run on one thread of the system here, which would say of each that it is unwinding.
#[test]
fn world_the_end() {
    explore(|| {
        let (world, mut main) = World::new(false);
        let shared = Arc::clone(&world);
        let crew = crew(7, move |member| {
            let _left = until_exit(|| {
                let mut state = shared.thread();
                let Ok(attached) = state.attach() else { return };
                shared.run();
                if member == 0 {
                    with_critical_section(&shared.object, || attached.poll().unwrap());
                    attached.detached(thread::yield_now);
                    shared.run();
                }
            });
        });
        let attached = main.attach().unwrap();
        world.runtime.finalise(&attached).unwrap();
        world.stop(&attached, true);
        attached.detached(|| join(crew));
        assert_eq!(world.object.bits(), 0);
        world.touch();
    });
}

/// What is sent to a thread and stops the world when it is dropped.
struct Last(Interpreter);

impl fmt::Debug for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Last")
    }
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        let stopped = self.0.with_attached(|attached| drop(attached.stop_the_world()));
        stopped.expect("nobody has ended the runtime");
    }
}

/// WORLD-6: threads that sleep through a pause end while it is being ended; whoever drops what was sent to them holds no
/// lock of a stop.
#[test]
fn world_what_was_sent_ends_outside_the_locks() {
    explore(|| {
        let (world, mut main) = World::new(false);
        let shared = Arc::clone(&world);
        let crew = crew(3, move |_| {
            let interpreter = shared.runtime.main_interpreter();
            let mut state = shared.thread();
            interpreter.send_exception(state.id(), Some(Raised::new(Last(interpreter.clone()))));
            drop(state.attach().unwrap());
        });
        let attached = main.attach().unwrap();
        world.stop(&attached, false);
        world.stop(&attached, true);
        drop(attached);
        join(crew);
    });
}
