//! SipHash-1-3 by several hands: the trait of the hash rows, and its peers.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::cpython;

/// The key of every arm that lets one choose.
pub const KEY: (u64, u64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);

/// A hash of bytes that are all there.
pub trait OneShot: 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// Under [`KEY`], if there is a choice.
    fn fresh() -> Self;

    /// The hash of `bytes`.
    fn hash(&self, bytes: &[u8]) -> u64;
}

/// Makes std hashers: what a hash map does for each key.
pub trait Keyed: 'static {
    /// The name in a report.
    const NAME: &'static str;
    /// What it makes.
    type Made: Hasher;

    /// Under [`KEY`], if there is a choice.
    fn fresh() -> Self;

    /// A hasher that has seen nothing.
    fn hasher(&self) -> Self::Made;
}

/// `siphasher`, the crate that most take.
pub struct Siphasher(siphasher::sip::SipHasher13);

impl OneShot for Siphasher {
    const NAME: &'static str = "siphasher";

    fn fresh() -> Self {
        Self(siphasher::sip::SipHasher13::new_with_keys(KEY.0, KEY.1))
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u64 {
        self.0.hash(bytes)
    }
}

impl Keyed for Siphasher {
    const NAME: &'static str = "siphasher";
    type Made = siphasher::sip::SipHasher13;

    fn fresh() -> Self {
        <Self as OneShot>::fresh()
    }

    #[inline]
    fn hasher(&self) -> siphasher::sip::SipHasher13 {
        self.0
    }
}

/// `const-siphasher`, its copy for hashes at compile time.
pub struct ConstSiphasher(const_siphasher::sip::SipHasher13);

impl OneShot for ConstSiphasher {
    const NAME: &'static str = "const-siphasher";

    fn fresh() -> Self {
        Self(const_siphasher::sip::SipHasher13::new_with_keys(KEY.0, KEY.1))
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u64 {
        self.0.hash(bytes)
    }
}

impl Keyed for ConstSiphasher {
    const NAME: &'static str = "const-siphasher";
    type Made = const_siphasher::sip::SipHasher13;

    fn fresh() -> Self {
        <Self as OneShot>::fresh()
    }

    #[inline]
    fn hasher(&self) -> const_siphasher::sip::SipHasher13 {
        self.0
    }
}

/// std's own, under the random key of its hash maps: there is no one-shot form of it.
pub struct Std(RandomState);

impl OneShot for Std {
    const NAME: &'static str = "std";

    fn fresh() -> Self {
        Self(RandomState::new())
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

impl Keyed for Std {
    const NAME: &'static str = "std";
    type Made = std::hash::DefaultHasher;

    fn fresh() -> Self {
        <Self as OneShot>::fresh()
    }

    #[inline]
    fn hasher(&self) -> std::hash::DefaultHasher {
        self.0.build_hasher()
    }
}

/// CPython's own, under the key 0, 0 that it has before it is initialised.
pub struct CPython;

impl OneShot for CPython {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u64 {
        cpython::hash_bytes(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::hash::Hasher;

    use super::{ConstSiphasher, KEY, Keyed, OneShot, Siphasher, Std};

    /// What every arm under [`KEY`] must give.
    pub(crate) fn is_siphash<H: OneShot + Keyed>() {
        let input: [u8; 300] = std::array::from_fn(|index| index as u8);
        let (hash, keyed) = (<H as OneShot>::fresh(), <H as Keyed>::fresh());
        for length in 1..input.len() {
            let expected = pyhash::siphash13(KEY.0, KEY.1, &input[..length]);
            assert_eq!(hash.hash(&input[..length]), expected, "{}", <H as OneShot>::NAME);
            let mut hasher = keyed.hasher();
            hasher.write(&input[..length]);
            assert_eq!(hasher.finish(), expected, "{}", <H as Keyed>::NAME);
        }
    }

    #[test]
    fn peers_compute_the_same_thing() {
        is_siphash::<Siphasher>();
        is_siphash::<ConstSiphasher>();
    }

    #[test]
    fn std_gives_one_hash_in_one_process() {
        let std = <Std as OneShot>::fresh();
        let mut hasher = std.hasher();
        hasher.write(b"spam");
        assert_eq!(std.hash(b"spam"), hasher.finish());
        assert_ne!(std.hash(b"spam"), std.hash(b"eggs"));
    }
}
