//! Row `pending`: calls that threads leave for each other and for the main thread of one runtime, which add, poll and
//! fail as they like.
//!
//! Every visit is a sender with numbers of its own. Its calls run in the order of the numbers, each once, and never two
//! calls of one queue at a time; a full queue is an error.

use crate::findings::Rule;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::runtime;
use crate::worker::Worker;
use pyceval::{Attached, QueueFull, Raised, Runtime, ThreadState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The row.
#[derive(Debug)]
pub struct PendingRow;

const NOTES: &[&str] = &["calls", "full queues", "failed calls"];
const CALLS: usize = 0;
const FULL: usize = 1;
const FAILED: usize = 2;

impl Row for PendingRow {
    fn name(&self) -> &'static str {
        "pending"
    }

    fn about(&self) -> &'static str {
        "pending calls of an interpreter and of the main thread: in order for each sender, each once, one \
         at a time, none lost when a call fails or the queue is full"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn open(&self, mut setup: Setup) -> Box<dyn Arena> {
        Box::new(Queues::open(setup.rng.one_in(3)))
    }
}

/// What the calls of one queue write down.
#[derive(Debug, Default)]
struct Book {
    added: AtomicU64,
    ran: AtomicU64,
    /// Calls that run just now.
    inside: AtomicU64,
    out_of_order: AtomicU64,
    side_by_side: AtomicU64,
}

impl Book {
    /// What a call does first: its number is the one after the sender's last.
    fn begin(&self, sender: &AtomicU64, number: u64) {
        // ORD: Relaxed here and below, passes happen one after the other; that is what is tested.
        if sender.swap(number + 1, Ordering::Relaxed) != number {
            // ORD: Relaxed, as above.
            self.out_of_order.fetch_add(1, Ordering::Relaxed);
        }
        // ORD: Relaxed, as above.
        if self.inside.fetch_add(1, Ordering::Relaxed) != 0 {
            // ORD: Relaxed, as above.
            self.side_by_side.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn end(&self) {
        // ORD: Relaxed, as in `begin`.
        self.inside.fetch_sub(1, Ordering::Relaxed);
        // ORD: Relaxed, as in `begin`.
        self.ran.fetch_add(1, Ordering::Relaxed);
    }

    fn settle(&self, name: &str, quiet: Quiet<'_>) {
        // ORD: Relaxed, all workers have left.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (added, ran) = (read(&self.added), read(&self.ran));
        let lost = || format!("{added} calls for {name} were added, {ran} have run");
        quiet.expect(added == ran, Rule::ExactlyOnce, lost);
        let wrong = read(&self.out_of_order);
        let order = || format!("{wrong} calls for {name} ran out of their sender's order");
        quiet.expect(wrong == 0, Rule::Fifo, order);
        let wrong = read(&self.side_by_side);
        let beside = || format!("{wrong} calls for {name} ran beside or inside another");
        quiet.expect(wrong == 0, Rule::Exclusion, beside);
    }
}

/// What a call does besides its books.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Polls,
    Fails,
}

/// One round's runtime with its two queues.
#[derive(Debug)]
pub struct Queues {
    runtime: Runtime,
    main: ThreadState,
    books: [Arc<Book>; 2],
}

/// Whose queue.
const NAMES: [&str; 2] = ["the interpreter", "the main thread"];

/// A visit, as a sender: the next number of each queue, and the number that runs next.
struct Sender {
    next: [u64; 2],
    due: [Arc<AtomicU64>; 2],
}

impl Queues {
    /// A runtime with a GIL or without.
    pub fn open(gil: bool) -> Self {
        let started = Runtime::builder().gil(gil).start_with_hooks_installed();
        let (runtime, main) = started.expect("the default interval is long enough");
        Self { runtime, main, books: Default::default() }
    }

    /// Adds the sender's next call to one of the queues; whether there was room.
    fn add(&self, sender: &mut Sender, queue: usize, kind: Kind) -> bool {
        let number = sender.next[queue];
        let book = Arc::clone(&self.books[queue]);
        let due = Arc::clone(&sender.due[queue]);
        let call = move |attached: &Attached<'_>| -> Result<(), Raised> {
            book.begin(&due, number);
            let polled = if matches!(kind, Kind::Polls) { attached.poll() } else { Ok(()) };
            book.end();
            if matches!(kind, Kind::Fails) { Err(Raised::new("as it was told")) } else { polled }
        };
        let added = self.enqueue(queue, call);
        if added.is_ok() {
            sender.next[queue] += 1;
            // ORD: Relaxed, a count that is looked at when all is quiet.
            self.books[queue].added.fetch_add(1, Ordering::Relaxed);
        }
        added.is_ok()
    }

    fn enqueue<F>(&self, queue: usize, call: F) -> Result<(), QueueFull>
    where
        F: FnOnce(&Attached<'_>) -> Result<(), Raised> + Send + 'static,
    {
        if queue == 0 {
            self.runtime.main_interpreter().add_pending_call(call)
        } else {
            self.runtime.add_main_call(call)
        }
    }

    fn send(&self, worker: &mut Worker<'_>, sender: &mut Sender) {
        // The main thread runs its calls at the end of the round only, and some of them here.
        let queue = usize::from(worker.rng.one_in(8));
        let kind = match worker.rng.below(16) {
            0 => Kind::Fails,
            1..=3 => Kind::Polls,
            _ => Kind::Plain,
        };
        let added = self.add(sender, queue, kind);
        worker.note(if added { CALLS } else { FULL }).add(1);
    }

    fn act(&self, worker: &mut Worker<'_>, attached: &Attached<'_>, sender: &mut Sender) {
        match worker.rng.below(8) {
            0 => attached.detached(thread::yield_now),
            1 => {
                // Until the queue is full.
                while worker.rng.below(200) != 0 && self.add(sender, 0, Kind::Plain) {
                    worker.note(CALLS).add(1);
                }
            }
            2..=4 => self.send(worker, sender),
            _ => {
                if attached.poll().is_err() {
                    worker.note(FAILED).add(1);
                }
            }
        }
    }

    fn live(&self, worker: &mut Worker<'_>) {
        let mut sender = Sender { next: [0; 2], due: Default::default() };
        // A sender need not be attached.
        self.send(worker, &mut sender);
        let mut state = self.runtime.main_interpreter().new_thread();
        let (attached, _) = worker.wait(&"attach", || state.attach());
        let Ok(attached) = attached else {
            return worker.violation(Rule::Hooks, "a worker could not attach");
        };
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.act(worker, &attached, &mut sender);
            worker.done();
        }
    }

    /// Nobody else is inside: the main thread finds all that is left by its breaker alone.
    fn end(&mut self, quiet: Quiet<'_>) {
        let Ok(attached) = self.main.attach() else {
            return quiet.expect(false, Rule::Hooks, || "the main thread could not attach".into());
        };
        while attached.breaker().is_tripped() {
            // What fails leaves the others queued, and the bit set.
            let _failed = attached.poll();
        }
        for (book, name) in self.books.iter().zip(NAMES) {
            book.settle(name, quiet);
        }
        let ended = self.runtime.finalise(&attached);
        quiet.expect(ended.is_ok(), Rule::LeftBehind, || format!("the end failed: {ended:?}"));
    }
}

impl Arena for Queues {
    fn visit(&self, worker: &mut Worker<'_>) {
        runtime::as_guest(|| self.live(worker));
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        runtime::as_guest(|| self.end(quiet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn calls_are_not_lost() {
        for gil in [true, false] {
            trial::clean(NOTES, |_| Queues::open(gil));
        }
    }
}
