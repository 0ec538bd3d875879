//! SipHash with one round per block and three at the end, over memory that is all there.
//!
//! | word | begins as |
//! |---|---|
//! | `v0`, `v2` | `k0` with a constant |
//! | `v1`, `v3` | `k1` with a constant |
//!
//! | transition | what |
//! |---|---|
//! | a block of 8 bytes | into `v3`, one round, into `v0` |
//! | the end | the last 0 to 7 bytes and the length mod 256 are a block; then `v2` is marked and three rounds follow |
//!
//! Invariants:
//!
//! * HASH-1: blocks are read little-endian on every machine, so a key and bytes have one hash everywhere.
//!
//! Each block waits for the one before it: five operations that depend on each other are the limit of the speed on long
//! inputs. On short ones it is how the last bytes are fetched, so nothing is copied into a buffer: the last block
//! of an input of 8 bytes or more is read together with bytes that have been hashed already, which are shifted out.
//!
//! Port of: `siphash13` (Python/pyhash.c)

/// The four words between two blocks.
#[derive(Clone, Copy)]
pub(crate) struct SipState {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl SipState {
    #[inline]
    pub(crate) const fn new(k0: u64, k1: u64) -> Self {
        // The letters of "somepseudorandomlygeneratedbytes", as the designers chose them.
        Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        }
    }

    /// The two halves of a half-round side by side: written one after the other it is 2 % slower on long inputs.
    #[inline(always)]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);

        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    /// Takes one block in.
    #[inline(always)]
    pub(crate) fn absorb(&mut self, block: u64) {
        self.v3 ^= block;
        self.round();
        self.v0 ^= block;
    }

    /// Takes every whole block of `bytes` in: the rest, of at most 7 bytes.
    #[inline(always)]
    pub(crate) fn absorb_blocks<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let blocks = bytes.chunks_exact(8);
        let rest = blocks.remainder();
        for block in blocks {
            let block = block.try_into().expect("a chunk of 8 is 8 bytes");
            self.absorb(u64::from_le_bytes(block));
        }
        rest
    }

    /// The hash of `bytes` after what has been taken in.
    #[inline(always)]
    pub(crate) fn hash(mut self, bytes: &[u8]) -> u64 {
        self.absorb_blocks(bytes);
        self.finish(tail_of(bytes), bytes.len())
    }

    /// The hash, given the bytes after the last whole block and the length of everything.
    #[inline(always)]
    pub(crate) fn finish(mut self, tail: u64, length: usize) -> u64 {
        self.absorb((length as u64) << 56 | tail);
        self.v2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        (self.v0 ^ self.v1) ^ (self.v2 ^ self.v3)
    }
}

/// Multiplying by this moves a word up by so many bytes. A shift by a variable is three operations on x86, all of the
/// kind that the rounds' rotations compete for; this is one of another kind.
const UP: [u64; 8] = [1, 1 << 8, 1 << 16, 1 << 24, 1 << 32, 1 << 40, 1 << 48, 1 << 56];

/// Up to 7 bytes as the low end of a little-endian word.
#[inline(always)]
pub(crate) fn word_of(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    debug_assert!(length < 8, "a whole block is not a tail");
    // Four bytes, or two, from either end: where they overlap, they are the same.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        return first | last.wrapping_mul(UP[(length - 4) % 8]);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half| u64::from(u16::from_le_bytes(*half)));
        return first | last.wrapping_mul(UP[(length - 2) % 8]);
    }
    bytes.first().map_or(0, |only| u64::from(*only))
}

/// The bytes after the last whole block.
#[inline(always)]
fn tail_of(bytes: &[u8]) -> u64 {
    match bytes.last_chunk() {
        // The upper half of the product: what has been moved out of the word, which may be nothing.
        Some(last) => {
            let moved = u128::from(u64::from_le_bytes(*last)) * u128::from(UP[bytes.len() % 8]);
            (moved >> 64) as u64
        }
        None => word_of(bytes),
    }
}

/// SipHash-1-3 of `bytes` under the key `k0`, `k1`.
///
/// Cost: one round per 8 bytes and four more; no memory beside the input is touched.
///
/// ```
/// use pyhash::{SipHasher13, siphash13};
/// use std::hash::Hasher;
///
/// let mut in_pieces = SipHasher13::new(1, 2);
/// in_pieces.write(b"sp");
/// in_pieces.write(b"am");
/// assert_eq!(siphash13(1, 2, b"spam"), in_pieces.finish());
/// ```
///
/// Port of: `siphash13` (Python/pyhash.c)
#[inline]
#[must_use]
pub fn siphash13(k0: u64, k1: u64, bytes: &[u8]) -> u64 {
    SipState::new(k0, k1).hash(bytes)
}

/// SipHash-1-3 of `bytes` under a key of one word. It does not depend on any [`Secret`](crate::Secret): CPython
/// marks its hash-based `.pyc` files with it.
///
/// Cost: as [`siphash13`].
///
/// ```
/// // CPython's `_imp.source_hash(0, b"spam")` gives the same bytes.
/// let bytes = pyhash::keyed_hash(0, b"spam").to_le_bytes();
/// assert_eq!(bytes, [0x78, 0xae, 0xba, 0xc6, 0x49, 0x77, 0xec, 0x95]);
/// ```
///
/// Port of: `_Py_KeyedHash` (Python/pyhash.c)
#[inline]
#[must_use]
pub fn keyed_hash(key: u64, bytes: &[u8]) -> u64 {
    siphash13(key, 0, bytes)
}

#[cfg(test)]
mod tests {
    use super::{tail_of, word_of};

    #[test]
    fn tails_of_every_length_are_the_bytes_in_order() {
        let bytes: [u8; 24] = core::array::from_fn(|index| 0x81 + 3 * index as u8);
        for length in 0..bytes.len() {
            let message = &bytes[..length];
            let tail = &message[length / 8 * 8..];
            let mut padded = [0; 8];
            padded[..tail.len()].copy_from_slice(tail);
            assert_eq!(tail_of(message), u64::from_le_bytes(padded), "{length} bytes");
            assert_eq!(word_of(tail), u64::from_le_bytes(padded), "{length} bytes, the rest alone");
        }
    }
}
