//! Lots of one's own: apart from each other, and from the process's.

use crate::own_lot::OwnLot;
use pyparking::{Lot, ParkStatus, Totals, snapshot};
use trial::until::joined;

#[test]
fn lots_do_not_share_waiters() {
    static ONE: OwnLot<1> = OwnLot::new();
    static OTHER: OwnLot<1> = OwnLot::new();
    let sleeper = ONE.sleeper(8, 1);
    assert_eq!(OTHER.unpark_all(8), 0);
    // SAFETY: the address is a number; whoever has it in the process's lot is only counted.
    let in_process = unsafe { pyparking::with_queue(8, |queue| queue.args().count()) };
    assert_eq!(in_process, 0);
    assert!(snapshot().waiters().iter().all(|waiter| waiter.address != 8));
    assert_eq!(OTHER.totals(), Totals::default());
    assert_eq!(ONE.unpark_all(8), 1);
    assert_eq!(joined(sleeper), ParkStatus::Ok);
}

#[test]
fn totals_are_summed_over_the_buckets() {
    static LOT: OwnLot<7> = OwnLot::new();
    let sleepers: Vec<_> = (0..7).map(|address| LOT.sleeper(address, address)).collect();
    assert!((0..7).all(|address| LOT.unpark_all(address) == 1));
    assert!(sleepers.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
    assert_eq!(LOT.totals(), Totals { parks: 7, wakes: 7, ..Totals::default() });
}

#[test]
fn a_bucket_is_a_cache_line_and_the_process_has_257() {
    assert_eq!(size_of::<Lot<1>>(), 64);
    assert_eq!(align_of::<Lot<1>>(), 64);
    assert_eq!(size_of::<Lot<257>>(), 257 * 64);
    assert!(size_of::<Lot<257>>() <= 32 * 1024);
}

#[test]
fn a_lot_prints_its_counts() {
    let lot: Lot<3> = Lot::default();
    let text = format!("{lot:?}");
    assert!(text.contains("buckets: 3") && text.contains("parks: 0"), "{text}");
}
