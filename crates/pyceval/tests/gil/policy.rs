//! Who comes first under the policy without the convoy, and that nobody starves.

use crate::room::{FOR_EVER, SHORT, Sitting, with_interval};
use pyceval::{Gil, SwitchPolicy};
use pyparking::Deadline;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicBool;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use trial::until::{joined, until};

/// A thread that waits for the GIL, when it is told to, and then notes its name. The release before that was asked for
/// if `ordinary`.
fn waiter(
    gil: &Arc<Gil>,
    order: &Arc<Mutex<Vec<u32>>>,
    name: u32,
    ordinary: bool,
) -> (JoinHandle<()>, Sender<()>) {
    let (gil, order) = (Arc::clone(gil), Arc::clone(order));
    let (go, told) = mpsc::channel();
    let (ready, is_ready) = mpsc::channel();
    let thread = thread::spawn(move || {
        let (here, other) = (Sitting::at(&gil), Sitting::at(&gil));
        here.take();
        if ordinary {
            thread::scope(|scope| {
                scope.spawn(|| {
                    other.take();
                    other.release();
                });
                until("the request", || here.is_asked());
                here.release();
            });
        } else {
            here.release();
        }
        ready.send(()).expect("the test listens");
        told.recv().expect("the test goes on");
        here.take();
        order.lock().expect("no panic inside").push(name);
    });
    is_ready.recv().expect("the thread lives");
    (thread, go)
}

/// The order in which a thread that was asked and then one that was not are served.
fn served(policy: SwitchPolicy) -> Vec<u32> {
    let gil = Arc::new(with_interval(policy, SHORT));
    let order = Arc::default();
    let (front, go_front) = waiter(&gil, &order, 1, false);
    let (ordinary, go_ordinary) = waiter(&gil, &order, 2, true);
    gil.set_interval(FOR_EVER).expect("long enough");
    let here = Sitting::at(&gil);
    here.take();
    for (number, go) in [(1, go_ordinary), (2, go_front)] {
        go.send(()).expect("the thread waits");
        until("it to wait", || gil.waiting() == number);
    }
    here.release();
    joined(front);
    joined(ordinary);
    order.lock().expect("no panic inside").clone()
}

/// SWITCH-2: a thread that let go by its own wish is served before one that did not.
#[test]
fn an_interactive_thread_comes_first() {
    assert_eq!(served(SwitchPolicy::Responsive), [1, 2]);
    assert_eq!(served(SwitchPolicy::Classic), [2, 1]);
}

/// SWITCH-2: who is in front is not preferred once an ordinary waiter has been passed for an interval.
#[test]
fn the_front_row_lives_on_credit() {
    let gil = Arc::new(with_interval(SwitchPolicy::Responsive, SHORT));
    let order = Arc::default();
    let (front, go_front) = waiter(&gil, &order, 1, false);
    let (ordinary, go_ordinary) = waiter(&gil, &order, 2, true);
    let here = Sitting::at(&gil);
    // A release by its own wish: the tenure that follows is not an ordinary one, which would renew the credit.
    here.take();
    here.release();
    here.take();
    for (number, go) in [(1, go_ordinary), (2, go_front)] {
        go.send(()).expect("the thread waits");
        until("it to wait", || gil.waiting() == number);
    }
    let credit = Deadline::after(SHORT);
    until("the end of the credit", || credit.passed());
    here.release();
    joined(front);
    joined(ordinary);
    assert_eq!(*order.lock().expect("no panic inside"), [2, 1]);
}

/// SWITCH-2: any number of interactive threads leave an ordinary one its turn.
#[test]
fn the_front_row_does_not_starve_the_others() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let gil = Arc::new(with_interval(SwitchPolicy::Responsive, SHORT));
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let gil = Arc::clone(&gil);
            thread::spawn(move || {
                let here = Sitting::at(&gil);
                // ORD: Relaxed, a flag.
                while !STOP.load(Ordering::Relaxed) {
                    here.take();
                    here.release();
                }
            })
        })
        .collect();
    let here = Sitting::at(&gil);
    for _ in 0..20 {
        here.take();
        until("a request", || here.is_asked());
        here.release();
    }
    // ORD: Relaxed, as above.
    STOP.store(true, Ordering::Relaxed);
    busy.into_iter().for_each(joined);
}
