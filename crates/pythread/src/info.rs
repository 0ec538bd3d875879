//! What this process's threads are made of.

/// Names of what the threads and locks of this build are made of.
///
/// ```
/// let info = pythread::thread_info();
/// assert!(["pthread", "nt", "std"].contains(&info.name));
/// ```
///
/// Port of: `sys.thread_info` (Python/thread.c)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadInfo {
    /// The thread implementation: `pthread`, `nt`, or `std` where the system is neither.
    pub name: &'static str,
    /// The lock implementation, in CPython 3.15's words; 3.14 says `semaphore` on Linux.
    pub lock: Option<&'static str>,
    /// Name and version of the thread library, where it tells.
    pub version: Option<String>,
}

/// What the threads and locks of this process are made of.
///
/// Cost: two questions to the C library and a string, where it tells a version.
///
/// ```
/// let info = pythread::thread_info();
/// assert_eq!(info.lock, Some("pymutex"));
/// // Such as "NPTL 2.36".
/// # #[cfg(all(target_os = "linux", target_env = "gnu"))]
/// assert!(info.version.unwrap().contains('.'));
/// ```
///
/// Port of: `PyThread_GetInfo` (Python/thread.c)
#[must_use]
pub fn thread_info() -> ThreadInfo {
    let name = if cfg!(unix) {
        "pthread"
    } else if cfg!(windows) {
        "nt"
    } else {
        "std"
    };
    ThreadInfo { name, lock: Some("pymutex"), version: version() }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn version() -> Option<String> {
    let mut text = [0_u8; 255];
    // SAFETY: the buffer is as long as is said.
    let length = unsafe {
        libc::confstr(libc::_CS_GNU_LIBPTHREAD_VERSION, text.as_mut_ptr().cast(), text.len())
    };
    // The length counts the zero at the end; it is 0 for an error, and larger than the buffer for one too small.
    let text = text.get(..length.checked_sub(1)?)?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn version() -> Option<String> {
    None
}
