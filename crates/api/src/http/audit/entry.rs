//! An entry of the audit trail as it is answered: what is sealed in the table is opened here, at the moment of reading. Of
//! somebody who was forgotten there is nothing to open.

use foodflow_domain::identity::Origin;
use foodflow_domain::{Personal, TenantId};
use foodflow_log::{Keyring, LogError};
use foodflow_projections::audit::AuditEntry;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::problem::Problem;

/// The media type of lines.
pub(super) const CSV_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// What somebody did, or was refused: one event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AuditAnswer {
    /// The event's id.
    id: Uuid,
    /// Recorded time.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// Position of its message in the log.
    pub(super) position: i64,
    /// Who acted, or was refused; null where nobody was named.
    #[schema(example = "user:0199aa11-0000-7000-8000-000000000042")]
    actor: Option<String>,
    /// What was done: the event's type.
    #[schema(example = "foodflow.identity.user.roles_changed.v1")]
    action: String,
    /// The context that it is of.
    #[schema(example = "identity")]
    context: String,
    /// The kind of what it is about.
    #[schema(example = "user")]
    resource: String,
    /// What it is about.
    resource_id: Uuid,
    /// The command that caused it.
    command_id: Uuid,
    /// What the command belongs to.
    correlation_id: Uuid,
    /// `done` or `refused`.
    #[schema(example = "done")]
    outcome: String,
    /// What was asked for, of a refused request: method and template of the path.
    #[schema(example = "POST /v1/users")]
    operation: Option<String>,
    /// The code of a refusal.
    #[schema(example = "forbidden")]
    code: Option<String>,
    /// The permission that was missing.
    #[schema(example = "users:write")]
    permission: Option<String>,
    /// How many times alike; 1 of anything but refusals.
    #[schema(example = 1)]
    times: i64,
    /// Why; null where nobody said it, or who it is about was forgotten.
    reason: Option<String>,
    /// From which address; null where it is not known, or whose it was is forgotten.
    #[schema(example = "203.0.113.9")]
    address: Option<String>,
    /// The program that it says it was.
    user_agent: Option<String>,
}

/// Names of the columns of a file, in order.
const COLUMNS: [&str; 18] = [
    "id",
    "recorded_at",
    "position",
    "actor",
    "action",
    "context",
    "resource",
    "resource_id",
    "command_id",
    "correlation_id",
    "outcome",
    "operation",
    "code",
    "permission",
    "times",
    "reason",
    "address",
    "user_agent",
];

impl AuditAnswer {
    /// Its cells, in the order of the columns.
    fn cells(&self) -> [String; 18] {
        let given = |text: &Option<String>| safe(text.as_deref().unwrap_or_default());
        [
            self.id.to_string(),
            self.recorded_at.to_string(),
            self.position.to_string(),
            given(&self.actor),
            safe(&self.action),
            safe(&self.context),
            safe(&self.resource),
            self.resource_id.to_string(),
            self.command_id.to_string(),
            self.correlation_id.to_string(),
            safe(&self.outcome),
            given(&self.operation),
            given(&self.code),
            given(&self.permission),
            self.times.to_string(),
            given(&self.reason),
            given(&self.address),
            given(&self.user_agent),
        ]
    }
}

/// A text that no table calculator takes for a formula.
fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// Entries as lines (RFC 4180), below a header where that is asked for.
pub(super) fn csv_lines(entries: &[AuditAnswer], has_header: bool) -> Result<Vec<u8>, Problem> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if has_header {
        writer.write_record(COLUMNS).map_err(|error| Problem::internal(&error))?;
    }
    for entry in entries {
        writer.write_record(entry.cells()).map_err(|error| Problem::internal(&error))?;
    }
    writer.into_inner().map_err(|error| Problem::internal(&error))
}

