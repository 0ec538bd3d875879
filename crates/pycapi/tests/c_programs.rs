//! The library as C and C++ programs see it: every name at work, misuse, heap, embedding, what is exported.
#![cfg(target_os = "linux")]

mod toolchain;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use toolchain::{
    Language, Link, VERSION, expect_accepted, expect_all, libraries, program, run, scenarios, skip,
};

const SIGABRT: i32 = 6;

#[test]
fn every_name_works_in_c() {
    let Some(program) = program("scenarios", Language::C, Link::Static) else { return };
    expect_all(&program);
}

#[test]
fn every_name_works_in_cpp() {
    let Some(program) = program("scenarios", Language::Cpp, Link::Static) else { return };
    expect_all(&program);
}

#[test]
fn every_name_works_from_the_shared_library() {
    let Some(program) = program("scenarios", Language::C, Link::Shared) else { return };
    expect_all(&program);
}

#[test]
fn sanitizers_find_nothing() {
    for stem in [
        "scenarios",
        #[cfg(feature = "embed")]
        "embed",
    ] {
        let Some(program) = program(stem, Language::C, Link::Watched) else { return };
        expect_all(&program);
    }
}

#[test]
#[cfg(feature = "embed")]
fn a_runtime_works_in_c() {
    let Some(program) = program("embed", Language::C, Link::Static) else { return };
    expect_all(&program);
}

#[test]
#[cfg(feature = "embed")]
fn a_runtime_works_in_cpp() {
    let Some(program) = program("embed", Language::Cpp, Link::Static) else { return };
    expect_all(&program);
}

#[test]
#[cfg(feature = "embed")]
fn a_late_thread_sleeps_for_ever_with_nothing_in_its_hands() {
    let Some(program) = program("edge", Language::C, Link::Static) else { return };
    expect_all(&program);
}

// The interposed malloc is glibc's. The portable sleeper makes one condition variable per thread, as it says.
#[test]
#[cfg(all(target_env = "gnu", not(feature = "std-fallback")))]
fn locks_take_no_heap() {
    let Some(program) = program("heap", Language::C, Link::Static) else { return };
    expect_all(&program);
}

/// What each scenario of `misuse.c` dies of; those of `DEATHS_OF_EMBED` come after the others.
const DEATHS: &[(&str, &str)] = &[
    ("unlock_free", "PyMutex_Unlock: unlocking mutex that is not locked"),
    ("unlock_null", "PyMutex_Unlock: null pointer"),
    ("lock_null", "PyMutex_Lock: null pointer"),
    ("timed_null", "_PyMutex_LockTimed: null pointer"),
    ("raw_unlock_free", "_PyRawMutex_UnlockSlow: unlocking mutex that is not locked"),
    ("event_null", "_PyEvent_Notify: null pointer"),
    ("once_result", "unlock_once: invalid result from _PyOnceFlag_CallOnce"),
    ("once_null", "_PyOnceFlag_CallOnceSlow: null function"),
    (
        "recursive_free",
        "_PyRecursiveMutex_Unlock: unlocking a recursive mutex that is not owned by the current thread",
    ),
    (
        "recursive_other",
        "_PyRecursiveMutex_Unlock: unlocking a recursive mutex that is not owned by the current thread",
    ),
    ("rw_read_free", "_PyRWMutex_RUnlock: lock was not read-locked"),
    ("rw_write_free", "_PyRWMutex_Unlock: lock was not write-locked"),
    ("seq_unlock_free", "_PySeqLock_UnlockWrite: lock was not write-locked"),
    ("seq_abandon_free", "_PySeqLock_AbandonWrite: lock was not write-locked"),
    ("park_size", "_PyParkingLot_Park: address_size must be 1, 2, 4 or 8"),
    ("park_null", "_PyParkingLot_Park: null pointer"),
    ("park_crooked", "_PyParkingLot_Park: misaligned pointer"),
    ("unpark_null", "_PyParkingLot_Unpark: null function"),
    ("semaphore_null", "_PySemaphore_Wakeup: null pointer"),
    ("raw_null", "_PyRawMutex_LockSlow: null pointer"),
    ("recursive_null", "_PyRecursiveMutex_Lock: null pointer"),
    ("rw_null", "_PyRWMutex_RLock: null pointer"),
    ("seq_null", "_PySeqLock_BeginRead: null pointer"),
    ("expected_null", "_PyParkingLot_Park: null pointer"),
    ("flag_null", "_PyOnceFlag_CallOnceSlow: null pointer"),
    ("hooks_null", "pycapi_install_hooks: null pointer"),
    ("raw_crooked", "_PyRawMutex_LockSlow: misaligned pointer"),
    ("recursive_crooked", "_PyRecursiveMutex_Lock: misaligned pointer"),
    ("rw_crooked", "_PyRWMutex_Lock: misaligned pointer"),
    ("seq_crooked", "_PySeqLock_LockWrite: misaligned pointer"),
    ("semaphore_crooked", "_PySemaphore_Init: misaligned pointer"),
    ("told", "PyMutex_Unlock: unlocking mutex that is not locked"),
];

