//! Consistent reads of a few words that somebody may be writing: the trait of the seqlock rows, and its peers.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::cpython;

/// `N` words that are read and written as one.
pub trait Seq<const N: usize>: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// All words zero.
    fn fresh() -> Self;

    /// The words as some writer left them.
    fn read(&self) -> [u64; N];

    /// Replaces the words.
    fn write(&self, words: [u64; N]);
}

/// `seqlock::SeqLock`.
pub struct SeqlockCrate<const N: usize>(seqlock::SeqLock<[u64; N]>);

impl<const N: usize> Seq<N> for SeqlockCrate<N> {
    const NAME: &'static str = "seqlock";

    fn fresh() -> Self {
        Self(seqlock::SeqLock::new([0; N]))
    }

    #[inline]
    fn read(&self) -> [u64; N] {
        self.0.read()
    }

    #[inline]
    fn write(&self, words: [u64; N]) {
        *self.0.lock_write() = words;
    }
}

/// `parking_lot::RwLock` around the words: what one uses without a seqlock.
pub struct ParkingLot<const N: usize>(parking_lot::RwLock<[u64; N]>);

impl<const N: usize> Seq<N> for ParkingLot<N> {
    const NAME: &'static str = "parking_lot RwLock";

    fn fresh() -> Self {
        Self(parking_lot::RwLock::new([0; N]))
    }

    #[inline]
    fn read(&self) -> [u64; N] {
        *self.0.read()
    }

    #[inline]
    fn write(&self, words: [u64; N]) {
        *self.0.write() = words;
    }
}

/// Words that may be copied while they are written, each on its own.
struct Words<const N: usize>([AtomicU64; N]);

impl<const N: usize> Words<N> {
    fn zero() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    #[inline]
    fn load(&self) -> [u64; N] {
        // ORD: Relaxed, the sequence around the copy says whether the words belong together.
        std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed))
    }

    #[inline]
    fn store(&self, words: [u64; N]) {
        for (place, word) in self.0.iter().zip(words) {
            // ORD: Relaxed, as in `load`.
            place.store(word, Ordering::Relaxed);
        }
    }
}

/// CPython's `_PySeqLock` around words.
pub struct CPython<const N: usize> {
    lock: cpython::SeqLock,
    words: Words<N>,
}

impl<const N: usize> Seq<N> for CPython<N> {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self { lock: cpython::SeqLock::default(), words: Words::zero() }
    }

    #[inline]
    fn read(&self) -> [u64; N] {
        loop {
            let begun = self.lock.begin_read();
            let words = self.words.load();
            if self.lock.end_read(begun) {
                return words;
            }
        }
    }

    #[inline]
    fn write(&self, words: [u64; N]) {
        self.lock.lock_write();
        self.words.store(words);
        self.lock.unlock_write();
    }
}

/// The limit: two loads of a sequence that never changes, and the copy between them. It cannot be written.
pub struct BareLoads<const N: usize> {
    sequence: AtomicU32,
    words: Words<N>,
}

impl<const N: usize> Seq<N> for BareLoads<N> {
    const NAME: &'static str = "two loads and the copy";

    fn fresh() -> Self {
        Self { sequence: AtomicU32::new(0), words: Words::zero() }
    }

    #[inline]
    fn read(&self) -> [u64; N] {
        // ORD: Acquire, so that the copy comes after it as in any seqlock.
        let before = self.sequence.load(Ordering::Acquire);
        let words = self.words.load();
        // ORD: Acquire fence, so that the copy comes before the second load.
        fence(Ordering::Acquire);
        // ORD: Relaxed, the fence orders it.
        let after = self.sequence.load(Ordering::Relaxed);
        assert!(before == after, "nobody writes the limit's sequence");
        words
    }

    fn write(&self, _words: [u64; N]) {
        unreachable!("the limit is only part of rows without a writer");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BareLoads, ParkingLot, Seq, SeqlockCrate};

    /// A reader beside a writer never sees words of two writes.
    pub(crate) fn never_tears<S: Seq<8>>() {
        let cell = S::fresh();
        std::thread::scope(|scope| {
            scope.spawn(|| (1..=20_000).for_each(|turn| cell.write([turn; 8])));
            for _ in 0..20_000 {
                let words = cell.read();
                assert!(words.iter().all(|word| *word == words[0]), "{}: {words:?}", S::NAME);
            }
        });
        assert_eq!(cell.read(), [20_000; 8], "{}", S::NAME);
    }

    #[test]
    fn no_peer_tears() {
        never_tears::<SeqlockCrate<8>>();
        never_tears::<ParkingLot<8>>();
    }

    #[test]
    fn the_limit_reads_zero() {
        assert_eq!(BareLoads::<2>::fresh().read(), [0, 0]);
    }
}
