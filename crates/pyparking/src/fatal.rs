//! Errors after which the program must not go on: a lock was misused, and who owns what is no longer known.

use crate::hooks;
use core::fmt;

/// What was found wrong.
struct Report<'a> {
    primitive: &'a str,
    address: usize,
    found: &'a str,
    expected: &'a str,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { primitive, address, found, expected } = self;
        write!(f, "{primitive} at {address:#x}: {found}; expected {expected}")
    }
}

/// Ends the process with a message that names the primitive, its address and what was expected.
///
/// Goes through the runtime's `fatal` hook if one is installed; otherwise prints to standard error and
/// aborts. Does not allocate unless the hook does.
///
/// Cost: the process. No heap but the hook's; one write to standard error without a hook.
///
/// ```
/// use pyparking::fatal;
/// use pyparking::hooks::{self, Hooks};
///
/// // A runtime that has last words of its own. Without it the message is printed and the process aborts.
/// static RUNTIME: Hooks = Hooks {
///     fatal: |report| {
///         let text = report.to_string();
///         assert!(text.starts_with("Gate at 0x"), "{text}");
///         assert!(text.ends_with(": opened twice; expected a gate that is shut"), "{text}");
///         std::process::exit(0);
///     },
///     ..Hooks::NONE
/// };
/// hooks::install(&RUNTIME).unwrap();
///
/// let gate = 0_u8;
/// fatal("Gate", &gate, "opened twice", "a gate that is shut");
/// ```
#[cold]
#[inline(never)]
pub fn fatal<T: ?Sized>(primitive: &str, place: &T, found: &str, expected: &str) -> ! {
    let address = core::ptr::from_ref(place).addr();
    let report = Report { primitive, address, found, expected };
    if crate::primitive::MODELLED {
        panic!("{report}");
    }
    if let Some(hooks) = hooks::installed() {
        (hooks.fatal)(&report);
    }
    abort(&report)
}

/// Prints the report and aborts: what happens without a runtime.
fn abort(report: &dyn fmt::Display) -> ! {
    eprintln!("fatal error: {report}");
    std::process::abort()
}
