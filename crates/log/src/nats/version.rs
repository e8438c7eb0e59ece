//! The version gate: an older server ignores the headers of an atomic batch and would store half a commit.

use std::str::FromStr;

use crate::LogError;

/// Lowest server version whose atomic batches keep the log's promises.
pub const SERVER_VERSION_REQUIRED: &str = "2.14.6";
/// Lowest JetStream API level that has atomic batches.
pub(super) const API_LEVEL_REQUIRED: u32 = 2;

/// A server version, of which only the three numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        let mut parts = numbers.split('.').map(str::parse);
        let mut next = || parts.next().and_then(Result::ok).ok_or(());
        Ok(Self(next()?, next()?, next()?))
    }
}

/// Refuses a server that is too old, or whose version cannot be read.
pub(super) fn check_server(found: &str, url: &str) -> Result<(), LogError> {
    let required = SERVER_VERSION_REQUIRED.parse::<Version>();
    match found.parse::<Version>() {
        Ok(version) if required.is_ok_and(|required| version >= required) => Ok(()),
        _ => Err(unsupported(found.to_owned(), SERVER_VERSION_REQUIRED.to_owned(), url)),
    }
}

/// Refuses a JetStream whose API level does not know atomic batches.
pub(super) fn check_api_level(level: u32, server: &str, url: &str) -> Result<(), LogError> {
    if level >= API_LEVEL_REQUIRED {
        return Ok(());
    }
    let found = format!("{server} (JetStream API level {level})");
    let required = format!("{SERVER_VERSION_REQUIRED} (JetStream API level {API_LEVEL_REQUIRED})");
    Err(unsupported(found, required, url))
}

fn unsupported(found: String, required: String, url: &str) -> LogError {
    LogError::UnsupportedServer { found, required, url: url.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for accepted in ["2.14.6", "2.14.10", "2.15.0", "v2.15.2", "3.0.0", "2.15.0-RC.1"] {
            assert!(check_server(accepted, "nats://h").is_ok(), "{accepted}");
        }
        for refused in ["2.9.10", "2.14.5", "2.2.99", "1.99.99", "", "2.15", "newest"] {
            let error = check_server(refused, "nats://h").unwrap_err();
            assert!(matches!(error, LogError::UnsupportedServer { .. }), "{refused}");
        }
    }

    #[test]
    fn an_old_api_level_is_refused() {
        assert!(check_api_level(2, "2.15.2", "nats://h").is_ok());
        let error = check_api_level(1, "2.15.2", "nats://h").unwrap_err().to_string();
        assert!(error.contains("API level 1"), "{error}");
    }
}
