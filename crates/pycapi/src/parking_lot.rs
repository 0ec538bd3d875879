//! The parking lot: `_PyParkingLot_*`.
//!
//! Port of: `_PyParkingLot_*` (Include/internal/pycore_parking_lot.h, Python/parking_lot.c)
//! PORT: as [`pyparking::park`]: `has_more_waiters` is about the address. Any size but 1, 2, 4 and 8 is fatal.

use crate::boundary::{at, callback, edge, fatal, timeout};
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use pyparking::primitive::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use pyparking::{Deadline, ParkOptions, ParkStatus};

/// What an unparker is told: its own argument, the waiter's or null, whether more wait.
type OnUnpark = unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, c_int);

/// A place of 1, 2, 4 or 8 bytes, and what is expected there.
#[derive(Clone, Copy)]
enum Place<'a> {
    One(&'a AtomicU8, u8),
    Two(&'a AtomicU16, u16),
    Four(&'a AtomicU32, u32),
    Eight(&'a AtomicU64, u64),
}

impl Place<'_> {
    /// # Safety
    ///
    /// Both pointers, unless null or odd, are good for `size` bytes during the call that uses the place.
    unsafe fn new(
        name: &'static CStr,
        address: *const c_void,
        expected: *const c_void,
        size: usize,
    ) -> Self {
        /// # Safety
        ///
        /// As `Place::new`, for a `V` and the atomic `A` of its size.
        unsafe fn both<'a, A, V: Copy>(
            name: &'static CStr,
            address: *const c_void,
            expected: *const c_void,
        ) -> (&'a A, V) {
            // SAFETY: the caller's word.
            let wanted = unsafe { at::<u8>(name, expected.cast()) };
            // SAFETY: as above; what is expected need not be aligned.
            (unsafe { at(name, address.cast()) }, unsafe {
                ptr::from_ref(wanted).cast::<V>().read_unaligned()
            })
        }
        // SAFETY: the caller's word, for each size.
        unsafe {
            match size {
                1 => {
                    let (word, wanted) = both(name, address, expected);
                    Self::One(word, wanted)
                }
                2 => {
                    let (word, wanted) = both(name, address, expected);
                    Self::Two(word, wanted)
                }
                4 => {
                    let (word, wanted) = both(name, address, expected);
                    Self::Four(word, wanted)
                }
                8 => {
                    let (word, wanted) = both(name, address, expected);
                    Self::Eight(word, wanted)
                }
                _ => fatal(name, c"address_size must be 1, 2, 4 or 8"),
            }
        }
    }

    /// Whether what is expected is there.
    fn is_as_expected(self) -> bool {
        match self {
            // ORD: SeqCst for each size, as CPython's: what orders the callers' protocols is not known here.
            Self::One(word, expected) => word.load(Ordering::SeqCst) == expected,
            Self::Two(word, expected) => word.load(Ordering::SeqCst) == expected,
            Self::Four(word, expected) => word.load(Ordering::SeqCst) == expected,
            Self::Eight(word, expected) => word.load(Ordering::SeqCst) == expected,
        }
    }
}

/// Sleeps on `address` if the `size` bytes there are those at `expected`, until unparked, for `nanos`, or until an
/// interrupt.
///
/// Cost: as [`pyparking::park`].
///
/// Port of: `_PyParkingLot_Park` (Python/parking_lot.c)
///
/// # Safety
///
/// `address` and `expected`, unless null, are good for reading `size` bytes during the call, those at `address` by
/// atomic operations. `park_arg` is what an unparker expects, and stays for the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyParkingLot_Park(
    address: *const c_void,
    expected: *const c_void,
    size: usize,
    nanos: i64,
    park_arg: *mut c_void,
    detach: c_int,
) -> ParkStatus {
    edge(c"_PyParkingLot_Park", || {
        // SAFETY: the caller's word.
        let place = unsafe { Place::new(c"_PyParkingLot_Park", address, expected, size) };
        let options = ParkOptions {
            deadline: Deadline::from_timeout(timeout(nanos)),
            arg: park_arg.cast(),
            detach: detach != 0,
            interruptible: true,
        };
        // SAFETY: that the address is the caller's own is its word; the callback only loads.
        unsafe { pyparking::park(address.addr(), options, || place.is_as_expected(), |_| {}) }
    })
}

/// Takes the first waiter of `address` out of the queue, calls `function` under the bucket's lock, then wakes it.
///
/// Cost: as [`pyparking::unpark`].
///
/// Port of: `_PyParkingLot_Unpark` (Python/parking_lot.c)
///
/// # Safety
///
/// `function` may be called with `arg` and what the waiter parked with, and uses neither the lot nor a lock on it.
/// `address` need not point to anything.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyParkingLot_Unpark(
    address: *const c_void,
    function: Option<OnUnpark>,
    arg: *mut c_void,
) {
    edge(c"_PyParkingLot_Unpark", || {
        let function = callback(c"_PyParkingLot_Unpark", function);
        // SAFETY: the caller's word.
        unsafe {
            pyparking::unpark(address.addr(), |waiter, has_more| {
                function(arg, waiter.map_or(ptr::null_mut(), <*mut ()>::cast), has_more.into());
            });
        }
    });
}

/// Wakes every waiter of `address`.
///
/// Cost: as [`pyparking::unpark_all`].
///
/// Port of: `_PyParkingLot_UnparkAll` (Python/parking_lot.c)
///
/// # Safety
///
/// Whoever parks at `address` expects to be woken so. It need not point to anything.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyParkingLot_UnparkAll(address: *const c_void) {
    edge(c"_PyParkingLot_UnparkAll", || {
        // SAFETY: the caller's word.
        let _woken = unsafe { pyparking::unpark_all(address.addr()) };
    });
}

/// Forgets every waiter, in the child of a fork.
///
/// Cost: as [`pyparking::after_fork_child`].
///
/// Port of: `_PyParkingLot_AfterFork` (Python/parking_lot.c)
///
/// # Safety
///
/// The calling thread is the only one of the process.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyParkingLot_AfterFork() {
    // SAFETY: the caller's word.
    edge(c"_PyParkingLot_AfterFork", || unsafe { pyparking::after_fork_child() });
}
