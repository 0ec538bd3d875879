//! The end of a runtime: no thread comes back to user code, nothing is held, nothing leaks.

use pyceval::{AttachError, Attached, Events, Handlers, Raised, Runtime, ThreadExit, until_exit};
use pycritsec::with_critical_section;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU32;
use pysync::{Event, Mutex, RwMutex};
use std::sync::Arc;
use std::thread;
use trial::until::{joined, until, until_asleep, until_overdue};

#[test]
fn a_new_attach_is_refused() {
    for gil in [true, false] {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let mut late = runtime.main_interpreter().new_thread();
        let attached = main.attach().unwrap();
        runtime.finalise(&attached).unwrap();
        let refused = attached.detached(|| joined(thread::spawn(move || late.attach().err())));
        assert_eq!(refused, Some(AttachError::Finalising));
        // The thread that ends it goes on.
        attached.detached(|| ());
        attached.poll().unwrap();
    }
}

/// A thread waits in `wait`; the runtime ends; the thread never comes back, and what it was handed is free again.
fn waits_at_the_end<L: Send + Sync + 'static>(
    lock: L,
    take: impl FnOnce(&L),
    wait: impl FnOnce(&L) + Send + 'static,
    give: impl FnOnce(&L),
    sleepers: impl FnOnce(&L),
) -> Arc<L> {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let lock = Arc::new(lock);
    let attached = main.attach().unwrap();
    take(&lock);
    let mut state = runtime.main_interpreter().new_thread();
    let waiter = thread::spawn({
        let lock = Arc::clone(&lock);
        move || {
            until_exit(|| {
                let _attached = state.attach().unwrap();
                wait(&lock);
                unreachable!("the thread came back");
            })
        }
    });
    sleepers(&lock);
    runtime.finalise(&attached).unwrap();
    give(&lock);
    assert_eq!(attached.detached(|| joined(waiter)), Err(ThreadExit));
    lock
}

#[test]
fn a_mutex_is_passed_on() {
    let mutex = waits_at_the_end(
        Mutex::new(),
        Mutex::lock,
        Mutex::lock,
        |mutex| {
            until_overdue(mutex, 1);
            mutex.unlock();
        },
        |mutex| until_asleep(mutex, 1),
    );
    assert_eq!(mutex.bits(), 0);
}

#[test]
fn a_read_write_lock_is_passed_on() {
    for wait in [RwMutex::read_lock as fn(&RwMutex), RwMutex::write_lock] {
        let lock = waits_at_the_end(
            RwMutex::new(),
            RwMutex::write_lock,
            wait,
            RwMutex::write_unlock,
            |lock| until_asleep(lock, 1),
        );
        assert!(lock.try_write_lock());
    }
}

#[test]
fn an_event_lets_go() {
    waits_at_the_end(
        Event::new(),
        |_| (),
        Event::wait,
        Event::notify,
        |event| {
            until_asleep(event, 1);
        },
    );
}

