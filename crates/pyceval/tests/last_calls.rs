//! Pending calls at the end of a runtime: which run, which are dropped, and that nothing keeps the runtime.

use pyceval::{
    Attached, Handlers, Interpreter, Raised, Runtime, ThreadExit, ThreadState, until_exit,
};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU32;
use pysync::Event;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use trial::until::{joined, until, until_asleep};

/// For the tests that park, one of which counts who does.
fn alone() -> MutexGuard<'static, ()> {
    static PARKING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    PARKING.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Probe(#[expect(dead_code, reason = "counted")] Arc<()>);
impl Handlers for Probe {}

/// A runtime, and what has one owner when the runtime is gone.
fn start(gil: bool) -> (Runtime, ThreadState, Arc<()>) {
    let probe = Arc::new(());
    let builder = Runtime::builder().gil(gil).handlers(Probe(Arc::clone(&probe)));
    let (runtime, main) = builder.start().unwrap();
    (runtime, main, probe)
}

/// Counts how often it is called.
fn counting(count: &Arc<AtomicU32>) -> impl FnOnce(&Attached<'_>) -> Result<(), Raised> + use<> {
    let count = Arc::clone(count);
    move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// PENDING-6: calls that hold the runtime, left behind by one that failed, for another interpreter, for the main thread.
#[test]
fn what_is_left_is_dropped_and_keeps_nothing() {
    let (runtime, mut main, probe) = start(true);
    let other = runtime.new_interpreter(true);
    let other_state = other.new_thread();
    runtime.main_interpreter().add_pending_call(|_| Err(Raised::new("the first"))).unwrap();
    for interpreter in [runtime.main_interpreter(), &other] {
        let held = runtime.clone();
        let call = move |_: &Attached<'_>| unreachable!("{held:?} goes on");
        interpreter.add_pending_call(call).unwrap();
    }
    let held = runtime.clone();
    runtime.add_main_call(move |_| unreachable!("{held:?} goes on")).unwrap();
    let attached = main.attach().unwrap();
    assert_eq!(runtime.finalise(&attached).unwrap_err().to_string(), "the first");
    attached.poll().unwrap();
    // Nothing comes in any more, by whichever way.
    let late = runtime.new_interpreter(false);
    for interpreter in [runtime.main_interpreter(), &other, &late] {
        let held = runtime.clone();
        let refused = interpreter.add_pending_call(move |_| unreachable!("{held:?}")).unwrap_err();
        assert!(refused.is_closed());
        assert_eq!(
            refused.to_string(),
            "the queue of pending calls is closed: the runtime has ended"
        );
    }
    assert!(runtime.add_main_call(|_| Ok(())).unwrap_err().is_closed());
    assert!(runtime.finalise(&attached).is_ok(), "a second end finds nothing to do");
    drop(attached);
    drop((main, other_state, other, late, runtime));
    assert_eq!(Arc::strong_count(&probe), 1);
}

fn again(interpreter: Interpreter, count: Arc<AtomicU32>) {
    let next = interpreter.clone();
    let call = move |_: &Attached<'_>| {
        count.fetch_add(1, Ordering::Relaxed);
        again(next, count);
        Ok(())
    };
    interpreter.add_pending_call(call).unwrap();
}

#[test]
fn a_call_that_adds_itself_does_not_hold_up_the_end() {
    let (runtime, mut main, probe) = start(false);
    let (endless, once) = [(); 2].map(|()| Arc::new(AtomicU32::new(0))).into();
    again(runtime.main_interpreter().clone(), Arc::clone(&endless));
    for _ in 0..200 {
        runtime.main_interpreter().add_pending_call(counting(&once)).unwrap();
    }
    runtime.finalise(&main.attach().unwrap()).unwrap();
    assert_eq!(once.load(Ordering::Relaxed), 200, "whatever was queued has run");
    assert!((1..=501).contains(&endless.load(Ordering::Relaxed)));
    drop((main, runtime));
    assert_eq!(Arc::strong_count(&probe), 1);
}

#[test]
fn calls_for_the_main_thread_are_dropped_when_another_ends_it() {
    let (runtime, main, probe) = start(false);
    let (of_main, of_all) = [(); 2].map(|()| Arc::new(AtomicU32::new(0))).into();
    runtime.add_main_call(counting(&of_main)).unwrap();
    runtime.main_interpreter().add_pending_call(counting(&of_all)).unwrap();
    let mut state = runtime.main_interpreter().new_thread();
    let ender = runtime.clone();
    joined(thread::spawn(move || ender.finalise(&state.attach().unwrap()).unwrap()));
    assert_eq!([&of_main, &of_all].map(|count| count.load(Ordering::Relaxed)), [0, 1]);
    assert_eq!([&of_main, &of_all].map(Arc::strong_count), [1, 1]);
    drop((main, runtime));
    assert_eq!(Arc::strong_count(&probe), 1);
}

#[test]
fn a_pass_of_another_thread_is_waited_for() {
    let _alone = alone();
    for gil in [true, false] {
        let (runtime, mut main, _probe) = start(gil);
        let [inside, go] = [(); 2].map(|()| Arc::new(Event::new()));
        let count = Arc::new(AtomicU32::new(0));
        let call = {
            let (inside, go) = (Arc::clone(&inside), Arc::clone(&go));
            move |attached: &Attached<'_>| {
                inside.notify();
                attached.detached(|| go.wait());
                Ok(())
            }
        };
        runtime.main_interpreter().add_pending_call(call).unwrap();
        runtime.main_interpreter().add_pending_call(counting(&count)).unwrap();
        let mut state = runtime.main_interpreter().new_thread();
        let runner = thread::spawn(move || until_exit(|| drop(state.attach().unwrap().poll())));
        let attached = main.attach().unwrap();
        attached.detached(|| inside.wait());
        let releaser = thread::spawn(move || {
            // The runner in its call, and whoever ends the runtime on the queue.
            until_asleep(&*go, 1);
            until("the end to wait", || pyparking::snapshot().waiters().len() == 2);
            go.notify();
        });
        runtime.finalise(&attached).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 1);
        attached.detached(|| (joined(releaser), joined(runner).ok()));
    }
}

