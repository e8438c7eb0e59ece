//! Where the tables of a generation are: the one place that names them.

use sqlx::{AssertSqlSafe, PgConnection};

use super::error::{refused, unavailable, wrong_generations};
use crate::store::StoreError;

/// What the server answers where a schema of the name exists.
const DUPLICATE_SCHEMA: &str = "42P06";

/// The schema of one generation. Tables have the same names in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    schema: Option<String>,
}

impl Place {
    /// Where the live tables are: where the connection looks first.
    pub(super) const fn live() -> Self {
        Self { schema: None }
    }

    /// Where the other generation of a projection is.
    pub(super) fn other(projection: &str) -> Self {
        Self { schema: Some(format!("foodflow_{projection}_other")) }
    }

    /// Where tables stand for a moment while two generations change places.
    pub(super) fn between(projection: &str) -> Self {
        Self { schema: Some(format!("foodflow_{projection}_between")) }
    }

    /// A table of this generation, as statements name it.
    pub(super) fn name(&self, table: &str) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{table}"),
            None => table.to_owned(),
        }
    }

    /// The name of the schema.
    ///
    /// # Errors
    /// `Unavailable` where the connection looks nowhere.
    pub(super) async fn schema(&self, connection: &mut PgConnection) -> Result<String, StoreError> {
        match &self.schema {
            Some(schema) => Ok(schema.clone()),
            None => {
                let found: Option<String> = sqlx::query_scalar("SELECT quote_ident(current_schema())")
                    .fetch_one(connection)
                    .await
                    .map_err(unavailable)?;
                found.ok_or_else(|| refused("the connection's search path names no schema that exists"))
            }
        }
    }

    /// Makes the schema, which must not exist.
    ///
    /// # Errors
    /// `Generations` where it does: its name is the same for everybody in the database, so that it is somebody else's.
    pub(super) async fn make(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let Some(schema) = &self.schema else { return Ok(()) };
        let made = sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(connection).await;
        match made {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(DUPLICATE_SCHEMA) => {
                Err(wrong_generations(format!(
                    "the schema {schema} is there already and not of this foodflow, and a database belongs to one; \
                     give this one a database of its own, or drop the schema if nobody needs it"
                )))
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Removes the schema with all that is in it, which the caller knows to be its own; the live tables stay.
    pub(super) async fn remove(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let Some(schema) = &self.schema else { return Ok(()) };
        run(connection, format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await
    }
}

/// Runs statements without variables.
pub(super) async fn run(connection: &mut PgConnection, sql: String) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map_err(unavailable)?;
    Ok(())
}
