//! What the help pages share.

/// What every help page says last.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  everything that was asked for passed
  1  a check failed; the output says which
  2  the command line was wrong
  3  a tool is absent; the output says which and how to get it";

/// The end of a command's page: its needs and examples, then the exit codes.
pub(crate) fn page(more: &str) -> String {
    format!("{}\n\n{EXIT_CODES}", more.trim_end())
}
