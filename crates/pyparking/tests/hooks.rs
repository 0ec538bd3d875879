//! The hooks of a runtime: when they are called, and what is left when one does not come back.
//!
//! The runtime here does, on each thread, what that thread was told to do at its next detach and attach. That a thread is
//! queued does not say that it was detached: it may be woken before.

mod own_lot;

use core::fmt::Display;
use core::ptr;
use own_lot::{OwnLot, with_argument};
use pyparking::hooks::{self, AlreadyInstalled, Hooks, PendingFailed};
use pyparking::primitive::Cell;
use pyparking::{Deadline, ParkOptions, ParkStatus, ThreadHandle, Totals, take_interrupt};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Once, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trial::until::{joined, long_enough, until};

const HERE: usize = 60;

/// What a thread does in a hook.
type Deed = Box<dyn FnOnce()>;

thread_local! {
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
    static ON_DETACH: Cell<Option<Deed>> = const { Cell::new(None) };
    static ON_ATTACH: Cell<Option<Deed>> = const { Cell::new(None) };
    static DETACHES: Cell<u32> = const { Cell::new(0) };
    static ATTACHES: Cell<u32> = const { Cell::new(0) };
    static STATE: u8 = const { 0 };
}

static RUNTIME: Hooks = Hooks { detach, attach, run_pending, fatal };

/// The state of the calling thread: an address of its own.
fn state() -> *mut () {
    STATE.with(|state| ptr::from_ref(state).cast_mut().cast())
}

fn detach() -> *mut () {
    DETACHES.with(|count| count.set(count.get() + 1));
    if let Some(deed) = ON_DETACH.with(Cell::take) {
        deed();
    }
    if ATTACHED.with(|attached| attached.take()) { state() } else { ptr::null_mut() }
}

fn attach(given: *mut ()) {
    assert_eq!(given, state(), "attach gets what detach returned, on the same thread");
    ATTACHES.with(|count| count.set(count.get() + 1));
    ATTACHED.with(|attached| attached.set(true));
    if let Some(deed) = ON_ATTACH.with(Cell::take) {
        deed();
    }
}

fn run_pending() -> Result<(), PendingFailed> {
    Err(PendingFailed)
}

fn fatal(_message: &dyn Display) {}

/// Starts an attached thread of the runtime.
fn attached<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| hooks::install(&RUNTIME).expect("nobody else installs hooks here"));
    thread::spawn(|| {
        ATTACHED.with(|attached| attached.set(true));
        body()
    })
}

/// How often the calling thread was detached and attached.
fn calls() -> (u32, u32) {
    (DETACHES.with(Cell::get), ATTACHES.with(Cell::get))
}

/// The message of a panic, or of an unwinding hook.
fn reason(unwound: Box<dyn core::any::Any + Send>) -> &'static str {
    unwound.downcast_ref::<&'static str>().copied().unwrap_or("another panic")
}

/// Starts an attached thread and returns when it has been detached for its first sleep.
fn asleep<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let (tell, told) = mpsc::channel();
    let thread = attached(move || {
        let told = move || tell.send(()).expect("the test listens");
        ON_DETACH.with(|deed| deed.set(Some(Box::new(told))));
        body()
    });
    told.recv().expect("it sleeps");
    thread
}

/// Parks until a time-out, with a time that is not over before the thread sleeps.
fn timed_out(mut park: impl FnMut(ParkOptions) -> ParkStatus) {
    let before = calls().0;
    long_enough("a sleep", |time| {
        let options = ParkOptions { deadline: Deadline::after(time), ..with_argument(1) };
        assert_eq!(park(options), ParkStatus::Timeout);
        calls().0 > before
    });
}

#[test]
fn hooks_are_installed_once() {
    joined(attached(|| ()));
    static SECOND: Hooks = Hooks::NONE;
    assert_eq!(hooks::install(&SECOND), Err(AlreadyInstalled));
    assert_eq!(hooks::install(&RUNTIME), Err(AlreadyInstalled), "the same ones neither");
    let message = AlreadyInstalled.to_string();
    assert!(message.contains("already installed"), "{message}");
    assert!(hooks::installed().is_some_and(|installed| ptr::eq(installed, &RUNTIME)));
    assert_eq!(hooks::run_pending(), Err(PendingFailed));
}

#[test]
fn a_sleep_detaches_once_and_attaches_once() {
    static LOT: OwnLot<1> = OwnLot::new();
    let sleeper = asleep(|| {
        let status = LOT.park(HERE, with_argument(1));
        (status, calls(), ATTACHED.with(Cell::get))
    });
    assert_eq!(LOT.unpark(HERE), (Some(1), false));
    assert_eq!(joined(sleeper), (ParkStatus::Ok, (1, 1), true));
}

