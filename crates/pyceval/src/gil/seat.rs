//! What a thread state shows to the GIL: its address, its breaker, and how its last release came about.

use crate::breaker::{Breaker, Events};
use pyparking::primitive::{AtomicBool, Ordering};

/// Where one thread sits when it holds or waits for a [`Gil`](crate::Gil): part of its thread state.
///
/// The GIL knows a thread by the address of its seat, and asks it to drop the GIL through the breaker inside.
///
/// ```
/// use pyceval::{Events, Seat};
///
/// let seat = Seat::new();
/// seat.breaker().set(Events::GC_SCHEDULED);
/// assert!(seat.breaker().is_tripped());
/// ```
#[derive(Debug)]
#[repr(C, align(8))]
pub struct Seat {
    breaker: Breaker,
    asked: AtomicBool,
}

impl Seat {
    pyparking::const_fn! {
        /// A seat whose breaker has no event.
        ///
        /// Cost: no atomic operation.
        ///
        /// ```
        /// assert!(!pyceval::Seat::new().breaker().is_tripped());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { breaker: Breaker::new(), asked: AtomicBool::new(true) }
        }
    }

    /// The thread's breaker. It stands at the seat's own address, for machine code that polls it.
    ///
    /// Cost: none.
    ///
    /// ```
    /// let seat = pyceval::Seat::new();
    /// assert!(core::ptr::from_ref(seat.breaker()).cast() == &raw const seat);
    /// ```
    #[inline]
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Whether the thread released the GIL because it was asked to, the last time. A new thread counts as one that was:
    /// nothing is known of it that would let it come before others.
    #[inline]
    pub(super) fn was_asked(&self) -> bool {
        // ORD: Relaxed, the thread's own note.
        self.asked.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn note_release(&self, asked: bool) {
        // ORD: Relaxed, the thread's own note.
        self.asked.store(asked, Ordering::Relaxed);
    }

    /// Takes a drop request back, whoever made it.
    #[inline]
    pub(super) fn forget_request(&self) {
        if self.breaker.events().contains(Events::GIL_DROP_REQUEST) {
            self.breaker.clear(Events::GIL_DROP_REQUEST);
        }
    }

    /// The word of a GIL that this seat holds.
    #[inline]
    pub(super) fn word(&self) -> usize {
        core::ptr::from_ref(self).expose_provenance()
    }
}

/// The bit of the breaker that stands for what [`pyref`] wants of the thread.
impl pyref::Notice for Seat {
    fn merge_wanted(&self) {
        self.breaker.set(Events::EXPLICIT_MERGE);
    }
}

impl Default for Seat {
    fn default() -> Self {
        Self::new()
    }
}
