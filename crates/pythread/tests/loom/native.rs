//! The checker's threads as the system's.

use loom::thread::JoinHandle;
use pythread::{Builder, Handle, MainBody, NativeThread, StartError};
use std::io;
use std::sync::Arc;
use trial::explore::spawn;
use trial::guarded::Guarded;

/// A thread of the model, and what is known of its end.
struct Checked {
    thread: Option<JoinHandle<()>>,
    life: Arc<Ends>,
}

/// What became of the system's side of a thread.
pub(crate) struct Ends {
    /// Set by the thread after everything that pythread knows of, as its destructors would be.
    pub(crate) gone: Guarded,
    /// How often the thread was joined or detached.
    pub(crate) reaped: Guarded,
    /// How often it was joined.
    pub(crate) joined: Guarded,
}

impl Ends {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { gone: Guarded::new(0), reaped: Guarded::new(0), joined: Guarded::new(0) })
    }
}

// SAFETY: the checker runs all threads of a model on one of the machine's.
unsafe impl Send for Checked {}

impl NativeThread for Checked {
    fn join(mut self: Box<Self>) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the thread's own panics stay inside");
        }
        self.life.joined.bump();
        self.life.reaped.bump();
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        if self.thread.take().is_some() {
            self.life.reaped.bump();
        }
    }
}

/// Sendable, as in `Checked`.
struct Moved<T>(T);

// SAFETY: as for `Checked`.
unsafe impl<T> Send for Moved<T> {}

impl<T> Moved<T> {
    fn into_inner(self) -> T {
        self.0
    }
}

/// Starts the thread of `handle` as a thread of the model.
pub(crate) fn start_as(
    handle: &Handle,
    life: &Arc<Ends>,
    body: impl FnOnce() + 'static,
) -> Result<(), StartError> {
    let spawner = |main: MainBody| {
        let end = Arc::clone(life);
        let thread = spawn(move || {
            main.run();
            end.gone.set(1);
        });
        Ok(Checked { thread: Some(thread), life: Arc::clone(life) })
    };
    start_by(handle, spawner, body)
}

/// The same with a body that is over before there is a second thread, which has only its end before it.
pub(crate) fn start_ending(
    handle: &Handle,
    life: &Arc<Ends>,
    body: impl FnOnce() + 'static,
) -> Result<(), StartError> {
    let spawner = |main: MainBody| {
        let apart = spawn(|| main.run());
        apart.join().expect("the body's own panics stay inside");
        let end = Arc::clone(life);
        let thread = spawn(move || end.gone.set(1));
        Ok(Checked { thread: Some(thread), life: Arc::clone(life) })
    };
    start_by(handle, spawner, body)
}

fn start_by(
    handle: &Handle,
    spawner: impl FnOnce(MainBody) -> io::Result<Checked>,
    body: impl FnOnce() + 'static,
) -> Result<(), StartError> {
    let body = Moved(body);
    Builder::new().start_by(handle, spawner, move || body.into_inner()())
}
