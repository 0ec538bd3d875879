//! One address of the row `parking`, and the model of its queue.

use crate::check::plain::Plain;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::runtime;
use crate::worker::Worker;
use pyparking::{ParkOptions, ParkStatus, Queue};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What the model and the callbacks say about each other.
type Complaints = Vec<(Rule, String)>;

/// Who should be in the queue.
#[derive(Debug, Default)]
struct Model {
    queue: VecDeque<u64>,
    closed: bool,
    complaints: Complaints,
}

impl Model {
    fn complain(&mut self, rule: Rule, detail: String) {
        self.complaints.push((rule, detail));
    }

    /// The lot gave up `got`; the model expected `expected`.
    fn compare(&mut self, got: Option<u64>, expected: Option<u64>) {
        if got != expected {
            self.complain(Rule::Fifo, format!("{got:?} was taken out where {expected:?} was due"));
        }
        self.queue.retain(|&id| Some(id) != got);
    }
}

/// An address to park on.
#[derive(Debug)]
pub(super) struct Lane {
    address: usize,
    model: Mutex<Model>,
    woken: Counter,
    let_go: Counter,
}

/// A waiter's own side: what its callbacks did, and what the unparker left for it.
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    lane: &'a Lane,
    id: u64,
    refuse: bool,
    dequeued: AtomicBool,
    gift: Plain<u64>,
    validated: Cell<Option<bool>>,
    left: Cell<bool>,
}

impl Lane {
    /// A lane at `address`, which nobody else uses.
    pub(super) fn at(address: usize) -> Self {
        Self { address, model: Mutex::default(), woken: Counter::new(), let_go: Counter::new() }
    }

    /// The address of the modelled queue. The crowd's is the next one.
    pub(super) fn address(&self) -> usize {
        self.address
    }

    fn crowd_address(&self) -> usize {
        self.address + 2
    }

    /// A ticket with number `id` for one park, which is to be refused by its validation if
    /// `refuse`.
    pub(super) fn ticket(&self, id: u64, refuse: bool) -> Ticket<'_> {
        let (dequeued, gift) = (AtomicBool::new(false), Plain::new(0));
        Ticket {
            lane: self,
            id,
            refuse,
            dequeued,
            gift,
            validated: Cell::new(None),
            left: Cell::new(false),
        }
    }

    /// The model, under the bucket lock: nobody else can be using it.
    fn model<R>(&self, f: impl FnOnce(&mut Model) -> R) -> R {
        match self.model.try_lock() {
            Ok(mut model) => f(&mut model),
            Err(_) => {
                let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
                model.complain(
                    Rule::Exclusion,
                    "two callbacks at a time under one bucket lock".into(),
                );
                f(&mut model)
            }
        }
    }

    /// What was found wrong since the last call. Taken under the bucket lock, like everything of
    /// the model.
    pub(super) fn complaints(&self) -> Complaints {
        self.under_lock(|_| self.model(|model| std::mem::take(&mut model.complaints)))
    }

    fn under_lock<R>(&self, f: impl FnOnce(&mut Queue<'_>) -> R) -> R {
        // SAFETY: the address is the arena's own, and the callbacks of this file use no lot.
        unsafe { pyparking::with_queue(self.address, f) }
    }

    /// An unpark called back.
    pub(super) fn unparked(&self, arg: Option<*mut ()>, has_more: bool) {
        self.model(|model| {
            let expected = model.queue.front().copied();
            model.compare(arg.map(grant), expected);
            let more = !model.queue.is_empty();
            if has_more != more {
                let left = model.queue.len();
                model.complain(
                    Rule::HasMore,
                    format!("has_more is {has_more}, but {left} are left"),
                );
            }
        });
    }

    /// Takes out the first.
    pub(super) fn dequeue(&self, queue: &mut Queue<'_>) {
        let got = queue.dequeue().map(grant);
        self.model(|model| {
            let expected = model.queue.front().copied();
            model.compare(got, expected);
        });
    }

    /// Takes out the first with an odd number.
    pub(super) fn dequeue_odd(&self, queue: &mut Queue<'_>) {
        let got = queue.dequeue_where(|arg| id_of(arg) % 2 == 1).map(grant);
        self.model(|model| {
            let expected = model.queue.iter().copied().find(|id| id % 2 == 1);
            model.compare(got, expected);
        });
    }

    /// Refuses whoever comes from now on and takes out everybody.
    pub(super) fn close(&self) {
        self.under_lock(|queue| {
            self.model(|model| model.closed = true);
            while !queue.is_empty() {
                self.dequeue(queue);
            }
        });
        self.wake_crowd();
    }

    /// Whether nobody is queued, neither really nor in the model.
    pub(super) fn is_empty(&self) -> bool {
        self.under_lock(|queue| queue.is_empty() && self.model(|model| model.queue.is_empty()))
    }

    /// Waits in the crowd, where all are woken together.
    pub(super) fn join_crowd(&self, worker: &Worker<'_>) {
        let Some(_permit) = worker.permit() else { return };
        // SAFETY: the address is the arena's own, and the callbacks use no lot.
        let (status, _) = worker.wait(&"park in the crowd", || unsafe {
            pyparking::park(
                self.crowd_address(),
                ParkOptions::default(),
                || !worker.stopping(),
                |_| {},
            )
        });
        match status {
            ParkStatus::Ok => self.let_go.add(1),
            ParkStatus::Again => {}
            other => {
                worker.violation(Rule::Status, format!("{other:?} where only a wake was possible"))
            }
        }
    }

    /// Wakes the crowd.
    pub(super) fn wake_crowd(&self) {
        // SAFETY: the address is the arena's own.
        let count = unsafe { pyparking::unpark_all(self.crowd_address()) };
        self.woken.add(count as u64);
    }

    /// How many of the crowd were woken, and how many were let go.
    pub(super) fn crowd_count(&self) -> (u64, u64) {
        (self.woken.get(), self.let_go.get())
    }
}

