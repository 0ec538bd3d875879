//! Three mutexes with a number each that only its sections touch.

use pysync::Mutex;
use std::sync::Arc;
use trial::guarded::Guarded;

/// A mutex and what it protects.
pub(crate) struct Object {
    pub(crate) mutex: Mutex,
    data: Guarded,
}

impl pycritsec::Lockable for Object {
    fn mutex(&self) -> &Mutex {
        &self.mutex
    }
}

impl Object {
    fn new() -> Self {
        Self { mutex: Mutex::new(), data: Guarded::new(0) }
    }

    /// Adds one, in two steps; for who is in a section of this object. Loom fails the model if somebody else is too.
    pub(crate) fn bump(&self) -> u32 {
        assert!(self.mutex.is_locked(), "touched without its mutex");
        self.data.bump()
    }
}

/// The objects of a model: in one array, so that their addresses have a known order.
pub(crate) struct Shared(pub(crate) [Object; 3]);

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self([Object::new(), Object::new(), Object::new()]))
    }

    /// Everything is free, and was touched so often.
    #[track_caller]
    pub(crate) fn ends_with(&self, sums: [u32; 3]) {
        let left = self.0.each_ref().map(|object| (object.data.get(), object.mutex.bits()));
        assert_eq!(left, sums.map(|sum| (sum, 0)));
    }
}
