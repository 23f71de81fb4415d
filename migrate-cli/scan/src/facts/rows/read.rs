//! Reads what is done with rows out of the tree of a file.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Parameter, Stmt};
use ruff_text_size::Ranged as _;

use super::declared::{Keys, declared};
use super::{Access, Declared, Rows, Touch, Whose};
use crate::classes::{called, last_name};
use crate::python::{Lines, dotted, elements, text};

/// Reads it.
pub fn of(body: &[Stmt], lines: &Lines) -> Rows {
    let mut walk = Walk { lines, found: Rows::default(), holds: BTreeMap::new() };
    walk.visit_body(body);
    walk.found
}

struct Walk<'a> {
    lines: &'a Lines,
    found: Rows,
    /// The classes whose rows a name of the present function may hold.
    holds: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::ClassDef(class) => {
                self.found.declared.extend(declared(class, self.lines));
                walk_stmt(self, statement);
            }
            Stmt::FunctionDef(_) => {
                let outer = std::mem::take(&mut self.holds);
                walk_stmt(self, statement);
                self.holds = outer;
            }
            Stmt::Assign(assigned) => {
                if let ([Expr::Name(name)], Some(("Table", given))) =
                    (&assigned.targets[..], called(&assigned.value))
                {
                    self.table(name.id.as_str(), given.unnamed(), name.range.start().to_usize());
                }
                for target in &assigned.targets {
                    self.assigned(target, &assigned.value);
                }
                walk_stmt(self, statement);
            }
            Stmt::AnnAssign(assigned) => {
                if let Some(value) = &assigned.value {
                    self.assigned(&assigned.target, value);
                }
                walk_stmt(self, statement);
            }
            Stmt::AugAssign(assigned) => {
                self.sets(&assigned.target);
                walk_stmt(self, statement);
            }
            Stmt::For(each) => {
                self.takes(&each.target, &each.iter);
                walk_stmt(self, statement);
            }
            // A docstring is no SQL.
            Stmt::Expr(alone) if alone.value.is_string_literal_expr() => {}
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        if let Some(class) = parameter.annotation.as_deref().and_then(dotted) {
            self.holds.insert(parameter.name.to_string(), [class].into());
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Call(call) => self.call(call),
            Expr::StringLiteral(literal) => {
                let line = self.lines.at(literal.range.start().to_usize());
                self.sql(line, literal.value.to_str());
            }
            Expr::Named(named) => self.takes(&named.target, &named.value),
            _ => {}
        }
        walk_expr(self, expression);
    }
}

