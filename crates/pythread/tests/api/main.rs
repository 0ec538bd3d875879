//! The promises of the public interface.

mod handles;
mod keys;
mod quiet;
mod stacks;
mod starts;
mod surface;
