//! What the checks look at: the workspace, its sources, and its documents.

use crate::scan::{Source, files_below, slashed};
use crate::stop::{Outcome, While};
use crate::workspace::Workspace;
use std::collections::BTreeSet;
use std::fs;

/// Everything that a check may look at.
pub(super) struct House {
    pub(super) workspace: Workspace,
    /// Every Rust file.
    pub(super) sources: Vec<Source>,
    /// Every Markdown and TOML file, the lists and headers of the C interface, and the scripts.
    pub(super) documents: Vec<Document>,
    /// Every file that is there, by its path from the top.
    pub(super) files: BTreeSet<String>,
}

/// A file that is no Rust.
#[derive(Debug)]
pub(super) struct Document {
    /// From the top of the workspace, with forward slashes.
    pub(super) path: String,
    pub(super) text: String,
}

/// Files that are read although their folder is hidden.
const HIDDEN: &[&str] = &[".ci/run", ".cargo/config.toml", ".github/workflows/ci.yml"];

impl House {
    /// Reads the workspace around the current folder.
    pub(super) fn read() -> Outcome<Self> {
        let workspace = Workspace::read()?;
        let root = workspace.root.clone();
        let paths = files_below(&root, "")?;
        let mut sources = Vec::new();
        let mut documents = Vec::new();
        for path in &paths {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            if extension == "rs" {
                sources.push(Source::read(&root, path)?);
            } else if matches!(&*extension, "md" | "toml" | "txt" | "h") {
                documents.push(Document::read(&root.join(path), slashed(&root, path))?);
            }
        }
        for path in HIDDEN.iter().filter(|path| root.join(path).exists()) {
            documents.push(Document::read(&root.join(path), (*path).to_owned())?);
        }
        leave_out_tests(&mut sources);
        let files = paths.iter().map(|path| slashed(&root, path)).collect();
        Ok(Self { workspace, sources, documents, files })
    }

    /// The sources of the published crates.
    pub(super) fn crate_sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| is_crate_source(&source.path))
    }

    /// The document at `path`.
    pub(super) fn document(&self, path: &str) -> Option<&Document> {
        self.documents.iter().find(|document| document.path == path)
    }
}

/// What a file that is there in tests only holds does not ship.
fn leave_out_tests(sources: &mut [Source]) {
    let is_kept_for_tests =
        |file: &Source| sources.iter().any(|other| other.keeps_for_tests(&file.path));
    let for_tests: Vec<bool> = sources.iter().map(is_kept_for_tests).collect();
    for (file, _) in sources.iter_mut().zip(for_tests).filter(|(_, for_tests)| *for_tests) {
        file.ships_nothing();
    }
}

impl Document {
    fn read(path: &std::path::Path, name: String) -> Outcome<Self> {
        let text = fs::read_to_string(path).while_doing(format!("read {}", path.display()))?;
        Ok(Self { path: name, text })
    }

    /// The lines with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// Whether the file is part of a published crate: below its `src`, and not a file of tests.
pub(super) fn is_crate_source(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("crates") && parts.nth(1) == Some("src") && !is_test(path)
}

/// Whether the file holds tests only.
pub(super) fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests")
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Document, House, is_crate_source};
    use crate::scan::Source;
    use crate::workspace::tests::workspace;

    /// A house with these files and nothing else.
    pub(in crate::tidy) fn house(files: &[(&str, &str)]) -> House {
        let (rust, other): (Vec<_>, Vec<_>) =
            files.iter().partition(|(path, _)| path.ends_with(".rs"));
        let source = |&(path, text): &(&str, &str)| {
            Source::parse(path, text.to_owned()).expect("the example is Rust")
        };
        let document = |&(path, text): &(&str, &str)| Document {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        House {
            workspace: workspace(Vec::new()),
            sources: rust.iter().map(source).collect(),
            documents: other.iter().map(document).collect(),
            files: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
        }
    }

    #[test]
    fn crate_sources_are_below_src() {
        assert!(is_crate_source("crates/a/src/os/linux.rs"));
        assert!(!is_crate_source("crates/a/tests/api.rs"));
        assert!(!is_crate_source("crates/a/src/mutex/tests.rs"));
        assert!(!is_crate_source("xtask/src/main.rs"));
    }
}
