//! The arena as a user sees it. Small enough for Miri, which runs this file.

use pyarena::{AllocError, Arena};
use std::alloc::Layout;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

const BLOCK: usize = 8 * 1024;

#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
struct Line(u8);

#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(16384))]
struct Wide(u8);

/// Writes its number into a shared list when it is dropped; panics then if its number is in `angry`.
struct Mourned {
    number: u32,
    angry: &'static [u32],
    list: Arc<Mutex<Vec<u32>>>,
}

impl Drop for Mourned {
    fn drop(&mut self) {
        self.list.lock().unwrap().push(self.number);
        if self.angry.contains(&self.number) {
            panic!("object {} is angry", self.number);
        }
    }
}

/// An arena with objects 0 to 4, and the list of those released.
fn mourned(angry: &'static [u32]) -> (Arena, Arc<Mutex<Vec<u32>>>) {
    let (arena, list) = (Arena::new(), Arc::default());
    for number in 0..5 {
        arena.alloc(number);
        arena.own(Mourned { number, angry, list: Arc::clone(&list) });
    }
    (arena, list)
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    panic.downcast_ref::<String>().cloned().expect("a formatted panic")
}

#[test]
fn values_keep_what_was_put_in() {
    let arena = Arena::new();
    let numbers: Vec<&mut u64> = (0..3000).map(|n| arena.alloc(n)).collect();
    let texts: Vec<&mut str> = (0..300).map(|n| arena.alloc_str(&n.to_string())).collect();
    assert!(numbers.iter().zip(0..).all(|(seen, n)| **seen == n));
    assert!(texts.iter().zip(0..).all(|(seen, n)| **seen == *n.to_string()));
    assert!(arena.stats().blocks >= 3);
}

#[test]
fn alignment_is_kept_beyond_that_of_a_block() {
    let arena = Arena::new();
    for n in 0..40 {
        let byte = arena.alloc(n);
        let (wide, line, quad) =
            (arena.alloc(Wide(n)), arena.alloc(Line(n)), arena.alloc(u128::from(n)));
        assert_eq!((&raw const *line).addr() % 64, 0);
        assert_eq!((&raw const *wide).addr() % 16384, 0);
        assert_eq!((&raw const *quad).addr() % align_of::<u128>(), 0);
        assert_eq!((*byte, *line, *wide, *quad), (n, Line(n), Wide(n), u128::from(n)));
    }
}

#[test]
fn every_layout_is_served() {
    let arena = Arena::new();
    for power in 0..14 {
        for size in [0, 1, 3, 8, 100, 2000, 2049, BLOCK - 8, BLOCK, BLOCK + 1, 50_000] {
            let layout = Layout::from_size_align(size, 1 << power).unwrap();
            let bytes = arena.try_alloc_layout(layout).unwrap();
            assert_eq!(bytes.addr().get() % layout.align(), 0, "{layout:?}");
            // SAFETY: lent by the arena, with this size.
            unsafe { bytes.write_bytes(0xa5, size) };
        }
    }
}

#[test]
fn zero_sized_values_take_no_memory() {
    let arena = Arena::new();
    let (one, two) = (arena.alloc(()), arena.alloc([0_u64; 0]));
    assert_eq!((*one, two.len()), ((), 0));
    assert_eq!(arena.alloc_str(""), "");
    assert!(arena.alloc_slice_copy::<u128>(&[]).is_empty());
    assert_eq!(arena.alloc_uninit_slice::<()>(usize::MAX).len(), usize::MAX);
    assert_eq!(arena.alloc_slice_fill_with(3, |_| ()), [(); 3]);
    assert_eq!(arena.stats().reserved, 0);
}

#[test]
fn a_request_of_a_whole_block_and_one_more() {
    let arena = Arena::new();
    arena.alloc(0_u8);
    arena.alloc_slice_fill_with(BLOCK, |_| 1_u8);
    arena.alloc_slice_fill_with(BLOCK + 1, |_| 2_u8);
    let stats = arena.stats();
    assert_eq!((stats.blocks, stats.large_blocks, stats.lost), (1, 2, 0));
    assert_eq!(stats.used, 8 + BLOCK + BLOCK + 1);
    arena.alloc(0_u8);
    assert_eq!(arena.stats().blocks, 1, "large requests leave the current block current");
}

#[test]
fn a_filled_block_loses_at_most_a_quarter() {
    let arena = Arena::new();
    for _ in 0..64 {
        arena.alloc_slice_fill_with(1500, |_| 0_u8);
    }
    let stats = arena.stats();
    assert!(stats.lost <= (stats.blocks - 1) * BLOCK / 4, "{stats:?}");
    assert_eq!(stats.used, 64 * 1504);
}

