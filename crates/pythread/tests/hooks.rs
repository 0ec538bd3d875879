//! Joins and acquisitions under a runtime: who is detached, what an interrupt does, what is left behind by a thread that
//! does not come back.
//!
//! The runtime here does, on each thread, what that thread was told to do at its next attach.

use core::fmt::Display;
use core::ptr;
use pyparking::hooks::{self, Hooks, PendingFailed};
use pyparking::primitive::Cell;
use pyparking::{ThreadHandle, monotonic_nanos, spin};
use pysync::{Event, LockFlags, LockStatus, Mutex, RecursiveMutex, RwMutex};
use pythread::{Handle, JoinError, Reading, TimedLock, Writing, acquire_timed_with_retries, start};
use std::panic::resume_unwind;
use std::sync::{Arc, Once, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trial::until::{joined, long_enough, until, until_asleep};

/// What a thread does when it is attached.
type Deed = Box<dyn FnOnce()>;

thread_local! {
    static ON_ATTACH: Cell<Option<Deed>> = const { Cell::new(None) };
    static DETACHES: Cell<u32> = const { Cell::new(0) };
    static DETACHED: Cell<bool> = const { Cell::new(false) };
    static PENDING_RUNS: Cell<u32> = const { Cell::new(0) };
    /// From which run on the pending calls fail.
    static FAILS_FROM: Cell<u32> = const { Cell::new(u32::MAX) };
    /// Who is told of a run of the pending calls.
    static LISTENER: Cell<Option<mpsc::Sender<()>>> = const { Cell::new(None) };
    /// What a run of the pending calls takes.
    static RUN_TAKES: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static STATE: u8 = const { 0 };
}

static RUNTIME: Hooks = Hooks { detach, attach, run_pending, fatal };

fn detach() -> *mut () {
    DETACHES.with(|count| count.set(count.get() + 1));
    assert!(!DETACHED.with(Cell::get), "detached twice");
    DETACHED.with(|detached| detached.set(true));
    STATE.with(|state| ptr::from_ref(state).cast_mut().cast())
}

fn attach(_state: *mut ()) {
    DETACHED.with(|detached| detached.set(false));
    if let Some(deed) = ON_ATTACH.with(Cell::take) {
        deed();
    }
}

fn run_pending() -> Result<(), PendingFailed> {
    assert!(!DETACHED.with(Cell::get), "pending calls run attached");
    let until = monotonic_nanos() + RUN_TAKES.with(Cell::get).as_nanos() as u64;
    while monotonic_nanos() < until {}
    let run = PENDING_RUNS.with(|count| {
        count.set(count.get() + 1);
        count.get()
    });
    if let Some(listener) = LISTENER.with(Cell::take) {
        listener.send(()).expect("the test listens");
    }
    if run < FAILS_FROM.with(Cell::get) { Ok(()) } else { Err(PendingFailed) }
}

fn fatal(_message: &dyn Display) {}

/// Starts a thread of the runtime, and has its handle.
fn attached<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> (JoinHandle<T>, ThreadHandle) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        hooks::install(&RUNTIME).expect("nobody else installs hooks here");
        // Whoever has to wait parks at once, so that a test knows where it is.
        spin::set_turns(0);
    });
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        body()
    });
    (thread, told.recv().expect("the thread tells"))
}

fn detaches() -> u32 {
    DETACHES.with(Cell::get)
}

/// A thread that runs until told.
fn waiting() -> (Handle, Arc<Event>) {
    let event = Arc::new(Event::new());
    let end = Arc::clone(&event);
    (
        start(move || {
            while !end.is_set() {
                thread::yield_now()
            }
        })
        .unwrap(),
        event,
    )
}

/// The new thread is not attached, and its starter, which is, waits for nothing.
#[test]
fn a_start_does_not_detach_and_the_new_thread_is_nobodys() {
    joined(
        attached(|| {
            let thread = start(|| assert_eq!(detaches(), 0)).unwrap();
            assert_eq!(detaches(), 0);
            assert!(thread.join().unwrap().is_returned());
            let before = detaches();
            assert!(thread.join().unwrap().is_returned());
            assert!(thread.join_timed(Some(Duration::ZERO)).unwrap().is_returned());
            assert_eq!(detaches(), before, "nothing to wait for any more");
        })
        .0,
    );
}

#[test]
fn a_join_detaches_if_asked_for() {
    joined(
        attached(|| {
            let (thread, end) = waiting();
            let join = |time, flags| thread.join_with(Some(time), flags).unwrap_err();
            assert_eq!(join(Duration::from_millis(2), LockFlags::EMPTY), JoinError::TimedOut);
            assert_eq!(detaches(), 0);
            long_enough("a sleep", |time| {
                assert_eq!(join(time, LockFlags::DETACH), JoinError::TimedOut);
                detaches() > 0
            });
            assert_eq!(detaches(), 1);
            assert_eq!(thread.join_timed(Some(Duration::ZERO)).unwrap_err(), JoinError::TimedOut);
            assert_eq!(detaches(), 1, "one look does not");
            end.notify();
            assert!(thread.join_with(None, LockFlags::EMPTY).unwrap().is_returned());
            assert!(!DETACHED.with(Cell::get));
        })
        .0,
    );
}

