//! Threads of the system's C library.
//!
//! PORT: CPython makes joinable threads too, and gives a name later; here a thread names itself before its body runs.

use crate::main_body::MainBody;
use crate::native_thread::NativeThread;
use core::ffi::{CStr, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use std::ffi::CString;
use std::io;

/// A thread that is joined once, or detached when this goes.
pub(crate) struct PosixThread(libc::pthread_t);

// SAFETY: any thread may join or detach another.
unsafe impl Send for PosixThread {}

impl NativeThread for PosixThread {
    fn join(self: Box<Self>) {
        let thread = self.0;
        core::mem::forget(*self);
        // SAFETY: made joinable by `spawn`; joined here once, as `self` is gone, and not detached, as its drop is
        // forgotten.
        let error = unsafe { libc::pthread_join(thread, ptr::null_mut()) };
        assert_eq!(error, 0, "the join of a thread by its only owner");
    }
}

impl Drop for PosixThread {
    fn drop(&mut self) {
        // SAFETY: made joinable by `spawn`, and not joined: `join` forgets this.
        unsafe { libc::pthread_detach(self.0) };
    }
}

/// What a thread begins with.
struct Start {
    name: Option<CString>,
    body: MainBody,
}

/// Starts a thread with a stack of `stack` bytes, in whole pages.
pub(crate) fn spawn(stack: usize, name: Option<&str>, body: MainBody) -> io::Result<PosixThread> {
    let name = name.and_then(|name| CString::new(name).ok());
    let attributes = Attributes::new(stack)?;
    let start = Box::into_raw(Box::new(Start { name, body }));
    let mut thread = MaybeUninit::uninit();
    // SAFETY: a place for the thread, attributes that were filled in, and a start that the new thread owns from here on.
    let error =
        unsafe { libc::pthread_create(thread.as_mut_ptr(), &attributes.0, begin, start.cast()) };
    if error != 0 {
        // SAFETY: no thread was made, so the start is still this one's.
        drop(unsafe { Box::from_raw(start) });
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: filled in by the call, which succeeded.
    Ok(PosixThread(unsafe { thread.assume_init() }))
}

extern "C" fn begin(start: *mut c_void) -> *mut c_void {
    // SAFETY: the start that `spawn` gave to this thread alone.
    let start = unsafe { Box::from_raw(start.cast::<Start>()) };
    if let Some(name) = &start.name {
        take_name(name);
    }
    start.body.run();
    ptr::null_mut()
}

/// Names the calling thread for the system's tools, as far as there is room.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn take_name(name: &CStr) {
    const ROOM: usize = 16;
    let mut short = [0; ROOM];
    for (to, from) in short[..ROOM - 1].iter_mut().zip(name.to_bytes()) {
        *to = *from;
    }
    // SAFETY: the name ends within its sixteen bytes. That the system may refuse it is nobody's loss.
    unsafe { libc::prctl(libc::PR_SET_NAME, short.as_ptr()) };
}

#[cfg(any(target_os = "macos", target_os = "ios"))]
fn take_name(name: &CStr) {
    // SAFETY: a string with its end. That the system may refuse a long one is nobody's loss.
    unsafe { libc::pthread_setname_np(name.as_ptr()) };
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios"
)))]
fn take_name(_name: &CStr) {}

/// The attributes of a thread to come.
struct Attributes(libc::pthread_attr_t);

impl Attributes {
    fn new(stack: usize) -> io::Result<Self> {
        let mut place = MaybeUninit::uninit();
        // SAFETY: a place for the attributes, which the call fills in.
        succeeded(unsafe { libc::pthread_attr_init(place.as_mut_ptr()) })?;
        // SAFETY: filled in.
        let mut attributes = Self(unsafe { place.assume_init() });
        // SAFETY: takes a plain number and returns one.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let stack = stack.checked_next_multiple_of(page).unwrap_or(stack);
        // SAFETY: filled in just now.
        succeeded(unsafe { libc::pthread_attr_setstacksize(&mut attributes.0, stack) })?;
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: filled in by `new`, and not used afterwards.
        unsafe { libc::pthread_attr_destroy(&mut self.0) };
    }
}

fn succeeded(error: libc::c_int) -> io::Result<()> {
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}
