//! The process's stack size, which is why this file has one test: its real effect on the next thread.

use pythread::{MAX_STACK_SIZE, min_stack_size, set_stack_size, stack_size, start};
use std::sync::mpsc;

/// The size of the calling thread's stack, as its C library knows it.
#[cfg(target_os = "linux")]
fn stack_here() -> usize {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut place, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the calling thread, places of this frame, and attributes that the first call fills in.
    unsafe {
        assert_eq!(libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()), 0);
        assert_eq!(libc::pthread_attr_getstack(attributes.as_ptr(), &mut place, &mut size), 0);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    size
}

/// The stack of a thread that is started now.
#[cfg(target_os = "linux")]
fn stack_of_next() -> usize {
    let (tell, told) = mpsc::channel();
    let thread = start(move || tell.send(stack_here()).unwrap()).unwrap();
    assert!(thread.join().unwrap().is_returned());
    told.recv().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn stack_of_next() -> usize {
    let (tell, told) = mpsc::channel();
    let thread = start(move || tell.send(stack_size()).unwrap()).unwrap();
    assert!(thread.join().unwrap().is_returned());
    told.recv().unwrap()
}

/// CPython's own sizes, and what lies at the bounds.
#[test]
fn test_nt_and_posix_stack_size() {
    assert_eq!(stack_size(), 0);
    let default = stack_of_next();
    if cfg!(target_os = "linux") {
        assert!(default >= 2 << 20, "{default}");
    }
    for size in [1, 4096, min_stack_size() - 1, MAX_STACK_SIZE + 1] {
        let error = set_stack_size(size).unwrap_err();
        assert_eq!((error.size, error.min, error.max), (size, min_stack_size(), MAX_STACK_SIZE));
        assert_eq!(stack_size(), 0, "nothing has changed");
    }
    let mut former = 0;
    for size in [262_144, 0x10_0000, 0x1234_5000] {
        assert_eq!(set_stack_size(size), Ok(former));
        assert_eq!(stack_size(), size);
        let real = stack_of_next();
        // What the system rounds, and what it adds for its own data.
        assert!((size..size + 256 * 1024).contains(&real), "{size} became {real}");
        former = size;
    }
    assert_eq!(set_stack_size(0), Ok(former));
    assert_eq!(stack_of_next(), default);
}