/// The system's thread may need the runtime in its destructors: a joiner that waits for it is detached.
#[test]
fn the_end_of_the_systems_thread_is_waited_for_detached() {
    struct Waits(mpsc::Receiver<()>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.recv().expect("told by a joiner that is detached");
        }
    }
    thread_local! {
        static LATE: Cell<Option<Waits>> = const { Cell::new(None) };
    }
    joined(
        attached(|| {
            let (tell, told) = mpsc::channel();
            let thread = start(move || LATE.with(|late| late.set(Some(Waits(told))))).unwrap();
            until("the body to end", || !thread.is_running());
            let before = detaches();
            // Told from a third thread once this one is detached, which nobody else can see: by its parking.
            let teller = thread::spawn(move || tell.send(()).expect("the destructor listens"));
            assert!(thread.join().unwrap().is_returned());
            assert_eq!(detaches() - before, 1);
            joined(teller);
        })
        .0,
    );
}

#[test]
fn interrupts_run_pending_calls_and_the_join_goes_on() {
    let (thread, end) = waiting();
    let waits = thread.clone();
    let (tell, told) = mpsc::channel();
    let (joiner, handle) = attached(move || {
        LISTENER.with(|listener| listener.set(Some(tell)));
        let outcome = waits.join().unwrap();
        (outcome.is_returned(), PENDING_RUNS.with(Cell::get))
    });
    for _ in 0..3 {
        assert!(handle.interrupt());
    }
    until("an interrupt to be taken", || {
        handle.interrupt();
        told.try_recv().is_ok()
    });
    end.notify();
    let (returned, runs) = joined(joiner);
    assert!(returned && runs > 0);
}

#[test]
fn pending_calls_that_fail_end_the_join() {
    let (thread, end) = waiting();
    let (tell, told) = mpsc::channel();
    let (joiner, handle) = attached(move || {
        FAILS_FROM.with(|from| from.set(2));
        tell.send((thread.join().unwrap_err(), PENDING_RUNS.with(Cell::get))).unwrap();
        FAILS_FROM.with(|from| from.set(u32::MAX));
        thread.join().unwrap().is_returned()
    });
    let mut ended = None;
    until("the join to end", || {
        handle.interrupt();
        ended = told.try_recv().ok();
        ended.is_some()
    });
    assert_eq!(ended, Some((JoinError::Interrupted, 2)), "the first run succeeds");
    end.notify();
    assert!(joined(joiner));
}

#[test]
fn interrupts_end_a_join_that_asked_for_it() {
    let (thread, end) = waiting();
    let waits = thread.clone();
    let (joiner, handle) = attached(move || {
        let flags = LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED;
        (waits.join_with(None, flags).unwrap_err(), PENDING_RUNS.with(Cell::get))
    });
    until("the join to end", || {
        handle.interrupt();
        joiner.is_finished()
    });
    assert_eq!(joined(joiner), (JoinError::Interrupted, 0));
    end.notify();
    assert!(thread.join().unwrap().is_returned());
}

/// THREAD-5: a joiner that does not come back from its attach, before the end or in the system's join.
#[test]
fn a_joiner_that_is_gone_leaves_the_next_one_what_it_needs() {
    for ended_first in [false, true] {
        let (thread, end) = waiting();
        if ended_first {
            end.notify();
            until("the end of the body", || !thread.is_running());
        }
        let waits = thread.clone();
        let (gone, _) = attached(move || {
            ON_ATTACH.with(|deed| deed.set(Some(Box::new(|| resume_unwind(Box::new("gone"))))));
            drop(waits.join());
        });
        end.notify();
        until("the joiner to be gone", || gone.is_finished());
        assert!(gone.join().is_err(), "the thread came back");
        let last = attached(move || thread.join().unwrap().is_returned()).0;
        assert!(joined(last));
    }
}

/// A lock that plays a script, and notes how it is called.
struct Scripted {
    tries: Cell<Vec<bool>>,
    waits: Cell<Vec<LockStatus>>,
    log: Cell<Vec<(&'static str, Option<Duration>)>>,
}

impl Scripted {
    fn new(tries: &[bool], waits: &[LockStatus]) -> Self {
        let (mut tries, mut waits) = (tries.to_vec(), waits.to_vec());
        tries.reverse();
        waits.reverse();
        Self { tries: Cell::new(tries), waits: Cell::new(waits), log: Cell::new(Vec::new()) }
    }

    fn note(&self, what: &'static str, left: Option<Duration>) {
        let mut log = self.log.take();
        log.push((what, left));
        self.log.set(log);
    }

    fn next<T>(cell: &Cell<Vec<T>>) -> T {
        let mut script = cell.take();
        let next = script.pop().expect("the script goes so far");
        cell.set(script);
        next
    }
}

impl TimedLock for Scripted {
    fn try_acquire(&self) -> bool {
        self.note("try", None);
        Self::next(&self.tries)
    }

    fn acquire_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        assert_eq!(flags, LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED);
        self.note("wait", timeout);
        Self::next(&self.waits)
    }
}

