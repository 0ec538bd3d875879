//! Models of interrupts: kept until they are taken, and no wake is lost to one.
//!
//! A thread that is interrupted starts its interrupter itself, as it has the handle.

use crate::parking::{HERE, interruptibly, park, pass_soon, plainly, soon, unpark};
use loom::thread::JoinHandle;
use pyparking::{ParkOptions, ParkStatus, ThreadHandle, take_interrupt};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, start, unbounded};
use trial::guarded::Guarded;

/// Starts a thread that interrupts the calling one, once.
fn interrupt_me() -> JoinHandle<()> {
    let me = ThreadHandle::current();
    spawn(move || assert!(me.interrupt(), "the thread lives"))
}

/// REG-2, SLEEPER-1. Two threads, no bound: an interrupt before, while or after the thread goes to sleep
/// ends its park, and what came before the interrupt is seen.
#[test]
fn interrupts_end_a_park() {
    unbounded(Bucket::Real, || {
        let me = ThreadHandle::current();
        let data = Arc::new(Guarded::new(0));
        let interrupter = start(&data, move |other| {
            other.set(7);
            me.interrupt()
        });
        let mut gave_up = false;
        let status = park(HERE, interruptibly(), || true, |_| gave_up = true);
        assert_eq!((status, gave_up), (ParkStatus::Intr, true));
        assert_eq!(data.get(), 7);
        assert!(!take_interrupt(), "taken by the park");
        assert!(interrupter.join().unwrap());
        assert_eq!(pyparking::totals().interrupts, 1);
    });
}

/// REG-2. Two threads, no bound: an interrupt that came before the park ends it at once; one that was
/// seen by a look before it does not count twice.
#[test]
fn interrupts_are_kept_until_the_next_park() {
    unbounded(Bucket::Abstract, || {
        let interrupter = interrupt_me();
        let polled = take_interrupt();
        interrupter.join().unwrap();
        if !polled {
            let status = park(HERE, interruptibly(), || true, |_| {});
            assert_eq!(status, ParkStatus::Intr);
        }
        assert!(!take_interrupt());
    });
}

/// REG-2. Two threads, no bound: a park that is not interruptible sleeps over an interrupt and leaves it
/// for the next look.
#[test]
fn interrupts_wait_for_an_interruptible_park() {
    unbounded(Bucket::Real, || {
        let me = ThreadHandle::current();
        let closed = Arc::new(Guarded::new(0));
        let waker = start(&closed, move |other| {
            me.interrupt();
            unpark(HERE, |_, _| other.set(1)).0.is_some()
        });
        let status = park(HERE, plainly(), || closed.get() == 0, |_| unreachable!());
        assert!(take_interrupt(), "it came before the wake");
        let expected = if waker.join().unwrap() { ParkStatus::Ok } else { ParkStatus::Again };
        assert_eq!(status, expected);
    });
}

/// PARK-1, REG-2, WAITER-2. Three threads, bounded, bucket lock by the checker: of an interrupt and an
/// unpark the thread reports one; a reported unpark leaves the interrupt for the next park, a reported
/// interrupt was seen by the unpark as "nobody waits".
#[test]
fn interrupts_do_not_lose_the_wake() {
    bounded(Bucket::Abstract, || {
        let closed = Arc::new(Guarded::new(0));
        let waiter = start(&closed, move |other| {
            let interrupter = interrupt_me();
            let first = park(HERE, interruptibly(), || other.get() == 0, |_| {});
            if first != ParkStatus::Intr {
                let second = park(HERE, interruptibly(), || true, |_| {});
                assert_eq!(second, ParkStatus::Intr, "the interrupt is kept");
            }
            assert!(!take_interrupt());
            (first, interrupter)
        });
        let (woken, _) = unpark(HERE, |_, _| closed.set(1));
        let (first, interrupter) = waiter.join().unwrap();
        interrupter.join().unwrap();
        assert_eq!(first == ParkStatus::Ok, woken.is_some(), "{first:?}");
    });
}

/// PARK-1, RAW-3, WAITER-2. The same over the real bucket lock, bounded: a late wake of the interrupter finds the
/// thread asleep for the bucket lock, which it sleeps over.
#[test]
fn interrupts_find_the_thread_in_the_bucket_lock() {
    bounded(Bucket::Real, || {
        let closed = Arc::new(Guarded::new(0));
        let waiter = start(&closed, move |other| {
            let interrupter = interrupt_me();
            let status = park(HERE, interruptibly(), || other.get() == 0, |_| {});
            (status, interrupter)
        });
        let (woken, _) = unpark(HERE, |_, _| closed.set(1));
        let (status, interrupter) = waiter.join().unwrap();
        interrupter.join().unwrap();
        assert_eq!(status == ParkStatus::Ok, woken.is_some(), "{status:?}");
    });
}

/// PARK-1, PARK-4, REG-2. Three threads, no bound, bucket lock by the checker: a deadline and an interrupt
/// at a time; the park reports one, and a deadline leaves the interrupt for the next park.
#[test]
fn interrupts_against_a_deadline() {
    unbounded(Bucket::Abstract, || {
        let deadline = soon();
        let waiter = spawn(move || {
            let interrupter = interrupt_me();
            let options = ParkOptions { deadline, ..interruptibly() };
            match park(HERE, options, || true, |_| {}) {
                ParkStatus::Intr => {}
                ParkStatus::Timeout => {
                    assert!(deadline.passed());
                    let second = park(HERE, interruptibly(), || true, |_| {});
                    assert_eq!(second, ParkStatus::Intr, "the interrupt is kept");
                }
                other => panic!("nobody unparks: {other:?}"),
            }
            assert!(!take_interrupt());
            interrupter
        });
        pass_soon();
        waiter.join().unwrap().join().unwrap();
    });
}

/// REG-2. Two threads, no bound: who takes an interrupt without parking sees what came before it.
#[test]
fn interrupts_taken_awake_show_what_came_before() {
    unbounded(Bucket::Abstract, || {
        let me = ThreadHandle::current();
        let data = Arc::new(Guarded::new(0));
        let interrupter = start(&data, move |other| {
            other.set(7);
            me.interrupt()
        });
        while !take_interrupt() {
            loom::thread::yield_now();
        }
        assert_eq!(data.get(), 7);
        assert!(interrupter.join().unwrap());
    });
}
