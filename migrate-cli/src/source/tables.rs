//! The tables that classes declare.

use std::collections::BTreeMap;

use ruff_python_ast::Expr;
use service::schema::shape::{Index, Table};

use super::columns::{self, text};
use scan::classes::{Class, Classes, called};

/// The tables by name, and where each is declared. A table that is declared twice is noted, and the first counts.
pub(crate) fn of(
    classes: &Classes,
    notes: &mut Vec<String>,
) -> (BTreeMap<String, Table>, BTreeMap<String, String>) {
    let (mut tables, mut places) = (BTreeMap::new(), BTreeMap::new());
    for class in &classes.all {
        let Some(name) = table_name(class) else { continue };
        let place = format!("{}:{}", class.file, class.line);
        if let Some(first) = places.get(&name) {
            notes.push(format!("{place}: the table {name} is declared at {first} already"));
            continue;
        }
        tables.insert(name.clone(), table(&name, class, classes));
        places.insert(name, place);
    }
    (tables, places)
}

/// SQLModel makes a table of a class that says `table=True`, SQLAlchemy of one that names it.
fn table_name(class: &Class) -> Option<String> {
    let said = class.fields.iter().find(|field| field.name == "__tablename__");
    let said = said.and_then(|field| text(field.value.as_ref()?)).map(str::to_owned);
    said.or_else(|| class.is_table.then(|| class.name.to_ascii_lowercase()))
}

fn table(name: &str, class: &Class, classes: &Classes) -> Table {
    let mut table = Table::default();
    let lineage = classes.lineage(class);
    for field in lineage.iter().flat_map(|class| &class.fields) {
        let Some(declared) = columns::of(field, class, classes) else { continue };
        let column = declared.column.name.clone();
        // A field of a base may be declared anew.
        table.columns.retain(|known| known.name != column);
        if declared.is_key {
            table.key.push(column.clone());
        }
        if declared.is_indexed || declared.is_unique {
            table.indexes.push(Index {
                name: format!("ix_{name}_{column}"),
                columns: vec![column],
                unique: declared.is_unique,
                only_where: None,
            });
        }
        table.references.extend(declared.reference);
        table.columns.push(declared.column);
    }
    let rules = lineage.iter().flat_map(|class| &class.fields);
    for rule in rules.filter(|field| field.name == "__table_args__") {
        if let Some(Expr::Tuple(several)) = &rule.value {
            table.indexes.extend(several.elts.iter().filter_map(index));
        }
    }
    table
}

/// `Index("name", "column", …, unique=True)` or `UniqueConstraint("column", …)`.
fn index(rule: &Expr) -> Option<Index> {
    let (name, arguments) = called(rule)?;
    let texts = arguments.unnamed().iter().filter_map(text).map(str::to_owned);
    let texts: Vec<String> = texts.collect();
    match name {
        "Index" => {
            let (name, columns) = texts.split_first()?;
            let unique = arguments.flag("unique").unwrap_or_default();
            Some(Index { name: name.clone(), columns: columns.to_vec(), unique, only_where: None })
        }
        "UniqueConstraint" => Some(Index {
            name: arguments.named("name").and_then(text).unwrap_or_default().to_owned(),
            columns: texts,
            unique: true,
            only_where: None,
        }),
        _ => None,
    }
}
