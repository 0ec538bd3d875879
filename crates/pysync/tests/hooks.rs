//! The primitives under a runtime: who is detached, what an interrupt does, and who gets the lock of a thread
//! that does not come back.
//!
//! The runtime here does, on each thread, what that thread was told to do at its next attach, and says when it has detached
//! it: a thread that is queued may be woken before it has come to that.

use core::fmt::Display;
use core::ptr;
use pyparking::hooks::{self, Hooks, PendingFailed};
use pyparking::primitive::Cell;
use pyparking::{ThreadHandle, monotonic_nanos, spin, take_interrupt};
use pysync::{
    Condvar, Event, LockFlags, LockStatus, Mutex, MutexCell, OnceFlag, RecursiveMutex, RwMutex,
    UpgradableRwMutex,
};
use std::panic::resume_unwind;
use std::sync::{Once, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trial::until::{joined, long_enough, until, until_asleep, until_overdue};

/// What a thread does when it is attached.
type Deed = Box<dyn FnOnce()>;

thread_local! {
    static ON_ATTACH: Cell<Option<Deed>> = const { Cell::new(None) };
    /// Who is told of the next detach.
    static ON_DETACH: Cell<Option<mpsc::Sender<()>>> = const { Cell::new(None) };
    static DETACHES: Cell<u32> = const { Cell::new(0) };
    static PENDING_RUNS: Cell<u32> = const { Cell::new(0) };
    /// Who is told of every run of the pending calls.
    static LISTENER: Cell<Option<mpsc::Sender<u32>>> = const { Cell::new(None) };
    /// From which run on the pending calls fail.
    static FAILS_FROM: Cell<u32> = const { Cell::new(u32::MAX) };
    static STATE: u8 = const { 0 };
}

static RUNTIME: Hooks = Hooks { detach, attach, run_pending, fatal };

fn detach() -> *mut () {
    DETACHES.with(|count| count.set(count.get() + 1));
    if let Some(tell) = ON_DETACH.with(Cell::take) {
        tell.send(()).expect("the test listens");
    }
    STATE.with(|state| ptr::from_ref(state).cast_mut().cast())
}

fn attach(_state: *mut ()) {
    if let Some(deed) = ON_ATTACH.with(Cell::take) {
        deed();
    }
}

fn run_pending() -> Result<(), PendingFailed> {
    let run = PENDING_RUNS.with(|count| {
        count.set(count.get() + 1);
        count.get()
    });
    LISTENER.with(|listener| {
        let told = listener.take();
        if let Some(listener) = &told {
            listener.send(run).expect("the test listens");
        }
        listener.set(told);
    });
    if run < FAILS_FROM.with(Cell::get) { Ok(()) } else { Err(PendingFailed) }
}

fn fatal(_message: &dyn Display) {}

/// Starts a thread of the runtime.
fn attached<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        hooks::install(&RUNTIME).expect("nobody else installs hooks here");
        // Whoever has to wait parks at once, so that a test knows where it is.
        spin::set_turns(0);
    });
    thread::spawn(body)
}

/// The same with the handle of the thread.
fn attached_with_handle<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> (JoinHandle<T>, ThreadHandle) {
    let (tell, told) = mpsc::channel();
    let thread = attached(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        body()
    });
    (thread, told.recv().expect("the thread tells"))
}

/// Starts a thread of the runtime that is to do `deed` when it comes back from its first sleep. Returns when it has been
/// detached for that.
fn asleep<T: Send + 'static>(
    deed: impl FnOnce() + Send + 'static,
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let (tell, told) = mpsc::channel();
    let thread = attached(move || {
        ON_DETACH.with(|place| place.set(Some(tell)));
        ON_ATTACH.with(|place| place.set(Some(Box::new(deed))));
        body()
    });
    told.recv().expect("it sleeps");
    thread
}

/// A thread that is not to come back from the sleep in `body`.
fn leaver<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    asleep(|| resume_unwind(Box::new("gone")), body)
}

/// Waits for a thread that is not to come back.
#[track_caller]
fn gone<T>(thread: JoinHandle<T>) {
    until("the end of a thread", || thread.is_finished());
    assert!(thread.join().is_err(), "the thread came back");
}

fn detaches() -> u32 {
    DETACHES.with(Cell::get)
}

