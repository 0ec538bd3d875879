//! Pending calls: upstream's scenarios by their names, the one bit over two queues, errors, panics, storms.

use pyceval::{Attached, Breaker, Call, Events, PendingCalls, Raised, Ran, Runtime, ThreadState};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;
use pysync::Event;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use trial::until::{joined, until};

type Log = Arc<Mutex<Vec<usize>>>;

/// A call that writes a number down.
fn note(
    log: &Log,
    number: usize,
) -> impl FnOnce(&Attached<'_>) -> Result<(), Raised> + Send + 'static {
    let log = Arc::clone(log);
    move |_| {
        log.lock().unwrap().push(number);
        Ok(())
    }
}

fn poll_until_quiet(attached: &Attached<'_>) {
    while attached.breaker().is_tripped() {
        attached.poll().unwrap();
    }
}

fn start(gil: bool) -> (Runtime, ThreadState) {
    Runtime::builder().gil(gil).start().unwrap()
}

/// Upstream's scenario: threads ask the main thread for calls, and try again while its queue is full.
#[test]
fn test_pendingcalls_threaded() {
    const SENDERS: usize = 32;
    const CALLS: usize = 10;
    for gil in [true, false] {
        let (runtime, mut main) = start(gil);
        let runtime = Arc::new(runtime);
        let log = Log::default();
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (runtime, log) = (Arc::clone(&runtime), Arc::clone(&log));
                thread::spawn(move || {
                    for call in 0..CALLS {
                        while runtime.add_main_call(note(&log, sender * CALLS + call)).is_err() {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let attached = main.attach().unwrap();
        until("all calls", || {
            attached.poll().unwrap();
            log.lock().unwrap().len() == SENDERS * CALLS
        });
        senders.into_iter().for_each(joined);
        poll_until_quiet(&attached);
        let log = log.lock().unwrap();
        for sender in 0..SENDERS {
            let of_sender = log.iter().filter(|number| *number / CALLS == sender);
            assert!(of_sender.copied().eq(sender * CALLS..(sender + 1) * CALLS));
        }
    }
}

/// Upstream's scenario: the main thread asks itself.
#[test]
fn test_pendingcalls_non_threaded() {
    let (runtime, mut main) = start(true);
    let attached = main.attach().unwrap();
    let log = Log::default();
    for number in 0..32 {
        runtime.add_main_call(note(&log, number)).unwrap();
    }
    poll_until_quiet(&attached);
    assert!(log.lock().unwrap().iter().copied().eq(0..32));
}

/// Upstream's scenario: 32 for the main thread, 300 for an interpreter, and the next one is refused and given back.
#[test]
fn test_max_pending() {
    let (runtime, mut main) = start(true);
    let log = Log::default();
    let mut refused = Vec::new();
    for number in 0..33 {
        refused.extend(runtime.add_main_call(note(&log, number)).err());
    }
    for number in 100..401 {
        refused.extend(runtime.main_interpreter().add_pending_call(note(&log, number)).err());
    }
    let said: Vec<_> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "the queue of pending calls is full: it holds 32");
    assert_eq!(said[1], "the queue of pending calls is full: it holds 300");
    assert_eq!(said.len(), 2);
    let attached = main.attach().unwrap();
    poll_until_quiet(&attached);
    assert_eq!(log.lock().unwrap().len(), 332);
    for full in refused {
        full.into_call().run(&attached).unwrap();
    }
    assert_eq!(log.lock().unwrap()[332..], [32, 400]);
}

/// Upstream's scenario: a call for a subinterpreter runs there and nowhere else.
#[test]
fn test_isolated_subinterpreter() {
    let (runtime, mut main) = start(true);
    let other = runtime.new_interpreter(true);
    let mut state = other.new_thread();
    let log = Log::default();
    other.add_pending_call(note(&log, 1)).unwrap();
    let attached = main.attach().unwrap();
    assert!(!attached.breaker().is_tripped());
    attached.poll().unwrap();
    drop(attached);
    assert!(log.lock().unwrap().is_empty());
    poll_until_quiet(&state.attach().unwrap());
    assert_eq!(*log.lock().unwrap(), [1]);
}

/// 100 a pass; what is left keeps the bit, also when the main thread's queue behind the same bit is empty.
#[test]
fn a_pass_has_a_limit_and_the_rest_keeps_the_bit() {
    let (runtime, mut main) = start(true);
    let log = Log::default();
    for number in 0..250 {
        runtime.main_interpreter().add_pending_call(note(&log, number)).unwrap();
    }
    let attached = main.attach().unwrap();
    for after in [100, 200, 250] {
        assert!(attached.breaker().events().contains(Events::CALLS_TO_DO));
        attached.poll().unwrap();
        assert_eq!(log.lock().unwrap().len(), after);
    }
    assert!(!attached.breaker().is_tripped());
}

#[test]
fn a_call_that_fails_stops_the_pass_and_the_rest_stays() {
    let (runtime, mut main) = start(true);
    let log = Log::default();
    runtime.add_main_call(note(&log, 1)).unwrap();
    runtime.add_main_call(|_| Err(Raised::new("failed"))).unwrap();
    runtime.add_main_call(note(&log, 2)).unwrap();
    let attached = main.attach().unwrap();
    assert_eq!(attached.poll().unwrap_err().to_string(), "failed");
    assert_eq!(*log.lock().unwrap(), [1]);
    poll_until_quiet(&attached);
    assert_eq!(*log.lock().unwrap(), [1, 2]);
}

#[test]
fn a_call_that_panics_is_one_that_fails() {
    let (runtime, mut main) = start(true);
    let log = Log::default();
    runtime.add_main_call(|_| panic!("in a call")).unwrap();
    runtime.add_main_call(note(&log, 2)).unwrap();
    let attached = main.attach().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| attached.poll())).is_err());
    assert!(log.lock().unwrap().is_empty());
    poll_until_quiet(&attached);
    assert_eq!(*log.lock().unwrap(), [2]);
}

/// A call may add calls, and polls without running them; they run in the same pass.
#[test]
fn a_call_adds_and_polls() {
    let (runtime, mut main) = start(true);
    let runtime = Arc::new(runtime);
    let log = Log::default();
    let (inner, inner_log) = (Arc::downgrade(&runtime), Arc::clone(&log));
    let outer = move |attached: &Attached<'_>| {
        let runtime = inner.upgrade().unwrap();
        runtime.main_interpreter().add_pending_call(note(&inner_log, 2)).unwrap();
        attached.poll()?;
        assert!(inner_log.lock().unwrap().is_empty(), "a call ran inside another");
        inner_log.lock().unwrap().push(1);
        Ok(())
    };
    runtime.main_interpreter().add_pending_call(outer).unwrap();
    let attached = main.attach().unwrap();
    attached.poll().unwrap();
    assert_eq!(*log.lock().unwrap(), [1, 2]);
    poll_until_quiet(&attached);
}

