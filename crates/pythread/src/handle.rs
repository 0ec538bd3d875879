//! Handles of threads.
//!
//! The protocol is in `life.rs`; this is its face.

use crate::builder::Builder;
use crate::current;
use crate::error::{JoinError, NotAdopted, StartError};
use crate::life::Life;
use crate::outcome::Outcome;
use crate::state::State;
use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;
use pysync::LockFlags;
use std::sync::Arc;

/// A thread, as others see it. Clones are of the same thread; any of them may join, and more than one.
///
/// Dropping the last one detaches a thread that nobody has joined.
///
/// A join returns after the system's thread has ended, destructors of its thread-locals included, for every joiner.
/// What it waits for first is the end of the body and the exit hooks; timeouts and interrupts are about that. The rest
/// is as long as those destructors take.
///
/// Ordering: what the thread did in its body and its exit hooks happens before a join returns its outcome.
///
/// ```
/// use pythread::{Handle, JoinError};
/// use std::time::Duration;
///
/// let thread = Handle::new();
/// assert_eq!(thread.join().unwrap_err(), JoinError::NotStarted);
/// let own = thread.clone();
/// thread.start(move || assert_eq!(own.join().unwrap_err(), JoinError::OwnThread)).unwrap();
/// let joiners = [(); 3].map(|()| {
///     let thread = thread.clone();
///     std::thread::spawn(move || thread.join().unwrap().is_returned())
/// });
/// assert!(joiners.into_iter().all(|joiner| joiner.join().unwrap()));
/// assert!(!thread.is_running());
/// ```
///
/// Port of: `ThreadHandle` (Modules/_threadmodule.c)
#[derive(Clone)]
pub struct Handle(Arc<Life>);

