//! Fork: in the child only the forking thread is left.
//!
//! | before | parent | child |
//! |---|---|---|
//! | take the roster's lock, so that the lists are whole | give it back | make it free |
//! | | | forget every other thread (FORK-2); empty the lot; no stop is under way |
//! | | | the GIL, if there is one, is held by this thread and nobody waits for it |
//! | take the locks of [`pyref`] | give them back | make them free; members of lost threads own nothing any more |
//! | | | this thread is the main thread; signals that were tripped before belong to the parent |
//!
//! * FORK-1: the child's owner ids are those of the forking thread: it keeps the locks that it held.
//! * FORK-2: the states that the forking thread has tokens of (the one that it forks with, and those further up its stack
//!   that are detached meanwhile) are as they were; every other is in no list and refused for ever.
//!
//! Port of: `PyOS_BeforeFork` (Modules/posixmodule.c)
//! Port of: `PyOS_AfterFork_Parent` (Modules/posixmodule.c)
//! Port of: `PyOS_AfterFork_Child` (Modules/posixmodule.c)

use crate::attached::Attached;
use crate::breaker::Events;
use crate::roster::Entry;
use crate::state::State;
use crate::thread::Thread;
use crate::world::Books;
use pyparking::primitive::seeded;
use pyref::raw as references;
use std::sync::Arc;

impl Attached<'_> {
    /// Forks, and makes the child's runtime usable. Returns what `fork` returned: 0 in the child.
    ///
    /// In the child the calling thread is the only thread of its interpreter and the main thread. Other states are
    /// refused there ([`AttachError::LeftBehind`](crate::AttachError::LeftBehind)). Locks that it did
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
        let references = references::Fork::prepare();
        let child = fork();
        if child == 0 {
            // SAFETY: this is the child, by the caller's word; the locks were taken above.
            unsafe { reset_child(self.thread(), references) };
        } else {
            // SAFETY: the locks were taken above, by this thread.
            unsafe {
                references.parent();
                roster.release_in_parent();
            }
        }
        child
    }
}

/// Everything that a child needs before its thread goes on.
///
/// # Safety
///
/// The calling thread is the only one of the process, has `me` attached, and held the roster's lock at the fork.
unsafe fn reset_child(me: &Thread, references: references::Fork) {
    let core = me.runtime();
    // SAFETY: the only thread, which holds no lock of the lot.
    unsafe { pyparking::after_fork_child() };
    // SAFETY: the only thread, which took the lock before the fork.
    unsafe { core.roster.release_in_child() };
    // SAFETY: the only thread; a pause that it had is over in the child.
    unsafe { core.gate.after_fork_child() };
    // SAFETY: the only thread.
    unsafe { core.world.after_fork_child() };
    me.pause.set(None);
    let (kept, gone) = core.roster.with(|lists| {
        lists.books = Books::default();
        let all: Vec<_> =
            lists.interpreters.iter_mut().flat_map(|entry| empty(me, entry)).collect();
        let (kept, gone): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|thread| survives(me, thread));
        for thread in &kept {
            lists.entry(thread.interpreter()).add(Arc::clone(thread));
        }
        (kept, gone)
    });
    // After the states were looked at: those that were attached on lost threads are offline from here on.
    // SAFETY: the only thread, which took these locks before the fork. No destructor runs: what was queued for threads
    // that were attached is this one's to merge at its next poll, for it is attached.
    unsafe { references.child() };
    for thread in &kept {
        if !core::ptr::eq(&**thread, me) {
            thread.state.after_fork_child();
        }
        thread.breaker().clear(Events::PLEASE_STOP | Events::GIL_DROP_REQUEST);
    }
    if !seeded("fork-unlisted") {
        gone.iter().for_each(|thread| thread.state.leave_behind());
    }
    let handlers: Vec<_> = kept.iter().map(|thread| thread.breaker()).collect();
    core.roster.with(|lists| {
        let calls = lists.interpreters.iter().map(|entry| &entry.interpreter.calls);
        for calls in calls.chain([&core.main_calls]) {
            // SAFETY: the only thread.
            unsafe { calls.keep_after_fork_child(me.breaker(), &handlers) };
        }
    });
    // SAFETY: the only thread; that nobody was listening or ceasing to is the caller's word.
    unsafe { core.signals.after_fork_child() };
    if let Some(mine) = kept.iter().find(|thread| core::ptr::eq(&***thread, me)) {
        core.bind_main(mine);
    }
    for thread in gone.iter().filter(|_| !seeded("fork-not-abandoned")) {
        // SAFETY: the only thread; nobody attaches this state again (FORK-2). Destructors may run: all else is done.
        unsafe { thread.member.place().abandon() };
    }
}

/// Whether the thread is there in the child (FORK-2).
fn survives(me: &Thread, thread: &Thread) -> bool {
    // Only one state can be attached by this thread. Another one is, or was being, by a thread that is not here.
    let attached = thread.state.get() == State::Attached;
    core::ptr::eq(thread, me) || thread.is_carried_here() && !attached
}

/// Resets an interpreter for the child. The threads that it had.
fn empty(me: &Thread, entry: &mut Entry) -> Vec<Arc<Thread>> {
    entry.books = Books::default();
    let interpreter = &entry.interpreter;
    let mine = interpreter.gil.is_held_by(&me.seat);
    // SAFETY: `reset_child` is called by the only thread of the process.
    unsafe {
        interpreter.world.after_fork_child();
        interpreter.gil.after_fork_child(mine.then_some(&me.seat));
    }
    core::mem::take(&mut entry.threads)
}
