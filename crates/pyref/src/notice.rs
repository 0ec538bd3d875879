//! How a member is told that something waits for its next quiescent state.

/// Tells a member to report a quiescent state and to merge what is queued for it: in an interpreter, the bit of its
/// eval breaker that [`Online::serve`](crate::Online::serve) stands behind.
///
/// ```
/// use pyref::{Member, Notice};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// #[derive(Default)]
/// struct Bit(AtomicBool);
/// impl Notice for Bit {
///     fn merge_wanted(&self) {
///         self.0.store(true, Ordering::Release);
///     }
/// }
///
/// let bit = Arc::new(Bit::default());
/// let mut member = Member::with_notice(bit.clone());
/// let online = member.online();
/// let object = pyref::Ref::new(1);
/// drop(online);
/// // Dropped by a thread that is not online as the owner: the owner is asked.
/// drop(object);
/// assert!(bit.0.load(Ordering::Acquire));
/// ```
pub trait Notice: Send + Sync + 'static {
    /// Sets the bit.
    ///
    /// Called under a lock of this crate, by any thread: it must not block, must not panic, and must not use this
    /// crate.
    ///
    /// Cost: the embedder's.
    ///
    /// ```
    /// struct Nobody;
    /// impl pyref::Notice for Nobody {
    ///     fn merge_wanted(&self) {}
    /// }
    /// let _member = pyref::Member::with_notice(std::sync::Arc::new(Nobody));
    /// ```
    fn merge_wanted(&self);
}
