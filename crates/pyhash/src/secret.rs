//! The 24 bytes that make the hashes of one process its own.
//!
//! | bytes | read by | as |
//! |---|---|---|
//! | 0 to 7, 8 to 15 | SipHash | `k0`, `k1`, little-endian |
//! | the first two words | FNV | prefix and suffix, in the machine's order |
//! | 16 and up, a word | DJBX33A | suffix, in the machine's order |
//! | the same | an embedded XML parser | salt |
//!
//! | made from | bytes |
//! |---|---|
//! | seed 0 | all zero |
//! | seed 1 to 4294967295 | x = x·214013 + 2531011 mod 2^32, 24 times; each time bits 16 to 23 of x |
//! | the system | random |
//! | the caller | as given |
//!
//! Invariants:
//!
//! * HASH-6: the bytes of a seed are those of CPython, on every machine.
//!
//! Port of: `_Py_HashSecret_t` (Include/internal/pycore_pyhash.h), `lcg_urandom` (Python/bootstrap_hash.c)

use crate::HashFunction;
use crate::sip::SipState;
use core::fmt;

/// A hash secret: 24 bytes, and the hashes under it. It takes 56 bytes, as SipHash's first words stand beside them.
///
/// A runtime keeps one, made before its first hash and never changed: tables that were filled under one secret
/// cannot be searched under another.
///
/// ```
/// use pyhash::Secret;
///
/// assert_eq!(Secret::from_seed(0).as_bytes(), &[0; Secret::SIZE]);
/// assert_eq!(&Secret::from_seed(42).as_bytes()[..4], &[0xaf, 0x90, 0xcd, 0x68]);
/// assert_eq!(Secret::from_seed(42).hash_str(""), 0);
/// ```
///
/// Port of: `_Py_HashSecret_t` (Include/internal/pycore_pyhash.h)
#[derive(Clone, Copy)]
pub struct Secret {
    bytes: [u8; Secret::SIZE],
    /// SipHash's words before the first block: made once, since a short hash would be a tenth slower for it.
    sip: SipState,
}

impl Secret {
    /// How many bytes a secret has.
    pub const SIZE: usize = 24;

