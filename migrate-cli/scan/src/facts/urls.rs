//! Texts in code that may be the path of a request.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Operator, Stmt};

use crate::python::{Lines, text};

use super::bindings::Scope;
use super::text::Text;

/// A text with a slash in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// 1-based.
    pub line: usize,
    /// The functions and classes around, each with a dot behind.
    pub scope: String,
    /// The text.
    pub text: Text,
    /// The method of the request, where the call around it says so: `client.get(…)`.
    pub method: Option<String>,
}

/// Reads them. What declares routes is no request and left out, and so are docstrings.
pub fn of(body: &[Stmt], lines: &Lines) -> Vec<Url> {
    let mut walk = Walk { lines, found: Vec::new(), scope: Scope::default(), method: None };
    walk.visit_body(body);
    walk.found
}

struct Walk<'a> {
    lines: &'a Lines,
    found: Vec<Url>,
    scope: Scope,
    method: Option<String>,
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Expr(alone) if alone.value.is_string_literal_expr() => {}
            Stmt::FunctionDef(function) => {
                self.visit_parameters(&function.parameters);
                let inner = self.scope.function(function.name.as_str());
                let outer = std::mem::replace(&mut self.scope, inner);
                self.visit_body(&function.body);
                self.scope = outer;
            }
            Stmt::ClassDef(class) => {
                let inner = self.scope.class(class.name.as_str());
                let outer = std::mem::replace(&mut self.scope, inner);
                self.visit_body(&class.body);
                self.scope = outer;
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Call(call) => self.call(call),
            Expr::StringLiteral(literal) => self.add(literal.range.start().to_usize(), expression),
            Expr::FString(formatted) => {
                self.add(formatted.range.start().to_usize(), expression);
                // What is put in may be a request of its own.
                for part in formatted.value.elements() {
                    if let Some(inserted) = part.as_interpolation() {
                        self.visit_expr(&inserted.expression);
                    }
                }
            }
            Expr::BinOp(sum) if sum.op == Operator::Add => {
                self.add(sum.range.start().to_usize(), expression);
                for side in [&sum.left, &sum.right] {
                    let is_part = matches!(
                        &**side,
                        Expr::StringLiteral(_) | Expr::FString(_) | Expr::BinOp(_)
                    );
                    if !is_part {
                        self.visit_expr(side);
                    }
                }
            }
            _ => walk_expr(self, expression),
        }
    }
}

impl<'a> Walk<'a> {
    fn add(&mut self, offset: usize, expression: &Expr) {
        let text = Text::of(expression);
        if text.has('/') {
            let line = self.lines.at(offset);
            let scope = self.scope.path.clone();
            self.found.push(Url { line, scope, text, method: self.method.clone() });
        }
    }

    fn call(&mut self, call: &'a ExprCall) {
        self.visit_expr(&call.func);
        let function = crate::classes::last_name(&call.func).unwrap_or_default();
        if matches!(function.as_str(), "include_router" | "add_api_route" | "APIRouter") {
            return;
        }
        let outer = self.method.take();
        let arguments = &call.arguments;
        self.method = match function.as_str() {
            "get" | "post" | "put" | "delete" | "patch" | "head" | "options" => {
                Some(function.to_uppercase())
            }
            "request" | "stream" | "send" => {
                arguments.args.first().and_then(text).map(str::to_uppercase)
            }
            _ => None,
        };
        self.visit_arguments(arguments);
        self.method = outer;
    }
}
