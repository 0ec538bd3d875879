//! `_PyOnceFlag`: run something until it has succeeded once.
//!
//! Port of: `_PyOnceFlag` (Include/cpython/lock.h, Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: as [`pysync::OnceFlag`].

use crate::boundary::{at, callback, edge, fatal};
use core::ffi::{c_int, c_void};
use pysync::OnceFlag;

/// What C hands in: 0 for success, -1 for failure.
type Function = unsafe extern "C-unwind" fn(*mut c_void) -> c_int;

/// Runs `function` unless a run has succeeded; waits for one under way. 0, or -1 if `function` was called and failed.
///
/// Fatal if it returns anything else.
///
/// Cost: as [`OnceFlag::call_once`].
///
/// Port of: `_PyOnceFlag_CallOnceSlow` (Python/lock.c)
///
/// # Safety
///
/// `flag`, unless null, points to a `_PyOnceFlag` that stays for the call, and `function` may be called with `arg`.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyOnceFlag_CallOnceSlow(
    flag: *const OnceFlag,
    function: Option<Function>,
    arg: *mut c_void,
) -> c_int {
    const NAME: &core::ffi::CStr = c"_PyOnceFlag_CallOnceSlow";
    edge(NAME, || {
        let function = callback(NAME, function);
        // SAFETY: the caller's word.
        let flag = unsafe { at(NAME, flag) };
        // SAFETY: the caller's word.
        let run = || match unsafe { function(arg) } {
            0 => Ok(()),
            -1 => Err(()),
            _ => fatal(c"unlock_once", c"invalid result from _PyOnceFlag_CallOnce"),
        };
        flag.call_once(run).map_or(-1, |()| 0)
    })
}
