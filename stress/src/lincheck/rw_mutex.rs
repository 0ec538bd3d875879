//! A read-write mutex as a sequential object: so many readers, or a writer. A reader may be refused
//! because of a writer who holds it or only waits; a waiting writer is one whose call overlaps with
//! the reader's, and the subject keeps count of those.

use super::crew::Subject;
use super::history::Scribe;
use super::search::Spec;
use crate::pause::Pause;
use crate::rng::Rng;
use pysync::{LockFlags, LockStatus, RwMutex};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The specification.
#[derive(Debug)]
pub struct RwSpec;

/// A call with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A lock for reading that came.
    Read,
    /// One that was refused; whether a writer's call overlapped with it.
    ReadRefused {
        /// A writer may have been waiting.
        beside_writer: bool,
    },
    /// The end of a read.
    ReadUnlock,
    /// A lock for writing that came.
    Write,
    /// One that was refused.
    WriteRefused,
    /// The end of a write.
    WriteUnlock,
}

/// Who holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Held {
    /// So many readers.
    By(u8),
    /// A writer.
    ByWriter,
}

impl Spec for RwSpec {
    type State = Held;
    type Call = Call;

    fn start() -> Held {
        Held::By(0)
    }

    fn step(&held: &Held, call: &Call) -> Option<Held> {
        match (call, held) {
            (Call::Read, Held::By(readers)) => Some(Held::By(readers + 1)),
            (Call::ReadUnlock, Held::By(readers)) if readers > 0 => Some(Held::By(readers - 1)),
            (Call::ReadRefused { .. }, Held::ByWriter) => Some(held),
            (Call::ReadRefused { beside_writer: true }, Held::By(_)) => Some(held),
            (Call::Write, Held::By(0)) => Some(Held::ByWriter),
            (Call::WriteUnlock, Held::ByWriter) => Some(Held::By(0)),
            (Call::WriteRefused, Held::ByWriter) => Some(held),
            (Call::WriteRefused, Held::By(readers)) if readers > 0 => Some(held),
            _ => None,
        }
    }
}

/// The lock, and how many writers' calls have begun and ended.
#[derive(Debug)]
pub struct Watched {
    lock: RwMutex,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Watched {
    fn write(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        let way = rng.below(3);
        let timeout = Some(rng.time_up_to(Duration::from_micros(40)));
        let lock = || {
            // ORD: SeqCst, one order with the readers' looks at both counts.
            self.begun.fetch_add(1, Ordering::SeqCst);
            let came = match way {
                0 => self.lock.try_write_lock(),
                1 => self.lock.write_lock_timed(timeout, LockFlags::EMPTY) == LockStatus::Acquired,
                _ => {
                    self.lock.write_lock();
                    true
                }
            };
            // ORD: SeqCst, as above.
            self.ended.fetch_add(1, Ordering::SeqCst);
            came
        };
        if scribe.record(lock, |&came| if came { Call::Write } else { Call::WriteRefused }) {
            Pause::draw(rng, usize::MAX).spend();
            scribe.record(|| self.lock.write_unlock(), |()| Call::WriteUnlock);
        }
    }

    fn read(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        let way = rng.below(3);
        let timeout = Some(rng.time_up_to(Duration::from_micros(40)));
        let lock = || {
            // ORD: SeqCst, see `write`. Ended is read first: a writer who is not in it may be
            // inside now.
            let ended = self.ended.load(Ordering::SeqCst);
            let came = match way {
                0 => self.lock.try_read_lock(),
                1 => self.lock.read_lock_timed(timeout, LockFlags::EMPTY) == LockStatus::Acquired,
                _ => {
                    self.lock.read_lock();
                    true
                }
            };
            // ORD: SeqCst, as above. Whoever begun and had not ended was inside during this call.
            (came, self.begun.load(Ordering::SeqCst) > ended)
        };
        let write = |&(came, beside_writer): &(bool, bool)| {
            if came { Call::Read } else { Call::ReadRefused { beside_writer } }
        };
        if scribe.record(lock, write).0 {
            Pause::draw(rng, usize::MAX).spend();
            scribe.record(|| self.lock.read_unlock(), |()| Call::ReadUnlock);
        }
    }
}

impl Subject for Watched {
    type Spec = RwSpec;

    fn fresh(_threads: usize) -> Self {
        Self { lock: RwMutex::new(), begun: AtomicU64::new(0), ended: AtomicU64::new(0) }
    }

    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        if rng.one_in(3) {
            self.write(rng, scribe);
        } else {
            self.read(rng, scribe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Call::{Read, ReadRefused, ReadUnlock, Write, WriteRefused, WriteUnlock};
    use super::*;
    use crate::lincheck::crew::{accepted, accepts};

    #[test]
    fn a_writer_beside_a_reader_is_rejected() {
        assert!(!accepted::<RwSpec>(&[(0, Read, 0, 1), (1, Write, 2, 3), (0, ReadUnlock, 4, 5)]));
        assert!(accepted::<RwSpec>(&[(0, Read, 0, 1), (1, Write, 2, 6), (0, ReadUnlock, 4, 5)]));
        assert!(accepted::<RwSpec>(&[(0, Read, 0, 1), (1, Read, 2, 3)]));
    }

    #[test]
    fn a_refusal_without_a_writer_is_rejected() {
        let refusal = |beside_writer| [(0, Read, 0, 1), (1, ReadRefused { beside_writer }, 2, 3)];
        assert!(!accepted::<RwSpec>(&refusal(false)));
        assert!(accepted::<RwSpec>(&refusal(true)));
        assert!(!accepted::<RwSpec>(&[
            (0, Write, 0, 1),
            (0, WriteUnlock, 2, 3),
            (1, WriteRefused, 4, 5)
        ]));
    }

    #[test]
    fn the_real_one_is_accepted() {
        accepts::<Watched>(4);
    }
}
