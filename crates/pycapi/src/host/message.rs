//! A text for C, put together without heap.

use core::ffi::CStr;
use core::fmt::{self, Write};

const SIZE: usize = 256;

/// Up to 255 bytes and a zero; what does not fit is cut off.
pub(super) struct Message {
    bytes: [u8; SIZE],
    len: usize,
}

impl Message {
    pub(super) fn new(text: &dyn fmt::Display) -> Self {
        let mut message = Self { bytes: [0; SIZE], len: 0 };
        // Fails where the text is cut off.
        let _ = write!(message, "{text}");
        message
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = SIZE - 1 - self.len;
        let fitting = text.as_bytes().get(..room).unwrap_or(text.as_bytes());
        self.bytes[self.len..][..fitting.len()].copy_from_slice(fitting);
        self.len += fitting.len();
        if fitting.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, SIZE};

    #[test]
    fn a_text_that_is_too_long_is_cut_off() {
        let long = "x".repeat(2 * SIZE);
        assert_eq!(Message::new(&long).as_c_str().to_bytes().len(), SIZE - 1);
        let exact = "y".repeat(SIZE - 1);
        assert_eq!(Message::new(&exact).as_c_str().to_bytes(), exact.as_bytes());
        assert_eq!(Message::new(&"short").as_c_str(), c"short");
    }
}
