//! Why a request was not served.

use core::fmt;
use std::alloc::{Layout, handle_alloc_error};
use std::error::Error;

/// Why a `try_` form of [`Arena`](crate::Arena) has no memory to give. The arena is as it was.
///
/// ```
/// use pyarena::{AllocError, Arena};
///
/// let arena = Arena::new();
/// let refused = arena.try_alloc_uninit_slice::<u64>(usize::MAX).unwrap_err();
/// assert_eq!(refused, AllocError::TooLarge);
/// assert_eq!(refused.to_string(), "the request is larger than any object can be");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocError {
    /// The size in bytes overflows, or is more than `isize::MAX`.
    TooLarge,
    /// The global allocator had no block of this layout.
    OutOfMemory(Layout),
}

impl AllocError {
    /// What becomes of a request without a `try_`.
    #[cold]
    pub(crate) fn end(self) -> ! {
        match self {
            Self::TooLarge => panic!("pyarena: {self}"),
            Self::OutOfMemory(layout) => handle_alloc_error(layout),
        }
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the request is larger than any object can be"),
            Self::OutOfMemory(layout) => {
                write!(f, "the allocator has no {} bytes left", layout.size())
            }
        }
    }
}

impl Error for AllocError {}
