//! One-time flags: the trait of the once row, and the peers that implement it.

use std::sync::atomic::{AtomicU8, Ordering};

use super::cpython;

/// A flag behind which something runs once.
pub trait Once: 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// A flag behind which nothing has run.
    fn fresh() -> Self;

    /// Runs nothing, unless that has been done.
    fn call(&self);
}

/// `std::sync::Once`.
pub struct Std(std::sync::Once);

impl Once for Std {
    const NAME: &'static str = "std";

    fn fresh() -> Self {
        Self(std::sync::Once::new())
    }

    #[inline]
    fn call(&self) {
        self.0.call_once(|| {});
    }
}

/// `parking_lot::Once`.
pub struct ParkingLot(parking_lot::Once);

impl Once for ParkingLot {
    const NAME: &'static str = "parking_lot";

    fn fresh() -> Self {
        Self(parking_lot::Once::new())
    }

    #[inline]
    fn call(&self) {
        self.0.call_once(|| {});
    }
}

/// `usync::Once`.
pub struct Usync(usync::Once);

impl Once for Usync {
    const NAME: &'static str = "usync";

    fn fresh() -> Self {
        Self(usync::Once::new())
    }

    #[inline]
    fn call(&self) {
        self.0.call_once(|| {});
    }
}

/// `spin::Once`.
pub struct Spin(spin::Once<()>);

impl Once for Spin {
    const NAME: &'static str = "spin";

    fn fresh() -> Self {
        Self(spin::Once::new())
    }

    #[inline]
    fn call(&self) {
        self.0.call_once(|| {});
    }
}

/// CPython's `_PyOnceFlag`.
pub struct CPython(cpython::OnceFlag);

impl Once for CPython {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self(cpython::OnceFlag::default())
    }

    #[inline]
    fn call(&self) {
        self.0.call_once();
    }
}

/// The limit: one acquire load and the branch on it.
pub struct BareLoad(AtomicU8);

impl Once for BareLoad {
    const NAME: &'static str = "one acquire load";

    fn fresh() -> Self {
        Self(AtomicU8::new(1))
    }

    #[inline]
    fn call(&self) {
        // ORD: Acquire, as a done flag needs it to show what was done.
        if self.0.load(Ordering::Acquire) != 1 {
            unreachable_slow_path();
        }
    }
}

#[cold]
#[inline(never)]
fn unreachable_slow_path() {
    panic!("the limit's flag is set from the start");
}
