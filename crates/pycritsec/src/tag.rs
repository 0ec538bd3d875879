//! A link to a section: its address, and two bits that say what is there and in which state.
//!
//! | bits | meaning | set by | cleared by |
//! |---|---|---|---|
//! | 1 `INACTIVE` | the section is suspended, or is being resumed | suspension | resumption, the end of a blocked Begin |
//! | 2 `TWO_MUTEXES` | a [`PairSection`] | Begin of two | never: it is what the address means |
//!
//! A link is null or leads to a section on the calling thread's list (CS-1). The bits of a section are in the link
//! *to* it, so that the list's head alone says whether there is anything to suspend or to resume.
//!
//! Port of: `_Py_CRITICAL_SECTION_INACTIVE`, `_Py_CRITICAL_SECTION_TWO_MUTEXES`, `_Py_CRITICAL_SECTION_MASK`,
//! `_PyCriticalSection_IsActive` (Include/internal/pycore_critical_section.h)

use crate::mutexes::Mutexes;
use crate::pair::PairSection;
use crate::section::Section;
use core::ptr;
use pysync::Mutex;

const INACTIVE: usize = 1;
const TWO_MUTEXES: usize = 2;
const MASK: usize = INACTIVE | TWO_MUTEXES;

const _: () = assert!(align_of::<Section>() > MASK && align_of::<PairSection>() > MASK);

/// Where a section is, and in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Link(*const Section);

impl Link {
    /// Leads nowhere.
    pub(crate) const NULL: Self = Self(ptr::null());

    /// In place of the innermost section's in modes that do not lock: no section's, and not null.
    pub(crate) const BARRED: Self = Self(ptr::without_provenance(INACTIVE));

    /// To a section over one mutex, active.
    #[inline]
    pub(crate) fn to_section(section: &Section) -> Self {
        Self(section)
    }

    /// To a section over two mutexes, active.
    #[inline]
    pub(crate) fn to_pair(pair: &PairSection) -> Self {
        // From the whole pair, not from its base: the second mutex is reached through this pointer too.
        Self(ptr::from_ref(pair).cast::<Section>().map_addr(|address| address | TWO_MUTEXES))
    }

    #[inline]
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Whether there is a section, and it is not suspended.
    #[inline]
    pub(crate) fn is_active(self) -> bool {
        !self.is_null() && !self.is_inactive()
    }

    #[inline]
    pub(crate) fn is_inactive(self) -> bool {
        self.0.addr() & INACTIVE != 0
    }

    #[inline]
    fn is_pair(self) -> bool {
        self.0.addr() & TWO_MUTEXES != 0
    }

    /// The same section, suspended.
    pub(crate) fn suspended(self) -> Self {
        Self(self.0.map_addr(|address| address | INACTIVE))
    }

    /// The same section, active.
    pub(crate) fn resumed(self) -> Self {
        Self(self.0.map_addr(|address| address & !INACTIVE))
    }

    /// The section's address, for comparisons and messages.
    pub(crate) fn address(self) -> usize {
        self.0.addr() & !MASK
    }

    /// Whether both lead to the same section, whatever its state.
    pub(crate) fn same_section(self, other: Self) -> bool {
        self.address() == other.address()
    }

    /// The section, or the part that it has in common with one.
    ///
    /// # Safety
    ///
    /// 1. The link is not null.
    /// 2. The section is in its place for as long as the reference is used, on the calling thread.
    #[inline]
    pub(crate) unsafe fn section<'a>(self) -> &'a Section {
        // SAFETY: made from a reference, so aligned and not null (1); alive and this thread's own (2). A pair
        // begins with a section.
        unsafe { &*self.0.map_addr(|address| address & !MASK) }
    }

    /// # Safety
    ///
    /// As of [`Self::section`]; besides, the link says that the section is a pair.
    #[inline]
    unsafe fn pair<'a>(self) -> &'a PairSection {
        let pair = self.0.map_addr(|address| address & !MASK).cast::<PairSection>();
        // SAFETY: as in `section`; the tag was set by `to_pair`, whose pointer may reach the whole pair.
        unsafe { &*pair }
    }

