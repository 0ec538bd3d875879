//! Models of the way of a signal: the handler as a second thread, which is more than the system lets it do.

use pyceval::{Breaker, Events, Signals, Target};
use pyparking::ThreadHandle;
use pyparking::primitive::{AtomicU32, Ordering, RaceCell};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};

/// The keyboard's interrupt, which needs no registration.
const SIGNAL: i32 = 2;

struct Shared {
    signals: Signals,
    breaker: Arc<Breaker>,
    /// What led to the signal, to be seen by the callback.
    cause: RaceCell<u32>,
    delivered: AtomicU32,
}

// SAFETY: the cause is written before the signal and read by its callback (SIGNAL-1); loom fails the model otherwise.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        let breaker = Arc::new(Breaker::new());
        let signals = Signals::new();
        signals.bind_main(target(&breaker));
        let (cause, delivered) = (RaceCell::new(0), AtomicU32::new(0));
        Arc::new(Self { signals, breaker, cause, delivered })
    }

    /// What the main thread does at a poll.
    fn poll(&self) {
        if self.breaker.is_tripped() {
            self.deliver(&Ok(()));
        }
    }

    fn deliver(&self, result: &Result<(), ()>) {
        let _result = self.signals.deliver_with(|signal| {
            assert_eq!(signal, SIGNAL);
            self.delivered.fetch_add(1, Ordering::Relaxed);
            *result
        });
    }

    fn delivered(&self) -> u32 {
        self.delivered.load(Ordering::Relaxed)
    }
}

fn target(breaker: &Arc<Breaker>) -> Target {
    Target::new(Arc::clone(breaker), |breaker| breaker, ThreadHandle::current())
}

/// SIGNAL-1. Two threads, no bound: each signal is delivered at least once after it was sent.
#[test]
fn signals_are_not_lost() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let handler = start(&shared, |shared| {
            shared.signals.trip(SIGNAL).unwrap();
            let before = shared.delivered();
            shared.signals.trip(SIGNAL).unwrap();
            before
        });
        shared.poll();
        shared.poll();
        let before = handler.join().unwrap();
        shared.poll();
        assert!(!shared.breaker.is_tripped());
        assert!(shared.delivered() >= 1 && shared.delivered() >= before);
        // One more, to see that nothing is stuck.
        let so_far = shared.delivered();
        shared.signals.trip(SIGNAL).unwrap();
        shared.poll();
        assert_eq!(shared.delivered(), so_far + 1);
    });
}

/// SIGNAL-1. Two threads, no bound: what led to a signal is seen by its callback.
#[test]
fn signals_carry_their_cause() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let handler = start(&shared, |shared| {
            // SAFETY: nobody reads before the signal.
            unsafe { shared.cause.set(7) };
            shared.signals.trip(SIGNAL).unwrap();
        });
        let look = || {
            let looked: Result<(), ()> = shared.signals.deliver_with(|_| {
                // SAFETY: behind the signal, which is sent once.
                assert_eq!(unsafe { shared.cause.get() }, 7);
                shared.delivered.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
            looked.unwrap();
        };
        if shared.breaker.is_tripped() {
            look();
        }
        handler.join().unwrap();
        look();
        assert_eq!(shared.delivered(), 1);
    });
}

/// SIGNAL-3. Two threads, no bound: a callback that fails leaves no signal without its bit.
#[test]
fn signals_survive_a_callback_that_fails() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        shared.signals.trip(SIGNAL).unwrap();
        let handler = start(&shared, |shared| shared.signals.trip(SIGNAL).unwrap());
        shared.deliver(&Err(()));
        let first = shared.delivered();
        assert_eq!(first, 1);
        handler.join().unwrap();
        shared.poll();
        assert!(!shared.breaker.is_tripped());
        let looked: Result<(), ()> = shared.signals.deliver_with(|_| panic!("tripped without bit"));
        looked.unwrap();
    });
}

/// SIGNAL-1. Three threads, bounded: two handlers at once.
#[test]
fn signals_of_two_handlers() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let one = start(&shared, |shared| shared.signals.trip(SIGNAL).unwrap());
        let two = start(&shared, |shared| shared.signals.trip(SIGNAL).unwrap());
        shared.poll();
        one.join().unwrap();
        two.join().unwrap();
        shared.poll();
        assert!(!shared.breaker.is_tripped());
        assert!((1..=2).contains(&shared.delivered()));
    });
}

/// SIGNAL-1. Two threads, no bound: a signal that comes while another main thread is bound reaches the one or the other,
/// and the new one in any case if the old one does not look any more.
#[test]
fn signals_follow_the_main_thread() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let handler = start(&shared, |shared| shared.signals.trip(SIGNAL).unwrap());
        let next = Arc::new(Breaker::new());
        shared.signals.bind_main(target(&next));
        handler.join().unwrap();
        assert!(next.events().contains(Events::SIGNALS_PENDING));
        shared.deliver(&Ok(()));
        assert_eq!(shared.delivered(), 1);
    });
}
