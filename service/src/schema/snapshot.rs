//! What a database looked like when somebody kept it: the file that `migrate schema snapshot` writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::diff::{Difference, Part, diff};
use super::findings::{Finding, Severity};
use super::shape::Schema;
use crate::tables;

/// The format of the file; a reader refuses others.
const FORMAT: u32 = 1;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    format: u32,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// Of which database, without password.
    pub database: String,
    /// What it looked like.
    pub schema: Schema,
}

/// A file that is no snapshot.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}; give a file that `migrate schema snapshot` has written", file.display())]
pub struct SnapshotError {
    file: PathBuf,
    problem: String,
}

impl Snapshot {
    /// What a database looks like now.
    pub fn new(taken_at: DateTime<Utc>, database: String, schema: Schema) -> Self {
        Self { format: FORMAT, taken_at, database, schema }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is something else or of another format.
    pub fn read(file: &Path) -> Result<Self, SnapshotError> {
        let failed = |problem: String| SnapshotError { file: file.to_owned(), problem };
        let text = std::fs::read(file).map_err(|problem| failed(problem.to_string()))?;
        let read: Self =
            serde_json::from_slice(&text).map_err(|problem| failed(problem.to_string()))?;
        if read.format == FORMAT {
            Ok(read)
        } else {
            Err(failed(format!("has format {}, and this program reads {FORMAT}", read.format)))
        }
    }

    /// What has changed since in the tables that both programs use. The service's own tables change with its builds.
    pub fn drift(&self, now: &Schema) -> Vec<Finding> {
        let shared = tables::ALL.iter().filter(|table| table.is_shared());
        let shared: BTreeSet<String> = shared.map(|table| table.name.to_owned()).collect();
        let differences = diff(&self.schema, now, Some(&shared));
        differences.into_iter().map(|difference| self.finding(difference)).collect()
    }

    fn finding(&self, Difference { table, part, left, right }: Difference) -> Finding {
        let side = |side: Option<String>| side.unwrap_or_else(|| "not there".to_owned());
        let (was, is, at) = (side(left), side(right), self.taken_at.format("%F %T UTC"));
        let column = match &part {
            Part::Column(name) | Part::Default(name) => Some(name.clone()),
            _ => None,
        };
        Finding {
            message: format!("{table}, {part}: was {was} at {at}, is {is}"),
            table,
            column,
            // What it comes to, other findings say.
            severity: Severity::Harmless,
            breaks: BTreeSet::new(),
            remedy: Some(
                "see who changed it; where it is as it should be, take a new snapshot".to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Engine, needed};

    fn schema() -> Schema {
        Schema { engine: Some(Engine::Sqlite), ..needed::schema() }
    }

    #[test]
    fn only_the_shared_tables_drift() {
        let snapshot = Snapshot::new(Utc::now(), "d".to_owned(), schema());
        let mut now = schema();
        now.tables.remove("agent_service_runs");
        now.tables.insert("songs".to_owned(), crate::schema::shape::Table::default());
        assert_eq!(snapshot.drift(&now), []);
        now.tables.get_mut("agent_executions").unwrap().columns[3].nullable = true;
        let drift = snapshot.drift(&now);
        assert_eq!(drift.len(), 1);
        assert!(drift[0].message.starts_with("agent_executions, status: was "), "{drift:?}");
    }

    #[test]
    fn a_snapshot_comes_back_and_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.json");
        let refused = |what: &str| {
            let error = Snapshot::read(&file).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("s.json"), "{error}");
        };
        refused("No such file");
        std::fs::write(&file, "{}").unwrap();
        refused("missing field");
        let snapshot = Snapshot::new(Utc::now(), "d".to_owned(), schema());
        let text = serde_json::to_string(&snapshot).unwrap();
        std::fs::write(&file, text.replacen("\"format\":1", "\"format\":2", 1)).unwrap();
        refused("has format 2");
        std::fs::write(&file, text).unwrap();
        assert_eq!(Snapshot::read(&file).unwrap(), snapshot);
    }
}
