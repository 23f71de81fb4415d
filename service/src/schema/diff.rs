//! Where two schemas differ, whoever they are of: pure, without judgement. [`super::findings`] says what it comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::shape::{Column, Engine, Family, Index, Schema, Table};

/// One place where they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The column, or what else of the table it is about.
    pub part: Part,
    /// What the left one has; nothing where it lacks it.
    pub left: Option<String>,
    /// What the right one has.
    pub right: Option<String>,
}

/// What of a table differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "of", content = "name")]
pub enum Part {
    /// All of it: one side does not have the table.
    Table,
    /// A column: one side lacks it, or its type or NULL is another.
    Column(String),
    /// What a column holds where nothing is said.
    Default(String),
    /// The primary key.
    Key,
    /// An index on these columns.
    Index(String),
    /// A foreign key from these columns.
    Reference(String),
    /// A condition on rows.
    Check,
    /// A trigger.
    Trigger,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => write!(f, "the table"),
            Self::Column(name) => write!(f, "{name}"),
            Self::Default(name) => write!(f, "default of {name}"),
            Self::Key => write!(f, "primary key"),
            Self::Index(columns) => write!(f, "index on {columns}"),
            Self::Reference(columns) => write!(f, "foreign key from {columns}"),
            Self::Check => write!(f, "check"),
            Self::Trigger => write!(f, "trigger"),
        }
    }
}

/// Every difference, in the order of the tables' names. `only` names the tables that count; none: all.
pub fn diff(left: &Schema, right: &Schema, only: Option<&BTreeSet<String>>) -> Vec<Difference> {
    let names: BTreeSet<&String> = left.tables.keys().chain(right.tables.keys()).collect();
    let counted = names.into_iter().filter(|name| only.is_none_or(|only| only.contains(*name)));
    let sides = Sides { left: left.engine, right: right.engine };
    counted
        .flat_map(|name| match (left.tables.get(name), right.tables.get(name)) {
            (Some(left), Some(right)) => sides.tables(name, left, right),
            (left, right) => {
                let side = |table: Option<&Table>| {
                    table.map(|table| format!("{} columns", table.columns.len()))
                };
                vec![Difference {
                    table: name.clone(),
                    part: Part::Table,
                    left: side(left),
                    right: side(right),
                }]
            }
        })
        .collect()
}

/// The two engines, which decide what can be compared.
struct Sides {
    left: Option<Engine>,
    right: Option<Engine>,
}

impl Sides {
    /// Names of constraints, defaults and the like are in an engine's own words.
    fn speak_alike(&self) -> bool {
        self.left.is_some() && self.left == self.right
    }

    fn tables(&self, name: &str, left: &Table, right: &Table) -> Vec<Difference> {
        let mut all = Vec::new();
        let mut add = |part: Part, left: Option<String>, right: Option<String>| {
            if left != right {
                all.push(Difference { table: name.to_owned(), part, left, right });
            }
        };
        for column in &left.columns {
            let other = right.column(&column.name);
            let same = other.is_some_and(|other| self.same(column, other));
            if !same {
                add(Part::Column(column.name.clone()), Some(shown(column)), other.map(shown));
            }
            if let Some(other) = other.filter(|_| self.speak_alike()) {
                let part = Part::Default(column.name.clone());
                add(part, column.default.clone(), other.default.clone());
            }
        }
        for column in right.columns.iter().filter(|column| left.column(&column.name).is_none()) {
            add(Part::Column(column.name.clone()), None, Some(shown(column)));
        }
        add(Part::Key, Some(left.key.join(", ")), Some(right.key.join(", ")));
        let (ours, theirs) = (self.indexes(left), self.indexes(right));
        for columns in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            let part = Part::Index(columns.clone());
            add(part, ours.get(columns).cloned(), theirs.get(columns).cloned());
        }
        let (ours, theirs) = (references(left), references(right));
        for columns in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            let part = Part::Reference(columns.clone());
            add(part, ours.get(columns).cloned(), theirs.get(columns).cloned());
        }
        if self.speak_alike() {
            for (part, ours, theirs) in [
                (Part::Check, &left.checks, &right.checks),
                (Part::Trigger, &left.triggers, &right.triggers),
            ] {
                for one in ours.iter().filter(|one| !theirs.contains(one)) {
                    add(part.clone(), Some(one.clone()), None);
                }
                for one in theirs.iter().filter(|one| !ours.contains(one)) {
                    add(part.clone(), None, Some(one.clone()));
                }
            }
        }
        all
    }

    fn same(&self, left: &Column, right: &Column) -> bool {
        let is_unknown = |column: &Column, engine: Option<Engine>| {
            engine.is_none() && column.family == Family::Other
        };
        if is_unknown(left, self.left) || is_unknown(right, self.right) {
            return true;
        }
        let same_words = left.declared.eq_ignore_ascii_case(&right.declared);
        let same_type = if self.speak_alike() {
            same_words && left.family == right.family
        } else {
            same_words || self.alike(&left.family, &right.family)
        };
        same_type && left.nullable == right.nullable && left.generated == right.generated
    }

    /// Whether two families are the same in the words of different engines.
    fn alike(&self, left: &Family, right: &Family) -> bool {
        let is_file = |engine| engine == Some(Engine::Sqlite);
        let any_file = is_file(self.left) || is_file(self.right);
        match (left, right) {
            // A file knows no enumerations and one size of integers.
            (Family::Enum { .. }, Family::Text { .. }) => is_file(self.right),
            (Family::Text { .. }, Family::Enum { .. }) => is_file(self.left),
            (Family::Integer { .. }, Family::Integer { .. }) if any_file => true,
            (left, right) => left == right,
        }
    }

    /// What each index is, by its columns. Those that only make reading faster are compared between databases alone.
    fn indexes(&self, table: &Table) -> BTreeMap<String, String> {
        let is_compared = |index: &&Index| index.unique || self.speak_alike();
        let shown = |index: &Index| {
            let unique = if index.unique { "unique" } else { "not unique" };
            let condition = index.only_where.as_deref().filter(|_| self.speak_alike());
            match condition {
                Some(condition) => format!("{unique}, where {condition}"),
                None => unique.to_owned(),
            }
        };
        let compared = table.indexes.iter().filter(is_compared);
        compared.map(|index| (index.columns.join(", "), shown(index))).collect()
    }
}

