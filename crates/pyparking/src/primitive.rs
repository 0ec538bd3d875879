//! The one place that knows whether this build runs on the machine or inside a model checker.
//!
//! Every atomic, cell, thread-local and static of the lock layer comes from here. Natively the names are
//! core's own and the macros vanish; under `--cfg loom` and `--cfg shuttle` they are the checker's, with a
//! thin wrapper that can weaken one ordering or seed one known defect, so that the models can be shown to
//! notice. `cfg(loom)` and `cfg(shuttle)` stand in this file and in no other file of any `src/`.
//!
//! Public because the crates above share it; not part of the stable interface.
//!
//! | name | native | models |
//! |---|---|---|
//! | `Atomic*`, `fence` | core | the checker's, through `primitive/model.rs` |
//! | [`RaceCell`] | `UnsafeCell` | the checker's cell: a racing access fails the model |
//! | `const_fn!` | `const fn` | `fn`: model atomics register with the run that makes them |
//! | `global!` | a `static` | one instance per explored schedule |
//! | `thread_slot!` | `thread_local!` with a constant initialiser | the checker's thread-local |
//! | [`Watch`] | nothing | says when memory is touched that was given back, or given back while it is touched |
//! | [`BUCKETS`] | 257 | 1: every address collides, which is the hardest case |

pub use core::sync::atomic::Ordering;

#[cfg(not(any(loom, shuttle)))]
#[path = "primitive/native.rs"]
mod chosen;

#[cfg(any(loom, shuttle))]
#[path = "primitive/model.rs"]
mod chosen;

#[cfg(any(loom, shuttle))]
#[path = "primitive/weaken.rs"]
mod weaken;

#[cfg(any(loom, shuttle))]
#[path = "primitive/abstraction.rs"]
pub mod abstraction;

/// The checker that `primitive/model.rs` wraps. Public for `thread_slot!` in the crates above.
#[cfg(loom)]
pub use loom as checker;
#[cfg(shuttle)]
pub use shuttle as checker;

pub use chosen::*;

#[path = "primitive/atomics.rs"]
mod atomics;

#[path = "primitive/cells.rs"]
mod cells;
pub use cells::{Cell, UnsafeCell};

/// Atomics of core in every build, for data that no model looks at: bytes behind a sequence lock, statistics.
pub mod plain {
    use super::Ordering;

    macro_rules! as_given {
        ($order:ident) => {
            $order
        };
    }

    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "this is the shim that the lint points to"
    )]
    mod defined {
        use super::super::atomics::atomics;
        use super::Ordering;

        atomics! { core::sync::atomic, [const], as_given, as_given }
    }
    pub use defined::*;
}

/// Buckets of the global lot: CPython's prime natively, a single one in a model.
pub const BUCKETS: usize = if cfg!(any(loom, shuttle)) { 1 } else { 257 };

/// Whether this build runs inside a model checker.
pub const MODELLED: bool = cfg!(any(loom, shuttle));

/// Whether this build is loom's, where every spin turn multiplies the schedules.
pub const EXHAUSTIVE: bool = cfg!(loom);

