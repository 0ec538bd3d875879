//! Forks inside sections: the child's thread goes on in its own, and resets what others held.
//!
//! One test, alone in its process. What the child finds wrong it tells by its exit code.
#![cfg(all(unix, not(miri)))]

use pycritsec::{is_held, with_critical_section as one, with_critical_section2 as two};
use pysync::{Event, Mutex};
use std::thread;
use trial::until::{joined, until, until_asleep};

/// Seconds after which a child that hangs is killed by the system.
const PATIENCE: libc::c_uint = 60;

static MINE: [Mutex; 2] = [const { Mutex::new() }; 2];
static THEIRS: Mutex = Mutex::new();

/// The child: its sections are as they were, waiters of the parent are gone.
fn child() -> bool {
    // SAFETY: this is the child, whose only thread is in sections of MINE only.
    unsafe {
        pyparking::after_fork_child();
        THEIRS.after_fork_child();
    }
    let inherited = is_held(&MINE[1]) && !is_held(&THEIRS);
    let nested = one(&THEIRS, || two(&MINE[0], &THEIRS, || is_held(&MINE[0])));
    inherited && nested && is_held(&MINE[1])
}

#[test]
fn sections_survive_in_the_forking_thread() {
    static DONE: Event = Event::new();
    let holder = thread::spawn(|| one(&THEIRS, || DONE.wait()));
    until("the other section", || THEIRS.is_locked());
    for _ in 0..20 {
        let pid = one(&MINE[0], || {
            one(&MINE[1], || {
                let waiter = thread::spawn(|| one(&MINE[1], || ()));
                until_asleep(&MINE[1], 1);
                // SAFETY: the child only uses locks that it has reset or owned before, and ends.
                let pid = unsafe { libc::fork() };
                if pid == 0 {
                    // SAFETY: plain system calls.
                    unsafe { libc::alarm(PATIENCE) };
                    let fine = child();
                    // SAFETY: as above; not the parent's exit handlers.
                    unsafe { libc::_exit(i32::from(!fine)) };
                }
                (pid, waiter)
            })
        });
        let (pid, waiter) = pid;
        assert!(pid > 0, "no fork");
        let mut status = 0;
        // SAFETY: a child of this process, and a place for its status.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert_eq!(status, 0, "the child found something wrong, or was killed");
        joined(waiter);
    }
    DONE.notify();
    joined(holder);
    assert_eq!([&MINE[0], &MINE[1], &THEIRS].map(Mutex::bits), [0, 0, 0]);
}
