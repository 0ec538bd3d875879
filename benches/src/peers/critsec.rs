//! Critical sections: the trait of their row, ours, and the path that CPython's headers inline.
//!
//! CPython's own functions need a thread state, and so an interpreter. But nobody waits in this row, and without a
//! wait everything that a section does in CPython stands in its headers: two compare-exchanges, a thread-local, and a
//! list of two words each. Those steps are repeated here; that is the peer.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

/// Critical sections of some kind.
pub trait Sections: 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// What a section locks.
    type Mutex: 'static;

    /// A free one.
    fn fresh() -> Self::Mutex;

    /// Runs `inside` in a section of one.
    fn one(mutex: &Self::Mutex, inside: impl FnOnce());

    /// Runs `inside` in a section of two.
    fn two(a: &Self::Mutex, b: &Self::Mutex, inside: impl FnOnce());
}

/// This workspace's.
pub struct Ours;

impl Sections for Ours {
    const NAME: &'static str = "pycritsec";

    type Mutex = pysync::Mutex;

    fn fresh() -> Self::Mutex {
        pysync::Mutex::new()
    }

    #[inline]
    fn one(mutex: &Self::Mutex, inside: impl FnOnce()) {
        pycritsec::with_critical_section(mutex, inside);
    }

    #[inline]
    fn two(a: &Self::Mutex, b: &Self::Mutex, inside: impl FnOnce()) {
        pycritsec::with_critical_section2(a, b, inside);
    }
}

thread_local! {
    /// `tstate->critical_section`
    static TOP: Cell<*const Node> = const { Cell::new(ptr::null()) };
}

/// `PyCriticalSection2`, whose first two words are a `PyCriticalSection`.
struct Node {
    prev: Cell<*const Node>,
    mutex: Cell<*const AtomicU8>,
    second: Cell<*const AtomicU8>,
}

/// The steps that CPython inlines, as long as nobody waits.
pub struct Inlined;

/// `PyMutex_LockFast`, or `PyMutex_Unlock` before its slow path.
#[inline]
fn exchange(mutex: &AtomicU8, from: u8, to: u8) {
    // ORD: SeqCst, as CPython's `_Py_atomic_compare_exchange_uint8` is.
    let done = mutex.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
    assert!(done.is_ok(), "somebody else is in this row");
}

impl Node {
    #[inline]
    fn push(&self) {
        TOP.with(|top| self.prev.set(top.replace(self)));
    }

    #[inline]
    fn pop(&self) {
        TOP.with(|top| top.set(self.prev.get()));
        assert!(self.prev.get().addr() & 1 == 0, "nothing is suspended in this row");
    }
}

impl Sections for Inlined {
    const NAME: &'static str = "CPython's inline path";

    type Mutex = AtomicU8;

    fn fresh() -> Self::Mutex {
        AtomicU8::new(0)
    }

    #[inline]
    fn one(mutex: &Self::Mutex, inside: impl FnOnce()) {
        exchange(mutex, 0, 1);
        let node = Node {
            prev: Cell::new(ptr::null()),
            mutex: Cell::new(mutex),
            second: Cell::new(ptr::null()),
        };
        node.push();
        inside();
        // SAFETY: borrowed for the call.
        exchange(unsafe { &*node.mutex.get() }, 1, 0);
        node.pop();
    }

    #[inline]
    fn two(a: &Self::Mutex, b: &Self::Mutex, inside: impl FnOnce()) {
        let swap = ptr::from_ref(b) < ptr::from_ref(a);
        let (a, b) = if swap { (b, a) } else { (a, b) };
        exchange(a, 0, 1);
        exchange(b, 0, 1);
        let node = Node { prev: Cell::new(ptr::null()), mutex: Cell::new(a), second: Cell::new(b) };
        node.push();
        inside();
        // SAFETY: borrowed for the call.
        exchange(unsafe { &*node.second.get() }, 1, 0);
        // SAFETY: as above.
        exchange(unsafe { &*node.mutex.get() }, 1, 0);
        node.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::{Inlined, Ours, Sections};
    use std::sync::atomic::Ordering;

    #[test]
    fn both_run_what_is_inside_with_the_mutexes_locked() {
        let (a, b) = (Ours::fresh(), Ours::fresh());
        Ours::two(&a, &b, || Ours::one(&a, || assert!(a.is_locked() && b.is_locked())));
        assert!(!a.is_locked() && !b.is_locked());
        let (a, b) = (Inlined::fresh(), Inlined::fresh());
        // ORD: Relaxed, one thread.
        Inlined::two(&a, &b, || assert_eq!(a.load(Ordering::Relaxed), 1));
        // ORD: Relaxed, one thread.
        Inlined::one(&b, || assert_eq!(a.load(Ordering::Relaxed), 0));
    }
}
