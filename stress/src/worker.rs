//! A worker: one thread that goes from row to row, and everything that its visits need.

use crate::findings::{Findings, Rule};
use crate::gauge::{Counter, Switch};
use crate::life::{Inbox, Life, Roll};
use crate::rng::Rng;
use crate::runtime;
use crate::tally::{Share, Tally};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a slot's worker is doing right now, for the watchdog's report.
#[derive(Debug, Default)]
pub struct Activity {
    row: AtomicUsize,
    call: AtomicPtr<&'static str>,
    since: AtomicU64,
}

impl Activity {
    /// The row's index, the call, and since when (nanoseconds of the run's clock), if the worker is
    /// inside one.
    pub fn look(&self) -> Option<(usize, &'static str, u64)> {
        // ORD: Relaxed, a guess for a reader; the pointer is to a static.
        let call = self.call.load(Ordering::Relaxed);
        // SAFETY: null, or from a `&'static` in `begin`.
        let call = unsafe { call.as_ref() }?;
        // ORD: Relaxed, as above.
        Some((self.row.load(Ordering::Relaxed), call, self.since.load(Ordering::Relaxed)))
    }

    fn begin(&self, row: usize, call: &'static &'static str, at: u64) {
        // ORD: Relaxed, see `look`.
        self.row.store(row, Ordering::Relaxed);
        // ORD: Relaxed, as above.
        self.since.store(at, Ordering::Relaxed);
        // ORD: Relaxed, as above.
        self.call.store(std::ptr::from_ref(call).cast_mut(), Ordering::Relaxed);
    }

    fn end(&self) {
        // ORD: Relaxed, see `look`.
        self.call.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
}

/// What all rounds of a run share.
#[derive(Debug)]
pub struct Desk {
    /// Violations.
    pub findings: Findings,
    /// Who can be interrupted.
    pub roll: Roll,
    /// The rows' books, in the order of the rows.
    pub tallies: Box<[Tally]>,
    /// What each slot is doing.
    pub activities: Box<[Activity]>,
    /// Threads that were born.
    pub lives: Counter,
    /// When the run began.
    pub started: Instant,
}

impl Desk {
    /// The desk for `slots` workers and rows with these notes.
    pub fn new(slots: usize, notes: &[&[&'static str]]) -> Self {
        Self {
            findings: Findings::new(),
            roll: Roll::new(slots),
            tallies: notes.iter().map(|names| Tally::new(slots, names)).collect(),
            activities: (0..slots).map(|_| Activity::default()).collect(),
            lives: Counter::new(),
            started: Instant::now(),
        }
    }

    /// Completed operations of all rows.
    pub fn operations(&self) -> u64 {
        self.tallies.iter().map(Tally::operations).sum()
    }
}

/// Permits to wait for another visit. There are fewer of them than workers, so somebody is always
/// awake.
#[derive(Debug)]
pub struct Permits(AtomicUsize);

impl Permits {
    /// `count` of them.
    pub fn new(count: usize) -> Self {
        Self(AtomicUsize::new(count))
    }

    /// One of them, if one is left.
    pub fn take(&self) -> Option<Permit<'_>> {
        let next = |left: usize| left.checked_sub(1);
        // ORD: Relaxed, the permits count threads and order nothing.
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
            .then_some(Permit(self))
    }

    fn give(&self) {
        // ORD: Relaxed, as above.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What one round's workers share.
#[derive(Debug)]
pub struct Floor {
    /// The round is over.
    pub stop: Switch,
    /// Permits to wait for another visit.
    pub permits: Permits,
}

/// One of some [`Permits`]; given back when dropped.
#[must_use = "the permit is given back as soon as it is dropped"]
#[derive(Debug)]
pub struct Permit<'r>(&'r Permits);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.give();
    }
}

/// Interrupts and signals are sent to others once in so many visits.
const MISCHIEF: usize = 24;

/// One worker thread.
#[derive(Debug)]
pub struct Worker<'r> {
    /// A number for this thread, not zero, never used again in this run.
    pub id: u64,
    /// Its place; its successors have the same.
    pub slot: usize,
    /// Its random choices.
    pub rng: Rng,
    /// Its interrupts.
    pub inbox: Inbox,
    desk: &'r Desk,
    floor: &'r Floor,
    row: usize,
    row_name: &'static str,
    tickets: u64,
}

impl<'r> Worker<'r> {
    /// The calling thread takes `slot`.
    pub fn enter(desk: &'r Desk, floor: &'r Floor, slot: usize, mut rng: Rng) -> Self {
        let inbox = Inbox::new(Life::of_this_thread());
        desk.roll.enter(slot, inbox.life().clone());
        runtime::set_member(rng.one_in(2));
        let id = desk.lives.next() + 1;
        Self { id, slot, rng, inbox, desk, floor, row: 0, row_name: "none", tickets: 0 }
    }

    /// The calling thread leaves its slot; its books must be in order.
    pub fn leave(self) {
        self.desk.roll.leave(self.slot);
        self.settle_interrupts();
    }

    /// The worker turns to another row.
    pub fn turn_to(&mut self, row: usize, name: &'static str) {
        (self.row, self.row_name) = (row, name);
    }

    /// Now and then, interrupts or disturbs somebody. Called between visits.
    pub fn mischief(&mut self) {
        if !self.rng.one_in(MISCHIEF) {
            return;
        }
        let slot = self.rng.below(self.desk.activities.len());
        match self.rng.below(3) {
            0 => self.desk.roll.disturb(slot),
            kind => {
                if let Some(life) = self.desk.roll.find(slot, kind == 1 && self.rng.one_in(4)) {
                    life.interrupt();
                }
            }
        }
    }

