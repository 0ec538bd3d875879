//! A value that signal handlers read: replaced whole, and every former one kept until the end, to be used again.
//!
//! * HELD-1: a node is freed only by the drop of the whole, so what `get` lends stays, however often it is replaced.

use core::ptr;
use pyparking::primitive::{AtomicPtr, Ordering};

struct Node<T> {
    value: T,
    older: *mut Node<T>,
}

pub(super) struct Held<T: Send + Sync + PartialEq> {
    /// What `get` lends.
    current: AtomicPtr<Node<T>>,
    /// The node that was made last; each leads to the one before.
    made: AtomicPtr<Node<T>>,
}

impl<T: Send + Sync + PartialEq> Held<T> {
    pub(super) fn new() -> Self {
        let (current, made) = (AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut()));
        Self { current, made }
    }

    /// The value, if there is one. Async-signal-safe.
    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        // ORD: Acquire, pairs with the Release of `replace`.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: null, or a node that lives as long as this is borrowed (HELD-1), and that nobody writes.
        unsafe { current.as_ref() }.map(|node| &node.value)
    }

    /// Lends `value` from now on, or one like it that was lent before.
    pub(super) fn replace(&self, value: T) {
        let node = self.made_before(&value).unwrap_or_else(|| self.make(value));
        // ORD: Release, pairs with the Acquire of `get`. The values of two that replace at once are both right.
        self.current.store(node, Ordering::Release);
    }

    /// A node with a value like this one.
    fn made_before(&self, value: &T) -> Option<*mut Node<T>> {
        // ORD: Acquire, pairs with the Release of `make`.
        let mut next = self.made.load(Ordering::Acquire);
        // SAFETY: as in `get`.
        while let Some(node) = unsafe { next.as_ref() } {
            if node.value == *value {
                return Some(next);
            }
            next = node.older;
        }
        None
    }

    fn make(&self, value: T) -> *mut Node<T> {
        // ORD: Relaxed, only to have a first guess.
        let mut older = self.made.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Node { value, older }));
        loop {
            // ORD: Release, pairs with the Acquire of `made_before` and of the drop; Relaxed on failure, nothing is
            // read through it.
            let set = self.made.compare_exchange(older, node, Ordering::Release, Ordering::Relaxed);
            let Err(now) = set else { return node };
            older = now;
            // SAFETY: not published yet, so this thread's own.
            unsafe { (*node).older = older };
        }
    }
}

impl<T: Send + Sync + PartialEq> Drop for Held<T> {
    fn drop(&mut self) {
        // ORD: Acquire, pairs with the Release of `make`.
        let mut next = self.made.load(Ordering::Acquire);
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

    #[test]
    fn what_comes_back_is_what_was_there() {
        let held = Held::new();
        held.replace(String::from("first"));
        let first = core::ptr::from_ref(held.get().unwrap());
        held.replace(String::from("second"));
        held.replace(String::from("first"));
        assert!(core::ptr::eq(held.get().unwrap(), first));
    }
}
