//! Models of pending calls over a whole runtime: who adds a call, and the threads that it tells.
//!
//! The log of what ran is a cell that the checker watches.

use pyceval::{Attached, Breaker, Events, Runtime, until_exit};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, unbounded};
use trial::guarded::Guarded;

/// The numbers of the calls that ran, as digits.
struct Log(Guarded);

// SAFETY: the checker runs its threads on one of the machine's.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

fn add(runtime: &Runtime, log: &Arc<Log>, number: u32) {
    let log = Arc::clone(log);
    let call = move |_: &Attached<'_>| {
        log.0.set(log.0.get() * 10 + number);
        Ok(())
    };
    runtime.main_interpreter().add_pending_call(call).unwrap();
}

/// PENDING-3. Two threads, bounded: a call is added to a thread that has the bit of an earlier one, and that takes it
/// meanwhile. It is told again.
#[test]
fn calls_tell_a_thread_that_was_told_before() {
    bounded(Bucket::Abstract, || {
        let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
        let log = Arc::new(Log(Guarded::new(0)));
        add(&runtime, &log, 1);
        let other = {
            let (runtime, log) = (runtime.clone(), Arc::clone(&log));
            spawn(move || add(&runtime, &log, 2))
        };
        let attached = main.attach().unwrap();
        attached.poll().unwrap();
        other.join().unwrap();
        attached.poll().unwrap();
        assert_eq!(log.0.get(), 12);
    });
}

/// PENDING-3. Two threads, bounded: a thread that runs calls is left the bit of another one, which comes meanwhile, and
/// ends.
#[test]
fn calls_outlive_the_thread_that_was_told() {
    bounded(Bucket::Abstract, || {
        let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
        let log = Arc::new(Log(Guarded::new(0)));
        let mut state = runtime.main_interpreter().new_thread();
        add(&runtime, &log, 1);
        let other = spawn(move || state.attach().unwrap().poll().unwrap());
        add(&runtime, &log, 2);
        let attached = main.attach().unwrap();
        attached.poll().unwrap();
        other.join().unwrap();
        attached.poll().unwrap();
        assert_eq!(log.0.get(), 12);
    });
}

/// PENDING-6, RING-4. Two threads, bounded: a call is added while the runtime ends. It runs, is dropped by the end, or is
/// given back; it is in no queue.
#[test]
fn pending_the_end_against_an_add() {
    bounded(Bucket::Abstract, || {
        let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
        let log = Arc::new(Log(Guarded::new(0)));
        let other = {
            let (runtime, log) = (runtime.clone(), Arc::clone(&log));
            spawn(move || {
                let kept = Arc::clone(&log);
                let call = move |_: &Attached<'_>| {
                    kept.0.bump();
                    Ok(())
                };
                let added = runtime.add_main_call(call);
                assert!(added.map_or_else(|full| full.is_closed(), |()| true));
            })
        };
        let attached = main.attach().unwrap();
        runtime.finalise(&attached).unwrap();
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&log), 1, "the call is left");
    });
}

/// PENDING-1, PENDING-5. Two threads, bounded: a pass is under way on another thread when the runtime ends. It is waited
/// for, and what it did is seen.
#[test]
fn pending_the_end_against_a_pass() {
    bounded(Bucket::Abstract, || {
        let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
        let log = Arc::new(Log(Guarded::new(0)));
        add(&runtime, &log, 1);
        let mut state = runtime.main_interpreter().new_thread();
        let other = spawn(move || {
            let _left = until_exit(|| {
                if let Ok(attached) = state.attach() {
                    attached.poll().unwrap();
                }
            });
        });
        let attached = main.attach().unwrap();
        runtime.finalise(&attached).unwrap();
        assert_eq!(log.0.get(), 1);
        other.join().unwrap();
    });
}

/// BREAKER-1. Two threads, unbounded: who finds an event, and takes nothing, sees what it is about.
#[test]
fn calls_are_seen_behind_their_event() {
    unbounded(Bucket::Abstract, || {
        let shared = Arc::new((Breaker::new(), Log(Guarded::new(0))));
        let other = {
            let shared = Arc::clone(&shared);
            spawn(move || {
                shared.1.0.set(1);
                shared.0.set(Events::CALLS_TO_DO);
            })
        };
        if shared.0.events().contains(Events::CALLS_TO_DO) {
            assert_eq!(shared.1.0.get(), 1);
        }
        other.join().unwrap();
        assert!(shared.0.is_tripped());
    });
}
