//! Against the machine's own Python: every hash of a few thousand inputs, under every seed from 0 to 1023.
//!
//! A seed is a process's, so each takes a start of Python. Without a Python of 3.11 or newer these tests say so and
//! pass; `tests/golden.rs` holds then.

mod interpreter;

use interpreter::Interpreter;
use pyhash::{HashFunction, Secret, Seed, keyed_hash};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::{env, fs, process, thread};

/// Something that both sides hash.
#[derive(Debug)]
enum Input {
    Text(String),
    Bytes(Vec<u8>),
    /// Text with lone surrogates, which no `str` of Rust can hold.
    Units(Vec<u16>),
}

impl Input {
    fn hash(&self, secret: &Secret) -> i64 {
        let hash = match self {
            Self::Text(text) => secret.hash_str(text),
            Self::Bytes(bytes) => secret.hash_bytes(bytes),
            Self::Units(units) => HashFunction::DEFAULT.hash_ucs2(secret, units),
        };
        hash as i64
    }

    /// A line of [`HASHES`]'s file.
    fn line(&self) -> String {
        let (kind, bytes) = match self {
            Self::Text(text) => ('s', text.clone().into_bytes()),
            Self::Bytes(bytes) => ('b', bytes.clone()),
            Self::Units(units) => ('w', units.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
        };
        let mut line = String::from(kind);
        bytes.iter().for_each(|byte| write!(line, "{byte:02x}").expect("a string grows"));
        line
    }
}

/// Prints the hash of every line of a file, in 8 little-endian bytes each.
const HASHES: &str = "\
import sys
read = {
    's': lambda data: data.decode(),
    'b': lambda data: data,
    'w': lambda data: data.decode('utf-16-le', 'surrogatepass'),
}
out = bytearray()
with open(sys.argv[1]) as lines:
    for line in lines:
        out += hash(read[line[0]](bytes.fromhex(line[1:]))).to_bytes(8, 'little', signed=True)
sys.stdout.buffer.write(out)
";

/// The inputs as a file that Python can read, gone when it is dropped.
struct Corpus {
    inputs: Vec<Input>,
    path: PathBuf,
}

impl Corpus {
    fn new(test: &str) -> Self {
        let inputs = inputs();
        let name = format!("pyhash-{test}-{}.txt", process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let lines: Vec<_> = inputs.iter().map(Input::line).collect();
        fs::write(&path, lines.join("\n")).expect("the target folder can be written");
        Self { inputs, path }
    }

    /// Compares every hash under one seed.
    fn compare(&self, python: &Interpreter, seed: u32) {
        let path = self.path.to_str().expect("a path of letters");
        let output = python.run(&seed.to_string(), HASHES, path);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs = output.stdout.chunks_exact(8);
        assert_eq!(theirs.len(), self.inputs.len());
        let secret = Secret::from_seed(seed);
        for (input, theirs) in self.inputs.iter().zip(theirs) {
            let theirs = i64::from_le_bytes(theirs.try_into().expect("eight bytes"));
            let version = &python.version;
            assert_eq!(input.hash(&secret), theirs, "Python {version}, seed {seed}: {input:?}");
        }
    }
}

impl Drop for Corpus {
    fn drop(&mut self) {
        // Left behind it would be found in the target folder; that is no reason to fail.
        let _ = fs::remove_file(&self.path);
    }
}

/// A generator of numbers that look random: of George Marsaglia's xorshift kind.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32 % end
    }

    /// Characters up to `last`, of which the first is at least `least`.
    fn text(&mut self, least: u32, last: u32, length: u32) -> String {
        let mut text = String::new();
        for place in 0..length {
            let least = if place == 0 { least } else { 0 };
            let number = least + self.below(last - least + 1);
            text.push(char::from_u32(number).unwrap_or('\u{fffd}'));
        }
        text
    }
}

/// Lowest and highest character of ASCII, Latin-1, the basic plane and the others.
const RANGES: [(u32, u32); 4] = [(0, 0x7f), (0x80, 0xff), (0x100, 0xffff), (0x1_0000, 0x10_ffff)];

