//! CPython's own C code as a peer, from a shared library that the user names with `--libpython`.
//!
//! Only the exported lock functions are called, never the interpreter: without a thread state of CPython's they skip
//! detaching and behave as plain locks, so nothing needs to be initialised. What its headers inline (one
//! compare-exchange in front of each slow path) is inlined here in the same form.

mod interpreter;

pub use interpreter::{Interpreter, PendingCall};

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use libloading::Library;

use crate::stats::median;

use super::exclusive::{ByteLock, Exclusive};

type OnPointer = unsafe extern "C" fn(*mut c_void);
/// What a call through a pointer costs here, in nanoseconds. CPython's own code calls most of these
/// functions directly, an extension module as the bench does; on processors that may not predict
/// indirect branches the difference is larger than some locks.
#[must_use]
pub fn pointer_call_nanos() -> f64 {
    const CALLS: u32 = 20_000;
    unsafe extern "C" fn nothing(_argument: *mut c_void) {}
    let call: OnPointer = black_box(nothing);
    let once = || {
        let start = Instant::now();
        for _ in 0..CALLS {
            // SAFETY: the function does nothing with its argument.
            unsafe { black_box(call)(std::ptr::null_mut()) };
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    median(&(0..15).map(|_| once()).collect::<Vec<f64>>())
}

type Unparker = unsafe extern "C" fn(*mut c_void, *mut c_void, c_int);

/// The functions of one library, each looked up by its exported name.
pub struct Api {
    /// What the library says it is.
    pub version: String,
    mutex_lock: OnPointer,
    mutex_unlock: OnPointer,
    event_wait: OnPointer,
    event_notify: OnPointer,
    once_slow: unsafe extern "C" fn(
        *mut c_void,
        unsafe extern "C" fn(*mut c_void) -> c_int,
        *mut c_void,
    ) -> c_int,
    recursive_lock: OnPointer,
    recursive_unlock: OnPointer,
    read_lock: OnPointer,
    read_unlock: OnPointer,
    write_lock: OnPointer,
    write_unlock: OnPointer,
    seq_begin_read: unsafe extern "C" fn(*mut c_void) -> u32,
    seq_end_read: unsafe extern "C" fn(*mut c_void, u32) -> c_int,
    seq_lock_write: OnPointer,
    seq_unlock_write: OnPointer,
    park:
        unsafe extern "C" fn(*const c_void, *const c_void, usize, i64, *mut c_void, c_int) -> c_int,
    unpark: unsafe extern "C" fn(*const c_void, Unparker, *mut c_void),
    hash_bytes: unsafe extern "C" fn(*const c_void, isize) -> isize,
    interpreter: interpreter::Api,
    /// Whether the build has a GIL.
    gil: bool,
}

static API: OnceLock<Api> = OnceLock::new();

/// The library, if one was loaded.
pub fn api() -> Option<&'static Api> {
    API.get()
}

/// Whether the library that was loaded has a GIL.
#[must_use]
pub fn has_gil() -> bool {
    api().is_some_and(|api| api.gil)
}

fn loaded() -> &'static Api {
    API.get().expect("a CPython arm is only built after its library was loaded")
}

/// Loads the library and keeps it for the life of the process.
///
/// # Errors
/// A message for the user when the file is no such library or lacks a function.
pub fn load(path: &OsStr) -> Result<&'static Api, String> {
    let complain = |what: &str, error: &libloading::Error| {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        format!("--libpython {}: {what}{}", path.display(), cause.unwrap_or_default())
    };
    // SAFETY: running the initialisers of a library is what its user asked for by naming it; CPython's do nothing
    // that another thread could notice.
    let library =
        unsafe { Library::new(path) }.map_err(|error| complain("cannot be loaded", &error))?;
    let api = resolve(&library)
        .map_err(|error| complain("does not export what CPython 3.13 and later export", &error))?;
    // Function pointers into the library live in a static, so it must never be unloaded.
    std::mem::forget(library);
    Ok(API.get_or_init(|| api))
}

