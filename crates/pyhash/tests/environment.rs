//! The secret of the process against its environment.
//!
//! One test in a program of its own: it changes the environment, which no other thread may read meanwhile.

use pyhash::{FnvBuildHasher, FnvHasher, Secret, SecretError, Seed, SipBuildHasher, SipHasher13};
use std::env;
use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher};
use std::panic::catch_unwind;

/// Sets the variable, or unsets it, and forgets the secret.
fn set(setting: Option<&OsStr>) {
    // SAFETY: this program has one test, and the thread that waits for it does not read the environment.
    unsafe {
        match setting {
            Some(setting) => env::set_var(Seed::VARIABLE, setting),
            None => env::remove_var(Seed::VARIABLE),
        }
    }
    Secret::reset_global();
}

fn refused(setting: &str) -> String {
    set(Some(setting.as_ref()));
    let error = Secret::try_global().expect_err(setting);
    assert!(matches!(&error, SecretError::BadSeed(bad) if bad.setting() == setting), "{error:?}");
    assert_eq!(Secret::from_env().err().as_ref(), Some(&error));
    error.to_string()
}

fn numbers_give_their_secret() {
    for (setting, seed) in [("0", 0), ("1", 1), ("4294967295", u32::MAX), (" +042", 42)] {
        set(Some(setting.as_ref()));
        assert_eq!(Secret::from_env(), Ok(Secret::from_seed(seed)));
        assert_eq!(Secret::try_global(), Ok(Secret::from_seed(seed)));
        assert_eq!(pyhash::hash_str("späm"), Secret::from_seed(seed).hash_str("späm"));
        assert_eq!(pyhash::hash_bytes(b"spam"), Secret::from_seed(seed).hash_bytes(b"spam"));
    }
}

fn chance_gives_another_secret_each_time() {
    for setting in [None, Some(""), Some("random")] {
        set(setting.map(OsStr::new));
        let first = Secret::global();
        assert_eq!(Secret::global(), first, "kept until it is reset");
        Secret::reset_global();
        assert_ne!(Secret::global(), first);
        assert_ne!(Secret::from_env(), Secret::from_env());
    }
}

fn nonsense_is_refused_by_name_and_range() {
    for setting in ["abc", "-1", "4294967296", "1.5", "1 2", "Random"] {
        let text = refused(setting);
        let parts = ["PYTHONHASHSEED", setting, "random", "0 to 4294967295"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    let panic = catch_unwind(Secret::global).expect_err("there is no secret to give");
    let text = panic.downcast_ref::<String>().expect("a panic with a message");
    assert!(text.contains("PYTHONHASHSEED is \"Random\""), "{text}");
}

fn a_failure_is_not_kept() {
    refused("nonsense");
    assert!(Secret::try_global().is_err());
    assert!(Secret::from_seed(3).set_global().is_ok());
    assert_eq!(Secret::global(), Secret::from_seed(3));
}

fn the_environment_is_not_asked_once_there_is_a_secret() {
    set(Some("1".as_ref()));
    assert!(Secret::from_seed(2).set_global().is_ok());
    assert!(Secret::from_seed(3).set_global().is_err());
    assert_eq!(Secret::global(), Secret::from_seed(2));
    Secret::from_seed(4).replace_global();
    assert_eq!(Secret::global(), Secret::from_seed(4));
    Secret::reset_global();
    assert_eq!(Secret::global(), Secret::from_seed(1));
}

fn default_hashers_use_the_secret() {
    set(Some("9".as_ref()));
    let (k0, k1) = Secret::from_seed(9).sip_keys();
    let (prefix, suffix) = Secret::from_seed(9).fnv_keys();
    let finish = |hasher: &mut dyn Hasher| {
        hasher.write(b"spam");
        hasher.finish()
    };
    let sip = finish(&mut SipBuildHasher::default().build_hasher());
    assert_eq!(sip, finish(&mut SipHasher13::new(k0, k1)));
    let fnv = finish(&mut FnvBuildHasher::default().build_hasher());
    assert_eq!(fnv, finish(&mut FnvHasher::new(prefix, suffix)));
}

#[cfg(unix)]
fn what_is_not_unicode_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    set(Some(OsStr::from_bytes(b"4\xff2")));
    let text = Secret::try_global().expect_err("no number").to_string();
    assert!(text.contains("PYTHONHASHSEED") && text.contains("4\u{fffd}2"), "{text}");
}

#[test]
fn the_secret_of_the_process_follows_its_environment() {
    numbers_give_their_secret();
    chance_gives_another_secret_each_time();
    nonsense_is_refused_by_name_and_range();
    a_failure_is_not_kept();
    the_environment_is_not_asked_once_there_is_a_secret();
    default_hashers_use_the_secret();
    #[cfg(unix)]
    what_is_not_unicode_is_refused();
}