#[test]
fn a_park_that_does_not_sleep_does_not_detach() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(attached(|| {
        let refused = LOT.park_with(HERE, with_argument(1), || false, |_| {});
        assert_eq!(refused, ParkStatus::Again);
        let late = ParkOptions { deadline: Deadline::NOW, ..with_argument(1) };
        assert_eq!(LOT.park(HERE, late), ParkStatus::Timeout);
        assert_eq!(calls(), (0, 0));
    }));
}

#[test]
fn a_park_without_detach_does_not_detach() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(attached(|| {
        let deadline = Deadline::after(Duration::from_millis(2));
        let options = ParkOptions { deadline, detach: false, ..with_argument(1) };
        assert_eq!(LOT.park(HERE, options), ParkStatus::Timeout);
        assert_eq!(calls(), (0, 0));
    }));
}

#[test]
fn a_thread_that_is_not_attached_is_not_attached_afterwards() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(attached(|| {
        ATTACHED.with(|attached| attached.set(false));
        timed_out(|options| LOT.park(HERE, options));
        assert_eq!(calls(), (1, 0), "asked, and found not to be attached");
        assert!(!ATTACHED.with(Cell::get));
    }));
}

/// The thread is queued when it detaches and in no queue when it attaches, however the park ends.
#[test]
fn the_queue_work_is_done_around_the_hooks() {
    static LOT: OwnLot<1> = OwnLot::new();
    for interrupted in [false, true] {
        joined(attached(move || {
            let me = ThreadHandle::current();
            ON_DETACH.with(|deed| {
                deed.set(Some(Box::new(move || {
                    assert_eq!(LOT.waiting(HERE), [1]);
                    assert!(!interrupted || me.interrupt());
                })));
            });
            ON_ATTACH
                .with(|deed| deed.set(Some(Box::new(|| assert!(LOT.waiting(HERE).is_empty())))));
            if interrupted {
                let options = ParkOptions { interruptible: true, ..with_argument(1) };
                assert_eq!(LOT.park(HERE, options), ParkStatus::Intr);
            } else {
                timed_out(|options| LOT.park(HERE, options));
            }
            assert_eq!(calls(), (1, 1));
            assert!(!take_interrupt());
        }));
    }
}

#[test]
fn attach_comes_after_the_wake_and_finds_the_queue_left() {
    static LOT: OwnLot<1> = OwnLot::new();
    let sleeper = asleep(|| {
        ON_ATTACH.with(|deed| deed.set(Some(Box::new(|| assert!(LOT.waiting(HERE).is_empty())))));
        (LOT.park(HERE, with_argument(1)), calls())
    });
    assert_eq!(LOT.unpark_all(HERE), 1);
    assert_eq!(joined(sleeper), (ParkStatus::Ok, (1, 1)));
}

/// A wake that came during detach is not slept over.
#[test]
fn a_wake_during_detach_is_kept() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(attached(|| {
        ON_DETACH.with(|deed| {
            deed.set(Some(Box::new(|| assert_eq!(LOT.unpark(HERE), (Some(1), false)))));
        });
        assert_eq!(LOT.park(HERE, with_argument(1)), ParkStatus::Ok);
        assert_eq!(calls(), (1, 1));
    }));
}

#[test]
fn attach_comes_when_a_callback_unwinds() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(attached(|| {
        long_enough("a sleep", |time| {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let options = ParkOptions { deadline: Deadline::after(time), ..with_argument(1) };
                LOT.park_with(HERE, options, || true, |_| resume_unwind(Box::new("gave up")))
            }));
            assert_eq!(unwound.map_err(reason), Err("gave up"));
            calls().0 > 0
        });
        assert_eq!(calls(), (1, 1));
        assert!(ATTACHED.with(Cell::get));
    }));
    assert!(LOT.waiting(HERE).is_empty());
}

#[test]
fn an_attach_that_unwinds_leaves_the_queue_clean() {
    static LOT: OwnLot<1> = OwnLot::new();
    let stays = LOT.sleeper(HERE, 9);
    let unwinds = attached(|| {
        ON_ATTACH.with(|deed| deed.set(Some(Box::new(|| resume_unwind(Box::new("attach"))))));
        timed_out(|options| LOT.park(HERE, options));
    });
    until("the end of the thread", || unwinds.is_finished());
    assert_eq!(unwinds.join().map_err(reason), Err("attach"));
    assert_eq!(LOT.waiting(HERE), [9]);
    assert_eq!(LOT.unpark(HERE), (Some(9), false));
    assert_eq!(joined(stays), ParkStatus::Ok);
    assert_eq!(LOT.totals(), Totals { parks: 2, wakes: 1, timeouts: 1, ..Totals::default() });
}

