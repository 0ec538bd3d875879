//! Forks while threads are everywhere in the lot: every child finds it empty and can use all of it.
//!
//! One test, alone in its process. What a child finds wrong it tells by its exit code, which is the line
//! of the check that failed.
#![cfg(all(unix, not(miri)))]

mod own_lot;

use own_lot::{OwnLot, with_argument};
use pyparking::{
    Deadline, ParkOptions, ParkStatus, RawMutex, ThreadHandle, after_fork_child, ident,
    monotonic_nanos, snapshot, take_interrupt,
};
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trial::until::{joined, until};

/// Children one after the other.
const FORKS: u32 = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// Threads that use the lot meanwhile.
const THREADS: u64 = 8;

/// Seconds after which a child that hangs is killed by the system.
const PATIENCE: libc::c_uint = 60;

/// Shared between parent and children; both use the same few addresses.
static MUTEX: RawMutex = RawMutex::new();
static WORDS: [u8; 4] = [0; 4];

fn address(which: u64) -> usize {
    (&raw const WORDS[which as usize % WORDS.len()]).addr()
}

/// Parks in the process's lot.
fn park(which: u64, options: ParkOptions) -> ParkStatus {
    // SAFETY: the words are this test's own; callbacks do nothing.
    unsafe { pyparking::park(address(which), options, || true, |_| {}) }
}

fn unpark_all(which: u64) -> usize {
    // SAFETY: as above.
    unsafe { pyparking::unpark_all(address(which)) }
}

/// Holds, waits, times out, interrupts and wakes until told to stop.
fn busy(number: u64, stop: &mpsc::Receiver<()>) {
    let me = ThreadHandle::current();
    for turn in 0.. {
        if stop.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
            return;
        }
        match (turn + number) % 4 {
            0 => {
                let _held = MUTEX.guard();
                thread::yield_now();
            }
            1 => {
                let deadline = Deadline::after(Duration::from_micros(200));
                let _any = park(turn, ParkOptions { deadline, ..with_argument(1) });
            }
            2 => drop(unpark_all(turn)),
            _ => {
                me.interrupt();
                let options = ParkOptions { interruptible: true, ..with_argument(1) };
                let _intr = park(number, options);
            }
        }
    }
}

/// In the child: ends it with the line of the caller if `good` is false.
#[track_caller]
fn check(good: bool) {
    if !good {
        leave(core::panic::Location::caller().line());
    }
}

/// Ends the child without running anything that belongs to the parent. 0 is success.
fn leave(line: u32) -> ! {
    // An exit code has eight bits: what is left of the line number says enough, and is never 0.
    let code = if line == 0 { 0 } else { 1 + line % 250 };
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(code as libc::c_int) }
}

/// What the forking thread had before.
#[derive(Clone, Copy)]
struct Before {
    ident: u64,
    handle: ThreadHandle,
}

/// Everything that a child can do.
fn child(before: Before) {
    // SAFETY: this is the child's only thread, and the fork was not inside a call of the lot.
    unsafe { after_fork_child() };
    check(snapshot().waiters().is_empty() && snapshot().busy_buckets() == 0);
    check(ident::current().get() == before.ident);
    check((0..4).all(|which| unpark_all(which) == 0));

    // SAFETY: as above.
    unsafe { MUTEX.after_fork_child() };
    check(MUTEX.try_lock());
    // SAFETY: this test has locked it.
    unsafe { MUTEX.unlock() };

    check(
        park(0, ParkOptions { deadline: Deadline::NOW, ..with_argument(1) }) == ParkStatus::Timeout,
    );
    let soon = Deadline::after(Duration::from_micros(100));
    check(park(0, ParkOptions { deadline: soon, ..with_argument(1) }) == ParkStatus::Timeout);

    // The handle that was taken before the fork is this thread's.
    check(before.handle.interrupt());
    let interruptible = ParkOptions { interruptible: true, ..with_argument(1) };
    check(park(0, interruptible) == ParkStatus::Intr);
    check(!take_interrupt());

    threads_of_the_child(before);
}

/// New threads of the child sleep, and are woken and interrupted.
fn threads_of_the_child(before: Before) {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleeper = LOT.sleeper(1, 1);
    let (interrupted, handle) = LOT.interruptible(2, 2);
    let of_process = thread::spawn(|| (park(3, with_argument(1)), ident::current().get()));
    check(LOT.unpark(1) == (Some(1), false));
    check(joined(sleeper) == ParkStatus::Ok);
    check(handle.interrupt());
    check(joined(interrupted) == ParkStatus::Intr);
    until("the thread in the process's lot", || unpark_all(3) == 1);
    let (status, ident) = joined(of_process);
    check(status == ParkStatus::Ok && ident != before.ident);

    let held = MUTEX.guard();
    let waits = thread::spawn(|| drop(MUTEX.guard()));
    drop(held);
    joined(waits);
    check(!MUTEX.is_locked());
}

/// Forks once, and returns the exit code of the child, or the signal that ended it.
fn fork(before: Before) -> Result<(), String> {
    // SAFETY: the child uses what is async-signal-safe, this crate after `after_fork_child`, and what the
    // system's library makes usable in a child (memory and threads).
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: a child that hangs is to be killed.
        unsafe { libc::alarm(PATIENCE) };
        let done = catch_unwind(|| child(before));
        leave(if done.is_ok() { 0 } else { line!() });
    }
    let mut status = 0;
    // SAFETY: the child is this process's own and has not been waited for.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
        return Ok(());
    }
    let code = libc::WEXITSTATUS(status);
    Err(if libc::WIFSIGNALED(status) {
        format!("killed by signal {}", libc::WTERMSIG(status))
    } else {
        format!("a check failed; its line modulo 250 is {}", code - 1)
    })
}

#[test]
fn every_child_can_use_the_lot() {
    // Before the threads: the clock's first reading makes what a child could find half made.
    assert!(monotonic_nanos() > 0);
    let before = Before { ident: ident::current().get(), handle: ThreadHandle::current() };
    let (busy_threads, stops): (Vec<JoinHandle<()>>, Vec<_>) = (0..THREADS)
        .map(|number| {
            let (stop, stopped) = mpsc::channel::<()>();
            (thread::spawn(move || busy(number, &stopped)), stop)
        })
        .unzip();
    for number in 0..FORKS {
        if let Err(end) = fork(before) {
            panic!("child {number} of {FORKS}: {end}");
        }
    }
    assert_eq!(ident::current().get(), before.ident);
    drop(stops);
    busy_threads.into_iter().for_each(joined);
    assert!(!MUTEX.is_locked());
    assert!(snapshot().waiters().is_empty());
    // The parent's lot has not been touched by any child.
    let sleeper = thread::spawn(|| park(0, with_argument(1)));
    until("the sleeper of the parent", || unpark_all(0) == 1);
    assert_eq!(joined(sleeper), ParkStatus::Ok);
}
