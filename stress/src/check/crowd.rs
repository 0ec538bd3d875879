//! Who is inside a lock call: when nobody is, the lock's word must say so exactly.
//!
//! A bit that says "somebody waits" may be set a moment before its waiter is queued, and is cleared
//! a moment after the last one left, so looking at it while others are inside their calls proves
//! nothing. When nobody is inside, there is nobody who could be about to set or to clear it.
//!
//! # Why `alone` is sound
//!
//! `exits` is read before `entries`, and `entries >= exits` always. If both are `n`, then at the
//! moment when `exits` was read everybody who had come had gone. `entries` is still `n` after the
//! word was read, and whoever enters counts himself, and fences, before he touches the word; so
//! nobody did between the two.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Counts who enters and leaves the calls of one lock.
#[derive(Debug, Default)]
pub struct Crowd {
    entries: AtomicU64,
    exits: AtomicU64,
}

/// Somebody inside a call.
#[must_use = "whoever is not kept has left"]
#[derive(Debug)]
pub struct Inside<'a>(&'a Crowd);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        // ORD: Release, pairs with the Acquire of `exits` in `alone`: what the call did to the word
        // is seen.
        self.0.exits.fetch_add(1, Ordering::Release);
    }
}

impl Crowd {
    /// Nobody.
    pub const fn new() -> Self {
        Self { entries: AtomicU64::new(0), exits: AtomicU64::new(0) }
    }

    /// The caller is about to call, until the result is dropped.
    pub fn enter(&self) -> Inside<'_> {
        // ORD: Relaxed, the fence below orders it.
        self.entries.fetch_add(1, Ordering::Relaxed);
        // ORD: SeqCst fence, pairs with the one in `alone`: if the word shows what this call did,
        // the second look at `entries` shows this entry.
        fence(Ordering::SeqCst);
        Inside(self)
    }

    /// What `look` saw, if nobody was inside a call while it looked.
    pub fn alone<R>(&self, look: impl FnOnce() -> R) -> Option<R> {
        // ORD: Acquire, pairs with the Release in `Inside::drop`.
        let exits = self.exits.load(Ordering::Acquire);
        // ORD: Relaxed, compared with the second look below.
        if self.entries.load(Ordering::Relaxed) != exits {
            return None;
        }
        let seen = look();
        // ORD: SeqCst fence, pairs with the one in `enter`.
        fence(Ordering::SeqCst);
        // ORD: Relaxed, ordered by the fence.
        (self.entries.load(Ordering::Relaxed) == exits).then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_alone_exactly_while_nobody_is_inside() {
        let crowd = Crowd::new();
        assert_eq!(crowd.alone(|| 7), Some(7));
        let inside = crowd.enter();
        assert_eq!(crowd.alone(|| 7), None);
        drop(inside);
        assert_eq!(crowd.alone(|| 7), Some(7));
        assert_eq!(crowd.alone(|| drop(crowd.enter())), None, "somebody came and went");
    }
}