/// The known defects that [`seeded`] can bring back, by the number of the CPython issue or our own name.
pub const FAULTS: &[(&str, &str)] = &[
    ("148820", "RawMutex returns on a spurious wake and frees its queue node early"),
    ("114944", "a park that times out while being unparked drops the wake-up"),
    ("121368", "SeqLock::end_read re-reads the sequence without the acquire fence"),
    ("135871", "a zero timeout spins and parks"),
    ("135641", "has_more counts waiters of other addresses in the bucket"),
    ("has-parked-leak", "the last waiter that gives up leaves HAS_PARKED set"),
    ("fair-deadline-reset", "a re-parked waiter starts its millisecond anew"),
    ("once-panic", "a panic inside OnceFlag::call_once leaves the flag running"),
    ("rw-strand-readers", "a writer that gives up leaves the readers behind it asleep"),
    ("uprw-strand-readers", "a writer or an upgrade that gives up settles nothing"),
    ("uprw-upgrade-lost", "the last reader leaves without looking for an upgrade that waits"),
    ("uprw-recursive-waits", "a recursive read queues behind a writer that waits"),
    ("condvar-unlock-first", "a condition variable's waiter unlocks the mutex before it is queued"),
    ("condvar-unmarked", "a waiter is moved to the queue of a mutex that does not say so"),
    ("requeue-deadline-kept", "a waiter that was moved still leaves at its deadline"),
    ("event-lost-wake", "Event::notify stores without looking for waiters"),
    ("attach-before-unlink", "a timed-out waiter attaches before it leaves the queue"),
    ("interrupt-not-sticky", "an interrupt between two parks is forgotten"),
    ("144524", "a thread that stopped the world locks when it begins a critical section"),
    ("pair-holds-first", "a two-mutex section holds one mutex while it blocks on the other"),
    ("resume-skipped", "the end of a section does not resume the one below"),
    ("suspend-skipped", "a section is not suspended when its thread sleeps"),
    ("96387", "a waiter that gives the GIL up leaves its drop request behind"),
    ("118745", "disabling the GIL wakes one waiter, and leaves the others to nobody"),
    ("gil-lost-request", "a waiter whose interval has passed does not ask for the GIL"),
    (
        "gil-forced-no-switch",
        "a holder that was asked frees the GIL instead of handing it over, and may take it again at once",
    ),
    ("gil-seat-after-release", "a release takes its drop request back after it has let the GIL go"),
    (
        "gil-stale-heir",
        "a woken waiter that loses goes back to sleep and still counts as on its way",
    ),
    ("gil-starved-row", "threads in front are preferred without credit"),
    (
        "122201",
        "a thread that finds pending calls being run drops its bit instead of handing it on",
    ),
    ("pending-bit-after", "the bit of pending calls is cleared after they ran"),
    ("pending-rest-lost", "a pending call that fails leaves the others without a bit"),
    ("pending-left-open", "the end of a runtime leaves calls in the queues, which may keep it"),
    ("pending-refused-goes-on", "a thread that was refused in a call takes the next one"),
    ("signal-lost", "the bit of signals is cleared after the look at what was tripped"),
    (
        "slot-reads-then-stores",
        "a store of a slot reads the old value and stores the new one in two steps",
    ),
    ("slot-counts-from-zero", "a load whose try fails takes a reference without trying"),
    (
        "slot-unpublished",
        "a value is put into a slot that others may not try to take a reference from",
    ),
    ("ref-zero-unmarked", "who drops the last reference frees without marking the object as dead"),
    ("ref-looks-offline", "a thread that is not online looks at an object after it has dropped it"),
    ("ref-queued-unmissed", "the owner is asked for a reference that others have taken meanwhile"),
    ("qsbr-free-at-once", "what reaches zero is freed without waiting for readers"),
    ("qsbr-look-by-load", "a look takes an offline member for granted that is going online"),
    ("qsbr-borrowed-goal", "what is put aside waits for the next advance of whatever thread"),
    ("signal-bit-first", "a handler sets the breaker's bit before it marks its signal"),
    ("thread-ended-early", "a thread lets its joiners go before its outcome is there"),
    ("thread-hooks-late", "a thread lets its joiners go before its exit hooks have run"),
    (
        "thread-join-early",
        "a second joiner does not wait for the one that joins the system's thread",
    ),
    (
        "thread-not-handed",
        "a joiner does not wait for the starter to hand the system's thread over",
    ),
    ("tss-stale", "a storage key reads what was stored under another that had its place"),
    ("tss-place-leak", "a thread that loses a race to create a key keeps the place it took"),
    ("retries-time-anew", "a lock acquisition has the whole time again after an interrupt"),
    ("signal-stays-behind", "signals end the sleeps of the thread that started the runtime only"),
    ("signals-kept", "signals that nobody listens to any more keep the process's handlers"),
    ("abandoned-noted", "a thread that is not to come back enters sections without locking"),
    ("fork-unlisted", "states of threads that a fork left behind are unlisted and attach"),
    ("place-not-left", "a thread detaches and stays online in the eyes of its guards"),
    ("guard-unattached", "a refused thread that goes on opens guards"),
    ("merge-unserved", "a poll takes the bit of queued counts and does not merge them"),
    ("pause-frees-nothing", "what threads have put aside waits beyond a pause"),
    ("fork-not-abandoned", "states that a fork left behind keep what is queued for them"),
    (
        "fork-unpins",
        "in a child, guards of the thread that forked keep nothing on members that are offline",
    ),
    ("guard-forgets-who-waits", "a quiescent state that an open guard put off is not made up for"),
    ("dropped-in-start", "who starts the world drops ended threads under the stop's locks"),
    ("turns-kept", "an interpreter that goes leaves the locks' turns as they were"),
];

/// Whether the defect `name` is to be shown in this run.
///
/// Always false, and removed by the compiler, unless the build is a model or has `--cfg seeded_faults`; then
/// it is what the environment variable `PYLOCK_FAULT` names.
#[inline(always)]
pub fn seeded(name: &str) -> bool {
    #[cfg(any(loom, shuttle, seeded_faults))]
    {
        static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        debug_assert!(FAULTS.iter().any(|(known, _)| *known == name), "{name} is not in FAULTS");
        CHOSEN.get_or_init(|| std::env::var("PYLOCK_FAULT").ok()).as_deref() == Some(name)
    }
    #[cfg(not(any(loom, shuttle, seeded_faults)))]
    {
        let _ = name;
        false
    }
}

/// Items that exist on the machine only.
#[cfg(not(any(loom, shuttle)))]
macro_rules! native {
    ($($item:item)*) => { $($item)* };
}
#[cfg(any(loom, shuttle))]
macro_rules! native {
    ($($item:item)*) => {};
}

