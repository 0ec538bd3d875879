//! Panics that are part of a test: on threads whose output no harness captures, their reports would bury a real one.

use std::any::Any;
use std::panic::resume_unwind;

/// Panics with `payload` past the panic hook, so that nothing is printed.
pub(crate) fn panic_any<T: Any + Send>(payload: T) -> ! {
    resume_unwind(Box::new(payload))
}
