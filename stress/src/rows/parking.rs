//! Row `parking`: the lot itself, against a model of each queue that is kept under the bucket lock.
//!
//! The validation of a park appends to the model, the callback of an unpark takes from it, and a
//! waiter that gives up strikes itself out; all three run under the lock of the address's bucket,
//! so the model and the real queue must agree at every one of these moments, exactly: who is first,
//! and whether there is another. Some addresses of an arena share a bucket with others, which must
//! make no difference.

use super::lane::Lane;
use crate::findings::Rule;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::runtime;
use crate::worker::Worker;
use pyparking::{Deadline, ParkOptions, ParkStatus, Queue};
use std::time::{Duration, Instant};

/// The row.
#[derive(Debug)]
pub struct ParkingRow;

impl Row for ParkingRow {
    fn name(&self) -> &'static str {
        "parking"
    }

    fn about(&self) -> &'static str {
        "park, unpark, unpark_all, with_queue: FIFO, exact has_more, one wake for one waiter, \
         statuses, deadlines"
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Station::<Real>::open(setup))
    }
}

/// A lot, as the arena sees it. Tests pass broken ones.
pub trait Lot: Send + Sync + 'static {
    /// Parks.
    ///
    /// # Safety
    ///
    /// As [`pyparking::park`].
    unsafe fn park(
        address: usize,
        options: ParkOptions,
        validate: impl FnOnce() -> bool,
        gave_up: impl FnOnce(&mut Queue<'_>),
    ) -> ParkStatus;
    /// Wakes the first.
    ///
    /// # Safety
    ///
    /// As [`pyparking::unpark`].
    unsafe fn unpark(address: usize, callback: impl FnOnce(Option<*mut ()>, bool));
}

/// The process's lot.
#[derive(Debug)]
pub struct Real;

impl Lot for Real {
    unsafe fn park(
        address: usize,
        options: ParkOptions,
        validate: impl FnOnce() -> bool,
        gave_up: impl FnOnce(&mut Queue<'_>),
    ) -> ParkStatus {
        // SAFETY: handed on to the caller.
        unsafe { pyparking::park(address, options, validate, gave_up) }
    }

    unsafe fn unpark(address: usize, callback: impl FnOnce(Option<*mut ()>, bool)) {
        // SAFETY: handed on to the caller.
        unsafe { pyparking::unpark(address, callback) };
    }
}

/// Offsets between addresses: two buckets, one of which three addresses share.
const OFFSETS: [usize; 4] = [0, 257, 1, 514];

/// One round's addresses.
#[derive(Debug)]
pub struct Station<L> {
    /// Memory whose addresses nobody else uses.
    _ground: Box<[u8]>,
    lanes: Vec<Lane>,
    lot: std::marker::PhantomData<L>,
}

impl<L: Lot> Station<L> {
    /// Between one and four addresses.
    pub fn open(mut setup: Setup) -> Self {
        let ground = vec![0_u8; 600].into_boxed_slice();
        let count = setup.rng.pick(&[1, 2, 4]);
        let lanes = OFFSETS[..count]
            .iter()
            .map(|offset| Lane::at(ground.as_ptr().addr() + offset))
            .collect();
        Self { _ground: ground, lanes, lot: std::marker::PhantomData }
    }