    /// Whether the section is active and records `mutex`. False for the null link.
    ///
    /// Cost: no RMW, and nothing but a test without a section.
    ///
    /// # Safety
    ///
    /// The link is null, or clause 2 of [`Self::section`] holds.
    #[inline]
    pub(crate) unsafe fn holds(self, mutex: *const Mutex) -> bool {
        if !self.is_active() {
            return false;
        }
        // SAFETY: active, so not null; the rest is the caller's word.
        unsafe { self.section() }.mutex.get() == mutex
            // SAFETY: as above; the tag is looked at first.
            || self.is_pair() && unsafe { self.pair() }.second.get() == mutex
    }

    /// Whether the section is active and records `mutex` as its first, as nearly all do that record it. False for the null
    /// link.
    ///
    /// # Safety
    ///
    /// As of [`Self::holds`].
    #[inline]
    pub(crate) unsafe fn holds_first(self, mutex: *const Mutex) -> bool {
        // SAFETY: active, so not null; the rest is the caller's word.
        self.is_active() && unsafe { self.section() }.mutex.get() == mutex
    }

    /// What the section locks.
    ///
    /// # Safety
    ///
    /// As of [`Self::section`].
    pub(crate) unsafe fn mutexes(self) -> Mutexes {
        // SAFETY: handed on.
        let first = unsafe { self.section() }.mutex.get();
        // SAFETY: handed on; the tag is looked at first.
        let second = if self.is_pair() { unsafe { self.pair() }.second.get() } else { ptr::null() };
        Mutexes { first, second }
    }

    /// Says what the section locks: for a section over one mutex, one.
    ///
    /// # Safety
    ///
    /// As of [`Self::section`].
    pub(crate) unsafe fn record(self, mutexes: Mutexes) {
        // SAFETY: handed on.
        unsafe { self.section() }.mutex.set(mutexes.first);
        if self.is_pair() {
            // SAFETY: handed on; the tag has just been looked at.
            unsafe { self.pair() }.second.set(mutexes.second);
        }
    }

    /// Makes the section one whose End has nothing to do. The link below it.
    ///
    /// # Safety
    ///
    /// As of [`Self::section`]; besides, the section is suspended, and on no list.
    pub(crate) unsafe fn empty(self) -> Self {
        // SAFETY: handed on.
        unsafe { self.record(Mutexes::NONE) };
        // SAFETY: handed on.
        unsafe { self.section() }.prev.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_leave_the_address_alone() {
        let (section, pair) = (Section::new(), PairSection::new());
        let links = [Link::to_section(&section), Link::to_pair(&pair)];
        let places = [ptr::from_ref(&section).addr(), ptr::from_ref(&pair).addr()];
        for (link, place) in links.into_iter().zip(places) {
            assert_eq!(link.address(), place);
            assert!(link.is_active() && !link.is_inactive());
            let suspended = link.suspended();
            assert!(suspended.is_inactive() && !suspended.is_active());
            assert_eq!((suspended.address(), suspended.resumed()), (place, link));
            assert!(link.same_section(suspended) && !link.same_section(Link::NULL));
        }
        assert!(!links[0].is_pair() && links[1].is_pair());
        assert!(Link::NULL.is_null() && !Link::NULL.is_active() && !Link::NULL.is_inactive());
    }

    #[test]
    fn a_link_shows_what_its_section_records() {
        let (a, b) = (Mutex::new(), Mutex::new());
        let (section, pair) = (Section::new(), PairSection::new());
        let (one, two) = (Link::to_section(&section), Link::to_pair(&pair));
        // SAFETY: both sections stay in their places.
        unsafe {
            one.record(Mutexes::one(&a));
            two.record(Mutexes::two(&a, &b));
            assert!(one.holds(&a) && !one.holds(&b));
            assert!(two.holds(&a) && two.holds(&b));
            assert!(!one.suspended().holds(&a) && !Link::NULL.holds(&a));
            assert_eq!(two.mutexes(), Mutexes::two(&b, &a));
            assert_eq!(one.suspended().mutexes(), Mutexes::one(&a));
        }
    }
}
