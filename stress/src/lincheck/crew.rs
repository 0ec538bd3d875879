//! A few threads that play window after window with fresh objects, and the verdict on each.

use super::history::{Clock, Event, Scribe, is_concurrent};
use super::search::{Spec, describe, order};
use crate::pause::Pause;
use crate::rng::Rng;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// An object with its specification and the way in which threads use it.
pub trait Subject: Send + Sync {
    /// Its specification.
    type Spec: Spec<Call: Send + Clone>;
    /// A fresh one for so many threads.
    fn fresh(threads: usize) -> Self;
    /// A thread uses it once: one call, or a few that belong together (a lock and its unlock).
    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, <Self::Spec as Spec>::Call>);
    /// A thread is done with it and will not act again; the last chance to let others go.
    fn leave(&self, _scribe: &mut Scribe<'_, <Self::Spec as Spec>::Call>) {}
}

/// What a crew found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Histories that were judged.
    pub histories: u64,
    /// Those in which calls of different threads overlapped.
    pub concurrent: u64,
    /// Calls in all of them.
    pub calls: u64,
    /// Histories that no order explains, as text.
    pub rejected: Vec<String>,
}

/// One window: an object, its clock, and what was recorded.
struct Window<S: Subject> {
    subject: S,
    /// Threads that have not come yet.
    missing: AtomicUsize,
    clock: Clock,
    book: Mutex<Vec<Event<<S::Spec as Spec>::Call>>>,
}

impl<S: Subject> Window<S> {
    fn new(threads: usize) -> Self {
        let (subject, missing) = (S::fresh(threads), AtomicUsize::new(threads));
        Self { subject, missing, clock: Clock::default(), book: Mutex::default() }
    }

    /// Waits for the others without sleeping: a thread that has to be woken comes when all is over.
    fn meet(&self) {
        // ORD: Relaxed, the threads only have to come at about the same time.
        self.missing.fetch_sub(1, Ordering::Relaxed);
        // ORD: Relaxed, as above.
        while self.missing.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
    }

    fn play(&self, thread: usize, rng: &mut Rng, actions: usize) {
        self.meet();
        let mut scribe = Scribe::new(thread, &self.clock);
        for _ in 0..actions {
            linger(rng);
            self.subject.act(rng, &mut scribe);
        }
        self.subject.leave(&mut scribe);
        self.book.lock().unwrap_or_else(PoisonError::into_inner).extend(scribe.finish());
    }
}

/// A pause that lets the threads' calls fall differently each time.
fn linger(rng: &mut Rng) {
    match rng.below(12) {
        0 => Pause::Yield.spend(),
        _ => Pause::Turns(rng.below(60) as u32).spend(),
    }
}

/// Plays `count` windows with `threads` threads that act `actions` times each, the calling thread
/// being one of them.
pub fn play<S: Subject>(rng: &mut Rng, count: usize, threads: usize, actions: usize) -> Outcome {
    let windows: Vec<_> = (0..count).map(|_| Window::<S>::new(threads)).collect();
    let work = |thread: usize, mut rng: Rng| {
        for window in &windows {
            window.play(thread, &mut rng, actions);
        }
    };
    std::thread::scope(|scope| {
        for thread in 1..threads {
            let stream = rng.stream(thread as u64);
            scope.spawn(move || work(thread, stream));
        }
        work(0, rng.stream(0));
    });
    rng.bits();
    let mut outcome = Outcome::default();
    for window in windows {
        judge::<S::Spec>(
            &window.book.into_inner().unwrap_or_else(PoisonError::into_inner),
            &mut outcome,
        );
    }
    outcome
}

fn judge<S: Spec>(history: &[Event<S::Call>], outcome: &mut Outcome) {
    outcome.histories += 1;
    outcome.concurrent += u64::from(is_concurrent(history));
    outcome.calls += history.len() as u64;
    if order::<S>(history).is_none() {
        outcome.rejected.push(describe(history));
    }
}

/// For tests: plays many windows, of which none may be rejected.
#[cfg(test)]
pub(super) fn accepts<S: Subject>(actions: usize) {
    let mut rng = Rng::new(21);
    for threads in 2..=4 {
        let outcome = play::<S>(&mut rng, 200, threads, actions);
        assert!(outcome.rejected.is_empty(), "{}", outcome.rejected[0]);
        assert_eq!(outcome.histories, 200);
        assert!(outcome.concurrent > 0, "{outcome:?}");
    }
}

/// For tests: plays windows until one is rejected.
#[cfg(test)]
pub(super) fn rejects<S: Subject>(actions: usize) {
    let mut rng = Rng::new(22);
    let found = (0..500).any(|_| !play::<S>(&mut rng, 20, 3, actions).rejected.is_empty());
    assert!(found, "ten thousand histories of a broken object were accepted");
}

/// For tests: whether a hand-written history of (thread, call, invoked, returned) is accepted.
#[cfg(test)]
pub(super) fn accepted<S: Spec<Call: Clone>>(events: &[(usize, S::Call, u64, u64)]) -> bool {
    let event = |(thread, call, invoked, returned): &(usize, S::Call, u64, u64)| Event {
        thread: *thread,
        call: call.clone(),
        invoked: *invoked,
        returned: *returned,
    };
    order::<S>(&events.iter().map(event).collect::<Vec<_>>()).is_some()
}
