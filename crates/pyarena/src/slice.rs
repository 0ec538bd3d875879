//! Slices and strings in an arena.
//!
//! A slice is set aside whole before its first element is made, so elements may be made with the help of the arena. If
//! making one panics, those made so far are dropped: nobody will ever see them. Elements of a slice that has been lent
//! are never dropped, as with [`Arena::alloc`].

use crate::arena::Arena;
use crate::error::AllocError;
use core::mem::{self, MaybeUninit};
use core::ptr::{self, NonNull};
use core::slice;
use std::alloc::Layout;

impl Arena {
    /// Copies a slice into the arena.
    ///
    /// Cost: as [`alloc`](Self::alloc) with a size that is rounded up when it runs, and a copy of the bytes.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.alloc_slice_copy(&[1, 2, 3]), [1, 2, 3]);
    /// ```
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn alloc_slice_copy<T: Copy>(&self, source: &[T]) -> &mut [T] {
        let slot = self.take(Layout::for_value(source)).cast::<T>();
        // SAFETY: the slot has the layout of `source` and is nobody else's (ARENA-2).
        unsafe { copy_into(slot, source) }
    }

    /// Copies a slice into the arena, if there is memory.
    ///
    /// Cost: as [`alloc_slice_copy`](Self::alloc_slice_copy), and a test of the result.
    ///
    /// # Errors
    ///
    /// [`AllocError`].
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.try_alloc_slice_copy(b"spam")?, b"spam");
    /// # Ok::<(), pyarena::AllocError>(())
    /// ```
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn try_alloc_slice_copy<T: Copy>(&self, source: &[T]) -> Result<&mut [T], AllocError> {
        let slot = self.try_alloc_layout(Layout::for_value(source))?.cast::<T>();
        // SAFETY: as in `alloc_slice_copy`.
        Ok(unsafe { copy_into(slot, source) })
    }

    /// Copies a string into the arena.
    ///
    /// Cost: as [`alloc_slice_copy`](Self::alloc_slice_copy) of its bytes; they are not checked again.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// let name = arena.alloc_str("spam");
    /// name.make_ascii_uppercase();
    /// assert_eq!(name, "SPAM");
    /// ```
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn alloc_str(&self, source: &str) -> &mut str {
        let bytes = self.alloc_slice_copy(source.as_bytes());
        // SAFETY: the bytes of a string.
        unsafe { core::str::from_utf8_unchecked_mut(bytes) }
    }

    /// Copies a string into the arena, if there is memory.
    ///
    /// Cost: as [`alloc_str`](Self::alloc_str), and a test of the result.
    ///
    /// # Errors
    ///
    /// [`AllocError`].
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.try_alloc_str("eggs")?, "eggs");
    /// # Ok::<(), pyarena::AllocError>(())
    /// ```
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn try_alloc_str(&self, source: &str) -> Result<&mut str, AllocError> {
        let bytes = self.try_alloc_slice_copy(source.as_bytes())?;
        // SAFETY: the bytes of a string.
        Ok(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
    }

    /// Clones a slice into the arena. The clones' destructors will not run.
    ///
    /// Cost: as [`alloc_uninit_slice`](Self::alloc_uninit_slice), and a clone and a test of bounds for each element.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// let pairs = arena.alloc_slice_clone(&[Some("a"), None]);
    /// assert_eq!(pairs, [Some("a"), None]);
    /// ```
    pub fn alloc_slice_clone<T: Clone>(&self, source: &[T]) -> &mut [T] {
        self.try_alloc_slice_clone(source).unwrap_or_else(|error| error.end())
    }

    /// Clones a slice into the arena, if there is memory.
    ///
    /// Cost: as [`alloc_slice_clone`](Self::alloc_slice_clone).
    ///
    /// # Errors
    ///
    /// [`AllocError`]; nothing has been cloned.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.try_alloc_slice_clone(&[1, 2])?, [1, 2]);
    /// # Ok::<(), pyarena::AllocError>(())
    /// ```
    pub fn try_alloc_slice_clone<T: Clone>(&self, source: &[T]) -> Result<&mut [T], AllocError> {
        self.try_fill(source.len(), source.iter().cloned())
    }

    /// A slice whose element number `n` is what `make(n)` returns. The elements' destructors will not run.
    ///
    /// Cost: as [`alloc_uninit_slice`](Self::alloc_uninit_slice), and a call of `make` and a test of bounds for each
    /// element.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), or if the slice is larger than any object can be.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.alloc_slice_fill_with(3, |n| 2 * n), [0, 2, 4]);
    /// ```
    pub fn alloc_slice_fill_with<T>(&self, len: usize, make: impl FnMut(usize) -> T) -> &mut [T] {
        self.try_alloc_slice_fill_with(len, make).unwrap_or_else(|error| error.end())
    }

    /// A slice whose element number `n` is what `make(n)` returns, if there is memory.
    ///
    /// Cost: as [`alloc_slice_fill_with`](Self::alloc_slice_fill_with).
    ///
    /// # Errors
    ///
    /// [`AllocError`]; `make` has not been called.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert!(arena.try_alloc_slice_fill_with(usize::MAX, |n| n).is_err());
    /// ```
    pub fn try_alloc_slice_fill_with<T>(
        &self,
        len: usize,
        make: impl FnMut(usize) -> T,
    ) -> Result<&mut [T], AllocError> {
        self.try_fill(len, (0..len).map(make))
    }

    /// A slice of what an iterator yields. The elements' destructors will not run.
    ///
    /// An iterator that knows how many items are left is filled in directly and taken at its word: it is asked for
    /// no more than that, and if it ends early the slice is as short. Any other one is gathered on the heap first.
    ///
    /// Cost: as [`alloc_uninit_slice`](Self::alloc_uninit_slice), and a test of bounds for each item. Where the
    /// number of items is not known, also a `Vec` of them on the heap, which grows as they come.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), or if the slice is larger than any object can be.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// let words = arena.alloc_slice_from_iter("if a then b".split(' '));
    /// assert_eq!(words, ["if", "a", "then", "b"]);
    /// ```
    ///
    /// Port of: `_Py_asdl_generic_seq_new` (Python/asdl.c)
    pub fn alloc_slice_from_iter<T>(&self, items: impl IntoIterator<Item = T>) -> &mut [T] {
        self.try_alloc_slice_from_iter(items).unwrap_or_else(|error| error.end())
    }

    /// A slice of what an iterator yields, if there is memory; see
    /// [`alloc_slice_from_iter`](Self::alloc_slice_from_iter).
    ///
    /// Cost: as [`alloc_slice_from_iter`](Self::alloc_slice_from_iter).
    ///
    /// # Errors
    ///
    /// [`AllocError`]; the items have been dropped. Gathering on the heap fails like any other `Vec`.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.try_alloc_slice_from_iter(1..4)?, [1, 2, 3]);
    /// # Ok::<(), pyarena::AllocError>(())
    /// ```
    pub fn try_alloc_slice_from_iter<T>(
        &self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<&mut [T], AllocError> {
        let items = items.into_iter();
        match items.size_hint() {
            (least, Some(most)) if least == most => self.try_fill(least, items.take(least)),
            _ => {
                let gathered: Vec<T> = items.collect();
                self.try_fill(gathered.len(), gathered.into_iter())
            }
        }
    }

    /// A slice that is not initialised, for callers that fill it themselves.
    ///
    /// Cost: as [`try_alloc_layout`](Self::try_alloc_layout), and a test of the length; nothing is written to the
    /// slice.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), or if the slice is larger than any object can be.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// let buffer = arena.alloc_uninit_slice::<u8>(4);
    /// assert_eq!(*buffer[0].write(b'x'), b'x');
    /// ```
    pub fn alloc_uninit_slice<T>(&self, len: usize) -> &mut [MaybeUninit<T>] {
        self.try_alloc_uninit_slice(len).unwrap_or_else(|error| error.end())
    }

    /// A slice that is not initialised, if there is memory.
    ///
    /// Cost: as [`alloc_uninit_slice`](Self::alloc_uninit_slice).
    ///
    /// # Errors
    ///
    /// [`AllocError`].
    ///
    /// ```
    /// use pyarena::AllocError;
    ///
    /// let arena = pyarena::Arena::new();
    /// let refused = arena.try_alloc_uninit_slice::<u16>(usize::MAX / 2);
    /// assert!(matches!(refused, Err(AllocError::TooLarge)));
    /// ```
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn try_alloc_uninit_slice<T>(
        &self,
        len: usize,
    ) -> Result<&mut [MaybeUninit<T>], AllocError> {
        let layout = Layout::array::<T>(len).map_err(|_| AllocError::TooLarge)?;
        let slot = self.try_alloc_layout(layout)?.cast::<MaybeUninit<T>>();
        // SAFETY: the slot has the layout of the slice and is nobody else's (ARENA-2); nothing in it needs to be
        // initialised.
        Ok(unsafe { slice::from_raw_parts_mut(slot.as_ptr(), len) })
    }

    /// A slice of at most `len` items.
    fn try_fill<T>(
        &self,
        len: usize,
        items: impl Iterator<Item = T>,
    ) -> Result<&mut [T], AllocError> {
        let mut made = Made { slots: self.try_alloc_uninit_slice(len)?, count: 0 };
        for item in items {
            made.push(item);
        }
        Ok(made.finish())
    }
}

/// Copies `source` to `slot` and lends it.
///
/// # Safety
///
/// `slot` has the layout of `source`, and is the caller's alone for `'a`.
#[inline]
unsafe fn copy_into<'a, T: Copy>(slot: NonNull<T>, source: &[T]) -> &'a mut [T] {
    // SAFETY: both are valid for the length by the contract, and apart, as the slot is nobody else's; the elements
    // are initialised by the copy, and `Copy`.
    unsafe {
        ptr::copy_nonoverlapping(source.as_ptr(), slot.as_ptr(), source.len());
        slice::from_raw_parts_mut(slot.as_ptr(), source.len())
    }
}

/// The elements of a slice that have been made; drops them if the rest is never made.
struct Made<'a, T> {
    slots: &'a mut [MaybeUninit<T>],
    count: usize,
}

impl<'a, T> Made<'a, T> {
    /// # Panics
    ///
    /// If there is no slot left; callers hand in no more items than slots.
    #[inline]
    fn push(&mut self, item: T) {
        self.slots[self.count].write(item);
        self.count += 1;
    }

    fn finish(mut self) -> &'a mut [T] {
        let slots = mem::take(&mut self.slots);
        let count = mem::take(&mut self.count);
        // SAFETY: the first `count` are initialised, and no longer ours to drop.
        unsafe { slice::from_raw_parts_mut(slots.as_mut_ptr().cast::<T>(), count) }
    }
}

impl<T> Drop for Made<'_, T> {
    fn drop(&mut self) {
        let made = ptr::slice_from_raw_parts_mut(self.slots.as_mut_ptr().cast::<T>(), self.count);
        // SAFETY: initialised, lent to nobody, and not used after this.
        unsafe { ptr::drop_in_place(made) };
    }
}
