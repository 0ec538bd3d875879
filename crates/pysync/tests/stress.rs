//! Short storms over every primitive, for the sanitizers to watch.
//!
//! `PYLOCK_STRESS_MS` is the time of all tests here together, two and a half seconds if it is not set. What
//! the primitives protect is plain data, so that a race is one.

use pyparking::primitive::UnsafeCell;
use pyparking::{Deadline, ThreadHandle};
use pysync::{
    Event, LockFlags, LockStatus, Mutex, MutexCell, OnceCell, OnceFlag, RecursiveMutex, RwMutex,
    SeqCell,
};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trial::until::joined;

/// How many tests share the time.
const TESTS: u64 = 7;

const ANY_INTERRUPT: LockFlags = LockFlags::FAIL_IF_INTERRUPTED;

/// When a test that starts now is to stop.
fn limit() -> Deadline {
    let all = std::env::var("PYLOCK_STRESS_MS").ok().and_then(|text| text.parse().ok());
    Deadline::after(Duration::from_millis(all.unwrap_or(2_500) / TESTS))
}

/// A generator of numbers that look random: of George Marsaglia's xorshift kind.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x2545_F491_4F6C_DD1D) | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A timeout from none at all to a third of a millisecond.
    fn timeout(&mut self) -> Option<Duration> {
        Some(Duration::from_micros(self.below(330)))
    }
}

/// Starts `count` threads of `body`, which gets a number each.
fn crew<T: Send + 'static>(
    count: u64,
    body: impl Fn(u64) -> T + Clone + Send + 'static,
) -> Vec<JoinHandle<T>> {
    (0..count)
        .map(|number| {
            let body = body.clone();
            thread::spawn(move || body(number))
        })
        .collect()
}

fn all_joined<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(joined).collect()
}

/// A number behind some lock.
struct Guarded<L> {
    lock: L,
    value: UnsafeCell<u64>,
}

// SAFETY: the value is used under the lock only.
unsafe impl<L: Sync> Sync for Guarded<L> {}

impl<L> Guarded<L> {
    const fn new(lock: L) -> Self {
        Self { lock, value: UnsafeCell::new(0) }
    }

    /// Adds one.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, alone.
    unsafe fn add(&self) {
        // SAFETY: as the caller says.
        unsafe { *self.value.get() += 1 }
    }

    /// The number.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, or is alone.
    unsafe fn read(&self) -> u64 {
        // SAFETY: as the caller says.
        unsafe { *self.value.get() }
    }
}

#[test]
fn a_mutex_with_timeouts_and_interrupts_excludes() {
    static GUARDED: Guarded<Mutex> = Guarded::new(Mutex::new());
    let limit = limit();
    let (tell, told) = mpsc::channel();
    let threads = crew(6, move |number| {
        tell.send(ThreadHandle::current()).expect("the test listens");
        let (mut dice, mut turns) = (Dice::new(number), 0_u64);
        while !limit.passed() {
            let held = match dice.below(4) {
                0 => GUARDED.lock.try_lock(),
                1 => {
                    GUARDED.lock.lock();
                    true
                }
                2 => {
                    GUARDED.lock.lock_timed(dice.timeout(), LockFlags::DETACH)
                        == LockStatus::Acquired
                }
                _ => GUARDED.lock.lock_timed(None, ANY_INTERRUPT) == LockStatus::Acquired,
            };
            if held {
                // SAFETY: the mutex is held.
                unsafe { GUARDED.add() };
                turns += 1;
                if dice.below(40) == 0 {
                    thread::yield_now();
                }
                GUARDED.lock.unlock();
            }
        }
        turns
    });
    let handles: Vec<_> = threads.iter().map(|_| told.recv().expect("each tells")).collect();
    let mut dice = Dice::new(77);
    while !limit.passed() {
        handles[dice.below(handles.len() as u64) as usize].interrupt();
        thread::yield_now();
    }
    let turns: u64 = all_joined(threads).iter().sum();
    assert_eq!(GUARDED.lock.bits(), 0);
    // SAFETY: the threads are gone.
    assert_eq!(unsafe { GUARDED.read() }, turns);
}

#[test]
fn a_read_write_mutex_with_timeouts_and_interrupts_excludes() {
    static GUARDED: Guarded<RwMutex> = Guarded::new(RwMutex::new());
    let limit = limit();
    let (tell, told) = mpsc::channel();
    let threads = crew(6, move |number| {
        tell.send(ThreadHandle::current()).expect("the test listens");
        let (lock, mut dice, mut writes) = (&GUARDED.lock, Dice::new(number), 0_u64);
        while !limit.passed() {
            let (writing, held) = match dice.below(7) {
                0 => (true, lock.try_write_lock()),
                1 => (
                    true,
                    lock.write_lock_timed(dice.timeout(), LockFlags::DETACH)
                        == LockStatus::Acquired,
                ),
                2 => (true, lock.write_lock_timed(None, ANY_INTERRUPT) == LockStatus::Acquired),
                3 => (false, lock.try_read_lock()),
                4 => (
                    false,
                    lock.read_lock_timed(dice.timeout(), LockFlags::DETACH) == LockStatus::Acquired,
                ),
                5 => (false, lock.read_lock_timed(None, ANY_INTERRUPT) == LockStatus::Acquired),
                _ => {
                    lock.read_lock();
                    (false, true)
                }
            };
            match (writing, held) {
                (true, true) => {
                    // SAFETY: write-locked.
                    unsafe { GUARDED.add() };
                    writes += 1;
                    lock.write_unlock();
                }
                (false, true) => {
                    // SAFETY: read-locked.
                    let [first, second] = unsafe { [GUARDED.read(), GUARDED.read()] };
                    assert_eq!(first, second, "a writer beside a reader");
                    lock.read_unlock();
                }
                _ => {}
            }
        }
        writes
    });
    let handles: Vec<_> = threads.iter().map(|_| told.recv().expect("each tells")).collect();
    let mut dice = Dice::new(78);
    while !limit.passed() {
        handles[dice.below(handles.len() as u64) as usize].interrupt();
        thread::yield_now();
    }
    let writes: u64 = all_joined(threads).iter().sum();
    assert_eq!(GUARDED.lock.bits(), 0);
    // SAFETY: the threads are gone.
    assert_eq!(unsafe { GUARDED.read() }, writes);
}

