//! Who in the process has the handlers, and what a signal does when nobody listens to it any more.
//!
//! The handlers are somebody's from his first listener to his last: the process has one table of them, and two runtimes
//! that listened to one signal would each believe that it is theirs to act out.
//!
//! signal-hook never gives a signal back to the system, as others may have hooked it since. So a signal that had its
//! default action when it was hooked first gets a stand-in, a second action that stays for good: while nobody here
//! attends to the signal, it does what the default would. An ignored signal stays ignored, a handler that was there
//! before is called by signal-hook in any case.
//!
//! What that cannot do: a program that is executed later starts with the default where the signal was ignored; somebody
//! else who hooks the same signal through signal-hook after us gets the default action beside his own once we have left.
//! On Windows there is no stand-in: the signal is ignored then.

use super::bridge::Bridge;
use super::error::SignalError;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;

/// The address of the bridge that has the handlers, 0 if none has.
static OWNER: AtomicUsize = AtomicUsize::new(0);

/// Makes `bridge` the one that has handlers, unless another one is.
pub(super) fn claim(bridge: &Bridge) -> Result<(), SignalError> {
    let me = core::ptr::from_ref(bridge).addr();
    // ORD: Acquire, pairs with the Release in `release`: what the owner before did to the process's signals is done.
    match OWNER.compare_exchange(0, me, Ordering::Acquire, Ordering::Acquire) {
        Err(owner) if owner != me => Err(SignalError::OtherOwner),
        _ => Ok(()),
    }
}

/// Ends the claim of `bridge`, if it has one.
pub(super) fn release(bridge: &Bridge) {
    let me = core::ptr::from_ref(bridge).addr();
    // ORD: Release, pairs with the Acquire in `claim`; Relaxed on failure: nothing was claimed.
    let _claimed = OWNER.compare_exchange(me, 0, Ordering::Release, Ordering::Relaxed);
}

#[cfg(unix)]
mod stand_in {
    use super::super::bit;
    use pyparking::primitive::Ordering;
    use pyparking::primitive::plain::AtomicU64;
    use signal_hook::low_level::{emulate_default_handler, register};
    use std::{io, ptr};

    /// Signals that somebody here listens to.
    static ATTENDED: AtomicU64 = AtomicU64::new(0);

    /// Signals that were hooked once, and so have their stand-in if they need one. Changed by the owner only.
    static KNOWN: AtomicU64 = AtomicU64::new(0);

    /// From now on the signal is somebody's here. Before it is hooked.
    pub(in super::super) fn attend(signal: i32) -> io::Result<()> {
        // ORD: Relaxed, a signal that comes meanwhile comes before or after.
        ATTENDED.fetch_or(bit(signal), Ordering::Relaxed);
        // ORD: Relaxed, owners follow each other through `claim`.
        if KNOWN.load(Ordering::Relaxed) & bit(signal) == 0 {
            if has_default_action(signal)? {
                // SAFETY: an atomic load, and what signal-hook offers for use in handlers.
                unsafe { register(signal, move || act(signal)) }?;
            }
            // ORD: Relaxed, as above.
            KNOWN.fetch_or(bit(signal), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Nobody here listens any more. After it is unhooked.
    pub(in super::super) fn leave(signal: i32) {
        // ORD: Relaxed, as in `attend`.
        ATTENDED.fetch_and(!bit(signal), Ordering::Relaxed);
    }

    fn has_default_action(signal: i32) -> io::Result<bool> {
        // SAFETY: all-zero is a valid action, and is written to below.
        let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
        // SAFETY: only asks; the place for the answer is valid.
        if unsafe { libc::sigaction(signal, ptr::null(), &mut action) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(action.sa_sigaction == libc::SIG_DFL)
    }

    /// What the default action would do.
    fn act(signal: i32) {
        // ORD: Relaxed, as in `attend`.
        if ATTENDED.load(Ordering::Relaxed) & bit(signal) != 0 {
            return;
        }
        if emulate_default_handler(signal).is_err() {
            // A signal that signal-hook does not know, a real-time one: its default ends the process, as soon as this
            // handler has returned and the signal is no longer blocked.
            // SAFETY: both are async-signal-safe, and the signal exists.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
    }
}

#[cfg(not(unix))]
mod stand_in {
    /// From now on the signal is somebody's here.
    #[expect(clippy::unnecessary_wraps, reason = "other systems can refuse")]
    pub(in super::super) fn attend(_signal: i32) -> std::io::Result<()> {
        Ok(())
    }

    /// Nobody here listens any more.
    pub(in super::super) fn leave(_signal: i32) {}
}
pub(super) use stand_in::{attend, leave};