/// Items that exist in models only.
#[cfg(any(loom, shuttle))]
macro_rules! modelled {
    ($($item:item)*) => { $($item)* };
}
#[cfg(not(any(loom, shuttle)))]
macro_rules! modelled {
    ($($item:item)*) => {};
}
pub(crate) use {modelled, native};

/// Declares a constructor that is `const` on the machine.
#[cfg(not(any(loom, shuttle)))]
#[macro_export]
#[doc(hidden)]
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => { $(#[$meta])* $vis const fn $($rest)* };
}
#[cfg(any(loom, shuttle))]
#[macro_export]
#[doc(hidden)]
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => { $(#[$meta])* $vis fn $($rest)* };
}

/// Declares the constructor of a lot: an array of constants on the machine.
#[cfg(not(any(loom, shuttle)))]
#[macro_export]
#[doc(hidden)]
macro_rules! lot_constructor {
    ($bucket:expr) => {
        /// An empty lot.
        ///
        /// Cost: no atomic operation, no heap; 64 bytes for each bucket.
        ///
        /// ```
        /// use pyparking::Lot;
        ///
        /// static LOT: Lot<8> = Lot::new();
        /// assert_eq!(size_of_val(&LOT), 8 * 64);
        /// ```
        #[must_use]
        pub const fn new() -> Self {
            Self { buckets: [const { $bucket }; N] }
        }
    };
}
#[cfg(any(loom, shuttle))]
#[macro_export]
#[doc(hidden)]
macro_rules! lot_constructor {
    ($bucket:expr) => {
        /// An empty lot.
        #[must_use]
        pub fn new() -> Self {
            Self { buckets: core::array::from_fn(|_| $bucket) }
        }
    };
}

/// Declares a function that returns the one instance of a process-wide value.
#[cfg(not(any(loom, shuttle)))]
#[macro_export]
#[doc(hidden)]
macro_rules! global {
    ($(#[$meta:meta])* $vis:vis fn $name:ident() -> &'static $type:ty = $init:expr) => {
        $(#[$meta])*
        #[inline]
        $vis fn $name() -> &'static $type {
            static INSTANCE: $type = $init;
            &INSTANCE
        }
    };
}
#[cfg(any(loom, shuttle))]
#[macro_export]
#[doc(hidden)]
macro_rules! global {
    ($(#[$meta:meta])* $vis:vis fn $name:ident() -> &'static $type:ty = $init:expr) => {
        $(#[$meta])*
        $vis fn $name() -> &'static $type {
            $crate::primitive::checker::lazy_static! { static ref INSTANCE: $type = $init; }
            &INSTANCE
        }
    };
}
pub(crate) use global;

/// Declares a thread-local without destructor, so that it can be read for as long as the thread runs.
#[cfg(not(any(loom, shuttle)))]
#[macro_export]
#[doc(hidden)]
macro_rules! thread_slot {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr) => {
        std::thread_local! { $(#[$meta])* static $name: $type = const { $init } }
    };
}
#[cfg(any(loom, shuttle))]
#[macro_export]
#[doc(hidden)]
macro_rules! thread_slot {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr) => {
        $crate::primitive::checker::thread_local! { $(#[$meta])* static $name: $type = $init }
    };
}

/// The cell under [`RaceCell`]: loom's, which reports a race, or core's, as shuttle has none.
#[cfg(any(loom, shuttle))]
mod watched {
    #[cfg(loom)]
    use loom::cell::UnsafeCell;
    #[cfg(shuttle)]
    use shuttle_cell::UnsafeCell;

    /// Loom's access shape over core's cell.
    #[cfg(shuttle)]
    mod shuttle_cell {
        #[derive(Debug)]
        pub(super) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);
        impl<T> UnsafeCell<T> {
            pub(super) fn new(value: T) -> Self {
                Self(core::cell::UnsafeCell::new(value))
            }
            pub(super) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
                f(self.0.get())
            }
            pub(super) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
                f(self.0.get())
            }
        }
    }

    /// A value that a lock elsewhere protects; loom fails the model when two accesses race.
    #[derive(Debug)]
    pub struct RaceCell<T: Copy>(UnsafeCell<T>);

    impl<T: Copy> RaceCell<T> {
        /// A cell with a first value.
        #[track_caller]
        pub fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }

        /// Reads the value.
        ///
        /// # Safety
        ///
        /// No other thread writes the cell at the same time.
        #[track_caller]
        pub unsafe fn get(&self) -> T {
            // SAFETY: no writer by the caller's word; loom fails the model otherwise.
            self.0.with(|value| unsafe { *value })
        }

        /// Replaces the value.
        ///
        /// # Safety
        ///
        /// No other thread reads or writes the cell at the same time.
        #[track_caller]
        pub unsafe fn set(&self, value: T) {
            // SAFETY: no other access by the caller's word; loom fails the model otherwise.
            self.0.with_mut(|cell| unsafe { *cell = value });
        }
    }
}
