//! What the embedder does at a poll.

use crate::attached::Attached;
use crate::raised::Raised;
use core::fmt;

/// The embedder's part of [`Attached::poll`], one function per event. Each does nothing unless it is replaced.
///
/// All are called on an attached thread, which holds no lock of this crate.
///
/// ```
/// use pyceval::{Attached, Handlers, Raised, Runtime};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// struct Collector(Arc<AtomicU32>);
/// impl Handlers for Collector {
///     fn collect(&self, _attached: &Attached<'_>) -> Result<(), Raised> {
///         self.0.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// let runs = Arc::new(AtomicU32::new(0));
/// let handlers = Collector(Arc::clone(&runs));
/// let (_runtime, mut main) = Runtime::builder().handlers(handlers).start().unwrap();
/// let attached = main.attach().unwrap();
/// attached.schedule_collection();
/// attached.poll().unwrap();
/// assert_eq!(runs.load(Ordering::Relaxed), 1);
/// ```
pub trait Handlers: Send + Sync + 'static {
    /// Merges the reference counts that other threads have queued for this one, of an embedder that counts by itself:
    /// those of [`pyref`] have been merged before.
    ///
    /// Cost: the embedder's.
    ///
    /// ```
    /// use pyceval::{Attached, Events, Handlers, Runtime};
    ///
    /// struct Counts;
    /// impl Handlers for Counts {
    ///     fn merge_refcounts(&self, attached: &Attached<'_>) {
    ///         attached.schedule_collection();
    ///     }
    /// }
    ///
    /// let (_runtime, mut main) = Runtime::builder().handlers(Counts).start().unwrap();
    /// let attached = main.attach().unwrap();
    /// attached.breaker().set(Events::EXPLICIT_MERGE);
    /// attached.poll().unwrap();
    /// assert_eq!(attached.breaker().events(), Events::GC_SCHEDULED);
    /// ```
    ///
    /// Port of: `_Py_brc_merge_refcounts` (Python/brc.c)
    fn merge_refcounts(&self, attached: &Attached<'_>) {
        let _ = attached;
    }

    /// Collects garbage.
    ///
    /// # Errors
    ///
    /// What the poll is to raise.
    ///
    /// Cost: the embedder's.
    ///
    /// ```
    /// use pyceval::{Attached, Handlers, Raised, Runtime};
    ///
    /// struct OutOfMemory;
    /// impl Handlers for OutOfMemory {
    ///     fn collect(&self, _attached: &Attached<'_>) -> Result<(), Raised> {
    ///         Err(Raised::new("out of memory"))
    ///     }
    /// }
    ///
    /// let (_runtime, mut main) = Runtime::builder().handlers(OutOfMemory).start().unwrap();
    /// let attached = main.attach().unwrap();
    /// attached.schedule_collection();
    /// assert_eq!(attached.poll().unwrap_err().to_string(), "out of memory");
    /// ```
    ///
    /// Port of: `_Py_RunGC` (Python/gc.c)
    fn collect(&self, attached: &Attached<'_>) -> Result<(), Raised> {
        let _ = attached;
        Ok(())
    }

    /// Throws machine code away that has not run for long.
    ///
    /// Cost: the embedder's.
    ///
    /// ```
    /// use pyceval::{Attached, Events, Handlers, Runtime};
    ///
    /// struct Jit;
    /// impl Handlers for Jit {
    ///     fn invalidate_cold_code(&self, attached: &Attached<'_>) {
    ///         attached.schedule_collection();
    ///     }
    /// }
    ///
    /// let (_runtime, mut main) = Runtime::builder().handlers(Jit).start().unwrap();
    /// let attached = main.attach().unwrap();
    /// attached.breaker().set(Events::JIT_INVALIDATE_COLD);
    /// attached.poll().unwrap();
    /// assert_eq!(attached.breaker().events(), Events::GC_SCHEDULED);
    /// ```
    ///
    /// Port of: `_Py_Executors_InvalidateCold` (Python/optimizer.c)
    fn invalidate_cold_code(&self, attached: &Attached<'_>) {
        let _ = attached;
    }

    /// Says why the process ends, before it aborts: a lock or the runtime was misused.
    ///
    /// Cost: the embedder's.
    ///
    /// ```
    /// use pyceval::{Handlers, Runtime};
    /// use std::fmt;
    ///
    /// struct Quiet;
    /// impl Handlers for Quiet {
    ///     fn fatal(&self, message: &dyn fmt::Display) {
    ///         assert!(message.to_string().contains("not locked"));
    ///         std::process::exit(0); // instead of the abort that follows
    ///     }
    /// }
    ///
    /// let (_runtime, mut main) = Runtime::builder().handlers(Quiet).start().unwrap();
    /// let _attached = main.attach().unwrap();
    /// pysync::Mutex::new().unlock();
    /// ```
    fn fatal(&self, message: &dyn fmt::Display) {
        eprintln!("fatal error: {message}");
    }
}

/// Handlers of an embedder that needs none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

impl Handlers for Nothing {}
