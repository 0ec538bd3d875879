//! Starts: names, failures, spawners.

use pythread::{Builder, Handle, MainBody, NativeThread, Outcome, StartError, State, start};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

#[test]
fn names_are_the_handles_and_the_threads() {
    let (tell, told) = mpsc::channel();
    let body = move || {
        let own = Handle::current().and_then(|own| own.name().map(str::to_owned));
        tell.send((own, systems_name())).unwrap();
    };
    let thread = Builder::new().name("a long name, cut by some systems").start(body).unwrap();
    let (own, systems) = told.recv().unwrap();
    assert_eq!(own.as_deref(), thread.name());
    assert!(systems.is_none_or(|name| name == "a long name, cu"));
    assert_eq!(start(|| {}).unwrap().name(), None);
}

/// What the system calls the calling thread, where it can be asked by a file.
fn systems_name() -> Option<String> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let name = std::fs::read_to_string("/proc/thread-self/comm").ok()?;
    Some(name.trim_end().to_owned())
}

#[test]
fn what_is_wrong_at_once_leaves_the_handle_fresh() {
    let thread = Handle::new();
    let named = Builder::new().name("a\0b").start_handle(&thread, || {});
    assert!(matches!(named, Err(StartError::BadName)));
    let small = Builder::new().stack_size(1).start_handle(&thread, || {});
    assert!(matches!(small, Err(StartError::StackSize(error)) if error.size == 1));
    assert_eq!(thread.state(), State::NotStarted);
    thread.start(|| {}).unwrap();
    assert!(matches!(thread.start(|| {}), Err(StartError::AlreadyStarted)));
    assert!(thread.join().unwrap().is_returned());
    assert!(matches!(thread.start(|| {}), Err(StartError::AlreadyStarted)));
}

/// The largest stack has no room: the system says so, and the handle is done.
#[test]
#[cfg(target_pointer_width = "64")]
fn what_the_system_refuses_is_done() {
    let thread = Handle::new();
    let (tell, told) = mpsc::channel::<()>();
    let huge = Builder::new().stack_size(pythread::MAX_STACK_SIZE);
    match huge.start_handle(&thread, move || drop(tell)) {
        Err(StartError::System(_)) => {
            assert_eq!(told.recv(), Err(mpsc::RecvError), "the body was dropped");
            assert!(matches!(thread.join().unwrap(), Outcome::NeverRan));
            assert_eq!(thread.state(), State::Done);
            assert!(thread.detach().is_ok());
        }
        // A quarter of a gigabyte there may be, where that is the bound.
        Ok(()) => assert!(cfg!(windows) && thread.join().unwrap().is_returned()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_spawner_that_panics_lets_joiners_go() {
    let thread = Handle::new();
    let spawner = |_: MainBody| -> io::Result<thread::JoinHandle<()>> { panic!("no threads") };
    let start = || Builder::new().start_by(&thread, spawner, || {});
    assert!(catch_unwind(AssertUnwindSafe(start)).is_err());
    assert!(matches!(thread.join().unwrap(), Outcome::NeverRan));
}

/// On a thread that has an ident the handle takes that one, and hooks are each body's own.
#[test]
fn bodies_may_share_a_thread() {
    struct Pooled;
    impl NativeThread for Pooled {
        fn join(self: Box<Self>) {}
    }
    let (tell, told) = mpsc::channel();
    let run_here = |body: MainBody| {
        body.run();
        Ok(Pooled)
    };
    let (outer, inner) = (Handle::new(), Handle::new());
    let (inside, send) = (inner.clone(), tell.clone());
    let body = move || {
        let me = Handle::current().unwrap();
        let last = send.clone();
        pythread::at_exit(move || last.send("outer hook").unwrap()).unwrap();
        let first = send.clone();
        let register = move || {
            pythread::at_exit(move || first.send("inner hook").unwrap()).unwrap();
        };
        Builder::new().start_by(&inside, run_here, register).unwrap();
        send.send("outer body").unwrap();
        assert_eq!(Handle::current(), Some(me));
    };
    outer.start(body).unwrap();
    assert!(outer.join().unwrap().is_returned());
    assert!(inner.join().unwrap().is_returned());
    assert_eq!(inner.ident(), outer.ident());
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["inner hook", "outer body", "outer hook"]);
    assert!(Handle::current().is_none());
}
