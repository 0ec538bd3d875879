//! Signal handlers: how one interrupts a sleep, and what one that only runs does to it.
#![cfg(unix)]

mod own_lot;

use core::ptr;
use own_lot::{OwnLot, with_argument};
use pyparking::{Deadline, ParkOptions, ParkStatus, ThreadHandle, monotonic_nanos};
use std::os::unix::thread::JoinHandleExt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, yield_now};
use std::time::Duration;
use trial::until::{joined, until};

const HERE: usize = 40;

/// An action belongs to the whole process, so one test has it at a time.
fn handle(flags: libc::c_int, handler: extern "C" fn(libc::c_int)) -> MutexGuard<'static, ()> {
    static ACTION: Mutex<()> = Mutex::new(());
    let alone = ACTION.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: all-zero is a valid action: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = flags;
    // SAFETY: the action is complete, and its handler does only what handlers may.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, ptr::null_mut()) }, 0);
    alone
}

/// Runs the handler on `thread`.
fn signal<T>(thread: &JoinHandle<T>) {
    // SAFETY: a thread that was not joined has a valid id, also when it has ended.
    let answer = unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR1) };
    assert!(answer == 0 || answer == libc::ESRCH, "pthread_kill: {answer}");
}

extern "C" fn does_nothing(_signal: libc::c_int) {}

/// Whom `interrupts_the_target` interrupts.
static TARGET: OnceLock<ThreadHandle> = OnceLock::new();

extern "C" fn interrupts_the_target(_signal: libc::c_int) {
    // A load, and a call that is async-signal-safe by its documentation.
    let _alive = TARGET.get().map(ThreadHandle::interrupt);
}

/// The way that works with every handler: restarting or not, on the sleeping thread or on another.
#[test]
fn a_handler_interrupts_an_untimed_park_whatever_thread_it_runs_on() {
    static LOT: OwnLot<1> = OwnLot::new();
    let _alone = handle(libc::SA_RESTART, interrupts_the_target);
    let sleeper = thread::spawn(|| {
        TARGET.set(ThreadHandle::current()).expect("this test alone sets it");
        let options = ParkOptions { interruptible: true, ..with_argument(1) };
        [LOT.park(HERE, options), LOT.park(HERE, options)]
    });
    LOT.until_waiting(HERE, 1);
    signal(&sleeper);
    until("the second park", || LOT.totals().parks == 2);
    LOT.until_waiting(HERE, 1);
    // SAFETY: raises a signal whose handler is installed, on this thread.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    assert_eq!(joined(sleeper), [ParkStatus::Intr; 2]);
    assert!(LOT.waiting(HERE).is_empty());
}

/// A handler that does not restart ends an interruptible wait by itself, where the system tells.
#[test]
#[cfg(all(any(target_os = "linux", target_os = "android"), not(feature = "std-fallback")))]
fn a_handler_alone_ends_an_interruptible_park() {
    static LOT: OwnLot<1> = OwnLot::new();
    let _alone = handle(0, does_nothing);
    let sleeper = thread::spawn(|| {
        let options = ParkOptions { interruptible: true, ..with_argument(1) };
        (LOT.park(HERE, options), pyparking::take_interrupt())
    });
    LOT.until_waiting(HERE, 1);
    // A signal that comes before the system's wait is not seen by it: repeat.
    until("the park to end", || {
        signal(&sleeper);
        sleeper.is_finished()
    });
    assert_eq!(joined(sleeper), (ParkStatus::Intr, false));
    assert!(LOT.waiting(HERE).is_empty());
}

#[test]
fn handlers_do_not_end_a_park_that_is_not_interruptible() {
    static LOT: OwnLot<1> = OwnLot::new();
    for flags in [0, libc::SA_RESTART] {
        let _alone = handle(flags, does_nothing);
        let sleeper = LOT.sleeper(HERE, 1);
        for _ in 0..200 {
            signal(&sleeper);
            yield_now();
        }
        assert_eq!(LOT.waiting(HERE), [1]);
        assert_eq!(LOT.unpark(HERE), (Some(1), false));
        assert_eq!(joined(sleeper), ParkStatus::Ok);
    }
    let totals = LOT.totals();
    assert_eq!((totals.parks, totals.wakes), (2, 2));
}

/// Handlers neither bring a deadline forward nor put it off.
#[test]
fn a_deadline_is_kept_over_handlers() {
    static LOT: OwnLot<1> = OwnLot::new();
    let wait = Duration::from_millis(30);
    for flags in [0, libc::SA_RESTART] {
        let _alone = handle(flags, does_nothing);
        let sleeper = thread::spawn(move || {
            let begun = monotonic_nanos();
            let options = ParkOptions { deadline: Deadline::after(wait), ..with_argument(1) };
            (LOT.park(HERE, options), Duration::from_nanos(monotonic_nanos() - begun))
        });
        // If every handler started the time anew, this would not end.
        until("the park to end", || {
            signal(&sleeper);
            sleeper.is_finished()
        });
        let (status, passed) = joined(sleeper);
        assert_eq!(status, ParkStatus::Timeout);
        assert!(passed >= wait, "early: {passed:?}");
    }
}

/// A handler must leave `errno` as it was, so what it calls must too.
#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn an_interrupt_keeps_errno() {
    static LOT: OwnLot<1> = OwnLot::new();
    let (sleeper, handle) = LOT.interruptible(HERE, 1);
    // SAFETY: the place is this thread's own.
    let errno = unsafe { &mut *libc::__errno_location() };
    *errno = 77;
    assert!(handle.interrupt());
    assert_eq!(*errno, 77);
    assert_eq!(joined(sleeper), ParkStatus::Intr);
    *errno = 78;
    handle.interrupt();
    assert_eq!(*errno, 78);
}