/// Entries as lines of JSON.
pub(super) fn json_lines(entries: &[AuditAnswer]) -> Result<Vec<u8>, Problem> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry).map_err(|error| Problem::internal(&error))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Rows with what is sealed opened.
///
/// # Errors
/// `unavailable` where the keys do not answer.
pub(super) async fn opened(
    keyring: &Keyring,
    tenant: TenantId,
    rows: Vec<AuditEntry>,
) -> Result<Vec<AuditAnswer>, Problem> {
    let sealed = rows.iter().flat_map(|row| [&row.sealed_origin, &row.sealed_reason]);
    let texts: Vec<(TenantId, &str)> =
        sealed.map(|text| (tenant, text.as_deref().unwrap_or("null"))).collect();
    let mut texts = keyring.open_all(&texts).await.into_iter();
    let mut next = || match texts.next() {
        Some(Ok(text)) => Ok(text),
        Some(Err(error)) => Err(Problem::from(LogError::from(error))),
        None => Ok(None),
    };
    let opened: Result<Vec<_>, Problem> = rows.iter().map(|_| Ok((next()?, next()?))).collect();
    rows.into_iter()
        .zip(opened?)
        .map(|(row, (origin, reason))| {
            let origin: Option<Origin> = value(origin)?;
            let reason = value(reason)?.or(row.reason);
            let (address, user_agent) =
                origin.map_or((None, None), |Origin { address, user_agent }| (Some(address), user_agent));
            Ok(AuditAnswer {
                id: row.id,
                recorded_at: row.recorded_at,
                position: row.position,
                actor: row.actor,
                action: row.action,
                context: row.context,
                resource: row.resource,
                resource_id: row.resource_id,
                command_id: row.command_id,
                correlation_id: row.correlation_id,
                outcome: row.outcome,
                operation: row.operation,
                code: row.code,
                permission: row.permission,
                times: row.times,
                reason,
                address,
                user_agent,
            })
        })
        .collect()
}

/// The value of personal data, unless it is erased.
fn value<T: DeserializeOwned>(opened: Option<String>) -> Result<Option<T>, Problem> {
    let Some(text) = opened else { return Ok(None) };
    let personal: Personal<T> = serde_json::from_str(&text).map_err(|error| Problem::internal(&error))?;
    Ok(personal.into_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(reason: &str, user_agent: &str) -> AuditAnswer {
        let text = |text: &str| Some(text.to_owned());
        AuditAnswer {
            id: Uuid::nil(),
            recorded_at: Timestamp::UNIX_EPOCH,
            position: 7,
            actor: None,
            action: "foodflow.identity.user.logged_in.v1".to_owned(),
            context: "identity".to_owned(),
            resource: "user".to_owned(),
            resource_id: Uuid::nil(),
            command_id: Uuid::nil(),
            correlation_id: Uuid::nil(),
            outcome: "done".to_owned(),
            operation: None,
            code: None,
            permission: None,
            times: 1,
            reason: text(reason),
            address: text("::1"),
            user_agent: text(user_agent),
        }
    }

    #[test]
    fn a_cell_is_never_a_formula_nor_two_cells() {
        let lines = csv_lines(&[entry("=1+1", "a,\"b\"\r\nc"), entry("@SUM(A1)", "-x")], true).unwrap();
        let text = String::from_utf8(lines.clone()).unwrap();
        assert!(text.starts_with("id,recorded_at,position,actor,") && text.contains("'=1+1"), "{text}");
        let mut reader = csv::Reader::from_reader(lines.as_slice());
        assert_eq!(reader.headers().unwrap(), COLUMNS.as_slice());
        let cells: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let last = |line: usize| -> Vec<&str> { cells[line].iter().skip(15).collect() };
        assert_eq!(last(0), ["'=1+1", "::1", "a,\"b\"\r\nc"]);
        assert_eq!(last(1), ["'@SUM(A1)", "::1", "'-x"]);
        assert!(csv_lines(&[], false).unwrap().is_empty());
    }

    #[test]
    fn a_line_of_json_is_one_entry_with_the_columns_of_a_file() {
        let lines = json_lines(&[entry("a\nb", "x"), entry("b", "y")]).unwrap();
        let text = String::from_utf8(lines).unwrap();
        let entries: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(entries.len(), 2);
        let names: std::collections::BTreeSet<&str> =
            entries[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, COLUMNS.into_iter().collect());
    }
}
