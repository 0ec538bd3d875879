//! Which member the calling thread is online with.

use crate::record::Record;
use core::ptr;
use pyparking::primitive::Cell;

pyparking::thread_slot! {
    static CURRENT: Cell<Me> = Cell::new(Me::NOBODY)
}

/// What a thread is online as, for comparison with owners. Its address is odd while the thread is offline, and a record's
/// is even, so that one comparison tells everything.
#[derive(Clone, Copy)]
pub(crate) struct Me(*const Record);

impl Me {
    /// Of a thread that is offline.
    const NOBODY: Self = Self(ptr::without_provenance(1));

    /// The record of the member, or null while the thread is offline.
    #[inline]
    pub(crate) fn record(self) -> *const Record {
        if self.is_online() { self.0 } else { ptr::null() }
    }

    #[inline]
    pub(crate) fn is_online(self) -> bool {
        self.0 != Self::NOBODY.0
    }

    /// Whether the thread is online as this owner. An owner with an odd address is taken for that of a thread that is offline.
    #[inline]
    pub(crate) fn is(self, owner: *const Record) -> bool {
        self.0 == owner
    }

    /// Whether the thread is online, and not as this owner: one comparison. An owner with an odd address, and a thread that is
    /// offline, are left aside too; null is no owner.
    #[inline]
    pub(crate) fn counts_in_shared(self, owner: *const Record) -> bool {
        // Zero if they are the same, odd if one of them is left aside: then the last bit becomes the sign.
        (self.0.addr() ^ owner.addr()).rotate_right(1) as isize > 0
    }
}

/// What the calling thread is online as.
#[inline]
pub(crate) fn me() -> Me {
    CURRENT.with(Cell::get)
}

/// The record of the member, or null while the thread is offline.
#[inline]
pub(crate) fn get() -> *const Record {
    me().record()
}

/// Sets the record; null when the thread goes offline.
#[inline]
pub(crate) fn set(record: *const Record) {
    let me = if record.is_null() { Me::NOBODY } else { Me(record) };
    CURRENT.with(|current| current.set(me));
}

#[cfg(test)]
mod tests {
    use super::Me;
    use crate::record::Record;
    use core::ptr;

    #[test]
    fn one_comparison_tells_what_others_own() {
        let [mine, other] = [0x1000, 0x2000].map(ptr::without_provenance::<Record>);
        let nobodys = ptr::without_provenance::<Record>(1);
        let me = Me(mine);
        assert!(me.counts_in_shared(other) && me.counts_in_shared(ptr::null()));
        assert!(!me.counts_in_shared(mine) && !me.counts_in_shared(nobodys));
        for owner in [mine, other, nobodys, ptr::null()] {
            assert!(!Me::NOBODY.counts_in_shared(owner));
        }
        assert!(Me::NOBODY.record().is_null() && ptr::eq(me.record(), mine));
    }
}
