//! Models of pending calls over a whole runtime: who adds a call, and the threads that it tells.
//!
//! The log of what ran is a cell that the checker watches.

use pyceval::{Attached, Runtime};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn};
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