/// A call that ends in a time-out, with a time that is not over before the thread sleeps: it is detached once.
#[track_caller]
fn sleeps(mut call: impl FnMut(Option<Duration>)) {
    let before = detaches();
    long_enough("a sleep", |time| {
        call(Some(time));
        detaches() > before
    });
    assert_eq!(detaches() - before, 1);
}

#[test]
fn who_does_not_sleep_is_not_detached() {
    joined(attached(|| {
        let (mutex, rw, event, once) =
            (Mutex::new(), RwMutex::new(), Event::new(), OnceFlag::new());
        drop((mutex.guard(), rw.write_guard(), once.call_once(|| Ok::<(), ()>(()))));
        mutex.lock();
        let now = Some(Duration::ZERO);
        assert_eq!(mutex.lock_timed(now, LockFlags::DETACH), LockStatus::Failure);
        rw.read_lock();
        assert_eq!(rw.write_lock_timed(now, LockFlags::DETACH), LockStatus::Failure);
        assert!(!event.wait_timed(now));
        event.notify();
        event.wait();
        assert_eq!(detaches(), 0);
    }));
}

#[test]
fn who_sleeps_is_detached_if_asked_for() {
    joined(attached(|| {
        let (mutex, rw, event) = (Mutex::new(), RwMutex::new(), Event::new());
        mutex.lock();
        rw.write_lock();
        let calls: [&dyn Fn(Option<Duration>, LockFlags); 4] = [
            &|time, flags| assert_eq!(mutex.lock_timed(time, flags), LockStatus::Failure),
            &|time, flags| assert_eq!(rw.read_lock_timed(time, flags), LockStatus::Failure),
            &|time, flags| assert_eq!(rw.write_lock_timed(time, flags), LockStatus::Failure),
            &|time, flags| assert!(!event.wait_with(time, flags)),
        ];
        for call in calls {
            let before = detaches();
            call(Some(Duration::from_millis(2)), LockFlags::EMPTY);
            assert_eq!(detaches(), before);
            sleeps(|time| call(time, LockFlags::DETACH));
        }
    }));
}

/// While the thread is being attached it has left the queue, and taken its bit along.
#[test]
fn a_timeout_is_cleaned_up_before_attach() {
    static MUTEX: Mutex = Mutex::new();
    static RW: RwMutex = RwMutex::new();
    static EVENT: Event = Event::new();
    MUTEX.lock();
    RW.read_lock();
    joined(attached(|| {
        let at_next_attach = |deed: fn()| ON_ATTACH.with(|place| place.set(Some(Box::new(deed))));
        at_next_attach(|| assert_eq!(MUTEX.bits(), 1));
        sleeps(|time| {
            assert_eq!(MUTEX.lock_timed(time, LockFlags::DETACH), LockStatus::Failure);
        });
        at_next_attach(|| assert_eq!(RW.bits(), 4));
        sleeps(|time| {
            assert_eq!(RW.write_lock_timed(time, LockFlags::DETACH), LockStatus::Failure);
        });
        at_next_attach(|| assert_eq!(EVENT.bits(), 0));
        sleeps(|time| assert!(!EVENT.wait_timed(time)));
        assert!(ON_ATTACH.with(Cell::take).is_none(), "each sleep was attached after");
    }));
}

/// MUTEX-4: handed to a thread that is gone, the mutex goes to the next; so does a wake.
#[test]
fn a_mutex_is_passed_on_by_a_thread_that_is_gone() {
    static MUTEX: Mutex = Mutex::new();
    for round in 0..20 {
        MUTEX.lock();
        let [first, second] = [(); 2].map(|()| leaver(|| MUTEX.lock()));
        let third = attached(|| drop(MUTEX.guard()));
        if round % 2 == 0 {
            until_overdue(&MUTEX, 3)
        } else {
            until_asleep(&MUTEX, 3)
        }
        MUTEX.unlock();
        gone(first);
        gone(second);
        joined(third);
        assert_eq!(MUTEX.bits(), 0);
    }
}

/// Whether anybody is queued for `mutex`: a look that is quick beside a millisecond.
fn is_queued(mutex: &Mutex) -> bool {
    let address = ptr::from_ref(mutex).addr();
    // SAFETY: the queue is looked at and left as it is.
    !unsafe { pyparking::with_queue(address, |queue| queue.is_empty()) }
}