#[test]
fn a_recursive_mutex_excludes() {
    static GUARDED: Guarded<RecursiveMutex> = Guarded::new(RecursiveMutex::new());
    let limit = limit();
    let turns: u64 = all_joined(crew(4, move |number| {
        let (lock, mut dice, mut turns) = (&GUARDED.lock, Dice::new(number), 0);
        while !limit.passed() {
            let first = lock.lock_timed(dice.timeout(), LockFlags::DETACH);
            if first != LockStatus::Acquired {
                continue;
            }
            let deep = dice.below(3);
            (0..deep).for_each(|_| lock.lock());
            // SAFETY: the mutex is held.
            unsafe { GUARDED.add() };
            turns += 1;
            if dice.below(4) == 0 {
                let saved = lock.release_save();
                assert!(!lock.is_locked_by_current_thread());
                lock.acquire_restore(saved);
            }
            assert_eq!(lock.level() as u64, deep);
            (0..=deep).for_each(|_| lock.unlock());
        }
        turns
    }))
    .iter()
    .sum();
    assert!(!GUARDED.lock.is_locked());
    // SAFETY: the threads are gone.
    assert_eq!(unsafe { GUARDED.read() }, turns);
}

/// Whoever is woken last frees the event, while the notifier may still be on its way out.
#[test]
fn events_are_freed_right_after_they_are_set() {
    let limit = limit();
    while !limit.passed() {
        let message = Arc::new(Guarded::new(Event::new()));
        let waiters: Vec<_> = (0..3)
            .map(|number| {
                let message = Arc::clone(&message);
                thread::spawn(move || {
                    let mut dice = Dice::new(number);
                    while number == 0 && !message.lock.wait_timed(dice.timeout()) {}
                    message.lock.wait();
                    // SAFETY: the event is set, so nobody writes any more.
                    unsafe { message.read() }
                })
            })
            .collect();
        // SAFETY: the event is not set, so nobody reads yet.
        unsafe { message.add() };
        message.lock.notify();
        drop(message);
        assert_eq!(all_joined(waiters), [1; 3]);
    }
}

/// Runs that fail by error and by panic, and exactly one that succeeds.
#[test]
fn once_succeeds_once() {
    let limit = limit();
    while !limit.passed() {
        let once = Arc::new((Guarded::new(OnceFlag::new()), OnceCell::new()));
        let threads: Vec<_> = (0..4_u64)
            .map(|number| {
                let once = Arc::clone(&once);
                thread::spawn(move || {
                    let (flag, cell) = &*once;
                    let mut left = number;
                    while flag
                        .lock
                        .call_once(|| {
                            if left > 0 {
                                left -= 1;
                                return Err(());
                            }
                            // SAFETY: one run at a time.
                            unsafe { flag.add() };
                            Ok(())
                        })
                        .is_err()
                    {}
                    // SAFETY: done, so nobody writes any more.
                    let value = unsafe { flag.read() };
                    (value, **cell.get_or_init(|| Box::new(number)) < 4)
                })
            })
            .collect();
        assert_eq!(all_joined(threads), [(1, true); 4]);
    }
}

#[test]
fn sequence_reads_are_never_torn() {
    static CELL: SeqCell<[u64; 8]> = SeqCell::new([0; 8]);
    let limit = limit();
    let writers = crew(2, move |number| {
        let (mut dice, mut writes) = (Dice::new(number), 0_u64);
        while !limit.passed() {
            CELL.update(|all| all.map(|one| one + 1));
            writes += 1;
            if dice.below(8) == 0 {
                thread::yield_now();
            }
        }
        writes
    });
    let readers = crew(3, move |_| {
        let mut newest = 0;
        while !limit.passed() {
            let all = CELL.load();
            assert!(all.iter().all(|one| *one == all[0]), "torn: {all:?}");
            assert!(all[0] >= newest, "an older value after a newer one");
            newest = all[0];
        }
    });
    let writes: u64 = all_joined(writers).iter().sum();
    all_joined(readers);
    assert_eq!(CELL.load(), [writes; 8]);
}

/// Cells that are freed by their last user, as reference-counted objects with a lock in them are.
#[test]
fn locks_are_freed_by_their_last_users() {
    let limit = limit();
    while !limit.passed() {
        let objects: [_; 2] = core::array::from_fn(|_| Arc::new(MutexCell::new(vec![0_u8])));
        let users: Vec<_> = (0..4_u8)
            .map(|number| {
                let [one, two] = objects.clone();
                thread::spawn(move || {
                    one.lock().push(number);
                    drop(one);
                    two.lock().push(number);
                    two.lock().len()
                })
            })
            .collect();
        drop(objects);
        assert!(all_joined(users).into_iter().all(|length| (2..=5).contains(&length)));
    }
}
