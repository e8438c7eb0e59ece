//! From the log to the read model: workers, progress, health and rebuild.
//!
//! One worker per partition reads on from the store's checkpoint, projects whole commits in order, and applies
//! them with the new checkpoint in one transaction. Nothing is ever passed over: a message that cannot be projected, or that
//! the store refuses, waits in quarantine with those of its entity behind it, and a worker that cannot go on says so ([`ProjectionState`]) and
//! tries again from the stored checkpoint. A reader of the store never sees half a commit, but for entities that wait.
//!
//! - [`projection`]: what a projection is to the runner;
//! - [`mod@start`], [`handle`]: starting, watching and stopping the workers;
//! - `audit`: whether anything was passed over, and what stands still;
//! - [`lease`]: which of several processes works on which partition;
//! - [`progress`]: waiting until a position has been applied, also by another process;
//! - `quarantine`: what becomes of a message that cannot be applied;
//! - [`rebuild`](mod@rebuild): a read model anew beside the live one, compared by digest, and the switch;
//! - [`metric_definitions`]: names, units and descriptions of the metrics.
//!
//! Several processes may run one projection into one store: they share the partitions by leases. Two on one partition
//! do no harm: the store takes batches only from the one that claimed the partition last. A rebuild keeps them from
//! claiming for the moment of the switch; they say that they are held, and go on then.

pub(crate) mod assembler;
mod audit;
mod backoff;
mod config;
pub mod handle;
pub mod lease;
pub mod metric_definitions;
mod observe;
pub mod progress;
pub mod projection;
pub(crate) mod quarantine;
pub mod rebuild;
mod session;
pub mod start;
mod state;
pub mod status;
mod worker;

pub use config::RunnerConfig;
pub use handle::RunnerHandle;
pub use lease::Owner;
pub use progress::{Progress, WaitError};
pub use projection::{
    Projected, Projection, ProjectionError, RecordedProjection, food_graph, place_in_commit,
};
pub use quarantine::decision_stream;
pub use rebuild::{
    Comparison, Outcome, RebuildError, RebuildOptions, RebuildProgress, RebuildReport, RebuildRequest,
    RebuildStage, SwitchPolicy, Verdict, rebuild, switch_back,
};
pub use start::{Runner, StartError};
pub use status::{ProjectionState, ProjectionStatus};
