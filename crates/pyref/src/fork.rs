//! Fork: in the child only the forking thread's member is online.
//!
//! | before | parent | child |
//! |---|---|---|
//! | take every lock of this crate, so that what is behind them is whole | give them back | make them free |
//! | | | members that were online on other threads are so no more; what was queued for them is queued for this one |
//!
//! * RECORD-3: what a lost thread was in the middle of stays as it was: what it had put aside, and the references that it
//!   held, are never freed in the child. Everything else is.
//! * RECORD-4: a guard that the forking thread has open on a member that is offline by now still keeps in the child what it
//!   has borrowed; guards of lost threads keep nothing.
//!
//! Port of: `_Py_qsbr_after_fork` (Python/qsbr.c)
//! Port of: `_Py_brc_after_fork` (Python/brc.c)

use crate::current;
use crate::place::merge_all;
use crate::qsbr::the_qsbr;
use core::ptr;

/// What a fork holds: every lock of this crate. Ends in [`parent`](Self::parent) or in [`child`](Self::child).
///
/// ```
/// let fork = pyref::raw::Fork::prepare();
/// // The fork comes here.
/// // SAFETY: this is the process that called `prepare`.
/// unsafe { fork.parent() };
/// ```
#[must_use = "the locks are held until it ends"]
#[derive(Debug)]
pub struct Fork(());

impl Fork {
    /// Takes the locks.
    ///
    /// Cost: a lock for each member that ever was at a time.
    ///
    /// ```
    /// let fork = pyref::raw::Fork::prepare();
    /// // SAFETY: this is the process that called `prepare`.
    /// unsafe { fork.parent() };
    /// ```
    pub fn prepare() -> Self {
        the_qsbr().hold_for_fork();
        Self(())
    }

    /// Gives the locks back, in the parent.
    ///
    /// Cost: as [`prepare`](Self::prepare).
    ///
    /// # Safety
    ///
    /// The calling thread has called [`prepare`](Self::prepare), and used nothing of this crate since.
    ///
    /// ```
    /// let fork = pyref::raw::Fork::prepare();
    /// // SAFETY: this is the process that called `prepare`.
    /// unsafe { fork.parent() };
    /// ```
    pub unsafe fn parent(self) {
        // SAFETY: handed on.
        unsafe { the_qsbr().release_in_parent() };
    }

    /// Makes this crate usable in the child: every member but the calling thread's is offline. What was queued
    /// for them is the calling thread's to merge at its next [`serve`](crate::Online::serve), or is merged at once if it is
    /// not online: destructors may run then.
    ///
    /// Cost: a few stores for each member; what merging costs for what was queued.
    ///
    /// # Safety
    ///
    /// As of [`parent`](Self::parent); the calling thread is the only one of the process, and the parking lot has been
    /// reset ([`pyparking::after_fork_child`]).
    ///
    /// ```
    /// let fork = pyref::raw::Fork::prepare();
    /// // In the child:
    /// // SAFETY: here, no other thread uses the crate.
    /// unsafe { fork.child() };
    /// ```
    pub unsafe fn child(self) {
        let qsbr = the_qsbr();
        let mine = current::get();
        let mut orphans = Vec::new();
        qsbr.each_record(|record| {
            if ptr::eq(record, mine) {
                // SAFETY: handed on.
                unsafe { record.keep_in_child() };
            } else {
                // SAFETY: handed on; the calling thread is another member's, or none's.
                orphans.append(&mut unsafe { record.forget_in_child() });
            }
        });
        // SAFETY: handed on.
        unsafe { qsbr.release_in_child() };
        // SAFETY: null or a record, of which none is ever freed.
        match unsafe { mine.as_ref() } {
            Some(mine) => mine.queue_all(orphans),
            None => merge_all(orphans),
        }
    }
}
