//! Joins, detaches, outcomes, hooks.

use crate::quiet::panic_any;
use pyparking::primitive::Cell;
use pysync::{Event, LockFlags};
use pythread::{Handle, JoinError, Outcome, State, at_exit, exit_thread, start};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use trial::until::until;

/// A thread that runs until told, and what tells it.
fn waiting() -> (Handle, Arc<Event>) {
    let event = Arc::new(Event::new());
    let end = Arc::clone(&event);
    (start(move || end.wait()).unwrap(), event)
}

#[test]
fn many_joiners_get_one_outcome() {
    let (thread, end) = waiting();
    let joiners: Vec<_> = (0..8)
        .map(|_| {
            let thread = thread.clone();
            thread::spawn(move || thread.join().unwrap().is_returned())
        })
        .collect();
    assert!(thread.is_running());
    end.notify();
    assert!(joiners.into_iter().all(|joiner| joiner.join().unwrap()));
    assert_eq!(thread.state(), State::Done);
}

#[test]
fn a_join_that_times_out_takes_its_time_and_can_be_repeated() {
    let (thread, end) = waiting();
    for _ in 0..3 {
        let begun = Instant::now();
        let soon = Duration::from_millis(3);
        assert_eq!(thread.join_timed(Some(soon)).unwrap_err(), JoinError::TimedOut);
        assert!(begun.elapsed() >= soon);
        assert_eq!(thread.join_timed(Some(Duration::ZERO)).unwrap_err(), JoinError::TimedOut);
    }
    end.notify();
    assert!(thread.join_timed(Some(Duration::MAX)).unwrap().is_returned());
    assert!(thread.join_timed(Some(Duration::ZERO)).unwrap().is_returned());
}

/// THREAD-3: when a join returns, destructors of thread-locals have run, for all joiners.
#[test]
fn joins_wait_for_the_systems_thread() {
    struct Tells(mpsc::Sender<()>);
    impl Drop for Tells {
        fn drop(&mut self) {
            thread::yield_now();
            let _told = self.0.send(());
        }
    }
    thread_local! {
        static LATE: Cell<Option<Tells>> = const { Cell::new(None) };
    }
    for _ in 0..200 {
        let (tell, told) = mpsc::channel();
        let thread = start(move || LATE.with(|late| late.set(Some(Tells(tell))))).unwrap();
        let other = thread.clone();
        let other = thread::spawn(move || other.join().unwrap().is_returned());
        assert!(thread.join().unwrap().is_returned());
        assert_eq!(told.try_recv(), Ok(()));
        assert!(other.join().unwrap());
    }
}

#[test]
fn a_detached_thread_is_still_joined() {
    let (thread, end) = waiting();
    thread.detach().unwrap();
    thread.detach().unwrap();
    assert!(thread.is_running());
    assert_eq!(thread.join_timed(Some(Duration::ZERO)).unwrap_err(), JoinError::TimedOut);
    end.notify();
    assert!(thread.join().unwrap().is_returned());
}

#[test]
fn a_thread_runs_on_without_handles() {
    let (tell, told) = mpsc::channel();
    let (go, going) = mpsc::channel::<()>();
    drop(start(move || {
        let _closed = going.recv();
        let me = Handle::current().expect("it was started here");
        tell.send(me.is_running()).unwrap();
    }));
    drop(go);
    assert_eq!(told.recv(), Ok(true));
}

#[test]
fn a_panic_is_everybodys_and_its_payload_one_joiners() {
    let thread = start(|| panic_any(41)).unwrap();
    let joiners: Vec<_> = (0..4)
        .map(|_| {
            let thread = thread.clone();
            thread::spawn(move || {
                let outcome = thread.join().unwrap();
                let panic = outcome.panic().expect("it panicked");
                assert_eq!(panic.message(), None);
                panic.take_payload().map(|payload| *payload.downcast::<i32>().unwrap())
            })
        })
        .collect();
    let payloads: Vec<_> =
        joiners.into_iter().filter_map(|joiner| joiner.join().unwrap()).collect();
    assert_eq!(payloads, [41]);
    let Outcome::Panicked(panic) = thread.join().unwrap() else { panic!("it panicked") };
    let resumed = catch_unwind(AssertUnwindSafe(|| panic.resume())).unwrap_err();
    assert!(resumed.downcast::<String>().unwrap().contains("another joiner"));
    assert_eq!(panic.to_string(), "the thread panicked");
}

