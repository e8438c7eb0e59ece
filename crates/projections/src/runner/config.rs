//! What may be set about a runner.

use std::time::Duration;

use super::lease::Owner;

/// Bounds and times of a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerConfig {
    /// Who this process is to the others that project into the same store; `None` for a name that nobody has.
    pub owner: Option<Owner>,
    /// After how long without a sign of life a process is dead to the others, and its partitions are theirs.
    pub lease_ttl: Duration,
    /// Most messages in a batch, unless a single commit is larger.
    pub batch_messages_max: usize,
    /// Bytes of payload after which a batch takes no further message.
    pub batch_bytes_max: usize,
    /// First delay after a failure; each further one doubles, with jitter.
    pub retry_delay_min: Duration,
    /// Longest delay between two tries.
    pub retry_delay_max: Duration,
    /// How long the store or the log may take to answer before the try counts as failed.
    pub answer_timeout: Duration,
    /// How often lag is measured for metrics and readiness.
    pub observe_interval: Duration,
    /// After how long without progress, while the log goes on, a worker counts as stuck, whatever it says itself.
    pub stall_after: Duration,
    /// How often the gap auditor looks.
    pub audit_interval: Duration,
    /// How long [`stop`](super::RunnerHandle::stop) waits for batches in flight.
    pub stop_timeout: Duration,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self {
            owner: None,
            lease_ttl: Duration::from_secs(3),
            batch_messages_max: 1_000,
            batch_bytes_max: 8 * 1024 * 1024,
            retry_delay_min: Duration::from_millis(100),
            retry_delay_max: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(60),
            observe_interval: Duration::from_secs(1),
            stall_after: Duration::from_secs(30),
            audit_interval: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(10),
        }
    }
}
