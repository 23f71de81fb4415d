//! What a source has that a target will not have: said before anything begins. Pure.

use serde::Serialize;
use service::schema::Schema;
use service::tables::Table;

/// A foreign key from one side of the border to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Crossing {
    /// The table that refers.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that is referred to.
    pub refers_to: String,
    /// What is lost.
    pub lost: &'static str,
}

/// What stays behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Border {
    /// Foreign keys that end at the border.
    pub crossings: Vec<Crossing>,
    /// Columns of carried tables that the service does not know, as `table.column`.
    pub unknown_columns: Vec<String>,
    /// Tables that the source does not have.
    pub missing_tables: Vec<&'static str>,
    /// Columns that the source has in a form which does not come back as it was written.
    pub rewritten_columns: Vec<String>,
}

/// A move carries rows that go, so nothing looks after these any more.
const OUT: &str = "the target has no such table: the values go along and refer to nothing there";
const IN: &str =
    "the rows referred to stay behind as they were at the switch, and are changed no more";

impl Border {
    /// Compares what is carried with what the source has.
    pub fn of(tables: &[&'static Table], source: &Schema) -> Self {
        let is_carried = |name: &str| tables.iter().any(|table| table.name == name);
        let mut border = Self::default();
        for (name, found) in &source.tables {
            for reference in &found.references {
                let lost = match (is_carried(name), is_carried(&reference.table)) {
                    (true, false) => OUT,
                    (false, true) => IN,
                    _ => continue,
                };
                border.crossings.push(Crossing {
                    table: name.clone(),
                    columns: reference.columns.clone(),
                    refers_to: reference.table.clone(),
                    lost,
                });
            }
        }
        for table in tables {
            let Some(found) = source.tables.get(table.name) else {
                border.missing_tables.push(table.name);
                continue;
            };
            for column in &found.columns {
                let place = || format!("{}.{}", table.name, column.name);
                let is_number = column.name == "rowid" && !table.is_shared();
                if !is_number && !table.column_names().contains(&column.name.as_str()) {
                    border.unknown_columns.push(place());
                }
                if column.family == (service::schema::shape::Family::Json { as_written: false }) {
                    border.rewritten_columns.push(place());
                }
            }
        }
        border
    }
}

#[cfg(test)]
mod tests {
    use service::schema::needed;
    use service::schema::shape::{Family, Reference};
    use service::tables::ALL;

    use super::*;

    #[test]
    fn what_stays_behind_is_named() {
        let mut source = needed::schema();
        let border = Border::of(ALL, &source);
        // The service does not have the payments.
        assert_eq!(border.crossings.len(), 1, "{border:?}");
        assert_eq!((border.crossings[0].table.as_str(), border.crossings[0].lost), ("job", OUT));
        assert!(border.unknown_columns.is_empty() && border.missing_tables.is_empty());

        let mut bills = service::schema::shape::Table::default();
        bills.references.push(Reference {
            columns: vec!["execution".to_owned()],
            table: "agent_executions".to_owned(),
            to: vec!["id".to_owned()],
        });
        source.tables.insert("bills".to_owned(), bills);
        source.tables.remove("agent_service_runs");
        let steps = source.tables.get_mut("agent_steps").unwrap();
        steps.columns[0].name = "colour".to_owned();
        steps.columns[0].family = Family::Json { as_written: false };
        let border = Border::of(ALL, &source);
        assert_eq!((border.crossings[0].table.as_str(), border.crossings[0].lost), ("bills", IN));
        assert_eq!(border.unknown_columns, ["agent_steps.colour"]);
        assert_eq!(border.rewritten_columns, ["agent_steps.colour"]);
        assert_eq!(border.missing_tables, ["agent_service_runs"]);
    }
}