#[test]
fn hooks_run_in_order_whatever_panics() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let inside = Arc::clone(&log);
    let thread = start(move || {
        let note = move |what: &'static str| {
            let log = Arc::clone(&inside);
            move || log.lock().unwrap().push(what)
        };
        at_exit(note("first")).unwrap();
        at_exit(|| panic_any("hook")).unwrap();
        let (later, last) = (note("registered by a hook"), note("last"));
        at_exit(move || at_exit(later).unwrap()).unwrap();
        at_exit(last).unwrap();
        at_exit(|| exit_thread()).unwrap();
        at_exit(|| panic_any("second hook")).unwrap();
    })
    .unwrap();
    let outcome = thread.join().unwrap();
    assert_eq!(outcome.panic().unwrap().message(), Some("hook"));
    assert_eq!(*log.lock().unwrap(), ["first", "last", "registered by a hook"]);
}

#[test]
fn the_bodys_panic_comes_before_a_hooks() {
    let thread = start(|| {
        at_exit(|| panic_any("hook")).unwrap();
        panic_any("body");
    })
    .unwrap();
    assert_eq!(thread.join().unwrap().panic().unwrap().message(), Some("body"));
}

/// A payload whose destructor panics, beside a panic that counts: the hooks after it run.
#[test]
fn a_payload_that_panics_when_dropped_stops_no_hook() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any("while dropped");
        }
    }
    let (tell, told) = mpsc::channel();
    let thread = start(move || {
        at_exit(|| panic_any(Bomb)).unwrap();
        at_exit(move || tell.send(()).unwrap()).unwrap();
        panic_any("body");
    })
    .unwrap();
    assert_eq!(thread.join().unwrap().panic().unwrap().message(), Some("body"));
    assert_eq!(told.try_recv(), Ok(()));
}

#[test]
fn exit_thread_unwinds_and_is_no_panic() {
    struct Tells(mpsc::Sender<&'static str>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send("dropped").unwrap();
        }
    }
    let (tell, told) = mpsc::channel();
    let thread = start(move || {
        let _held = Tells(tell.clone());
        at_exit(move || tell.send("hook").unwrap()).unwrap();
        exit_thread();
    })
    .unwrap();
    assert!(thread.join().unwrap().is_returned());
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["dropped", "hook"]);
}

#[test]
fn hooks_cannot_join_their_own_thread_but_others() {
    let (tell, told) = mpsc::channel();
    let thread = start(move || {
        let inner = start(|| {}).unwrap();
        at_exit(move || {
            let own = Handle::current().expect("still there").join().unwrap_err();
            tell.send((own, inner.join().unwrap().is_returned())).unwrap();
        })
        .unwrap();
    })
    .unwrap();
    assert!(thread.join().unwrap().is_returned());
    assert_eq!(told.recv(), Ok((JoinError::OwnThread, true)));
}

/// An adopted thread has no outcome but that somebody said it is done.
#[test]
fn adopted_threads_are_done_when_told() {
    let thread = thread::spawn(Handle::adopt_current).join().unwrap();
    assert!(thread.is_running(), "nobody has said otherwise");
    let soon = Some(Duration::from_millis(1));
    assert_eq!(thread.join_timed(soon).unwrap_err(), JoinError::TimedOut);
    assert_eq!(thread.detach(), Ok(()));
    let waiter = thread.clone();
    let waiter = thread::spawn(move || waiter.join_with(None, LockFlags::EMPTY).unwrap());
    thread.set_done().unwrap();
    assert!(waiter.join().unwrap().is_returned());
    assert!(start(|| {}).unwrap().set_done().is_err());
}

#[test]
fn who_it_is() {
    let main = Handle::adopt_current();
    assert_eq!(main.ident(), Some(pyparking::ident::current()));
    assert_eq!(main.native_id(), Some(pyparking::ident::native()));
    assert!(Handle::current().is_none());
    let (thread, end) = waiting();
    let ident = thread.ident().expect("known at once");
    until("the thread to say its number", || thread.native_id().is_some());
    assert_ne!((thread.ident(), thread.native_id()), (main.ident(), main.native_id()));
    end.notify();
    assert!(thread.join().unwrap().is_returned());
    assert_eq!(thread.ident(), Some(ident), "also afterwards");
    assert_ne!(start(|| {}).unwrap().ident(), Some(ident), "never another's");
}
