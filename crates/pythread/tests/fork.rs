//! Forks while threads start, run, end, are joined and detached: in every child their handles are done, and the child can
//! start and join threads of its own.
//!
//! One test, alone in its process. What a child finds wrong it tells by its exit code, made of the line of the check that
//! failed.
#![cfg(all(unix, not(miri)))]

use core::panic::Location;
use pyparking::{ident, monotonic_nanos};
use pysync::Event;
use pythread::{Handle, Outcome, State, TssKey, at_exit, start};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;
use trial::until::joined;

/// Children one after the other.
const FORKS: u32 = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// Seconds after which a child that hangs is killed by the system.
const PATIENCE: libc::c_uint = 60;

static KEY: TssKey = TssKey::new();

/// What the parent's thread has and its child looks at.
struct Shared {
    fresh: Handle,
    /// Runs all the time; another thread waits for its end.
    running: Handle,
    /// Ended before, and was joined.
    joined: Handle,
    /// Ended before by a panic, and nobody has joined it.
    panicked: Handle,
    /// The forking thread's own.
    own: Handle,
}

/// Starts, joins, times out and detaches until told to stop.
fn busy(stop: &Receiver<()>) {
    let mut turn = 0_u32;
    while stop.try_recv() != Err(TryRecvError::Disconnected) {
        turn += 1;
        let thread = start(thread::yield_now).expect("a thread");
        let other = thread.clone();
        match turn % 4 {
            0 => drop(thread.join_timed(Some(Duration::from_micros(30)))),
            1 => assert!(thread.join().is_ok_and(|outcome| outcome.is_returned())),
            2 => thread.detach().expect("it is started"),
            _ => drop(start(move || drop(other.join()))),
        }
    }
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

/// A fork, with both crates told about it in the child. Runs `child` there.
fn fork(child: impl FnOnce()) -> Result<(), String> {
    // SAFETY: the child uses what is async-signal-safe, these crates after they are told, and what the system's
    // library makes usable in a child (memory and threads).
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: a child that hangs is to be killed.
        unsafe { libc::alarm(PATIENCE) };
        // SAFETY: this is the child's only thread, in no call of these crates.
        unsafe {
            pyparking::after_fork_child();
            pythread::after_fork_child();
        }
        let done = catch_unwind(AssertUnwindSafe(child));
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

/// Everything that a child can do.
fn child(shared: &Shared, ident: u64) {
    let Shared { fresh, running, joined, panicked, own } = shared;
    check(matches!(running.join(), Ok(Outcome::Lost)));
    check(running.state() == State::Done && !running.is_running());
    check(running.detach().is_ok() && matches!(running.join(), Ok(Outcome::Lost)));
    check(joined.join().is_ok_and(|outcome| outcome.is_returned()));
    check(panicked.join().is_ok_and(|outcome| outcome.panic().is_some()));
    drop((running.clone(), panicked.clone()));

    // The thread that forked is the same one, with another number of the system.
    check(own.is_running() && own.ident().is_some_and(|own| own.get() == ident));
    check(own.native_id() == Some(ident::native()));
    check(own.join().is_err() && Handle::current().as_ref() == Some(own));
    check(KEY.get() == KEY_VALUE);

    // A handle that was not started can be started here, and others made.
    check(fresh.state() == State::NotStarted);
    check(fresh.start(|| check(KEY.get().is_null())).is_ok());
    check(fresh.join().is_ok_and(|outcome| outcome.is_returned()));
    let threads: Vec<_> = (0..3).map(|_| start(thread::yield_now)).collect();
    for thread in &threads {
        check(thread.as_ref().is_ok_and(|thread| thread.join().is_ok()));
    }
    // A thread of the child waits for the one that forked, until a grandchild has it as lost.
    let waits = own.clone();
    let waiter = start(move || drop(waits.join()));
    check(waiter.as_ref().is_ok_and(Handle::is_running));
    let grandchild = fork(|| {
        check(waiter.as_ref().is_ok_and(|waiter| matches!(waiter.join(), Ok(Outcome::Lost))));
        check(own.is_running() && own.native_id() == Some(ident::native()));
        check(matches!(running.join(), Ok(Outcome::Lost)));
        check(start(|| {}).is_ok_and(|thread| thread.join().is_ok()));
    });
    check(grandchild.is_ok());
}

const KEY_VALUE: *mut () = core::ptr::without_provenance_mut(77);

/// The forking thread: one of ours, so that its own handle is looked at too.
fn forks() {
    let end = std::sync::Arc::new(Event::new());
    let told = end.clone();
    let shared = Shared {
        fresh: Handle::new(),
        running: start(move || told.wait()).expect("a thread"),
        joined: start(|| {}).expect("a thread"),
        panicked: start(|| std::panic::resume_unwind(Box::new(()))).expect("a thread"),
        own: Handle::current().expect("it was started here"),
    };
    assert!(shared.joined.join().unwrap().is_returned());
    while shared.panicked.is_running() {
        thread::yield_now();
    }
    let waits = shared.running.clone();
    let waiter = thread::spawn(move || waits.join().unwrap().is_returned());
    KEY.create().expect("room");
    KEY.set(KEY_VALUE).expect("created");
    let me = ident::current().get();
    for number in 0..FORKS {
        if let Err(end) = fork(|| child(&shared, me)) {
            panic!("child {number} of {FORKS}: {end}");
        }
    }
    // The parent is as if nothing had been.
    assert!(shared.running.is_running() && shared.own.is_running());
    assert_eq!(shared.fresh.state(), State::NotStarted);
    end.notify();
    assert!(joined(waiter));
    assert!(shared.panicked.join().unwrap().panic().is_some());
    at_exit(|| KEY.delete()).expect("it was started here");
}

#[test]
fn every_child_has_lost_handles_done() {
    // Before the threads: the clock's first reading makes what a child could find half made.
    assert!(monotonic_nanos() > 0);
    let (workers, stops): (Vec<_>, Vec<_>) = (0..4)
        .map(|_| {
            let (stop, stopped) = mpsc::channel::<()>();
            (thread::spawn(move || busy(&stopped)), stop)
        })
        .unzip();
    let outcome = start(forks).unwrap().join().unwrap();
    drop(stops);
    workers.into_iter().for_each(joined);
    if let Outcome::Panicked(panic) = outcome {
        panic.resume();
    }
    assert!(!KEY.is_created());
}
