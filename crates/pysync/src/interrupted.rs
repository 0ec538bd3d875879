//! What a wait does about an interrupt, for all primitives alike.

use crate::status::LockFlags;
use pyparking::hooks;

/// Whether the interrupt ends the wait: because any interrupt does, or because a pending call failed.
#[cold]
pub(crate) fn ends_wait(flags: LockFlags) -> bool {
    let failed = flags.contains(LockFlags::HANDLE_SIGNALS) && hooks::run_pending().is_err();
    failed || flags.contains(LockFlags::FAIL_IF_INTERRUPTED)
}
