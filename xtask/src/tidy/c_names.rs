//! What pycapi offers to C is written down, and the same wherever it stands.
//!
//! | file of `crates/pycapi` | symbols | layout |
//! |---|---|---|
//! | `abi/symbols.txt`, `abi/layout.txt` | name, version, part | type, size, alignment, `field:offset` |
//! | `include/pycapi.h` | prototypes, under conditions on the version and on `PYCAPI_NO_EMBED` | `PYCAPI_LAYOUT`, `PYCAPI_OFFSET` |
//! | `src/*.rs` | `#[unsafe(no_mangle)]` functions | the rows of `layout!` in `layout.rs` |
//!
//! Compilers check what the assertions say, and the tests of pycapi what the library exports.

use super::house::House;
use super::{Check, Finding};
use crate::scan::Source;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const CHECK: Check = Check {
    name: "c_names",
    rule: "what pycapi exports, and each size and offset that its header states, is listed in crates/pycapi/abi: \
           other people's binaries rely on both",
    run,
};

const SYMBOLS: &str = "crates/pycapi/abi/symbols.txt";
const LAYOUT: &str = "crates/pycapi/abi/layout.txt";
const HEADER: &str = "crates/pycapi/include/pycapi.h";
const SOURCES: &str = "crates/pycapi/src/";
const LAYOUT_SOURCE: &str = "crates/pycapi/src/layout.rs";

/// The files that the feature `embed` is about.
const EMBED: &[&str] = &["critical_section.rs", "embed.rs"];

/// The version that has what stands under no condition.
const FIRST: &str = "3.13";
/// The conditions of later versions, in the header and in the sources.
const HEADER_SINCE: &[(&str, &str)] =
    &[("if PYCAPI_PY_VERSION >= 314", "3.14"), ("if PYCAPI_PY_VERSION >= 315", "3.15")];
const SOURCE_SINCE: &[(&str, &str)] =
    &[("#[cfg(feature = \"py314\")]", "3.14"), ("#[cfg(feature = \"py315\")]", "3.15")];

/// Since when there is a name, and whether it is embed's.
type Symbols = BTreeMap<String, (String, bool)>;
/// Numbers by what they are about: `Type size`, `Type align`, `Type.field`.
type Numbers = BTreeMap<String, String>;

fn run(house: &House) -> Vec<Finding> {
    let text = |path| house.document(path).map_or("", |document| document.text.as_str());
    let listed = listed_symbols(text(SYMBOLS));
    let mut found = Vec::new();
    for (place, there) in [(HEADER, prototypes(text(HEADER))), (SOURCES, exports(house))] {
        compare(SYMBOLS, &listed, place, &there, &mut found);
    }
    let numbers = listed_numbers(text(LAYOUT));
    compare(LAYOUT, &numbers, HEADER, &asserted(text(HEADER)), &mut found);
    let sizes = numbers.into_iter().filter(|(about, _)| about.contains(' ')).collect();
    let source = house.sources.iter().find(|file| file.path == LAYOUT_SOURCE);
    let held = source.map(|file| held(&file.text)).unwrap_or_default();
    compare(LAYOUT, &sizes, LAYOUT_SOURCE, &held, &mut found);
    found
}

/// What only one of the two has, or each in another way.
fn compare<T: PartialEq + std::fmt::Debug>(
    list: &str,
    listed: &BTreeMap<String, T>,
    place: &str,
    there: &BTreeMap<String, T>,
    found: &mut Vec<Finding>,
) {
    let names: BTreeSet<_> = listed.keys().chain(there.keys()).collect();
    for name in names {
        let text = match (listed.get(name), there.get(name)) {
            (Some(said), Some(is)) if said == is => continue,
            (Some(said), Some(is)) => {
                format!("`{name}` is {said:?} here and {is:?} in {place}; settle which")
            }
            (Some(_), None) => format!("`{name}` is not in {place}; add it there, or take it out"),
            (None, _) => format!("`{name}` is in {place} and not listed; list it"),
        };
        found.push(Finding::new(list, 1, text));
    }
}

/// The rows of a list, in words.
fn rows(list: &str) -> impl Iterator<Item = Vec<&str>> {
    list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace().collect())
}

fn listed_symbols(list: &str) -> Symbols {
    let row = |words: Vec<&str>| {
        let [name, since, part] = words[..] else { return None };
        Some((name.to_owned(), (since.to_owned(), part == "embed")))
    };
    rows(list).filter_map(row).collect()
}

