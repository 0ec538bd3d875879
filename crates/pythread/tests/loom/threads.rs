//! Models of joins and detaches.

use crate::native::{Ends, start_as, start_ending};
use pythread::{Handle, Outcome};
use std::panic::resume_unwind;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start};
use trial::guarded::Guarded;

struct Shared {
    thread: Handle,
    ends: Arc<Ends>,
    /// What the thread does.
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { thread: Handle::new(), ends: Ends::new(), data: Guarded::new(0) })
}

impl Shared {
    /// Starts a thread that sets the data.
    fn begin(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let set = move || shared.data.set(7);
        start_as(&self.thread, &self.ends, set).expect("the first start");
    }

    /// Joins, and looks at everything that is promised after it.
    fn join(&self) {
        let outcome = self.thread.join().expect("it is started");
        assert!(outcome.is_returned(), "{outcome:?}");
        assert_eq!(self.data.get(), 7, "what the thread did");
        assert_eq!(self.ends.gone.get(), 1, "the system's thread has ended");
    }
}

/// THREAD-2, THREAD-3. Two threads, bounded: a join sees everything.
#[test]
fn threads_join_sees_what_the_thread_did() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.begin();
        shared.join();
        assert_eq!((shared.ends.joined.get(), shared.ends.reaped.get()), (1, 1));
    });
}

/// THREAD-2, THREAD-3. Three threads, bounded: the body is over and the system's thread is ending; both joiners see
/// everything, and one of them joins the system's thread.
#[test]
fn threads_two_joiners_both_see_the_end() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let own = Arc::clone(&shared);
        let body = move || own.data.set(7);
        start_ending(&shared.thread, &shared.ends, body).expect("the first start");
        let other = start(&shared, Shared::join);
        shared.join();
        other.join().unwrap();
        assert_eq!((shared.ends.joined.get(), shared.ends.reaped.get()), (1, 1));
    });
}

/// THREAD-3. Three threads, bounded: a detach and a join; whoever comes first has the system's thread, and the
/// outcome is the joiner's in any case.
#[test]
fn threads_detach_against_join() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.begin();
        let joiner = start(&shared, |shared| {
            assert!(shared.thread.join().expect("it is started").is_returned());
            assert_eq!(shared.data.get(), 7);
        });
        shared.thread.detach().expect("it is started");
        joiner.join().unwrap();
        assert_eq!(shared.ends.reaped.get(), 1);
    });
}

/// THREAD-3. Two threads, bounded: a thread detaches itself, while its starter has it or not yet, and is joined.
#[test]
fn threads_detach_themselves() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let own = Arc::clone(&shared);
        let body = move || {
            own.thread.detach().expect("it runs");
            own.data.set(7);
        };
        start_as(&shared.thread, &shared.ends, body).expect("the first start");
        assert!(shared.thread.join().expect("it is started").is_returned());
        assert_eq!((shared.data.get(), shared.ends.reaped.get()), (7, 1));
        assert_eq!(shared.ends.joined.get(), 0);
    });
}

/// THREAD-2. Two threads, bounded: a panic is every join's, its payload one's.
#[test]
fn threads_panic_reaches_every_joiner() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        // Without the panic hook: a message for each schedule would be thousands.
        let panics = || resume_unwind(Box::new("a panic"));
        start_as(&shared.thread, &shared.ends, panics).expect("the first start");
        for first in [true, false] {
            let outcome = shared.thread.join().expect("it is started");
            let Outcome::Panicked(panic) = outcome else { panic!("{outcome:?}") };
            assert_eq!(panic.message(), Some("a panic"));
            assert_eq!(panic.take_payload().is_some(), first);
        }
    });
}

/// LAST-1, THREAD-2. Two threads, bounded: joiners wait for the hooks, in their order; nobody joins the system's
/// thread, which would wait for more.
#[test]
fn threads_hooks_run_before_joiners_go() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let own = Arc::clone(&shared);
        let body = move || {
            own.thread.detach().expect("it runs");
            for step in 0..2 {
                let own = Arc::clone(&own);
                pythread::at_exit(move || assert_eq!(own.data.bump(), step)).expect("its own");
            }
        };
        start_as(&shared.thread, &shared.ends, body).expect("the first start");
        assert!(shared.thread.join().expect("it is started").is_returned());
        assert_eq!(shared.data.get(), 2);
    });
}

/// THREAD-3. Two threads, bounded: the last handle goes while the thread runs, or after; the system's thread is
/// detached once.
#[test]
fn threads_without_handles_are_detached() {
    bounded(Bucket::Abstract, || {
        let ends = Ends::new();
        let thread = Handle::new();
        start_as(&thread, &ends, || {}).expect("the first start");
        let waits = thread.clone();
        drop(thread);
        // The end of the body, seen without taking the system's thread.
        while waits.is_running() {
            loom::thread::yield_now();
        }
        drop(waits);
    });
}

/// THREAD-4. Two threads, bounded: a thread that joins itself is told so, whatever its starter has done yet.
#[test]
fn threads_do_not_join_themselves() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let own = Arc::clone(&shared);
        let body = move || {
            assert_eq!(own.thread.join().unwrap_err(), pythread::JoinError::OwnThread);
            assert!(own.thread.is_running());
            own.data.set(7);
        };
        start_as(&shared.thread, &shared.ends, body).expect("the first start");
        shared.join();
    });
}
