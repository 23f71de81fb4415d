//! What the names of a file stand for: texts, lists, other names, and what functions give back.
//!
//! Names have the functions and classes around them before them, each with a dot behind: `create_app.prefix`, `Settings.api_prefix`.
//! What a call gives is written as the call without its arguments: `make_router()`.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};

use super::text::Text;
use crate::python::{chain, dotted, elements};

/// Something in a list, or an argument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// Where it is a name, or a call of one.
    pub name: Option<String>,
    /// Where it may be a text.
    pub text: Text,
}

/// All of a file.
#[derive(Debug, Default)]
pub struct Bindings {
    /// Texts.
    pub texts: BTreeMap<String, Text>,
    /// Names that stand for another.
    pub same: BTreeMap<String, String>,
    /// Lists, tuples and dictionaries; each element in its parts (`(a, b)`, `a: b`), alone where it has none.
    pub lists: BTreeMap<String, Vec<Vec<Item>>>,
    /// What functions give back, as they name it inside.
    pub returned: BTreeMap<String, String>,
    /// The parameters of functions.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// Classes.
    pub classes: BTreeSet<String>,
}

/// Where in a file something stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// The functions and classes around, each with a dot behind.
    pub(super) path: String,
    /// The same up to the last class: where `self.` is.
    class: String,
}

impl Scope {
    pub(super) fn function(&self, name: &str) -> Self {
        Self { path: format!("{}{name}.", self.path), class: self.class.clone() }
    }

    pub(super) fn class(&self, name: &str) -> Self {
        let path = format!("{}{name}.", self.path);
        Self { class: path.clone(), path }
    }

    /// The full name of something that is assigned here.
    pub(super) fn name(&self, target: &str) -> String {
        let scope = if target.starts_with("self.") { &self.class } else { &self.path };
        format!("{scope}{target}")
    }
}

impl Item {
    /// Reads it.
    pub fn of(expression: &Expr) -> Self {
        Self { name: chain(expression), text: Text::of(expression) }
    }
}

/// The elements of a list that is written out, in their parts.
pub(super) fn list(expression: &Expr) -> Option<Vec<Vec<Item>>> {
    let parts = |element: &Expr| match elements(element) {
        Some(parts) => parts.iter().map(Item::of).collect(),
        None => vec![Item::of(element)],
    };
    match expression {
        Expr::Dict(pairs) => {
            let pairs =
                pairs.items.iter().filter_map(|pair| Some((pair.key.as_ref()?, &pair.value)));
            Some(pairs.map(|(key, value)| vec![Item::of(key), Item::of(value)]).collect())
        }
        _ => Some(elements(expression)?.iter().map(parts).collect()),
    }
}

/// Reads them.
pub fn of(body: &[Stmt]) -> Bindings {
    let mut walk = Walk { found: Bindings::default(), scope: Scope::default() };
    walk.visit_body(body);
    walk.found
}

struct Walk {
    found: Bindings,
    scope: Scope,
}

impl<'a> Visitor<'a> for Walk {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                self.function(function);
                let inner = self.scope.function(function.name.as_str());
                let outer = std::mem::replace(&mut self.scope, inner);
                self.visit_body(&function.body);
                self.scope = outer;
            }
            Stmt::ClassDef(class) => {
                self.found.classes.insert(self.scope.name(class.name.as_str()));
                let inner = self.scope.class(class.name.as_str());
                let outer = std::mem::replace(&mut self.scope, inner);
                self.visit_body(&class.body);
                self.scope = outer;
            }
            Stmt::Assign(assigned) => {
                for target in &assigned.targets {
                    self.assigned(target, &assigned.value);
                }
            }
            Stmt::AnnAssign(assigned) => {
                if let Some(value) = &assigned.value {
                    self.assigned(&assigned.target, value);
                }
            }
            Stmt::AugAssign(assigned) => self.extended(&assigned.target, list(&assigned.value)),
            Stmt::Expr(alone) => self.appended(&alone.value),
            Stmt::Return(returned) => {
                let name = returned.value.as_deref().and_then(chain);
                let function = self.scope.path.strip_suffix('.');
                if let (Some(name), Some(function)) = (name, function) {
                    self.found.returned.insert(function.to_owned(), name);
                }
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

impl Walk {
    fn function(&mut self, function: &StmtFunctionDef) {
        let names = function.parameters.iter().map(|one| one.name().to_string());
        let name = self.scope.name(function.name.as_str());
        self.found.parameters.insert(name, names.collect());
    }

    fn assigned(&mut self, target: &Expr, value: &Expr) {
        let Some(name) = dotted(target).map(|target| self.scope.name(&target)) else { return };
        if let Some(list) = list(value) {
            self.found.lists.insert(name, list);
            return;
        }
        let text = Text::of(value);
        if text.is_told() {
            self.found.texts.insert(name, text);
        } else if let Some(other) = chain(value) {
            self.found.same.insert(name, other);
        }
    }

    fn extended(&mut self, target: &Expr, more: Option<Vec<Vec<Item>>>) {
        let name = dotted(target).map(|target| self.scope.name(&target));
        if let Some(known) = name.and_then(|name| self.found.lists.get_mut(&name)) {
            known.extend(more.unwrap_or_default());
        }
    }

    /// `list.append(one)`, `list.extend([…])`.
    fn appended(&mut self, expression: &Expr) {
        let Expr::Call(call) = expression else { return };
        let Expr::Attribute(attribute) = &*call.func else { return };
        let Some(given) = call.arguments.args.first() else { return };
        match attribute.attr.as_str() {
            "append" => {
                let parts = elements(given);
                let one = parts.map_or_else(
                    || vec![Item::of(given)],
                    |parts| parts.iter().map(Item::of).collect(),
                );
                self.extended(&attribute.value, Some(vec![one]));
            }
            "extend" => self.extended(&attribute.value, list(given)),
            _ => {}
        }
    }
}
