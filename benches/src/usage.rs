//! What the operating system charges a thread: processor time and voluntary context switches.
//!
//! Linux can tell one thread from another (`RUSAGE_THREAD`). Elsewhere there is no answer, and a report shows a dash
//! rather than a guess.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Resources used, as far as the system tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time together.
    pub cpu: Duration,
    /// How often the thread gave the processor away on its own, which is how often it went to sleep.
    pub voluntary: u64,
}

impl Usage {
    /// What the calling thread has used since it was born.
    #[must_use]
    pub fn of_this_thread() -> Option<Self> {
        system::of_this_thread()
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            voluntary: self.voluntary.saturating_sub(earlier.voluntary),
        }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, voluntary: self.voluntary + other.voluntary }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::mem::MaybeUninit;
    use std::time::Duration;

    use super::Usage;

    pub(super) fn of_this_thread() -> Option<Usage> {
        let cpu = processor_time()?;
        let mut answer = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the pointer is valid for writing one `rusage`, and the call writes nothing else.
        let status = unsafe { libc::getrusage(libc::RUSAGE_THREAD, answer.as_mut_ptr()) };
        if status != 0 {
            return None;
        }
        // SAFETY: the memory was zeroed, which is a valid `rusage`, and the call succeeded in filling it.
        let answer = unsafe { answer.assume_init() };
        Some(Usage { cpu, voluntary: u64::try_from(answer.ru_nvcsw).ok()? })
    }

    /// User and system time. The clock is exact, where the times in `rusage` are as of the last tick.
    fn processor_time() -> Option<Duration> {
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: the pointer is valid for writing one `timespec`, and the call writes nothing else.
        let status =
            unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr()) };
        if status != 0 {
            return None;
        }
        // SAFETY: the memory was zeroed, which is a valid `timespec`, and the call has filled it.
        let time = unsafe { time.assume_init() };
        Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Usage;

    pub(super) fn of_this_thread() -> Option<Usage> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{Duration, Instant};

    use super::Usage;

    #[test]
    fn work_costs_processor_time_and_sleep_is_a_voluntary_switch() {
        let before = Usage::of_this_thread().expect("Linux answers");
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(30) {
            std::hint::spin_loop();
        }
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let used = Usage::of_this_thread().expect("Linux answers") - before;
        assert!(used.cpu > Duration::ZERO, "{used:?}");
        assert!(used.voluntary >= 3, "{used:?}");
    }
}
