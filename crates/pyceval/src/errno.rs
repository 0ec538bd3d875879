//! The C library's error number, on Windows the last error, which a call in between must not change.

/// Runs `f` and puts the error number back afterwards.
pub(crate) fn kept<R>(f: impl FnOnce() -> R) -> R {
    let kept = ::errno::errno();
    let result = f();
    ::errno::set_errno(kept);
    result
}

/// As [`kept`], where even reading a thread-local changes the number: Windows. Elsewhere `f` alone.
#[inline]
pub(crate) fn kept_from_thread_locals<R>(f: impl FnOnce() -> R) -> R {
    if cfg!(windows) { kept(f) } else { f() }
}
