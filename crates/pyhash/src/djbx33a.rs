//! The hash of very short strings, for builds with a cutoff: times 33 and add, keyed at the end only.
//!
//! CPython's `Py_HASH_CUTOFF` is 0 unless its builder says otherwise, so no stock CPython uses this. It is here
//! because a runtime may be asked to match one that does.
//!
//! Port of: `_Py_HashBytes`, the part under `Py_HASH_CUTOFF` (Python/pyhash.c)

/// The hash of at most 7 bytes.
#[inline]
pub(crate) fn djbx33a(suffix: usize, bytes: &[u8]) -> usize {
    let step = |hash: usize, byte: &u8| hash.wrapping_mul(33).wrapping_add(usize::from(*byte));
    bytes.iter().fold(5381, step) ^ bytes.len() ^ suffix
}
