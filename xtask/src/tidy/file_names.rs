//! Files are named after what is in them.

use super::house::House;
use super::{Check, Finding};

pub(super) const CHECK: Check = Check {
    name: "file-names",
    rule: "a file is named after its one subject: a name that fits anything collects everything",
    run,
};

const BANNED: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

fn run(house: &House) -> Vec<Finding> {
    house.files.iter().filter(|path| is_banned(path)).map(|path| finding(path)).collect()
}

fn is_banned(path: &str) -> bool {
    path.split('/').any(|part| BANNED.contains(&part.split('.').next().unwrap_or(part)))
}

fn finding(path: &str) -> Finding {
    Finding::new(path, 1, "this name says nothing; name the file after what it holds")
}

#[cfg(test)]
mod tests {
    use super::is_banned;

    #[test]
    fn names_that_fit_anything_are_banned() {
        assert!(is_banned("crates/a/src/utils.rs"));
        assert!(is_banned("crates/a/tests/common/mod.rs"));
        assert!(!is_banned("crates/a/src/commons_lock.rs"));
    }
}
