//! The C library's error number, on Windows the last error, which a call in between must not change.

/// Runs `f` and puts the error number back afterwards.
pub(crate) fn kept<R>(f: impl FnOnce() -> R) -> R {
    let kept = ::errno::errno();
    let result = f();
    ::errno::set_errno(kept);
    result
}