    /// Takes a pending interrupt, and notes a violation if the books say that one was lost.
    pub fn settle_interrupts(&self) {
        if let Err(wrong) = self.inbox.settle() {
            self.violation(Rule::InterruptLost, wrong);
        }
    }

    /// What the hooks found wrong during the last visit.
    pub fn check_runtime(&self) {
        if let Some(complaint) = runtime::complaint() {
            self.violation(Rule::Hooks, complaint);
        }
    }

    /// Whether the round is over: begin nothing new.
    pub fn stopping(&self) -> bool {
        self.floor.stop.is_on()
    }

    /// How many operations this visit should do.
    pub fn burst(&mut self) -> usize {
        1 + self.rng.below(32)
    }

    /// A permit to wait for another visit, if there is one left.
    pub fn permit(&self) -> Option<Permit<'r>> {
        self.floor.permits.take()
    }

    /// A number that nobody else has and that this thread has not used, not zero.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        (self.id << 32) | self.tickets
    }

    /// Runs something that may block; tells how long it took.
    pub fn wait<R>(&self, call: &'static &'static str, f: impl FnOnce() -> R) -> (R, Duration) {
        let begun = Instant::now();
        let activity = &self.desk.activities[self.slot];
        activity.begin(self.row, call, (begun - self.desk.started).as_nanos() as u64);
        let result = f();
        let took = begun.elapsed();
        activity.end();
        self.share().longest.raise(took.as_nanos() as u64);
        (result, took)
    }

    /// Counts one completed operation.
    pub fn done(&self) {
        self.share().operations.add(1);
    }

    /// Counts a time-out, which must not have come before its time.
    pub fn timed_out(&self, timeout: Option<Duration>, took: Duration) {
        self.share().timeouts.add(1);
        match timeout {
            None => self.violation(Rule::Status, "a wait without a deadline timed out"),
            Some(timeout) if took < timeout => {
                self.violation(
                    Rule::Early,
                    format!("timed out after {took:?}, the deadline was {timeout:?} away"),
                );
            }
            Some(_) => {}
        }
    }

    /// Counts an interrupt, which somebody must have sent.
    pub fn interrupted(&self) {
        self.share().interrupts.add(1);
        if let Err(invented) = self.inbox.received() {
            self.violation(Rule::InterruptInvented, invented);
        }
    }

    /// The row's own counter number `index`.
    pub fn note(&self, index: usize) -> &Counter {
        self.desk.tallies[self.row].note(index)
    }

    /// Notes a violation.
    pub fn violation(&self, rule: Rule, detail: impl Into<String>) {
        self.desk.findings.note(self.row_name, rule, detail);
    }

    /// Notes a violation unless `holds`.
    pub fn expect(&self, holds: bool, rule: Rule, detail: impl FnOnce() -> String) {
        if !holds {
            self.violation(rule, detail());
        }
    }

    fn share(&self) -> &Share {
        self.desk.tallies[self.row].share(self.slot)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A worker of a row "row" with one note, and what was found.
    pub(crate) fn with_worker(test: impl FnOnce(&mut Worker<'_>)) -> Findings {
        let desk = Desk::new(1, &[&["notes"]]);
        let floor = Floor { stop: Switch::new(), permits: Permits::new(1) };
        let mut worker = Worker::enter(&desk, &floor, 0, Rng::new(1));
        worker.turn_to(0, "row");
        test(&mut worker);
        worker.leave();
        desk.findings
    }

    #[test]
    fn a_time_out_before_its_time_is_noticed() {
        let timeout = Some(Duration::from_millis(2));
        let findings = with_worker(|worker| {
            worker.timed_out(timeout, Duration::from_millis(2));
            assert!(!worker.desk.findings.any());
            worker.timed_out(timeout, Duration::from_micros(1_999));
            worker.timed_out(None, Duration::from_secs(9));
        });
        assert!(findings.broke(Rule::Early) && findings.broke(Rule::Status));
    }

    #[test]
    fn an_interrupt_that_nobody_sent_is_noticed() {
        let findings = with_worker(|worker| {
            worker.inbox.life().interrupt();
            assert!(pyparking::take_interrupt());
            worker.interrupted();
            assert!(!worker.desk.findings.any());
            worker.interrupted();
        });
        assert!(findings.broke(Rule::InterruptInvented));
    }

    #[test]
    fn an_interrupt_that_is_gone_at_the_end_is_noticed() {
        let findings = with_worker(|worker| {
            worker.inbox.life().interrupt();
            pyparking::take_interrupt();
        });
        assert!(findings.broke(Rule::InterruptLost));
    }

    #[test]
    fn permits_are_given_back() {
        with_worker(|worker| {
            let first = worker.permit();
            assert!(first.is_some() && worker.permit().is_none());
            drop(first);
            assert!(worker.permit().is_some());
        });
    }

    #[test]
    fn waits_are_measured_and_seen() {
        with_worker(|worker| {
            let (seen, took) = worker.wait(&"sleep", || {
                std::thread::sleep(Duration::from_millis(1));
                worker.desk.activities[0].look()
            });
            assert_eq!(seen.map(|(row, call, _)| (row, call)), Some((0, "sleep")));
            assert!(took >= Duration::from_millis(1));
            assert!(worker.desk.tallies[0].longest() >= Duration::from_millis(1));
            assert!(worker.desk.activities[0].look().is_none());
        });
    }

    #[test]
    fn tickets_differ() {
        with_worker(|worker| assert_ne!(worker.ticket(), worker.ticket()));
    }
}
