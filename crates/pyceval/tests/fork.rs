//! Forks while threads attach, detach, wait for the GIL, stop the world and die: every child has a runtime that works.
//!
//! One test, alone in its process. What a child finds wrong it tells by its exit code, the line of the check.
#![cfg(all(unix, not(miri)))]

use pyceval::{AttachError, Attached, Runtime, State};
use pycritsec::with_critical_section;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::{AtomicBool, AtomicU32};
use pysync::{Mutex, RecursiveMutex};
use std::sync::Arc;
use std::thread;

/// Children one after the other, with and without a GIL.
const FORKS: u32 = if cfg!(debug_assertions) { 100 } else { 500 };

/// Seconds after which a child that hangs is killed by the system.
const PATIENCE: libc::c_uint = 60;

#[test]
fn gh_126692_every_child_has_a_runtime_that_works() {
    for gil in [true, false] {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let done = AtomicBool::new(false);
        let object = Mutex::new();
        thread::scope(|scope| {
            for worker in 0..4 {
                let (runtime, done, object) = (&runtime, &done, &object);
                scope.spawn(move || noise(worker, runtime, done, object));
            }
            {
                let attached = main.attach().unwrap();
                for _ in 0..FORKS {
                    fork_once(&runtime, &attached, gil);
                    attached.poll().unwrap();
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}

/// What the threads of the parent do meanwhile.
fn noise(worker: u32, runtime: &Runtime, done: &AtomicBool, object: &Mutex) {
    while !done.load(Ordering::Relaxed) {
        let mut state = runtime.main_interpreter().new_thread();
        for turn in 0..10 {
            let attached = state.attach().unwrap();
            match (worker + turn) % 4 {
                0 => drop(runtime.stop_the_world(&attached)),
                1 => with_critical_section(object, || attached.poll().unwrap()),
                2 => attached.detached(thread::yield_now),
                _ => drop(runtime.main_interpreter().add_pending_call(|_| Ok(()))),
            }
            attached.poll().unwrap();
        }
    }
}

fn fork_once(runtime: &Runtime, attached: &Attached<'_>, gil: bool) {
    let owned = RecursiveMutex::new();
    owned.lock();
    let mine = Mutex::new();
    let mut spare = Some(runtime.main_interpreter().new_thread());
    let child = with_critical_section(&mine, || {
        // SAFETY: only forks; the child uses this runtime and fresh objects, and ends by `_exit`.
        let child = unsafe { attached.fork(|| libc::fork()) };
        if child == 0 {
            // SAFETY: no condition.
            unsafe { libc::alarm(PATIENCE) };
            // FORK-2: the roster of the child does not have it.
            let refused = attached.detached(|| spare.as_mut().map(|spare| spare.attach().err()));
            let refused = refused == Some(Some(AttachError::LeftBehind));
            drop(spare.take());
            let wrong = look_around(runtime, attached, &owned, gil);
            // SAFETY: no condition.
            unsafe { libc::_exit(if refused { wrong } else { 255 }) };
        }
        child
    });
    owned.unlock();
    assert!(child > 0, "fork failed");
    let mut status = 0;
    // SAFETY: the status is ours.
    let ended = attached.detached(|| unsafe { libc::waitpid(child, &mut status, 0) });
    assert_eq!(ended, child);
    assert_eq!(status, 0, "the child found line {} wrong (status {status:#x})", status >> 8);
}

/// 0, or the line of the check that failed.
fn look_around(
    runtime: &Runtime,
    attached: &Attached<'_>,
    owned: &RecursiveMutex,
    gil: bool,
) -> i32 {
    macro_rules! check {
        ($holds:expr) => {
            if !$holds {
                return (line!() % 256) as i32;
            }
        };
    }
    // CPython issue 126692: the owner is the thread that forked.
    check!(owned.is_locked_by_current_thread());
    check!(attached.is_main());
    check!(attached.poll().is_ok());
    check!(attached.detached(|| 7) == 7);
    check!(runtime.main_interpreter().has_gil() == gil);
    drop(runtime.stop_the_world(attached));
    drop(runtime.main_interpreter().stop_the_world(attached));
    let state = runtime.main_interpreter().new_thread();
    check!(state.state() == State::Detached);
    drop(state);
    let object = Mutex::new();
    with_critical_section(&object, || ());
    check!(runtime.add_main_call(|_| Ok(())).is_ok());
    check!(attached.poll().is_ok());
    check!(other_thread_runs(runtime, attached));
    0
}

/// Whether a thread that the child starts can attach. Started by hand: the standard library's threads are not for
/// children of a process with threads.
fn other_thread_runs(runtime: &Runtime, attached: &Attached<'_>) -> bool {
    extern "C" fn run(state: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: the state below, which the starting thread keeps until this one is joined.
        let state = unsafe { &mut *state.cast::<pyceval::ThreadState>() };
        let served = state.attach().is_ok_and(|attached| attached.poll().is_ok());
        core::ptr::without_provenance_mut(usize::from(served))
    }
    let mut state = runtime.main_interpreter().new_thread();
    let pointer = core::ptr::from_mut(&mut state) as usize;
    attached.detached(|| {
        let mut thread = core::mem::MaybeUninit::uninit();
        // SAFETY: the arguments are ours, and live until the join.
        unsafe {
            let attributes = core::ptr::null();
            if libc::pthread_create(thread.as_mut_ptr(), attributes, run, pointer as *mut _) != 0 {
                return false;
            }
            let mut served = core::ptr::null_mut();
            libc::pthread_join(thread.assume_init(), &mut served) == 0 && !served.is_null()
        }
    })
}

/// FORK-2: a state that the forking thread has detached for the length of a call, in another interpreter or in the same, is
/// there in the child, and so is its place in a pass of pending calls.
#[test]
fn states_further_up_the_stack_survive() {
    for gil in [true, false] {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let interpreter = runtime.main_interpreter().clone();
        let mut inner = runtime.new_interpreter(gil).new_thread();
        let status = Arc::new(AtomicU32::new(u32::MAX));
        let told = Arc::clone(&status);
        let call = move |attached: &Attached<'_>| {
            // SAFETY: only forks; the child polls, and ends by `_exit` below.
            let fork = |inner: &Attached<'_>| unsafe { inner.fork(|| libc::fork()) };
            let child = attached.detached(|| fork(&inner.attach().unwrap()));
            if child == 0 {
                // Back in the outer state, which is listed and whose pass goes on.
                let stopped = attached.stop_the_world();
                drop(stopped);
                let right =
                    interpreter.add_pending_call(|_| Ok(())).is_ok() && attached.poll().is_ok();
                // SAFETY: no condition.
                unsafe { libc::_exit(i32::from(!right)) };
            }
            let mut status = 0;
            // SAFETY: the status is ours.
            let ended = attached.detached(|| unsafe { libc::waitpid(child, &mut status, 0) });
            told.store(if ended == child { status as u32 } else { 1 }, Ordering::Relaxed);
            Ok(())
        };
        runtime.main_interpreter().add_pending_call(call).unwrap();
        main.attach().unwrap().poll().unwrap();
        assert_eq!(status.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn the_parent_goes_on() {
    let (_runtime, mut main) = Runtime::builder().start().unwrap();
    let attached = main.attach().unwrap();
    // SAFETY: nothing is forked: the call fails.
    assert_eq!(unsafe { attached.fork(|| -1) }, -1);
    attached.poll().unwrap();
}
