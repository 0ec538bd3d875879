//! Printing to people who may stop reading: `cargo xtask tidy | head` ends quietly.

use std::fmt::Arguments;
use std::io::{Write, stdout};
use std::process::exit;

/// What a shell reports for a program that a closed pipe has ended.
const PIPE_CLOSED: i32 = 141;

/// Prints a line, as `println!` does.
macro_rules! say {
    ($($arg:tt)*) => { $crate::say::line(format_args!($($arg)*)) };
}
pub(crate) use say;

/// Prints a line; ends the program where nobody reads it.
pub(crate) fn line(text: Arguments<'_>) {
    if writeln!(stdout(), "{text}").is_err() {
        exit(PIPE_CLOSED);
    }
}
