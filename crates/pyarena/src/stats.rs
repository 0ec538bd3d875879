//! What an arena holds, in numbers.

/// What an [`Arena`](crate::Arena) holds at one moment, in bytes and counts.
///
/// Kept by the slow paths and worked out when asked for, so that allocations cost nothing more: there is no count
/// of them.
///
/// ```
/// let arena = pyarena::Arena::new();
/// arena.alloc([0_u32; 3]);
/// let stats = arena.stats();
/// assert_eq!((stats.blocks, stats.large_blocks), (1, 0));
/// assert_eq!(stats.used, 16, "twelve bytes, padded to a multiple of eight");
/// assert!(stats.reserved > 8 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Blocks of 8 KiB, spare ones included.
    pub blocks: usize,
    /// Of these, blocks that a reset kept and nothing has used since.
    pub spare_blocks: usize,
    /// Blocks that hold one large request each.
    pub large_blocks: usize,
    /// Objects that will be released.
    pub objects: usize,
    /// Bytes held of the global allocator: all blocks, with what they need for themselves.
    pub reserved: usize,
    /// Bytes given out, padding included.
    pub used: usize,
    /// Bytes that were too few for a request and stay unused at the ends of filled blocks.
    pub lost: usize,
}
