//! The arena: bytes are given out downwards through a block, and taken back all at once.
//!
//! | field | meaning | changed by |
//! |---|---|---|
//! | `room` | bytes of `block` that are still free, which are its lowest | every request |
//! | `block` | the block that requests are cut from; dangling while `first` is none | a request that finds no room |
//! | `first` | the chain of blocks: filled ones, `block`, spare ones | the first request, `shrink_to_fit` |
//! | `large` | the list of blocks with one large request each | large requests, `reset` |
//! | `objects` | what is to be released | `own`, `reset` |
//!
//! Transitions of a block: fresh → `block` → filled → (reset) spare → `block`; freed by `shrink_to_fit` while spare,
//! and with the arena.
//!
//! Invariants:
//!
//! * ARENA-1: `room` is a multiple of [`GRAIN`], and at most [`BLOCK`]; 0 while there is no block. So a request is
//!   served by a subtraction that does not borrow, and sizes are never added to addresses.
//! * ARENA-2: the bytes of `block` below `room` are lent to nobody; all others are lent once at most, until the next
//!   `reset`.
//! * ARENA-3: `first` leads to every block of the chain, `block` among them, and `large` to every large block; each
//!   is freed once.
//! * ARENA-4: `reset` and the end take `&mut`, and every loan borrows the arena, so nothing is lent when bytes are
//!   taken back.
//! * ARENA-5: a filled block has lost at most [`LARGE`] bytes, since what is larger goes to a block of its own.
//! * ARENA-6: a panic, of an object's destructor or of a closure, leaves an arena that is whole; a request that fails
//!   changes nothing.
//!
//! Port of: `struct _arena` (Python/pyarena.c)
//! PORT: downwards, with the free bytes counted and not the used ones: a subtraction, a branch on its borrow, a store
//! and an addition. A request that is too large for the rest of a block does not retire the block.

use crate::block::{BLOCK, BLOCK_ALIGN, Block, Tail};
use crate::error::AllocError;
use crate::objects::{Objects, Owned, Payload, discard};
use crate::stats::Stats;
use core::cell::Cell;
use core::fmt;
use core::ptr::{self, NonNull};
use std::alloc::Layout;
use std::panic::resume_unwind;
use std::thread;

/// What every request is rounded up to, in bytes. CPython's `ALIGNMENT`.
const GRAIN: usize = 8;

/// A request above this many bytes that does not fit into the current block gets a block of its own.
const LARGE: usize = BLOCK / 4;

/// A bump allocator whose memory is freed all at once.
///
/// [`alloc`](Self::alloc) lends a value for as long as the arena is borrowed, and **never drops it**: what the value
/// owns outside the arena leaks. A value whose destructor matters goes in by [`own`](Self::own), which releases it
/// when the arena is reset or dropped.
///
/// `Send`, as nothing is lent while it moves; not `Sync`, as nothing here is locked.
///
/// Cost: six instructions for a value of known size, and once in 8 KiB a call of the global allocator.
///
/// ```
/// use pyarena::Arena;
///
/// enum Expr<'a> {
///     Number(i64),
///     Add(&'a Expr<'a>, &'a Expr<'a>),
/// }
///
/// fn eval(expr: &Expr<'_>) -> i64 {
///     match expr {
///         Expr::Number(value) => *value,
///         Expr::Add(left, right) => eval(left) + eval(right),
///     }
/// }
///
/// let arena = Arena::new();
/// let (one, two) = (arena.alloc(Expr::Number(1)), arena.alloc(Expr::Number(2)));
/// let sum = arena.alloc(Expr::Add(one, two));
/// assert_eq!(eval(sum), 3);
/// ```
///
/// Port of: `PyArena` (Include/internal/pycore_pyarena.h)
pub struct Arena {
    room: Cell<usize>,
    block: Cell<NonNull<Block>>,
    first: Cell<Option<NonNull<Block>>>,
    large: Cell<Option<NonNull<Tail>>>,
    objects: Objects,
    books: Books,
}

