//! What the process counts, exactly: one test, because every thread of the process counts.

use pyparking::{Totals, spin, totals};
use pysync::{Condvar, Event, LockFlags, LockStatus, Mutex, OnceFlag, RecursiveMutex, RwMutex};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until, until_asleep, until_overdue};

const NOW: Option<Duration> = Some(Duration::ZERO);
const SOON: Option<Duration> = Some(Duration::from_millis(2));

type Waiter = thread::JoinHandle<()>;

/// What `work` adds to the counts of the process.
fn counted(work: impl FnOnce()) -> Totals {
    let before = totals();
    work();
    let after = totals();
    Totals {
        parks: after.parks - before.parks,
        moves: after.moves - before.moves,
        wakes: after.wakes - before.wakes,
        hand_offs: after.hand_offs - before.hand_offs,
        timeouts: after.timeouts - before.timeouts,
        interrupts: after.interrupts - before.interrupts,
    }
}

#[test]
fn counts_are_exact_when_it_is_quiet() {
    // Under a GIL nobody spins: who has to wait parks at once.
    spin::set_turns(spin::GIL);
    assert_eq!(spin::turns(), 0);
    assert_eq!(counted(without_contention), Totals::default());
    assert_eq!(counted(without_time), Totals::default());
    // A thread that does not get the processor until its time is up does not park any more.
    until("four waits that are asleep when their time is up", || {
        let seen = counted(until_timeouts);
        assert_eq!(
            seen,
            Totals { parks: seen.timeouts, timeouts: seen.parks, ..Totals::default() }
        );
        assert!(seen.parks <= 4, "{seen:?}");
        seen.parks == 4
    });
    let handed = Totals { parks: 3, wakes: 3, hand_offs: 3, ..Totals::default() };
    assert_eq!(counted(mutex_hand_offs), handed);
    let broadcast = Totals { parks: 5, wakes: 5, ..Totals::default() };
    assert_eq!(counted(event_broadcast), broadcast);
    assert_eq!(counted(condvar_broadcast), Totals { moves: 5, ..broadcast });
    let fair = Totals { parks: 1, moves: 1, wakes: 1, hand_offs: 1, ..Totals::default() };
    assert_eq!(counted(condvar_hand_off), fair);
}

fn without_contention() {
    let (mutex, rw, event, once) = (Mutex::new(), RwMutex::new(), Event::new(), OnceFlag::new());
    let recursive = RecursiveMutex::new();
    for _ in 0..100 {
        drop((mutex.guard(), recursive.guard(), recursive.guard()));
        drop((rw.read_guard(), rw.read_guard()));
        drop(rw.write_guard());
        event.notify();
        event.wait();
        assert_eq!(once.call_once(|| Ok::<(), ()>(())), Ok(()));
    }
}

fn without_time() {
    let (mutex, rw, event) = (Mutex::new(), RwMutex::new(), Event::new());
    mutex.lock();
    rw.write_lock();
    for _ in 0..100 {
        assert_eq!(mutex.lock_timed(NOW, LockFlags::DETACH), LockStatus::Failure);
        assert_eq!(rw.read_lock_timed(NOW, LockFlags::DETACH), LockStatus::Failure);
        assert_eq!(rw.write_lock_timed(NOW, LockFlags::DETACH), LockStatus::Failure);
        assert!(!event.wait_timed(NOW));
    }
}

fn until_timeouts() {
    let (mutex, rw, event) = (Mutex::new(), RwMutex::new(), Event::new());
    mutex.lock();
    rw.write_lock();
    assert_eq!(mutex.lock_timed(SOON, LockFlags::DETACH), LockStatus::Failure);
    assert_eq!(rw.read_lock_timed(SOON, LockFlags::DETACH), LockStatus::Failure);
    assert_eq!(rw.write_lock_timed(SOON, LockFlags::DETACH), LockStatus::Failure);
    assert!(!event.wait_timed(SOON));
}

fn mutex_hand_offs() {
    static MUTEX: Mutex = Mutex::new();
    MUTEX.lock();
    let waiters = [(); 3].map(|()| thread::spawn(|| drop(MUTEX.guard())));
    until_overdue(&MUTEX, 3);
    MUTEX.unlock();
    waiters.into_iter().for_each(joined);
}

fn event_broadcast() {
    static EVENT: Event = Event::new();
    let waiters = [(); 5].map(|()| thread::spawn(|| EVENT.wait()));
    until_asleep(&EVENT, 5);
    EVENT.notify();
    waiters.into_iter().for_each(joined);
}

/// Starts `count` threads that wait for a notification, one after the other.
fn until_waiting(mutex: &'static Mutex, condvar: &'static Condvar, count: usize) -> Vec<Waiter> {
    let wait = move || {
        let _held = mutex.guard();
        condvar.wait(mutex);
    };
    let start = |number| {
        let waiter = thread::spawn(wait);
        until_asleep(condvar, number);
        until("the mutex to be free", || !mutex.is_locked());
        waiter
    };
    (1..=count).map(start).collect()
}

/// None of them is woken before the one in front has unlocked.
fn condvar_broadcast() {
    static MUTEX: Mutex = Mutex::new();
    static CONDVAR: Condvar = Condvar::new();
    let waiters = until_waiting(&MUTEX, &CONDVAR, 5);
    MUTEX.lock();
    assert_eq!(CONDVAR.notify_all(), 5);
    MUTEX.unlock();
    waiters.into_iter().for_each(joined);
}

fn condvar_hand_off() {
    static MUTEX: Mutex = Mutex::new();
    static CONDVAR: Condvar = Condvar::new();
    let waiters = until_waiting(&MUTEX, &CONDVAR, 1);
    MUTEX.lock();
    // A notification of one would wake it if it were still on its way to sleep.
    assert_eq!(CONDVAR.notify_all(), 1);
    assert_eq!((CONDVAR.bits(), MUTEX.bits()), (0, 3), "it is in the other queue");
    MUTEX.unlock_fair();
    waiters.into_iter().for_each(joined);
}
