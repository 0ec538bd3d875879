//! Plain data behind a sequence lock: the data-carrying form of [`SeqLock`].
//!
//! The bytes are read and written through relaxed atomics, a word at a time where size and alignment allow, so
//! that a read which races a write is torn at worst, never undefined; a torn read is thrown away before it
//! becomes a `T`. Words are copied as pointers, so that pointers inside keep their provenance.

use crate::seq_lock::SeqLock;
use core::fmt;
use core::mem::MaybeUninit;
use pyparking::primitive::plain::{AtomicPtr, AtomicU8};
use pyparking::primitive::{Ordering, UnsafeCell};
use pyparking::spin;

/// Data that can be copied byte by byte: no padding, no uninitialised bytes.
///
/// # Safety
///
/// 1. Every byte of a value of the type is initialised: no padding, no `MaybeUninit`.
/// 2. A copy of the bytes is a copy of the value (`Copy` says that too).
/// 3. A type with pointers inside is aligned like one: anything less is copied by bytes, which lose provenance.
///
/// ```
/// use pysync::{PlainData, SeqCell};
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// #[repr(C)]
/// struct Version { tag: u32, keys: u32 }
///
/// // SAFETY: two u32 side by side leave no padding.
/// unsafe impl PlainData for Version {}
///
/// let cell = SeqCell::new(Version { tag: 1, keys: 2 });
/// assert_eq!(cell.load(), Version { tag: 1, keys: 2 });
/// ```
pub unsafe trait PlainData: Copy + 'static {}

macro_rules! plain {
    ($($type:ty)*) => { $(
        // SAFETY: a primitive has no padding.
        unsafe impl PlainData for $type {}
    )* };
}
plain! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char }

// SAFETY: an array has no padding between its elements.
unsafe impl<T: PlainData, const N: usize> PlainData for [T; N] {}
// SAFETY: a pointer has no padding.
unsafe impl<T: 'static> PlainData for *const T {}
// SAFETY: a pointer has no padding.
unsafe impl<T: 'static> PlainData for *mut T {}

/// Plain data that is read without writing to memory.
///
/// For data that is read far more often than written: readers cost nothing to each other, and repeat what a
/// writer disturbed. A writer never sleeps; writers exclude each other by turning.
///
/// Cost: a load is two loads of the sequence and the copy; a store is one RMW and the copy.
///
/// Ordering: a load sees everything that happened before the store it saw.
///
/// ```
/// use pysync::SeqCell;
///
/// static ORIGIN: SeqCell<[i64; 3]> = SeqCell::new([0; 3]);
/// ORIGIN.store([1, 2, 3]);
/// ORIGIN.update(|[x, y, z]| [x + 1, y + 1, z + 1]);
/// assert_eq!(ORIGIN.load(), [2, 3, 4]);
/// ```
#[repr(C)]
pub struct SeqCell<T: PlainData> {
    lock: SeqLock,
    value: UnsafeCell<T>,
}

// SAFETY: plain data without references moves between threads; pointers inside are the caller's to follow.
unsafe impl<T: PlainData + Send> Send for SeqCell<T> {}
// SAFETY: every access goes through relaxed atomics, and a value is made only of what SEQ-2 says is whole; it
// is copied to other threads, which is `Send`.
unsafe impl<T: PlainData + Send> Sync for SeqCell<T> {}

