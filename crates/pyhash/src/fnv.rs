//! CPython's FNV over memory that is all there: words at a time, keyed at both ends.
//!
//! | step | what |
//! |---|---|
//! | begin | the prefix, with the first byte shifted up by 7 |
//! | a word | multiply by 1000003, xor the word in the machine's order |
//! | the last 1 to 8 bytes (1 to 4 on 32 bits) | the same with each byte: strings that begin alike still spread |
//! | end | xor the length and the suffix |
//!
//! It is no variant of the published FNV: the multiplier, the words and the keys are CPython's. Its result depends on the
//! byte order, and strangers can find collisions even without the key; CPython itself takes it only where
//! SipHash cannot be had.
//!
//! Port of: `PyHASH_MULTIPLIER` (Include/cpython/pyhash.h), `fnv` (Python/pyhash.c)

/// Bytes in a word.
pub(crate) const WORD: usize = size_of::<usize>();

const MULTIPLIER: usize = 1_000_003;

/// What a first byte does to the prefix.
#[inline(always)]
pub(crate) fn begun(prefix: usize, first: u8) -> usize {
    prefix ^ usize::from(first) << 7
}

/// One step: a word, or a byte of the last ones.
#[inline(always)]
pub(crate) fn mixed(hash: usize, with: usize) -> usize {
    hash.wrapping_mul(MULTIPLIER) ^ with
}

/// The steps of the last bytes, and the end.
#[inline(always)]
pub(crate) fn ended(hash: usize, last: &[u8], length: usize, suffix: usize) -> usize {
    let hash = last.iter().fold(hash, |hash, byte| mixed(hash, usize::from(*byte)));
    hash ^ length ^ suffix
}

/// Takes in words while bytes follow them: the hash, and the last 1 to [`WORD`] bytes.
#[inline(always)]
pub(crate) fn mixed_words(mut hash: usize, mut bytes: &[u8]) -> (usize, &[u8]) {
    while let Some((word, rest)) = bytes.split_first_chunk() {
        if rest.is_empty() {
            break;
        }
        hash = mixed(hash, usize::from_ne_bytes(*word));
        bytes = rest;
    }
    (hash, bytes)
}

/// CPython's FNV of `bytes` between `prefix` and `suffix`. Of no bytes it is the two together.
///
/// Cost: one multiplication per word, and one for each of the last bytes.
///
/// ```
/// use pyhash::{FnvHasher, fnv};
/// use std::hash::Hasher;
///
/// let mut in_pieces = FnvHasher::new(1, 2);
/// in_pieces.write(b"sp");
/// in_pieces.write(b"am");
/// assert_eq!(fnv(1, 2, b"spam") as u64, in_pieces.finish());
/// ```
///
/// Port of: `fnv` (Python/pyhash.c)
// PORT: the result may be -1 here; `hash_bytes` makes it -2 for every algorithm. The C function does it a second time.
#[inline]
#[must_use]
pub fn fnv(prefix: usize, suffix: usize, bytes: &[u8]) -> usize {
    let first = bytes.first().copied().unwrap_or(0);
    let (hash, last) = mixed_words(begun(prefix, first), bytes);
    ended(hash, last, bytes.len(), suffix)
}
