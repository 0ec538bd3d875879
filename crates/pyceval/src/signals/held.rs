//! A value that signal handlers read: replaced whole, and every former one kept until the end.
//!
//! * HELD-1: a node is freed only by the drop of the whole, so what `get` lends stays, however often it is replaced.

use core::ptr;
use pyparking::primitive::{AtomicPtr, Ordering};

struct Node<T> {
    value: T,
    older: *mut Node<T>,
}

pub(super) struct Held<T: Send + Sync> {
    newest: AtomicPtr<Node<T>>,
}

impl<T: Send + Sync> Held<T> {
    pub(super) fn new() -> Self {
        Self { newest: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The value, if there is one. Async-signal-safe.
    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        // ORD: Acquire, pairs with the Release of `replace`.
        let newest = self.newest.load(Ordering::Acquire);
        // SAFETY: null, or a node that lives as long as this is borrowed (HELD-1), and that nobody writes.
        unsafe { newest.as_ref() }.map(|node| &node.value)
    }

    pub(super) fn replace(&self, value: T) {
        // ORD: Relaxed, only to have a first guess.
        let mut older = self.newest.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Node { value, older }));
        loop {
            // ORD: Release, pairs with the Acquire of `get`; Relaxed on failure, nothing is read through it.
            let set =
                self.newest.compare_exchange(older, node, Ordering::Release, Ordering::Relaxed);
            let Err(now) = set else { return };
            older = now;
            // SAFETY: not published yet, so this thread's own.
            unsafe { (*node).older = older };
        }
    }
}

impl<T: Send + Sync> Drop for Held<T> {
    fn drop(&mut self) {
        // ORD: Acquire, pairs with the Release of `replace`.
        let mut next = self.newest.load(Ordering::Acquire);
        while !next.is_null() {
            // SAFETY: made by `Box::into_raw`, and reached once; nothing is lent any more.
            let node = unsafe { Box::from_raw(next) };
            next = node.older;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lent_outlives_its_replacement() {
        let held = Held::new();
        assert!(held.get().is_none());
        held.replace(String::from("first"));
        let first = held.get().unwrap();
        held.replace(String::from("second"));
        assert_eq!((first.as_str(), held.get().unwrap().as_str()), ("first", "second"));
    }
}
