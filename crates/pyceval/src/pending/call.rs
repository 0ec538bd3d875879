//! A closure to be called once, in four words: one for what it is, three for what it holds.
//!
//! What needs more, or a stricter alignment, is boxed, and the box held. So a queue of calls needs no heap for small ones.
//!
//! * CALL-1: `data` holds a live `F`, or a `Box<F>`, as `table` was made for, until [`Call::run`] or the drop of the call,
//!   whichever comes first, takes it out; neither comes twice, as both consume the call.

use crate::attached::Attached;
use crate::raised::Raised;
use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};

/// What a call holds without a box.
const INLINE_WORDS: usize = 3;

type Data = MaybeUninit<[usize; INLINE_WORDS]>;

/// How to use one kind of data.
struct Table {
    /// Takes the closure out and calls it.
    run: unsafe fn(*mut (), &Attached<'_>) -> Result<(), Raised>,
    /// Takes the closure out and drops it.
    discard: unsafe fn(*mut ()),
}

/// The words of a call, which the owner of the call may move about as he likes.
#[derive(Clone, Copy)]
pub(super) struct Words {
    data: Data,
    table: &'static Table,
}

/// Something to be done once, by a thread that is attached.
///
/// Dropping a call that has not run drops what it holds.
///
/// ```
/// use pyceval::{Call, Raised};
///
/// let name = String::from("late");
/// let call = Call::new(move |_attached| Err(Raised::new(name)));
/// drop(call);
/// ```
pub struct Call {
    words: Words,
}

impl Call {
    /// Wraps a closure.
    ///
    /// Cost: no allocation for at most three words of plain alignment; one otherwise.
    ///
    /// ```
    /// let call = pyceval::Call::new(|_attached| Ok(()));
    /// assert_eq!(size_of_val(&call), 4 * size_of::<usize>());
    /// ```
    pub fn new<F>(call: F) -> Self
    where
        F: FnOnce(&Attached<'_>) -> Result<(), Raised> + Send + 'static,
    {
        if fits::<F>() {
            return Self::holding(call, const { &Table { run: run::<F>, discard: discard::<F> } });
        }
        let table = const { &Table { run: run_boxed::<F>, discard: discard::<Box<F>> } };
        Self::holding(Box::new(call), table)
    }

    /// `held` fits, and is what `table` is for.
    fn holding<H>(held: H, table: &'static Table) -> Self {
        assert!(fits::<H>());
        let mut data = Data::uninit();
        // SAFETY: `H` fits into the data and needs no stricter alignment, as just checked.
        unsafe { data.as_mut_ptr().cast::<H>().write(held) };
        Self { words: Words { data, table } }
    }

    /// Calls the closure.
    ///
    /// Cost: one indirect call.
    ///
    /// # Errors
    ///
    /// What the closure returns.
    ///
    /// ```
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let call = pyceval::Call::new(|attached| Ok(assert!(attached.is_main())));
    /// call.run(&main.attach().unwrap()).unwrap();
    /// ```
    pub fn run(self, attached: &Attached<'_>) -> Result<(), Raised> {
        let mut words = self.into_words();
        // SAFETY: the table goes with the data, and the data is taken once: the call has been consumed (CALL-1).
        unsafe { (words.table.run)(words.data.as_mut_ptr().cast(), attached) }
    }

    /// The words of the call, which now owns nothing.
    pub(super) fn into_words(self) -> Words {
        ManuallyDrop::new(self).words
    }

    /// The call of these words.
    ///
    /// # Safety
    ///
    /// They are from [`into_words`](Self::into_words), and used for this once.
    pub(super) unsafe fn from_words(words: Words) -> Self {
        Self { words }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // SAFETY: the table goes with the data, and the call did not run: that would have consumed it (CALL-1).
        unsafe { (self.words.table.discard)(self.words.data.as_mut_ptr().cast()) };
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

/// Whether an `H` can be held without a box.
const fn fits<H>() -> bool {
    size_of::<H>() <= size_of::<Data>() && align_of::<H>() <= align_of::<Data>()
}

/// # Safety
///
/// `data` holds a live `F`, which is not used again.
unsafe fn run<F>(data: *mut (), attached: &Attached<'_>) -> Result<(), Raised>
where
    F: FnOnce(&Attached<'_>) -> Result<(), Raised>,
{
    // SAFETY: handed on to the caller.
    let call = unsafe { data.cast::<F>().read() };
    call(attached)
}

/// # Safety
///
/// `data` holds a live `Box<F>`, which is not used again.
unsafe fn run_boxed<F>(data: *mut (), attached: &Attached<'_>) -> Result<(), Raised>
where
    F: FnOnce(&Attached<'_>) -> Result<(), Raised>,
{
    // SAFETY: handed on to the caller.
    let call = unsafe { data.cast::<Box<F>>().read() };
    call(attached)
}

/// # Safety
///
/// `data` holds a live `H`, which is not used again.
unsafe fn discard<H>(data: *mut ()) {
    // SAFETY: handed on to the caller.
    drop(unsafe { data.cast::<H>().read() });
}
