//! Who waits, in which order, and what is known of the present tenure: data under the queue lock.

use super::waiter::Waiter;
use crate::switch::{Class, SwitchPolicy};
use core::ptr;
use pyparking::primitive::seeded;

type Place = *const Waiter;

/// Waiters of one class, in order of arrival.
#[derive(Clone, Copy)]
struct Row {
    first: Place,
    last: Place,
}

/// Everything that the queue lock protects.
#[derive(Clone, Copy)]
pub(super) struct Line {
    front: Row,
    ordinary: Row,
    /// A waiter that was woken to compete: before all others, and in no row.
    pub(super) heir: Place,
    /// The holder has been asked to drop the GIL.
    pub(super) requested: bool,
    /// The next release goes to the first waiter, past everybody who is about.
    pub(super) hand_over: bool,
    /// Who was seen to hold the GIL, in which tenure, and since when at the latest.
    tenure: (usize, u64, u64),
    /// When an ordinary thread last had the GIL, or began to wait for it first (SWITCH-2).
    pub(super) ordinary_at: u64,
}

/// # Safety
///
/// Under the queue lock, with a node that is in a row or has just been taken out of it.
unsafe fn next(place: Place) -> Place {
    // SAFETY: alive and ours by the caller's word (GILWAITER-1, GILWAITER-2).
    unsafe { (*place).next.get() }
}

impl Row {
    const EMPTY: Self = Self { first: ptr::null(), last: ptr::null() };

    fn is_empty(self) -> bool {
        self.first.is_null()
    }

    /// # Safety
    ///
    /// Under the queue lock, with a node that is in no row and stays until it has left this one.
    unsafe fn push_back(&mut self, place: Place) {
        // SAFETY: the node is in no row; the last one is alive, as it is in this row (GILWAITER-1).
        unsafe {
            (*place).next.set(ptr::null());
            match self.last.as_ref() {
                Some(last) => last.next.set(place),
                None => self.first = place,
            }
        }
        self.last = place;
    }

    /// # Safety
    ///
    /// As [`push_back`](Self::push_back).
    unsafe fn push_front(&mut self, place: Place) {
        // SAFETY: the node is in no row.
        unsafe { (*place).next.set(self.first) };
        self.first = place;
        if self.last.is_null() {
            self.last = place;
        }
    }

    /// # Safety
    ///
    /// Under the queue lock; the row is not empty.
    unsafe fn pop(&mut self) -> Place {
        let place = self.first;
        // SAFETY: in this row.
        self.first = unsafe { next(place) };
        if self.first.is_null() {
            self.last = ptr::null();
        }
        place
    }

    /// Takes a node out, wherever it stands.
    ///
    /// # Safety
    ///
    /// Under the queue lock, with a node of this row.
    unsafe fn remove(&mut self, place: Place) {
        // SAFETY: all of these are in this row.
        unsafe {
            if self.first == place {
                self.pop();
                return;
            }
            let mut before = self.first;
            while next(before) != place {
                before = next(before);
            }
            (*before).next.set(next(place));
            if self.last == place {
                self.last = before;
            }
        }
    }

    /// How many stand before a node of this row.
    ///
    /// # Safety
    ///
    /// As [`remove`](Self::remove).
    unsafe fn position(self, place: Place) -> u64 {
        let mut before = 0;
        let mut at = self.first;
        while at != place {
            before += 1;
            // SAFETY: in this row, as the node asked for comes later.
            at = unsafe { next(at) };
        }
        before
    }
}

impl Line {
    pub(super) const EMPTY: Self = Self {
        front: Row::EMPTY,
        ordinary: Row::EMPTY,
        heir: ptr::null(),
        requested: false,
        hand_over: false,
        tenure: (0, 0, 0),
        ordinary_at: 0,
    };

