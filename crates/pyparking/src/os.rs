//! The wait/wake contract with the operating system, and the choice of who keeps it.
//!
//! A *desk* is what one thread needs in order to sleep; it is cheap to get and to copy. The calls:
//!
//! | call | contract |
//! |---|---|
//! | `desk()` | the calling thread's own desk |
//! | `wait(word, expected, desk, deadline)` | sleeps unless `*word != expected`; the check and going to sleep are one step with respect to `wake` on the same word. May return for no reason ([`Woken::Changed`]) |
//! | `wake(word, desk)` | ends a `wait` on that word. Never dereferences `word`, which may be gone: on a futex the worst case is a needless wake of whoever sleeps on that address now |
//! | `SIGNAL_SAFE_WAKE` | whether `wake` may be called in a signal handler; where not, interruptible sleeps end by themselves every few milliseconds and look |
//! | `now()` | monotonic nanoseconds |
//! | `thread_id()` | the system's number of the calling thread |
//!
//! The waker changes the word *before* it calls `wake` (OS-1), so a sleeper that was not yet asleep sees the
//! change and one that was is woken. A wait that ends tells nothing: the sleeper looks at the word again
//! (OS-2).
//!
//! | target | file | sleeps by |
//! |---|---|---|
//! | Linux, Android | `os/linux.rs` | `FUTEX_WAIT_BITSET` with an absolute monotonic deadline |
//! | Windows | `os/windows.rs` | `WaitOnAddress` |
//! | everything else, and the feature `std-fallback` | `os/fallback.rs` | a std mutex and condition variable per thread |
//! | models | `os/model.rs` | the checker's park and unpark, and a clock that the model advances |

use crate::primitive::{modelled, native};

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The word changed, a wake came, or nothing happened at all: look at the word.
    Changed,
    /// The deadline has passed.
    TimedOut,
    /// A signal handler ran on this thread.
    #[allow(dead_code, reason = "only a futex tells that a handler ran")]
    Signalled,
}

native! {
    #[cfg_attr(
        all(any(target_os = "linux", target_os = "android"), not(feature = "std-fallback")),
        path = "os/linux.rs"
    )]
    #[cfg_attr(all(windows, not(feature = "std-fallback")), path = "os/windows.rs")]
    #[cfg_attr(
        any(feature = "std-fallback", not(any(target_os = "linux", target_os = "android", windows))),
        path = "os/fallback.rs"
    )]
    mod chosen;
}
modelled! {
    #[path = "os/model.rs"]
    mod chosen;
    pub use chosen::clock;
}

pub(crate) use chosen::{
    Desk, SIGNAL_SAFE_WAKE, after_fork_child, desk, now, thread_id, wait, wake,
};
