//! The queue of one address as a sequential object: waiters join at the end, an unpark takes the
//! first and says whether there are more, a waiter who gives up leaves from wherever he stands.
//!
//! A park is two calls: it joins between its beginning and its validation, which runs in the same
//! stretch under the bucket lock as the joining, and it ends, woken or given up, between the
//! validation and its return.

use super::crew::Subject;
use super::history::Scribe;
use super::search::Spec;
use crate::rng::Rng;
use pyparking::{Deadline, ParkOptions, ParkStatus, park, unpark, unpark_all};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The specification.
#[derive(Debug)]
pub struct QueueSpec;

/// A call with its result. Waiters are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A waiter joins.
    Join(u32),
    /// A waiter goes, because it was taken out.
    Woken(u32),
    /// A waiter leaves by itself.
    GaveUp(u32),
    /// An unpark: whom it took out, and whether it said that there are more.
    Unpark(Option<u32>, bool),
    /// An unpark of all: how many it took out.
    UnparkAll(usize),
}

/// Who is queued, in order, and who was taken out but has not gone yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Waiting {
    queued: Vec<u32>,
    taken: Vec<u32>,
}

impl Spec for QueueSpec {
    type State = Waiting;
    type Call = Call;

    fn start() -> Waiting {
        Waiting::default()
    }

    fn step(state: &Waiting, call: &Call) -> Option<Waiting> {
        let mut next = state.clone();
        match *call {
            Call::Join(id) => next.queued.push(id),
            Call::Woken(id) => remove(&mut next.taken, id)?,
            Call::GaveUp(id) => remove(&mut next.queued, id)?,
            Call::Unpark(None, more) => return (next.queued.is_empty() && !more).then_some(next),
            Call::Unpark(Some(id), more) => {
                if next.queued.first() != Some(&id) || (next.queued.len() > 1) != more {
                    return None;
                }
                next.queued.remove(0);
                next.take(&[id]);
            }
            Call::UnparkAll(count) => {
                if count != next.queued.len() {
                    return None;
                }
                let all = std::mem::take(&mut next.queued);
                next.take(&all);
            }
        }
        Some(next)
    }
}

impl Waiting {
    /// Sorted, so that equal sets are equal states.
    fn take(&mut self, ids: &[u32]) {
        self.taken.extend(ids);
        self.taken.sort_unstable();
    }
}

fn remove(from: &mut Vec<u32>, id: u32) -> Option<()> {
    let at = from.iter().position(|&other| other == id)?;
    from.remove(at);
    Some(())
}

/// An address.
#[derive(Debug)]
pub struct Address {
    place: u8,
    closed: AtomicBool,
}

impl Address {
    fn address(&self) -> usize {
        (&raw const self.place).addr()
    }

    fn park(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        let timeout =
            if rng.one_in(2) { None } else { Some(rng.time_up_to(Duration::from_micros(60))) };
        let id = (scribe.thread() as u32) << 16 | (scribe.stamp() as u32 & 0xFFFF);
        let options = ParkOptions {
            deadline: Deadline::from_timeout(timeout),
            arg: std::ptr::without_provenance_mut(id as usize),
            detach: false,
            interruptible: false,
        };
        let joined = Cell::new(None);
        let validate = || {
            // ORD: Relaxed, written under the bucket lock, under which this runs.
            let open = !self.closed.load(Ordering::Relaxed);
            joined.set(open.then(|| scribe.stamp()));
            open
        };
        let invoked = scribe.stamp();
        // SAFETY: the address is this object's own; the callbacks use no lot; the argument is only
        // a number.
        let status = unsafe { park(self.address(), options, validate, |_| {}) };
        let returned = scribe.stamp();
        let Some(joined) = joined.get() else { return };
        scribe.write(Call::Join(id), invoked, joined);
        let end = if status == ParkStatus::Ok { Call::Woken(id) } else { Call::GaveUp(id) };
        scribe.write(end, joined, returned);
    }

    fn unpark(&self, scribe: &mut Scribe<'_, Call>) {
        let callback = |arg: Option<*mut ()>, more: bool| (arg.map(|arg| arg.addr() as u32), more);
        // SAFETY: the address is this object's own, and the callback uses no lot.
        let call = || unsafe { unpark(self.address(), callback) };
        scribe.record(call, |&(woken, more)| Call::Unpark(woken, more));
    }

    fn unpark_all(&self, scribe: &mut Scribe<'_, Call>) {
        // SAFETY: the address is this object's own.
        scribe.record(|| unsafe { unpark_all(self.address()) }, |&count| Call::UnparkAll(count));
    }
}

impl Subject for Address {
    type Spec = QueueSpec;

    fn fresh(_threads: usize) -> Self {
        Self { place: 0, closed: AtomicBool::new(false) }
    }

    /// The first thread never waits, so that somebody is there to close the address at the end.
    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        match rng.below(8) {
            0..=3 if scribe.thread() > 0 => self.park(rng, scribe),
            7 => self.unpark_all(scribe),
            _ => self.unpark(scribe),
        }
    }

    /// The first thread closes the address, under the bucket lock, and takes out who is there.
    fn leave(&self, scribe: &mut Scribe<'_, Call>) {
        if scribe.thread() == 0 {
            // ORD: Relaxed, under the bucket lock.
            let close = |_: &mut pyparking::Queue<'_>| self.closed.store(true, Ordering::Relaxed);
            // SAFETY: the address is this object's own, and the callback uses no lot.
            unsafe { pyparking::with_queue(self.address(), close) };
            self.unpark_all(scribe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Call::{GaveUp, Join, Unpark, UnparkAll, Woken};
    use super::*;
    use crate::lincheck::crew::{accepted, accepts};

    #[test]
    fn a_later_waiter_first_is_rejected() {
        let joins = [(0, Join(1), 0, 1), (1, Join(2), 2, 3)];
        let with = |call| [joins[0], joins[1], (2, call, 4, 5)];
        assert!(!accepted::<QueueSpec>(&with(Unpark(Some(2), true))));
        assert!(accepted::<QueueSpec>(&with(Unpark(Some(1), true))));
    }

    #[test]
    fn a_wrong_has_more_is_rejected() {
        assert!(!accepted::<QueueSpec>(&[(0, Join(1), 0, 1), (1, Unpark(Some(1), true), 2, 3)]));
        assert!(!accepted::<QueueSpec>(&[(1, Unpark(None, true), 2, 3)]));
    }

    #[test]
    fn a_waiter_who_was_overlooked_is_rejected() {
        assert!(!accepted::<QueueSpec>(&[(0, Join(1), 0, 1), (1, Unpark(None, false), 2, 3)]));
        assert!(!accepted::<QueueSpec>(&[(0, Join(1), 0, 1), (1, UnparkAll(0), 2, 3)]));
    }

    #[test]
    fn a_token_that_is_lost_or_invented_is_rejected() {
        let taken = [(0, Join(1), 0, 1), (1, Unpark(Some(1), false), 2, 3)];
        assert!(accepted::<QueueSpec>(&[taken[0], taken[1], (0, Woken(1), 4, 5)]));
        assert!(!accepted::<QueueSpec>(&[taken[0], taken[1], (0, GaveUp(1), 4, 5)]));
        assert!(!accepted::<QueueSpec>(&[taken[0], (0, Woken(1), 4, 5)]));
    }

    #[test]
    fn the_real_one_is_accepted() {
        accepts::<Address>(5);
    }
}
