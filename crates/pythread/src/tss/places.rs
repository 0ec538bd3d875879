//! Which places of the tables are taken, and the serial numbers of keys.

use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU64;

const PLACE_BITS: u32 = 10;

/// The bits of a key's word that are its place.
pub(super) const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

/// A bit for each place: 1024, as many as Linux has keys.
static TAKEN: [AtomicU64; 1 << (PLACE_BITS - 6)] =
    [const { AtomicU64::new(0) }; 1 << (PLACE_BITS - 6)];

/// Takes a place; the word of a key there, which is not zero and has never been one before (TSS-1, TSS-2).
pub(super) fn take() -> Option<u64> {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let place =
        (0_u64..).zip(&TAKEN).find_map(|(group, taken)| Some(group * 64 + first(taken)?))?;
    // ORD: Relaxed, only uniqueness is asked for; an RMW gives it. 54 bits last for ever.
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    Some(serial << PLACE_BITS | place)
}

/// Takes the first free place of a group of 64.
fn first(taken: &AtomicU64) -> Option<u64> {
    loop {
        // ORD: Relaxed, the RMW below decides.
        let free = !taken.load(Ordering::Relaxed);
        if free == 0 {
            return None;
        }
        let bit = free & free.wrapping_neg();
        // ORD: Relaxed, a place protects no data: what is in it names its key (TSS-1).
        if taken.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            return Some(u64::from(bit.trailing_zeros()));
        }
    }
}

/// The key's place is free again.
pub(super) fn give_back(word: u64) {
    let place = word & PLACE_MASK;
    // ORD: Relaxed, as in `first`.
    TAKEN[(place / 64) as usize].fetch_and(!(1 << (place % 64)), Ordering::Relaxed);
}
