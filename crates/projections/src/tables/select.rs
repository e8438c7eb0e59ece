//! Questions to one table. One cannot be made without a tenant, and answers with rows of that tenant alone.

use std::fmt::Write as _;

use foodflow_domain::TenantId;
use uuid::Uuid;

use super::description::{Column, ColumnType, Table};
use super::row::TableRow;
use super::value::{ColumnValue, Value};
use super::{TableStore, rows_of};
use crate::page::{PAGE_ITEMS_MAX, Page, PageRequest};
use crate::store::StoreError;

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    AtLeast,
    Before,
}

/// What a row must hold, all of it.
#[derive(Debug, Clone, Default)]
pub struct Conditions(Vec<(&'static str, Comparison, Value)>);

impl Conditions {
    /// The column holds `value`; whatever it holds, where that is absent.
    #[must_use]
    pub fn equal(self, column: &'static str, value: Option<impl ColumnValue>) -> Self {
        self.and(column, Comparison::Equal, value)
    }

    /// The column holds `value` or more; whatever it holds, where that is absent.
    #[must_use]
    pub fn at_least(self, column: &'static str, value: Option<impl ColumnValue>) -> Self {
        self.and(column, Comparison::AtLeast, value)
    }

    /// The column holds less than `value`; whatever it holds, where that is absent.
    #[must_use]
    pub fn before(self, column: &'static str, value: Option<impl ColumnValue>) -> Self {
        self.and(column, Comparison::Before, value)
    }

    fn and(mut self, column: &'static str, comparison: Comparison, value: Option<impl ColumnValue>) -> Self {
        self.0.extend(value.map(|value| (column, comparison, value.into_value())));
        self
    }

    /// The conditions as SQL; what they compare with is added to `variables`.
    fn sql(&self, variables: &mut Vec<Value>) -> String {
        let parts = self.0.iter().map(|(column, comparison, value)| {
            variables.push(value.clone());
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::AtLeast => ">=",
                Comparison::Before => "<",
            };
            format!("\"{column}\" {sign} ${}", variables.len())
        });
        parts.collect::<Vec<_>>().join(" AND ")
    }
}

/// A question to one table, within a tenant.
///
/// None can be made without one, nor turned to another one:
///
/// ```compile_fail,E0061
/// use foodflow_projections::tables::Select;
/// use foodflow_projections::tenancy::feature_flags::FeatureFlag;
///
/// let all = Select::of::<FeatureFlag>();
/// ```
///
/// ```compile_fail,E0451
/// use foodflow_domain::TenantId;
/// use foodflow_projections::tables::Select;
/// use foodflow_projections::tenancy::feature_flags::FeatureFlag;
///
/// let own = Select::of::<FeatureFlag>(TenantId::default());
/// let anothers = Select { tenant: TenantId::default(), ..own };
/// ```
#[derive(Debug, Clone)]
pub struct Select {
    /// The table.
    pub table: &'static Table,
    tenant: TenantId,
    filters: Conditions,
    /// One of these must hold, where there are any.
    either: Vec<Conditions>,
    order: Option<&'static str>,
    is_descending: bool,
    after: Option<Uuid>,
    limit: usize,
}

impl Select {
    /// All rows of the tenant, in order of key, at most [`PAGE_ITEMS_MAX`].
    #[must_use]
    pub fn of<R: TableRow>(tenant: TenantId) -> Self {
        let (filters, either, after) = (Conditions::default(), Vec::new(), None);
        let (order, is_descending, limit) = (None, false, PAGE_ITEMS_MAX);
        Self { table: R::TABLE, tenant, filters, either, order, is_descending, after, limit }
    }

    /// Only rows that hold `value`; any where it is absent. No question may name a decimal, a date or a JSON document,
    /// here or elsewhere.
    #[must_use]
    pub fn equal(self, column: &'static str, value: Option<impl ColumnValue>) -> Self {
        Self { filters: self.filters.equal(column, value), ..self }
    }

    /// Only rows that hold `value` or more; any where it is absent.
    #[must_use]
    pub fn at_least(self, column: &'static str, value: Option<impl ColumnValue>) -> Self {
        Self { filters: self.filters.at_least(column, value), ..self }
    }

    /// Only rows that hold less than `value`; any where it is absent.
    #[must_use]
    pub fn before(self, column: &'static str, value: Option<impl ColumnValue>) -> Self {
        Self { filters: self.filters.before(column, value), ..self }
    }

    /// In order of this column, and of id among equals.
    #[must_use]
    pub fn ordered_by(self, column: &'static str) -> Self {
        Self { order: Some(column), ..self }
    }

    /// Only rows for which one of these holds.
    #[must_use]
    pub fn either(self, either: Vec<Conditions>) -> Self {
        Self { either, ..self }
    }

    /// In the opposite order.
    #[must_use]
    pub fn latest_first(self) -> Self {
        Self { is_descending: true, ..self }
    }

    /// The statement and its variables, of which the tenant is the first. `table` is the table's name in the store;
    /// `asking` how the tenant is named in it; `shown` how a column is asked for, which a secret one is not: it is nothing.
    ///
    /// # Errors
    /// `Unavailable` of `store` where a column is not of the table, is secret, or is of a type that the stores compare
    /// differently.
    pub(crate) fn statement(
        &self,
        store: &'static str,
        table: &str,
        asking: &str,
        shown: impl Fn(&Column) -> String,
    ) -> Result<(String, Vec<Value>), StoreError> {
        let conditions = std::iter::once(&self.filters).chain(&self.either);
        let mut named = conditions.flat_map(|all| &all.0).map(|(column, ..)| *column).chain(self.order);
        if let Some(reason) = named.find_map(|column| self.refusal(column)) {
            return Err(StoreError::Unavailable { store, reason });
        }
        let asked = |column: &Column| match column.secret {
            true => format!("NULL AS \"{}\"", column.name),
            false => shown(column),
        };
        let columns: Vec<String> = self.table.columns.iter().map(asked).collect();
        let tenant = self.table.tenant;
        let mut sql = format!("SELECT {} FROM {table} WHERE \"{tenant}\" = {asking}", columns.join(", "));
        let mut variables = vec![Value::Uuid(self.tenant.0)];
        // Writing to a string cannot fail.
        if !self.filters.0.is_empty() {
            let _ = write!(sql, " AND {}", self.filters.sql(&mut variables));
        }
        if !self.either.is_empty() {
            let either: Vec<String> = self.either.iter().map(|all| all.sql(&mut variables)).collect();
            let _ = write!(sql, " AND (({}))", either.join(") OR ("));
        }
        let order = self.order_columns();
        if let (Some(after), Some(id)) = (self.after, order.last()) {
            variables.push(Value::Uuid(after));
            let (variable, beyond) = (variables.len(), if self.is_descending { "<" } else { ">" });
            let _ = match self.order {
                Some(_) => write!(
                    sql,
                    " AND ({0}) {beyond} (SELECT {0} FROM {table} WHERE \"{tenant}\" = {asking} AND {id} = ${variable})",
                    order.join(", ")
                ),
                None => write!(sql, " AND {id} {beyond} ${variable}"),
            };
        }
        if !order.is_empty() {
            let _ = write!(sql, " ORDER BY {}", self.order_by().join(", "));
        }
        variables.push(Value::Integer(i64::try_from(self.limit).unwrap_or(i64::MAX)));
        let _ = write!(sql, " LIMIT ${}", variables.len());
        Ok((sql, variables))
    }

    /// Why rows cannot be told apart or ordered by this column.
    fn refusal(&self, column: &str) -> Option<String> {
        let name = self.table.name;
        let Some(position) = self.table.position_of(column) else {
            return Some(format!("table {name} has no column {column}"));
        };
        let Column { column_type, secret, .. } = self.table.columns[position];
        // Decimals and dates are text in SQLite: 10 comes before 9 there, and 1.0 is not 1. Who may compare with a secret
        // finds it out.
        match column_type {
            _ if secret => Some(format!("column {column} of table {name} is secret")),
            ColumnType::Decimal | ColumnType::Date | ColumnType::Json => {
                Some(format!("rows of table {name} are neither found nor ordered by its column {column}"))
            }
            _ => None,
        }
    }

    /// What rows are in order of, quoted; the last is what tells the tenant's rows apart.
    fn order_columns(&self) -> Vec<String> {
        let key = self.table.key.iter().copied().filter(|name| *name != self.table.tenant);
        self.order.into_iter().chain(key).map(|name| format!("\"{name}\"")).collect()
    }

    /// The same, each with its direction.
    pub(crate) fn order_by(&self) -> Vec<String> {
        let direction = if self.is_descending { " DESC" } else { "" };
        self.order_columns().into_iter().map(|column| format!("{column}{direction}")).collect()
    }
}

/// The one row that `select` finds; the first where it finds several.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn one<R: TableRow>(store: &dyn TableStore, select: Select) -> Result<Option<R>, StoreError> {
    let select = Select { limit: 1, ..select };
    Ok(rows_of(store, &select).await?.pop())
}

