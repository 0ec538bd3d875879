//! Who runs the threads that the locks put to sleep: CPython itself, or whatever a C program registers.
//!
//! | asked for | `host-cpython` | otherwise |
//! |---|---|---|
//! | `ready` | installs the hooks, once | nothing: hooks are the runtime's to install, or `pycapi_install_hooks`' |
//! | `fatal` | `_Py_FatalErrorFunc` | the registered function, the runtime's hook, standard error |
//! | `thread` | `PyThread_get_thread_ident_ex` | [`pyparking::ident`] |
//! | `refuses_to_wait` | `Py_IsFinalizing`, and the exception for it | never |

#[cfg(feature = "host-cpython")]
mod cpython;
mod message;
#[cfg(not(feature = "host-cpython"))]
mod registered;

#[cfg(feature = "host-cpython")]
pub(crate) use cpython::{fatal, ready, refuses_to_wait, thread};
#[cfg(not(feature = "host-cpython"))]
pub(crate) use registered::{fatal, ready, refuses_to_wait, thread};
