//! The watchdog: if nothing moves for some seconds, a wake-up was lost, and waiting for the end
//! would take for ever.
//!
//! It counts its own ticks, not the time: if the whole machine stands still, the watchdog does too
//! and accuses nobody.

use crate::gauge::Switch;
use std::time::Duration;

/// How often it looks.
pub const TICK: Duration = Duration::from_millis(100);

/// Looks at a pulse that must change.
#[derive(Debug)]
pub struct Watchdog {
    limit: u64,
    still: u64,
    last: Option<u64>,
}

impl Watchdog {
    /// One that barks when the pulse was the same for `patience`.
    pub fn new(patience: Duration) -> Self {
        let limit = (patience.as_nanos() / TICK.as_nanos()).max(1);
        Self { limit: u64::try_from(limit).unwrap_or(u64::MAX), still: 0, last: None }
    }

    /// One look; whether it barks.
    pub fn look(&mut self, pulse: u64) -> bool {
        if self.last == Some(pulse) {
            self.still += 1;
        } else {
            (self.last, self.still) = (Some(pulse), 0);
        }
        self.still >= self.limit
    }

    /// Looks until the run is over. If it barks, `bark` is called, once.
    pub fn watch(mut self, over: &Switch, pulse: impl Fn() -> u64, bark: impl FnOnce()) {
        while !over.is_on() {
            if self.look(pulse()) {
                return bark();
            }
            std::thread::sleep(TICK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gauge::Counter;

    #[test]
    fn it_barks_after_so_many_looks_at_the_same_pulse() {
        let mut watchdog = Watchdog::new(TICK * 3);
        let barks: Vec<_> = [1, 1, 1, 2, 2, 2, 2, 2].map(|pulse| watchdog.look(pulse)).into();
        assert_eq!(barks, [false, false, false, false, false, false, true, true]);
    }

    #[test]
    fn it_is_quiet_while_something_moves() {
        let (over, pulse, barked) = (Switch::new(), Counter::new(), Switch::new());
        let moving = || {
            if pulse.next() > 3 {
                over.throw();
            }
            pulse.get()
        };
        Watchdog::new(TICK).watch(&over, moving, || {
            barked.throw();
        });
        assert!(!barked.is_on());
    }

    #[test]
    fn it_barks_once_when_nothing_does() {
        let (over, barks) = (Switch::new(), Counter::new());
        Watchdog::new(TICK).watch(&over, || 5, || barks.add(1));
        assert_eq!(barks.get(), 1);
    }
}
