//! CPython's hash of `str` and `bytes`, bit for bit, and the secret that it is keyed with.
//!
//! | part | what it is |
//! |---|---|
//! | [`Secret`] | the 24 bytes that make the hashes of one process its own |
//! | [`Seed`] | what `PYTHONHASHSEED` says: a number, or "draw one" |
#![cfg_attr(
    feature = "std",
    doc = "| [`hash_str`], [`hash_bytes`] | the hash of CPython, with the process's secret |"
)]
//! | [`HashFunction`] | the same with another algorithm or a cutoff, as CPython may be built |
//! | [`siphash13`], [`keyed_hash`], [`fnv`] | hash of memory in one shot |
//! | [`SipHasher13`], [`FnvHasher`] | the same as [`core::hash::Hasher`]s, with their `BuildHasher`s |
//!
//! A runtime makes its secret once, where it can still report an error, and hashes with it:
//!
//! ```
//! use pyhash::Secret;
//!
//! let secret = Secret::from_seed(42);
//! # #[cfg(target_pointer_width = "64")]
//! # {
//! // What `PYTHONHASHSEED=42 python3 -c 'print(hash("spam"), hash("spæm"))'` prints.
//! assert_eq!(secret.hash_str("spam"), 2077617499127640566);
//! assert_eq!(secret.hash_str("spæm"), 6054743757508084436);
//! # }
//! ```
//!
//! Everyone else takes the secret of the process, which comes from `PYTHONHASHSEED` at its first use:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use std::collections::HashMap;
//!
//! assert_eq!(pyhash::hash_str("spam"), pyhash::hash_bytes(b"spam"));
//! let mut names: HashMap<&str, u32, pyhash::SipBuildHasher> = HashMap::default();
//! names.insert("spam", 1);
//! # }
//! ```
//!
//! # What equals CPython's
//!
//! With the same seed, the hash of every `str` and `bytes` equals that of CPython 3.11 and newer in its default build
//! (SipHash-1-3, no cutoff) on a machine of the same word width and byte order. Text of two and four bytes per
//! character is hashed as it lies in memory, so big-endian machines differ there, here as in CPython.
//!
//! # Not for secrecy
//!
//! A secret keeps strangers from choosing strings that collide. Seed 0 and every published seed give that up,
//! FNV and a cutoff weaken it, and none of this is a message authentication code.
//!
//! # Without std
//!
//! With `default-features = false` the crate needs `core` and `alloc`, and there is no entropy, no environment and no
//! process-wide secret. There is no `unsafe` in it either way.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod djbx33a;
#[cfg(feature = "std")]
mod entropy;
mod fnv;
mod fnv_hasher;
mod hash_function;
mod kind;
#[cfg(feature = "std")]
mod process;
mod secret;
mod seed;
mod sip;
mod sip_hasher13;

#[cfg(feature = "std")]
pub use entropy::{NoEntropy, SecretError};
pub use fnv::fnv;
pub use fnv_hasher::{FnvBuildHasher, FnvHasher};
pub use hash_function::{Algorithm, HashFunction};
pub use kind::Kind;
#[cfg(feature = "std")]
pub use process::{AlreadySet, hash_bytes, hash_str};
pub use secret::Secret;
pub use seed::{BadSeed, Seed};
pub use sip::{keyed_hash, siphash13};
pub use sip_hasher13::{SipBuildHasher, SipHasher13};
