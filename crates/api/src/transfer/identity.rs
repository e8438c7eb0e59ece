//! The command id of a record: the same whenever the same file is read, so that a second run adds nothing.
//!
//! A record with a key is the same command as a request with that `Idempotency-Key`. A document with a number of
//! its own is named by it. Anything else is named by its content and by how often that content came before in the
//! file: two equal lines are two records.

use std::collections::HashMap;

use foodflow_domain::TenantId;
use foodflow_domain::ids::CommandId;
use foodflow_log::PayloadHash;
use uuid::Uuid;

/// Most records without key or number in one file: each is remembered with some dozens of bytes.
pub const UNNAMED_RECORDS_MAX: usize = 5_000_000;

/// The request that the named command stands for, e.g. `POST /v1/receipts`: what its hash covers besides the body.
#[must_use]
pub fn request_of(command: &str) -> String {
    let is_recipe = command.starts_with("products/") && command.ends_with("/recipe");
    let method = if is_recipe { "PUT" } else { "POST" };
    format!("{method} /v1/{command}")
}

/// The command id of a document that the plant has numbered.
#[must_use]
pub fn of_number(tenant: TenantId, kind: &str, number: &str) -> CommandId {
    CommandId(in_import_space(tenant, &format!("{kind}/number/{number}")))
}

fn in_import_space(tenant: TenantId, name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::new_v5(&tenant.0, b"import"), name.as_bytes())
}

/// Names the records of one file that have neither key nor number.
#[derive(Debug, Default)]
pub struct Unnamed {
    occurrences: HashMap<Uuid, u32>,
}

impl Unnamed {
    /// The command id of a record with this content.
    ///
    /// # Errors
    /// What to do where the file holds too many such records.
    pub fn next(&mut self, tenant: TenantId, content: PayloadHash) -> Result<CommandId, String> {
        let name = in_import_space(tenant, &format!("content/{content}"));
        if self.occurrences.len() >= UNNAMED_RECORDS_MAX && !self.occurrences.contains_key(&name) {
            return Err(format!(
                "the file has more than {UNNAMED_RECORDS_MAX} records without a key; give them keys, or split it"
            ));
        }
        let occurrence = self.occurrences.entry(name).or_default();
        *occurrence += 1;
        Ok(CommandId(Uuid::new_v5(&name, &occurrence.to_be_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_records_of_one_file_are_several_and_of_two_files_the_same() {
        let (tenant, content) = (TenantId::of_slug("a"), PayloadHash::of(b"x"));
        let (mut one, mut two) = (Unnamed::default(), Unnamed::default());
        let first = one.next(tenant, content).unwrap();
        let second = one.next(tenant, content).unwrap();
        assert_ne!(first, second);
        assert_eq!(two.next(tenant, content), Ok(first));
        assert_eq!(two.next(tenant, content), Ok(second));
        assert_ne!(two.next(TenantId::of_slug("b"), content), Ok(first));
        assert_ne!(one.next(tenant, PayloadHash::of(b"y")), Ok(first));
    }

    #[test]
    fn a_recipe_is_put() {
        assert_eq!(request_of("products/1/recipe"), "PUT /v1/products/1/recipe");
        assert_eq!(request_of("receipts"), "POST /v1/receipts");
    }
}
