//! Thread states: attach, detach, the hooks that let every lock detach by itself, several interpreters.

use pyceval::{AttachError, Raised, Runtime, State};
use pycritsec::runtime::{Mode, mode as runtime_mode};
use pycritsec::{assert_held, with_critical_section};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::{AtomicU32, AtomicU64};
use pysync::{Event, LockStatus, Mutex};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until, until_asleep};

/// Both ways to run.
const MODES: [bool; 2] = [true, false];

#[test]
fn a_state_goes_from_thread_to_thread() {
    for gil in MODES {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let mut state = runtime.main_interpreter().new_thread();
        let id = state.id();
        for _ in 0..3 {
            state = joined(thread::spawn(move || {
                let attached = state.attach().unwrap();
                assert_eq!(attached.id(), id);
                assert!(!attached.is_main());
                drop(attached);
                assert_eq!(state.state(), State::Detached);
                state
            }));
        }
        assert!(main.attach().unwrap().is_main());
    }
}

#[test]
fn attached_twice_is_an_error_that_says_what_to_do() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let mut second = runtime.main_interpreter().new_thread();
    let attached = main.attach().unwrap();
    let error = second.attach().unwrap_err();
    assert_eq!(error, AttachError::AlreadyAttached);
    assert!(error.to_string().contains("Attached::detached"));
    drop(attached);
    drop(second.attach().unwrap());
}

#[test]
fn a_gil_excludes_and_its_absence_does_not() {
    for gil in MODES {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let attached = main.attach().unwrap();
        let inside = AtomicU32::new(0);
        let met = Event::new();
        thread::scope(|scope| {
            for _ in 0..2 {
                let mut state = runtime.main_interpreter().new_thread();
                let (inside, met) = (&inside, &met);
                scope.spawn(move || {
                    let attached = state.attach().unwrap();
                    for _ in 0..200 {
                        if inside.fetch_add(1, Ordering::Relaxed) > 0 {
                            met.notify();
                        }
                        thread::yield_now();
                        inside.fetch_add(u32::MAX, Ordering::Relaxed);
                        attached.poll().unwrap();
                        if !gil && !met.is_set() {
                            attached.detached(thread::yield_now);
                        }
                    }
                    if !gil {
                        // The other one is attached at the same time, sooner or later.
                        inside.fetch_add(1, Ordering::Relaxed);
                        until("the other thread", || {
                            inside.load(Ordering::Relaxed) > 1 || met.is_set()
                        });
                        met.notify();
                    }
                });
            }
            attached.detached(|| {
                if !gil {
                    met.wait();
                }
            });
            drop(attached);
        });
        assert_eq!(met.is_set(), !gil);
    }
}

#[test]
fn a_lock_detaches_its_waiter() {
    for gil in MODES {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let (mutex, event) = (Mutex::new(), Event::new());
        let attached = main.attach().unwrap();
        mutex.lock();
        thread::scope(|scope| {
            let mut state = runtime.main_interpreter().new_thread();
            let (mutex, event) = (&mutex, &event);
            scope.spawn(move || {
                let attached = state.attach().unwrap();
                mutex.lock();
                mutex.unlock();
                event.notify();
                attached.poll().unwrap();
            });
            attached.detached(|| until_asleep(mutex, 1));
            mutex.unlock();
            // Attached, and under a GIL the other thread cannot go on unless this wait detaches.
            event.wait();
            drop(attached);
        });
    }
}

#[test]
fn sections_are_suspended_while_a_thread_is_detached() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let object = Mutex::new();
    with_critical_section(&object, || {
        assert_held(&object);
        attached.detached(|| assert!(!object.is_locked()));
        assert_held(&object);
        // A stop makes a running thread suspend its sections too.
        let mut state = runtime.main_interpreter().new_thread();
        let free = Event::new();
        thread::scope(|scope| {
            let (object, free, runtime) = (&object, &free, &runtime);
            scope.spawn(move || {
                let other = state.attach().unwrap();
                let pause = runtime.main_interpreter().stop_the_world(&other);
                assert!(!object.is_locked());
                drop(pause);
                free.notify();
            });
            until("the other thread", || {
                attached.poll().unwrap();
                free.is_set()
            });
        });
        assert_held(&object);
    });
    assert!(!object.is_locked());
}

