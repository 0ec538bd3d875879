//! A child process with a deadline, and a page that it shares with its parent for one line of text.

use std::ptr::NonNull;
use std::time::Duration;

/// Room for the child's line.
const ROOM: usize = 4096;

/// Exit code of a child that left a line.
const COMPLAINED: i32 = 3;

/// Seconds that a child may outlive its parent's patience.
const GRACE: libc::c_uint = 10;

/// Exit code of a child that panicked.
const PANICKED: i32 = 4;

/// Memory that parent and child share, zeroed: room for one line.
pub(super) struct Page(NonNull<u8>);

impl Page {
    fn new() -> Result<Self, String> {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh anonymous mapping, at whatever address the system chooses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), ROOM, access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(format!("no page for the child: {}", std::io::Error::last_os_error()));
        }
        NonNull::new(start.cast()).map(Self).ok_or_else(|| "the page is at address zero".into())
    }

    /// The child's: replaces its line, by what it is about to do or by what it found.
    pub(super) fn write(&self, line: &str) {
        let length = line.len().min(ROOM - 1);
        // SAFETY: the page is `ROOM` bytes, only this thread writes it, and the parent reads it
        // only once this process has ended.
        unsafe {
            self.0.copy_from_nonoverlapping(NonNull::from(line.as_bytes()).cast(), length);
            self.0.add(length).write(0);
        }
    }

    /// The parent's, once the child has ended.
    fn read(&self) -> String {
        // SAFETY: the page is `ROOM` bytes, and the child, who wrote it, is gone.
        let bytes = unsafe { std::slice::from_raw_parts(self.0.as_ptr(), ROOM) };
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(ROOM);
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and not used after this.
        unsafe { libc::munmap(self.0.as_ptr().cast(), ROOM) };
    }
}

/// A child that was made and not yet waited for.
#[must_use = "a child that nobody waits for stays a zombie"]
pub(super) struct Child {
    id: libc::pid_t,
    page: Page,
    patience: Duration,
}

/// Forks and lets the child live; a child that is not done after `patience` counts as hung.
pub(super) fn fork(
    patience: Duration,
    live: impl FnOnce(&Page) -> Result<(), String>,
) -> Result<Child, String> {
    let page = Page::new()?;
    // SAFETY: the child runs `be_child` and leaves through `_exit`; the allocator is usable in the
    // child of a threaded process on the systems that this is run on (they lock it around a fork),
    // and every lock that the child takes is its own or has been reset.
    match unsafe { libc::fork() } {
        -1 => Err(format!("fork failed: {}", std::io::Error::last_os_error())),
        0 => be_child(&page, patience, live),
        id => Ok(Child { id, page, patience }),
    }
}

impl Child {
    /// Waits for it: an error if it complained, crashed or did not end in time.
    pub(super) fn reap(self) -> Result<(), String> {
        match wait(self.id, self.patience) {
            Some(status) => verdict(status, &self.page),
            None => Err(format!(
                "a child did not end within {:?}; what it was about to do: {}",
                self.patience,
                self.page.read()
            )),
        }
    }
}

/// Never returns: the child must not run on in its parent's code.
fn be_child(page: &Page, patience: Duration, live: impl FnOnce(&Page) -> Result<(), String>) -> ! {
    let seconds = patience.as_secs() as libc::c_uint;
    // SAFETY: no preconditions; the default action of the alarm ends a child whose parent is gone.
    unsafe { libc::alarm(seconds + GRACE) };
    let code = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live(page))) {
        Ok(Ok(())) => 0,
        Ok(Err(complaint)) => {
            page.write(&complaint);
            COMPLAINED
        }
        Err(_) => PANICKED,
    };
    // SAFETY: no preconditions; nothing of the parent's is to be cleaned up here.
    unsafe { libc::_exit(code) }
}

/// The child's status. A child that does not end in time is killed, so that none is left behind, and
/// has none. Its time is counted in naps: if the whole machine stands still, it does for the child
/// too.
fn wait(child: libc::pid_t, patience: Duration) -> Option<libc::c_int> {
    let mut nap = Duration::from_micros(100);
    let mut slept = Duration::ZERO;
    loop {
        let mut status = 0;
        // SAFETY: a child of this process that nobody else waits for, and a place for its status.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended == child {
            return Some(status);
        }
        if slept > patience {
            // SAFETY: the child has not been reaped, so the number is still its own.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            return None;
        }
        std::thread::sleep(nap);
        slept += nap;
        nap = (nap * 2).min(Duration::from_millis(10));
    }
}

fn verdict(status: libc::c_int, page: &Page) -> Result<(), String> {
    if libc::WIFEXITED(status) {
        return match libc::WEXITSTATUS(status) {
            0 => Ok(()),
            COMPLAINED => Err(format!("in a child: {}", page.read())),
            PANICKED => Err(format!("a child panicked; what it was about to do: {}", page.read())),
            other => Err(format!("a child ended with code {other}")),
        };
    }
    Err(format!("a child was ended by signal {}", libc::WTERMSIG(status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn reaped(
        patience: Duration,
        live: impl FnOnce(&Page) -> Result<(), String>,
    ) -> Result<(), String> {
        fork(patience, live)?.reap()
    }

    #[test]
    fn a_good_child_is_fine() {
        assert_eq!(reaped(SOON, |_| Ok(())), Ok(()));
    }

    #[test]
    fn a_complaint_arrives() {
        assert_eq!(reaped(SOON, |_| Err("no milk".into())), Err("in a child: no milk".into()));
    }

    #[test]
    fn a_crash_is_noticed() {
        let crash = |_: &Page| {
            // SAFETY: ends the child.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            Ok(())
        };
        assert_eq!(reaped(SOON, crash), Err("a child was ended by signal 9".into()));
    }

    #[test]
    fn a_child_that_hangs_is_killed() {
        let hang = |page: &Page| loop {
            page.write("sleep");
            std::thread::sleep(Duration::from_secs(1));
        };
        let error = reaped(Duration::from_millis(50), hang).unwrap_err();
        assert!(error.ends_with("did not end within 50ms; what it was about to do: sleep"));
    }
}
