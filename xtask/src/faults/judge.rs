//! Building detectors and models, each build once, and running them with and without a fault.

use super::book::{Detector, Kind};
use crate::models::{Binary, Build, Limits, Model, Report, build, run_one};
use crate::stop::{Outcome, Stop};
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that is needed to run a test with a fault in it.
pub(super) struct Judge<'a> {
    pub(super) workspace: &'a Workspace,
    env: Vec<(&'static str, String)>,
    pub(super) timeout: Duration,
    built: BTreeMap<(Kind, String), Vec<Binary>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        env: Vec<(&'static str, String)>,
        timeout: Duration,
    ) -> Self {
        Self { workspace, env, timeout, built: BTreeMap::new() }
    }

    /// Builds the models of a package, or `ordinary` tests of it, unless that has been done.
    pub(super) fn prepare(&mut self, kind: Kind, package: &str, ordinary: &[&str]) -> Outcome {
        let key = (kind, package.to_owned());
        if self.built.contains_key(&key) {
            return Ok(());
        }
        let found = self.workspace.chosen(Some(package))?[0];
        let tests = match kind {
            Kind::Loom => found.tests_named("loom"),
            Kind::Shuttle => found.tests_named("shuttle"),
            Kind::Seeded => ordinary.to_vec(),
        };
        let release = kind != Kind::Seeded;
        let what = Build { cfg: kind.cfg(), package, tests, release };
        let binaries =
            if what.tests.is_empty() { Vec::new() } else { build(self.workspace, &what)? };
        self.built.insert(key, binaries);
        Ok(())
    }

    /// The prepared tests of a package.
    pub(super) fn binaries(&self, kind: Kind, package: &str) -> &[Binary] {
        self.built.get(&(kind, package.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The test that a detector names.
    pub(super) fn detector(&self, detector: &Detector) -> Outcome<Model<'_>> {
        let binaries = self.binaries(detector.kind, &detector.package);
        let binary = binaries.iter().find(|binary| binary.target == detector.target);
        let found = binary.and_then(|binary| {
            let name = binary.models.iter().find(|name| **name == detector.test)?;
            Some(Model { binary, name })
        });
        let Detector { package, target, test, .. } = detector;
        found.ok_or_else(|| {
            Stop::Failed(format!("{package} has no test {test} in tests/{target}.rs"))
        })
    }

    /// Runs one test with one fault, or with none.
    pub(super) fn run(
        &self,
        model: &Model<'_>,
        fault: Option<(&'static str, String)>,
        timeout: Duration,
    ) -> Outcome<Report> {
        let env = self.env.iter().cloned().chain(fault).collect();
        run_one(model, &Limits { env, timeout })
    }
}
