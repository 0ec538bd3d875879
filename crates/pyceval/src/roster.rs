//! Who there is: the interpreters of a runtime and their threads, under one lock.
//!
//! Port of: `HEAD_LOCK` (Include/internal/pycore_pystate.h)
//!
//! * ROSTER-1: the lists, the books of every stop-the-world and the moves to and from `SUSPENDED` change under this
//!   lock alone.
//! * ROSTER-2: the lock never detaches its waiter, and nothing that can block for long, run code of the embedder or
//!   detach is called while it is held: a thread that stops the world takes it.
//!
//! PORT: arrays instead of linked lists; a thread knows its place in the array, so that leaving is one swap.

use crate::interpreter::Shared;
use crate::thread::Thread;
use crate::world::Books;
use pyparking::RawMutex;
use pyparking::primitive::UnsafeCell;
use std::sync::Arc;

/// The lock, and what it protects.
pub(crate) struct Roster {
    lock: RawMutex,
    lists: UnsafeCell<Lists>,
}

// SAFETY: the lists are reached through `with` alone, which holds the lock; what they hold is `Send`.
unsafe impl Sync for Roster {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Roster {}

/// All interpreters of the runtime.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) interpreters: Vec<Entry>,
    /// The books of stops of the whole runtime.
    pub(crate) books: Books,
    /// The number of the thread that has ended the runtime, 0 if none has.
    pub(crate) ended_by: u64,
}

/// One interpreter with its threads.
pub(crate) struct Entry {
    pub(crate) interpreter: Arc<Shared>,
    pub(crate) threads: Vec<Arc<Thread>>,
    /// The books of stops of this interpreter.
    pub(crate) books: Books,
}

impl Roster {
    pub(crate) fn new() -> Self {
        Self { lock: RawMutex::new(), lists: UnsafeCell::new(Lists::default()) }
    }

    /// Runs `f` with the lists, under the lock.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Lists) -> R) -> R {
        let _held = self.lock.guard();
        // SAFETY: the lock is held, and this is the only place that makes a reference into the cell.
        f(unsafe { &mut *self.lists.get() })
    }

    /// Takes the lock and keeps it, so that the lists are whole in the child of a fork.
    #[cfg(unix)]
    pub(crate) fn hold_for_fork(&self) {
        self.lock.lock();
    }

    /// Gives the lock back in the parent.
    ///
    /// # Safety
    ///
    /// The calling thread has called [`hold_for_fork`](Self::hold_for_fork), and nothing since.
    #[cfg(unix)]
    pub(crate) unsafe fn release_in_parent(&self) {
        // SAFETY: this thread holds the lock.
        unsafe { self.lock.unlock() };
    }

    /// Makes the lock free in the child.
    ///
    /// # Safety
    ///
    /// As above; the calling thread is the only one of the process.
    #[cfg(unix)]
    pub(crate) unsafe fn release_in_child(&self) {
        // SAFETY: the only thread of the process, which held the lock without a guard.
        unsafe { self.lock.after_fork_child() };
    }
}

impl Lists {
    /// Takes an interpreter out. The caller drops it after the lock.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Entry> {
        let place = self.interpreters.iter().position(|entry| entry.interpreter.id == id);
        place.map(|place| self.interpreters.swap_remove(place))
    }

    /// The entry of an interpreter that has not ended.
    pub(crate) fn entry(&mut self, interpreter: &Shared) -> &mut Entry {
        let found =
            self.interpreters.iter_mut().find(|entry| entry.interpreter.id == interpreter.id);
        found.expect("an interpreter is listed as long as it has threads")
    }
}

impl Entry {
    /// Adds a thread.
    pub(crate) fn add(&mut self, thread: Arc<Thread>) {
        // SAFETY: under the roster's lock.
        unsafe { thread.place.set(self.threads.len()) };
        self.threads.push(thread);
    }

    /// Takes a thread out. The caller drops it after the lock.
    pub(crate) fn remove(&mut self, thread: &Thread) -> Option<Arc<Thread>> {
        // SAFETY: under the roster's lock.
        let place = unsafe { thread.place.get() };
        let listed = self.threads.get(place).map(|listed| listed.identity());
        if listed != Some(thread.identity()) {
            // Forgotten in the child of a fork.
            return None;
        }
        let removed = self.threads.swap_remove(place);
        if let Some(moved) = self.threads.get(place) {
            // SAFETY: under the roster's lock.
            unsafe { moved.place.set(place) };
        }
        Some(removed)
    }
}