/// A thread that comes while another runs calls loses its bit, and the other one gets it at the end of its pass.
#[test]
fn gh_122201_the_bit_is_handed_on() {
    let (calls, first, second) = (PendingCalls::new(8), Breaker::new(), Breaker::new());
    calls.add(|_| Ok(())).unwrap();
    first.set(Events::CALLS_TO_DO);
    let ran = calls.run_with(1, &first, |call| {
        drop(call);
        // What comes meanwhile tells the second thread only.
        calls.add(|_| Ok(())).unwrap();
        second.set(Events::CALLS_TO_DO);
        let turned_away = calls.run_with(8, &second, |_| -> Result<(), ()> { unreachable!() });
        assert_eq!(turned_away, Ok(Ran::HandedOn));
        Ok::<(), ()>(())
    });
    assert_eq!(ran, Ok(Ran::Calls(1)));
    assert!(!second.is_tripped());
    assert!(first.events().contains(Events::CALLS_TO_DO));
}

/// The same for a call that polls on its own thread, with nothing left behind it.
#[test]
fn gh_122201_the_bit_survives_a_call_that_polls() {
    let (calls, breaker) = (PendingCalls::new(8), Breaker::new());
    calls.add(|_| Ok(())).unwrap();
    let ran = calls.run_with(8, &breaker, |call| {
        breaker.set(Events::CALLS_TO_DO);
        let inside = calls.run_with(8, &breaker, |_| Ok::<(), ()>(()));
        assert_eq!(inside, Ok(Ran::HandedOn));
        drop(call);
        Ok::<(), ()>(())
    });
    assert_eq!(ran, Ok(Ran::Calls(1)));
    assert!(breaker.events().contains(Events::CALLS_TO_DO));
}

/// What is added during a pass, after the bit was taken, keeps the bit that its sender set.
#[test]
fn a_bit_that_is_set_during_a_pass_stays() {
    let (calls, breaker) = (PendingCalls::new(8), Breaker::new());
    calls.add(|_| Ok(())).unwrap();
    breaker.set(Events::CALLS_TO_DO);
    let ran = calls.run_with(1, &breaker, |call| {
        breaker.set(Events::CALLS_TO_DO);
        drop(call);
        Ok::<(), ()>(())
    });
    assert_eq!(ran, Ok(Ran::Calls(1)));
    assert!(breaker.events().contains(Events::CALLS_TO_DO));
}

/// Counts what is alive of it.
struct Counted<const WORDS: usize>(Arc<AtomicUsize>, [usize; WORDS]);

