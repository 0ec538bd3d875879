//! The arena and the global allocator: every block is freed once, with its own layout, and a failure changes nothing.
//!
//! One test in a process of its own: the allocator counts what everybody asks for.

use pyarena::{AllocError, Arena};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Remembers what is held while it watches, and refuses large layouts when told.
struct Watching;

#[derive(Default)]
struct Watch {
    held: HashMap<usize, Layout>,
    wrong: Vec<String>,
}

thread_local! {
    static ON: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    static REFUSES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

static WATCH: Mutex<Option<Watch>> = Mutex::new(None);

/// Runs `look` with the books, which allocate unwatched.
fn watch(look: impl FnOnce(&mut Watch)) {
    if ON.replace(false) {
        look(WATCH.lock().unwrap().get_or_insert_default());
        ON.set(true);
    }
}

// SAFETY: everything is the system allocator's; a null pointer is a legal answer.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if REFUSES.get() && layout.size() >= 8 * 1024 {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's contract.
        let memory = unsafe { System.alloc(layout) };
        watch(|watch| {
            watch.held.insert(memory.addr(), layout);
        });
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        watch(|watch| {
            let held = watch.held.remove(&memory.addr());
            if held != Some(layout) {
                watch.wrong.push(format!("freed {layout:?}, held {held:?}"));
            }
        });
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static WATCHING: Watching = Watching;

/// Runs `body`; whatever it asks for must be given back by then.
fn balanced(name: &str, body: impl FnOnce()) {
    ON.set(true);
    body();
    ON.set(false);
    let watch = WATCH.lock().unwrap().take().unwrap_or_default();
    assert!(watch.wrong.is_empty(), "{name}: {:?}", watch.wrong);
    assert!(watch.held.is_empty(), "{name} leaks {:?}", watch.held);
}

struct Angry(Box<u32>);

impl Drop for Angry {
    fn drop(&mut self) {
        if *self.0 % 3 == 0 {
            std::panic::resume_unwind(Box::new(vec![*self.0]));
        }
    }
}

fn fill(arena: &Arena) {
    for n in 0..2000_u32 {
        arena.own(Box::new(n));
        arena.alloc([n; 5]);
        if n % 50 == 0 {
            arena.alloc_uninit_slice::<u8>(64 * n as usize);
        }
    }
}

#[test]
fn what_is_asked_for_is_given_back_once() {
    assert_eq!(*black_box(Box::new(1)), 1, "the allocator is warm");
    balanced("an arena that nobody used", || drop(Arena::new()));
    balanced("an arena", || fill(&Arena::new()));
    balanced("resets", || {
        let mut arena = Arena::new();
        for _ in 0..3 {
            fill(&arena);
            arena.reset();
        }
    });
    balanced("shrinking", || {
        let mut arena = Arena::new();
        fill(&arena);
        arena.reset();
        arena.alloc(1);
        arena.shrink_to_fit();
        fill(&arena);
    });
    balanced("panics at the end", || {
        let arena = Arena::new();
        fill(&arena);
        (0..30).for_each(|n| _ = arena.own(Angry(Box::new(n))));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(arena))).is_err());
    });
    balanced("panics in a reset", || {
        let mut arena = Arena::new();
        (0..30).for_each(|n| _ = arena.own(Angry(Box::new(n))));
        assert!(catch_unwind(AssertUnwindSafe(|| arena.reset())).is_err());
        fill(&arena);
    });
    balanced("slices that were never finished", || {
        let arena = Arena::new();
        let make =
            |n: usize| if n == 40 { std::panic::resume_unwind(Box::new(())) } else { Box::new(n) };
        assert!(
            catch_unwind(AssertUnwindSafe(|| arena.alloc_slice_fill_with(50, make).len())).is_err()
        );
    });
    balanced("requests that fail", refused);
}

fn refused() {
    let arena = Arena::new();
    let before = arena.stats();
    REFUSES.set(true);
    let small = arena.try_alloc(1).map(|_| ());
    let large = arena.try_alloc_layout(Layout::new::<[u8; 100_000]>()).map(|_| ());
    let owned = arena.try_own_with(|| -> Box<u8> { unreachable!("not made") }).map(|_| ());
    let boxed = arena.try_alloc(Box::new(1)).map(|_| ());
    REFUSES.set(false);
    for refused in [small, large, owned, boxed] {
        assert!(matches!(refused, Err(AllocError::OutOfMemory(_))), "{refused:?}");
    }
    assert_eq!(arena.stats(), before);

    // The same with a block that is nearly full.
    (0..1020).for_each(|n| _ = arena.alloc(n as u64));
    let before = arena.stats();
    REFUSES.set(true);
    assert!(arena.try_alloc([0_u64; 100]).is_err());
    REFUSES.set(false);
    assert_eq!(arena.stats(), before);
    assert_eq!(*arena.alloc(7), 7);
}
