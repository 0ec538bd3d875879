//! Starting threads, with a name, a stack size, or by another spawner.
//!
//! All that is kept of the system's thread is what joins or detaches it, and only until that is done.

use crate::error::StartError;
use crate::handle::Handle;
use crate::life::Life;
use crate::main_body::MainBody;
use crate::native_thread::NativeThread;
use crate::stack;
use crate::system;
use pyparking::ident;
use std::io;

/// How a thread is to be started.
///
/// ```
/// use pythread::Builder;
///
/// let thread = Builder::new().name("worker").stack_size(256 * 1024).start(|| {})?;
/// assert_eq!(thread.name(), Some("worker"));
/// assert!(thread.join()?.is_returned());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it starts nothing by itself"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

/// Starts a thread with nothing said about it.
///
/// Cost: as [`Handle::start`], and one allocation.
///
/// # Errors
///
/// [`StartError::System`].
///
/// ```
/// let thread = pythread::start(|| {}).unwrap();
/// assert!(thread.join().unwrap().is_returned());
/// ```
///
/// Port of: `PyThread_start_joinable_thread` (Python/thread_pthread.h)
pub fn start(body: impl FnOnce() + Send + 'static) -> Result<Handle, StartError> {
    Builder::new().start(body)
}

impl Builder {
    /// No name, the stack size that [`set_stack_size`](crate::set_stack_size) says.
    ///
    /// Cost: none.
    ///
    /// ```
    /// let thread = pythread::Builder::new().start(|| {}).unwrap();
    /// assert_eq!(thread.name(), None);
    /// # let _ = thread.join();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The thread's name, which its handle and, shortened as need be, the system's tools show; on Windows panic messages
    /// too.
    ///
    /// Cost: an allocation.
    ///
    /// ```
    /// let builder = pythread::Builder::new().name("zero \0 byte");
    /// assert!(matches!(builder.start(|| {}), Err(pythread::StartError::BadName)));
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The size of this thread's stack in bytes, whatever the process's setting; 0 for the default. Within the bounds
    /// of [`set_stack_size`](crate::set_stack_size), which the start checks.
    ///
    /// Cost: none.
    ///
    /// ```
    /// let builder = pythread::Builder::new().stack_size(4096);
    /// assert!(matches!(builder.start(|| {}), Err(pythread::StartError::StackSize(_))));
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts a thread.
    ///
    /// Cost: as [`Handle::start`], and one allocation.
    ///
    /// # Errors
    ///
    /// As [`start_handle`](Self::start_handle), but for `AlreadyStarted`.
    ///
    /// ```
    /// let thread = pythread::Builder::new().name("short").start(|| {}).unwrap();
    /// assert!(thread.join().unwrap().is_returned());
    /// ```
    pub fn start(self, body: impl FnOnce() + Send + 'static) -> Result<Handle, StartError> {
        let handle = Handle::new();
        self.start_handle(&handle, body)?;
        Ok(handle)
    }

    /// Starts the thread of a handle that others may have already.
    ///
    /// Cost: as [`Handle::start`].
    ///
    /// # Errors
    ///
    /// [`StartError::AlreadyStarted`], [`BadName`](StartError::BadName) and
    /// [`StackSize`](StartError::StackSize) leave the handle as it was. After [`System`](StartError::System) it is done.
    ///
    /// ```
    /// use pythread::{Builder, Handle};
    ///
    /// let thread = Handle::new();
    /// let waiter = thread.clone();
    /// Builder::new().name("early").start_handle(&thread, || {}).unwrap();
    /// assert!(waiter.join().unwrap().is_returned());
    /// ```
    pub fn start_handle(
        self,
        handle: &Handle,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), StartError> {
        if self.name.as_ref().is_some_and(|name| name.contains('\0')) {
            return Err(StartError::BadName);
        }
        let stack = stack::of_next(self.stack_size).map_err(StartError::StackSize)?;
        let name = self.name.clone();
        self.start_by(handle, |body| system::spawn(stack, name.as_deref(), body), body)
    }

    /// Starts the thread of a handle by a spawner of the caller's own: `spawn` makes a thread that runs the
    /// [`MainBody`], and returns what it has of it. Of the builder only the name counts, and that for the handle only.
    ///
    /// Cost: three allocations, about five RMW, and what `spawn` does.
    ///
    /// # Errors
    ///
    /// [`StartError::AlreadyStarted`], without a call of `spawn`; [`StartError::System`] with what `spawn` said.
    ///
    /// # Panics
    ///
    /// If `spawn` does; the handle is done unless the thread was made.
    ///
    /// ```
    /// use pythread::{Builder, Handle, Outcome, StartError};
    ///
    /// let thread = Handle::new();
    /// let refuse = |_body| Err::<std::thread::JoinHandle<()>, _>(std::io::Error::other("full"));
    /// let error = Builder::new().start_by(&thread, refuse, || {}).unwrap_err();
    /// assert_eq!(error.to_string(), "can't start new thread: full");
    /// assert!(matches!(thread.join().unwrap(), Outcome::NeverRan));
    /// ```
    ///
    /// Port of: `ThreadHandle_start` (Modules/_threadmodule.c)
    pub fn start_by<N: NativeThread + 'static>(
        self,
        handle: &Handle,
        spawn: impl FnOnce(MainBody) -> io::Result<N>,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), StartError> {
        let life = handle.life();
        let ident = ident::reserve();
        if !life.claim(&ident, self.name.as_deref()) {
            return Err(StartError::AlreadyStarted);
        }
        let unwinding = HandOverNothing(life);
        let spawned = spawn(MainBody::new(life.clone(), ident, body));
        core::mem::forget(unwinding);
        match spawned {
            Ok(thread) => {
                life.hand_over(Some(Box::new(thread)));
                Ok(())
            }
            Err(error) => {
                life.hand_over(None);
                Err(StartError::System(error))
            }
        }
    }
}

/// A joiner waits for what the starter got, also if the spawner unwinds.
struct HandOverNothing<'a>(&'a Life);

impl Drop for HandOverNothing<'_> {
    fn drop(&mut self) {
        self.0.hand_over(None);
    }
}
