//! SipHash-1-3 as a std hasher, fed in pieces.
//!
//! | field | meaning |
//! |---|---|
//! | `state` | every whole block so far has been taken in |
//! | `tail`, `filled` | the bytes after it, 0 to 7, at the low end of a word that is zero above them |
//! | `length` | bytes so far |
//!
//! Invariants:
//!
//! * HASH-2: however the bytes are cut into pieces, the hash is the one of the whole, which [`siphash13`] gives.
//!
//! [`siphash13`]: crate::siphash13

use crate::Secret;
use crate::sip::{SipState, word_of};
use core::fmt;
use core::hash::{BuildHasher, Hasher};

/// SipHash-1-3, fed in pieces.
///
/// Numbers are hashed as their bytes in the machine's order, as `Hasher` has it, so their hashes differ between
/// byte orders; bytes have one hash everywhere.
///
/// Cost: a number costs some shifts, and every 8 bytes one round; [`finish`](Hasher::finish) costs four rounds and
/// may be called again.
///
/// ```
/// use pyhash::SipHasher13;
/// use std::hash::Hasher;
///
/// let mut hasher = SipHasher13::new(0, 0);
/// hasher.write(b"spam");
/// assert_eq!(hasher.finish(), pyhash::siphash13(0, 0, b"spam"));
/// ```
#[derive(Clone)]
pub struct SipHasher13 {
    state: SipState,
    tail: u64,
    filled: usize,
    length: usize,
}

impl SipHasher13 {
    /// A hasher under the key `k0`, `k1` that has seen nothing.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{Secret, SipHasher13};
    /// use std::hash::Hasher;
    ///
    /// let secret = Secret::from_seed(42);
    /// let (k0, k1) = secret.sip_keys();
    /// let mut hasher = SipHasher13::new(k0, k1);
    /// // A `bytes` object that arrives in pieces.
    /// hasher.write(b"sp");
    /// hasher.write(b"am");
    /// assert_eq!(hasher.finish() as isize, secret.hash_bytes(b"spam"));
    /// ```
    #[inline]
    #[must_use]
    pub const fn new(k0: u64, k1: u64) -> Self {
        Self::begun(SipState::new(k0, k1))
    }

    /// A hasher with these words that has seen nothing.
    #[inline]
    pub(crate) const fn begun(state: SipState) -> Self {
        Self { state, tail: 0, filled: 0, length: 0 }
    }

    /// Takes in the lowest `size` bytes of `number`, which is zero above them.
    #[inline(always)]
    fn write_number(&mut self, number: u64, size: usize) {
        self.length = self.length.wrapping_add(size);
        let room = 8 - self.filled;
        let block = self.tail | number << (8 * self.filled);
        if size < room {
            self.tail = block;
            self.filled += size;
            return;
        }
        self.state.absorb(block);
        // Two shifts, because all of it may have found room.
        self.tail = number >> 1 >> (8 * room - 1);
        self.filled = size - room;
    }

    /// Completes the block that was begun: what is left of `bytes`, if there were enough.
    #[inline]
    fn top_up<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let room = 8 - self.filled;
        let Some((first, rest)) = bytes.split_at_checked(room) else {
            self.tail |= word_of(bytes) << (8 * self.filled);
            self.filled += bytes.len();
            return None;
        };
        self.state.absorb(self.tail | word_of(first) << (8 * self.filled));
        Some(rest)
    }
}

impl Hasher for SipHasher13 {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len());
        let mut bytes = bytes;
        if self.filled != 0 {
            let Some(rest) = self.top_up(bytes) else { return };
            bytes = rest;
        }
        let rest = self.state.absorb_blocks(bytes);
        self.tail = word_of(rest);
        self.filled = rest.len();
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.write_number(u64::from(number), 1);
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.write_number(u64::from(number.to_le()), 2);
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_number(u64::from(number.to_le()), 4);
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.write_number(number.to_le(), 8);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_number(number.to_le() as u64, size_of::<usize>());
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state.finish(self.tail, self.length)
    }
}

/// Under the key 0, 0.
impl Default for SipHasher13 {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

/// Without the words: who knows them can make collisions.
impl fmt::Debug for SipHasher13 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SipHasher13").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Makes [`SipHasher13`]s under one key, for `HashMap` and its like.
///
/// Cost: 32 bytes in the map: the words that every hash begins with.
///
/// ```
/// use pyhash::{Secret, SipBuildHasher};
/// use std::collections::HashSet;
///
/// let mut names = HashSet::with_hasher(SipBuildHasher::from(&Secret::from_seed(7)));
/// assert!(names.insert("spam") && !names.insert("spam"));
/// ```
#[derive(Clone)]
pub struct SipBuildHasher {
    fresh: SipState,
}

impl SipBuildHasher {
    /// Hashers under the key `k0`, `k1`.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::SipBuildHasher;
    /// use std::hash::BuildHasher;
    ///
    /// // The same key gives the same hashes, in this process and in the next.
    /// let [one, two] = [SipBuildHasher::new(1, 2), SipBuildHasher::new(1, 2)];
    /// assert_eq!(one.hash_one("spam"), two.hash_one("spam"));
    /// assert_ne!(one.hash_one("spam"), SipBuildHasher::new(1, 3).hash_one("spam"));
    /// ```
    #[must_use]
    pub const fn new(k0: u64, k1: u64) -> Self {
        Self { fresh: SipState::new(k0, k1) }
    }
}

impl BuildHasher for SipBuildHasher {
    type Hasher = SipHasher13;

    #[inline]
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::begun(self.fresh)
    }
}

impl From<&Secret> for SipBuildHasher {
    fn from(secret: &Secret) -> Self {
        Self { fresh: secret.sip_state() }
    }
}

/// Under the process's secret.
///
/// # Panics
///
/// As [`Secret::global`].
#[cfg(feature = "std")]
impl Default for SipBuildHasher {
    fn default() -> Self {
        Self::from(&Secret::global())
    }
}

impl fmt::Debug for SipBuildHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SipBuildHasher").finish_non_exhaustive()
    }
}
