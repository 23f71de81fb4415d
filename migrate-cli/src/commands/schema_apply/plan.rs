//! What of the tables lacks in a database, and the statements that make it. Pure.

use serde::Serialize;
use service::schema::{Engine, Schema};
use service::tables::ddl::TableIndex;
use service::tables::own::versions::{self, SchemaVersion};
use service::tables::{self, Record as _, Table, indexes};

/// Everything that the service needs or could use, and where it stands.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    pub(super) tables: Vec<PlannedTable>,
    pub(super) indexes: Vec<PlannedIndex>,
}

/// A table.
#[derive(Debug, Serialize)]
pub(super) struct PlannedTable {
    pub(super) name: &'static str,
    /// Whether the monolith has it, too.
    shared: bool,
    pub(super) state: State,
    /// What makes it with its indexes.
    pub(super) sql: Vec<String>,
}

/// An index of a table that is there.
#[derive(Debug, Serialize)]
pub(super) struct PlannedIndex {
    pub(super) name: String,
    pub(super) table: &'static str,
    /// Whether it is one that only large databases want.
    pub(super) optional: bool,
    pub(super) state: State,
    pub(super) sql: String,
}

/// Where something stands after the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It would be made.
    Planned,
    /// It was made.
    Made,
    /// It was there already.
    There,
}

impl State {
    const fn of(is_there: bool) -> Self {
        if is_there { Self::There } else { Self::Planned }
    }
}

impl Plan {
    /// Compares what is needed with what was found.
    pub(super) fn of(found: &Schema, engine: Engine, with_indexes: bool) -> Self {
        let has_own = found.tables.keys().any(|name| tables::is_own(name));
        let planned = |table: &&'static Table| {
            let mut sql = table.create_statements(engine);
            if table.name == SchemaVersion::TABLE.name && !has_own {
                // All of them are made as this build defines them.
                sql.push(versions::record(versions::latest(versions::ALL), engine));
            }
            PlannedTable {
                name: table.name,
                shared: table.is_shared(),
                state: State::of(found.tables.contains_key(table.name)),
                sql,
            }
        };
        let usual = tables::ALL.iter().flat_map(|table| indexes_of(table, found));
        let optional =
            indexes::ALL.iter().filter(|_| with_indexes).map(|index| PlannedIndex {
                name: index.name.to_owned(),
                table: index.table,
                optional: true,
                state: State::of(found.tables.get(index.table).is_some_and(|table| {
                    table.indexes.iter().any(|there| there.name == index.name)
                })),
                sql: match engine {
                    Engine::Sqlite => index.create_in_sqlite(),
                    Engine::Postgres => index.create_in_postgres(),
                },
            });
        Self {
            tables: tables::ALL.iter().map(planned).collect(),
            indexes: usual.chain(optional).collect(),
        }
    }

    /// How many tables and how many indexes stand so.
    pub(super) fn count(&self, state: State) -> (usize, usize) {
        (
            self.tables.iter().filter(|table| table.state == state).count(),
            self.indexes.iter().filter(|index| index.state == state).count(),
        )
    }
}

/// The indexes that a table which is there should have, as far as its columns are there.
fn indexes_of(table: &'static Table, found: &Schema) -> Vec<PlannedIndex> {
    let Some(there) = found.tables.get(table.name) else { return Vec::new() };
    let has_columns =
        |index: &TableIndex| index.columns.iter().all(|column| there.column(column).is_some());
    let serves = |index: &TableIndex| {
        there.indexes.iter().any(|other| {
            other.name == index.name
                || other.columns == index.columns
                    && other.unique == index.unique
                    && other.only_where.is_none()
        })
    };
    let wanted = table.indexes().into_iter().filter(has_columns);
    let planned = wanted.map(|index| PlannedIndex {
        state: State::of(serves(&index)),
        name: index.name,
        table: table.name,
        optional: false,
        sql: index.sql,
    });
    planned.collect()
}

#[cfg(test)]
mod tests {
    use service::schema::needed;

    use super::*;

    fn found() -> Schema {
        Schema { engine: Some(Engine::Sqlite), ..needed::schema() }
    }

    #[test]
    fn a_whole_database_lacks_nothing() {
        let plan = Plan::of(&found(), Engine::Sqlite, false);
        assert_eq!(plan.count(State::Planned), (0, 0));
        assert_eq!(plan.count(State::There).0, tables::ALL.len());
        assert_eq!(
            Plan::of(&found(), Engine::Sqlite, true).count(State::Planned),
            (0, indexes::ALL.len())
        );
    }

    #[test]
    fn an_index_by_another_name_serves_and_one_of_some_rows_does_not() {
        let name = "ix_ai_agent_workflows_owner_id";
        let planned = |change: &dyn Fn(&mut service::schema::shape::Index)| {
            let mut found = found();
            let table = found.tables.get_mut("ai_agent_workflows").unwrap();
            change(table.indexes.iter_mut().find(|index| index.name == name).unwrap());
            Plan::of(&found, Engine::Sqlite, false).count(State::Planned).1
        };
        assert_eq!(planned(&|index| "by_owner".clone_into(&mut index.name)), 0);
        assert_eq!(
            planned(&|index| {
                "by_owner".clone_into(&mut index.name);
                index.only_where = Some("is_public".to_owned());
            }),
            1
        );
    }

    #[test]
    fn a_table_is_made_with_its_indexes_and_an_index_only_on_columns_that_are_there() {
        let mut found = found();
        found.tables.remove("agent_executions");
        let workflows = found.tables.get_mut("ai_agent_workflows").unwrap();
        workflows.columns.retain(|column| column.name != "owner_id");
        workflows.indexes.clear();
        let plan = Plan::of(&found, Engine::Postgres, false);
        assert_eq!(plan.count(State::Planned), (1, 0));
        let table = plan.tables.iter().find(|table| table.state == State::Planned).unwrap();
        assert!(table.sql[0].starts_with("DO $$ BEGIN CREATE TYPE agentstatus"), "{:?}", table.sql);
        assert_eq!(table.sql.len(), 4, "{:?}", table.sql);
    }
}
