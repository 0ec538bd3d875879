//! How many bytes a character of a string takes in CPython's memory, and a string in that form.
//!
//! | highest character | kind |
//! |---|---|
//! | up to U+00FF | 1 byte |
//! | up to U+FFFF | 2 bytes |
//! | above | 4 bytes |
//!
//! Invariants:
//!
//! * HASH-3: text is hashed in its narrowest kind, the only one in which CPython stores it, so that equal strings
//!   have equal hashes.
//!
//! The kind can be read off UTF-8 without decoding it: it is decided by the greatest byte. Bytes that continue a
//! character are below 0xC0, and bytes that begin one grow with the character.

/// Bytes that are put together before they are hashed. A multiple of every block and every character.
const BATCH: usize = 256;

/// The least byte that begins a character above U+00FF.
const BEGINS_TWO: u8 = 0xc4;
/// The least byte that begins a character above U+FFFF.
const BEGINS_FOUR: u8 = 0xf0;

/// Bytes per character, as CPython stores a string.
///
/// ```
/// use pyhash::Kind;
///
/// let kinds = ["spam", "späm", "spαm", "sp🥚m"].map(Kind::of);
/// assert_eq!(kinds, [Kind::One, Kind::One, Kind::Two, Kind::Four]);
/// ```
///
/// Port of: `PyUnicode_Kind` (Include/cpython/unicodeobject.h)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// ASCII and Latin-1.
    One = 1,
    /// The basic plane.
    Two = 2,
    /// Everything.
    Four = 4,
}

impl Kind {
    /// The narrowest kind that `text` fits into. Of no text it is [`Kind::One`].
    ///
    /// Cost: looks at every byte once.
    ///
    /// ```
    /// use pyhash::Kind;
    ///
    /// // The memory that CPython takes for the characters of a string.
    /// let size = |text: &str| Kind::of(text) as usize * text.chars().count();
    /// assert_eq!(["späm", "spαm", "sp🥚m"].map(size), [4, 8, 16]);
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text.bytes().max() {
            Some(BEGINS_FOUR..) => Self::Four,
            Some(BEGINS_TWO..) => Self::Two,
            _ => Self::One,
        }
    }
}

/// Hands the bytes of all `units` on, in order and in batches.
pub(crate) fn in_batches<const N: usize>(
    units: impl Iterator<Item = [u8; N]>,
    mut hand_on: impl FnMut(&[u8]),
) {
    let mut batch = [0; BATCH];
    let mut filled = 0;
    for unit in units {
        batch[filled..filled + N].copy_from_slice(&unit);
        filled += N;
        if filled == BATCH {
            hand_on(&batch);
            filled = 0;
        }
    }
    hand_on(&batch[..filled]);
}

#[cfg(test)]
mod tests {
    use super::Kind;

    fn by_characters(text: &str) -> Kind {
        match text.chars().max() {
            Some('\u{10000}'..) => Kind::Four,
            Some('\u{100}'..) => Kind::Two,
            _ => Kind::One,
        }
    }

    #[test]
    fn every_character_has_the_kind_of_its_number() {
        let mut text = [0; 4];
        for character in '\0'..=char::MAX {
            let text = character.encode_utf8(&mut text);
            assert_eq!(Kind::of(text), by_characters(text), "{character:?}");
        }
    }

    #[test]
    fn the_widest_character_decides() {
        assert_eq!(Kind::of(""), Kind::One);
        for text in ["a\u{ff}", "\u{100}\u{ff}", "\u{ffff}a\u{7ff}", "\u{10000}\u{ffff}"] {
            assert_eq!(Kind::of(text), by_characters(text), "{text:?}");
        }
    }
}
