//! Sizes, alignments and offsets that the header states, held at compile time.
//!
//! The same rows are in `abi/layout.txt` and, as static assertions, in `include/pycapi.h`; `cargo xtask tidy` compares the
//! three.

use crate::semaphore::Semaphore;
use pysync::{Event, Mutex, OnceFlag, RawMutex, RecursiveMutex, RwMutex, SeqLock};

/// Whether this build has the machine's own atomics: a model's are larger.
const NATIVE: bool = !pyparking::primitive::MODELLED;

/// One row: C's name, the type here, size and alignment on a machine of 64 bits.
macro_rules! layout {
    ($($name:literal is $type:ty: $size:literal, $align:literal;)*) => {
        $(const _: () = assert!(
            !NATIVE || size_of::<usize>() != 8 || size_of::<$type>() == $size && align_of::<$type>() == $align,
            $name
        );)*
    };
}

layout! {
    "PyMutex" is Mutex: 1, 1;
    "PyEvent" is Event: 1, 1;
    "_PyOnceFlag" is OnceFlag: 1, 1;
    "_PyRawMutex" is RawMutex: 8, 8;
    "_PyRecursiveMutex" is RecursiveMutex: 24, 8;
    "_PyRWMutex" is RwMutex: 8, 8;
    "_PySeqLock" is SeqLock: 4, 4;
}

#[cfg(feature = "embed")]
layout! {
    "PyCriticalSection" is pycritsec::Section: 16, 8;
    "PyCriticalSection2" is pycritsec::PairSection: 24, 8;
}

// The header's is as large as the system's semaphore, of which this is the beginning.
const _: () = assert!(!NATIVE || size_of::<Semaphore>() == 4 && align_of::<Semaphore>() == 4);
