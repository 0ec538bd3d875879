//! Things that are done once: the flag, and the cell with a value.

use pysync::{OnceCell, OnceFlag};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use trial::until::{joined, until_asleep};

fn unwind() -> ! {
    resume_unwind(Box::new("the function unwinds"))
}

#[test]
fn a_flag_is_fresh_then_done_for_ever() {
    // SAFETY: all-zero is a fresh flag, says its documentation.
    let zeroed: OnceFlag = unsafe { core::mem::zeroed() };
    for flag in [zeroed, OnceFlag::new(), OnceFlag::default()] {
        assert_eq!((flag.bits(), flag.is_done()), (0, false));
        let mut seen = 0;
        let result = flag.call_once(|| {
            seen = flag.bits();
            Ok::<(), ()>(())
        });
        assert_eq!(result, Ok(()));
        assert_eq!(seen, 1, "running, nobody waits");
        assert_eq!((flag.bits(), flag.is_done()), (4, true));
        assert_eq!(flag.call_once(|| Err("must not run")), Ok(()));
    }
}

#[test]
fn an_error_leaves_the_flag_fresh() {
    let flag = OnceFlag::new();
    for turn in 0..3 {
        assert_eq!(flag.call_once(|| Err(turn)), Err(turn));
        assert_eq!(flag.bits(), 0);
    }
    assert_eq!(flag.call_once(|| Ok::<(), ()>(())), Ok(()));
}

#[test]
fn a_panic_leaves_the_flag_fresh() {
    let flag = OnceFlag::new();
    let unwound =
        catch_unwind(AssertUnwindSafe(|| flag.call_once(|| -> Result<(), ()> { unwind() })));
    assert!(unwound.is_err());
    assert_eq!(flag.bits(), 0);
    assert_eq!(flag.call_once(|| Ok::<(), ()>(())), Ok(()));
}

/// Many come at once: one runs, the others wait for it and return when it is done.
#[test]
fn exactly_one_runs_while_the_others_wait() {
    static FLAG: OnceFlag = OnceFlag::new();
    static RUNS: Mutex<u32> = Mutex::new(0);
    let (go, going) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let runner = thread::spawn(move || {
        FLAG.call_once(|| {
            tell.send(()).expect("the test listens");
            going.recv().expect("the test says when");
            *RUNS.lock().expect("not poisoned") += 1;
            Ok::<(), ()>(())
        })
    });
    told.recv().expect("the runner tells");
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                let result = FLAG.call_once(|| {
                    *RUNS.lock().expect("not poisoned") += 100;
                    Ok::<(), ()>(())
                });
                (result, FLAG.is_done())
            })
        })
        .collect();
    until_asleep(&FLAG, 4);
    assert_eq!(FLAG.bits(), 3);
    go.send(()).expect("the runner listens");
    assert_eq!(joined(runner), Ok(()));
    assert!(waiters.into_iter().all(|waiter| joined(waiter) == (Ok(()), true)));
    assert_eq!(*RUNS.lock().expect("not poisoned"), 1);
}

/// The run fails while others wait, once by an error and once by a panic: one of them runs next.
#[test]
fn a_failure_lets_one_of_the_waiters_try() {
    static FLAGS: [OnceFlag; 2] = [OnceFlag::new(), OnceFlag::new()];
    for (flag, panics) in FLAGS.iter().zip([false, true]) {
        let (go, going) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let runner = thread::spawn(move || {
            catch_unwind(AssertUnwindSafe(|| {
                flag.call_once(|| {
                    tell.send(()).expect("the test listens");
                    going.recv().expect("the test says when");
                    if panics { unwind() } else { Err("no luck") }
                })
            }))
        });
        told.recv().expect("the runner tells");
        let runs = Arc::new(Mutex::new(0));
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let runs = Arc::clone(&runs);
                thread::spawn(move || {
                    flag.call_once(|| {
                        *runs.lock().expect("not poisoned") += 1;
                        Ok::<(), &str>(())
                    })
                })
            })
            .collect();
        until_asleep(flag, 3);
        go.send(()).expect("the runner listens");
        match joined(runner) {
            Ok(result) => assert_eq!((result, panics), (Err("no luck"), false)),
            Err(_) => assert!(panics),
        }
        assert!(waiters.into_iter().all(|waiter| joined(waiter) == Ok(())));
        assert_eq!(*runs.lock().expect("not poisoned"), 1);
        assert_eq!(flag.bits(), 4);
    }
}

#[test]
fn a_flag_prints_whether_it_is_done() {
    let flag = OnceFlag::new();
    let mut inside = String::new();
    let result = flag.call_once(|| {
        inside = format!("{flag:?}");
        Ok::<(), ()>(())
    });
    assert_eq!(result, Ok(()));
    assert_eq!(inside, "OnceFlag { done: false }");
    assert_eq!(format!("{flag:?}"), "OnceFlag { done: true }");
}

#[test]
fn a_cell_makes_its_value_once() {
    let cell = OnceCell::new();
    assert_eq!(cell.get(), None);
    assert_eq!(cell.get_or_init(|| String::from("first")), "first");
    assert_eq!(cell.get_or_init(|| String::from("second")), "first");
    assert_eq!(cell.get().map(String::as_str), Some("first"));
    assert_eq!(format!("{cell:?}"), r#"OnceCell { value: Some("first") }"#);
    let place: *const String = cell.get_or_init(String::new);
    assert!(core::ptr::eq(place, cell.get().expect("it is there")), "it does not move");
}

#[test]
fn a_cell_whose_maker_fails_is_empty_again() {
    let cell: OnceCell<u8> = OnceCell::default();
    assert_eq!(cell.get_or_try_init(|| Err("no luck")), Err("no luck"));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _never = cell.get_or_init(|| unwind());
    }));
    assert!(unwound.is_err());
    assert_eq!(cell.get(), None);
    assert_eq!(cell.get_or_try_init(|| Ok::<u8, ()>(7)), Ok(&7));
}

#[test]
fn a_cell_drops_its_value_once_and_only_if_there_is_one() {
    let value = Arc::new(());
    let mut cell = OnceCell::new();
    drop(OnceCell::<Arc<()>>::new());
    assert!(cell.take().is_none());
    cell.get_or_init(|| Arc::clone(&value));
    assert_eq!(Arc::strong_count(&value), 2);
    drop(cell.take());
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(cell.get().is_none(), "taken, so it can be made again");
    cell.get_or_init(|| Arc::clone(&value));
    drop(cell);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn threads_that_race_get_the_same_value() {
    let cell = Arc::new(OnceCell::new());
    let threads: Vec<_> = (0..6)
        .map(|number| {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cell.get_or_init(|| vec![number; 3]).clone())
        })
        .collect();
    let values: Vec<_> = threads.into_iter().map(joined).collect();
    assert!(values.iter().all(|value| value == &values[0]));
}
