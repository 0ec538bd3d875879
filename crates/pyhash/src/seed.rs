//! What `PYTHONHASHSEED` says.
//!
//! | setting | seed |
//! |---|---|
//! | not set, empty, `random` | random |
//! | a number from 0 to 4294967295 | that number; 0 = no randomisation |
//! | anything else | an error that names the variable and the range |
//!
//! A number may have what C's `strtoul` allows before its digits, spaces and a sign, and leading zeros; nothing may
//! follow them.
//!
//! Port of: `config_init_hash_seed` (Python/initconfig.c)

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

/// Where a [`Secret`](crate::Secret) is to come from.
///
/// ```
/// use pyhash::Seed;
///
/// assert_eq!("random".parse(), Ok(Seed::Random));
/// assert_eq!("42".parse(), Ok(Seed::Fixed(42)));
///
/// let error = "4294967296".parse::<Seed>().unwrap_err().to_string();
/// assert!(error.contains("PYTHONHASHSEED") && error.contains("0 to 4294967295"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seed {
    /// From the system's entropy.
    Random,
    /// From this number; 0 gives the secret of zeros.
    Fixed(u32),
}

impl Seed {
    /// The name of the environment variable.
    pub const VARIABLE: &'static str = "PYTHONHASHSEED";

    /// Whether hashes differ from those of seed 0: `sys.flags.hash_randomization`.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pyhash::Seed;
    ///
    /// let seeds = [Seed::Random, Seed::Fixed(1), Seed::Fixed(0)];
    /// assert_eq!(seeds.map(Seed::randomizes), [true, true, false]);
    /// ```
    ///
    /// Port of: `Py_HashRandomizationFlag` (Python/initconfig.c)
    #[must_use]
    pub const fn randomizes(self) -> bool {
        !matches!(self, Self::Fixed(0))
    }
}

/// From the text of a variable that is set.
///
/// # Errors
///
/// If it is neither `random` nor a number in range. A variable without text counts as not set; the text "" is
/// an error here.
impl FromStr for Seed {
    type Err = BadSeed;

    fn from_str(text: &str) -> Result<Self, BadSeed> {
        if text == "random" {
            return Ok(Self::Random);
        }
        number(text).map(Self::Fixed).ok_or_else(|| BadSeed::new(text))
    }
}

/// The number that `text` is.
// PORT: a negative number other than 0 is refused. C's `strtoul` wraps it around its own width, so that CPython takes
// some of them, and others on each system.
fn number(text: &str) -> Option<u32> {
    let is_space = |letter: char| matches!(letter, ' ' | '\t'..='\r');
    let signed = text.trim_start_matches(is_space);
    let digits = signed.strip_prefix(['+', '-']).unwrap_or(signed);
    if digits.is_empty() {
        return None;
    }
    let value = digits.bytes().try_fold(0_u32, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    (value == 0 || !signed.starts_with('-')).then_some(value)
}

/// A `PYTHONHASHSEED` that is neither `random` nor a number in range.
///
/// Its text names the variable, what it is set to, and the range.
///
/// ```
/// use pyhash::Seed;
///
/// let text = "-1".parse::<Seed>().unwrap_err().to_string();
/// assert!(text.starts_with("PYTHONHASHSEED is \"-1\""));
/// assert!(text.ends_with("from 0 to 4294967295"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSeed {
    setting: Box<str>,
}

impl BadSeed {
    pub(crate) fn new(setting: &str) -> Self {
        Self { setting: setting.into() }
    }

    /// What the variable was set to.
    ///
    /// Cost: no atomic operation, no copy.
    ///
    /// ```
    /// use pyhash::Seed;
    ///
    /// let error = "seven".parse::<Seed>().unwrap_err();
    /// assert_eq!(error.setting(), "seven");
    /// ```
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }
}

impl fmt::Display for BadSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, setting) = (Seed::VARIABLE, &self.setting);
        write!(f, "{name} is {setting:?}: it must be \"random\" or an integer from 0 to 4294967295")
    }
}

impl core::error::Error for BadSeed {}
