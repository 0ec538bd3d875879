//! All storage keys in use: one test, which needs them all for itself.

use pythread::{KeysExhausted, TssKey};
use std::thread;

#[test]
fn the_last_key_and_one_more() {
    let keys: Vec<_> = (0..1024).map(|_| TssKey::new()).collect();
    keys.iter().for_each(|key| key.create().expect("there are 1024"));
    let one_more = TssKey::new();
    assert_eq!(one_more.create(), Err(KeysExhausted));
    assert!(!one_more.is_created());
    keys[17].delete();
    assert_eq!(one_more.create(), Ok(()));
    assert_eq!(keys[17].create(), Err(KeysExhausted));
    drop(keys);
    // Every place came back, from races too.
    for _ in 0..64 {
        let keys: Vec<_> = (0..64).map(|_| TssKey::new()).collect();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| keys.iter().for_each(|key| key.create().expect("64 places")));
            }
        });
    }
    let keys: Vec<_> = (0..1023).map(|_| TssKey::new()).collect();
    keys.iter().for_each(|key| key.create().expect("one more has the last"));
}
