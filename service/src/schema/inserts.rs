//! The inserts that each program makes into a table: pure.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Program;
use super::shape::{Column, Engine, Family, IDENTITY, Table};
use crate::tables::Cell;

/// Values by the names of their columns.
pub(super) type Values = BTreeMap<String, Cell>;

/// An insert, and whose.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Insert {
    pub(super) programs: BTreeSet<Program>,
    /// With a `?` for each value.
    pub(super) sql: String,
    pub(super) values: Vec<Cell>,
    /// Whether what may be absent is.
    pub(super) is_sparse: bool,
}

/// What inserts are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Material<'m> {
    pub(super) name: &'m str,
    /// The table as the database has it.
    pub(super) found: &'m Table,
    pub(super) engine: Engine,
    /// Values of a row that is there, and of rows that others refer to. What conditions ask of rows, these fulfil.
    pub(super) known: &'m Values,
    /// What no row has so far.
    pub(super) fresh: &'m str,
}

impl Material<'_> {
    /// The inserts of both programs, each once: with everything, and without what may be absent.
    pub(super) fn inserts(&self, service: &Table, monolith: &Table) -> Vec<Insert> {
        let mut all: Vec<Insert> = Vec::new();
        for (program, table) in [(Program::Service, service), (Program::Monolith, monolith)] {
            for is_sparse in [false, true] {
                let (sql, values) = self.insert(table, is_sparse);
                let same = |known: &&mut Insert| known.sql == sql && known.values == values;
                if let Some(known) = all.iter_mut().find(same) {
                    known.programs.insert(program);
                    continue;
                }
                all.push(Insert { programs: BTreeSet::from([program]), sql, values, is_sparse });
            }
        }
        all
    }

    fn insert(&self, table: &Table, is_sparse: bool) -> (String, Vec<Cell>) {
        let (mut names, mut places, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut clause = "";
        for column in &table.columns {
            let name = column.name.as_str();
            match column.default.as_deref() {
                // A number that is drawn on a server is gone for good.
                Some(IDENTITY) if self.engine == Engine::Postgres => {
                    let next = format!("(SELECT COALESCE(MAX({name}), 0) + 1 FROM {})", self.name);
                    places.push(next);
                    clause = " OVERRIDING SYSTEM VALUE";
                }
                // The database fills it in.
                Some(_) => continue,
                None => {
                    places.push("?".to_owned());
                    values.push(self.value(column, is_sparse));
                }
            }
            names.push(name);
        }
        let (names, places) = (names.join(", "), places.join(", "));
        (format!("INSERT INTO {} ({names}){clause} VALUES ({places})", self.name), values)
    }

    fn value(&self, column: &Column, is_sparse: bool) -> Cell {
        let refers = self.found.references.iter().any(|to| to.columns.contains(&column.name));
        match (&column.family, self.known.get(&column.name)) {
            (Family::Text { most }, _) if self.is_unique(&column.name) && !refers => {
                let most = most.map_or(usize::MAX, |most| most as usize);
                Cell::Text(self.fresh.chars().take(most).collect())
            }
            // Both programs write the document null.
            (Family::Json { .. }, _) if is_sparse && column.nullable => Cell::from("null"),
            (_, _) if is_sparse && column.nullable => Cell::Null,
            (_, Some(known)) => known.clone(),
            // There is no row that it could refer to.
            (_, None) if refers && column.nullable => Cell::Null,
            (family, None) => made_up(family),
        }
    }

    /// Whether a second row may not have the same.
    fn is_unique(&self, name: &String) -> bool {
        let unique = self.found.indexes.iter().filter(|index| index.unique);
        self.found.key.contains(name)
            || unique.into_iter().any(|index| index.columns.contains(name))
    }
}