fn resolve(library: &Library) -> Result<Api, libloading::Error> {
    /// # Safety
    /// `T` must be the type of the function that CPython's headers declare under this name.
    unsafe fn get<T: Copy>(library: &Library, name: &CStr) -> Result<T, libloading::Error> {
        // SAFETY: passed on to the caller.
        unsafe { library.get::<T>(name.to_bytes_with_nul()) }.map(|symbol| *symbol)
    }
    // SAFETY: every field's type is the declaration of that function in CPython's `Include/`, in C types of the same
    // size; `PyTime_t` is a signed 64-bit integer and all lock types are passed by address.
    unsafe {
        let version: unsafe extern "C" fn() -> *const c_char = get(library, c"Py_GetVersion")?;
        let version = CStr::from_ptr(version()).to_string_lossy().into_owned();
        let free_threaded = version.contains("free-threading");
        Ok(Api {
            version,
            interpreter: interpreter::Api::resolve(library)?,
            gil: !free_threaded,
            mutex_lock: get(library, c"PyMutex_Lock")?,
            mutex_unlock: get(library, c"PyMutex_Unlock")?,
            event_wait: get(library, c"PyEvent_Wait")?,
            event_notify: get(library, c"_PyEvent_Notify")?,
            once_slow: get(library, c"_PyOnceFlag_CallOnceSlow")?,
            recursive_lock: get(library, c"_PyRecursiveMutex_Lock")?,
            recursive_unlock: get(library, c"_PyRecursiveMutex_Unlock")?,
            read_lock: get(library, c"_PyRWMutex_RLock")?,
            read_unlock: get(library, c"_PyRWMutex_RUnlock")?,
            write_lock: get(library, c"_PyRWMutex_Lock")?,
            write_unlock: get(library, c"_PyRWMutex_Unlock")?,
            seq_begin_read: get(library, c"_PySeqLock_BeginRead")?,
            seq_end_read: get(library, c"_PySeqLock_EndRead")?,
            seq_lock_write: get(library, c"_PySeqLock_LockWrite")?,
            seq_unlock_write: get(library, c"_PySeqLock_UnlockWrite")?,
            park: get(library, c"_PyParkingLot_Park")?,
            unpark: get(library, c"_PyParkingLot_Unpark")?,
            // It has a public name since 3.14.
            hash_bytes: get(library, c"Py_HashBuffer")
                .or_else(|_| get(library, c"_Py_HashBytes"))?,
        })
    }
}

/// CPython's hash of `bytes`, under its secret of zeros: nothing here initialises it.
#[inline]
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    // SAFETY: the address and the length are those of live bytes, which the function only reads. It needs no
    // interpreter: the secret is a static of zeros.
    let hash = unsafe { (loaded().hash_bytes)(bytes.as_ptr().cast(), bytes.len() as isize) };
    hash as u64
}

/// `PyMutex`: one byte.
#[repr(transparent)]
pub struct Mutex(AtomicU8);

impl Mutex {
    /// A free mutex.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// Locks; the first attempt is inline as in CPython's header.
    #[inline]
    pub fn lock(&self) {
        // ORD: SeqCst, as CPython's `_Py_atomic_compare_exchange_uint8` is.
        if self.0.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            // SAFETY: the address is that of a live byte which only these functions change.
            unsafe { (loaded().mutex_lock)(self.0.as_ptr().cast()) };
        }
    }

    /// Unlocks a mutex that is locked.
    #[inline]
    pub fn unlock(&self) {
        // ORD: SeqCst, as in `lock`.
        if self.0.compare_exchange(1, 0, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            // SAFETY: as in `lock`.
            unsafe { (loaded().mutex_unlock)(self.0.as_ptr().cast()) };
        }
    }
}

impl Default for Mutex {
    fn default() -> Self {
        Self::new()
    }
}

impl ByteLock for Mutex {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self::new()
    }

    #[inline]
    fn lock(&self) {
        self.lock();
    }

    #[inline]
    fn unlock(&self) {
        self.unlock();
    }
}

/// `PyMutex` with the number it guards beside it.
pub struct Guarded {
    lock: Mutex,
    value: std::cell::UnsafeCell<f64>,
}

// SAFETY: `value` is only reached in `with`, while the mutex is held.
unsafe impl Sync for Guarded {}

impl Exclusive for Guarded {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        loaded();
        Self { lock: Mutex::new(), value: std::cell::UnsafeCell::new(0.0) }
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        self.lock.lock();
        // SAFETY: the lock is held.
        let result = section(unsafe { &mut *self.value.get() });
        self.lock.unlock();
        result
    }
}

/// `PyEvent`: one byte.
#[derive(Default)]
pub struct Event(AtomicU8);

impl Event {
    /// Waits until the event is set.
    pub fn wait(&self) {
        // SAFETY: the address is that of a live byte which only these functions change.
        unsafe { (loaded().event_wait)(self.0.as_ptr().cast()) };
    }

