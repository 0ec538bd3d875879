//! What the handlers and the threads that listen share.
//!
//! | field | the handler | others |
//! |---|---|---|
//! | `tripped` | marks | the main thread takes |
//! | `heard`, `followed` | reads: who is to be told | under the table's lock |
//! | `main`, `courier` | reads | replace whole (HELD-1) |
//! | `table` | never | under its lock |
//! | `wakeup` | reads, writes to the descriptor | anybody sets |

use super::courier::Courier;
use super::held::Held;
use super::table::{INTERRUPT, Table};
use super::target::Target;
use super::tripped::Tripped;
#[cfg(unix)]
use super::wakeup::Wakeup;
use super::{LAST, bit};
use crate::breaker::Events;
use pyparking::primitive::{AtomicU64, Ordering, seeded};

pub(super) struct Bridge {
    pub(super) tripped: Tripped,
    /// Signals whose callbacks are to run.
    heard: AtomicU64,
    /// Signals that somebody has subscribed to.
    followed: AtomicU64,
    pub(super) main: Held<Target>,
    pub(super) courier: Courier,
    pub(super) table: Table,
    #[cfg(unix)]
    pub(super) wakeup: Wakeup,
}

impl Bridge {
    pub(super) fn new() -> Self {
        Self {
            tripped: Tripped::new(),
            heard: AtomicU64::new(bit(INTERRUPT)),
            followed: AtomicU64::new(0),
            main: Held::new(),
            courier: Courier::new(),
            table: Table::new(),
            #[cfg(unix)]
            wakeup: Wakeup::new(),
        }
    }

    /// A signal came: all that a handler does, in its order (SIGNAL-4). Async-signal-safe.
    pub(super) fn trip(&self, signal: i32) {
        debug_assert!((1..=LAST).contains(&signal));
        // ORD: Relaxed, a registration has no order with a signal that comes meanwhile.
        if self.heard.load(Ordering::Relaxed) & bit(signal) != 0 {
            self.trip_main(signal);
        }
        // ORD: Relaxed, as above.
        if self.followed.load(Ordering::Relaxed) & bit(signal) != 0 {
            self.courier.post(signal);
        }
        #[cfg(unix)]
        self.wakeup.write(signal);
    }

    fn trip_main(&self, signal: i32) {
        if seeded("signal-bit-first") {
            self.main.get().inspect(|main| main.breaker().set(Events::SIGNALS_PENDING));
            self.tripped.mark(signal);
            self.main.get().inspect(|main| main.wake());
            return;
        }
        self.tripped.mark(signal);
        self.tell_main();
    }

    fn tell_main(&self) {
        if let Some(main) = self.main.get() {
            main.breaker().set(Events::SIGNALS_PENDING);
            main.wake();
        }
    }

    pub(super) fn bind_main(&self, target: Target) {
        self.main.replace(target);
        // A handler that still saw the main thread before has marked its signal by now.
        if self.tripped.look() {
            self.tell_main();
        }
    }

    /// Says whether callbacks of the signal are to run. Under the table's lock.
    pub(super) fn hear(&self, signal: i32, heard: bool) {
        change(&self.heard, signal, heard || signal == INTERRUPT);
    }

    /// Says whether somebody has subscribed to the signal. Under the table's lock.
    pub(super) fn follow(&self, signal: i32, followed: bool) {
        change(&self.followed, signal, followed);
    }

    /// # Safety
    ///
    /// As [`Signals::after_fork_child`](super::Signals::after_fork_child).
    pub(super) unsafe fn after_fork_child(&self) {
        self.tripped.clear();
        if let Some(main) = self.main.get() {
            main.breaker().clear(Events::SIGNALS_PENDING);
        }
        // SAFETY: handed on to the caller.
        unsafe { self.table.after_fork_child() };
    }
}

fn change(word: &AtomicU64, signal: i32, set: bool) {
    if set {
        // ORD: Relaxed, see `trip`.
        word.fetch_or(bit(signal), Ordering::Relaxed);
    } else {
        // ORD: Relaxed, see `trip`.
        word.fetch_and(!bit(signal), Ordering::Relaxed);
    }
}