impl<T: PlainData> SeqCell<T> {
    pyparking::const_fn! {
        /// A cell with `value`.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::SeqCell;
        ///
        /// static VERSION: SeqCell<[u32; 2]> = SeqCell::new([3, 14]);
        /// assert_eq!(VERSION.load(), [3, 14]);
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self { lock: SeqLock::new(), value: UnsafeCell::new(value) }
        }
    }

    /// A copy of the value. Repeats while writers are at work.
    ///
    /// Cost: two loads of the sequence, a fence (free on x86) and the copy, by relaxed loads of a word or a byte;
    /// again for each writer that comes between. No RMW.
    ///
    /// ```
    /// use pysync::SeqCell;
    ///
    /// static PAIR: SeqCell<[u64; 2]> = SeqCell::new([0, 0]);
    /// let writer = std::thread::spawn(|| (1..1000).for_each(|n| PAIR.store([n, n])));
    /// for _ in 0..1000 {
    ///     let [left, right] = PAIR.load();
    ///     assert_eq!(left, right, "never half of a write");
    /// }
    /// writer.join().unwrap();
    /// ```
    #[inline]
    #[must_use]
    pub fn load(&self) -> T {
        loop {
            if let Some(value) = self.try_load() {
                return value;
            }
            spin::yield_now();
        }
    }

    /// A copy of the value, or `None` if a writer is inside or disturbed this one attempt. Never blocks.
    ///
    /// Cost: as one attempt of [`load`](Self::load); one acquire load if a writer is inside.
    ///
    /// ```
    /// use pysync::SeqCell;
    ///
    /// let cell = SeqCell::new(7_u64);
    /// assert_eq!(cell.try_load(), Some(7));
    /// cell.update(|seven| {
    ///     assert_eq!(cell.try_load(), None, "we are writing");
    ///     seven + 1
    /// });
    /// assert_eq!(cell.try_load(), Some(8));
    /// ```
    #[inline]
    #[must_use]
    pub fn try_load(&self) -> Option<T> {
        let begun = self.lock.try_begin_read()?;
        let copy = self.copy_out();
        // SAFETY: the copy is whole (SEQ-2), so it is a value that was stored.
        self.lock.end_read(begun).then(|| unsafe { copy.assume_init() })
    }

    /// Replaces the value.
    ///
    /// Cost: one RMW, a fence, two relaxed loads, the copy by relaxed stores, and a release store; turns while
    /// another writer is inside.
    ///
    /// ```
    /// use pysync::SeqCell;
    ///
    /// static ORIGIN: SeqCell<[i64; 3]> = SeqCell::new([0; 3]);
    /// std::thread::spawn(|| ORIGIN.store([1, 2, 3])).join().unwrap();
    /// assert_eq!(ORIGIN.load(), [1, 2, 3]);
    /// ```
    #[inline]
    pub fn store(&self, value: T) {
        self.lock.lock_write();
        self.copy_in(&value);
        self.lock.unlock_write();
    }

    /// Replaces the value by what `next` makes of it; nobody else writes meanwhile. `next` must be short: it
    /// runs inside the write, and readers turn until it is done. If it panics, the value stays as it was.
    ///
    /// Cost: as [`store`](Self::store), a second copy, and `next`.
    ///
    /// ```
    /// use pysync::SeqCell;
    ///
    /// static HITS: SeqCell<u64> = SeqCell::new(0);
    /// let threads = [(); 2].map(|()| {
    ///     std::thread::spawn(|| (0..100).for_each(|_| HITS.update(|hits| hits + 1)))
    /// });
    /// threads.map(|thread| thread.join().unwrap());
    /// assert_eq!(HITS.load(), 200);
    /// ```
    pub fn update(&self, next: impl FnOnce(T) -> T) {
        self.lock.lock_write();
        let write = Write(&self.lock);
        // SAFETY: this is the writer (SEQ-1), so nobody changes the value, and it is whole.
        let value = next(unsafe { self.copy_out().assume_init() });
        core::mem::forget(write);
        self.copy_in(&value);
        self.lock.unlock_write();
    }

    /// The value, without locking: the borrow shows that nobody else has it.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pysync::SeqCell;
    ///
    /// let mut cell = SeqCell::new([1, 2]);
    /// cell.get_mut()[0] = 0;
    /// assert_eq!(cell.load(), [0, 2]);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The lock inside.
    ///
    /// Cost: no atomic operation.
    ///
    /// # Safety
    ///
    /// The caller ends only writes that it began through this reference: with two writers inside, a torn value
    /// would pass for a whole one.
    ///
    /// ```
    /// use pysync::SeqCell;
    ///
    /// // Has the value been replaced since it was looked at?
    /// let cell = SeqCell::new([1_u64, 2]);
    /// // SAFETY: no write is begun or ended through the reference.
    /// let lock = unsafe { cell.raw() };
    /// let seen = lock.begin_read();
    /// assert!(lock.end_read(seen));
    /// cell.store([3, 4]);
    /// assert!(!lock.end_read(seen));
    /// ```
    pub unsafe fn raw(&self) -> &SeqLock {
        &self.lock
    }

    /// Whether size and alignment allow copying by words.
    const BY_WORDS: bool = align_of::<T>() >= align_of::<usize>();

    #[inline]
    fn copy_out(&self) -> MaybeUninit<T> {
        let mut copy = MaybeUninit::<T>::uninit();
        let (from, to) = (self.value.get().cast::<u8>(), copy.as_mut_ptr().cast::<u8>());
        if Self::BY_WORDS {
            for at in (0..size_of::<T>()).step_by(size_of::<usize>()) {
                // SAFETY: the size is a multiple of the alignment, so a whole aligned word is inside both; the
                // source is initialised (PlainData, 1) and only ever accessed atomically while shared.
                // ORD: Relaxed, the sequence lock's fences order it (SEQ-2).
                unsafe {
                    let word = (*from.add(at).cast::<AtomicPtr<()>>()).load(Ordering::Relaxed);
                    to.add(at).cast::<*mut ()>().write(word);
                }
            }
        } else {
            for at in 0..size_of::<T>() {
                // SAFETY: inside both; initialised and atomically accessed as above.
                // ORD: Relaxed, as above.
                unsafe {
                    let byte = (*from.add(at).cast::<AtomicU8>()).load(Ordering::Relaxed);
                    to.add(at).write(byte);
                }
            }
        }
        copy
    }

    #[inline]
    fn copy_in(&self, value: &T) {
        let (from, to) = (core::ptr::from_ref(value).cast::<u8>(), self.value.get().cast::<u8>());
        if Self::BY_WORDS {
            for at in (0..size_of::<T>()).step_by(size_of::<usize>()) {
                // SAFETY: a whole aligned word inside both, as in `copy_out`.
                // ORD: Relaxed, the sequence lock's fences order it (SEQ-3).
                unsafe {
                    let word = from.add(at).cast::<*mut ()>().read();
                    (*to.add(at).cast::<AtomicPtr<()>>()).store(word, Ordering::Relaxed);
                }
            }
        } else {
            for at in 0..size_of::<T>() {
                // SAFETY: inside both.
                // ORD: Relaxed, as above.
                unsafe {
                    let byte = from.add(at).read();
                    (*to.add(at).cast::<AtomicU8>()).store(byte, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Abandons the write if `update`'s closure unwinds.
struct Write<'a>(&'a SeqLock);

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.0.abandon_write();
    }
}

impl<T: PlainData + Default> Default for SeqCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: PlainData + fmt::Debug> fmt::Debug for SeqCell<T> {
    /// Never blocks: one attempt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("SeqCell");
        match self.try_load() {
            Some(value) => out.field("value", &value),
            None => out.field("value", &format_args!("<being written>")),
        };
        out.finish()
    }
}