/// MUTEX-5: a waiter's millisecond runs from the start of its wait. One that is woken in vain, and overtaken
/// while it is being attached, does not start anew when it parks again.
#[test]
fn the_millisecond_of_a_waiter_is_kept_over_its_parks() {
    static MUTEX: Mutex = Mutex::new();
    const FAIR_AFTER: u64 = 1_000_000;
    for _ in 0..20 {
        let (go, going) = mpsc::channel::<()>();
        let (end, ending) = mpsc::channel::<()>();
        MUTEX.lock();
        let waiter = attached(move || {
            ON_ATTACH.with(|deed| {
                deed.set(Some(Box::new(move || going.recv().expect("the test says when"))));
            });
            let _held = MUTEX.guard();
            ending.recv().expect("the test says when");
        });
        until("the waiter to be queued", || is_queued(&MUTEX));
        // Its wait began before this moment.
        let overdue_at = monotonic_nanos() + FAIR_AFTER;
        MUTEX.unlock();
        // Free, unless all this took a millisecond, and the waiter has it already.
        let overtaken = MUTEX.try_lock();
        if overtaken {
            until("the millisecond to pass", || monotonic_nanos() > overdue_at);
        }
        go.send(()).expect("the waiter listens");
        if overtaken {
            until("the waiter to be queued again", || is_queued(&MUTEX));
            MUTEX.unlock();
            assert!(!MUTEX.try_lock(), "overtaken after its millisecond");
        }
        end.send(()).expect("the waiter listens");
        joined(waiter);
    }
}

/// RW-4: a read-write mutex goes to the next too, be it a reader or a writer that is gone or comes next.
#[test]
fn a_read_write_mutex_is_passed_on_by_a_thread_that_is_gone() {
    static MUTEX: RwMutex = RwMutex::new();
    for round in 0..24 {
        let held_by_reader = round % 2 == 0;
        if held_by_reader {
            MUTEX.read_lock()
        } else {
            MUTEX.write_lock()
        }
        let first_writes = held_by_reader || round % 4 == 1;
        let first =
            leaver(move || if first_writes { MUTEX.write_lock() } else { MUTEX.read_lock() });
        let next_writes = round % 3 == 0;
        let next = attached(move || {
            if next_writes { drop(MUTEX.write_guard()) } else { drop(MUTEX.read_guard()) }
        });
        until_asleep(&MUTEX, 2);
        if round >= 12 {
            until_overdue(&MUTEX, 2);
        }
        if held_by_reader {
            MUTEX.read_unlock()
        } else {
            MUTEX.write_unlock()
        }
        gone(first);
        joined(next);
        assert_eq!(MUTEX.bits(), 0);
    }
}

/// A wake without hand-off, on its way to a thread that takes its time: the mutex is free meanwhile.
#[test]
fn a_mutex_with_a_wake_on_its_way_is_free() {
    static CELL: MutexCell<u32> = MutexCell::new(0);
    // SAFETY: only looked at.
    let mutex = unsafe { CELL.raw() };
    for _ in 0..50 {
        let (go, going) = mpsc::channel::<()>();
        let held = CELL.lock();
        let slow = asleep(move || going.recv().expect("the test says when"), || *CELL.lock() += 1);
        let other = attached(|| *CELL.lock() += 1);
        until_asleep(mutex, 2);
        drop(held);
        // A hand-off if all this took longer than a millisecond.
        let bits = mutex.bits();
        assert!(bits == 2 || bits == 3, "{bits}");
        assert_eq!(CELL.is_locked(), bits == 3);
        assert_eq!(CELL.try_lock().is_some(), bits == 2);
        go.send(()).expect("the slow one listens");
        joined(slow);
        joined(other);
    }
    assert_eq!(*CELL.lock(), 100);
}

#[test]
fn pending_calls_that_succeed_let_the_wait_go_on() {
    static MUTEX: Mutex = Mutex::new();
    let (tell, told) = mpsc::channel();
    MUTEX.lock();
    let (waiter, handle) = attached_with_handle(move || {
        LISTENER.with(|listener| listener.set(Some(tell)));
        let status = MUTEX.lock_timed(None, LockFlags::DETACH | LockFlags::HANDLE_SIGNALS);
        (status, take_interrupt())
    });
    for run in 1..=4 {
        until_asleep(&MUTEX, 1);
        assert!(handle.interrupt());
        assert_eq!(told.recv(), Ok(run), "each interrupt runs them once");
    }
    until_asleep(&MUTEX, 1);
    MUTEX.unlock();
    assert_eq!(joined(waiter), (LockStatus::Acquired, false));
    assert_eq!(told.recv(), Err(mpsc::RecvError), "and nothing else does");
    MUTEX.unlock();
}

