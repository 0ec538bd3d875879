//! Models of the one-byte mutex with deadlines, interrupts and the millisecond after which it is handed over.

use crate::queue::{queued, with_queued};
use loom::thread::JoinHandle;
use pyparking::{ThreadHandle, clock};
use pysync::{LockFlags, LockStatus, Mutex};
use std::sync::Arc;
use std::time::Duration;
use trial::explore::{Bucket, bounded, spawn, start, unbounded};
use trial::guarded::Guarded;

const MICROSECOND: Duration = Duration::from_micros(1);

/// Past every deadline of a microsecond, far from the millisecond.
const TWO_MICROSECONDS: u64 = 2_000;

/// Past the time to be fair.
const TWO_MILLISECONDS: u64 = 2_000_000;

struct Shared {
    mutex: Mutex,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { mutex: Mutex::new(), data: Guarded::new(0) })
}

impl Shared {
    fn add_one(&self) {
        self.mutex.lock();
        self.data.bump();
        self.mutex.unlock();
    }

    /// Waits as told, and adds one if that gave the mutex; otherwise looks that nothing is left behind.
    fn add_one_within(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        let status = self.mutex.lock_timed(timeout, flags);
        if status == LockStatus::Acquired {
            self.data.bump();
            self.mutex.unlock();
        } else {
            with_queued(&self.mutex, |queued| {
                let bits = self.mutex.bits();
                assert!(queued == 0 || bits & 2 != 0, "{queued} queued, bits {bits}");
            });
        }
        status
    }

    fn ends_with(&self, sum: u32) {
        assert_eq!((self.data.get(), self.mutex.bits()), (sum, 0));
    }
}

/// 1 if the mutex was got.
fn got(status: LockStatus) -> u32 {
    u32::from(status == LockStatus::Acquired)
}

/// MUTEX-3, MUTEX-4, PARK-2. Two threads, no bound: a timed lock against a release at the deadline. Either
/// it gets the mutex, or it gives up and no `HAS_PARKED` stays behind.
#[test]
fn mutex_timed_lock_against_unlock() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, |shared| {
            let status = shared.add_one_within(Some(MICROSECOND), LockFlags::DETACH);
            assert!(shared.mutex.bits() & 2 == 0, "the only waiter has left");
            status
        });
        clock::advance(TWO_MICROSECONDS);
        shared.data.bump();
        shared.mutex.unlock();
        let status = waiter.join().unwrap();
        assert_ne!(status, LockStatus::Intr);
        shared.ends_with(1 + got(status));
    });
}

/// The same over the real bucket: MUTEX-3, MUTEX-4, PARK-1, PARK-2. Two threads, bounded.
#[test]
fn mutex_timed_lock_over_the_real_bucket() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter =
            start(&shared, |shared| shared.add_one_within(Some(MICROSECOND), LockFlags::DETACH));
        clock::advance(TWO_MICROSECONDS);
        shared.mutex.unlock();
        let status = waiter.join().unwrap();
        shared.ends_with(got(status));
    });
}

/// MUTEX-3, MUTEX-4, PARK-2. Three threads, bounded: a waiter that gives up beside one that does not, which keeps
/// its bit and gets the mutex.
#[test]
fn mutex_timed_lock_beside_a_waiter() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.lock();
        let timed =
            start(&shared, |shared| shared.add_one_within(Some(MICROSECOND), LockFlags::DETACH));
        let patient = start(&shared, Shared::add_one);
        clock::advance(TWO_MICROSECONDS);
        shared.mutex.unlock();
        let status = timed.join().unwrap();
        patient.join().unwrap();
        shared.ends_with(1 + got(status));
    });
}

/// The doc of `lock_timed`. Two threads, no bound: a zero timeout gets a free mutex, and else is back at
/// once: it is never queued and moves no bit.
///
/// CPython issue 135871.
#[test]
fn mutex_zero_timeout_never_parks_135871() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let tries = start(&shared, |shared| {
            let status = shared.add_one_within(Some(Duration::ZERO), LockFlags::DETACH);
            assert_ne!(status, LockStatus::Intr);
            status
        });
        if shared.mutex.try_lock() {
            shared.data.bump();
            assert_eq!(shared.mutex.bits(), 1);
            shared.mutex.unlock();
        }
        got(tries.join().unwrap());
        assert_eq!(shared.mutex.bits(), 0);
        assert_eq!(pyparking::totals().parks, 0);
    });
}

