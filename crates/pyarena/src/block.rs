//! Where the bytes come from: blocks of one size in a chain, and a block of its own for each large request.
//!
//! A [`Block`] is 8 KiB of bytes with the link to the next block behind them, so that a block's address is that of
//! its first byte. A large block has its [`Tail`] behind its bytes, which knows how to free it.
//!
//! Links are reached by raw pointers only: a reference to a whole block would overlap what is lent out.
//!
//! Port of: `_block` (Python/pyarena.c)
//! PORT: the head is a tail, and offset and size are the arena's, not the block's: the fast path reads one line.

use crate::error::AllocError;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc};

/// Bytes to give out in a block. CPython's `DEFAULT_BLOCK_SIZE`.
pub(crate) const BLOCK: usize = 8 * 1024;

/// What a block's first byte is aligned to: what an allocator gives without being asked for more.
pub(crate) const BLOCK_ALIGN: usize = 16;

/// A block of the chain.
#[repr(C, align(16))]
pub(crate) struct Block {
    bytes: [MaybeUninit<u8>; BLOCK],
    next: Option<NonNull<Block>>,
}

const _: () = assert!(align_of::<Block>() == BLOCK_ALIGN, "the literal above cannot be a constant");

impl Block {
    /// What is asked of the global allocator for one.
    pub(crate) const LAYOUT: Layout = Layout::new::<Self>();

    /// A block without a successor.
    pub(crate) fn fresh() -> Result<NonNull<Self>, AllocError> {
        let block = get(Self::LAYOUT)?.cast::<Self>();
        // SAFETY: the memory is new and has this layout; only the link is written.
        unsafe { (&raw mut (*block.as_ptr()).next).write(None) };
        Ok(block)
    }

    /// The block behind `block`.
    ///
    /// # Safety
    ///
    /// `block` came from [`fresh`](Self::fresh) and has not been freed.
    pub(crate) unsafe fn next(block: NonNull<Self>) -> Option<NonNull<Self>> {
        // SAFETY: alive by the contract, the link was written by `fresh`, and nothing of it is ever lent out.
        unsafe { (&raw const (*block.as_ptr()).next).read() }
    }

    /// Puts `next` behind `block`.
    ///
    /// # Safety
    ///
    /// As for [`next`](Self::next). The block that was there is the caller's now.
    pub(crate) unsafe fn set_next(block: NonNull<Self>, next: Option<NonNull<Self>>) {
        // SAFETY: as in `next`.
        unsafe { (&raw mut (*block.as_ptr()).next).write(next) };
    }

    /// Frees `first` and every block behind it; says how many there were.
    ///
    /// # Safety
    ///
    /// The blocks came from [`fresh`](Self::fresh), nobody else frees them, and nothing in them is used any more.
    pub(crate) unsafe fn free_chain(first: Option<NonNull<Self>>) -> usize {
        let (mut at, mut count) = (first, 0);
        while let Some(block) = at {
            // SAFETY: not yet freed.
            at = unsafe { Self::next(block) };
            // SAFETY: `fresh` got it with this layout; its link has been read, and the rest is not used any more.
            unsafe { dealloc(block.as_ptr().cast(), Self::LAYOUT) };
            count += 1;
        }
        count
    }
}

/// Behind the bytes of a large block: its place in the list of them, and how it is freed.
pub(crate) struct Tail {
    next: Option<NonNull<Tail>>,
    start: NonNull<u8>,
    layout: Layout,
}

/// A new large block.
pub(crate) struct Large {
    /// Its first byte, aligned as asked.
    pub(crate) start: NonNull<u8>,
    /// Its tail, the new head of the list.
    pub(crate) tail: NonNull<Tail>,
    /// What was asked of the global allocator.
    pub(crate) reserved: usize,
}

impl Tail {
    /// A block for `request`, at the head of the list that began with `next`.
    pub(crate) fn fresh(request: Layout, next: Option<NonNull<Self>>) -> Result<Large, AllocError> {
        let (layout, behind) =
            request.extend(Layout::new::<Self>()).map_err(|_| AllocError::TooLarge)?;
        let start = get(layout)?;
        // SAFETY: `extend` placed the tail inside the layout, and aligned for it.
        let tail = unsafe { start.add(behind) }.cast::<Self>();
        // SAFETY: as above; nobody else has the memory yet.
        unsafe { tail.write(Self { next, start, layout }) };
        Ok(Large { start, tail, reserved: layout.size() })
    }

    /// Frees the list that begins with `first`.
    ///
    /// # Safety
    ///
    /// The tails came from [`fresh`](Self::fresh), nobody else frees them, and nothing in their blocks is used any
    /// more.
    pub(crate) unsafe fn free_list(first: Option<NonNull<Self>>) {
        let mut at = first;
        while let Some(tail) = at {
            // SAFETY: alive and written by `fresh`; read out whole, as it lies in the memory that goes.
            let Self { next, start, layout } = unsafe { tail.read() };
            // SAFETY: `fresh` got `start` with `layout`, and nothing in it is used any more.
            unsafe { dealloc(start.as_ptr(), layout) };
            at = next;
        }
    }
}

/// Memory of a layout that is not empty.
fn get(layout: Layout) -> Result<NonNull<u8>, AllocError> {
    debug_assert!(layout.size() > 0, "a block has a link or a tail");
    // SAFETY: the layout is not empty: both kinds of block hold more than the bytes that were asked for.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).ok_or(AllocError::OutOfMemory(layout))
}
