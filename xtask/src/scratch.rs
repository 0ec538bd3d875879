//! A target folder for one run of `cargo package`, and the removal of what cargo keeps of it.
//!
//! Cargo unpacks the packages that depend on each other into `registry/src` of its home, in a folder
//! named after the path of the target folder, and takes what it finds there for the package of that
//! version: a second run with the same target folder would check the first run's sources. So each
//! run has a folder of its own, and clears both away.

use crate::workspace::Package;
use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

/// Deleted, with what cargo unpacked on its account, when it goes.
pub(crate) struct Scratch {
    folder: PathBuf,
    unpacked: Option<PathBuf>,
    before: BTreeSet<OsString>,
    ours: Vec<String>,
}

impl Scratch {
    /// A folder below `target` that no run has had.
    pub(crate) fn new(target: &Path, packages: &[&Package]) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let folder = target.join(format!("publish-{}-{}", process::id(), since.as_nanos()));
        let unpacked = cargo_home().map(|home| home.join("registry").join("src"));
        let before = unpacked.as_deref().map(names).unwrap_or_default();
        let ours = packages.iter().map(|one| format!("{}-{}", one.name, one.version)).collect();
        Self { folder, unpacked, before, ours }
    }

    /// Where cargo is to build.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in nobody's way: the next run has other names.
        let _ = fs::remove_dir_all(&self.folder);
        let Some(unpacked) = &self.unpacked else { return };
        for name in names(unpacked).difference(&self.before) {
            let folder = unpacked.join(name);
            if holds_only(&folder, &self.ours) {
                let _ = fs::remove_dir_all(folder);
            }
        }
    }
}

fn cargo_home() -> Option<PathBuf> {
    let named = env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

/// The names in a folder; none if it cannot be read.
fn names(folder: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect()
}

/// Another cargo may unpack at the same time: only a folder of nothing but our packages is ours.
fn holds_only(folder: &Path, ours: &[String]) -> bool {
    let found = names(folder);
    !found.is_empty() && found.iter().all(|name| ours.iter().any(|own| name == own.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{Scratch, holds_only, names};
    use std::env;
    use std::fs;

    #[test]
    fn two_runs_never_share_a_folder() {
        let target = env::temp_dir();
        let (one, two) = (Scratch::new(&target, &[]), Scratch::new(&target, &[]));
        assert_ne!(one.folder(), two.folder());
    }

    #[test]
    fn the_folder_goes_with_the_run() {
        let scratch = Scratch::new(&env::temp_dir(), &[]);
        let folder = scratch.folder().to_owned();
        fs::create_dir_all(folder.join("package")).unwrap();
        drop(scratch);
        assert!(!folder.exists());
    }

    #[test]
    fn a_folder_with_anything_else_in_it_is_not_ours() {
        let scratch = Scratch::new(&env::temp_dir(), &[]);
        let ours = ["pyparking-0.1.0".to_owned()];
        fs::create_dir_all(scratch.folder().join("pyparking-0.1.0")).unwrap();
        assert!(holds_only(scratch.folder(), &ours));
        fs::create_dir_all(scratch.folder().join("loom-0.7.2")).unwrap();
        assert!(!holds_only(scratch.folder(), &ours));
        assert_eq!(names(scratch.folder()).len(), 2);
        assert!(!holds_only(&scratch.folder().join("absent"), &ours));
    }
}
