//! Files and functions stay small.

use super::house::{House, is_test};
use super::{Check, Finding};
use crate::scan::{Function, Source, functions};

pub(super) const CHECK: Check = Check {
    name: "sizes",
    rule: "a file has at most 400 lines of code and a function 60, comments and tests not counted: what is \
           larger has more than one subject",
    run,
};

const FILE: usize = 400;
const FUNCTION: usize = 60;

fn run(house: &House) -> Vec<Finding> {
    measured(house).flat_map(too_large).collect()
}

/// The files whose size counts: all but those of tests.
fn measured(house: &House) -> impl Iterator<Item = &Source> {
    house.sources.iter().filter(|file| !is_test(&file.path))
}

fn too_large(file: &Source) -> Vec<Finding> {
    let size = file.code_lines().len();
    let whole = (size > FILE).then(|| {
        let text = format!("{size} lines of code, more than {FILE}; split it by subject");
        Finding::new(&file.path, 1, text)
    });
    let long = functions(file).into_iter().filter(|function| function.size > FUNCTION);
    let finding = |Function { path, line, size }| {
        let text = format!("`{path}` has {size} lines, more than {FUNCTION}; name its parts");
        Finding::new(&file.path, line, text)
    };
    whole.into_iter().chain(long.map(finding)).collect()
}

/// A line with the medians and the largest of each.
pub(super) fn medians(house: &House) -> String {
    let files: Vec<_> =
        measured(house).map(|file| (file.code_lines().len(), file.path.clone())).collect();
    let functions = measured(house).flat_map(|file| {
        functions(file)
            .into_iter()
            .map(|found| (found.size, format!("{}: {}", file.path, found.path)))
    });
    format!("{}\n{}", described("files", files), described("functions", functions.collect()))
}

fn described(what: &str, mut sizes: Vec<(usize, String)>) -> String {
    sizes.sort();
    let Some((largest, name)) = sizes.last() else { return format!("no {what}") };
    let median = sizes[sizes.len() / 2].0;
    format!("{} {what}, median {median} lines of code, largest {largest} ({name})", sizes.len())
}

#[cfg(test)]
mod tests {
    use super::{described, run};
    use crate::tidy::house::tests::house;

    fn function(lines: usize) -> String {
        format!("//! An example of a file.\nfn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn sixty_lines_are_enough_for_a_function() {
        assert!(run(&house(&[("xtask/src/a.rs", &function(60))])).is_empty());
        assert_eq!(run(&house(&[("xtask/src/a.rs", &function(61))])).len(), 1);
    }

    #[test]
    fn four_hundred_are_enough_for_a_file() {
        let many = |count: usize| "fn f() {}\n".repeat(count);
        assert!(run(&house(&[("a.rs", &many(400))])).is_empty());
        assert_eq!(run(&house(&[("a.rs", &many(401))])).len(), 1);
        assert!(run(&house(&[("crates/a/tests/loom.rs", &many(401))])).is_empty());
    }

    #[test]
    fn the_median_is_the_middle_one() {
        let sizes = vec![(9, "c".to_owned()), (1, "a".to_owned()), (5, "b".to_owned())];
        assert_eq!(described("files", sizes), "3 files, median 5 lines of code, largest 9 (c)");
    }
}
