//! Random schedules of more threads than loom can take.

use pyparking::clock;
use shuttle::sync::Arc;
use shuttle::thread;
use std::cell::UnsafeCell;

/// Schedules of a model where nothing else is said.
const QUICK: usize = 500;

/// Runs `model` under `SHUTTLE_ITERATIONS` random schedules, each with the clock set back. A deadlock fails it.
pub fn explore(model: impl Fn() + Send + Sync + 'static) {
    let told = std::env::var("SHUTTLE_ITERATIONS").ok().and_then(|text| text.parse().ok());
    let run = move || {
        clock::reset();
        model();
    };
    shuttle::check_random(run, told.unwrap_or(QUICK));
}

/// Starts `count` threads of `work`, each with its number, and joins them.
pub fn crew(count: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let members: Vec<_> = (0..count)
        .map(|member| {
            let work = work.clone();
            thread::spawn(move || work(member))
        })
        .collect();
    members.into_iter().for_each(|member| member.join().expect("a member failed"));
}

/// Data that only a lock protects; `enter` finds two inside.
#[derive(Debug, Default)]
pub struct Room {
    total: UnsafeCell<usize>,
    inside: std::sync::atomic::AtomicUsize,
}

// SAFETY: the total is touched by whoever is alone inside, which `enter` checks.
unsafe impl Sync for Room {}

impl Room {
    /// Adds one, with another thread's turn between reading and writing.
    pub fn enter(&self) {
        // ORD: SeqCst, a check of the test beside the lock; shuttle runs one thread at a time.
        let before = self.inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(before, 0, "two are inside");
        // SAFETY: alone inside, as just checked.
        let total = unsafe { *self.total.get() };
        thread::yield_now();
        // SAFETY: as above.
        unsafe { *self.total.get() = total + 1 };
        // ORD: SeqCst, as above.
        self.inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    }

    /// How often `enter` was called; asked when the crew has gone.
    pub fn total(&self) -> usize {
        // SAFETY: the crew has gone.
        unsafe { *self.total.get() }
    }
}
