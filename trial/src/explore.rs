//! How a model is explored: under which bound, over which bucket lock, and from which fresh start.

use loom::model::Builder;
use loom::thread::{self, JoinHandle};
use pyparking::primitive::plain::AtomicU64;
use pyparking::primitive::{Cell, Ordering, abstraction};
use std::sync::Arc;

/// What locks the one bucket that all models share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// `RawMutex`, as on the machine: every step of it is explored too.
    Real,
    /// The checker's own mutex: the bucket is not what the model is about.
    Abstract,
}

/// Preemptions a schedule may have where nothing else is said.
const QUICK: usize = 2;

/// Steps of one schedule before loom calls it a loop.
const BRANCHES: usize = 10_000;

/// Explores with no bound on preemptions, and every value that a load may see.
pub fn unbounded(bucket: Bucket, model: impl Fn() + Send + Sync + 'static) {
    println!("bound: none");
    explore(bucket, None, model);
}

/// Explores the schedules with at most `LOOM_MAX_PREEMPTIONS` preemptions.
pub fn bounded(bucket: Bucket, model: impl Fn() + Send + Sync + 'static) {
    let bound = Builder::new().preemption_bound.unwrap_or(QUICK);
    println!("bound: {bound} preemptions");
    explore(bucket, Some(bound), model);
}

/// Explores twice: from a schedule in which threads start late, and from one in which they start at once. From
/// one alone loom does not find every other: it forgets a thread's look at an atomic as soon as another looks
/// and writes (issues 166 and 392 of tokio-rs/loom).
fn explore(bucket: Bucket, bound: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let schedules = Arc::new(AtomicU64::new(0));
    for at_once in [false, true] {
        let (model, count) = (Arc::clone(&model), Arc::clone(&schedules));
        check(bound, move || {
            // ORD: Relaxed, the checker runs one schedule at a time.
            count.fetch_add(1, Ordering::Relaxed);
            AT_ONCE.with(|cell| cell.set(at_once));
            begin(bucket);
            model();
        });
    }
    // ORD: Relaxed, as above.
    println!("schedules: {}", schedules.load(Ordering::Relaxed));
}

fn check(bound: Option<usize>, once: impl Fn() + Send + Sync + 'static) {
    if std::env::var_os("LOOM_LOG").is_some() {
        // Loom's own entry prints its trace; it takes the bound from the environment.
        return loom::model(once);
    }
    let mut builder = Builder::new();
    builder.preemption_bound = bound;
    builder.max_branches = BRANCHES;
    builder.check(once);
}

std::thread_local! {
    /// Whether threads of the running model start at once.
    static AT_ONCE: Cell<bool> = const { Cell::new(false) };
}

/// Starts a thread of the model.
pub fn spawn<R: 'static>(body: impl FnOnce() -> R + 'static) -> JoinHandle<R> {
    if !AT_ONCE.with(Cell::get) {
        return thread::spawn(body);
    }
    let parent = thread::current();
    let child = thread::spawn(move || {
        parent.unpark();
        body()
    });
    // The parent goes on when the child ends, blocks or is preempted.
    thread::park();
    child
}

/// Starts a thread of the model with a share of what it works on. Not through loom's `Arc`, whose counting orders
/// threads.
pub fn start<T: 'static, R: 'static>(
    shared: &Arc<T>,
    body: impl FnOnce(&T) -> R + 'static,
) -> JoinHandle<R> {
    let shared = Arc::clone(shared);
    spawn(move || body(&shared))
}

/// Sets the clock back and makes the lot, before there is a second thread: whoever makes it later would be
/// ordered before all others, which hides races.
fn begin(bucket: Bucket) {
    abstraction::choose(bucket == Bucket::Abstract);
    pyparking::clock::reset();
    assert_eq!(pyparking::totals(), pyparking::Totals::default());
    abstraction::choose(false);
}
