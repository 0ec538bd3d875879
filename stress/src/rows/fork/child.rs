//! What a child checks, in this order: the lot is empty; its thread is who it was and owns what it
//! owned; every primitive that was left in some state can be reset and used; fresh ones work;
//! time-outs and interrupts work; and, where the system allows threads in such a child, two new
//! threads get along.

use super::Hostages;
use super::process::Page;
use crate::check::plain::Plain;
use crate::rng::Rng;
use pyparking::{Deadline, ParkOptions, ParkStatus, ThreadHandle, park, take_interrupt, unpark};
use pysync::{Event, LockFlags, LockStatus, Mutex, RecursiveMutex};
use std::time::{Duration, Instant};

/// A check that the child makes.
fn check(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// The child's life. `levels` is how often its thread had locked the recursive mutex. The page says
/// what it is about to do.
pub(super) fn live(
    page: &Page,
    hostages: &Hostages,
    levels: usize,
    seed: u64,
) -> Result<(), String> {
    page.write("reset");
    reset(hostages)?;
    page.write("keep the levels of the recursive mutex");
    keep_levels(&hostages.recursive, levels)?;
    page.write("use the locks");
    use_locks(hostages)?;
    page.write("use the event, the once and the sequence lock");
    use_the_rest(hostages)?;
    page.write("time out");
    time_out(&hostages.mutex, &mut Rng::new(seed))?;
    page.write("be interrupted");
    be_interrupted()?;
    if may_have_threads() {
        page.write("make threads that get along");
        get_along(&hostages.mutex)?;
    }
    page.write("end");
    Ok(())
}

/// Takes back what other threads held or half did.
fn reset(hostages: &Hostages) -> Result<(), String> {
    // SAFETY: this is the only thread of the child, and it was in no call of the lot.
    unsafe { pyparking::after_fork_child() };
    check(pyparking::snapshot().waiters().is_empty(), "threads that do not exist are queued")?;
    // SAFETY: as above; giving up what other threads held is what the calls are for.
    unsafe {
        hostages.raw.after_fork_child();
        hostages.mutex.after_fork_child();
        hostages.recursive.after_fork_child();
        hostages.rw.after_fork_child();
        hostages.event.after_fork_child();
        hostages.once.after_fork_child();
        hostages.seq.after_fork_child();
    }
    Ok(())
}

/// The thread that survives keeps the recursive mutex, with its levels; otherwise it is free.
fn keep_levels(recursive: &RecursiveMutex, levels: usize) -> Result<(), String> {
    check(
        recursive.is_locked_by_current_thread() == (levels > 0),
        "the recursive mutex has changed hands",
    )?;
    check(
        levels == 0 || recursive.level() == levels - 1,
        "levels of the recursive mutex were lost",
    )?;
    for _ in 0..levels {
        check(recursive.try_unlock().is_ok(), "the owner cannot unlock the recursive mutex")?;
    }
    check(
        recursive.bits() == 0 && recursive.try_unlock().is_err(),
        "the recursive mutex is not free",
    )?;
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
    check(
        mutex.try_unlock().is_ok() && mutex.try_unlock().is_err(),
        "the mutex was unlocked twice",
    )?;
    check(
        rw.try_read_lock() && rw.try_read_lock() && !rw.try_write_lock(),
        "the rwmutex does not take readers",
    )?;
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
    check(
        status == LockStatus::Failure && begun.elapsed() >= timeout,
        "a lock timed out early, or came",
    )?;
    check(mutex.bits() == 1, "a waiter left its bit behind")?;
    mutex.unlock();
    let place = 0_u8;
    let address = (&raw const place).addr();
    let begun = Instant::now();
    let options = ParkOptions { deadline: Deadline::after(timeout), ..ParkOptions::default() };
    // SAFETY: the address is this frame's own; the callbacks do nothing.
    let status = unsafe { park(address, options, || true, |_| {}) };
    check(
        status == ParkStatus::Timeout && begun.elapsed() >= timeout,
        "a park timed out early, or not at all",
    )?;
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

/// Turns of each thread that gets along.
const TURNS: u64 = 50;

/// What the child's threads share.
struct Together<'a> {
    mutex: &'a Mutex,
    start: Event,
    total: Plain<u64>,
}

impl Together<'_> {
    fn work(&self) {
        self.start.wait();
        for _ in 0..TURNS {
            let _held = self.mutex.guard();
            // SAFETY: under the mutex.
            unsafe { self.total.set(self.total.get() + 1) };
            std::thread::yield_now();
        }
    }
}

/// Two new threads and this one pass the mutex round, after an event let them go together.
fn get_along(mutex: &Mutex) -> Result<(), String> {
    let mut together = Together { mutex, start: Event::new(), total: Plain::new(0) };
    let threads = [bare_thread(&together)?, bare_thread(&together)?];
    together.start.notify();
    together.work();
    for thread in threads {
        // SAFETY: made above and joined once.
        check(unsafe { libc::pthread_join(thread, std::ptr::null_mut()) } == 0, "no join")?;
    }
    let total = together.total.get_mut();
    check(total == 3 * TURNS, "the child's threads lost updates")?;
    check(mutex.bits() == 0, "the child's threads left bits behind")
}

/// A thread without std's preparations: those take locks of std that some thread of the parent may
/// have held at the fork, and nothing can reset them.
fn bare_thread(together: &Together<'_>) -> Result<libc::pthread_t, String> {
    extern "C" fn work(together: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: from the reference below, which outlives the thread: it is joined.
        unsafe { &*together.cast::<Together<'_>>() }.work();
        std::ptr::null_mut()
    }
    let shared = std::ptr::from_ref(together).cast_mut().cast();
    let mut thread = std::mem::MaybeUninit::uninit();
    // SAFETY: a place for the name, default attributes, and an argument that the function expects.
    let error =
        unsafe { libc::pthread_create(thread.as_mut_ptr(), std::ptr::null(), work, shared) };
    check(error == 0, "no thread")?;
    // SAFETY: written, as there was no error.
    Ok(unsafe { thread.assume_init() })
}

/// Whether new threads may be made in the child of a threaded process: ThreadSanitizer's runtime
/// ends such a child.
fn may_have_threads() -> bool {
    // SAFETY: a name that ends in zero; the handle means "in this program".
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__tsan_init".as_ptr()) }.is_null()
}