/// The ticket behind an argument.
fn id_of(arg: *mut ()) -> u64 {
    // SAFETY: every argument at a lane's address is a ticket on its waiter's stack, which stays
    // there until the waiter has been woken, and this is called under the bucket lock.
    unsafe { (*arg.cast::<Ticket<'_>>()).id }
}

/// Tells the waiter that it was dequeued; its number. Under the bucket lock.
fn grant(arg: *mut ()) -> u64 {
    // SAFETY: as in `id_of`.
    let ticket = unsafe { &*arg.cast::<Ticket<'_>>() };
    // SAFETY: under the bucket lock, and the waiter reads after its wake.
    unsafe { ticket.gift.set(ticket.id) };
    // ORD: Relaxed, the bucket lock and the wake order it.
    ticket.dequeued.store(true, Ordering::Relaxed);
    ticket.id
}

impl Ticket<'_> {
    /// What the unparker gets.
    pub(super) fn arg(&self) -> *mut () {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// The validation: joins the model's queue.
    pub(super) fn validate(&self) -> bool {
        let accepted = self.lane.model(|model| {
            let accepted = !model.closed && !self.refuse;
            if accepted {
                model.queue.push_back(self.id);
            }
            accepted
        });
        self.validated.set(Some(accepted));
        if accepted {
            runtime::queued_until(&self.dequeued);
        }
        accepted
    }

    /// The waiter left by itself: out of the model, which must then list exactly those who are
    /// really queued.
    pub(super) fn gave_up(&self, queue: &mut Queue<'_>) {
        runtime::not_queued();
        self.left.set(true);
        self.lane.model(|model| {
            let before = model.queue.len();
            model.queue.retain(|&id| id != self.id);
            if model.queue.len() + 1 != before {
                model.complain(Rule::Token, format!("{} gave up without being queued", self.id));
            }
            if !queue.args().map(id_of).eq(model.queue.iter().copied()) {
                let really: Vec<_> = queue.args().map(id_of).collect();
                model.complain(
                    Rule::Fifo,
                    format!("queued are {really:?}, should be {:?}", model.queue),
                );
            }
            if queue.is_empty() != model.queue.is_empty() {
                let (empty, left) = (queue.is_empty(), model.queue.len());
                model
                    .complain(Rule::HasMore, format!("is_empty is {empty}, but {left} are queued"));
            }
        });
    }

    /// Whether the callbacks fit the status.
    pub(super) fn judge(&self, status: ParkStatus) -> Option<String> {
        // ORD: Relaxed, ordered by the wake, or by the bucket lock that the waiter took to give up.
        let (validated, left, dequeued) =
            (self.validated.get(), self.left.get(), self.dequeued.load(Ordering::Relaxed));
        let fits = match status {
            // SAFETY: woken, so the unparker has written.
            ParkStatus::Ok => dequeued && !left && unsafe { self.gift.get() } == self.id,
            ParkStatus::Again => validated == Some(false) && !left && !dequeued,
            ParkStatus::Timeout | ParkStatus::Intr => validated == Some(true) && left && !dequeued,
        };
        let facts = || {
            format!(
                "{status:?}, but validated: {validated:?}, gave up: {left}, dequeued: {dequeued}"
            )
        };
        (!fits).then(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_notices_the_wrong_one() {
        let mut model = Model { queue: [1, 2, 3].into(), ..Model::default() };
        model.compare(Some(1), Some(1));
        assert!(model.complaints.is_empty());
        model.compare(Some(3), Some(2));
        assert!(model.complaints[0].1.contains("Some(3) was taken out where Some(2) was due"));
        assert_eq!(model.queue, [2]);
        model.compare(None, Some(2));
        assert_eq!(model.complaints.len(), 2);
    }

    #[test]
    fn a_status_must_fit_the_callbacks() {
        let lane = Lane::at(8);
        let ticket = lane.ticket(5, false);
        assert!(ticket.judge(ParkStatus::Ok).is_some(), "nobody dequeued it");
        assert!(ticket.judge(ParkStatus::Again).is_some(), "nothing was validated");
        assert!(ticket.validate());
        assert!(ticket.judge(ParkStatus::Timeout).is_some(), "it did not give up");
        grant(ticket.arg());
        assert!(ticket.judge(ParkStatus::Intr).is_some(), "it was dequeued");
        assert!(ticket.judge(ParkStatus::Ok).is_none());
        runtime::not_queued();
    }
}
