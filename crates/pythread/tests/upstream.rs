//! CPython's own scenarios, under its names: Lib/test/test_thread.py, Lib/test/test_threading.py and
//! Modules/_testcapimodule.c of 3.13, as far as they are about what is here.

use core::ptr;
use pysync::{Event, LockStatus, Mutex};
use pythread::{
    Handle, JoinError, StartError, State, TssKey, acquire_timed_with_retries, start, thread_info,
};
use std::collections::HashSet;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

/// CPython's NUMTASKS.
const TASKS: usize = 10;

#[test]
fn test_starting_threads() {
    let (tell, told) = mpsc::channel();
    let threads: Vec<_> = (0..TASKS)
        .map(|task| {
            let tell = tell.clone();
            start(move || tell.send(task).unwrap()).unwrap()
        })
        .collect();
    drop(tell);
    let ran: HashSet<_> = told.iter().collect();
    assert_eq!(ran.len(), TASKS);
    assert!(threads.iter().all(|thread| thread.join().unwrap().is_returned()));
}

#[test]
fn test_join_thread() {
    let (tell, told) = mpsc::channel();
    let thread = start(move || {
        thread::yield_now();
        tell.send(()).unwrap();
    })
    .unwrap();
    assert!(thread.join().unwrap().is_returned());
    assert_eq!(told.try_recv(), Ok(()));
}

#[test]
fn test_join_thread_already_exited() {
    let thread = start(|| {}).unwrap();
    while thread.is_running() {
        thread::yield_now();
    }
    assert!(thread.join().unwrap().is_returned());
}

#[test]
fn test_join_several_times() {
    let thread = start(|| {}).unwrap();
    for _ in 0..3 {
        assert!(thread.join().unwrap().is_returned());
    }
}

#[test]
fn test_joinable_not_joined() {
    let ended = Arc::new(Event::new());
    let tells = Arc::clone(&ended);
    drop(start(move || tells.notify()).unwrap());
    ended.wait();
}

#[test]
fn test_join_from_self() {
    let (tell, told) = mpsc::channel();
    let thread = Handle::new();
    let own = thread.clone();
    thread.start(move || tell.send(own.join().unwrap_err()).unwrap()).unwrap();
    assert_eq!(told.recv(), Ok(JoinError::OwnThread));
    assert!(thread.join().unwrap().is_returned());
}

/// A thread joins itself while another one is joining it: an error, no deadlock.
#[test]
fn test_join_then_self_join() {
    let (tell, told) = mpsc::channel();
    let thread = Handle::new();
    let own = thread.clone();
    let go = Arc::new(Event::new());
    let going = Arc::clone(&go);
    thread
        .start(move || {
            going.wait();
            tell.send(own.join().unwrap_err()).unwrap();
        })
        .unwrap();
    let other = thread.clone();
    let other = thread::spawn(move || other.join().unwrap().is_returned());
    go.notify();
    assert_eq!(told.recv(), Ok(JoinError::OwnThread));
    assert!(other.join().unwrap());
}

#[test]
fn test_join_with_timeout() {
    let end = Arc::new(Event::new());
    let ends = Arc::clone(&end);
    let thread = start(move || ends.wait()).unwrap();
    let soon = Some(Duration::from_millis(1));
    assert_eq!(thread.join_timed(soon).unwrap_err(), JoinError::TimedOut);
    assert_eq!(thread.state(), State::Running);
    end.notify();
    assert!(thread.join_timed(Some(Duration::from_secs(60))).unwrap().is_returned());
}

#[test]
fn test_join_unstarted() {
    assert_eq!(Handle::new().join().unwrap_err(), JoinError::NotStarted);
}

#[test]
fn test_set_done_unstarted() {
    assert!(Handle::new().set_done().is_err());
}

#[test]
fn test_start_duplicate_handle() {
    let thread = Handle::new();
    let end = Arc::new(Event::new());
    let ends = Arc::clone(&end);
    thread.start(move || ends.wait()).unwrap();
    assert!(matches!(thread.start(|| {}), Err(StartError::AlreadyStarted)));
    end.notify();
    assert!(thread.join().unwrap().is_returned());
}

/// 8 threads join one, in CPython's test at its largest.
#[test]
fn test_join_from_multiple_threads() {
    for size in [1, 2, 8] {
        let barrier = Arc::new(Barrier::new(size + 1));
        let meets = Arc::clone(&barrier);
        let meeting = move || {
            meets.wait();
        };
        let thread = start(meeting).unwrap();
        let joiners: Vec<_> = (0..size)
            .map(|_| {
                let (thread, barrier) = (thread.clone(), Arc::clone(&barrier));
                start(move || {
                    barrier.wait();
                    assert!(thread.join().unwrap().is_returned());
                    assert_eq!(thread.state(), State::Done);
                })
                .unwrap()
            })
            .collect();
        assert!(joiners.iter().all(|joiner| joiner.join().unwrap().is_returned()));
    }
}

/// bpo-1596321 and its kin: hundreds of threads that end while they are joined.
#[test]
fn test_various_ops() {
    let running = Arc::new(Mutex::new());
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let running = Arc::clone(&running);
            start(move || {
                assert_eq!(acquire_timed_with_retries(&*running, None), LockStatus::Acquired);
                thread::yield_now();
                running.unlock();
            })
            .unwrap()
        })
        .collect();
    let idents: HashSet<_> = threads.iter().map(Handle::ident).collect();
    assert_eq!(idents.len(), 100);
    assert!(threads.iter().all(|thread| thread.join().unwrap().is_returned()));
    assert!(!running.is_locked());
}

/// Of _testcapimodule.c.
#[test]
fn test_pythread_tss_key_state() {
    let key = TssKey::new();
    assert!(!key.is_created());
    assert!(key.create().is_ok() && key.is_created());
    assert!(key.create().is_ok() && key.is_created(), "again: nothing happens");
    assert!(key.set(ptr::null_mut()).is_ok() && key.is_created());
    assert!(key.get().is_null() && key.is_created());
    key.delete();
    assert!(!key.is_created());
    key.delete();
    assert!(!key.is_created());
}

/// Of test_sys.py.
#[test]
fn test_thread_info() {
    let info = thread_info();
    assert!(["nt", "pthread", "pthread-stubs", "solaris", "std"].contains(&info.name));
    assert!([None, Some("semaphore"), Some("mutex+cond"), Some("pymutex")].contains(&info.lock));
    assert!(info.version.is_none_or(|version| !version.is_empty()));
}
