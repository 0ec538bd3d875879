//! Who is queued at a primitive: what a model compares the bits with, under the bucket lock.

/// How many threads are queued at `primitive`; `look` runs under the bucket lock.
pub(crate) fn with_queued<T, R>(primitive: &T, look: impl FnOnce(usize) -> R) -> R {
    let address = core::ptr::from_ref(primitive).addr();
    // SAFETY: the queue is only looked at, and `look` reads the primitive's bits.
    unsafe { pyparking::with_queue(address, |queue| look(queue.args().count())) }
}

/// How many threads are queued at `primitive`.
pub(crate) fn queued<T>(primitive: &T) -> usize {
    with_queued(primitive, |queued| queued)
}