/// RETRY-1, RETRY-2, RETRY-3: the steps of C's loop, one by one.
#[test]
fn acquire_lock_timed_with_retries_step_by_step() {
    use LockStatus::{Acquired, Failure, Intr};
    let minute = Duration::from_secs(60);
    let run = |tries: &[bool], waits: &[LockStatus], timeout| {
        let lock = Scripted::new(tries, waits);
        let status = acquire_timed_with_retries(&lock, timeout);
        (status, lock.log.take())
    };
    let steps = |log: &[(&'static str, Option<Duration>)]| {
        log.iter().map(|(step, _)| *step).collect::<Vec<_>>()
    };
    joined(
        attached(move || {
            let runs = || PENDING_RUNS.with(Cell::get);
            let (status, log) = run(&[true], &[], None);
            assert_eq!((status, steps(&log)), (Acquired, vec!["try"]));
            let (status, log) = run(&[false], &[], Some(Duration::ZERO));
            assert_eq!((status, steps(&log)), (Failure, vec!["try"]));
            let (status, log) = run(&[false], &[Failure], Some(minute));
            assert_eq!((status, steps(&log)), (Failure, vec!["try", "wait"]));
            assert_eq!(runs(), 0);

            let (status, log) = run(&[false, false, false], &[Intr, Intr, Acquired], Some(minute));
            assert_eq!(status, Acquired);
            assert_eq!(steps(&log), ["try", "wait", "try", "wait", "try", "wait"]);
            assert_eq!(runs(), 2);
            let left: Vec<_> = log.iter().filter_map(|(_, left)| *left).collect();
            assert!(left[0] <= minute && left[1] <= left[0] && left[2] <= left[1], "{left:?}");

            let (status, log) = run(&[false, true], &[Intr], None);
            assert_eq!((status, steps(&log)), (Acquired, vec!["try", "wait", "try"]));
            let (_, log) = run(&[false, false], &[Intr, Acquired], None);
            assert!(log.iter().all(|(_, left)| left.is_none()), "for ever stays for ever");

            FAILS_FROM.with(|from| from.set(1));
            let (status, log) = run(&[false], &[Intr], Some(minute));
            assert_eq!((status, steps(&log)), (Intr, vec!["try", "wait"]));
        })
        .0,
    );
}

/// RETRY-3: the time that pending calls take counts, and when it is over the lock is tried once more and no longer.
#[test]
fn pending_calls_use_up_the_time() {
    use LockStatus::{Failure, Intr};
    joined(
        attached(|| {
            RUN_TAKES.with(|takes| takes.set(Duration::from_millis(4)));
            let lock = Scripted::new(&[false, false], &[Intr]);
            let wait = Some(Duration::from_millis(2));
            assert_eq!(acquire_timed_with_retries(&lock, wait), Failure);
            assert_eq!(lock.log.take().len(), 3, "try, wait, try");
        })
        .0,
    );
}

#[test]
fn real_locks_are_taken_interruptibly() {
    static MUTEX: Mutex = Mutex::new();
    static RECURSIVE: RecursiveMutex = RecursiveMutex::new();
    static RW: RwMutex = RwMutex::new();
    MUTEX.lock();
    RECURSIVE.lock();
    RW.write_lock();
    let waits: [fn(Option<Duration>) -> LockStatus; 4] = [
        |time| acquire_timed_with_retries(&MUTEX, time),
        |time| acquire_timed_with_retries(&RECURSIVE, time),
        |time| acquire_timed_with_retries(&Reading(&RW), time),
        |time| acquire_timed_with_retries(&Writing(&RW), time),
    ];
    for wait in waits {
        // An interrupt ends a wait before it detaches: the first wait is to have none.
        let (tell, told) = mpsc::channel();
        let (waiter, handle) = attached(move || {
            long_enough("a sleep", |time| {
                let begun = monotonic_nanos();
                assert_eq!(wait(Some(time)), LockStatus::Failure);
                assert!(monotonic_nanos() - begun >= time.as_nanos() as u64, "early");
                detaches() > 0
            });
            let runs = PENDING_RUNS.with(Cell::get);
            FAILS_FROM.with(|from| from.set(runs + 3));
            tell.send(()).expect("the test listens");
            (wait(None), PENDING_RUNS.with(Cell::get) - runs)
        });
        until("the first wait to end", || waiter.is_finished() || told.try_recv().is_ok());
        until("the wait to end", || {
            handle.interrupt();
            waiter.is_finished()
        });
        assert_eq!(joined(waiter), (LockStatus::Intr, 3));
    }
    let (waiter, _) = attached(|| {
        let status = acquire_timed_with_retries(&MUTEX, None);
        MUTEX.unlock();
        status
    });
    until_asleep(&MUTEX, 1);
    MUTEX.unlock();
    assert_eq!(joined(waiter), LockStatus::Acquired);
    assert_eq!(acquire_timed_with_retries(&RECURSIVE, None), LockStatus::Acquired);
    assert_eq!((RECURSIVE.level(), RW.bits()), (1, 1));
}
