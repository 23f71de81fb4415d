//! `__all__`, however it is put together: the names that go, go out of it.

use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::literals::holder;
use super::walk::Walk;
use crate::python::{dotted, elements, text};

const EXPORTS: &str = "__all__";

impl<'a> Walk<'a> {
    /// Visits a statement that says what the module exports; `false` for any other.
    pub(super) fn exports(&mut self, statement: &'a Stmt) -> bool {
        if !self.scopes.is_module() {
            return false;
        }
        let is_it = |target: &Expr| dotted(target).is_some_and(|name| name == EXPORTS);
        match statement {
            Stmt::Assign(it) if it.targets.iter().any(is_it) => {
                self.exported(&it.value);
                it.targets.iter().for_each(|target| self.visit_expr(target));
            }
            Stmt::AnnAssign(it) if is_it(&it.target) => {
                self.visit_annotation(&it.annotation);
                it.value.iter().for_each(|value| self.exported(value));
            }
            Stmt::AugAssign(it) if is_it(&it.target) => self.exported(&it.value),
            Stmt::Expr(it) if method(&it.value).is_some() => self.exported(&it.value),
            _ => return false,
        }
        true
    }

    /// `__all__.append("run")` of a name that goes.
    pub(super) fn exports_what_goes(&self, expression: &Expr) -> bool {
        let Some(("append", call)) = method(expression) else { return false };
        self.scopes.is_module()
            && matches!(&call.arguments.args[..], [only] if text(only).is_some_and(|it| self.goes_out(it)))
    }

    /// What is exported: lists of texts, and what is made of them.
    fn exported(&mut self, value: &'a Expr) {
        match value {
            Expr::List(_) | Expr::Set(_) | Expr::Tuple(_) => self.exported_list(value),
            Expr::BinOp(both) => {
                self.exported(&both.left);
                self.exported(&both.right);
            }
            Expr::If(choice) => {
                self.visit_expr(&choice.test);
                self.exported(&choice.body);
                self.exported(&choice.orelse);
            }
            Expr::Call(call) => {
                self.visit_expr(&call.func);
                call.arguments.args.iter().for_each(|given| self.exported(given));
                call.arguments.keywords.iter().for_each(|given| self.visit_expr(&given.value));
            }
            Expr::StringLiteral(name) => {
                let name = name.value.to_str();
                if self.is_gone(name) {
                    self.left(value.range(), name.to_owned());
                }
            }
            _ => self.visit_expr(value),
        }
    }

    fn exported_list(&mut self, list: &'a Expr) {
        let parts = elements(list).unwrap_or_default();
        let ranges: Vec<TextRange> = parts.iter().map(Ranged::range).collect();
        let mut goes: Vec<bool> =
            parts.iter().map(|part| text(part).is_some_and(|name| self.goes_out(name))).collect();
        if list.is_set_expr() && !goes.contains(&false) {
            goes.fill(false);
        }
        self.take(&ranges, &goes, holder(list));
        let kept = parts.iter().zip(goes).filter(|(_, goes)| !goes);
        kept.for_each(|(part, _)| self.exported(part));
    }

    /// Whether nothing binds a name any more: what something else binds as well has to be looked at.
    fn goes_out(&self, name: &str) -> bool {
        self.is_gone(name) && !self.scopes.inner().is_some_and(|scope| scope.binds(name))
    }

    fn is_gone(&self, name: &str) -> bool {
        let is_lost = self.gone.lost.contains(name);
        is_lost || self.scopes.inner().is_some_and(|scope| scope.gone.contains(name))
    }
}

/// A method of `__all__` that is called, and the call.
fn method(expression: &Expr) -> Option<(&str, &ExprCall)> {
    let Expr::Call(call) = expression else { return None };
    let Expr::Attribute(attribute) = &*call.func else { return None };
    (dotted(&attribute.value)? == EXPORTS).then_some((attribute.attr.as_str(), call))
}
