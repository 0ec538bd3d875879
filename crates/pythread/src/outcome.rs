//! How a thread ended, for every joiner.

use core::fmt;
use pysync::MutexCell;
use std::any::Any;
use std::panic::resume_unwind;
use std::sync::Arc;

/// How a thread ended. Every joiner gets the same one.
///
/// ```
/// use pythread::{Outcome, start};
///
/// match start(|| {}).unwrap().join().unwrap() {
///     Outcome::Returned => {}
///     Outcome::Panicked(panic) => panic.resume(),
///     Outcome::NeverRan => unreachable!("start said that it runs"),
///     Outcome::Lost => println!("it is in the parent process"),
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it may be a panic"]
pub enum Outcome {
    /// Its body returned, or called [`exit_thread`](crate::exit_thread), and its exit hooks too.
    Returned,
    /// Its body panicked, or else the first of its exit hooks that did.
    Panicked(Panic),
    /// It could not be started.
    NeverRan,
    /// It is not in this process: it was running when another thread forked.
    Lost,
}

impl Outcome {
    /// Whether the body and the exit hooks returned.
    ///
    /// Cost: a comparison.
    ///
    /// ```
    /// use pythread::Outcome;
    ///
    /// assert!(Outcome::Returned.is_returned());
    /// assert!(!Outcome::Lost.is_returned());
    /// ```
    #[must_use]
    pub fn is_returned(&self) -> bool {
        matches!(self, Self::Returned)
    }

    /// The panic, if it ended with one.
    ///
    /// Cost: a comparison.
    ///
    /// ```
    /// use pythread::Outcome;
    ///
    /// assert!(Outcome::Returned.panic().is_none());
    /// ```
    #[must_use]
    pub fn panic(&self) -> Option<&Panic> {
        match self {
            Self::Panicked(panic) => Some(panic),
            _ => None,
        }
    }
}

struct Remains {
    message: Option<Box<str>>,
    payload: MutexCell<Option<Box<dyn Any + Send>>>,
}

/// A panic that ended a thread, shared by its joiners: all may read the message, one may take the payload.
///
/// ```
/// let thread = pythread::start(|| panic!("no luck")).unwrap();
/// let (mine, yours) = (thread.join().unwrap(), thread.join().unwrap());
/// let (mine, yours) = (mine.panic().unwrap(), yours.panic().unwrap());
/// assert_eq!(mine.message(), Some("no luck"));
/// let payload = mine.take_payload().unwrap();
/// assert_eq!(payload.downcast_ref(), Some(&"no luck"));
/// assert!(yours.take_payload().is_none());
/// assert_eq!(yours.message(), Some("no luck"));
/// ```
#[derive(Clone)]
pub struct Panic(Arc<Remains>);

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.map(Box::from);
        Self(Arc::new(Remains { message, payload: MutexCell::new(Some(payload)) }))
    }

    /// What `panic!` was told, if the payload is a string, as it mostly is.
    ///
    /// Cost: none.
    ///
    /// ```
    /// let thread = pythread::start(|| std::panic::panic_any(7)).unwrap();
    /// assert_eq!(thread.join().unwrap().panic().unwrap().message(), None);
    /// ```
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The payload, for the first who takes it.
    ///
    /// Cost: two RMW.
    ///
    /// ```
    /// let thread = pythread::start(|| std::panic::panic_any(7)).unwrap();
    /// let outcome = thread.join().unwrap();
    /// let payload = outcome.panic().unwrap().take_payload().unwrap();
    /// assert_eq!(payload.downcast_ref(), Some(&7));
    /// ```
    #[must_use]
    pub fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        self.0.payload.lock().take()
    }

    /// Panics on in the calling thread: with the payload if nobody took it, else with the message.
    ///
    /// Cost: as [`take_payload`](Self::take_payload), and an unwinding. The panic hook is not told again.
    ///
    /// # Panics
    ///
    /// Always.
    ///
    /// ```
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let thread = pythread::start(|| panic!("here")).unwrap();
    /// let outcome = thread.join().unwrap();
    /// let panic = outcome.panic().unwrap();
    /// let mine = catch_unwind(AssertUnwindSafe(|| panic.resume())).unwrap_err();
    /// assert_eq!(mine.downcast_ref(), Some(&"here"));
    /// let again = catch_unwind(AssertUnwindSafe(|| panic.resume())).unwrap_err();
    /// assert_eq!(*again.downcast::<String>().unwrap(), "here");
    /// ```
    pub fn resume(&self) -> ! {
        let message =
            || self.message().unwrap_or("a thread panicked; another joiner has its payload");
        resume_unwind(self.take_payload().unwrap_or_else(|| Box::new(message().to_owned())))
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic").field("message", &self.message()).finish_non_exhaustive()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => write!(f, "the thread panicked: {message}"),
            None => f.write_str("the thread panicked"),
        }
    }
}
