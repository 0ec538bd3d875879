//! Forks while threads hold, wait for and give up on every primitive: every child can use all of them.
//!
//! One test, alone in its process. What a child finds wrong it tells by its exit code, made of the line of the
//! check that failed.
#![cfg(all(unix, not(miri)))]

use core::panic::Location;
use pyparking::{ident, monotonic_nanos};
use pysync::{
    Condvar, Event, LockFlags, LockStatus, Mutex, OnceFlag, RecursiveMutex, RwMutex, SeqCell,
    SeqLock, UpgradableRwMutex,
};
use std::panic::catch_unwind;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until_asleep};

/// Children one after the other.
const FORKS: u32 = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// Threads at work meanwhile.
const THREADS: u64 = 8;

/// Seconds after which a child that hangs is killed by the system.
const PATIENCE: libc::c_uint = 60;

/// What the threads of the parent fight for.
struct Shared {
    mutex: Mutex,
    rw: RwMutex,
    upgradable: UpgradableRwMutex,
    condvar: Condvar,
    recursive: RecursiveMutex,
    once: OnceFlag,
    seq: SeqLock,
    cell: SeqCell<[u64; 3]>,
    /// Nobody sets it while children are made.
    event: Event,
    /// Owned by the forking thread, twice.
    owned: RecursiveMutex,
    /// Owned by another thread all the time.
    foreign: RecursiveMutex,
    /// Written by another thread all the time.
    written: SeqLock,
    /// Run by another thread all the time.
    running: OnceFlag,
    done: OnceFlag,
}

static SHARED: Shared = Shared {
    mutex: Mutex::new(),
    rw: RwMutex::new(),
    upgradable: UpgradableRwMutex::new(),
    condvar: Condvar::new(),
    recursive: RecursiveMutex::new(),
    once: OnceFlag::new(),
    seq: SeqLock::new(),
    cell: SeqCell::new([0; 3]),
    event: Event::new(),
    owned: RecursiveMutex::new(),
    foreign: RecursiveMutex::new(),
    written: SeqLock::new(),
    running: OnceFlag::new(),
    done: OnceFlag::new(),
};

/// A third of a millisecond: now and then enough.
const BRIEFLY: Option<Duration> = Some(Duration::from_micros(300));

/// Holds, waits and times out until told to stop.
fn busy(number: u64, stop: &Receiver<()>) {
    let Shared { mutex, rw, recursive, once, seq, cell, event, .. } = &SHARED;
    let mut turn = number;
    while stop.try_recv() != Err(TryRecvError::Disconnected) {
        turn += 1;
        match turn % 10 {
            0 => drop(mutex.guard()),
            1 if mutex.lock_timed(BRIEFLY, LockFlags::DETACH) == LockStatus::Acquired => {
                thread::yield_now();
                mutex.unlock();
            }
            2 => drop(rw.read_guard()),
            3 if rw.write_lock_timed(BRIEFLY, LockFlags::DETACH) == LockStatus::Acquired => {
                thread::yield_now();
                rw.write_unlock();
            }
            4 => {
                let _once = recursive.guard();
                let _twice = recursive.guard();
            }
            5 => drop(event.wait_timed(BRIEFLY)),
            7 => {
                SHARED.upgradable.upgradable_lock();
                SHARED.upgradable.upgrade();
                SHARED.upgradable.downgrade();
                SHARED.upgradable.read_unlock();
            }
            8 => {
                mutex.lock();
                SHARED.condvar.wait_timed(mutex, BRIEFLY);
                SHARED.condvar.notify_one();
                mutex.unlock();
            }
            6 => {
                let _failed = once.call_once(|| {
                    thread::yield_now();
                    Err(())
                });
            }
            _ => {
                seq.lock_write();
                seq.unlock_write();
                cell.update(|all| all.map(|one| one + 1));
            }
        }
    }
}

/// Owns, writes and runs until told to stop.
fn obstinate(ready: &mpsc::Sender<()>, stop: &Receiver<()>) {
    let Shared { foreign, written, running, .. } = &SHARED;
    let _owned = foreign.guard();
    written.lock_write();
    let _failed = running.call_once(|| {
        ready.send(()).expect("the test listens");
        let _closed = stop.recv();
        Err(())
    });
    written.unlock_write();
}

/// In the child: ends it, saying where, if `good` is false.
#[track_caller]
fn check(good: bool) {
    if !good {
        leave(Location::caller().line());
    }
}

/// Ends the child without running anything that belongs to the parent. 0 is success.
fn leave(line: u32) -> ! {
    // An exit code has eight bits: what is left of the line number says enough, and is not 0.
    let code = if line == 0 { 0 } else { 1 + line % 250 };
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(code as libc::c_int) }
}

/// Makes the shared primitives the child's own.
fn reset() {
    let Shared { mutex, rw, recursive, once, seq, cell, event, .. } = &SHARED;
    let Shared { owned, foreign, written, running, done, .. } = &SHARED;
    let writing = seq.sequence() % 2 == 1;
    // SAFETY: this is the child's only thread; it holds nothing but `owned`, and that without a guard. The
    // write that is ended in the cell, if any, was begun by a thread that is not here.
    unsafe {
        pyparking::after_fork_child();
        mutex.after_fork_child();
        rw.after_fork_child();
        SHARED.upgradable.after_fork_child();
        SHARED.condvar.after_fork_child();
        recursive.after_fork_child();
        once.after_fork_child();
        event.after_fork_child();
        owned.after_fork_child();
        foreign.after_fork_child();
        running.after_fork_child();
        done.after_fork_child();
        check(seq.after_fork_child() == writing);
        check(!seq.after_fork_child());
        check(written.after_fork_child());
        let _torn = cell.raw().after_fork_child();
    }
    cell.store([0; 3]);
}

