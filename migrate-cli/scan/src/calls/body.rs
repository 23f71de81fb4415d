//! What a function does with what it will give back.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, ExprContext, Stmt};
use ruff_text_size::Ranged as _;

use super::{Call, call};
use crate::python::{Lines, dotted};

/// What a function does, without the functions in it.
#[derive(Default)]
pub(super) struct Body<'a> {
    returned: Vec<Option<&'a Expr>>,
    assigned: Vec<(&'a str, Option<&'a Expr>)>,
    pub(super) called: Vec<&'a ExprCall>,
    pub(super) yields: bool,
    /// Where it raises outside of an `except`.
    pub(super) raises: Vec<usize>,
    /// Conditions on which it does, each with its place.
    conditions: Vec<(usize, &'a Expr)>,
}

impl Body<'_> {
    /// The call whose answer it gives back, where that is all it gives back.
    pub(super) fn hands_over(&self, source: &str, lines: &Lines) -> Option<Call> {
        let [Some(returned)] = self.returned[..] else { return None };
        let made = match returned {
            Expr::Name(name) => {
                let mut assigned = self.assigned.iter().filter(|(to, _)| *to == name.id.as_str());
                match (assigned.next(), assigned.next()) {
                    (Some((_, value)), None) => (*value)?,
                    _ => return None,
                }
            }
            other => other,
        };
        match made {
            Expr::Await(awaited) => call(awaited.value.as_call_expr()?, source, lines),
            Expr::Call(made) => call(made, source, lines),
            _ => None,
        }
    }

    /// Where it looks at what it would give back, and raises instead.
    pub(super) fn withholds(&self) -> Option<usize> {
        let [Some(Expr::Name(answer))] = self.returned[..] else { return None };
        let looks = |condition: &Expr| {
            let mut names = Names::default();
            names.visit_expr(condition);
            names.0.contains(answer.id.as_str())
        };
        self.conditions.iter().find(|(_, condition)| looks(condition)).map(|(at, _)| *at)
    }
}

/// The names that an expression reads.
#[derive(Default)]
struct Names<'a>(BTreeSet<&'a str>);

impl<'a> Visitor<'a> for Names<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression {
            self.0.insert(name.id.as_str());
        }
        walk_expr(self, expression);
    }
}

/// Whether a function changes nothing of what it is given, and raises nothing because of it.
fn only_looks(function: &Expr) -> bool {
    let chain = dotted(function).unwrap_or_default();
    let logs = |of: &str| of.trim_start_matches('_').to_lowercase().starts_with("log");
    matches!(chain.as_str(), "bool" | "isinstance" | "len" | "print" | "repr" | "str" | "type")
        || chain.split_once('.').is_some_and(|(of, _)| logs(of))
}

impl<'a> Visitor<'a> for Body<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
            Stmt::Return(returned) => self.returned.push(returned.value.as_deref()),
            Stmt::Raise(raised) => self.raises.push(raised.start().to_usize()),
            Stmt::Assert(assured) => {
                self.raises.push(assured.start().to_usize());
                self.conditions.push((assured.start().to_usize(), &assured.test));
            }
            Stmt::If(branch) => {
                let tests = branch.elif_else_clauses.iter().filter_map(|it| it.test.as_ref());
                let tests: Vec<&Expr> = std::iter::once(&*branch.test).chain(tests).collect();
                return self.guarded(statement, &tests);
            }
            Stmt::While(turns) => return self.guarded(statement, &[&turns.test]),
            Stmt::Match(choice) => return self.guarded(statement, &[&choice.subject]),
            Stmt::Try(attempt) => {
                // What an `except` raises stands for another error, not for an answer.
                self.visit_body(&attempt.body);
                let (known, conditions) = (self.raises.len(), self.conditions.len());
                for handler in &attempt.handlers {
                    self.visit_except_handler(handler);
                }
                self.raises.truncate(known);
                self.conditions.truncate(conditions);
                self.visit_body(&attempt.orelse);
                return self.visit_body(&attempt.finalbody);
            }
            Stmt::Assign(assigned) => {
                if let [Expr::Name(name)] = &assigned.targets[..] {
                    self.assigned.push((name.id.as_str(), Some(&assigned.value)));
                    self.visit_expr(&assigned.value);
                    return;
                }
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Lambda(_) => return,
            Expr::Yield(_) | Expr::YieldFrom(_) => self.yields = true,
            Expr::Name(name) if name.ctx != ExprContext::Load => {
                self.assigned.push((name.id.as_str(), None));
            }
            // `answer["a"] = 1`, `answer.update(…)`: it gives back more than it was given.
            Expr::Subscript(changed) if changed.ctx != ExprContext::Load => {
                self.changed(&changed.value);
            }
            Expr::Attribute(changed) if changed.ctx != ExprContext::Load => {
                self.changed(&changed.value);
            }
            Expr::Call(made) => {
                self.called.push(made);
                if let Expr::Attribute(method) = &*made.func {
                    self.changed(&method.value);
                }
                if !only_looks(&made.func) {
                    self.handed(made);
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

impl<'a> Body<'a> {
    /// A statement that may raise on these conditions.
    fn guarded(&mut self, statement: &'a Stmt, conditions: &[&'a Expr]) {
        let known = self.raises.len();
        walk_stmt(self, statement);
        if let Some(at) = self.raises.get(known).copied() {
            self.conditions.extend(conditions.iter().map(|condition| (at, *condition)));
        }
    }

    /// Whoever gets an answer may change it, or raise because of it.
    fn handed(&mut self, call: &'a ExprCall) {
        let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
        for value in call.arguments.args.iter().chain(named) {
            self.changed(value);
        }
    }

    fn changed(&mut self, value: &'a Expr) {
        if let Expr::Name(name) = value {
            self.assigned.push((name.id.as_str(), None));
        }
    }
}
