//! What the crate promises, on the machine.

mod members;
mod refs;
mod slots;

use pyref::Online;
use std::sync::Arc;
use trial::counted::Books;

/// Every value is gone, as soon as no other test of this process is in the way.
pub(crate) fn until_closed(books: &Arc<Books>, online: &Online<'_>) {
    trial::until::until("the end of every value", || {
        online.serve();
        let (born, gone) = books.totals();
        assert!(gone <= born, "dropped twice");
        born == gone
    });
}
