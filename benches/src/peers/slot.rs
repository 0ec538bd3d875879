//! Places for a shared value that threads read and replace: ours, the protocol with a lock, and what others have.

use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use crossbeam_epoch::{Atomic, Owned};
use pyref::raw::Header;
use pyref::{LockedSlot, Member, Online, Ref, Slot};

/// A place of some kind for a number.
///
/// Stores and loads of all kinds are inlined by force: whether the compiler makes a call of one is not what is compared.
pub trait Place: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// What is stored; cloning it is part of a store.
    type Value: Clone + Send + Sync;

    /// A reference to what is there; dropping it gives it back.
    type Held<'p>: Deref<Target = u64>;

    /// What a thread needs for as long as it works.
    type Thread;

    /// An empty one.
    fn fresh() -> Self;

    /// The calling thread begins to work.
    fn thread() -> Self::Thread;

    /// Between two operations.
    #[inline]
    fn between(_thread: &Self::Thread) {}

    /// A value of the calling thread's.
    fn value(number: u64) -> Self::Value;

    /// Replaces what is there.
    fn store(&self, value: Self::Value);

    /// A reference to what is there.
    fn hold(&self) -> Option<Self::Held<'_>>;

    /// The number that is there: a load, and a drop.
    #[inline(always)]
    fn load(&self) -> u64 {
        self.hold().map_or(0, |held| *held)
    }
}

/// A thread that is online as a member of its own.
pub struct OnlineThread {
    online: Option<Online<'static>>,
    member: *mut Member,
}

impl OnlineThread {
    fn new() -> Self {
        let member = Box::into_raw(Box::new(Member::new()));
        // SAFETY: from the box, which is freed after the token.
        let online = Some(unsafe { &mut *member }.online());
        Self { online, member }
    }

    #[inline]
    fn between(&self) {
        if let Some(online) = &self.online {
            online.quiescent();
        }
    }
}

impl Drop for OnlineThread {
    fn drop(&mut self) {
        self.online = None;
        // SAFETY: from the box in `new`; the token has gone.
        drop(unsafe { Box::from_raw(self.member) });
    }
}

macro_rules! counted {
    ($kind:ident, $name:literal) => {
        impl Place for $kind<u64> {
            const NAME: &'static str = $name;
            type Value = Ref<u64>;
            type Held<'p> = Ref<u64>;
            type Thread = OnlineThread;

            fn fresh() -> Self {
                $kind::empty()
            }

            fn thread() -> OnlineThread {
                OnlineThread::new()
            }

            #[inline]
            fn between(thread: &OnlineThread) {
                thread.between();
            }

            fn value(number: u64) -> Ref<u64> {
                Ref::new(number)
            }

            #[inline(always)]
            fn store(&self, value: Ref<u64>) {
                $kind::store(self, Some(value));
            }

            #[inline(always)]
            fn hold(&self) -> Option<Ref<u64>> {
                $kind::load(self)
            }
        }
    };
}

counted!(Slot, "pyref::Slot");
counted!(LockedSlot, "locked slot");

/// The limit: an exchange and what counting costs beside it; or a load and one read-modify-write of what it leads to, and
/// the one that gives the reference back, which every arm pays for in its drop. Each is looked at, as a count has to be.
pub struct Bare {
    pointer: AtomicPtr<Header>,
    counted: AtomicPtr<Counted>,
}

/// What the limit loads: a count and a number, in one line.
struct Counted {
    count: AtomicU64,
    number: u64,
}

/// One of the limit's references.
pub struct Held<'p>(&'p Counted);

impl Deref for Held<'_> {
    type Target = u64;

    #[inline(always)]
    fn deref(&self) -> &u64 {
        &self.0.number
    }
}

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // ORD: Release, as that of a reference which is dropped.
        if self.0.count.fetch_sub(4, Ordering::Release) == 4 {
            gone();
        }
    }
}

#[cold]
fn gone() -> ! {
    unreachable!("the count never comes to zero");
}

impl Place for Bare {
    const NAME: &'static str = "bare exchange or load, and the counting";
    type Value = Ref<u64>;
    type Held<'p> = Held<'p>;
    type Thread = OnlineThread;

    fn fresh() -> Self {
        Self {
            pointer: AtomicPtr::new(ptr::null_mut()),
            counted: AtomicPtr::new(Box::into_raw(Box::new(Counted {
                count: AtomicU64::new(8),
                number: 1,
            }))),
        }
    }

    fn thread() -> OnlineThread {
        OnlineThread::new()
    }

    #[inline]
    fn between(thread: &OnlineThread) {
        thread.between();
    }