#[test]
fn a_detach_that_unwinds_leaves_the_queue_clean() {
    static LOT: OwnLot<1> = OwnLot::new();
    let unwinds = attached(|| {
        ON_DETACH.with(|deed| deed.set(Some(Box::new(|| resume_unwind(Box::new("detach"))))));
        LOT.park(HERE, with_argument(1))
    });
    until("the end of the thread", || unwinds.is_finished());
    assert_eq!(unwinds.join().map_err(reason), Err("detach"));
    assert!(LOT.waiting(HERE).is_empty());
    assert_eq!(LOT.unpark(HERE), (None, false));
    let sleeper = LOT.sleeper(HERE, 2);
    assert_eq!(LOT.unpark(HERE), (Some(2), false));
    assert_eq!(joined(sleeper), ParkStatus::Ok);
}

/// Whoever gives up because a hook unwinds is told so like any other, to clear what it set.
#[test]
fn a_detach_that_unwinds_gives_up() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(attached(|| {
        ON_DETACH.with(|deed| deed.set(Some(Box::new(|| resume_unwind(Box::new("detach"))))));
        let mut seen = None;
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            LOT.park_with(HERE, with_argument(1), || true, |queue| seen = Some(queue.is_empty()))
        }));
        assert_eq!(unwound.map_err(reason), Err("detach"));
        assert_eq!(seen, Some(true));
    }));
}

/// An interrupt that waits already ends the park before it sleeps, so there is nothing to detach for.
#[test]
fn a_waiting_interrupt_does_not_detach() {
    static LOT: OwnLot<1> = OwnLot::new();
    joined(attached(|| {
        assert!(ThreadHandle::current().interrupt());
        let options = ParkOptions { interruptible: true, ..with_argument(1) };
        assert_eq!(LOT.park(HERE, options), ParkStatus::Intr);
        assert_eq!(calls(), (0, 0));
    }));
}

/// A runtime may have to wait in its own detach. Neither sleep takes the wake of the other.
#[test]
fn a_park_in_detach_does_not_disturb_the_park_around_it() {
    static LOT: OwnLot<1> = OwnLot::new();
    const INNER: usize = HERE + 1;
    for outer_first in [true, false] {
        let sleeper = attached(|| {
            // With a handle, so that both parks could sleep on the thread's record.
            let _me = ThreadHandle::current();
            ON_DETACH.with(|deed| {
                deed.set(Some(Box::new(|| {
                    let inner = ParkOptions { detach: false, ..with_argument(2) };
                    assert_eq!(LOT.park(INNER, inner), ParkStatus::Ok);
                    assert!(LOT.waiting(INNER).is_empty(), "woken and still in the queue");
                })));
            });
            LOT.park(HERE, with_argument(1))
        });
        LOT.until_waiting(INNER, 1);
        let order = if outer_first { [HERE, INNER] } else { [INNER, HERE] };
        assert!(LOT.unpark(order[0]).0.is_some());
        (0..50).for_each(|_| thread::yield_now());
        assert!(!sleeper.is_finished());
        assert_eq!(LOT.waiting(order[1]).len(), 1, "the wake was the other's");
        assert!(LOT.unpark(order[1]).0.is_some());
        assert_eq!(joined(sleeper), ParkStatus::Ok);
    }
}

/// The same in attach, when the park around it is over: such a park can be interrupted.
#[test]
fn a_park_in_attach_is_a_park_like_any_other() {
    static LOT: OwnLot<1> = OwnLot::new();
    let (tell, told) = mpsc::channel();
    let sleeper = asleep(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        ON_ATTACH.with(|deed| {
            deed.set(Some(Box::new(|| {
                let options =
                    ParkOptions { detach: false, interruptible: true, ..with_argument(2) };
                assert_eq!(LOT.park(HERE + 1, options), ParkStatus::Intr);
            })));
        });
        LOT.park(HERE, with_argument(1))
    });
    let handle = told.recv().expect("the thread tells");
    assert_eq!(LOT.unpark(HERE), (Some(1), false));
    LOT.until_waiting(HERE + 1, 1);
    assert!(handle.interrupt());
    assert_eq!(joined(sleeper), ParkStatus::Ok);
}

/// A thread that is stopped in `attach`, as threads of a runtime that ends are, is in nobody's way.
#[test]
fn an_attach_that_never_returns_leaves_nothing_behind() {
    static LOT: OwnLot<1> = OwnLot::new();
    let (stop, stopped) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let hangs = attached(|| {
        ON_ATTACH.with(|deed| {
            deed.set(Some(Box::new(move || {
                tell.send(LOT.waiting(HERE)).expect("the test listens");
                // Until the test ends: for the lot that is for ever.
                let _closed = stopped.recv();
            })));
        });
        timed_out(|options| LOT.park(HERE, options));
    });
    assert_eq!(told.recv().expect("the thread tells"), []);
    assert!(LOT.lot.snapshot().waiters().is_empty());
    assert_eq!(LOT.lot.snapshot().busy_buckets(), 0);
    let sleeper = LOT.sleeper(HERE, 2);
    assert_eq!(LOT.unpark(HERE), (Some(2), false));
    assert_eq!(joined(sleeper), ParkStatus::Ok);
    drop(stop);
    joined(hangs);
}
