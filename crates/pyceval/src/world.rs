//! Stop-the-world: everybody else stands still, in one interpreter or in all.
//!
//! | step | lock | what |
//! |---|---|---|
//! | 1 | | take the interpreter's stop mutex, detaching while it waits: another stopper may stop this thread meanwhile |
//! | 2 | | take the runtime's stop lock: shared for one interpreter, exclusive for all |
//! | 3 | roster | note the request, count the other threads; move detached ones to `SUSPENDED`, ask attached ones to stop |
//! | 4 | | wait until none is missing, at most a millisecond, then look again at who has detached |
//! | 5 | roster | what the threads have put aside to free later is ripe; its memory is freed outside the lock |
//! | | | the world is stopped; sections that are begun now lock nothing |
//! | 6 | roster | start: forget the request, move suspended threads back to `DETACHED`; wake them outside the lock |
//! | 7 | | give the locks of 2 and 1 back |
//!
//! Invariants:
//!
//! * WORLD-1: between step 5 and step 6 no other thread in scope is attached.
//! * WORLD-2: a thread in scope is counted once: when the stop begins. It leaves the count once: when it is moved to
//!   `SUSPENDED`, by itself or by the stopper, or when it ends before. A thread that is born after the count is
//!   suspended from the start and not counted.
//! * WORLD-3: the stopper never detaches between steps 3 and 6: its waits are short and stay attached.
//! * WORLD-4: a suspended thread belongs to one stop only: stops of one interpreter hold the runtime's stop lock
//!   shared, a stop of all exclusively, and two stops of one interpreter exclude each other by its mutex.
//! * WORLD-5: lock order: stop mutex, runtime's stop lock, roster, bucket of the lot. The GIL and the mutexes of
//!   critical sections are never waited for while any but the first two of these is held, and not between 3 and 6.
//! * WORLD-6: no thread, and so nothing of the embedder's, is dropped while a lock of WORLD-5 is held.
//!
//! A thread may detach without seeing the request, because detaching is a store and looking is a load that the
//! processor may do first. The stopper's next round finds it; the round bounds the delay.
//!
//! Port of: `stop_the_world` (Python/pystate.c)
//! Port of: `start_the_world` (Python/pystate.c)
//! Port of: `park_detached_threads` (Python/pystate.c)
//! PORT: a thread that detaches while it is asked to stop says so at once, instead of leaving it to the next round;
//! a stopper that is not attached is not possible here.

use crate::breaker::Events;
use crate::roster::{Entry, Lists, Roster};
use crate::state::State;
use crate::thread::Thread;
use core::time::Duration;
use pyparking::primitive::{AtomicUsize, MODELLED, Ordering, seeded};
use pyparking::{Deadline, ParkOptions, park, spin, unpark_all};
use pyref::raw::{Place, Ripe};
use pysync::{Mutex, RwMutex};
use std::sync::Arc;

/// How long the stopper waits before it looks at detached threads again.
const ROUND: Duration = Duration::from_millis(1);

/// Which threads a stop is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Those of one interpreter, by its number.
    Interpreter(u64),
    /// Those of the runtime.
    Runtime,
}

/// What is noted about the stop that is under way. Under the roster's lock.
#[derive(Default)]
pub(crate) struct Books {
    requested: bool,
    /// The identity of the requesting thread's state.
    requester: usize,
}

