//! The projection of a context whose read model are tables.
//!
//! A context names its tables, each with what makes its rows: the events of one aggregate, or every message of the
//! log. An event of the context that none of them knows is an error: passing over it would leave a table silently wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use foodflow_domain::{EventSet, TenantId};
use foodflow_log::{Envelope, StoredMessage};
use jiff::Timestamp;

use super::change::TableChange;
use super::check::check;
use super::description::Table;
use super::row::{Key, TableRow};
use super::value::{ColumnValue, Value};
use crate::recorded::{ProjectError, Recorded, decode, unknown};
use crate::runner::{Projected, Projection, ProjectionError, place_in_commit};

/// A context's tables.
#[derive(Debug)]
pub struct TableProjection {
    /// Its name in status, logs and metrics: that of its context, e.g. `tenancy`.
    pub name: &'static str,
    /// Version of its layout; goes up with every change of a table or of what is projected into it. What an older one
    /// holds is read from the log again.
    pub layout: i32,
    /// The definition of its tables in PostgreSQL; every statement is safe to repeat.
    pub postgres: &'static str,
    /// Its tables; one that refers to another comes behind it. Only rows of one stream may refer to each other: changes
    /// of different streams commute.
    pub sources: &'static [TableSource],
    /// Events of the context that no table shows: of aggregates that only guard others.
    pub passed_over: &'static [EventTypes],
}

/// The event types of one aggregate.
#[derive(Debug, Clone, Copy)]
pub struct EventTypes {
    types: &'static [&'static str],
    /// Whether a type is read, be it as written today or as an older version.
    reads: fn(&str) -> bool,
}

impl EventTypes {
    /// Those of the set `E`.
    #[must_use]
    pub const fn of<E: EventSet>() -> Self {
        Self { types: E::TYPES, reads: E::reads }
    }
}

/// A table with what makes its rows.
#[derive(Debug, Clone, Copy)]
pub struct TableSource {
    /// The table.
    pub table: &'static Table,
    makes: Makes,
}

#[derive(Debug, Clone, Copy)]
enum Makes {
    Events { types: EventTypes, project: ProjectEvent },
    Messages(ProjectMessage),
}

type ProjectEvent = fn(&TableEvent<'_>, &mut Vec<TableChange>) -> Result<(), ProjectError>;
type ProjectMessage = fn(&Recorded, &mut Vec<TableChange>);

/// A table whose rows follow from the events of one aggregate.
pub trait EventTable: TableRow {
    /// The aggregate's events.
    type Event: EventSet;

    /// What an event changes. Pure: it reads nothing.
    fn project(event: &TableEvent<'_>, data: Self::Event, changes: &mut Vec<TableChange>);
}

impl TableSource {
    /// A table whose rows follow from the events of one aggregate.
    #[must_use]
    pub const fn of<R: EventTable>() -> Self {
        fn project<R: EventTable>(
            event: &TableEvent<'_>,
            changes: &mut Vec<TableChange>,
        ) -> Result<(), ProjectError> {
            R::project(event, decode(event.message, event.envelope)?, changes);
            Ok(())
        }
        Self {
            table: R::TABLE,
            makes: Makes::Events { types: EventTypes::of::<R::Event>(), project: project::<R> },
        }
    }

    /// A table whose rows follow from every message of the log, of whatever context.
    #[must_use]
    pub const fn of_messages<R: TableRow>(project: ProjectMessage) -> Self {
        Self { table: R::TABLE, makes: Makes::Messages(project) }
    }
}

impl TableProjection {
    /// Its tables, in the order of its sources.
    #[must_use]
    pub fn tables(&self) -> Vec<&'static Table> {
        self.sources.iter().map(|source| source.table).collect()
    }

    /// Every event type of the context as it is written today, each once.
    #[must_use]
    pub fn event_types(&self) -> Vec<&'static str> {
        let of_sources = self.sources.iter().filter_map(|source| match source.makes {
            Makes::Events { types, .. } => Some(types.types),
            Makes::Messages(_) => None,
        });
        let passed_over = self.passed_over.iter().map(|types| types.types);
        let all: BTreeSet<&'static str> = of_sources.chain(passed_over).flatten().copied().collect();
        all.into_iter().collect()
    }

    /// The changes that `message` makes to the tables of its tenant, in order of its events.
    ///
    /// # Errors
    /// `UnknownType` for an event of the context that is not known, `Data` where an event's data does not fit its type.
    pub fn project(&self, message: &Recorded) -> Result<Vec<TableChange>, ProjectError> {
        let mut changes = Vec::new();
        for source in self.sources {
            if let Makes::Messages(project) = source.makes {
                project(message, &mut changes);
            }
        }
        for envelope in message.events.iter().filter(|envelope| self.is_own(&envelope.event_type)) {
            self.project_event(&TableEvent { message, envelope }, &mut changes)?;
        }
        Ok(changes)
    }

    fn is_own(&self, event_type: &str) -> bool {
        let rest = event_type.strip_prefix("foodflow.").and_then(|rest| rest.strip_prefix(self.name));
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    fn project_event(
        &self,
        event: &TableEvent<'_>,
        changes: &mut Vec<TableChange>,
    ) -> Result<(), ProjectError> {
        let event_type = event.envelope.event_type.as_str();
        let mut is_known = self.passed_over.iter().any(|types| (types.reads)(event_type));
        for source in self.sources {
            if let Makes::Events { types, project } = source.makes
                && (types.reads)(event_type)
            {
                is_known = true;
                project(event, changes)?;
            }
        }
        if is_known { Ok(()) } else { Err(unknown(event.message, event.envelope)) }
    }
}

/// Runs the projection; what does not fit its table stops it, visibly.
impl Projection<TableChange> for &'static TableProjection {
    fn name(&self) -> &'static str {
        self.name
    }

    fn project(&self, message: &StoredMessage) -> Result<Projected<TableChange>, ProjectionError> {
        let recorded = Recorded::decode(message)?;
        let (recorded_at, commit_index, commit_size) = place_in_commit(&recorded)?;
        let changes = TableProjection::project(self, &recorded)?;
        for change in &changes {
            check(change, recorded.tenant).map_err(|defect| {
                ProjectionError::new(format!("it does not fit table {}: {defect}", change.table().name))
            })?;
        }
        let events = recorded.events.len() as u32;
        Ok(Projected { changes, recorded_at, commit_index, commit_size, events })
    }
}