/// A plain value.
fn made_up(family: &Family) -> Cell {
    match family {
        Family::Text { most } => Cell::Text(
            "tried".chars().take(most.map_or(usize::MAX, |most| most as usize)).collect(),
        ),
        Family::Enum { labels } => labels.first().map_or(Cell::Null, |label| label.as_str().into()),
        Family::Json { .. } => "{}".into(),
        Family::Integer { .. } | Family::Decimal => Cell::Integer(1),
        Family::Float { .. } => Cell::Real(1.0),
        Family::Boolean => Cell::Integer(0),
        Family::Instant { .. } => "2026-01-01 00:00:00.000000".into(),
        Family::Bytes => Cell::Bytes(Vec::new()),
        Family::Other => "tried".into(),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::schema::needed;
    use crate::schema::shape::Reference;

    fn inserts(
        name: &str,
        engine: Engine,
        known: &[(&str, Cell)],
        change: impl Fn(&mut Table, &mut Table),
    ) -> Vec<Insert> {
        let needed = needed::schema().tables.remove(name).unwrap();
        let (mut found, mut monolith) = (needed.clone(), needed.clone());
        change(&mut found, &mut monolith);
        let known = known.iter().map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect();
        let material =
            Material { name, found: &found, engine, known: &known, fresh: "0123456789abcdef" };
        material.inserts(&needed, &monolith)
    }

    #[test]
    fn both_programs_make_the_same_with_everything_and_with_the_least() {
        let known = [("name", Cell::from("n")), ("security_level", Cell::from("PUBLIC"))];
        let all = inserts("agent_security_policies", Engine::Postgres, &known, |_, _| {});
        assert_eq!(all.iter().map(|one| one.is_sparse).collect::<Vec<_>>(), [false, true]);
        assert!(all.iter().all(|one| one.programs.len() == 2));
        assert!(all[0].sql.starts_with("INSERT INTO agent_security_policies (id, name, "));
        assert_eq!(all[0].sql, all[1].sql);
        assert_snapshot!(format!("{:?}\n{:?}", &all[0].values[..9], &all[1].values[..9]), @r#"
        [Text("0123456789abcdef"), Text("0123456789abcdef"), Text("tried"), Text("PUBLIC"), Text("{}"), Integer(1), Integer(1), Integer(0), Text("{}")]
        [Text("0123456789abcdef"), Text("0123456789abcdef"), Text("tried"), Text("PUBLIC"), Text("null"), Integer(1), Integer(1), Integer(0), Text("null")]
        "#);
    }

    #[test]
    fn a_number_is_given_by_a_file_and_not_drawn_on_a_server() {
        let sql = |engine| inserts("portfolio_alert", engine, &[], |_, _| {}).remove(0).sql;
        assert!(sql(Engine::Sqlite).starts_with("INSERT INTO portfolio_alert (portfolio_id, "));
        let server = sql(Engine::Postgres);
        let expected = ") OVERRIDING SYSTEM VALUE VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM portfolio_alert), ?";
        assert!(server.contains(expected), "{server}");
    }

    #[test]
    fn the_monolith_inserts_what_its_source_says() {
        let all = inserts("agent_steps", Engine::Sqlite, &[], |_, monolith| {
            monolith.columns.truncate(3);
            monolith.columns[2].default = Some("0".to_owned());
        });
        let monolith = Program::Monolith;
        let of = all.iter().find(|one| one.programs.contains(&monolith)).unwrap();
        assert_eq!(of.sql, "INSERT INTO agent_steps (id, workflow_id) VALUES (?, ?)");
        assert_eq!(of.programs.len(), 1);
    }

    #[test]
    fn what_names_no_row_stays_empty() {
        let of = |known: &[(&str, Cell)]| {
            let all = inserts("job", Engine::Postgres, known, |found, _| {
                found.references.push(Reference {
                    columns: vec!["receipt_id".to_owned()],
                    table: "receipts".to_owned(),
                    to: vec!["id".to_owned()],
                });
            });
            all[0].values[11].clone()
        };
        assert_eq!(of(&[]), Cell::Null);
        assert_eq!(of(&[("receipt_id", Cell::from("r"))]), Cell::from("r"));
    }
}
