//! Routers in lists and dictionaries: these go out of them. Whatever else stands there stays, and is named.

use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{Expr, ExprDict, ExprSubscript, Stmt, StmtFor};
use ruff_text_size::{Ranged, TextRange};

use super::layout::Holder;
use super::scopes::Meaning;
use super::walk::{Walk, taken_in};
use crate::python::{dotted, elements};

/// What holds the elements of a list, a set or a tuple.
pub(super) fn holder(list: &Expr) -> Holder {
    match list {
        Expr::Tuple(tuple) => Holder::Tuple(tuple.range, tuple.parenthesized),
        _ => Holder::Bracketed(list.range()),
    }
}

/// What a loop takes in of each module that it goes through, and does nothing else: `router` of
/// `for one in [agents, jobs]: app.include_router(one.router)`.
pub(super) fn taken_of_each(each: &StmtFor) -> Option<String> {
    let of_one = |statement: &Stmt| {
        let Stmt::Expr(alone) = statement else { return None };
        let child = taken_in(&alone.value)?;
        let (one, taken) = child.split_once('.')?;
        (dotted(&each.target)? == one).then(|| taken.to_owned())
    };
    let taken = of_one(each.body.first()?)?;
    each.body.iter().all(|statement| of_one(statement).as_ref() == Some(&taken)).then_some(taken)
}

impl<'a> Walk<'a> {
    pub(super) fn sequence(&mut self, list: &'a Expr) {
        let parts = elements(list).unwrap_or_default();
        let mut goes: Vec<bool> = parts.iter().map(|part| self.is_row(part)).collect();
        // In a tuple each place has a meaning, and an empty set can't be written.
        if self.is_fixed || list.is_tuple_expr() || (list.is_set_expr() && !goes.contains(&false)) {
            goes.fill(false);
        }
        let ranges: Vec<TextRange> = parts.iter().map(Ranged::range).collect();
        self.take(&ranges, &goes, holder(list));
        for (part, _) in parts.iter().zip(goes).filter(|(_, goes)| !goes) {
            // A row, whatever brackets it has.
            if matches!(part, Expr::List(_) | Expr::Set(_) | Expr::Dict(_)) {
                self.fixed(|walk| walk.visit_expr(part));
            } else {
                self.visit_expr(part);
            }
        }
    }

    pub(super) fn dictionary(&mut self, pairs: &'a ExprDict) {
        let range = |key: Option<&Expr>, value: &Expr| {
            self.layout.pair(key.map(Ranged::range), value.range(), pairs.range)
        };
        let ranges: Vec<TextRange> =
            pairs.items.iter().map(|pair| range(pair.key.as_ref(), &pair.value)).collect();
        let is_gone =
            |key: Option<&Expr>, value| !self.is_fixed && key.is_some() && self.is_row(value);
        let goes: Vec<bool> =
            pairs.items.iter().map(|pair| is_gone(pair.key.as_ref(), &pair.value)).collect();
        self.take(&ranges, &goes, Holder::Bracketed(pairs.range));
        for (pair, _) in pairs.items.iter().zip(goes).filter(|(_, goes)| !goes) {
            pair.key.iter().for_each(|key| self.visit_expr(key));
            self.visit_expr(&pair.value);
        }
    }

    pub(super) fn subscript(&mut self, taken: &'a ExprSubscript) {
        self.fixed(|walk| walk.visit_expr(&taken.value));
        self.type_arguments(taken);
    }

    /// A router that goes, or a tuple with one.
    fn is_row(&self, element: &Expr) -> bool {
        let parts = elements(element).filter(|_| element.is_tuple_expr());
        self.is_router(element)
            || parts.is_some_and(|parts| parts.iter().any(|it| self.is_router(it)))
    }

    fn is_router(&self, element: &Expr) -> bool {
        let is_one = |chain: &str| self.gone.routers.contains(chain);
        let of_each =
            |chain: &str| self.each.as_ref().is_some_and(|each| is_one(&format!("{chain}.{each}")));
        dotted(element).is_some_and(|chain| {
            (is_one(&chain) || of_each(&chain))
                && matches!(self.scopes.meaning(&chain, &self.gone.lost), Meaning::Gone(_))
        })
    }
}