#[test]
fn slices_of_every_kind() {
    let arena = Arena::new();
    let words: Vec<String> = ["spam", "eggs"].map(String::from).to_vec();
    // Cloned strings in a slice are never dropped; under a leak check they are made by hand.
    let cloned = arena.alloc_slice_clone(&["spam", "eggs"]);
    assert_eq!(cloned, words);
    assert_eq!(arena.alloc_slice_fill_with(4, |n| n * n), [0, 1, 4, 9]);
    assert_eq!(arena.alloc_slice_from_iter([1, 2, 3]), [1, 2, 3]);
    let odd = arena.alloc_slice_from_iter((0..10).filter(|n| n % 2 == 1));
    assert_eq!(odd, [1, 3, 5, 7, 9]);
    let nested = arena.alloc_slice_fill_with(3, |n| &*arena.alloc_slice_fill_with(n, |m| m));
    assert_eq!(nested, [&[][..], &[0], &[0, 1]]);
    let uninit = arena.alloc_uninit_slice::<u16>(2);
    assert_eq!(uninit.iter_mut().map(|slot| *slot.write(7)).sum::<u16>(), 14);
}

/// Says that it has `says` items and has `has`.
struct Liar {
    says: usize,
    has: usize,
}

impl Iterator for Liar {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.has = self.has.checked_sub(1)?;
        Some(self.has)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.says, Some(self.says))
    }
}

#[test]
fn iterators_that_lie_are_taken_at_their_word() {
    let arena = Arena::new();
    assert_eq!(arena.alloc_slice_from_iter(Liar { says: 4, has: 2 }), [1, 0]);
    assert_eq!(arena.alloc_slice_from_iter(Liar { says: 1, has: 3 }), [2]);
    assert_eq!(arena.alloc_slice_from_iter(Liar { says: 0, has: 3 }), []);
}

#[test]
fn a_closure_may_use_the_arena() {
    let arena = Arena::new();
    let outer = arena.alloc_with(|| {
        arena.alloc_slice_fill_with(3 * BLOCK, |_| 0_u8);
        let inner = arena.alloc(1);
        (0..2000).for_each(|n| _ = arena.alloc(n));
        (2, inner)
    });
    assert_eq!(*outer, (2, &mut 1));
}

#[test]
fn nodes_may_point_in_circles() {
    struct Node<'a>(u32, Cell<Option<&'a Node<'a>>>);
    let arena = Arena::new();
    let first: &Node<'_> = arena.alloc(Node(1, Cell::new(None)));
    let second: &Node<'_> = arena.alloc(Node(2, Cell::new(Some(first))));
    first.1.set(Some(second));
    assert_eq!(second.1.get().and_then(|node| node.1.get()).map(|node| node.0), Some(2));
}

#[test]
fn sizes_that_overflow_are_errors() {
    let arena = Arena::new();
    arena.alloc(1);
    let before = arena.stats();
    let largest = isize::MAX as usize;
    for len in [usize::MAX, usize::MAX / 8, largest / 8 + 1] {
        let refused = arena.try_alloc_uninit_slice::<u64>(len).map(|_| ());
        assert_eq!(refused, Err(AllocError::TooLarge), "{len}");
        let never = |_| -> u64 { unreachable!("nothing is made for a request that fails") };
        assert_eq!(arena.try_alloc_slice_fill_with(len, never), Err(AllocError::TooLarge));
    }
    // A layout that is legal, but not with the block's own needs added.
    let layout = Layout::from_size_align(largest, 1).unwrap();
    assert_eq!(arena.try_alloc_layout(layout), Err(AllocError::TooLarge));
    assert_eq!(arena.stats(), before);
    let panic =
        catch_unwind(AssertUnwindSafe(|| arena.alloc_uninit_slice::<u64>(usize::MAX).len()));
    assert!(said(&*panic.unwrap_err()).contains("larger than any object"));
    assert_eq!(*arena.alloc(3), 3);
}