/// The parts of a stop that are not under the roster's lock.
pub(crate) struct World {
    /// One stop at a time.
    mutex: Mutex,
    /// Threads that are counted and not yet suspended. Changed under the roster's lock.
    missing: AtomicUsize,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { mutex: Mutex::new(), missing: AtomicUsize::new(0) }
    }

    /// Steps 1 to 4 for a stop by `me`.
    pub(crate) fn stop(&self, scope: Scope, roster: &Roster, gate: &RwMutex, me: &Thread) {
        // A guard, because the thread may be refused when it has slept in the second wait (EXIT-2).
        let mutex = self.mutex.guard();
        match scope {
            Scope::Interpreter(_) => gate.read_lock(),
            Scope::Runtime => gate.write_lock(),
        }
        core::mem::forget(mutex);
        let mut left = roster.with(|lists| {
            let books = lists.books_of(scope);
            books.requested = true;
            books.requester = me.identity();
            let others = lists.others(scope, me).count();
            // ORD: Relaxed, under the roster's lock, as every change of the count.
            self.missing.store(others, Ordering::Relaxed);
            self.look_around(lists, scope, me)
        });
        while left > 0 {
            self.wait_a_round();
            left = roster.with(|lists| self.look_around(lists, scope, me));
        }
    }

    /// Moves threads that have detached, asks the others. How many are missing after that.
    fn look_around(&self, lists: &mut Lists, scope: Scope, me: &Thread) -> usize {
        for thread in lists.others(scope, me) {
            if thread.state.suspend() {
                self.one_less();
            } else if thread.state.get() == State::Attached {
                thread.breaker().set(Events::PLEASE_STOP);
            }
        }
        // ORD: Relaxed, under the roster's lock.
        self.missing.load(Ordering::Relaxed)
    }

    /// Waits until nobody is missing, or for a round. Stays attached (WORLD-3).
    fn wait_a_round(&self) {
        if MODELLED {
            // A model's clock does not move by itself; a round that ends early is as right.
            return spin::yield_now();
        }
        let options = ParkOptions {
            deadline: Deadline::after(ROUND),
            detach: false,
            ..ParkOptions::default()
        };
        // ORD: Relaxed, what the threads did is read behind the roster's lock, which the stopper takes next.
        let wanted = || self.missing.load(Ordering::Relaxed) != 0;
        // SAFETY: the address of a live count of ours, on which only stoppers park; the callbacks only load.
        let _status = unsafe { park(self.address(), options, wanted, |_| {}) };
    }

    /// One thread is no longer missing. Under the roster's lock. Whether it was the last.
    fn one_less(&self) -> bool {
        // ORD: Relaxed, under the roster's lock; the stopper takes that lock before it believes the count.
        self.missing.fetch_add(usize::MAX, Ordering::Relaxed) == 1
    }

    /// Wakes the stopper.
    fn tell(&self) {
        // SAFETY: as in `wait_a_round`.
        unsafe { unpark_all(self.address()) };
    }

    /// What the threads in scope have put aside, of which nobody has anything in hand any more.
    pub(crate) fn ripe(scope: Scope, roster: &Roster, me: &Thread) -> Ripe {
        roster.with(|lists| {
            let others = lists.others(scope, me).map(|thread| thread.member.place());
            // SAFETY: this thread is attached, and its own borrows have guards; the others stand still (WORLD-1), and
            // cannot end while the lists are locked.
            unsafe { Place::ripe(others.chain([me.member.place()])) }
        })
    }

    /// Steps 6 and 7. The threads that were woken, one of which may have ended by now: to be dropped where anything may
    /// happen (WORLD-6).
    #[must_use]
    pub(crate) fn start(
        &self,
        scope: Scope,
        roster: &Roster,
        gate: &RwMutex,
        me: &Thread,
    ) -> Vec<Arc<Thread>> {
        let mut woken = roster.with(|lists| {
            *lists.books_of(scope) = Books::default();
            let others = lists.others(scope, me);
            let started = others.filter(|thread| {
                // A thread that was refused, and goes on, has to find the bit at its next poll (EXIT-2).
                if !thread.interpreter().is_ended_for(thread) {
                    thread.breaker().clear(Events::PLEASE_STOP);
                }
                thread.state.start()
            });
            started.map(Arc::clone).collect::<Vec<_>>()
        });
        for thread in &woken {
            thread.state.wake();
        }
        if seeded("dropped-in-start") {
            woken.clear();
        }
        match scope {
            Scope::Interpreter(_) => gate.read_unlock(),
            Scope::Runtime => gate.write_unlock(),
        }
        self.mutex.unlock();
        woken
    }

    /// The child of a fork has no stop under way.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process.
    #[cfg(unix)]
    pub(crate) unsafe fn after_fork_child(&self) {
        // SAFETY: handed on to the caller; no guard of the mutex exists.
        unsafe { self.mutex.after_fork_child() };
        // ORD: Relaxed, there is no other thread.
        self.missing.store(0, Ordering::Relaxed);
    }

    fn address(&self) -> usize {
        // Not that of the whole, which may be the mutex's.
        core::ptr::from_ref(&self.missing).addr()
    }
}

impl Lists {
    fn books_of(&mut self, scope: Scope) -> &mut Books {
        match scope {
            Scope::Runtime => &mut self.books,
            Scope::Interpreter(id) => {
                let entry = self.interpreters.iter_mut().find(|entry| entry.interpreter.id == id);
                &mut entry.expect("the interpreter of an attached thread is listed").books
            }
        }
    }

    fn others<'a>(
        &'a self,
        scope: Scope,
        me: &'a Thread,
    ) -> impl Iterator<Item = &'a Arc<Thread>> + 'a {
        let in_scope = move |entry: &&Entry| match scope {
            Scope::Runtime => true,
            Scope::Interpreter(id) => entry.interpreter.id == id,
        };
        let threads = self.interpreters.iter().filter(in_scope).flat_map(|entry| &entry.threads);
        threads.filter(move |thread| thread.identity() != me.identity())
    }

    /// Whether threads of this interpreter stand still, or are to.
    pub(crate) fn is_stopping(&mut self, interpreter: u64) -> bool {
        self.books.requested || self.books_of(Scope::Interpreter(interpreter)).requested
    }

    /// The stop that counts `thread`, if there is one and the thread is not the one that asked for it.
    fn stop_of(&mut self, thread: &Thread) -> Option<Scope> {
        let scopes = [Scope::Runtime, Scope::Interpreter(thread.interpreter().id)];
        scopes.into_iter().find(|scope| {
            let books = self.books_of(*scope);
            books.requested && books.requester != thread.identity()
        })
    }
}

/// Suspends the calling thread, which has left everything else behind, if a stop wants it; else detaches it.
/// Port of: `_PyThreadState_Suspend` (Python/pystate.c)
#[cold]
pub(crate) fn detach_or_suspend(thread: &Thread) {
    let last = thread.runtime().roster.with(|lists| {
        let stop = lists.stop_of(thread);
        if stop.is_some() {
            thread.state.detach_suspended();
        } else {
            thread.state.detach();
        }
        stop.map(|scope| thread.world(scope)).filter(|world| world.one_less())
    });
    if let Some(world) = last {
        world.tell();
    }
}

/// Takes a detached thread out of the lists, and out of the count of a stop that has not suspended it (WORLD-2).
pub(crate) fn leave(thread: &Thread) {
    let (removed, last) = thread.runtime().roster.with(|lists| {
        let stop = lists.stop_of(thread);
        let removed = lists.entry(thread.interpreter()).remove(thread);
        let counted = stop.filter(|_| removed.is_some() && thread.state.suspend());
        let last = counted.map(|scope| thread.world(scope)).filter(|world| world.one_less());
        (removed, last)
    });
    if let Some(world) = last {
        world.tell();
    }
    drop(removed);
}