    fn value(number: u64) -> Ref<u64> {
        Ref::new(number)
    }

    #[inline(always)]
    fn store(&self, value: Ref<u64>) {
        // ORD: AcqRel, as a slot's.
        let old = self.pointer.swap(Ref::into_raw(value).as_ptr(), Ordering::AcqRel);
        // SAFETY: null, or put there by an earlier call, which gave its reference up.
        drop(NonNull::new(old).map(|old| unsafe { Ref::<u64>::from_raw(old) }));
    }

    #[inline(always)]
    fn hold(&self) -> Option<Held<'_>> {
        // ORD: Acquire, as a slot's.
        let counted = self.counted.load(Ordering::Acquire);
        // SAFETY: null, or from the box of `fresh`, which is freed with this.
        let counted = unsafe { counted.as_ref() }?;
        // ORD: Relaxed, as a slot's.
        if counted.count.fetch_add(4, Ordering::Relaxed) == 0 {
            gone();
        }
        Some(Held(counted))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // SAFETY: as in `store`.
        drop(NonNull::new(*self.pointer.get_mut()).map(|old| unsafe { Ref::<u64>::from_raw(old) }));
        // SAFETY: from the box of `fresh`, once.
        drop(unsafe { Box::from_raw(*self.counted.get_mut()) });
    }
}

impl Place for ArcSwapOption<u64> {
    const NAME: &'static str = "arc-swap";
    type Value = Arc<u64>;
    type Held<'p> = Arc<u64>;
    type Thread = ();

    fn fresh() -> Self {
        Self::empty()
    }

    fn thread() {}

    fn value(number: u64) -> Arc<u64> {
        Arc::new(number)
    }

    #[inline(always)]
    fn store(&self, value: Arc<u64>) {
        self.store(Some(value));
    }

    #[inline(always)]
    fn hold(&self) -> Option<Arc<u64>> {
        self.load_full()
    }
}

impl Place for Atomic<Arc<u64>> {
    const NAME: &'static str = "crossbeam-epoch Atomic<Arc>";
    type Value = Arc<u64>;
    type Held<'p> = Arc<u64>;
    type Thread = ();

    fn fresh() -> Self {
        Self::null()
    }

    fn thread() {}

    fn value(number: u64) -> Arc<u64> {
        Arc::new(number)
    }

    #[inline(always)]
    fn store(&self, value: Arc<u64>) {
        let guard = crossbeam_epoch::pin();
        // ORD: AcqRel, as a slot's.
        let old = self.swap(Owned::new(value), Ordering::AcqRel, &guard);
        if !old.is_null() {
            // SAFETY: out of everybody's reach since the swap, which had one taker.
            unsafe { guard.defer_destroy(old) };
        }
    }

    #[inline(always)]
    fn hold(&self) -> Option<Arc<u64>> {
        let guard = crossbeam_epoch::pin();
        // ORD: Acquire, as a slot's.
        let seen = self.load(Ordering::Acquire, &guard);
        // SAFETY: null, or kept by the guard.
        unsafe { seen.as_ref() }.map(Arc::clone)
    }
}

impl Place for Mutex<Option<Arc<u64>>> {
    const NAME: &'static str = "std Mutex<Arc>";
    type Value = Arc<u64>;
    type Held<'p> = Arc<u64>;
    type Thread = ();

    fn fresh() -> Self {
        Self::new(None)
    }

    fn thread() {}

    fn value(number: u64) -> Arc<u64> {
        Arc::new(number)
    }

    #[inline(always)]
    fn store(&self, value: Arc<u64>) {
        let old = self.lock().unwrap_or_else(PoisonError::into_inner).replace(value);
        drop(old);
    }

    #[inline(always)]
    fn hold(&self) -> Option<Arc<u64>> {
        self.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, ArcSwapOption, Atomic, LockedSlot, Mutex, Place, Slot};

    fn keeps_what_is_stored<P: Place>() {
        let place = P::fresh();
        let thread = P::thread();
        assert_eq!(place.load(), 0);
        for number in 1..4 {
            place.store(P::value(number));
            assert_eq!(place.load(), number);
            P::between(&thread);
        }
    }

    #[test]
    fn every_place_keeps_what_is_stored() {
        keeps_what_is_stored::<Slot<u64>>();
        keeps_what_is_stored::<LockedSlot<u64>>();
        keeps_what_is_stored::<ArcSwapOption<u64>>();
        keeps_what_is_stored::<Atomic<Arc<u64>>>();
        keeps_what_is_stored::<Mutex<Option<Arc<u64>>>>();
    }
}
