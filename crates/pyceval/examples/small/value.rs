//! What is on the stack, and what is raised.

use crate::objects::Object;
use crate::threads::Task;
use core::fmt;
use pyceval::Raised;
use pysync::{Event, Mutex};
use std::sync::Arc;

/// A value: small things by value, shared things by reference.
#[derive(Clone)]
pub(crate) enum Value {
    Nil,
    Int(i64),
    Text(Arc<str>),
    /// A list or a dictionary.
    Object(Arc<Object>),
    Lock(Arc<Mutex>),
    Event(Arc<Event>),
    Task(Arc<Task>),
}

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Nil and 0 are false.
    pub(crate) fn is_true(&self) -> bool {
        !matches!(self, Self::Nil | Self::Int(0))
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Int(_) => "a number",
            Self::Text(_) => "a text",
            Self::Object(object) => object.kind(),
            Self::Lock(_) => "a lock",
            Self::Event(_) => "an event",
            Self::Task(_) => "a thread",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            other => f.write_str(other.kind()),
        }
    }
}

/// The interpreter's own exceptions. They travel inside [`Raised`], beside the crate's keyboard interrupt.
#[derive(Debug)]
pub(crate) struct Exception(String);

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An exception, ready to be raised or sent.
pub(crate) fn exception(text: impl Into<String>) -> Raised {
    Raised::new(Exception(text.into()))
}

/// Raises an exception.
pub(crate) fn raise<T>(text: impl Into<String>) -> Result<T, Raised> {
    Err(exception(text))
}