/// What the slow paths count.
struct Books {
    blocks: Cell<usize>,
    filled: Cell<usize>,
    lost: Cell<usize>,
    large_blocks: Cell<usize>,
    large_used: Cell<usize>,
    large_reserved: Cell<usize>,
}

// SAFETY: the blocks are the arena's alone (ARENA-3), nothing in them is lent when it moves (ARENA-4), and what it
// drops on the other thread is `Send`: `own` asks for it.
unsafe impl Send for Arena {}

impl Arena {
    /// An arena without a block: the first request gets one.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.stats().reserved, 0);
    /// ```
    ///
    /// Port of: `_PyArena_New` (Python/pyarena.c)
    /// PORT: cannot fail, as it asks for nothing.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            room: Cell::new(0),
            block: Cell::new(NonNull::dangling()),
            first: Cell::new(None),
            large: Cell::new(None),
            objects: Objects::new(),
            books: Books::new(),
        }
    }

    /// Moves `value` into the arena. Its destructor will not run.
    ///
    /// Cost: no atomic operation; the move and six instructions, once in 8 KiB a call of the global allocator, and
    /// one for a value above 2 KiB that the current block has no room for.
    ///
    /// # Panics
    ///
    /// If `T` is larger than any object can be with its block's own needs added. Without memory, as
    /// [`handle_alloc_error`](std::alloc::handle_alloc_error) does.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// let line = arena.alloc(1);
    /// *line += 1;
    /// assert_eq!(*line, 2);
    /// ```
    #[inline]
    pub fn alloc<T>(&self, value: T) -> &mut T {
        self.alloc_with(|| value)
    }

    /// Moves `value` into the arena, if there is memory. Its destructor will not run, unless there is none.
    ///
    /// Cost: as [`alloc`](Self::alloc), and a test of the result.
    ///
    /// # Errors
    ///
    /// [`AllocError`]; the value has been dropped.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert_eq!(arena.try_alloc(7).copied(), Ok(7));
    /// ```
    #[inline]
    pub fn try_alloc<T>(&self, value: T) -> Result<&mut T, AllocError> {
        self.try_alloc_with(|| value)
    }

    /// Moves what `make` returns into the arena, in place where the compiler can. `make` may use the arena.
    ///
    /// Cost: as [`alloc`](Self::alloc), and what `make` costs.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc). If `make` panics the bytes set aside for its value stay unused.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// let table = arena.alloc_with(|| [0_u8; 4096]);
    /// assert_eq!(table[4095], 0);
    /// ```
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn alloc_with<T>(&self, make: impl FnOnce() -> T) -> &mut T {
        let slot = self.take(const { Layout::new::<T>() }).cast::<T>();
        // SAFETY: the bytes are aligned, large enough and lent to nobody else while the arena is borrowed (ARENA-2,
        // ARENA-4).
        unsafe {
            slot.write(make());
            &mut *slot.as_ptr()
        }
    }

    /// Moves what `make` returns into the arena, if there is memory.
    ///
    /// Cost: as [`try_alloc`](Self::try_alloc), and what `make` costs.
    ///
    /// # Errors
    ///
    /// [`AllocError`]; `make` has not been called.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// assert!(arena.try_alloc_with(|| "node").is_ok());
    /// ```
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn try_alloc_with<T>(&self, make: impl FnOnce() -> T) -> Result<&mut T, AllocError> {
        let slot = self.try_alloc_layout(const { Layout::new::<T>() })?.cast::<T>();
        // SAFETY: as in `alloc_with`.
        Ok(unsafe {
            slot.write(make());
            &mut *slot.as_ptr()
        })
    }

    /// Bytes of `layout`, not initialised, that are the caller's until the arena is reset or dropped. A layout
    /// without a size gets an aligned pointer and no bytes.
    ///
    /// Cost: as [`try_alloc`](Self::try_alloc), without the move. A few instructions more for a layout that the
    /// compiler does not know, and for an alignment above 8.
    ///
    /// # Errors
    ///
    /// [`AllocError`].
    ///
    /// ```
    /// use std::alloc::Layout;
    ///
    /// let arena = pyarena::Arena::new();
    /// let page = arena.try_alloc_layout(Layout::from_size_align(100, 4096)?)?;
    /// assert_eq!(page.addr().get() % 4096, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Port of: `_PyArena_Malloc` (Python/pyarena.c)
    #[inline]
    pub fn try_alloc_layout(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        match self.bump(layout) {
            Some(bytes) => Ok(bytes),
            None => self.try_take_slow(layout),
        }
    }

    /// Moves `object` into the arena, which drops it when it is reset or dropped itself: objects in the order in
    /// which they came, then the memory.
    ///
    /// `Send`, as another thread may do that. `'static`, as what it borrows could be gone by then.
    ///
    /// Cost: as [`alloc`](Self::alloc) of the object with two words, and three stores.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let name = Arc::new("spam");
    /// let arena = pyarena::Arena::new();
    /// let held: &Arc<_> = arena.own(Arc::clone(&name));
    /// assert_eq!(Arc::strong_count(held), 2);
    /// drop(arena);
    /// assert_eq!(Arc::strong_count(&name), 1);
    /// ```
    ///
    /// Port of: `_PyArena_AddPyObject` (Python/pyarena.c)
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn own<T: Send + 'static>(&self, object: T) -> &mut T {
        let slot = self.take(const { Layout::new::<Owned<T>>() }).cast::<Owned<T>>();
        // SAFETY: 1, the bytes are aligned, large enough and nobody else's until a reset or the end, which empty the
        // list first (ARENA-2, ARENA-4). 2, it is `Send` and `'static`.
        unsafe { self.objects.add(slot, object) }
    }

    /// Moves what `make` returns into the arena to be owned, if there is memory.
    ///
    /// Cost: as [`own`](Self::own), a test of the result, and what `make` costs.
    ///
    /// # Errors
    ///
    /// [`AllocError`]; `make` has not been called, so an object that it would have given away is still the caller's.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// let names = arena.try_own_with(Vec::<String>::new)?;
    /// names.push("eggs".into());
    /// # Ok::<(), pyarena::AllocError>(())
    /// ```
    #[expect(clippy::mut_from_ref, reason = "each call lends other bytes (ARENA-2)")]
    pub fn try_own_with<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<&mut T, AllocError> {
        let slot = self.try_alloc_layout(const { Layout::new::<Owned<T>>() })?.cast::<Owned<T>>();
        // SAFETY: as in `own`.
        Ok(unsafe { self.objects.add(slot, make()) })
    }

    /// Releases the owned objects and takes every byte back. Blocks of 8 KiB are kept for what comes next, large
    /// ones are freed; see [`shrink_to_fit`](Self::shrink_to_fit).
    ///
    /// Cost: the objects' destructors and a call of the allocator for each large block; otherwise a few stores.
    ///
    /// # Panics
    ///
    /// With the first panic of an object's destructor, after all objects have been released and the arena is empty.
    /// While the thread is already unwinding it is not panicked again.
    ///
    /// ```
    /// let mut arena = pyarena::Arena::new();
    /// for unit in ["a = 1", "b = 2"] {
    ///     arena.alloc_str(unit);
    ///     arena.reset();
    /// }
    /// assert_eq!((arena.stats().blocks, arena.stats().used), (1, 0));
    /// ```
    #[inline]
    pub fn reset(&mut self) {
        if self.objects.count() == 0 && self.large.get().is_none() {
            self.rewind();
        } else {
            self.reset_slow();
        }
    }

    #[cold]
    #[inline(never)]
    fn reset_slow(&mut self) {
        // SAFETY: nothing is lent (ARENA-4), and the blocks are still there.
        let panicked = unsafe { self.objects.release_all() };
        self.free_large();
        self.rewind();
        go_on_panicking(panicked);
    }

    /// Frees the blocks that a [`reset`](Self::reset) kept and that nothing has used since.
    ///
    /// Cost: a call of the allocator for each block freed; otherwise a few loads.
    ///
    /// ```
    /// let mut arena = pyarena::Arena::new();
    /// arena.alloc_slice_fill_with(5000, |_| 0_u8);
    /// arena.reset();
    /// arena.shrink_to_fit();
    /// assert_eq!(arena.stats().reserved, 0);
    /// ```
    pub fn shrink_to_fit(&mut self) {
        let Some(first) = self.first.get() else { return };
        let spare = if self.room.get() == BLOCK && self.block.get() == first {
            self.first.set(None);
            self.block.set(NonNull::dangling());
            self.room.set(0);
            Some(first)
        } else {
            let block = self.block.get();
            // SAFETY: a block of the chain is alive (ARENA-3).
            let spare = unsafe { Block::next(block) };
            // SAFETY: as above; what was behind it is in `spare`.
            unsafe { Block::set_next(block, None) };
            spare
        };
        // SAFETY: no longer in the chain (ARENA-3), and nothing in them is lent (ARENA-2).
        let freed = unsafe { Block::free_chain(spare) };
        self.books.blocks.set(self.books.blocks.get() - freed);
    }

    /// What the arena holds now.
    ///
    /// Cost: a few loads and some arithmetic; no heap.
    ///
    /// ```
    /// let arena = pyarena::Arena::new();
    /// arena.alloc_str("spam");
    /// assert_eq!((arena.stats().blocks, arena.stats().used), (1, 8));
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let books = &self.books;
        let begun = usize::from(self.first.get().is_some());
        let cut = books.filled.get() * BLOCK + begun * (BLOCK - self.room.get());
        Stats {
            blocks: books.blocks.get(),
            spare_blocks: books.blocks.get() - books.filled.get() - begun,
            large_blocks: books.large_blocks.get(),
            objects: self.objects.count(),
            reserved: books.blocks.get() * Block::LAYOUT.size() + books.large_reserved.get(),
            used: cut - books.lost.get() + books.large_used.get(),
            lost: books.lost.get(),
        }
    }

    /// Bytes of `layout`, or the end of the thread or the process.
    #[inline]
    pub(crate) fn take(&self, layout: Layout) -> NonNull<u8> {
        match self.bump(layout) {
            Some(bytes) => bytes,
            None => self.take_slow(layout),
        }
    }

    /// The fast path: bytes of the current block.
    #[inline]
    fn bump(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.align() > BLOCK_ALIGN {
            return None;
        }
        // No overflow: a layout's size is at most isize::MAX.
        let size = (layout.size() + (GRAIN - 1)) & !(GRAIN - 1);
        let (mut room, is_short) = self.room.get().overflowing_sub(size);
        if is_short {
            return None;
        }
        if layout.align() > GRAIN {
            room &= !(BLOCK_ALIGN - 1);
        }
        self.room.set(room);
        // SAFETY: `room` is at most what it was, so inside the block (ARENA-1); with no block it is 0.
        Some(unsafe { self.block.get().cast::<u8>().add(room) })
    }

    #[cold]
    #[inline(never)]
    fn take_slow(&self, layout: Layout) -> NonNull<u8> {
        self.try_take_slow(layout).unwrap_or_else(|error| error.end())
    }

    /// What the fast path does not serve: no room, or an alignment above a block's.
    #[cold]
    #[inline(never)]
    fn try_take_slow(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if layout.size() == 0 {
            let aligned = ptr::without_provenance_mut(layout.align());
            // SAFETY: an alignment is not zero.
            return Ok(unsafe { NonNull::new_unchecked(aligned) });
        }
        if layout.align() > BLOCK_ALIGN {
            if let Some(bytes) = self.bump_aligned(layout) {
                return Ok(bytes);
            }
        }
        // Room for the worst place that a block can begin at.
        let padding = if layout.align() > BLOCK_ALIGN { layout.align() - 1 } else { 0 };
        if layout.size().saturating_add(padding) > LARGE {
            return self.take_large(layout);
        }
        self.enter_next_block()?;
        let bytes = if padding > 0 { self.bump_aligned(layout) } else { self.bump(layout) };
        debug_assert!(bytes.is_some(), "a quarter of a fresh block is enough");
        bytes.ok_or(AllocError::TooLarge)
    }

    /// As `bump`, for alignments above a block's.
    fn bump_aligned(&self, layout: Layout) -> Option<NonNull<u8>> {
        let start = self.block.get().cast::<u8>();
        let top = self.room.get().checked_sub(layout.size())?;
        let excess = start.addr().get().wrapping_add(top) & (layout.align() - 1);
        // A multiple of BLOCK_ALIGN, as both ends of it are (ARENA-1).
        let room = top.checked_sub(excess)?;
        self.room.set(room);
        // SAFETY: as in `bump`.
        Some(unsafe { start.add(room) })
    }

    fn take_large(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let large = Tail::fresh(layout, self.large.get())?;
        self.large.set(Some(large.tail));
        self.books.add_large(layout.size(), large.reserved);
        Ok(large.start)
    }

    /// Goes on to the next block: a spare one, or a fresh one at the end of the chain.
    fn enter_next_block(&self) -> Result<(), AllocError> {
        let next = match self.first.get() {
            None => {
                let first = Block::fresh()?;
                self.first.set(Some(first));
                self.books.add_block();
                first
            }
            Some(_) => {
                let next = self.next_block()?;
                self.books.fill_block(self.room.get());
                next
            }
        };
        self.block.set(next);
        self.room.set(BLOCK);
        Ok(())
    }

    /// The block behind the current one.
    fn next_block(&self) -> Result<NonNull<Block>, AllocError> {
        let block = self.block.get();
        // SAFETY: a block of the chain is alive (ARENA-3).
        if let Some(spare) = unsafe { Block::next(block) } {
            return Ok(spare);
        }
        let fresh = Block::fresh()?;
        // SAFETY: as above; there was none behind it.
        unsafe { Block::set_next(block, Some(fresh)) };
        self.books.add_block();
        Ok(fresh)
    }

    fn free_large(&mut self) {
        // SAFETY: out of the list when they are freed (ARENA-3), and nothing in them is lent (ARENA-4).
        unsafe { Tail::free_list(self.large.take()) };
        self.books.forget_large();
    }

    #[inline]
    fn rewind(&mut self) {
        if let Some(first) = self.first.get() {
            self.block.set(first);
            self.room.set(BLOCK);
        }
        self.books.filled.set(0);
        self.books.lost.set(0);
    }
}

