//! Which tables each side of the border reads and writes, and which foreign keys run across.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::FileId;
use crate::border::Sides;
use crate::facts::rows::{Access, Declared, Whose};
use crate::lookup::{Known, Lookup, Spot};

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Tables {
    /// Those that extracted files declare, read or write.
    pub tables: Vec<Table>,
    /// Between tables of different sides.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its name in the database.
    pub name: String,
    /// Where it is declared: `FILE:LINE`.
    pub declared: Vec<String>,
    /// Who uses it.
    pub side: Side,
    /// The extracted files that do.
    pub extracted: Vec<Use>,
    /// The other files that do.
    pub rest: Vec<Use>,
}

/// What a file does with a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Use {
    /// The file.
    pub file: String,
    /// Lines that read rows.
    pub reads: BTreeSet<usize>,
    /// Lines that write rows.
    pub writes: BTreeSet<usize>,
    /// How that is told: `select`, `constructor`, `sql`, ….
    pub how: BTreeSet<&'static str>,
}

/// A reference from one table to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ForeignKey {
    /// The table that refers.
    pub from: String,
    /// Who uses it.
    pub from_side: Side,
    /// The table that is referred to.
    pub to: String,
    /// Who uses it.
    pub to_side: Side,
    /// Where it is declared: `FILE:LINE`.
    pub at: String,
}

/// Who uses a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Extracted files only.
    Extracted,
    /// Extracted files and others.
    Both,
    /// Others only.
    Rest,
    /// Nobody that can be told.
    #[default]
    Nobody,
}

/// What each file does with each table.
type Uses = BTreeMap<String, BTreeMap<FileId, Use>>;

/// Finds them. What tests do with tables is left out.
pub(crate) fn of(
    lookup: &Lookup<'_>,
    paths: &[String],
    sides: &Sides,
    is_test: &dyn Fn(FileId) -> bool,
) -> Tables {
    let facts = lookup.monolith.facts;
    let declared: BTreeMap<Known, &Declared> = facts
        .iter()
        .enumerate()
        .flat_map(|(file, facts)| {
            facts.rows.declared.iter().map(move |it| ((file, it.class.clone()), it))
        })
        .collect();
    let uses = uses(lookup, paths, &declared, is_test);
    let side = |table: &str| {
        let files = uses.get(table).into_iter().flat_map(BTreeMap::keys).copied();
        let (inside, outside): (Vec<_>, Vec<_>) =
            files.partition(|file: &FileId| sides.extracted.contains(file));
        match (inside.is_empty(), outside.is_empty()) {
            (false, true) => Side::Extracted,
            (false, false) => Side::Both,
            (true, false) => Side::Rest,
            (true, true) => Side::Nobody,
        }
    };
    let place = |file: FileId, line: usize| {
        format!("{}:{line}", paths.get(file).map(String::as_str).unwrap_or_default())
    };
    let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for ((file, _), it) in &declared {
        let own = side(&it.table);
        let is_extracted = sides.extracted.contains(file);
        if is_extracted || matches!(own, Side::Extracted | Side::Both) {
            let name = it.table.clone();
            let table = tables.entry(&it.table).or_insert_with(|| Table {
                name,
                declared: Vec::new(),
                side: own,
                extracted: Vec::new(),
                rest: Vec::new(),
            });
            table.declared.push(place(*file, it.line));
        }
        for to in &it.references {
            let theirs = side(to);
            let is_across = own != theirs && ![own, theirs].contains(&Side::Nobody);
            if is_across {
                let (from, to, at) = (it.table.clone(), to.clone(), place(*file, it.line));
                keys.insert(ForeignKey { from, from_side: own, to, to_side: theirs, at });
            }
        }
    }
    for (name, table) in &mut tables {
        let files = uses.get(*name).into_iter().flatten();
        for (file, one) in files {
            let side =
                if sides.extracted.contains(file) { &mut table.extracted } else { &mut table.rest };
            side.push(one.clone());
        }
    }
    Tables { tables: tables.into_values().collect(), foreign_keys: keys.into_iter().collect() }
}

fn uses(
    lookup: &Lookup<'_>,
    paths: &[String],
    declared: &BTreeMap<Known, &Declared>,
    is_test: &dyn Fn(FileId) -> bool,
) -> Uses {
    let classes: BTreeSet<&str> = declared.keys().map(|(_, class)| class.as_str()).collect();
    let names: BTreeSet<&str> = declared.values().map(|it| it.table.as_str()).collect();
    let mut uses = Uses::new();
    for (file, facts) in
        lookup.monolith.facts.iter().enumerate().filter(|(file, _)| !is_test(*file))
    {
        // Most names are no tables, and most of those can be told by their looks.
        let others = facts
            .imports
            .all
            .iter()
            .filter(|import| import.name.as_deref().is_some_and(|name| classes.contains(name)));
        let aliases: BTreeSet<&str> = others.map(|import| import.bound.as_str()).collect();
        let mut known: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for touch in &facts.rows.touched {
            let table = match &touch.whose {
                Whose::Table(table) => names.get(table.as_str()).map(|name| (*name).to_owned()),
                Whose::Class(chain) => {
                    let last = chain.rsplit('.').next().unwrap_or(chain);
                    if !classes.contains(last) && !aliases.contains(chain.as_str()) {
                        continue;
                    }
                    let find = || {
                        let spot = Spot::new(file, "");
                        let is_table = |_: &_, file, name: &str| {
                            declared.contains_key(&(file, name.to_owned()))
                        };
                        let found = lookup.find(&spot, chain, &is_table)?;
                        declared.get(&found).map(|it| it.table.clone())
                    };
                    known.entry(chain).or_insert_with(find).clone()
                }
            };
            let Some(table) = table else { continue };
            let one = uses.entry(table).or_default().entry(file).or_default();
            one.file = paths.get(file).cloned().unwrap_or_default();
            one.how.insert(touch.how);
            match touch.access {
                Access::Read => one.reads.insert(touch.line),
                Access::Write => one.writes.insert(touch.line),
            };
        }
    }
    uses
}

#[cfg(test)]
mod tests;