/// Everything that a child can do.
fn child(me: u64) {
    reset();
    check(ident::current().get() == me);
    let Shared { mutex, rw, recursive, once, seq, cell, event, .. } = &SHARED;
    let Shared { owned, foreign, written, running, done, .. } = &SHARED;

    // What this thread owned it still owns, and nothing else.
    check(owned.is_locked_by_current_thread() && owned.level() == 1);
    check(owned.try_lock() && owned.level() == 2);
    (0..3).for_each(|_| owned.unlock());
    check(!owned.is_locked());
    check(!foreign.is_locked() && !foreign.is_locked_by_current_thread());
    check(done.is_done() && !running.is_done());

    check(mutex.bits() == 0 && rw.bits() == 0 && event.bits() == 0 && once.bits() == 0);
    drop((mutex.guard(), rw.read_guard(), rw.read_guard()));
    drop((rw.write_guard(), recursive.guard(), foreign.guard()));
    check(SHARED.upgradable.bits() == 0 && !SHARED.condvar.notify_one());
    SHARED.upgradable.upgradable_lock();
    SHARED.upgradable.upgrade();
    SHARED.upgradable.write_unlock();
    check(once.call_once(|| Ok::<(), ()>(())).is_ok() && running.call_once(|| Err(())).is_err());
    written.lock_write();
    written.unlock_write();
    check(seq.end_read(seq.begin_read()));
    check(cell.load() == [0; 3]);

    mutex.lock();
    check(mutex.lock_timed(BRIEFLY, LockFlags::DETACH) == LockStatus::Failure && mutex.bits() == 1);
    mutex.unlock();
    check(!event.wait_timed(BRIEFLY));
    threads_of_the_child();
}

/// Threads of the child wait for each other on the primitives that the parent's used.
fn threads_of_the_child() {
    let Shared { mutex, rw, recursive, event, owned, .. } = &SHARED;
    mutex.lock();
    rw.write_lock();
    owned.lock();
    SHARED.upgradable.upgradable_lock();
    SHARED.upgradable.read_lock();
    let waiters = [
        thread::spawn(|| {
            SHARED.upgradable.write_lock();
            SHARED.upgradable.write_unlock();
        }),
        thread::spawn(|| drop(mutex.guard())),
        thread::spawn(|| drop(rw.read_guard())),
        thread::spawn(|| drop((owned.guard(), recursive.guard()))),
        thread::spawn(|| event.wait()),
    ];
    until_asleep(mutex, 1);
    until_asleep(rw, 1);
    until_asleep(event, 1);
    until_asleep(&SHARED.upgradable, 1);
    SHARED.upgradable.read_unlock();
    SHARED.upgradable.upgradable_unlock();
    mutex.unlock();
    rw.write_unlock();
    owned.unlock();
    event.notify();
    waiters.into_iter().for_each(joined);
    check(mutex.bits() == 0 && rw.bits() == 0 && !owned.is_locked() && event.is_set());
}

/// Forks once, and says how the child ended if not well.
fn fork(me: u64) -> Result<(), String> {
    // SAFETY: the child uses what is async-signal-safe, these crates after `after_fork_child`, and what the
    // system's library makes usable in a child (memory and threads).
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: a child that hangs is to be killed.
        unsafe { libc::alarm(PATIENCE) };
        let done = catch_unwind(|| child(me));
        leave(if done.is_ok() { 0 } else { line!() });
    }
    let mut status = 0;
    // SAFETY: the child is this process's own and has not been waited for.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
        return Ok(());
    }
    Err(if libc::WIFSIGNALED(status) {
        format!("killed by signal {}", libc::WTERMSIG(status))
    } else {
        format!("a check failed; its line modulo 250 is {}", libc::WEXITSTATUS(status) - 1)
    })
}

#[test]
fn every_child_can_use_every_primitive() {
    let me = ident::current().get();
    // Before the threads: the clock's first reading makes what a child could find half made.
    assert!(monotonic_nanos() > 0);
    SHARED.owned.lock();
    SHARED.owned.lock();
    assert_eq!(SHARED.done.call_once(|| Ok::<(), ()>(())), Ok(()));
    let (tell, told) = mpsc::channel();
    let (stop_obstinate, stopped) = mpsc::channel::<()>();
    let obstinate = thread::spawn(move || obstinate(&tell, &stopped));
    told.recv().expect("the thread tells");
    let (threads, stops): (Vec<_>, Vec<_>) = (0..THREADS)
        .map(|number| {
            let (stop, stopped) = mpsc::channel::<()>();
            (thread::spawn(move || busy(number, &stopped)), stop)
        })
        .unzip();
    for number in 0..FORKS {
        if let Err(end) = fork(me) {
            panic!("child {number} of {FORKS}: {end}");
        }
    }
    drop((stops, stop_obstinate));
    threads.into_iter().for_each(joined);
    joined(obstinate);
    // The parent is as if nothing had been.
    assert_eq!((SHARED.mutex.bits(), SHARED.rw.bits(), SHARED.event.bits()), (0, 0, 0));
    assert_eq!((SHARED.owned.level(), SHARED.once.bits(), SHARED.running.bits()), (1, 0, 0));
    assert!(SHARED.owned.is_locked_by_current_thread() && !SHARED.foreign.is_locked());
    SHARED.owned.unlock();
    SHARED.owned.unlock();
}
