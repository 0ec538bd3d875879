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
    let ident = fresh();
    MINE.with(|mine| mine.set(Some(ident)));
    ident
}

/// A number that nobody has.
fn fresh() -> NonZeroU64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // ORD: Relaxed, only uniqueness is asked for; an RMW gives it.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX)
}

/// A number for a thread that is about to be started, so that its starter knows it without waiting.
///
/// It can be adopted once, so no two threads have one number. Dropped, the number is nobody's for ever.
///
/// ```
/// use pyparking::ident;
///
/// let reserved = ident::reserve();
/// let number = reserved.get();
/// let thread = std::thread::spawn(move || {
///     assert!(reserved.adopt().is_ok());
///     ident::current()
/// });
/// assert_eq!(thread.join().unwrap(), number);
/// ```
#[derive(Debug)]
#[must_use = "a number that is dropped is lost"]
pub struct Reserved(NonZeroU64);

/// Sets a number aside for a thread that is about to be started.
///
/// Cost: one relaxed add.
///
/// ```
/// use pyparking::ident;
///
/// assert_ne!(ident::reserve().get(), ident::current());
/// ```
pub fn reserve() -> Reserved {
    Reserved(fresh())
}

impl Reserved {
    /// The number.
    ///
    /// Cost: none.
    ///
    /// ```
    /// use pyparking::ident;
    ///
    /// assert_ne!(ident::reserve().get(), ident::reserve().get());
    /// ```
    #[must_use]
    pub fn get(&self) -> NonZeroU64 {
        self.0
    }

    /// Makes the number the calling thread's.
    ///
    /// Cost: a thread-local read and write.
    ///
    /// # Errors
    ///
    /// The reservation comes back if the thread has a number, which it keeps: locks may know it by that.
    ///
    /// ```
    /// use pyparking::ident;
    ///
    /// let mine = ident::current();
    /// assert!(ident::reserve().adopt().is_err());
    /// assert_eq!(ident::current(), mine);
    /// ```
    pub fn adopt(self) -> Result<(), Self> {
        if MINE.with(Cell::get).is_some() {
            return Err(self);
        }
        MINE.with(|mine| mine.set(Some(self.0)));
        Ok(())
    }
}

/// The system's number of the calling thread, as a debugger shows it; another one in the child of a fork, after
/// [`after_fork_child`](crate::after_fork_child).
///
/// Cost: one thread-local read; a system call, the first time.
///
/// ```
/// use pyparking::ident;
///
/// assert_eq!(ident::native(), ident::native());
/// # #[cfg(target_os = "linux")]
/// assert_ne!(ident::native(), std::thread::spawn(ident::native).join().unwrap());
/// ```
///
/// Port of: `PyThread_get_thread_native_id` (Python/thread_pthread.h)
#[must_use]
pub fn native() -> u64 {
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
