//! Names in texts: in annotations and in what else reads a text as an expression.

use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{ExprCall, ExprStringLiteral, ExprSubscript};

use super::walk::Walk;
use crate::classes::last_name;
use crate::python::elements;

/// Types of Python that take others in brackets; all other such begin with a capital.
const GENERIC: &[&str] =
    &["dict", "frozenset", "list", "set", "tuple", "type", "defaultdict", "deque"];

/// Functions whose texts are names: of types, and of the mapped classes of `SQLAlchemy`.
const READERS: &[&str] =
    &["ForwardRef", "NewType", "Relationship", "TypeVar", "backref", "cast", "relationship"];

impl<'a> Walk<'a> {
    pub(super) fn text(&mut self, literal: &ExprStringLiteral) {
        if !self.is_type {
            return;
        }
        let is_part = |it: char| it.is_alphanumeric() || it == '_' || it == '.';
        for chain in literal.value.to_str().split(|it| !is_part(it)) {
            self.used(literal.range, chain.trim_matches('.'));
        }
    }

    pub(super) fn call(&mut self, call: &'a ExprCall) {
        self.visit_expr(&call.func);
        let reads = last_name(&call.func).is_some_and(|name| READERS.contains(&name.as_str()));
        self.as_type(reads, |walk| walk.visit_arguments(&call.arguments));
    }

    /// What stands in the brackets of `list["Agent"]`, and not of `found["agent"]`.
    pub(super) fn type_arguments(&mut self, taken: &'a ExprSubscript) {
        let name = last_name(&taken.value).unwrap_or_default();
        let is_class = name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
        let is_type = self.is_type || is_class || GENERIC.contains(&name.as_str());
        match (name.as_str(), elements(&taken.slice)) {
            ("Literal", _) => self.as_type(false, |walk| walk.visit_expr(&taken.slice)),
            ("Annotated", Some([first, more @ ..])) => {
                self.as_type(is_type, |walk| walk.visit_expr(first));
                self.as_type(false, |walk| more.iter().for_each(|it| walk.visit_expr(it)));
            }
            _ => self.as_type(is_type, |walk| walk.visit_expr(&taken.slice)),
        }
    }
}
