//! Models of deadlines: a wake is never lost to one, and a thread that gives up leaves a true queue behind.
//!
//! The clock moves only when a model says so, at any moment that the checker likes.

use crate::parking::{HERE, park, pass_soon, plainly, soon, unpark, unpark_all, until, with_queue};
use pyparking::{Deadline, ParkStatus, monotonic_nanos};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, start, unbounded};
use trial::guarded::Guarded;

/// Under the bucket lock: whether parkers are to stay away, and how many are queued.
struct Hall {
    closed: Guarded,
    waiting: Guarded,
}

fn hall() -> Arc<Hall> {
    Arc::new(Hall { closed: Guarded::new(0), waiting: Guarded::new(0) })
}

impl Hall {
    /// Parks until the deadline, unless the hall is closed; whoever gives up compares the queue with the count.
    fn wait(&self, deadline: Deadline) -> ParkStatus {
        let enter = || {
            let open = self.closed.get() == 0;
            if open {
                self.waiting.bump();
            }
            open
        };
        park(HERE, until(deadline), enter, |queue| {
            self.waiting.set(self.waiting.get() - 1);
            assert_eq!(queue.args().count(), self.waiting.get() as usize);
            assert_eq!(queue.is_empty(), self.waiting.get() == 0);
        })
    }

    /// Wakes one, and lets nobody in any more; whether there was one.
    fn wake_one_and_close(&self) -> bool {
        let (woken, has_more) = unpark(HERE, |woken, _| {
            self.closed.set(1);
            if woken.is_some() {
                self.waiting.set(self.waiting.get() - 1);
            }
        });
        assert_eq!(has_more, false);
        woken.is_some()
    }

    /// Wakes everybody who is left.
    fn close(&self) -> usize {
        with_queue(HERE, |queue| {
            self.closed.set(1);
            let woken = std::iter::from_fn(|| queue.dequeue()).count();
            assert_eq!(woken, self.waiting.get() as usize);
            self.waiting.set(0);
            woken
        })
    }
}

/// PARK-2, PARK-4. Two threads, no bound: nobody wakes the thread, the clock does, and not early.
#[test]
fn timeouts_end_a_park() {
    unbounded(Bucket::Real, || {
        let deadline = soon();
        let hall = hall();
        let waiter = start(&hall, move |other| {
            assert_eq!(other.wait(deadline), ParkStatus::Timeout);
            assert!(deadline.passed());
        });
        pass_soon();
        waiter.join().unwrap();
        assert_eq!(hall.waiting.get(), 0);
        assert!(with_queue(HERE, |queue| queue.is_empty()));
    });
}

/// PARK-1, WAITER-1, WAITER-2. Two threads, bounded: the deadline passes right before an unpark; the
/// thread says `Ok` exactly if the unpark found it.
///
/// CPython issue 114944.
#[test]
fn timeouts_do_not_lose_the_wake_114944() {
    bounded(Bucket::Real, || {
        let deadline = soon();
        let hall = hall();
        let waiter = start(&hall, move |hall| hall.wait(deadline));
        pass_soon();
        let woken = hall.wake_one_and_close();
        let status = waiter.join().unwrap();
        assert_eq!(status == ParkStatus::Ok, woken, "{status:?}");
        assert_ne!(status, ParkStatus::Intr);
    });
}

/// PARK-1, WAITER-2. Three threads, no bound, bucket lock by the checker: as above with a clock of its own
/// thread, so that it also moves while the unpark is under way.
#[test]
fn timeouts_and_unparks_at_any_moment_114944() {
    unbounded(Bucket::Abstract, || {
        let deadline = soon();
        let hall = hall();
        let waiter = start(&hall, move |hall| hall.wait(deadline));
        let clock = spawn(pass_soon);
        let woken = hall.wake_one_and_close();
        let status = waiter.join().unwrap();
        clock.join().unwrap();
        assert_eq!(status == ParkStatus::Ok, woken, "{status:?}");
    });
}

/// PARK-1, LOT-2. Three threads, bounded: unpark-all against two deadlines counts exactly those who say `Ok`.
#[test]
fn timeouts_against_unpark_all() {
    bounded(Bucket::Real, || {
        let deadline = soon();
        let waiters = [(); 2].map(|()| spawn(move || park(HERE, until(deadline), || true, |_| {})));
        pass_soon();
        let woken = unpark_all(HERE);
        let statuses = waiters.map(|waiter| waiter.join().unwrap());
        let ok = statuses.iter().filter(|status| **status == ParkStatus::Ok).count();
        assert_eq!(woken, ok, "{statuses:?}");
        assert!(pyparking::totals().timeouts <= 2 - ok as u64, "those who were queued");
    });
}

/// PARK-2, QUEUE-1, QUEUE-4. Three threads, bounded: one of two waiters gives up, from the front or from behind,
/// and sees whether the other is still queued; the other is woken all the same.
#[test]
fn timeouts_leave_a_true_queue() {
    bounded(Bucket::Real, || {
        let hall = hall();
        let waiters =
            [soon(), Deadline::NEVER].map(|deadline| start(&hall, move |hall| hall.wait(deadline)));
        pass_soon();
        let woken = hall.close();
        let statuses = waiters.map(|waiter| waiter.join().unwrap());
        let ok = statuses.iter().filter(|status| **status == ParkStatus::Ok).count();
        assert_eq!(woken, ok, "{statuses:?}");
        assert!(matches!(statuses[1], ParkStatus::Ok | ParkStatus::Again));
    });
}

/// PARK-1, PARK-2, LOT-2. Three threads, bounded: who gives up may wake others, outside the bucket lock.
#[test]
fn timeouts_may_wake_those_behind() {
    bounded(Bucket::Real, || {
        let deadline = soon();
        let closed = Arc::new(Guarded::new(0));
        let behind = Arc::clone(&closed);
        let behind = spawn(move || park(HERE, plainly(), || behind.get() == 0, |_| unreachable!()));
        let quitter = spawn(move || {
            let mut woken = 0;
            let status = park(
                HERE,
                until(deadline),
                || true,
                |queue| {
                    closed.set(1);
                    woken = std::iter::from_fn(|| queue.dequeue()).count();
                },
            );
            assert_eq!(status, ParkStatus::Timeout);
            woken
        });
        pass_soon();
        let expected = match quitter.join().unwrap() {
            0 => ParkStatus::Again,
            _ => ParkStatus::Ok,
        };
        assert_eq!(behind.join().unwrap(), expected);
    });
}

/// PARK-4. Two threads, no bound: a deadline that has passed is never queued, so no unpark finds it.
///
/// CPython issue 135871, in the lot.
#[test]
fn timeouts_of_zero_do_not_queue_135871() {
    unbounded(Bucket::Abstract, || {
        let waker = spawn(|| unpark(HERE, |_, _| {}));
        let before = monotonic_nanos();
        let mut asked = false;
        let status = park(HERE, until(Deadline::NOW), || true, |_| asked = true);
        assert_eq!((status, asked), (ParkStatus::Timeout, true));
        assert_eq!(monotonic_nanos(), before);
        assert_eq!(waker.join().unwrap(), (None, false));
        assert_eq!(pyparking::totals().parks, 0);
    });
}
