//! Whether other threads of this process are asleep, so that a measurement of waking does not begin
//! while some of those to be woken are still on their way to bed.

/// A thread's name in the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemThread(i64);

impl SystemThread {
    /// The calling thread.
    #[must_use]
    pub fn current() -> Self {
        Self(system::current())
    }

    /// Whether the thread sleeps right now. Where the system does not say, every thread counts as
    /// asleep, so callers also leave some time.
    #[must_use]
    pub fn is_asleep(self) -> bool {
        system::is_asleep(self)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::SystemThread;

    pub(super) fn current() -> i64 {
        // SAFETY: the call takes no arguments and only returns a number.
        unsafe { libc::syscall(libc::SYS_gettid) }
    }

    pub(super) fn is_asleep(thread: SystemThread) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", thread.0));
        stat.map_or(true, |stat| state(&stat) == Some('S'))
    }

    /// The letter after the name, which stands in brackets and may itself contain brackets.
    pub(super) fn state(stat: &str) -> Option<char> {
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::SystemThread;

    pub(super) fn current() -> i64 {
        0
    }

    pub(super) fn is_asleep(_thread: SystemThread) -> bool {
        true
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::{SystemThread, system};

    #[test]
    fn the_state_is_the_letter_after_the_name() {
        assert_eq!(system::state("12 (a) b) S 1 2"), Some('S'));
        assert_eq!(system::state("nothing"), None);
    }

    #[test]
    fn this_thread_is_awake_and_one_that_waits_is_asleep() {
        assert!(!SystemThread::current().is_asleep());
        let (tell, told) = channel();
        let (end, ended) = channel::<()>();
        let sleeper = std::thread::spawn(move || {
            tell.send(SystemThread::current()).expect("the test listens");
            ended.recv().expect("the test ends this");
        });
        let thread = told.recv().expect("the thread tells");
        let patience = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(2));
            thread.is_asleep()
        });
        assert!(patience, "the thread never slept");
        end.send(()).expect("the thread listens");
        sleeper.join().expect("no panic");
    }
}
