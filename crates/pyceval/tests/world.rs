//! Stop-the-world: nobody runs during a pause, everybody after it, and no stop waits for ever.

use pyceval::{Runtime, State};
use pycritsec::{with_critical_section, with_critical_section2};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::{AtomicBool, AtomicU32, AtomicU64};
use pysync::{Event, Mutex};
use std::thread;
use trial::until::{joined, until};

#[test]
fn detached_threads_wait_for_the_start() {
    for gil in [true, false] {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let ran = AtomicBool::new(false);
        thread::scope(|scope| {
            let attached = main.attach().unwrap();
            let mut state = runtime.main_interpreter().new_thread();
            let pause = runtime.main_interpreter().stop_the_world(&attached);
            assert_eq!(state.state(), State::Suspended);
            let ran = &ran;
            scope.spawn(move || {
                let attached = state.attach().unwrap();
                ran.store(true, Ordering::Relaxed);
                drop(attached);
            });
            for _ in 0..100 {
                thread::yield_now();
                assert!(!ran.load(Ordering::Relaxed));
            }
            drop(pause);
        });
        assert!(ran.load(Ordering::Relaxed));
    }
}

#[test]
fn a_thread_that_is_born_in_a_pause_waits_for_its_end() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let pause = runtime.stop_the_world(&attached);
    let born = runtime.main_interpreter().new_thread();
    assert_eq!(born.state(), State::Suspended);
    drop(pause);
    assert_eq!(born.state(), State::Detached);
}

#[test]
fn a_thread_that_ends_in_a_pause_is_not_missed() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let going = runtime.main_interpreter().new_thread();
    let pause = runtime.stop_the_world(&attached);
    joined(thread::spawn(move || drop(going)));
    drop(pause);
    drop(runtime.stop_the_world(&attached));
}

#[test]
fn a_stop_of_one_interpreter_leaves_the_others_alone() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let other = runtime.new_interpreter(false);
    let mut state = other.new_thread();
    let pause = runtime.main_interpreter().stop_the_world(&attached);
    joined(thread::spawn(move || {
        let attached = state.attach().unwrap();
        // Its own world can be stopped at the same time.
        drop(other.stop_the_world(&attached));
    }));
    drop(pause);
}

#[test]
fn two_who_stop_the_world_do_so_one_after_the_other() {
    for global in [true, false] {
        let (runtime, main) = Runtime::builder().gil(false).start().unwrap();
        let inside = AtomicU32::new(0);
        let stops = AtomicU32::new(0);
        thread::scope(|scope| {
            for worker in 0..4 {
                let mut state = runtime.main_interpreter().new_thread();
                let (inside, stops, runtime) = (&inside, &stops, &runtime);
                scope.spawn(move || {
                    let attached = state.attach().unwrap();
                    for turn in 0..50 {
                        let all = global && (turn + worker) % 2 == 0;
                        let pause = if all {
                            runtime.stop_the_world(&attached)
                        } else {
                            runtime.main_interpreter().stop_the_world(&attached)
                        };
                        assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                        stops.fetch_add(1, Ordering::Relaxed);
                        assert_eq!(inside.fetch_add(u32::MAX, Ordering::Relaxed), 1);
                        drop(pause);
                        attached.poll().unwrap();
                    }
                });
            }
        });
        assert_eq!(stops.load(Ordering::Relaxed), 200);
        drop(main);
    }
}

/// Threads that attach, detach, are born, end and use sections, while two others stop the world.
#[test]
fn storm() {
    for gil in [true, false] {
        let (runtime, main) = Runtime::builder().gil(gil).start().unwrap();
        let running = AtomicU32::new(0);
        let done = AtomicBool::new(false);
        let stops = AtomicU64::new(0);
        let objects = [Mutex::new(), Mutex::new()];
        thread::scope(|scope| {
            for worker in 0..4_u32 {
                let (runtime, running, done, objects) = (&runtime, &running, &done, &objects);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        let mut state = runtime.main_interpreter().new_thread();
                        for turn in 0..20 {
                            let attached = state.attach().unwrap();
                            running.fetch_add(1, Ordering::Relaxed);
                            running.fetch_add(u32::MAX, Ordering::Relaxed);
                            match (turn + worker) % 4 {
                                0 => with_critical_section(&objects[0], || {
                                    attached.poll().unwrap();
                                }),
                                1 => with_critical_section2(&objects[1], &objects[0], || {
                                    attached.detached(thread::yield_now);
                                }),
                                2 => with_critical_section(&objects[1], || {
                                    with_critical_section(&objects[0], || attached.poll().unwrap());
                                }),
                                _ => attached.poll().unwrap(),
                            }
                        }
                    }
                });
            }
            let stoppers: Vec<_> = (0..2)
                .map(|stopper| {
                    let (runtime, running, objects) = (&runtime, &running, &objects);
                    let stops = &stops;
                    scope.spawn(move || {
                        let mut state = runtime.main_interpreter().new_thread();
                        let attached = state.attach().unwrap();
                        for turn in 0..100 {
                            let pause = if (turn + stopper) % 2 == 0 {
                                runtime.stop_the_world(&attached)
                            } else {
                                runtime.main_interpreter().stop_the_world(&attached)
                            };
                            assert_eq!(running.load(Ordering::Relaxed), 0);
                            // CPython issue 144524: a section of the stopper waits for nobody.
                            with_critical_section(&objects[0], || {
                                assert_eq!(running.load(Ordering::Relaxed), 0);
                            });
                            drop(pause);
                            stops.fetch_add(1, Ordering::Relaxed);
                            attached.detached(thread::yield_now);
                        }
                    })
                })
                .collect();
            for stopper in stoppers {
                stopper.join().unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(stops.load(Ordering::Relaxed), 200);
        drop(main);
    }
}

#[test]
fn gh_144524_a_section_of_the_stopper_waits_for_nobody() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let object = Mutex::new();
    let held = Event::new();
    let go = Event::new();
    thread::scope(|scope| {
        let mut state = runtime.main_interpreter().new_thread();
        let (object, held, go) = (&object, &held, &go);
        scope.spawn(move || {
            let attached = state.attach().unwrap();
            // A plain lock: a stop does not release it.
            object.lock();
            held.notify();
            until("the end of the pause", || {
                attached.poll().unwrap();
                go.is_set()
            });
            object.unlock();
        });
        attached.detached(|| held.wait());
        let pause = runtime.stop_the_world(&attached);
        with_critical_section(object, || ());
        drop(pause);
        go.notify();
        drop(attached);
    });
}

#[test]
fn gh_118332_a_section_below_is_resumed_after_the_pause() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let attached = main.attach().unwrap();
    let object = Mutex::new();
    with_critical_section(&object, || {
        let pause = runtime.stop_the_world(&attached);
        with_critical_section(&object, || ());
        drop(pause);
        assert!(object.is_locked());
    });
    assert!(!object.is_locked());
}