#[test]
fn a_call_may_end_the_runtime() {
    let (runtime, mut main, probe) = start(true);
    let (ender, count) = (runtime.clone(), Arc::new(AtomicU32::new(0)));
    let call = move |attached: &Attached<'_>| ender.finalise(attached);
    runtime.main_interpreter().add_pending_call(call).unwrap();
    runtime.main_interpreter().add_pending_call(counting(&count)).unwrap();
    main.attach().unwrap().poll().unwrap();
    assert_eq!((count.load(Ordering::Relaxed), Arc::strong_count(&count)), (0, 1));
    drop((main, runtime));
    assert_eq!(Arc::strong_count(&probe), 1);
}

/// PENDING-5: a call that is overtaken by the end, and stops the unwinding, does not make its thread run the next one.
#[test]
fn a_refused_thread_takes_no_other_call() {
    let _alone = alone();
    let (runtime, mut main, _probe) = start(false);
    let [inside, go] = [(); 2].map(|()| Arc::new(Event::new()));
    let count = Arc::new(AtomicU32::new(0));
    let call = {
        let (inside, go) = (Arc::clone(&inside), Arc::clone(&go));
        move |attached: &Attached<'_>| {
            let refused = until_exit(|| {
                attached.detached(|| {
                    inside.notify();
                    go.wait();
                });
            });
            assert_eq!(refused, Err(ThreadExit));
            Ok(())
        }
    };
    let other = runtime.new_interpreter(false);
    other.add_pending_call(call).unwrap();
    let mut state = other.new_thread();
    let runner = thread::spawn(move || until_exit(|| drop(state.attach().unwrap().poll())));
    let attached = main.attach().unwrap();
    attached.detached(|| inside.wait());
    // Something for the runner to go on with: of an interpreter whose calls the end does not run. Were they not taken
    // out, the runner would find this one.
    other.add_pending_call(counting(&count)).unwrap();
    runtime.finalise(&attached).unwrap();
    go.notify();
    assert_eq!(attached.detached(|| joined(runner)), Err(ThreadExit));
    assert_eq!((count.load(Ordering::Relaxed), Arc::strong_count(&count)), (0, 1));
}
