//! std's threads, for systems without fork.

use crate::main_body::MainBody;
use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread with a stack of `stack` bytes.
pub(crate) fn spawn(
    stack: usize,
    name: Option<&str>,
    body: MainBody,
) -> io::Result<JoinHandle<()>> {
    let mut builder = Builder::new().stack_size(stack);
    if let Some(name) = name {
        builder = builder.name(name.to_owned());
    }
    builder.spawn(move || body.run())
}
