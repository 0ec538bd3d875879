//! One test for every known defect of CPython's GIL that must not come along.

use crate::room::{FOR_EVER, SHORT, Sitting, patient, with_interval};
use pyceval::{SwitchPolicy, Taken};
use pyparking::Deadline;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use trial::until::{joined, until};

/// CPython issue 96387: a waiter asked for the GIL and then ended; the holder found the request, dropped the GIL and
/// waited for ever to be relieved.
#[test]
fn gh_96387_a_waiter_that_gives_up_takes_its_request_back() {
    let gil = Arc::new(with_interval(SwitchPolicy::Classic, SHORT));
    let here = Sitting::at(&gil);
    here.take();
    let theirs = Arc::clone(&gil);
    let waiter = thread::spawn(move || {
        Sitting::at(&theirs).take_until(Deadline::after(Duration::from_millis(100)))
    });
    until("the request", || here.is_asked());
    assert_eq!(joined(waiter), Taken::TimedOut);
    assert!(!here.is_asked(), "nobody is left who needs the GIL");
    here.release();
    assert!(here.take());
}

/// The same with another waiter left: its request stands.
#[test]
fn gh_96387_a_request_that_others_need_stays() {
    let gil = Arc::new(with_interval(SwitchPolicy::Classic, SHORT));
    let here = Sitting::at(&gil);
    here.take();
    let waits = [Duration::from_millis(50), FOR_EVER].map(|wait| {
        let gil = Arc::clone(&gil);
        thread::spawn(move || Sitting::at(&gil).take_until(Deadline::after(wait)))
    });
    let [first, second] = waits;
    until("both to wait", || gil.waiting() == 2);
    assert_eq!(joined(first), Taken::TimedOut);
    until("the request", || here.is_asked());
    here.release();
    assert_eq!(joined(second), Taken::Held);
}

/// CPython issue 118745: the GIL was disabled while a thread waited for a forced switch, which nobody told it about.
#[test]
fn gh_118745_disabling_wakes_everybody() {
    let gil = Arc::new(patient(SwitchPolicy::Classic));
    let here = Sitting::at(&gil);
    here.take();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let gil = Arc::clone(&gil);
            thread::spawn(move || Sitting::at(&gil).take())
        })
        .collect();
    until("all of them to sleep", || {
        pyparking::snapshot().waiters().len() >= 3 && gil.waiting() == 3
    });
    gil.disable(&here.seat);
    assert!(waiters.into_iter().all(|waiter| !joined(waiter)));
    assert!(!here.is_asked());
}
