//! Sections under a make-believe runtime.

mod hooks;
mod regressions;
mod upstream;
mod world;
