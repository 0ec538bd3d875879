//! What the tests share: seats with the take that they need, and data that only the GIL protects.

use pyceval::{Events, Gil, Seat, SwitchPolicy, Taken};
use pyparking::Deadline;
use pyparking::primitive::{Ordering, UnsafeCell, plain::AtomicU32};
use std::time::Duration;

/// Long enough that no test sees it pass.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(3600);

/// Short enough that a test can wait for it.
pub(crate) const SHORT: Duration = Duration::from_micros(200);

/// A GIL whose waiters do not ask.
pub(crate) fn patient(policy: SwitchPolicy) -> Gil {
    with_interval(policy, FOR_EVER)
}

pub(crate) fn with_interval(policy: SwitchPolicy, interval: Duration) -> Gil {
    let gil = Gil::new(policy);
    gil.set_interval(interval).expect("long enough");
    gil
}

/// A thread's seat on its stack, which the thread leaves only without the GIL.
pub(crate) struct Sitting<'a> {
    pub(crate) gil: &'a Gil,
    pub(crate) seat: Seat,
}

impl<'a> Sitting<'a> {
    pub(crate) fn at(gil: &'a Gil) -> Box<Self> {
        Box::new(Self { gil, seat: Seat::new() })
    }

    pub(crate) fn take(&self) -> bool {
        // SAFETY: boxed, and released at the latest when it is dropped.
        unsafe { self.gil.take(&self.seat) }
    }

    pub(crate) fn take_until(&self, deadline: Deadline) -> Taken {
        // SAFETY: as in `take`.
        unsafe { self.gil.take_until(&self.seat, deadline) }
    }

    pub(crate) fn release(&self) {
        self.gil.release(&self.seat);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.seat.breaker().events().contains(Events::GIL_DROP_REQUEST)
    }

    /// What an interpreter does at a poll.
    pub(crate) fn poll(&self) -> bool {
        let asked = self.seat.breaker().is_tripped();
        if asked {
            self.release();
            self.take();
        }
        asked
    }
}

impl Drop for Sitting<'_> {
    fn drop(&mut self) {
        if self.gil.is_held_by(&self.seat) {
            self.release();
        }
    }
}

/// A sum that only the GIL protects; notices two threads inside.
pub(crate) struct Room {
    sum: UnsafeCell<u64>,
    inside: AtomicU32,
}

// SAFETY: whoever is inside is alone there, or `add` panics.
unsafe impl Sync for Room {}

impl Room {
    pub(crate) const fn new() -> Self {
        Self { sum: UnsafeCell::new(0), inside: AtomicU32::new(0) }
    }

    pub(crate) fn add(&self) {
        // ORD: Relaxed, an RMW: two inside see each other.
        assert_eq!(self.inside.swap(1, Ordering::Relaxed), 0, "two hold the GIL");
        // SAFETY: alone inside.
        unsafe { *self.sum.get() += 1 };
        // ORD: Relaxed, as above.
        self.inside.swap(0, Ordering::Relaxed);
    }

    pub(crate) fn sum(&self) -> u64 {
        // SAFETY: asked when the threads have gone.
        unsafe { *self.sum.get() }
    }
}
