//! What a thread's sections do to their mutexes. The table is in `stack.rs`.

/// What the calling thread's sections do to their mutexes; a runtime's choice per thread.
///
/// ```
/// use pycritsec::runtime::{self, Mode};
///
/// assert_eq!(runtime::mode(), Mode::Standalone);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Not attached to a runtime, or not any more: sections lock, and suspend each other before they block.
    #[default]
    Standalone,
    /// Attached to a free-threaded runtime: sections lock, and the runtime's hooks suspend them when the thread
    /// sleeps.
    Locking,
    /// Attached under a GIL, which excludes everybody anyhow: sections are noted, and no mutex is touched.
    Bookkeeping,
    /// The thread stopped all others: Begin takes no lock, nothing is resumed.
    Stopper,
}

impl Mode {
    /// Whether Begin locks, and suspended sections are resumed.
    #[inline]
    pub(crate) fn locks(self) -> bool {
        matches!(self, Self::Standalone | Self::Locking)
    }
}
