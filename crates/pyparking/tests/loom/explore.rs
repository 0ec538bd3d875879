//! How a model is explored: under which bound, over which bucket lock, and from which fresh start.

use loom::model::Builder;
use loom::thread::{self, JoinHandle};
use pyparking::primitive::plain::AtomicU64;
use pyparking::primitive::{Ordering, abstraction};
use std::sync::Arc;

/// What locks the one bucket that all models share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// `RawMutex`, as on the machine: every step of it is explored too.
    Real,
    /// The checker's own mutex: the bucket is not what the model is about.
    Abstract,
}

/// Preemptions a schedule may have where nothing else is said.
const QUICK: usize = 2;

/// Steps of one schedule before loom calls it a loop.
const BRANCHES: usize = 10_000;

/// Explores every schedule and every value that a load may see.
pub(crate) fn every_schedule(bucket: Bucket, model: impl Fn() + Send + Sync + 'static) {
    println!("bound: none");
    explore(bucket, None, model);
}

/// Explores the schedules with at most `LOOM_MAX_PREEMPTIONS` preemptions.
pub(crate) fn bounded(bucket: Bucket, model: impl Fn() + Send + Sync + 'static) {
    let bound = Builder::new().preemption_bound.unwrap_or(QUICK);
    println!("bound: {bound} preemptions");
    explore(bucket, Some(bound), model);
}

fn explore(bucket: Bucket, bound: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let schedules = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&schedules);
    let once = move || {
        // ORD: Relaxed, the checker runs one schedule at a time.
        count.fetch_add(1, Ordering::Relaxed);
        begin(bucket);
        model();
    };
    if std::env::var_os("LOOM_LOG").is_some() {
        // Loom's own entry prints its trace; it takes the bound from the environment.
        loom::model(once);
    } else {
        let mut builder = Builder::new();
        builder.preemption_bound = bound;
        builder.max_branches = BRANCHES;
        builder.check(once);
    }
    // ORD: Relaxed, as above.
    println!("schedules: {}", schedules.load(Ordering::Relaxed));
}

/// Starts a thread of the model with a share of what it works on. Not through loom's `Arc`, whose counting orders
/// threads.
pub(crate) fn start<T: 'static, R: 'static>(
    shared: &Arc<T>,
    body: impl FnOnce(&T) -> R + 'static,
) -> JoinHandle<R> {
    let shared = Arc::clone(shared);
    thread::spawn(move || body(&shared))
}

/// Sets the clock back and makes the lot, before there is a second thread: whoever makes it later would be
/// ordered before all others, which hides races.
fn begin(bucket: Bucket) {
    abstraction::choose(bucket == Bucket::Abstract);
    pyparking::clock::reset();
    assert_eq!(pyparking::totals(), pyparking::Totals::default());
    abstraction::choose(false);
}
