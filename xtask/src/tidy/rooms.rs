//! The switches of the test builds stay in their rooms.

use super::house::House;
use super::{Check, Finding};
use crate::scan::{Source, Token};

pub(super) const CHECK: Check = Check {
    name: "rooms",
    rule: "loom and shuttle are named in pyparking's primitive.rs and in tests/loom*, tests/shuttle* only, \
           seeded_faults there and in tests: logic that knows its checker is not the logic that ships",
    run,
};

const CHECKERS: &[&str] = &["loom", "shuttle"];
const FAULTS: &str = "seeded_faults";
const SHIM: &str = "crates/pyparking/src/primitive.rs";

fn run(house: &House) -> Vec<Finding> {
    let crates = house.sources.iter().filter(|file| file.path.starts_with("crates/"));
    crates.filter(|file| !is_room(&file.path)).flat_map(strays).collect()
}

fn is_room(path: &str) -> bool {
    let test = path.split_once("/tests/").map(|(_, test)| test);
    path == SHIM || test.is_some_and(|test| test.starts_with("loom") || test.starts_with("shuttle"))
}

fn strays(file: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    look(&file.tokens, &file.path, &mut found);
    found
}

fn is_stray(word: &str, path: &str) -> bool {
    CHECKERS.contains(&word) || word == FAULTS && !path.contains("/tests/")
}

fn look(tokens: &[Token], path: &str, found: &mut Vec<Finding>) {
    for token in tokens {
        if let Some(word) = token.word().filter(|word| is_stray(word, path)) {
            let text =
                format!("`{word}` outside its room; take a name from pyparking::primitive instead");
            found.push(Finding::new(path, token.line, text));
        }
        look(token.inside(), path, found);
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    const SWITCHED: &str = "#[cfg(loom)]\nuse loom::sync::Arc;";

    #[test]
    fn the_shim_and_the_models_are_rooms() {
        for path in [super::SHIM, "crates/a/tests/loom.rs", "crates/a/tests/loom/mutex.rs"] {
            assert!(run(&house(&[(path, SWITCHED)])).is_empty(), "{path}");
        }
        assert!(run(&house(&[("crates/a/src/b.rs", "// loom sees this\nfn f() {}")])).is_empty());
    }

    #[test]
    fn tests_may_ask_for_faults() {
        let asking = "#[cfg(seeded_faults)]\nfn f() {}";
        assert!(run(&house(&[("crates/a/tests/until/mod.rs", asking)])).is_empty());
        assert_eq!(run(&house(&[("crates/a/src/b.rs", asking)])).len(), 1);
    }

    #[test]
    fn everything_else_is_not() {
        assert_eq!(run(&house(&[("crates/a/src/b.rs", SWITCHED)])).len(), 2);
        assert_eq!(run(&house(&[("crates/a/tests/api.rs", "#![cfg(not(loom))]")])).len(), 1);
    }
}
