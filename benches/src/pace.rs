//! How closely an arm's read-modify-writes follow each other.
//!
//! Back to back tells less than it seems to. There are processors on which read-modify-writes that stand close together
//! in the code are faster by a quarter, and some instructions between two take that away, whatever they do: the code of a
//! limit is short enough for it, that of a lock or a count may not be. In a program there is always something between.

use std::arch::asm;
use std::fmt;

/// What stands before each read-modify-write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Nothing.
    BackToBack,
    /// Instructions that do nothing.
    Apart,
}

impl Pace {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BackToBack, Self::Apart];
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BackToBack => "back to back",
            Self::Apart => "apart",
        })
    }
}

/// What stands before a read-modify-write, if anything is to: twice as much as was ever seen to make a difference to a
/// limit.
#[inline(always)]
pub fn gap<const APART: bool>() {
    if APART {
        // SAFETY: instructions that do nothing.
        unsafe { asm!(".rept 16", "nop", ".endr", options(nomem, nostack, preserves_flags)) };
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn labels_tell_them_apart() {
        assert_eq!(Pace::ALL.map(|pace| pace.to_string()), ["back to back", "apart"]);
    }
}
