//! Commands in the words of the contract, one a line: `{"command": …, "key": …, "body": …}`.

use std::io::{self, BufRead};

use foodflow_domain::TenantId;
use foodflow_log::PayloadHash;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::identity::{Unnamed, request_of};
use super::lines::{LINE_BYTES_MAX, Line, Lines};
use super::outcome::{Column, LineError, Refusal};
use super::record::{Command, Identity, Record, Work};
use super::touch::Touch;
use crate::http::command::{command_hash, command_id};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    command: String,
    key: Option<String>,
    /// Written by an export: the hash of the command as it was first given.
    hash: Option<PayloadHash>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The commands of a file.
pub struct Commands<R> {
    lines: Lines<R>,
    tenant: TenantId,
    unnamed: Unnamed,
}

impl<R: BufRead> Commands<R> {
    /// From the start of a file.
    pub fn new(reader: R, tenant: TenantId) -> Self {
        Self { lines: Lines::new(reader), tenant, unnamed: Unnamed::default() }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        while let Some((number, line)) = self.lines.next_line()? {
            let Line::Whole(bytes) = line else {
                let detail = format!("the line has more than {LINE_BYTES_MAX} bytes");
                let refusal = Refusal::invalid_line(LineError::line(number, detail));
                return Ok(Some(Record::refused(number, refusal)));
            };
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let record = self.read(number, &bytes).unwrap_or_else(|refusal| Record::refused(number, refusal));
            return Ok(Some(record));
        }
        Ok(None)
    }

    fn read(&mut self, number: u64, bytes: &[u8]) -> Result<Record, Refusal> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).chars().count();
            at_character(number, before + 1, "is not UTF-8".to_owned())
        })?;
        let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| {
            let detail = error.to_string();
            let detail = detail.split(" at line ").next().unwrap_or(&detail).to_owned();
            at_character(number, character_of(text, error.column()), detail)
        })?;
        let name = fields.command.trim_matches('/').to_owned();
        let body: Value = serde_json::from_str(fields.body.get())
            .map_err(|error| Refusal::invalid_line(LineError::line(number, format!("`body`: {error}"))))?;
        let given_hash = command_hash(&request_of(&name), &body);
        let refuse = |detail| Refusal::invalid_line(LineError::line(number, detail));
        let command_id = match &fields.key {
            Some(key) => command_id(self.tenant, key).map_err(|detail| refuse(format!("`key` {detail}")))?,
            None => self.unnamed.next(self.tenant, given_hash).map_err(refuse)?,
        };
        let touch = Touch::of_command(self.tenant, command_id, &name, &body);
        let identity = Identity { command_id, command_hash: fields.hash.unwrap_or(given_hash) };
        let command = Command { identity, name, body: fields.body.get().to_owned() };
        Ok(Record { line: number, last_line: number, work: Work::Command(Box::new(command)), touch })
    }
}

fn at_character(line: u64, character: usize, detail: String) -> Refusal {
    Refusal::invalid_line(LineError {
        column: Some(Column::Character(character)),
        ..LineError::line(line, detail)
    })
}

/// The character, from 1, at a column that counts bytes, from 1.
fn character_of(text: &str, column: usize) -> usize {
    let bytes = column.saturating_sub(1).min(text.len());
    text.char_indices().take_while(|(index, _)| *index < bytes).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Record> {
        let mut commands = Commands::new(text.as_bytes(), TenantId::of_slug("a"));
        std::iter::from_fn(|| commands.next_record().unwrap()).collect()
    }

    fn command(record: &Record) -> &Command {
        match &record.work {
            Work::Command(command) => command,
            work => panic!("no command: {work:?}"),
        }
    }

    #[test]
    fn a_key_names_the_command_as_the_header_does() {
        let text = concat!(
            "\n{\"command\": \"receipts\", \"key\": \"k1\", \"body\": {\"b\": 1, \"a\": 2.50}}\r\n",
            "{\"body\": {\"a\": 2.5, \"b\": 1}, \"key\": \"k1\", \"command\": \"/receipts/\"}",
        );
        let records = read(text);
        assert_eq!(records.iter().map(|record| record.line).collect::<Vec<_>>(), [2, 3]);
        let [one, other] = [command(&records[0]), command(&records[1])];
        assert_eq!(one.identity, other.identity, "the same body in other words");
        assert_eq!(one.identity.command_id, command_id(TenantId::of_slug("a"), "k1").unwrap());
        let body = serde_json::json!({"a": 2.5, "b": 1});
        assert_eq!(one.identity.command_hash, command_hash("POST /v1/receipts", &body));
        assert_eq!(one.body, "{\"b\": 1, \"a\": 2.50}", "the body goes on as it was given");
    }

    #[test]
    fn equal_lines_without_a_key_are_several_records() {
        let line = "{\"command\": \"receipts\", \"body\": {}}\n";
        let first = read(&line.repeat(2));
        let second = read(&line.repeat(3));
        let ids =
            |records: &[Record]| records.iter().map(|r| command(r).identity.command_id).collect::<Vec<_>>();
        assert_ne!(ids(&first)[0], ids(&first)[1]);
        assert_eq!(ids(&first), ids(&second)[..2]);
    }

    #[test]
    fn what_is_not_understood_is_refused_where_it_stands() {
        let cases = [
            ("{\"command\": \"receipts\", \"body\": {}, \"note\": 1}", Some(39), "unknown field `note`"),
            ("{\"command\": \"receipts\"}", Some(23), "missing field `body`"),
            ("{\"command\": \"ü\", \"body\": {]}", Some(28), ""),
            ("{\"command\": \"receipts\", \"key\": \"a b\", \"body\": {}}", None, "`key` must have 1 to 255"),
            ("[]", Some(1), ""),
        ];
        for (line, character, detail) in cases {
            let records = read(line);
            let Work::Refused(refusal) = &records[0].work else { panic!("{line} was taken") };
            let error = &refusal.errors[0];
            assert!(error.detail.contains(detail), "{error:?}");
            if let Some(character) = character {
                assert!(
                    matches!(error.column, Some(Column::Character(found)) if found.abs_diff(character) <= 6),
                    "{error:?}"
                );
            }
        }
    }
}
