//! CPython's hash of `str`, `bytes` and memory: which algorithm, and what all of them have in common.
//!
//! | input | hash |
//! |---|---|
//! | nothing | 0, whatever the secret: it tells nothing about it |
//! | fewer bytes than the cutoff | DJBX33A |
//! | anything else | the algorithm's |
//!
//! Invariants:
//!
//! * HASH-4: no hash is −1, which is CPython's mark for an error; it becomes −2.
//! * HASH-5: what is hashed is the memory that CPython would hash: `bytes` as they are, text as its characters
//!   in the narrowest kind and in the machine's byte order.

use crate::djbx33a::djbx33a;
use crate::fnv::fnv;
use crate::kind::in_batches;
use crate::{FnvHasher, Kind, Secret, SipHasher13};
use core::hash::Hasher;

/// The algorithm of a build, with CPython's numbers.
///
/// ```
/// use pyhash::{Algorithm, HashFunction};
///
/// assert_eq!(HashFunction::default().algorithm(), Algorithm::SipHash13);
/// // The numbers that `Py_HASH_ALGORITHM` has in a build.
/// assert_eq!([Algorithm::Fnv as u8, Algorithm::SipHash13 as u8], [2, 3]);
/// ```
///
/// Port of: `Py_HASH_SIPHASH13`, `Py_HASH_FNV` (Include/pyhash.h)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Algorithm {
    /// CPython's FNV.
    Fnv = 2,
    /// SipHash-1-3, the default since CPython 3.11.
    #[default]
    SipHash13 = 3,
}

/// A hash of strings and memory, as one build of CPython has it.
///
/// The default is CPython's own: SipHash-1-3 without a cutoff.
///
/// ```
/// use pyhash::{Algorithm, HashFunction, Secret};
///
/// let secret = Secret::from_seed(1);
/// assert_eq!(HashFunction::default().hash_str(&secret, "spam"), secret.hash_str("spam"));
///
/// let other = HashFunction::new(Algorithm::Fnv);
/// assert_eq!((other.name(), other.seed_bits()), ("fnv", 2 * isize::BITS));
/// assert_ne!(other.hash_str(&secret, "spam"), secret.hash_str("spam"));
/// ```
///
/// Port of: `PyHash_FuncDef`, `PyHash_GetFuncDef` (Include/cpython/pyhash.h)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct HashFunction {
    algorithm: Algorithm,
    cutoff: u8,
}

impl HashFunction {
    /// CPython's own: SipHash-1-3 without a cutoff.
    pub const DEFAULT: Self = Self::new(Algorithm::SipHash13);

    /// The largest cutoff. DJBX33A is easy to make collide, so nothing longer may go through it.
    pub const LARGEST_CUTOFF: u8 = 7;

