//! Models of sections under a runtime: hooks that suspend and resume, threads that detach, and one that stopped the
//! others.

use crate::shared::{Object, Shared};
use pycritsec::runtime::{self, Chain, Mode};
use pycritsec::{is_held, with_critical_section as one, with_critical_section2 as two};
use pysync::Event;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start};

/// Runs `body` on a thread that is attached, so that only the hooks suspend.
fn attached(body: impl FnOnce()) {
    // The process has one table of hooks, and models run one after the other.
    let _already = pycritsec::install();
    // SAFETY: no section has been detached.
    unsafe { runtime::attach(Chain::default(), Mode::Locking) };
    body();
    assert!(runtime::detach().is_empty());
}

fn nest(outer: &Object, inner: &Object) {
    one(outer, || {
        outer.bump();
        one(inner, || inner.bump());
        assert!(is_held(outer));
        outer.bump();
    });
}

/// CS-4, CS-5, CS-6. Two threads, bounded: opposite orders, suspended by the hooks.
#[test]
fn runtime_hooks_suspend_opposite_orders() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let other = start(&shared, |shared| attached(|| nest(&shared.0[1], &shared.0[0])));
        attached(|| nest(&shared.0[0], &shared.0[1]));
        other.join().unwrap();
        shared.ends_with([3, 3, 0]);
    });
}

/// CS-4, PAIR-1. Two threads, bounded: a pair that is suspended by a plain wait, and may have to wait again, and
/// again through the hooks, when it is resumed.
#[test]
fn runtime_resumption_blocks_and_is_done_once() {
    bounded(Bucket::Abstract, || {
        let shared = Arc::new((Shared::new(), Event::new()));
        let other = start(&shared, |shared| {
            attached(|| {
                let ([a, b, _], news) = (&shared.0.0, &shared.1);
                two(a, b, || {
                    news.wait();
                    assert!(is_held(a) && is_held(b));
                    a.bump();
                    b.bump();
                });
            });
        });
        attached(|| {
            let ([a, b, _], news) = (&shared.0.0, &shared.1);
            one(b, || {
                news.notify();
                b.bump();
            });
            one(a, || a.bump());
        });
        other.join().unwrap();
        shared.0.ends_with([2, 2, 0]);
    });
}

/// CS-3, CS-4. Two threads, bounded: detach gives the section up, attach takes it back, and between them the other
/// thread may be inside.
#[test]
fn runtime_detach_and_attach_move_a_section() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let other = start(&shared, |shared| {
            attached(|| one(&shared.0[0], || assert!(shared.0[0].bump() < 3)))
        });
        attached(|| {
            let object = &shared.0[0];
            one(object, || {
                let before = object.bump();
                let chain = runtime::detach();
                // SAFETY: detached by this thread in the same frame.
                unsafe { runtime::attach(chain, Mode::Locking) };
                let after = object.bump();
                assert!(after == before + 1 || after == before + 2);
            });
        });
        other.join().unwrap();
        shared.ends_with([3, 0, 0]);
    });
}

/// CS-7. Two threads, bounded: the stopper takes no lock while the other one stands still with it, ends a section
/// without waiting for the one below, and has that back when the world runs.
///
/// CPython issues 118332, 144524.
#[test]
fn runtime_stopper_waits_for_no_section() {
    bounded(Bucket::Abstract, || {
        let shared = Arc::new((Shared::new(), [Event::new(), Event::new()]));
        let other = start(&shared, |shared| {
            let (object, [stopped, running]) = (&shared.0.0[0], &shared.1);
            // Stands still with the mutex.
            object.mutex.lock();
            object.bump();
            stopped.notify();
            running.wait();
            object.mutex.unlock();
        });
        let (object, [stopped, running]) = (&shared.0.0[0], &shared.1);
        stopped.wait();
        attached(|| {
            runtime::enter_stopper();
            one(object, || one(&shared.0.0[1], || ()));
            assert_eq!(shared.0.0[1].mutex.bits(), 0);
            running.notify();
            runtime::leave_stopper(Mode::Locking);
            one(object, || object.bump());
        });
        other.join().unwrap();
        shared.0.ends_with([2, 0, 0]);
    });
}