#[test]
fn under_a_gil_sections_are_bookkeeping() {
    let (_runtime, mut main) = Runtime::builder().start().unwrap();
    let _attached = main.attach().unwrap();
    let object = Mutex::new();
    with_critical_section(&object, || assert!(!object.is_locked()));
}

#[test]
fn the_gil_goes_off_and_on_while_a_thread_is_in_a_section() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let attached = main.attach().unwrap();
    let interpreter = runtime.main_interpreter();
    let object = Mutex::new();
    with_critical_section(&object, || {
        interpreter.set_gil(&attached, false);
        assert!(!interpreter.has_gil());
        assert!(object.is_locked());
        interpreter.set_gil(&attached, true);
        assert!(interpreter.has_gil());
        assert!(!object.is_locked());
    });
}

#[test]
fn switching_the_gil_off_lets_every_waiter_go() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let attached = main.attach().unwrap();
    let running = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut state = runtime.main_interpreter().new_thread();
            let running = &running;
            scope.spawn(move || {
                let attached = state.attach().unwrap();
                running.fetch_add(1, Ordering::Relaxed);
                until("all to run at once", || {
                    attached.poll().unwrap();
                    running.load(Ordering::Relaxed) == 4
                });
            });
        }
        runtime.main_interpreter().set_gil(&attached, false);
        until("all to run at once", || {
            attached.poll().unwrap();
            running.load(Ordering::Relaxed) == 4
        });
        drop(attached);
    });
}

#[test]
fn the_gil_goes_off_and_on_among_running_threads() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let done = AtomicU32::new(0);
    let total = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            let mut state = runtime.main_interpreter().new_thread();
            let (done, total) = (&done, &total);
            scope.spawn(move || {
                let attached = state.attach().unwrap();
                while done.load(Ordering::Relaxed) == 0 {
                    attached.poll().unwrap();
                    attached.detached(|| total.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        let attached = main.attach().unwrap();
        for turn in 0..200 {
            runtime.main_interpreter().set_gil(&attached, turn % 2 == 1);
            let seen = total.load(Ordering::Relaxed);
            until("the others to run", || {
                attached.detached(thread::yield_now);
                total.load(Ordering::Relaxed) > seen
            });
        }
        drop(attached);
        done.store(1, Ordering::Relaxed);
    });
}

#[test]
fn interpreters_have_gils_of_their_own() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let attached = main.attach().unwrap();
    let other = runtime.new_interpreter(true);
    // The main interpreter's GIL is held all the time.
    joined(thread::spawn(move || {
        let mut state = other.new_thread();
        let attached = state.attach().unwrap();
        assert_ne!(attached.id(), 0);
        attached.poll().unwrap();
    }));
    attached.poll().unwrap();
}

#[test]
fn with_attached_uses_the_state_that_is_there() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let interpreter = runtime.main_interpreter();
    let fresh = interpreter.with_attached(|attached| attached.id()).unwrap();
    let attached = main.attach().unwrap();
    assert_eq!(interpreter.with_attached(|inner| inner.id()).unwrap(), attached.id());
    assert_ne!(fresh, attached.id());
    attached.poll().unwrap();
    let other = runtime.new_interpreter(true);
    assert_eq!(other.with_attached(|_| ()), Err(AttachError::AlreadyAttached));
}

#[test]
fn errno_is_kept_across_attach() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let attached = main.attach().unwrap();
    let held = Event::new();
    thread::scope(|scope| {
        let mut state = runtime.main_interpreter().new_thread();
        let held = &held;
        scope.spawn(move || {
            held.wait();
            errno::set_errno(errno::Errno(77));
            // Waits for the GIL, which takes system calls.
            let attached = state.attach().unwrap();
            assert_eq!(errno::errno().0, 77);
            drop(attached);
        });
        held.notify();
        // Attached all the time, so that the other thread does wait.
        until("a drop request", || attached.breaker().is_tripped());
        attached.poll().unwrap();
        drop(attached);
    });
}

