//! A GIL that is disabled and enabled while threads wait for it, and the child of a fork.

use crate::room::{Room, SHORT, Sitting, patient, with_interval};
use pyceval::{Gil, SwitchPolicy};
use std::sync::Arc;
use std::thread;
use trial::until::{joined, until};

/// GIL-9: everybody who waits is let go, and goes on without.
#[test]
fn disable_lets_all_waiters_go() {
    for policy in [SwitchPolicy::Classic, SwitchPolicy::Responsive] {
        let gil = Arc::new(patient(policy));
        let here = Sitting::at(&gil);
        here.take();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let gil = Arc::clone(&gil);
                thread::spawn(move || Sitting::at(&gil).take())
            })
            .collect();
        until("all of them to wait", || gil.waiting() == 8);
        assert!(gil.disable(&here.seat));
        assert!(threads.into_iter().all(|thread| !joined(thread)), "they run without a GIL");
        assert!(!gil.is_enabled() && !gil.is_held_by(&here.seat) && gil.waiting() == 0);
        assert!(!gil.disable(&here.seat), "once is enough");
    }
}

/// The caller of `enable` holds the GIL; others wait for it as before.
#[test]
fn enable_gives_the_gil_to_the_caller() {
    let gil = Arc::new(Gil::new(SwitchPolicy::Classic));
    let here = Sitting::at(&gil);
    here.take();
    // SAFETY: `here` is boxed, and released below.
    assert!(!unsafe { gil.enable(&here.seat) }, "it is enabled");
    gil.disable(&here.seat);
    assert!(!here.take());
    // SAFETY: as above.
    assert!(unsafe { gil.enable(&here.seat) });
    assert!(gil.is_enabled() && gil.is_held_by(&here.seat));
    let theirs = Arc::clone(&gil);
    let other = thread::spawn(move || Sitting::at(&theirs).take());
    until("the other to wait", || gil.waiting() == 1);
    here.release();
    assert!(joined(other));
}

/// Threads come and go while the GIL comes and goes; while it is there they are alone with it.
#[test]
fn toggling_under_load() {
    static ROOM: Room = Room::new();
    let gil = Arc::new(with_interval(SwitchPolicy::Responsive, SHORT));
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let gil = Arc::clone(&gil);
            thread::spawn(move || {
                let here = Sitting::at(&gil);
                let mut held = 0;
                for turn in 0..2_000 {
                    if here.take() {
                        held += 1;
                        ROOM.add();
                        if number == 0 && turn % 50 == 0 {
                            gil.disable(&here.seat);
                            // SAFETY: `here` is boxed, and released below.
                            assert!(unsafe { gil.enable(&here.seat) });
                        }
                        here.release();
                    }
                }
                held
            })
        })
        .collect();
    let held: u64 = threads.into_iter().map(joined).sum();
    assert_eq!((ROOM.sum(), gil.waiting()), (held, 0));
    assert!(held >= 2_000, "the one that toggles always finds a GIL");
}

/// In the child of a fork nobody waits, and the thread that forked holds what it held.
#[test]
fn after_fork_the_waiters_are_forgotten() {
    let gil = Gil::new(SwitchPolicy::Classic);
    let (here, gone) = (Sitting::at(&gil), Sitting::at(&gil));
    gone.take();
    // SAFETY: no other thread uses this GIL, and `here` is boxed.
    unsafe { gil.after_fork_child(Some(&here.seat)) };
    assert!(gil.is_held_by(&here.seat) && !gil.is_held_by(&gone.seat));
    here.release();
    // SAFETY: as above.
    unsafe { gil.after_fork_child(None) };
    assert!(gil.is_enabled() && gone.take());
    gil.disable(&gone.seat);
    // SAFETY: as above.
    unsafe { gil.after_fork_child(Some(&here.seat)) };
    assert!(!gil.is_enabled() && !gil.is_held_by(&here.seat));
}

/// Work that began without a GIL does not release the one that came meanwhile.
#[test]
fn work_begun_without_a_gil_ends_without() {
    let gil = Gil::new(SwitchPolicy::Classic);
    let (here, there) = (Sitting::at(&gil), Sitting::at(&gil));
    here.take();
    gil.disable(&here.seat);
    gil.with(&there.seat, || {
        // SAFETY: `here` is boxed, and released when it is dropped.
        assert!(unsafe { gil.enable(&here.seat) });
    });
    assert!(gil.is_held_by(&here.seat));
}
