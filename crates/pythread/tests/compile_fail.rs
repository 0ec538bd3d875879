//! What the types must not allow, held at compile time; borrows are in `compile_fail.md`.

use pythread::{Handle, MainBody, Outcome, TssKey};
use trial::facts::{SyncOrNot, is_send, is_sync};

trial::never! { SyncOrNot: MainBody }

const _: () = {
    is_send::<Handle>();
    is_sync::<Handle>();
    is_send::<Outcome>();
    is_sync::<Outcome>();
    is_send::<TssKey>();
    is_sync::<TssKey>();
    is_send::<MainBody>();
};

/// The constants above are the test; this shows that the file was compiled.
#[test]
fn facts_hold() {
    assert!(core::mem::needs_drop::<Handle>());
}