#[test]
fn an_exception_reaches_its_thread_and_no_other() {
    for gil in MODES {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let interpreter = runtime.main_interpreter();
        let mut state = interpreter.new_thread();
        let id = state.id();
        let worker = thread::spawn(move || {
            let attached = state.attach().unwrap();
            loop {
                if let Err(raised) = attached.poll() {
                    return raised.downcast::<u32>().unwrap();
                }
            }
        });
        let attached = main.attach().unwrap();
        assert!(interpreter.send_exception(id, Some(Raised::new(1_u32))));
        attached.poll().unwrap();
        drop(attached);
        assert_eq!(joined(worker), 1);
        assert!(!interpreter.send_exception(id, None));
    }
}

#[test]
fn an_exception_is_replaced_and_taken_back() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let interpreter = runtime.main_interpreter();
    let id = main.id();
    let attached = main.attach().unwrap();
    interpreter.send_exception(id, Some(Raised::new("old")));
    interpreter.send_exception(id, Some(Raised::new("new")));
    assert_eq!(attached.poll().unwrap_err().to_string(), "new");
    interpreter.send_exception(id, Some(Raised::new("gone")));
    interpreter.send_exception(id, None);
    attached.poll().unwrap();
}

#[test]
fn a_wait_ends_in_time_without_anything_raised() {
    let (_runtime, mut main) = Runtime::builder().start().unwrap();
    let attached = main.attach().unwrap();
    let mutex = Mutex::new();
    mutex.lock();
    let timeout = Some(Duration::from_millis(1));
    let status = attached.wait(|flags| mutex.lock_timed(timeout, flags)).unwrap();
    assert_eq!(status, LockStatus::Failure);
}

#[test]
fn the_version_reaches_threads_that_run_and_threads_that_come() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let interpreter = runtime.main_interpreter();
    let mut state = interpreter.new_thread();
    let seen = AtomicU32::new(0);
    thread::scope(|scope| {
        let seen = &seen;
        scope.spawn(move || {
            let attached = state.attach().unwrap();
            seen.store(1, Ordering::Relaxed);
            until("the new version", || {
                attached.poll().unwrap();
                attached.breaker().version() == 9
            });
        });
        until("the thread to run", || seen.load(Ordering::Relaxed) == 1);
        interpreter.set_version(&attached, 9);
        let mut late = interpreter.new_thread();
        attached.detached(|| assert_eq!(late.attach().unwrap().breaker().version(), 9));
        drop(attached);
    });
}

/// CPython looks again after the attach, too: a thread that found no GIL may attach after one was switched on.
#[test]
fn a_gil_that_is_switched_on_is_held_by_whoever_attaches_then() {
    const TOGGLES: u32 = 300;
    const SHORT: Duration = Duration::from_micros(20);

    let (runtime, mut main) = Runtime::builder().gil(false).switch_interval(SHORT).start().unwrap();
    let interpreter = runtime.main_interpreter();
    let done = Event::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut state = interpreter.new_thread();
            let done = &done;
            scope.spawn(move || {
                while !done.is_set() {
                    let attached = state.attach().unwrap();
                    // As long as this thread is attached nobody switches.
                    let excluded = runtime_mode() == Mode::Bookkeeping;
                    assert_eq!(excluded, interpreter.has_gil());
                    drop(attached);
                }
            });
        }
        let attached = main.attach().unwrap();
        for round in 0..TOGGLES {
            interpreter.set_gil(&attached, round % 2 == 0);
            attached.detached(thread::yield_now);
        }
        done.notify();
        drop(attached);
    });
}

#[test]
fn with_attached_does_not_take_another_runtimes_state() {
    let (_here, mut main) = Runtime::builder().gil(false).start().unwrap();
    let (there, _main) = Runtime::builder().gil(false).start().unwrap();
    // Both have the number 0.
    let _attached = main.attach().unwrap();
    let refused = there.main_interpreter().with_attached(|_| ());
    assert_eq!(refused, Err(AttachError::AlreadyAttached));
}

#[test]
fn a_call_that_nobody_was_there_for_waits_for_the_first_thread() {
    let (runtime, _main) = Runtime::builder().start().unwrap();
    let second = runtime.new_interpreter(true);
    second.add_pending_call(|_| Err(Raised::new("called"))).unwrap();
    let mut first = second.new_thread();
    assert_eq!(first.attach().unwrap().poll().unwrap_err().to_string(), "called");
}
