//! What the crate promises, on the machine.

#[path = "../counted/mod.rs"]
mod counted;
mod members;
mod refs;
mod slots;

use counted::Books;
use pyref::Online;
use std::sync::Arc;

/// Every value is gone, as soon as no other test of this process is in the way.
pub(crate) fn until_closed(books: &Arc<Books>, online: &Online<'_>) {
    trial::until::until("the end of every value", || {
        online.serve();
        let (born, gone) = books.totals();
        assert!(gone <= born, "dropped twice");
        born == gone
    });
}