impl Handle {
    /// A handle of a thread to be started.
    ///
    /// Cost: one allocation.
    ///
    /// ```
    /// let thread = pythread::Handle::new();
    /// assert!(thread.ident().is_none() && !thread.is_running());
    /// ```
    ///
    /// Port of: `ThreadHandle_new` (Modules/_threadmodule.c)
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Life::fresh()))
    }

    /// A handle of the calling thread if this crate did not start it: the main one, or one from outside. Others may
    /// wait until [`set_done`](Self::set_done) says that it is done.
    ///
    /// Cost: one allocation, one RMW.
    ///
    /// ```
    /// use pythread::{Handle, JoinError};
    ///
    /// let main = Handle::adopt_current();
    /// let waiter = main.clone();
    /// let waiter = std::thread::spawn(move || waiter.join().unwrap().is_returned());
    /// assert_eq!(main.join().unwrap_err(), JoinError::OwnThread);
    /// main.set_done().unwrap();
    /// assert!(waiter.join().unwrap());
    /// ```
    ///
    /// Port of: `thread__make_thread_handle` (Modules/_threadmodule.c)
    #[must_use]
    pub fn adopt_current() -> Self {
        Self(Arc::new(Life::of_this_thread()))
    }

    /// The calling thread's handle, in the body and the exit hooks of a thread that this crate started.
    ///
    /// Cost: two thread-local accesses, one RMW.
    ///
    /// ```
    /// use pythread::Handle;
    ///
    /// assert!(Handle::current().is_none());
    /// let thread = pythread::start(|| {
    ///     let me = Handle::current().unwrap();
    ///     assert!(me.is_running() && me.native_id().is_some());
    /// })
    /// .unwrap();
    /// assert!(thread.join().unwrap().is_returned());
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        current::handle()
    }

    pub(crate) fn of(life: &Arc<Life>) -> Self {
        Self(Arc::clone(life))
    }

    pub(crate) fn life(&self) -> &Arc<Life> {
        &self.0
    }

    /// Starts the thread with `body`, which may be done once; [`Builder`] has the ways to say more.
    ///
    /// The new thread is not attached to any runtime. The caller may be: it waits for nothing.
    ///
    /// Cost: the system's start of a thread; beside it three allocations, about five RMW.
    ///
    /// # Errors
    ///
    /// As [`Builder::start_handle`].
    ///
    /// ```
    /// let thread = pythread::Handle::new();
    /// thread.start(|| {})?;
    /// assert!(thread.start(|| {}).is_err());
    /// # Ok::<(), pythread::StartError>(())
    /// ```
    ///
    /// Port of: `ThreadHandle_start` (Modules/_threadmodule.c)
    pub fn start(&self, body: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        Builder::new().start_handle(self, body)
    }

    /// Waits until the thread has ended. A thread of a runtime detaches while it sleeps; on an interrupt it runs its
    /// pending calls, and goes on waiting unless they fail.
    ///
    /// Cost: four acquire loads where the thread was joined before, and the outcome's clone, which is an RMW after a
    /// panic. Otherwise also a park if it still runs, two RMW more for the first joiner, and the system's join.
    ///
    /// # Errors
    ///
    /// [`JoinError::NotStarted`], [`OwnThread`](JoinError::OwnThread), [`Interrupted`](JoinError::Interrupted).
    ///
    /// ```
    /// let thread = pythread::start(|| {}).unwrap();
    /// assert!(thread.join().unwrap().is_returned());
    /// assert!(thread.join().unwrap().is_returned(), "as often as you like");
    /// ```
    ///
    /// Port of: `ThreadHandle_join` (Modules/_threadmodule.c)
    pub fn join(&self) -> Result<Outcome, JoinError> {
        self.join_timed(None)
    }

    /// [`join`](Self::join) within `timeout` (`None`: for ever; zero: only if the thread has ended).
    ///
    /// Cost: as [`join`](Self::join); where it has to wait, a clock read.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join), and [`JoinError::TimedOut`].
    ///
    /// ```
    /// use pythread::JoinError;
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// let (end, ending) = mpsc::channel::<()>();
    /// let thread = pythread::start(move || drop(ending.recv())).unwrap();
    /// let soon = Some(Duration::from_millis(2));
    /// assert_eq!(thread.join_timed(soon).unwrap_err(), JoinError::TimedOut);
    /// drop(end);
    /// assert!(thread.join_timed(None).unwrap().is_returned());
    /// ```
    pub fn join_timed(&self, timeout: Option<Duration>) -> Result<Outcome, JoinError> {
        self.join_with(timeout, LockFlags::DETACH | LockFlags::HANDLE_SIGNALS)
    }

    /// [`join_timed`](Self::join_timed) with a choice of what the wait for the body's end does about the runtime and
    /// interrupts.
    ///
    /// Cost: as [`join_timed`](Self::join_timed).
    ///
    /// # Errors
    ///
    /// As [`join_timed`](Self::join_timed).
    ///
    /// ```
    /// use pysync::LockFlags;
    ///
    /// let thread = pythread::start(|| {}).unwrap();
    /// // Whatever comes, wait.
    /// assert!(thread.join_with(None, LockFlags::DETACH).unwrap().is_returned());
    /// ```
    pub fn join_with(
        &self,
        timeout: Option<Duration>,
        flags: LockFlags,
    ) -> Result<Outcome, JoinError> {
        self.0.join(timeout, flags)
    }

    /// Gives the system's thread up: it cleans up after itself when it ends. Joins still wait for the end of the body
    /// and get its outcome, but return while the system's thread may be ending. After a join it does nothing.
    ///
    /// Cost: three acquire loads; the first time also four RMW and the system's detach.
    ///
    /// # Errors
    ///
    /// [`JoinError::NotStarted`].
    ///
    /// ```
    /// let thread = pythread::start(|| {}).unwrap();
    /// thread.detach()?;
    /// assert!(thread.join()?.is_returned());
    /// # Ok::<(), pythread::JoinError>(())
    /// ```
    ///
    /// Port of: `PyThread_detach_thread` (Python/thread_pthread.h)
    pub fn detach(&self) -> Result<(), JoinError> {
        self.0.detach()
    }

    /// Says that an adopted thread is done: lets its joiners go.
    ///
    /// Cost: as [`Event::notify`](pysync::Event::notify), and two RMW the first time.
    ///
    /// # Errors
    ///
    /// [`NotAdopted`]; nothing has changed.
    ///
    /// ```
    /// use pythread::{Handle, State};
    ///
    /// let main = Handle::adopt_current();
    /// main.set_done().unwrap();
    /// assert_eq!(main.state(), State::Done);
    /// ```
    ///
    /// Port of: `ThreadHandle_set_done` (Modules/_threadmodule.c)
    pub fn set_done(&self) -> Result<(), NotAdopted> {
        self.0.set_done()
    }

    /// Whether the thread has been started and its body and hooks have not ended.
    ///
    /// Cost: two acquire loads, some relaxed ones.
    ///
    /// ```
    /// let main = pythread::Handle::adopt_current();
    /// assert!(main.is_running());
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state() == State::Running
    }

    /// How far it has come, at some moment during the call.
    ///
    /// Cost: as [`is_running`](Self::is_running).
    ///
    /// ```
    /// use pythread::{Handle, State};
    ///
    /// assert_eq!(Handle::new().state(), State::NotStarted);
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// The thread's [`ident`](pyparking::ident): known as soon as it is started, never another's. The thread that
    /// survives a fork keeps it.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyparking::ident;
    /// use std::sync::mpsc;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let thread = pythread::start(move || tell.send(ident::current()).unwrap()).unwrap();
    /// assert_eq!(thread.ident(), Some(told.recv().unwrap()));
    /// ```
    ///
    /// Port of: `ThreadHandle_ident` (Modules/_threadmodule.c)
    #[must_use]
    pub fn ident(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.0.ident())
    }

    /// The system's number of the thread, as a debugger shows it, once the thread has begun to run. Another thread may
    /// have it after this one has ended.
    ///
    /// Cost: one acquire load, some relaxed ones.
    ///
    /// ```
    /// let main = pythread::Handle::adopt_current();
    /// assert_eq!(main.native_id(), Some(pyparking::ident::native()));
    /// ```
    #[must_use]
    pub fn native_id(&self) -> Option<u64> {
        match self.0.native() {
            0 => None,
            native => Some(native),
        }
    }

    /// The name that it was started with.
    ///
    /// Cost: one acquire load.
    ///
    /// ```
    /// let thread = pythread::Builder::new().name("courier").start(|| {}).unwrap();
    /// assert_eq!(thread.name(), Some("courier"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }
}

impl Default for Handle {
    fn default() -> Self {
        Self::new()
    }
}

/// Two handles are equal if they are of the same thread.
impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("ident", &self.ident())
            .field("name", &self.name())
            .field("state", &self.state())
            .finish()
    }
}
