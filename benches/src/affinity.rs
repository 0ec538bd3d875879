//! Which processors a thread may run on, where the system can be told.

/// The processors that this process may use, lowest number first; empty where the system does not say.
#[must_use]
pub fn allowed() -> Vec<usize> {
    system::allowed()
}

/// Keeps the calling thread on one processor. False where the system refuses or cannot.
#[must_use]
pub fn pin_to(processor: usize) -> bool {
    system::pin_to(processor)
}

#[cfg(target_os = "linux")]
mod system {
    use std::mem::{size_of, zeroed};

    pub(super) fn allowed() -> Vec<usize> {
        // SAFETY: an all-zero `cpu_set_t` is the empty set.
        let mut set: libc::cpu_set_t = unsafe { zeroed() };
        // SAFETY: `set` is valid for writing the size that is passed; thread 0 means the caller.
        if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) } != 0 {
            return Vec::new();
        }
        let most = 8 * size_of::<libc::cpu_set_t>();
        // SAFETY: every number asked for lies within the set's bits.
        (0..most).filter(|processor| unsafe { libc::CPU_ISSET(*processor, &set) }).collect()
    }

    pub(super) fn pin_to(processor: usize) -> bool {
        if processor >= 8 * size_of::<libc::cpu_set_t>() {
            return false;
        }
        // SAFETY: an all-zero `cpu_set_t` is the empty set.
        let mut set: libc::cpu_set_t = unsafe { zeroed() };
        // SAFETY: the number was checked to lie within the set's bits.
        unsafe { libc::CPU_SET(processor, &mut set) };
        // SAFETY: `set` is valid for reading the size that is passed; thread 0 means the caller.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) == 0 }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn pin_to(_processor: usize) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{allowed, pin_to};

    #[test]
    fn a_pinned_thread_may_use_just_that_processor() {
        let processors = allowed();
        let first = *processors.first().expect("Linux answers");
        let seen = std::thread::spawn(move || (pin_to(first), allowed())).join().expect("no panic");
        assert_eq!(seen, (true, vec![first]));
        assert_eq!(allowed(), processors, "other threads keep theirs");
    }

    #[test]
    fn an_absurd_processor_is_refused() {
        assert!(!pin_to(usize::MAX));
    }
}
