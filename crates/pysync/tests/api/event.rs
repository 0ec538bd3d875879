//! The one-shot event.

use pyparking::primitive::UnsafeCell;
use pyparking::{ThreadHandle, monotonic_nanos};
use pysync::{Event, LockFlags};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until_asleep};

const BRIEFLY: Option<Duration> = Some(Duration::from_millis(2));

#[test]
fn is_unset_until_notified_and_set_for_ever_after() {
    // SAFETY: all-zero is an unset event, says its documentation.
    let zeroed: Event = unsafe { core::mem::zeroed() };
    for event in [zeroed, Event::new(), Event::default()] {
        assert!(!event.is_set());
        assert_eq!(event.bits(), 0);
        event.notify();
        event.notify();
        assert!(event.is_set());
        assert_eq!(event.bits(), 1);
        event.wait();
        assert!(event.wait_timed(Some(Duration::ZERO)) && event.wait_timed(None));
        assert!(event.is_set());
    }
}

#[test]
fn a_wait_that_times_out_says_no_and_leaves_no_bit() {
    let event = Event::new();
    for wait in [0, 1, 1_000, 2_000_000].map(Duration::from_nanos) {
        let begun = monotonic_nanos();
        assert!(!event.wait_timed(Some(wait)));
        assert!(monotonic_nanos() - begun >= wait.as_nanos() as u64, "early for {wait:?}");
        assert_eq!(event.bits(), 0);
    }
}

#[test]
fn everybody_who_waits_is_woken() {
    static EVENT: Event = Event::new();
    let count = if cfg!(miri) { 3 } else { 16 };
    let waiters: Vec<_> = (0..count)
        .map(|number| {
            thread::spawn(move || match number % 3 {
                0 => EVENT.wait_timed(None),
                1 => EVENT.wait_timed(Some(Duration::MAX)),
                _ => {
                    EVENT.wait();
                    EVENT.is_set()
                }
            })
        })
        .collect();
    until_asleep(&EVENT, count);
    assert_eq!(EVENT.bits(), 2);
    assert!(!EVENT.is_set());
    EVENT.notify();
    assert!(waiters.into_iter().all(joined));
    assert_eq!(EVENT.bits(), 1);
}

#[test]
fn one_who_gives_up_leaves_the_bit_to_the_others() {
    static EVENT: Event = Event::new();
    let waiter = thread::spawn(|| EVENT.wait());
    until_asleep(&EVENT, 1);
    assert!(!EVENT.wait_timed(BRIEFLY));
    assert_eq!(EVENT.bits(), 2);
    EVENT.notify();
    joined(waiter);
}

#[test]
fn an_interrupt_ends_a_timed_wait() {
    static EVENT: Event = Event::new();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        EVENT.wait_timed(None)
    });
    let handle = told.recv().expect("the thread tells");
    until_asleep(&EVENT, 1);
    assert!(handle.interrupt());
    assert!(!joined(waiter));
    assert_eq!(EVENT.bits(), 0);
}

#[test]
fn other_waits_outlast_interrupts() {
    static EVENTS: [Event; 2] = [Event::new(), Event::new()];
    for (event, flags) in EVENTS.iter().zip([LockFlags::DETACH, LockFlags::HANDLE_SIGNALS]) {
        let (tell, told) = mpsc::channel();
        let waiter = thread::spawn(move || {
            tell.send(ThreadHandle::current()).expect("the test listens");
            event.wait_with(None, flags)
        });
        let handle = told.recv().expect("the thread tells");
        for _ in 0..3 {
            until_asleep(event, 1);
            assert!(handle.interrupt());
        }
        until_asleep(event, 1);
        event.notify();
        assert!(joined(waiter));
    }
}

/// Plain data that was written before the event was set.
struct Message {
    ready: Event,
    text: UnsafeCell<String>,
}

// SAFETY: the text is written before the event is set and only read after.
unsafe impl Sync for Message {}

#[test]
fn who_saw_it_set_sees_what_came_before() {
    let rounds = if cfg!(miri) { 3 } else { 100 };
    for _ in 0..rounds {
        let fresh = Message { ready: Event::new(), text: UnsafeCell::new(String::new()) };
        let message = Arc::new(fresh);
        let readers: [_; 2] = core::array::from_fn(|_| {
            let message = Arc::clone(&message);
            thread::spawn(move || {
                message.ready.wait();
                // SAFETY: the event is set.
                unsafe { (*message.text.get()).clone() }
            })
        });
        // SAFETY: the event is not set, so nobody reads.
        unsafe { (*message.text.get()).push_str("written before") };
        message.ready.notify();
        // The readers may be the last owners: `notify` does not touch the event behind its back.
        drop(message);
        assert!(readers.into_iter().all(|reader| joined(reader) == "written before"));
    }
}

#[test]
fn debug_never_blocks() {
    let event = Event::new();
    assert_eq!(format!("{event:?}"), "Event { set: false }");
    event.notify();
    assert_eq!(format!("{event:?}"), "Event { set: true }");
}
