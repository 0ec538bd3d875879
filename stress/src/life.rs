//! One worker thread's life as others see it: its interrupt handle, and books that show lost or
//! invented interrupts.
//!
//! # Why the books are sound
//!
//! `begun` is raised before `interrupt()` is called and `completed` after it returned.
//!
//! * *Invented.* An interrupt is sticky and several may merge, and a signal handler that runs on
//!   the thread ends at most one wait, so a thread can never receive more than were sent: `received
//!   <= begun + disturbed` at every moment.
//! * *Lost.* After each call that may have taken an interrupt the thread remembers `mark = begun`.
//!   If later `completed > mark`, then at least one of the completed calls was begun after `mark`
//!   was read (at most `mark` calls were begun before it), nothing has taken it since, so one must
//!   be pending.

use pyparking::ThreadHandle;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What other threads need in order to interrupt a worker.
#[derive(Debug)]
pub struct Life {
    handle: ThreadHandle,
    begun: AtomicU64,
    completed: AtomicU64,
    disturbed: AtomicU64,
}

impl Life {
    /// The calling thread's.
    pub fn of_this_thread() -> Arc<Self> {
        Arc::new(Self {
            handle: ThreadHandle::current(),
            begun: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            disturbed: AtomicU64::new(0),
        })
    }

    /// Interrupts the thread, alive or dead.
    pub fn interrupt(&self) {
        self.send(|handle| {
            handle.interrupt();
        });
    }

    /// Interrupts the thread from a signal handler.
    pub fn interrupt_from_handler(&self) {
        self.send(crate::noise::interrupt_from_handler);
    }

    fn send(&self, way: impl FnOnce(ThreadHandle)) {
        // ORD: Release, pairs with the Acquire in `begun`: whoever receives the interrupt must see
        // it announced.
        self.begun.fetch_add(1, Ordering::Release);
        way(self.handle);
        // ORD: Release, pairs with the Acquire in `completed`: who sees the count must see the
        // interrupt pending.
        self.completed.fetch_add(1, Ordering::Release);
    }

    fn begun(&self) -> u64 {
        // ORD: Acquire, pairs with `interrupt`.
        self.begun.load(Ordering::Acquire)
    }

    /// Notes that a signal is about to be sent to the thread.
    fn disturb(&self) {
        // ORD: Release, pairs with the Acquire in `disturbed`: the signal comes after its
        // announcement.
        self.disturbed.fetch_add(1, Ordering::Release);
    }

    fn disturbed(&self) -> u64 {
        // ORD: Acquire, pairs with `disturb`.
        self.disturbed.load(Ordering::Acquire)
    }

    fn completed(&self) -> u64 {
        // ORD: Acquire, pairs with `interrupt`.
        self.completed.load(Ordering::Acquire)
    }
}

/// The owner's side of the books.
#[derive(Debug)]
pub struct Inbox {
    life: Arc<Life>,
    received: Cell<u64>,
    mark: Cell<u64>,
}

impl Inbox {
    /// The books of the thread that `life` belongs to, opened by that thread.
    pub fn new(life: Arc<Life>) -> Self {
        Self { life, received: Cell::new(0), mark: Cell::new(0) }
    }

    /// The side that others use.
    pub fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// A call returned that may have taken an interrupt without saying so.
    pub fn maybe_received(&self) {
        self.mark.set(self.life.begun());
    }

    /// A call said that it took one. An error if none was sent.
    pub fn received(&self) -> Result<(), String> {
        self.received.set(self.received.get() + 1);
        self.maybe_received();
        let (received, begun, disturbed) =
            (self.received.get(), self.mark.get(), self.life.disturbed());
        if received <= begun + disturbed {
            return Ok(());
        }
        Err(format!(
            "{received} interrupts arrived where {begun} and {disturbed} signals were sent"
        ))
    }

