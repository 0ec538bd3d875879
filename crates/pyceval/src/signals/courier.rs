//! The thread that tells subscribers, so that they need not wait for the main thread's next poll.
//!
//! A handler cannot send through a channel, which locks and allocates. It leaves the signal's bit and interrupts the
//! courier, who sleeps in a wait that an interrupt ends; no pipe is needed.
//!
//! * COURIER-1: a signal that is posted is sent: the courier looks for bits after every interrupt, and an interrupt that
//!   comes before the sleep ends it at once (REG-2). One that is posted before the courier has said who it is is found
//!   by its first look.

use super::bit;
use super::bridge::Bridge;
use super::held::Held;
use pyparking::ThreadHandle;
use pyparking::primitive::{AtomicU64, Ordering};
use pysync::{Event, MutexCell};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::{io, mem};

pub(super) struct Courier {
    due: AtomicU64,
    handle: Held<ThreadHandle>,
    end: Event,
    thread: MutexCell<Option<JoinHandle<()>>>,
}

impl Courier {
    pub(super) fn new() -> Self {
        Self {
            due: AtomicU64::new(0),
            handle: Held::new(),
            end: Event::new(),
            thread: MutexCell::new(None),
        }
    }

    /// Leaves a signal. Async-signal-safe.
    pub(super) fn post(&self, signal: i32) {
        // ORD: AcqRel, pairs with the swap in `rounds`, which comes before or after: either it takes the bit, or the
        // courier is seen below (COURIER-1).
        self.due.fetch_or(bit(signal), Ordering::AcqRel);
        if let Some(handle) = self.handle.get() {
            handle.interrupt();
        }
    }

    /// Ends the courier and waits for it.
    pub(super) fn stop(&self) {
        self.end.notify();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // It does not panic; if it did, there is nothing to add to what it printed.
            let _ended = thread.join();
        }
    }
}

/// Starts the courier, unless it has been.
pub(super) fn start(bridge: &Arc<Bridge>) -> io::Result<()> {
    let mut thread = bridge.courier.thread.lock();
    if thread.is_none() {
        let bridge = Arc::clone(bridge);
        let name = "signal courier".to_owned();
        *thread = Some(Builder::new().name(name).spawn(move || rounds(&bridge))?);
    }
    Ok(())
}

/// The courier's life.
fn rounds(bridge: &Bridge) {
    let courier = &bridge.courier;
    courier.handle.replace(ThreadHandle::current());
    loop {
        // ORD: AcqRel, pairs with `post` (COURIER-1).
        let mut due = courier.due.swap(0, Ordering::AcqRel);
        while due != 0 {
            let signal = due.trailing_zeros() as i32 + 1;
            bridge.table.send(signal);
            due &= !bit(signal);
        }
        if courier.end.wait_timed(None) {
            return;
        }
    }
}

/// Starts the courier again in the child of a fork, if somebody follows a signal.
///
/// # Safety
///
/// As [`Signals::after_fork_child`](super::Signals::after_fork_child).
pub(super) unsafe fn after_fork_child(bridge: &Arc<Bridge>) {
    let courier = &bridge.courier;
    // ORD: Relaxed, there is no other thread.
    courier.due.store(0, Ordering::Relaxed);
    // SAFETY: the lock inside is made free; nobody else is there to have it.
    unsafe { courier.thread.raw().after_fork_child() };
    // The thread is not in this process: there is nothing to join or to let go.
    mem::forget(courier.thread.lock().take());
    if bridge.table.is_followed() {
        // Without a courier the subscriptions are silent, which is all that can be done about a system that is out of
        // threads here.
        let _started = start(bridge);
    }
}
