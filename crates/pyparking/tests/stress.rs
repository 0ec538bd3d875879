//! Short storms over everything that sleeps and wakes, for the sanitizers to watch.
//!
//! `PYLOCK_STRESS_MS` is the time of all tests here together, two seconds if it is not set.

mod own_lot;

use core::ptr;
use own_lot::{OwnLot, with_argument};
use pyparking::primitive::UnsafeCell;
use pyparking::{Deadline, ParkOptions, ParkStatus, RawMutex, ThreadHandle, ident};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trial::until::joined;

/// How many tests share the time.
const TESTS: u64 = 5;

/// When a test that starts now is to stop.
fn limit() -> Deadline {
    let all = std::env::var("PYLOCK_STRESS_MS").ok().and_then(|text| text.parse().ok());
    Deadline::after(Duration::from_millis(all.unwrap_or(2_000) / TESTS))
}

/// A generator of numbers that look random: of George Marsaglia's xorshift kind.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn all_joined<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(joined).collect()
}

/// Sleepers with short deadlines against unparkers of every kind, on addresses that share buckets: as many
/// threads are told `Ok` as were woken.
#[test]
fn parks_time_out_while_they_are_unparked() {
    static LOT: OwnLot<2> = OwnLot::new();
    let limit = limit();
    let sleepers: Vec<_> = (0..4)
        .map(|seed| {
            thread::spawn(move || {
                let (mut dice, mut woken) = (Dice::new(seed + 1), 0);
                while !limit.passed() {
                    let wait = Duration::from_micros(dice.below(300));
                    let address = dice.below(5) as usize;
                    let options =
                        ParkOptions { deadline: Deadline::after(wait), ..with_argument(address) };
                    woken += usize::from(LOT.park(address, options) == ParkStatus::Ok);
                }
                woken
            })
        })
        .collect();
    let mut dice = Dice::new(99);
    let mut taken = 0;
    while !limit.passed() {
        let address = dice.below(5) as usize;
        taken += match dice.below(3) {
            0 => LOT.unpark_all(address),
            1 => usize::from(LOT.unpark(address).0.is_some()),
            _ => LOT.with_queue(address, |queue| {
                usize::from(queue.dequeue_where(|arg| arg.addr() == address).is_some())
            }),
        };
    }
    assert_eq!(all_joined(sleepers).iter().sum::<usize>(), taken);
    let totals = LOT.totals();
    assert_eq!(totals.wakes, taken as u64);
    assert_eq!(totals.parks, totals.wakes + totals.timeouts);
    assert!((0..5).all(|address| LOT.waiting(address).is_empty()));
}

/// Interrupts against unparks against deadlines.
#[test]
fn parks_are_interrupted_while_they_are_unparked() {
    static LOT: OwnLot<1> = OwnLot::new();
    let limit = limit();
    let (tell, told) = mpsc::channel();
    let sleepers: Vec<_> = (0..3)
        .map(|seed| {
            let tell = tell.clone();
            thread::spawn(move || {
                tell.send(ThreadHandle::current()).expect("the test listens");
                let (mut dice, mut ends) = (Dice::new(seed + 7), [0_u64; 3]);
                while !limit.passed() {
                    let wait = Duration::from_micros(50 + dice.below(2_000));
                    let options = ParkOptions {
                        deadline: Deadline::after(wait),
                        interruptible: dice.below(4) > 0,
                        ..with_argument(1)
                    };
                    match LOT.park(9, options) {
                        ParkStatus::Ok => ends[0] += 1,
                        ParkStatus::Timeout => ends[1] += 1,
                        ParkStatus::Intr => ends[2] += 1,
                        ParkStatus::Again => panic!("the validation says yes"),
                    }
                }
                ends
            })
        })
        .collect();
    let handles: Vec<_> = sleepers.iter().map(|_| told.recv().expect("each tells")).collect();
    let mut dice = Dice::new(5);
    while !limit.passed() {
        match dice.below(3) {
            0 => drop(LOT.unpark(9)),
            _ => drop(handles[dice.below(3) as usize].interrupt()),
        }
        thread::yield_now();
    }
    let ends = all_joined(sleepers);
    let sum = |which: usize| ends.iter().map(|ends| ends[which]).sum::<u64>();
    let totals = LOT.totals();
    assert_eq!([sum(0), sum(2)], [totals.wakes, totals.interrupts]);
    // A park whose deadline has passed before it could queue times out without having been in the queue.
    assert!(sum(1) >= totals.timeouts, "{} timeouts seen, {} counted", sum(1), totals.timeouts);
    assert_eq!(totals.parks, totals.wakes + totals.timeouts + totals.interrupts);
}