/// MUTEX-1, MUTEX-2, MUTEX-5. Two threads, bounded: a waiter that was queued before the millisecond passed
/// is handed the mutex: the word keeps `LOCKED`, and an attempt right behind the release comes after it.
#[test]
fn mutex_is_handed_over_after_a_millisecond() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, Shared::add_one);
        let due = queued(&shared.mutex) == 1;
        clock::advance(TWO_MILLISECONDS);
        shared.mutex.unlock();
        let barged = shared.mutex.try_lock();
        if barged {
            assert!(!due || shared.data.get() == 1, "overtaken past the millisecond");
            shared.mutex.unlock();
        }
        waiter.join().unwrap();
        assert!(!due || pyparking::totals().hand_offs == 1);
        shared.ends_with(1);
    });
}

/// MUTEX-4, MUTEX-5. Two threads, bounded: without a millisecond nothing is handed over, and a barging
/// thread may come first.
#[test]
fn mutex_is_not_handed_over_before() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, Shared::add_one);
        clock::advance(TWO_MICROSECONDS);
        shared.mutex.unlock();
        shared.add_one();
        waiter.join().unwrap();
        assert_eq!(pyparking::totals().hand_offs, 0);
        shared.ends_with(2);
    });
}

/// MUTEX-5. Two threads, bounded: a waiter that was woken, overtaken and queued again is due a millisecond
/// after its *first* park.
#[test]
fn mutex_fair_deadline_is_kept_over_parks() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, Shared::add_one);
        let waited = queued(&shared.mutex) == 1;
        shared.mutex.unlock();
        if shared.mutex.try_lock() {
            clock::advance(TWO_MILLISECONDS);
            let waits_again = queued(&shared.mutex) == 1;
            shared.mutex.unlock();
            let due = waited && waits_again;
            assert!(!due || pyparking::totals().hand_offs == 1, "its time began anew");
        }
        waiter.join().unwrap();
        shared.ends_with(1);
    });
}

/// MUTEX-4, MUTEX-5, QUEUE-3. Three threads, bounded: of two waiters past the millisecond the first is handed
/// the mutex, and hands it on to the second.
#[test]
fn mutex_two_waiters_are_handed_the_mutex_in_turn() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiters = [(); 2].map(|()| start(&shared, Shared::add_one));
        let due = queued(&shared.mutex) as u64;
        clock::advance(TWO_MILLISECONDS);
        shared.mutex.unlock();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        let hand_offs = pyparking::totals().hand_offs;
        assert!(hand_offs >= due, "{due} were due, {hand_offs} were handed the mutex");
        shared.ends_with(2);
    });
}

/// Locks as told while another thread interrupts this one; that thread.
fn interrupted(shared: &Shared, flags: LockFlags) -> (LockStatus, JoinHandle<bool>) {
    let me = ThreadHandle::current();
    let interrupter = spawn(move || me.interrupt());
    (shared.add_one_within(None, flags), interrupter)
}

/// MUTEX-3, MUTEX-4, REG-2. Three threads, bounded, real bucket: `FAIL_IF_INTERRUPTED` against a release. `Intr`
/// leaves the mutex to the others, and no bit behind.
#[test]
fn mutex_interrupt_against_unlock() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, |shared| interrupted(shared, LockFlags::FAIL_IF_INTERRUPTED));
        shared.mutex.unlock();
        let (status, interrupter) = waiter.join().unwrap();
        interrupter.join().unwrap();
        assert_ne!(status, LockStatus::Failure);
        shared.ends_with(got(status));
    });
}

/// MUTEX-4, MUTEX-5, PARK-1. Three threads, bounded, real bucket: an interrupt against a hand-over. A waiter that
/// has been handed the mutex says so; the mutex does not stay locked with no owner.
///
/// CPython issue 114944, one level up.
#[test]
fn mutex_interrupt_against_hand_over_114944() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, |shared| interrupted(shared, LockFlags::FAIL_IF_INTERRUPTED));
        clock::advance(TWO_MILLISECONDS);
        shared.mutex.unlock();
        let (status, interrupter) = waiter.join().unwrap();
        interrupter.join().unwrap();
        assert!(got(status) == 1 || pyparking::totals().hand_offs == 0);
        shared.ends_with(got(status));
    });
}

/// The doc of `LockFlags`. Three threads, bounded, real bucket: `HANDLE_SIGNALS` goes on waiting when the pending
/// calls have not failed.
#[test]
fn mutex_handled_interrupt_goes_on_waiting() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, |shared| interrupted(shared, LockFlags::HANDLE_SIGNALS));
        shared.mutex.unlock();
        let (status, interrupter) = waiter.join().unwrap();
        interrupter.join().unwrap();
        assert_eq!(status, LockStatus::Acquired);
        shared.ends_with(1);
    });
}