impl<const WORDS: usize> Drop for Counted<WORDS> {
    fn drop(&mut self) {
        assert!(self.1.iter().all(|word| *word == WORDS));
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counted<const WORDS: usize>(dropped: &Arc<AtomicUsize>) -> Call {
    let held = Counted(Arc::clone(dropped), [WORDS; WORDS]);
    Call::new(move |_| {
        drop(held);
        Ok(())
    })
}

/// Inline or boxed, run or not, what a call holds is dropped once.
#[test]
fn a_call_drops_what_it_holds_once() {
    let (runtime, mut main) = start(true);
    let attached = main.attach().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let calls = PendingCalls::new(8);
    for _ in 0..2 {
        calls.add_call(counted::<0>(&dropped)).unwrap();
        calls.add_call(counted::<2>(&dropped)).unwrap();
        calls.add_call(counted::<3>(&dropped)).unwrap();
        calls.add_call(counted::<9>(&dropped)).unwrap();
    }
    assert_eq!(calls.run(4, attached.breaker(), &attached).unwrap(), Ran::Calls(4));
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
    drop(calls);
    assert_eq!(dropped.load(Ordering::Relaxed), 8);
    attached.poll().unwrap();
    drop(runtime);
}

#[test]
fn calls_that_did_not_run_are_dropped_with_the_runtime() {
    let (runtime, mut main) = start(false);
    let dropped = Arc::new(AtomicUsize::new(0));
    let held = Counted(Arc::clone(&dropped), [1]);
    let late = move |_: &Attached<'_>| -> Result<(), Raised> {
        drop(held);
        Ok(())
    };
    runtime.main_interpreter().add_pending_call(late).unwrap();
    drop(main.attach().unwrap());
    drop(main);
    drop(runtime);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

/// Eight senders, two threads that run: in order for each sender, nothing lost, nothing twice, and the bit is there as
/// long as a call is.
#[test]
fn a_storm_of_eight_senders() {
    const SENDERS: usize = 8;
    const CALLS: usize = if cfg!(miri) { 50 } else { 20_000 };
    let (runtime, mut main) = start(false);
    let runtime = Arc::new(runtime);
    let next: Arc<Vec<AtomicUsize>> = Arc::new((0..SENDERS).map(|_| AtomicUsize::new(0)).collect());
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (runtime, next) = (Arc::clone(&runtime), Arc::clone(&next));
            thread::spawn(move || {
                for number in 0..CALLS {
                    let call = |next: Arc<Vec<AtomicUsize>>| {
                        move |_: &Attached<'_>| {
                            // Relaxed: passes follow each other.
                            let before = next[sender].fetch_add(1, Ordering::Relaxed);
                            assert_eq!(before, number, "out of order, lost, or twice");
                            Ok(())
                        }
                    };
                    let interpreter = runtime.main_interpreter();
                    while interpreter.add_pending_call(call(Arc::clone(&next))).is_err() {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let all = || next.iter().all(|next| next.load(Ordering::Relaxed) == CALLS);
    let mut worker = runtime.main_interpreter().new_thread();
    thread::scope(|scope| {
        scope.spawn(|| {
            let attached = worker.attach().unwrap();
            until("all calls", || {
                attached.poll().unwrap();
                all()
            });
        });
        let attached = main.attach().unwrap();
        until("all calls", || {
            attached.poll().unwrap();
            all()
        });
    });
    senders.into_iter().for_each(joined);
    assert!(all());
}

/// Calls that were queued before a fork run in the child too.
#[cfg(unix)]
#[test]
fn a_child_runs_what_was_queued() {
    let (runtime, mut main) = start(true);
    let log = Log::default();
    for number in 0..3 {
        runtime.add_main_call(note(&log, number)).unwrap();
        runtime.main_interpreter().add_pending_call(note(&log, number)).unwrap();
    }
    let attached = main.attach().unwrap();
    // SAFETY: nothing but the fork; the child runs calls, looks at its log and ends.
    let child = unsafe { attached.fork(|| libc::fork()) };
    poll_until_quiet(&attached);
    let right = *log.lock().unwrap() == [0, 1, 2, 0, 1, 2];
    if child == 0 {
        // SAFETY: no condition.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    let mut status = 0;
    // SAFETY: the status is ours.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(right && status == 0);
}

/// A thread that was turned away has no bit any more, and the one that has its bit ends: the calls that are left are
/// the other's again.
#[test]
fn calls_of_a_thread_that_ends_are_left_to_the_others() {
    let (runtime, mut main) = start(false);
    let log = Log::default();
    let (begun, polled) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let first = {
        let (begun, polled) = (Arc::clone(&begun), Arc::clone(&polled));
        move |_: &Attached<'_>| {
            begun.notify();
            polled.wait();
            Err(Raised::new("leaves the rest"))
        }
    };
    let mut state = runtime.main_interpreter().new_thread();
    runtime.main_interpreter().add_pending_call(first).unwrap();
    runtime.main_interpreter().add_pending_call(note(&log, 1)).unwrap();
    let other = thread::spawn(move || state.attach().unwrap().poll().is_err());
    begun.wait();
    let attached = main.attach().unwrap();
    attached.poll().unwrap();
    assert!(!attached.breaker().is_tripped(), "the other thread runs calls");
    polled.notify();
    assert!(joined(other));
    attached.poll().unwrap();
    assert_eq!(*log.lock().unwrap(), [1]);
}
