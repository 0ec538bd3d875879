//! Random programs against a model: nothing overlaps, nothing changes, everything is aligned, objects are dropped once
//! and in order.
//!
//! A failure names its seed; `PYARENA_SEED` runs that one alone.

use pyarena::Arena;
use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// Small ones mostly, and some around the sizes where something changes.
    fn size(&mut self) -> usize {
        match self.below(10) {
            0 => self.below(40_000),
            1 => [2040, 2048, 2049, 8184, 8192, 8193][self.below(6)],
            2 | 3 => self.below(3_000),
            _ => self.below(100),
        }
    }
}

struct Dropped(u64, Arc<Mutex<Vec<u64>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// What the arena should hold.
#[derive(Default)]
struct Model {
    /// Ranges by their first address: the last address and the byte in them.
    lent: BTreeMap<usize, (usize, u8, NonNull<u8>)>,
    objects: Vec<u64>,
    released: Arc<Mutex<Vec<u64>>>,
}

impl Model {
    fn lend(&mut self, bytes: NonNull<u8>, size: usize, pattern: u8) {
        if size == 0 {
            return;
        }
        let (first, last) = (bytes.addr().get(), bytes.addr().get() + size - 1);
        let before = self.lent.range(..=last).next_back();
        assert!(before.is_none_or(|(_, (end, ..))| *end < first), "lent twice");
        // SAFETY: lent by the arena, with this size.
        unsafe { bytes.write_bytes(pattern, size) };
        self.lent.insert(first, (last, pattern, bytes));
    }

    fn check(&self) {
        for (first, (last, pattern, bytes)) in &self.lent {
            // SAFETY: still lent, and written by `lend`.
            let seen = unsafe { std::slice::from_raw_parts(bytes.as_ptr(), last - first + 1) };
            assert!(seen.iter().all(|byte| byte == pattern), "lent bytes have changed");
        }
    }

    /// Everything was taken back.
    fn forget(&mut self) {
        self.lent.clear();
        assert_eq!(*self.released.lock().unwrap(), self.objects, "released in order, each once");
        self.released.lock().unwrap().clear();
        self.objects.clear();
    }
}

fn request(arena: &Arena, model: &mut Model, random: &mut Random) {
    let pattern = random.bits() as u8;
    match random.below(8) {
        0 => {
            let text: String = (0..random.below(60)).map(|_| 'x').collect();
            let copy = arena.alloc_str(&text);
            assert_eq!(*copy, *text);
            model.lend(NonNull::from(&mut *copy).cast(), copy.len(), pattern);
        }
        1 => {
            let slice = arena.alloc_slice_fill_with(random.size() / 4, |n| n as u32);
            assert!(slice.iter().zip(0..).all(|(seen, n)| *seen == n));
            let size = size_of_val(slice);
            model.lend(NonNull::from(slice).cast(), size, pattern);
        }
        2 => {
            let number = random.bits();
            model.objects.push(number);
            let object = arena.own(Dropped(number, Arc::clone(&model.released)));
            assert_eq!(object.0, number);
        }
        3 => {
            let node = arena.alloc([random.bits(); 3]);
            model.lend(NonNull::from(node).cast(), 24, pattern);
        }
        _ => {
            let powers = if random.below(8) == 0 { 14 } else { 6 };
            let align = 1 << random.below(powers);
            let layout = Layout::from_size_align(random.size(), align).unwrap();
            let bytes = arena.try_alloc_layout(layout).unwrap();
            assert_eq!(bytes.addr().get() % align, 0, "{layout:?}");
            model.lend(bytes, layout.size(), pattern);
        }
    }
}

fn check_books(arena: &Arena, model: &Model) {
    let stats = arena.stats();
    let lent: usize = model.lent.iter().map(|(first, (last, ..))| last - first + 1).sum();
    assert!(
        stats.used >= lent && stats.reserved >= stats.used + stats.lost,
        "{stats:?}, lent {lent}"
    );
    assert_eq!(stats.objects, model.objects.len());
    assert!(stats.lost <= stats.blocks * 2048, "{stats:?}");
}

fn program(seed: u64) {
    let mut random = Random(seed);
    let (mut arena, mut model) = (Arena::new(), Model::default());
    for _ in 0..random.below(400) {
        match random.below(60) {
            0 => {
                model.check();
                arena.reset();
                model.forget();
                assert_eq!(arena.stats().used, 0);
            }
            1 => arena.shrink_to_fit(),
            _ => request(&arena, &mut model, &mut random),
        }
        check_books(&arena, &model);
    }
    model.check();
    drop(arena);
    model.forget();
}

#[test]
fn random_programs_keep_to_the_model() {
    let asked = std::env::var("PYARENA_SEED").ok().and_then(|text| text.parse().ok());
    let many = if cfg!(debug_assertions) { 100 } else { 2_000 };
    let seeds = asked.map_or(0..many, |seed| seed..seed + 1);
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| program(seed));
        assert!(outcome.is_ok(), "seed {seed}: run it alone with PYARENA_SEED={seed}");
    }
}
