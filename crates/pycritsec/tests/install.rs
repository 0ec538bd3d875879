//! The hooks for programs without a runtime.

use pycritsec::{is_held, with_critical_section as one, with_critical_section2 as two};
use pysync::{Event, Mutex};
use std::sync::Once;
use std::thread;
use trial::until::{joined, until, until_asleep};

fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| pycritsec::install().expect("nobody else installs hooks here"));
}

#[test]
fn hooks_are_installed_once() {
    install();
    assert!(pycritsec::install().is_err());
}

#[test]
fn any_sleep_suspends_all_sections() {
    static A: Mutex = Mutex::new();
    static B: Mutex = Mutex::new();
    static C: Mutex = Mutex::new();
    static NEWS: Event = Event::new();
    install();
    let all = || [&A, &B, &C].map(Mutex::bits);
    let sleeper = thread::spawn(move || {
        one(&A, || {
            two(&B, &C, || {
                NEWS.wait();
                assert_eq!(all(), [0, 1, 1]);
            });
            assert_eq!(all(), [1, 0, 0]);
        });
    });
    until_asleep(&NEWS, 1);
    until("the sections to be suspended", || all() == [0, 0, 0]);
    one(&B, || one(&A, || assert_eq!(all(), [1, 1, 0])));
    // Resumption waits for who has it now.
    C.lock();
    NEWS.notify();
    until_asleep(&C, 1);
    assert_eq!(all()[..2], [0, 0]);
    C.unlock();
    joined(sleeper);
    assert_eq!(all(), [0, 0, 0]);
}

#[test]
fn a_crowd_of_nested_sections() {
    static MUTEXES: [Mutex; 3] = [const { Mutex::new() }; 3];
    install();
    let threads: Vec<_> = (0..6)
        .map(|member: usize| {
            thread::spawn(move || {
                let [a, b, c] = [0, 1, 2].map(|shift| &MUTEXES[(member + shift) % 3]);
                for _ in 0..500 {
                    one(a, || two(b, c, || one(a, || assert!(is_held(a)))));
                    two(b, a, || one(c, || one(b, || assert!(is_held(b)))));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(joined);
    assert!(MUTEXES.iter().all(|mutex| mutex.bits() == 0));
}
