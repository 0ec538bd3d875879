//! The wake-up descriptor: one byte for every signal, for loops that sleep in the system.

use core::fmt;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU32;
use std::io;
use std::os::fd::RawFd;

/// No descriptor: -1, as in C.
const NONE: u32 = u32::MAX;

/// Why a descriptor cannot be the wake-up descriptor.
///
/// ```
/// let signals = pyceval::Signals::new();
/// // SAFETY: not open, so it is not set.
/// let error = unsafe { signals.set_wakeup_fd(Some(123_456)) }.unwrap_err();
/// assert!(error.to_string().starts_with("123456 cannot be"));
/// ```
#[derive(Debug)]
pub enum WakeupError {
    /// The system does not know it.
    Closed {
        /// The descriptor.
        fd: RawFd,
        /// What the system said.
        error: io::Error,
    },
    /// A write to it could block, and a signal handler must not.
    Blocking {
        /// The descriptor.
        fd: RawFd,
    },
}

impl fmt::Display for WakeupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { fd, error } => {
                write!(f, "{fd} cannot be the wake-up descriptor: {error}")
            }
            Self::Blocking { fd } => {
                write!(f, "{fd} cannot be the wake-up descriptor: it must be non-blocking")
            }
        }
    }
}

impl core::error::Error for WakeupError {}

/// The descriptor, and the last error of a write to it. Signals do not order anything through it, so no model looks.
pub(super) struct Wakeup {
    fd: AtomicU32,
    /// 0: none.
    errno: AtomicU32,
}

impl Wakeup {
    pub(super) fn new() -> Self {
        Self { fd: AtomicU32::new(NONE), errno: AtomicU32::new(0) }
    }

    pub(super) fn set(&self, fd: Option<RawFd>) -> Result<Option<RawFd>, WakeupError> {
        let next = fd.map_or(Ok(NONE), |fd| check(fd).map(|()| fd as u32))?;
        // ORD: Relaxed, a signal that comes meanwhile goes to one or the other.
        let before = self.fd.swap(next, Ordering::Relaxed);
        Ok((before != NONE).then_some(before as RawFd))
    }

    pub(super) fn get(&self) -> Option<RawFd> {
        // ORD: Relaxed, as in `set`.
        let fd = self.fd.load(Ordering::Relaxed);
        (fd != NONE).then_some(fd as RawFd)
    }

    pub(super) fn take_error(&self) -> Option<io::Error> {
        // ORD: Relaxed, the number says all.
        let errno = self.errno.swap(0, Ordering::Relaxed);
        (errno != 0).then(|| io::Error::from_raw_os_error(errno as i32))
    }

    /// Writes the signal's number, if there is a descriptor. Async-signal-safe; `errno` is kept.
    pub(super) fn write(&self, signal: i32) {
        let Some(fd) = self.get() else { return };
        let errno = ::errno::errno();
        let byte = signal as u8;
        loop {
            // SAFETY: one byte of this frame; the descriptor is the caller's of `set_wakeup_fd`.
            let written = unsafe { libc::write(fd, (&raw const byte).cast(), 1) };
            if written >= 0 {
                break;
            }
            match ::errno::errno().0 {
                libc::EINTR => {}
                // Full: whoever reads it is to wake in any case.
                code if code == libc::EAGAIN || code == libc::EWOULDBLOCK => break,
                code => {
                    // ORD: Relaxed, the number says all.
                    self.errno.store(code as u32, Ordering::Relaxed);
                    break;
                }
            }
        }
        ::errno::set_errno(errno);
    }
}

/// Whether handlers may write to the descriptor.
fn check(fd: RawFd) -> Result<(), WakeupError> {
    // SAFETY: only asks for the flags.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 {
        return Err(WakeupError::Closed { fd, error: io::Error::last_os_error() });
    }
    let may_block = flags & libc::O_NONBLOCK == 0;
    if may_block { Err(WakeupError::Blocking { fd }) } else { Ok(()) }
}
