//! Models of the semaphore, explored by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`, or `cargo xtask loom`. In an ordinary test run this
//! file is empty. The other locks' models are in the crates below, which the C names only lead to.
#![cfg(loom)]

use pycapi::Semaphore;
use pyparking::{Deadline, ParkStatus, clock};
use std::sync::Arc;
use std::time::Duration;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::{Doomed, Guarded};

const TWO_MICROSECONDS: u64 = 2_000;

struct Shared {
    semaphore: Doomed<Semaphore>,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { semaphore: Doomed::new(Semaphore::fresh()), data: Guarded::new(0) })
}

impl Shared {
    fn wake(&self) {
        // SAFETY: who frees the semaphore has taken the wake.
        unsafe { Semaphore::raise(self.semaphore.get()) };
    }

    fn wait(&self) {
        assert_eq!(self.semaphore.get().wait(Deadline::NEVER, false), ParkStatus::Ok);
    }
}

/// SEM-1, SEM-2. Two threads, no bound: the wake is not missed, what came before it is seen, and its waiter may free the
/// semaphore.
#[test]
fn semaphore_wake_reaches_the_waiter_that_frees() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let waiter = start(&shared, |shared| {
            shared.wait();
            assert_eq!(shared.data.get(), 7);
            shared.semaphore.free();
        });
        shared.data.set(7);
        shared.wake();
        waiter.join().unwrap();
    });
}

/// SEM-1. Three threads, bounded: two wakes end two waits, whoever is first.
#[test]
fn semaphore_two_wakes_end_two_waits() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let waiters = [(); 2].map(|()| start(&shared, Shared::wait));
        shared.wake();
        shared.wake();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(shared.semaphore.get().wait(Deadline::NOW, false), ParkStatus::Timeout);
    });
}

/// SEM-1, PARK-1. Two threads, no bound: a wait that is out of time has left the wake to the next.
#[test]
fn semaphore_time_against_a_wake() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let deadline = Deadline::after(Duration::from_micros(1));
        let waiter = start(&shared, move |shared| shared.semaphore.get().wait(deadline, false));
        clock::advance(TWO_MICROSECONDS);
        shared.wake();
        let first = waiter.join().unwrap();
        let second = shared.semaphore.get().wait(Deadline::NOW, false);
        assert_eq!((first == ParkStatus::Ok) as u8 + (second == ParkStatus::Ok) as u8, 1);
    });
}
