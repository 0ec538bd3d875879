//! CPython's interpreter, started for the sake of its GIL and its thread states.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use libloading::Library;

/// The functions around thread states.
#[derive(Clone, Copy)]
pub(super) struct Api {
    initialize: unsafe extern "C" fn(c_int),
    main: unsafe extern "C" fn() -> *mut c_void,
    new_thread: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    clear: unsafe extern "C" fn(*mut c_void),
    delete_current: unsafe extern "C" fn(),
    save: unsafe extern "C" fn() -> *mut c_void,
    restore: unsafe extern "C" fn(*mut c_void),
    add_pending: unsafe extern "C" fn(PendingCall, *mut c_void) -> c_int,
    make_pending: unsafe extern "C" fn() -> c_int,
}

/// A pending call: 0 for success.
pub type PendingCall = unsafe extern "C" fn(*mut c_void) -> c_int;

impl Api {
    /// Looks the functions up; every CPython exports them.
    pub(super) fn resolve(library: &Library) -> Result<Self, libloading::Error> {
        // SAFETY: each type is the declaration of that function in CPython's `Include/`.
        unsafe {
            Ok(Self {
                initialize: *library.get(b"Py_InitializeEx\0")?,
                main: *library.get(b"PyInterpreterState_Main\0")?,
                new_thread: *library.get(b"PyThreadState_New\0")?,
                clear: *library.get(b"PyThreadState_Clear\0")?,
                delete_current: *library.get(b"PyThreadState_DeleteCurrent\0")?,
                save: *library.get(b"PyEval_SaveThread\0")?,
                restore: *library.get(b"PyEval_RestoreThread\0")?,
                add_pending: *library.get(b"Py_AddPendingCall\0")?,
                make_pending: *library.get(b"Py_MakePendingCalls\0")?,
            })
        }
    }
}

/// The words before the eval breaker in a thread state of CPython 3.13.
const BREAKER: usize = 3;

/// The bit of a drop request.
const DROP_REQUEST: usize = 1;

/// CPython's main interpreter, which is never finalised.
#[derive(Clone, Copy)]
pub struct Interpreter {
    api: Api,
    state: usize,
}

impl Interpreter {
    /// The main interpreter, started by the first call, whose thread detaches again.
    ///
    /// # Panics
    /// When no library was loaded.
    #[must_use]
    pub fn main() -> Self {
        static STARTED: OnceLock<usize> = OnceLock::new();
        let api = super::api().map(|api| api.interpreter).expect("a library was loaded");
        let state = *STARTED.get_or_init(|| {
            // SAFETY: once per process, and this thread holds the GIL after it, until it saves its state.
            unsafe {
                (api.initialize)(0);
                (api.save)();
                (api.main)().addr()
            }
        });
        Self { api, state }
    }

    /// A thread state for the calling thread.
    #[must_use]
    pub fn new_thread(&self) -> *mut c_void {
        // SAFETY: the interpreter lives as long as the process; making a thread state needs no GIL.
        unsafe { (self.api.new_thread)(std::ptr::with_exposed_provenance_mut(self.state)) }
    }

    /// Takes the GIL.
    ///
    /// # Safety
    /// The thread state is the calling thread's, and detached.
    #[inline]
    pub unsafe fn restore(&self, thread: *mut c_void) {
        // SAFETY: handed on to the caller.
        unsafe { (self.api.restore)(thread) };
    }

    /// Releases the GIL; the thread state to take it with again.
    ///
    /// # Safety
    /// The calling thread holds the GIL.
    #[inline]
    pub unsafe fn save(&self) -> *mut c_void {
        // SAFETY: handed on to the caller.
        unsafe { (self.api.save)() }
    }

    /// Leaves a call for the main thread; whether there was room.
    #[inline]
    #[must_use]
    pub fn add_pending_call(&self, call: PendingCall) -> bool {
        // SAFETY: any thread may; the call is given no argument.
        unsafe { (self.api.add_pending)(call, std::ptr::null_mut()) == 0 }
    }

    /// Runs the calls that were left for the main thread; whether they succeeded.
    ///
    /// # Safety
    /// The calling thread is the interpreter's main thread and holds the GIL.
    #[inline]
    #[must_use]
    pub unsafe fn make_pending_calls(&self) -> bool {
        // SAFETY: handed on to the caller.
        unsafe { (self.api.make_pending)() == 0 }
    }

    /// Whether another thread wants the GIL: the poll that an eval loop makes.
    ///
    /// # Safety
    /// The thread state is the calling thread's.
    #[inline]
    pub unsafe fn is_asked(thread: *mut c_void) -> bool {
        // SAFETY: a live thread state is longer than that, and the breaker is changed atomically by others.
        let breaker = unsafe {
            std::sync::atomic::AtomicUsize::from_ptr(thread.cast::<usize>().add(BREAKER))
        };
        // ORD: Relaxed, as CPython's poll.
        breaker.load(std::sync::atomic::Ordering::Relaxed) & DROP_REQUEST != 0
    }

    /// Frees a thread state.
    ///
    /// # Safety
    /// As [`restore`](Self::restore), and the state is not used again.
    pub unsafe fn end_thread(&self, thread: *mut c_void) {
        // SAFETY: attached by the first call, as the others ask for; handed on to the caller otherwise.
        unsafe {
            (self.api.restore)(thread);
            (self.api.clear)(thread);
            (self.api.delete_current)();
        }
    }
}
