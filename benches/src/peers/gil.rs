//! Interpreter locks: the trait of the GIL rows, and the peers that implement it.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::{Condvar, Mutex, PoisonError};

use pyceval::{Events, Gil, Seat, SwitchPolicy};

use super::cpython;

/// A global interpreter lock.
pub trait Turnstile: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// What a thread needs to take part. Boxed, so that it stays where it is.
    type Seat;

    /// A lock that nobody holds.
    fn fresh() -> Self;

    /// A seat for the calling thread.
    fn sit(&self) -> Box<Self::Seat>;

    /// Takes the lock.
    fn take(&self, seat: &Self::Seat);

    /// Releases the lock.
    fn release(&self, seat: &Self::Seat);

    /// The poll of an eval loop: whether somebody wants the lock.
    fn is_asked(&self, seat: &Self::Seat) -> bool;

    /// The calling thread takes part no more.
    fn leave(&self, seat: Box<Self::Seat>) {
        drop(seat);
    }
}

macro_rules! ours {
    ($(#[$about:meta])* $name:ident, $label:literal, $policy:expr) => {
        $(#[$about])*
        pub struct $name(Gil);

        impl Turnstile for $name {
            const NAME: &'static str = $label;
            type Seat = Seat;

            fn fresh() -> Self {
                Self(Gil::new($policy))
            }

            fn sit(&self) -> Box<Seat> {
                Box::new(Seat::new())
            }

            #[inline]
            fn take(&self, seat: &Seat) {
                // SAFETY: the seat is boxed, and the rows release before they leave it.
                unsafe { self.0.take(seat) };
            }

            #[inline]
            fn release(&self, seat: &Seat) {
                self.0.release(seat);
            }

            #[inline]
            fn is_asked(&self, seat: &Seat) -> bool {
                seat.breaker().is_tripped() && seat.breaker().events().contains(Events::GIL_DROP_REQUEST)
            }
        }
    };
}

ours!(
    /// Ours, with CPython's policy.
    Classic, "pyceval", SwitchPolicy::Classic
);
ours!(
    /// Ours, with the policy without the convoy.
    Responsive, "pyceval responsive", SwitchPolicy::Responsive
);

/// A flag under a mutex, with a condition variable: the usual way, without requests.
#[derive(Default)]
pub struct MutexAndCondvar {
    held: Mutex<bool>,
    freed: Condvar,
}

impl Turnstile for MutexAndCondvar {
    const NAME: &'static str = "mutex and condvar";
    type Seat = ();

    fn fresh() -> Self {
        Self::default()
    }

    fn sit(&self) -> Box<()> {
        Box::new(())
    }

    #[inline]
    fn take(&self, _seat: &()) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while *held {
            held = self.freed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held = true;
    }

    #[inline]
    fn release(&self, _seat: &()) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.freed.notify_one();
    }

    fn is_asked(&self, _seat: &()) -> bool {
        false
    }
}

/// CPython's GIL, through the calls of "allow threads".
pub struct CPython(cpython::Interpreter);

/// One of CPython's thread states.
pub struct ThreadState(Cell<*mut c_void>);

impl Turnstile for CPython {
    const NAME: &'static str = "CPython";
    type Seat = ThreadState;

    fn fresh() -> Self {
        Self(cpython::Interpreter::main())
    }

    fn sit(&self) -> Box<ThreadState> {
        Box::new(ThreadState(Cell::new(self.0.new_thread())))
    }

    #[inline]
    fn take(&self, seat: &ThreadState) {
        // SAFETY: made by `sit` for this thread, which does not hold the GIL.
        unsafe { self.0.restore(seat.0.get()) };
    }

    #[inline]
    fn release(&self, seat: &ThreadState) {
        // SAFETY: this thread holds the GIL, by `take`.
        seat.0.set(unsafe { self.0.save() });
    }

    #[inline]
    fn is_asked(&self, seat: &ThreadState) -> bool {
        // SAFETY: a live thread state of this thread.
        unsafe { cpython::Interpreter::is_asked(seat.0.get()) }
    }

    fn leave(&self, seat: Box<ThreadState>) {
        // SAFETY: as in `take`; the state is not used afterwards.
        unsafe { self.0.end_thread(seat.0.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::{Classic, MutexAndCondvar, Responsive, Turnstile};
    use std::sync::atomic::{AtomicU32, Ordering};

    fn excludes<G: Turnstile>() {
        let (gil, inside) = (G::fresh(), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let seat = gil.sit();
                    for _ in 0..2_000 {
                        gil.take(&seat);
                        // ORD: Relaxed, an RMW: two inside see each other.
                        assert_eq!(inside.swap(1, Ordering::Relaxed), 0, "{}", G::NAME);
                        // ORD: Relaxed, as above.
                        inside.store(0, Ordering::Relaxed);
                        gil.release(&seat);
                    }
                    gil.leave(seat);
                });
            }
        });
    }

    #[test]
    fn every_interpreter_lock_excludes() {
        excludes::<Classic>();
        excludes::<Responsive>();
        excludes::<MutexAndCondvar>();
    }
}
