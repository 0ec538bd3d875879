//! One test for every defect of CPython's parking lot and raw mutex that must not come along.
//!
//! Each is the story of the issue with real threads. The orderings of some are shown by the models.

mod own_lot;

use own_lot::{OwnLot, with_argument};
use pyparking::{
    Deadline, ParkOptions, ParkStatus, ThreadHandle, Totals, monotonic_nanos, take_interrupt,
};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;
use trial::until::joined;

/// An address of its own for every test.
const HERE: usize = 1_000;

/// CPython issue 148820: a raw mutex took a signal handler for its wake, and left its queue node, on the
/// stack, in the queue.
#[cfg(unix)]
mod gh_148820 {
    use super::{HERE, joined};
    use crate::own_lot::OwnLot;
    use core::ptr;
    use pyparking::primitive::{AtomicUsize, Ordering};
    use pyparking::{ParkStatus, RawMutex};
    use std::os::unix::thread::JoinHandleExt;
    use std::sync::Once;
    use std::thread::{self, JoinHandle, yield_now};
    use trial::until::until;

    extern "C" fn does_nothing(_signal: libc::c_int) {}

    /// Runs a handler on `thread`; it does not restart what it interrupts.
    fn disturb<T>(thread: &JoinHandle<T>) {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            // SAFETY: all-zero is a valid action: no flags, an empty mask.
            let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
            action.sa_sigaction = does_nothing as *const () as usize;
            // SAFETY: the action is complete, and its handler does nothing.
            assert_eq!(unsafe { libc::sigaction(libc::SIGUSR2, &action, ptr::null_mut()) }, 0);
        });
        // SAFETY: a thread that was not joined has a valid id.
        let answer = unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR2) };
        assert!(answer == 0 || answer == libc::ESRCH);
    }

    /// The word of the mutex: 0 if and only if it is free and nobody is in its queue.
    fn word(mutex: &RawMutex) -> usize {
        // SAFETY: a raw mutex is one word, which is an atomic; the shim's types are transparent.
        let word = unsafe { &*ptr::from_ref(mutex).cast::<AtomicUsize>() };
        // ORD: Acquire, so that what is looked at next is what the last holder left.
        word.load(Ordering::Acquire)
    }

    #[test]
    fn gh_148820_raw_mutex_sleeps_through_signal_handlers() {
        static MUTEX: RawMutex = RawMutex::new();
        for _ in 0..20 {
            MUTEX.lock();
            let waiters: [_; 3] = core::array::from_fn(|_| {
                thread::spawn(|| {
                    let _held = MUTEX.guard();
                    word(&MUTEX)
                })
            });
            until("a waiter in the queue", || word(&MUTEX) > 1);
            for _ in 0..50 {
                waiters.iter().for_each(disturb);
                yield_now();
            }
            assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
            // SAFETY: this test has locked it.
            unsafe { MUTEX.unlock() };
            until("the waiters to pass", || {
                waiters.iter().for_each(disturb);
                waiters.iter().all(JoinHandle::is_finished)
            });
            assert!(waiters.into_iter().all(|waiter| joined(waiter) & 1 == 1));
            assert_eq!(word(&MUTEX), 0, "a queue node was left behind");
        }
    }

    /// The same in the lot, whose waiters are on the stack too.
    #[test]
    fn gh_148820_park_sleeps_through_signal_handlers() {
        static LOT: OwnLot<1> = OwnLot::new();
        let sleeper = LOT.sleeper(HERE, 1);
        for _ in 0..200 {
            disturb(&sleeper);
            yield_now();
        }
        assert_eq!(LOT.waiting(HERE), [1]);
        assert_eq!(LOT.unpark(HERE), (Some(1), false));
        assert_eq!(joined(sleeper), ParkStatus::Ok);
        assert_eq!(LOT.totals().interrupts, 0);
    }
}

/// CPython issue 114944: a thread that was interrupted, or timed out, while an unpark of all had it already
/// left without waiting for its wake: the waker wrote to a dead frame, and the wake was lost.
#[test]
fn gh_114944_unpark_all_racing_interrupts() {
    static LOT: OwnLot<1> = OwnLot::new();
    for _ in 0..200 {
        let sleepers: Vec<_> = (0..3).map(|number| LOT.interruptible(HERE, number)).collect();
        let start = Arc::new(Barrier::new(2));
        let handles: Vec<ThreadHandle> = sleepers.iter().map(|(_, handle)| *handle).collect();
        let interrupter = thread::spawn({
            let start = Arc::clone(&start);
            move || {
                start.wait();
                handles.iter().for_each(|handle| {
                    handle.interrupt();
                });
            }
        });
        start.wait();
        let woken = LOT.unpark_all(HERE);
        joined(interrupter);
        let ok = sleepers
            .into_iter()
            .map(|(sleeper, _)| joined(sleeper))
            .filter(|status| *status == ParkStatus::Ok)
            .count();
        assert_eq!(ok, woken, "as many threads were told Ok as were woken");
        assert!(LOT.waiting(HERE).is_empty());
    }
    let Totals { parks, wakes, timeouts, interrupts, .. } = LOT.totals();
    assert_eq!((wakes + interrupts, timeouts), (parks, 0));
}

