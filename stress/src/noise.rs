//! Signals that mean nothing: they make system calls of a thread return early, and nothing else.
//!
//! A wait that trusts every return of its system call is broken by them (CPython issue 148820). The
//! handler is installed without `SA_RESTART` for exactly that reason. Elsewhere than on Unix there
//! is no such thing, and a disturbance does nothing.
//!
//! There is also a way to send an interrupt from inside a signal handler, where little else is
//! allowed.

#[cfg(unix)]
pub use unix::{Target, interrupt_from_handler, prepare};

#[cfg(not(unix))]
pub use nothing::{Target, interrupt_from_handler, prepare};

#[cfg(unix)]
mod unix {
    use pyparking::ThreadHandle;
    use std::cell::Cell;

    /// The signal that means nothing.
    const DISTURB: libc::c_int = libc::SIGUSR2;

    /// The signal whose handler interrupts.
    const INTERRUPT: libc::c_int = libc::SIGUSR1;

    thread_local! {
        /// Whom the handler is to interrupt. Without destructor, so a handler may read it.
        static VICTIM: Cell<Option<ThreadHandle>> = const { Cell::new(None) };
    }

    /// A thread that signals can be sent to, for as long as it runs.
    #[derive(Debug, Clone, Copy)]
    pub struct Target(libc::pthread_t);

    // SAFETY: a `pthread_t` names a thread, and any thread may use the name; it is a pointer on
    // some systems.
    unsafe impl Send for Target {}

    impl Target {
        /// The calling thread.
        pub fn this_thread() -> Self {
            // SAFETY: no preconditions.
            Self(unsafe { libc::pthread_self() })
        }

        /// Sends the signal. The caller knows that the thread has not ended:
        /// [`Roll`](crate::life::Roll) takes a thread off the list, under a lock, before it ends.
        pub fn disturb(self) {
            // SAFETY: the thread exists, as the caller knows; the handler does nothing.
            unsafe { libc::pthread_kill(self.0, DISTURB) };
        }
    }

    extern "C" fn ignore(_signal: libc::c_int) {}

    extern "C" fn interrupt(_signal: libc::c_int) {
        if let Some(victim) = VICTIM.get() {
            victim.interrupt();
        }
    }

    /// Installs the handlers.
    pub fn prepare() {
        install(DISTURB, ignore);
        install(INTERRUPT, interrupt);
    }

    fn install(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
        // SAFETY: the action is fully initialised (all-zero is a valid one: no flags, an empty
        // mask), and both handlers are async-signal-safe: one does nothing, the other makes one
        // call that is documented as such.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }

    /// Interrupts `victim` from a signal handler that runs on the calling thread before this
    /// returns.
    pub fn interrupt_from_handler(victim: ThreadHandle) {
        VICTIM.set(Some(victim));
        // SAFETY: the handler was installed by `prepare`; without it the default action ends the
        // process.
        unsafe { libc::raise(INTERRUPT) };
        VICTIM.set(None);
    }
}

#[cfg(not(unix))]
mod nothing {
    /// A thread that cannot be disturbed.
    #[derive(Debug, Clone, Copy)]
    pub struct Target;

    impl Target {
        /// The calling thread.
        pub fn this_thread() -> Self {
            Self
        }

        /// Does nothing.
        pub fn disturb(self) {}
    }

    /// Does nothing.
    pub fn prepare() {}

    /// Interrupts `victim`; there are no handlers here.
    pub fn interrupt_from_handler(victim: pyparking::ThreadHandle) {
        victim.interrupt();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_handler_interrupts() {
        prepare();
        let me = pyparking::ThreadHandle::current();
        std::thread::spawn(move || interrupt_from_handler(me)).join().unwrap();
        assert!(pyparking::take_interrupt());
    }

    #[test]
    fn a_disturbance_ends_a_system_call_and_nothing_else() {
        prepare();
        let (send, receive) = std::sync::mpsc::channel();
        let sleeper = std::thread::spawn(move || {
            send.send(Target::this_thread()).unwrap();
            let begun = Instant::now();
            let long = libc::timespec { tv_sec: 10, tv_nsec: 0 };
            // SAFETY: a valid time and no place for the rest.
            let result = unsafe { libc::nanosleep(&raw const long, std::ptr::null_mut()) };
            (result, begun.elapsed())
        });
        let target = receive.recv().unwrap();
        while !sleeper.is_finished() {
            target.disturb();
            std::thread::sleep(Duration::from_millis(1));
        }
        let (result, slept) = sleeper.join().unwrap();
        assert_eq!(result, -1);
        assert!(slept < Duration::from_secs(5), "{slept:?}");
    }
}
