//! What a child checks, in this order: the lot is empty; its thread is who it was and owns what it owned; every
//! primitive that was left in some state can be reset and used; fresh ones work; time-outs and interrupts work; and,
//! where the system allows threads in such a child, two new threads get along.

use super::Hostages;
use crate::rng::Rng;
use pyparking::{Deadline, ParkOptions, ParkStatus, ThreadHandle, park, take_interrupt, unpark};
use pysync::{Event, LockFlags, LockStatus, Mutex, RecursiveMutex};
use std::time::{Duration, Instant};

/// A check that the child makes.
fn check(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// The child's life. `levels` is how often its thread had locked the recursive mutex.
pub(super) fn live(hostages: &Hostages, levels: usize, seed: u64) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    // SAFETY: this is the only thread of the child, and it was in no call of the lot.
    unsafe { pyparking::after_fork_child() };
    check(pyparking::snapshot().waiters().is_empty(), "threads that do not exist are queued")?;
    // SAFETY: as above; what other threads held or half did is given up, which is what the calls are for.
    unsafe {
        hostages.raw.after_fork_child();
        hostages.mutex.after_fork_child();
        hostages.recursive.after_fork_child();
        hostages.rw.after_fork_child();
        hostages.event.after_fork_child();
        hostages.once.after_fork_child();
        hostages.seq.after_fork_child();
    }
    keep_levels(&hostages.recursive, levels)?;
    use_locks(hostages)?;
    use_the_rest(hostages)?;
    time_out(&hostages.mutex, &mut rng)?;
    be_interrupted()?;
    if may_have_threads() {
        get_along(&hostages.mutex)?;
    }
    Ok(())
}

/// The thread that survives keeps the recursive mutex, with its levels; otherwise it is free.
fn keep_levels(recursive: &RecursiveMutex, levels: usize) -> Result<(), String> {
    check(recursive.is_locked_by_current_thread() == (levels > 0), "the recursive mutex has changed hands")?;
    check(levels == 0 || recursive.level() == levels - 1, "levels of the recursive mutex were lost")?;
    for _ in 0..levels {
        check(recursive.try_unlock().is_ok(), "the owner cannot unlock the recursive mutex")?;
    }
    check(recursive.bits() == 0 && recursive.try_unlock().is_err(), "the recursive mutex is not free")?;
    recursive.lock();
    recursive.lock();
    let saved = recursive.release_save();
    recursive.acquire_restore(saved);
    check(recursive.level() == 1, "levels were not restored")?;
    recursive.unlock();
    recursive.unlock();
    check(recursive.bits() == 0, "the recursive mutex was left locked")
}

fn use_locks(hostages: &Hostages) -> Result<(), String> {
    let Hostages { raw, mutex, rw, .. } = hostages;
    check(raw.try_lock(), "the raw mutex is not free")?;
    // SAFETY: this thread has just locked it.
    unsafe { raw.unlock() };
    check(mutex.bits() == 0 && mutex.try_lock(), "the mutex is not free")?;
    check(!mutex.try_lock(), "the mutex was locked twice")?;
    check(mutex.try_unlock().is_ok() && mutex.try_unlock().is_err(), "the mutex was unlocked twice")?;
    check(rw.try_read_lock() && rw.try_read_lock() && !rw.try_write_lock(), "the rwmutex does not take readers")?;
    rw.read_unlock();
    rw.read_unlock();
    check(rw.try_write_lock() && !rw.try_read_lock(), "the rwmutex does not take a writer")?;
    rw.write_unlock();
    check(rw.bits() == 0, "the rwmutex was left locked")
}

fn use_the_rest(hostages: &Hostages) -> Result<(), String> {
    let Hostages { event, once, seq, .. } = hostages;
    check(!event.wait_timed(Some(Duration::from_micros(200))), "the event is set")?;
    event.notify();
    event.wait();
    check(event.is_set() && event.bits() == 1, "the event did not stay set")?;
    check(once.call_once(|| Err(())).is_err() && !once.is_done(), "a failed run is done")?;
    check(once.call_once(|| Ok::<_, ()>(())).is_ok() && once.is_done(), "a run is not done")?;
    let begun = seq.begin_read();
    check(seq.end_read(begun), "a quiet read is not valid")?;
    seq.lock_write();
    seq.unlock_write();
    check(!seq.end_read(begun), "a read over a write is valid")
}

/// Waits that can only time out, and do so neither early nor with something left behind.
fn time_out(mutex: &Mutex, rng: &mut Rng) -> Result<(), String> {
    let timeout = rng.time_up_to(Duration::from_millis(2)) + Duration::from_micros(1);
    mutex.lock();
    let begun = Instant::now();
    let status = mutex.lock_timed(Some(timeout), LockFlags::DETACH);
    check(status == LockStatus::Failure && begun.elapsed() >= timeout, "a lock timed out early, or came")?;
    check(mutex.bits() == 1, "a waiter left its bit behind")?;
    mutex.unlock();
    let options = ParkOptions { deadline: Deadline::after(timeout), ..ParkOptions::default() };
    let place = 0_u8;
    let address = (&raw const place).addr();
    let begun = Instant::now();
    // SAFETY: the address is this frame's own; the callbacks do nothing.
    let status = unsafe { park(address, options, || true, |_| {}) };
    check(status == ParkStatus::Timeout && begun.elapsed() >= timeout, "a park timed out early, or not at all")?;
    // SAFETY: as above.
    let nobody = unsafe { unpark(address, |arg, has_more| arg.is_none() && !has_more) };
    check(nobody, "somebody is still queued")
}

fn be_interrupted() -> Result<(), String> {
    let _from_before_the_fork = take_interrupt();
    check(ThreadHandle::current().interrupt(), "the child's own handle is stale")?;
    let options = ParkOptions { interruptible: true, ..ParkOptions::default() };
    let place = 0_u8;
    // SAFETY: the address is this frame's own; the callbacks do nothing.
    let status = unsafe { park((&raw const place).addr(), options, || true, |_| {}) };
    check(status == ParkStatus::Intr, "an interrupt was lost")
}

/// Two new threads and this one pass the mutex round, after an event let them go together.
fn get_along(mutex: &Mutex) -> Result<(), String> {
    const TURNS: u64 = 50;
    let start = Event::new();
    let total = std::cell::UnsafeCell::new(0_u64);
    struct Shared<'a>(&'a std::cell::UnsafeCell<u64>);
    // SAFETY: used under the mutex only.
    unsafe impl Sync for Shared<'_> {}
    let shared = Shared(&total);
    let work = || {
        let Shared(total) = &shared;
        start.wait();
        for _ in 0..TURNS {
            let _held = mutex.guard();
            // SAFETY: under the mutex.
            unsafe { *total.get() += 1 };
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(&work);
        scope.spawn(&work);
        start.notify();
        work();
    });
    check(total.into_inner() == 3 * TURNS, "the child's threads lost updates")?;
    check(mutex.bits() == 0, "the child's threads left bits behind")
}

/// Whether new threads may be made in the child of a threaded process: ThreadSanitizer's runtime ends such a child.
fn may_have_threads() -> bool {
    // SAFETY: a name that ends in zero; the handle means "in this program".
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__tsan_init".as_ptr()) }.is_null()
}
