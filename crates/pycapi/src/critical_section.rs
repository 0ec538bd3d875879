//! Critical sections in C form, for programs over pyceval.
//!
//! CPython keeps its own (Python/critical_section.c), so they are left out where it is the host. There is no object
//! header here to find a mutex in: the forms over mutexes are the ones of 3.14, in both versions.
//!
//! Port of: `PyCriticalSection`, `PyCriticalSection2` (Include/cpython/critical_section.h)
//! PORT: as [`pycritsec`].

use crate::boundary::{at, edge};
use core::ffi::CStr;
use pycritsec::{PairSection, Section};
use pysync::Mutex;

/// Begins a section over `mutex`.
///
/// Cost: as [`Section::begin`].
///
/// Port of: `PyCriticalSection_BeginMutex` (Python/critical_section.c)
///
/// # Safety
///
/// `section`, unless null, points to the room for one, which stays in its place until its end by the same thread,
/// sections in reverse order; `mutex`, unless null, stays as long.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyCriticalSection_BeginMutex(section: *mut Section, mutex: *const Mutex) {
    const NAME: &CStr = c"PyCriticalSection_BeginMutex";
    // SAFETY: the caller's word, which is that of `begin`.
    edge(NAME, || unsafe {
        let mutex = at(NAME, mutex);
        at(NAME, section.cast_const());
        // The room may hold anything.
        section.write(Section::new());
        (*section).begin(mutex);
    });
}

/// Ends a section.
///
/// Cost: as [`Section::end`].
///
/// Port of: `PyCriticalSection_End` (Python/critical_section.c)
///
/// # Safety
///
/// `section`, unless null, was begun by the calling thread, and is the innermost.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyCriticalSection_End(section: *const Section) {
    const NAME: &CStr = c"PyCriticalSection_End";
    // SAFETY: the caller's word, which is that of `end`.
    edge(NAME, || unsafe { at(NAME, section).end() });
}

/// Begins a section over two mutexes.
///
/// Cost: as [`PairSection::begin`].
///
/// Port of: `PyCriticalSection2_BeginMutex` (Python/critical_section.c)
///
/// # Safety
///
/// As [`PyCriticalSection_BeginMutex`], for both mutexes.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyCriticalSection2_BeginMutex(
    section: *mut PairSection,
    first: *const Mutex,
    second: *const Mutex,
) {
    const NAME: &CStr = c"PyCriticalSection2_BeginMutex";
    // SAFETY: the caller's word, which is that of `begin`.
    edge(NAME, || unsafe {
        let (first, second) = (at(NAME, first), at(NAME, second));
        at(NAME, section.cast_const());
        // As above.
        section.write(PairSection::new());
        (*section).begin(first, second);
    });
}

/// Ends a section over two mutexes.
///
/// Cost: as [`PairSection::end`].
///
/// Port of: `PyCriticalSection2_End` (Python/critical_section.c)
///
/// # Safety
///
/// As [`PyCriticalSection_End`].
#[unsafe(no_mangle)]
unsafe extern "C" fn PyCriticalSection2_End(section: *const PairSection) {
    const NAME: &CStr = c"PyCriticalSection2_End";
    // SAFETY: the caller's word, which is that of `end`.
    edge(NAME, || unsafe { at(NAME, section).end() });
}
