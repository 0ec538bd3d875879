//! A value made once, by whoever comes first: the data-carrying form of [`OnceFlag`].

use crate::once_flag::OnceFlag;
use core::convert::Infallible;
use core::fmt;
use core::mem::MaybeUninit;
use pyparking::primitive::UnsafeCell;

/// A value that is made on first use.
///
/// Cost and ordering: as [`OnceFlag`]; one acquire load once the value is there.
///
/// ```
/// use pysync::OnceCell;
///
/// static TABLE: OnceCell<Vec<u32>> = OnceCell::new();
/// assert!(TABLE.get().is_none());
/// assert_eq!(TABLE.get_or_init(|| vec![1, 2, 3]).len(), 3);
/// assert_eq!(TABLE.get(), Some(&vec![1, 2, 3]));
/// ```
pub struct OnceCell<T> {
    flag: OnceFlag,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value moves with the cell.
unsafe impl<T: Send> Send for OnceCell<T> {}
// SAFETY: one thread writes the value (ONCE-1) before anybody reads it (ONCE-2); it may be dropped by another
// thread than its maker, and is shared after.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}

impl<T> OnceCell<T> {
    pyparking::const_fn! {
        /// A cell without value.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::OnceCell;
        ///
        /// static NAME: OnceCell<String> = OnceCell::new();
        /// assert!(NAME.get().is_none());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { flag: OnceFlag::new(), value: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }

    /// The value, if it has been made.
    ///
    /// Cost: one acquire load.
    ///
    /// ```
    /// use pysync::OnceCell;
    ///
    /// let name = OnceCell::new();
    /// assert_eq!(name.get(), None);
    /// name.get_or_init(|| String::from("main"));
    /// assert_eq!(name.get().map(String::as_str), Some("main"));
    /// ```
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: done, so the value was written before and is never written again (ONCE-2).
        self.flag.is_done().then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// The value, made by `make` if need be; waits for a maker that is under way.
    ///
    /// Cost: one acquire load once the value is there; as [`OnceFlag::call_once`] before.
    ///
    /// # Panics
    ///
    /// If `make` does; the cell is without value again.
    ///
    /// ```
    /// use pysync::OnceCell;
    ///
    /// static SQUARES: OnceCell<Vec<u32>> = OnceCell::new();
    /// let squares = || SQUARES.get_or_init(|| (0..10).map(|n| n * n).collect());
    /// let there = std::thread::spawn(move || squares().as_ptr().addr());
    /// assert_eq!(squares()[3], 9);
    /// assert_eq!(squares().as_ptr().addr(), there.join().unwrap());
    /// ```
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, Infallible>(make())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value, made by `make` if need be.
    ///
    /// Cost: as [`get_or_init`](Self::get_or_init).
    ///
    /// # Errors
    ///
    /// What `make` returned; the cell is without value again.
    ///
    /// # Panics
    ///
    /// If `make` does; the cell is without value again.
    ///
    /// ```
    /// use pysync::OnceCell;
    ///
    /// let port = OnceCell::new();
    /// assert!(port.get_or_try_init(|| "http".parse::<u16>()).is_err());
    /// assert_eq!(port.get_or_try_init(|| "80".parse::<u16>()), Ok(&80));
    /// assert_eq!(port.get_or_try_init(|| "8080".parse::<u16>()), Ok(&80));
    /// ```
    #[inline]
    pub fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        self.flag.call_once(|| {
            let value = make()?;
            // SAFETY: this is the one run (ONCE-1), and nobody reads before it has succeeded (ONCE-2).
            unsafe { (*self.value.get()).write(value) };
            Ok(())
        })?;
        // SAFETY: the call succeeded, so the value is there for good (ONCE-2).
        Ok(unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// Makes a cell whose value was being made without value again, in the child of a fork: its maker is not
    /// there. A value that has been made stays.
    ///
    /// Cost: as [`OnceFlag::after_fork_child`].
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and is not making this cell's value.
    ///
    /// ```
    /// use pysync::OnceCell;
    ///
    /// let cell = OnceCell::new();
    /// cell.get_or_init(|| 1);
    /// // In the child:
    /// // SAFETY: no other thread runs, and this one is not making the value.
    /// unsafe { cell.after_fork_child() };
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // SAFETY: handed on to the caller.
        unsafe { self.flag.after_fork_child() };
    }

    /// Takes the value out; the cell is fresh again.
    ///
    /// Cost: one acquire load.
    ///
    /// ```
    /// use pysync::OnceCell;
    ///
    /// let mut name = OnceCell::new();
    /// name.get_or_init(|| "first");
    /// assert_eq!(name.take(), Some("first"));
    /// assert_eq!(name.get_or_init(|| "second"), &"second");
    /// ```
    pub fn take(&mut self) -> Option<T> {
        let done = self.flag.is_done();
        self.flag = OnceFlag::new();
        // SAFETY: the value was there, the flag says so no more, and the borrow excludes everybody else.
        done.then(|| unsafe { (*self.value.get()).assume_init_read() })
    }
}

impl<T> Drop for OnceCell<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("value", &self.get()).finish()
    }
}
