//! Recursive locks: the trait of the recursive row, and the peers that implement it.

use super::cpython;

/// A lock that its owner may take again.
pub trait Recursive: 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// A free lock.
    fn fresh() -> Self;

    /// Runs `section` one level deeper.
    fn with<R>(&self, section: impl FnOnce() -> R) -> R;
}

/// `parking_lot::ReentrantMutex`.
pub struct ParkingLot(parking_lot::ReentrantMutex<()>);

impl Recursive for ParkingLot {
    const NAME: &'static str = "parking_lot";

    fn fresh() -> Self {
        Self(parking_lot::ReentrantMutex::new(()))
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce() -> R) -> R {
        let _level = self.0.lock();
        section()
    }
}

/// `usync::ReentrantMutex`.
pub struct Usync(usync::ReentrantMutex<()>);

impl Recursive for Usync {
    const NAME: &'static str = "usync";

    fn fresh() -> Self {
        Self(usync::ReentrantMutex::new(()))
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce() -> R) -> R {
        let _level = self.0.lock();
        section()
    }
}

/// CPython's `_PyRecursiveMutex`.
pub struct CPython(cpython::RecursiveMutex);

impl Recursive for CPython {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self(cpython::RecursiveMutex::default())
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce() -> R) -> R {
        self.0.lock();
        let result = section();
        self.0.unlock();
        result
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{ParkingLot, Recursive, Usync};

    pub(crate) fn nests<L: Recursive>() {
        let lock = L::fresh();
        assert_eq!(lock.with(|| lock.with(|| lock.with(|| 3))), 3, "{}", L::NAME);
        assert_eq!(lock.with(|| 1), 1, "{}", L::NAME);
    }

    #[test]
    fn every_peer_nests() {
        nests::<ParkingLot>();
        nests::<Usync>();
    }
}