#[cfg(not(feature = "embed"))]
const DEATHS_OF_EMBED: &[(&str, &str)] = &[];
#[cfg(feature = "embed")]
const DEATHS_OF_EMBED: &[(&str, &str)] = &[
    ("section_null", "PyCriticalSection_BeginMutex: null pointer"),
    ("detach_detached", "pycapi_thread_detach: the thread is not attached"),
    ("in_runtime", "PyMutex_Unlock: unlocking mutex that is not locked"),
    ("section_end_null", "PyCriticalSection_End: null pointer"),
    ("call_null", "Py_AddPendingCall: null function"),
    ("thread_null", "pycapi_thread_poll: null pointer"),
    ("poll_detached", "pycapi_thread_poll: the thread is not attached"),
    ("detach_theirs", "pycapi_thread_detach: another thread has attached this state"),
    ("detach_in_call", "pycapi_thread_detach: the thread is in a call that it polled for"),
    ("free_in_call", "pycapi_thread_free: the thread is in a call that it polled for"),
];

#[test]
fn misuse_dies_of_cpythons_message() {
    let Some(program) = program("misuse", Language::C, Link::Static) else { return };
    let deaths = || DEATHS.iter().chain(DEATHS_OF_EMBED);
    let known: Vec<&str> = deaths().map(|(scenario, _)| *scenario).collect();
    assert_eq!(scenarios(&program), known, "each scenario has its message");
    for (scenario, message) in deaths() {
        let output = run(&program, scenario);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(SIGABRT), "{scenario}: {told}");
        assert!(told.contains(&format!("Fatal Python error: {message}\n")), "{scenario}: {told}");
        if *scenario == "told" {
            assert!(told.starts_with("told: PyMutex_Unlock, unlocking mutex"), "{told}");
        }
    }
}

#[test]
fn compilers_accept_the_header() {
    let text = "#include \"pycapi.h\"\n#include \"pycapi.h\"\nint main(void) { return 0; }\n";
    for version in ["3.13", "3.14", "3.15"] {
        for standard in ["c11", "c17"] {
            expect_accepted(Language::C, standard, version, text);
        }
        for standard in ["c++11", "c++17", "c++20"] {
            expect_accepted(Language::Cpp, standard, version, text);
        }
    }
}

/// The names of `abi/symbols.txt` that this build has.
fn listed() -> BTreeSet<&'static str> {
    let rows = include_str!("../abi/symbols.txt").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut columns = row.split_whitespace();
        let (name, since, part) = (columns.next()?, columns.next()?, columns.next()?);
        let here = since <= VERSION;
        (here && (part != "embed" || cfg!(feature = "embed"))).then_some(name)
    })
    .collect()
}

#[test]
fn the_library_exports_what_is_listed() {
    let library = libraries().join("libpycapi.so");
    let Ok(output) = Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output()
    else {
        return skip("no nm");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let exported: BTreeSet<&str> =
        names.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(exported, listed());
}
