//! Storage keys: values of threads, many keys, the end of a thread.

use core::ptr;
use pyparking::primitive::Cell;
use pythread::{TssError, TssKey};
use std::sync::mpsc;
use std::thread;

fn value(number: usize) -> *mut () {
    ptr::without_provenance_mut(number)
}

#[test]
fn values_are_each_threads_own() {
    static KEY: TssKey = TssKey::new();
    KEY.create().unwrap();
    KEY.set(value(1)).unwrap();
    let threads: Vec<_> = (2..10)
        .map(|number| {
            thread::spawn(move || {
                assert!(KEY.get().is_null());
                for round in 0..1000 {
                    KEY.set(value(number * 1000 + round)).unwrap();
                    assert_eq!(KEY.get(), value(number * 1000 + round));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(KEY.get(), value(1));
    KEY.set(ptr::null_mut()).unwrap();
    assert!(KEY.get().is_null() && KEY.is_created());
    KEY.delete();
}

/// Many keys at a time, in a table that grows; each with its own value, also after others have gone.
#[test]
fn keys_do_not_mix() {
    let keys: Vec<_> = (0..300).map(|_| TssKey::new()).collect();
    for (number, key) in keys.iter().enumerate().rev() {
        key.create().unwrap();
        key.set(value(number + 1)).unwrap();
    }
    keys.iter().step_by(3).for_each(TssKey::delete);
    for (number, key) in keys.iter().enumerate() {
        let expected = if number % 3 == 0 { ptr::null_mut() } else { value(number + 1) };
        assert_eq!(key.get(), expected);
    }
    for key in keys.iter().step_by(3) {
        assert_eq!(key.set(value(1)), Err(TssError::NotCreated));
        key.create().unwrap();
        assert!(key.get().is_null());
    }
}

/// Destructors that run before and after the thread's table goes: values or null, and an error where there is no
/// storage any more. Which it is, is the system's order.
#[test]
fn the_end_of_a_thread_is_no_trap() {
    static KEY: TssKey = TssKey::new();
    struct Looks(mpsc::Sender<bool>);
    impl Drop for Looks {
        fn drop(&mut self) {
            let seen = KEY.get();
            let set = KEY.set(value(2));
            let good = match set {
                Ok(()) => KEY.get() == value(2),
                Err(error) => error == TssError::ThreadEnding && seen.is_null(),
            };
            self.0.send(good).unwrap();
        }
    }
    thread_local! {
        static BEFORE: Cell<Option<Looks>> = const { Cell::new(None) };
        static AFTER: Cell<Option<Looks>> = const { Cell::new(None) };
    }
    KEY.create().unwrap();
    let (tell, told) = mpsc::channel();
    let work = move || {
        BEFORE.with(|slot| slot.set(Some(Looks(tell.clone()))));
        KEY.set(value(1)).unwrap();
        AFTER.with(|slot| slot.set(Some(Looks(tell))));
    };
    thread::spawn(work).join().unwrap();
    assert_eq!(told.iter().collect::<Vec<_>>(), [true, true]);
    KEY.delete();
}
