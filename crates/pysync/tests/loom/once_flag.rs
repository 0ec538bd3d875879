//! Models of the once flag.

use pysync::OnceFlag;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::Guarded;

struct Shared {
    flag: OnceFlag,
    /// How often the function ran to a success.
    successes: Guarded,
    /// How often it failed.
    failures: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared {
        flag: OnceFlag::new(),
        successes: Guarded::new(0),
        failures: Guarded::new(0),
    })
}

impl Shared {
    /// Runs what always succeeds, and sees that it has.
    fn succeed(&self) {
        let result = self.flag.call_once(|| {
            self.successes.bump();
            Ok::<(), Infallible>(())
        });
        assert!(result.is_ok());
        assert_eq!(self.successes.get(), 1, "the one success is seen");
    }

    /// Runs what fails the first time; whether this call got the failure.
    fn fail_once(&self) -> bool {
        let result = self.flag.call_once(|| {
            if self.failures.get() == 0 {
                self.failures.bump();
                return Err("the first time");
            }
            self.successes.bump();
            Ok(())
        });
        if result.is_ok() {
            assert_eq!((self.successes.get(), self.failures.get()), (1, 1));
        }
        result.is_err()
    }
}

/// ONCE-1, ONCE-2. Two threads, no bound: one run, seen by both.
#[test]
fn once_runs_once() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let other = start(&shared, Shared::succeed);
        shared.succeed();
        other.join().unwrap();
        assert_eq!(shared.flag.bits(), 4);
    });
}

/// ONCE-1, ONCE-2, ONCE-4, LOT-1. Two threads, no bound, real bucket.
#[test]
fn once_over_the_real_bucket() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let other = start(&shared, Shared::succeed);
        shared.succeed();
        other.join().unwrap();
        assert_eq!(shared.flag.bits(), 4);
    });
}

/// ONCE-1, ONCE-2, ONCE-4. Three threads, bounded.
#[test]
fn once_three_threads_run_once() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let others = [(); 2].map(|()| start(&shared, Shared::succeed));
        shared.succeed();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(shared.flag.bits(), 4);
    });
}

/// ONCE-1, ONCE-3. Two threads, no bound: the first run fails, which its caller gets told; the other
/// caller's run succeeds and sees what the failed one left.
#[test]
fn once_failure_is_retried() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let other = start(&shared, Shared::fail_once);
        let failed = [shared.fail_once(), other.join().unwrap()];
        assert_eq!(failed.iter().filter(|failed| **failed).count(), 1);
        assert_eq!(shared.flag.bits(), 4);
    });
}

/// ONCE-1, ONCE-3, ONCE-4. Three threads, bounded: a failure wakes all who wait, one runs, the other waits again.
#[test]
fn once_failure_wakes_everybody() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let others = [(); 2].map(|()| start(&shared, Shared::fail_once));
        let mut failures = u32::from(shared.fail_once());
        failures += others.map(|other| u32::from(other.join().unwrap())).iter().sum::<u32>();
        assert_eq!(failures, 1);
        assert_eq!(shared.flag.bits(), 4);
    });
}

/// ONCE-3. Two threads, bounded: the first run panics; the flag is fresh again, and the other thread, or a
/// second call, succeeds.
#[test]
fn once_panic_leaves_it_fresh() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let waiter = start(&shared, Shared::succeed);
        // Without the panic hook: a message for each schedule would be thousands.
        let panics = || -> Result<(), Infallible> { resume_unwind(Box::new("a panic")) };
        let caught = catch_unwind(AssertUnwindSafe(|| shared.flag.call_once(panics)));
        let ran = caught.is_err();
        assert!(ran || shared.flag.is_done());
        shared.succeed();
        waiter.join().unwrap();
        assert_eq!(shared.flag.bits(), 4);
    });
}

/// ONCE-2. Two threads, no bound: `is_done` sees what the run did.
#[test]
fn once_is_done_sees_the_run() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let looks = start(&shared, |shared| {
            if shared.flag.is_done() {
                assert_eq!(shared.successes.get(), 1);
            }
        });
        shared.succeed();
        looks.join().unwrap();
    });
}