impl Books {
    const fn new() -> Self {
        Self {
            blocks: Cell::new(0),
            filled: Cell::new(0),
            lost: Cell::new(0),
            large_blocks: Cell::new(0),
            large_used: Cell::new(0),
            large_reserved: Cell::new(0),
        }
    }

    fn add_block(&self) {
        self.blocks.set(self.blocks.get() + 1);
    }

    /// A block was left with `room` bytes unused.
    fn fill_block(&self, room: usize) {
        self.filled.set(self.filled.get() + 1);
        self.lost.set(self.lost.get() + room);
    }

    fn add_large(&self, used: usize, reserved: usize) {
        self.large_blocks.set(self.large_blocks.get() + 1);
        self.large_used.set(self.large_used.get() + used);
        self.large_reserved.set(self.large_reserved.get() + reserved);
    }

    fn forget_large(&self) {
        self.large_blocks.set(0);
        self.large_used.set(0);
        self.large_reserved.set(0);
    }
}

/// Panics on with what an object's destructor panicked with, unless the thread is unwinding already: a second panic
/// would end the process, and this one has been reported.
fn go_on_panicking(panicked: Option<Payload>) {
    if let Some(payload) = panicked {
        if thread::panicking() {
            discard(payload);
        } else {
            resume_unwind(payload);
        }
    }
}

impl Drop for Arena {
    /// Port of: `_PyArena_Free` (Python/pyarena.c)
    fn drop(&mut self) {
        // SAFETY: nothing is lent (ARENA-4), and the blocks are still there.
        let panicked = unsafe { self.objects.release_all() };
        self.free_large();
        // SAFETY: the chain ends here (ARENA-3), and nothing in it is lent (ARENA-4).
        unsafe { Block::free_chain(self.first.take()) };
        go_on_panicking(panicked);
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
