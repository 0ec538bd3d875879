//! Random schedules of more threads than loom can take. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told). A deadlock fails the run: no wake-up may be lost.
#![cfg(shuttle)]

use pyparking::primitive::{AtomicUsize, Ordering};
use pyparking::{Deadline, ParkOptions, ParkStatus, RawMutex, ThreadHandle, clock};
use pyparking::{park, totals, unpark};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;
use std::time::Duration;
use trial::crew::{crew, explore};

/// RAW-1, RAW-4: twelve threads, two turns each.
#[test]
fn raw_mutex_of_twelve() {
    explore(|| {
        let shared = Arc::new((RawMutex::new(), AtomicUsize::new(0)));
        let inner = shared.clone();
        crew(12, move |_| {
            for _ in 0..2 {
                let _held = inner.0.guard();
                let seen = inner.1.load(Ordering::Relaxed);
                thread::yield_now();
                inner.1.store(seen + 1, Ordering::Relaxed);
            }
        });
        assert_eq!(shared.1.load(Ordering::Relaxed), 24);
        assert!(!shared.0.is_locked());
    });
}

/// Waits for a token of `address`; how the last park ended.
fn take_token(address: usize, tokens: &AtomicUsize, options: ParkOptions) -> ParkStatus {
    loop {
        let seen = tokens.load(Ordering::Relaxed);
        if seen > 0 {
            let taken =
                tokens.compare_exchange(seen, seen - 1, Ordering::Acquire, Ordering::Relaxed);
            if taken.is_ok() {
                return ParkStatus::Ok;
            }
            continue;
        }
        let validate = || tokens.load(Ordering::Relaxed) == 0;
        // SAFETY: the address stands for these tokens and nothing else.
        let status = unsafe { park(address, options, validate, |_| {}) };
        if matches!(status, ParkStatus::Timeout | ParkStatus::Intr) {
            return status;
        }
    }
}

/// Adds a token and wakes one.
fn put_token(address: usize, tokens: &AtomicUsize) {
    tokens.fetch_add(1, Ordering::Release);
    // SAFETY: as in `take_token`; the callback does nothing.
    unsafe { unpark(address, |_, _| ()) };
}

/// LOT-1, PARK-1: a semaphore of two addresses in one bucket, six takers and six givers.
#[test]
fn tokens_are_not_lost() {
    explore(|| {
        let tokens = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let inner = tokens.clone();
        crew(12, move |member| {
            let which = member / 2 % 2;
            match member % 2 {
                0 => put_token(which + 1, &inner[which]),
                _ => {
                    let status = take_token(which + 1, &inner[which], ParkOptions::default());
                    assert_eq!(status, ParkStatus::Ok);
                }
            }
        });
        assert!(tokens.iter().all(|left| left.load(Ordering::Relaxed) == 0));
    });
}

/// PARK-1, REG-2: deadlines and interrupts beside wakes; what the lot counted adds up.
#[test]
fn every_park_ends_in_one_way() {
    explore(|| {
        let handles = Mutex::new(Vec::<ThreadHandle>::new());
        let shared = Arc::new((AtomicUsize::new(0), handles, AtomicUsize::new(6)));
        let inner = shared.clone();
        crew(10, move |member| match member {
            0 | 1 => put_token(1, &inner.0),
            // The clock goes on until nobody waits for it any more.
            2 => {
                while inner.2.load(Ordering::Relaxed) > 0 {
                    clock::advance(2_000_000);
                    thread::yield_now();
                }
            }
            3 => inner.1.lock().expect("not poisoned").iter().for_each(|one| {
                one.interrupt();
            }),
            _ => {
                inner.1.lock().expect("not poisoned").push(ThreadHandle::current());
                let options = ParkOptions {
                    deadline: Deadline::after(Duration::from_millis(1)),
                    interruptible: member % 2 == 0,
                    ..ParkOptions::default()
                };
                let _ = take_token(1, &inner.0, options);
                inner.2.fetch_add(usize::MAX, Ordering::Relaxed);
            }
        });
        let sum = totals();
        assert_eq!(sum.parks, sum.wakes + sum.timeouts + sum.interrupts);
    });
}
