//! Models of what a waker sees in the queue: order, `has_more`, and other addresses in the same bucket.

use crate::parking::{HERE, THERE, park, plainly, unpark, with_arg, with_queue};
use pyparking::ParkStatus;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, start, unbounded};
use trial::guarded::Guarded;

/// Who waits, as counted under the bucket lock: what the queue must agree with.
struct Hall {
    closed: Guarded,
    arrived: Guarded,
    waiting: Guarded,
    /// The arrival number of each of two threads, 0 before.
    numbers: [Guarded; 2],
}

fn hall() -> Arc<Hall> {
    Arc::new(Hall {
        closed: Guarded::new(0),
        arrived: Guarded::new(0),
        waiting: Guarded::new(0),
        numbers: [Guarded::new(0), Guarded::new(0)],
    })
}

impl Hall {
    /// Parks as thread `who`, unless the hall is closed.
    fn wait(&self, who: usize) {
        let enter = || {
            if self.closed.get() == 1 {
                return false;
            }
            self.numbers[who].set(self.arrived.bump() + 1);
            self.waiting.bump();
            true
        };
        let status = park(HERE, with_arg(who), enter, |_| unreachable!());
        assert!(matches!(status, ParkStatus::Ok | ParkStatus::Again));
    }

    /// Wakes one; its arrival number.
    fn let_one_go(&self) -> Option<u32> {
        let mut number = None;
        unpark(HERE, |who, has_more| {
            number = who.map(|who| {
                self.waiting.set(self.waiting.get() - 1);
                self.numbers[who].get()
            });
            assert_eq!(has_more, self.waiting.get() > 0, "has_more is exact");
        });
        number
    }

    /// Lets nobody in any more and wakes the rest; their arrival numbers in order.
    fn close(&self) -> Vec<u32> {
        with_queue(HERE, |queue| {
            self.closed.set(1);
            let seen: Vec<_> = queue.args().map(<*mut ()>::addr).collect();
            let left: Vec<_> =
                std::iter::from_fn(|| queue.dequeue().map(<*mut ()>::addr)).collect();
            assert_eq!(seen, left, "the queue shows what it gives");
            assert_eq!(left.len(), self.waiting.get() as usize);
            left.into_iter().map(|who| self.numbers[who].get()).collect()
        })
    }
}

/// QUEUE-3, QUEUE-4. Three threads, bounded: two wait for one address; they are woken in the order in which they
/// queued, and `has_more` is what was counted, at every moment.
#[test]
fn queues_are_first_in_first_out() {
    bounded(Bucket::Real, || first_in_first_out());
}

/// QUEUE-3, QUEUE-4. The same three threads, no bound, bucket lock by the checker.
#[test]
fn queues_are_first_in_first_out_unbounded() {
    unbounded(Bucket::Abstract, || first_in_first_out());
}

fn first_in_first_out() {
    let hall = hall();
    let waiters = [0, 1].map(|who| start(&hall, move |hall| hall.wait(who)));
    let mut order: Vec<_> = hall.let_one_go().into_iter().collect();
    order.extend(hall.close());
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert!(order.is_sorted(), "served {order:?}");
}

/// QUEUE-2, QUEUE-4. Two threads, no bound: a thread that waits for another address of the same bucket is
/// neither woken nor counted.
///
/// CPython issue 135641.
#[test]
fn queues_do_not_count_other_addresses_135641() {
    unbounded(Bucket::Abstract, || {
        let closed = Arc::new(Guarded::new(0));
        let waiter = start(&closed, move |other| {
            park(THERE, plainly(), || other.get() == 0, |_| unreachable!())
        });
        assert_eq!(unpark(HERE, |_, _| {}), (None, false));
        let (woken, has_more) = unpark(THERE, |_, _| closed.set(1));
        assert!(!has_more);
        let expected = if woken.is_some() { ParkStatus::Ok } else { ParkStatus::Again };
        assert_eq!(waiter.join().unwrap(), expected);
    });
}

/// QUEUE-2, QUEUE-4. Three threads, bounded: two addresses in one bucket have a waiter each; each wake finds its
/// own, whichever of them leads the tree.
#[test]
fn queues_of_two_addresses_in_one_bucket() {
    bounded(Bucket::Real, || {
        let closed = Arc::new([Guarded::new(0), Guarded::new(0)]);
        let waiters = [HERE, THERE].map(|address| {
            let closed = Arc::clone(&closed);
            let mine = usize::from(address == THERE);
            let options = with_arg(address);
            spawn(move || park(address, options, || closed[mine].get() == 0, |_| unreachable!()))
        });
        let woken = [HERE, THERE].map(|address| {
            let mine = usize::from(address == THERE);
            let (woken, has_more) = unpark(address, |_, _| closed[mine].set(1));
            assert!(!has_more && woken.is_none_or(|arg| arg == address));
            woken
        });
        for (waiter, woken) in waiters.into_iter().zip(woken) {
            let expected = if woken.is_some() { ParkStatus::Ok } else { ParkStatus::Again };
            assert_eq!(waiter.join().unwrap(), expected);
        }
    });
}

/// QUEUE-1, QUEUE-3, WAITER-1. Three threads, bounded: the waker picks one by its argument, from the front or
/// from behind, and the queue stays whole.
#[test]
fn queues_let_the_waker_pick() {
    bounded(Bucket::Abstract, || {
        let hall = hall();
        let waiters = [0, 1].map(|who| start(&hall, move |hall| hall.wait(who)));
        with_queue(HERE, |queue| {
            let picked = queue.dequeue_where(|arg| arg.addr() == 1);
            if picked.is_some() {
                hall.waiting.set(hall.waiting.get() - 1);
            }
            let left = queue.args().count();
            assert_eq!(left, hall.waiting.get() as usize);
            assert!(queue.args().all(|arg| arg.addr() == 0));
        });
        hall.close();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}
