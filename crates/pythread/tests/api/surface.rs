//! Traits, sizes and words.

use crate::quiet::panic_any;
use pythread::{
    Builder, Handle, JoinError, KeysExhausted, MainBody, NotAdopted, NotStartedHere, Outcome,
    Panic, StackSizeError, StartError, TssError, TssKey,
};
use std::error::Error;

#[test]
fn what_may_go_where() {
    const fn shared<T: Send + Sync + 'static>() {}
    const fn error<T: Error + Send + Sync + 'static>() {}
    shared::<Handle>();
    shared::<Outcome>();
    shared::<Panic>();
    shared::<TssKey>();
    shared::<Builder>();
    error::<StartError>();
    error::<JoinError>();
    error::<NotAdopted>();
    error::<NotStartedHere>();
    error::<StackSizeError>();
    error::<KeysExhausted>();
    error::<TssError>();
    const fn sent<T: Send>() {}
    sent::<MainBody>();
    assert_eq!(size_of::<TssKey>(), 8);
    assert_eq!(size_of::<Handle>(), size_of::<usize>());
}

#[test]
fn debug_never_blocks_and_says_who() {
    let thread = Builder::new().name("shown").start(|| {}).unwrap();
    assert!(thread.join().unwrap().is_returned());
    let shown = format!("{thread:?}");
    assert!(shown.contains("shown") && shown.contains("Done"), "{shown}");
    assert_eq!(format!("{:?}", TssKey::new()), "TssKey { created: false }");
    let panicked = pythread::start(|| panic_any("words")).unwrap().join().unwrap();
    assert!(format!("{panicked:?}").contains("words"));
    assert_eq!(panicked.panic().unwrap().to_string(), "the thread panicked: words");
}
