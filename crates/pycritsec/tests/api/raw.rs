//! Begin and End by hand.

use pycritsec::{PairSection, Section, is_held};
use pysync::Mutex;

#[test]
fn sizes_are_those_of_c() {
    assert_eq!(size_of::<Section>(), 2 * size_of::<usize>());
    assert_eq!(size_of::<PairSection>(), 3 * size_of::<usize>());
}

#[test]
fn a_section_can_be_begun_again_after_its_end() {
    let [a, b] = [Mutex::new(), Mutex::new()];
    let (one, two) = (Section::default(), PairSection::default());
    for _ in 0..3 {
        // SAFETY: begun and ended in order, here, with mutexes that live on.
        unsafe {
            one.begin(&a);
            two.begin(&b, &a);
            assert_eq!((a.bits(), b.bits()), (1, 1));
            two.end();
            one.end();
            two.begin(&a, &a);
            one.begin(&a);
            assert!(is_held(&a));
            one.end();
            assert!(is_held(&a));
            two.end();
        }
        assert_eq!((a.bits(), b.bits()), (0, 0));
    }
}

/// The frame of a section may be any memory that stays: here a heap of them, ended in reverse.
#[test]
fn many_sections_nest() {
    let mutexes: Vec<_> = (0..100).map(|_| Mutex::new()).collect();
    let sections: Vec<_> = mutexes.iter().map(|_| Section::new()).collect();
    // SAFETY: the vector keeps its elements in place, and they end in reverse on this thread.
    mutexes.iter().zip(&sections).for_each(|(mutex, section)| unsafe { section.begin(mutex) });
    assert!(mutexes.iter().all(Mutex::is_locked));
    for (mutex, section) in mutexes.iter().zip(&sections).rev() {
        assert!(is_held(mutex));
        // SAFETY: as above.
        unsafe { section.end() };
        assert!(!mutex.is_locked());
    }
}

#[test]
fn debug_shows_the_mutexes() {
    let (a, section) = (Mutex::new(), Section::new());
    assert!(format!("{section:?} {:?}", PairSection::new()).contains("0x0"));
    // SAFETY: ended at once.
    unsafe { section.begin(&a) };
    assert!(format!("{section:?}").contains(&format!("{:p}", &raw const a)));
    // SAFETY: begun above.
    unsafe { section.end() };
}