fn references(table: &Table) -> BTreeMap<String, String> {
    let of = |reference: &super::shape::Reference| {
        let to =
            if reference.to.is_empty() { "its key".to_owned() } else { reference.to.join(", ") };
        (reference.columns.join(", "), format!("{} ({to})", reference.table))
    };
    table.references.iter().map(of).collect()
}

fn shown(column: &Column) -> String {
    let null = if column.nullable { "" } else { " NOT NULL" };
    let generated = if column.generated { ", computed" } else { "" };
    format!("{}{null}{generated}", column.declared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::needed;

    fn changed(
        engine: Option<Engine>,
        change: impl Fn(&mut Table),
    ) -> Vec<(Part, [Option<String>; 2])> {
        let left = Schema { engine, ..needed::schema() };
        let mut right = left.clone();
        change(right.tables.get_mut("agent_steps").unwrap());
        let found = diff(&left, &right, None);
        assert!(found.iter().all(|difference| difference.table == "agent_steps"));
        found.into_iter().map(|found| (found.part, [found.left, found.right])).collect()
    }

    #[test]
    fn nothing_differs_from_itself() {
        for engine in [None, Some(Engine::Sqlite), Some(Engine::Postgres)] {
            assert_eq!(changed(engine, |_| {}), []);
        }
    }

    #[test]
    fn each_part_is_named_with_both_sides() {
        let found = changed(Some(Engine::Sqlite), |table| {
            table.columns.retain(|column| column.name != "depends_on");
            table.columns[2].declared = "TEXT".to_owned();
            table.columns[3].nullable = true;
            table.columns[4].default = Some("'x'".to_owned());
            table.key = Vec::new();
            table.indexes.clear();
            table.checks.push("a > 0".to_owned());
        });
        insta::assert_debug_snapshot!(found);
    }

    #[test]
    fn engines_have_their_own_words_for_one_thing() {
        let service = needed::schema();
        let mut file = Schema { engine: Some(Engine::Sqlite), ..service.clone() };
        for column in file.tables.values_mut().flat_map(|table| &mut table.columns) {
            column.family = super::super::affinity::family(&column.declared);
        }
        assert_eq!(diff(&service, &file, None), []);
        assert_eq!(diff(&file, &service, None), []);
    }

    #[test]
    fn tables_of_one_side_are_told_unless_they_do_not_count() {
        let left = needed::schema();
        let mut right = left.clone();
        right.tables.remove("job");
        let found = diff(&left, &right, None);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].left.as_deref(), &found[0].right), (Some("15 columns"), &None));
        assert_eq!(diff(&left, &right, Some(&BTreeSet::from(["agent_steps".to_owned()]))), []);
    }
}
