//! Thread-specific storage: keys that come and go, and a value per thread under each.
//!
//! | the key's word | meaning |
//! |---|---|
//! | 0 | not created |
//! | low 10 bits, rest | a place in every thread's table, and a serial number that no other creation has |
//!
//! | transition | who | how |
//! |---|---|---|
//! | 0→number | `create` | compare-exchange; of several one wins, and all have the same key |
//! | number→0 | `delete` | swap; of several one gives the place back |
//!
//! A thread's table has, at each place, a value and the word of the key under which it was stored.
//!
//! * TSS-1: a value is read under the very creation of the key that it was stored under: a key that was deleted and
//!   created again, or whose place another has now, reads null on every thread.
//! * TSS-2: a place belongs to one creation at a time, and goes back when that is deleted.
//! * TSS-3: a table is its thread's alone; the word in the key is all that threads share.
//!
//! Port of: `Py_tss_t` (Include/pythread.h, Python/thread_pthread.h)
//! PORT: tables of our own instead of `pthread_key_t`: the same everywhere, defined when keys are not created or
//! deleted by another thread, and safe to create from several threads at once.

mod places;
mod table;

use crate::error::{KeysExhausted, TssError};
use core::fmt;
use core::ptr;
use places::PLACE_MASK;
use pyparking::primitive::{AtomicU64, Ordering, seeded};

const NONE: u64 = 0;

/// A key for thread-specific storage: a pointer per thread, null until that thread sets it.
///
/// What the pointers point to is the caller's: nothing is freed, neither when a thread ends nor when the key is deleted or
/// dropped.
///
/// ```
/// use pythread::TssKey;
/// use std::ptr;
///
/// static STATE: TssKey = TssKey::new();
///
/// STATE.create().unwrap();
/// let mut mine = 7;
/// STATE.set((&raw mut mine).cast()).unwrap();
/// assert_eq!(STATE.get(), (&raw mut mine).cast());
/// std::thread::spawn(|| assert!(STATE.get().is_null())).join().unwrap();
/// STATE.delete();
/// STATE.create().unwrap();
/// assert!(STATE.get().is_null(), "a new key, whatever was under the old one");
/// ```
///
/// Port of: `Py_tss_t` (Include/pythread.h)
#[repr(transparent)]
pub struct TssKey {
    word: AtomicU64,
}

impl TssKey {
    pyparking::const_fn! {
        /// A key that has not been created.
        ///
        /// Cost: none.
        ///
        /// ```
        /// static KEY: pythread::TssKey = pythread::TssKey::new();
        /// assert!(!KEY.is_created());
        /// ```
        ///
        /// Port of: `Py_tss_NEEDS_INIT` (Include/pythread.h)
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicU64::new(NONE) }
        }
    }

    /// Creates the key, unless it is created. Threads may race: they get one key.
    ///
    /// Cost: one relaxed load if it is created; otherwise three RMW.
    ///
    /// # Errors
    ///
    /// [`KeysExhausted`] if 1024 keys are in use.
    ///
    /// ```
    /// let key = pythread::TssKey::new();
    /// assert_eq!((key.create(), key.create()), (Ok(()), Ok(())));
    /// assert!(key.is_created());
    /// ```
    ///
    /// Port of: `PyThread_tss_create` (Python/thread_pthread.h)
    pub fn create(&self) -> Result<(), KeysExhausted> {
        if self.is_created() {
            return Ok(());
        }
        let fresh = places::take().ok_or(KeysExhausted)?;
        // ORD: Relaxed, the word is all there is to the key; tables are their threads' own (TSS-3).
        let put = self.word.compare_exchange(NONE, fresh, Ordering::Relaxed, Ordering::Relaxed);
        if put.is_err() && !seeded("tss-place-leak") {
            places::give_back(fresh);
        }
        Ok(())
    }

    /// Whether the key is created.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// assert!(!pythread::TssKey::new().is_created());
    /// ```
    ///
    /// Port of: `PyThread_tss_is_created` (Python/thread.c)
    #[inline]
    #[must_use]
    pub fn is_created(&self) -> bool {
        self.word() != NONE
    }

    /// Deletes the key, if it is created: it reads null everywhere, and can be created again.
    ///
    /// Cost: two RMW; one if it is not created.
    ///
    /// ```
    /// let key = pythread::TssKey::new();
    /// key.delete();
    /// key.create().unwrap();
    /// key.delete();
    /// key.delete();
    /// assert!(!key.is_created());
    /// ```
    ///
    /// Port of: `PyThread_tss_delete` (Python/thread_pthread.h)
    pub fn delete(&self) {
        // ORD: Relaxed, as in `create`.
        let old = self.word.swap(NONE, Ordering::Relaxed);
        if old != NONE {
            places::give_back(old);
        }
    }

    /// Stores the calling thread's value under the key.
    ///
    /// Cost: a relaxed load, a thread-local read and a store; the first key of a high number on a thread allocates.
    ///
    /// # Errors
    ///
    /// [`TssError::NotCreated`]; [`TssError::ThreadEnding`] in destructors that run after the table's own.
    ///
    /// ```
    /// use pythread::{TssError, TssKey};
    ///
    /// let key = TssKey::new();
    /// let value = std::ptr::without_provenance_mut(1);
    /// assert_eq!(key.set(value), Err(TssError::NotCreated));
    /// key.create().unwrap();
    /// assert_eq!(key.set(value), Ok(()));
    /// assert_eq!(key.get(), value);
    /// ```
    ///
    /// Port of: `PyThread_tss_set` (Python/thread_pthread.h)
    #[inline]
    pub fn set(&self, value: *mut ()) -> Result<(), TssError> {
        match self.word() {
            NONE => Err(TssError::NotCreated),
            word => table::set(place(word), word, value),
        }
    }

    /// The calling thread's value under the key; null if it has set none, or if the key is not created.
    ///
    /// Cost: a relaxed load, a thread-local read, two comparisons and two loads.
    ///
    /// ```
    /// assert!(pythread::TssKey::new().get().is_null());
    /// ```
    ///
    /// Port of: `PyThread_tss_get` (Python/thread_pthread.h)
    #[inline]
    #[must_use]
    pub fn get(&self) -> *mut () {
        let word = self.word();
        match table::get(place(word)) {
            Some((of, value)) if of == word || seeded("tss-stale") => value,
            _ => ptr::null_mut(),
        }
    }

    #[inline]
    fn word(&self) -> u64 {
        // ORD: Relaxed, as in `create`.
        self.word.load(Ordering::Relaxed)
    }
}

#[inline]
fn place(word: u64) -> usize {
    (word & PLACE_MASK) as usize
}

impl Drop for TssKey {
    fn drop(&mut self) {
        self.delete();
    }
}

impl Default for TssKey {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TssKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TssKey").field("created", &self.is_created()).finish()
    }
}
