//! What a window records: each call with its result, and the stretch of time within which it took
//! effect.

use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that never shows the same time twice.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// The time.
    pub fn stamp(&self) -> u64 {
        // ORD: SeqCst, a stamp taken before a call must not move into it, nor one taken after; one
        // total order of all stamps is what the search compares.
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// One call, with its result inside `call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<C> {
    /// Who made it.
    pub thread: usize,
    /// The call with its arguments and its result.
    pub call: C,
    /// It took effect not before this time,
    pub invoked: u64,
    /// and not after this one.
    pub returned: u64,
}

/// One thread's hand in a history.
#[derive(Debug)]
pub struct Scribe<'a, C> {
    thread: usize,
    clock: &'a Clock,
    events: Vec<Event<C>>,
}

impl<'a, C> Scribe<'a, C> {
    /// Thread number `thread` begins to write.
    pub fn new(thread: usize, clock: &'a Clock) -> Self {
        Self { thread, clock, events: Vec::new() }
    }

    /// The number of the thread.
    pub fn thread(&self) -> usize {
        self.thread
    }

    /// The time.
    pub fn stamp(&self) -> u64 {
        self.clock.stamp()
    }

    /// Makes a call and writes it down with what it returned.
    pub fn record<R>(&mut self, call: impl FnOnce() -> R, write: impl FnOnce(&R) -> C) -> R {
        let invoked = self.stamp();
        let result = call();
        let returned = self.stamp();
        self.write(write(&result), invoked, returned);
        result
    }

    /// Writes down something that took effect between two times.
    pub fn write(&mut self, call: C, invoked: u64, returned: u64) {
        self.events.push(Event { thread: self.thread, call, invoked, returned });
    }

    /// What was written.
    pub fn finish(self) -> Vec<Event<C>> {
        self.events
    }
}

/// Whether any two calls of different threads overlap; without that a history shows little.
pub fn is_concurrent<C>(history: &[Event<C>]) -> bool {
    history.iter().enumerate().any(|(index, one)| {
        history[index + 1..].iter().any(|other| {
            one.thread != other.thread
                && one.invoked < other.returned
                && other.invoked < one.returned
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_stamped_before_and_after() {
        let clock = Clock::default();
        let mut scribe = Scribe::new(3, &clock);
        assert_eq!(scribe.record(|| 7, |result| *result), 7);
        assert_eq!(scribe.finish(), [Event { thread: 3, call: 7, invoked: 0, returned: 1 }]);
    }

    #[test]
    fn overlap_is_between_threads() {
        let event = |thread, invoked, returned| Event { thread, call: (), invoked, returned };
        assert!(is_concurrent(&[event(0, 0, 3), event(1, 1, 2)]));
        assert!(!is_concurrent(&[event(0, 0, 1), event(1, 2, 3)]));
        assert!(!is_concurrent(&[event(0, 0, 3), event(0, 1, 2)]));
    }
}