impl Walk<'_> {
    fn touch(&mut self, offset: usize, class: String, access: Access, how: &'static str) {
        let line = self.lines.at(offset);
        self.found.touched.push(Touch { line, whose: Whose::Class(class), access, how });
    }

    fn table(&mut self, class: &str, given: &[Expr], offset: usize) {
        let Some((table, columns)) = given.split_first() else { return };
        let Some(table) = text(table) else { return };
        let mut keys = Keys::default();
        for column in columns {
            keys.visit_expr(column);
        }
        self.found.declared.push(Declared {
            line: self.lines.at(offset),
            class: class.to_owned(),
            table: table.to_owned(),
            references: keys.0,
        });
    }

    fn assigned(&mut self, target: &Expr, value: &Expr) {
        self.sets(target);
        self.takes(target, value);
    }

    /// `row.field = …`.
    fn sets(&mut self, target: &Expr) {
        if let Expr::Attribute(attribute) = target
            && let Expr::Name(row) = &*attribute.value
        {
            self.held(row.id.as_str(), attribute.range.start().to_usize(), "field-set");
        }
    }

    /// What a name holds is written.
    fn held(&mut self, name: &str, offset: usize, how: &'static str) {
        for class in self.holds.get(name).cloned().unwrap_or_default() {
            self.touch(offset, class, Access::Write, how);
        }
    }

    /// `name = session.get(T, …)`, `name = T(…)`, `for name in session.exec(select(T))`.
    fn takes(&mut self, target: &Expr, value: &Expr) {
        let Expr::Name(name) = target else { return };
        let classes = self.out(value);
        self.holds.insert(name.id.to_string(), classes);
    }

    fn call(&mut self, call: &ExprCall) {
        let offset = call.range().start().to_usize();
        let first = call.arguments.args.first();
        let (function, is_method) = match &*call.func {
            Expr::Name(name) => (name.id.as_str(), false),
            Expr::Attribute(attribute) => (attribute.attr.as_str(), true),
            _ => return,
        };
        match function {
            "select" | "select_from" | "join" | "outerjoin" => {
                self.each(call, Access::Read, "select");
            }
            "get" | "query" if is_method && call.arguments.args.len() <= 3 => {
                let how = if function == "get" { "session-get" } else { "session-query" };
                self.each(call, Access::Read, how);
            }
            "update" | "insert" | "delete" => {
                let how = match function {
                    "update" => "update",
                    "insert" => "insert",
                    _ => "delete",
                };
                self.each(call, Access::Write, how);
                // `session.query(T).delete()`, `session.delete(row)`.
                if let Expr::Attribute(attribute) = &*call.func
                    && attribute.value.is_call_expr()
                {
                    for class in self.out(&attribute.value) {
                        self.touch(offset, class, Access::Write, how);
                    }
                } else if is_method {
                    self.rows(first, offset, "session-delete");
                }
            }
            "add" | "merge" | "add_all" if is_method => self.rows(first, offset, "session-add"),
            "setattr" if !is_method => self.rows(first, offset, "field-set"),
            _ => {
                if let Some(class) = constructor(call) {
                    self.touch(offset, class, Access::Write, "constructor");
                }
            }
        }
    }

    /// Rows that are named, alone or in a list, are written.
    fn rows(&mut self, given: Option<&Expr>, offset: usize, how: &'static str) {
        let Some(given) = given else { return };
        for row in elements(given).unwrap_or(std::slice::from_ref(given)) {
            if let Expr::Name(row) = row {
                self.held(row.id.as_str(), offset, how);
            }
        }
    }

    /// The classes whose rows an expression may give out.
    fn out(&self, expression: &Expr) -> BTreeSet<String> {
        let mut out = Out { holds: &self.holds, classes: BTreeSet::new() };
        out.visit_expr(expression);
        out.classes
    }

    /// `select(A, B.x)`: A and B.
    fn each(&mut self, call: &ExprCall, access: Access, how: &'static str) {
        let offset = call.range().start().to_usize();
        let mut named = Named::default();
        for argument in &*call.arguments.args {
            named.visit_expr(argument);
        }
        for class in named.0 {
            self.touch(offset, class, access, how);
        }
    }

    fn sql(&mut self, line: usize, text: &str) {
        for (access, table) in super::sql::tables(text) {
            self.found.touched.push(Touch { line, whose: Whose::Table(table), access, how: "sql" });
        }
    }
}

/// `T(…)` with a name that begins like that of a class.
fn constructor(call: &ExprCall) -> Option<String> {
    let chain = dotted(&call.func)?;
    let last = chain.rsplit('.').next()?;
    last.starts_with(|c: char| c.is_uppercase()).then_some(chain)
}

/// The names, and the first parts of chains, that an expression reads.
#[derive(Default)]
struct Named(BTreeSet<String>);

impl<'a> Visitor<'a> for Named {
    fn visit_expr(&mut self, expression: &'a Expr) {
        match dotted(expression) {
            // Of `models.Agent.id` any part may be the class.
            Some(chain) => {
                let ends = chain.match_indices('.').map(|(at, _)| at).chain([chain.len()]);
                let starts = ends.filter_map(|end| chain.get(..end)).map(str::to_owned);
                self.0.extend(starts);
            }
            None => walk_expr(self, expression),
        }
    }
}

/// The classes whose rows an expression may give out.
struct Out<'h> {
    holds: &'h BTreeMap<String, BTreeSet<String>>,
    classes: BTreeSet<String>,
}

impl<'a> Visitor<'a> for Out<'_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) => {
                self.classes
                    .extend(self.holds.get(name.id.as_str()).into_iter().flatten().cloned());
            }
            Expr::Call(call) => {
                let function = last_name(&call.func).unwrap_or_default();
                if matches!(function.as_str(), "select" | "get" | "query") {
                    let mut named = Named::default();
                    for argument in &*call.arguments.args {
                        named.visit_expr(argument);
                    }
                    self.classes.extend(named.0);
                }
                self.classes.extend(constructor(call));
                walk_expr(self, expression);
            }
            _ => walk_expr(self, expression),
        }
    }
}
