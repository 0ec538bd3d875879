//! Threads and what each has of its own: start and join, a storage key's value, a lock taken with retries.

use std::cell::Cell as Slot;
use std::hint::black_box;
use std::ptr;

use crossbeam_utils::CachePadded;
use pythread::{TssKey, acquire_timed_with_retries};

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::{Goal, Rivals};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row of births and deaths. CPython's own start is no public symbol of its library.
pub const START: Row =
    Row { name: "thread-start", about: "start + join of a thread, against std's", cells: start };

/// The row of storage keys.
pub const KEYS: Row = Row {
    name: "tss",
    about: "get and set of a thread-specific value, against the C library's keys and a thread_local",
    cells: keys,
};

/// The row of locks.
pub const RETRIES: Row = Row {
    name: "retries",
    about: "acquire_timed_with_retries and unlock of a free mutex, against try_lock and unlock",
    cells: retries,
};

fn start(context: &Context) -> Vec<Cell> {
    let goal = Goal::AtMost { factor: 1.1, of: "std".into() };
    vec![cell(&START, "start + join", "thread", goal, start_arms, context)]
}

fn keys(context: &Context) -> Vec<Cell> {
    let goal = Goal::NotBehind(Rivals::Named(&["pthread"]));
    vec![
        cell(&KEYS, "get", "read", goal.clone(), get_arms, context),
        cell(&KEYS, "set", "write", goal, set_arms, context),
    ]
}

fn retries(context: &Context) -> Vec<Cell> {
    let goal = Goal::AtMost { factor: 1.05, of: "try_lock".into() };
    vec![cell(&RETRIES, "free mutex", "acquire + unlock", goal, retries_arms, context)]
}

fn cell(
    row: &Row,
    label: &str,
    operation: &'static str,
    goal: Goal,
    arms: fn() -> Vec<SoloArm>,
    context: &Context,
) -> Cell {
    let plan = context.solo_plan();
    let context = context.clone();
    Cell {
        row: row.name,
        label: label.into(),
        place: None,
        operation,
        even: false,
        goal,
        plan,
        contestants: Box::new(move || {
            let mut arms = arms();
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }
}

/// An arm that writes an operation out sixteen times.
macro_rules! arm {
    ($name:literal, $role:expr, $step:expr) => {
        SoloArm::new(name_in($role, $name), $role, move |passes| {
            for _ in 0..passes {
                straight_line!($step);
            }
        })
    };
}

fn start_arms() -> Vec<SoloArm> {
    let ours = |role| {
        arm!("pythread", role, {
            let thread = pythread::start(|| {}).expect("a thread");
            assert!(thread.join().is_ok());
        })
    };
    let std = arm!("std", Role::Peer, {
        let thread = std::thread::Builder::new().spawn(|| {}).expect("a thread");
        assert!(thread.join().is_ok());
    });
    vec![ours(Role::Ours), ours(Role::Control), std]
}

thread_local! {
    static LOCAL: Slot<*mut ()> = const { Slot::new(ptr::null_mut()) };
}

static OURS: TssKey = TssKey::new();

fn value() -> *mut () {
    ptr::without_provenance_mut(8)
}

fn get_arms() -> Vec<SoloArm> {
    OURS.create().expect("a place for a key");
    OURS.set(value()).expect("it is created");
    LOCAL.set(value());
    let ours = |role| arm!("pythread", role, black_box(black_box(&OURS).get()));
    let mut arms = vec![
        ours(Role::Ours),
        ours(Role::Control),
        arm!("thread_local", Role::Limit, black_box(LOCAL.get())),
    ];
    arms.extend(pthread_get());
    arms
}

#[cfg(unix)]
fn pthread_get() -> Option<SoloArm> {
    let key = pthread_key();
    Some(arm!("pthread", Role::Peer, black_box(c_get(black_box(key)))))
}

#[cfg(not(unix))]
fn pthread_get() -> Option<SoloArm> {
    None
}

fn set_arms() -> Vec<SoloArm> {
    OURS.create().expect("a place for a key");
    let ours = |role| {
        arm!("pythread", role, {
            let _set = black_box(black_box(&OURS).set(black_box(value())));
        })
    };
    let mut arms = vec![
        ours(Role::Ours),
        ours(Role::Control),
        arm!("thread_local", Role::Limit, LOCAL.set(black_box(value()))),
    ];
    arms.extend(pthread_set());
    arms
}

#[cfg(unix)]
fn pthread_set() -> Option<SoloArm> {
    let key = pthread_key();
    Some(arm!("pthread", Role::Peer, black_box(c_set(black_box(key), black_box(value())))))
}

#[cfg(not(unix))]
fn pthread_set() -> Option<SoloArm> {
    None
}

#[cfg(unix)]
#[inline]
fn c_get(key: libc::pthread_key_t) -> *mut libc::c_void {
    // SAFETY: the arms' keys are created and never deleted.
    unsafe { libc::pthread_getspecific(key) }
}

#[cfg(unix)]
#[inline]
fn c_set(key: libc::pthread_key_t, value: *mut ()) -> libc::c_int {
    // SAFETY: as above, and nothing follows the pointer.
    unsafe { libc::pthread_setspecific(key, value.cast()) }
}

/// A key of the C library, with a value for this thread.
#[cfg(unix)]
fn pthread_key() -> libc::pthread_key_t {
    let mut key = 0;
    // SAFETY: a place of this frame, and no destructor.
    assert_eq!(unsafe { libc::pthread_key_create(&mut key, None) }, 0);
    // SAFETY: created just now; nothing follows the pointer.
    assert_eq!(unsafe { libc::pthread_setspecific(key, value().cast()) }, 0);
    key
}

fn retries_arms() -> Vec<SoloArm> {
    let ours = |role| {
        let mutex = CachePadded::new(pysync::Mutex::new());
        arm!("pythread", role, {
            let mutex = black_box(&*mutex);
            let _acquired = black_box(acquire_timed_with_retries(mutex, None));
            mutex.unlock();
        })
    };
    let mutex = CachePadded::new(pysync::Mutex::new());
    let limit = arm!("try_lock", Role::Limit, {
        let mutex = black_box(&*mutex);
        black_box(mutex.try_lock());
        mutex.unlock();
    });
    vec![ours(Role::Ours), ours(Role::Control), limit]
}
