//! Which loom models look at which file, and how long each takes when nothing is weakened.

use super::book::{Book, Kind};
use super::judge::Judge;
use super::sites::Site;
use crate::loom::indented;
use crate::models::{Model, Verdict, in_parallel, matching};
use crate::say::say;
use crate::stop::{Outcome, Stop};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// A model, and the time it takes when nothing is weakened.
pub(super) type Timed<'a> = (Model<'a>, Duration);

/// The models of every file that has an ordering to weaken, the quickest first.
pub(super) struct Panel<'a> {
    by_file: BTreeMap<String, Vec<Timed<'a>>>,
}

impl<'a> Panel<'a> {
    /// Finds the models and runs each once: it must pass, or its failures would mean nothing. One that takes
    /// too long is left out.
    pub(super) fn new(
        book: &Book,
        judge: &'a Judge<'_>,
        sites: &[&Site],
        jobs: usize,
    ) -> Outcome<Self> {
        let files: BTreeSet<&str> = sites.iter().map(|site| site.file.as_str()).collect();
        let mut by_file = BTreeMap::new();
        for file in files {
            let models = models_of(book, judge, file);
            if models.is_empty() {
                let why = format!(
                    "no model looks at {file}: add a [[watch]] or an [[outside]] to the book"
                );
                return Err(Stop::Failed(why));
            }
            by_file.insert(file.to_owned(), models);
        }
        let times = times(judge, by_file.values().flatten(), jobs)?;
        let timed = |model: Model<'a>| Some((model, *times.get(&key(&model))?));
        let sorted = |models: Vec<Model<'a>>| {
            let mut models: Vec<_> = models.into_iter().filter_map(timed).collect();
            models.sort_by_key(|(_, took)| *took);
            models
        };
        Ok(Self {
            by_file: by_file.into_iter().map(|(file, models)| (file, sorted(models))).collect(),
        })
    }

    /// The models that look at `file`.
    pub(super) fn models(&self, file: &str) -> &[Timed<'a>] {
        self.by_file.get(file).map_or(&[], Vec::as_slice)
    }
}

/// A package and the part of a model's name.
fn watchers(book: &Book, file: &str) -> Vec<(String, String)> {
    match book.watches.iter().find(|watch| watch.file == file) {
        Some(watch) => watch.models.iter().map(|model| split(model)).collect(),
        // Nobody said: every model of its own crate.
        None => vec![(file.split('/').nth(1).unwrap_or_default().to_owned(), String::new())],
    }
}

fn split(model: &str) -> (String, String) {
    let (package, part) = model.split_once('/').unwrap_or((model, ""));
    (package.to_owned(), part.to_owned())
}

/// The packages whose models are needed.
pub(super) fn packages(book: &Book, sites: &[&Site]) -> BTreeSet<String> {
    sites.iter().flat_map(|site| watchers(book, &site.file)).map(|(package, _)| package).collect()
}

fn models_of<'a>(book: &Book, judge: &'a Judge<'_>, file: &str) -> Vec<Model<'a>> {
    let watchers = watchers(book, file);
    let found = watchers
        .iter()
        .flat_map(|(package, part)| matching(judge.binaries(Kind::Loom, package), Some(part)));
    let mut seen = BTreeSet::new();
    found.filter(|model| seen.insert(key(model))).collect()
}

/// What tells a model from every other.
fn key(model: &Model<'_>) -> (String, String) {
    (model.binary.path.to_string_lossy().into_owned(), model.name.to_owned())
}

fn times<'m>(
    judge: &Judge<'_>,
    models: impl Iterator<Item = &'m Model<'m>>,
    jobs: usize,
) -> Outcome<BTreeMap<(String, String), Duration>> {
    let all: BTreeMap<_, _> = models.map(|model| (key(model), *model)).collect();
    let all: Vec<_> = all.into_iter().collect();
    say!("\nRunning {} models as they are", all.len());
    let times = Mutex::new(BTreeMap::new());
    in_parallel(&all, jobs, |(key, model)| {
        let report = judge.run(model, None, judge.timeout)?;
        let (name, seconds) = (model.name, judge.timeout.as_secs());
        match report.verdict {
            Verdict::Passed => {
                times.lock().expect("no worker panics").insert(key.clone(), report.took);
            }
            Verdict::Hung => say!("left out: {name} takes more than {seconds} s as it is"),
            verdict => {
                let (word, output) = (verdict.word(), indented(&report.output));
                let why = format!("{name} {word} with nothing weakened:\n{output}");
                return Err(Stop::Failed(why));
            }
        }
        Ok(())
    })?;
    Ok(times.into_inner().expect("no worker panics"))
}

#[cfg(test)]
mod tests {
    use super::{Book, watchers};

    #[test]
    fn a_file_is_watched_by_its_own_crate_unless_the_book_says_otherwise() {
        let text = "[[watch]]\nfile = \"crates/a/src/b.rs\"\nmodels = [\"a/b_\", \"c\"]\n";
        let book = Book::parse(text).expect("well formed");
        let pair = |package: &str, part: &str| (package.to_owned(), part.to_owned());
        assert_eq!(watchers(&book, "crates/a/src/b.rs"), [pair("a", "b_"), pair("c", "")]);
        assert_eq!(watchers(&book, "crates/d/src/e.rs"), [pair("d", "")]);
    }
}