#[test]
fn objects_are_released_in_order_at_the_end() {
    let (arena, list) = mourned(&[]);
    assert_eq!(arena.stats().objects, 5);
    assert!(list.lock().unwrap().is_empty());
    drop(arena);
    assert_eq!(*list.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn objects_are_released_in_order_by_a_reset() {
    let (mut arena, list) = mourned(&[]);
    arena.reset();
    assert_eq!((arena.stats().objects, list.lock().unwrap().len()), (0, 5));
    arena.own(Mourned { number: 9, angry: &[], list: Arc::clone(&list) });
    drop(arena);
    assert_eq!(*list.lock().unwrap(), [0, 1, 2, 3, 4, 9]);
}

#[test]
fn a_panic_keeps_nobody_back_at_the_end() {
    let (arena, list) = mourned(&[1, 3, 4]);
    let panic = catch_unwind(AssertUnwindSafe(|| drop(arena))).unwrap_err();
    assert_eq!(said(&*panic), "object 1 is angry");
    assert_eq!(*list.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_panic_leaves_an_empty_arena_after_a_reset() {
    let (mut arena, list) = mourned(&[0]);
    let panic = catch_unwind(AssertUnwindSafe(|| arena.reset())).unwrap_err();
    assert_eq!(said(&*panic), "object 0 is angry");
    assert_eq!((arena.stats().objects, arena.stats().used), (0, 0));
    assert_eq!(*arena.alloc_str("again"), *"again");
    drop(arena);
    assert_eq!(*list.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_payload_that_panics_when_dropped_keeps_nobody_back() {
    /// What a panic carries; panics once more when it is thrown away.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(()));
        }
    }
    struct Object(bool, Arc<Mutex<Vec<u32>>>);
    impl Drop for Object {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(0);
            if self.0 {
                std::panic::resume_unwind(Box::new(Bomb));
            }
        }
    }
    let list: Arc<Mutex<Vec<u32>>> = Arc::default();
    let arena = Arena::new();
    for is_angry in [true, true, false, true, false] {
        arena.own(Object(is_angry, Arc::clone(&list)));
    }
    let first = catch_unwind(AssertUnwindSafe(|| drop(arena))).unwrap_err();
    assert_eq!(list.lock().unwrap().len(), 5);
    let bomb = first.downcast::<Bomb>().expect("the first panic goes on");
    std::mem::forget(bomb);
}

#[test]
fn an_end_while_unwinding_does_not_abort() {
    let (arena, list) = mourned(&[2]);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _arena = arena;
        panic!("{}", "first");
    }));
    assert_eq!(said(&*panic.unwrap_err()), "first");
    assert_eq!(*list.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn owned_objects_of_every_shape() {
    let arena = Arena::new();
    let big = arena.own([7_u8; 10_000]);
    let wide = arena.own(Wide(1));
    let nothing = arena.own(());
    let text = arena.try_own_with(|| String::from("spam")).unwrap();
    text.push('!');
    assert_eq!((big[9_999], wide.0, &mut *nothing, text.as_str()), (7, 1, &mut (), "spam!"));
    assert_eq!((&raw const *wide).addr() % 16384, 0);
}

#[test]
fn an_object_dropped_elsewhere() {
    let (arena, list) = mourned(&[]);
    std::thread::spawn(move || drop(arena)).join().unwrap();
    assert_eq!(list.lock().unwrap().len(), 5);
}

#[test]
fn a_panic_while_a_slice_is_made_drops_what_was_made() {
    let arena = Arena::new();
    let list: Arc<Mutex<Vec<u32>>> = Arc::default();
    let make = |n: usize| {
        assert!(n < 3, "enough");
        Mourned { number: n as u32, angry: &[], list: Arc::clone(&list) }
    };
    assert!(catch_unwind(AssertUnwindSafe(|| arena.alloc_slice_fill_with(9, make).len())).is_err());
    assert_eq!(*list.lock().unwrap(), [0, 1, 2]);
    assert_eq!(*arena.alloc(5), 5);
}

#[test]
fn a_reset_keeps_the_blocks_and_shrinking_frees_them() {
    let mut arena = Arena::new();
    let fill = |arena: &Arena| (0..3000_u64).for_each(|n| assert_eq!(*arena.alloc(n), n));
    fill(&arena);
    arena.alloc_slice_fill_with(20_000, |_| 0_u8);
    let full = arena.stats();
    arena.reset();
    let kept = arena.stats();
    assert_eq!((kept.blocks, kept.spare_blocks), (full.blocks, full.blocks - 1));
    assert_eq!((kept.used, kept.large_blocks, kept.lost), (0, 0, 0));
    fill(&arena);
    assert_eq!(arena.stats().blocks, full.blocks);
    arena.shrink_to_fit();
    assert_eq!(arena.stats().blocks, full.blocks, "all of them are in use");
    arena.reset();
    arena.alloc(1);
    arena.shrink_to_fit();
    assert_eq!((arena.stats().blocks, arena.stats().spare_blocks), (1, 0));
    fill(&arena);
    arena.reset();
    arena.shrink_to_fit();
    assert_eq!(arena.stats(), Arena::new().stats());
    fill(&arena);
}

#[test]
fn an_arena_says_what_it_holds() {
    let arena = Arena::default();
    arena.alloc(1_u64);
    let text = format!("{arena:?}");
    assert!(text.contains("blocks: 1") && text.contains("used: 8"), "{text}");
    let refused = arena.try_alloc_uninit_slice::<u64>(usize::MAX).unwrap_err();
    let error: &dyn std::error::Error = &refused;
    assert!(error.to_string().contains("larger"));
}
