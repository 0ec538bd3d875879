//! The public interface, a thread at a time or a few, without hooks.

mod closures;
mod modes;
mod raw;
mod sleeping;
