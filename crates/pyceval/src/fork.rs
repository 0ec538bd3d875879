//! Fork: in the child only the forking thread is left.
//!
//! | before | parent | child |
//! |---|---|---|
//! | take the roster's lock, so that the lists are whole | give it back | make it free |
//! | | | forget every other thread; empty the lot; no stop is under way |
//! | | | the GIL, if there is one, is held by this thread and nobody waits for it |
//! | | | this thread is the main thread; signals that were tripped before belong to the parent |
//!
//! * FORK-1: the child's owner ids are those of the forking thread: it keeps the locks that it held.
//!
//! Port of: `PyOS_BeforeFork` (Modules/posixmodule.c)
//! Port of: `PyOS_AfterFork_Parent` (Modules/posixmodule.c)
//! Port of: `PyOS_AfterFork_Child` (Modules/posixmodule.c)

use crate::attached::Attached;
use crate::breaker::Events;
use crate::roster::Entry;
use crate::thread::Thread;
use crate::world::Books;
use std::sync::Arc;

impl Attached<'_> {
    /// Forks, and makes the child's runtime usable. Returns what `fork` returned: 0 in the child.
    ///
    /// In the child the calling thread is the only thread of its interpreter and the main thread. Locks that it did
    /// not hold and that another thread may have held are the embedder's to make free (`after_fork_child` of each).
    ///
    /// # Safety
    ///
    /// 1. `fork` forks the process, or fails; it returns 0 in the child, and only there. It does nothing else, and
    ///    does not unwind.
    /// 2. The child uses nothing that another thread of the parent may have left half done, other than what this
    ///    crate and the locks below it reset.
    ///
    /// Cost: the roster's lock; in the child all that is listed above.
    ///
    /// ```
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// // SAFETY: nothing but the fork; the child ends at once.
    /// let child = unsafe { attached.fork(|| libc::fork()) };
    /// if child == 0 {
    ///     let served = attached.poll().is_ok();
    ///     // SAFETY: no condition.
    ///     unsafe { libc::_exit(i32::from(!served)) };
    /// }
    /// let mut status = 0;
    /// // SAFETY: the status is ours.
    /// assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    /// assert_eq!(status, 0);
    /// ```
    pub unsafe fn fork(&self, fork: impl FnOnce() -> i32) -> i32 {
        let roster = &self.thread().runtime().roster;
        roster.hold_for_fork();
        let child = fork();
        if child == 0 {
            // SAFETY: this is the child, by the caller's word; the lock was taken above.
            unsafe { reset_child(self.thread()) };
        } else {
            // SAFETY: the lock was taken above, by this thread.
            unsafe { roster.release_in_parent() };
        }
        child
    }
}

/// Everything that a child needs before its thread goes on.
///
/// # Safety
///
/// The calling thread is the only one of the process, has `me` attached, and held the roster's lock at the fork.
unsafe fn reset_child(me: &Thread) {
    let core = me.runtime();
    // SAFETY: the only thread, which holds no lock of the lot.
    unsafe { pyparking::after_fork_child() };
    // SAFETY: the only thread, which took the lock before the fork.
    unsafe { core.roster.release_in_child() };
    // SAFETY: the only thread; a pause that it had is over in the child.
    unsafe { core.gate.after_fork_child() };
    // SAFETY: the only thread.
    unsafe { core.world.after_fork_child() };
    me.state.after_fork_child();
    me.pause.set(None);
    me.breaker().clear(Events::PLEASE_STOP | Events::GIL_DROP_REQUEST);
    let (mine, gone) = core.roster.with(|lists| {
        lists.books = Books::default();
        let entries = lists.interpreters.iter_mut();
        let gone: Vec<_> = entries.flat_map(|entry| keep_only(me, entry)).collect();
        (lists.entry(me.interpreter()).threads.first().map(Arc::clone), gone)
    });
    drop(gone);
    // SAFETY: the only thread.
    unsafe { core.main_calls.after_fork_child(me.breaker()) };
    // SAFETY: the only thread; that nobody was listening or ceasing to is the caller's word.
    unsafe { core.signals.after_fork_child() };
    if let Some(mine) = mine {
        core.bind_main(&mine);
    }
}

/// Resets an interpreter for the child. The threads that are gone.
fn keep_only(me: &Thread, entry: &mut Entry) -> Vec<Arc<Thread>> {
    entry.books = Books::default();
    let interpreter = &entry.interpreter;
    let mine = interpreter.gil.is_held_by(&me.seat);
    // SAFETY: `reset_child` is called by the only thread of the process.
    unsafe {
        interpreter.world.after_fork_child();
        interpreter.calls.after_fork_child(me.breaker());
        interpreter.gil.after_fork_child(mine.then_some(&me.seat));
    }
    let (kept, gone) =
        entry.threads.drain(..).partition(|thread| thread.identity() == me.identity());
    entry.threads = kept;
    for (place, thread) in entry.threads.iter().enumerate() {
        // SAFETY: under the roster's lock.
        unsafe { thread.place.set(place) };
    }
    gone
}
