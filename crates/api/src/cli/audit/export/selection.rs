//! Which messages are exported.

use foodflow_domain::TenantId;
use foodflow_log::StoredMessage;

use super::ExportArguments;
use crate::cli::replay::filter::Subject;

/// What a message must be to be exported.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) tenant: Option<TenantId>,
    pub(super) subject: Option<Subject>,
    /// Whether the whole commits are exported that hold such a message.
    pub(super) with_commits: bool,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Selection {
    /// # Errors
    /// Where the arguments contradict each other.
    pub(super) fn of(arguments: &ExportArguments) -> anyhow::Result<Self> {
        let subject = arguments.lot.clone().or_else(|| arguments.subject.clone());
        anyhow::ensure!(
            subject.is_some() || !arguments.related,
            "--related goes with --lot or --subject: a tenant and a range hold whole commits anyway"
        );
        let (from, to) = (arguments.from.unwrap_or(1).max(1), arguments.to.unwrap_or(u64::MAX));
        anyhow::ensure!(from <= to, "--from {from} lies after --to {to}");
        let with_commits = subject.is_none() || arguments.related;
        Ok(Self { tenant: arguments.tenant, subject, with_commits, from, to })
    }

    pub(super) fn takes(&self, message: &StoredMessage) -> bool {
        (self.from..=self.to).contains(&message.position.0)
            && self.tenant.is_none_or(|tenant| tenant == message.tenant)
            && self.subject.as_ref().is_none_or(|subject| subject.is_of(&message.stream))
    }
}
