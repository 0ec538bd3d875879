//! Model tests: building them with a checker's switch on, and running them one by one.
//!
//! Each model runs in a process of its own, so that it has its own time, its own time limit, and so that one
//! that hangs or aborts takes no other with it.

mod build;
mod run;

pub(crate) use build::{Binary, Build, build};
pub(crate) use run::{Limits, Report, Verdict, in_parallel, run_one};

/// One model: a test function of a test binary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'a> {
    pub(crate) binary: &'a Binary,
    pub(crate) name: &'a str,
}

/// The models of these binaries whose name contains `filter`.
pub(crate) fn matching<'a>(binaries: &'a [Binary], filter: Option<&str>) -> Vec<Model<'a>> {
    let models = binaries.iter().flat_map(|binary| {
        binary.models.iter().map(move |name| Model { binary, name: name.as_str() })
    });
    models.filter(|model| filter.is_none_or(|part| model.name.contains(part))).collect()
}