    /// The secret with these bytes.
    ///
    /// Cost: no atomic operation, no heap; also makes the words that SipHash begins with.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// // A worker process that is handed its parent's secret hashes as the parent does.
    /// let parent = Secret::from_seed(42);
    /// let worker = Secret::from_bytes(*parent.as_bytes());
    /// assert_eq!(worker.hash_str("spam"), parent.hash_str("spam"));
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let (k0, k1) = (word_at(&bytes, 0), word_at(&bytes, 8));
        Self { bytes, sip: SipState::new(k0, k1) }
    }

    /// The secret that CPython makes from `PYTHONHASHSEED=seed`, without asking the environment.
    ///
    /// Cost: 24 multiplications; no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// const SECRET: Secret = Secret::from_seed(42);
    /// assert_eq!(SECRET.hash_str("spam"), Secret::from_seed(42).hash_str("spam"));
    /// assert_ne!(SECRET.hash_str("spam"), Secret::from_seed(43).hash_str("spam"));
    /// ```
    ///
    /// Port of: `lcg_urandom`, `_Py_HashRandomization_Init` (Python/bootstrap_hash.c)
    #[must_use]
    pub const fn from_seed(seed: u32) -> Self {
        let mut bytes = [0; Self::SIZE];
        if seed == 0 {
            return Self::from_bytes(bytes);
        }
        let (mut x, mut at) = (seed, 0);
        while at < Self::SIZE {
            x = x.wrapping_mul(214_013).wrapping_add(2_531_011);
            bytes[at] = (x >> 16) as u8;
            at += 1;
        }
        Self::from_bytes(bytes)
    }

    /// The bytes.
    ///
    /// Cost: no atomic operation, no copy.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// assert_eq!(Secret::from_bytes([7; Secret::SIZE]).as_bytes(), &[7; Secret::SIZE]);
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.bytes
    }

    /// SipHash's key.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{Secret, siphash13};
    ///
    /// let secret = Secret::from_seed(42);
    /// let (k0, k1) = secret.sip_keys();
    /// assert_eq!(siphash13(k0, k1, b"spam") as isize, secret.hash_bytes(b"spam"));
    /// ```
    #[must_use]
    pub const fn sip_keys(&self) -> (u64, u64) {
        (word_at(&self.bytes, 0), word_at(&self.bytes, 8))
    }

    /// SipHash's words before the first block.
    #[inline(always)]
    pub(crate) const fn sip_state(&self) -> SipState {
        self.sip
    }

    /// FNV's prefix and suffix.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{FnvBuildHasher, Secret};
    /// use std::hash::BuildHasher;
    ///
    /// let secret = Secret::from_seed(42);
    /// let (prefix, suffix) = secret.fnv_keys();
    /// let [one, two] = [FnvBuildHasher::new(prefix, suffix), FnvBuildHasher::from(&secret)];
    /// assert_eq!(one.hash_one("spam"), two.hash_one("spam"));
    /// ```
    #[inline]
    #[must_use]
    pub fn fnv_keys(&self) -> (usize, usize) {
        (usize::from_ne_bytes(self.at(0)), usize::from_ne_bytes(self.at(size_of::<usize>())))
    }

    /// The suffix of very short strings, where there is a cutoff.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{HashFunction, Secret};
    ///
    /// // The suffix is all that keys a string shorter than the cutoff: it comes last, and off again.
    /// let (function, secret) = (HashFunction::DEFAULT.with_cutoff(7), Secret::from_seed(42));
    /// let hash = function.hash_str(&secret, "spam") ^ secret.djbx33a_suffix() as isize;
    /// assert_eq!(hash, function.hash_str(&Secret::from_seed(0), "spam"));
    /// ```
    #[inline]
    #[must_use]
    pub fn djbx33a_suffix(&self) -> usize {
        usize::from_ne_bytes(self.at(16))
    }

    /// The salt that CPython gives to its XML parser, from bytes that SipHash does not read.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// let mut bytes = [1; Secret::SIZE];
    /// bytes[16..].fill(2);
    /// let [one, two] = [[1; Secret::SIZE], bytes].map(Secret::from_bytes);
    /// assert_ne!(one.expat_salt(), two.expat_salt());
    /// assert_eq!(one.hash_str("spam"), two.hash_str("spam"));
    /// ```
    #[must_use]
    pub fn expat_salt(&self) -> usize {
        self.djbx33a_suffix()
    }

    /// The `N` bytes from `from` on.
    #[inline(always)]
    fn at<const N: usize>(&self, from: usize) -> [u8; N] {
        core::array::from_fn(|index| self.bytes[from + index])
    }

    /// CPython's hash of `bytes`: of a `bytes` object, or of any memory.
    ///
    /// Cost: one SipHash round per 8 bytes and four more; no copy, no heap.
    ///
    /// ```
    /// let secret = pyhash::Secret::from_seed(42);
    /// assert_eq!(secret.hash_bytes(b"spam"), secret.hash_str("spam"));
    /// assert_eq!(secret.hash_bytes(b""), 0);
    /// ```
    ///
    /// Port of: `_Py_HashBytes`, `Py_HashBuffer` (Python/pyhash.c)
    #[inline]
    #[must_use]
    pub fn hash_bytes(&self, bytes: &[u8]) -> isize {
        HashFunction::DEFAULT.hash_bytes(self, bytes)
    }

    /// CPython's hash of `text`, a `str` object's.
    ///
    /// Cost: ASCII as [`hash_bytes`](Self::hash_bytes), after a look whether it is; other text is decoded on the way. No
    /// heap.
    ///
    /// ```
    /// let secret = pyhash::Secret::from_seed(42);
    /// // Latin-1 text is stored with a byte per character, which is not its UTF-8.
    /// assert_eq!(secret.hash_str("\u{e9}"), secret.hash_bytes(&[0xe9]));
    /// ```
    ///
    /// Port of: `unicode_hash` (Objects/unicodeobject.c)
    #[inline]
    #[must_use]
    pub fn hash_str(&self, text: &str) -> isize {
        HashFunction::DEFAULT.hash_str(self, text)
    }
}

/// The little-endian word at `from`.
const fn word_at(bytes: &[u8; Secret::SIZE], from: usize) -> u64 {
    let (mut word, mut at) = (0, 0);
    while at < 8 {
        word |= (bytes[from + at] as u64) << (8 * at);
        at += 1;
    }
    word
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Secret {}

/// Without the bytes: who knows them can make collisions.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}
