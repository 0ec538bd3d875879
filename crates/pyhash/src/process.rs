//! The secret of the process: made at its first use, replaced only by tests.
//!
//! | `first` | `later` | the secret |
//! |---|---|---|
//! | unset | unset | none yet; whoever needs it asks the environment and sets `first` |
//! | set | unset | `first`: every process that never replaces its secret |
//! | any | set, empty | none; whoever needs it asks the environment and fills `later` |
//! | any | set, full | `later` |
//!
//! | transition | who |
//! |---|---|
//! | `first` set | the first use, or `set` |
//! | `later` set, filled, emptied | `replace` and `reset`; after that also the first use, and `set` |
//!
//! Invariants:
//!
//! * HASH-7: between two replacements everybody sees one secret, whole.
//!
//! Reading is two acquire loads as long as nothing was replaced, and a read lock after that. The environment is asked
//! outside every lock: two threads may both ask, and one answer is taken.
//!
//! Port of: `_Py_HashSecret` (Python/pyhash.c), `_Py_HashRandomization_Init` (Python/bootstrap_hash.c)

use crate::{Secret, SecretError};
use core::fmt;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A place for a secret. The process has one; tests make their own.
struct Place {
    first: OnceLock<Secret>,
    later: OnceLock<Slot>,
}

/// What holds the secret once it has been replaced. Nothing under this lock panics, and what it guards is always whole,
/// so that poison would mean nothing.
#[derive(Default)]
struct Slot(RwLock<Option<Secret>>);

static PROCESS: Place = Place::new();

impl Place {
    const fn new() -> Self {
        Self { first: OnceLock::new(), later: OnceLock::new() }
    }

    /// The secret, if it is there and was never replaced.
    #[inline]
    fn lasting(&self) -> Option<&Secret> {
        match self.later.get() {
            None => self.first.get(),
            Some(_) => None,
        }
    }

    /// The secret; `make` makes it if there is none.
    #[inline]
    fn get<E>(&self, make: impl FnOnce() -> Result<Secret, E>) -> Result<Secret, E> {
        match self.lasting() {
            Some(secret) => Ok(*secret),
            None => self.get_slow(make),
        }
    }

    #[cold]
    fn get_slow<E>(&self, make: impl FnOnce() -> Result<Secret, E>) -> Result<Secret, E> {
        if let Some(found) = self.peek() {
            return Ok(found);
        }
        let made = make()?;
        // Somebody may have been faster, or have replaced what was made: then theirs is the secret.
        Ok(self.set(made).map_or_else(|found| found, |()| made))
    }

    fn peek(&self) -> Option<Secret> {
        match self.later.get() {
            None => self.first.get().copied(),
            Some(later) => *later.read(),
        }
    }

    /// Sets the secret if there is none: the one that there is, otherwise.
    fn set(&self, secret: Secret) -> Result<(), Secret> {
        let mut ours = false;
        let mut take = || {
            ours = true;
            secret
        };
        let kept = match self.later.get() {
            None => *self.first.get_or_init(take),
            Some(later) => *later.write().get_or_insert_with(&mut take),
        };
        if ours { Ok(()) } else { Err(kept) }
    }

    /// Sets or takes away the secret, whatever it was.
    fn replace(&self, secret: Option<Secret>) {
        *self.later.get_or_init(Slot::default).write() = secret;
    }
}

impl Slot {
    fn read(&self) -> RwLockReadGuard<'_, Option<Secret>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Secret>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Secret {
    /// The secret of the process. The first use makes it, as [`from_env`](Self::from_env) does, unless
    /// [`set_global`](Self::set_global) came before.
    ///
    /// A runtime that forks does this, or `set_global`, before it has a second thread: the child of a fork in the very
    /// moment of the first use could wait for a thread that it does not have.
    ///
    /// Cost: two acquire loads and a copy of 56 bytes, no RMW; after a replacement a read lock.
    ///
    /// # Panics
    ///
    /// If there is no secret yet and none can be made; [`try_global`](Self::try_global) returns the error.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// assert!(Secret::global() == Secret::global());
    /// ```
    ///
    /// Port of: `_Py_HashSecret` (Python/pyhash.c)
    #[inline]
    #[must_use]
    pub fn global() -> Self {
        Self::try_global().unwrap_or_else(|error| no_secret(&error))
    }

