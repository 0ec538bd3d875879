//! What a handle needs of the system's thread.

use std::thread::JoinHandle;

/// A thread of the system, as whoever started it has it: to be joined once, or dropped, which detaches it.
///
/// For [`Builder::start_by`](crate::Builder::start_by), where an embedder has threads of its own. In the child of a
/// fork it is neither joined nor dropped, but forgotten.
///
/// ```
/// use pythread::{Builder, Handle, NativeThread};
/// use std::sync::mpsc;
///
/// /// A thread that says when it is joined.
/// struct Told(std::thread::JoinHandle<()>, mpsc::Sender<&'static str>);
///
/// impl NativeThread for Told {
///     fn join(self: Box<Self>) {
///         self.0.join().unwrap();
///         self.1.send("joined").unwrap();
///     }
/// }
/// let (tell, told) = mpsc::channel();
/// let thread = Handle::new();
/// let spawn = |body: pythread::MainBody| {
///     let native = std::thread::Builder::new().spawn(move || body.run())?;
///     Ok(Told(native, tell))
/// };
/// Builder::new().start_by(&thread, spawn, || {})?;
/// thread.join()?;
/// assert_eq!(told.try_recv(), Ok("joined"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait NativeThread: Send {
    /// Waits until the system's thread has ended. Called with the runtime's thread detached.
    ///
    /// Cost: the implementation's.
    ///
    /// ```
    /// use pythread::NativeThread;
    ///
    /// let native = std::thread::spawn(|| {});
    /// NativeThread::join(Box::new(native));
    /// ```
    fn join(self: Box<Self>);
}

/// Port of: `PyThread_join_thread`, `PyThread_detach_thread` (Python/thread_pthread.h)
impl NativeThread for JoinHandle<()> {
    fn join(self: Box<Self>) {
        // The body's own panic is caught inside; what is left is one in a destructor of the body's remains, which
        // the thread's panic hook has told.
        let _remains = JoinHandle::join(*self);
    }
}