    /// Whether nobody waits, asleep or competing.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_sleepers() && self.heir.is_null()
    }

    /// Whether a row has somebody.
    pub(super) fn has_sleepers(&self) -> bool {
        !(self.front.is_empty() && self.ordinary.is_empty())
    }

    /// How many wait, asleep or competing.
    ///
    /// # Safety
    ///
    /// Under the queue lock.
    pub(super) unsafe fn count(&self) -> usize {
        let mut count = usize::from(!self.heir.is_null());
        for row in [self.front, self.ordinary] {
            let mut at = row.first;
            while !at.is_null() {
                count += 1;
                // SAFETY: in a row, under the queue lock.
                at = unsafe { next(at) };
            }
        }
        count
    }

    /// Whether anybody but this waiter, who is in no row, waits.
    pub(super) fn has_others(&self, waiter: &Waiter) -> bool {
        self.has_sleepers() || !(self.heir.is_null() || self.heir == waiter.place())
    }

    fn row(&mut self, class: Class) -> &mut Row {
        match class {
            Class::Front => &mut self.front,
            Class::Ordinary => &mut self.ordinary,
        }
    }

    /// Puts a waiter to sleep in its row: at its end, or back to where it came from if it is the heir.
    ///
    /// # Safety
    ///
    /// The waiter's own thread, under the queue lock, in no row; it stays until it is out again and awake.
    pub(super) unsafe fn enqueue(&mut self, waiter: &Waiter, now: u64) {
        let place = waiter.place();
        let was_heir = !seeded("gil-stale-heir") && self.forget_heir(waiter);
        if waiter.class == Class::Ordinary && self.ordinary.is_empty() && !was_heir {
            self.ordinary_at = now;
        }
        let row = self.row(waiter.class);
        // SAFETY: as the caller says.
        unsafe {
            waiter.lie_down();
            waiter.queued.set(true);
            if was_heir { row.push_front(place) } else { row.push_back(place) }
        }
    }

    /// The waiter is the heir no more; whether it was.
    pub(super) fn forget_heir(&mut self, waiter: &Waiter) -> bool {
        let was_heir = self.heir == waiter.place();
        if was_heir {
            self.heir = ptr::null();
        }
        was_heir
    }

    /// Takes a waiter that gives up out of its row.
    ///
    /// # Safety
    ///
    /// Under the queue lock; the waiter is queued.
    pub(super) unsafe fn remove(&mut self, waiter: &Waiter) {
        // SAFETY: as the caller says.
        unsafe {
            self.row(waiter.class).remove(waiter.place());
            waiter.queued.set(false);
        }
    }

    /// How many of its row stand before the waiter.
    ///
    /// # Safety
    ///
    /// As [`remove`](Self::remove).
    pub(super) unsafe fn position(&mut self, waiter: &Waiter) -> u64 {
        // SAFETY: as the caller says.
        unsafe { self.row(waiter.class).position(waiter.place()) }
    }

    /// Takes out the one whose turn it is; the caller wakes it.
    ///
    /// # Safety
    ///
    /// Under the queue lock; somebody sleeps.
    pub(super) unsafe fn pick(&mut self, policy: SwitchPolicy, now: u64, interval: u64) -> Place {
        let class = self.turn(policy, now, interval);
        // SAFETY: under the queue lock, and the class of the turn has a waiter.
        unsafe {
            let place = self.row(class).pop();
            (*place).queued.set(false);
            place
        }
    }

    /// Whose turn it is (SWITCH-2).
    fn turn(&self, policy: SwitchPolicy, now: u64, interval: u64) -> Class {
        if self.front.is_empty() || self.is_credit_used_up(policy, now, interval) {
            Class::Ordinary
        } else {
            Class::Front
        }
    }

    /// Whether an ordinary waiter has been passed for an interval (SWITCH-2).
    pub(super) fn is_credit_used_up(&self, policy: SwitchPolicy, now: u64, interval: u64) -> bool {
        policy == SwitchPolicy::Responsive
            && !self.ordinary.is_empty()
            && now.saturating_sub(self.ordinary_at) >= interval
            && !seeded("gil-starved-row")
    }

    /// Takes everybody out; a list of those to be woken, linked by `next`.
    ///
    /// # Safety
    ///
    /// Under the queue lock.
    pub(super) unsafe fn take_all(&mut self) -> Place {
        let mut taken = Row::EMPTY;
        for class in [Class::Front, Class::Ordinary] {
            while !self.row(class).is_empty() {
                // SAFETY: the node has just been taken out of its row, and is claimed by this thread.
                unsafe {
                    let place = self.row(class).pop();
                    (*place).queued.set(false);
                    taken.push_back(place);
                }
            }
        }
        self.heir = ptr::null();
        taken.first
    }

    /// Since when `holder` has been seen to hold the GIL without a break.
    pub(super) fn tenure_since(&mut self, holder: usize, number: u64, now: u64) -> u64 {
        if (self.tenure.0, self.tenure.1) != (holder, number) {
            self.tenure = (holder, number, now);
        }
        self.tenure.2
    }
}
