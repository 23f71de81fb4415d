//! How the database has a table at present.

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Store, StoreError};
use crate::tables::Table;
use crate::tables::drift::{FoundColumn, FoundTable};

const DOING: &str = "look at the tables";

impl Store {
    /// The columns that the database has for a table; none when there is no such table.
    pub async fn found(&self, table: &Table) -> Result<FoundTable, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(format!("PRAGMA table_info({})", table.name)))
            .fetch_all(&self.pool)
            .await
            .map_err(|source| StoreError::query(DOING, source))?;
        let columns = rows.iter().map(column).collect::<Result<_, _>>();
        Ok(FoundTable { columns: columns.map_err(|source| StoreError::query(DOING, source))? })
    }
}

fn column(row: &SqliteRow) -> Result<FoundColumn, sqlx::Error> {
    Ok(FoundColumn {
        name: row.try_get("name")?,
        declared: row.try_get("type")?,
        not_null: row.try_get("notnull")?,
        has_default: row.try_get::<Option<String>, _>("dflt_value")?.is_some(),
        key: row.try_get::<i64, _>("pk")? > 0,
    })
}