/// The projection, as a runner takes it.
#[must_use]
pub fn projection(tables: &'static TableProjection) -> Arc<dyn Projection<TableChange>> {
    Arc::new(tables)
}

/// An event with the message that it stands in, and the changes that it states.
#[derive(Debug, Clone, Copy)]
pub struct TableEvent<'a> {
    /// The message.
    pub message: &'a Recorded,
    /// The event.
    pub envelope: &'a Envelope,
}

impl TableEvent<'_> {
    /// The tenant that it is of.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.message.tenant
    }

    /// Recorded time.
    #[must_use]
    pub const fn recorded_at(&self) -> Timestamp {
        self.envelope.time
    }

    /// Recorded position, as a column holds it.
    #[must_use]
    pub const fn position(&self) -> i64 {
        self.message.position.0.cast_signed()
    }

    /// Version of the aggregate after it: the `ETag`.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.envelope.sequence.cast_signed()
    }

    /// The row that this event, the first of its stream, makes.
    pub fn append(&self, row: impl TableRow) -> TableChange {
        TableChange::Append(row.into_row())
    }

    /// A patch of the row of this key: the columns that it [sets](Patch::set), and what every event sets where the
    /// table has such a column: `updated_at`, `version`, `position`.
    #[must_use]
    pub fn patch<R: TableRow>(&self, key: impl IntoIterator<Item = Value>) -> Patch {
        let table = R::TABLE;
        let every_event = [
            ("updated_at", Value::instant(self.recorded_at())),
            ("version", Value::Integer(self.version())),
            ("position", Value::Integer(self.position())),
        ];
        let columns = every_event.into_iter().filter(|(name, _)| table.position_of(name).is_some()).collect();
        Patch { table, key: key.into_iter().collect(), columns }
    }
}

/// A patch that is being put together.
#[derive(Debug, Clone)]
pub struct Patch {
    table: &'static Table,
    key: Key,
    columns: Vec<(&'static str, Value)>,
}

impl Patch {
    /// Sets a column.
    #[must_use]
    pub fn set(mut self, column: &'static str, value: impl ColumnValue) -> Self {
        self.columns.push((column, value.into_value()));
        self
    }

    /// Sets a column where there is something to set it to.
    #[must_use]
    pub fn set_given(self, column: &'static str, value: Option<impl ColumnValue>) -> Self {
        match value {
            Some(value) => self.set(column, value),
            None => self,
        }
    }

    /// The change.
    #[must_use]
    pub fn change(self) -> TableChange {
        let Self { table, key, columns } = self;
        TableChange::Patch { table, key, columns }
    }
}
