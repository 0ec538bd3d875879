//! Mutual exclusion, seen from inside: an owner cell and a counter, neither of them atomic.

use super::plain::Plain;

/// What stands inside a critical section.
#[derive(Debug, Default)]
pub struct Section {
    owner: Plain<u64>,
    total: Plain<u64>,
}

/// A stay in a [`Section`]; what was seen when it began.
#[derive(Debug)]
#[must_use = "a stay that is not ended looks like an intruder to the next one"]
pub struct Stay {
    me: u64,
    total: u64,
}

impl Section {
    /// An empty one.
    pub const fn new() -> Self {
        Self { owner: Plain::new(0), total: Plain::new(0) }
    }

    /// Thread `me` comes in. The complaint, if any, names the thread that was there.
    ///
    /// # Safety
    ///
    /// The caller holds the lock that this section belongs to.
    pub unsafe fn enter(&self, me: u64) -> (Stay, Option<String>) {
        // SAFETY: the caller holds the lock.
        let (owner, total) = unsafe { (self.owner.get(), self.total.get()) };
        // SAFETY: the caller holds the lock.
        unsafe { self.owner.set(me) };
        let complaint =
            (owner != 0).then(|| format!("thread {me} came in where thread {owner} was"));
        (Stay { me, total }, complaint)
    }

    /// The thread goes. The complaint, if any, names the thread that came in meanwhile.
    ///
    /// # Safety
    ///
    /// The caller still holds the lock that this section belongs to.
    pub unsafe fn leave(&self, stay: Stay) -> Option<String> {
        let Stay { me, total } = stay;
        // SAFETY: the caller holds the lock.
        let owner = unsafe { self.owner.get() };
        // SAFETY: the caller holds the lock.
        unsafe {
            self.total.set(total + 1);
            self.owner.set(0);
        }
        (owner != me).then(|| format!("thread {owner} came in where thread {me} was"))
    }

    /// How many stays were counted without a loss, when nobody is inside.
    pub fn total(&mut self) -> u64 {
        self.total.get_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_one_after_the_other_are_fine() {
        let mut section = Section::new();
        for me in 1..=3 {
            // SAFETY: one thread.
            let (stay, complaint) = unsafe { section.enter(me) };
            assert_eq!(complaint, None);
            // SAFETY: one thread.
            assert_eq!(unsafe { section.leave(stay) }, None);
        }
        assert_eq!(section.total(), 3);
    }

    #[test]
    fn stays_that_overlap_are_noticed_by_both_and_lose_an_update() {
        let mut section = Section::new();
        // SAFETY: one thread plays both.
        let ((first, _), (second, intruder)) = unsafe { (section.enter(1), section.enter(2)) };
        assert!(intruder.unwrap().contains("thread 2 came in where thread 1 was"));
        // SAFETY: as above.
        let late = unsafe { section.leave(first) };
        assert!(late.unwrap().contains("thread 2 came in where thread 1 was"));
        // SAFETY: as above.
        assert!(unsafe { section.leave(second) }.is_some());
        assert_eq!(section.total(), 1, "two stays, one counted");
    }
}