/// Threads come and go, and leave handles behind that others keep using.
#[test]
fn threads_are_born_and_die_under_interrupts() {
    static LOT: OwnLot<3> = OwnLot::new();
    let limit = limit();
    let (tell, told) = mpsc::channel::<ThreadHandle>();
    let interrupter = thread::spawn(move || {
        let (mut known, mut dice) = (Vec::new(), Dice::new(3));
        while let Ok(handle) = told.recv() {
            known.push(handle);
            for _ in 0..4 {
                let at = dice.below(known.len() as u64) as usize;
                known[at].interrupt();
            }
        }
        known.len()
    });
    let mut born = 0_usize;
    let mut newest = ident::current();
    while !limit.passed() {
        let lives: Vec<_> = (0..3)
            .map(|address| {
                let tell = tell.clone();
                thread::spawn(move || {
                    tell.send(ThreadHandle::current()).expect("the interrupter listens");
                    let deadline = Deadline::after(Duration::from_micros(200));
                    let options = ParkOptions { deadline, interruptible: true, ..with_argument(1) };
                    let _any = LOT.park(address, options);
                    ident::current()
                })
            })
            .collect();
        born += lives.len();
        LOT.unpark(1);
        let idents = all_joined(lives);
        assert!(idents.iter().all(|ident| *ident > newest), "an ident was used twice");
        newest = idents.into_iter().max().expect("three lived");
    }
    drop(tell);
    assert_eq!(joined(interrupter), born);
}

/// A number behind a raw mutex, as plain data, so that a race is one.
struct Guarded {
    mutex: RawMutex,
    value: UnsafeCell<u64>,
}

// SAFETY: the value is used under the mutex only.
unsafe impl Sync for Guarded {}

#[test]
fn a_raw_mutex_excludes() {
    static GUARDED: Guarded = Guarded { mutex: RawMutex::new(), value: UnsafeCell::new(0) };
    let limit = limit();
    let threads: Vec<_> = (0..6)
        .map(|seed| {
            thread::spawn(move || {
                let (mut dice, mut turns) = (Dice::new(seed + 20), 0);
                while !limit.passed() {
                    if dice.below(4) > 0 {
                        GUARDED.mutex.lock();
                    } else if !GUARDED.mutex.try_lock() {
                        continue;
                    }
                    // SAFETY: the mutex is held.
                    unsafe { *GUARDED.value.get() += 1 };
                    if dice.below(50) == 0 {
                        thread::yield_now();
                    }
                    // SAFETY: this thread has locked it.
                    unsafe { GUARDED.mutex.unlock() };
                    turns += 1;
                }
                turns
            })
        })
        .collect();
    let turns: u64 = all_joined(threads).iter().sum();
    // SAFETY: the threads are gone.
    assert_eq!(unsafe { *GUARDED.value.get() }, turns);
    assert!(!GUARDED.mutex.is_locked());
}

/// Whoever is woken frees what it waited on, at once: a waker must not touch it any more.
#[test]
fn what_was_waited_on_is_freed_right_after_the_wake() {
    let limit = limit();
    while !limit.passed() {
        let word = Box::new(0_u64);
        let address = ptr::from_ref(&*word).addr();
        let sleepers: Vec<_> = (0..2)
            .map(|_| {
                thread::spawn(move || {
                    let wait = Duration::from_micros(300);
                    let options =
                        ParkOptions { deadline: Deadline::after(wait), ..ParkOptions::default() };
                    // SAFETY: the address belongs to the box, which this test owns; callbacks do nothing.
                    unsafe { pyparking::park(address, options, || true, |_| {}) }
                })
            })
            .collect();
        // SAFETY: as above.
        let woken = unsafe { pyparking::unpark_all(address) };
        drop(word);
        let ok = all_joined(sleepers).into_iter().filter(|end| *end == ParkStatus::Ok).count();
        assert_eq!(ok, woken);
    }
}
