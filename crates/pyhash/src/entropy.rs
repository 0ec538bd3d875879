//! Secrets from outside: the system's entropy and the environment.
//!
//! Port of: `_Py_HashRandomization_Init` (Python/bootstrap_hash.c), `config_init_hash_seed` (Python/initconfig.c)

use crate::{BadSeed, Secret, Seed};
use core::fmt;
use std::ffi::OsStr;

impl Seed {
    /// What the environment says now.
    ///
    /// Cost: a look-up in the environment, under std's lock; if the variable is set, its text on the heap.
    ///
    /// # Errors
    ///
    /// If the variable is set to anything but `random` or a number in range.
    ///
    /// ```
    /// use pyhash::Seed;
    ///
    /// // A program that would rather start than insist.
    /// let seed = Seed::from_env().unwrap_or_else(|error| {
    ///     eprintln!("warning: {error}");
    ///     Seed::Random
    /// });
    /// assert!(seed.secret().is_ok());
    /// ```
    pub fn from_env() -> Result<Self, BadSeed> {
        Self::from_setting(std::env::var_os(Self::VARIABLE).as_deref())
    }

    /// What a variable with this text, or one that is not set, would say. An empty one counts as not set, as every
    /// variable of CPython's does.
    ///
    /// Cost: looks at every byte once; an error keeps the text on the heap.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env). Text that is not Unicode is an error too.
    ///
    /// ```
    /// use pyhash::Seed;
    ///
    /// assert_eq!(Seed::from_setting(None), Ok(Seed::Random));
    /// assert_eq!(Seed::from_setting(Some("".as_ref())), Ok(Seed::Random));
    /// assert_eq!(Seed::from_setting(Some("7".as_ref())), Ok(Seed::Fixed(7)));
    /// assert!(Seed::from_setting(Some("seven".as_ref())).is_err());
    /// ```
    ///
    /// Port of: `config_init_hash_seed` (Python/initconfig.c)
    pub fn from_setting(setting: Option<&OsStr>) -> Result<Self, BadSeed> {
        match setting {
            None => Ok(Self::Random),
            Some(text) if text.is_empty() => Ok(Self::Random),
            Some(text) => match text.to_str() {
                Some(text) => text.parse(),
                None => Err(BadSeed::new(&text.to_string_lossy())),
            },
        }
    }

    /// The secret that this seed asks for.
    ///
    /// Cost: as [`Secret::random`] for a random one, as [`Secret::from_seed`] for a number.
    ///
    /// # Errors
    ///
    /// If the seed is random and the system has no entropy to give.
    ///
    /// ```
    /// use pyhash::{Secret, Seed};
    ///
    /// let seed: Seed = "42".parse().unwrap();
    /// assert!(seed.secret().unwrap() == Secret::from_seed(42));
    /// ```
    pub fn secret(self) -> Result<Secret, NoEntropy> {
        match self {
            Self::Random => Secret::random(),
            Self::Fixed(seed) => Ok(Secret::from_seed(seed)),
        }
    }
}

impl Secret {
    /// A secret of the system's entropy.
    ///
    /// Cost: one system call.
    ///
    /// # Errors
    ///
    /// If the system has no entropy to give.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// let [one, two] = [Secret::random().unwrap(), Secret::random().unwrap()];
    /// assert!(one != two);
    /// ```
    ///
    /// Port of: `pyurandom` (Python/bootstrap_hash.c)
    // PORT: waits for the system's pool, in the first seconds after it started; CPython (PEP 524) goes on with
    // what /dev/urandom has.
    pub fn random() -> Result<Self, NoEntropy> {
        let mut bytes = [0; Self::SIZE];
        match getrandom::fill(&mut bytes) {
            Ok(()) => Ok(Self::from_bytes(bytes)),
            Err(error) => Err(NoEntropy { error }),
        }
    }

    /// A secret as `PYTHONHASHSEED` asks for it: what a runtime calls when it starts.
    ///
    /// Two calls give different secrets where the variable leaves it to chance.
    ///
    /// Cost: as [`Seed::from_env`] and [`Seed::secret`].
    ///
    /// # Errors
    ///
    /// If the variable is set to anything but `random` or a number from 0 to 4294967295, or if it asks for
    /// entropy and the system has none.
    ///
    /// ```
    /// let secret = pyhash::Secret::from_env().unwrap_or_else(|error| {
    ///     eprintln!("fatal: {error}");
    ///     std::process::exit(1);
    /// });
    /// assert_eq!(secret.hash_str(""), 0);
    /// ```
    ///
    /// Port of: `_Py_HashRandomization_Init` (Python/bootstrap_hash.c)
    pub fn from_env() -> Result<Self, SecretError> {
        let seed = Seed::from_env().map_err(SecretError::BadSeed)?;
        seed.secret().map_err(SecretError::NoEntropy)
    }
}

/// The system has no entropy to give.
///
/// ```
/// use pyhash::{NoEntropy, Secret};
///
/// // A seed from the command line needs no entropy; without one there may be an error to report.
/// fn start(seed: Option<u32>) -> Result<Secret, NoEntropy> {
///     seed.map_or_else(Secret::random, |seed| Ok(Secret::from_seed(seed)))
/// }
/// assert!(start(Some(42)).is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy {
    error: getrandom::Error,
}

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system gave no random bytes for the hash secret: {}", self.error)
    }
}

impl core::error::Error for NoEntropy {}

/// Why there is no secret.
///
/// ```
/// use pyhash::{SecretError, Seed};
///
/// fn advice(error: &SecretError) -> &'static str {
///     match error {
///         SecretError::BadSeed(_) => "correct PYTHONHASHSEED",
///         SecretError::NoEntropy(_) => "set PYTHONHASHSEED to a number",
///     }
/// }
/// let bad = "seven".parse::<Seed>().map_err(SecretError::BadSeed);
/// assert_eq!(advice(&bad.unwrap_err()), "correct PYTHONHASHSEED");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// `PYTHONHASHSEED` is set to nonsense.
    BadSeed(BadSeed),
    /// The system has no entropy.
    NoEntropy(NoEntropy),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSeed(error) => error.fmt(f),
            Self::NoEntropy(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SecretError {}
