//! What must not be done: each mistake of the argument in `raw_slot.rs`, made here by hand, and caught.
//!
//! The mixed variants use the pieces that the crate is made of, put together wrongly: a slot of the checker's own pointer,
//! and the crate's headers.

use pyparking::primitive::plain::AtomicBool;
use pyparking::primitive::{AtomicPtr, Ordering, thread};
use pyref::raw::Header;
use pysync::Mutex;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start};

/// An object that is never really freed, so that a model can say what happens to it.
#[repr(C)]
struct Object {
    header: Header,
    /// Whether it was freed.
    freed: AtomicBool,
}

fn object() -> NonNull<Header> {
    NonNull::from(Box::leak(Box::new(Object {
        header: Header::new(),
        freed: AtomicBool::new(false),
    })))
    .cast()
}

/// Fails the model the second time.
///
/// # Safety
///
/// `object` is from [`object`].
unsafe fn free(object: NonNull<Header>) {
    // SAFETY: never freed.
    let object = unsafe { object.cast::<Object>().as_ref() };
    // ORD: Relaxed, the checker runs one thread at a time.
    assert!(!object.freed.swap(true, Ordering::Relaxed), "freed twice");
}

/// Uses an object that the caller has a reference to, then drops it.
fn use_and_drop(object: NonNull<Header>) {
    // SAFETY: never freed; the reference is the caller's.
    unsafe {
        // ORD: Relaxed, as above.
        let freed = object.cast::<Object>().as_ref().freed.load(Ordering::Relaxed);
        assert!(!freed, "used after it was freed");
        Header::decref(object, free);
    }
}

/// A slot with a lock for those who believe in it.
struct Slot {
    pointer: AtomicPtr<Header>,
    mutex: Mutex,
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self { pointer: AtomicPtr::new(object().as_ptr()), mutex: Mutex::new() })
    }

    /// The new write path.
    fn exchange(&self) {
        let next = object();
        // SAFETY: the reference that it was born with.
        unsafe { next.as_ref() }.set_maybe_weakref();
        // ORD: AcqRel, as in the real slot.
        drop_old(self.pointer.swap(next.as_ptr(), Ordering::AcqRel));
    }

    /// The old write path.
    fn store_locked(&self) {
        let next = object();
        self.mutex.lock();
        // ORD: Acquire and Release, stronger than the old path's own.
        let old = self.pointer.load(Ordering::Acquire);
        self.pointer.store(next.as_ptr(), Ordering::Release);
        self.mutex.unlock();
        drop_old(old);
    }

    /// The new read path, or the old one after `falls_back`.
    fn load(&self, falls_back: bool) {
        loop {
            // ORD: Acquire, as in the real slot.
            let seen = self.pointer.load(Ordering::Acquire);
            let Some(seen) = NonNull::new(seen) else { return };
            // SAFETY: never freed.
            if unsafe { seen.as_ref().try_incref() } {
                return use_and_drop(seen);
            }
            if falls_back {
                return self.load_locked();
            }
            thread::spin_loop();
        }
    }

    fn load_locked(&self) {
        self.mutex.lock();
        // ORD: Acquire, as in the real slot.
        let seen = NonNull::new(self.pointer.load(Ordering::Acquire));
        if let Some(seen) = seen {
            // SAFETY: none but the lock, which is the mistake.
            unsafe { seen.as_ref().incref() };
        }
        self.mutex.unlock();
        seen.into_iter().for_each(use_and_drop);
    }
}

fn drop_old(old: *mut Header) {
    NonNull::new(old).into_iter().for_each(use_and_drop);
}

/// Takes what is left.
fn empty(slot: &Slot) {
    // ORD: AcqRel, as in the real slot.
    drop_old(slot.pointer.swap(ptr::null_mut(), Ordering::AcqRel));
}

/// Two threads do `first` and `second` to one slot.
fn together(first: fn(&Slot), second: fn(&Slot)) {
    bounded(Bucket::Abstract, move || {
        let slot = Slot::new();
        let other = start(&slot, first);
        second(&slot);
        other.join().unwrap();
        empty(&slot);
    });
}

/// The control: both write paths changed, and nobody falls back.
#[test]
fn broken_is_not_what_changes_everywhere() {
    together(Slot::exchange, Slot::exchange);
    together(Slot::exchange, |slot| slot.load(false));
}

/// Both write paths under the lock, as it was.
#[test]
fn broken_is_not_what_changes_nowhere() {
    together(Slot::store_locked, Slot::store_locked);
    together(Slot::store_locked, |slot| slot.load(true));
}

/// One write path exchanges, the other relies on the lock: both drop the same value.
#[test]
#[should_panic(expected = "freed")]
fn broken_if_one_write_path_keeps_the_lock() {
    together(Slot::exchange, Slot::store_locked);
}

/// The writers exchange, the reader falls back to the lock: it counts up from zero.
#[test]
#[should_panic(expected = "freed")]
fn broken_if_the_read_fallback_keeps_the_lock() {
    together(Slot::exchange, |slot| slot.load(true));
}
