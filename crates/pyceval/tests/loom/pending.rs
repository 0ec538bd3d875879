//! Models of the pending calls: senders, runners, the one bit each.
//!
//! A call is told by what it writes down when it is dropped, which is what the models' runners do with it. Two orders
//! are watched by the checker's own cells: a call's words in the ring, and the log, which passes share.

use pyceval::{Breaker, Call, Events, PendingCalls, Ran};
use pyparking::primitive::RaceCell;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};

/// What was run, as decimal digits.
struct Log(RaceCell<u32>);

// SAFETY: written in passes only, which are ordered (PENDING-1); loom fails the model if they are not.
unsafe impl Sync for Log {}
// SAFETY: as above.
unsafe impl Send for Log {}

struct Shared {
    calls: PendingCalls,
    /// One for each runner.
    breakers: [Breaker; 2],
    log: Arc<Log>,
}

/// Writes its digit down when dropped.
struct Digit(Arc<Log>, u32);

impl Drop for Digit {
    fn drop(&mut self) {
        // SAFETY: in a pass, or after all of them.
        unsafe { self.0.0.set(self.0.0.get() * 10 + self.1) };
    }
}

impl Shared {
    fn new(capacity: usize) -> Arc<Self> {
        let breakers = [Breaker::new(), Breaker::new()];
        let log = Arc::new(Log(RaceCell::new(0)));
        Arc::new(Self { calls: PendingCalls::new(capacity), breakers, log })
    }

    fn call(&self, digit: u32) -> Call {
        let digit = Digit(Arc::clone(&self.log), digit);
        Call::new(move |_| {
            drop(digit);
            Ok(())
        })
    }

    /// Adds a call and tells one runner.
    fn add(&self, digit: u32, runner: usize) {
        self.calls.add_call(self.call(digit)).expect("there is room");
        self.breakers[runner].set(Events::CALLS_TO_DO);
    }

    /// What a runner does at a poll.
    fn poll(&self, runner: usize) {
        if self.breakers[runner].is_tripped() {
            let ran = self.calls.run_with(8, &self.breakers[runner], |call| {
                drop(call);
                Ok::<(), ()>(())
            });
            assert!(ran.is_ok());
        }
    }

    /// All other threads have gone: whoever has the bit polls, and then nothing is queued (PENDING-3).
    fn settle(&self) -> u32 {
        for _ in 0..3 {
            self.poll(0);
            self.poll(1);
        }
        assert!(self.calls.is_empty(), "a call is queued, and nobody has the bit");
        // SAFETY: the others have gone.
        unsafe { self.log.0.get() }
    }
}

/// PENDING-3, RING-2. Two threads, no bound: one adds, one polls; the bit is not lost.
#[test]
fn pending_one_sender_one_runner() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new(2);
        let sender = start(&shared, |shared| {
            shared.add(1, 0);
            shared.add(2, 0);
        });
        shared.poll(0);
        shared.poll(0);
        sender.join().unwrap();
        assert_eq!(shared.settle(), 12);
    });
}

/// PENDING-2, PENDING-3, RING-1, RING-3. Three threads, bounded: two senders, each call once, in order for each.
#[test]
fn pending_two_senders_one_runner() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new(4);
        let first = start(&shared, |shared| {
            shared.add(1, 0);
            shared.add(2, 0);
        });
        let second = start(&shared, |shared| shared.add(3, 0));
        shared.poll(0);
        first.join().unwrap();
        second.join().unwrap();
        assert!([123, 132, 312].contains(&shared.settle()));
    });
}

/// PENDING-1, PENDING-3. Three threads, bounded: two runners and a sender that tells the second one; who is turned away
/// hands its bit on. (CPython issues 122201, 122204)
#[test]
fn pending_two_runners_hand_the_bit_on_122201() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new(4);
        shared.add(1, 0);
        let sender = start(&shared, |shared| shared.add(2, 1));
        let runner = start(&shared, |shared| shared.poll(1));
        shared.poll(0);
        runner.join().unwrap();
        sender.join().unwrap();
        assert!([12, 21].contains(&shared.settle()));
    });
}

/// PENDING-3. Two threads, no bound: the turned-away thread saw a call that the handler has not: after its `AGAIN` the
/// handler sees it.
#[test]
fn pending_turned_away_is_heard_122201() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new(4);
        shared.add(1, 0);
        let other = start(&shared, |shared| {
            shared.add(2, 1);
            shared.poll(1);
        });
        shared.poll(0);
        // The other thread's bit is with one of the two, whatever it did; this one's own polls must find the call then.
        shared.poll(0);
        other.join().unwrap();
        assert_eq!(shared.settle(), 12);
    });
}

/// PENDING-4. Two threads, no bound: the first call fails while another one is added; the rest stays and the bit is set.
#[test]
fn pending_error_keeps_the_rest() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new(4);
        shared.add(1, 0);
        shared.calls.add_call(shared.call(2)).unwrap();
        let sender = start(&shared, |shared| shared.add(3, 0));
        let failed = shared.calls.run_with(8, &shared.breakers[0], |call| {
            drop(call);
            Err::<(), ()>(())
        });
        assert_eq!(failed, Err(()));
        assert!(shared.breakers[0].events().contains(Events::CALLS_TO_DO));
        sender.join().unwrap();
        assert_eq!(shared.settle(), 123);
    });
}

/// RING-1, RING-2. Two threads, no bound: a slot is used again only after it was read, and a full ring gives the call
/// back.
#[test]
fn pending_slots_are_used_again() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new(1);
        shared.add(1, 0);
        let sender = start(&shared, |shared| {
            let call = shared.call(2);
            let given_back = shared.calls.add_call(call).map_err(pyceval::QueueFull::into_call);
            shared.breakers[0].set(Events::CALLS_TO_DO);
            given_back.map_err(core::mem::forget).is_ok()
        });
        let ran = shared.calls.run_with(1, &shared.breakers[0], |call| {
            drop(call);
            Ok::<(), ()>(())
        });
        assert_eq!(ran, Ok(Ran::Calls(1)));
        let expected = if sender.join().unwrap() { 12 } else { 1 };
        assert_eq!(shared.settle(), expected);
    });
}

/// RING-1. Two threads, no bound: whoever asks how many are queued while one is added and run hears of none or one.
#[test]
fn pending_len_is_of_some_moment() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new(4);
        let asker = start(&shared, |shared| assert!(shared.calls.len() <= 1));
        shared.add(1, 0);
        shared.poll(0);
        asker.join().unwrap();
        assert_eq!(shared.settle(), 1);
    });
}
