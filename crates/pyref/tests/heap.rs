//! A store asks for no memory.
//!
//! The allocator counts what each thread asks for: the test harness has threads of its own.

use pyparking::primitive::Cell;
use pyref::{Member, Ref, Slot};
use std::alloc::{GlobalAlloc, Layout, System};

struct Counting;

pyparking::thread_slot! {
    static ASKED: Cell<u64> = Cell::new(0)
}

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.with(|asked| asked.set(asked.get() + 1));
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often the calling thread asks for memory during `work`.
fn asked(work: impl FnOnce()) -> u64 {
    let before = ASKED.with(Cell::get);
    work();
    ASKED.with(Cell::get) - before
}

#[test]
fn stores_and_loads_ask_for_no_memory() {
    const ROUNDS: usize = 10_000;
    let slot = Slot::empty();
    let mut member = Member::new();
    let online = member.online();
    let values = [1, 2, 3].map(Ref::new);
    let exchange = || {
        for round in 0..ROUNDS {
            slot.store(Some(values[round % 3].clone()));
            assert_eq!(*slot.load().unwrap(), round % 3 + 1);
            online.quiescent();
        }
    };
    assert_eq!(asked(exchange), 0);
    // Values that go: their own memory, and nothing for each once the lists have grown.
    let replace = || {
        for round in 0..ROUNDS {
            slot.store(Some(Ref::new(round)));
            online.quiescent();
        }
    };
    replace();
    assert_eq!(asked(replace), ROUNDS as u64);
}
