//! Sizes, texts and numbers that callers rely on.

use pyhash::{
    Algorithm, BadSeed, FnvBuildHasher, FnvHasher, HashFunction, Kind, Secret, Seed,
    SipBuildHasher, SipHasher13, fnv,
};
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::hash::{BuildHasher, Hasher};

/// The secret of a seed as CPython makes it, a byte at a time.
fn by_the_book(seed: u32) -> Vec<u8> {
    let mut x = u64::from(seed);
    let step = |_| {
        x = (x * 214_013 + 2_531_011) % (1 << 32);
        (x / (1 << 16) % 256) as u8
    };
    if seed == 0 { vec![0; 24] } else { (0..24).map(step).collect() }
}

#[test]
fn seeds_make_the_secrets_of_cpython() {
    for seed in (0..1024).chain([1 << 31, u32::MAX - 1, u32::MAX]) {
        assert_eq!(&Secret::from_seed(seed).as_bytes()[..], by_the_book(seed), "seed {seed}");
    }
}

#[test]
fn a_secret_is_24_bytes_and_can_be_a_constant() {
    const SECRET: Secret = Secret::from_seed(42);
    assert_eq!((SECRET.as_bytes().len(), Secret::SIZE), (24, 24));
    assert_eq!(Secret::from_bytes(*SECRET.as_bytes()), SECRET);
}

#[test]
fn the_parts_of_a_secret_are_where_cpython_has_them() {
    let bytes: [u8; 24] = std::array::from_fn(|index| index as u8 + 1);
    let secret = Secret::from_bytes(bytes);
    assert_eq!(secret.sip_keys(), (0x0807_0605_0403_0201, 0x100f_0e0d_0c0b_0a09));
    let word = |from: usize| {
        usize::from_ne_bytes(bytes[from..from + size_of::<usize>()].try_into().unwrap())
    };
    assert_eq!(secret.fnv_keys(), (word(0), word(size_of::<usize>())));
    assert_eq!((secret.djbx33a_suffix(), secret.expat_salt()), (word(16), word(16)));
}

#[test]
fn nothing_prints_a_secret() {
    let secret = Secret::from_seed(42);
    let mut texts = vec![format!("{secret:?}")];
    texts.push(format!("{:?}", SipBuildHasher::from(&secret)));
    texts.push(format!("{:?}", FnvBuildHasher::from(&secret)));
    texts.push(format!("{:?}", SipBuildHasher::from(&secret).build_hasher()));
    texts.push(format!("{:?}", FnvBuildHasher::from(&secret).build_hasher()));
    for text in texts {
        let digits = text.replace("SipHasher13", "").chars().filter(char::is_ascii_digit).count();
        assert!(text.contains("..") && digits <= 1, "{text}");
    }
}

#[test]
fn functions_are_described_as_in_sys_hash_info() {
    let siphash = HashFunction::default();
    assert_eq!(siphash, HashFunction::DEFAULT);
    assert_eq!((siphash.name(), siphash.hash_bits(), siphash.seed_bits()), ("siphash13", 64, 128));
    assert_eq!((siphash.algorithm(), siphash.cutoff()), (Algorithm::SipHash13, 0));
    let fnv = HashFunction::new(Algorithm::Fnv).with_cutoff(7);
    assert_eq!((fnv.name(), fnv.hash_bits()), ("fnv", isize::BITS));
    assert_eq!(fnv.cutoff(), HashFunction::LARGEST_CUTOFF);
    assert_eq!([Algorithm::Fnv as u8, Algorithm::SipHash13 as u8], [2, 3]);
    assert_eq!([Kind::One as u8, Kind::Two as u8, Kind::Four as u8], [1, 2, 4]);
}

#[test]
#[should_panic(expected = "at most 7 bytes")]
fn a_cutoff_above_seven_is_refused() {
    let _ = HashFunction::DEFAULT.with_cutoff(8);
}

#[test]
fn cutoffs_of_0_and_1_are_none() {
    let secret = Secret::from_seed(5);
    let hashes =
        [0, 1].map(|cutoff| HashFunction::DEFAULT.with_cutoff(cutoff).hash_str(&secret, "a"));
    assert_eq!(hashes, [secret.hash_str("a"); 2]);
}

#[test]
fn settings_are_read_as_cpython_reads_them() {
    let fixed = ["0", "1", "4294967295", "0007", " 42", "\t+42", "-0", "\r\n\x0b\x0c -000"];
    let numbers = [0, 1, u32::MAX, 7, 42, 42, 0, 0].map(Seed::Fixed);
    assert_eq!(fixed.map(|text| text.parse::<Seed>().unwrap()), numbers);
    assert_eq!("random".parse::<Seed>(), Ok(Seed::Random));
}

#[test]
fn anything_else_is_an_error_that_names_the_variable_and_the_range() {
    let refused = [
        "",
        " ",
        "+",
        "-",
        "-1",
        "4294967296",
        "18446744073709551616",
        "1 ",
        "0x10",
        "1_0",
        "Random",
        "random ",
        "١",
        "\u{a0}1",
        "-18446744073709551615",
        "1\0",
    ];
    for text in refused {
        let error: BadSeed = text.parse::<Seed>().expect_err(text);
        assert_eq!(error.setting(), text);
        let said = error.to_string();
        assert!(said.contains("PYTHONHASHSEED") && said.contains("0 to 4294967295"), "{said}");
        assert!(said.contains("\"random\"") && error.source().is_none(), "{said}");
    }
}

#[test]
fn only_seed_zero_does_not_randomize() {
    let seeds = [Seed::Random, Seed::Fixed(1), Seed::Fixed(0)];
    assert_eq!(seeds.map(Seed::randomizes), [true, true, false]);
}

#[test]
fn maps_find_what_was_put_into_them() {
    let secret = Secret::from_seed(42);
    let mut squares = HashMap::with_hasher(SipBuildHasher::from(&secret));
    let mut names = HashSet::with_hasher(FnvBuildHasher::from(&secret));
    for number in 0..1000_u64 {
        squares.insert(number, number * number);
        names.insert(number.to_string());
    }
    for number in 0..1000_u64 {
        assert_eq!(squares.get(&number), Some(&(number * number)));
        assert!(names.contains(number.to_string().as_str()));
    }
    assert!(!squares.contains_key(&1000) && !names.contains("1000"));
}

#[test]
fn hashers_begin_as_they_say() {
    assert_eq!(SipHasher13::default().finish(), pyhash::siphash13(0, 0, b""));
    assert_eq!(FnvHasher::default().finish(), 0);
    assert_eq!(FnvHasher::new(6, 3).finish(), 5, "prefix and suffix");
    assert_eq!(fnv(6, 3, b""), 5);
}

#[test]
fn a_cloned_hasher_goes_its_own_way() {
    let mut one = SipHasher13::new(1, 2);
    one.write(b"spam and ");
    let mut two = one.clone();
    one.write(b"eggs");
    two.write(b"ham");
    assert_eq!(one.finish(), pyhash::siphash13(1, 2, b"spam and eggs"));
    assert_eq!(two.finish(), pyhash::siphash13(1, 2, b"spam and ham"));
}
