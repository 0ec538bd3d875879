//! Models of starts.

use crate::native::{Ends, start_as};
use loom::thread::JoinHandle;
use pythread::{Builder, Handle, JoinError, MainBody, NativeThread, Outcome, StartError, State};
use std::io;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start};
use trial::guarded::Guarded;

struct Shared {
    thread: Handle,
    ends: Arc<Ends>,
    runs: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { thread: Handle::new(), ends: Ends::new(), runs: Guarded::new(0) })
}

fn start_counting(shared: &Arc<Shared>) -> bool {
    let own = Arc::clone(shared);
    let count = move || {
        own.runs.bump();
    };
    start_as(&shared.thread, &shared.ends, count).is_ok()
}

/// THREAD-1. Three threads, bounded: of two starters one wins, and the body runs once.
#[test]
fn start_is_won_once() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let again = Arc::clone(&shared);
        let other = start(&shared, move |_| start_counting(&again));
        let mine = start_counting(&shared);
        let theirs = other.join().unwrap();
        assert!(mine != theirs);
        assert!(shared.thread.join().expect("one has started it").is_returned());
        assert_eq!((shared.runs.get(), shared.ends.reaped.get()), (1, 1));
    });
}

/// THREAD-3, STAGE-2. Three threads, bounded: a join at any moment of a start. It is told that there is nothing to
/// join, or it joins, and then the system's thread has ended.
#[test]
fn start_against_join() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let joiner = start(&shared, |shared| match shared.thread.join() {
            Ok(outcome) => {
                assert!(outcome.is_returned());
                assert_eq!((shared.runs.get(), shared.ends.gone.get()), (1, 1));
            }
            Err(error) => assert_eq!(error, JoinError::NotStarted),
        });
        assert!(start_counting(&shared));
        joiner.join().unwrap();
        assert!(shared.thread.join().expect("it is started").is_returned());
        assert_eq!(shared.ends.joined.get(), 1);
    });
}

/// STAGE-2. Three threads, bounded: whoever sees the thread running knows who it is.
#[test]
fn start_publishes_the_ident() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let looks = start(&shared, |shared| {
            if shared.thread.state() == State::Running {
                assert!(shared.thread.ident().is_some());
            }
        });
        assert!(start_counting(&shared));
        looks.join().unwrap();
        assert!(shared.thread.join().expect("it is started").is_returned());
    });
}

/// A thread that there is none of.
struct Nobody;

impl NativeThread for Nobody {
    fn join(self: Box<Self>) {}
}

/// THREAD-1. Two threads, bounded: a start that the system refuses, against a join.
#[test]
fn start_that_fails_lets_joiners_go() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let joiner = start(&shared, |shared| match shared.thread.join() {
            Ok(outcome) => assert!(matches!(outcome, Outcome::NeverRan), "{outcome:?}"),
            Err(error) => assert_eq!(error, JoinError::NotStarted),
        });
        let refuse = |_: MainBody| -> io::Result<Nobody> { Err(io::Error::other("full")) };
        let started = Builder::new().start_by(&shared.thread, refuse, || unreachable!("refused"));
        assert!(matches!(started, Err(StartError::System(_))));
        assert!(matches!(shared.thread.join(), Ok(Outcome::NeverRan)));
        joiner.join().unwrap();
    });
}

/// A thread of the model that somebody else joins.
struct Elsewhere;

impl NativeThread for Elsewhere {
    fn join(self: Box<Self>) {}
}

/// THREAD-2. Two threads, bounded: a body that its thread drops instead of running it ends as one that never ran.
#[test]
fn start_of_a_body_that_is_dropped() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let mut made: Option<JoinHandle<()>> = None;
        let spawner = |body: MainBody| -> io::Result<Elsewhere> {
            made = Some(trial::explore::spawn(move || drop(body)));
            Ok(Elsewhere)
        };
        Builder::new()
            .start_by(&shared.thread, spawner, || unreachable!("dropped"))
            .expect("a thread was made");
        assert!(matches!(shared.thread.join(), Ok(Outcome::NeverRan)));
        made.expect("as above").join().unwrap();
    });
}
