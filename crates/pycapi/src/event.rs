//! `PyEvent`: told once, to everybody.
//!
//! Port of: `PyEvent` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: as [`pysync::Event`].

use crate::boundary::{at, edge, timeout};
use core::ffi::c_int;
use pysync::{Event, LockFlags};

/// Whether the event is set.
///
/// Cost: one acquire load.
///
/// Port of: `_PyEvent_IsSet` (Python/lock.c)
///
/// # Safety
///
/// `event`, unless null, points to a `PyEvent` that stays for the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyEvent_IsSet(event: *const Event) -> c_int {
    // SAFETY: the caller's word.
    edge(c"_PyEvent_IsSet", || unsafe { at(c"_PyEvent_IsSet", event) }.is_set().into())
}

/// Sets the event and wakes everybody who waits.
///
/// Cost: as [`Event::notify`].
///
/// Port of: `_PyEvent_Notify` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyEvent_IsSet`]; a waiter may free the event as soon as it is set.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyEvent_Notify(event: *const Event) {
    // SAFETY: the caller's word.
    edge(c"_PyEvent_Notify", || unsafe { at(c"_PyEvent_Notify", event) }.notify());
}

/// Waits until the event is set.
///
/// Cost: as [`Event::wait`].
///
/// Port of: `PyEvent_Wait` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyEvent_IsSet`].
#[unsafe(no_mangle)]
unsafe extern "C" fn PyEvent_Wait(event: *const Event) {
    // SAFETY: the caller's word.
    edge(c"PyEvent_Wait", || unsafe { at(c"PyEvent_Wait", event) }.wait());
}

/// Waits until the event is set, for `nanos`, or until an interrupt: 1 if the event is set. Without `detach` the thread
/// sleeps attached.
///
/// Cost: as [`Event::wait_with`].
///
/// Port of: `PyEvent_WaitTimed` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyEvent_IsSet`].
#[unsafe(no_mangle)]
unsafe extern "C" fn PyEvent_WaitTimed(event: *const Event, nanos: i64, detach: c_int) -> c_int {
    edge(c"PyEvent_WaitTimed", || {
        let detach = if detach != 0 { LockFlags::DETACH } else { LockFlags::EMPTY };
        // SAFETY: the caller's word.
        let event = unsafe { at(c"PyEvent_WaitTimed", event) };
        event.wait_with(timeout(nanos), detach | LockFlags::FAIL_IF_INTERRUPTED).into()
    })
}
