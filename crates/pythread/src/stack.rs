//! The size of the stacks of threads to come.
//!
//! Port of: `PyThread_get_stacksize`, `PyThread_set_stacksize` (Python/thread.c), `_pythread_pthread_set_stacksize`
//! (Python/thread_pthread.h), `_pythread_nt_set_stacksize` (Python/thread_nt.h)
//! PORT: one setting for the process, where CPython has one for each interpreter; [`Builder::stack_size`] is for a single
//! thread. An upper bound everywhere, not on Windows alone.
//!
//! [`Builder::stack_size`]: crate::Builder::stack_size

use crate::error::StackSizeError;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;

/// 32 KiB. Port of: `THREAD_STACK_MIN` (Python/thread_pthread.h), `THREAD_MIN_STACKSIZE` (Python/thread_nt.h)
const SMALLEST: usize = 0x8000;

/// The largest stack that can be asked for, in bytes: 256 MiB on Windows, a quarter of the address space elsewhere.
/// Whether there is room for it shows when a thread is started.
///
/// Port of: `THREAD_MAX_STACKSIZE` (Python/thread_nt.h)
pub const MAX_STACK_SIZE: usize = if cfg!(windows) { 0x1000_0000 } else { isize::MAX as usize / 2 };

/// What std takes where nothing is said; a thread here gets no less where the system's default is smaller.
const STD_DEFAULT: usize = 2 * 1024 * 1024;

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// The stack size of threads to come, in bytes; 0 is the default: the system's, or std's if that is larger.
///
/// Cost: one relaxed load.
///
/// ```
/// assert_eq!(pythread::stack_size(), 0);
/// ```
///
/// Port of: `PyThread_get_stacksize` (Python/thread.c)
#[must_use]
pub fn stack_size() -> usize {
    // ORD: Relaxed, a setting that orders nothing.
    NEXT.load(Ordering::Relaxed)
}

/// Sets the stack size of threads to come, in bytes; 0 for the default. Returns the former setting. The system rounds
/// to its pages.
///
/// The smallest size is 32 KiB, or the system's minimum if that is more; that is enough to run, and not enough for a
/// panic with a backtrace.
///
/// Cost: one RMW, and a system's question for the minimum.
///
/// # Errors
///
/// [`StackSizeError`]; nothing has changed.
///
/// ```
/// use pythread::{set_stack_size, stack_size};
///
/// assert_eq!(set_stack_size(1 << 20), Ok(0));
/// assert!(set_stack_size(1000).is_err());
/// assert_eq!(stack_size(), 1 << 20);
/// assert_eq!(set_stack_size(0), Ok(1 << 20));
/// ```
///
/// Port of: `PyThread_set_stacksize` (Python/thread.c)
pub fn set_stack_size(bytes: usize) -> Result<usize, StackSizeError> {
    check(bytes)?;
    // ORD: Relaxed, as in `stack_size`.
    Ok(NEXT.swap(bytes, Ordering::Relaxed))
}

/// The smallest stack that can be asked for, in bytes.
///
/// Cost: on Unix a question to the C library.
///
/// ```
/// assert!(pythread::min_stack_size() >= 32 * 1024);
/// ```
#[must_use]
pub fn min_stack_size() -> usize {
    SMALLEST.max(system_min())
}

fn check(bytes: usize) -> Result<(), StackSizeError> {
    let (min, max) = (min_stack_size(), MAX_STACK_SIZE);
    if bytes == 0 || (min..=max).contains(&bytes) {
        return Ok(());
    }
    Err(StackSizeError { size: bytes, min, max })
}

/// The stack of the next thread, in bytes, with a wish of its own.
pub(crate) fn of_next(own: Option<usize>) -> Result<usize, StackSizeError> {
    if let Some(bytes) = own {
        check(bytes)?;
    }
    Ok(match own.unwrap_or_else(stack_size) {
        0 => system_default().max(STD_DEFAULT),
        bytes => bytes,
    })
}

#[cfg(unix)]
fn system_min() -> usize {
    // SAFETY: takes a plain number and returns one.
    let min = unsafe { libc::sysconf(libc::_SC_THREAD_STACK_MIN) };
    usize::try_from(min).unwrap_or(0)
}

/// The stack of a thread about which nothing is said; 0 if the system does not tell.
#[cfg(unix)]
fn system_default() -> usize {
    let mut attributes = core::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut size = 0;
    // SAFETY: a place for the attributes, which the call fills in.
    if unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) } != 0 {
        return 0;
    }
    // SAFETY: the attributes were filled in just now, and the size is a place of this frame.
    let told = unsafe { libc::pthread_attr_getstacksize(attributes.as_ptr(), &mut size) } == 0;
    // SAFETY: filled in, and not used afterwards.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if told { size } else { 0 }
}

#[cfg(not(unix))]
fn system_min() -> usize {
    0
}

/// Windows takes the default from the executable, std asks for its own.
#[cfg(not(unix))]
fn system_default() -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_zero_is_the_default() {
        let min = min_stack_size();
        for good in [0, min, min + 1, 1 << 20, MAX_STACK_SIZE] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for size in [1, min - 1, MAX_STACK_SIZE + 1, usize::MAX] {
            assert_eq!(check(size), Err(StackSizeError { size, min, max: MAX_STACK_SIZE }));
        }
    }

    #[test]
    fn a_wish_of_its_own_comes_first() {
        assert_eq!(of_next(Some(1 << 18)), Ok(1 << 18));
        assert!(of_next(Some(1)).is_err());
        assert!(of_next(Some(0)).unwrap() >= STD_DEFAULT);
    }
}
