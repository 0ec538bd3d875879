//! Threads that are online, and the values that they hold.

use loom::thread::JoinHandle;
use pyref::{Member, Online};
use trial::explore::spawn;
pub(crate) use trial::guarded::{Drops, Value};

/// A thread that is online during `body`. Its member comes back: members begin and end outside of what is modelled.
pub(crate) fn online<R: 'static>(
    mut member: Member,
    body: impl FnOnce(&Online<'_>) -> R + 'static,
) -> JoinHandle<(Member, R)> {
    spawn(move || {
        let result = {
            let online = member.online();
            body(&online)
        };
        (member, result)
    })
}
