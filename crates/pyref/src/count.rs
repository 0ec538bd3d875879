//! The shared word of a reference count: a signed count from bit 2 up, and two bits of state.
//!
//! | state | meaning | entered by | left for |
//! |---|---|---|---|
//! | 0 `INITIAL` | the owner frees at its own zero without looking further | birth | 1, 2, 3 |
//! | 1 `MAYBE_WEAKREF` | others may try to take a reference; zero here says nothing about the owner's part | whoever publishes the object | 2, 3 |
//! | 2 `QUEUED` | the count went below zero here, and the owner has been asked to merge; the queue has one reference | a decrement of 0 or 1 by another thread | 3 |
//! | 3 `MERGED` | there is no owner: the count here is all | a merge | never |
//!
//! The states only grow. Words with a meaning of their own:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | nobody but the owner has a reference, and nobody may try to take one: to others the object is as good as dead |
//! | 1 | the owner is alive with a reference: it passes 3 before it frees |
//! | 3 | dead: count zero, and merged |
//! | negative count, 2 | references that the owner counted were dropped elsewhere |
//!
//! Port of: `_Py_REF_SHARED_SHIFT`, `_Py_REF_SHARED_FLAG_MASK`, `_Py_REF_MAYBE_WEAKREF`, `_Py_REF_QUEUED`,
//! `_Py_REF_MERGED` (Include/refcount.h)

/// Where the count begins.
pub(crate) const SHIFT: u32 = 2;
/// One reference.
pub(crate) const ONE: usize = 1 << SHIFT;
/// The states' bits.
const STATE_MASK: usize = ONE - 1;

/// Fresh, and private to the owner.
pub(crate) const INITIAL: usize = 0;
/// Published.
pub(crate) const MAYBE_WEAKREF: usize = 1;
/// In the owner's queue.
pub(crate) const QUEUED: usize = 2;
/// Without an owner.
pub(crate) const MERGED: usize = 3;

/// The highest count that a thread may find: no program has so many references, but one that forgets them all could.
pub(crate) const MOST: isize = isize::MAX >> (SHIFT + 2);

/// The count, which is negative when more was dropped here than taken.
#[inline]
pub(crate) const fn count_of(word: usize) -> isize {
    word as isize >> SHIFT
}

/// The state's bits.
#[inline]
pub(crate) const fn state_of(word: usize) -> usize {
    word & STATE_MASK
}

/// Whether there is no owner any more.
#[inline]
pub(crate) const fn is_merged(word: usize) -> bool {
    state_of(word) == MERGED
}

/// Whether no reference can be taken by a thread that has none.
#[inline]
pub(crate) const fn is_closed(word: usize) -> bool {
    word == INITIAL || word == MERGED
}

/// Whether a decrement by a thread that is not the owner has to ask the owner.
#[inline]
pub(crate) const fn must_queue(word: usize) -> bool {
    word == INITIAL || word == MAYBE_WEAKREF
}

/// A merged word with this count.
#[inline]
pub(crate) const fn merged(count: isize) -> usize {
    (count as usize) << SHIFT | MERGED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_their_state() {
        for count in [-3, -1, 0, 1, 7, MOST] {
            assert_eq!(count_of(merged(count)), count);
            assert!(is_merged(merged(count)));
        }
        assert_eq!(count_of(QUEUED.wrapping_sub(ONE)), -1);
        assert_eq!(state_of(QUEUED.wrapping_sub(ONE)), QUEUED);
    }

    #[test]
    fn only_the_two_quiet_words_are_closed_and_only_ownerless_zero_is_queued() {
        let closed = [INITIAL, MAYBE_WEAKREF, QUEUED, MERGED].map(is_closed);
        assert_eq!(closed, [true, false, false, true]);
        let queued = [INITIAL, MAYBE_WEAKREF, QUEUED, MERGED].map(must_queue);
        assert_eq!(queued, [true, true, false, false]);
        assert!(!is_closed(ONE) && !must_queue(ONE | MAYBE_WEAKREF));
    }
}
