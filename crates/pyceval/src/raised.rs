//! What a handler raised, on its way to the interpreter's own exception machinery.

use core::any::Any;
use core::fmt;

/// What can be raised: anything that can be shown and sent.
///
/// Implemented for every such type; there is nothing to implement by hand.
///
/// ```
/// #[derive(Debug)]
/// struct StopIteration(u32);
/// impl std::fmt::Display for StopIteration {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "stopped at {}", self.0)
///     }
/// }
/// let raised = pyceval::Raised::new(StopIteration(3));
/// assert_eq!(raised.downcast_ref::<StopIteration>().map(|stop| stop.0), Some(3));
/// ```
pub trait Payload: Any + Send + fmt::Display {
    #[doc(hidden)]
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
    #[doc(hidden)]
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + Send + fmt::Display> Payload for T {
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An error on its way up: from a signal callback, a pending call, or sent by another thread.
///
/// The crate does not look inside; the embedder puts in its own exception and takes it out again.
///
/// ```
/// use pyceval::{KeyboardInterrupt, Raised};
///
/// let raised = Raised::new(KeyboardInterrupt);
/// assert!(raised.is::<KeyboardInterrupt>());
/// assert_eq!(raised.to_string(), "keyboard interrupt");
/// assert!(raised.downcast::<String>().is_err());
/// ```
pub struct Raised(Box<dyn Payload>);

impl Raised {
    /// Wraps an exception.
    ///
    /// Cost: one allocation, none for a type without data.
    ///
    /// ```
    /// assert_eq!(pyceval::Raised::new("no").to_string(), "no");
    /// ```
    #[must_use]
    pub fn new(payload: impl Payload) -> Self {
        Self(Box::new(payload))
    }

    /// Whether the exception is a `T`.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// assert!(pyceval::Raised::new(1_u8).is::<u8>());
    /// ```
    #[must_use]
    pub fn is<T: Any>(&self) -> bool {
        (*self.0).as_any().is::<T>()
    }

    /// The exception, if it is a `T`.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// assert_eq!(pyceval::Raised::new(1_u8).downcast_ref(), Some(&1_u8));
    /// ```
    #[must_use]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        (*self.0).as_any().downcast_ref()
    }

    /// Takes the exception out, if it is a `T`.
    ///
    /// Cost: no atomic operation.
    ///
    /// # Errors
    ///
    /// The error itself, when it is something else.
    ///
    /// ```
    /// assert_eq!(pyceval::Raised::new(1_u8).downcast::<u8>().ok(), Some(1));
    /// ```
    pub fn downcast<T: Any>(self) -> Result<T, Self> {
        if !self.is::<T>() {
            return Err(self);
        }
        match self.0.into_any().downcast() {
            Ok(payload) => Ok(*payload),
            Err(_) => unreachable!("looked at above"),
        }
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raised({self})")
    }
}

impl core::error::Error for Raised {}

/// What an interrupt from the keyboard raises on the main thread, unless the embedder says otherwise.
///
/// ```
/// assert_eq!(pyceval::KeyboardInterrupt.to_string(), "keyboard interrupt");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KeyboardInterrupt;

impl fmt::Display for KeyboardInterrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keyboard interrupt")
    }
}

impl core::error::Error for KeyboardInterrupt {}
