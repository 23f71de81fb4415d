//! Brings a database to what this build needs when it is opened: tables that are missing are made, and the service's own are
//! changed where an older build made them. What the monolith made is never changed.

use super::open::{Location, unusable};
use super::rows::whole;
use super::{Store, StoreError, Writing};
use crate::schema::Schema;
use crate::tables::own::versions::{self, SchemaVersion, Version};
use crate::tables::{self, Cell, Engine, Record as _, Table};

const READ_VERSION: &str = "SELECT MAX(version) FROM agent_service_schema";
const READING: &str = "read the version of the service's own tables";

/// What is still to do in a database.
#[derive(Debug, PartialEq, Eq)]
struct Steps {
    /// What changes own tables that are there.
    changes: Vec<&'static str>,
    /// What makes the tables that are not.
    making: Vec<String>,
    /// What records the versions that the database has then.
    record: Vec<String>,
}

impl Store {
    pub(super) async fn prepare(
        &self,
        location: &Location,
        versions: &[Version],
    ) -> Result<(), StoreError> {
        let schema = self.schema().await?;
        self.refuse_moved(location, &schema).await?;
        let is_shared = |table: &&&'static Table| table.is_shared();
        check_columns(location, &schema, tables::ALL.iter().filter(is_shared))?;
        if !tables::ALL.iter().any(|table| schema.tables.contains_key(table.name)) {
            self.refuse_foreign(location).await?;
        }
        let recorded = self.own_version(&schema).await?;
        // Without anything to do, starting takes no write lock.
        if Steps::of(&schema, recorded, versions, self.engine(), location)?.is_empty() {
            return check_columns(location, &schema, tables::ALL.iter());
        }
        let mut writing = self.write().await?;
        // Another process may have done it meanwhile.
        let schema = writing.schema().await?;
        let recorded = writing.recorded_version(&schema).await?;
        let steps = Steps::of(&schema, recorded, versions, self.engine(), location)?;
        writing.take(steps).await?;
        let schema = writing.schema().await?;
        check_columns(location, &schema, tables::ALL.iter())?;
        writing.commit().await
    }

    /// The version of the service's own tables that the database records; none where it records none.
    pub async fn own_version(&self, schema: &Schema) -> Result<Option<i64>, StoreError> {
        if !is_there(schema, &SchemaVersion::TABLE) {
            return Ok(None);
        }
        Ok(version(&self.figures(READING, READ_VERSION, Vec::new()).await?))
    }

    /// A database that has tables, but none of the monolith's, is some other program's.
    async fn refuse_foreign(&self, location: &Location) -> Result<(), StoreError> {
        // Those of ours were not there a moment ago: another process that starts has just made them.
        let is_ours = |name: &str| tables::ALL.iter().any(|table| table.name == name);
        let mut names: Vec<String> = self.schema().await?.tables.into_keys().collect();
        names.retain(|name| !is_ours(name));
        names.truncate(5);
        if names.is_empty() {
            return Ok(());
        }
        let problem = format!(
            "belongs to something else: it has the tables {} and none of the monolith's; \
             point DATABASE_URL at the monolith's database or at a new one",
            names.join(", ")
        );
        Err(unusable(location, &problem))
    }
}

impl Writing {
    async fn recorded_version(&mut self, schema: &Schema) -> Result<Option<i64>, StoreError> {
        if !is_there(schema, &SchemaVersion::TABLE) {
            return Ok(None);
        }
        Ok(version(&self.figures(READING, READ_VERSION, Vec::new()).await?))
    }

    async fn take(&mut self, steps: Steps) -> Result<(), StoreError> {
        for statement in steps.changes {
            self.order("change the service's own tables", statement.to_owned()).await?;
        }
        for statement in steps.making {
            self.order("create the tables", statement).await?;
        }
        for statement in steps.record {
            self.order("record the version of the service's own tables", statement).await?;
        }
        Ok(())
    }
}

impl Steps {
    /// What a database with these tables lacks, whose last recorded version is this.
    fn of(
        schema: &Schema,
        recorded: Option<i64>,
        versions: &[Version],
        engine: Engine,
        location: &Location,
    ) -> Result<Self, StoreError> {
        let known = versions::latest(versions);
        let has_own = tables::ALL.iter().any(|table| {
            !table.is_shared() && table.name != SchemaVersion::TABLE.name && is_there(schema, table)
        });
        // Own tables without a record are older than records. Where there are none, all are made as they are defined.
        let found = recorded.unwrap_or(if has_own { versions::FIRST } else { known });
        if found > known {
            let database = location.place.to_string();
            return Err(StoreError::Newer { database, found, known });
        }
        let pending = || versions.iter().filter(|version| version.number > found);
        let changes = pending().flat_map(|version| version.changes);
        let changes = changes.filter(|change| schema.tables.contains_key(change.table));
        let absent = tables::ALL.iter().filter(|table| !is_there(schema, table));
        let unrecorded = recorded.is_none().then_some(found).into_iter();
        let record = unrecorded.chain(pending().map(|version| version.number));
        Ok(Self {
            changes: changes.flat_map(|change| change.statements(engine)).copied().collect(),
            making: absent.flat_map(|table| table.create_statements(engine)).collect(),
            record: record.map(|number| versions::record(number, engine)).collect(),
        })
    }

    fn is_empty(&self) -> bool {
        self.making.is_empty() && self.record.is_empty()
    }
}

fn is_there(schema: &Schema, table: &Table) -> bool {
    schema.tables.contains_key(table.name)
}

/// The highest version on record; none where no row says so.
fn version(rows: &[Vec<Cell>]) -> Option<i64> {
    let cell = rows.first()?.first()?;
    (*cell != Cell::Null).then(|| whole(cell))
}

/// A table that is there has the columns that are asked for.
fn check_columns<'t>(
    location: &Location,
    schema: &Schema,
    tables: impl Iterator<Item = &'t &'static Table>,
) -> Result<(), StoreError> {
    for table in tables {
        let Some(found) = schema.tables.get(table.name) else { continue };
        let names = table.columns.iter().map(|column| column.name);
        let missing: Vec<_> = names.filter(|name| found.column(name).is_none()).collect();
        if !missing.is_empty() {
            let database = location.place.to_string();
            return Err(StoreError::ForeignTable { database, table: table.name, missing });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