    /// Parks on one of the addresses, and judges what came of it.
    fn park(&self, worker: &mut Worker<'_>, lane: &Lane) {
        let timeout = match worker.rng.below(6) {
            0 => Some(Duration::ZERO),
            1 => None,
            _ => Some(worker.rng.time_up_to(Duration::from_millis(2))),
        };
        let permit = worker.permit();
        if timeout.is_none() && permit.is_none() {
            return;
        }
        let ticket = lane.ticket(worker.ticket(), worker.rng.one_in(8));
        let begun = Instant::now();
        let options = ParkOptions {
            deadline: Deadline::from_timeout(timeout),
            arg: ticket.arg(),
            detach: worker.rng.one_in(2),
            interruptible: worker.rng.one_in(2),
        };
        let detaches = runtime::detaches();
        let (status, _) = worker.wait(&"park", || {
            // SAFETY: the address is this arena's own; the callbacks use no lot; the ticket
            // outlives the call.
            unsafe {
                L::park(
                    lane.address(),
                    options,
                    || ticket.validate(),
                    |queue| ticket.gave_up(queue),
                )
            }
        });
        runtime::not_queued();
        drop(permit);
        if runtime::detaches() != detaches && (timeout == Some(Duration::ZERO) || !options.detach) {
            worker.violation(Rule::Hooks, "a zero timeout, or one that stays attached, detached");
        }
        match status {
            ParkStatus::Timeout => worker.timed_out(timeout, begun.elapsed()),
            ParkStatus::Intr => {
                worker.expect(options.interruptible, Rule::Status, || {
                    "Intr, but not interruptible".into()
                });
                worker.interrupted();
            }
            ParkStatus::Ok | ParkStatus::Again => {}
        }
        worker.inbox.maybe_received();
        if let Some(wrong) = ticket.judge(status) {
            worker.violation(Rule::Token, wrong);
        }
    }

    fn unpark(&self, lane: &Lane) {
        // SAFETY: the address is this arena's own, and the callback uses no lot.
        unsafe { L::unpark(lane.address(), |arg, has_more| lane.unparked(arg, has_more)) };
    }

    /// Wakes several at once, the first ones or chosen ones.
    fn choose(&self, worker: &mut Worker<'_>, lane: &Lane) {
        let (count, chosen) = (1 + worker.rng.below(4), worker.rng.one_in(2));
        // SAFETY: the address is this arena's own, and the callback uses no lot.
        unsafe {
            pyparking::with_queue(lane.address(), |queue| {
                for _ in 0..count {
                    if chosen { lane.dequeue_odd(queue) } else { lane.dequeue(queue) }
                }
            });
        }
    }
}

impl<L: Lot> Arena for Station<L> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            let lane = &self.lanes[worker.rng.below(self.lanes.len())];
            match worker.rng.below(16) {
                0..=6 => self.unpark(lane),
                7 => self.choose(worker, lane),
                8 => lane.wake_crowd(),
                9 | 10 => lane.join_crowd(worker),
                _ => self.park(worker, lane),
            }
            worker.done();
        }
        for (rule, detail) in self.lanes.iter().flat_map(Lane::complaints) {
            worker.violation(rule, detail);
        }
    }

    fn close(&self) {
        self.lanes.iter().for_each(Lane::close);
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for lane in &self.lanes {
            for (rule, detail) in lane.complaints() {
                quiet.findings.note(quiet.row, rule, detail);
            }
            quiet.expect(lane.is_empty(), Rule::LeftBehind, || {
                "all is quiet, but somebody is queued".into()
            });
            let (woken, let_go) = lane.crowd_count();
            let lost = || format!("unpark_all woke {woken} threads, {let_go} were let go");
            quiet.expect(woken == let_go, Rule::Token, lost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::broken::{Deaf, Liar, Lifo};
    use crate::rows::trial;

    #[test]
    fn a_lot_that_wakes_the_last_is_caught() {
        assert!(trial::until(Rule::Fifo, &[], Station::<Lifo>::open).broke(Rule::Fifo));
    }

    #[test]
    fn a_lot_that_is_wrong_about_has_more_is_caught() {
        assert!(trial::until(Rule::HasMore, &[], Station::<Liar>::open).broke(Rule::HasMore));
    }

    #[test]
    fn a_lot_that_loses_a_token_to_the_clock_is_caught() {
        assert!(trial::until(Rule::Token, &[], Station::<Deaf>::open).broke(Rule::Token));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(&[], Station::<Real>::open);
    }
}