    /// Takes what is pending and compares it with the books.
    pub fn settle(&self) -> Result<(), String> {
        let (completed, mark) = (self.life.completed(), self.mark.get());
        if pyparking::take_interrupt() {
            return self.received();
        }
        if completed > mark {
            return Err(format!(
                "{completed} interrupts were sent, at most {mark} of them were taken, none is \
                 pending"
            ));
        }
        Ok(())
    }
}

/// All lives, by slot; the last dead one of each slot stays, because handles of dead threads are
/// worth using too.
#[derive(Debug)]
pub struct Roll {
    slots: Box<[Mutex<Entry>]>,
}

#[derive(Debug, Default)]
struct Entry {
    alive: Option<(Arc<Life>, crate::noise::Target)>,
    dead: Option<Arc<Life>>,
}

impl Roll {
    /// Nobody yet.
    pub fn new(slots: usize) -> Self {
        Self { slots: (0..slots).map(|_| Mutex::default()).collect() }
    }

    /// A thread enters `slot`.
    pub fn enter(&self, slot: usize, life: Arc<Life>) {
        self.entry(slot, |entry| entry.alive = Some((life, crate::noise::Target::this_thread())));
    }

    /// It leaves. Nobody sends it a signal afterwards; interrupts may still come.
    pub fn leave(&self, slot: usize) {
        self.entry(slot, |entry| entry.dead = entry.alive.take().map(|(life, _)| life));
    }

    /// Somebody of that slot, the living one or (when `dead`) the one before.
    pub fn find(&self, slot: usize, dead: bool) -> Option<Arc<Life>> {
        self.entry(slot, |entry| {
            if dead {
                entry.dead.clone()
            } else {
                entry.alive.as_ref().map(|(life, _)| life.clone())
            }
        })
    }

    /// Sends the living thread of that slot a signal that means nothing: its system calls return
    /// early.
    pub fn disturb(&self, slot: usize) {
        self.entry(slot, |entry| {
            if let Some((life, target)) = &entry.alive {
                life.disturb();
                target.disturb();
            }
        });
    }

    fn entry<R>(&self, slot: usize, f: impl FnOnce(&mut Entry) -> R) -> R {
        f(&mut self.slots[slot].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_that_was_sent_is_received_once() {
        let inbox = Inbox::new(Life::of_this_thread());
        inbox.life().interrupt();
        inbox.life().interrupt();
        assert_eq!(inbox.settle(), Ok(()));
        assert!(!pyparking::take_interrupt(), "two that met are one");
        assert_eq!(inbox.settle(), Ok(()));
    }

    #[test]
    fn a_lost_interrupt_is_noticed() {
        let inbox = Inbox::new(Life::of_this_thread());
        inbox.life().interrupt();
        assert!(pyparking::take_interrupt(), "taken behind the books' back");
        assert!(inbox.settle().unwrap_err().contains("none is pending"));
    }

    #[test]
    fn an_invented_interrupt_is_noticed() {
        let inbox = Inbox::new(Life::of_this_thread());
        assert!(inbox.received().unwrap_err().contains("1 interrupts arrived where 0"));
    }

    #[test]
    fn what_a_call_may_have_taken_is_not_lost() {
        let inbox = Inbox::new(Life::of_this_thread());
        inbox.life().interrupt();
        assert!(pyparking::take_interrupt());
        inbox.maybe_received();
        assert_eq!(inbox.settle(), Ok(()));
    }

    #[test]
    fn the_roll_keeps_the_last_dead_life() {
        let roll = Roll::new(1);
        assert!(roll.find(0, false).is_none());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                roll.enter(0, Life::of_this_thread());
                assert!(roll.find(0, false).is_some());
                roll.leave(0);
            });
        });
        assert!(roll.find(0, false).is_none());
        // The thread is gone: interrupting it does nothing, and nothing bad.
        roll.find(0, true).unwrap().interrupt();
        roll.disturb(0);
    }
}