/// A page of what `select` finds; `id` tells a row's id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn page<R: TableRow>(
    store: &dyn TableStore,
    select: Select,
    request: PageRequest,
    id: impl Fn(&R) -> Uuid,
) -> Result<Page<R>, StoreError> {
    let size = request.size.clamp(1, PAGE_ITEMS_MAX);
    // One more than fits tells whether another page follows.
    let select = Select { after: request.after, limit: size + 1, ..select };
    let mut items: Vec<R> = rows_of(store, &select).await?;
    let is_followed = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| is_followed).map(id);
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::table! {
        /// A note.
        struct Note in "notes" {
            tenant_id: Uuid,
            id: Uuid,
            kind as "type": Option<String>,
        }
        key: ["tenant_id", "id"], tenant: "tenant_id",
    }

    fn sql(select: &Select) -> String {
        select.statement("test", "notes", "$1", |column| format!("\"{}\"", column.name)).unwrap().0
    }

    #[test]
    fn every_question_names_the_tenant() {
        let select = Select::of::<Note>(TenantId::default());
        let all = "SELECT \"tenant_id\", \"id\", \"type\" FROM notes WHERE \"tenant_id\" = $1";
        assert_eq!(sql(&select), format!("{all} ORDER BY \"id\" LIMIT $2"));
        let none = select.clone().equal("type", None::<String>);
        assert_eq!(sql(&none), sql(&select));
        let some = select.clone().equal("type", Some("a".to_owned())).before("id", Some(Uuid::nil()));
        assert_eq!(sql(&some), format!("{all} AND \"type\" = $2 AND \"id\" < $3 ORDER BY \"id\" LIMIT $4"));
        let (one, other) = (Conditions::default(), Conditions::default());
        let one = one.equal("type", Some("a".to_owned())).at_least("id", Some(Uuid::nil()));
        let either = vec![one, other.equal("type", Some("b".to_owned()))];
        let both = "((\"type\" = $3 AND \"id\" >= $4) OR (\"type\" = $5))";
        let either = select.clone().before("id", Some(Uuid::nil())).either(either);
        assert_eq!(sql(&either), format!("{all} AND \"id\" < $2 AND {both} ORDER BY \"id\" LIMIT $6"));
        let page = Select { after: Some(Uuid::nil()), ..select };
        assert_eq!(sql(&page), format!("{all} AND \"id\" > $2 ORDER BY \"id\" LIMIT $3"));
        let ordered = page.ordered_by("type");
        let after = "(\"type\", \"id\") > (SELECT \"type\", \"id\" FROM notes WHERE \"tenant_id\" = $1 AND \"id\" = $2)";
        assert_eq!(sql(&ordered), format!("{all} AND {after} ORDER BY \"type\", \"id\" LIMIT $3"));
        let before = after.replace('>', "<");
        let turned = ordered.latest_first();
        assert_eq!(sql(&turned), format!("{all} AND {before} ORDER BY \"type\" DESC, \"id\" DESC LIMIT $3"));
    }

    #[test]
    fn a_column_that_does_not_exist_is_refused() {
        let select = Select::of::<Note>(TenantId::default()).equal("id; DROP TABLE notes", Some(1_i64));
        assert!(select.statement("test", "notes", "$1", |_| String::new()).is_err());
        let unknown = Conditions::default().equal("x", Some(1_i64));
        let select = Select::of::<Note>(TenantId::default()).either(vec![unknown]);
        assert!(select.statement("test", "notes", "$1", |_| String::new()).is_err());
    }
}