/// The same, made certain: the sleeper's time passes while the unparker that has it is in its callback.
#[test]
fn gh_114944_a_timeout_during_an_unpark_is_a_wake() {
    static LOT: OwnLot<1> = OwnLot::new();
    let deadline = Deadline::after(Duration::from_millis(20));
    let sleeper =
        thread::spawn(move || LOT.park(HERE, ParkOptions { deadline, ..with_argument(1) }));
    let mut taken = None;
    // The thread may not have come yet, or in the worst case have gone.
    while taken.is_none() && !deadline.passed() {
        taken = LOT.unpark_with(HERE, |waiter, _| {
            // Past the deadline, and on until the sleeper is likely to have come to the bucket lock, which is
            // held here. If it has not, nothing is shown, and nothing fails.
            let late = deadline.nanos().expect("it is not never") + 3_000_000;
            while waiter.is_some() && monotonic_nanos() < late {
                thread::yield_now();
            }
            waiter.map(<*mut ()>::addr)
        });
    }
    let expected = if taken.is_some() { ParkStatus::Ok } else { ParkStatus::Timeout };
    assert_eq!(joined(sleeper), expected);
    assert!(LOT.waiting(HERE).is_empty());
}

/// And with the interrupt.
#[test]
fn gh_114944_an_interrupt_during_an_unpark_is_kept_for_later() {
    static LOT: OwnLot<1> = OwnLot::new();
    let (tell, told) = mpsc::channel();
    let sleeper = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        let options = ParkOptions { interruptible: true, ..with_argument(1) };
        (LOT.park(HERE, options), take_interrupt())
    });
    let handle = told.recv().expect("the thread tells");
    LOT.until_waiting(HERE, 1);
    LOT.unpark_with(HERE, |waiter, _| {
        assert!(waiter.is_some());
        assert!(handle.interrupt());
        // Time for the sleeper to see the interrupt and to come to the bucket lock, which is held here.
        (0..20).for_each(|_| thread::yield_now());
    });
    assert_eq!(joined(sleeper), (ParkStatus::Ok, true));
}

/// CPython issue 135871: a wait of no time spun, and went on to park.
#[test]
fn gh_135871_a_zero_timeout_does_not_park() {
    static LOT: OwnLot<1> = OwnLot::new();
    for _ in 0..10 {
        let options = ParkOptions { deadline: Deadline::NOW, ..with_argument(1) };
        assert_eq!(LOT.park(HERE, options), ParkStatus::Timeout);
    }
    assert_eq!(LOT.totals(), Totals::default());
}

/// CPython issue 135641: whether more threads wait was told of the bucket, not of the address, so a lock
/// that shared its bucket kept a bit for waiters that it did not have.
#[test]
fn gh_135641_has_more_is_not_fooled_by_a_collision() {
    static LOT: OwnLot<1> = OwnLot::new();
    let here = LOT.sleeper(HERE, 1);
    let neighbours = [LOT.sleeper(HERE + 1, 2), LOT.sleeper(HERE + 2, 3)];
    LOT.with_queue(HERE + 3, |queue| assert!(queue.is_empty()));
    assert_eq!(LOT.unpark(HERE), (Some(1), false));
    assert_eq!(LOT.unpark(HERE), (None, false));
    assert_eq!(joined(here), ParkStatus::Ok);
    assert_eq!(LOT.unpark_all(HERE + 1) + LOT.unpark_all(HERE + 2), 2);
    assert!(neighbours.into_iter().all(|thread| joined(thread) == ParkStatus::Ok));
}

/// An interrupt that comes between a poll and the sleep after it must not be lost: no number, but the reason
/// why a flag and a wake are not enough.
#[test]
fn an_interrupt_between_two_parks_is_not_forgotten() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(thread::spawn(|| {
        let me = ThreadHandle::current();
        let deaf =
            ParkOptions { deadline: Deadline::after(Duration::from_millis(1)), ..with_argument(1) };
        assert!(me.interrupt());
        assert_eq!(LOT.park(HERE, deaf), ParkStatus::Timeout);
        let open = ParkOptions {
            deadline: Deadline::after(Duration::from_secs(5)),
            interruptible: true,
            ..with_argument(2)
        };
        assert_eq!(LOT.park(HERE, open), ParkStatus::Intr);
    }));
}