/// The time runs on while pending calls are run: interrupts do not prolong the wait.
#[test]
fn pending_calls_do_not_prolong_the_wait() {
    static MUTEX: Mutex = Mutex::new();
    static RW: RwMutex = RwMutex::new();
    static EVENT: Event = Event::new();
    let wait = Duration::from_millis(30);
    let flags = LockFlags::DETACH | LockFlags::HANDLE_SIGNALS;
    MUTEX.lock();
    RW.write_lock();
    let (waiter, handle) = attached_with_handle(move || {
        let timed = |call: &dyn Fn() -> bool| {
            let begun = monotonic_nanos();
            assert!(!call(), "nobody let it in");
            assert!(monotonic_nanos() - begun >= wait.as_nanos() as u64, "early");
        };
        timed(&|| MUTEX.lock_timed(Some(wait), flags) == LockStatus::Acquired);
        timed(&|| RW.read_lock_timed(Some(wait), flags) == LockStatus::Acquired);
        timed(&|| RW.write_lock_timed(Some(wait), flags) == LockStatus::Acquired);
        timed(&|| EVENT.wait_with(Some(wait), flags));
        PENDING_RUNS.with(Cell::get)
    });
    // If every interrupt started the time anew, this would not end.
    until("the waits to end", || {
        handle.interrupt();
        waiter.is_finished()
    });
    assert!(joined(waiter) > 0);
}

#[test]
fn pending_calls_that_fail_end_the_wait() {
    static MUTEX: Mutex = Mutex::new();
    static RW: RwMutex = RwMutex::new();
    static EVENT: Event = Event::new();
    static RECURSIVE: RecursiveMutex = RecursiveMutex::new();
    let flags = LockFlags::DETACH | LockFlags::HANDLE_SIGNALS;
    MUTEX.lock();
    RW.write_lock();
    RECURSIVE.lock();
    let waits: [fn(LockFlags) -> bool; 5] = [
        |flags| MUTEX.lock_timed(None, flags) == LockStatus::Intr,
        |flags| RW.read_lock_timed(None, flags) == LockStatus::Intr,
        |flags| RW.write_lock_timed(Some(Duration::MAX), flags) == LockStatus::Intr,
        |flags| RECURSIVE.lock_timed(None, flags) == LockStatus::Intr,
        |flags| !EVENT.wait_with(None, flags),
    ];
    for wait in waits {
        let (waiter, handle) = attached_with_handle(move || {
            FAILS_FROM.with(|from| from.set(2));
            let interrupted = wait(flags);
            (interrupted, PENDING_RUNS.with(Cell::get))
        });
        until("the wait to end", || {
            handle.interrupt();
            waiter.is_finished()
        });
        assert_eq!(joined(waiter), (true, 2), "the first run succeeds, the second ends the wait");
    }
    assert_eq!((MUTEX.bits(), RW.bits(), RECURSIVE.bits(), EVENT.bits()), (1, 1, 1, 0));
}

#[test]
fn an_interrupt_that_ends_every_wait_runs_no_pending_calls() {
    static MUTEX: Mutex = Mutex::new();
    MUTEX.lock();
    let (waiter, handle) = attached_with_handle(|| {
        let status = MUTEX.lock_timed(None, LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED);
        (status, PENDING_RUNS.with(Cell::get))
    });
    until_asleep(&MUTEX, 1);
    assert!(handle.interrupt());
    assert_eq!(joined(waiter), (LockStatus::Intr, 0));
    assert_eq!(MUTEX.bits(), 1);
}

/// The run of a once flag waits attached or detached like any other sleep, and survives its waiters.
#[test]
fn a_once_flag_loses_a_waiter_and_goes_on() {
    static FLAG: OnceFlag = OnceFlag::new();
    let (go, going) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let runner = attached(move || {
        FLAG.call_once(|| {
            tell.send(()).expect("the test listens");
            going.recv().map_err(|_| ())
        })
    });
    told.recv().expect("the runner tells");
    let first = leaver(|| FLAG.call_once(|| Ok::<(), ()>(())));
    let second = attached(|| FLAG.call_once(|| Ok::<(), ()>(())));
    until_asleep(&FLAG, 2);
    go.send(()).expect("the runner listens");
    gone(first);
    assert_eq!([joined(runner), joined(second)], [Ok(()); 2]);
}

