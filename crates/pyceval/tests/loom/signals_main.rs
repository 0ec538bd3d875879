//! Models of the main thread's side of a signal: it hears of the last one sent, however it came to be the main thread,
//! and wherever it sleeps.

use pyceval::{Breaker, Events, Signals, Target};
use pyparking::ThreadHandle;
use pyparking::primitive::{AtomicU32, Ordering};
use pysync::Event;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};

/// The keyboard's interrupt, which needs no registration.
const INTERRUPT: i32 = 2;

struct Shared {
    signals: Signals,
    breaker: Arc<Breaker>,
    /// How often the signal was sent, counted before each.
    sent: AtomicU32,
    /// How much of that the last callback has seen.
    heard: AtomicU32,
}

impl Shared {
    /// Signals without a main thread.
    fn unbound() -> Arc<Self> {
        Arc::new(Self {
            signals: Signals::new(),
            breaker: Arc::new(Breaker::new()),
            sent: AtomicU32::new(0),
            heard: AtomicU32::new(0),
        })
    }

    /// Signals whose main thread is this one.
    fn new() -> Arc<Self> {
        let shared = Self::unbound();
        shared.bind(&shared.breaker);
        shared
    }

    fn bind(&self, breaker: &Arc<Breaker>) {
        let handle = ThreadHandle::current();
        self.signals.bind_main(Target::new(Arc::clone(breaker), |breaker| breaker, handle));
    }

    fn trip(&self) {
        // ORD: Relaxed, the trip is to carry it.
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.signals.trip(INTERRUPT).unwrap();
    }

    /// The callback.
    fn hear(&self, signal: i32) {
        assert_eq!(signal, INTERRUPT);
        // ORD: Relaxed, the delivery is to have carried it; only the main thread writes the other.
        self.heard.store(self.sent.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn deliver(&self) {
        let heard = self.signals.deliver_with(|signal| {
            self.hear(signal);
            Ok::<(), ()>(())
        });
        assert_eq!(heard, Ok(()));
    }

    fn poll(&self) {
        if self.breaker.is_tripped() {
            self.deliver();
        }
    }

    /// Nobody sends any more: the next poll hears of the last signal, unless one did.
    fn ends_heard(&self) {
        self.poll();
        // ORD: Relaxed, all others have ended.
        let (sent, heard) = (self.sent.load(Ordering::Relaxed), self.heard.load(Ordering::Relaxed));
        assert_eq!(heard, sent, "the last signal was not delivered");
        assert!(!self.breaker.is_tripped());
    }
}

/// SIGNAL-1. Two threads, no bound: a signal is sent twice while the main thread polls. The callback begins once more
/// after the last.
#[test]
fn signals_trip_against_deliver() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let sender = start(&shared, |shared| {
            shared.trip();
            shared.trip();
        });
        shared.poll();
        sender.join().unwrap();
        shared.ends_heard();
    });
}

/// SIGNAL-1. Two threads, no bound: the main thread says who it is while a signal comes. One of the two finds the other.
#[test]
fn signals_trip_against_the_first_bind() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::unbound();
        let sender = start(&shared, Shared::trip);
        shared.bind(&shared.breaker);
        sender.join().unwrap();
        shared.ends_heard();
    });
}

/// SIGNAL-1, HELD-1, TARGET-1. Two threads, no bound: another breaker becomes the main thread's while a signal comes,
/// which reaches the new one, or was found there by the bind.
#[test]
fn signals_trip_against_a_rebind() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::unbound();
        shared.bind(&Arc::new(Breaker::new()));
        let sender = start(&shared, Shared::trip);
        shared.bind(&shared.breaker);
        sender.join().unwrap();
        shared.ends_heard();
    });
}

/// SIGNAL-1, SIGNAL-5, HELD-1. Two threads, no bound: the main thread's state comes back to whoever had it before, while a
/// signal comes.
#[test]
fn signals_trip_against_a_rebind_to_a_former_target() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        shared.bind(&Arc::new(Breaker::new()));
        let sender = start(&shared, Shared::trip);
        shared.bind(&shared.breaker);
        sender.join().unwrap();
        shared.ends_heard();
    });
}

/// SIGNAL-4. Two threads, bounded: the main thread sleeps until a signal interrupts it, and finds the bit.
#[test]
fn signals_wake_the_main_thread() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let sender = start(&shared, Shared::trip);
        assert!(!Event::new().wait_timed(None), "nobody notifies it");
        assert!(shared.breaker.events().contains(Events::SIGNALS_PENDING));
        sender.join().unwrap();
        shared.ends_heard();
    });
}