    /// The secret of the process, or why there is none. The next call tries again.
    ///
    /// Cost: as [`global`](Self::global); if there is no secret yet, also as [`from_env`](Self::from_env) and
    /// [`set_global`](Self::set_global).
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env), if there is no secret yet.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// // While an error can still be reported.
    /// match Secret::try_global() {
    ///     Ok(secret) => assert_eq!(pyhash::hash_str("spam"), secret.hash_str("spam")),
    ///     Err(error) => eprintln!("fatal: {error}"),
    /// }
    /// ```
    #[inline]
    pub fn try_global() -> Result<Self, SecretError> {
        PROCESS.get(Self::from_env)
    }

    /// Makes this the secret of the process, without asking the environment.
    ///
    /// Cost: some acquire loads, and two RMW (std's `OnceLock`) unless there is one already; after a replacement a write
    /// lock.
    ///
    /// # Errors
    ///
    /// If there is one already; it stays.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// assert!(Secret::from_seed(42).set_global().is_ok());
    /// assert!(Secret::global() == Secret::from_seed(42));
    /// assert!(Secret::from_seed(43).set_global().is_err());
    /// ```
    ///
    /// Port of: `_Py_HashRandomization_Init` (Python/bootstrap_hash.c)
    // PORT: a second call is an error, where CPython's does nothing: an embedder wants to know.
    pub fn set_global(self) -> Result<(), AlreadySet> {
        PROCESS.set(self).map_err(|_| AlreadySet)
    }

    /// Makes this the secret of the process, whatever it was. For tests.
    ///
    /// Tables that were filled under the old secret cannot be searched any more. Other threads may hash meanwhile: each
    /// call uses the old secret or the new one, whole.
    ///
    /// Cost: a write lock; and from the first replacement on every use of the process's secret takes a read lock.
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// // A test that needs one order of a set goes through it under one secret.
    /// Secret::from_seed(42).replace_global();
    /// assert_eq!(pyhash::hash_str("spam"), Secret::from_seed(42).hash_str("spam"));
    /// ```
    pub fn replace_global(self) {
        PROCESS.replace(Some(self));
    }

    /// Forgets the secret of the process; the next use asks the environment again. For tests.
    ///
    /// As [`replace_global`](Self::replace_global) otherwise.
    ///
    /// Cost: as [`replace_global`](Self::replace_global).
    ///
    /// ```
    /// use pyhash::Secret;
    ///
    /// Secret::from_seed(42).replace_global();
    /// Secret::reset_global();
    /// assert!(Secret::from_seed(43).set_global().is_ok());
    /// ```
    pub fn reset_global() {
        PROCESS.replace(None);
    }
}

#[cold]
fn no_secret(error: &SecretError) -> ! {
    panic!("{error}")
}

/// CPython's hash of `text` under the secret of the process.
///
/// Cost: two acquire loads, no RMW, and [`Secret::hash_str`]'s.
///
/// # Panics
///
/// As [`Secret::global`].
///
/// ```
/// assert_eq!(pyhash::hash_str(""), 0);
/// assert_eq!(pyhash::hash_str("spam"), pyhash::Secret::global().hash_str("spam"));
/// ```
#[inline]
#[must_use]
pub fn hash_str(text: &str) -> isize {
    match PROCESS.lasting() {
        Some(secret) => secret.hash_str(text),
        None => Secret::global().hash_str(text),
    }
}

/// CPython's hash of `bytes` under the secret of the process.
///
/// Cost: two acquire loads, no RMW, and [`Secret::hash_bytes`]'s.
///
/// # Panics
///
/// As [`Secret::global`].
///
/// ```
/// assert_eq!(pyhash::hash_bytes(b"spam"), pyhash::hash_str("spam"));
/// ```
///
/// Port of: `_Py_HashBytes`, `Py_HashBuffer` (Python/pyhash.c)
#[inline]
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> isize {
    match PROCESS.lasting() {
        Some(secret) => secret.hash_bytes(bytes),
        None => Secret::global().hash_bytes(bytes),
    }
}

/// The process has a secret already.
///
/// ```
/// use pyhash::{AlreadySet, Secret};
///
/// // The first hash needs a secret, and from then on it is too late.
/// assert_eq!(pyhash::hash_str(""), 0);
/// assert_eq!(Secret::from_seed(42).set_global(), Err(AlreadySet));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadySet;

impl fmt::Display for AlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process has a hash secret already: set it before the first hash")
    }
}

impl core::error::Error for AlreadySet {}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::Secret;
    use core::convert::Infallible;
    use std::thread;

    /// The secret of `place`, which is that of `seed` if there was none.
    fn get(place: &Place, seed: u32) -> Secret {
        let Ok(secret) = place.get(|| Ok::<_, Infallible>(Secret::from_seed(seed)));
        secret
    }

    #[test]
    fn the_first_use_makes_it() {
        let place = Place::new();
        assert_eq!(get(&place, 1), Secret::from_seed(1));
        assert_eq!(get(&place, 2), Secret::from_seed(1));
        assert!(place.later.get().is_none(), "nothing was replaced");
    }

    #[test]
    fn a_failure_lets_the_next_use_try() {
        let place = Place::new();
        assert_eq!(place.get(|| Err("no")), Err("no"));
        assert_eq!(get(&place, 2), Secret::from_seed(2));
    }

    #[test]
    fn it_is_set_once() {
        for replaced in [false, true] {
            let place = Place::new();
            if replaced {
                place.replace(None);
            }
            assert_eq!(place.set(Secret::from_seed(1)), Ok(()));
            assert_eq!(place.set(Secret::from_seed(1)), Err(Secret::from_seed(1)));
            assert_eq!(get(&place, 2), Secret::from_seed(1));
        }
    }

    #[test]
    fn a_replacement_wins_over_what_was_first() {
        let place = Place::new();
        assert_eq!(get(&place, 1), Secret::from_seed(1));
        place.replace(Some(Secret::from_seed(2)));
        assert_eq!(get(&place, 3), Secret::from_seed(2));
        place.replace(None);
        assert_eq!(get(&place, 4), Secret::from_seed(4));
        assert_eq!(get(&place, 5), Secret::from_seed(4));
    }

    #[test]
    fn all_threads_get_the_secret_that_one_of_them_made() {
        for replaced in [false, true] {
            let place = Place::new();
            if replaced {
                place.replace(None);
            }
            let found: std::vec::Vec<_> = thread::scope(|scope| {
                let place = &place;
                let threads: std::vec::Vec<_> =
                    (1..=8).map(|seed| scope.spawn(move || get(place, seed))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(found.iter().all(|secret| *secret == found[0]));
            assert!((1..=8).any(|seed| found[0] == Secret::from_seed(seed)));
        }
    }
}