/// UPRW-4: granted to a thread that is gone, the mutex goes to the next; so does a wake.
#[test]
fn an_upgradable_mutex_is_passed_on_by_a_thread_that_is_gone() {
    static MUTEX: UpgradableRwMutex = UpgradableRwMutex::new();
    let ways: [fn(&UpgradableRwMutex); 4] = [
        UpgradableRwMutex::write_lock,
        UpgradableRwMutex::read_lock,
        UpgradableRwMutex::upgradable_lock,
        UpgradableRwMutex::read_lock_recursive,
    ];
    for round in 0..16 {
        MUTEX.write_lock();
        let way = ways[round % 4];
        let first = leaver(move || way(&MUTEX));
        let second = attached(|| {
            MUTEX.write_lock();
            MUTEX.write_unlock();
        });
        let third = attached(|| {
            MUTEX.upgradable_lock();
            MUTEX.upgradable_unlock();
        });
        if round < 8 {
            until_overdue(&MUTEX, 3)
        } else {
            until_asleep(&MUTEX, 3)
        }
        match round % 3 {
            0 => MUTEX.write_unlock(),
            1 => MUTEX.write_unlock_fair(),
            _ => {
                MUTEX.downgrade();
                MUTEX.read_unlock();
            }
        }
        gone(first);
        joined(second);
        joined(third);
        assert_eq!(MUTEX.bits(), 0);
    }
}

/// UPRW-9: a thread that is gone out of its upgrade has the upgradable read that it came with.
#[test]
fn an_upgrade_that_unwinds_leaves_the_upgradable_read() {
    static MUTEX: UpgradableRwMutex = UpgradableRwMutex::new();
    MUTEX.read_lock();
    let upgrade = leaver(|| {
        MUTEX.upgradable_lock();
        MUTEX.upgrade();
    });
    MUTEX.read_unlock();
    gone(upgrade);
    assert_eq!(MUTEX.bits(), 4);
    MUTEX.upgradable_unlock();
}

/// COND-4: a thread that is gone out of its wait holds the mutex as it unwinds, and its notification goes to the next.
#[test]
fn a_notification_is_passed_on_by_a_thread_that_is_gone() {
    static MUTEX: Mutex = Mutex::new();
    static CONDVAR: Condvar = Condvar::new();
    passed_on(&MUTEX, &CONDVAR, || assert!(CONDVAR.notify_one()));
}

/// COND-4, COND-6: the same with a thread that was moved to the queue of the mutex.
#[test]
fn a_notification_is_passed_on_by_a_thread_that_was_moved() {
    static MUTEX: Mutex = Mutex::new();
    static CONDVAR: Condvar = Condvar::new();
    passed_on(&MUTEX, &CONDVAR, || {
        MUTEX.lock();
        assert!(CONDVAR.notify_one());
        MUTEX.unlock();
    });
}

/// COND-4, COND-7: the same with a thread that the mutex was handed to.
#[test]
fn a_notification_is_passed_on_with_the_mutex() {
    static MUTEX: Mutex = Mutex::new();
    static CONDVAR: Condvar = Condvar::new();
    passed_on(&MUTEX, &CONDVAR, || {
        MUTEX.lock();
        assert!(CONDVAR.notify_one());
        MUTEX.unlock_fair();
    });
}

fn passed_on(mutex: &'static Mutex, condvar: &'static Condvar, notify: impl FnOnce()) {
    struct UnlockOnUnwind(&'static Mutex);
    impl Drop for UnlockOnUnwind {
        fn drop(&mut self) {
            self.0.unlock();
        }
    }
    let first = leaver(move || {
        mutex.lock();
        let _held = UnlockOnUnwind(mutex);
        condvar.wait(mutex);
    });
    let second = attached(move || {
        mutex.lock();
        condvar.wait(mutex);
        mutex.unlock();
    });
    until_asleep(condvar, 2);
    notify();
    gone(first);
    joined(second);
    assert_eq!((mutex.bits(), condvar.bits()), (0, 0));
}

#[test]
fn who_waits_for_a_notification_is_detached() {
    joined(attached(|| {
        let (mutex, condvar) = (Mutex::new(), Condvar::new());
        mutex.lock();
        let before = detaches();
        assert!(!condvar.wait_timed(&mutex, Some(Duration::ZERO)));
        assert_eq!(detaches(), before);
        sleeps(|time| assert!(!condvar.wait_timed(&mutex, time)));
        mutex.unlock();
    }));
}
