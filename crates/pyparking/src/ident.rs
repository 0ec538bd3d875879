//! A number for every thread, never used twice.
//!
//! The system's own idents are reused as soon as a thread ends, so a lock that a dead thread still owns would
//! seem to belong to its successor. Ours count up. They are thread-local data, so the thread that survives a
//! fork keeps its number, and with it the recursive mutexes that it owned.

use crate::os;
use crate::primitive::plain::AtomicU64;
use crate::primitive::{Cell, Ordering};
use crate::thread_slot;
use core::num::NonZeroU64;

thread_slot! {
    static MINE: Cell<Option<NonZeroU64>> = Cell::new(None)
}
thread_slot! {
    static SYSTEM: Cell<u64> = Cell::new(0)
}

/// The calling thread's number: not zero, unique in the process, the same after a fork.
///
/// Cost: one thread-local read; the first call of a thread takes one relaxed add. Async-signal-safe after
/// the first call.
///
/// ```
/// use pyparking::ident;
///
/// let mine = ident::current();
/// assert_eq!(mine, ident::current());
/// assert_ne!(mine, std::thread::spawn(ident::current).join().unwrap());
/// ```
#[inline]
#[must_use]
pub fn current() -> NonZeroU64 {
    MINE.with(Cell::get).unwrap_or_else(first)
}

#[cold]
fn first() -> NonZeroU64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // ORD: Relaxed, only uniqueness is asked for; an RMW gives it.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let ident = NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX);
    MINE.with(|mine| mine.set(Some(ident)));
    ident
}

/// The system's number of the calling thread, as a debugger shows it. Asked for once per thread.
pub(crate) fn system() -> u64 {
    SYSTEM.with(|system| {
        if system.get() == 0 {
            system.set(os::thread_id());
        }
        system.get()
    })
}

/// The child of a fork has another system number.
pub(crate) fn after_fork_child() {
    SYSTEM.with(|system| system.set(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idents_are_not_reused() {
        let first = std::thread::spawn(current).join().unwrap();
        let second = std::thread::spawn(current).join().unwrap();
        assert_ne!(first, second);
        assert_ne!(current(), first);
    }
}
