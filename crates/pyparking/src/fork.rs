//! The child of a fork: one thread is left, and the queues are full of threads that are not there.

use crate::lot::the_lot;
use crate::{ident, os, register};

/// Makes the lot usable in the child of a fork: empties every bucket and frees its lock, whatever a thread
/// that is not there was doing with it.
///
/// Call it first thing in the child, before any lock that can block; then re-initialise each primitive that
/// other threads may have held. The calling thread keeps its [`ident`](crate::ident) and its
/// [`ThreadHandle`](crate::ThreadHandle); handles of lost
/// threads do nothing that matters, but cannot tell. Async-signal-safe but for the fallback sleeper.
///
/// Cost: two stores per bucket and a few more; no RMW, no heap, no system call.
///
/// # Safety
///
/// The calling thread is the only one of the process, as it is in the child of a fork, and the fork did not
/// happen inside a call of the lot: not in a callback, a hook, or a signal handler that interrupted a park.
///
/// ```
/// // In the child:
/// // SAFETY: here, no other thread has been started.
/// unsafe { pyparking::after_fork_child() };
/// ```
///
/// Port of: `_PyParkingLot_AfterFork` (Python/parking_lot.c)
pub unsafe fn after_fork_child() {
    // SAFETY: handed on to the caller.
    unsafe { the_lot().after_fork_child() };
    register::after_fork_child();
    os::after_fork_child();
    ident::after_fork_child();
}
