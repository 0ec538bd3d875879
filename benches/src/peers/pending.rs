//! Queues of calls that one thread leaves for another's next poll: the trait of the row, ours, and the peers.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pyceval::{Breaker, Events, PendingCalls};

use super::cpython;

/// Places of a queue: CPython's for the main thread.
const PLACES: usize = 32;

/// A queue of calls, with the bit that tells a poll of them.
pub trait Calls: 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// An empty queue.
    fn fresh() -> Self;

    /// Adds a call that does nothing, and sets the bit.
    fn add(&self);

    /// Takes the bit and runs what is queued.
    fn drain(&self);

    /// Runs `passes` with whatever the calling thread must hold.
    fn holding(&self, passes: impl FnOnce()) {
        passes();
    }
}

/// Ours. The calls are dropped: an attached thread would make one indirect call more.
pub struct Ours {
    calls: PendingCalls,
    breaker: Breaker,
}

impl Calls for Ours {
    const NAME: &'static str = "pyceval";

    fn fresh() -> Self {
        Self { calls: PendingCalls::new(PLACES), breaker: Breaker::new() }
    }

    #[inline]
    fn add(&self) {
        let added = self.calls.add(|_attached| Ok(()));
        assert!(added.is_ok());
        self.breaker.set(Events::CALLS_TO_DO);
    }

    #[inline]
    fn drain(&self) {
        let ran = self.calls.run_with(PLACES, &self.breaker, |call| {
            drop(call);
            Ok::<(), ()>(())
        });
        assert!(ran.is_ok());
    }
}

/// A ring of function pointers that nobody else uses, under two compare-exchanges for each side as under a lock, and
/// one read-modify-write to set the bit and one to take it: what any such queue needs.
#[derive(Default)]
pub struct BareRing {
    lock: AtomicUsize,
    bits: AtomicUsize,
    ring: UnsafeCell<Ring>,
}

#[derive(Default)]
struct Ring {
    slots: [Option<fn()>; PLACES],
    head: usize,
    tail: usize,
}

impl BareRing {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Ring) -> R) -> R {
        // ORD: Acquire and Release as a lock has them.
        let _ = self.lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        // SAFETY: a single thread runs this arm, and no `f` comes back here.
        let result = f(unsafe { &mut *self.ring.get() });
        // ORD: Release, see above.
        let _ = self.lock.compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed);
        result
    }
}

impl Calls for BareRing {
    const NAME: &'static str = "bare ring and bit";

    fn fresh() -> Self {
        Self::default()
    }

    #[inline]
    fn add(&self) {
        self.with(|ring| {
            assert!(ring.tail - ring.head < PLACES);
            ring.slots[ring.tail % PLACES] = Some(|| ());
            ring.tail += 1;
        });
        // ORD: Release, as an event is set.
        self.bits.fetch_or(1, Ordering::Release);
    }

    #[inline]
    fn drain(&self) {
        // ORD: Acquire, as an event is taken.
        self.bits.fetch_and(!1, Ordering::Acquire);
        let call = self.with(|ring| {
            let call = ring.slots[ring.head % PLACES].take();
            ring.head += 1;
            call
        });
        if let Some(call) = call {
            call();
        }
    }
}

/// Boxed closures in a deque under the standard mutex, and a bit.
#[derive(Default)]
pub struct BoxedInDeque {
    calls: Mutex<VecDeque<Box<dyn FnOnce() + Send>>>,
    bits: AtomicUsize,
}

impl Calls for BoxedInDeque {
    const NAME: &'static str = "std mutex and deque";

    fn fresh() -> Self {
        Self::default()
    }

    #[inline]
    fn add(&self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push_back(Box::new(|| ()));
        drop(calls);
        // ORD: Release, as an event is set.
        self.bits.fetch_or(1, Ordering::Release);
    }

    #[inline]
    fn drain(&self) {
        // ORD: Acquire, as an event is taken.
        self.bits.fetch_and(!1, Ordering::Acquire);
        loop {
            let call = self.calls.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(call) = call else { return };
            call();
        }
    }
}

/// CPython's, for its main thread.
pub struct CPython(cpython::Interpreter);

extern "C" fn nothing(_argument: *mut c_void) -> c_int {
    0
}

impl Calls for CPython {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self(cpython::Interpreter::main())
    }

    #[inline]
    fn add(&self) {
        assert!(self.0.add_pending_call(nothing), "nobody drains the queue");
    }

    #[inline]
    fn drain(&self) {
        // SAFETY: in `holding`, on the thread that runs all rows of one thread, and that started the interpreter.
        assert!(unsafe { self.0.make_pending_calls() }, "the calls succeed");
    }

    fn holding(&self, passes: impl FnOnce()) {
        let thread = self.0.new_thread();
        // SAFETY: made for this thread just now.
        unsafe { self.0.restore(thread) };
        passes();
        // SAFETY: this thread holds the GIL.
        unsafe { self.0.save() };
        // SAFETY: this thread's, detached, and not used again.
        unsafe { self.0.end_thread(thread) };
    }
}