#[test]
fn a_running_thread_leaves_at_its_next_poll() {
    for gil in [true, false] {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let object = Arc::new(Mutex::new());
        let polls = Arc::new(AtomicU32::new(0));
        let dropped = Arc::new(());
        let mut state = runtime.main_interpreter().new_thread();
        let worker = thread::spawn({
            let (object, polls, dropped) =
                (Arc::clone(&object), Arc::clone(&polls), Arc::clone(&dropped));
            move || {
                until_exit(|| {
                    let _owned = dropped;
                    let attached = state.attach().unwrap();
                    with_critical_section(&*object, || {
                        loop {
                            attached.poll().unwrap();
                            polls.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
            }
        });
        let attached = main.attach().unwrap();
        until("the worker to run", || {
            attached.detached(thread::yield_now);
            polls.load(Ordering::Relaxed) > 0
        });
        runtime.finalise(&attached).unwrap();
        let after = polls.load(Ordering::Relaxed);
        let never: Result<(), ThreadExit> = attached.detached(|| joined(worker));
        assert_eq!(never, Err(ThreadExit));
        assert_eq!(polls.load(Ordering::Relaxed), after);
        assert!(!object.is_locked());
        assert_eq!(Arc::strong_count(&dropped), 1);
    }
}

#[test]
fn a_thread_in_a_blocking_call_leaves_when_it_comes_back() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let attached = main.attach().unwrap();
    let (inside, go) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let mut state = runtime.main_interpreter().new_thread();
    let worker = thread::spawn({
        let (inside, go) = (Arc::clone(&inside), Arc::clone(&go));
        move || {
            until_exit(|| {
                let attached = state.attach().unwrap();
                attached.detached(|| {
                    inside.notify();
                    go.wait();
                });
                unreachable!("the thread came back");
            })
        }
    });
    attached.detached(|| inside.wait());
    runtime.finalise(&attached).unwrap();
    go.notify();
    assert_eq!(attached.detached(|| joined(worker)), Err(ThreadExit));
}

#[test]
fn queued_calls_run_before_the_end() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let ran = Arc::new(AtomicU32::new(0));
    for _ in 0..250 {
        let ran = Arc::clone(&ran);
        let call = move |_: &pyceval::Attached<'_>| {
            ran.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        runtime.main_interpreter().add_pending_call(call).unwrap();
    }
    runtime.add_main_call(|_| Err(Raised::new("the last word"))).unwrap();
    let attached = main.attach().unwrap();
    assert_eq!(runtime.finalise(&attached).unwrap_err().to_string(), "the last word");
    assert!(ran.load(Ordering::Relaxed) >= 100);
}

#[test]
fn other_panics_go_on() {
    let result = std::panic::catch_unwind(|| until_exit(|| panic!("mine")));
    assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"mine"));
}

#[test]
fn a_runtime_that_nobody_has_is_freed() {
    struct Probe(#[expect(dead_code, reason = "counted")] Arc<()>);
    impl Handlers for Probe {}

    let probe = Arc::new(());
    let builder = Runtime::builder().handlers(Probe(Arc::clone(&probe)));
    let (runtime, mut main) = builder.start().unwrap();
    let mut second = runtime.new_interpreter(true).new_thread();
    drop(runtime);
    main.attach().unwrap().poll().unwrap();
    drop(main);
    second.attach().unwrap().poll().unwrap();
    assert_eq!(Arc::strong_count(&probe), 2);
    drop(second);
    assert_eq!(Arc::strong_count(&probe), 1);
}

#[test]
fn stopping_the_unwinding_does_not_help() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let (inside, go) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let mut state = runtime.main_interpreter().new_thread();
    let worker = thread::spawn({
        let (inside, go) = (Arc::clone(&inside), Arc::clone(&go));
        move || {
            until_exit(|| {
                let attached = state.attach().unwrap();
                let first = until_exit(|| {
                    attached.detached(|| {
                        inside.notify();
                        go.wait();
                    });
                });
                assert_eq!(first, Err(ThreadExit));
                assert_eq!(until_exit(|| attached.detached(|| ())), Err(ThreadExit));
                let _polled = attached.poll();
                unreachable!("the thread came back");
            })
        }
    });
    attached.detached(|| inside.wait());
    runtime.finalise(&attached).unwrap();
    go.notify();
    assert_eq!(attached.detached(|| joined(worker)), Err(ThreadExit));
}

/// A thread that runs `last` when it has been asked to stop for the end, which refuses it there.
fn refused_in(
    last: impl FnOnce(&Runtime, &Attached<'_>) + Send + 'static,
    check: fn(&Attached<'_>),
) {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let running = Arc::new(Event::new());
    let worker = thread::spawn({
        let (runtime, running) = (runtime.clone(), Arc::clone(&running));
        move || {
            until_exit(|| {
                let mut state = runtime.main_interpreter().new_thread();
                let attached = state.attach().unwrap();
                running.notify();
                until("the request to stop", || {
                    attached.breaker().events().contains(Events::PLEASE_STOP)
                });
                last(&runtime, &attached);
                unreachable!("the thread came back");
            })
        }
    });
    attached.detached(|| running.wait());
    runtime.finalise(&attached).unwrap();
    assert_eq!(attached.detached(|| joined(worker)), Err(ThreadExit));
    check(&attached);
}

#[test]
fn a_stopper_that_is_refused_leaves_no_lock_behind() {
    let stop = |_: &Runtime, attached: &Attached<'_>| drop(attached.stop_the_world());
    refused_in(stop, |attached| drop(attached.stop_the_world()));
}

#[test]
fn who_switches_the_gil_and_is_refused_ends_its_sections() {
    static OBJECT: Mutex = Mutex::new();
    let switch = |runtime: &Runtime, attached: &Attached<'_>| {
        with_critical_section(&OBJECT, || runtime.main_interpreter().set_gil(attached, true));
    };
    refused_in(switch, |_| assert!(!OBJECT.is_locked()));
}

/// CS-8: a destructor that runs while a refused thread unwinds waits for a section that somebody is in.
#[test]
fn a_destructor_of_a_refused_thread_waits_for_its_section() {
    struct Entry(Arc<Mutex>, Arc<AtomicU32>);
    impl Drop for Entry {
        fn drop(&mut self) {
            with_critical_section(&*self.0, || self.1.fetch_add(1, Ordering::Relaxed));
        }
    }

    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let [inside, go] = [(); 2].map(|()| Arc::new(Event::new()));
    let (object, entered) = (Arc::new(Mutex::new()), Arc::new(AtomicU32::new(0)));
    let mut state = runtime.main_interpreter().new_thread();
    let worker = thread::spawn({
        let (inside, go) = (Arc::clone(&inside), Arc::clone(&go));
        let entry = Entry(Arc::clone(&object), Arc::clone(&entered));
        move || {
            until_exit(|| {
                let attached = state.attach().unwrap();
                let _entry = entry;
                attached.detached(|| {
                    inside.notify();
                    go.wait();
                });
            })
        }
    });
    let attached = main.attach().unwrap();
    attached.detached(|| inside.wait());
    runtime.finalise(&attached).unwrap();
    with_critical_section(&*object, || {
        go.notify();
        until_asleep(&*object, 1);
        assert_eq!(entered.load(Ordering::Relaxed), 0, "two in one section");
    });
    assert_eq!(attached.detached(|| joined(worker)), Err(ThreadExit));
    assert_eq!((entered.load(Ordering::Relaxed), object.bits()), (1, 0));
}

#[test]
fn states_that_are_made_after_the_end_are_refused() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    runtime.finalise(&attached).unwrap();
    drop(attached);
    // Also one that lies where the last state lay.
    drop(main);
    let mut late = runtime.main_interpreter().new_thread();
    assert_eq!(late.attach().err(), Some(AttachError::Finalising));
    let mut elsewhere = runtime.new_interpreter(false).new_thread();
    assert_eq!(elsewhere.attach().err(), Some(AttachError::Finalising));
}

#[test]
fn who_stops_the_unwinding_is_sent_on_after_a_later_pause() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let [inside, go, refused, poll] = [(); 4].map(|()| Arc::new(Event::new()));
    let mut state = runtime.main_interpreter().new_thread();
    let worker = thread::spawn({
        let [inside, go, refused, poll] = [&inside, &go, &refused, &poll].map(Arc::clone);
        move || {
            until_exit(|| {
                let attached = state.attach().unwrap();
                let first = until_exit(|| {
                    attached.detached(|| {
                        inside.notify();
                        go.wait();
                    });
                });
                assert_eq!(first, Err(ThreadExit));
                refused.notify();
                poll.wait();
                assert_eq!(until_exit(|| drop(attached.stop_the_world())), Err(ThreadExit));
                attached.poll()
            })
        }
    });
    attached.detached(|| inside.wait());
    runtime.finalise(&attached).unwrap();
    go.notify();
    attached.detached(|| refused.wait());
    drop(attached.stop_the_world());
    poll.notify();
    assert_eq!(attached.detached(|| joined(worker)).map(|polled| polled.is_ok()), Err(ThreadExit));
}
