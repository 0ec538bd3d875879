//! CPython's FNV as a std hasher, fed in pieces.
//!
//! | field | meaning |
//! |---|---|
//! | `hash` | the prefix, or all words so far but the last |
//! | `pending`, `filled` | the bytes that may be the last ones: up to a whole word, which is taken in when another byte follows |
//! | `length` | bytes so far; 0 = the first byte has not been seen |
//!
//! HASH-2 holds here too: however the bytes are cut into pieces, the hash is the one of the whole.

use crate::Secret;
use crate::fnv::{WORD, begun, ended, mixed, mixed_words};
use core::fmt;
use core::hash::{BuildHasher, Hasher};

/// CPython's FNV, fed in pieces.
///
/// Cost: one multiplication per word; [`finish`](Hasher::finish) one per byte of the last word, and it may be called
/// again. For keys that strangers choose take [`SipHasher13`](crate::SipHasher13).
///
/// ```
/// use pyhash::FnvHasher;
/// use std::hash::Hasher;
///
/// let mut hasher = FnvHasher::new(3, 4);
/// hasher.write(b"spam");
/// assert_eq!(hasher.finish(), pyhash::fnv(3, 4, b"spam") as u64);
/// ```
#[derive(Clone)]
pub struct FnvHasher {
    hash: usize,
    suffix: usize,
    pending: [u8; WORD],
    filled: usize,
    length: usize,
}

impl FnvHasher {
    /// A hasher between `prefix` and `suffix` that has seen nothing.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{Algorithm, FnvHasher, HashFunction, Secret};
    /// use std::hash::Hasher;
    ///
    /// let secret = Secret::from_seed(42);
    /// let (prefix, suffix) = secret.fnv_keys();
    /// let mut hasher = FnvHasher::new(prefix, suffix);
    /// hasher.write(b"spam");
    /// let whole = HashFunction::new(Algorithm::Fnv).hash_bytes(&secret, b"spam");
    /// assert_eq!(hasher.finish() as isize, whole);
    /// ```
    #[inline]
    #[must_use]
    pub const fn new(prefix: usize, suffix: usize) -> Self {
        Self { hash: prefix, suffix, pending: [0; WORD], filled: 0, length: 0 }
    }

    /// Puts as much as fits into the pending word: what is left.
    #[inline]
    fn top_up<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (fits, rest) = bytes.split_at(bytes.len().min(WORD - self.filled));
        self.pending[self.filled..self.filled + fits.len()].copy_from_slice(fits);
        self.filled += fits.len();
        rest
    }
}

impl Hasher for FnvHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let Some(first) = bytes.first() else { return };
        if self.length == 0 {
            self.hash = begun(self.hash, *first);
        }
        self.length = self.length.wrapping_add(bytes.len());
        let rest = self.top_up(bytes);
        if rest.is_empty() {
            return;
        }
        self.hash = mixed(self.hash, usize::from_ne_bytes(self.pending));
        let (hash, last) = mixed_words(self.hash, rest);
        self.hash = hash;
        self.filled = 0;
        self.top_up(last);
    }

    #[inline]
    fn finish(&self) -> u64 {
        ended(self.hash, &self.pending[..self.filled], self.length, self.suffix) as u64
    }
}

/// Between 0 and 0.
impl Default for FnvHasher {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

/// Without the words: who knows them can make collisions.
impl fmt::Debug for FnvHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnvHasher").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Makes [`FnvHasher`]s under one key, for `HashMap` and its like.
///
/// Cost: two words in the map.
///
/// ```
/// use pyhash::{FnvBuildHasher, Secret};
/// use std::collections::HashSet;
///
/// let mut names = HashSet::with_hasher(FnvBuildHasher::from(&Secret::from_seed(7)));
/// assert!(names.insert("spam") && !names.insert("spam"));
/// ```
#[derive(Clone)]
pub struct FnvBuildHasher {
    prefix: usize,
    suffix: usize,
}

impl FnvBuildHasher {
    /// Hashers between `prefix` and `suffix`.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::FnvBuildHasher;
    /// use std::collections::HashMap;
    ///
    /// // Keys that no stranger chooses.
    /// let mut opcodes = HashMap::with_hasher(FnvBuildHasher::new(1, 2));
    /// opcodes.insert("NOP", 27);
    /// assert_eq!(opcodes["NOP"], 27);
    /// ```
    #[must_use]
    pub const fn new(prefix: usize, suffix: usize) -> Self {
        Self { prefix, suffix }
    }
}

impl BuildHasher for FnvBuildHasher {
    type Hasher = FnvHasher;

    #[inline]
    fn build_hasher(&self) -> FnvHasher {
        FnvHasher::new(self.prefix, self.suffix)
    }
}

impl From<&Secret> for FnvBuildHasher {
    fn from(secret: &Secret) -> Self {
        let (prefix, suffix) = secret.fnv_keys();
        Self::new(prefix, suffix)
    }
}

/// Under the process's secret.
///
/// # Panics
///
/// As [`Secret::global`].
#[cfg(feature = "std")]
impl Default for FnvBuildHasher {
    fn default() -> Self {
        Self::from(&Secret::global())
    }
}

impl fmt::Debug for FnvBuildHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnvBuildHasher").finish_non_exhaustive()
    }
}
