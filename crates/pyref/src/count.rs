//! The shared word of a reference count: a signed count from bit 2 up, and two bits of state.
//!
//! | state | meaning | entered by | left for |
//! |---|---|---|---|
//! | 0 `INITIAL` | the owner frees at its own zero without looking further | birth | 1, 2, 3 |
//! | 1 `MAYBE_WEAKREF` | others may try to take a reference; zero here says nothing about the owner's part | whoever publishes the object | 2, 3 |
//! | 2 `QUEUED` | the count went below zero here, and the owner has been asked to merge; the queue has one reference | who drops a reference that is not counted here | 3 |
//! | 3 `MERGED` | there is no owner: the count here is all | a merge | never |
//!
//! The states only grow. Words with a meaning of their own:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | nobody but the owner has a reference, and nobody may try to take one: to others the object is as good as dead |
//! | 1 | the owner is alive with a reference: it merges before it frees |
//! | negative count, 0 or 1 | a reference that the owner counted was dropped elsewhere, and the thread that did so is about to ask the owner |
//! | negative count, 2 | references that the owner counted were dropped elsewhere |
//! | 3 | the last reference has been dropped; the thread that did so is about to mark the object as dead, and a try that comes first brings it back |
//! | negative count, 3 | dead: `DEAD`, and the tries that have not taken their addition back yet |
//!
//! Dead is a mark, so that whoever tries can add first and look afterwards: from a count of zero an addition would make
//! one that others take for alive, from the mark it makes another mark.
//!
//! Port of: `_Py_REF_SHARED_SHIFT`, `_Py_REF_SHARED_FLAG_MASK`, `_Py_REF_MAYBE_WEAKREF`, `_Py_REF_QUEUED`,
//! `_Py_REF_MERGED` (Include/refcount.h)
//! PORT: in C the dead word is 3, and who tries or drops looks at the word before its compare-exchange. Here both are one
//! addition, which cannot fail, and a look at what it found.

/// Where the count begins.
pub(crate) const SHIFT: u32 = 2;
/// One reference.
pub(crate) const ONE: usize = 1 << SHIFT;
/// One reference less, as an addition.
pub(crate) const LESS: usize = ONE.wrapping_neg();
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

/// The word of a dead object: as far from zero as tries could never come.
pub(crate) const DEAD: usize = merged(isize::MIN >> (SHIFT + 1));

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

/// Whether the object is dead for good.
#[inline]
pub(crate) const fn is_dead(word: usize) -> bool {
    is_merged(word) && count_of(word) < 0
}

/// Whether no reference can be taken by a thread that has none.
#[inline]
pub(crate) const fn is_closed(word: usize) -> bool {
    word == INITIAL || is_merged(word) && count_of(word) <= 0
}

/// Whether an addition that found this word has taken a reference without doubt: neither closed, nor below zero, nor very
/// high. One comparison.
#[inline]
pub(crate) const fn is_plainly_open(word: usize) -> bool {
    word.wrapping_sub(1) < merged(MOST) - 1
}

/// Whether a subtraction that found this word has left nothing to do: the reference was counted here, and is not the last
/// of all. One comparison: with the state's bits the other way round, the last of all is the lowest word of its count.
#[inline]
pub(crate) const fn is_plainly_above(word: usize) -> bool {
    (word ^ STATE_MASK) as isize > (merged(1) ^ STATE_MASK) as isize
}

/// Whether a decrement by a thread that is not the owner has to ask the owner.
#[inline]
pub(crate) const fn must_queue(word: usize) -> bool {
    state_of(word) < QUEUED && count_of(word) <= 0
}

/// The word that says that the owner has been asked, with the same count.
#[inline]
pub(crate) const fn queued(word: usize) -> usize {
    word & !STATE_MASK | QUEUED
}

/// The word without an owner, with this count of all references.
#[inline]
pub(crate) const fn total(count: isize) -> usize {
    if count == 0 { DEAD } else { merged(count) }
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
    fn an_unpublished_word_and_a_merged_zero_are_closed_and_only_ownerless_zero_is_queued() {
        let closed = [INITIAL, MAYBE_WEAKREF, QUEUED, MERGED, DEAD].map(is_closed);
        assert_eq!(closed, [true, false, false, true, true]);
        let queued = [INITIAL, MAYBE_WEAKREF, QUEUED, MERGED].map(must_queue);
        assert_eq!(queued, [true, true, false, false]);
        assert!(!is_closed(ONE) && !must_queue(ONE | MAYBE_WEAKREF));
        assert!(must_queue(MAYBE_WEAKREF.wrapping_sub(ONE)));
    }

    #[test]
    fn dead_is_a_mark_that_tries_do_not_move() {
        let tried = [0, 1, 1 << 20].map(|tries: usize| DEAD.wrapping_add(tries * ONE));
        assert_eq!(tried.map(is_dead), [true; 3]);
        assert_eq!(tried.map(is_plainly_open), [false; 3]);
        assert_eq!(tried.map(is_plainly_above), [false; 3]);
        assert_eq!((total(0), total(2)), (DEAD, merged(2)));
        assert_eq!([MERGED, merged(1), QUEUED].map(is_dead), [false; 3]);
    }

    #[test]
    fn what_is_plain_needs_no_second_look() {
        let words = [INITIAL, MAYBE_WEAKREF, QUEUED, MERGED, merged(1), ONE, merged(MOST)];
        let open = words.map(is_plainly_open);
        assert_eq!(open, [false, true, true, true, true, true, false]);
        assert!(!is_plainly_open(QUEUED.wrapping_sub(ONE)), "the slow look decides");
        let above = words.map(is_plainly_above);
        assert_eq!(above, [false, false, false, false, false, true, true]);
        assert!(!is_plainly_above(QUEUED.wrapping_sub(ONE)));
    }

    #[test]
    fn a_queued_word_keeps_its_count() {
        assert_eq!(queued(MAYBE_WEAKREF), QUEUED);
        assert_eq!(count_of(queued(MAYBE_WEAKREF.wrapping_sub(ONE))), -1);
    }
}
