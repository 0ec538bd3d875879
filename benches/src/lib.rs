//! The measuring bench.
//!
//! A single time on a shared machine proves nothing, so the bench never reports one alone. It runs
//! every primitive beside its peers and beside what the hardware allows, in one process, in short
//! blocks whose order is drawn anew for every round, and reports **ratios** with their spread.
//!
//! | file | what it is |
//! |---|---|
//! | [`arm`], [`cell`], [`rows`] | who competes, under which conditions, for which goal |
//! | [`peers`] | the contestants behind one small trait per kind |
//! | [`contest`], [`crew`], [`solo`] | rounds of blocks; threads for contended cells, straight lines for the rest |
//! | [`figure`], [`usage`], [`heap`], [`asleep`], [`affinity`] | the raw numbers of a block, and what the system tells and does |
//! | [`stats`], [`goal`], [`report`] | paired ratios, intervals, verdicts, goals |
//! | [`table`], [`matrix`], [`summary`], [`chart`], [`plot`] | for people; `--json` is for programs |
//! | [`instructions`] | instruction counts under callgrind |
//! | [`run`], [`args`], [`progress`], [`machine`] | the command |
//!
//! How a ratio is read: it is *our* cost divided by *theirs*, so 0.80 means that ours takes a fifth
//! less. A cell is called "equal" where the 95 % interval of the ratio contains 1. Every cell also
//! runs our arm twice, as a control: where the interval of that ratio does not contain 1, the cell
//! says more about the machine than about locks, and the report says so.

pub mod affinity;
pub mod args;
pub mod arm;
pub mod asleep;
pub mod cell;
pub mod chart;
pub mod contest;
pub mod context;
pub mod crew;
pub mod figure;
pub mod goal;
pub mod heap;
pub mod instructions;
pub mod machine;
pub mod matrix;
pub mod pace;
pub mod peers;
pub mod plot;
pub mod progress;
pub mod random;
pub mod report;
pub mod rows;
pub mod run;
pub mod solo;
pub mod stats;
pub mod summary;
pub mod table;
pub mod usage;
