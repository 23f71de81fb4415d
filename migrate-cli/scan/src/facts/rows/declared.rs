//! Which classes are tables, and which tables their foreign keys refer to.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, Stmt, StmtClassDef};

use super::Declared;
use crate::classes::called;
use crate::python::{Lines, elements, text};

/// The table that a class is: SQLModel's with `table=True`, SQLAlchemy's with a name.
pub(super) fn declared(class: &StmtClassDef, lines: &Lines) -> Option<Declared> {
    let said = class.body.iter().find_map(|statement| match statement {
        Stmt::Assign(assigned) => match &assigned.targets[..] {
            [Expr::Name(name)] if name.id.as_str() == "__tablename__" => text(&assigned.value),
            _ => None,
        },
        Stmt::AnnAssign(assigned) => match &*assigned.target {
            Expr::Name(name) if name.id.as_str() == "__tablename__" => {
                assigned.value.as_deref().and_then(text)
            }
            _ => None,
        },
        _ => None,
    });
    let is_table = class.keywords().iter().any(|keyword| {
        keyword.arg.as_ref().is_some_and(|name| name.as_str() == "table")
            && matches!(&keyword.value, Expr::BooleanLiteral(is) if is.value)
    });
    let table = said.map(str::to_owned);
    let table = table.or_else(|| is_table.then(|| class.name.to_ascii_lowercase()))?;
    let mut keys = Keys::default();
    keys.visit_body(&class.body);
    let line = lines.at(class.name.range.start().to_usize());
    Some(Declared { line, class: class.name.to_string(), table, references: keys.0 })
}

/// `foreign_key="t.c"`, `ForeignKey("t.c")`, `ForeignKeyConstraint([…], ["t.c"])`.
#[derive(Default)]
pub(super) struct Keys(pub(super) BTreeSet<String>);

impl<'a> Visitor<'a> for Keys {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Some((function, given)) = called(expression) {
            let mut targets: Vec<&Expr> = given.named("foreign_key").into_iter().collect();
            match function {
                "ForeignKey" => targets.extend(given.unnamed().first()),
                "ForeignKeyConstraint" => {
                    let refers = given.unnamed().get(1).and_then(elements);
                    targets.extend(refers.into_iter().flatten());
                }
                _ => {}
            }
            for target in targets.into_iter().filter_map(text) {
                self.0.extend(target.rsplit_once('.').map(|(table, _)| table.to_owned()));
            }
        }
        walk_expr(self, expression);
    }
}
