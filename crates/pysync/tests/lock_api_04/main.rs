//! The adapters for `lock_api` 0.4, with the scenarios of `parking_lot`'s own tests under their names.
//!
//! The scenarios are the same files for both versions.

use lock_api_04 as wrappers;
use pysync::lock_api::v04 as sync;

#[path = "../lock_api/condvar.rs"]
mod condvar;
#[path = "../lock_api/facts.rs"]
mod facts;
#[path = "../lock_api/mutex.rs"]
mod mutex;
mod own;
#[path = "../lock_api/reentrant.rs"]
mod reentrant;
#[path = "../lock_api/rw_lock.rs"]
mod rw_lock;
