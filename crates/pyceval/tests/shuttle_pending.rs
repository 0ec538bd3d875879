//! Random schedules of pending calls with eight threads. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told). A deadlock fails the run.
#![cfg(shuttle)]

use pyceval::{Attached, Raised, Runtime, until_exit};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;
use shuttle::thread::{self, JoinHandle};
use std::sync::{Arc, Mutex};
use trial::crew::explore;

/// Starts `count` threads of `work`.
fn crew(count: usize, work: impl Fn(usize) + Send + Sync + 'static) -> Vec<JoinHandle<()>> {
    let work = Arc::new(work);
    let start = |member| {
        let work = Arc::clone(&work);
        thread::spawn(move || work(member))
    };
    (0..count).map(start).collect()
}

fn join(crew: Vec<JoinHandle<()>>) {
    crew.into_iter().for_each(|member| member.join().expect("a member failed"));
}

type Log = Arc<Mutex<Vec<(usize, usize)>>>;

/// A call that writes its sender and number down.
fn note(
    log: &Log,
    sender: usize,
    number: usize,
) -> impl FnOnce(&Attached<'_>) -> Result<(), Raised> + Send + 'static {
    let log = Arc::clone(log);
    move |_| {
        log.lock().unwrap().push((sender, number));
        Ok(())
    }
}

/// Each sender's numbers in their order (PENDING-2).
fn is_in_order(log: &[(usize, usize)]) -> bool {
    let senders = log.iter().map(|(sender, _)| *sender).max().map_or(0, |last| last + 1);
    (0..senders).all(|sender| {
        let numbers = log.iter().filter(|(of, _)| *of == sender).map(|(_, number)| *number);
        numbers.clone().zip(numbers.skip(1)).all(|(first, second)| first < second)
    })
}

/// PENDING-1 to PENDING-4: five senders, three of which poll between their calls; nothing is lost, nothing runs twice.
#[test]
fn pending_of_eight() {
    explore(|| {
        let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
        let log = Log::default();
        let inside = Arc::new(AtomicUsize::new(0));
        let members = {
            let (runtime, log, inside) = (runtime.clone(), Arc::clone(&log), Arc::clone(&inside));
            crew(7, move |member| {
                let interpreter = runtime.main_interpreter();
                let mut state = (member >= 4).then(|| interpreter.new_thread());
                for number in 0..2 {
                    let (count, noted) = (Arc::clone(&inside), note(&log, member, number));
                    let call = move |attached: &Attached<'_>| {
                        assert_eq!(count.fetch_add(1, Ordering::SeqCst), 0, "two passes");
                        thread::yield_now();
                        count.fetch_add(usize::MAX, Ordering::SeqCst);
                        noted(attached)
                    };
                    interpreter.add_pending_call(call).unwrap();
                    if let Some(state) = &mut state {
                        state.attach().unwrap().poll().unwrap();
                    }
                }
            })
        };
        let attached = main.attach().unwrap();
        attached.poll().unwrap();
        join(members);
        // Whoever has gone has left its bit to this thread.
        attached.poll().unwrap();
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 14, "a call is lost, or ran twice");
        assert!(is_in_order(&log));
    });
}

/// PENDING-5, PENDING-6, RING-4: the runtime ends while seven threads add and run calls. Each call has run, was given back,
/// or was dropped; none is left.
#[test]
fn pending_the_end() {
    explore(|| {
        let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
        let log = Log::default();
        let members = {
            let (runtime, log) = (runtime.clone(), Arc::clone(&log));
            crew(7, move |member| {
                let _left = until_exit(|| {
                    let interpreter = runtime.main_interpreter();
                    for number in 0..2 {
                        let added = interpreter.add_pending_call(note(&log, member, number));
                        // Closed, or there was room.
                        assert!(added.map_or_else(|full| full.is_closed(), |()| true));
                    }
                    // No more than one may unwind here: they share a thread of the system.
                    if member == 0 {
                        let mut state = interpreter.new_thread();
                        let Ok(attached) = state.attach() else { return };
                        attached.poll().unwrap();
                    }
                });
            })
        };
        let attached = main.attach().unwrap();
        runtime.finalise(&attached).unwrap();
        attached.detached(|| join(members));
        assert!(is_in_order(&log.lock().unwrap()));
        assert_eq!(Arc::strong_count(&log), 1, "a call is left");
    });
}
