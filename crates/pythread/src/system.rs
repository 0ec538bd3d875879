//! How this system starts a thread: `spawn` with a stack size and a name, and what is left of the thread to join or drop.
//!
//! On Unix by pthreads and not by std, so that the child of a fork can start threads: std's threads take a lock of std's
//! as they begin and end, which a thread that the child has lost may have held, and nobody can reset.

#[cfg(unix)]
#[path = "system/pthread.rs"]
mod chosen;
#[cfg(not(unix))]
#[path = "system/std_thread.rs"]
mod chosen;

pub(crate) use chosen::spawn;
