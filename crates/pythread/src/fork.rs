//! The child of a fork: one thread is left, and handles speak of threads that are not there.
//!
//! Nothing is walked and no list is kept: a list might be found half linked. The process has a generation, each start
//! writes it into its handle (STAGE-3), and a fork raises it. So after a fork a handle of an older generation is one of
//! a lost thread, unless its ident is the survivor's.
//!
//! * LOST-1: in the child a handle that was claimed before the fork, other than the surviving thread's, is done; the
//!   system's thread behind it is neither joined nor detached there.
//! * LOST-2: after several forks the latest survivor is the only thread of older generations.
//!
//! Port of: `_PyThread_AfterFork` (Modules/_threadmodule.c)

use pyparking::ident;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU64;

/// How many processes lie between the first one and this, this included.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// The ident of the thread that made the latest fork, 0 in the first process.
static SURVIVOR: AtomicU64 = AtomicU64::new(0);

/// The system's number of that thread in this process.
static SURVIVOR_NATIVE: AtomicU64 = AtomicU64::new(0);

/// The generation of this process.
pub(crate) fn generation() -> u64 {
    // ORD: Relaxed, it changes while there is one thread; later ones are started by it.
    GENERATION.load(Ordering::Relaxed)
}

/// Whether a thread of that generation and ident is not in this process (LOST-1, LOST-2).
pub(crate) fn is_lost(of_generation: u64, ident: u64) -> bool {
    of_generation != generation() && ident != survivor()
}

fn survivor() -> u64 {
    // ORD: Relaxed, as in `generation`.
    SURVIVOR.load(Ordering::Relaxed)
}

/// The system's number in this process of a thread that had `native` when it started.
pub(crate) fn native(of_generation: u64, ident: u64, native: u64) -> u64 {
    if of_generation != generation() && ident == survivor() {
        // ORD: Relaxed, as in `generation`.
        return SURVIVOR_NATIVE.load(Ordering::Relaxed);
    }
    native
}

/// Makes the handles of threads that are not in the child of a fork done: they join at once, as
/// [`Outcome::Lost`](crate::Outcome::Lost), or as what they had ended with before the fork. Handles that were not
/// started can be started; the calling thread's own keeps running. Storage keys and the calling thread's values stay.
///
/// Call it in the child, after [`pyparking::after_fork_child`] and before any use of a handle. Async-signal-safe on
/// Linux, if the thread has had an [`ident`](pyparking::ident).
///
/// Cost: three stores and a system call; no heap, whatever the number of handles.
///
/// # Safety
///
/// The calling thread is the only one of the process, as it is in the child of a fork, and the fork did not happen
/// inside a call of this crate that it is still in.
///
/// ```
/// // In the child:
/// // SAFETY: no other thread has been started.
/// unsafe {
///     pyparking::after_fork_child();
///     pythread::after_fork_child();
/// }
/// ```
///
/// Port of: `_PyThread_AfterFork` (Modules/_threadmodule.c)
pub unsafe fn after_fork_child() {
    let next = generation() + 1;
    // ORD: Relaxed, there is no other thread; the next one is started by this one, which orders it. Also below.
    GENERATION.store(next, Ordering::Relaxed);
    // ORD: Relaxed, as above.
    SURVIVOR.store(ident::current().get(), Ordering::Relaxed);
    // ORD: Relaxed, as above.
    SURVIVOR_NATIVE.store(ident::native(), Ordering::Relaxed);
}
