//! Stack sizes. The process's setting is in a test of its own process, `tests/stack_size.rs`.

use pythread::{Builder, MAX_STACK_SIZE, min_stack_size};

/// Needs about `depth` KiB of stack.
#[inline(never)]
fn dig(depth: u32) -> u64 {
    let mut ballast = [depth; 256];
    std::hint::black_box(&mut ballast);
    let below = if depth == 0 { 0 } else { dig(depth - 1) };
    below + u64::from(ballast[17] != depth)
}

#[test]
fn a_large_stack_is_deep() {
    let body = || assert_eq!(dig(24 * 1024), 0);
    let thread = Builder::new().stack_size(64 << 20).start(body).unwrap();
    assert!(thread.join().unwrap().is_returned());
}

#[test]
fn the_smallest_stack_runs() {
    let thread = Builder::new().stack_size(min_stack_size()).start(|| {}).unwrap();
    assert!(thread.join().unwrap().is_returned());
}

#[test]
fn bounds_are_told() {
    for size in [1, min_stack_size() - 1, MAX_STACK_SIZE + 1, usize::MAX] {
        let error = Builder::new().stack_size(size).start(|| {}).unwrap_err();
        assert!(error.to_string().contains(&format!("size not valid: {size} bytes")), "{error}");
    }
}
