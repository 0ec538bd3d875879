//! What the types must and must not allow, held at compile time, and that all zeroes are unlocked.

use crate::sync::{
    Condvar, Mutex, MutexGuard, RawMutex, RawRwLock, RawThreadId, ReentrantMutex,
    ReentrantMutexGuard, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
};
use std::mem::{size_of, zeroed};
use std::rc::Rc;
use trial::facts::{SendOrNot, SyncOrNot, is_send, is_sync, never};

// Guards stay with their thread.
never![SendOrNot:
    MutexGuard<'static, u8>,
    ReentrantMutexGuard<'static, u8>,
    RwLockReadGuard<'static, u8>,
    RwLockUpgradableReadGuard<'static, u8>,
    RwLockWriteGuard<'static, u8>
];
never![SyncOrNot: Mutex<Rc<u8>>, RwLock<Rc<u8>>, ReentrantMutex<Rc<u8>>];

const _: () = {
    is_send::<Mutex<u8>>();
    is_sync::<Mutex<u8>>();
    is_sync::<RwLock<u8>>();
    is_sync::<Condvar>();
    is_sync::<MutexGuard<'static, u8>>();
    is_sync::<RwLockReadGuard<'static, u8>>();
};

#[test]
fn sizes() {
    assert_eq!((size_of::<RawMutex>(), size_of::<RawThreadId>()), (1, 0));
    assert_eq!(size_of::<RawRwLock>(), size_of::<usize>());
    assert_eq!(size_of::<Condvar>(), 1);
}

#[test]
fn all_zero_is_unlocked() {
    // SAFETY: the raw types promise it; the data is a number.
    let (mutex, lock, reentrant) =
        unsafe { zeroed::<(Mutex<u32>, RwLock<u32>, ReentrantMutex<u32>)>() };
    *mutex.lock() += 1;
    *lock.write() += 2;
    assert_eq!((*mutex.lock(), *lock.upgradable_read(), *reentrant.lock()), (1, 2, 0));
    assert!(!mutex.is_locked() && !lock.is_locked() && !reentrant.is_locked());
    // SAFETY: as above.
    let condvar = unsafe { zeroed::<Condvar>() };
    assert!(!condvar.notify_one());
}

#[test]
fn a_locked_lock_that_is_zeroed_is_unlocked() {
    let (mutex, lock) = (Mutex::new(7), RwLock::new(8));
    std::mem::forget((mutex.lock(), lock.write()));
    assert!(mutex.is_locked() && lock.is_locked_exclusive());
    // SAFETY: what a child of a fork does: nobody else runs, and the guards have been forgotten.
    unsafe {
        std::ptr::from_ref(mutex.raw()).cast_mut().write_bytes(0, 1);
        std::ptr::from_ref(lock.raw()).cast_mut().write_bytes(0, 1);
    }
    assert_eq!((*mutex.lock(), *lock.write()), (7, 8));
}