/// Every length up to 40 several times in every range, some long ones, every single byte, and lone surrogates.
fn inputs() -> Vec<Input> {
    let mut dice = Dice(0x5eed);
    let mut inputs = vec![Input::Text(String::new()), Input::Bytes(Vec::new())];
    for (least, last) in RANGES {
        for length in 1..=40 {
            inputs.extend((0..10).map(|_| Input::Text(dice.text(least, last, length))));
        }
        for length in [127, 128, 129, 256, 1000] {
            inputs.push(Input::Text(dice.text(least, last, length)));
        }
    }
    for length in (0..400).map(|index| 1 + index % 40).chain([255, 256, 4096]) {
        inputs.push(Input::Bytes((0..length).map(|_| dice.below(256) as u8).collect()));
    }
    for byte in 0..=u8::MAX {
        inputs.push(Input::Bytes(vec![byte]));
        inputs.push(Input::Text(char::from(byte).into()));
    }
    for length in 1..=20 {
        // Second halves only, which no decoder makes a pair of.
        let surrogate = |_| 0xdc00 + dice.below(0x400) as u16;
        inputs.push(Input::Units((0..length).map(surrogate).collect()));
    }
    inputs
}

/// Gives each of `seeds` to one of a few threads.
fn each_in_parallel(seeds: impl Iterator<Item = u32> + Send, compare: impl Fn(u32) + Sync) {
    let lanes = thread::available_parallelism().map_or(1, |count| count.get().min(8));
    let seeds = Mutex::new(seeds);
    let next = || seeds.lock().expect("nothing panics under it").next();
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    compare(seed);
                }
            });
        }
    });
}

#[test]
fn every_hash_under_every_seed() {
    let Some(python) = interpreter::all().first() else { return };
    let corpus = Corpus::new("seeds");
    each_in_parallel(0..1024, |seed| corpus.compare(python, seed));
    eprintln!("{} inputs under 1024 seeds: all as in {}", corpus.inputs.len(), python.version);
}

#[test]
fn every_python_that_is_here() {
    let corpus = Corpus::new("versions");
    for python in interpreter::all() {
        let seeds = [0, 1, 1024, u32::MAX - 1, u32::MAX].into_iter();
        each_in_parallel(seeds, |seed| corpus.compare(python, seed));
    }
}

/// Settings of the variable. What C's `strtoul` takes and we refuse, negative numbers, is not among them.
const SETTINGS: &[&str] = &[
    "",
    "random",
    "0",
    "1",
    "42",
    "007",
    "4294967295",
    "4294967296",
    "99999999999999999999999",
    "00000000000000000000000000042",
    " 42",
    "\t\n\x0b\x0c\r 42",
    "+42",
    "-0",
    "-00",
    " +0",
    "42 ",
    "4 2",
    "+",
    "-",
    " ",
    "+-1",
    "--0",
    "- 0",
    "0x10",
    "1e3",
    "1_000",
    "1.0",
    "Random",
    "RANDOM",
    "random ",
    " random",
    "off",
    "None",
    "\u{661}",
    "\u{a0}1",
];

#[test]
fn settings_are_taken_and_refused_alike() {
    for python in interpreter::all() {
        for setting in SETTINGS {
            let output = python.run(setting, "print(hash('spam'))", "");
            let ours = Seed::from_setting(Some(setting.as_ref()));
            let version = &python.version;
            assert_eq!(ours.is_ok(), output.status.success(), "Python {version}, {setting:?}");
            if let Ok(Seed::Fixed(seed)) = ours {
                let ours = Secret::from_seed(seed).hash_str("spam").to_string();
                let theirs = String::from_utf8_lossy(&output.stdout);
                assert_eq!(ours, theirs.trim(), "Python {version}, {setting:?}");
            }
        }
    }
}

#[test]
fn keyed_hashes_mark_the_same_sources() {
    const SCRIPT: &str =
        "import _imp; print(_imp.source_hash(0x123456789abcdef, b'x = 1\\n').hex())";
    for python in interpreter::all() {
        let theirs = python.run("random", SCRIPT, "").stdout;
        let ours = keyed_hash(0x0123_4567_89ab_cdef, b"x = 1\n").to_ne_bytes();
        let ours: String = ours.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(ours, String::from_utf8_lossy(&theirs).trim(), "Python {}", python.version);
    }
}
