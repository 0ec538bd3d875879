//! The sizes that CPython's object headers rely on, held at compile time.

use crate::{Event, Mutex, OnceFlag, RawMutex, RecursiveMutex, RwMutex, SeqLock};

/// Whether this build has the machine's own atomics: a model's are larger.
const NATIVE: bool = !pyparking::primitive::MODELLED;

const _: () = {
    if NATIVE {
        assert!(size_of::<Mutex>() == 1 && align_of::<Mutex>() == 1);
        assert!(size_of::<Event>() == 1 && align_of::<Event>() == 1);
        assert!(size_of::<OnceFlag>() == 1 && align_of::<OnceFlag>() == 1);
        assert!(size_of::<RwMutex>() == size_of::<usize>());
        assert!(size_of::<RawMutex>() == size_of::<usize>());
        assert!(size_of::<SeqLock>() == 4);
        assert!(size_of::<usize>() != 8 || size_of::<RecursiveMutex>() == 24);
    }
};
