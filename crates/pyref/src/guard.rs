//! Borrowed reads: what was reached while a guard is open stays until the guard ends.
//!
//! * GUARD-1: while a guard is open its member has no quiescent state, and if it goes offline the sequence since which
//!   it reads stays in the pin (QSBR-5). So what the guard's thread reaches after the guard was opened is not freed before it
//!   ends.
//! * GUARD-2: a guard stays on its thread and ends before its member has another.
//! * GUARD-3: a quiescent state that others waited for while a guard was open is not forgotten: when the last guard ends
//!   the member is told again. It had been told once for the word that it still has, and nobody else would.

use crate::member::Member;
use crate::qsbr::OFFLINE;
use crate::record::Record;
use core::fmt;
use core::marker::PhantomData;
use pyparking::primitive::Ordering;

/// Keeps what [`Slot::borrow`](crate::Slot::borrow) returns from being freed. Ends when dropped: that is when the
/// thread can have its next quiescent state.
///
/// A guard that is open for long keeps everything that is dropped meanwhile, by any thread. It survives a detach.
///
/// ```
/// use pyref::{Guard, Ref, Slot};
///
/// let slot = Slot::new(Ref::new(String::from("first")));
/// let guard = Guard::visit();
/// let first = slot.borrow(&guard).unwrap();
/// slot.store(None);
/// assert_eq!(*first, "first");
/// ```
#[must_use = "what was borrowed may be freed once the guard is dropped"]
pub struct Guard<'a> {
    record: &'static Record,
    visitor: Option<Member>,
    _on_thread: PhantomData<(&'a (), *const ())>,
}

impl Guard<'_> {
    pub(crate) fn new(record: &'static Record) -> Self {
        Self { record, visitor: None, _on_thread: PhantomData }
    }

    /// A guard for a thread that is no member, or not online.
    ///
    /// Cost: that of a member: two locks. [`Online::guard`](crate::Online::guard) costs no atomic operation.
    ///
    /// ```
    /// let guard = pyref::Guard::visit();
    /// assert!(pyref::Slot::<u8>::empty().borrow(&guard).is_none());
    /// ```
    pub fn visit() -> Guard<'static> {
        let member = Member::new();
        let record = member.go_online();
        Guard { record, visitor: Some(member), _on_thread: PhantomData }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.visitor.is_some() {
            // ORD: Release, pairs with the Acquire of a look: nothing is read any more (QSBR-2).
            return self.record.word.store(OFFLINE, Ordering::Release);
        }
        self.record.close_guard();
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("visitor", &self.visitor.is_some()).finish_non_exhaustive()
    }
}
