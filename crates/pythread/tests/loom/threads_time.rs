//! Models of joins that give up.

use crate::native::{Ends, start_as};
use pyparking::{ThreadHandle, clock, take_interrupt};
use pysync::{Event, LockFlags};
use pythread::{Handle, JoinError};
use std::sync::Arc;
use std::time::Duration;
use trial::explore::{Bucket, bounded, start};

const MICROSECOND: Duration = Duration::from_micros(1);
const TWO_MICROSECONDS: u64 = 2_000;

/// THREAD-5. Two threads, bounded: a deadline against the end. Who gives up can come back.
#[test]
fn time_runs_out_against_the_end() {
    bounded(Bucket::Abstract, || {
        let (thread, ends) = (Handle::new(), Ends::new());
        start_as(&thread, &ends, || clock::advance(TWO_MICROSECONDS)).expect("the first start");
        match thread.join_timed(Some(MICROSECOND)) {
            Ok(outcome) => assert!(outcome.is_returned()),
            Err(error) => assert_eq!(error, JoinError::TimedOut),
        }
        assert!(thread.join().expect("it is started").is_returned());
        assert_eq!((ends.joined.get(), ends.gone.get()), (1, 1));
    });
}

/// THREAD-5. Two threads, bounded: no time at all is one look, which does not sleep.
#[test]
fn time_of_zero_is_one_look() {
    bounded(Bucket::Abstract, || {
        let (thread, ends) = (Handle::new(), Ends::new());
        start_as(&thread, &ends, || {}).expect("the first start");
        match thread.join_timed(Some(Duration::ZERO)) {
            Ok(outcome) => {
                assert!(outcome.is_returned());
                assert_eq!(ends.gone.get(), 1);
            }
            Err(error) => {
                assert_eq!(error, JoinError::TimedOut);
                assert_eq!(pyparking::totals().parks, 0);
            }
        }
        assert!(thread.join().expect("it is started").is_returned());
    });
}

/// THREAD-5. Two threads, bounded: an interrupt against the end. One that did not end the join is still there.
#[test]
fn interrupt_against_the_end() {
    bounded(Bucket::Abstract, || {
        let (thread, ends) = (Handle::new(), Ends::new());
        let joiner = ThreadHandle::current();
        let body = move || {
            joiner.interrupt();
        };
        start_as(&thread, &ends, body).expect("the first start");
        let flags = LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED;
        match thread.join_with(None, flags) {
            Ok(outcome) => {
                assert!(outcome.is_returned());
                assert!(take_interrupt(), "it came before the end, and nobody took it");
            }
            Err(error) => {
                assert_eq!(error, JoinError::Interrupted);
                assert!(!take_interrupt());
            }
        }
        assert!(thread.join().expect("it is started").is_returned());
        assert_eq!(ends.joined.get(), 1);
    });
}

/// THREAD-2. Two threads, bounded: an adopted thread says that it is done.
#[test]
fn done_of_an_adopted_thread_lets_joiners_go() {
    bounded(Bucket::Abstract, || {
        let main = Handle::adopt_current();
        let shared = Arc::new((main, Event::new()));
        let joiner = start(&shared, |shared| {
            assert!(shared.0.join().expect("it runs").is_returned());
            assert!(shared.1.is_set(), "what came before is seen");
        });
        shared.1.notify();
        shared.0.set_done().expect("adopted");
        shared.0.set_done().expect("adopted");
        joiner.join().unwrap();
    });
}
