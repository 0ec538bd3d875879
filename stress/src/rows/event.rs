//! Row `event`: one-shot events, with storms of waiters, and events that a waiter frees as soon as
//! he is let go.
//!
//! What the notifier wrote before the notify, without atomics, must be there after the wait.
//! Waiters without a deadline need a permit; they join an event under the lock of the arena's book,
//! where the notifier takes it out, so every event that anybody waits for is notified exactly by
//! whoever took it, or by the close of the arena.

use crate::check::crowd::Crowd;
use crate::check::plain::Plain;
use crate::findings::Rule;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pysync::Event;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct EventRow;

impl Row for EventRow {
    fn name(&self) -> &'static str {
        "event"
    }

    fn about(&self) -> &'static str {
        "Event: wait, wait_timed, is_set, notify; visibility, exact bits, freed by a waiter at once"
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Events::<Event>::open())
    }
}

/// A one-shot event, as the arena sees it.
pub trait Latch: Send + Sync + 'static {
    /// An unset one.
    fn fresh() -> Self;
    /// Sets it and wakes everybody.
    fn notify(&self);
    /// Waits until it is set.
    fn wait(&self);
    /// Waits until it is set, the time is over or an interrupt comes; whether it is set.
    fn wait_timed(&self, timeout: Duration) -> bool;
    /// Whether it is set.
    fn is_set(&self) -> bool;
    /// The word: 0 unset, 1 set, else there are waiters.
    fn word(&self) -> usize;
}

/// What the notifier leaves for the waiters.
const MESSAGE: [u64; 3] = [0x5EED, 0xCAFE, 0xF00D];

/// One event and what it announces.
#[derive(Debug)]
struct Occasion<L> {
    latch: L,
    crowd: Crowd,
    message: [Plain<u64>; 3],
}

/// An occasion on its waiter's own heap, gone as soon as that waiter is let go.
#[derive(Debug)]
struct Letter<L>(NonNull<Occasion<L>>);

// SAFETY: an `Occasion` is shared between threads; the waiter frees it only after the notify let
// him go, and the notifier does not use it afterwards.
unsafe impl<L: Send + Sync> Send for Letter<L> {}

/// Who is to be notified.
#[derive(Debug)]
struct Book<L> {
    current: Option<Arc<Occasion<L>>>,
    letters: Vec<Letter<L>>,
    closed: bool,
}

/// One round's events.
#[derive(Debug)]
pub struct Events<L> {
    book: Mutex<Book<L>>,
}

impl<L: Latch> Occasion<L> {
    fn fresh() -> Self {
        Self { latch: L::fresh(), crowd: Crowd::new(), message: Default::default() }
    }

    /// Writes the message and notifies. Nothing of the occasion is touched afterwards.
    fn announce(&self) {
        for (place, word) in self.message.iter().zip(MESSAGE) {
            // SAFETY: one thread announces an occasion, and waiters read only after they saw it
            // set.
            unsafe { place.set(word) };
        }
        self.latch.notify();
    }

    /// What a waiter who saw it set must find.
    fn check(&self, worker: &Worker<'_>) {
        // SAFETY: the event was seen set, so the writer is done.
        let found = self.message.each_ref().map(|place| unsafe { place.get() });
        worker.expect(found == MESSAGE, Rule::Event, || {
            format!("let go with half a message: {found:x?}")
        });
        worker
            .expect(self.latch.is_set(), Rule::Event, || "let go, but the event is not set".into());
    }
}

impl<L: Latch> Events<L> {
    /// No events yet.
    pub fn open() -> Self {
        Self { book: Mutex::new(Book { current: None, letters: Vec::new(), closed: false }) }
    }

    fn book(&self) -> MutexGuard<'_, Book<L>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event of the hour, a fresh one if need be; none once the arena is closed.
    fn join(&self) -> Option<Arc<Occasion<L>>> {
        let mut book = self.book();
        if book.closed {
            return None;
        }
        Some(book.current.get_or_insert_with(|| Arc::new(Occasion::fresh())).clone())
    }

    fn notify(&self, worker: &mut Worker<'_>) {
        let Some(occasion) = self.book().current.take() else { return };
        Pause::draw(&mut worker.rng, usize::MAX).spend();
        occasion.announce();
        if worker.rng.one_in(4) {
            occasion.latch.notify();
        }
        let word = occasion.latch.word();
        worker.expect(word == 1, Rule::Event, || format!("notified, but the word is {word}"));
    }

