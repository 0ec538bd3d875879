//! Misuse ends the process with a message that says what was wrong, where, and what was expected.
#![cfg(not(miri))]

use pyceval::{AttachError, Attached, Handlers, Runtime, State, ThreadState};
use pycritsec::with_critical_section;
use pysync::{Event, Mutex};
use std::fmt;
use trial::child::dies;
use trial::until::until;

fn start() -> (Runtime, ThreadState) {
    Runtime::builder().gil(false).start().unwrap()
}

#[test]
fn detach_in_a_pause() {
    let report = dies("detach_in_a_pause", || {
        let (runtime, mut main) = start();
        let attached = main.attach().unwrap();
        let _pause = runtime.stop_the_world(&attached);
        attached.detached(|| ());
    });
    report.says("fatal error: Attached at 0x");
    report.says(
        "a thread that has stopped the world detaches; expected the world to be started first",
    );
}

#[test]
fn stop_in_a_pause() {
    let report = dies("stop_in_a_pause", || {
        let (runtime, mut main) = start();
        let attached = main.attach().unwrap();
        let _pause = runtime.stop_the_world(&attached);
        let _second = runtime.main_interpreter().stop_the_world(&attached);
    });
    report.says(
        "a thread that has stopped the world stops it again; expected the first pause to be over",
    );
}

#[test]
fn a_pause_that_is_forgotten() {
    let report = dies("a_pause_that_is_forgotten", || {
        let (runtime, mut main) = start();
        let attached = main.attach().unwrap();
        std::mem::forget(runtime.stop_the_world(&attached));
        drop(attached);
    });
    report.says(
        "an attached thread that has stopped the world ends; expected the pause to end first",
    );
}

#[test]
fn a_token_that_ends_in_its_section() {
    let report = dies("a_token_that_ends_in_its_section", || {
        let (_runtime, mut main) = start();
        let attached = main.attach().unwrap();
        let object = Mutex::new();
        with_critical_section(&object, || drop::<Attached<'_>>(attached));
    });
    report.says(
        "an attached thread ends inside a critical section; expected the section to end first",
    );
}

struct Chronicler;

impl Handlers for Chronicler {
    fn fatal(&self, message: &dyn fmt::Display) {
        eprintln!("Fatal interpreter error: {message}");
    }
}

#[test]
fn fatal_errors_of_locks_go_through_the_embedder() {
    let report = dies("fatal_errors_of_locks_go_through_the_embedder", || {
        let (_runtime, mut main) = Runtime::builder().handlers(Chronicler).start().unwrap();
        let _attached = main.attach().unwrap();
        let mutex = Mutex::new();
        eprintln!("the place is {:#x}", core::ptr::from_ref(&mutex).addr());
        mutex.unlock();
    });
    report.says("Fatal interpreter error: Mutex at 0x");
    report.names_the_place();
}

#[test]
fn other_hooks_are_an_error() {
    let report = dies("other_hooks_are_an_error", || {
        pyparking::hooks::install(&pyparking::hooks::Hooks::NONE).unwrap();
        match Runtime::builder().start() {
            Ok(_) => return,
            Err(error) => eprintln!("error: {error}"),
        }
        let (_runtime, mut main) = Runtime::builder().start_with_hooks_installed().unwrap();
        drop(main.attach().unwrap());
        std::process::exit(9);
    });
    report.says("error: runtime hooks are already installed");
    assert_eq!(report.exit_code(), Some(9), "{}", report.text());
}

#[test]
fn a_token_that_is_forgotten() {
    let report = dies("a_token_that_is_forgotten", || {
        let (_runtime, mut main) = start();
        std::mem::forget(main.attach().unwrap());
        assert_eq!(main.attach().err(), Some(pyceval::AttachError::AlreadyAttached));
        drop(main);
    });
    report.says("fatal error: ThreadState at 0x");
    report.says("dropped while attached; expected the token to end first");
}

#[test]
fn a_token_that_is_forgotten_and_its_state_dropped_in_a_sleep() {
    let report = dies("a_token_that_is_forgotten_and_its_state_dropped_in_a_sleep", || {
        static EVENT: Event = Event::new();
        let (_runtime, mut main) = start();
        std::mem::forget(main.attach().unwrap());
        std::thread::spawn(move || {
            // The sleep detaches; when it ends, the state is asked for again.
            until("the sleep", || main.state() == State::Detached);
            assert_eq!(main.attach().err(), Some(AttachError::AlreadyAttached));
            drop(main);
            EVENT.notify();
        });
        EVENT.wait();
    });
    report.says("fatal error: ThreadState at 0x");
    report.says("dropped while attached; expected the token to end first");
}

#[test]
fn another_interpreters_world_is_stopped() {
    let report = dies("another_interpreters_world_is_stopped", || {
        let (runtime, mut main) = start();
        let attached = main.attach().unwrap();
        runtime.new_interpreter(false).set_gil(&attached, true);
    });
    report.says("a thread of another interpreter; expected a token of this one");
}

#[test]
fn another_runtime_is_ended() {
    let report = dies("another_runtime_is_ended", || {
        let (_here, mut main) = start();
        let (there, _main) = start();
        let _ended = there.finalise(&main.attach().unwrap());
    });
    report.says("a thread of another runtime; expected a token of this one");
}

#[test]
fn a_token_that_leaves_a_detached_stretch() {
    let report = dies("a_token_that_leaves_a_detached_stretch", || {
        let (runtime, mut main) = start();
        let state: &'static mut ThreadState =
            Box::leak(Box::new(runtime.main_interpreter().new_thread()));
        let attached = main.attach().unwrap();
        let _second = attached.detached(move || state.attach().unwrap());
    });
    report.says(
        "a detached stretch ends with another state attached; expected its token to end first",
    );
}
