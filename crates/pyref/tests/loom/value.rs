//! A value that notices when it is dropped twice or read after its drop.

use loom::thread::JoinHandle;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;
use pyref::{Member, Online};
use std::sync::Arc;
use trial::explore::spawn;
use trial::guarded::Guarded;

/// What a dropped value reads as.
const GONE: u32 = u32::MAX;

/// How often the values of a model were dropped.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<AtomicCount>);

struct AtomicCount(AtomicUsize);

impl Default for AtomicCount {
    fn default() -> Self {
        Self(AtomicUsize::new(0))
    }
}

impl Drops {
    /// A value that is counted here.
    pub(crate) fn value(&self, number: u32) -> Value {
        Value { number: Guarded::new(number), drops: self.clone() }
    }

    pub(crate) fn count(&self) -> usize {
        // ORD: Relaxed, the checker runs one thread at a time.
        self.0.0.load(Ordering::Relaxed)
    }
}

/// A number in a cell that the checker watches.
pub(crate) struct Value {
    number: Guarded,
    drops: Drops,
}

// SAFETY: read by anyone, written by the drop alone; whether the two are ordered is what the checker watches.
unsafe impl Sync for Value {}
// SAFETY: as above.
unsafe impl Send for Value {}

impl Value {
    /// The number; fails the model if the value is gone.
    #[track_caller]
    pub(crate) fn read(&self) -> u32 {
        let number = self.number.get();
        assert_ne!(number, GONE, "read after the drop");
        number
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.read();
        self.number.set(GONE);
        // ORD: Relaxed, the checker runs one thread at a time.
        self.drops.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread that is online during `body`. Its member comes back: members begin and end outside of what is modelled.
pub(crate) fn online<R: 'static>(
    mut member: Member,
    body: impl FnOnce(&Online<'_>) -> R + 'static,
) -> JoinHandle<(Member, R)> {
    spawn(move || {
        let result = {
            let online = member.online();
            body(&online)
        };
        (member, result)
    })
}
