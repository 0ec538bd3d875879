//! Misuse ends the process with a message that says what was wrong, where, and what was expected.
//!
//! Each case runs in a child: this test binary again, told by the environment to commit it.
#![cfg(not(miri))]

use pyref::raw::Header;
use pyref::{Member, Ref};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use trial::child::dies;

/// # Safety
///
/// None: it does nothing.
unsafe fn never(_: NonNull<Header>) {}

/// Prints the place of a header, to be compared with the message.
fn place(header: &Header) -> NonNull<Header> {
    eprintln!("the place is {:#x}", core::ptr::from_ref(header).addr());
    NonNull::from(header)
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "release builds leak the object instead")]
fn a_count_below_zero() {
    let report = dies("a_count_below_zero", || {
        let header = Header::new();
        // SAFETY: not what the contract asks for; nothing is freed.
        unsafe {
            Header::decref(place(&header), never);
            Header::decref(NonNull::from(&header), never);
        }
    });
    report.names_the_place();
    report.says("reference count at 0x");
    report.says("decremented below zero; expected a reference that the caller has");
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "release builds leak the object instead")]
fn an_owners_count_below_zero() {
    let report = dies("an_owners_count_below_zero", || {
        let mut member = Member::new();
        let _online = member.online();
        let header = Header::new();
        // SAFETY: as above.
        unsafe {
            Header::decref(place(&header), never);
            Header::decref(NonNull::from(&header), never);
        }
    });
    report.names_the_place();
    report.says("decremented below zero");
}

#[test]
fn a_member_dropped_while_online() {
    let report = dies("a_member_dropped_while_online", || {
        let mut member = ManuallyDrop::new(Member::new());
        std::mem::forget(member.online());
        // SAFETY: once.
        unsafe { ManuallyDrop::drop(&mut member) };
    });
    report.says("Member at 0x");
    report.says("dropped while online; expected its thread to go offline first");
}

#[test]
fn a_thread_that_ends_without_going_offline() {
    let report = dies("a_thread_that_ends_without_going_offline", || {
        let mut member = Member::new();
        let mut member = std::thread::spawn(move || {
            std::mem::forget(member.online());
            member
        })
        .join()
        .unwrap();
        let again =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(member.online())));
        assert!(again.is_err(), "it is online on the other thread still");
        drop(member);
    });
    report.says("the member is online already");
    report.says("dropped while online");
}

// Here, because a thread that prints a panic is online for long, and others would wait for it.
#[test]
#[should_panic(expected = "the calling thread is online already")]
fn a_thread_is_online_as_one_member() {
    let [mut one, mut two] = [(); 2].map(|()| Member::new());
    let _online = one.online();
    let _again = two.online();
}

#[test]
fn references_that_outlive_everything() {
    let kept = std::thread::spawn(|| {
        let mut member = Member::new();
        let _online = member.online();
        Ref::new(String::from("kept"))
    })
    .join()
    .unwrap();
    assert_eq!((kept.as_str(), Ref::count(&kept.clone())), ("kept", 2));
}