fn listed_numbers(list: &str) -> Numbers {
    let mut numbers = Numbers::new();
    for row in rows(list) {
        let [name, size, align, fields @ ..] = &row[..] else { continue };
        numbers.insert(format!("{name} size"), (*size).to_owned());
        numbers.insert(format!("{name} align"), (*align).to_owned());
        for (field, offset) in fields.iter().filter_map(|field| field.split_once(':')) {
            numbers.insert(format!("{name}.{field}"), offset.to_owned());
        }
    }
    numbers
}

/// The version that `line` is the condition of.
fn version(line: &str, conditions: &[(&str, &'static str)]) -> Option<&'static str> {
    conditions.iter().find(|(condition, _)| *condition == line).map(|(_, since)| *since)
}

/// Adds a name, in the earliest of its versions.
fn note(symbols: &mut Symbols, name: &str, since: &str, embed: bool) {
    let entry = symbols.entry(name.to_owned()).or_insert_with(|| (since.to_owned(), embed));
    if since < entry.0.as_str() {
        since.clone_into(&mut entry.0);
    }
}

/// The functions that the header declares and does not define.
fn prototypes(header: &str) -> Symbols {
    let mut symbols = Symbols::new();
    let mut conditions: Vec<&str> = Vec::new();
    for line in header.lines() {
        if let Some(directive) = line.strip_prefix('#') {
            follow(directive.trim(), &mut conditions);
        } else if let Some(name) = declared(line) {
            let since = conditions.iter().find_map(|line| version(line, HEADER_SINCE));
            let embed = conditions.contains(&"ifndef PYCAPI_NO_EMBED");
            note(&mut symbols, name, since.unwrap_or(FIRST), embed);
        }
    }
    symbols
}

/// Keeps track of the conditions that a line stands under.
fn follow<'a>(directive: &'a str, conditions: &mut Vec<&'a str>) {
    if directive.starts_with("if") {
        conditions.push(directive);
    } else if directive.starts_with("el") {
        conditions.pop();
        conditions.push("else");
    } else if directive.starts_with("endif") {
        conditions.pop();
    }
}

/// The name in a line that begins a prototype: a type, a name, a parenthesis.
fn declared(line: &str) -> Option<&str> {
    let (before, _) = line.split_once('(')?;
    let (kind, name) = before.rsplit_once([' ', '*'])?;
    let is_type = kind.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && !kind.starts_with("static")
        && !kind.starts_with("typedef");
    let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !name.is_empty();
    (is_type && is_name).then_some(name)
}

/// The functions that the sources export.
fn exports(house: &House) -> Symbols {
    let mut symbols = Symbols::new();
    for file in house.sources.iter().filter(|file| file.path.starts_with(SOURCES)) {
        let embed = EMBED.iter().any(|name| file.path.ends_with(name));
        for (name, since) in exported(file) {
            note(&mut symbols, name, since, embed);
        }
    }
    symbols
}

/// The exported functions of a file, each with its version.
fn exported(file: &Source) -> Vec<(&str, &'static str)> {
    let mut found = Vec::new();
    let (mut unmangled, mut since) = (false, FIRST);
    for line in file.text.lines().map(str::trim_start) {
        unmangled |= line == "#[unsafe(no_mangle)]";
        since = version(line, SOURCE_SINCE).unwrap_or(since);
        let Some((_, rest)) = line.split_once("fn ") else { continue };
        if !line.starts_with("//") {
            if unmangled {
                let end = rest.find(['(', '<']).unwrap_or(rest.len());
                found.push((&rest[..end], since));
            }
            (unmangled, since) = (false, FIRST);
        }
    }
    found
}

/// What the header asserts.
fn asserted(header: &str) -> Numbers {
    let mut numbers = Numbers::new();
    for line in header.lines() {
        let words = |start| {
            let inside = line.strip_prefix(start)?.strip_suffix(");")?;
            Some(inside.split(", ").map(str::to_owned).collect::<Vec<_>>())
        };
        if let Some([name, size, align]) = words("PYCAPI_LAYOUT(").as_deref() {
            numbers.insert(format!("{name} size"), size.clone());
            numbers.insert(format!("{name} align"), align.clone());
        }
        if let Some([name, field, offset]) = words("PYCAPI_OFFSET(").as_deref() {
            numbers.insert(format!("{name}.{field}"), offset.clone());
        }
    }
    numbers
}

/// What `layout.rs` asserts: `"Name" is Type: size, align;`.
fn held(source: &str) -> Numbers {
    let row = |line: &str| {
        let (name, rest) = line.trim().strip_prefix('"')?.split_once("\" is ")?;
        let (size, align) = rest.strip_suffix(';')?.rsplit_once(": ")?.1.split_once(", ")?;
        Some([
            (format!("{name} size"), size.to_owned()),
            (format!("{name} align"), align.to_owned()),
        ])
    };
    source.lines().filter_map(row).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{HEADER, LAYOUT, LAYOUT_SOURCE, SYMBOLS, run};
    use crate::tidy::house::tests::house;

    const LIST: &str = "# a list\nPyA 3.13 lock\nPyB 3.14 lock\nPyC 3.13 embed\n";
    const SIZES: &str = "PyT 8 4 first:0 second:4\n";
    const DECLARED: &str = "void PyA(PyT *t);\nstatic inline int\nPyA_Fast(PyT *t)\n{\n    go(t);\n}\n\
        #if PYCAPI_PY_VERSION >= 314\nint *PyB(void);\n#endif\n\
        #ifndef PYCAPI_NO_EMBED\nint PyC(int (*f)(void *),\n        void *arg);\n#endif\n\
        PYCAPI_LAYOUT(PyT, 8, 4);\nPYCAPI_OFFSET(PyT, first, 0);\nPYCAPI_OFFSET(PyT, second, 4);\n";
    const HELD: &str =
        "//! The layout of all types.\nlayout! {\n    \"PyT\" is crate::T: 8, 4;\n}\n";

    fn function(attribute: &str, name: &str) -> String {
        format!(
            "{attribute}#[unsafe(no_mangle)]\nunsafe extern \"C\" fn {name}() {{ f() }}\nfn f() {{}}\n"
        )
    }

    fn found(list: &str, sizes: &str, header: &str, late: &str) -> Vec<String> {
        let lock = function("", "PyA") + &function(late, "PyB");
        let embed = function("", "PyC");
        let house = house(&[
            (SYMBOLS, list),
            (LAYOUT, sizes),
            (HEADER, header),
            (LAYOUT_SOURCE, HELD),
            ("crates/pycapi/src/mutex.rs", &lock),
            ("crates/pycapi/src/embed.rs", &embed),
        ]);
        run(&house).into_iter().map(|finding| finding.text).collect()
    }

    const LATE: &str = "#[cfg(feature = \"py314\")]\n";

    #[test]
    fn lists_that_agree_pass() {
        assert_eq!(found(LIST, SIZES, DECLARED, LATE), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_is_not_listed_is_found_twice() {
        let list = LIST.replace("PyA 3.13 lock\n", "");
        let told = found(&list, SIZES, DECLARED, LATE);
        assert_eq!(told.len(), 2, "in the header and in the sources: {told:?}");
        assert!(told.iter().all(|text| text.starts_with("`PyA` is in")));
    }

    #[test]
    fn a_name_in_another_version_or_part_is_found() {
        assert_eq!(found(LIST, SIZES, DECLARED, "").len(), 1);
        assert_eq!(
            found(&LIST.replace("PyC 3.13 embed", "PyC 3.13 lock"), SIZES, DECLARED, LATE).len(),
            2
        );
    }

    #[test]
    fn each_version_has_its_condition() {
        let list = LIST.replace("3.14", "3.15");
        let header = DECLARED.replace("314", "315");
        assert_eq!(found(&list, SIZES, &header, &LATE.replace("py314", "py315")).len(), 0);
        assert_eq!(found(&list, SIZES, &header, LATE).len(), 1);
        assert_eq!(found(LIST, SIZES, &header, LATE).len(), 1);
    }

    #[test]
    fn a_listed_name_that_is_gone_is_found() {
        assert_eq!(found(LIST, SIZES, &DECLARED.replace("void PyA(PyT *t);\n", ""), LATE).len(), 1);
    }

    #[test]
    fn another_size_or_offset_is_found() {
        assert_eq!(found(LIST, &SIZES.replace("PyT 8", "PyT 16"), DECLARED, LATE).len(), 2);
        assert_eq!(found(LIST, &SIZES.replace("second:4", "second:5"), DECLARED, LATE).len(), 1);
        assert_eq!(found(LIST, &SIZES.replace("PyT 8 4", "PyT 8 8"), DECLARED, LATE).len(), 2);
    }
}