    fn answer(&self) {
        let letter = self.book().letters.pop();
        if let Some(Letter(occasion)) = letter {
            // SAFETY: its waiter keeps it until this notify lets him go; `announce` does not touch
            // it after that.
            unsafe { occasion.as_ref() }.announce();
        }
    }

    fn wait(&self, worker: &Worker<'_>) {
        let Some(_permit) = worker.permit() else { return };
        let Some(occasion) = self.join() else { return };
        let inside = occasion.crowd.enter();
        worker.wait(&"wait", || occasion.latch.wait());
        drop(inside);
        occasion.check(worker);
    }

    fn wait_timed(&self, worker: &mut Worker<'_>) {
        let Some(occasion) = self.join() else { return };
        let timeout = worker.rng.time_up_to(Duration::from_millis(2));
        let inside = occasion.crowd.enter();
        let (set, took) = worker.wait(&"wait_timed", || occasion.latch.wait_timed(timeout));
        drop(inside);
        if set {
            occasion.check(worker);
        } else if took < timeout {
            worker.interrupted();
        } else {
            worker.timed_out(Some(timeout), took);
        }
        worker.inbox.maybe_received();
        if let Some(word) = occasion.crowd.alone(|| occasion.latch.word()) {
            worker.expect(word <= 1, Rule::LeftBehind, || {
                format!("nobody waits, but the word is {word}")
            });
        }
    }

    fn poll(&self, worker: &Worker<'_>) {
        let Some(occasion) = self.join() else { return };
        if occasion.latch.is_set() {
            occasion.check(worker);
        }
    }

    /// Waits for an event of one's own and frees it at once, while the notifier may still be on his
    /// way out.
    fn write_letter(&self, worker: &mut Worker<'_>) {
        let Some(_permit) = worker.permit() else { return };
        let occasion = NonNull::from(Box::leak(Box::new(Occasion::<L>::fresh())));
        let mut book = self.book();
        let refused = book.closed;
        if !refused {
            book.letters.push(Letter(occasion));
        }
        drop(book);
        if !refused {
            // SAFETY: from `Box::leak`, freed below only.
            let event = unsafe { occasion.as_ref() };
            if worker.rng.one_in(2) {
                worker.wait(&"wait for a letter", || event.latch.wait());
            } else {
                worker.wait(&"poll for a letter", || poll_until_set(&event.latch));
            }
            event.check(worker);
        }
        // SAFETY: from `Box::leak`; the one notifier does not touch it once it is set, and if it
        // was refused nobody else knows it.
        drop(unsafe { Box::from_raw(occasion.as_ptr()) });
    }
}

fn poll_until_set<L: Latch>(latch: &L) {
    while !latch.is_set() {
        std::thread::yield_now();
    }
}

impl<L: Latch> Arena for Events<L> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            match worker.rng.below(12) {
                0..=2 => self.notify(worker),
                3 | 4 => self.answer(),
                5 | 6 => self.wait(worker),
                7..=9 => self.wait_timed(worker),
                10 => self.poll(worker),
                _ => self.write_letter(worker),
            }
            worker.done();
        }
    }

    fn close(&self) {
        let mut book = self.book();
        book.closed = true;
        let (current, letters) = (book.current.take(), std::mem::take(&mut book.letters));
        drop(book);
        if let Some(occasion) = current {
            occasion.announce();
        }
        for Letter(occasion) in letters {
            // SAFETY: as in `answer`.
            unsafe { occasion.as_ref() }.announce();
        }
    }

    fn settle(&mut self, _quiet: Quiet<'_>) {}
}

impl Latch for Event {
    fn fresh() -> Self {
        Self::new()
    }

    fn notify(&self) {
        Self::notify(self);
    }

    fn wait(&self) {
        Self::wait(self);
    }

    fn wait_timed(&self, timeout: Duration) -> bool {
        Self::wait_timed(self, Some(timeout))
    }

    fn is_set(&self) -> bool {
        Self::is_set(self)
    }

    fn word(&self) -> usize {
        usize::from(self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::broken::{Blinking, Mute};
    use crate::rows::trial;

    #[test]
    fn an_event_that_does_not_stay_set_is_caught() {
        assert!(trial::until(Rule::Event, &[], |_| Events::<Blinking>::open()).broke(Rule::Event));
    }

    #[test]
    fn an_event_that_is_set_before_the_message_is_caught() {
        let findings = trial::alone(Rule::Event, &[], |_| Events::<Mute>::open());
        assert!(findings.kept()[0].detail.contains("half a message"));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(&[], |_| Events::<Event>::open());
    }
}
