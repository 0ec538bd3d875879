//! `docs/faults.toml`: which test notices which fault, and why some orderings may survive.

use serde::Deserialize;

/// Where the book lies.
pub(crate) const PATH: &str = "docs/faults.toml";

/// The whole book.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    #[serde(default, rename = "defect")]
    pub(crate) defects: Vec<Defect>,
    #[serde(default, rename = "watch")]
    pub(crate) watches: Vec<Watch>,
    #[serde(default, rename = "outside")]
    pub(crate) outside: Vec<Outside>,
    #[serde(default, rename = "survivor")]
    pub(crate) survivors: Vec<Survivor>,
}

/// A known defect that a test build can bring back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defect {
    /// As in `PYLOCK_FAULT` and `primitive::FAULTS`.
    pub(crate) name: String,
    /// The CPython issue, where there is one.
    pub(crate) issue: Option<u32>,
    /// What goes wrong.
    pub(crate) what: String,
    /// The tests that must notice; each of them must.
    pub(crate) detectors: Vec<Detector>,
}

/// One test function.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detector {
    pub(crate) package: String,
    pub(crate) kind: Kind,
    /// The integration test, the file name below `tests` without its ending.
    pub(crate) target: String,
    /// The test function with its modules.
    pub(crate) test: String,
}

/// The build in which a detector runs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Loom,
    Shuttle,
    /// The ordinary build with `--cfg seeded_faults`.
    Seeded,
}

/// Which models look at the orderings of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Watch {
    /// From the top of the workspace.
    pub(crate) file: String,
    /// `package/part`: the loom models of a package whose name contains the part.
    pub(crate) models: Vec<String>,
}

/// A file that no model can see.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outside {
    pub(crate) file: String,
    pub(crate) reason: String,
}

/// An ordering that may be weakened without any model noticing, and why it stays as it is.
///
/// It is known by its text, not by its line, so that an edit elsewhere does not lose it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Survivor {
    pub(crate) file: String,
    /// `Type::function`.
    pub(crate) function: String,
    /// A part of the call as `faults --list` shows it.
    pub(crate) text: String,
    /// For an `AcqRel` of which only one half survives weakening: the half that was taken away.
    pub(crate) without: Option<Half>,
    pub(crate) reason: String,
}

/// One half of `AcqRel`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Half {
    Acquire,
    Release,
}

impl Kind {
    /// The `--cfg` of its build.
    pub(crate) fn cfg(self) -> &'static str {
        match self {
            Self::Loom => "loom",
            Self::Shuttle => "shuttle",
            Self::Seeded => "seeded_faults",
        }
    }
}

impl Book {
    /// Reads the book; what is wrong with it is one line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let book: Self =
            toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
        let silent = book.survivors.iter().find(|survivor| survivor.reason.trim().is_empty());
        if let Some(survivor) = silent {
            return Err(format!(
                "the survivor {} {} has no reason",
                survivor.file, survivor.function
            ));
        }
        if let Some(defect) = book.defects.iter().find(|defect| defect.detectors.is_empty()) {
            return Err(format!("the defect {} has no detector", defect.name));
        }
        Ok(book)
    }
}

#[cfg(test)]
mod tests {
    use super::{Book, Half, Kind};

    const WHOLE: &str = r#"
        [[defect]]
        name = "148820"
        issue = 148820
        what = "returns early"
        detectors = [{ package = "a", kind = "seeded", target = "faults", test = "t" }]

        [[watch]]
        file = "crates/a/src/b.rs"
        models = ["a/b_"]

        [[outside]]
        file = "crates/a/src/os.rs"
        reason = "the system is no model"

        [[survivor]]
        file = "crates/a/src/b.rs"
        function = "B::f"
        text = "load(Acquire)"
        without = "acquire"
        reason = "for readers of the debugger"
    "#;

    #[test]
    fn a_whole_book_is_read() {
        let book = Book::parse(WHOLE).expect("well formed");
        assert_eq!(book.defects[0].detectors[0].kind, Kind::Seeded);
        assert_eq!(book.survivors[0].without, Some(Half::Acquire));
        assert_eq!((book.watches.len(), book.outside.len()), (1, 1));
    }

    #[test]
    fn an_empty_book_is_a_book() {
        assert!(Book::parse("").is_ok());
    }

    #[test]
    fn what_is_missing_is_said() {
        let silent = WHOLE.replace("for readers of the debugger", " ");
        assert!(Book::parse(&silent).unwrap_err().contains("has no reason"));
        let blind = WHOLE
            .replace(r#"{ package = "a", kind = "seeded", target = "faults", test = "t" }"#, "");
        assert!(Book::parse(&blind).unwrap_err().contains("has no detector"));
        assert!(Book::parse("[[defects]]").is_err());
    }
}
