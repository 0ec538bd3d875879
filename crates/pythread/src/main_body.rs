//! What a new thread does: everything between its birth and its end.

use crate::current;
use crate::exit;
use crate::handle::Handle;
use crate::life::Life;
use crate::outcome::Outcome;
use pyparking::ident::Reserved;
use pyparking::primitive::seeded;
use std::sync::Arc;

/// The work of a thread that is about to be started, for a spawner of the embedder's own.
///
/// [`run`](Self::run) it on the new thread. Dropped without that, the thread is done, as
/// [`Outcome::NeverRan`](crate::Outcome::NeverRan).
///
/// ```
/// use pythread::{Builder, Handle, MainBody};
///
/// let thread = Handle::new();
/// let spawn = |body: MainBody| std::thread::Builder::new().spawn(move || body.run());
/// Builder::new().start_by(&thread, spawn, || {})?;
/// assert!(thread.join()?.is_returned());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Port of: `bootstate` (Modules/_threadmodule.c)
#[must_use = "dropped, the thread never runs"]
pub struct MainBody {
    life: Arc<Life>,
    ident: Option<Reserved>,
    body: Option<Box<dyn FnOnce() + Send>>,
}

impl MainBody {
    pub(crate) fn new(
        life: Arc<Life>,
        ident: Reserved,
        body: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self { life, ident: Some(ident), body: Some(Box::new(body)) }
    }

    /// Runs the body and then its exit hooks on the calling thread, and tells the joiners. Panics stay inside.
    ///
    /// On a thread that has an ident already, the handle takes that one.
    ///
    /// Cost: about nine RMW, heap for the outcome of a panic; what body and hooks do.
    ///
    /// ```
    /// use pythread::{Builder, Handle};
    /// use std::sync::mpsc;
    ///
    /// // A pool of one: its thread outlives what runs on it.
    /// let (post, work) = mpsc::channel::<pythread::MainBody>();
    /// let pool = std::thread::spawn(move || work.into_iter().for_each(|body| body.run()));
    /// struct Pooled;
    /// impl pythread::NativeThread for Pooled {
    ///     fn join(self: Box<Self>) {}
    /// }
    /// for _ in 0..2 {
    ///     let thread = Handle::new();
    ///     let to_pool = |body| {
    ///         post.send(body).map(|()| Pooled).map_err(|_| std::io::Error::other("closed"))
    ///     };
    ///     Builder::new().start_by(&thread, to_pool, || {}).unwrap();
    ///     assert!(thread.join().unwrap().is_returned());
    /// }
    /// drop(post);
    /// pool.join().unwrap();
    /// ```
    ///
    /// Port of: `thread_run` (Modules/_threadmodule.c)
    pub fn run(mut self) {
        let Some(body) = self.body.take() else { return };
        let life = Arc::clone(&self.life);
        life.begin(self.ident.take());
        let within = current::enter(Handle::of(&life));
        let panic = exit::caught(body);
        if seeded("thread-hooks-late") {
            life.finish(panic.clone().map_or(Outcome::Returned, Outcome::Panicked));
        }
        let panic = exit::run_hooks(panic);
        drop(within);
        life.finish(panic.map_or(Outcome::Returned, Outcome::Panicked));
    }
}

impl Drop for MainBody {
    fn drop(&mut self) {
        if self.body.is_some() {
            self.life.finish(Outcome::NeverRan);
        }
    }
}

impl core::fmt::Debug for MainBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MainBody").field("thread", &Handle::of(&self.life)).finish_non_exhaustive()
    }
}
