//! Properties of everything that is fed in pieces, on drawn inputs.
//!
//! `PYHASH_SEED` repeats a run: a failure names its number.

use pyhash::{
    Algorithm, FnvHasher, HashFunction, Kind, Secret, SipBuildHasher, SipHasher13, fnv, siphash13,
};
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A generator of numbers that look random: of Sebastiano Vigna's SplitMix kind.
struct Draw(u64);

impl Draw {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// Short lengths mostly, as strings have them, and sometimes some hundreds.
    fn length(&mut self) -> usize {
        match self.below(8) {
            0 => self.below(700),
            1..4 => self.below(64),
            _ => self.below(20),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.length()).map(|_| self.number() as u8).collect()
    }

    /// Text whose characters are below `end`.
    fn text(&mut self, end: u32) -> String {
        let mut text = String::new();
        for _ in 0..self.length() {
            text.extend(char::from_u32(self.below(end as usize) as u32));
        }
        text
    }

    /// Text of some kind, with a few characters of its kind among narrower ones or many.
    fn any_text(&mut self) -> String {
        let ends = [0x80, 0x100, 0x800, 0x1_0000, 0x11_0000];
        let [wide, narrow] = [ends[self.below(5)], ends[self.below(5)]];
        self.text(narrow) + &self.text(wide) + &self.text(0x80)
    }

    fn secret(&mut self) -> Secret {
        Secret::from_bytes(std::array::from_fn(|_| self.number() as u8))
    }

    /// Feeds `bytes` to `hasher` in pieces.
    fn feed(&mut self, hasher: &mut impl Hasher, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let most = if self.below(2) == 0 { 10 } else { bytes.len() + 1 };
            let (piece, rest) = bytes.split_at(self.below(most).min(bytes.len()));
            hasher.write(piece);
            bytes = rest;
        }
    }
}

