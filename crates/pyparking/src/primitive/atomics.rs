//! The atomics of the lock layer, as thin types of our own over core's or the checker's.
//!
//! Types of our own, so that a stray core atomic, which no model would see, is a lint error anywhere else. The
//! operations offered are the ones in use.

/// Defines the atomic types of one backing: where they come from, whether they can be made in a constant, and
/// the macros that an ordering goes through on its way down.
macro_rules! atomics {
    ($($backing:ident)::+, [$($constant:ident)?], $order:ident, $failure:ident) => {
        atomics! { @shared $($backing)::+, [$($constant)?], $order, $failure, AtomicBool<> of bool }
        atomics! { @shared $($backing)::+, [$($constant)?], $order, $failure, AtomicPtr<T> of *mut T }
        atomics! { @number $($backing)::+, [$($constant)?], $order, $failure, AtomicU8 of u8 }
        atomics! { @number $($backing)::+, [$($constant)?], $order, $failure, AtomicU16 of u16 }
        atomics! { @number $($backing)::+, [$($constant)?], $order, $failure, AtomicU32 of u32 }
        atomics! { @number $($backing)::+, [$($constant)?], $order, $failure, AtomicU64 of u64 }
        atomics! { @number $($backing)::+, [$($constant)?], $order, $failure, AtomicUsize of usize }

        /// An atomic fence.
        #[inline(always)]
        #[track_caller]
        pub fn fence(order: Ordering) {
            match $order!(order) {
                // A fence cannot be relaxed: one that a model weakens is gone.
                Ordering::Relaxed => {}
                kept => $($backing)::+::fence(kept),
            }
        }
    };
    (@shared $($backing:ident)::+, [$($constant:ident)?], $order:ident, $failure:ident,
        $name:ident<$($param:ident)?> of $value:ty) => {
        /// The atomic of the same name.
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name<$($param)?>($($backing)::+::$name<$($param)?>);

        impl<$($param)?> $name<$($param)?> {
            /// A fresh atomic.
            #[inline(always)]
            #[track_caller]
            pub $($constant)? fn new(value: $value) -> Self {
                Self($($backing)::+::$name::new(value))
            }
            /// Loads.
            #[inline(always)]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                self.0.load($order!(order))
            }
            /// Stores.
            #[inline(always)]
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, $order!(order))
            }
            /// Exchanges.
            #[inline(always)]
            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.0.swap(value, $order!(order))
            }
            /// Compares and exchanges, never failing without cause.
            #[inline(always)]
            #[track_caller]
            pub fn compare_exchange(
                &self,
                seen: $value,
                next: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.0.compare_exchange(seen, next, $order!(success), $failure!(failure))
            }
        }
    };
    (@number $($backing:ident)::+, [$($constant:ident)?], $order:ident, $failure:ident,
        $name:ident of $value:ty) => {
        atomics! { @shared $($backing)::+, [$($constant)?], $order, $failure, $name<> of $value }

        impl $name {
            /// Adds, wrapping.
            #[inline(always)]
            #[track_caller]
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.0.fetch_add(value, $order!(order))
            }
            /// Sets bits.
            #[inline(always)]
            #[track_caller]
            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.0.fetch_or(value, $order!(order))
            }
            /// Clears bits.
            #[inline(always)]
            #[track_caller]
            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.0.fetch_and(value, $order!(order))
            }
        }
    };
}
pub(super) use atomics;
