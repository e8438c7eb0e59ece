//! Where the JetStream log is and how to sign in. Nothing here is ever logged with a secret in it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::address::Address;
use crate::LogError;
use crate::event_log::PARTITIONS_MAX;

/// How long an answer of the server is awaited unless configured otherwise.
pub const ANSWER_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// How to sign in where no address says.
#[derive(Clone, PartialEq, Eq)]
pub enum NatsCredentials {
    /// A `.creds` file: a JWT and its key seed, as `nsc` writes it.
    CredentialsFile(PathBuf),
    /// A file whose whole content is the seed of an NKey.
    NkeyFile(PathBuf),
    /// A token.
    Token(String),
    /// A user and a password.
    User {
        /// The user.
        name: String,
        /// The password.
        password: String,
    },
}

impl fmt::Debug for NatsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CredentialsFile(path) => f.debug_tuple("CredentialsFile").field(path).finish(),
            Self::NkeyFile(path) => f.debug_tuple("NkeyFile").field(path).finish(),
            Self::Token(_) => f.write_str("Token"),
            Self::User { name, .. } => f.debug_struct("User").field("name", name).finish_non_exhaustive(),
        }
    }
}

/// How to reach the JetStream log.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// One or more addresses, separated by commas: `nats://user:password@host:4222`, `tls://…`.
    pub url: String,
    /// Partitions of a log that does not exist yet ([`crate::event_log::PARTITIONS_DEFAULT`] for `None`). For a log that
    /// exists, `None` accepts what is found and `Some` must agree with it.
    pub partitions: Option<u16>,
    /// Replicas of each partition in a cluster, used only when the log is created.
    pub replicas: u8,
    /// How to sign in where no address says; both is refused.
    pub credentials: Option<NatsCredentials>,
    /// How long one answer of the server is awaited.
    pub answer_timeout: Duration,
}

impl NatsConfig {
    /// The log at `url`, everything else by default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            partitions: None,
            replicas: 1,
            credentials: None,
            answer_timeout: ANSWER_TIMEOUT_DEFAULT,
        }
    }

    /// The same with a number of partitions that the log must have.
    #[must_use]
    pub fn with_partitions(mut self, partitions: u16) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// The addresses, parsed; at least one.
    pub(super) fn addresses(&self) -> Result<Vec<Address>, LogError> {
        self.url.split(',').map(|part| Address::parse(part.trim())).collect()
    }

    /// Refuses numbers that no log can have.
    pub(super) fn check(&self) -> Result<(), LogError> {
        if self.partitions.is_some_and(|count| count == 0 || count > PARTITIONS_MAX) {
            let reason = format!("a log has 1 to {PARTITIONS_MAX} partitions");
            return Err(LogError::Configuration { reason });
        }
        if !matches!(self.replicas, 1 | 3 | 5) {
            return Err(LogError::Configuration { reason: "replicas are 1, 3 or 5".to_owned() });
        }
        Ok(())
    }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.addresses().map(|all| Address::describe_all(&all));
        f.debug_struct("NatsConfig")
            .field("url", &url.as_deref().unwrap_or("(not an address)"))
            .field("partitions", &self.partitions)
            .field("replicas", &self.replicas)
            .field("credentials", &self.credentials)
            .field("answer_timeout", &self.answer_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_password() {
        let (name, password) = ("plant".to_owned(), "s3cret".to_owned());
        for credentials in
            [NatsCredentials::User { name, password }, NatsCredentials::Token("s3cret".to_owned())]
        {
            let config = NatsConfig {
                credentials: Some(credentials),
                ..NatsConfig::new("nats://plant:s3cret@log-1:4222,nats://tok3n@log-2:4222")
            };
            let shown = format!("{config:?}");
            assert!(shown.contains("nats://log-1:4222,nats://log-2:4222"), "{shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("tok3n"), "{shown}");
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        assert!(NatsConfig::new("nats://h").with_partitions(0).check().is_err());
        assert!(NatsConfig::new("nats://h").with_partitions(257).check().is_err());
        assert!(NatsConfig { replicas: 2, ..NatsConfig::new("nats://h") }.check().is_err());
        assert!(NatsConfig::new("nats://h").check().is_ok());
    }
}