/// Runs `property` on many draws, and says which one failed.
fn check(property: impl Fn(&mut Draw)) {
    let asked = std::env::var("PYHASH_SEED").ok().and_then(|text| text.parse().ok());
    let (first, last) = asked.map_or((0, 4_000), |seed| (seed, seed));
    for seed in first..=last {
        let outcome = catch_unwind(AssertUnwindSafe(|| property(&mut Draw(seed))));
        if let Err(panic) = outcome {
            eprintln!("repeat with PYHASH_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

#[test]
fn siphash_in_pieces_is_siphash_of_the_whole() {
    check(|draw| {
        let (bytes, (k0, k1)) = (draw.bytes(), draw.secret().sip_keys());
        let expected = siphasher::sip::SipHasher13::new_with_keys(k0, k1).hash(&bytes);
        assert_eq!(siphash13(k0, k1, &bytes), expected);
        let mut hasher = SipBuildHasher::new(k0, k1).build_hasher();
        draw.feed(&mut hasher, &bytes);
        assert_eq!(hasher.finish(), expected);
        assert_eq!(hasher.finish(), expected, "asked again");
    });
}

#[test]
fn numbers_are_their_bytes() {
    check(|draw| {
        let (mut numbers, mut bytes) = (SipHasher13::default(), SipHasher13::default());
        for _ in 0..draw.below(20) {
            let number = draw.number();
            match draw.below(7) {
                0 => (numbers.write_u8(number as u8), bytes.write(&(number as u8).to_ne_bytes())),
                1 => {
                    (numbers.write_u16(number as u16), bytes.write(&(number as u16).to_ne_bytes()))
                }
                2 => {
                    (numbers.write_u32(number as u32), bytes.write(&(number as u32).to_ne_bytes()))
                }
                3 => (numbers.write_u64(number), bytes.write(&number.to_ne_bytes())),
                4 => (
                    numbers.write_usize(number as usize),
                    bytes.write(&(number as usize).to_ne_bytes()),
                ),
                5 => {
                    (numbers.write_i32(number as i32), bytes.write(&(number as i32).to_ne_bytes()))
                }
                _ => {
                    let wide = u128::from(number) << 61 | 5;
                    (numbers.write_u128(wide), bytes.write(&wide.to_ne_bytes()))
                }
            };
        }
        assert_eq!(numbers.finish(), bytes.finish());
    });
}

/// CPython's FNV, written as its description has it, a byte or a word at a time.
fn fnv_by_the_book(prefix: usize, suffix: usize, bytes: &[u8]) -> usize {
    const WORD: usize = size_of::<usize>();
    let last = match bytes.len() % WORD {
        0 => WORD.min(bytes.len()),
        some => some,
    };
    let (words, last) = bytes.split_at(bytes.len() - last);
    let words = words.chunks(WORD).map(|word| usize::from_ne_bytes(word.try_into().unwrap()));
    let steps = words.chain(last.iter().map(|byte| usize::from(*byte)));
    let begun = prefix ^ bytes.first().map_or(0, |first| usize::from(*first) << 7);
    let hash = steps.fold(begun, |hash, step| hash.wrapping_mul(1_000_003) ^ step);
    hash ^ bytes.len() ^ suffix
}

#[test]
fn fnv_in_pieces_is_fnv_of_the_whole() {
    check(|draw| {
        let (bytes, (prefix, suffix)) = (draw.bytes(), draw.secret().fnv_keys());
        let expected = fnv_by_the_book(prefix, suffix, &bytes);
        assert_eq!(fnv(prefix, suffix, &bytes), expected);
        let mut hasher = FnvHasher::new(prefix, suffix);
        draw.feed(&mut hasher, &bytes);
        assert_eq!(hasher.finish(), expected as u64);
        assert_eq!(hasher.finish(), expected as u64, "asked again");
    });
}

/// `text` as CPython would store it.
fn stored(text: &str) -> Vec<u8> {
    let numbers = text.chars().map(u32::from);
    match text.chars().max() {
        Some('\u{10000}'..) => numbers.flat_map(u32::to_ne_bytes).collect(),
        Some('\u{100}'..) => numbers.flat_map(|each| (each as u16).to_ne_bytes()).collect(),
        _ => numbers.map(|each| each as u8).collect(),
    }
}

fn functions() -> impl Iterator<Item = HashFunction> {
    let algorithms = [Algorithm::SipHash13, Algorithm::Fnv].into_iter();
    algorithms.flat_map(|algorithm| {
        [0, 1, 4, 7].map(|cutoff| HashFunction::new(algorithm).with_cutoff(cutoff))
    })
}

#[test]
fn text_is_hashed_as_it_is_stored() {
    check(|draw| {
        let (text, secret) = (draw.any_text(), draw.secret());
        let stored = stored(&text);
        for function in functions() {
            let hash = function.hash_str(&secret, &text);
            assert_eq!(hash, function.hash_bytes(&secret, &stored), "{function:?} of {text:?}");
            let wide: Vec<u32> = text.chars().map(u32::from).collect();
            if Kind::of(&text) == Kind::Four {
                assert_eq!(function.hash_ucs4(&secret, &wide), hash, "{function:?} of {text:?}");
            }
            if Kind::of(&text) == Kind::Two {
                let units: Vec<u16> = wide.iter().map(|each| *each as u16).collect();
                assert_eq!(function.hash_ucs2(&secret, &units), hash, "{function:?} of {text:?}");
            }
        }
        assert_eq!(secret.hash_str(&text), HashFunction::DEFAULT.hash_str(&secret, &text));
        assert_eq!(secret.hash_bytes(&stored), HashFunction::DEFAULT.hash_bytes(&secret, &stored));
    });
}

#[test]
fn nothing_hashes_to_zero_under_every_secret() {
    check(|draw| {
        let secret = draw.secret();
        for function in functions() {
            assert_eq!(function.hash_bytes(&secret, b""), 0);
            assert_eq!(function.hash_str(&secret, ""), 0);
            assert_eq!(function.hash_ucs2(&secret, &[]), 0);
            assert_eq!(function.hash_ucs4(&secret, &[]), 0);
        }
    });
}

/// FNV is a bijection of its suffix, so that a secret can be made under which an input would hash to -1.
#[test]
fn minus_one_becomes_minus_two_everywhere() {
    let text = "spαm";
    let prefix = 12_345;
    let suffix = fnv(prefix, 0, &stored(text)) ^ usize::MAX;
    let mut bytes = [0; Secret::SIZE];
    let word = size_of::<usize>();
    bytes[..word].copy_from_slice(&prefix.to_ne_bytes());
    bytes[word..2 * word].copy_from_slice(&suffix.to_ne_bytes());
    let secret = Secret::from_bytes(bytes);
    assert_eq!(fnv(prefix, suffix, &stored(text)), usize::MAX, "the case that is asked for");
    let function = HashFunction::new(Algorithm::Fnv);
    assert_eq!(function.hash_str(&secret, text), -2);
    assert_eq!(function.hash_bytes(&secret, &stored(text)), -2);
}
