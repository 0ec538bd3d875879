//! Memory that is freed later: what a member has taken out of everybody's reach, until nobody looks at it any more.
//!
//! | place | what is there |
//! |---|---|
//! | `fresh` | put aside since the member's last advance: at most [`DEFERRED`] |
//! | `waiting` | with the goal of the advance that came after it, in the order of goals |
//!
//! * DELAY-1: an item's goal is made by an advance of its own thread, after the item was taken out of reach (QSBR-3).
//! * DELAY-2: an item is freed once, by whoever took it out of its list, and no list is borrowed meanwhile.
//!
//! Port of: `_PyMem_FreeDelayed`, `_PyMem_ProcessDelayed`, `_PyMem_AbandonDelayed` (Objects/obmalloc.c)
//! Port of: `_Py_qsbr_deferred_advance` (Python/qsbr.c)
//! PORT: what is put aside between two advances gets its goal from the advance that comes after it. CPython gives it
//! the goal of the next advance, by whatever thread: that orders the item before the advance on processors that keep
//! stores and later loads apart only; see docs/orderings.md.

use core::ptr::NonNull;
use std::collections::VecDeque;

/// How often an advance is put off. Port of: `QSBR_DEFERRED_LIMIT` (Python/qsbr.c)
pub(crate) const DEFERRED: usize = 10;

/// How many items more make a member look whether their goals are reached: a look costs an RMW for each member.
const LOOK_EVERY: usize = 64;

/// Something to free.
pub(crate) struct Delayed {
    pub(crate) pointer: NonNull<()>,
    pub(crate) free: unsafe fn(NonNull<()>),
    /// Whether freeing runs code of others, which must not happen while the world stands still.
    pub(crate) runs_code: bool,
}

// SAFETY: who puts something aside promises that any thread may free it.
unsafe impl Send for Delayed {}

impl Delayed {
    /// Frees it.
    pub(crate) fn free(self) {
        // SAFETY: whoever took the item out of its list does this once (DELAY-2), when nobody looks at it any more.
        unsafe { (self.free)(self.pointer) };
    }
}

/// What a member has put aside.
#[derive(Default)]
pub(crate) struct Desk {
    fresh: Vec<Delayed>,
    waiting: VecDeque<(u64, Delayed)>,
    /// How many were left by the last look.
    left: usize,
}

impl Desk {
    /// Puts something aside. Whether it is time to advance.
    pub(crate) fn put(&mut self, item: Delayed) -> bool {
        self.fresh.push(item);
        self.fresh.len() >= DEFERRED
    }

    pub(crate) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.waiting.is_empty()
    }

    /// The goal of an advance that came after everything in `fresh`.
    pub(crate) fn stamp(&mut self, goal: u64) {
        self.waiting.extend(self.fresh.drain(..).map(|item| (goal, item)));
    }

    /// Whether enough has come since the last look for another.
    pub(crate) fn is_look_due(&self) -> bool {
        self.waiting.len() >= self.left + LOOK_EVERY
    }

    /// A look has ended.
    pub(crate) fn looked(&mut self) {
        self.left = self.waiting.len();
    }

    /// The nearest goal.
    pub(crate) fn goal(&self) -> Option<u64> {
        self.waiting.front().map(|(goal, _)| *goal)
    }

    /// The first item, if its goal is reached.
    pub(crate) fn take(&mut self, reached: u64) -> Option<Delayed> {
        if self.goal()? > reached {
            return None;
        }
        self.waiting.pop_front().map(|(_, item)| item)
    }

    /// Takes over what another had, all of which has goals.
    pub(crate) fn append(&mut self, other: &mut Self) {
        debug_assert!(!other.has_fresh());
        self.waiting.append(&mut other.waiting);
    }
}