    /// Sets the event and wakes everyone.
    pub fn notify(&self) {
        // SAFETY: as in `wait`.
        unsafe { (loaded().event_notify)(self.0.as_ptr().cast()) };
    }
}

/// `_PyOnceFlag`: one byte.
#[derive(Default)]
pub struct OnceFlag(AtomicU8);

impl OnceFlag {
    /// Runs nothing, once.
    #[inline]
    pub fn call_once(&self) {
        const INITIALIZED: u8 = 4;
        unsafe extern "C" fn succeed(_nothing: *mut c_void) -> c_int {
            0
        }
        // ORD: SeqCst, as CPython's `_Py_atomic_load_uint8` is.
        if self.0.load(Ordering::SeqCst) != INITIALIZED {
            // SAFETY: a live byte which only these functions change, and a callback that needs no argument.
            unsafe { (loaded().once_slow)(self.0.as_ptr().cast(), succeed, std::ptr::null_mut()) };
        }
    }
}

/// `_PyRecursiveMutex`: a mutex, an owner and a level, in C's layout.
#[derive(Default)]
#[repr(C)]
pub struct RecursiveMutex {
    mutex: AtomicU8,
    thread: std::sync::atomic::AtomicU64,
    level: AtomicUsize,
}

impl RecursiveMutex {
    /// Locks one level more.
    #[inline]
    pub fn lock(&self) {
        // SAFETY: a live value of C's layout, all zero when fresh, which only these functions change.
        unsafe { (loaded().recursive_lock)((&raw const *self).cast_mut().cast()) };
    }

    /// Unlocks one level.
    #[inline]
    pub fn unlock(&self) {
        // SAFETY: as in `lock`; the rows unlock only what the same thread has locked.
        unsafe { (loaded().recursive_unlock)((&raw const *self).cast_mut().cast()) };
    }
}

/// `_PyRWMutex`: one word.
#[derive(Default)]
pub struct RwMutex(AtomicUsize);

macro_rules! on_word {
    ($(#[$about:meta])* $method:ident, $function:ident) => {
        $(#[$about])*
        #[inline]
        pub fn $method(&self) {
            // SAFETY: a live word which only CPython's functions change; the rows keep lock and unlock in pairs.
            unsafe { (loaded().$function)(self.0.as_ptr().cast()) };
        }
    };
}

impl RwMutex {
    on_word!(/** Locks for reading. */ read_lock, read_lock);
    on_word!(/** Ends reading. */ read_unlock, read_unlock);
    on_word!(/** Locks for writing. */ write_lock, write_lock);
    on_word!(/** Ends writing. */ write_unlock, write_unlock);
}

/// `_PySeqLock`: a 32-bit sequence.
#[derive(Default)]
pub struct SeqLock(AtomicU32);

impl SeqLock {
    on_word!(/** Begins a write. */ lock_write, seq_lock_write);
    on_word!(/** Ends a write. */ unlock_write, seq_unlock_write);

    /// Begins a read.
    #[inline]
    pub fn begin_read(&self) -> u32 {
        // SAFETY: a live word which only these functions change.
        unsafe { (loaded().seq_begin_read)(self.0.as_ptr().cast()) }
    }

    /// Whether nothing was written since `begun`.
    #[inline]
    pub fn end_read(&self, begun: u32) -> bool {
        // SAFETY: as in `begin_read`.
        unsafe { (loaded().seq_end_read)(self.0.as_ptr().cast(), begun) != 0 }
    }
}

/// Sleeps in CPython's parking lot while `word` is `expected`.
pub fn park(word: &AtomicU32, expected: u32) {
    let address = word.as_ptr().cast_const().cast();
    // SAFETY: both addresses are valid for reading four bytes during the call; -1 is no timeout, 0 is no detaching.
    unsafe {
        (loaded().park)(address, (&raw const expected).cast(), 4, -1, std::ptr::null_mut(), 0)
    };
}

/// Wakes one thread that sleeps on `word` in CPython's parking lot.
pub fn unpark_one(word: &AtomicU32) {
    unsafe extern "C" fn ignore(_argument: *mut c_void, _park_argument: *mut c_void, _more: c_int) {
    }
    let address = word.as_ptr().cast_const().cast();
    // SAFETY: the address is only a name here, and the callback touches nothing.
    unsafe { (loaded().unpark)(address, ignore, std::ptr::null_mut()) };
}