    /// `algorithm` for every length.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{Algorithm, HashFunction};
    ///
    /// assert_eq!(HashFunction::new(Algorithm::SipHash13), HashFunction::DEFAULT);
    /// assert_eq!(HashFunction::new(Algorithm::Fnv).cutoff(), 0);
    /// ```
    #[must_use]
    pub const fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, cutoff: 0 }
    }

    /// The same with DJBX33A for fewer than `cutoff` bytes. 0 and 1 are no cutoff.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// # Panics
    ///
    /// If `cutoff` is above [`LARGEST_CUTOFF`](Self::LARGEST_CUTOFF).
    ///
    /// ```
    /// use pyhash::{HashFunction, Secret};
    ///
    /// let (secret, function) = (Secret::from_seed(1), HashFunction::DEFAULT.with_cutoff(4));
    /// assert_ne!(function.hash_bytes(&secret, b"egg"), secret.hash_bytes(b"egg"));
    /// assert_eq!(function.hash_bytes(&secret, b"spam"), secret.hash_bytes(b"spam"));
    /// ```
    ///
    /// Port of: `Py_HASH_CUTOFF` (Include/pyhash.h)
    #[must_use]
    pub const fn with_cutoff(self, cutoff: u8) -> Self {
        assert!(cutoff <= Self::LARGEST_CUTOFF, "a cutoff is at most 7 bytes");
        Self { cutoff, ..self }
    }

    /// The algorithm.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{Algorithm, HashFunction};
    ///
    /// assert_eq!(HashFunction::new(Algorithm::Fnv).algorithm(), Algorithm::Fnv);
    /// ```
    #[must_use]
    pub const fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// How many bytes are too many for DJBX33A.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::HashFunction;
    ///
    /// // `sys.hash_info.cutoff`
    /// assert_eq!(HashFunction::DEFAULT.cutoff(), 0);
    /// assert_eq!(HashFunction::DEFAULT.with_cutoff(4).cutoff(), 4);
    /// ```
    #[must_use]
    pub const fn cutoff(self) -> u8 {
        self.cutoff
    }

    /// The algorithm's name in `sys.hash_info`.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{Algorithm, HashFunction};
    ///
    /// // `sys.hash_info.algorithm`
    /// assert_eq!(HashFunction::DEFAULT.name(), "siphash13");
    /// assert_eq!(HashFunction::new(Algorithm::Fnv).name(), "fnv");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.algorithm {
            Algorithm::Fnv => "fnv",
            Algorithm::SipHash13 => "siphash13",
        }
    }

    /// Bits of the algorithm's result, before it becomes a word.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::{Algorithm, HashFunction};
    ///
    /// // `sys.hash_info.hash_bits`
    /// assert_eq!(HashFunction::DEFAULT.hash_bits(), 64);
    /// assert_eq!(HashFunction::new(Algorithm::Fnv).hash_bits(), isize::BITS);
    /// ```
    #[must_use]
    pub const fn hash_bits(self) -> u32 {
        match self.algorithm {
            Algorithm::Fnv => isize::BITS,
            Algorithm::SipHash13 => 64,
        }
    }

    /// Bits of the secret that the algorithm reads.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::HashFunction;
    ///
    /// // `sys.hash_info.seed_bits`
    /// assert_eq!(HashFunction::DEFAULT.seed_bits(), 128);
    /// ```
    #[must_use]
    pub const fn seed_bits(self) -> u32 {
        2 * self.hash_bits()
    }

    /// The hash of `bytes`: of a `bytes` object, of a buffer, of a string as it is stored.
    ///
    /// Cost: the algorithm's, over memory in one piece, without a copy.
    ///
    /// ```
    /// use pyhash::{Algorithm, HashFunction, Secret};
    ///
    /// let (secret, fnv) = (Secret::from_seed(1), HashFunction::new(Algorithm::Fnv));
    /// let (prefix, suffix) = secret.fnv_keys();
    /// assert_eq!(fnv.hash_bytes(&secret, b"spam"), pyhash::fnv(prefix, suffix, b"spam") as isize);
    /// assert_eq!(fnv.hash_bytes(&secret, b""), 0);
    /// ```
    ///
    /// Port of: `_Py_HashBytes`, `Py_HashBuffer` (Python/pyhash.c)
    // PORT: nothing is counted; CPython can be built to print statistics of lengths at exit.
    #[inline]
    #[must_use]
    pub fn hash_bytes(self, secret: &Secret, bytes: &[u8]) -> isize {
        if bytes.is_empty() {
            return 0;
        }
        if bytes.len() < usize::from(self.cutoff) {
            return never_minus_one(djbx33a(secret.djbx33a_suffix(), bytes) as isize);
        }
        never_minus_one(match self.algorithm {
            Algorithm::Fnv => {
                let (prefix, suffix) = secret.fnv_keys();
                fnv(prefix, suffix, bytes) as isize
            }
            Algorithm::SipHash13 => secret.sip_state().hash(bytes) as isize,
        })
    }

    /// The hash of `text`, a `str` object's.
    ///
    /// Cost: ASCII as [`hash_bytes`](Self::hash_bytes), after a look whether it is; other text is decoded on the way. No
    /// heap.
    ///
    /// ```
    /// use pyhash::{Algorithm, HashFunction, Secret};
    ///
    /// let (secret, fnv) = (Secret::from_seed(1), HashFunction::new(Algorithm::Fnv));
    /// // Latin-1 text is stored with a byte per character.
    /// assert_eq!(fnv.hash_str(&secret, "späm"), fnv.hash_bytes(&secret, b"sp\xe4m"));
    /// ```
    ///
    /// Port of: `unicode_hash` (Objects/unicodeobject.c)
    // PORT: the hash is not kept with the string; that is for the string's owner to do.
    #[inline]
    #[must_use]
    pub fn hash_str(self, secret: &Secret, text: &str) -> isize {
        if text.is_ascii() {
            return self.hash_bytes(secret, text.as_bytes());
        }
        self.hash_wide(secret, text)
    }

    /// The hash of a string with characters above U+007F.
    #[inline(never)]
    fn hash_wide(self, secret: &Secret, text: &str) -> isize {
        let characters = text.chars();
        match Kind::of(text) {
            Kind::One => self.hash_units(secret, characters.map(|each| [each as u8])),
            Kind::Two => {
                self.hash_units(secret, characters.map(|each| (each as u16).to_ne_bytes()))
            }
            Kind::Four => {
                self.hash_units(secret, characters.map(|each| u32::from(each).to_ne_bytes()))
            }
        }
    }

    /// The hash of a string that its owner stores with two bytes per character, lone surrogates included.
    ///
    /// It is that of the equal `str` if at least one character is above U+00FF; a narrower one must be
    /// given in its own kind (HASH-3).
    ///
    /// Cost: as [`hash_bytes`](Self::hash_bytes), and a copy in batches.
    ///
    /// ```
    /// use pyhash::{HashFunction, Secret};
    ///
    /// let (secret, siphash) = (Secret::from_seed(1), HashFunction::default());
    /// let stored: Vec<u16> = "ἄλφα".chars().map(|each| each as u16).collect();
    /// assert_eq!(siphash.hash_ucs2(&secret, &stored), secret.hash_str("ἄλφα"));
    /// ```
    #[must_use]
    pub fn hash_ucs2(self, secret: &Secret, units: &[u16]) -> isize {
        self.hash_units(secret, units.iter().map(|unit| unit.to_ne_bytes()))
    }

    /// The hash of a string that its owner stores with four bytes per character.
    ///
    /// It is that of the equal `str` if at least one character is above U+FFFF; a narrower one must be
    /// given in its own kind (HASH-3).
    ///
    /// Cost: as [`hash_ucs2`](Self::hash_ucs2).
    ///
    /// ```
    /// use pyhash::{HashFunction, Secret};
    ///
    /// let (secret, siphash) = (Secret::from_seed(1), HashFunction::default());
    /// let stored: Vec<u32> = "sp🥚m".chars().map(u32::from).collect();
    /// assert_eq!(siphash.hash_ucs4(&secret, &stored), secret.hash_str("sp🥚m"));
    /// ```
    #[must_use]
    pub fn hash_ucs4(self, secret: &Secret, units: &[u32]) -> isize {
        self.hash_units(secret, units.iter().map(|unit| unit.to_ne_bytes()))
    }

    /// The hash of the bytes of all `units`, one after the other.
    #[inline]
    fn hash_units<const N: usize>(
        self,
        secret: &Secret,
        units: impl Iterator<Item = [u8; N]> + Clone,
    ) -> isize {
        let fewest = usize::from(self.cutoff.max(1));
        if units.clone().take(fewest).count() * N < fewest {
            let mut bytes = [0; Self::LARGEST_CUTOFF as usize];
            let length = units.clone().count() * N;
            let places = bytes.iter_mut().zip(units.flatten());
            places.for_each(|(place, byte)| *place = byte);
            return self.hash_bytes(secret, &bytes[..length]);
        }
        match self.algorithm {
            Algorithm::Fnv => {
                let (prefix, suffix) = secret.fnv_keys();
                fed(FnvHasher::new(prefix, suffix), units)
            }
            Algorithm::SipHash13 => fed(SipHasher13::begun(secret.sip_state()), units),
        }
    }
}

/// The hash of all `units` by `hasher`, which has seen nothing.
#[inline]
fn fed<const N: usize>(mut hasher: impl Hasher, units: impl Iterator<Item = [u8; N]>) -> isize {
    in_batches(units, |batch| hasher.write(batch));
    never_minus_one(hasher.finish() as isize)
}

/// HASH-4.
#[inline(always)]
fn never_minus_one(hash: isize) -> isize {
    if hash == -1 { minus_two() } else { hash }
}

/// One hash in 2^64 gets here, so it shall cost the others a branch that is never taken and nothing more.
#[cold]
fn minus_two() -> isize {
    -2
}

#[cfg(test)]
mod tests {
    use super::never_minus_one;

    #[test]
    fn only_minus_one_is_moved() {
        assert_eq!([-3, -2, -1, 0, 1].map(never_minus_one), [-3, -2, -2, 0, 1]);
    }
}
